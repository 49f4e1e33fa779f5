// One record's way from the log into a canonicalizer: find the stream's decoder, decode, apply. Used by all who derive.
import type { CarriedStreams } from "../../shared/carried.ts";
import type { DecodeOutcome, DecoderLookup } from "../../shared/market.ts";
import { CONTROL_STREAM, type RawRecord } from "../../shared/raw.ts";
import type { Canonicalizer } from "../canonical/types.ts";

const UNHANDLED: DecodeOutcome = Object.freeze({ kind: "ignored", why: "unhandled" });

export function isControl(record: RawRecord): boolean {
  return record.stream.streamId === CONTROL_STREAM.streamId;
}

/**
 * What the stream's decoder makes of the record; undefined for control records, which the canonicalizer reads itself. Every record of the log
 * once, in its order: `carried` is what the records before leave.
 */
export function decodeRecord(record: RawRecord, decoders: DecoderLookup, carried: CarriedStreams): DecodeOutcome | undefined {
  if (isControl(record)) return undefined;
  const decode = decoders(record.stream);
  if (decode === undefined) return UNHANDLED;
  return decode(record.payload, { stream: record.stream, source: record.source, recvNs: record.recvNs, carried: carried.of(record.stream) });
}

/** Decodes and applies one whole record. Returns the outcome, for those who count. */
export function applyRecord(canonicalizer: Canonicalizer, record: RawRecord, decoders: DecoderLookup, carried: CarriedStreams): DecodeOutcome | undefined {
  const outcome = decodeRecord(record, decoders, carried);
  canonicalizer.apply(record, outcome);
  return outcome;
}
