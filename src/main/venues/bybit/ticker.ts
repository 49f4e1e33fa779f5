// What Bybit's tickers add up to: a snapshot holds everything, a delta what has changed, and the fields last said are carried from message to
// message. Two sockets side by side tell the same story twice and out of step: each field goes by its own time, so what is late or said again
// changes nothing and says nothing. Pure.
import { type Decimal, parseDecimal } from "../../../shared/decimal.ts";
import type { CarriedFields, MarketEvent } from "../../../shared/market.ts";

/** A value as the message says it; `value` undefined: it says that there is none (an empty text, a funding time of 0). */
export interface Stated { readonly text: string; readonly value: Decimal | undefined }

export const TICKER_FIELDS = ["markPrice", "indexPrice", "fundingRate", "nextFundingTime", "openInterest"] as const;
export type TickerField = (typeof TICKER_FIELDS)[number];

/** One message; what is undefined is not in it. `cs`: the venue's cross sequence, 0 when it sent none. */
export interface StatedTicker extends Readonly<Record<TickerField, Stated | undefined>> {
  readonly isSnapshot: boolean;
  readonly eventMs: number;
  readonly cs: number;
}

/** Sockets side by side are not further apart than this. What is older still was sent by a clock that went back: it is believed. */
const LEGS_APART_MAX_MS = 60_000;

const NAMES: Readonly<Record<TickerField, { readonly text: string; readonly stamp: string }>> = {
  markPrice: { text: "tickers.markPrice", stamp: "tickers.markPrice.at" }, indexPrice: { text: "tickers.indexPrice", stamp: "tickers.indexPrice.at" },
  fundingRate: { text: "tickers.fundingRate", stamp: "tickers.fundingRate.at" },
  nextFundingTime: { text: "tickers.nextFundingTime", stamp: "tickers.nextFundingTime.at" },
  openInterest: { text: "tickers.openInterest", stamp: "tickers.openInterest.at" },
};
/** The latest stamp of all. */
const LATEST = "tickers.at";

/** Whether a message was known already when something was said at `stamp`: time (which has 13 digits where it is believed), then cross sequence. */
function isKnownAt(stamp: string, { eventMs, cs }: StatedTicker): boolean {
  const stampMs = Number(stamp.slice(0, 13));
  if (eventMs === stampMs) return cs <= Number(stamp.slice(14));
  return eventMs < stampMs && stampMs - eventMs <= LEGS_APART_MAX_MS;
}

function knowsMore(carried: CarriedFields, name: string, ticker: StatedTicker): boolean {
  const stamp = carried.get(name);
  return stamp !== undefined && isKnownAt(stamp, ticker);
}

function carriedValue(carried: CarriedFields, field: TickerField): Decimal | undefined {
  const text = carried.get(NAMES[field].text);
  return text === undefined || text === "" ? undefined : parseDecimal(text);
}

function keep(carried: CarriedFields, field: TickerField, stated: Stated, stamp: string): void {
  const names = NAMES[field];
  carried.set(names.text, stated.value === undefined ? "" : stated.text);
  carried.set(names.stamp, stamp);
}

const NOTHING: Stated = Object.freeze({ text: "", value: undefined });

/** Takes what is new into `carried`; answers the message as if only that had been in it. */
function taken(ticker: StatedTicker, carried: CarriedFields): StatedTicker {
  if (knowsMore(carried, LATEST, ticker)) return takenLate(ticker, carried);
  const stamp = `${ticker.eventMs} ${ticker.cs}`;
  carried.set(LATEST, stamp);
  for (const field of TICKER_FIELDS) {
    const stated = ticker[field];
    if (stated !== undefined) keep(carried, field, stated, stamp);
    // A field that the snapshot does not name is gone.
    else if (ticker.isSnapshot) keep(carried, field, NOTHING, stamp);
  }
  return ticker;
}

/** Of a message that comes behind later ones: what they did not say. */
function takenLate(ticker: StatedTicker, carried: CarriedFields): StatedTicker {
  const news: { -readonly [Name in keyof StatedTicker]: StatedTicker[Name] } = { ...ticker };
  for (const field of TICKER_FIELDS) {
    const stated = ticker[field];
    if (stated === undefined) continue;
    if (knowsMore(carried, NAMES[field].stamp, ticker)) news[field] = undefined;
    else keep(carried, field, stated, `${ticker.eventMs} ${ticker.cs}`);
  }
  return news;
}

/** One event per kind of which the message says anything new, whole as far as the messages before say the rest. */
function carriedEvents(ticker: StatedTicker, carried: CarriedFields): readonly MarketEvent[] {
  // Most deltas move the best offer only.
  if (!ticker.isSnapshot && saysNothing(ticker)) return NO_EVENTS;
  const { eventMs, markPrice, indexPrice, fundingRate, nextFundingTime, openInterest } = taken(ticker, carried);
  const valueOf = (field: TickerField, stated: Stated | undefined): Decimal | undefined => (stated === undefined ? carriedValue(carried, field) : stated.value);
  const events: MarketEvent[] = [];
  if (markPrice !== undefined || indexPrice !== undefined) {
    const mark = valueOf("markPrice", markPrice);
    if (mark !== undefined) events.push({ kind: "mark_price", eventMs, eventSubNs: 0, markPrice: mark, indexPrice: valueOf("indexPrice", indexPrice) });
  }
  if (fundingRate !== undefined || nextFundingTime !== undefined) {
    const rate = valueOf("fundingRate", fundingRate);
    const next = valueOf("nextFundingTime", nextFundingTime);
    if (rate !== undefined) events.push({ kind: "funding", eventMs, eventSubNs: 0, fundingRate: rate, nextFundingMs: Number(next?.mantissa ?? 0) });
  }
  if (openInterest?.value !== undefined) events.push({ kind: "open_interest", eventMs, eventSubNs: 0, openInterest: openInterest.value });
  return events;
}

function saysNothing({ markPrice, indexPrice, fundingRate, nextFundingTime, openInterest }: StatedTicker): boolean {
  return markPrice === undefined && indexPrice === undefined && fundingRate === undefined && nextFundingTime === undefined && openInterest === undefined;
}
const NO_EVENTS: readonly MarketEvent[] = [];

/** Read alone, a message is a statement about what it names: no mark, no `mark_price`; no rate, no `funding`. */
function ownEvents({ eventMs, markPrice, indexPrice, fundingRate, nextFundingTime, openInterest }: StatedTicker): readonly MarketEvent[] {
  const at = { eventMs, eventSubNs: 0 };
  const events: MarketEvent[] = [];
  if (markPrice?.value !== undefined) events.push({ kind: "mark_price", ...at, markPrice: markPrice.value, indexPrice: indexPrice?.value });
  if (fundingRate?.value !== undefined) events.push({ kind: "funding", ...at, fundingRate: fundingRate.value, nextFundingMs: Number(nextFundingTime?.value?.mantissa ?? 0) });
  if (openInterest?.value !== undefined) events.push({ kind: "open_interest", ...at, openInterest: openInterest.value });
  return events;
}

/** The events of a message, with what `carried` knows of the messages before. */
export function tickerEvents(ticker: StatedTicker, carried: CarriedFields | undefined): readonly MarketEvent[] {
  return carried === undefined ? ownEvents(ticker) : carriedEvents(ticker, carried);
}
