// Quantiles against exact ones, over whatever values and whatever moments; and what a minute covers.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BUCKETS, MICROSECONDS_MAX, RELATIVE_ERROR, bucketOf, middleOf } from "./log-linear.ts";
import { SlidingHistogram } from "./sliding-histogram.ts";

const SLICE_MS = 10_000;

/** Nearest rank, of values in any order. */
function exact(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil(q * sorted.length) - 1] ?? Number.NaN;
}

/** Rounding to microseconds comes before the bucket, and the middle of a bucket is then within the stated part of it. */
function isNear(estimate: number, value: number): boolean {
  return Math.abs(estimate - value) <= Math.max(0.001, Math.abs(value) * RELATIVE_ERROR + 0.001);
}

const latency = fc.oneof(
  fc.double({ min: 0, max: 5, noNaN: true }),
  fc.double({ min: -200, max: 200, noNaN: true }),
  fc.double({ min: -2_000_000, max: 2_000_000, noNaN: true }),
);

describe("buckets", () => {
  test("rise with their values, and each value lies near its bucket's middle", () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: MICROSECONDS_MAX }), fc.integer({ min: 0, max: MICROSECONDS_MAX }), (a, b) => {
      expect(bucketOf(a)).toBeLessThan(BUCKETS);
      if (a < b) expect(bucketOf(a)).toBeLessThanOrEqual(bucketOf(b));
      expect(Math.abs(middleOf(bucketOf(a)) - a)).toBeLessThanOrEqual(Math.max(0.5, a * RELATIVE_ERROR));
    }));
  });
  test("follow one another without a hole", () => {
    for (let bucket = 1; bucket < BUCKETS; bucket += 1) expect(middleOf(bucket)).toBeGreaterThan(middleOf(bucket - 1));
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) expect(bucketOf(Math.floor(middleOf(bucket)))).toBe(bucket);
  });
});

describe("a sliding histogram", () => {
  test("says the exact quantiles within its bound", () => {
    fc.assert(fc.property(fc.array(latency, { minLength: 1, maxLength: 400 }), fc.nat(1_000_000), (values, startMs) => {
      const histogram = new SlidingHistogram();
      for (const value of values) histogram.record(value, startMs);
      const said = histogram.percentiles(startMs);
      expect(said?.count).toBe(values.length);
      expect(said?.max).toBe(Math.max(...values));
      for (const [q, name] of [[0.5, "p50"], [0.9, "p90"], [0.99, "p99"]] as const) {
        const estimate = said?.[name] ?? Number.NaN;
        expect(isNear(estimate, exact(values, q)), `${name} ${estimate} for ${exact(values, q)}`).toBe(true);
      }
    }));
  });

  test("covers the slice of now and the five before it, whatever the pauses", () => {
    const steps = fc.array(fc.record({ waitMs: fc.oneof(fc.nat(3_000), fc.nat(90_000)), value: latency }), { minLength: 1, maxLength: 200 });
    fc.assert(fc.property(steps, fc.nat(100_000), (taken, waitMs) => {
      const histogram = new SlidingHistogram();
      let nowMs = 0;
      const all = taken.map((step) => {
        nowMs += step.waitMs;
        histogram.record(step.value, nowMs);
        return { atMs: nowMs, value: step.value };
      });
      nowMs += waitMs;
      const oldest = Math.floor(nowMs / SLICE_MS) - 5;
      const covered = all.filter(({ atMs }) => Math.floor(atMs / SLICE_MS) >= oldest).map(({ value }) => value);
      const said = histogram.percentiles(nowMs);
      expect(said?.count ?? 0).toBe(covered.length);
      if (covered.length > 0) {
        expect(said?.max).toBe(Math.max(...covered));
        expect(isNear(said?.p90 ?? Number.NaN, exact(covered, 0.9))).toBe(true);
      }
    }));
  });

  test("is empty until something is recorded, and again a minute later", () => {
    const histogram = new SlidingHistogram();
    expect(histogram.percentiles(0)).toBeUndefined();
    histogram.record(3, 0);
    expect(histogram.percentiles(49_000)?.count).toBe(1);
    expect(histogram.percentiles(60_000)).toBeUndefined();
  });

  test("a clock that was asked about the past changes nothing", () => {
    const histogram = new SlidingHistogram();
    histogram.record(3, 100_000);
    histogram.record(4, 50_000);
    expect(histogram.percentiles(0)).toMatchObject({ count: 2, max: 4 });
  });
});
