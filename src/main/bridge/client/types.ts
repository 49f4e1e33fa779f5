// The client half's parts: one RemoteClient per server, one state machine per stream, a cache that outlives the process.
import type { Clock, Fault, Random, Timers } from "../../../shared/base.ts";
import type { BridgeForming, BridgeMode, BridgeBar, History, SequencedEntry, StreamKey } from "../model.ts";
import type { ClientTransport } from "../transport.ts";
import type { RefusalCode, StreamInfo } from "../wire/messages.ts";
import type { BridgeCodec } from "../wire/codec-types.ts";
import type { GapEntry, Grade } from "../../../shared/candles.ts";

// ── Cache ────────────────────────────────────────────────────────────────────

/**
 * Sequences that were never received and can no longer be had; inclusive. Shown as a hole, never forgotten silently.
 * `server_history`: the server kept nothing so old when this client first met it.
 */
export interface SequenceHole {
  readonly fromSequence: number;
  readonly toSequence: number;
  /** Buckets that may be touched, half-open: from behind the last bar known before the hole, until the first one after it. */
  readonly fromMs: number | undefined;
  readonly toMs: number | undefined;
  readonly why: RefusalCode | "server_history";
}

/** What the cache holds of one stream of one remote. */
export interface CachedStream {
  readonly key: StreamKey;
  readonly history: History;
  /** Everything up to here is in, except the holes. */
  readonly appliedSequence: number;
  readonly holes: readonly SequenceHole[];
  readonly bars: number;
}

/** The newest bars before `untilOpenMs`: from the first of them (from the beginning, when there are no older bars) up to there. */
export interface CachedWindow {
  /** Latest versions, ascending by openMs. */
  readonly bars: readonly CachedBar[];
  /** Grades of buckets without bars inside the window. */
  readonly empty: readonly { readonly fromOpenMs: number; readonly untilOpenMs: number; readonly grade: Grade }[];
  /** Gaps that touch the window, each as its last entry tells it, with that entry's `atSeq`. */
  readonly gaps: readonly GapEntry[];
  /** Corrections inside the window: every version with a revision above 1. */
  readonly corrections: readonly { readonly openMs: number; readonly revision: number; readonly reason: BridgeBar["reason"]; readonly sequence: number; readonly atSeq: number }[];
  /** There are older bars than these. */
  readonly moreBefore: boolean;
}
export interface CachedGrade {
  readonly grade: Grade;
  readonly why: string;
  readonly sequence: number;
  readonly atSeq: number;
}
/** In a window `grade` is the newest known of the bucket, with the bar or after it. */
export interface CachedBar extends BridgeBar {
  /** Of the entry that made this version. */
  readonly sequence: number;
  readonly atSeq: number;
}

/** What `apply` takes, of one of several streams. */
export interface CacheBatch {
  readonly key: StreamKey;
  readonly history: History;
  readonly entries: readonly SequencedEntry[];
}

/**
 * Keyed by (remote, stream). All methods run in the order of their calls. The cursor moves in the same transaction as the entries
 * and after them, so that whatever instant the process dies at, no sequence is skipped. Applying again what is in already changes nothing.
 */
export interface BridgeCache {
  /** Every stream known of a remote, also when its server is not there. */
  streams(remote: string): Promise<readonly CachedStream[]>;
  /** `bars`: at most so many. `untilOpenMs` is exclusive; undefined = up to the newest. A stream that is not known is empty. */
  window(remote: string, key: StreamKey, range: { readonly untilOpenMs: number | undefined; readonly bars: number }): Promise<CachedWindow>;
  /**
   * One transaction: entries (sequences contiguous from appliedSequence + 1), then the cursor. Throws `cache.out-of-order` otherwise, and
   * `cache.other-history` when the stream is held under another history. Entries at or before the cursor are left out.
   */
  apply(remote: string, key: StreamKey, history: History, entries: readonly SequencedEntry[]): Promise<void>;
  /** The same for several streams in one transaction: all or none. Twenty streams cost one fsync instead of twenty. */
  applyMany(remote: string, batches: readonly CacheBatch[]): Promise<void>;
  /** One transaction: the cursor jumps over what can no longer be had, and the hole is remembered. */
  skip(remote: string, key: StreamKey, history: History, hole: SequenceHole): Promise<void>;
  /** Forgets the stream (its history ended, or a person asked for a resync); the next `apply` begins at `history` and sequence 1. */
  reset(remote: string, key: StreamKey): Promise<void>;
  /** Every version of one bar, oldest first, for the inspector; each with the grade that came with it. */
  versions(remote: string, key: StreamKey, openMs: number): Promise<readonly CachedBar[]>;
  /** Every grade that one bucket had, oldest first. `why` is empty where the grade came with a bar. */
  gradeHistory(remote: string, key: StreamKey, openMs: number): Promise<readonly CachedGrade[]>;
  close(): Promise<void>;
}

// ── Client ───────────────────────────────────────────────────────────────────

/**
 * connecting → (link up) connected → warming (backfilling up to the live edge) → live ⇄ stale (no frame, no heartbeat);
 * link lost → reconnecting; history changed, notice or a person → resyncing → warming.
 */
export type StreamPhase = "connecting" | "connected" | "warming" | "live" | "stale" | "reconnecting" | "resyncing" | "refused";

export interface RemoteClientOptions {
  /** Stable name of the remote in the cache (its settings id). */
  readonly remote: string;
  readonly transport: ClientTransport;
  readonly codec: BridgeCodec;
  readonly cache: BridgeCache;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Jitter of reconnects only. */
  readonly random: Random;
  readonly listener: RemoteListener;
  readonly timing?: Partial<RemoteTiming>;
}

export interface RemoteTiming {
  readonly requestTimeoutMs: number;
  /** First and longest wait before a reconnect; doubled each time, with full jitter. */
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
  readonly reportMs: number;
  /** Stale after so many heartbeats without a frame. */
  readonly missedHeartbeats: number;
  /** A cached batch is written after so long at most; until then it is applied and shown, but its cursor is not moved. */
  readonly persistMs: number;
  /** The server's health is asked for so often: a request channel that went silent shows there. */
  readonly healthMs: number;
  /** Live entries of one stream that wait for backfill; more are let go and backfilled too. */
  readonly bufferEntriesMax: number;
}

export interface RemoteListener {
  onStatus(): void;
  /** In sequence order, each sequence once per history: what to show now. Already in memory, perhaps not yet in the cache. */
  onEntries(key: StreamKey, entries: readonly SequencedEntry[]): void;
  onForming(key: StreamKey, bar: BridgeForming): void;
  /** The stream begins anew (`reason` for people): forget what was shown of it. */
  onReset(key: StreamKey, reason: string): void;
  onHole(key: StreamKey, hole: SequenceHole): void;
  onProblem(problem: Fault): void;
}

/** One server as the app sees it. `createRemoteClient(options)` in remote-client.ts. */
export interface RemoteClient {
  readonly status: RemoteClientStatus;
  /** Reads what the cache knows and connects. */
  start(): Promise<void>;
  /** Keeps the stream up to date from here on; idempotent. Before `start` has read the cache it waits for that. */
  watch(key: StreamKey): void;
  unwatch(key: StreamKey): void;
  /** A person's resync: when the server answers, forgets the stream's cache and takes everything again (not before: offline nothing is lost). */
  resync(key: StreamKey, reason: string): void;
  /** Streams the server offers, as last listed (empty before). */
  readonly offered: readonly StreamInfo[];
  /**
   * Entries told to the listener that the cache does not hold yet, ascending: what a window read from the cache at this very
   * moment has to be completed with. A suffix of what was told; bounded, so that with a cache that cannot write the oldest leave.
   */
  unwritten(key: StreamKey): readonly SequencedEntry[];
  /** False while the cache holds a past that is over, or ends before what `unwritten` begins with: then it may not be shown with it. */
  continuesCache(key: StreamKey): boolean;
  /** What is known of a stream, watched or only cached: under which history its sequences count, and what is missing. */
  known(key: StreamKey): { readonly history: History; readonly holes: readonly SequenceHole[] } | undefined;
  /** Writes what is pending, then lets go. */
  close(): Promise<void>;
}

export interface RemoteClientStatus {
  readonly link: "connecting" | "connected" | "lost" | "refused";
  readonly detail: string;
  readonly serverVersion: string | undefined;
  readonly history: History | undefined;
  readonly mode: BridgeMode | undefined;
  readonly attempts: number;
  readonly malformed: number;
  readonly streams: readonly RemoteStreamStatus[];
}
export interface RemoteStreamStatus {
  readonly key: StreamKey;
  readonly phase: StreamPhase;
  readonly detail: string;
  readonly appliedSequence: number;
  readonly latestSequence: number;
  /** Receiving minus publishing of the last frame, ms, over two clocks. */
  readonly lagMs: number | undefined;
  readonly lastFrameMs: number | undefined;
  /** Entries of the live stream, those known already included. */
  readonly received: number;
  readonly duplicates: number;
  /** Sequence gaps seen in the live stream, and entries that backfill brought for them. */
  readonly gapsSeen: number;
  readonly backfilled: number;
  /** Why everything was last taken anew, in one line; undefined when it never was. */
  readonly lastResync: string | undefined;
  readonly holes: readonly SequenceHole[];
}
