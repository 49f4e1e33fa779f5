// Where a server's live stream is, asked of the server itself: HealthResponse says the port, the host is the same.
import type { BridgeCodec } from "../wire/codec-types.ts";
import type { PortQuestion } from "./client-transport.ts";

const CORRELATION_ID = 1;

export function portQuestion(codec: BridgeCodec): PortQuestion {
  return {
    frame: codec.encodeRequest(CORRELATION_ID, { type: "health" }),
    portIn(answer) {
      const decoded = codec.decodeAnswer(answer);
      return decoded.ok && decoded.value.message.type === "health" ? decoded.value.message.pubPort : undefined;
    },
  };
}
