// The bridge in domain words: streams, histories, sequenced entries. Neither FlatBuffers nor sockets are known here.
import type { BarValues, GapCause, GapState, Grade, RevisionReason, SealReason } from "../../shared/candles.ts";
import type { Interval } from "../../shared/time.ts";

/** Which feed: sequences run per key. `sourceId` is the venue id here; a foreign server may say what it likes (`IBKR`). */
export interface StreamKey {
  readonly sourceId: string;
  readonly symbol: string;
  readonly interval: Interval;
}

/** `sourceId` obeys shared/market's SOURCE_ID: no dot, so that a topic can be taken apart from both ends. */
export const BRIDGE_SYMBOL = /^[A-Za-z0-9_.-]{1,64}$/;

/** `sim.BTCUSDT.1m`: key of maps, tail of topics, file name of journals. */
export function streamName(key: StreamKey): string {
  return `${key.sourceId}.${key.symbol}.${key.interval}`;
}

export type BridgeMode = "live" | "replay" | "simulated";

/** Which past the sequences count (D19). `historyId` = sha256 (hex) of the canonical JSON of the other members. */
export interface History {
  readonly historyId: string;
  readonly mode: BridgeMode;
  /** Capture id and when it began, or the digest of a fixture: what is being told. */
  readonly lineage: string;
  readonly configDigest: string;
  readonly canonicalizerVersion: string;
  /** Of a replay or a damaged journal begun anew; empty otherwise. */
  readonly runId: string;
}

/** A bar as the bridge carries it: exact numbers, its version and its grade when it was sequenced. */
export interface BridgeBar {
  readonly openMs: number;
  readonly values: BarValues;
  /** 1 = sealed, more = a correction. */
  readonly revision: number;
  readonly reason: SealReason | RevisionReason;
  /** sha256 (hex) of the bar version; undefined where the source has none (CSV). */
  readonly digest: string | undefined;
  readonly grade: Grade | undefined;
}

export interface BridgeGap {
  readonly gapId: string;
  readonly streamId: string;
  readonly fromMs: number;
  readonly toMs: number | undefined;
  readonly fromId: number | undefined;
  readonly toId: number | undefined;
  readonly missing: number | undefined;
  readonly cause: GapCause;
  readonly state: GapState;
  readonly attempts: number;
  readonly detail: string;
}

/** What takes a sequence. Marks (grade, gap) are sequenced with the bars, so that losing one is noticed like losing a bar. */
export type EntryContent =
  | { readonly kind: "bar"; readonly bar: BridgeBar }
  /** Buckets [fromOpenMs, untilOpenMs), with or without trades, have this grade from here on. */
  | { readonly kind: "grade"; readonly fromOpenMs: number; readonly untilOpenMs: number; readonly grade: Grade; readonly why: string }
  | { readonly kind: "gap"; readonly gap: BridgeGap };

/** Where and when the entry came to be in the server's log; 0 where the source has neither. */
export interface EntryOrigin {
  readonly atSeq: number;
  readonly knownNs: bigint;
}

export type Entry = EntryContent & EntryOrigin;
/** Sequences of one stream: 1, 2, 3 … */
export type SequencedEntry = Entry & { readonly sequence: number };

/** The bar that is still open. Never sequenced, never kept. */
export interface BridgeForming {
  readonly openMs: number;
  readonly values: BarValues;
  readonly atSeq: number;
  readonly knownNs: bigint;
}

/** `ts` of an entry on the wire: the bucket, or where a mark begins. */
export function entryMs(entry: EntryContent): number {
  if (entry.kind === "bar") return entry.bar.openMs;
  return entry.kind === "grade" ? entry.fromOpenMs : entry.gap.fromMs;
}
