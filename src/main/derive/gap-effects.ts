// What each gap did to grades, read from the grades journal: the buckets it may lie in that stood below complete since it was opened, how
// low they stood at worst, and how they stand now. Exact: grades are journaled at every change.
import type { GapEntry, Grade, GradeEntry } from "../../shared/candles.ts";
import { instrumentId } from "../../shared/market.ts";
import { INTERVALS, INTERVAL_MS, type Interval } from "../../shared/time.ts";
import type { Deriver } from "./deriver.ts";
import { readGrade } from "./lines.ts";

/** From worst to best. The first four say that something is missing or may be. */
const WORST_FIRST: readonly Grade[] = ["GAP_UNRESOLVED", "unresolved", "missing", "partial", "unprovable", "likely", "repaired", "proved", "empty_proved"];
const LOWERED: ReadonlySet<Grade> = new Set(WORST_FIRST.slice(0, 4));

/** Of one gap on the candles of one interval. */
export interface GapEffect {
  readonly interval: Interval;
  /** First and last of the buckets that it lowered: [fromOpenMs, untilOpenMs), in which others may lie that it did not. */
  readonly fromOpenMs: number;
  readonly untilOpenMs: number;
  /** How many it lowered. */
  readonly buckets: number;
  readonly worst: Grade;
  /** How many of these stand at each grade now. */
  readonly now: Readonly<Partial<Record<Grade, number>>>;
}

interface Part { readonly fromMs: number; readonly untilMs: number; readonly grade: Grade; readonly order: number; readonly isSince: boolean }

/** Gathers grades in the journal's order; asked for effects at its end. */
export class GapEffects {
  readonly #gaps = new Map<string, readonly { readonly gap: GapEntry; readonly openedSeq: number; readonly parts: Map<Interval, Part[]> }[]>();
  readonly #byId = new Map<string, Map<Interval, Part[]>>();
  #order = 0;

  /** `openedSeq`: where each gap was first told, by gap id. */
  constructor(gaps: readonly GapEntry[], openedSeq: ReadonlyMap<string, number>) {
    for (const gap of gaps) {
      const [venue = "", symbol = ""] = gap.streamId.split(":");
      const parts = new Map<Interval, Part[]>();
      const instrument = `${venue}:${symbol}`;
      this.#gaps.set(instrument, [...(this.#gaps.get(instrument) ?? []), { gap, openedSeq: openedSeq.get(gap.gapId) ?? gap.atSeq, parts }]);
      this.#byId.set(gap.gapId, parts);
    }
  }

  add(entry: GradeEntry): void {
    this.#order += 1;
    const lengthMs = INTERVAL_MS[entry.interval];
    for (const { gap, openedSeq, parts } of this.#gaps.get(instrumentId(entry)) ?? []) {
      // What is missing may lie at either edge's very time, hence in the buckets of both.
      const fromMs = Math.max(entry.fromOpenMs, Math.floor(gap.fromMs / lengthMs) * lengthMs);
      const untilMs = Math.min(entry.untilOpenMs, gap.toMs === undefined ? Number.POSITIVE_INFINITY : (Math.floor(gap.toMs / lengthMs) + 1) * lengthMs);
      if (fromMs >= untilMs) continue;
      const list = parts.get(entry.interval) ?? [];
      parts.set(entry.interval, list);
      list.push({ fromMs, untilMs, grade: entry.grade, order: this.#order, isSince: entry.atSeq >= openedSeq });
    }
  }

  /** Intervals without a lowered bucket are left out; shortest first. */
  of(gapId: string): readonly GapEffect[] {
    const parts = this.#byId.get(gapId);
    if (parts === undefined) return [];
    return INTERVALS.flatMap((interval) => effectOn(interval, parts.get(interval) ?? []));
  }
}

/** Sweeps over the edges of all entries: between two of them every bucket has the same history. */
function effectOn(interval: Interval, parts: readonly Part[]): readonly GapEffect[] {
  const starting = [...parts].sort((a, b) => a.fromMs - b.fromMs);
  const edges = [...new Set(parts.flatMap(({ fromMs, untilMs }) => [fromMs, untilMs]))].sort((a, b) => a - b);
  const now: Partial<Record<Grade, number>> = {};
  let [active, next]: [Part[], number] = [[], 0];
  let found: { fromOpenMs: number; untilOpenMs: number; buckets: number; worst: Grade } | undefined;
  edges.forEach((fromMs, index) => {
    const untilMs = edges[index + 1];
    active = active.filter((part) => part.untilMs > fromMs);
    for (let part = starting[next]; part !== undefined && part.fromMs <= fromMs; part = starting[next]) {
      active.push(part);
      next += 1;
    }
    const state = untilMs === undefined ? undefined : standing(active);
    if (state === undefined || untilMs === undefined) return;
    const buckets = (untilMs - fromMs) / INTERVAL_MS[interval];
    found = { fromOpenMs: found?.fromOpenMs ?? fromMs, untilOpenMs: untilMs, buckets: (found?.buckets ?? 0) + buckets, worst: worse(found?.worst, state.worst) };
    now[state.now] = (now[state.now] ?? 0) + buckets;
  });
  return found === undefined ? [] : [{ interval, ...found, now }];
}

/** Undefined where no bucket stood below complete since the gap was opened; what stood before and never changed counts as standing then. */
function standing(active: readonly Part[]): { readonly worst: Grade; readonly now: Grade } | undefined {
  const inOrder = [...active].sort((a, b) => a.order - b.order);
  const last = inOrder.at(-1);
  const before = inOrder.findLast(({ isSince }) => !isSince);
  const since = inOrder.filter((part) => part.isSince || part === before);
  const lowered = since.map(({ grade }) => grade).filter((grade) => LOWERED.has(grade));
  if (last === undefined || lowered.length === 0) return undefined;
  return { worst: lowered.reduce<Grade>((worst, grade) => worse(worst, grade), last.grade), now: last.grade };
}

function worse(a: Grade | undefined, b: Grade): Grade {
  return a !== undefined && WORST_FIRST.indexOf(a) <= WORST_FIRST.indexOf(b) ? a : b;
}

/** Reads the grades journal once, for all gaps. */
export async function readGapEffects(derived: Deriver, gaps: readonly GapEntry[], openedSeq: ReadonlyMap<string, number>): Promise<GapEffects> {
  const effects = new GapEffects(gaps, openedSeq);
  if (gaps.length > 0) for await (const line of derived.journals.grades.read()) effects.add(readGrade(line));
  return effects;
}
