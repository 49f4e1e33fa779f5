// A clock that only moves when told to, with its timers: for tests and for the simulator. Same seed, same order: timers run
// by (time, id), so a run never depends on the machine's speed.
import type { Clock, Timers } from "../../shared/base.ts";

interface Entry {
  readonly atMs: number;
  readonly id: number;
  readonly run: () => void;
  cancelled: boolean;
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.atMs !== b.atMs ? a.atMs < b.atMs : a.id < b.id;
}

/** Lets everything that waits on promises run. A turn of the event loop, not a sleep: it takes microseconds. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export class VirtualClock implements Clock, Timers {
  #nowMs = 0;
  #wallOffsetNs: bigint;
  #nextId = 0;
  readonly #heap: Entry[] = [];

  /** `startMs`: epoch ms that the wall clock shows at the start. */
  constructor(startMs: number) {
    this.#wallOffsetNs = BigInt(startMs) * 1_000_000n;
  }

  wallNs(): bigint {
    return this.#wallOffsetNs + BigInt(Math.round(this.#nowMs * 1e6));
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const entry: Entry = { atMs: this.#nowMs + Math.max(0, delayMs), id: (this.#nextId += 1), run, cancelled: false };
    this.#push(entry);
    return () => {
      entry.cancelled = true;
    };
  }

  /** The wall clock jumps (NTP step, host sleep); monotonic time does not notice. */
  stepWall(ms: number): void {
    this.#wallOffsetNs += BigInt(Math.round(ms * 1e6));
  }

  /** Timers that wait, cancelled ones left out. */
  get pending(): number {
    return this.#heap.reduce((count, entry) => (entry.cancelled ? count : count + 1), 0);
  }

  /** Runs every timer that is due within `ms`, in order, without a turn of the event loop: for code that is wholly synchronous. */
  advanceNow(ms: number): void {
    const untilMs = this.#nowMs + ms;
    while (this.#runNext(untilMs));
    this.#nowMs = untilMs;
  }

  /** Like advanceNow, with a turn of the event loop after each timer so that promises keep up. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settle();
    while (this.#runNext(untilMs)) await settle();
    this.#nowMs = untilMs;
    await settle();
  }

  /** Runs until no timer waits or `limitMs` of virtual time have passed; answers whether it became idle. */
  async runUntilIdle(limitMs: number): Promise<boolean> {
    const untilMs = this.#nowMs + limitMs;
    await settle();
    while (this.#runNext(untilMs)) await settle();
    return this.pending === 0;
  }

  #runNext(untilMs: number): boolean {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || first.atMs > untilMs) return false;
      this.#pop();
      if (first.cancelled) continue;
      this.#nowMs = Math.max(this.#nowMs, first.atMs);
      first.run();
      return true;
    }
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(entry);
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = heap[parentIndex];
      if (parent === undefined || !isBefore(entry, parent)) break;
      heap[index] = parent;
      index = parentIndex;
    }
    heap[index] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      const left = heap[child];
      if (left === undefined) break;
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, left)) child += 1;
      const smaller = heap[child];
      if (smaller === undefined || !isBefore(smaller, last)) break;
      heap[index] = smaller;
      index = child;
    }
    heap[index] = last;
  }
}
