// Owns where things stand in the lanes, for painting and for the pointer alike. Pure.
import type { Grade } from "../../shared/candles.ts";
import { INTERVAL_MS } from "../../shared/time.ts";
import { timeToX, barCentreX, visibleTimes, xToTime, type TimeAxis } from "../chart/axis.ts";
import { gradeAt } from "../store/bars.ts";
import type { ViewState } from "../store/view.ts";
import { explainEvent, explainGap, explainGrade, explainRevision } from "./explain.ts";

export const LANES = ["coverage", "gaps", "revised", "events"] as const;
export type LaneName = (typeof LANES)[number];

/** Height of one lane, CSS pixels. The four are the floor of a 24 px target each. */
export const LANE_PX = 24;
export const LANES_PX = LANE_PX * LANES.length;
const REACH_PX = 8;

export interface LaneItem {
  readonly x: number;
  readonly text: string;
  /** Where a click goes. */
  readonly goTo: { readonly kind: "seq"; readonly seq: number } | { readonly kind: "time"; readonly ms: number } | { readonly kind: "bar"; readonly openMs: number };
}

/** Grade of a bucket, with or without trades. */
export function gradeOfBucket(view: ViewState, openMs: number): Grade | undefined {
  const index = view.bars.indexOf(openMs);
  if (index !== undefined) return gradeAt(view.bars.columns, index);
  return view.empty.find((range) => openMs >= range.fromOpenMs && openMs < range.untilOpenMs)?.grade;
}

/** Bars whose slots are in view: indexes [from, until). */
export function visibleBars(view: ViewState, axis: TimeAxis): { readonly from: number; readonly until: number } {
  const { fromMs, untilMs } = visibleTimes(axis);
  const { openMs, length } = view.bars.columns;
  let from = 0;
  while (from < length && (openMs[from] ?? 0) + axis.intervalMs < fromMs) from += 1;
  let until = from;
  while (until < length && (openMs[until] ?? 0) <= untilMs) until += 1;
  return { from, until };
}

function nearest<T>(items: readonly T[], distance: (item: T) => number): T | undefined {
  let best: T | undefined;
  let bestDistance = REACH_PX;
  for (const item of items) {
    const one = distance(item);
    if (one <= bestDistance) {
      best = item;
      bestDistance = one;
    }
  }
  return best;
}

function coverageItem(view: ViewState, axis: TimeAxis, x: number): LaneItem | undefined {
  const openMs = Math.floor(xToTime(axis, x) / axis.intervalMs) * axis.intervalMs;
  const grade = gradeOfBucket(view, openMs);
  if (grade === undefined && view.bars.indexOf(openMs) === undefined) return undefined;
  return { x: barCentreX(axis, openMs), text: explainGrade(openMs, grade, axis.intervalMs), goTo: { kind: "bar", openMs } };
}

/** What the pointer is on, undefined on bare ground. `y` from the top of the lanes. */
export function itemAt(input: { readonly view: ViewState; readonly axis: TimeAxis; readonly x: number; readonly y: number; readonly cursorMs: number | undefined }): LaneItem | undefined {
  const { view, axis, x, y, cursorMs } = input;
  const lane = LANES[Math.floor(y / LANE_PX)];
  if (lane === "coverage") return coverageItem(view, axis, x);
  if (lane === "gaps") {
    const gap = nearest(view.gaps, ({ fromMs, toMs }) => {
      const [fromX, toX] = [timeToX(axis, fromMs), timeToX(axis, toMs ?? cursorMs ?? fromMs)];
      return Math.max(0, fromX - x, x - toX);
    });
    return gap && { x: timeToX(axis, gap.fromMs), text: explainGap(gap), goTo: { kind: "time", ms: gap.toMs ?? gap.fromMs } };
  }
  if (lane === "revised") {
    const mark = nearest(view.revisions, ({ openMs }) => Math.abs(barCentreX(axis, openMs) - x));
    return mark && { x: barCentreX(axis, mark.openMs), text: explainRevision(mark, axis.intervalMs), goTo: { kind: "seq", seq: mark.atSeq } };
  }
  if (lane === "events") {
    const event = nearest(view.events, ({ atMs }) => Math.abs(timeToX(axis, atMs) - x));
    return event && { x: timeToX(axis, event.atMs), text: explainEvent(event), goTo: { kind: "seq", seq: event.atSeq } };
  }
  return undefined;
}

export function intervalMsOf(view: ViewState): number | undefined {
  return view.series === undefined ? undefined : INTERVAL_MS[view.series.interval];
}
