// What the parts of a canonicalizer share: where output goes, what hashes, and which message is being applied. Pure.
import type { Sha256 } from "../../shared/base.ts";
import type { CanonicalOutput } from "../../shared/candles.ts";
import type { BarHistory } from "./types.ts";

export interface Surroundings {
  readonly sha256: Sha256;
  readonly history: BarHistory;
  /** Output of the canonicalizer, in order. */
  readonly emit: (output: CanonicalOutput) => void;
}

/** Counters, one set per canonicalizer. Plain numbers, so that counting costs nothing. */
export interface Tally {
  records: number;
  events: number;
  duplicates: number;
  /** Of the duplicates: known ids that are no longer remembered, so their contents could not be compared. */
  unverified: number;
  conflicts: number;
  late: number;
  refused: number;
  unhandled: number;
  /** Trades outside candles by their nature: insurance fund, ADL, blocks. */
  nonMarket: number;
  /** Trades whose time cannot be true, or that a stream in a failed state could not take. */
  excluded: number;
  crossChecked: number;
  crossDisagreed: number;
}

export function emptyTally(): Tally {
  return { records: 0, events: 0, duplicates: 0, unverified: 0, conflicts: 0, late: 0, refused: 0, unhandled: 0, nonMarket: 0, excluded: 0, crossChecked: 0, crossDisagreed: 0 };
}
