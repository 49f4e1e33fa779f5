// Percentiles of a latency over the last minute in memory that never grows: counts in log-linear buckets, in six slices of
// ten seconds. Time is given in, never read. Pure.
import type { LatencyPercentiles } from "../../shared/protocol/health.ts";
import { BUCKETS, MICROSECONDS_MAX, bucketOf, middleOf } from "./log-linear.ts";

const SLICES = 6;
const SLICE_MS = 10_000;

/** Counts of one sign, per slice and in all. */
class Side {
  readonly total = new Uint32Array(BUCKETS);
  readonly #slices = Array.from({ length: SLICES }, () => new Uint32Array(BUCKETS));

  add(bucket: number, slice: number): void {
    this.total[bucket] = (this.total[bucket] ?? 0) + 1;
    const counts = this.#slices[slice];
    if (counts !== undefined) counts[bucket] = (counts[bucket] ?? 0) + 1;
  }

  clear(slice: number): void {
    const counts = this.#slices[slice];
    if (counts === undefined) return;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) this.total[bucket] = (this.total[bucket] ?? 0) - (counts[bucket] ?? 0);
    counts.fill(0);
  }
}

/**
 * Covers the 50 to 60 seconds before the latest moment it was told. Quantiles are by nearest rank (the smallest value that at
 * least q of the values do not exceed) and at most 1/32 or half a microsecond off; `max` and `count` are exact.
 * Values beyond ±35.8 minutes count as that. 12.5 KB, twice that once a value was negative.
 */
export class SlidingHistogram {
  readonly #positive = new Side();
  /** Made by the first negative value: only distances between two clocks have any. */
  #negative: Side | undefined;
  readonly #counts = new Float64Array(SLICES);
  readonly #maxima = new Float64Array(SLICES).fill(Number.NEGATIVE_INFINITY);
  #turn = Number.NEGATIVE_INFINITY;

  /** `nowMs`: monotonic, any origin. */
  record(ms: number, nowMs: number): void {
    this.#advance(nowMs);
    const slice = ((this.#turn % SLICES) + SLICES) % SLICES;
    const microseconds = Math.min(MICROSECONDS_MAX, Math.round(Math.abs(ms) * 1_000));
    if (ms < 0) this.#negative ??= new Side();
    (ms < 0 && this.#negative !== undefined ? this.#negative : this.#positive).add(bucketOf(microseconds), slice);
    this.#counts[slice] = (this.#counts[slice] ?? 0) + 1;
    this.#maxima[slice] = Math.max(this.#maxima[slice] ?? ms, ms);
  }

  /** Undefined when nothing was recorded in the last minute. */
  percentiles(nowMs: number): LatencyPercentiles | undefined {
    this.#advance(nowMs);
    const count = this.#counts.reduce((sum, one) => sum + one, 0);
    if (count === 0) return undefined;
    const max = Math.max(...this.#maxima);
    const [p50 = max, p90 = max, p99 = max] = this.#ranked([0.5, 0.9, 0.99].map((q) => Math.ceil(q * count)));
    return { count, p50: Math.min(p50, max), p90: Math.min(p90, max), p99: Math.min(p99, max), max };
  }

  /** The values at these ranks, which rise, counted from the smallest value. */
  #ranked(ranks: readonly number[]): readonly number[] {
    const found: number[] = [];
    let seen = 0;
    const pass = (total: Uint32Array, bucket: number, sign: 1 | -1): void => {
      seen += total[bucket] ?? 0;
      while (found.length < ranks.length && seen >= (ranks[found.length] ?? 0)) found.push((sign * middleOf(bucket)) / 1_000);
    };
    const negative = this.#negative?.total;
    if (negative !== undefined) for (let bucket = BUCKETS - 1; bucket >= 0; bucket -= 1) pass(negative, bucket, -1);
    for (let bucket = 0; bucket < BUCKETS && found.length < ranks.length; bucket += 1) pass(this.#positive.total, bucket, 1);
    return found;
  }

  #advance(nowMs: number): void {
    const turn = Math.floor(nowMs / SLICE_MS);
    if (turn <= this.#turn) return;
    const stale = Math.min(SLICES, turn - this.#turn);
    this.#turn = turn;
    for (let back = 0; back < stale; back += 1) {
      const slice = (((turn - back) % SLICES) + SLICES) % SLICES;
      if (this.#counts[slice] === 0) continue;
      this.#positive.clear(slice);
      this.#negative?.clear(slice);
      this.#counts[slice] = 0;
      this.#maxima[slice] = Number.NEGATIVE_INFINITY;
    }
  }
}
