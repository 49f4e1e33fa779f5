// Everything a tape's canonicalizers have said so far, append-only and shared by them: "as of" is a pair of lengths.
// Reading a stretch again says the same again, which is asserted by digest: a free proof of determinism.
import { assert, unreachable } from "../../shared/base.ts";
import type { BarConfirmation, BarKey, BarVersion, CanonicalOutput, GapEntry, GradeEntry, LaneEvent } from "../../shared/candles.ts";
import { instrumentId, type Instrument } from "../../shared/market.ts";
import { INTERVAL_MS, type Interval } from "../../shared/time.ts";
import type { BarHistory } from "../canonical/types.ts";
import { PackedList } from "./packed-list.ts";

/** What is heard besides bars. */
export type Saying = Exclude<CanonicalOutput, { readonly kind: "bar" }>;

/** Versions of one series, by bucket and by order of appending. */
export interface Series {
  /** Indices into `versions`, ascending, per bucket. */
  readonly chains: ReadonlyMap<number, readonly number[]>;
  /** Indices of first sealings, ascending; with `atSeq` never decreasing. */
  readonly sealed: readonly number[];
  /** Prefix extremes: from version `index` on, the oldest and newest bucket are these. */
  readonly extremes: readonly { readonly index: number; readonly firstOpenMs: number; readonly lastOpenMs: number }[];
  /** Indices into `sayings` of grades that cover one bucket, per bucket; and of those that cover several. */
  readonly grades: ReadonlyMap<number, readonly number[]>;
  readonly gradeRanges: readonly number[];
  /** Indices into `sayings` of what venues' candles said, per bucket. */
  readonly confirmations: ReadonlyMap<number, readonly number[]>;
  /** Prefix maximum of what is graded: from saying `index` on, buckets before this are. */
  readonly gradedUntil: readonly { readonly index: number; readonly untilOpenMs: number }[];
}

interface MutableSeries extends Series {
  readonly chains: Map<number, number[]>;
  readonly sealed: number[];
  readonly extremes: { index: number; firstOpenMs: number; lastOpenMs: number }[];
  readonly grades: Map<number, number[]>;
  readonly gradeRanges: number[];
  readonly confirmations: Map<number, number[]>;
  readonly gradedUntil: { index: number; untilOpenMs: number }[];
}

function seriesId(instrument: Instrument, interval: Interval): string {
  return `${instrumentId(instrument)}/${interval}`;
}

/** Number of elements that are below `bound`, by a measure in which the list is ascending. */
export function countBelow<T>(ascending: readonly T[], bound: number, measure: (element: T) => number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (measure(ascending[middle] as T) < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Last element below `bound`, undefined when there is none. */
export function lastBelow(ascending: readonly number[] | undefined, bound: number): number | undefined {
  if (ascending === undefined) return undefined;
  for (let index = ascending.length - 1; index >= 0; index -= 1) {
    const value = ascending[index];
    if (value !== undefined && value < bound) return value;
  }
  return undefined;
}

function push(map: Map<number, number[]>, key: number, value: number): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

/** What is below `length` of an ascending list of indices. */
function indicesBelow(ascending: readonly number[], length: number): number[] {
  return ascending.slice(0, countBelow(ascending, length, (index) => index));
}

function chainsBelow(chains: ReadonlyMap<number, readonly number[]>, length: number): Map<number, number[]> {
  const kept = new Map<number, number[]>();
  for (const [openMs, chain] of chains) {
    const below = indicesBelow(chain, length);
    if (below.length > 0) kept.set(openMs, below);
  }
  return kept;
}

export class Chronicle {
  #versions = new PackedList<BarVersion>();
  /** Of each version, what is asked so often that unpacking it would show. */
  #digests: string[] = [];
  #atSeqs: number[] = [];
  #sayings = new PackedList<Saying>();
  readonly #series = new Map<string, MutableSeries>();
  #gaps = new Map<string, number[]>();
  #lanes: number[] = [];

  series(instrument: Instrument, interval: Interval): Series | undefined {
    return this.#series.get(seriesId(instrument, interval));
  }

  /** Indices into `sayings`, per gap id, ascending. */
  get gaps(): ReadonlyMap<string, readonly number[]> {
    return this.#gaps;
  }

  /** Indices into `sayings` of lane events, ascending. */
  get lanes(): readonly number[] {
    return this.#lanes;
  }

  get versionCount(): number {
    return this.#versions.length;
  }
  get sayingCount(): number {
    return this.#sayings.length;
  }

  /** Raw seq that caused a version. */
  atSeqOf(index: number): number {
    const atSeq = this.#atSeqs[index];
    assert(atSeq !== undefined, `no bar version ${index}`);
    return atSeq;
  }

  version(index: number): BarVersion {
    const version = this.#versions.at(index);
    assert(version !== undefined, `no bar version ${index}`);
    return version;
  }

  saying(index: number): Saying | undefined {
    return this.#sayings.at(index);
  }

  gapAt(index: number): GapEntry {
    const saying = this.saying(index);
    assert(saying?.kind === "gap", `saying ${index} is no gap`);
    return saying.gap;
  }

  gradeAt(index: number): GradeEntry {
    const saying = this.saying(index);
    assert(saying?.kind === "grade", `saying ${index} is no grade`);
    return saying.grade;
  }

  confirmationAt(index: number): BarConfirmation {
    const saying = this.saying(index);
    assert(saying?.kind === "confirmation", `saying ${index} is no confirmation`);
    return saying.confirmation;
  }

  laneAt(index: number): LaneEvent {
    const saying = this.saying(index);
    assert(saying?.kind === "lane", `saying ${index} is no lane event`);
    return saying.event;
  }

  /** A chronicle that ends at a mark and goes its own way from there. */
  copyUntil(mark: ChronicleMark): Chronicle {
    const copy = new Chronicle();
    const { versions, sayings } = mark;
    copy.#versions = this.#versions.copyUntil(versions);
    copy.#digests = this.#digests.slice(0, versions);
    copy.#atSeqs = this.#atSeqs.slice(0, versions);
    copy.#sayings = this.#sayings.copyUntil(sayings);
    copy.#lanes = indicesBelow(this.#lanes, sayings);
    for (const [gapId, chain] of this.#gaps) {
      const below = indicesBelow(chain, sayings);
      if (below.length > 0) copy.#gaps.set(gapId, below);
    }
    for (const [id, series] of this.#series) copy.#series.set(id, seriesBelow(series, mark));
    return copy;
  }

  putVersion(index: number, version: BarVersion): void {
    const known = this.#digests[index];
    if (known !== undefined) {
      assert(known === version.digest && this.#atSeqs[index] === version.atSeq,
        `bar ${version.key.interval} ${version.key.openMs} r${version.revision} came out differently the second time: ${known} then ${version.digest}`);
      return;
    }
    assert(index === this.#versions.length, "bar versions are appended in order");
    this.#versions.push(version);
    this.#digests.push(version.digest);
    this.#atSeqs.push(version.atSeq);
    const series = this.#seriesOf(version.key, version.key.interval);
    push(series.chains, version.key.openMs, index);
    if (version.revision === 1) series.sealed.push(index);
    const last = series.extremes.at(-1);
    const firstOpenMs = Math.min(last?.firstOpenMs ?? version.key.openMs, version.key.openMs);
    const lastOpenMs = Math.max(last?.lastOpenMs ?? version.key.openMs, version.key.openMs);
    if (last?.firstOpenMs !== firstOpenMs || last.lastOpenMs !== lastOpenMs) series.extremes.push({ index, firstOpenMs, lastOpenMs });
  }

  putSaying(index: number, saying: Saying): void {
    const known = this.saying(index);
    if (known !== undefined) {
      assert(known.kind === saying.kind && fingerprint(known) === fingerprint(saying),
        `saying ${index} came out differently the second time: ${fingerprint(known)} then ${fingerprint(saying)}`);
      return;
    }
    assert(index === this.#sayings.length, "sayings are appended in order");
    this.#sayings.push(saying);
    if (saying.kind === "lane") this.#lanes.push(index);
    if (saying.kind === "gap") {
      const chain = this.#gaps.get(saying.gap.gapId);
      if (chain === undefined) this.#gaps.set(saying.gap.gapId, [index]);
      else chain.push(index);
    }
    if (saying.kind === "grade") this.#putGrade(index, saying.grade);
    if (saying.kind === "confirmation") push(this.#seriesOf(saying.confirmation.key, saying.confirmation.key.interval).confirmations, saying.confirmation.key.openMs, index);
  }

  #putGrade(index: number, grade: GradeEntry): void {
    const series = this.#seriesOf(grade, grade.interval);
    const single = isSingleBucket(grade);
    if (single) push(series.grades, grade.fromOpenMs, index);
    else series.gradeRanges.push(index);
    const until = series.gradedUntil.at(-1)?.untilOpenMs;
    if (until === undefined || grade.untilOpenMs > until) series.gradedUntil.push({ index, untilOpenMs: grade.untilOpenMs });
  }

  #seriesOf(instrument: Instrument, interval: Interval): MutableSeries {
    const id = seriesId(instrument, interval);
    let series = this.#series.get(id);
    if (series === undefined) {
      series = { chains: new Map(), sealed: [], extremes: [], grades: new Map(), gradeRanges: [], confirmations: new Map(), gradedUntil: [] };
      this.#series.set(id, series);
    }
    return series;
  }
}

function seriesBelow(series: Series, { versions, sayings }: ChronicleMark): MutableSeries {
  return {
    chains: chainsBelow(series.chains, versions),
    sealed: indicesBelow(series.sealed, versions),
    extremes: series.extremes.filter(({ index }) => index < versions).map((extreme) => ({ ...extreme })),
    grades: chainsBelow(series.grades, sayings),
    gradeRanges: indicesBelow(series.gradeRanges, sayings),
    confirmations: chainsBelow(series.confirmations, sayings),
    gradedUntil: series.gradedUntil.filter(({ index }) => index < sayings).map((graded) => ({ ...graded })),
  };
}

function isSingleBucket(grade: GradeEntry): boolean {
  return grade.untilOpenMs - grade.fromOpenMs === INTERVAL_MS[grade.interval];
}

function fingerprint(saying: Saying): string {
  switch (saying.kind) {
    case "gap":
      return `${saying.gap.atSeq} ${saying.gap.gapId} ${saying.gap.state} ${saying.gap.missing}`;
    case "grade":
      return `${saying.grade.atSeq} ${saying.grade.interval} ${saying.grade.fromOpenMs}…${saying.grade.untilOpenMs} ${saying.grade.grade}`;
    case "lane":
      return `${saying.event.atSeq} ${saying.event.kind} ${saying.event.connection}`;
    case "candidate":
      return `${saying.candidate.atSeq} ${saying.candidate.key.interval} ${saying.candidate.key.openMs} ${saying.candidate.trades}`;
    case "stream":
      return `${saying.atSeq} ${saying.streamId} ${saying.state}`;
    case "cut":
      return `${saying.atSeq} ${saying.date}`;
    case "confirmation":
      return `${saying.confirmation.atSeq} ${saying.confirmation.key.interval} ${saying.confirmation.key.openMs} ${saying.confirmation.revision} ${saying.confirmation.result}`;
    default:
      return unreachable(saying);
  }
}

/** How far one reader of the chronicle has come. */
export interface ChronicleMark {
  readonly versions: number;
  readonly sayings: number;
}

/** One pass's place in the chronicle: the history its canonicalizer sees ends here, whatever others have appended since. */
export class ChronicleReader implements BarHistory {
  readonly chronicle: Chronicle;
  #versions = 0;
  #sayings = 0;

  constructor(chronicle: Chronicle) {
    this.chronicle = chronicle;
  }

  get mark(): ChronicleMark {
    return { versions: this.#versions, sayings: this.#sayings };
  }

  moveTo(mark: ChronicleMark): void {
    assert(mark.versions <= this.chronicle.versionCount && mark.sayings <= this.chronicle.sayingCount, "a mark lies within the chronicle");
    this.#versions = mark.versions;
    this.#sayings = mark.sayings;
  }

  latest(key: BarKey): BarVersion | undefined {
    const index = lastBelow(this.chronicle.series(key, key.interval)?.chains.get(key.openMs), this.#versions);
    return index === undefined ? undefined : this.chronicle.version(index);
  }

  append(version: BarVersion): void {
    this.chronicle.putVersion(this.#versions, version);
    this.#versions += 1;
  }

  /** Takes a canonicalizer's drained output; bars came by `append` already. */
  hear(outputs: readonly CanonicalOutput[]): void {
    for (const output of outputs) {
      if (output.kind === "bar") continue;
      this.chronicle.putSaying(this.#sayings, output);
      this.#sayings += 1;
    }
  }
}
