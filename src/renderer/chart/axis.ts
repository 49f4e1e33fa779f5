// Owns the time axis that chart and lanes share: one linear map between time and pixels. Pure.
// The chart library's own axis is ordinal; since every missing bucket is fed as whitespace, slot number and time are one
// line, and a fraction of a slot is interpolated here (the library's `logicalToCoordinate` of a fraction is 0, D23).

export interface TimeAxis {
  /** Bucket start of slot 0. */
  readonly firstOpenMs: number;
  readonly intervalMs: number;
  readonly slots: number;
  /** Centre of slot 0 in CSS pixels from the left edge of the plot; negative when scrolled past. */
  readonly originX: number;
  /** Pixels per slot. */
  readonly spacing: number;
  /** Width of the plot without the price scale. */
  readonly width: number;
}

/** Pixel of a moment. A bucket [open, open + interval) covers its slot's full width, so its open is the slot's left edge. */
export function timeToX(axis: TimeAxis, ms: number): number {
  return axis.originX + ((ms - axis.firstOpenMs) / axis.intervalMs - 0.5) * axis.spacing;
}

/** The moment under a pixel; beyond the last slot the same line goes on. */
export function xToTime(axis: TimeAxis, x: number): number {
  return axis.firstOpenMs + ((x - axis.originX) / axis.spacing + 0.5) * axis.intervalMs;
}

/** Where the chart draws the bar that opens at `openMs`. */
export function barCentreX(axis: TimeAxis, openMs: number): number {
  return timeToX(axis, openMs + axis.intervalMs / 2);
}

/** Moments at the plot's left and right edge. */
export function visibleTimes(axis: TimeAxis): { readonly fromMs: number; readonly untilMs: number } {
  return { fromMs: xToTime(axis, 0), untilMs: xToTime(axis, axis.width) };
}

/** Slots drawn at most, whitespace included: a day of downtime at 1s must not become 86,400 of them. */
export const SLOTS_MAX = 5_000;

export interface Slots { readonly firstOpenMs: number; readonly intervalMs: number; readonly count: number }

/**
 * The contiguous buckets to feed: from the first bar to the last bar or the cursor's bucket, whichever is later, the
 * newest SLOTS_MAX of them. Undefined when there is neither.
 */
export function slotsFor(input: {
  readonly firstBarMs: number | undefined; readonly lastBarMs: number | undefined; readonly cursorMs: number | undefined; readonly intervalMs: number;
}): Slots | undefined {
  const { firstBarMs, lastBarMs, cursorMs, intervalMs } = input;
  const cursorOpenMs = cursorMs === undefined || cursorMs <= 0 ? undefined : Math.floor(cursorMs / intervalMs) * intervalMs;
  const last = Math.max(lastBarMs ?? -Infinity, cursorOpenMs ?? -Infinity);
  if (last === -Infinity) return undefined;
  const wanted = Math.round((last - (firstBarMs ?? last)) / intervalMs) + 1;
  const count = Math.min(Math.max(1, wanted), SLOTS_MAX);
  return { firstOpenMs: last - (count - 1) * intervalMs, intervalMs, count };
}

/**
 * The visible range in slots after everything was replaced, so that the picture stays. Kept in time, except when the
 * right edge was in view (it stays in view: live, and stepping through a replay) or when the range would show nothing.
 */
export function restoredRange(before: TimeAxis, after: Slots): { readonly from: number; readonly to: number } {
  const width = before.width / before.spacing;
  const rightBefore = (before.width - before.originX) / before.spacing;
  const wasAtEdge = rightBefore >= before.slots - 1;
  if (wasAtEdge) {
    const to = after.count + (rightBefore - before.slots);
    return { from: to - width, to };
  }
  const { fromMs } = visibleTimes(before);
  const from = (fromMs - after.firstOpenMs) / after.intervalMs - 0.5;
  if (from + width < 1 || from > after.count - 1) return { from: after.count + 6 - width, to: after.count + 6 };
  return { from, to: from + width };
}
