// What the simulated venue still remembers for REST: one ring of trades or aggregates per symbol, in columns of fixed
// size, so that memory is flat from the first minute on.
import { assert } from "../../shared/base.ts";

export interface Remembered {
  readonly id: number;
  readonly price: number;
  readonly qty: number;
  readonly firstId: number;
  readonly lastId: number;
  readonly timeMs: number;
  readonly buyerIsMaker: boolean;
  readonly isMarket: boolean;
}

const MAKER = 1;
const MARKET = 2;

export class TradeHistory {
  readonly #capacity: number;
  readonly #price: Float64Array;
  readonly #qty: Float64Array;
  readonly #firstId: Float64Array;
  /** lastId − firstId. */
  readonly #span: Uint16Array;
  readonly #timeMs: Float64Array;
  readonly #flags: Uint8Array;
  #newestId = -1;
  #count = 0;

  constructor(capacity: number) {
    assert(Number.isInteger(capacity) && capacity > 0, `history capacity must be a positive whole number, got ${capacity}`);
    this.#capacity = capacity;
    this.#price = new Float64Array(capacity);
    this.#qty = new Float64Array(capacity);
    this.#firstId = new Float64Array(capacity);
    this.#span = new Uint16Array(capacity);
    this.#timeMs = new Float64Array(capacity);
    this.#flags = new Uint8Array(capacity);
  }

  /** Oldest id still known, undefined while empty. */
  get oldestId(): number | undefined {
    return this.#count === 0 ? undefined : this.#newestId - this.#count + 1;
  }

  get newestId(): number | undefined {
    return this.#count === 0 ? undefined : this.#newestId;
  }

  /** Ids must be contiguous: that is what the venue promises. */
  add(trade: Remembered): void {
    assert(this.#count === 0 || trade.id === this.#newestId + 1, `trade ids must be contiguous: ${trade.id} after ${this.#newestId}`);
    const slot = trade.id % this.#capacity;
    this.#price[slot] = trade.price;
    this.#qty[slot] = trade.qty;
    this.#firstId[slot] = trade.firstId;
    this.#span[slot] = trade.lastId - trade.firstId;
    this.#timeMs[slot] = trade.timeMs;
    this.#flags[slot] = (trade.buyerIsMaker ? MAKER : 0) | (trade.isMarket ? MARKET : 0);
    this.#newestId = trade.id;
    this.#count = Math.min(this.#count + 1, this.#capacity);
  }

  get(id: number): Remembered | undefined {
    if (this.#count === 0 || id > this.#newestId || id <= this.#newestId - this.#count) return undefined;
    const slot = id % this.#capacity;
    const firstId = this.#firstId[slot] ?? 0;
    const flags = this.#flags[slot] ?? 0;
    return {
      id, price: this.#price[slot] ?? 0, qty: this.#qty[slot] ?? 0, firstId, lastId: firstId + (this.#span[slot] ?? 0),
      timeMs: this.#timeMs[slot] ?? 0, buyerIsMaker: (flags & MAKER) !== 0, isMarket: (flags & MARKET) !== 0,
    };
  }

  /** At most `limit` entries from `fromId` (inclusive) on, or from the oldest known one when that is later. */
  fromId(fromId: number, limit: number): readonly Remembered[] {
    const found: Remembered[] = [];
    for (let id = Math.max(fromId, this.oldestId ?? 0); id <= this.#newestId && found.length < limit; id += 1) {
      const trade = this.get(id);
      if (trade !== undefined) found.push(trade);
    }
    return found;
  }

  /** The newest `limit` entries, ascending. */
  newest(limit: number): readonly Remembered[] {
    return this.fromId(this.#newestId - limit + 1, limit);
  }

  /** Entries with a time in [fromMs, toMs] (both inclusive, as the venue has it), ascending by id, at most `limit` of the earliest. */
  within(fromMs: number, toMs: number, limit: number): readonly Remembered[] {
    const found: Remembered[] = [];
    for (let id = this.oldestId ?? 0; id <= this.#newestId && found.length < limit; id += 1) {
      // Late prints make times non-monotonic, hence no binary search; the scan reads one column.
      const timeMs = this.#timeMs[id % this.#capacity] ?? 0;
      if (timeMs < fromMs || timeMs > toMs) continue;
      const trade = this.get(id);
      if (trade !== undefined) found.push(trade);
    }
    return found;
  }
}
