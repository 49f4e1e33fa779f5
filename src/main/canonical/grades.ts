// How complete each bucket is, from evidence in the log alone; and the journal of how that changed. Pure.
import type { Grade } from "../../shared/candles.ts";
import type { Accumulator } from "./accumulator.ts";
import type { Surroundings } from "./emit.ts";
import { standingOf, gradeFor, whyOf, type Evidence, type Standing } from "./evidence.ts";
import type { Series } from "./series.ts";

/** Ranges remembered that may still change for the better. Beyond it the oldest keep the grade they have. */
export const UNSETTLED_MAX = 2_048;

/** Buckets [fromMs, untilMs) of like standing, all with or all without trades. */
export interface GradedRange {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly standing: Standing;
  readonly empty: boolean;
}

export class GradeBook {
  /** Graded up to here; undefined before the first bucket. */
  gradedUntilMs: number | undefined;
  /** Ascending. What is not here and before gradedUntilMs is proved. */
  unsettled: readonly GradedRange[] = [];
  /** First bucket ever graded. */
  gradedFromMs: number | undefined;
  readonly #series: Series;
  readonly #evidence: Evidence;
  readonly #around: Surroundings;

  constructor(series: Series, evidence: Evidence, around: Surroundings) {
    this.#series = series;
    this.#evidence = evidence;
    this.#around = around;
  }

  /** Grades the buckets sealed just now: those of `bars` have trades, all between them have none. */
  sealed(bars: readonly Accumulator[], atSeq: number): void {
    const { lengthMs, sealedUntilMs } = this.#series;
    const firstBar = bars[0]?.openMs ?? Number.POSITIVE_INFINITY;
    const start = this.gradedUntilMs ?? this.#series.openOf(Math.min(this.#evidence.firstKnownMs(), firstBar));
    if (start >= sealedUntilMs && bars.length === 0) return;
    const found: GradedRange[] = [];
    let at = Math.min(start, firstBar);
    this.gradedFromMs = Math.min(this.gradedFromMs ?? at, at);
    for (const bar of bars) {
      this.#walk(at, bar.openMs, true, found);
      this.#walk(bar.openMs, bar.openMs + lengthMs, false, found);
      at = bar.openMs + lengthMs;
    }
    this.#walk(Math.max(at, start), sealedUntilMs, true, found);
    this.gradedUntilMs = Math.max(start, sealedUntilMs);
    for (const range of found) this.#say(range, atSeq);
    this.#remember([...this.unsettled, ...found.filter((range) => range.standing !== "proved")]);
  }

  /** Splits [fromMs, untilMs) by standing and appends to `out`, joining neighbours that are alike. */
  #walk(fromMs: number, untilMs: number, empty: boolean, out: GradedRange[]): void {
    const { lengthMs } = this.#series;
    for (let at = fromMs; at < untilMs; ) {
      const { standing, holdsUntilMs } = standingOf(this.#evidence, at, at + lengthMs);
      const buckets = Math.max(1, Math.floor((Math.min(holdsUntilMs, untilMs) - at) / lengthMs));
      const until = at + buckets * lengthMs;
      const last = out.at(-1);
      if (last !== undefined && last.untilMs === at && last.standing === standing && last.empty === empty) out[out.length - 1] = { ...last, untilMs: until };
      else out.push({ fromMs: at, untilMs: until, standing, empty });
      at = until;
    }
  }

  /** Bars may differ in how they were completed, so each is looked at; an empty range is one entry. */
  #say(range: GradedRange, atSeq: number): void {
    const { lengthMs } = this.#series;
    if (range.empty) {
      this.#emit(range.fromMs, range.untilMs, range.standing, gradeFor(range.standing, undefined), atSeq);
      return;
    }
    let from = range.fromMs;
    let grade = this.#gradeOfBar(from, range.standing);
    for (let at = from + lengthMs; at < range.untilMs; at += lengthMs) {
      const next = this.#gradeOfBar(at, range.standing);
      if (next === grade) continue;
      this.#emit(from, at, range.standing, grade, atSeq);
      from = at;
      grade = next;
    }
    this.#emit(from, range.untilMs, range.standing, grade, atSeq);
  }

  #gradeOfBar(openMs: number, standing: Standing): Grade {
    return gradeFor(standing, this.#series.backfilledIn(openMs) ?? 0);
  }

  #emit(fromMs: number, untilMs: number, standing: Standing, grade: Grade, atSeq: number): void {
    const { why, evidence } = whyOf(this.#evidence, { fromMs, untilMs, standing, grade });
    const { instrument, interval } = this.#series;
    this.#around.emit({
      kind: "grade",
      grade: { venue: instrument.venue, symbol: instrument.symbol, interval, fromOpenMs: fromMs, untilOpenMs: untilMs, grade, why, evidence, atSeq },
    });
  }

  #remember(ranges: readonly GradedRange[]): void {
    const joined: GradedRange[] = [];
    for (const range of ranges) {
      const last = joined.at(-1);
      if (last !== undefined && last.untilMs === range.fromMs && last.standing === range.standing && last.empty === range.empty) {
        joined[joined.length - 1] = { ...last, untilMs: range.untilMs };
      } else joined.push(range);
    }
    this.unsettled = joined.length > UNSETTLED_MAX ? joined.slice(joined.length - UNSETTLED_MAX) : joined;
  }

  /** Looks at everything unsettled again and says what changed. Buckets with a pending revision wait for it. */
  review(atSeq: number): void {
    if (this.unsettled.length === 0) return;
    const kept: GradedRange[] = [];
    for (const range of this.unsettled) {
      const found: GradedRange[] = [];
      let at = range.fromMs;
      for (const openMs of this.#pendingIn(range)) {
        this.#walk(at, openMs, range.empty, found);
        found.push({ fromMs: openMs, untilMs: openMs + this.#series.lengthMs, standing: range.standing, empty: range.empty });
        at = openMs + this.#series.lengthMs;
      }
      this.#walk(at, range.untilMs, range.empty, found);
      for (const part of found) {
        if (part.standing !== range.standing && !sameGrade(part, range)) this.#say(part, atSeq);
        if (part.standing !== "proved") kept.push(part);
      }
    }
    this.#remember(kept);
  }

  #pendingIn(range: GradedRange): readonly number[] {
    const inside = [...this.#series.pending.keys()].filter((openMs) => openMs >= range.fromMs && openMs < range.untilMs);
    return inside.sort((a, b) => a - b);
  }

  /** A revision gave this bucket trades, or more of them: it is graded anew as a bar. */
  revised(openMs: number, atSeq: number): void {
    const untilMs = openMs + this.#series.lengthMs;
    const rest = this.unsettled.flatMap((range) => cutOut(range, openMs, untilMs));
    const { standing } = standingOf(this.#evidence, openMs, untilMs);
    const bar: GradedRange = { fromMs: openMs, untilMs, standing, empty: false };
    this.gradedFromMs = Math.min(this.gradedFromMs ?? openMs, openMs);
    this.#say(bar, atSeq);
    if (standing !== "proved") rest.push(bar);
    this.#remember(rest.sort((a, b) => a.fromMs - b.fromMs));
  }

  /** Time of a trade from which on some bucket could be proved that now is not; Infinity when none. */
  proofDueMs(): number {
    let due = Number.POSITIVE_INFINITY;
    for (const range of this.unsettled) {
      if (range.standing === "covered" && range.untilMs > this.#evidence.lastTradeMs && range.untilMs < due) due = range.untilMs;
    }
    return due;
  }

  gradeOf(openMs: number): { readonly grade: Grade; readonly why: string } | undefined {
    const untilMs = openMs + this.#series.lengthMs;
    if (this.gradedFromMs === undefined && this.#series.bar(openMs) === undefined) return undefined;
    const isOpen = this.gradedUntilMs === undefined || openMs >= this.gradedUntilMs;
    if (isOpen && this.#series.bar(openMs) === undefined) return undefined;
    if (!isOpen && this.gradedFromMs !== undefined && openMs < this.gradedFromMs) return undefined;
    const backfilled = this.#series.backfilledIn(openMs);
    const remembered = this.unsettled.find((range) => range.fromMs <= openMs && openMs < range.untilMs);
    const standing = remembered?.standing ?? standingOf(this.#evidence, openMs, untilMs, isOpen).standing;
    const grade = gradeFor(standing, backfilled);
    const { why } = whyOf(this.#evidence, { fromMs: openMs, untilMs, standing, grade });
    return { grade, why: isOpen ? `still open; ${why}` : why };
  }
}

function sameGrade(a: GradedRange, b: GradedRange): boolean {
  // A bar's grade also depends on backfill only where it is proved, so the standings alone decide here.
  return a.empty === b.empty && gradeFor(a.standing, a.empty ? undefined : 0) === gradeFor(b.standing, b.empty ? undefined : 0);
}

function cutOut(range: GradedRange, fromMs: number, untilMs: number): GradedRange[] {
  if (range.untilMs <= fromMs || range.fromMs >= untilMs) return [range];
  const parts: GradedRange[] = [];
  if (range.fromMs < fromMs) parts.push({ ...range, untilMs: fromMs });
  if (range.untilMs > untilMs) parts.push({ ...range, fromMs: untilMs });
  return parts;
}
