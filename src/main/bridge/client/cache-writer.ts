// Writes what was applied into the cache, behind the screen's back: many streams in one transaction, one write at a time, in the
// order in which it was told. A cache that fails costs the cursor, never the picture: what is not written is kept here, bounded.
import { type Clock, type Fault, FaultError, type Timers } from "../../../shared/base.ts";
import { streamName, type History, type SequencedEntry, type StreamKey } from "../model.ts";
import type { BridgeCache, SequenceHole } from "./types.ts";

export interface CacheWriterOptions {
  readonly remote: string;
  readonly cache: BridgeCache;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly persistMs: number;
  onProblem(problem: Fault): void;
  /** The cache cannot follow (true), or can again. */
  onPressure(key: StreamKey, isHigh: boolean): void;
  /** Of one stream's writing: failing, given up, well again. */
  onState(key: StreamKey): void;
}

type Write =
  | { readonly kind: "entries"; readonly history: History; readonly entries: SequencedEntry[] }
  | { readonly kind: "hole"; readonly history: History; readonly hole: SequenceHole }
  | { readonly kind: "reset" };

interface Lane {
  readonly key: StreamKey;
  queue: Write[];
  /** The first of the queue, while the cache has it in hand: it may not grow. */
  inHand: Write | undefined;
  pending: number;
  isHigh: boolean;
  /** Undefined while all is well. */
  fault: Fault | undefined;
  failures: number;
  retryAtMs: number;
  /** Given up until the stream begins anew: what follows in memory no longer follows what is in the cache. */
  isDetached: boolean;
  /** The cache and what is kept here do not make one past: a reset is not written yet, or something between is missing. */
  isApart: boolean;
}

/** So many entries are written at once without waiting for `persistMs`. */
const WRITE_AT_ENTRIES = 2_000;
/** Most entries of one stream in one transaction. */
const BATCH_ENTRIES_MAX = 5_000;
/** With so many unwritten, backfill pauses until half are written. */
const PRESSURE_ENTRIES = 10_000;
/** Beyond this a cache that cannot write is given up; what a screen can show is kept. */
const UNWRITTEN_MAX = 20_000;
const KEPT_WHEN_DETACHED = 8_000;
const RETRY_MS = 1_000;
const RETRY_MAX_MS = 30_000;
/** Faults that no retry heals: the cache holds something else than what is followed here. */
const LASTING = new Set(["cache.out-of-order", "cache.other-history"]);

export class CacheWriter {
  readonly #options: CacheWriterOptions;
  readonly #lanes = new Map<string, Lane>();
  #running: Promise<void> | undefined;
  #cancelTimer: (() => void) | undefined;
  #dueMs = Infinity;
  #isClosing = false;

  constructor(options: CacheWriterOptions) {
    this.#options = options;
  }

  entries(key: StreamKey, history: History, entries: readonly SequencedEntry[]): void {
    const lane = this.#lane(key);
    const last = lane.queue.at(-1);
    const room = last?.kind === "entries" && last !== lane.inHand && last.history.historyId === history.historyId && last.entries.length < BATCH_ENTRIES_MAX;
    if (room) for (const entry of entries) last.entries.push(entry);
    else lane.queue.push({ kind: "entries", history, entries: [...entries] });
    lane.pending += entries.length;
    this.#bound(lane);
    this.#measure(lane);
    this.#plan(lane.pending >= WRITE_AT_ENTRIES ? 0 : this.#options.persistMs);
  }

  hole(key: StreamKey, history: History, hole: SequenceHole): void {
    this.#lane(key).queue.push({ kind: "hole", history, hole });
    this.#plan(0);
  }

  /** What was not written yet need not be. */
  reset(key: StreamKey): void {
    const lane = this.#lane(key);
    lane.queue = [...(lane.inHand === undefined ? [] : [lane.inHand]), { kind: "reset" }];
    lane.pending = 0;
    lane.isDetached = false;
    lane.isApart = true;
    lane.fault = undefined;
    lane.failures = 0;
    lane.retryAtMs = 0;
    this.#measure(lane);
    this.#options.onState(key);
    this.#plan(0);
  }

  /** Told, but not (surely) in the cache; ascending. */
  unwritten(key: StreamKey): readonly SequencedEntry[] {
    const lane = this.#lanes.get(streamName(key));
    if (lane === undefined) return [];
    const begin = lane.queue.findLastIndex((write) => write.kind === "reset");
    return lane.queue.slice(begin + 1).flatMap((write) => (write.kind === "entries" ? write.entries : []));
  }

  continuesCache(key: StreamKey): boolean {
    return this.#lanes.get(streamName(key))?.isApart !== true;
  }

  /** For people: why the cache is behind, undefined when it is not. */
  trouble(key: StreamKey): string | undefined {
    const lane = this.#lanes.get(streamName(key));
    if (lane?.fault === undefined) return undefined;
    const what = `the cache cannot be written (${lane.fault.message})`;
    return lane.isDetached ? `${what}: shown from memory, fetched again after a restart or a resync` : `${what}: shown from memory, tried again`;
  }

  /** Writes what can be written, once more also what failed before. Afterwards nothing more is written. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    await this.#running;
    for (const lane of this.#lanes.values()) lane.retryAtMs = 0;
    await this.#run();
    for (const lane of this.#lanes.values()) {
      if (lane.pending === 0) continue;
      const message = `${streamName(lane.key)}: ${lane.pending} entries were not written to the cache; they are fetched again at the next start`;
      this.#options.onProblem({ code: "bridge.cache-behind", message });
    }
  }

  #lane(key: StreamKey): Lane {
    const name = streamName(key);
    let lane = this.#lanes.get(name);
    if (lane === undefined) {
      lane = { key, queue: [], inHand: undefined, pending: 0, isHigh: false, fault: undefined, failures: 0, retryAtMs: 0, isDetached: false, isApart: false };
      this.#lanes.set(name, lane);
    }
    return lane;
  }

  #bound(lane: Lane): void {
    if (!lane.isDetached && (lane.fault === undefined || lane.pending <= UNWRITTEN_MAX)) return;
    if (!lane.isDetached) this.#detach(lane);
    // Twice the bound, so that cutting costs little per entry.
    if (lane.pending > 2 * KEPT_WHEN_DETACHED) this.#keepNewest(lane);
  }

  #detach(lane: Lane): void {
    lane.isDetached = true;
    lane.isApart = true;
    this.#keepNewest(lane);
    this.#options.onState(lane.key);
  }

  #keepNewest(lane: Lane): void {
    const newest = this.unwritten(lane.key).slice(-KEPT_WHEN_DETACHED);
    const last = lane.queue.findLast((write) => write.kind === "entries");
    lane.queue = last === undefined ? [] : [{ kind: "entries", history: last.history, entries: [...newest] }];
    lane.pending = newest.length;
  }

  #measure(lane: Lane): void {
    // A cache that fails must not hold up the picture: only one that is slow does.
    const isHigh = lane.fault === undefined && (lane.isHigh ? lane.pending > PRESSURE_ENTRIES / 2 : lane.pending >= PRESSURE_ENTRIES);
    if (isHigh === lane.isHigh) return;
    lane.isHigh = isHigh;
    this.#options.onPressure(lane.key, isHigh);
  }

  #plan(delayMs: number): void {
    if (this.#isClosing || this.#running !== undefined) return;
    const nowMs = this.#options.clock.monotonicMs();
    if (this.#cancelTimer !== undefined && this.#dueMs <= nowMs + delayMs) return;
    this.#cancelTimer?.();
    this.#dueMs = nowMs + delayMs;
    this.#cancelTimer = this.#options.timers.after(delayMs, () => {
      this.#cancelTimer = undefined;
      this.#running = this.#run().finally(() => {
        this.#running = undefined;
        this.#planNext();
      });
    });
  }

  #planNext(): void {
    const nowMs = this.#options.clock.monotonicMs();
    let delayMs = Infinity;
    for (const lane of this.#lanes.values()) {
      if (lane.queue.length === 0 || lane.isDetached) continue;
      const urgent = lane.pending >= WRITE_AT_ENTRIES || lane.queue[0]?.kind !== "entries";
      delayMs = Math.min(delayMs, lane.fault === undefined ? (urgent ? 0 : this.#options.persistMs) : Math.max(0, lane.retryAtMs - nowMs));
    }
    if (delayMs < Infinity) this.#plan(delayMs);
  }

  /** Rounds until nothing is left that can be written now. */
  async #run(): Promise<void> {
    for (;;) {
      const nowMs = this.#options.clock.monotonicMs();
      const ready = [...this.#lanes.values()].filter((lane) => lane.queue.length > 0 && !lane.isDetached && lane.retryAtMs <= nowMs);
      if (ready.length === 0) return;
      for (const lane of ready) if (lane.queue[0]?.kind !== "entries") await this.#writeFirst(lane);
      const batches = ready.filter((lane) => lane.queue[0]?.kind === "entries" && lane.retryAtMs <= nowMs && !lane.isDetached);
      if (batches.length > 0) await this.#writeBatches(batches);
    }
  }

  async #writeBatches(lanes: readonly Lane[]): Promise<void> {
    const writes = lanes.flatMap((lane) => {
      const write = lane.queue[0];
      return write?.kind === "entries" ? [{ lane, write }] : [];
    });
    if (writes.length > 1) {
      for (const { lane, write } of writes) lane.inHand = write;
      try {
        await this.#options.cache.applyMany(this.#options.remote, writes.map(({ lane, write }) => ({ key: lane.key, history: write.history, entries: write.entries })));
        for (const { lane, write } of writes) this.#written(lane, write);
        return;
      } catch {
        // All or none: each alone says which of them cannot be written, and why.
        for (const { lane } of writes) lane.inHand = undefined;
      }
    }
    for (const { lane } of writes) await this.#writeFirst(lane);
  }

  async #writeFirst(lane: Lane): Promise<void> {
    const write = lane.queue[0];
    if (write === undefined) return;
    lane.inHand = write;
    const { cache, remote } = this.#options;
    try {
      if (write.kind === "reset") await cache.reset(remote, lane.key);
      else if (write.kind === "hole") await cache.skip(remote, lane.key, write.history, write.hole);
      else await cache.apply(remote, lane.key, write.history, write.entries);
      this.#written(lane, write);
    } catch (error) {
      this.#failed(lane, write, error instanceof FaultError ? error.fault : { code: "cache.failed", message: error instanceof Error ? error.message : String(error) });
    }
  }

  #written(lane: Lane, write: Write): void {
    lane.inHand = undefined;
    // Another reset may wait behind this one.
    if (write.kind === "reset" && !lane.isDetached) lane.isApart = lane.queue.lastIndexOf(write) !== lane.queue.findLastIndex(({ kind }) => kind === "reset");
    if (lane.queue[0] === write) {
      lane.queue.shift();
      // After a reset in between the count began anew without it.
      if (write.kind === "entries" && lane.queue[0]?.kind !== "reset") lane.pending -= write.entries.length;
    }
    lane.failures = 0;
    lane.retryAtMs = 0;
    if (lane.fault !== undefined && !lane.isDetached) {
      lane.fault = undefined;
      this.#options.onState(lane.key);
    }
    this.#measure(lane);
  }

  #failed(lane: Lane, write: Write, fault: Fault): void {
    lane.inHand = undefined;
    // What a reset has overtaken need not be tried again.
    if (lane.queue[1]?.kind === "reset" && lane.queue[0] === write) {
      lane.queue.shift();
      return;
    }
    const isFirst = lane.fault === undefined;
    lane.fault = fault;
    lane.retryAtMs = this.#isClosing ? Infinity : this.#options.clock.monotonicMs() + Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** lane.failures);
    lane.failures = Math.min(30, lane.failures + 1);
    if (LASTING.has(fault.code)) this.#detach(lane);
    if (isFirst) this.#options.onProblem({ code: "bridge.cache", message: `${this.#options.remote} ${streamName(lane.key)}: ${this.trouble(lane.key) ?? ""}`, details: { fault: fault.code } });
    this.#bound(lane);
    this.#measure(lane);
    this.#options.onState(lane.key);
  }
}
