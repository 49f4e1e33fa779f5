// Canonical output in one vocabulary for the deriving code, the journals, the bridge and the screen. Pure.
import type { Decimal } from "./decimal.ts";
import type { Instrument, SourceId } from "./market.ts";
import type { Interval } from "./time.ts";

/** Which bar: instrument, interval and bucket start (inclusive; the bucket is half-open). */
export interface BarKey extends Instrument {
  readonly interval: Interval;
  readonly openMs: number;
}

/** The same on screen, where the series may be a remote's. */
export interface ShownBarKey extends Omit<BarKey, "venue"> {
  readonly venue: SourceId;
}

/** A candle's numbers. All exact; sums are of market trades only. */
export interface BarValues {
  readonly open: Decimal;
  readonly high: Decimal;
  readonly low: Decimal;
  readonly close: Decimal;
  /** Base units. */
  readonly volume: Decimal;
  readonly quoteVolume: Decimal;
  readonly tradeCount: number;
  readonly takerBuyVolume: Decimal;
  readonly takerBuyQuoteVolume: Decimal;
}

/** Place of a trade in the fold's order (D10): event time, then the venue's id where ids have order, then ingest_seq. */
export interface FoldKey {
  readonly eventMs: number;
  /** First trade id; -1 where ids have no order. */
  readonly id: number;
  readonly ingestSeq: number;
}

/**
 * A maximal run of contributing messages of one stream, inclusive in its `ingest_seq`. `base` is the stream's leaf-chain
 * value before the run, `digest` the value after it: the chain is sha256(previous ‖ leaf) per message of the fold stream.
 */
export interface ProvenanceRun {
  readonly streamId: string;
  /** ingest_seq of the first and last message, both inclusive. */
  readonly fromIngestSeq: number;
  readonly toIngestSeq: number;
  /** Position of the first contributing event in the first message, and of the last one in the last message. */
  readonly fromPosition: number;
  readonly toPosition: number;
  /** Raw seq of the same two messages, to find them in the log. */
  readonly fromSeq: number;
  readonly toSeq: number;
  readonly base: string;
  readonly digest: string;
}

export type SealReason =
  /** A later trade of the fold's own stream moved the watermark past end + lateness. */
  | "watermark"
  /** Quiet market: a logged clock tick passed end + lateness. */
  | "clock_tick"
  | "end_of_input";

export type RevisionReason = "late_data" | "gap_backfill" | "source_correction" | "rebuild";

/** One version of one sealed bar. Versions are only ever added; revision 1 is the first sealing. */
export interface BarVersion {
  readonly key: BarKey;
  readonly revision: number;
  readonly reason: SealReason | RevisionReason;
  readonly values: BarValues;
  /** Where first and last trade stand in the fold's order, so that a late trade merges without refolding. */
  readonly firstKey: FoldKey;
  readonly lastKey: FoldKey;
  readonly provenance: readonly ProvenanceRun[];
  /** Messages of the fold stream in this bucket that do not contribute: duplicates, non-market, suppressed. Raw seqs, at most 64 listed. */
  readonly excluded: { readonly count: number; readonly seqs: readonly number[] };
  /** Contributing trades that came by REST backfill. */
  readonly backfilledTrades: number;
  /** Raw seq of the message that caused this version: what a replay cursor must have reached to see it. */
  readonly atSeq: number;
  /** sha256 (hex) of the canonical JSON of everything above except `atSeq` … see CANONICAL.md for the exact members. */
  readonly digest: string;
  /** For revisions: the digest before, and every member of `values` that changed, as exact text. */
  readonly previousDigest: string | undefined;
  readonly diff: readonly ValueDiff[];
}
export interface ValueDiff { readonly field: keyof BarValues; readonly before: string; readonly after: string }

/** The bar that is still open: same numbers, no version, no digest. */
export interface FormingBar {
  readonly key: BarKey;
  readonly values: BarValues;
  readonly lastSeq: number;
}

/**
 * Completeness of a bucket (D14). With trades: `proved` by id arithmetic over both edges; `likely` by cadence only;
 * `unprovable` (ids cannot prove it); `partial` (known part missing); `repaired` (complete thanks to backfill);
 * `unresolved` (a gap that retries could not fill). Without trades: `empty_proved`, `missing`, `GAP_UNRESOLVED`.
 */
export const GRADES = [
  "proved", "likely", "unprovable", "partial", "repaired", "unresolved", "empty_proved", "missing", "GAP_UNRESOLVED",
] as const;
export type Grade = (typeof GRADES)[number];

/** A transition in the grades journal: buckets [fromOpenMs, untilOpenMs) of one series have this grade from `atSeq` on. */
export interface GradeEntry extends Instrument {
  readonly interval: Interval;
  readonly fromOpenMs: number;
  readonly untilOpenMs: number;
  readonly grade: Grade;
  /** One short clause: `ids 5266583935…5266588012 contiguous over both edges`. */
  readonly why: string;
  /** Raw seqs that prove it. */
  readonly evidence: readonly number[];
  readonly atSeq: number;
}

export type GapState = "open" | "backfilling" | "repaired" | "partly_repaired" | "GAP_UNRESOLVED";
export type GapCause =
  | "id_hole" | "disconnect" | "downtime" | "host_slept" | "silent" | "first_frame_deadline" | "quarantine" | "conflict" | "lost_numbers" | "schedule"
  /** The venue's own candle of a minute counts trades that never came, where no ids tell. */
  | "venue_candle"
  /** Of a remote's series: sequences that its server no longer has. Said by the screen's side of the bridge only, never by a canonicalizer. */
  | "remote_hole";

/** One gap of one stream. `gapId` is stable: later entries with the same id replace the earlier state. */
export interface GapEntry {
  readonly gapId: string;
  readonly streamId: string;
  /** Exchange time of the last event before and the first after; the open end is undefined while the stream is down. */
  readonly fromMs: number;
  readonly toMs: number | undefined;
  /**
   * Receive time of the same two events, ns as decimal text; absent where there is none (nothing came before; not over yet). Where ids came
   * out of order the second may be the earlier one.
   */
  readonly fromRecvNs?: string | undefined;
  readonly toRecvNs?: string | undefined;
  /** Missing ids, both inclusive; undefined where no ids are known to be missing. */
  readonly fromId: number | undefined;
  readonly toId: number | undefined;
  /** Ids of the range that are still missing. */
  readonly missing: number | undefined;
  readonly cause: GapCause;
  readonly state: GapState;
  readonly attempts: number;
  readonly detail: string;
  readonly atSeq: number;
}

/** A late trade seen, before its revision closes: explicit metadata, never a silent change. */
export interface RevisionCandidate {
  readonly key: BarKey;
  readonly reason: RevisionReason;
  readonly trades: number;
  readonly atSeq: number;
}

/** A connection's story for the event lane: connects, disconnects, stalls, rotations, recoveries. */
export interface LaneEvent {
  readonly kind: string;
  readonly venue: string;
  readonly connection: string;
  readonly atMs: number;
  readonly detail: string;
  readonly atSeq: number;
}

/** One field in which a venue's candle and ours are not the same, as exact text. */
export interface ConfirmationDifference { readonly field: "open" | "high" | "low" | "close" | "volume" | "quoteVolume" | "tradeCount"; readonly ours: string; readonly venues: string }

/** A venue's own final candle held against one version of our bar. It never changes the bar; a later version is judged anew. */
export interface BarConfirmation {
  readonly key: BarKey;
  /** The version that was judged. */
  readonly revision: number;
  readonly result: "equal" | "differs";
  /** Empty when equal. Fields that the venue does not say, or says otherwise by rule, are not judged. */
  readonly fields: readonly ConfirmationDifference[];
  /** The venue's candle: its stream, and the raw seq of its message. */
  readonly streamId: string;
  readonly candleSeq: number;
  readonly atSeq: number;
}

/** Everything a canonicalizer says, in order. `atSeq` never decreases. */
export type CanonicalOutput =
  | { readonly kind: "bar"; readonly bar: BarVersion }
  | { readonly kind: "candidate"; readonly candidate: RevisionCandidate }
  | { readonly kind: "grade"; readonly grade: GradeEntry }
  | { readonly kind: "gap"; readonly gap: GapEntry }
  | { readonly kind: "lane"; readonly event: LaneEvent }
  | { readonly kind: "confirmation"; readonly confirmation: BarConfirmation }
  /** A stream's derived output failed closed (conflict, refusals) or was reopened. */
  | { readonly kind: "stream"; readonly streamId: string; readonly state: "failed_closed" | "reopened" | "refused"; readonly detail: string; readonly atSeq: number }
  /** A logged point at which artifacts of a finished UTC day may be cut. */
  | { readonly kind: "cut"; readonly instrument: Instrument; readonly date: string; readonly atSeq: number };
