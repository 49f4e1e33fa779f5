// What both halves ask of a codec, so that they can be tested with another one. codec.ts has the FlatBuffers one.
import type { Result } from "../../../shared/base.ts";
import type { Answer, Numbered, Publication, Request } from "./messages.ts";

export interface EncodeAnswerOptions {
  /** The asker said `accepts_zstd`: what is large may be compressed. */
  readonly acceptsZstd: boolean;
}

/**
 * Frames whole, both ways. Decoders never throw, whatever the bytes: they fail with `wire.malformed`, `wire.oversized`,
 * `wire.unexpected` (a payload that does not belong on this channel) or `wire.version` (another schema version: the message names
 * both). Correlation ids are safe integers ≥ 0; 0 = not asked for.
 */
export interface BridgeCodec {
  encodeRequest(correlationId: number, request: Request): Uint8Array;
  encodeAnswer(correlationId: number, answer: Answer, options: EncodeAnswerOptions): Uint8Array;
  encodePublication(publication: Publication): Uint8Array;
  decodeRequest(frame: Uint8Array): Result<Numbered<Request>>;
  decodeAnswer(frame: Uint8Array): Result<Numbered<Answer>>;
  decodePublication(frame: Uint8Array): Result<Publication>;
  /** Of a frame that could not be decoded: its correlation id where that much can be read, else undefined. */
  correlationIdOf(frame: Uint8Array): number | undefined;
}
