// One budget of requests per exchange and address: polls, clock measurement, backfill and instruments draw on it; knows bans and counts them down.
// Its state is a piece of memory that collectors of other threads may share, changed by atomic operations only: no lock, no message.
import type { Clock, Timers } from "../../shared/base.ts";

export interface RateBudgetOptions {
  readonly weight: number;
  readonly windowMs: number;
  readonly usedHeader: string | undefined;
  /** Its monotonic time must be that of everybody who shares the memory. */
  readonly clock: Clock;
  readonly timers: Timers;
  /** Shared with other budgets of the same limits; absent: this one is alone. */
  readonly memory?: BudgetMemory;
}

export interface BudgetBlock {
  readonly kind: "rate-limited" | "banned";
  readonly forMs: number;
  readonly detail: string;
}

/** How much of the limit a kind of request may fill: backfill must not starve the clock, and others share our address. */
export const BUDGET_SHARE = Object.freeze({ backfill: 0.6, routine: 0.9, all: 1 });

/** The window slides in this many steps: what was taken in one step counts until the window has passed it wholly. */
const STEPS = 60;
/** One more than the window, since the present step has only begun. */
const SLOTS = STEPS + 1;
const BLOCK = SLOTS;
const WORDS = SLOTS + 1;
/** Each word of a slot: number of the step × 2^24 + weight taken in it. */
const WEIGHT_BITS = 24n;
const WEIGHT_MAX = (1n << WEIGHT_BITS) - 1n;

export type BudgetMemory = SharedArrayBuffer;

/** For as many budgets as have the same limits and the same address, in all threads of this process. */
export function createBudgetMemory(): BudgetMemory {
  return new SharedArrayBuffer(WORDS * BigInt64Array.BYTES_PER_ELEMENT);
}

export class RateBudget {
  readonly #options: RateBudgetOptions;
  readonly #words: BigInt64Array;
  readonly #stepMs: number;
  #blockDetail: { readonly word: bigint; readonly text: string } | undefined;
  readonly #wakers = new Set<() => void>();
  #stopped = false;

  constructor(options: RateBudgetOptions) {
    this.#options = options;
    this.#words = new BigInt64Array(options.memory ?? createBudgetMemory());
    this.#stepMs = options.windowMs / STEPS;
  }

  /** Weight taken within the window, by everybody. */
  get used(): number {
    return this.#used(this.#step());
  }
  get limit(): number {
    return this.#options.weight;
  }

  /** The ban or limit that is in force now, with the time it still lasts. */
  get block(): BudgetBlock | undefined {
    const word = Atomics.load(this.#words, BLOCK);
    const forMs = Number(word >> 1n) - this.#options.clock.monotonicMs();
    if (word === 0n || forMs <= 0) return undefined;
    const detail = this.#blockDetail?.word === word ? this.#blockDetail.text : "said to another venue of this exchange, or before this start";
    return { kind: (word & 1n) === 1n ? "banned" : "rate-limited", forMs, detail };
  }

  /** The venue said stop. A ban in force is only ever made longer. */
  stopFor(kind: BudgetBlock["kind"], ms: number, detail: string): void {
    const untilMs = BigInt(Math.ceil(this.#options.clock.monotonicMs() + ms));
    const word = (untilMs << 1n) | (kind === "banned" ? 1n : 0n);
    for (;;) {
      const present = Atomics.load(this.#words, BLOCK);
      if (present >> 1n >= untilMs && this.block !== undefined) return;
      if (Atomics.compareExchange(this.#words, BLOCK, present, word) !== present) continue;
      this.#blockDetail = { word, text: detail };
      return;
    }
  }

  /** Reads the venue's own count, which also sees other programs behind our address. */
  observe(headers: Readonly<Record<string, string>>): void {
    const { usedHeader } = this.#options;
    const text = usedHeader === undefined ? undefined : headers[usedHeader];
    if (text === undefined || !/^\d{1,9}$/.test(text)) return;
    const step = this.#step();
    const unseen = Number(text) - this.#used(step);
    if (unseen > 0) this.#add(step, unseen);
  }

  /** Takes the weight if there is room now; else says how long to wait at least, ms. */
  tryTake(weight: number, share: number): number {
    const block = this.block;
    if (block !== undefined) return Math.max(1, block.forMs);
    const step = this.#step();
    // Taken first and given back when it was too much: two threads that look at once cannot both take the last of it.
    this.#add(step, weight);
    const used = this.#used(step);
    // A request heavier than its share passes in an empty window, else it would wait for ever.
    if (used <= this.#options.weight * share || used === weight) return 0;
    this.#add(step, -weight);
    return this.#waitMs(step, weight, share);
  }

  /** Waits for room, then takes it. False: the budget was stopped. */
  async take(weight: number, share: number): Promise<boolean> {
    for (;;) {
      if (this.#stopped) return false;
      const waitMs = this.tryTake(weight, share);
      if (waitMs <= 0) return true;
      await this.#sleep(waitMs);
    }
  }

  stop(): void {
    this.#stopped = true;
    for (const wake of [...this.#wakers]) wake();
  }

  #step(): bigint {
    return BigInt(Math.floor(this.#options.clock.monotonicMs() / this.#stepMs));
  }

  /** Weight by step, of those that the window has not passed. */
  #taken(step: bigint): readonly { readonly step: bigint; readonly weight: number }[] {
    const taken: { step: bigint; weight: number }[] = [];
    for (let slot = 0; slot < SLOTS; slot += 1) {
      const word = Atomics.load(this.#words, slot);
      const at = word >> WEIGHT_BITS;
      if (word !== 0n && step - at < BigInt(SLOTS)) taken.push({ step: at, weight: Number(word & WEIGHT_MAX) });
    }
    return taken;
  }

  #used(step: bigint): number {
    return this.#taken(step).reduce((sum, { weight }) => sum + weight, 0);
  }

  #add(step: bigint, weight: number): void {
    const slot = Number(step % BigInt(SLOTS));
    for (;;) {
      const word = Atomics.load(this.#words, slot);
      const at = word >> WEIGHT_BITS;
      // Somebody whose clock is a step ahead was here: it counts for that step.
      const known = at >= step ? word & WEIGHT_MAX : 0n;
      const sum = known + BigInt(weight);
      const kept = sum < 0n ? 0n : sum > WEIGHT_MAX ? WEIGHT_MAX : sum;
      const next = ((at > step ? at : step) << WEIGHT_BITS) | kept;
      if (Atomics.compareExchange(this.#words, slot, word, next) === word) return;
    }
  }

  /** Until enough of what was taken has left the window. */
  #waitMs(step: bigint, weight: number, share: number): number {
    const oldestFirst = [...this.#taken(step)].filter((entry) => entry.weight > 0).sort((a, b) => Number(a.step - b.step));
    let excess = this.#used(step) + weight - this.#options.weight * share;
    let last = step;
    for (const entry of oldestFirst) {
      last = entry.step;
      excess -= entry.weight;
      if (excess <= 0) break;
    }
    return Math.max(1, Number(last + BigInt(SLOTS)) * this.#stepMs - this.#options.clock.monotonicMs());
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        cancel();
        this.#wakers.delete(wake);
        resolve();
      };
      const cancel = this.#options.timers.after(ms, wake);
      this.#wakers.add(wake);
    });
  }
}
