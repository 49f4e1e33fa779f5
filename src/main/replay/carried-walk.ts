// Reads single messages of a tape again, away from the cursor: what a message means may depend on those before it, so the walk takes up the
// carried fields at the nearest checkpoint and reads on from there. Neither the cursor nor the chronicle moves.
import { CarriedStreams } from "../../shared/carried.ts";
import { fault, type StopSignal } from "../../shared/base.ts";
import type { DecodeOutcome } from "../../shared/market.ts";
import type { HeadSnapshot } from "./head.ts";
import type { RecordBlocks, TapeRecord } from "./records.ts";

export interface WalkedTape {
  readonly blocks: RecordBlocks;
  readonly indexedSeq: number;
  checkpointBefore(seq: number): HeadSnapshot;
}

export class CarriedWalk {
  readonly #tape: WalkedTape;
  readonly #signal: StopSignal;
  readonly #carried = new CarriedStreams();
  /** Every record up to here is in `#carried`. */
  #seq = 0;

  constructor(tape: WalkedTape, signal: StopSignal) {
    this.#tape = tape;
    this.#signal = signal;
  }

  /** What the record says in its place; it must be within what is indexed. Cheapest in rising seq. Throws `replay.cancelled`. */
  async outcomeOf(item: TapeRecord): Promise<DecodeOutcome | undefined> {
    if (!item.carries) return item.outcome(this.#carried);
    const { seq } = item.record;
    await this.#advance(seq - 1);
    this.#seq = seq;
    return item.outcome(this.#carried);
  }

  async #advance(toSeq: number): Promise<void> {
    const point = this.#tape.checkpointBefore(toSeq);
    if (this.#seq > toSeq || point.seq > this.#seq) {
      this.#carried.restore(point.carried);
      this.#seq = point.seq;
    }
    if (this.#seq === toSeq) return;
    for await (const items of this.#tape.blocks.read({ fromSeq: this.#seq + 1, toSeq, indexedSeq: this.#tape.indexedSeq })) {
      if (this.#signal.aborted) throw fault("replay.cancelled", "reading messages again was cancelled");
      for (const item of items) if (item.carries) item.outcome(this.#carried);
    }
    this.#seq = toSeq;
  }
}
