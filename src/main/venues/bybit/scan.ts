// The quick way to read what comes most: trades, tickers and best offers in plain form, straight from bytes. Accepts only messages that are right
// in every respect; whatever deviates, in form or in meaning, is undefined here and left to the exact way. Pure towards callers.
import { type Decimal, ZERO } from "../../../shared/decimal.ts";
import type { BboEvent, StreamRef, TradeEvent } from "../../../shared/market.ts";
import {
  ascii, behindFlag, behindValue, CLOSE, CLOSE_LIST, codes, COMMA, decimalFound, decimalText, found, isAt, isText, name, OPEN, OPEN_LIST, QUOTE, textEnd, UsualStarts,
  whole, wholeText,
} from "../bytes.ts";
import { isBelievedTime } from "./members.ts";
import { beginPush, IS_DELTA, IS_SNAPSHOT, push, readPush } from "./push.ts";
import type { StatedTicker } from "./ticker.ts";

const BUY = codes('"Buy"');
const SELL = codes('"Sell"');
const ALL_OF_TRADE = 63;

let trades: TradeEvent[] = [];
let tradesMax = 0;

const TIME_FIRST = codes('{"T":');
const THEN_SYMBOL = codes(',"s":"');
const THEN_SIDE = codes('","S":');
const THEN_QTY = codes(',"v":"');
const THEN_PRICE = codes(',"p":"');
const THEN_TICK = codes(',"L":"');
const THEN_ID = codes('","i":"');
const NO_BLOCK_TRADE = codes(',"BT":false');
const usual = { at: 0, eventMs: 0, side: 1 as 1 | -1, qty: ZERO, price: ZERO, tradeId: "", seen: 0 };

/** The first members of a trade, when they come in the usual order: `T s S v p`, and mostly `L i BT`, into `usual`. */
function usualTrade(bytes: Uint8Array, from: number, symbol: string): boolean {
  let at = isAt(bytes, from, TIME_FIRST) ? whole(bytes, from + TIME_FIRST.length) : -1;
  if (at < 0 || !isBelievedTime(found.whole) || !isAt(bytes, at, THEN_SYMBOL)) return false;
  usual.eventMs = found.whole;
  at += THEN_SYMBOL.length;
  if (!isText(bytes, at, at + symbol.length, symbol) || !isAt(bytes, at + symbol.length, THEN_SIDE)) return false;
  at += symbol.length + THEN_SIDE.length;
  usual.side = isAt(bytes, at, SELL) ? -1 : 1;
  if (usual.side > 0 && !isAt(bytes, at, BUY)) return false;
  at += (usual.side < 0 ? SELL : BUY).length;
  at = isAt(bytes, at, THEN_QTY) ? decimalText(bytes, at + THEN_QTY.length) : -1;
  if (at < 0 || found.mantissa <= 0 || !isAt(bytes, at, THEN_PRICE)) return false;
  usual.qty = decimalFound();
  at = decimalText(bytes, at + THEN_PRICE.length);
  if (at < 0 || found.mantissa <= 0) return false;
  usual.price = decimalFound();
  usual.seen = 31;
  usual.tradeId = "";
  const tick = isAt(bytes, at, THEN_TICK) ? textEnd(bytes, at + THEN_TICK.length) : -1;
  if (tick >= 0 && isAt(bytes, tick, THEN_ID)) {
    const id = tick + THEN_ID.length;
    const end = textEnd(bytes, id);
    if (end <= id) return false;
    usual.tradeId = ascii(bytes, id, end);
    usual.seen = 63;
    at = end + 1;
    if (isAt(bytes, at, NO_BLOCK_TRADE)) {
      usual.seen = 127;
      at += NO_BLOCK_TRADE.length;
    }
  }
  usual.at = at;
  return true;
}

/** The trade at `at`, onto `trades`. */
function trade(bytes: Uint8Array, from: number, symbol: string): number {
  if (bytes[from] !== OPEN) return -1;
  let at = from + 1, seen = 0, eventMs = 0, side: 1 | -1 = 1, tradeId = "", market = true;
  let price: Decimal = ZERO, qty: Decimal = ZERO;
  if (usualTrade(bytes, from, symbol)) ({ at, seen, eventMs, side, qty, price, tradeId } = usual);
  for (let isFirst = seen === 0; ; isFirst = false) {
    if (!isFirst) {
      const next = bytes[at];
      at += 1;
      if (next === CLOSE) break;
      if (next !== COMMA) return -1;
    }
    const value = name(bytes, at);
    if (value < 0) return -1;
    const length = found.nameEnd - found.nameStart;
    let bit = 0;
    at = -1;
    switch (length === 1 ? bytes[found.nameStart] : 0) {
      case 0x54: // T
        bit = 1;
        at = whole(bytes, value);
        eventMs = found.whole;
        if (at >= 0 && !isBelievedTime(eventMs)) return -1;
        break;
      case 0x73: // s
        bit = 2;
        at = value + symbol.length + 2;
        if (bytes[value] !== QUOTE || bytes[at - 1] !== QUOTE || !isText(bytes, value + 1, at - 1, symbol)) return -1;
        break;
      case 0x53: // S
        bit = 4;
        side = isAt(bytes, value, SELL) ? -1 : 1;
        at = side < 0 ? value + SELL.length : isAt(bytes, value, BUY) ? value + BUY.length : -1;
        break;
      case 0x70: // p
        bit = 8;
        if (bytes[value] === QUOTE) at = decimalText(bytes, value + 1);
        if (at < 0 || found.mantissa <= 0) return -1;
        price = decimalFound();
        break;
      case 0x76: // v
        bit = 16;
        if (bytes[value] === QUOTE) at = decimalText(bytes, value + 1);
        if (at < 0 || found.mantissa <= 0) return -1;
        qty = decimalFound();
        break;
      case 0x69: { // i
        bit = 32;
        const end = bytes[value] === QUOTE ? textEnd(bytes, value + 1) : -1;
        if (end <= value + 1) return -1;
        tradeId = ascii(bytes, value + 1, end);
        at = end + 1;
        break;
      }
      default:
        if (length === 2 && isText(bytes, found.nameStart, found.nameEnd, "BT")) {
          bit = 64;
          at = behindFlag(bytes, value);
          market = bytes[value] === 0x66;
        } else at = behindValue(bytes, value);
    }
    if (at < 0 || (seen & bit) !== 0) return -1;
    seen |= bit;
  }
  if ((seen & ALL_OF_TRADE) !== ALL_OF_TRADE) return -1;
  trades.push({
    kind: "trade", eventSubNs: 0, sequenceId: undefined, firstTradeId: undefined, lastTradeId: undefined, tradeCount: 1, eventMs, price, qty, side, tradeId, market,
  });
  return at;
}

function tradeList(bytes: Uint8Array, from: number, symbol: string): number {
  if (bytes[from] !== OPEN_LIST) return -1;
  let at = from;
  do {
    if (trades.length === tradesMax) return -1;
    at = trade(bytes, at + 1, symbol);
    if (at < 0) return -1;
  } while (bytes[at] === COMMA);
  return bytes[at] === CLOSE_LIST ? at + 1 : -1;
}

/** The trades of a plain `publicTrade` push; undefined: let the exact way decide. */
export function scanTrades(bytes: Uint8Array, stream: StreamRef, itemsMax: number): readonly TradeEvent[] | undefined {
  trades = [];
  tradesMax = itemsMax;
  return readPush(bytes, stream, tradeList) ? trades : undefined;
}

let ticker: { -readonly [Name in keyof StatedTicker]: StatedTicker[Name] } = emptyTicker();

function emptyTicker(): StatedTicker {
  return { isSnapshot: false, eventMs: 0, cs: 0, markPrice: undefined, indexPrice: undefined, fundingRate: undefined, nextFundingTime: undefined, openInterest: undefined };
}

/** Which member that we keep was named last, by the length of its name; undefined for the others. */
function keptName(bytes: Uint8Array): "symbol" | "markPrice" | "indexPrice" | "fundingRate" | "openInterest" | "nextFundingTime" | undefined {
  const { nameStart, nameEnd } = found;
  switch (nameEnd - nameStart) {
    case 6: return isText(bytes, nameStart, nameEnd, "symbol") ? "symbol" : undefined;
    case 9: return isText(bytes, nameStart, nameEnd, "markPrice") ? "markPrice" : undefined;
    case 10: return isText(bytes, nameStart, nameEnd, "indexPrice") ? "indexPrice" : undefined;
    case 11: return isText(bytes, nameStart, nameEnd, "fundingRate") ? "fundingRate" : undefined;
    case 12: return isText(bytes, nameStart, nameEnd, "openInterest") ? "openInterest" : undefined;
    case 15: return isText(bytes, nameStart, nameEnd, "nextFundingTime") ? "nextFundingTime" : undefined;
    default: return undefined;
  }
}

/** Takes a stated number; -1 for a value that the exact way must judge: empty, odd, negative or doubled. */
function stated(bytes: Uint8Array, at: number, kept: Exclude<ReturnType<typeof keptName>, "symbol" | undefined>): number {
  if (bytes[at] !== QUOTE || ticker[kept] !== undefined) return -1;
  if (kept === "nextFundingTime") {
    const end = wholeText(bytes, at + 1);
    if (end < 0 || !isBelievedTime(found.whole)) return -1;
    ticker.nextFundingTime = { text: ascii(bytes, at + 1, end - 1), value: { mantissa: found.whole, scale: 0 } };
    return end;
  }
  const end = decimalText(bytes, at + 1);
  if (end < 0 || (kept !== "fundingRate" && found.mantissa < 0)) return -1;
  const value = decimalFound();
  ticker[kept] = { text: ascii(bytes, at + 1, end - 1), value };
  return end;
}

function tickerData(bytes: Uint8Array, from: number, symbol: string): number {
  return bytes[from] === OPEN ? tickerMembers(bytes, from, symbol, false) : -1;
}

/** Reads on behind the opening brace, or, when the symbol is read already, at what follows it. Answers the index behind the closing brace. */
function tickerMembers(bytes: Uint8Array, from: number, symbol: string, isSymbolRead: boolean): number {
  let at = from;
  let hasSymbol = isSymbolRead;
  if (isSymbolRead && bytes[at] !== COMMA) return bytes[at] === CLOSE ? at + 1 : -1;
  do {
    at = name(bytes, at + 1);
    if (at < 0) return -1;
    const kept = keptName(bytes);
    if (kept === undefined) at = behindValue(bytes, at);
    else if (kept !== "symbol") at = stated(bytes, at, kept);
    else {
      const end = at + 1 + symbol.length;
      if (hasSymbol || bytes[at] !== QUOTE || bytes[end] !== QUOTE || !isText(bytes, at + 1, end, symbol)) return -1;
      hasSymbol = true;
      at = end + 1;
    }
    if (at < 0) return -1;
  } while (bytes[at] === COMMA);
  return hasSymbol && bytes[at] === CLOSE ? at + 1 : -1;
}

/** What a delta of a stream usually begins with, up to the symbol in its data. */
const deltaStarts = new UsualStarts(({ channel, symbol }) => [`{"topic":"${channel}.${symbol}","type":"delta","data":{"symbol":"${symbol}"`]);
const THEN_CS = codes(',"cs":');
const THEN_TS = codes(',"ts":');

/** A delta whose members outside of `data` come in the usual order. */
function usualDelta(bytes: Uint8Array, stream: StreamRef): boolean {
  const [start] = deltaStarts.of(stream);
  if (start === undefined || !isAt(bytes, 0, start)) return false;
  beginPush();
  push.type = IS_DELTA;
  let at = tickerMembers(bytes, start.length, stream.symbol, true);
  if (at < 0 || !isAt(bytes, at, THEN_CS)) return false;
  at = whole(bytes, at + THEN_CS.length);
  push.cs = found.whole;
  if (at < 0 || !isAt(bytes, at, THEN_TS)) return false;
  at = whole(bytes, at + THEN_TS.length);
  push.tsMs = found.whole;
  return at > 0 && bytes[at] === CLOSE && at + 1 === bytes.length;
}

/** What a plain `tickers` push states; undefined: let the exact way decide. */
export function scanTicker(bytes: Uint8Array, stream: StreamRef): StatedTicker | undefined {
  ticker = emptyTicker();
  if (!usualDelta(bytes, stream)) {
    ticker = emptyTicker();
    if (!readPush(bytes, stream, tickerData)) return undefined;
  }
  if (push.type === 0 || !isBelievedTime(push.tsMs)) return undefined;
  ticker.isSnapshot = push.type === IS_SNAPSHOT;
  ticker.eventMs = push.tsMs;
  ticker.cs = Math.max(push.cs, 0);
  return ticker;
}

interface Level { readonly price: Decimal; readonly qty: Decimal }
const NO_LEVEL: Level = Object.freeze({ price: ZERO, qty: ZERO });
let bid = NO_LEVEL;
let ask = NO_LEVEL;
let updateId = 0;
const LEVEL = codes('[["');
const NO_LEVELS = codes("[]");
const BEHIND_LEVEL = codes("]]");

/** The one level at `at`, or none. */
function level(bytes: Uint8Array, at: number, isBid: boolean): number {
  let read: Level = NO_LEVEL;
  let behind = at + NO_LEVELS.length;
  if (!isAt(bytes, at, NO_LEVELS)) {
    const middle = isAt(bytes, at, LEVEL) ? notNegative(bytes, at + LEVEL.length) : -1;
    if (middle < 0 || bytes[middle] !== COMMA || bytes[middle + 1] !== QUOTE) return -1;
    const price = decimalFound();
    const end = notNegative(bytes, middle + 2);
    // A size of 0 takes a level away.
    if (end < 0 || !isAt(bytes, end, BEHIND_LEVEL)) return -1;
    const qty = decimalFound();
    if (qty.mantissa === 0) return -1;
    read = { price, qty };
    behind = end + BEHIND_LEVEL.length;
  }
  if (isBid) bid = read;
  else ask = read;
  return behind;
}

function notNegative(bytes: Uint8Array, at: number): number {
  const end = decimalText(bytes, at);
  return end < 0 || found.mantissa < 0 ? -1 : end;
}

function bookData(bytes: Uint8Array, from: number, symbol: string): number {
  if (bytes[from] !== OPEN) return -1;
  let at = from, seen = 0;
  do {
    const value = name(bytes, at + 1);
    if (value < 0) return -1;
    let bit = 0;
    switch (found.nameEnd - found.nameStart === 1 ? bytes[found.nameStart] : 0) {
      case 0x73: // s
        bit = 1;
        at = value + symbol.length + 2;
        if (bytes[value] !== QUOTE || bytes[at - 1] !== QUOTE || !isText(bytes, value + 1, at - 1, symbol)) return -1;
        break;
      case 0x62: // b
        bit = 2;
        at = level(bytes, value, true);
        break;
      case 0x61: // a
        bit = 4;
        at = level(bytes, value, false);
        break;
      case 0x75: // u
        bit = 8;
        at = whole(bytes, value);
        updateId = found.whole;
        break;
      default:
        at = behindValue(bytes, value);
    }
    if (at < 0 || (seen & bit) !== 0) return -1;
    seen |= bit;
  } while (bytes[at] === COMMA);
  return seen === 15 && bytes[at] === CLOSE ? at + 1 : -1;
}

/** The quote of a plain `orderbook.1` snapshot; undefined: let the exact way decide. */
export function scanBook(bytes: Uint8Array, stream: StreamRef): BboEvent | undefined {
  if (!readPush(bytes, stream, bookData) || push.type !== IS_SNAPSHOT) return undefined;
  const eventMs = push.ctsMs >= 0 ? push.ctsMs : push.tsMs;
  if (!isBelievedTime(eventMs)) return undefined;
  return { kind: "bbo", eventMs, eventSubNs: 0, bidPrice: bid.price, bidQty: bid.qty, askPrice: ask.price, askQty: ask.qty, updateId };
}
