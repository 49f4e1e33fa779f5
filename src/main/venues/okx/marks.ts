// OKX tells mark and index on two channels; a mark price event says both. Each channel leaves its last price with the instrument, and whichever
// moves says the two together. What is said again, or late, by a second socket changes nothing and says nothing. Pure.
import { type Decimal, parseDecimal } from "../../../shared/decimal.ts";
import type { CarriedFields, MarkPriceEvent } from "../../../shared/market.ts";
import type { PriceAt } from "./scan.ts";

/** Names of what is carried: the price's text, and its time in epoch ms. */
const MARK = { price: "mark-price.markPx", atMs: "mark-price.ts" } as const;
const INDEX = { price: "index-tickers.idxPx", atMs: "index-tickers.ts" } as const;
type Names = typeof MARK | typeof INDEX;

/** Sockets side by side are not further apart than this. What is older still was sent by a clock that went back: it is believed. */
const LEGS_APART_MAX_MS = 60_000;
/** Both channels are sent at least each minute. A price that is older than two says nothing of now: its channel has fallen silent. */
const TOGETHER_MS = 120_000;

/** Keeps a price; false when it, or a later one, is known already. */
function keep(carried: CarriedFields, names: Names, { eventMs, text }: PriceAt): boolean {
  const knownMs = Number(carried.get(names.atMs) ?? 0);
  if (eventMs <= knownMs && knownMs - eventMs <= LEGS_APART_MAX_MS) return false;
  carried.set(names.price, text);
  carried.set(names.atMs, String(eventMs));
  return true;
}

function priceNear(carried: CarriedFields, names: Names, eventMs: number): Decimal | undefined {
  const text = carried.get(names.price);
  return text !== undefined && Math.abs(eventMs - Number(carried.get(names.atMs))) <= TOGETHER_MS ? parseDecimal(text) : undefined;
}

/** A mark, with the index as last known. Read alone it has none. */
export function markEvent(mark: PriceAt, carried: CarriedFields | undefined): MarkPriceEvent | undefined {
  if (carried !== undefined && !keep(carried, MARK, mark)) return undefined;
  const indexPrice = carried && priceNear(carried, INDEX, mark.eventMs);
  return { kind: "mark_price", eventMs: mark.eventMs, eventSubNs: 0, markPrice: mark.price, indexPrice };
}

/** An index, with the mark as last known. Without one there is no event: a mark price needs a mark. */
export function indexEvent(index: PriceAt, carried: CarriedFields | undefined): MarkPriceEvent | undefined {
  if (carried === undefined || !keep(carried, INDEX, index)) return undefined;
  const markPrice = priceNear(carried, MARK, index.eventMs);
  return markPrice && { kind: "mark_price", eventMs: index.eventMs, eventSubNs: 0, markPrice, indexPrice: index.price };
}
