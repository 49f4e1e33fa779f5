// What Binance's messages mean: pure functions from bytes to normalised events, per channel. Out-of-contract bytes become
// typed refusals, never exceptions. NOTES.md says where each field's meaning was read from.
import type { Decimal } from "../../../shared/decimal.ts";
import type { Decode, DecodeContext, DecodeOutcome, MarketEvent, RefusalCode } from "../../../shared/market.ts";
import { ITEMS_PER_MESSAGE_MAX } from "../../../shared/raw.ts";
import { type Interval, isInterval, msFromNs, nsFromMs } from "../../../shared/time.ts";
import { dataStart, isEnvelopeEnd, streamNameEnd } from "./envelope.ts";
import { decimalField, digits, has, isString, isText, isTrue, loadFields, refusal, refuse, requireText, scanFields, whole } from "./fields.ts";

/** Payloads above this are refused unread: the largest real message (a 1,000-level book) is about 100 KiB. */
export const PAYLOAD_BYTES_MAX = 10 * 1024 * 1024;
/** Times outside of this are no epoch milliseconds (seconds, microseconds, garbage). Finer judgement is the canonicalizer's. */
const TIME_FROM_MS = 1_262_304_000_000; // 2010-01-01
const TIME_UNTIL_MS = 4_102_444_800_000; // 2100-01-01

const A = 0x41, B = 0x42, E = 0x45, T = 0x54, X = 0x58;
const a = 0x61, b = 0x62, c = 0x63, e = 0x65, f = 0x66, h = 0x68, i = 0x69, l = 0x6c, m = 0x6d, n = 0x6e, o = 0x6f, p = 0x70, q = 0x71, r = 0x72, s = 0x73;
const t = 0x74, u = 0x75, v = 0x76, x = 0x78;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function refused(code: RefusalCode, context: DecodeContext, detail: string): DecodeOutcome {
  return { kind: "refused", code, detail: `${context.stream.streamId}: ${detail}` };
}

function time(key: number): number {
  const ms = whole(key);
  if (ms >= TIME_FROM_MS && ms < TIME_UNTIL_MS) return ms;
  refuse("implausible-time", `field ${String.fromCharCode(key)} is ${ms}, not a time in epoch milliseconds between 2010 and 2100`);
  return ms;
}

function notNegative(key: number): Decimal {
  const value = decimalField(key);
  if (value.mantissa < 0) refuse("bad-number", `field ${String.fromCharCode(key)} is negative`);
  return value;
}

/** Price and size of a trade. Zero occurs in real messages, but only in those that are marked as no market trade. */
function tradeNumber(key: number, market: boolean): Decimal {
  const value = notNegative(key);
  if (market && value.mantissa === 0) refuse("bad-number", `field ${String.fromCharCode(key)} of a market trade is not above 0`);
  return value;
}

/** `X` is absent in old messages and on spot: a market trade then. INSURANCE_FUND, ADL, NA …: kept and marked. */
function isMarket(): boolean {
  if (!has(X) || isText(X, "MARKET")) return true;
  if (!isString(X)) refuse("wrong-type", "field X is no string");
  return false;
}

/** Reads the fields that were scanned or loaded last. What is wrong with them is noted there, so the result only counts without a note. */
type Build = (context: DecodeContext) => readonly MarketEvent[];

const trade: Build = (context) => {
  requireText(e, "trade");
  requireText(s, context.stream.symbol);
  const market = isMarket();
  const id = whole(t);
  return [{
    kind: "trade", eventMs: time(T), eventSubNs: 0, price: tradeNumber(p, market), qty: tradeNumber(q, market), side: isTrue(m) ? -1 : 1,
    tradeId: digits(t), sequenceId: id, firstTradeId: id, lastTradeId: id, tradeCount: 1, market,
  }];
};

/** One aggregated trade, from the socket or from REST. Messages of 2019 have no `a`: then no id proves anything. */
function aggregate(idsAreTrades: boolean): MarketEvent {
  const id = has(a) ? whole(a) : undefined;
  const first = whole(f);
  const last = whole(l);
  if (last < first) refuse("bad-number", `trade ids run backwards: f ${first}, l ${last}`);
  const market = isMarket();
  return {
    kind: "trade", eventMs: time(T), eventSubNs: 0, price: tradeNumber(p, market), qty: tradeNumber(q, market), side: isTrue(m) ? -1 : 1,
    tradeId: id === undefined ? "" : digits(a), sequenceId: idsAreTrades ? undefined : id, firstTradeId: first, lastTradeId: last,
    tradeCount: last - first + 1, market,
  };
}

const aggTrade: Build = (context) => {
  requireText(e, "aggTrade");
  requireText(s, context.stream.symbol);
  return [aggregate(false)];
};

function bbo(context: DecodeContext, eventMs: number, eventSubNs: number): readonly MarketEvent[] {
  requireText(s, context.stream.symbol);
  return [{
    kind: "bbo", eventMs, eventSubNs, bidPrice: notNegative(b), bidQty: notNegative(B), askPrice: notNegative(a), askQty: notNegative(A),
    updateId: has(u) ? whole(u) : undefined,
  }];
}

const futuresBookTicker: Build = (context) => {
  requireText(e, "bookTicker");
  if (has(T)) return bbo(context, time(T), 0);
  if (has(E)) return bbo(context, time(E), 0);
  const ms = msFromNs(context.recvNs);
  return bbo(context, ms, Number(context.recvNs - nsFromMs(ms)));
};

/** Spot sends neither `e` nor a time: receive time stands in (CANONICAL.md flags it). */
const spotBookTicker: Build = (context) => {
  const ms = msFromNs(context.recvNs);
  return bbo(context, ms, Number(context.recvNs - nsFromMs(ms)));
};

/** Mark and index at position 0, funding at position 1. `T` is the next funding time, so the event's time is `E`. */
const markPrice: Build = (context) => {
  requireText(e, "markPriceUpdate");
  requireText(s, context.stream.symbol);
  const eventMs = time(E);
  const mark: MarketEvent = {
    kind: "mark_price", eventMs, eventSubNs: 0, markPrice: notNegative(p), indexPrice: has(i) ? notNegative(i) : undefined,
  };
  // Delivery contracts pay no funding: an empty rate says so.
  if (isText(r, "")) return [mark];
  const fundingRate = decimalField(r);
  const nextFundingMs = whole(T) === 0 ? 0 : time(T);
  return [mark, { kind: "funding", eventMs, eventSubNs: 0, fundingRate, nextFundingMs }];
};

const openInterest: Build = (context) => {
  requireText(s, context.stream.symbol);
  const value = notNegative(o);
  // Bodies of 2019 have no time: receive time stands in (CANONICAL.md flags it).
  const receivedMs = msFromNs(context.recvNs);
  if (has(T)) return [{ kind: "open_interest", eventMs: time(T), eventSubNs: 0, openInterest: value }];
  return [{ kind: "open_interest", eventMs: receivedMs, eventSubNs: Number(context.recvNs - nsFromMs(receivedMs)), openInterest: value }];
};

function built(build: Build, context: DecodeContext): DecodeOutcome {
  const events = build(context);
  return refusal(context.stream.streamId) ?? { kind: "events", events };
}

/** Scans the plain form; false when the bytes deviate from it in any way. */
function scanMessage(payload: Uint8Array): boolean {
  const nameEnd = streamNameEnd(payload);
  if (nameEnd < 0) return scanFields(payload, 0) === payload.length;
  const end = scanFields(payload, dataStart(nameEnd));
  return end > 0 && isEnvelopeEnd(payload, end);
}

function parse(payload: Uint8Array, context: DecodeContext): { readonly value: unknown } | { readonly outcome: DecodeOutcome } {
  try {
    return { value: JSON.parse(utf8.decode(payload)) as unknown };
  } catch (error) {
    const detail = error instanceof Error ? error.message.slice(0, 200) : "not JSON";
    return { outcome: refused("malformed-json", context, `${payload.length} bytes that are no JSON: ${detail}`) };
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isAnswer(message: Record<string, unknown>): boolean {
  return Object.hasOwn(message, "id") && (Object.hasOwn(message, "result") || Object.hasOwn(message, "error"));
}

/** The exact but slow way: every JSON text with the right members, whatever its spelling. Exported for the comparison in tests. */
export function decodeParsed(build: Build, payload: Uint8Array, context: DecodeContext): DecodeOutcome {
  const parsed = parse(payload, context);
  if ("outcome" in parsed) return parsed.outcome;
  const message = parsed.value;
  if (!isObject(message)) return refused("wrong-shape", context, "expected one JSON object");
  if (isAnswer(message)) return { kind: "ignored", why: "acknowledgement" };
  const isEnvelope = Object.hasOwn(message, "stream") || Object.hasOwn(message, "data");
  if (isEnvelope && typeof message["stream"] !== "string") return refused("wrong-shape", context, "the envelope has no stream name");
  const data = isEnvelope ? message["data"] : message;
  if (!isObject(data)) return refused("wrong-shape", context, "expected the data of one symbol, found no object (or an array of several)");
  loadFields(data);
  return built(build, context);
}

function checked(payload: Uint8Array, context: DecodeContext): DecodeOutcome | undefined {
  if (payload.length <= PAYLOAD_BYTES_MAX) return undefined;
  return refused("too-large", context, `${payload.length} bytes, more than ${PAYLOAD_BYTES_MAX}`);
}

function fromSocket(build: Build, payload: Uint8Array, context: DecodeContext): DecodeOutcome {
  return checked(payload, context) ?? (scanMessage(payload) ? built(build, context) : decodeParsed(build, payload, context));
}

/** REST aggTrades. For stream `trade` they are intervals of trade ids, without an id of the stream's own. */
function fromBackfill(idsAreTrades: boolean, payload: Uint8Array, context: DecodeContext): DecodeOutcome {
  const large = checked(payload, context);
  if (large !== undefined) return large;
  const parsed = parse(payload, context);
  if ("outcome" in parsed) return parsed.outcome;
  const rows = parsed.value;
  if (!Array.isArray(rows)) return refused("wrong-shape", context, "expected an array of aggregated trades");
  if (rows.length > ITEMS_PER_MESSAGE_MAX) return refused("too-many-items", context, `${rows.length} items, more than ${ITEMS_PER_MESSAGE_MAX}`);
  const events: MarketEvent[] = [];
  for (const row of rows as readonly unknown[]) {
    if (!isObject(row)) return refused("wrong-shape", context, `item ${events.length} is no object`);
    loadFields(row);
    whole(a);
    const event = aggregate(idsAreTrades);
    const trouble = refusal(`${context.stream.streamId} item ${events.length}`);
    if (trouble !== undefined) return trouble;
    events.push(event);
  }
  return { kind: "events", events };
}

function decodeOpenInterest(payload: Uint8Array, context: DecodeContext): DecodeOutcome {
  const large = checked(payload, context);
  if (large !== undefined) return large;
  const parsed = parse(payload, context);
  if ("outcome" in parsed) return parsed.outcome;
  const body = parsed.value;
  if (!isObject(body)) return refused("wrong-shape", context, "expected one JSON object");
  const named = { s: body["symbol"], o: body["openInterest"], T: body["time"] };
  loadFields(Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined)));
  return built(openInterest, context);
}

/** The candles of `kline_1m`: the venue names intervals as we do. */
function intervalOf(channel: string): Interval | undefined {
  const name = channel.startsWith("kline_") ? channel.slice("kline_".length) : "";
  return isInterval(name) ? name : undefined;
}

/** The venue's own candle, to confirm bars by: never a source of them. `T` and `t` are the bucket's; the message's time is `E`. */
function decodeKline(payload: Uint8Array, context: DecodeContext): DecodeOutcome {
  const large = checked(payload, context);
  if (large !== undefined) return large;
  const parsed = parse(payload, context);
  if ("outcome" in parsed) return parsed.outcome;
  const message = parsed.value;
  if (!isObject(message)) return refused("wrong-shape", context, "expected one JSON object");
  if (isAnswer(message)) return { kind: "ignored", why: "acknowledgement" };
  const data = Object.hasOwn(message, "stream") || Object.hasOwn(message, "data") ? message["data"] : message;
  const candle = isObject(data) ? data["k"] : undefined;
  const interval = intervalOf(context.stream.channel);
  if (!isObject(data) || !isObject(candle) || interval === undefined) return refused("wrong-shape", context, "expected one candle of one symbol");
  loadFields(data);
  requireText(e, "kline");
  requireText(s, context.stream.symbol);
  const eventMs = time(E);
  const trouble = refusal(context.stream.streamId);
  if (trouble !== undefined) return trouble;
  loadFields(candle);
  return built(() => {
    requireText(i, interval);
    const event: MarketEvent = {
      kind: "venue_candle", eventMs, eventSubNs: 0, interval, openMs: time(t), open: notNegative(o), high: notNegative(h), low: notNegative(l), close: notNegative(c),
      volume: notNegative(v), quoteVolume: notNegative(q), tradeCount: whole(n), final: isTrue(x), opensWithTrade: true,
    };
    return [event];
  }, context);
}

function tradesDecoder(build: Build, idsAreTrades: boolean): Decode {
  return (payload, context) =>
    context.source === "rest_backfill" ? fromBackfill(idsAreTrades, payload, context) : fromSocket(build, payload, context);
}

/** Builders by channel, for the test that compares the two ways of reading. */
export const builders = { aggTrade, trade, bookTicker: futuresBookTicker, markPrice } as const;

/** USD-M futures, eras 2019 … 2026 (one decoder reads them all: fields were only added). */
const usdm: Readonly<Record<string, Decode>> = {
  aggTrade: tradesDecoder(aggTrade, false),
  trade: tradesDecoder(trade, true),
  bookTicker: (payload, context) => fromSocket(futuresBookTicker, payload, context),
  markPrice: (payload, context) => fromSocket(markPrice, payload, context),
  openInterest: decodeOpenInterest,
};

/** Spot shares trades; its bookTicker has no time. */
const spot: Readonly<Record<string, Decode>> = {
  aggTrade: tradesDecoder(aggTrade, false),
  trade: tradesDecoder(trade, true),
  bookTicker: (payload, context) => fromSocket(spotBookTicker, payload, context),
};

/** The decoder of a USD-M channel; undefined: no decoder reads it. */
export function usdmDecoder(channel: string): Decode | undefined {
  return Object.hasOwn(usdm, channel) ? usdm[channel] : intervalOf(channel) && decodeKline;
}

export function spotDecoder(channel: string): Decode | undefined {
  return Object.hasOwn(spot, channel) ? spot[channel] : intervalOf(channel) && decodeKline;
}
