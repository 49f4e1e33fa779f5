// The word of truth, for every history there ever was: which entry a sequence stands for, which can still be had, and what a
// client that has seen some of them must show.
import type { Entry, History, SequencedEntry } from "../model.ts";
import type { Capture } from "./capture.testkit.ts";

/** Structural equality of plain data: numbers, bigints, text, undefined, arrays, objects. A member that is undefined may be absent. */
export function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const left = a as Readonly<Record<string, unknown>>;
  const right = b as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(left)) if (!same(left[name], right[name])) return false;
  for (const name of Object.keys(right)) if (right[name] !== undefined && left[name] === undefined) return false;
  return true;
}

/** Text for failures; bigints as digits. */
export function told(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) => (typeof member === "bigint" ? `${member}n` : member));
}

export class Oracle {
  readonly #captures = new Map<string, Capture>();
  readonly #firsts = new Map<string, number>();

  /** A server began to serve this history; the same one may come again after a restart. */
  learn(history: History, capture: Capture): void {
    this.#captures.set(history.historyId, capture);
  }

  get histories(): readonly string[] {
    return [...this.#captures.keys()];
  }

  entry(historyId: string, name: string, sequence: number): Entry | undefined {
    return this.#captures.get(historyId)?.entriesOf(name)[sequence - 1];
  }

  /** The oldest that the server still has: it only rises. */
  noteFirst(historyId: string, name: string, firstSequence: number): void {
    const key = `${historyId} ${name}`;
    this.#firsts.set(key, Math.max(firstSequence, this.#firsts.get(key) ?? 1));
  }

  first(historyId: string, name: string): number {
    return this.#firsts.get(`${historyId} ${name}`) ?? 1;
  }

  /** Why this is not what the sequence stands for, or undefined when it is. */
  fault(historyId: string, name: string, entry: SequencedEntry): string | undefined {
    const expected = this.entry(historyId, name, entry.sequence);
    if (expected === undefined) return `${name} ${entry.sequence} does not exist in history ${historyId.slice(0, 8)}`;
    if (same(entry, { ...expected, sequence: entry.sequence })) return undefined;
    return `${name} ${entry.sequence} is ${told(entry)}, should be ${told(expected)}`;
  }
}

/** What remains of entries when they are all applied: the latest version of each bar, each grade range in order, each gap's last state. */
export class FoldedState {
  readonly #bars = new Map<number, Entry>();
  readonly #marks = new Map<string, Entry>();

  apply(entry: Entry): void {
    switch (entry.kind) {
      case "bar": {
        const before = this.#bars.get(entry.bar.openMs);
        if (before?.kind !== "bar" || before.bar.revision < entry.bar.revision) this.#bars.set(entry.bar.openMs, entry);
        return;
      }
      case "grade":
        this.#marks.set(`grade ${entry.fromOpenMs} ${entry.untilOpenMs} ${entry.why}`, entry);
        return;
      case "gap":
        this.#marks.set(`gap ${entry.gap.gapId}`, entry);
    }
  }

  /** The first difference, or undefined when both are the same. */
  difference(other: FoldedState): string | undefined {
    return differ("bars", this.#bars, other.#bars) ?? differ("marks", this.#marks, other.#marks);
  }
}

function differ<K>(what: string, mine: ReadonlyMap<K, Entry>, theirs: ReadonlyMap<K, Entry>): string | undefined {
  for (const [key, entry] of mine) {
    const { sequence: _mine, ...a } = entry as SequencedEntry;
    const { sequence: _theirs, ...b } = (theirs.get(key) ?? {}) as SequencedEntry;
    if (!same(a, b)) return `${what} ${String(key)}: ${told(entry)} against ${told(theirs.get(key))}`;
  }
  return mine.size === theirs.size ? undefined : `${what}: ${mine.size} against ${theirs.size}`;
}
