// What one life of a client is told, held against the word of truth as it comes: each sequence once, in order, none skipped
// unless a hole says so, and no hole over what could have been had.
import type { Fault } from "../../../shared/base.ts";
import type { CachedStream, RemoteListener, SequenceHole } from "../client/types.ts";
import { streamName, type BridgeForming, type Entry, type SequencedEntry, type StreamKey } from "../model.ts";
import type { Life } from "./life.testkit.ts";
import { FoldedState, type Oracle } from "./oracle.testkit.ts";

interface Shown {
  historyId: string | undefined;
  /** Everything up to here was shown, or lies under a hole. */
  position: number;
  newestOpenMs: number;
  state: FoldedState;
  readonly holes: SequenceHole[];
}

export interface WitnessOptions {
  readonly name: string;
  readonly life: Life;
  readonly oracle: Oracle;
  /** Under which history the client counts the stream's sequences, by its own word. */
  historyOf(key: StreamKey): string | undefined;
  /** Reads how far the server's retention has come, when there is one. */
  noteFirsts(): void;
  note(line: string): void;
  fail(line: string): void;
}

export class Witness implements RemoteListener {
  entries = 0;
  resets = 0;
  holes = 0;
  forming = 0;
  readonly #options: WitnessOptions;
  readonly #shown = new Map<string, Shown>();

  constructor(options: WitnessOptions) {
    this.#options = options;
  }

  /** Begins with what the cache holds, as the screen does. */
  warm(streams: readonly CachedStream[], folded: (name: string) => FoldedState): void {
    for (const { key, history, appliedSequence, holes } of streams) {
      this.#shown.set(streamName(key), { historyId: history.historyId, position: appliedSequence, newestOpenMs: -Infinity, state: folded(streamName(key)), holes: [...holes] });
    }
  }

  shown(name: string): Readonly<Shown> {
    let shown = this.#shown.get(name);
    if (shown === undefined) this.#shown.set(name, (shown = { historyId: undefined, position: 0, newestOpenMs: -Infinity, state: new FoldedState(), holes: [] }));
    return shown;
  }

  onStatus(): void {
    this.#isHeard("status");
  }

  onProblem(problem: Fault): void {
    if (this.#isHeard("problem")) this.#options.note(`${this.#options.name}: problem ${problem.code}: ${problem.message}`);
  }

  onReset(key: StreamKey, reason: string): void {
    if (!this.#isHeard("reset")) return;
    this.resets += 1;
    this.#options.note(`${this.#options.name}: ${streamName(key)} begins anew: ${reason}`);
    if (reason === "") this.#options.fail(`${streamName(key)} was reset without a reason`);
    this.#shown.delete(streamName(key));
  }

  onEntries(key: StreamKey, entries: readonly SequencedEntry[]): void {
    if (!this.#isHeard("entries")) return;
    const name = streamName(key);
    const shown = this.#current(key);
    for (const entry of entries) {
      this.entries += 1;
      if (entry.sequence !== shown.position + 1) {
        this.#options.fail(`${name} was told ${entry.sequence} behind ${shown.position}`);
      }
      const wrong = this.#options.oracle.fault(shown.historyId ?? "unknown", name, entry);
      if (wrong !== undefined) this.#options.fail(`told: ${wrong}`);
      shown.position = entry.sequence;
      shown.state.apply(entry);
      if (entry.kind === "bar") shown.newestOpenMs = Math.max(shown.newestOpenMs, entry.bar.openMs);
    }
  }

  onForming(key: StreamKey, bar: BridgeForming): void {
    if (!this.#isHeard("forming")) return;
    this.forming += 1;
    const { newestOpenMs } = this.shown(streamName(key));
    if (bar.openMs <= newestOpenMs) this.#options.fail(`${streamName(key)}: a forming bar of ${bar.openMs} behind the sealed one of ${newestOpenMs}`);
  }

  onHole(key: StreamKey, hole: SequenceHole): void {
    if (!this.#isHeard("hole")) return;
    this.holes += 1;
    const { oracle, noteFirsts, note, fail, name: client } = this.#options;
    noteFirsts();
    const name = streamName(key);
    const shown = this.#current(key);
    note(`${client}: hole ${name} ${hole.fromSequence}…${hole.toSequence} (${hole.why})`);
    if (hole.fromSequence !== shown.position + 1 || hole.toSequence < hole.fromSequence) fail(`hole ${hole.fromSequence}…${hole.toSequence} of ${name} does not begin behind ${shown.position}`);
    const historyId = shown.historyId ?? "unknown";
    const first = oracle.first(historyId, name);
    if (hole.toSequence >= first) fail(`hole ${hole.fromSequence}…${hole.toSequence} of ${name} covers what can be had: the server has everything from ${first}`);
    for (let sequence = hole.fromSequence; sequence <= hole.toSequence; sequence += 1) this.#checkTimes(name, hole, oracle.entry(historyId, name, sequence));
    shown.position = hole.toSequence;
    shown.holes.push(hole);
  }

  /** What is shown of the stream; a history may change only where the stream was said to begin anew. */
  #current(key: StreamKey): Shown {
    const name = streamName(key);
    const shown = this.shown(name) as Shown;
    const historyId = this.#options.historyOf(key);
    shown.historyId ??= historyId;
    if (historyId !== shown.historyId) this.#options.fail(`${name} goes on under history ${String(historyId)} without a reset, before it was ${String(shown.historyId)}`);
    return shown;
  }

  /** A new bar under a hole lies within the times that the hole gives for itself. */
  #checkTimes(name: string, hole: SequenceHole, entry: Entry | undefined): void {
    if (entry?.kind !== "bar" || entry.bar.revision > 1) return;
    const isBefore = hole.fromMs !== undefined && entry.bar.openMs < hole.fromMs;
    const isAfter = hole.toMs !== undefined && entry.bar.openMs > hole.toMs;
    if (isBefore || isAfter) this.#options.fail(`hole ${hole.fromSequence}…${hole.toSequence} of ${name} says ${String(hole.fromMs)}…${String(hole.toMs)}, and a bar under it opens at ${entry.bar.openMs}`);
  }

  /** A dead process is told nothing; telling is an instant at which it may die. */
  #isHeard(what: string): boolean {
    if (!this.#options.life.isAlive) return false;
    void what;
    return this.#options.life.step();
  }
}
