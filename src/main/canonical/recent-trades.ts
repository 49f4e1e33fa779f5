// The last trades of a fold stream, for duplicates, conflicts and the suppression of trades inside a backfilled interval.
// Fixed blocks of columns: full blocks never change again and are shared by every snapshot. Pure.
import type { TradeEvent } from "../../shared/market.ts";
import { ZERO, add, decimal, equal, type Decimal } from "../../shared/decimal.ts";

const BLOCK = 128;
const BLOCKS_MAX = 16;
/** Between these many and one block fewer are remembered. */
export const RECENT_TRADES = BLOCK * BLOCKS_MAX;

const NOT_MARKET = 0x80;
/** The mantissa is a bigint, kept aside. */
const LARGE = 0x40;
const SCALE_BITS = 0x3f;
/** It stands for several ids, of which its key is the last: it says nothing of one of them alone. */
const SPAN = 0x100;

/**
 * Plain doubles and no typed arrays: checkpoints keep tens of thousands of blocks, and each array buffer costs the garbage
 * collector more than its bytes do.
 */
interface Block {
  length: number;
  /** A snapshot holds it too: never written to again, and not reused when it is dropped. */
  shared: boolean;
  /** Three columns of BLOCK: ids; sizes; prints and marks together, print × 512 + mark. */
  readonly cells: number[];
  /** Sizes beyond 2^53, by index in the block. Almost never there. */
  large: Map<number, bigint> | undefined;
}

const SIZES = BLOCK;
const CODES = 2 * BLOCK;
const CODE_MARK = 512;
/** Fractions, so that copies begin as arrays of doubles. */
const EMPTY_CELLS: readonly number[] = Array.from({ length: 3 * BLOCK }, () => 0.5);

function newBlock(): Block {
  return { length: 0, shared: false, cells: EMPTY_CELLS.slice(), large: undefined };
}

function idAt(block: Block, at: number): number {
  return block.cells[at] ?? -1;
}

/** 32 bits over everything that must agree besides the size; the size is compared exactly. */
function printAt(block: Block, at: number): number {
  return Math.floor((block.cells[CODES + at] ?? 0) / CODE_MARK) | 0;
}

/** Scale of the size and three flags. */
function markAt(block: Block, at: number): number {
  return (block.cells[CODES + at] ?? 0) % CODE_MARK;
}

function put(block: Block, at: number, row: { readonly key: number; readonly print: number; readonly mark: number }, size: number): void {
  block.cells[at] = row.key;
  block.cells[SIZES + at] = size;
  block.cells[CODES + at] = (row.print >>> 0) * CODE_MARK + row.mark;
}

function spanMark(trade: TradeEvent): number {
  return trade.sequenceFromId === undefined ? 0 : SPAN;
}

function mix(hash: number, value: number): number {
  let mixed = Math.imul(hash ^ (value | 0), 0x9e3779b1);
  mixed ^= mixed >>> 15;
  // Ids, times and mantissas go beyond 32 bits.
  return value > 0xffffffff || value < 0 ? Math.imul(mixed ^ Math.floor(value / 0x100000000), 0x85ebca77) : mixed;
}

const POW10 = Array.from({ length: 23 }, (_, power) => 10 ** power);
const asDouble = new Float64Array(1);
const asBits = new Int32Array(asDouble.buffer);

/** What must be equal in two messages about one trade (D11), besides id and size: time, price, side, market flag, ids it stands for. */
export function fingerprint(trade: TradeEvent): number {
  const { price } = trade;
  // By value: "61800.3" and "61800.30" are one price. The quotient is correctly rounded, so equal values give equal bits;
  // the double never leaves this function.
  asDouble[0] = Number(price.mantissa) / (POW10[price.scale] ?? 10 ** price.scale);
  let hash = mix(mix(0x2545f491, asBits[0] ?? 0), asBits[1] ?? 0);
  hash = mix(hash, trade.eventMs);
  hash = mix(hash, trade.eventSubNs * 4 + (trade.side > 0 ? 2 : 0) + (trade.market ? 1 : 0));
  if (trade.tradeCount !== 1) hash = mix(mix(hash, trade.firstTradeId ?? -1), trade.lastTradeId ?? -1);
  return hash | 0;
}

/** A number that stands for a text id, for venues whose ids are no numbers: 53 bits, so that chance meetings do not occur. */
export function textKey(id: string): number {
  let low = 0x811c9dc5;
  let high = 0x1b873593;
  for (let index = 0; index < id.length; index += 1) {
    const code = id.charCodeAt(index);
    low = Math.imul(low ^ code, 0x01000193);
    high = Math.imul(high ^ code, 0x85ebca6b) ^ (low >>> 13);
  }
  return (high >>> 11) * 0x100000000 + (low >>> 0);
}

export class RecentTrades {
  /** Oldest first; only the last one grows. */
  #blocks: Block[];

  constructor(blocks: Block[] = [newBlock()]) {
    this.#blocks = blocks;
  }

  push(key: number, trade: TradeEvent, print: number): void {
    let block = this.#blocks[this.#blocks.length - 1];
    if (block === undefined || block.length === BLOCK) {
      // Without snapshots in between, the oldest block is written anew: typed arrays are dear to allocate.
      const oldest = this.#blocks.length === BLOCKS_MAX ? this.#blocks.shift() : undefined;
      block = oldest === undefined || oldest.shared ? newBlock() : oldest;
      block.length = 0;
      block.large = undefined;
      this.#blocks.push(block);
    }
    const at = block.length;
    const { mantissa, scale } = trade.qty;
    const mark = (scale & SCALE_BITS) | (trade.market ? 0 : NOT_MARKET) | spanMark(trade);
    if (typeof mantissa === "number") put(block, at, { key, print, mark }, mantissa);
    else {
      put(block, at, { key, print, mark: mark | LARGE }, 0);
      block.large = new Map(block.large).set(at, mantissa);
    }
    block.length = at + 1;
  }

  /** Newest first: a duplicate is nearly always close to the end. */
  compare(key: number, trade: TradeEvent, print: number): "same" | "other" | "unknown" {
    for (let which = this.#blocks.length - 1; which >= 0; which -= 1) {
      const block = this.#blocks[which];
      if (block === undefined) break;
      for (let at = block.length - 1; at >= 0; at -= 1) {
        if (block.cells[at] !== key) continue;
        // A single trade and an aggregate that ends with it are not comparable: neither contradicts the other.
        if ((markAt(block, at) & SPAN) !== spanMark(trade)) return "unknown";
        const size = sizeAt(block, at);
        return printAt(block, at) === print && equal(size, trade.qty) ? "same" : "other";
      }
    }
    return "unknown";
  }

  /** Market volume and number of the remembered trades with ids in [from, to]. Newest first, and no further than all of them are found. */
  sumOf(from: number, to: number): { readonly found: number; readonly qty: Decimal } {
    const wanted = to - from + 1;
    let found = 0;
    let qty = ZERO;
    for (let which = this.#blocks.length - 1; which >= 0 && found < wanted; which -= 1) {
      const block = this.#blocks[which];
      if (block === undefined) break;
      for (let at = block.length - 1; at >= 0 && found < wanted; at -= 1) {
        const id = idAt(block, at);
        if (id < from || id > to || (markAt(block, at) & SPAN) !== 0) continue;
        found += 1;
        if ((markAt(block, at) & NOT_MARKET) === 0) qty = add(qty, sizeAt(block, at));
      }
    }
    return { found, qty };
  }

  reset(): void {
    this.#blocks = [newBlock()];
  }

  clone(): RecentTrades {
    return new RecentTrades(this.#blocks.map((block) => {
      if (block.length === BLOCK) {
        block.shared = true;
        return block;
      }
      return { length: block.length, shared: false, cells: block.cells.slice(), large: block.large };
    }));
  }

  /** As plain rows [key, print, size mantissa, mark], oldest first, with the length of the oldest block told by position. */
  toRows(): readonly (readonly (number | bigint)[])[] {
    const rows: (number | bigint)[][] = [];
    for (const block of this.#blocks) {
      for (let at = 0; at < block.length; at += 1) {
        rows.push([idAt(block, at), printAt(block, at), sizeAt(block, at).mantissa, markAt(block, at)]);
      }
    }
    return rows;
  }

  static fromRows(rows: readonly (readonly (number | bigint)[])[]): RecentTrades {
    let block = newBlock();
    const recent = new RecentTrades([block]);
    for (const [key = 0, print = 0, size = 0, mark = 0] of rows) {
      if (block.length === BLOCK) {
        block = newBlock();
        recent.#blocks.push(block);
      }
      const at = block.length;
      put(block, at, { key: Number(key), print: Number(print), mark: Number(mark) }, typeof size === "number" ? size : 0);
      if (typeof size !== "number") block.large = new Map(block.large).set(at, size);
      block.length = at + 1;
    }
    return recent;
  }
}

function sizeAt(block: Block, at: number): Decimal {
  const mark = markAt(block, at);
  const large = (mark & LARGE) === 0 ? undefined : block.large?.get(at);
  return decimal(large ?? block.cells[SIZES + at] ?? 0, mark & SCALE_BITS);
}
