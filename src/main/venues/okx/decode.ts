// What OKX's messages mean: pure functions from bytes to normalised events, per channel. Out-of-contract bytes become typed
// refusals, never exceptions. Sizes come out in base units. NOTES.md says where each field's meaning was read from.
import { carrying } from "../../../shared/carried.ts";
import type { Decimal } from "../../../shared/decimal.ts";
import type { Decode, DecodeContext, DecodeOutcome, MarketEvent, TradeEvent } from "../../../shared/market.ts";
import { ITEMS_PER_MESSAGE_MAX } from "../../../shared/raw.ts";
import { msFromNs, nsFromMs } from "../../../shared/time.ts";
import { decimalOf, type Fields, isObject, Refused, textOf, timeOf, wholeOf } from "./fields.ts";
import { instrumentOf, isOkxVenue } from "./instruments.ts";
import { PAYLOAD_BYTES_MAX } from "./limits.ts";
import { indexEvent, markEvent } from "./marks.ts";
import { type PriceAt, scanFunding, scanIndexes, scanInterest, scanMarks, scanQuotes, scanTrades } from "./scan.ts";
import { agrees, inBaseUnits, unitsAt } from "./units.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Several times as fast as the strict one, and the same for ASCII. */
const asciiOnly = new TextDecoder("utf-8", { ignoreBOM: true });

function decodeText(payload: Uint8Array): string {
  for (let i = 0; i < payload.length; i += 1) if ((payload[i] as number) > 0x7f) return utf8.decode(payload);
  return asciiOnly.decode(payload);
}
const EMPTY_SIDE: Decimal = Object.freeze({ mantissa: 0, scale: 0 });

/** Base units per unit of size. */
function unitsOf(context: DecodeContext, eventMs: number): Decimal {
  const units = unitsAt(context, eventMs);
  if (units === undefined) throw new Refused("unknown-stream", `the contract value of ${context.stream.symbol} at ${eventMs} ms is not known: its sizes cannot be told in base units`);
  return units;
}

function notNegative(fields: Fields, name: string): Decimal {
  const value = decimalOf(fields, name);
  if (value.mantissa < 0) throw new Refused("bad-number", `field ${name} is negative`);
  return value;
}

function positive(fields: Fields, name: string): Decimal {
  const value = notNegative(fields, name);
  if (value.mantissa === 0) throw new Refused("bad-number", `field ${name} of a trade is not above 0`);
  return value;
}

function sideOf(fields: Fields): 1 | -1 {
  const side = textOf(fields, "side");
  if (side === "buy") return 1;
  if (side === "sell") return -1;
  throw new Refused("wrong-shape", `field side is ${JSON.stringify(side.slice(0, 80))}, neither buy nor sell`);
}

/** The instrument that an item names must be the stream's own. The index of a swap is named like the spot pair. */
function checkInstrument(fields: Fields, context: DecodeContext): void {
  const instId = textOf(fields, "instId");
  const instrument = instrumentOf(instId);
  const { venue, symbol, channel } = context.stream;
  const named = channel === "index-tickers" && venue === "okx-swap" ? "okx-spot" : venue;
  if (instrument?.venue === named && instrument.symbol === symbol) return;
  throw new Refused("wrong-shape", `field instId is ${JSON.stringify(instId.slice(0, 80))}, which is not ${venue} ${symbol}`);
}

type Build = (item: Fields, context: DecodeContext) => readonly MarketEvent[];

/**
 * One push of `trades` stands for `count` trades, of which `tradeId` is the last; before `count` came, and in `trades-all` and
 * REST, each message is one trade. So the ids covered are tradeId − count + 1 … tradeId, and the next push begins right behind.
 */
function tradeOf(item: Fields, context: DecodeContext): TradeEvent {
  checkInstrument(item, context);
  const id = wholeOf(item, "tradeId");
  const count = Object.hasOwn(item, "count") ? wholeOf(item, "count") : 1;
  const first = id - count + 1;
  if (count < 1 || first < 0) throw new Refused("bad-number", `trade ${id} claims to be the last of ${count} trades`);
  const eventMs = timeOf(item, "ts");
  const event: TradeEvent = {
    kind: "trade", eventMs, eventSubNs: 0, price: positive(item, "px"), qty: inBaseUnits(positive(item, "sz"), unitsOf(context, eventMs)),
    side: sideOf(item), tradeId: String(id), sequenceId: id, firstTradeId: first, lastTradeId: id, tradeCount: count, market: true,
  };
  return count === 1 ? event : { ...event, sequenceFromId: first };
}

const trade: Build = (item, context) => [tradeOf(item, context)];

interface Level { readonly price: Decimal; readonly size: Decimal }

/** The best level of one side; an empty side has price 0, as on the other venues. */
function bestOf(item: Fields, name: string): Level {
  const levels = item[name];
  if (!Array.isArray(levels)) throw new Refused(levels === undefined ? "wrong-shape" : "wrong-type", `field ${name} is no list of levels`);
  const [level] = levels as readonly unknown[];
  if (level === undefined) return { price: EMPTY_SIDE, size: EMPTY_SIDE };
  if (!Array.isArray(level)) throw new Refused("wrong-type", `a level of ${name} is no list`);
  const fields = { price: (level as readonly unknown[])[0], size: (level as readonly unknown[])[1] };
  return { price: notNegative(fields, "price"), size: notNegative(fields, "size") };
}

const bbo: Build = (item, context) => {
  const eventMs = timeOf(item, "ts");
  const units = unitsOf(context, eventMs);
  const bid = bestOf(item, "bids");
  const ask = bestOf(item, "asks");
  const updateId = item["seqId"];
  return [{
    kind: "bbo", eventMs, eventSubNs: 0, bidPrice: bid.price, bidQty: inBaseUnits(bid.size, units), askPrice: ask.price, askQty: inBaseUnits(ask.size, units),
    // It may repeat, and says nothing of completeness: kept as it is.
    updateId: typeof updateId === "number" && Number.isSafeInteger(updateId) && updateId >= 0 ? updateId : undefined,
  }];
};

/** Checks all before anything is carried on: what is refused leaves no trace. */
function prices(item: Fields, context: DecodeContext, name: string): PriceAt {
  checkInstrument(item, context);
  return { eventMs: timeOf(item, "ts"), price: notNegative(item, name), text: textOf(item, name) };
}

type ReadPrices = (message: unknown, context: DecodeContext) => readonly PriceAt[];
const marks: ReadPrices = (message, context) => objectsOf(message, context).map((item) => prices(item, context, "markPx"));
const indexes: ReadPrices = (message, context) => objectsOf(message, context).map((item) => prices(item, context, "idxPx"));

/** `fundingTime` is the next settlement. Without `ts` (2021, 2022) the receive time stands in; without a rate (just listed) nothing is said. */
const fundingRate: Build = (item, context) => {
  checkInstrument(item, context);
  const nextFundingMs = timeOf(item, "fundingTime");
  if (item["fundingRate"] === undefined || item["fundingRate"] === "") return [];
  const receivedMs = msFromNs(context.recvNs);
  const time = Object.hasOwn(item, "ts")
    ? { eventMs: timeOf(item, "ts"), eventSubNs: 0 }
    : { eventMs: receivedMs, eventSubNs: Number(context.recvNs - nsFromMs(receivedMs)) };
  return [{ kind: "funding", ...time, fundingRate: decimalOf(item, "fundingRate"), nextFundingMs }];
};

/** `oiCcy` is in base units by the venue's own word. For instruments of our table it must agree with `oi`, which is in contracts. */
const openInterest: Build = (item, context) => {
  checkInstrument(item, context);
  const eventMs = timeOf(item, "ts");
  const contracts = notNegative(item, "oi");
  const value = notNegative(item, "oiCcy");
  const units = unitsAt(context, eventMs);
  if (units !== undefined && !agrees(contracts, value, units)) {
    throw new Refused("bad-number", "oi and oiCcy do not fit the contract value that sizes are multiplied by: it has changed");
  }
  return [{ kind: "open_interest", eventMs, eventSubNs: 0, openInterest: value }];
};

/** `[ts, open, high, low, close, vol, volCcy, volCcyQuote, confirm]` of the venue's own minute, to confirm bars by. It holds no time of its own. */
const candles: Exact = (message, context) => {
  const receivedMs = msFromNs(context.recvNs);
  const events = itemsOf(message, context).map((row): MarketEvent => {
    if (!Array.isArray(row)) throw new Refused("wrong-shape", "a candle is no list");
    const [openMs, open, high, low, close, vol, volCcy, volCcyQuote, confirm] = row as readonly unknown[];
    const fields: Fields = { openMs, open, high, low, close, vol, volCcy, volCcyQuote, confirm };
    const isSwap = context.stream.venue === "okx-swap";
    // Rows of 2022 end with `volCcy`: then nobody says that the minute is over.
    const final = confirm === undefined ? "0" : textOf(fields, "confirm");
    if (final !== "0" && final !== "1") throw new Refused("wrong-shape", `field confirm is ${JSON.stringify(final.slice(0, 80))}, neither 0 nor 1`);
    return {
      kind: "venue_candle", eventMs: receivedMs, eventSubNs: Number(context.recvNs - nsFromMs(receivedMs)), interval: "1m", openMs: timeOf(fields, "openMs"),
      open: notNegative(fields, "open"), high: notNegative(fields, "high"), low: notNegative(fields, "low"), close: notNegative(fields, "close"),
      // Of swaps `vol` counts contracts; `volCcy` is base units there, and quote units of spot.
      volume: notNegative(fields, isSwap ? "volCcy" : "vol"), quoteVolume: isSwap && volCcyQuote === undefined ? undefined : notNegative(fields, isSwap ? "volCcyQuote" : "volCcy"),
      tradeCount: undefined, final: final === "1", opensWithTrade: true,
    };
  });
  return { kind: "events", events };
};

function itemsOf(message: unknown, context: DecodeContext): readonly unknown[] {
  if (!isObject(message)) throw new Refused("wrong-shape", "expected one JSON object");
  const { data } = message;
  if (context.source === "ws") {
    const arg = message["arg"];
    if (!isObject(arg)) throw new Refused("wrong-shape", "the push has no arg");
    const channel = textOf(arg, "channel");
    if (channel !== context.stream.channel) throw new Refused("wrong-shape", `a push of channel ${JSON.stringify(channel.slice(0, 80))}`);
    checkInstrument(arg, context);
  } else if (textOf(message, "code") !== "0") {
    throw new Refused("wrong-shape", `an answer with code ${JSON.stringify(textOf(message, "code").slice(0, 80))}`);
  }
  if (!Array.isArray(data)) throw new Refused(data === undefined ? "wrong-shape" : "wrong-type", "data is no list");
  if (data.length > ITEMS_PER_MESSAGE_MAX) throw new Refused("too-many-items", `${data.length} items, more than ${ITEMS_PER_MESSAGE_MAX}`);
  return data;
}

function objectsOf(message: unknown, context: DecodeContext): readonly Fields[] {
  return itemsOf(message, context).map((item, index) => {
    if (isObject(item)) return item;
    throw new Refused("wrong-shape", `item ${index} is no object`);
  });
}

const STATE_ONLY: DecodeOutcome = Object.freeze({ kind: "ignored", why: "state-only" });
const ACKNOWLEDGEMENT: DecodeOutcome = Object.freeze({ kind: "ignored", why: "acknowledgement" });

function built(build: Build, message: unknown, context: DecodeContext): DecodeOutcome {
  const items = objectsOf(message, context);
  const events = items.flatMap((item) => build(item, context));
  // A funding rate that is not set yet: known, and nothing to say.
  if (events.length === 0 && items.length > 0) return STATE_ONLY;
  // REST answers with the newest first; events go by time.
  if (context.source !== "ws") events.reverse();
  return { kind: "events", events };
}

/** Answers of the venue that carry a stream's name: `{"event":"subscribe","arg":{…}}`. */
function isAnswer(message: unknown): boolean {
  return isObject(message) && Object.hasOwn(message, "event");
}

function parsed(payload: Uint8Array): unknown {
  try {
    return JSON.parse(decodeText(payload));
  } catch (error) {
    const detail = error instanceof Error ? error.message.slice(0, 200) : "not JSON";
    throw new Refused("malformed-json", `${payload.length} bytes that are no JSON: ${detail}`);
  }
}

/** The exact way: every JSON text with the right members, whatever its spelling. */
type Exact = (message: unknown, context: DecodeContext) => DecodeOutcome;
/** The quick way; undefined: let the exact one decide. */
type Quick = (payload: Uint8Array, context: DecodeContext) => DecodeOutcome | undefined;

function decoder(exact: Exact, quick?: Quick): Decode {
  return (payload, context) => {
    try {
      if (payload.length > PAYLOAD_BYTES_MAX) throw new Refused("too-large", `${payload.length} bytes, more than ${PAYLOAD_BYTES_MAX}`);
      if (!isOkxVenue(context.stream.venue)) throw new Refused("unknown-stream", "no stream of OKX");
      const quickly = quick?.(payload, context);
      if (quickly !== undefined) return quickly;
      const message = parsed(payload);
      return isAnswer(message) ? ACKNOWLEDGEMENT : exact(message, context);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return { kind: "refused", code: error.code, detail: `${context.stream.streamId}: ${error.message}` };
    }
  };
}

function of(build: Build): Exact {
  return (message, context) => built(build, message, context);
}

function quickly(scan: (payload: Uint8Array, context: DecodeContext) => readonly MarketEvent[] | undefined): Quick {
  return (payload, context) => {
    const events = scan(payload, context);
    return events && { kind: "events", events };
  };
}

type Together = typeof markEvent;

/** One after another: each item may leave its price with the instrument. */
function together(items: readonly PriceAt[], event: Together, context: DecodeContext): DecodeOutcome {
  const events = items.flatMap((item) => event(item, context.carried) ?? []);
  return events.length === 0 && items.length > 0 ? STATE_ONLY : { kind: "events", events };
}

function priceDecoder(event: Together, read: ReadPrices, scan: typeof scanMarks, isQuick: boolean): Decode {
  return carrying(decoder((message, context) => together(read(message, context), event, context), isQuick ? (payload, context) => {
    const items = scan(payload, context);
    return items && together(items, event, context);
  } : undefined));
}

/** The decoders of both products; `isQuick` false: the exact way only, for the comparison in tests. */
function decoders(isQuick: boolean): { readonly swap: Readonly<Record<string, Decode>>; readonly spot: Readonly<Record<string, Decode>> } {
  const trades = decoder(of(trade), isQuick ? quickly(scanTrades) : undefined);
  const quotes = decoder(of(bbo), isQuick ? quickly(scanQuotes) : undefined);
  return {
    // Sizes of swaps are read with the contract value that the log has told.
    swap: {
      trades: carrying(trades), "trades-all": carrying(trades), "bbo-tbt": carrying(quotes), "open-interest": carrying(decoder(of(openInterest), isQuick ? quickly(scanInterest) : undefined)),
      "mark-price": priceDecoder(markEvent, marks, scanMarks, isQuick), "index-tickers": priceDecoder(indexEvent, indexes, scanIndexes, isQuick),
      "funding-rate": decoder(of(fundingRate), isQuick ? quickly(scanFunding) : undefined), candle1m: decoder(candles),
    },
    /** Spot shares trades, quotes and candles; its sizes are base units as they come. */
    spot: { trades, "trades-all": trades, "bbo-tbt": quotes, candle1m: decoder(candles) },
  };
}

/** v5, eras 2021 … 2026 (one decoder reads them all: fields were only added; NOTES.md). */
const { swap, spot } = decoders(true);
export const exactDecoders = decoders(false);

/** The decoder of a channel of swaps; undefined: no decoder reads it. */
export function okxSwapDecoder(channel: string): Decode | undefined {
  return Object.hasOwn(swap, channel) ? swap[channel] : undefined;
}

export function okxSpotDecoder(channel: string): Decode | undefined {
  return Object.hasOwn(spot, channel) ? spot[channel] : undefined;
}
