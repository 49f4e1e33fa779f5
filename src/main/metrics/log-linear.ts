// Where a latency falls in a fixed number of buckets: 1 µs wide up to 32 µs, then 16 per doubling, up to 35.8 minutes. Pure.
// A bucket's middle is at most 1/32 (3.2 %) from any value in it, or half a microsecond where that is more.

const SUB_BITS = 4;
const SUB_BUCKETS = 1 << SUB_BITS;
/** 32 bits of microseconds without a sign: Math.clz32 and shifts stay exact. */
export const MICROSECONDS_MAX = 2 ** 31 - 1;

/** How far an estimate may be from the exact quantile, as a part of it. */
export const RELATIVE_ERROR = 1 / (2 * SUB_BUCKETS);

/** Bucket of a whole number of microseconds, 0 to MICROSECONDS_MAX. */
export function bucketOf(microseconds: number): number {
  if (microseconds < 2 * SUB_BUCKETS) return microseconds;
  const shift = 31 - Math.clz32(microseconds) - SUB_BITS;
  return (shift << SUB_BITS) + (microseconds >>> shift);
}

export const BUCKETS = bucketOf(MICROSECONDS_MAX) + 1;

/** The middle of a bucket, in microseconds. */
export function middleOf(bucket: number): number {
  if (bucket < 2 * SUB_BUCKETS) return bucket;
  const shift = (bucket >> SUB_BITS) - 1;
  const from = ((bucket & (SUB_BUCKETS - 1)) + SUB_BUCKETS) * 2 ** shift;
  return from + (2 ** shift - 1) / 2;
}
