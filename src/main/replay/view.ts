// What the chart shows of a tape at its cursor: a window of buckets, told whole once and then by changes.
// Nothing later than the cursor gets in: every list is read up to the cursor's mark in the chronicle.
import type { FormingBar, GapEntry, Grade, LaneEvent } from "../../shared/candles.ts";
import { instrumentId, type Instrument } from "../../shared/market.ts";
import { BAR_BACKFILLED, BAR_FORMING, BAR_REVISED, type RevisionMark, type ViewUpdate } from "../../shared/protocol/frames.ts";
import { INTERVAL_MS, type Interval } from "../../shared/time.ts";
import { type BarRow, barColumns } from "./bar-columns.ts";
import { type Chronicle, type ChronicleMark, countBelow, lastBelow, type Series } from "./chronicle.ts";
import type { Tape } from "./tape.ts";

export interface ViewWindow {
  readonly instrument: Instrument;
  readonly interval: Interval;
  /** Buckets shown, with or without trades. */
  readonly bars: number;
  /** Exclusive right edge; undefined = behind the newest bucket known at the cursor. */
  readonly untilOpenMs: number | undefined;
}

/** Lane events in one update; older ones are cut from the left. */
const LANE_EVENTS_MAX = 2_000;
/** With more new versions than this per bar shown, telling the window anew is less work than telling the changes. */
const CHANGES_PER_BAR_MAX = 2;

interface Frame {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Grade of one bucket as known at a mark: the latest saying that covers it. */
export function gradeIndexAt(chronicle: Chronicle, series: Series | undefined, openMs: number, mark: ChronicleMark): number | undefined {
  if (series === undefined) return undefined;
  const single = lastBelow(series.grades.get(openMs), mark.sayings);
  const ranges = series.gradeRanges;
  for (let at = countBelow(ranges, mark.sayings, (index) => index) - 1; at >= 0; at -= 1) {
    const index = ranges[at] ?? 0;
    if (single !== undefined && index < single) return single;
    const grade = chronicle.gradeAt(index);
    if (grade.fromOpenMs <= openMs && openMs < grade.untilOpenMs) return index;
  }
  return single;
}

export class TapeView {
  readonly window: ViewWindow;
  readonly #tape: Tape;
  readonly #step: number;
  readonly #streamPrefix: string;
  #told: { readonly mark: ChronicleMark; readonly seq: number; readonly ordinal: number; readonly open: ReadonlyMap<number, number> } | undefined;

  constructor(tape: Tape, window: ViewWindow) {
    this.#tape = tape;
    this.window = window;
    this.#step = INTERVAL_MS[window.interval];
    this.#streamPrefix = `${instrumentId(window.instrument)}:`;
  }

  /** The next update: changes when the cursor only went forward since the last one, else the window anew; undefined when nothing changed. */
  next(options: { readonly reset: boolean }): ViewUpdate | undefined {
    const { head } = this.#tape;
    head.settle();
    const mark = head.reader.mark;
    const open = head.canonicalizer.open(this.window.instrument, this.window.interval);
    const told = this.#told;
    const again = options.reset || told === undefined || head.seq < told.seq || head.ordinal < told.ordinal ||
      mark.versions < told.mark.versions || mark.sayings < told.mark.sayings ||
      mark.versions - told.mark.versions > this.window.bars * CHANGES_PER_BAR_MAX;
    this.#told = { mark, seq: head.seq, ordinal: head.ordinal, open: new Map(open.map((bar) => [bar.key.openMs, bar.lastSeq])) };
    return again ? this.#whole(mark, open) : this.#changes(told.mark, told.open, mark, open);
  }

  get #series(): Series | undefined {
    return this.#tape.chronicle.series(this.window.instrument, this.window.interval);
  }

  #frame(mark: ChronicleMark, open: readonly FormingBar[]): Frame | undefined {
    const { untilOpenMs, bars } = this.window;
    if (untilOpenMs !== undefined) return { fromMs: untilOpenMs - bars * this.#step, untilMs: untilOpenMs };
    const series = this.#series;
    const ends = open.map((bar) => bar.key.openMs + this.#step);
    if (series !== undefined) {
      const extreme = series.extremes[countBelow(series.extremes, mark.versions, ({ index }) => index) - 1];
      if (extreme !== undefined) ends.push(extreme.lastOpenMs + this.#step);
      const graded = series.gradedUntil[countBelow(series.gradedUntil, mark.sayings, ({ index }) => index) - 1];
      if (graded !== undefined) ends.push(graded.untilOpenMs);
    }
    if (ends.length === 0) return undefined;
    const untilMs = Math.max(...ends);
    return { fromMs: untilMs - bars * this.#step, untilMs };
  }

  #whole(mark: ChronicleMark, open: readonly FormingBar[]): ViewUpdate {
    const frame = this.#frame(mark, open);
    const buckets: number[] = [];
    if (frame !== undefined) for (let at = frame.fromMs; at < frame.untilMs; at += this.#step) buckets.push(at);
    const grades = frame === undefined ? new Map<number, Grade>() : this.#gradesOf(frame, mark);
    const gaps: GapEntry[] = [];
    for (const chain of this.#tape.chronicle.gaps.values()) {
      const index = lastBelow(chain, mark.sayings);
      if (index !== undefined) this.#keepGap(this.#tape.chronicle.gapAt(index), frame, gaps);
    }
    return this.#update("reset", { frame, mark, open, buckets, gradeOf: (openMs) => grades.get(openMs), gaps, events: this.#lanes(0, mark, frame) });
  }

  #changes(before: ChronicleMark, openBefore: ReadonlyMap<number, number>, mark: ChronicleMark, open: readonly FormingBar[]): ViewUpdate | undefined {
    const { chronicle } = this.#tape;
    const frame = this.#frame(mark, open);
    const touched = new Set<number>();
    for (let index = before.versions; index < mark.versions; index += 1) {
      const { key } = chronicle.version(index);
      if (key.interval === this.window.interval && this.#isShown(key)) touched.add(key.openMs);
    }
    for (const bar of open) if (openBefore.get(bar.key.openMs) !== bar.lastSeq) touched.add(bar.key.openMs);
    const gaps = new Map<string, GapEntry>();
    for (let index = before.sayings; index < mark.sayings; index += 1) {
      const saying = chronicle.saying(index);
      if (saying?.kind === "gap" && saying.gap.streamId.startsWith(this.#streamPrefix)) gaps.set(saying.gap.gapId, saying.gap);
      if (saying?.kind === "grade" && saying.grade.interval === this.window.interval && this.#isShown(saying.grade) && frame !== undefined) {
        const from = Math.max(saying.grade.fromOpenMs, frame.fromMs);
        for (let at = from; at < Math.min(saying.grade.untilOpenMs, frame.untilMs); at += this.#step) touched.add(at);
      }
    }
    const events = this.#lanes(before.sayings, mark, frame);
    if (touched.size === 0 && gaps.size === 0 && events.length === 0) return undefined;
    const buckets = [...touched].filter((at) => frame !== undefined && at >= frame.fromMs && at < frame.untilMs).sort((a, b) => a - b);
    const series = this.#series;
    const gradeOf = (openMs: number): Grade | undefined => {
      const index = gradeIndexAt(chronicle, series, openMs, mark);
      return index === undefined ? undefined : chronicle.gradeAt(index).grade;
    };
    return this.#update("changes", { frame, mark, open, buckets, gradeOf, gaps: [...gaps.values()], events });
  }

  #update(kind: ViewUpdate["kind"], parts: {
    readonly frame: Frame | undefined; readonly mark: ChronicleMark; readonly open: readonly FormingBar[]; readonly buckets: readonly number[];
    readonly gradeOf: (openMs: number) => Grade | undefined; readonly gaps: readonly GapEntry[]; readonly events: readonly LaneEvent[];
  }): ViewUpdate {
    const { mark } = parts;
    const series = this.#series;
    const open = new Map(parts.open.map((bar) => [bar.key.openMs, bar]));
    const rows: BarRow[] = [];
    const empty: { fromOpenMs: number; untilOpenMs: number; grade: Grade }[] = [];
    const revisions: RevisionMark[] = [];
    for (const openMs of parts.buckets) {
      const row = this.#row(openMs, open.get(openMs), mark, parts.gradeOf);
      if (row !== undefined) {
        rows.push(row);
        for (const index of series?.chains.get(openMs) ?? []) {
          const version = this.#tape.chronicle.version(index);
          if (index < mark.versions && version.revision > 1) revisions.push({ openMs, revision: version.revision, reason: version.reason, atSeq: version.atSeq });
        }
        continue;
      }
      const grade = parts.gradeOf(openMs);
      if (grade === undefined) continue;
      const last = empty.at(-1);
      if (last?.grade === grade && last.untilOpenMs === openMs) last.untilOpenMs = openMs + this.#step;
      else empty.push({ fromOpenMs: openMs, untilOpenMs: openMs + this.#step, grade });
    }
    const extreme = series?.extremes[countBelow(series.extremes, mark.versions, ({ index }) => index) - 1];
    return {
      kind, venue: this.window.instrument.venue, symbol: this.window.instrument.symbol, interval: this.window.interval,
      bars: barColumns(rows), empty, gaps: parts.gaps, revisions, events: parts.events,
      moreBefore: extreme !== undefined && parts.frame !== undefined && extreme.firstOpenMs < parts.frame.fromMs,
    };
  }

  #row(openMs: number, forming: FormingBar | undefined, mark: ChronicleMark, gradeOf: (openMs: number) => Grade | undefined): BarRow | undefined {
    const index = lastBelow(this.#series?.chains.get(openMs), mark.versions);
    if (index !== undefined) {
      const { values, revision, backfilledTrades, atSeq } = this.#tape.chronicle.version(index);
      const flags = (revision > 1 ? BAR_REVISED : 0) | (backfilledTrades > 0 ? BAR_BACKFILLED : 0);
      return { openMs, values, revision, grade: gradeOf(openMs), flags, atSeq };
    }
    if (forming === undefined) return undefined;
    const grade = gradeOf(openMs) ?? this.#tape.head.canonicalizer.gradeOf(forming.key)?.grade;
    return { openMs, values: forming.values, revision: 0, grade, flags: BAR_FORMING, atSeq: forming.lastSeq };
  }

  /** Grades of all buckets of the frame, painted range by range: later sayings cover earlier ones. */
  #gradesOf(frame: Frame, mark: ChronicleMark): Map<number, Grade> {
    const { chronicle } = this.#tape;
    const series = this.#series;
    const latest = new Map<number, number>();
    if (series === undefined) return new Map();
    const ranges = series.gradeRanges;
    const count = countBelow(ranges, mark.sayings, (index) => index);
    for (let at = 0; at < count; at += 1) {
      const index = ranges[at] ?? 0;
      const grade = chronicle.gradeAt(index);
      const untilMs = Math.min(grade.untilOpenMs, frame.untilMs);
      for (let openMs = Math.max(grade.fromOpenMs, frame.fromMs); openMs < untilMs; openMs += this.#step) latest.set(openMs, index);
    }
    for (let openMs = frame.fromMs; openMs < frame.untilMs; openMs += this.#step) {
      const single = lastBelow(series.grades.get(openMs), mark.sayings);
      if (single !== undefined && single > (latest.get(openMs) ?? -1)) latest.set(openMs, single);
    }
    return new Map([...latest].map(([openMs, index]) => [openMs, chronicle.gradeAt(index).grade]));
  }

  #isShown(instrument: Instrument): boolean {
    return instrument.venue === this.window.instrument.venue && instrument.symbol === this.window.instrument.symbol;
  }

  #keepGap(gap: GapEntry, frame: Frame | undefined, into: GapEntry[]): void {
    if (!gap.streamId.startsWith(this.#streamPrefix)) return;
    // A window that follows the cursor also shows what lies behind its newest bar.
    const untilMs = this.window.untilOpenMs === undefined ? Infinity : (frame?.untilMs ?? Infinity);
    if (gap.fromMs < untilMs && (gap.toMs ?? Infinity) >= (frame?.fromMs ?? -Infinity)) into.push(gap);
  }

  #lanes(fromIndex: number, mark: ChronicleMark, frame: Frame | undefined): readonly LaneEvent[] {
    const { lanes } = this.#tape.chronicle;
    const untilMs = this.window.untilOpenMs ?? Infinity;
    const events: LaneEvent[] = [];
    for (let at = countBelow(lanes, mark.sayings, (index) => index) - 1; at >= 0 && events.length < LANE_EVENTS_MAX; at -= 1) {
      const index = lanes[at] ?? 0;
      if (index < fromIndex) break;
      const event = this.#tape.chronicle.laneAt(index);
      if (event.venue !== this.window.instrument.venue && event.venue !== "tapedeck") continue;
      if (event.atMs >= (frame?.fromMs ?? -Infinity) && event.atMs < untilMs) events.push(event);
    }
    return events.reverse();
  }
}
