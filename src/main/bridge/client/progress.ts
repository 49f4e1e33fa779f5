// How far one stream is applied: the cursor, the holes behind it, and what the server said can no longer be had.
import { assert } from "../../../shared/base.ts";
import { INTERVAL_MS } from "../../../shared/time.ts";
import type { SequencedEntry, StreamKey } from "../model.ts";
import type { CachedStream, SequenceHole } from "./types.ts";

export type KnownStream = Pick<CachedStream, "key" | "history" | "appliedSequence" | "holes">;

export class Progress {
  readonly #intervalMs: number;
  #applied: number;
  /** Up to here nothing can be had any more; becomes a hole when it is known what follows. */
  #skipTo = 0;
  #holes: readonly SequenceHole[];
  /** Newest bucket with a bar; `unknown` while only the cache knows. */
  #lastBarMs: number | undefined | "unknown";
  #begunBecause: string | undefined;

  constructor(key: StreamKey, known: KnownStream | undefined) {
    this.#intervalMs = INTERVAL_MS[key.interval];
    this.#applied = known?.appliedSequence ?? 0;
    this.#holes = known?.holes ?? [];
    this.#lastBarMs = this.#applied > 0 ? "unknown" : undefined;
  }

  get applied(): number {
    return this.#applied;
  }
  get holes(): readonly SequenceHole[] {
    return this.#holes;
  }
  get knowsLastBar(): boolean {
    return this.#lastBarMs !== "unknown";
  }
  /** Where it goes on: behind what is applied and behind what cannot be had. */
  get cursor(): number {
    return Math.max(this.#applied, this.#skipTo);
  }

  /** Why it last began anew; undefined when it never did. */
  get begunBecause(): string | undefined {
    return this.#begunBecause;
  }

  begin(reason: string): void {
    this.#begunBecause = reason;
    this.#applied = 0;
    this.#skipTo = 0;
    this.#holes = [];
    this.#lastBarMs = undefined;
  }

  skip(toSequence: number): void {
    this.#skipTo = toSequence;
  }
  /** Another server process may still have it. */
  forgetSkip(): void {
    this.#skipTo = 0;
  }

  learnLastBar(openMs: number | undefined): void {
    if (this.#lastBarMs === "unknown") this.#lastBarMs = openMs;
  }

  /** The hole that ends here, if one is due; `following` says where time goes on. */
  fillHole(following: readonly SequencedEntry[]): SequenceHole | undefined {
    if (this.#skipTo <= this.#applied) return undefined;
    const last = this.#lastBarMs === "unknown" ? undefined : this.#lastBarMs;
    // Corrections may be of bars that are missing themselves: only a first sealing says where time goes on.
    const next = following.find((entry) => entry.kind === "bar" && entry.bar.revision === 1);
    const hole: SequenceHole = {
      fromSequence: this.#applied + 1, toSequence: this.#skipTo,
      fromMs: last === undefined ? undefined : last + this.#intervalMs, toMs: next?.kind === "bar" ? next.bar.openMs : undefined,
      why: this.#applied === 0 ? "server_history" : "RETENTION_EXCEEDED",
    };
    this.#holes = [...this.#holes, hole];
    this.#applied = this.#skipTo;
    return hole;
  }

  apply(entries: readonly SequencedEntry[]): void {
    for (const entry of entries) {
      assert(entry.sequence === this.#applied + 1, `sequence ${entry.sequence} applied behind ${this.#applied}`);
      this.#applied = entry.sequence;
      if (entry.kind !== "bar") continue;
      const { openMs } = entry.bar;
      if (typeof this.#lastBarMs !== "number" || openMs > this.#lastBarMs) this.#lastBarMs = openMs;
    }
  }
}

/** Sequences without a step left out. */
export function isContiguous(entries: readonly SequencedEntry[]): boolean {
  const first = entries[0]?.sequence ?? 0;
  return entries.every(({ sequence }, index) => sequence === first + index);
}
