// One budget of request weight per venue and address: shared by polls, clock measurement and backfill; knows bans and counts them down.
import type { Clock, Timers } from "../../shared/base.ts";

export interface RateBudgetOptions {
  readonly weight: number;
  readonly windowMs: number;
  readonly usedHeader: string | undefined;
  readonly clock: Clock;
  readonly timers: Timers;
}

export interface BudgetBlock {
  readonly kind: "rate-limited" | "banned";
  readonly forMs: number;
  readonly detail: string;
}

/** How much of the limit a kind of request may fill: backfill must not starve the clock, and others share our address. */
export const BUDGET_SHARE = Object.freeze({ backfill: 0.6, routine: 0.9 });

export class RateBudget {
  readonly #options: RateBudgetOptions;
  #windowFromMs: number;
  #used = 0;
  #block: { readonly kind: BudgetBlock["kind"]; readonly untilMs: number; readonly detail: string } | undefined;
  readonly #wakers = new Set<() => void>();
  #stopped = false;

  constructor(options: RateBudgetOptions) {
    this.#options = options;
    this.#windowFromMs = options.clock.monotonicMs();
  }

  get used(): number {
    this.#roll();
    return this.#used;
  }
  get limit(): number {
    return this.#options.weight;
  }

  /** The ban or limit that is in force now, with the time it still lasts. */
  get block(): BudgetBlock | undefined {
    const block = this.#block;
    if (block === undefined) return undefined;
    const forMs = block.untilMs - this.#options.clock.monotonicMs();
    if (forMs <= 0) return undefined;
    return { kind: block.kind, forMs, detail: block.detail };
  }

  /** The venue said stop. A ban in force is only ever made longer. */
  stopFor(kind: BudgetBlock["kind"], ms: number, detail: string): void {
    const untilMs = this.#options.clock.monotonicMs() + ms;
    if (this.#block !== undefined && this.block !== undefined && this.#block.untilMs >= untilMs) return;
    this.#block = { kind, untilMs, detail };
  }

  /** Reads the venue's own count, which also sees other programs behind our address. */
  observe(headers: Readonly<Record<string, string>>): void {
    const { usedHeader } = this.#options;
    const text = usedHeader === undefined ? undefined : headers[usedHeader];
    if (text === undefined || !/^\d{1,9}$/.test(text)) return;
    this.#roll();
    this.#used = Math.max(this.#used, Number(text));
  }

  /** Waits for room, then takes it. False: the budget was stopped. */
  async take(weight: number, share: number): Promise<boolean> {
    for (;;) {
      if (this.#stopped) return false;
      const waitMs = this.#waitMs(weight, share);
      if (waitMs <= 0) {
        this.#used += weight;
        return true;
      }
      await this.#sleep(waitMs);
    }
  }

  stop(): void {
    this.#stopped = true;
    for (const wake of [...this.#wakers]) wake();
  }

  #roll(): void {
    const now = this.#options.clock.monotonicMs();
    if (now - this.#windowFromMs < this.#options.windowMs) return;
    this.#windowFromMs = now;
    this.#used = 0;
  }

  #waitMs(weight: number, share: number): number {
    const block = this.block;
    if (block !== undefined) return Math.max(1, block.forMs);
    this.#roll();
    // A request heavier than its share passes in an empty window, else it would wait for ever.
    if (this.#used === 0 || this.#used + weight <= this.#options.weight * share) return 0;
    return Math.max(1, this.#windowFromMs + this.#options.windowMs - this.#options.clock.monotonicMs());
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
