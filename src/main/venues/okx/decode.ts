// What OKX's messages mean: pure functions from bytes to normalised events, per channel. Out-of-contract bytes become typed
// refusals, never exceptions. Sizes come out in base units. NOTES.md says where each field's meaning was read from.
import { compare, type Decimal, multiply, subtract } from "../../../shared/decimal.ts";
import type { Decode, DecodeContext, DecodeOutcome, MarketEvent, TradeEvent } from "../../../shared/market.ts";
import { ITEMS_PER_MESSAGE_MAX } from "../../../shared/raw.ts";
import { msFromNs, nsFromMs } from "../../../shared/time.ts";
import { decimalOf, type Fields, isObject, Refused, textOf, timeOf, wholeOf } from "./fields.ts";
import { instrumentOf, isOkxVenue, unitsPerSize } from "./instruments.ts";
import { PAYLOAD_BYTES_MAX } from "./limits.ts";

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
  const { venue, symbol } = context.stream;
  const units = unitsPerSize(venue, symbol, eventMs);
  if (units === undefined) throw new Refused("unknown-stream", `the contract value of ${symbol} at ${eventMs} ms is not known: its sizes cannot be told in base units`);
  return units;
}

function inBaseUnits(size: Decimal, units: Decimal): Decimal {
  return units.mantissa === 1 && units.scale === 0 ? size : multiply(size, units);
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

/** The instrument that an item names must be the stream's own. */
function checkInstrument(fields: Fields, context: DecodeContext): void {
  const instId = textOf(fields, "instId");
  const instrument = instrumentOf(instId);
  const { venue, symbol } = context.stream;
  if (instrument?.venue === venue && instrument.symbol === symbol) return;
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

/** The index comes by a channel of its own (`index-tickers`). */
const markPrice: Build = (item, context) => {
  checkInstrument(item, context);
  return [{ kind: "mark_price", eventMs: timeOf(item, "ts"), eventSubNs: 0, markPrice: notNegative(item, "markPx"), indexPrice: undefined }];
};

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

const MILLION: Decimal = Object.freeze({ mantissa: 1_000_000, scale: 0 });

/** `oiCcy` is in base units by the venue's own word. For instruments of our table it must agree with `oi`, which is in contracts. */
const openInterest: Build = (item, context) => {
  checkInstrument(item, context);
  const eventMs = timeOf(item, "ts");
  const contracts = notNegative(item, "oi");
  const value = notNegative(item, "oiCcy");
  const units = unitsPerSize(context.stream.venue, context.stream.symbol, eventMs);
  if (units !== undefined) {
    const ours = inBaseUnits(contracts, units);
    const difference = compare(ours, value) < 0 ? subtract(value, ours) : subtract(ours, value);
    // The venue's figures carry the dust of binary floats: one in a million is allowed, another contract value is not.
    if (compare(multiply(difference, MILLION), ours) > 0) {
      throw new Refused("bad-number", "oi and oiCcy do not fit the contract value that sizes are multiplied by: it has changed");
    }
  }
  return [{ kind: "open_interest", eventMs, eventSubNs: 0, openInterest: value }];
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

function built(build: Build, message: unknown, context: DecodeContext): DecodeOutcome {
  const events: MarketEvent[] = [];
  const items = itemsOf(message, context);
  for (const item of items) {
    if (!isObject(item)) throw new Refused("wrong-shape", `item ${events.length} is no object`);
    for (const event of build(item, context)) events.push(event);
  }
  // A funding rate that is not set yet: known, and nothing to say.
  if (events.length === 0 && items.length > 0) return { kind: "ignored", why: "state-only" };
  // REST answers with the newest first; events go by time.
  if (context.source !== "ws") events.reverse();
  return { kind: "events", events };
}

/** Answers of the venue that carry a stream's name: `{"event":"subscribe","arg":{…}}`. */
function isAnswer(message: unknown): boolean {
  return isObject(message) && Object.hasOwn(message, "event");
}

/** The exact way: every JSON text with the right members, whatever its spelling. */
function decodeParsed(build: Build, payload: Uint8Array, context: DecodeContext): DecodeOutcome {
  let message: unknown;
  try {
    message = JSON.parse(decodeText(payload));
  } catch (error) {
    const detail = error instanceof Error ? error.message.slice(0, 200) : "not JSON";
    throw new Refused("malformed-json", `${payload.length} bytes that are no JSON: ${detail}`);
  }
  return isAnswer(message) ? { kind: "ignored", why: "acknowledgement" } : built(build, message, context);
}

function decoder(build: Build): Decode {
  return (payload, context) => {
    try {
      if (payload.length > PAYLOAD_BYTES_MAX) throw new Refused("too-large", `${payload.length} bytes, more than ${PAYLOAD_BYTES_MAX}`);
      if (!isOkxVenue(context.stream.venue)) throw new Refused("unknown-stream", "no stream of OKX");
      return decodeParsed(build, payload, context);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return { kind: "refused", code: error.code, detail: `${context.stream.streamId}: ${error.message}` };
    }
  };
}

const trades = decoder(trade);
const quotes = decoder(bbo);

/** v5, eras 2021 … 2026 (one decoder reads them all: fields were only added; NOTES.md). */
const swap: Readonly<Record<string, Decode>> = {
  trades, "trades-all": trades, "bbo-tbt": quotes, "mark-price": decoder(markPrice), "funding-rate": decoder(fundingRate), "open-interest": decoder(openInterest),
};
/** Spot shares trades and quotes; its sizes are base units as they come. */
const spot: Readonly<Record<string, Decode>> = { trades, "trades-all": trades, "bbo-tbt": quotes };

/** The decoder of a channel of swaps; undefined: no decoder reads it. */
export function okxSwapDecoder(channel: string): Decode | undefined {
  return Object.hasOwn(swap, channel) ? swap[channel] : undefined;
}

export function okxSpotDecoder(channel: string): Decode | undefined {
  return Object.hasOwn(spot, channel) ? spot[channel] : undefined;
}
