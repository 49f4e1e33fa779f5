// The derived files of one capture: three journals and, over the bars, the history that a canonicalizer asks.
// Memory: 32 bytes per bar (its place in the file) and the last few thousand versions; the rest is read back on demand.
import { assert } from "../../shared/base.ts";
import type { BarKey, BarVersion } from "../../shared/candles.ts";
import { INTERVALS, type Interval } from "../../shared/time.ts";
import type { BarHistory } from "../canonical/types.ts";
import type { Disk } from "../rawlog/types.ts";
import { JournalFile, readRangeSync, type JournalMode, type LineDifference, type ReadRange } from "./journal-file.ts";
import { barText, readBar, seriesId } from "./lines.ts";

/** Decoded versions kept for late trades: the last minutes of a few symbols, about 2 MB. */
const RECENT_VERSIONS_MAX = 1_024;

export const JOURNAL_NAMES = ["bars", "grades", "ledger"] as const;
export type JournalName = (typeof JOURNAL_NAMES)[number];
export type JournalLengths = Readonly<Record<JournalName, number>>;

export interface JournalsOptions {
  readonly disk: Disk;
  /** The capture's `candles` folder. */
  readonly folder: string;
  readonly mode: JournalMode;
  readonly readRange?: ReadRange;
  readonly storedLengths?: JournalLengths;
}

export class Journals {
  readonly bars: JournalFile;
  readonly grades: JournalFile;
  readonly ledger: JournalFile;

  constructor(options: JournalsOptions) {
    const { disk, folder, mode, readRange = readRangeSync, storedLengths } = options;
    const open = (name: JournalName): JournalFile =>
      new JournalFile({ disk, path: `${folder}/${name}.journal`, mode, readRange, storedLength: storedLengths?.[name] ?? 0 });
    this.bars = open("bars");
    this.grades = open("grades");
    this.ledger = open("ledger");
  }

  get lengths(): JournalLengths {
    return { bars: this.bars.length, grades: this.grades.length, ledger: this.ledger.length };
  }
  get digests(): Readonly<Record<JournalName, string>> {
    return { bars: this.bars.digest(), grades: this.grades.digest(), ledger: this.ledger.digest() };
  }
  get pendingBytes(): number {
    return this.bars.pendingBytes + this.grades.pendingBytes + this.ledger.pendingBytes;
  }
  get difference(): LineDifference | undefined {
    return this.bars.difference ?? this.grades.difference ?? this.ledger.difference;
  }
  reset(): void {
    for (const name of JOURNAL_NAMES) this[name].reset();
  }
  async flush(): Promise<void> {
    for (const name of JOURNAL_NAMES) await this[name].flush();
  }
  async sync(): Promise<void> {
    for (const name of JOURNAL_NAMES) await this[name].sync();
  }
  async close(): Promise<void> {
    for (const name of JOURNAL_NAMES) await this[name].close();
  }
}

/** Where the latest version of each bar of one series lies in the journal, ascending by open time. */
interface SeriesIndex {
  readonly key: Omit<BarKey, "openMs">;
  readonly openMs: number[];
  readonly offset: number[];
  readonly bytes: number[];
  readonly revision: number[];
}

/** First position whose open time is not below `openMs`. */
function lowerBound(openings: readonly number[], openMs: number): number {
  const last = openings.at(-1);
  if (last === undefined || last < openMs) return openings.length;
  let low = 0;
  let high = openings.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((openings[middle] ?? 0) < openMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

export interface IndexedSeries {
  readonly venue: BarKey["venue"];
  readonly symbol: string;
  readonly interval: Interval;
}

export class JournalHistory implements BarHistory {
  readonly #bars: JournalFile;
  readonly #series = new Map<string, SeriesIndex>();
  readonly #recent = new Map<string, BarVersion>();
  #versions = 0;

  constructor(bars: JournalFile) {
    this.#bars = bars;
  }

  /** Versions in all. */
  get versions(): number {
    return this.#versions;
  }

  /** Takes over one line of an existing journal. */
  index(line: string, offset: number, bytes: number): void {
    const version = readBar(line);
    this.#place(version, offset, bytes);
  }

  latest(key: BarKey): BarVersion | undefined {
    const index = this.#series.get(seriesId(key));
    if (index === undefined) return undefined;
    const at = lowerBound(index.openMs, key.openMs);
    if (index.openMs[at] !== key.openMs) return undefined;
    const version = this.#read(index, at);
    this.#remember(version);
    return version;
  }

  append(version: BarVersion): void {
    const { offset, bytes } = this.#bars.append(barText(version));
    this.#place(version, offset, bytes);
    this.#remember(version);
  }

  reset(): void {
    this.#series.clear();
    this.#recent.clear();
    this.#versions = 0;
  }

  /** Series that have bars, by venue, symbol and interval length. */
  series(): readonly IndexedSeries[] {
    const all = [...this.#series.values()].map(({ key }) => key);
    return all.sort((a, b) => {
      if (a.venue !== b.venue) return a.venue < b.venue ? -1 : 1;
      if (a.symbol !== b.symbol) return a.symbol < b.symbol ? -1 : 1;
      return INTERVALS.indexOf(a.interval) - INTERVALS.indexOf(b.interval);
    });
  }

  /** Latest versions of the bars that open in [fromMs, untilMs), ascending. */
  *latestIn(series: IndexedSeries, fromMs: number, untilMs: number): Generator<BarVersion> {
    const index = this.#series.get(seriesId(series));
    if (index === undefined) return;
    for (let at = lowerBound(index.openMs, fromMs); at < index.openMs.length; at += 1) {
      if ((index.openMs[at] ?? untilMs) >= untilMs) return;
      yield this.#read(index, at);
    }
  }

  #place(version: BarVersion, offset: number, bytes: number): void {
    const { venue, symbol, interval, openMs } = version.key;
    const id = seriesId(version.key);
    let index = this.#series.get(id);
    if (index === undefined) {
      index = { key: { venue, symbol, interval }, openMs: [], offset: [], bytes: [], revision: [] };
      this.#series.set(id, index);
    }
    const at = lowerBound(index.openMs, openMs);
    const known = index.openMs[at] === openMs;
    const before = known ? (index.revision[at] ?? 0) : 0;
    assert(version.revision === before + 1, `${id} ${openMs}: revision ${version.revision} follows ${before}`);
    // Almost always the end; a bucket that only a backfill filled goes into the middle.
    const replaced = known ? 1 : 0;
    index.openMs.splice(at, replaced, openMs);
    index.offset.splice(at, replaced, offset);
    index.bytes.splice(at, replaced, bytes);
    index.revision.splice(at, replaced, version.revision);
    this.#versions += 1;
  }

  #read(index: SeriesIndex, at: number): BarVersion {
    const openMs = index.openMs[at] ?? 0;
    const recent = this.#recent.get(`${seriesId(index.key)}@${openMs}`);
    if (recent !== undefined) return recent;
    const version = readBar(this.#bars.lineAt(index.offset[at] ?? 0, index.bytes[at] ?? 0));
    assert(version.key.openMs === openMs, `the index of ${this.#bars.path} points at another bar`);
    return version;
  }

  #remember(version: BarVersion): void {
    const id = `${seriesId(version.key)}@${version.key.openMs}`;
    this.#recent.delete(id);
    this.#recent.set(id, version);
    if (this.#recent.size <= RECENT_VERSIONS_MAX) return;
    for (const oldest of this.#recent.keys()) {
      this.#recent.delete(oldest);
      return;
    }
  }
}
