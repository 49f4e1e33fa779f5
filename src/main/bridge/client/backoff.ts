// How long to wait before the next attempt: exponential with full jitter, so that clients of a restarted server do not come back together.
import type { Random } from "../../../shared/base.ts";

export interface BackoffRange {
  /** Longest wait before the first attempt, ms; doubled with every further one. */
  readonly backoffMs: number;
  readonly backoffMaxMs: number;
}

/** Anything from 0 to the bound of this attempt (0 = the first), ms. */
export function backoffMs(attempt: number, range: BackoffRange, random: Random): number {
  return random.next() * Math.min(range.backoffMaxMs, range.backoffMs * 2 ** Math.min(attempt, 30));
}
