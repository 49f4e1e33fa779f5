// Which trades of one stream came lately, with what contents and over which legs: tells duplicates from conflicts, and measures what each leg
// alone would have missed. Memory is bounded by count and by age.
import type { TradeEvent } from "../../shared/market.ts";

/** 0 and 1: legs A and B. */
export type LegIndex = 0 | 1;

/** `echo`: the other leg has brought it already, as it should. */
export type Sighting = "new" | "echo" | "duplicate" | "conflict";

export interface TradeLedgerOptions {
  readonly legs: 1 | 2;
  /** A trade is remembered for one to two of these, unless more come than fit. */
  readonly generationMs: number;
  readonly generationTrades: number;
}

/** An entry's low bits: brought by leg 0 and 1, and not owed by leg 0 and 1, which were not there yet. */
const FLAGS = 16;
const NOT_OWED = 4;

export class TradeLedger {
  readonly #options: TradeLedgerOptions;
  /** Trade → contents × FLAGS + flags. */
  #young = new Map<string, number>();
  #old = new Map<string, number>();
  #turnedMs = Number.NEGATIVE_INFINITY;
  /** A leg that has not brought anything yet has missed nothing yet. */
  #legsSeen = 0;
  #duplicates = 0;
  #conflicts = 0;
  readonly #missed: [number, number] = [0, 0];

  constructor(options: TradeLedgerOptions) {
    this.#options = options;
  }

  get duplicates(): number {
    return this.#duplicates;
  }
  get conflicts(): number {
    return this.#conflicts;
  }
  /** Trades that only the other leg brought, by leg; known once they are a generation old. */
  get missed(): readonly [number, number] {
    return this.#missed;
  }
  /** Trades that are remembered. */
  get size(): number {
    return this.#young.size + this.#old.size;
  }

  see(trade: TradeEvent, leg: LegIndex, nowMs: number): Sighting {
    this.turn(nowMs);
    const bit = 1 << leg;
    if ((this.#legsSeen & bit) === 0) this.#beginLeg(bit);
    const key = keyOf(trade);
    const entry = this.#young.get(key) ?? this.#old.get(key);
    const contents = contentsOf(trade);
    if (entry === undefined) {
      this.#young.set(key, contents * FLAGS + bit);
      return "new";
    }
    if (Math.floor(entry / FLAGS) !== contents) {
      this.#conflicts += 1;
      return "conflict";
    }
    if ((entry & bit) !== 0) {
      this.#duplicates += 1;
      return "duplicate";
    }
    (this.#young.has(key) ? this.#young : this.#old).set(key, entry + bit);
    return "echo";
  }

  /** Forgets what is old enough, and counts then what one leg has not brought. */
  turn(nowMs: number): void {
    const { generationMs, generationTrades } = this.#options;
    if (nowMs - this.#turnedMs < generationMs && this.#young.size < generationTrades) return;
    this.#turnedMs = nowMs;
    if (this.#options.legs === 2) for (const entry of this.#old.values()) this.#settle(entry);
    this.#old = this.#young;
    this.#young = new Map();
  }

  #settle(entry: number): void {
    for (const leg of [0, 1] as const) if ((entry & ((1 | NOT_OWED) << leg)) === 0) this.#missed[leg] += 1;
  }

  /** From here on the leg is measured: what the other brought before is none of its losses. */
  #beginLeg(bit: number): void {
    this.#legsSeen |= bit;
    if (this.#options.legs === 1) return;
    for (const generation of [this.#young, this.#old]) for (const [key, entry] of generation) generation.set(key, entry + bit * NOT_OWED);
  }
}

/** A message may stand for several ids: two that stand for different ones are no conflict. */
function keyOf({ tradeId, sequenceId, sequenceFromId }: TradeEvent): string {
  return sequenceFromId === undefined || sequenceFromId === sequenceId ? tradeId : `${sequenceFromId}…${tradeId}`;
}

/** 32 bits of price, size, side and time: enough to notice another trade under the same id, too little to be any proof. */
function contentsOf({ price, qty, side, eventMs, eventSubNs }: TradeEvent): number {
  let hash = side + 2;
  for (const part of [Number(price.mantissa), price.scale, Number(qty.mantissa), qty.scale, eventMs, eventSubNs]) {
    hash = Math.imul(hash ^ (part | 0), 0x85eb_ca6b);
    hash = Math.imul((hash ^ (hash >>> 13)) + Math.floor(part / 4_294_967_296), 0xc2b2_ae35);
  }
  return (hash ^ (hash >>> 16)) >>> 0;
}
