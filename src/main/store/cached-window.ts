// A window of the cache from its rows: latest versions, newest grades, stretches without bars, corrections. Pure.
import type { GapEntry, Grade } from "../../shared/candles.ts";
import { bucketOpenMs, INTERVAL_MS, type Interval } from "../../shared/time.ts";
import type { CachedBar, CachedWindow } from "../bridge/client/types.ts";
import type { GradeSaying } from "./cache-tables.ts";

type EmptyRange = CachedWindow["empty"][number];

/** Half-open; infinite where nothing bounds it. */
export interface WindowSpan {
  readonly fromMs: number;
  readonly untilMs: number;
}

export interface WindowRows {
  readonly interval: Interval;
  readonly span: WindowSpan;
  /** Every version of every bar inside, in any order. */
  readonly versions: readonly CachedBar[];
  /** Every grade entry that touches the span, in any order. */
  readonly sayings: readonly GradeSaying[];
}

export function windowOf(rows: WindowRows): Pick<CachedWindow, "bars" | "empty" | "corrections"> {
  const versions = rows.versions.toSorted((a, b) => a.openMs - b.openMs || a.sequence - b.sequence);
  const newestFirst = rows.sayings.toSorted((a, b) => b.sequence - a.sequence);
  const latest = versions.filter(({ openMs }, index) => versions[index + 1]?.openMs !== openMs);
  return {
    bars: gradedBars(latest, versions, newestFirst),
    empty: emptyRanges(rows, latest, newestFirst),
    corrections: versions.filter(({ revision }) => revision > 1).map(({ openMs, revision, reason, sequence, atSeq }) => ({ openMs, revision, reason, sequence, atSeq })),
  };
}

/** Each gap as its last entry tells it, ascending by when it began. */
export function newestGaps(versions: readonly (GapEntry & { readonly sequence: number })[]): GapEntry[] {
  const newest = new Map<string, GapEntry & { readonly sequence: number }>();
  for (const gap of versions) if ((newest.get(gap.gapId)?.sequence ?? 0) < gap.sequence) newest.set(gap.gapId, gap);
  return [...newest.values()].sort((a, b) => a.fromMs - b.fromMs || (a.gapId < b.gapId ? -1 : 1)).map(({ sequence: _sequence, ...gap }) => gap);
}

/** The newest grade of each bucket: with one of its bars, or said about it afterwards. */
function gradedBars(latest: readonly CachedBar[], versions: readonly CachedBar[], newestFirst: readonly GradeSaying[]): CachedBar[] {
  const grades: (Grade | undefined)[] = new Array(latest.length).fill(undefined);
  const sequences: number[] = new Array(latest.length).fill(0);
  let at = 0;
  for (const { openMs, grade, sequence } of versions) {
    if (latest[at]?.openMs !== openMs) at += 1;
    if (grade === undefined) continue;
    grades[at] = grade;
    sequences[at] = sequence;
  }
  // Oldest saying first, so that each newer one simply replaces.
  for (const saying of newestFirst.toReversed()) {
    for (let index = firstFrom(latest, saying.fromOpenMs); index < latest.length; index += 1) {
      const bar = latest[index];
      if (bar === undefined || bar.openMs >= saying.untilOpenMs) break;
      if (saying.sequence < (sequences[index] ?? 0)) continue;
      grades[index] = saying.grade;
      sequences[index] = saying.sequence;
    }
  }
  return latest.map((bar, index) => (bar.grade === grades[index] ? bar : { ...bar, grade: grades[index] }));
}

function firstFrom(bars: readonly CachedBar[], openMs: number): number {
  let low = 0;
  let high = bars.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((bars[middle]?.openMs ?? Infinity) < openMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What no bar covers, under the newest saying about it; neighbours of the same grade are one range. */
function emptyRanges({ interval, span }: WindowRows, bars: readonly CachedBar[], newestFirst: readonly GradeSaying[]): EmptyRange[] {
  const buckets = { fromMs: span.fromMs, untilMs: bucketAtOrAfter(span.untilMs, interval) };
  let open = stretchesWithoutBars(buckets, bars, INTERVAL_MS[interval]);
  const said: EmptyRange[] = [];
  for (const saying of newestFirst) {
    if (open.length === 0) break;
    const range = { fromMs: bucketAtOrAfter(saying.fromOpenMs, interval), untilMs: bucketAtOrAfter(saying.untilOpenMs, interval) };
    const touched = open.filter((stretch) => overlaps(stretch, range));
    if (touched.length === 0) continue;
    for (const stretch of touched) {
      said.push({ fromOpenMs: Math.max(stretch.fromMs, range.fromMs), untilOpenMs: Math.min(stretch.untilMs, range.untilMs), grade: saying.grade });
    }
    open = open.flatMap((stretch) => (overlaps(stretch, range) ? without(stretch, range) : [stretch]));
  }
  return joined(said.sort((a, b) => a.fromOpenMs - b.fromOpenMs));
}

function bucketAtOrAfter(ms: number, interval: Interval): number {
  const openMs = bucketOpenMs(ms, interval);
  return openMs === ms ? ms : openMs + INTERVAL_MS[interval];
}

function stretchesWithoutBars(span: WindowSpan, bars: readonly CachedBar[], lengthMs: number): WindowSpan[] {
  const stretches: WindowSpan[] = [];
  let fromMs = span.fromMs;
  for (const { openMs } of bars) {
    if (openMs > fromMs) stretches.push({ fromMs, untilMs: openMs });
    fromMs = openMs + lengthMs;
  }
  if (fromMs < span.untilMs) stretches.push({ fromMs, untilMs: span.untilMs });
  return stretches;
}

/** Share a bucket; an empty one shares none. */
const overlaps = (a: WindowSpan, b: WindowSpan): boolean => Math.max(a.fromMs, b.fromMs) < Math.min(a.untilMs, b.untilMs);

function without(stretch: WindowSpan, range: WindowSpan): WindowSpan[] {
  const left = { fromMs: stretch.fromMs, untilMs: range.fromMs };
  const right = { fromMs: range.untilMs, untilMs: stretch.untilMs };
  return [left, right].filter(({ fromMs, untilMs }) => fromMs < untilMs);
}

function joined(ranges: readonly EmptyRange[]): EmptyRange[] {
  const out: EmptyRange[] = [];
  for (const range of ranges) {
    const last = out.at(-1);
    if (last !== undefined && last.untilOpenMs === range.fromOpenMs && last.grade === range.grade) out[out.length - 1] = { ...last, untilOpenMs: range.untilOpenMs };
    else out.push(range);
  }
  return out;
}
