// A BridgeCache in memory with a disk's manners: what is not committed is lost when the process dies, and any call can fail,
// before or after its transaction was committed. Tests read from it what a new process would find.
import { assert, fault, type Fault, FaultError } from "../../../shared/base.ts";
import type { Grade } from "../../../shared/candles.ts";
import { INTERVAL_MS } from "../../../shared/time.ts";
import { streamName, type History, type SequencedEntry, type StreamKey } from "../model.ts";
import type { BridgeCache, CacheBatch, CachedBar, CachedGrade, CachedStream, CachedWindow, SequenceHole } from "./types.ts";

export type CacheMethod = "streams" | "window" | "apply" | "applyMany" | "skip" | "reset" | "versions" | "gradeHistory";

interface Row {
  readonly key: StreamKey;
  readonly history: History;
  readonly appliedSequence: number;
  readonly holes: readonly SequenceHole[];
  /** Ascending by sequence. */
  readonly entries: readonly SequencedEntry[];
}

/** What the "disk" holds: only ever replaced whole, by a commit. */
interface Disk {
  rows: ReadonlyMap<string, Row>;
  commits: number;
}

/** `before`: nothing was written. `after`: it was, but the caller is told that it was not. */
export interface CacheFailure {
  readonly when: "before" | "after";
  readonly fault: Fault;
}

export class MemoryCache implements BridgeCache {
  readonly #disk: Disk;
  readonly calls: CacheMethod[] = [];
  /** Asked at each call; undefined = it works. */
  failing: (method: CacheMethod) => CacheFailure | undefined = () => undefined;
  /** While set, calls wait for it. */
  gate: Promise<void> | undefined;
  /** Writes of one stream under way at once: never more than one. */
  readonly #writing = new Set<string>();
  #queue: Promise<unknown> = Promise.resolve();
  #isDead = false;
  #closed = false;

  constructor(disk: Disk = { rows: new Map(), commits: 0 }) {
    this.#disk = disk;
  }

  get commits(): number {
    return this.#disk.commits;
  }

  /** The process dies: calls under way never answer and commit nothing more. Returns what a new process opens. */
  crash(): MemoryCache {
    this.#isDead = true;
    return new MemoryCache(this.#disk);
  }

  /** Everything held of a stream, for comparing with the server's. */
  held(remote: string, key: StreamKey): Row | undefined {
    return this.#disk.rows.get(rowName(remote, key));
  }

  streams(remote: string): Promise<readonly CachedStream[]> {
    return this.#call("streams", () => {
      const rows = [...this.#disk.rows].filter(([name]) => name.startsWith(`${remote}/`)).map(([, row]) => row);
      return rows.map(({ key, history, appliedSequence, holes, entries }) => ({ key, history, appliedSequence, holes, bars: latestBars(entries).size }));
    });
  }

  window(remote: string, key: StreamKey, range: { readonly untilOpenMs: number | undefined; readonly bars: number }): Promise<CachedWindow> {
    return this.#call("window", () => windowOf(this.#disk.rows.get(rowName(remote, key))?.entries ?? [], key, range));
  }

  versions(remote: string, key: StreamKey, openMs: number): Promise<readonly CachedBar[]> {
    return this.#call("versions", () => (this.#disk.rows.get(rowName(remote, key))?.entries ?? []).flatMap((entry) => (entry.kind === "bar" && entry.bar.openMs === openMs ? [cachedBar(entry)] : [])));
  }

  gradeHistory(remote: string, key: StreamKey, openMs: number): Promise<readonly CachedGrade[]> {
    return this.#call("gradeHistory", () => (this.#disk.rows.get(rowName(remote, key))?.entries ?? []).flatMap((entry): CachedGrade[] => {
      const { sequence, atSeq } = entry;
      if (entry.kind === "bar" && entry.bar.openMs === openMs && entry.bar.grade !== undefined) return [{ grade: entry.bar.grade, why: "", sequence, atSeq }];
      if (entry.kind === "grade" && entry.fromOpenMs <= openMs && openMs < entry.untilOpenMs) return [{ grade: entry.grade, why: entry.why, sequence, atSeq }];
      return [];
    }));
  }

  apply(remote: string, key: StreamKey, history: History, entries: readonly SequencedEntry[]): Promise<void> {
    return this.#write("apply", remote, [key], (rows) => applyTo(rows, remote, { key, history, entries }));
  }

  applyMany(remote: string, batches: readonly CacheBatch[]): Promise<void> {
    return this.#write("applyMany", remote, batches.map(({ key }) => key), (rows) => {
      for (const batch of batches) applyTo(rows, remote, batch);
    });
  }

  skip(remote: string, key: StreamKey, history: History, hole: SequenceHole): Promise<void> {
    return this.#write("skip", remote, [key], (rows) => {
      const row = rowOf(rows, remote, key, history);
      if (hole.toSequence <= row.appliedSequence) return;
      if (hole.fromSequence !== row.appliedSequence + 1) throw fault("cache.out-of-order", `a hole from ${hole.fromSequence} on does not follow ${row.appliedSequence}`);
      rows.set(rowName(remote, key), { ...row, appliedSequence: hole.toSequence, holes: [...row.holes, hole] });
    });
  }

  reset(remote: string, key: StreamKey): Promise<void> {
    return this.#write("reset", remote, [key], (rows) => {
      rows.delete(rowName(remote, key));
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#queue;
  }

  #write(method: CacheMethod, remote: string, keys: readonly StreamKey[], change: (rows: Map<string, Row>) => void): Promise<void> {
    const names = keys.map((key) => rowName(remote, key));
    for (const name of names) {
      assert(!this.#writing.has(name), `two writes of ${name} at once`);
      this.#writing.add(name);
    }
    return this.#call(method, () => {
      const rows = new Map(this.#disk.rows);
      change(rows);
      this.#disk.rows = rows;
      this.#disk.commits += 1;
    }).finally(() => {
      for (const name of names) this.#writing.delete(name);
    });
  }

  #call<T>(method: CacheMethod, transaction: () => T): Promise<T> {
    assert(!this.#closed, `${method} after close`);
    this.calls.push(method);
    const result = this.#queue.then(async () => {
      await this.gate;
      if (this.#isDead) return new Promise<T>(() => undefined);
      const failure = this.failing(method);
      if (failure?.when === "before") throw new FaultError(failure.fault);
      const value = transaction();
      if (failure !== undefined) throw new FaultError(failure.fault);
      return value;
    });
    this.#queue = result.catch(() => undefined);
    return result;
  }
}

function rowName(remote: string, key: StreamKey): string {
  return `${remote}/${streamName(key)}`;
}

function rowOf(rows: ReadonlyMap<string, Row>, remote: string, key: StreamKey, history: History): Row {
  const row = rows.get(rowName(remote, key)) ?? { key, history, appliedSequence: 0, holes: [], entries: [] };
  if (row.history.historyId !== history.historyId) throw fault("cache.other-history", `${streamName(key)} is held under another history`);
  return row;
}

function applyTo(rows: Map<string, Row>, remote: string, { key, history, entries }: CacheBatch): void {
  const row = rowOf(rows, remote, key, history);
  const fresh = entries.filter(({ sequence }) => sequence > row.appliedSequence);
  fresh.forEach(({ sequence }, index) => {
    if (sequence !== row.appliedSequence + 1 + index) throw fault("cache.out-of-order", `sequence ${sequence} does not follow ${row.appliedSequence + index}`);
  });
  rows.set(rowName(remote, key), { ...row, appliedSequence: fresh.at(-1)?.sequence ?? row.appliedSequence, entries: [...row.entries, ...fresh] });
}

function cachedBar(entry: SequencedEntry & { readonly kind: "bar" }): CachedBar {
  return { ...entry.bar, sequence: entry.sequence, atSeq: entry.atSeq };
}

/** Latest versions with the latest grade said of each bucket, in the order of the entries. */
function latestBars(entries: readonly SequencedEntry[]): Map<number, CachedBar> {
  const bars = new Map<number, CachedBar>();
  for (const entry of entries) if (entry.kind === "bar") bars.set(entry.bar.openMs, { ...cachedBar(entry), grade: entry.bar.grade ?? bars.get(entry.bar.openMs)?.grade });
  return bars;
}

function gradesOf(entries: readonly SequencedEntry[], stepMs: number): Map<number, Grade> {
  const grades = new Map<number, Grade>();
  for (const entry of entries) {
    if (entry.kind === "bar" && entry.bar.grade !== undefined) grades.set(entry.bar.openMs, entry.bar.grade);
    if (entry.kind === "grade") for (let at = entry.fromOpenMs; at < entry.untilOpenMs; at += stepMs) grades.set(at, entry.grade);
  }
  return grades;
}

export function windowOf(entries: readonly SequencedEntry[], key: StreamKey, range: { readonly untilOpenMs: number | undefined; readonly bars: number }): CachedWindow {
  const stepMs = INTERVAL_MS[key.interval];
  const grades = gradesOf(entries, stepMs);
  const all = [...latestBars(entries).values()].sort((a, b) => a.openMs - b.openMs).filter(({ openMs }) => openMs < (range.untilOpenMs ?? Infinity));
  const bars = all.slice(-range.bars).map((bar) => ({ ...bar, grade: grades.get(bar.openMs) }));
  const moreBefore = bars.length < all.length;
  // The oldest bars bound the window only when there are older ones.
  const fromMs = moreBefore ? (bars[0]?.openMs ?? 0) : -Infinity;
  const untilMs = range.untilOpenMs ?? Infinity;
  const isInside = (openMs: number): boolean => openMs >= fromMs && openMs < untilMs;
  const shown = new Set(bars.map(({ openMs }) => openMs));
  const empty = [...grades].filter(([openMs]) => isInside(openMs) && !shown.has(openMs)).sort(([a], [b]) => a - b)
    .map(([fromOpenMs, grade]) => ({ fromOpenMs, untilOpenMs: fromOpenMs + stepMs, grade }));
  const gaps = new Map<string, CachedWindow["gaps"][number]>();
  for (const entry of entries) if (entry.kind === "gap") gaps.set(entry.gap.gapId, { ...entry.gap, atSeq: entry.atSeq });
  return {
    bars, empty, moreBefore,
    gaps: [...gaps.values()].filter(({ fromMs: from, toMs }) => from < untilMs && (toMs ?? Infinity) >= fromMs),
    corrections: entries.flatMap((entry) => (entry.kind === "bar" && entry.bar.revision > 1 && isInside(entry.bar.openMs)
      ? [{ openMs: entry.bar.openMs, revision: entry.bar.revision, reason: entry.bar.reason, sequence: entry.sequence, atSeq: entry.atSeq }] : [])),
  };
}
