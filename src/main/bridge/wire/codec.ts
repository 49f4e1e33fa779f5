// The FlatBuffers codec: what both halves of the bridge are given. encode.ts and decode.ts do the work.
import type { BridgeCodec } from "./codec-types.ts";
import { correlationIdOf, decodeAnswer, decodePublication, decodeRequest } from "./decode.ts";
import { encodeAnswer, encodePublication, encodeRequest } from "./encode.ts";

export const flatBuffersCodec: BridgeCodec = {
  encodeRequest, encodeAnswer, encodePublication, decodeRequest, decodeAnswer, decodePublication, correlationIdOf,
};
