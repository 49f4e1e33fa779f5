// Real time: a wall clock that runs on the monotonic one between re-anchorings, and real timers.
import type { Clock, Timers } from "../../shared/base.ts";

const NS_PER_MS = 1_000_000n;
/** How often the system's wall clock is looked at. */
const CHECK_EVERY_NS = 50n * NS_PER_MS;
/** Beyond this the system clock was stepped (or the host slept): take its word. Below it is only the reading's coarseness. */
const STEP_NS = 20n * NS_PER_MS;

export interface TimeSources {
  readonly monotonicNs: () => bigint;
  readonly systemMs: () => number;
}
const NODE_SOURCES: TimeSources = { monotonicNs: () => process.hrtime.bigint(), systemMs: () => Date.now() };

/**
 * Wall time with the monotonic clock's resolution: messages of one millisecond keep their order and distance. When the
 * system clock jumps away, the next look re-anchors, so that `wallNs` jumps while `monotonicMs` does not: exactly what
 * jump detection compares (venues/clock-jump.ts).
 */
export class NodeClock implements Clock {
  readonly #sources: TimeSources;
  #anchorWallNs: bigint;
  #anchorMonotonicNs: bigint;
  #checkedNs: bigint;

  constructor(sources: TimeSources = NODE_SOURCES) {
    this.#sources = sources;
    this.#anchorMonotonicNs = sources.monotonicNs();
    this.#anchorWallNs = BigInt(sources.systemMs()) * NS_PER_MS;
    this.#checkedNs = this.#anchorMonotonicNs;
  }

  wallNs(): bigint {
    const now = this.#sources.monotonicNs();
    const wall = this.#anchorWallNs + (now - this.#anchorMonotonicNs);
    if (now - this.#checkedNs < CHECK_EVERY_NS) return wall;
    this.#checkedNs = now;
    const system = BigInt(this.#sources.systemMs()) * NS_PER_MS;
    const apart = system - wall;
    if (apart < STEP_NS && apart > -STEP_NS) return wall;
    this.#anchorWallNs = system;
    this.#anchorMonotonicNs = now;
    return system;
  }

  monotonicMs(): number {
    return Number(this.#sources.monotonicNs() / 1_000n) / 1_000;
  }
}

/** Longest delay that setTimeout takes; beyond it fires at once. */
const TIMEOUT_MS_MAX = 2_147_483_647;

export const nodeTimers: Timers = {
  after(delayMs, run) {
    const timer = setTimeout(run, Math.min(Math.max(0, delayMs), TIMEOUT_MS_MAX));
    return () => {
      clearTimeout(timer);
    };
  },
};
