// One recorded HTTP exchange per line, as test suites keep them: address, status, when it was recorded, and the body as received.
import { z } from "zod";
import type { ForeignItem, Place } from "./foreign.ts";

const exchangeSchema = z.object({ url: z.url({ protocol: /^https?$/ }).max(4_096), status: z.number().int(), recorded_at: z.string().max(64), body: z.string() });
const HEAD = Buffer.from('{"url":', "latin1");

/** The answer as a message, received when it was recorded (whole seconds). Undefined: the line is something else. */
export function readRecordedExchange(line: Buffer, place: Place): ForeignItem | undefined {
  if (!line.subarray(0, HEAD.length).equals(HEAD)) return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(line.toString("utf8"));
  } catch {
    return undefined; // Some venue's message then, and broken: kept as it is.
  }
  const exchange = exchangeSchema.safeParse(parsed);
  const recordedMs = exchange.success ? Date.parse(exchange.data.recorded_at) : Number.NaN;
  if (!exchange.success || Number.isNaN(recordedMs)) return undefined;
  return {
    kind: "message", recvNs: BigInt(recordedMs) * 1_000_000n, connection: `import.${place.fileNumber}`, source: "rest_poll", url: exchange.data.url,
    payload: Buffer.from(exchange.data.body, "utf8"),
  };
}
