// The columns of each stream's Parquet files: contract 001's, in its order, then ours. PARQUET.md says why each is there.
import { BIGINT, BOOLEAN, DOUBLE, INTEGER, TINYINT, VARCHAR, type DuckDBType, type DuckDBValue } from "@duckdb/node-api";
import { toFloat } from "../../shared/decimal.ts";
import { eventNs, type BboEvent, type FundingEvent, type MarketEvent, type MarkPriceEvent, type OpenInterestEvent, type TradeEvent } from "../../shared/market.ts";
import { eventSeq, type RawRecord } from "../../shared/raw.ts";
import { nsFromMs } from "../../shared/time.ts";
import { LAKE_STREAMS, type LakeStream } from "./types.ts";

/** Contract 001: schema version of its streams. */
export const STREAM_VERSION = 1;

export interface Row<Event extends MarketEvent = MarketEvent> {
  readonly record: RawRecord;
  readonly position: number;
  readonly event: Event;
}

export interface ColumnOf<Event extends MarketEvent = MarketEvent> {
  readonly name: string;
  readonly type: DuckDBType;
  readonly nullable: boolean;
  /** Undefined: the same for all rows of a partition, so it is not staged but written as a literal. */
  readonly value: ((row: Row<Event>) => DuckDBValue) | undefined;
}

function column<Event extends MarketEvent>(name: string, type: DuckDBType, value: (row: Row<Event>) => DuckDBValue): ColumnOf<Event> {
  return { name, type, nullable: false, value };
}
function optional<Event extends MarketEvent>(name: string, type: DuckDBType, value: (row: Row<Event>) => DuckDBValue): ColumnOf<Event> {
  return { name, type, nullable: true, value };
}
function constant(name: string, type: DuckDBType): ColumnOf {
  return { name, type, nullable: false, value: undefined };
}
function whole(value: number | undefined): bigint | null {
  return value === undefined ? null : BigInt(value);
}

const COMMON: readonly ColumnOf[] = [
  column("ts_event", BIGINT, ({ event }) => eventNs(event)),
  column("ts_recv", BIGINT, ({ record }) => record.recvNs),
  constant("exchange", VARCHAR), constant("symbol", VARCHAR), constant("stream", VARCHAR), constant("stream_version", TINYINT),
];
const OURS: readonly ColumnOf[] = [
  column("seq", BIGINT, ({ record, position }) => eventSeq(record.seq, position)),
  column("channel", VARCHAR, ({ record }) => record.stream.channel),
  column("source", VARCHAR, ({ record }) => record.source),
];

const BBO: readonly ColumnOf<BboEvent>[] = [
  column("bid_price", DOUBLE, ({ event }) => toFloat(event.bidPrice)),
  column("bid_qty", DOUBLE, ({ event }) => toFloat(event.bidQty)),
  column("ask_price", DOUBLE, ({ event }) => toFloat(event.askPrice)),
  column("ask_qty", DOUBLE, ({ event }) => toFloat(event.askQty)),
];
const BBO_OURS: readonly ColumnOf<BboEvent>[] = [optional("update_id", BIGINT, ({ event }) => whole(event.updateId))];

const TRADE: readonly ColumnOf<TradeEvent>[] = [
  column("price", DOUBLE, ({ event }) => toFloat(event.price)),
  column("qty", DOUBLE, ({ event }) => toFloat(event.qty)),
  column("side", TINYINT, ({ event }) => event.side),
  column("trade_id", VARCHAR, ({ event }) => event.tradeId),
];
const TRADE_OURS: readonly ColumnOf<TradeEvent>[] = [
  optional("sequence_id", BIGINT, ({ event }) => whole(event.sequenceId)),
  optional("first_trade_id", BIGINT, ({ event }) => whole(event.firstTradeId)),
  optional("last_trade_id", BIGINT, ({ event }) => whole(event.lastTradeId)),
  column("trade_count", INTEGER, ({ event }) => event.tradeCount),
  column("market", BOOLEAN, ({ event }) => event.market),
];

const MARK_PRICE: readonly ColumnOf<MarkPriceEvent>[] = [
  column("mark_price", DOUBLE, ({ event }) => toFloat(event.markPrice)),
  optional("index_price", DOUBLE, ({ event }) => (event.indexPrice === undefined ? null : toFloat(event.indexPrice))),
];
const FUNDING: readonly ColumnOf<FundingEvent>[] = [
  column("funding_rate", DOUBLE, ({ event }) => toFloat(event.fundingRate)),
  column("next_funding_ts", BIGINT, ({ event }) => nsFromMs(event.nextFundingMs)),
];
const OPEN_INTEREST: readonly ColumnOf<OpenInterestEvent>[] = [column("open_interest", DOUBLE, ({ event }) => toFloat(event.openInterest))];

function joined<Event extends MarketEvent>(contract: readonly ColumnOf<Event>[], ours: readonly ColumnOf<Event>[]): readonly ColumnOf[] {
  // Each stream's rows hold its own kind of event only: `streamOf` sorts them.
  return [...COMMON, ...(contract as readonly ColumnOf[]), ...OURS, ...(ours as readonly ColumnOf[])];
}

export const COLUMNS: Readonly<Record<LakeStream, readonly ColumnOf[]>> = {
  bbo: joined(BBO, BBO_OURS),
  trade: joined(TRADE, TRADE_OURS),
  mark_price: joined(MARK_PRICE, []),
  funding: joined(FUNDING, []),
  open_interest: joined(OPEN_INTEREST, []),
};

/** Undefined for events that are no contract stream: a venue's own candles. */
export function streamOf(event: MarketEvent): LakeStream | undefined {
  return LAKE_STREAMS.find((stream) => stream === event.kind);
}
