// The server half's parts: where entries come from (Feed), where they get their number (SequenceJournal), who serves them (BridgeServer).
import type { Clock, Fault, StopSignal, Timers } from "../../../shared/base.ts";
import type { BridgeForming, BridgeMode, Entry, History, SequencedEntry, StreamKey } from "../model.ts";
import type { ServerTransport } from "../transport.ts";
import type { BridgeCodec } from "../wire/codec-types.ts";

/**
 * Where an entry stands in its feed: (seq of the record that caused it, index among the entries of that record and stream).
 * Same log, same configuration, same version: same places. So a restarted server goes on exactly behind what its journal holds.
 */
export interface FeedPlace {
  readonly seq: number;
  readonly index: number;
}

export interface FeedItem {
  readonly key: StreamKey;
  readonly place: FeedPlace;
  readonly entry: Entry;
}

/** A source of canonical entries: a capture that is being recorded, a replay, a fixture. Whoever opens it closes it. */
export interface Feed {
  readonly history: History;
  /**
   * Batches in feed order: `place.seq` never falls from one item to the next. Every item with `place.seq >= from.seq` is among them
   * (inclusive: of that record some streams may have their entry and others not); earlier ones may be. The server drops what its
   * journal has already, per stream. `from.seq` 0 = everything. Ends when a finite feed is at its end or when `stop` is aborted; waits
   * when more may come; at most FEED_BATCH_MAX items at once. Rejects with a FaultError when the source cannot go on.
   */
  batches(from: FeedPlace, stop: StopSignal): AsyncIterable<readonly FeedItem[]>;
  /** The newest open bar of a stream, as often as the source likes; the server conflates. */
  onForming(listener: (key: StreamKey, bar: BridgeForming) => void): void;
  /** Streams that the source will have, as far as it knows, so that subscribing does not wait for the first bar. */
  readonly streams: readonly StreamKey[];
  close(): Promise<void>;
}

export const FEED_BATCH_MAX = 1_000;

/**
 * The durable sequence of one stream. `append` gives numbers; nothing is published before `sync` has resolved. Entries are read
 * back by sequence; retention drops the oldest.
 */
export interface SequenceJournals {
  /** What the sequences count. Differs from the feed's where an earlier journal was found damaged: by runId and so by historyId. */
  readonly history: History;
  /** What was found on opening: a history moved aside because it was damaged, torn tails that were cut. For people. */
  readonly notes: readonly Fault[];
  readonly streams: readonly StreamKey[];
  state(key: StreamKey): StreamState | undefined;
  /** A stream begins when it is first opened or appended to. */
  open(key: StreamKey): StreamState;
  /**
   * Numbers the entry; durable after the next `sync`. Returns undefined when `place` is not beyond the stream's last one. Throws
   * `bridge.feed-order` when the feed goes backwards, `bridge.entry-refused` for what cannot be kept, and the fault that halted it.
   */
  append(item: FeedItem): SequencedEntry | undefined;
  /** fsyncs what was touched since the last one. A failure halts for good: what was not synced is as if it had never been appended. */
  sync(): Promise<void>;
  /** Entries with sequence > `after`, ascending, at most `limit`, durable ones only. Empty when there are none; throws `bridge.retention` below first. */
  read(key: StreamKey, after: number, limit: number): Promise<readonly SequencedEntry[]>;
  /** Where the feed goes on: everything before this record is durable in every stream; of the record itself only perhaps. */
  readonly resumeFrom: FeedPlace;
  close(): Promise<void>;
}

export interface StreamState {
  /** Oldest kept; latest + 1 when none is. */
  readonly firstSequence: number;
  /** Durable; 0 when there is none. */
  readonly latestSequence: number;
  /** Newest bucket that has a bar; 0 when none has. */
  readonly latestMs: number;
  readonly lastPlace: FeedPlace;
}

export interface Retention {
  /** Entries kept per stream, at least; whole segments are dropped. */
  readonly entries: number;
  /** Undefined = no limit by age of the entry's file. */
  readonly ageMs: number | undefined;
}

export interface BridgeServerOptions {
  readonly feed: Feed;
  readonly journals: SequenceJournals;
  readonly transport: ServerTransport;
  readonly codec: BridgeCodec;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly version: string;
  readonly pubPort: number;
  readonly heartbeatMs: number;
  /** Forming bars of a stream are at least this far apart. */
  readonly formingMs: number;
  readonly limits: ServerLimits;
  onProblem(problem: Fault): void;
  /** Clients that the transport's security turned away so far. */
  readonly rejectedHandshakes?: () => number;
}

export interface ServerLimits {
  readonly clientsMax: number;
  /** Requests a client may make per second (token bucket, with as many in store). */
  readonly requestsPerSecond: number;
  /** Backfilled entries a client may be sent per second. */
  readonly entriesPerSecond: number;
  /** A client that reports itself further behind than this is told to resync. */
  readonly behindEntriesMax: number;
  /** A client that says nothing for so long is forgotten. */
  readonly silentMs: number;
  /** Requests that wait for their answer, over all clients; more are refused BUSY. */
  readonly waitingMax: number;
}

/** Counters since the start, for /metrics and the screen. */
export interface ServerStatus {
  readonly history: History;
  readonly mode: BridgeMode;
  readonly status: "GREEN" | "AMBER" | "RED";
  readonly detail: string;
  readonly clients: readonly ClientStatus[];
  readonly streams: readonly ServedStream[];
  readonly malformed: number;
  readonly oversized: number;
  readonly refused: number;
  readonly backfillBytes: number;
  readonly backfillEntries: number;
  readonly unsent: number;
  /** Wrong keys, as counted by the transport's security. */
  readonly rejectedHandshakes: number;
}
export interface ClientStatus {
  readonly id: string;
  readonly lastHeardMs: number;
  readonly requests: number;
  readonly refused: number;
  /** Furthest behind of its streams, in entries, by its own report. */
  readonly behind: number;
  readonly resyncsAdvised: number;
}
export interface ServedStream {
  readonly key: StreamKey;
  readonly latestSequence: number;
  readonly firstSequence: number;
  readonly published: number;
  readonly conflated: number;
  /** Entries per second over the last seconds. */
  readonly rate: number;
  /** Publishing minus knowing, ms; undefined before the first. */
  readonly lagMs: number | undefined;
}

/**
 * The server half without sockets, files or clocks of its own. `createBridgeServer(options)` in bridge-server.ts. Feed, journals and
 * transport stay their openers': close the server first, then those.
 */
export interface BridgeServer {
  readonly status: ServerStatus;
  /**
   * Resolves when the feed has ended and everything is published (or on `close`); rejects with the feed's or the journal's fault, and
   * then nothing is published any more, heartbeats included, so that clients see a stale stream. Requests are served until `close`.
   */
  readonly fed: Promise<void>;
  close(): Promise<void>;
}
