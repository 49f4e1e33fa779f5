// The quick way to read OKX's pushes in plain form, straight from bytes: {"arg":{"channel","instId"},"data":[{…}]} with the members of each item in
// any order. Accepts only messages that are right in every respect; whatever deviates, in form or in meaning, is undefined here and left to the
// exact way. Pure towards callers.
import { type Decimal, ZERO } from "../../../shared/decimal.ts";
import type { BboEvent, DecodeContext, FundingEvent, MarketEvent, OpenInterestEvent, TradeEvent } from "../../../shared/market.ts";
import { ITEMS_PER_MESSAGE_MAX } from "../../../shared/raw.ts";
import { msFromNs, nsFromMs } from "../../../shared/time.ts";
import {
  ascii, behindValue, CLOSE, CLOSE_LIST, codes, COMMA, decimalFound, decimalText, found, isAt, isText, name, OPEN, QUOTE, UsualStarts, whole, wholeText,
  ZERO as ZERO_DIGIT,
} from "../bytes.ts";
import { indexIdOf, instIdOf, isOkxVenue } from "./instruments.ts";
import { TIME_FROM_MS, TIME_UNTIL_MS } from "./limits.ts";
import { agrees, inBaseUnits, unitsAt } from "./units.ts";

const BUY = codes('"buy"');
const SELL = codes('"sell"');
const LEVEL = codes('[["');
const NO_LEVELS = codes("[]");

interface Level { readonly price: Decimal; readonly size: Decimal }
const NO_LEVEL: Level = Object.freeze({ price: ZERO, size: ZERO });

/** The members of an item that any of our channels has. `seen`: a bit per member. */
const item = {
  seen: 0, id: 0, idText: "", priceText: "", count: 1, side: 1 as 1 | -1, tsMs: 0, updateId: undefined as number | undefined, price: ZERO, size: ZERO, bid: NO_LEVEL, ask: NO_LEVEL,
};
const INST_ID = 1, ID = 2, PRICE = 4, SIZE = 8, SIDE = 16, TS = 32, COUNT = 64, BIDS = 128, ASKS = 256, UPDATE_ID = 512;

function isTime(ms: number): boolean {
  return ms >= TIME_FROM_MS && ms < TIME_UNTIL_MS;
}

/** Takes a member; answers its bit, or 0 for one that the channel does not have, and leaves the index behind its value in `behind`, -1 when it is odd. */
type Take = (bytes: Uint8Array, value: number) => number;
let behind = 0;

/** The name of the stream's instrument, which items repeat. */
let instrument: readonly number[] = [];

function instId(bytes: Uint8Array, value: number): number {
  const end = value + 1 + instrument.length;
  behind = bytes[value] === QUOTE && bytes[end] === QUOTE && isAt(bytes, value + 1, instrument) ? end + 1 : -1;
  return INST_ID;
}

function time(bytes: Uint8Array, value: number): number {
  behind = bytes[value] === QUOTE ? wholeText(bytes, value + 1) : -1;
  item.tsMs = found.whole;
  if (behind >= 0 && !isTime(item.tsMs)) behind = -1;
  return TS;
}

/** A decimal from 0, read into `found`. */
function notNegative(bytes: Uint8Array, value: number): number {
  const end = bytes[value] === QUOTE ? decimalText(bytes, value + 1) : -1;
  return end >= 0 && found.mantissa < 0 ? -1 : end;
}

function positive(bytes: Uint8Array, value: number): number {
  const end = notNegative(bytes, value);
  return end >= 0 && found.mantissa === 0 ? -1 : end;
}

const tradeMember: Take = (bytes, value) => {
  const { nameStart: from, nameEnd: until } = found;
  switch (until - from) {
    case 2:
      if (isText(bytes, from, until, "px")) {
        behind = positive(bytes, value);
        item.price = decimalFound();
        return PRICE;
      }
      if (isText(bytes, from, until, "sz")) {
        behind = positive(bytes, value);
        item.size = decimalFound();
        return SIZE;
      }
      return isText(bytes, from, until, "ts") ? time(bytes, value) : 0;
    case 4:
      if (!isText(bytes, from, until, "side")) return 0;
      item.side = isAt(bytes, value, SELL) ? -1 : 1;
      behind = item.side < 0 ? value + SELL.length : isAt(bytes, value, BUY) ? value + BUY.length : -1;
      return SIDE;
    case 5:
      if (!isText(bytes, from, until, "count")) return 0;
      behind = bytes[value] === QUOTE ? wholeText(bytes, value + 1) : -1;
      item.count = found.whole;
      return COUNT;
    case 6:
      return isText(bytes, from, until, "instId") ? instId(bytes, value) : 0;
    case 7:
      if (!isText(bytes, from, until, "tradeId")) return 0;
      behind = bytes[value] === QUOTE ? wholeText(bytes, value + 1) : -1;
      item.id = found.whole;
      // Written with zeros in front it is still the same id.
      item.idText = behind < 0 || bytes[value + 1] === ZERO_DIGIT ? String(item.id) : ascii(bytes, value + 1, behind - 1);
      return ID;
    default:
      return 0;
  }
};

/** The best level at `at`, and the index behind the list of levels in `behind`. Only a list of none or one is plain. */
function best(bytes: Uint8Array, at: number): Level {
  behind = -1;
  if (isAt(bytes, at, NO_LEVELS)) {
    behind = at + NO_LEVELS.length;
    return NO_LEVEL;
  }
  if (!isAt(bytes, at, LEVEL)) return NO_LEVEL;
  let next = notNegative(bytes, at + 2);
  const price = decimalFound();
  if (next < 0 || bytes[next] !== COMMA) return NO_LEVEL;
  next = notNegative(bytes, next + 1);
  const size = decimalFound();
  // Deprecated and number of orders.
  while (next >= 0 && bytes[next] === COMMA) next = behindValue(bytes, next + 1);
  if (next >= 0 && bytes[next] === CLOSE_LIST && bytes[next + 1] === CLOSE_LIST) behind = next + 2;
  return { price, size };
}

const quoteMember: Take = (bytes, value) => {
  const { nameStart: from, nameEnd: until } = found;
  if (isText(bytes, from, until, "asks")) {
    item.ask = best(bytes, value);
    return ASKS;
  }
  if (isText(bytes, from, until, "bids")) {
    item.bid = best(bytes, value);
    return BIDS;
  }
  if (isText(bytes, from, until, "ts")) return time(bytes, value);
  if (!isText(bytes, from, until, "seqId")) return 0;
  behind = whole(bytes, value);
  item.updateId = found.whole;
  return UPDATE_ID;
};

/** A member that is a price at a time: mark and index. */
function priced(label: string): Take {
  return (bytes, value) => {
    const { nameStart: from, nameEnd: until } = found;
    if (isText(bytes, from, until, label)) {
      behind = notNegative(bytes, value);
      item.price = decimalFound();
      item.priceText = behind < 0 ? "" : ascii(bytes, value + 1, behind - 1);
      return PRICE;
    }
    if (isText(bytes, from, until, "instId")) return instId(bytes, value);
    return isText(bytes, from, until, "ts") ? time(bytes, value) : 0;
  };
}

const INST_ID_FIRST = codes('{"instId":');
const THEN_ID = codes(',"tradeId":"');
const THEN_PRICE = codes(',"px":"');
const THEN_SIZE = codes(',"sz":"');
const THEN_SIDE = codes(',"side":');

/** The members of a trade as far as they come in the usual order; answers where any order begins. */
function usualTrade(bytes: Uint8Array, from: number): number {
  if (!isAt(bytes, from, INST_ID_FIRST)) return from;
  instId(bytes, from + INST_ID_FIRST.length);
  if (behind < 0 || !isAt(bytes, behind, THEN_ID)) return from;
  const id = behind + THEN_ID.length;
  let at = wholeText(bytes, id);
  if (at < 0 || bytes[id] === ZERO_DIGIT || !isAt(bytes, at, THEN_PRICE)) return from;
  item.id = found.whole;
  item.idText = ascii(bytes, id, at - 1);
  at = decimalText(bytes, at + THEN_PRICE.length);
  if (at < 0 || found.mantissa <= 0 || !isAt(bytes, at, THEN_SIZE)) return from;
  item.price = decimalFound();
  at = decimalText(bytes, at + THEN_SIZE.length);
  if (at < 0 || found.mantissa <= 0 || !isAt(bytes, at, THEN_SIDE)) return from;
  item.size = decimalFound();
  at += THEN_SIDE.length;
  item.side = isAt(bytes, at, SELL) ? -1 : 1;
  if (item.side > 0 && !isAt(bytes, at, BUY)) return from;
  item.seen = INST_ID | ID | PRICE | SIZE | SIDE;
  return at + (item.side < 0 ? SELL : BUY).length;
}

/** Reads the item at `from` into `item`; answers the index behind it. */
function readItem(bytes: Uint8Array, from: number, take: Take): number {
  if (bytes[from] !== OPEN) return -1;
  item.seen = 0;
  item.count = 1;
  item.updateId = undefined;
  let at = take === tradeMember ? usualTrade(bytes, from) : from;
  if (at > from && bytes[at] !== COMMA) return bytes[at] === CLOSE ? at + 1 : -1;
  do {
    const value = name(bytes, at + 1);
    if (value < 0) return -1;
    const bit = take(bytes, value);
    at = bit === 0 ? behindValue(bytes, value) : behind;
    if (at < 0 || (item.seen & bit) !== 0) return -1;
    item.seen |= bit;
  } while (bytes[at] === COMMA);
  return bytes[at] === CLOSE ? at + 1 : -1;
}

/** A rate and the time of the next settlement: `id` holds that time, `price` the rate, which may be negative. */
const fundingMember: Take = (bytes, value) => {
  const { nameStart: from, nameEnd: until } = found;
  switch (until - from) {
    case 2:
      return isText(bytes, from, until, "ts") ? time(bytes, value) : 0;
    case 6:
      return isText(bytes, from, until, "instId") ? instId(bytes, value) : 0;
    case 11:
      if (isText(bytes, from, until, "fundingRate")) {
        behind = bytes[value] === QUOTE ? decimalText(bytes, value + 1) : -1;
        item.price = decimalFound();
        return PRICE;
      }
      if (!isText(bytes, from, until, "fundingTime")) return 0;
      behind = bytes[value] === QUOTE ? wholeText(bytes, value + 1) : -1;
      item.id = found.whole;
      if (!isTime(item.id)) behind = -1;
      return ID;
    default:
      return 0;
  }
};

/** Open interest: `size` in contracts, `price` in base units. */
const interestMember: Take = (bytes, value) => {
  const { nameStart: from, nameEnd: until } = found;
  if (isText(bytes, from, until, "oi")) {
    behind = notNegative(bytes, value);
    item.size = decimalFound();
    return SIZE;
  }
  if (isText(bytes, from, until, "oiCcy")) {
    behind = notNegative(bytes, value);
    item.price = decimalFound();
    return PRICE;
  }
  if (isText(bytes, from, until, "instId")) return instId(bytes, value);
  return isText(bytes, from, until, "ts") ? time(bytes, value) : 0;
};

/** `{"arg":…},"data":[` of a stream, as the venue writes it. */
const starts = new UsualStarts(({ venue, symbol, channel }) => {
  if (!isOkxVenue(venue)) return [""];
  const named = channel === "index-tickers" ? indexIdOf(symbol) : instIdOf(venue, symbol);
  return [`{"arg":{"channel":"${channel}","instId":"${named}"},"data":[`, named];
});

/** Walks the items of a plain push of this stream; `event` answers undefined for an item that the exact way must judge. */
function scan<E>(bytes: Uint8Array, context: DecodeContext, take: Take, event: (context: DecodeContext) => E | undefined): E[] | undefined {
  const { stream, source } = context;
  const [start, named] = starts.of(stream);
  if (source !== "ws" || start === undefined || named === undefined || !isAt(bytes, 0, start)) return undefined;
  instrument = named;
  const events: E[] = [];
  let at = start.length - 1;
  do {
    at = readItem(bytes, at + 1, take);
    const read = at < 0 || events.length === ITEMS_PER_MESSAGE_MAX ? undefined : event(context);
    if (read === undefined) return undefined;
    events.push(read);
  } while (bytes[at] === COMMA);
  return bytes[at] === CLOSE_LIST && bytes[at + 1] === CLOSE && at + 2 === bytes.length ? events : undefined;
}

function tradeFound(context: DecodeContext): TradeEvent | undefined {
  const { seen, id, idText: tradeId, count, price, size, side, tsMs: eventMs } = item;
  const units = unitsAt(context, eventMs);
  const first = id - count + 1;
  const all = INST_ID | ID | PRICE | SIZE | SIDE | TS;
  if ((seen & all) !== all || units === undefined || count < 1 || first < 0) return undefined;
  const qty = inBaseUnits(size, units);
  return count === 1
    ? { kind: "trade", eventMs, eventSubNs: 0, price, qty, side, tradeId, sequenceId: id, firstTradeId: first, lastTradeId: id, tradeCount: 1, market: true }
    : { kind: "trade", eventMs, eventSubNs: 0, price, qty, side, tradeId, sequenceId: id, firstTradeId: first, lastTradeId: id, tradeCount: count, market: true, sequenceFromId: first };
}

function quoteFound(context: DecodeContext): BboEvent | undefined {
  const { seen, bid, ask, tsMs: eventMs, updateId } = item;
  const units = unitsAt(context, eventMs);
  const all = BIDS | ASKS | TS;
  if ((seen & all) !== all || units === undefined) return undefined;
  return {
    kind: "bbo", eventMs, eventSubNs: 0, bidPrice: bid.price, bidQty: inBaseUnits(bid.size, units), askPrice: ask.price, askQty: inBaseUnits(ask.size, units), updateId,
  };
}

function fundingFound({ recvNs }: DecodeContext): FundingEvent | undefined {
  const { seen, id: nextFundingMs, price: fundingRate, tsMs } = item;
  const all = INST_ID | ID | PRICE;
  if ((seen & all) !== all) return undefined;
  if ((seen & TS) !== 0) return { kind: "funding", eventMs: tsMs, eventSubNs: 0, fundingRate, nextFundingMs };
  // Of 2021 and 2022, without a time of its own.
  const eventMs = msFromNs(recvNs);
  return { kind: "funding", eventMs, eventSubNs: Number(recvNs - nsFromMs(eventMs)), fundingRate, nextFundingMs };
}

function interestFound(context: DecodeContext): OpenInterestEvent | undefined {
  const { seen, size, price: openInterest, tsMs: eventMs } = item;
  const all = INST_ID | SIZE | PRICE | TS;
  if ((seen & all) !== all) return undefined;
  const units = unitsAt(context, eventMs);
  return units === undefined || agrees(size, openInterest, units) ? { kind: "open_interest", eventMs, eventSubNs: 0, openInterest } : undefined;
}

/** A price with the venue's text of it. */
export interface PriceAt { readonly eventMs: number; readonly price: Decimal; readonly text: string }

function priceFound(): PriceAt | undefined {
  const all = INST_ID | PRICE | TS;
  return (item.seen & all) === all ? { eventMs: item.tsMs, price: item.price, text: item.priceText } : undefined;
}

/** Quick readers: undefined when the exact way must decide. */
export function scanTrades(bytes: Uint8Array, context: DecodeContext): readonly MarketEvent[] | undefined {
  return scan(bytes, context, tradeMember, tradeFound);
}
export function scanQuotes(bytes: Uint8Array, context: DecodeContext): readonly MarketEvent[] | undefined {
  return scan(bytes, context, quoteMember, quoteFound);
}
export function scanFunding(bytes: Uint8Array, context: DecodeContext): readonly MarketEvent[] | undefined {
  return scan(bytes, context, fundingMember, fundingFound);
}
export function scanInterest(bytes: Uint8Array, context: DecodeContext): readonly MarketEvent[] | undefined {
  return scan(bytes, context, interestMember, interestFound);
}
const markMember = priced("markPx");
const indexMember = priced("idxPx");
export function scanMarks(bytes: Uint8Array, context: DecodeContext): readonly PriceAt[] | undefined {
  return scan(bytes, context, markMember, priceFound);
}
export function scanIndexes(bytes: Uint8Array, context: DecodeContext): readonly PriceAt[] | undefined {
  return scan(bytes, context, indexMember, priceFound);
}
