// Rows of tardis.dev's downloadable datasets (trades, quotes, book_ticker, derivative_ticker) as events of the venue they are of. Pure.
import { multiply, type Decimal } from "../../../shared/decimal.ts";
import type { Decode, DecodeContext, MarketEvent, VenueId } from "../../../shared/market.ts";
import { instrumentOf, unitsPerSize } from "../okx/instruments.ts";
import { decodeRow, type Row, type RowLayout, type RowTime } from "../csv-row.ts";

/** Dataset → channel of its streams. */
export const TARDIS_CHANNELS = {
  trades: "trades.tardis", quotes: "quotes.tardis", book_ticker: "book_ticker.tardis", derivative_ticker: "derivative_ticker.tardis",
} as const;
export type TardisKind = keyof typeof TARDIS_CHANNELS;

const QUOTE_COLUMNS = ["exchange", "symbol", "timestamp", "local_timestamp", "ask_amount", "ask_price", "bid_price", "bid_amount"];
export const TARDIS_COLUMNS: Readonly<Record<TardisKind, readonly string[]>> = {
  trades: ["exchange", "symbol", "timestamp", "local_timestamp", "id", "side", "price", "amount"],
  quotes: QUOTE_COLUMNS,
  book_ticker: QUOTE_COLUMNS,
  derivative_ticker: [
    "exchange", "symbol", "timestamp", "local_timestamp", "funding_timestamp", "funding_rate", "predicted_funding_rate", "open_interest", "last_price", "index_price", "mark_price",
  ],
};

/** tardis.dev's words for the products that we name. Dated futures come under the same words; their symbols tell them apart. */
const VENUES: Readonly<Record<string, VenueId>> = {
  "binance-futures": "binance-usdm", "binance-delivery": "binance-coinm", binance: "binance-spot", bybit: "bybit-linear", "bybit-spot": "bybit-spot",
  "okex-swap": "okx-swap", okex: "okx-spot",
};
export const TARDIS_EXCHANGES: readonly string[] = Object.keys(VENUES);

export function venueOfExchange(exchange: string): VenueId | undefined {
  return Object.hasOwn(VENUES, exchange) ? VENUES[exchange] : undefined;
}

/** Our symbol of tardis.dev's (BTC-USDT-SWAP of okex-swap is BTCUSDT of okx-swap). Undefined: no product of the venue that we name. */
export function symbolOf(venue: VenueId, symbol: string): string | undefined {
  if (venue === "okx-swap" || venue === "okx-spot") {
    const instrument = instrumentOf(symbol);
    return instrument?.venue === venue ? instrument.symbol : undefined;
  }
  return /^[A-Z0-9_.-]{1,64}$/.test(symbol) ? symbol : undefined;
}

/** Base units of an amount. Swaps of OKX are counted in contracts; what one is worth must be known. */
function baseUnits(row: Row, column: number, time: RowTime, { stream }: DecodeContext): Decimal {
  const amount = row.notNegative(column);
  if (stream.venue !== "okx-swap") return amount;
  const units = unitsPerSize(stream.venue, stream.symbol, time.eventMs);
  if (units === undefined) row.refuse("bad-number", column, `counts contracts of ${stream.symbol}, whose size in base units is not known`);
  return multiply(amount, units);
}

function checkStream(row: Row, { stream }: DecodeContext): void {
  const venue = venueOfExchange(row.text(0));
  if (venue === undefined || venue !== stream.venue) row.refuse("unknown-stream", 0, `is not ${stream.venue}`);
  if (symbolOf(venue, row.text(1)) !== stream.symbol) row.refuse("unknown-stream", 1, `is not ${stream.symbol}`);
}

/**
 * Where consecutive ids prove that nothing is missing: spot of Binance. On futures the data sets leave out insurance-fund and ADL trades,
 * whose ids are used up, and the other venues' ids have no order or stand for several trades.
 */
const GAP_KEYED: ReadonlySet<string> = new Set<VenueId>(["binance-spot"]);
const ORDERED_IDS: ReadonlySet<string> = new Set<VenueId>(["binance-spot", "binance-usdm"]);

function trade(row: Row, context: DecodeContext): readonly MarketEvent[] {
  checkStream(row, context);
  const { venue } = context.stream;
  const time = row.time(2);
  const side = row.text(5);
  if (side !== "buy" && side !== "sell") row.refuse("wrong-type", 5, "is neither buy nor sell");
  const qty = baseUnits(row, 7, time, context);
  if (qty.mantissa === 0) row.refuse("bad-number", 7, "is not above 0");
  const id = ORDERED_IDS.has(venue) ? row.id(4) : undefined;
  return [{
    kind: "trade", ...time, price: row.positive(6), qty, side: side === "buy" ? 1 : -1, tradeId: row.text(4),
    sequenceId: GAP_KEYED.has(venue) ? id : undefined, firstTradeId: id, lastTradeId: id, tradeCount: 1, market: true,
  }];
}

function quote(row: Row, context: DecodeContext): readonly MarketEvent[] {
  checkStream(row, context);
  const time = row.time(2);
  // An empty cell: that side of the book is empty, which a quote of ours cannot say.
  if ([4, 5, 6, 7].some((column) => row.text(column) === "")) return [];
  return [{
    kind: "bbo", ...time, askQty: baseUnits(row, 4, time, context), askPrice: row.notNegative(5), bidPrice: row.notNegative(6), bidQty: baseUnits(row, 7, time, context), updateId: undefined,
  }];
}

/** Each row repeats what did not change: mark, funding and open interest are said again with it. */
function derivativeTicker(row: Row, context: DecodeContext): readonly MarketEvent[] {
  checkStream(row, context);
  const time = row.time(2);
  const events: MarketEvent[] = [];
  const has = (column: number): boolean => row.text(column) !== "";
  if (has(10)) events.push({ kind: "mark_price", ...time, markPrice: row.notNegative(10), indexPrice: has(9) ? row.notNegative(9) : undefined });
  if (has(5)) events.push({ kind: "funding", ...time, fundingRate: row.decimal(5), nextFundingMs: has(4) ? row.time(4).eventMs : 0 });
  if (has(7)) events.push({ kind: "open_interest", ...time, openInterest: baseUnits(row, 7, time, context) });
  return events;
}

const BUILDS: Readonly<Record<TardisKind, RowLayout["build"]>> = { trades: trade, quotes: quote, book_ticker: quote, derivative_ticker: derivativeTicker };

const text = new TextDecoder("utf-8");

export function isTardisHeader(payload: Uint8Array, kind: TardisKind): boolean {
  return payload.length < 400 && text.decode(payload) === TARDIS_COLUMNS[kind].join(",");
}

function decoderOf(kind: TardisKind): Decode {
  const names = TARDIS_COLUMNS[kind];
  const layout: RowLayout = { names, counts: [names.length], build: BUILDS[kind] };
  // The header of a file is kept as a record of its own; it says nothing about the market.
  return (payload, context) => (isTardisHeader(payload, kind) ? { kind: "ignored", why: "state-only" } : decodeRow(layout, payload, context));
}

const DECODERS: Readonly<Record<string, Decode>> = {
  [TARDIS_CHANNELS.trades]: decoderOf("trades"), [TARDIS_CHANNELS.quotes]: decoderOf("quotes"), [TARDIS_CHANNELS.book_ticker]: decoderOf("book_ticker"),
  [TARDIS_CHANNELS.derivative_ticker]: decoderOf("derivative_ticker"),
};

/** The decoder of a tardis.dev channel; undefined for every other channel, and for COIN-M, whose sizes are contracts. */
export function tardisDecoder(venue: VenueId, channel: string): Decode | undefined {
  return venue !== "binance-coinm" && Object.hasOwn(DECODERS, channel) ? DECODERS[channel] : undefined;
}
