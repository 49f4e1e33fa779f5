// How often the venues' lists of instruments are asked for, under which channel they are recorded, and what they are to whoever reads the log.
import type { Decode, DecodeOutcome } from "../../shared/market.ts";
import type { InstrumentMetadata } from "./adapter.ts";

export const METADATA_CHANNEL = "instruments";
/** A listing changes a few times a year; a delisting is announced days before. */
export const METADATA_EVERY_MS = 3_600_000;
/** At the start: sizes may depend on it. */
export const METADATA_FIRST_MS = 500;

const STATE_ONLY: DecodeOutcome = Object.freeze({ kind: "ignored", why: "state-only" });
const BYTES_MAX = 10 * 1024 * 1024;

/** A list tells no event; one that cannot be read is refused, so that a changed format shows. For venues whose sizes are base units already. */
export function metadataDecoder(read: InstrumentMetadata["read"]): Decode {
  return (payload, { stream }) => {
    if (payload.length > BYTES_MAX) return { kind: "refused", code: "too-large", detail: `${stream.streamId}: ${payload.length} bytes` };
    const list = read(payload);
    return list.ok ? STATE_ONLY : { kind: "refused", code: "wrong-shape", detail: `${stream.streamId}: ${list.fault.message}` };
  };
}
