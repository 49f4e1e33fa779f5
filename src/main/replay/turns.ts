// Gives other work of the thread its turn: long loops ask now and then whether their slice is used up.
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock } from "../../shared/base.ts";

/** Longest time a loop keeps the thread, ms: short enough that a command is heard within a frame. */
const SLICE_MS = 4;
/** Asking the clock costs about as much as applying a record; once in this many is enough. */
const ASK_EVERY = 32;

export class Turns {
  readonly #clock: Clock;
  #since: number;
  #asked = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#since = clock.monotonicMs();
  }

  due(): boolean {
    this.#asked += 1;
    if (this.#asked < ASK_EVERY) return false;
    this.#asked = 0;
    return this.#clock.monotonicMs() - this.#since >= SLICE_MS;
  }

  async pass(): Promise<void> {
    await nextTurn();
    this.#since = this.#clock.monotonicMs();
  }
}
