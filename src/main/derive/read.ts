// Reading what was derived, for the command line and the screen: bars by revision, grades, gaps, revisions, lane events.
// Derived files that are missing or behind are completed first: on disk when that is allowed, else in memory.
import type { Sha256, StopSignal } from "../../shared/base.ts";
import type { BarConfirmation, BarKey, BarVersion, GapEntry, Grade, GradeEntry, LaneEvent, RevisionCandidate } from "../../shared/candles.ts";
import type { DecoderLookup, Instrument } from "../../shared/market.ts";
import { INTERVAL_MS, type Interval } from "../../shared/time.ts";
import type { Disk, RawLogReader } from "../rawlog/types.ts";
import { createDeriver, type Deriver } from "./deriver.ts";
import { loadCheckpoint } from "./checkpoint.ts";
import { CANONICALIZER_VERSION } from "../canonical/types.ts";
import type { IndexedSeries } from "./journal.ts";
import { readBar, readGrade, readLedger, seriesId } from "./lines.ts";

export interface OpenDerivedOptions {
  readonly disk: Disk;
  readonly captureFolder: string;
  readonly reader: RawLogReader;
  readonly decoders: DecoderLookup;
  readonly sha256: Sha256;
  /** True when nobody else writes the capture and its folder may be written: the caller holds the lock. */
  readonly writable: boolean;
  /** Cut the log here (`as_of`): what was known then. Undefined: everything that can be read. */
  readonly untilSeq?: number;
  /** With `untilSeq`: only this series is derived, which is faster. */
  readonly only?: Instrument & { readonly interval: Interval };
  readonly onNote: (note: string) => void;
  readonly stop?: StopSignal;
}

/** True when the stored files answer for the whole log, so that reading them needs no deriving. */
export async function isDerived(disk: Disk, captureFolder: string, lastSeq: number): Promise<boolean> {
  const loaded = await loadCheckpoint(disk, `${captureFolder}/candles`, CANONICALIZER_VERSION);
  return loaded?.ok === true && loaded.value.header.seq === lastSeq;
}

/** The deriver, standing at the end of the log (or at `untilSeq`). Whoever opens it closes it. */
export async function openDerived(options: OpenDerivedOptions): Promise<Deriver> {
  const { disk, captureFolder, reader, decoders, sha256, onNote, stop, untilSeq, only } = options;
  const lastSeq = await reader.refresh();
  const target = Math.min(untilSeq ?? lastSeq, lastSeq);
  const loaded = await loadCheckpoint(disk, `${captureFolder}/candles`, CANONICALIZER_VERSION);
  const standsAt = loaded?.ok === true ? loaded.value.header.seq : 0;
  const cut = untilSeq !== undefined && untilSeq < lastSeq;
  const resume = !cut || standsAt <= target;
  const mode = options.writable && !cut ? "write" : "memory";
  if (!cut && standsAt < lastSeq) {
    onNote(`Candles reach seq ${standsAt} of ${lastSeq}: deriving the rest ${mode === "write" ? "now" : "in memory (the capture is in use or may not be written)"}`);
  }
  const deriver = await createDeriver({
    disk, captureFolder, reader, decoders, sha256, mode, resume, onNote,
    ...(cut && !resume && only !== undefined ? { instruments: [only], intervals: [only.interval] } : {}),
    ...(stop === undefined ? {} : { stop }),
  });
  try {
    await deriver.advance(target);
    if (mode === "write") await deriver.finish();
    return deriver;
  } catch (error) {
    await deriver.close();
    throw error;
  }
}

export interface TimeRange {
  /** Bars that open at or after this. */
  readonly fromMs?: number | undefined;
  /** Bars that open before this. */
  readonly untilMs?: number | undefined;
}

function isWithin(openMs: number, range: TimeRange): boolean {
  return (range.fromMs === undefined || openMs >= range.fromMs) && (range.untilMs === undefined || openMs < range.untilMs);
}

export type RevisionChoice = number | "latest" | "all";

/** Versions of a series' bars, by open time and revision. */
export async function readBars(derived: Deriver, series: IndexedSeries, choice: RevisionChoice, range: TimeRange): Promise<readonly BarVersion[]> {
  if (choice === "latest") return [...derived.history.latestIn(series, range.fromMs ?? -Infinity, range.untilMs ?? Infinity)];
  const versions: BarVersion[] = [];
  const mark = `"interval":"${series.interval}"`;
  for await (const line of derived.journals.bars.read()) {
    if (!line.includes(mark)) continue;
    const bar = readBar(line);
    if (seriesId(bar.key) !== seriesId(series) || !isWithin(bar.key.openMs, range)) continue;
    if (choice === "all" || bar.revision === choice) versions.push(bar);
  }
  return versions.sort((a, b) => a.key.openMs - b.key.openMs || a.revision - b.revision);
}

/** Every version that replaced another, in the order in which they came to be. */
export async function* readRevisions(derived: Deriver): AsyncGenerator<BarVersion> {
  for await (const line of derived.journals.bars.read()) {
    // Keys are sorted, so this spells a first version wherever it stands; the check below decides.
    if (line.includes('"revision":1,')) continue;
    const bar = readBar(line);
    if (bar.revision > 1) yield bar;
  }
}

interface Placed { readonly order: number; readonly entry: GradeEntry }

/** Grades of one series: the latest entry that covers a bucket. */
export class GradeTimeline {
  readonly #single = new Map<number, Placed>();
  /** Entries over more than one bucket (missing stretches), oldest first. */
  readonly #wide: Placed[] = [];
  readonly #lengthMs: number;
  #order = 0;

  constructor(interval: Interval) {
    this.#lengthMs = INTERVAL_MS[interval];
  }

  add(entry: GradeEntry): void {
    const placed = { order: this.#order, entry };
    this.#order += 1;
    if (entry.untilOpenMs - entry.fromOpenMs <= this.#lengthMs) this.#single.set(entry.fromOpenMs, placed);
    else this.#wide.push(placed);
  }

  at(openMs: number): GradeEntry | undefined {
    const single = this.#single.get(openMs);
    for (let index = this.#wide.length - 1; index >= 0; index -= 1) {
      const wide = this.#wide[index];
      if (wide === undefined || (single !== undefined && wide.order < single.order)) break;
      if (wide.entry.fromOpenMs <= openMs && openMs < wide.entry.untilOpenMs) return wide.entry;
    }
    return single?.entry;
  }

  /** Opens of the buckets that any entry speaks of, as [first, until), undefined without entries. */
  get span(): { readonly fromMs: number; readonly untilMs: number } | undefined {
    let fromMs = Infinity;
    let untilMs = -Infinity;
    for (const { entry } of [...this.#single.values(), ...this.#wide]) {
      if (entry.fromOpenMs < fromMs) fromMs = entry.fromOpenMs;
      if (entry.untilOpenMs > untilMs) untilMs = entry.untilOpenMs;
    }
    return untilMs === -Infinity ? undefined : { fromMs, untilMs };
  }
}

export async function readGrades(derived: Deriver, series: IndexedSeries): Promise<GradeTimeline> {
  const timeline = new GradeTimeline(series.interval);
  const mark = `"interval":"${series.interval}"`;
  for await (const line of derived.journals.grades.read()) {
    if (!line.includes(mark)) continue;
    const entry = readGrade(line);
    if (seriesId(entry) === seriesId(series)) timeline.add(entry);
  }
  return timeline;
}

/** The same as the canonicalizer's history, but also for a bucket that has no bar. */
export async function gradeHistory(derived: Deriver, key: BarKey): Promise<readonly { readonly grade: Grade; readonly why: string; readonly atSeq: number }[]> {
  const history: { grade: Grade; why: string; atSeq: number }[] = [];
  for await (const line of derived.journals.grades.read()) {
    const entry = readGrade(line);
    if (seriesId(entry) !== seriesId(key) || key.openMs < entry.fromOpenMs || key.openMs >= entry.untilOpenMs) continue;
    history.push({ grade: entry.grade, why: entry.why, atSeq: entry.atSeq });
  }
  return history;
}

export interface Ledger {
  /** Latest state of each gap, in the order in which they were found. */
  readonly gaps: readonly GapEntry[];
  /** Raw seq at which each gap was first told, by gap id. */
  readonly openedSeq: ReadonlyMap<string, number>;
  readonly candidates: readonly RevisionCandidate[];
  readonly events: readonly LaneEvent[];
}

export async function readLedgerEntries(derived: Deriver): Promise<Ledger> {
  const gaps = new Map<string, GapEntry>();
  const openedSeq = new Map<string, number>();
  const candidates: RevisionCandidate[] = [];
  const events: LaneEvent[] = [];
  for await (const line of derived.journals.ledger.read()) {
    const entry = readLedger(line);
    if (entry.kind === "gap") {
      gaps.set(entry.gap.gapId, entry.gap);
      if (!openedSeq.has(entry.gap.gapId)) openedSeq.set(entry.gap.gapId, entry.gap.atSeq);
    } else if (entry.kind === "candidate") candidates.push(entry.candidate);
    else if (entry.kind === "lane") events.push(entry.event);
  }
  return { gaps: [...gaps.values()], openedSeq, candidates, events };
}

/** What venues' own candles said of one series' bars: the latest word on each version. */
export class SeriesConfirmations {
  readonly #words = new Map<string, BarConfirmation>();

  add(confirmation: BarConfirmation): void {
    this.#words.set(`${confirmation.key.openMs}/${confirmation.revision}`, confirmation);
  }

  of(bar: BarVersion): BarConfirmation | undefined {
    return this.#words.get(`${bar.key.openMs}/${bar.revision}`);
  }
}

export async function readConfirmations(derived: Deriver, series: IndexedSeries): Promise<SeriesConfirmations> {
  const found = new SeriesConfirmations();
  for await (const line of derived.journals.ledger.read()) {
    if (!line.includes('"kind":"confirmation"')) continue;
    const entry = readLedger(line);
    if (entry.kind === "confirmation" && seriesId(entry.confirmation.key) === seriesId(series)) found.add(entry.confirmation);
  }
  return found;
}
