// Rows of Binance's public archive (trades, aggTrades, bookTicker as CSV): the same facts as the live channels, in columns. Pure.
import type { Decode, DecodeContext, MarketEvent, TradeEvent } from "../../../shared/market.ts";
import { beginsWithDigit, decodeRow, type Row, type RowLayout } from "../csv-row.ts";

/** Streams of archive rows have channels of their own: their bytes are no messages of the socket. By the archive's word for the kind. */
export const ARCHIVE_CHANNELS = { trades: "trade.csv", aggTrades: "aggTrade.csv", bookTicker: "bookTicker.csv" } as const;
export type ArchiveKind = keyof typeof ARCHIVE_CHANNELS;

function trade(row: Row, ids: { readonly id: number; readonly first: number; readonly last: number; readonly timeColumn: number; readonly makerColumn: number }): TradeEvent {
  const { id, first, last, timeColumn, makerColumn } = ids;
  return {
    kind: "trade", ...row.time(timeColumn), price: row.positive(1), qty: row.positive(2), side: row.flag(makerColumn) ? -1 : 1,
    tradeId: String(id), sequenceId: id, firstTradeId: first, lastTradeId: last, tradeCount: last - first + 1, market: true,
  };
}

function buildTrade(row: Row): readonly MarketEvent[] {
  const id = row.id(0);
  return [trade(row, { id, first: id, last: id, timeColumn: 4, makerColumn: 5 })];
}

function buildAggregate(row: Row): readonly MarketEvent[] {
  const first = row.id(3);
  const last = row.id(4);
  if (last < first) row.refuse("bad-number", 4, `is less than first_trade_id ${first}`);
  return [trade(row, { id: row.id(0), first, last, timeColumn: 5, makerColumn: 6 })];
}

function buildQuote(row: Row): readonly MarketEvent[] {
  return [{
    kind: "bbo", ...row.time(5), bidPrice: row.notNegative(1), bidQty: row.notNegative(2), askPrice: row.notNegative(3), askQty: row.notNegative(4), updateId: row.id(0),
  }];
}

/** Optional last columns (spot): whether the trade was the best match. What it means is said nowhere; it is kept in the bytes. */
export const ARCHIVE_LAYOUTS: Readonly<Record<ArchiveKind, RowLayout & { readonly timeColumn: number }>> = {
  trades: { names: ["id", "price", "qty", "quote_qty", "time", "is_buyer_maker", "is_best_match"], counts: [6, 7], timeColumn: 4, build: buildTrade },
  aggTrades: {
    names: ["agg_trade_id", "price", "quantity", "first_trade_id", "last_trade_id", "transact_time", "is_buyer_maker", "is_best_match"], counts: [7, 8], timeColumn: 5,
    build: buildAggregate,
  },
  bookTicker: {
    names: ["update_id", "best_bid_price", "best_bid_qty", "best_ask_price", "best_ask_qty", "transaction_time", "event_time"], counts: [7], timeColumn: 5, build: buildQuote,
  },
};

function decoderOf(kind: ArchiveKind): Decode {
  const layout = ARCHIVE_LAYOUTS[kind];
  // The header of a file is kept as a record of its own; it says nothing about the market.
  return (payload: Uint8Array, context: DecodeContext) => (isHeader(payload, kind) ? { kind: "ignored", why: "state-only" } : decodeRow(layout, payload, context));
}

/** Other spellings that the archive used: `quoteQty`; COIN-M counts `base_qty`. */
const OTHER_NAMES: Readonly<Record<string, string>> = { baseqty: "quoteqty", quantity: "qty", aggtradeid: "id" };

function plain(name: string): string {
  const bare = name.trim().toLowerCase().replaceAll("_", "");
  return OTHER_NAMES[bare] ?? bare;
}

const text = new TextDecoder("utf-8");

/** True for the archive's own header of the kind, in any of its spellings. */
export function isHeader(payload: Uint8Array, kind: ArchiveKind): boolean {
  if (beginsWithDigit(payload) || payload.length > 400) return false;
  const names = text.decode(payload).split(",").map(plain);
  const layout = ARCHIVE_LAYOUTS[kind];
  return layout.counts.includes(names.length) && names.every((name, index) => name === plain(layout.names[index] ?? ""));
}

const DECODERS: Readonly<Record<string, Decode>> = {
  [ARCHIVE_CHANNELS.trades]: decoderOf("trades"), [ARCHIVE_CHANNELS.aggTrades]: decoderOf("aggTrades"), [ARCHIVE_CHANNELS.bookTicker]: decoderOf("bookTicker"),
};

/** The decoder of an archive channel; undefined for every other channel. */
export function archiveDecoder(channel: string): Decode | undefined {
  return Object.hasOwn(DECODERS, channel) ? DECODERS[channel] : undefined;
}
