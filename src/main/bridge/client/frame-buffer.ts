// Entries of the live stream that came before those in front of them. Bounded: what does not fit is let go and backfilled.
import type { SequencedEntry } from "../model.ts";

export interface Buffered {
  /** Known already. */
  readonly repeated: number;
  /** There was no room. */
  readonly dropped: number;
}

export class FrameBuffer {
  readonly #entriesMax: number;
  readonly #entries = new Map<number, SequencedEntry>();
  #historyId = "";
  /** Of what is held; stale after a take, made anew when asked for. */
  #lowest: number | undefined;

  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax;
  }

  get historyId(): string {
    return this.#historyId;
  }
  get size(): number {
    return this.#entries.size;
  }

  get lowest(): number | undefined {
    if (this.#lowest === undefined) {
      for (const sequence of this.#entries.keys()) if (this.#lowest === undefined || sequence < this.#lowest) this.#lowest = sequence;
    }
    return this.#lowest;
  }

  /** Highest sequence held; 0 when there is none. */
  get highest(): number {
    let highest = 0;
    for (const sequence of this.#entries.keys()) if (sequence > highest) highest = sequence;
    return highest;
  }

  /** Entries of another history replace what is held. */
  add(historyId: string, entries: readonly SequencedEntry[]): Buffered {
    if (historyId !== this.#historyId) this.clear();
    this.#historyId = historyId;
    let repeated = 0;
    let dropped = 0;
    for (const entry of entries) {
      const { sequence } = entry;
      if (this.#entries.has(sequence)) repeated += 1;
      else if (this.#entries.size >= this.#entriesMax) dropped += 1;
      else {
        this.#entries.set(sequence, entry);
        if (this.#lowest !== undefined && sequence < this.#lowest) this.#lowest = sequence;
      }
    }
    return { repeated, dropped };
  }

  /** Takes what follows `sequence` without a hole, and lets go of everything at or before it. */
  takeAfter(sequence: number): readonly SequencedEntry[] {
    const taken: SequencedEntry[] = [];
    if (this.#entries.size === 0 || (this.lowest ?? Infinity) > sequence + 1) return taken;
    for (let next = this.#entries.get(sequence + 1); next !== undefined; next = this.#entries.get(sequence + 1 + taken.length)) taken.push(next);
    const last = sequence + taken.length;
    for (const held of this.#entries.keys()) if (held <= last) this.#entries.delete(held);
    this.#lowest = undefined;
    return taken;
  }

  clear(): void {
    this.#entries.clear();
    this.#lowest = undefined;
  }
}
