// What Bybit's v5 messages mean: pure functions from bytes to normalised events, per channel. Out-of-contract bytes become typed
// refusals, never exceptions. NOTES.md says where each member's meaning was read from.
import type { Decimal } from "../../../shared/decimal.ts";
import { ZERO } from "../../../shared/decimal.ts";
import { carrying } from "../../../shared/carried.ts";
import type { Decode, DecodeContext, DecodeOutcome, MarketEvent, RefusalCode, TradeEvent } from "../../../shared/market.ts";
import { ITEMS_PER_MESSAGE_MAX } from "../../../shared/raw.ts";
import {
  begin, decimalText, flag, has, isObject, isRefused, type Members, notNegative, parsedDecimal, positive, refusal, refuse, requireText, text, time, timeText,
  whole,
} from "./members.ts";
import { scanBook, scanTicker, scanTrades } from "./scan.ts";
import { type Stated, tickerEvents } from "./ticker.ts";

/** Payloads above this are refused unread. */
export const PAYLOAD_BYTES_MAX = 10 * 1024 * 1024;
/** Inverse contracts (BTCUSD, BTCUSDU23): their sizes are US dollars. Linear ones end in USDT, PERP or a full delivery date. */
const INVERSE = /USD(?:[FGHJKMNQUVXZ]\d\d)?$/;

const STATE_ONLY: DecodeOutcome = Object.freeze({ kind: "ignored", why: "state-only" });
const ACKNOWLEDGEMENT: DecodeOutcome = Object.freeze({ kind: "ignored", why: "acknowledgement" });

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function refused(code: RefusalCode, context: DecodeContext, detail: string): DecodeOutcome {
  return { kind: "refused", code, detail: `${context.stream.streamId}: ${detail}` };
}

/** Reads the members of one message. What is wrong with them is noted, so the result only counts without a note. */
type Build = (message: Members, context: DecodeContext) => readonly MarketEvent[];

function side(value: string, name: string): 1 | -1 {
  if (value !== "Buy" && value !== "Sell") refuse("wrong-shape", `member ${name} is ${JSON.stringify(value.slice(0, 80))}, neither Buy nor Sell`);
  return value === "Sell" ? -1 : 1;
}

function tradeId(item: Members, name: string): string {
  const id = text(item, name);
  if (id === "") refuse("wrong-shape", `member ${name} is empty`);
  return id;
}

/** Ids are UUIDs (linear) or 19 digits (spot): equal or not, nothing else. So no order, and nothing proves a hole. */
function trade(fields: Pick<TradeEvent, "eventMs" | "price" | "qty" | "side" | "tradeId" | "market">): TradeEvent {
  return { kind: "trade", eventSubNs: 0, sequenceId: undefined, firstTradeId: undefined, lastTradeId: undefined, tradeCount: 1, ...fields };
}

/** `S` is the taker's side; `BT` marks block trades, which were agreed elsewhere and are no market trades. */
function pushedTrade(item: Members, symbol: string): TradeEvent {
  requireText(item, "s", symbol);
  return trade({
    eventMs: time(item, "T"), price: positive(decimalText(item, "p"), "p"), qty: positive(decimalText(item, "v"), "v"),
    side: side(text(item, "S"), "S"), tradeId: tradeId(item, "i"), market: !(has(item, "BT") && flag(item, "BT")),
  });
}

function items(value: unknown, name: string): readonly Members[] {
  if (!Array.isArray(value)) {
    refuse("wrong-shape", `${name} is no array`);
    return [];
  }
  const list = value as readonly unknown[];
  if (list.length > ITEMS_PER_MESSAGE_MAX) {
    refuse("too-many-items", `${list.length} items, more than ${ITEMS_PER_MESSAGE_MAX}`);
    return [];
  }
  if (list.every(isObject)) return list;
  refuse("wrong-shape", `${name} holds something that is no object`);
  return [];
}

const publicTrade: Build = (message, { stream }) => items(message["data"], "data").map((item) => pushedTrade(item, stream.symbol));

function data(message: Members): Members {
  const value = message["data"];
  if (isObject(value)) return value;
  refuse("wrong-shape", "data is no object");
  return {};
}

/** A member that may be absent, or be there and say that there is no such value: an empty text (funding of a delivery contract). */
function stated(object: Members, name: string, read: (name: string) => Decimal): Stated | undefined {
  if (!has(object, name)) return undefined;
  return object[name] === "" ? { text: "", value: undefined } : { value: read(name), text: text(object, name) };
}

/** A snapshot holds everything, a delta what has changed (ticker.ts says what they add up to). */
const tickers: Build = (message, { stream, carried }) => {
  const ticker = data(message);
  requireText(ticker, "symbol", stream.symbol);
  const type = text(message, "type");
  if (type !== "snapshot" && type !== "delta") refuse("wrong-shape", `member type is ${JSON.stringify(type.slice(0, 80))}, neither snapshot nor delta`);
  const eventMs = time(message, "ts");
  const { cs } = message;
  const price = (name: string): Decimal => notNegative(decimalText(ticker, name), name);
  const fields = {
    indexPrice: stated(ticker, "indexPrice", price), markPrice: stated(ticker, "markPrice", price),
    nextFundingTime: ticker["nextFundingTime"] === "0" ? { text: "", value: undefined }
      : stated(ticker, "nextFundingTime", (name) => ({ mantissa: timeText(ticker, name), scale: 0 })),
    fundingRate: stated(ticker, "fundingRate", (name) => decimalText(ticker, name)), openInterest: stated(ticker, "openInterest", price),
  };
  // What is refused must not be carried on.
  if (isRefused()) return [];
  return tickerEvents({ isSnapshot: type === "snapshot", eventMs, cs: typeof cs === "number" && Number.isSafeInteger(cs) && cs >= 0 ? cs : 0, ...fields }, carried);
};

interface Level { readonly price: Decimal; readonly qty: Decimal }
const NO_LEVEL: Level = Object.freeze({ price: ZERO, qty: ZERO });

/** The levels of one side that have a size: 0 takes a level away. */
function levels(book: Members, name: string): readonly Level[] {
  const rows = book[name];
  if (!Array.isArray(rows)) {
    refuse("wrong-shape", `member ${name} is no array of levels`);
    return [];
  }
  const found: Level[] = [];
  for (const row of rows as readonly unknown[]) {
    const [price, qty] = Array.isArray(row) ? (row as readonly unknown[]) : [];
    if (typeof price !== "string" || typeof qty !== "string") {
      refuse(Array.isArray(row) ? "wrong-type" : "wrong-shape", `member ${name} holds something that is no [price, size] of texts`);
      return [];
    }
    const level = { price: notNegative(parsedDecimal(price, name), name), qty: notNegative(parsedDecimal(qty, name), name) };
    if (level.qty.mantissa !== 0) found.push(level);
  }
  if (found.length > 1) refuse("wrong-shape", `member ${name} holds ${found.length} levels in a book of one`);
  return found;
}

/** A snapshot says both sides. Deltas (until 2023) may say one: then the other is not known from these bytes. */
const bestOffer: Build = (message, { stream }) => {
  const book = data(message);
  requireText(book, "s", stream.symbol);
  const [bid] = levels(book, "b");
  const [ask] = levels(book, "a");
  const updateId = whole(book, "u");
  const type = text(message, "type");
  if (type !== "snapshot" && type !== "delta") refuse("wrong-shape", `member type is ${JSON.stringify(type.slice(0, 80))}, neither snapshot nor delta`);
  const eventMs = has(message, "cts") ? time(message, "cts") : time(message, "ts");
  if (type !== "snapshot" && (bid === undefined || ask === undefined)) return [];
  const { price: bidPrice, qty: bidQty } = bid ?? NO_LEVEL;
  const { price: askPrice, qty: askQty } = ask ?? NO_LEVEL;
  return [{ kind: "bbo", eventMs, eventSubNs: 0, bidPrice, bidQty, askPrice, askQty, updateId }];
};

/**
 * The venue's own candle of a minute, to confirm bars by: never a source of them. Its open is the close of the candle before, which its
 * high and low include.
 */
const kline: Build = (message) => items(message["data"], "data").map((candle) => {
  const eventMs = time(message, "ts");
  const price = (name: string): Decimal => notNegative(decimalText(candle, name), name);
  const openMs = time(candle, "start");
  time(candle, "end");
  requireText(candle, "interval", "1");
  return {
    kind: "venue_candle", eventMs, eventSubNs: 0, interval: "1m", openMs, final: flag(candle, "confirm"),
    open: price("open"), high: price("high"), low: price("low"), close: price("close"), volume: price("volume"), quoteVolume: price("turnover"),
    tradeCount: undefined, opensWithTrade: false,
  };
});

function parse(payload: Uint8Array, context: DecodeContext): { readonly message: Members } | { readonly outcome: DecodeOutcome } {
  if (payload.length > PAYLOAD_BYTES_MAX) return { outcome: refused("too-large", context, `${payload.length} bytes, more than ${PAYLOAD_BYTES_MAX}`) };
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(payload));
  } catch (error) {
    const detail = error instanceof Error ? error.message.slice(0, 200) : "not JSON";
    return { outcome: refused("malformed-json", context, `${payload.length} bytes that are no JSON: ${detail}`) };
  }
  return isObject(value) ? { message: value } : { outcome: refused("wrong-shape", context, "expected one JSON object") };
}

/** No event without a refusal: the message holds nothing for us, and says so. */
function outcomeOf(events: readonly MarketEvent[], context: DecodeContext): DecodeOutcome {
  return refusal(context.stream.streamId) ?? (events.length === 0 ? STATE_ONLY : { kind: "events", events });
}

/** The exact but slow way: every JSON text with the right members, whatever its spelling. Exported for the comparison in tests. */
export function decodeParsed(build: Build, payload: Uint8Array, context: DecodeContext): DecodeOutcome {
  const parsed = parse(payload, context);
  if ("outcome" in parsed) return parsed.outcome;
  const { message } = parsed;
  if (has(message, "success") && has(message, "op")) return ACKNOWLEDGEMENT;
  begin();
  requireText(message, "topic", `${context.stream.channel}.${context.stream.symbol}`);
  return outcomeOf(build(message, context), context);
}

/** REST `recent-trade`: the newest trades, in members of another spelling than the socket's. */
function decodeRecentTrades(payload: Uint8Array, context: DecodeContext): DecodeOutcome {
  const parsed = parse(payload, context);
  if ("outcome" in parsed) return parsed.outcome;
  begin();
  const { result } = parsed.message;
  if (!isObject(result)) return refused("wrong-shape", context, "the answer holds no result");
  const events = items(result["list"], "list").map((item) => {
    requireText(item, "symbol", context.stream.symbol);
    return trade({
      eventMs: timeText(item, "time"), price: positive(decimalText(item, "price"), "price"), qty: positive(decimalText(item, "size"), "size"),
      side: side(text(item, "side"), "side"), tradeId: tradeId(item, "execId"), market: !(has(item, "isBlockTrade") && flag(item, "isBlockTrade")),
    });
  });
  return refusal(context.stream.streamId) ?? { kind: "events", events };
}

function decodeTrades(payload: Uint8Array, context: DecodeContext): DecodeOutcome {
  return context.source === "rest_backfill" ? decodeRecentTrades(payload, context) : decodePushedTrades(payload, context);
}

/** The quick way where the bytes are plain and right, else the exact one. Tests compare the two. */
function decodePushedTrades(payload: Uint8Array, context: DecodeContext): DecodeOutcome {
  const events = payload.length > PAYLOAD_BYTES_MAX ? undefined : scanTrades(payload, context.stream, ITEMS_PER_MESSAGE_MAX);
  return events === undefined ? decodeParsed(publicTrade, payload, context) : { kind: "events", events };
}

function decodeTickers(payload: Uint8Array, context: DecodeContext): DecodeOutcome {
  const ticker = payload.length > PAYLOAD_BYTES_MAX ? undefined : scanTicker(payload, context.stream);
  if (ticker === undefined) return decodeParsed(tickers, payload, context);
  const events = tickerEvents(ticker, context.carried);
  return events.length === 0 ? STATE_ONLY : { kind: "events", events };
}

function decodeBestOffer(payload: Uint8Array, context: DecodeContext): DecodeOutcome {
  const quote = payload.length > PAYLOAD_BYTES_MAX ? undefined : scanBook(payload, context.stream);
  return quote === undefined ? decodeParsed(bestOffer, payload, context) : { kind: "events", events: [quote] };
}

/** Builders by channel, for the test that compares the two ways of reading. */
export const builders: Readonly<Record<string, Build>> = { publicTrade, tickers, "orderbook.1": bestOffer };

/** Both products: the same wire. Spot's tickers state nothing that we keep. */
const decoders: Readonly<Record<string, Decode>> = {
  publicTrade: decodeTrades,
  tickers: carrying(decodeTickers),
  "orderbook.1": decodeBestOffer,
  "kline.1": (payload, context) => decodeParsed(kline, payload, context),
};

/** Sizes of inverse contracts are US dollars: to read them as base units would be wrong by the price. */
function linearOnly(decode: Decode): Decode {
  const checked: Decode = (payload, context) => {
    const { symbol } = context.stream;
    if (symbol.endsWith("USDT") || !INVERSE.test(symbol)) return decode(payload, context);
    return refused("unknown-stream", context, `${symbol} is an inverse contract: its sizes are US dollars, not base units`);
  };
  return decode.carries === true ? carrying(checked) : checked;
}

const linear: Readonly<Record<string, Decode>> = Object.fromEntries(Object.entries(decoders).map(([channel, decode]) => [channel, linearOnly(decode)]));

export function linearDecoder(channel: string): Decode | undefined {
  return Object.hasOwn(linear, channel) ? linear[channel] : undefined;
}

export function spotDecoder(channel: string): Decode | undefined {
  return Object.hasOwn(decoders, channel) ? decoders[channel] : undefined;
}
