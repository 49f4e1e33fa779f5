// A BridgeCache as plain as it can be: one list of entries per stream, every answer found by looking at all of them.
import { fault } from "../../shared/base.ts";
import type { Grade } from "../../shared/candles.ts";
import { bucketOpenMs, INTERVAL_MS } from "../../shared/time.ts";
import type { BridgeCache, CacheBatch, CachedBar, CachedGrade, CachedStream, CachedWindow, SequenceHole } from "../bridge/client/types.ts";
import type { History, SequencedEntry, StreamKey } from "../bridge/model.ts";
import { keyText } from "./cached-streams.ts";

interface Held {
  readonly key: StreamKey;
  readonly history: History;
  applied: number;
  readonly holes: SequenceHole[];
  readonly entries: SequencedEntry[];
}

type WindowRange = Parameters<BridgeCache["window"]>[2];

export class MemoryCache implements BridgeCache {
  #streams = new Map<string, Held>();

  async streams(remote: string): Promise<readonly CachedStream[]> {
    return [...this.#streams].filter(([name]) => name.startsWith(`${remote}/`))
      .map(([, { key, history, applied, holes, entries }]) => ({ key, history, appliedSequence: applied, holes: [...holes], bars: new Set(barsOf(entries).map((bar) => bar.openMs)).size }))
      .sort((a, b) => (keyText(a.key) < keyText(b.key) ? -1 : 1));
  }

  async apply(remote: string, key: StreamKey, history: History, entries: readonly SequencedEntry[]): Promise<void> {
    await this.applyMany(remote, [{ key, history, entries }]);
  }

  async applyMany(remote: string, batches: readonly CacheBatch[]): Promise<void> {
    const before = this.#streams;
    this.#streams = structuredClone(before);
    try {
      for (const { key, history, entries } of batches) {
        const held = this.#heldUnder(remote, key, history);
        entries.forEach((entry, index) => {
          const previous = index === 0 ? Math.min(held.applied, entry.sequence - 1) : (entries[index - 1]?.sequence ?? 0);
          if (entry.sequence !== previous + 1 || entry.sequence > held.applied + 1) throw fault("cache.out-of-order", "out of order");
          if (entry.sequence <= held.applied) return;
          held.entries.push(entry);
          held.applied = entry.sequence;
        });
      }
    } catch (error) {
      this.#streams = before;
      throw error;
    }
  }

  async skip(remote: string, key: StreamKey, history: History, hole: SequenceHole): Promise<void> {
    const held = this.#streams.get(`${remote}/${keyText(key)}`) ?? { key, history, applied: 0, holes: [], entries: [] };
    if (held.history.historyId !== history.historyId) throw fault("cache.other-history", "other history");
    if (hole.toSequence <= held.applied) return;
    if (hole.fromSequence !== held.applied + 1) throw fault("cache.out-of-order", "out of order");
    held.holes.push(hole);
    held.applied = hole.toSequence;
    this.#streams.set(`${remote}/${keyText(key)}`, held);
  }

  async reset(remote: string, key: StreamKey): Promise<void> {
    this.#streams.delete(`${remote}/${keyText(key)}`);
  }

  async versions(remote: string, key: StreamKey, openMs: number): Promise<readonly CachedBar[]> {
    return barsOf(this.#entries(remote, key)).filter((bar) => bar.openMs === openMs);
  }

  async gradeHistory(remote: string, key: StreamKey, openMs: number): Promise<readonly CachedGrade[]> {
    return this.#entries(remote, key).flatMap((entry) => {
      const { sequence, atSeq } = entry;
      if (entry.kind === "bar" && entry.bar.openMs === openMs && entry.bar.grade !== undefined) return [{ grade: entry.bar.grade, why: "", sequence, atSeq }];
      if (entry.kind === "grade" && entry.fromOpenMs <= openMs && openMs < entry.untilOpenMs) return [{ grade: entry.grade, why: entry.why, sequence, atSeq }];
      return [];
    });
  }

  async window(remote: string, key: StreamKey, range: WindowRange): Promise<CachedWindow> {
    const entries = this.#entries(remote, key);
    const until = range.untilOpenMs ?? Infinity;
    const buckets = [...new Set(barsOf(entries).map((bar) => bar.openMs))].filter((openMs) => openMs < until).sort((a, b) => b - a);
    const moreBefore = buckets.length > range.bars;
    if (range.bars === 0) return { bars: [], empty: [], gaps: [], corrections: [], moreBefore };
    const from = moreBefore ? (buckets[range.bars - 1] ?? 0) : -Infinity;
    const inside = (openMs: number): boolean => openMs >= from && openMs < until;
    const latest = new Map(barsOf(entries).filter((bar) => inside(bar.openMs)).map((bar) => [bar.openMs, bar]));
    const gaps = new Map(entries.flatMap((entry) => (entry.kind === "gap" ? [[entry.gap.gapId, { ...entry.gap, atSeq: entry.atSeq }] as const] : [])));
    return {
      bars: [...latest.values()].sort((a, b) => a.openMs - b.openMs).map((bar) => ({ ...bar, grade: gradeAt(entries, bar.openMs) })),
      empty: emptyOf(entries, key, inside, latest),
      gaps: [...gaps.values()].filter((gap) => gap.fromMs < until && (gap.toMs ?? Infinity) >= from).sort((a, b) => a.fromMs - b.fromMs || (a.gapId < b.gapId ? -1 : 1)),
      corrections: barsOf(entries).filter((bar) => bar.revision > 1 && inside(bar.openMs)).sort((a, b) => a.openMs - b.openMs || a.sequence - b.sequence)
        .map(({ openMs, revision, reason, sequence, atSeq }) => ({ openMs, revision, reason, sequence, atSeq })),
      moreBefore,
    };
  }

  async close(): Promise<void> {}

  #entries(remote: string, key: StreamKey): readonly SequencedEntry[] {
    return this.#streams.get(`${remote}/${keyText(key)}`)?.entries ?? [];
  }

  #heldUnder(remote: string, key: StreamKey, history: History): Held {
    const name = `${remote}/${keyText(key)}`;
    const held = this.#streams.get(name) ?? { key, history, applied: 0, holes: [], entries: [] };
    if (held.history.historyId !== history.historyId) throw fault("cache.other-history", "other history");
    this.#streams.set(name, held);
    return held;
  }
}

function barsOf(entries: readonly SequencedEntry[]): CachedBar[] {
  return entries.flatMap((entry) => (entry.kind === "bar" ? [{ ...entry.bar, sequence: entry.sequence, atSeq: entry.atSeq }] : []));
}

function gradeAt(entries: readonly SequencedEntry[], openMs: number): Grade | undefined {
  let grade: Grade | undefined;
  for (const entry of entries) {
    if (entry.kind === "bar" && entry.bar.openMs === openMs) grade = entry.bar.grade ?? grade;
    if (entry.kind === "grade" && entry.fromOpenMs <= openMs && openMs < entry.untilOpenMs) grade = entry.grade;
  }
  return grade;
}

/** Bucket by bucket over everything that any grade entry covers. */
function emptyOf(entries: readonly SequencedEntry[], key: StreamKey, inside: (openMs: number) => boolean, bars: ReadonlyMap<number, CachedBar>): CachedWindow["empty"] {
  const said = entries.flatMap((entry) => (entry.kind === "grade" ? [entry] : []));
  const step = INTERVAL_MS[key.interval];
  const out: { fromOpenMs: number; untilOpenMs: number; grade: Grade }[] = [];
  const last = Math.max(...said.map((entry) => entry.untilOpenMs));
  for (let openMs = bucketOpenMs(Math.min(...said.map((entry) => entry.fromOpenMs)), key.interval); openMs < last; openMs += step) {
    const grade = inside(openMs) && !bars.has(openMs) ? gradeAt(entries, openMs) : undefined;
    if (grade === undefined) continue;
    const before = out.at(-1);
    if (before?.untilOpenMs === openMs && before.grade === grade) before.untilOpenMs += step;
    else out.push({ fromOpenMs: openMs, untilOpenMs: openMs + step, grade });
  }
  return out;
}
