// What a client's database holds across its lives: whole transactions only. Each life opens it anew and may die before, in or
// behind any of them. It checks what it is given and believes nobody.
import { assert, fault } from "../../../shared/base.ts";
import type { SeededRandom } from "../../sim/random.ts";
import type { BridgeCache, CacheBatch, CachedBar, CachedGrade, CachedStream, CachedWindow, SequenceHole } from "../client/types.ts";
import type { GapEntry } from "../../../shared/candles.ts";
import { streamName, type History, type SequencedEntry, type StreamKey } from "../model.ts";
import type { Life } from "./life.testkit.ts";
import { FoldedState, type Oracle } from "./oracle.testkit.ts";

interface Stored {
  readonly key: StreamKey;
  history: History;
  appliedSequence: number;
  readonly holes: SequenceHole[];
  /** By sequence. */
  readonly entries: Map<number, SequencedEntry>;
  bars: number;
}

const WRITE_MS_MAX = 40;

/** A planted bug: the cursor is written on its own, and before the entries. */
export type CacheSabotage = "cursor-before-entries" | undefined;

export class DurableCache {
  readonly failures: string[] = [];
  /** Nothing can be written now. */
  isFailing = false;
  readonly #oracle: Pick<Oracle, "fault">;
  readonly #random: SeededRandom;
  readonly #sabotage: CacheSabotage;
  readonly #streams = new Map<string, Stored>();

  constructor(options: { readonly oracle: Pick<Oracle, "fault">; readonly random: SeededRandom; readonly sabotage: CacheSabotage }) {
    this.#oracle = options.oracle;
    this.#random = options.random;
    this.#sabotage = options.sabotage;
  }

  /** As one life sees it. Slow on some seeds, so that much happens between asking and being written. */
  open(life: Life, isSlow: boolean): BridgeCache {
    let last: Promise<unknown> = Promise.resolve();
    const inOrder = <T>(run: () => T, between?: () => void): Promise<T> => {
      const turn = last.then(() => {
        if (life.isAlive) between?.();
        return life.perform(async () => run(), isSlow || between !== undefined ? this.#random.below(WRITE_MS_MAX) : 0);
      });
      last = turn.catch(() => undefined);
      return turn;
    };
    const isTorn = this.#sabotage === "cursor-before-entries";
    const write = <T>(run: () => T, between?: () => void): Promise<T> =>
      inOrder(() => {
        if (this.isFailing) throw fault("cache.failed", "the simulated disk of the cache is full");
        return run();
      }, between);
    const applyAll = (batches: readonly CacheBatch[]): Promise<void> =>
      write(() => this.#apply(batches), isTorn ? () => this.#moveCursors(batches) : undefined);
    return {
      streams: () => inOrder(() => this.streams()),
      window: (_, key, range) => inOrder(() => this.#window(key, range)),
      apply: (_, key, history, entries) => applyAll([{ key, history, entries }]),
      applyMany: (_, batches) => applyAll(batches),
      skip: (_, key, history, hole) => write(() => this.#skip(key, history, hole)),
      reset: (_, key) => write(() => void this.#streams.delete(streamName(key))),
      versions: (_, key, openMs) => inOrder(() => this.#versions(key, openMs)),
      gradeHistory: (_, key, openMs) => inOrder(() => this.#grades(key, openMs)),
      close: () => inOrder(() => undefined),
    };
  }

  streams(): readonly CachedStream[] {
    return [...this.#streams.values()].map(({ key, history, appliedSequence, holes, bars }) => ({ key, history, appliedSequence, holes: [...holes], bars }));
  }

  folded(name: string): FoldedState {
    const state = new FoldedState();
    const stored = this.#streams.get(name);
    for (const [, entry] of [...(stored?.entries ?? [])].sort(([a], [b]) => a - b)) state.apply(entry);
    return state;
  }

  /** Everything up to the cursor is in, and is right, except the holes. At any instant, and after any death. */
  check(when: string): void {
    for (const [name, stored] of this.#streams) {
      const covered = stored.holes.reduce((sum, hole) => sum + hole.toSequence - hole.fromSequence + 1, 0);
      if (stored.entries.size + covered !== stored.appliedSequence) {
        this.failures.push(`cache ${when}: ${name} has its cursor at ${stored.appliedSequence} with ${stored.entries.size} entries and ${covered} sequences under holes`);
      }
    }
  }

  #moveCursors(batches: readonly CacheBatch[]): void {
    for (const { key, history, entries } of batches) {
      const stored = this.#stored(key, history);
      stored.appliedSequence = entries.at(-1)?.sequence ?? stored.appliedSequence;
    }
  }

  #stored(key: StreamKey, history: History): Stored {
    const name = streamName(key);
    let stored = this.#streams.get(name);
    if (stored === undefined) this.#streams.set(name, (stored = { key, history, appliedSequence: 0, holes: [], entries: new Map(), bars: 0 }));
    if (stored.history.historyId !== history.historyId) throw fault("cache.other-history", `${name} is held under history ${stored.history.historyId}, not ${history.historyId}`);
    return stored;
  }

  #apply(batches: readonly CacheBatch[]): void {
    for (const { key, history, entries } of batches) {
      const stored = this.#stored(key, history);
      const name = streamName(key);
      for (const entry of entries) {
        if (this.#sabotage === undefined && entry.sequence <= stored.appliedSequence) continue;
        if (this.#sabotage === undefined && entry.sequence !== stored.appliedSequence + 1) {
          this.failures.push(`cache: ${name} was given ${entry.sequence} behind ${stored.appliedSequence}`);
          throw fault("cache.out-of-order", `${name}: ${entry.sequence} does not follow ${stored.appliedSequence}`);
        }
        const wrong = this.#oracle.fault(history.historyId, name, entry);
        if (wrong !== undefined) this.failures.push(`cache: ${wrong}`);
        stored.entries.set(entry.sequence, entry);
        if (entry.kind === "bar" && entry.bar.revision === 1) stored.bars += 1;
        stored.appliedSequence = Math.max(stored.appliedSequence, entry.sequence);
      }
    }
  }

  #skip(key: StreamKey, history: History, hole: SequenceHole): void {
    const stored = this.#stored(key, history);
    if (hole.fromSequence !== stored.appliedSequence + 1 || hole.toSequence < hole.fromSequence) {
      this.failures.push(`cache: hole ${hole.fromSequence}…${hole.toSequence} of ${streamName(key)} does not begin behind ${stored.appliedSequence}`);
      throw fault("cache.out-of-order", `hole ${hole.fromSequence}…${hole.toSequence} behind ${stored.appliedSequence}`);
    }
    stored.holes.push(hole);
    stored.appliedSequence = hole.toSequence;
  }

  #latest(key: StreamKey): readonly CachedBar[] {
    const latest = new Map<number, CachedBar>();
    for (const entry of this.#streams.get(streamName(key))?.entries.values() ?? []) {
      if (entry.kind !== "bar" || (latest.get(entry.bar.openMs)?.revision ?? 0) >= entry.bar.revision) continue;
      latest.set(entry.bar.openMs, { ...entry.bar, sequence: entry.sequence, atSeq: entry.atSeq });
    }
    return [...latest.values()].sort((a, b) => a.openMs - b.openMs);
  }

  #window(key: StreamKey, range: { readonly untilOpenMs: number | undefined; readonly bars: number }): CachedWindow {
    assert(range.bars >= 0, "a window has a number of bars");
    const all = this.#latest(key).filter((bar) => range.untilOpenMs === undefined || bar.openMs < range.untilOpenMs);
    const gaps = new Map<string, GapEntry>();
    for (const entry of this.#streams.get(streamName(key))?.entries.values() ?? []) if (entry.kind === "gap") gaps.set(entry.gap.gapId, { ...entry.gap, atSeq: entry.atSeq });
    return { bars: all.slice(Math.max(0, all.length - range.bars)), empty: [], gaps: [...gaps.values()], corrections: [], moreBefore: all.length > range.bars };
  }

  #versions(key: StreamKey, openMs: number): readonly CachedBar[] {
    return [...(this.#streams.get(streamName(key))?.entries.values() ?? [])].flatMap((entry) =>
      entry.kind === "bar" && entry.bar.openMs === openMs ? [{ ...entry.bar, sequence: entry.sequence, atSeq: entry.atSeq }] : [],
    );
  }

  #grades(key: StreamKey, openMs: number): readonly CachedGrade[] {
    return [...(this.#streams.get(streamName(key))?.entries.values() ?? [])].flatMap((entry) =>
      entry.kind === "grade" && entry.fromOpenMs <= openMs && openMs < entry.untilOpenMs ? [{ grade: entry.grade, why: entry.why, sequence: entry.sequence, atSeq: entry.atSeq }] : [],
    );
  }
}
