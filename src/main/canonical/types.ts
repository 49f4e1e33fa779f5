// What drives a canonicalizer and what it needs: configuration, hashing, the history of bar versions. Pure.
import type { Sha256 } from "../../shared/base.ts";
import type { BarKey, BarVersion, CanonicalOutput, FormingBar, GapEntry, Grade } from "../../shared/candles.ts";
import type { DecodeOutcome, Instrument } from "../../shared/market.ts";
import type { RawRecord } from "../../shared/raw.ts";
import type { Interval } from "../../shared/time.ts";

/** Changes whenever the same log could give other bytes. Refs and certificates are keyed by it. */
export const CANONICALIZER_VERSION = "3";

export interface CanonicalizerOptions {
  readonly sha256: Sha256;
  readonly history: BarHistory;
  /** Only these instruments are folded; undefined = all. The log's own `config` record says the rest. */
  readonly instruments?: readonly Instrument[];
  /** Only these intervals; undefined = those of the log's configuration. A view may ask for fewer; artifacts never do. */
  readonly intervals?: readonly Interval[];
}

/**
 * Versions of sealed bars, as far as the canonicalizer has come. A late trade merges into the latest version, so the
 * canonicalizer keeps no trades. Replaying a stretch again appends the same versions again: a history that remembers
 * them asserts that the digest is equal (a free proof of determinism).
 */
export interface BarHistory {
  latest(key: BarKey): BarVersion | undefined;
  append(version: BarVersion): void;
}

/** Opaque, immutable, cheap to take (structure is shared) and valid for the canonicalizer configuration that made it. */
export interface CanonicalSnapshot {
  readonly position: number;
}

/** A gap as it stands now, whenever that was journaled. */
export type UnsettledGap = Omit<GapEntry, "atSeq">;

/** Closed: output depends on the records applied, in order, and on nothing else. */
export interface Canonicalizer {
  /** Raw seq of the last record applied, 0 at the start. */
  readonly position: number;
  /**
   * Applies one record: all of its events, or those at positions [from, until) so that a replay can stand between two
   * events of one message. Records must come in rising seq, events in order; anything else throws `canonical.out-of-order`.
   * Control records are decoded inside (outcome undefined).
   */
  apply(record: RawRecord, outcome: DecodeOutcome | undefined, range?: { readonly from: number; readonly until: number }): void;
  /** Output since the last call, in order. */
  drain(): readonly CanonicalOutput[];
  /** Open (unsealed) bars of a series, oldest first; the last one is the forming bar. */
  open(instrument: Instrument, interval: Interval): readonly FormingBar[];
  /** What an open bar is made of so far; undefined when the bucket is not open or has no trades. */
  openContents(key: BarKey): OpenBarContents | undefined;
  /** The grade a bucket has now, sealed or not; undefined before anything is known of it. */
  gradeOf(key: BarKey): { readonly grade: Grade; readonly why: string } | undefined;
  /** Gaps that are not repaired, each stream's oldest first: those that the settling of later records can still change. */
  readonly unsettledGaps: readonly UnsettledGap[];
  /** How each fold stream stands, for the health panel. */
  readonly folds: readonly FoldStanding[];
  /** Counters for the screen and the command line. */
  readonly counts: CanonicalCounts;
  snapshot(): CanonicalSnapshot;
  restore(snapshot: CanonicalSnapshot): void;
  /** sha256 (hex) of the whole state in canonical form: equal states, equal digests. */
  digest(): string;
  /** For disk checkpoints of the deriver. `load` refuses another version's bytes. */
  save(): Uint8Array;
  load(bytes: Uint8Array): void;
}

export interface FoldStanding {
  readonly streamId: string;
  /** Buckets that end at or before this event time are sealed. Undefined before the first trade or tick. */
  readonly sealedMs: number | undefined;
  /** Gaps not repaired: those that may still be, and those that were given up. */
  readonly gapsOpen: number;
  readonly gapsUnresolved: number;
}

export type OpenBarContents = Pick<BarVersion, "provenance" | "excluded">;

export interface CanonicalCounts {
  readonly records: number;
  readonly events: number;
  readonly duplicates: number;
  /** Of the duplicates: ids known, contents no longer remembered, so that they could not be compared. */
  readonly unverified: number;
  readonly conflicts: number;
  readonly late: number;
  /** Out of contract: bytes that a decoder refused, control records that could not be read. */
  readonly refused: number;
  /** Data that no decoder reads (depth …). Answers to requests are none. */
  readonly unhandled: number;
  /** Trades that are no market trades: kept, outside candles. */
  readonly nonMarket: number;
  /** Trades left out otherwise: implausible time, stream failed closed, aggregate whose parts are no longer remembered. */
  readonly excluded: number;
  /** Aggregated trades compared with the single trades of the instrument's other stream, and how many of them disagreed. */
  readonly crossChecked: number;
  readonly crossDisagreed: number;
  readonly gapsOpen: number;
}
