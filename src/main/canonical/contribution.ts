// What one trade (or the unseen rest of an aggregated one) brings to a bar. One object per fold, refilled: no allocation per trade. Pure.
import { ZERO, type Decimal } from "../../shared/decimal.ts";

export interface Contribution {
  eventMs: number;
  /** Place among trades of the same ms: first trade id, -1 where ids have no order. */
  orderId: number;
  price: Decimal;
  qtyMantissa: number | bigint;
  qtyScale: number;
  /** price × qty, scale = price scale + qty scale. */
  quoteMantissa: number | bigint;
  quoteScale: number;
  takerBuys: boolean;
  tradeCount: number;
  backfilled: boolean;
  seq: number;
  ingestSeq: number;
  position: number;
  /** Leaf-chain values of the fold stream before and after this message. */
  chainBefore: Uint8Array;
  chainAfter: Uint8Array;
}

export function emptyContribution(): Contribution {
  return {
    eventMs: 0, orderId: -1, price: ZERO, qtyMantissa: 0, qtyScale: 0, quoteMantissa: 0, quoteScale: 0, takerBuys: false,
    tradeCount: 0, backfilled: false, seq: 0, ingestSeq: 0, position: 0, chainBefore: new Uint8Array(0), chainAfter: new Uint8Array(0),
  };
}

const EXACT = 2 ** 52;

/** Exact product of two mantissas: a rounded product of doubles below 2^52 was not rounded. */
export function productOf(a: number | bigint, b: number | bigint): number | bigint {
  if (typeof a === "number" && typeof b === "number") {
    const product = a * b;
    if (product < EXACT && product > -EXACT) return product === 0 ? 0 : product;
  }
  return BigInt(a) * BigInt(b);
}
