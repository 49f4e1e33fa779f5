// Owns the one place where milliseconds become the chart library's seconds, and back.
import type { UTCTimestamp } from "lightweight-charts";

/** Bucket edges are whole seconds (the shortest interval is 1 s), so nothing is rounded here. */
export function chartTime(openMs: number): UTCTimestamp {
  return (openMs / 1_000) as UTCTimestamp;
}

export function openMsOf(time: UTCTimestamp): number {
  return time * 1_000;
}
