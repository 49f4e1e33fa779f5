// What the market said, in one vocabulary for all venues: instruments, streams and normalised events. Pure.
import type { Decimal } from "./decimal.ts";
import { nsFromMs, type Interval } from "./time.ts";

/** Instrument = venue id (exchange + product) + symbol. Spot and futures of one symbol never meet in one series. */
export const VENUE_IDS = [
  "binance-usdm", "binance-spot", "binance-coinm", "bybit-linear", "bybit-spot", "okx-swap", "okx-spot",
  "coinbase-spot", "kraken-spot", "kraken-futures", "sim",
] as const;
export type VenueId = (typeof VENUE_IDS)[number];

/** Who a series comes from, as the screen names it: a venue id, or what a remote server calls its feed (`IBKR`). */
export type SourceId = string;
export const SOURCE_ID = /^[A-Za-z0-9_-]{1,32}$/;

/** A bare exchange name means its futures product, on the command line and in Parquet's `exchange=`. */
const FUTURES_OF: Readonly<Record<string, VenueId>> = { binance: "binance-usdm", bybit: "bybit-linear", okx: "okx-swap" };

export function venueFromText(text: string): VenueId | undefined {
  if (Object.hasOwn(FUTURES_OF, text)) return FUTURES_OF[text];
  return VENUE_IDS.find((id) => id === text);
}

/** The other way round: `binance` of binance-usdm, else the venue id itself. */
export function exchangeOf(venue: VenueId): string {
  return Object.keys(FUTURES_OF).find((exchange) => FUTURES_OF[exchange] === venue) ?? venue;
}

export interface Instrument {
  readonly venue: VenueId;
  /** The venue's own symbol text, upper case: BTCUSDT. */
  readonly symbol: string;
}

/** `binance-usdm:BTCUSDT`: the key of per-instrument maps. */
export function instrumentId(instrument: Instrument): string {
  return `${instrument.venue}:${instrument.symbol}`;
}

/**
 * One feed channel of one instrument: the unit of `ingest_seq`. `channel` is the venue's own word (aggTrade, trade,
 * bookTicker, markPrice, openInterest, depth …), or `unclassified` for bytes that no rule could route.
 */
export interface StreamRef {
  readonly venue: VenueId | "tapedeck";
  readonly symbol: string;
  readonly channel: string;
  /** `binance-usdm:BTCUSDT:aggTrade` */
  readonly streamId: string;
}

export function streamRef(venue: StreamRef["venue"], symbol: string, channel: string): StreamRef {
  return { venue, symbol, channel, streamId: `${venue}:${symbol}:${channel}` };
}

/** 1 = the aggressor bought, -1 = the aggressor sold. */
export type Side = 1 | -1;

interface EventTime {
  /** Exchange time of the event, epoch ms (CANONICAL.md says which wire field, per channel). */
  readonly eventMs: number;
  /** What is finer than ms, 0 … 999,999; 0 for venues that send ms. */
  readonly eventSubNs: number;
}

export interface TradeEvent extends EventTime {
  readonly kind: "trade";
  readonly price: Decimal;
  /** Base units. */
  readonly qty: Decimal;
  readonly side: Side;
  /** The venue's id as text: `t` of a trade, `a` of an aggregated trade. Empty when the venue sent none. */
  readonly tradeId: string;
  /** The channel's gap key, contiguous (+1) per symbol: `t` for trade, `a` for aggTrade. Undefined when ids prove nothing. */
  readonly sequenceId: number | undefined;
  /** Where one event stands for several ids of the gap key (OKX `trades`): the first of them; `sequenceId` is the last. Absent: one id. */
  readonly sequenceFromId?: number;
  /** Trade ids that this event stands for, both inclusive; equal for a single trade. Undefined when the venue sends none. */
  readonly firstTradeId: number | undefined;
  readonly lastTradeId: number | undefined;
  /** l − f + 1 of an aggregated trade, 1 of a single one. */
  readonly tradeCount: number;
  /** False for insurance-fund, ADL and block trades: kept, marked, outside candles. */
  readonly market: boolean;
}

export interface BboEvent extends EventTime {
  readonly kind: "bbo";
  readonly bidPrice: Decimal;
  readonly bidQty: Decimal;
  readonly askPrice: Decimal;
  readonly askQty: Decimal;
  /** The venue's book update id, undefined when not sent. */
  readonly updateId: number | undefined;
}

export interface MarkPriceEvent extends EventTime {
  readonly kind: "mark_price";
  readonly markPrice: Decimal;
  readonly indexPrice: Decimal | undefined;
}

export interface FundingEvent extends EventTime {
  readonly kind: "funding";
  readonly fundingRate: Decimal;
  /** Epoch ms; 0 when the venue says there is none, or its message does not say. */
  readonly nextFundingMs: number;
}

export interface OpenInterestEvent extends EventTime {
  readonly kind: "open_interest";
  readonly openInterest: Decimal;
}

/** A candle as the venue itself says it. Recorded and used only to confirm ours: it never makes or changes a bar. */
export interface VenueCandleEvent extends EventTime {
  readonly kind: "venue_candle";
  readonly interval: Interval;
  /** Bucket start, epoch ms. */
  readonly openMs: number;
  readonly open: Decimal;
  readonly high: Decimal;
  readonly low: Decimal;
  readonly close: Decimal;
  /** Base units. */
  readonly volume: Decimal;
  /** Undefined where the venue does not say. */
  readonly quoteVolume: Decimal | undefined;
  readonly tradeCount: number | undefined;
  /** The venue says that the candle is over and final. */
  readonly final: boolean;
  /** False where the venue's open is the close of the candle before (Bybit), so that open, high and low are not those of the trades alone. */
  readonly opensWithTrade: boolean;
}

export type MarketEvent = TradeEvent | BboEvent | MarkPriceEvent | FundingEvent | OpenInterestEvent | VenueCandleEvent;
/** Contract 001's stream types: the values of `stream` in Parquet and for strategies; and the venue's own candles, which are in neither. */
export type EventKind = MarketEvent["kind"];

export function eventNs(event: EventTime): bigint {
  return nsFromMs(event.eventMs) + BigInt(event.eventSubNs);
}

/** What a decoder made of one raw message. The position of an event in `events` is its sub-position. */
export type DecodeOutcome =
  | { readonly kind: "events"; readonly events: readonly MarketEvent[] }
  /** Known and without events for us. `unhandled`: a stream that no decoder reads (depth …), stored and counted. */
  | { readonly kind: "ignored"; readonly why: "acknowledgement" | "heartbeat" | "state-only" | "unhandled" }
  /** Out of contract. The bytes stay in the log; the stream's derived output says so. */
  | { readonly kind: "refused"; readonly code: RefusalCode; readonly detail: string };

export type RefusalCode =
  | "malformed-json" | "wrong-shape" | "wrong-type" | "bad-number" | "unknown-stream" | "too-large" | "implausible-time" | "too-many-items";

/** Pure knowledge of one channel's wire format in one era: a function of the bytes and of how they came. */
export interface Decode {
  (payload: Uint8Array, context: DecodeContext): DecodeOutcome;
  /** It fills or reads `context.carried`: readers that give one decode each message once, in arrival order, wanted or not (shared/carried). */
  readonly carries?: true;
}
export interface DecodeContext {
  readonly stream: StreamRef;
  readonly source: MessageSource;
  /** Receive time, for venues that send no event time (flagged in CANONICAL.md). */
  readonly recvNs: bigint;
  /**
   * Last known fields of the instrument, for streams whose messages hold only what changed (Bybit `tickers`) or one part of an event (OKX
   * `mark-price`, `index-tickers`). Absent: the message is read alone, and what it does not say is not said.
   */
  readonly carried?: CarriedFields;
}

/**
 * An instrument's memory between messages: field name → the venue's text. Kept by who reads in arrival order (`CarriedStreams`, one per
 * instrument), changed by decoders only, small and bounded by their field names; part of a reader's checkpoints. A function of the log's
 * prefix alone.
 */
export type CarriedFields = Map<string, string>;

/** How a message came. `rest_poll`: asked for on a schedule (open interest). `control`: written by Tapedeck itself. */
export type MessageSource = "ws" | "rest_backfill" | "rest_poll" | "control";
export const MESSAGE_SOURCES = ["ws", "rest_backfill", "rest_poll", "control"] as const satisfies readonly MessageSource[];

/** Finds the decoder of a stream. Undefined: no decoder reads it; it is stored and counted `unhandled`. */
export type DecoderLookup = (stream: StreamRef) => Decode | undefined;
