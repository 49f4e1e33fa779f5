// The first pass over a capture: fills the chronicle and the checkpoints, as far as asked, once. Later passes only repeat.
// It alone reads beyond what is indexed.
import type { StopSignal } from "../../shared/base.ts";
import type { RawLogReader } from "../rawlog/types.ts";
import { Checkpoints } from "./checkpoints.ts";
import type { HeadSnapshot, TapeHead } from "./head.ts";
import type { Watch } from "./records.ts";
import type { Turns } from "./turns.ts";

export interface TapeIndexOptions {
  readonly reader: RawLogReader;
  readonly watch: Watch;
  readonly head: TapeHead;
  readonly turns: Turns;
}

export class TapeIndex {
  readonly #reader: RawLogReader;
  readonly #watch: Watch;
  readonly #head: TapeHead;
  readonly #turns: Turns;
  readonly checkpoints: Checkpoints;
  #indexedSeq = 0;
  #firstKnownNs = 0n;
  /** Passes run one after another; a later one finds most of its work done. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: TapeIndexOptions) {
    this.#reader = options.reader;
    this.#watch = options.watch;
    this.#head = options.head;
    this.#turns = options.turns;
    this.checkpoints = new Checkpoints(options.head.snapshot());
  }

  get indexedSeq(): number {
    return this.#indexedSeq;
  }

  /** Events of the watched streams found so far. */
  get events(): number {
    return this.#head.ordinal;
  }

  /** Receive time of the first record met; 0n before any. */
  get firstKnownNs(): bigint {
    return this.#firstKnownNs;
  }

  /** Where the pass stands now, to be taken over by the cursor. Only between two `reach` slices. */
  edge(): HeadSnapshot {
    return this.#head.snapshot();
  }

  /** Indexes up to toSeq (inclusive). False when stopped before. Rejects with the log's own fault. */
  reach(toSeq: number, signal: StopSignal): Promise<boolean> {
    const pass = this.#last.then(() => this.#pass(toSeq, signal));
    this.#last = pass.catch(() => undefined);
    return pass;
  }

  async #pass(toSeq: number, signal: StopSignal): Promise<boolean> {
    if (this.#indexedSeq >= toSeq) return true;
    if (signal.aborted) return false;
    for await (const batch of this.#reader.batches({ fromSeq: this.#indexedSeq + 1, toSeq, streams: this.#watch.streams })) {
      for (const record of batch) {
        if (this.#firstKnownNs === 0n) this.#firstKnownNs = record.recvNs;
        const item = this.#watch.wrap(record);
        if (item !== undefined) {
          this.#head.apply(item);
          if (this.checkpoints.due(record.seq, this.#head.ordinal)) this.checkpoints.add(this.#head.snapshot());
        }
        this.#indexedSeq = record.seq;
        if (!this.#turns.due()) continue;
        this.#head.settle();
        await this.#turns.pass();
        if (signal.aborted) return false;
      }
    }
    this.#head.settle();
    this.#indexedSeq = Math.max(this.#indexedSeq, toSeq);
    return true;
  }
}
