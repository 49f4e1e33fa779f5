// What a venue publishes besides trades and quotes: the running day and the venue's own one-minute candle of a symbol, from its trades.
import type { SimTrade, SymbolSpec } from "./market-types.ts";

const MINUTE_MS = 60_000;

/** The venue's candle of one minute. Prices and sizes in the market's units. */
export interface VenueMinute {
  readonly openMs: number;
  /** The close of the minute before. Bybit's candles open with it and reach to it; the others begin with their first trade. */
  readonly carriedOpen: number;
  open: number;
  high: number;
  low: number;
  close: number;
  lots: number;
  /** Price units × lots. */
  turnover: number;
  /** Of trades whose taker bought. */
  buyLots: number;
  buyTurnover: number;
  count: number;
  firstId: number;
  lastId: number;
  /** Times of the trades that open and close are of. */
  firstMs: number;
  lastMs: number;
}

function emptyMinute(openMs: number, price: number): VenueMinute {
  return {
    openMs, carriedOpen: price, open: price, high: price, low: price, close: price, lots: 0, turnover: 0, buyLots: 0, buyTurnover: 0, count: 0,
    firstId: 0, lastId: 0, firstMs: openMs, lastMs: openMs,
  };
}

/** Open and close go by the trades' own times: one that is printed late does not close the minute. */
function addTo(minute: VenueMinute, { id, price, qty, timeMs, buyerIsMaker }: SimTrade): void {
  const isFirst = minute.count === 0;
  if (isFirst) minute.firstId = id;
  if (isFirst || timeMs < minute.firstMs) {
    minute.open = price;
    minute.firstMs = timeMs;
  }
  if (isFirst || timeMs >= minute.lastMs) {
    minute.close = price;
    minute.lastMs = timeMs;
  }
  if (isFirst || price > minute.high) minute.high = price;
  if (isFirst || price < minute.low) minute.low = price;
  minute.lastId = id;
  minute.lots += qty;
  minute.turnover += price * qty;
  if (!buyerIsMaker) {
    minute.buyLots += qty;
    minute.buyTurnover += price * qty;
  }
  minute.count += 1;
}

/** Since the market began: in place of the last 24 hours. */
export class SymbolFigures {
  readonly spec: SymbolSpec;
  last = 0;
  lastLots = 0;
  /** Direction of the last change of price: 1 up, -1 down. */
  direction: 1 | -1 = 1;
  changed = false;
  first: number;
  high: number;
  low: number;
  lots = 0;
  turnover = 0;
  minute: VenueMinute | undefined;
  /** The minute before, until it has been said to be over. */
  finished: VenueMinute | undefined;
  /** Trades since the candle was said last. */
  dirty = false;

  constructor(spec: SymbolSpec) {
    this.spec = spec;
    this.first = spec.startPrice;
    this.high = spec.startPrice;
    this.low = spec.startPrice;
    this.last = spec.startPrice;
  }

  add(trade: SimTrade): void {
    if (!trade.isMarket) return;
    const { price, qty, timeMs } = trade;
    this.changed = price !== this.last;
    if (this.changed) this.direction = price > this.last ? 1 : -1;
    const before = this.last;
    this.last = price;
    this.lastLots = qty;
    if (price > this.high) this.high = price;
    if (price < this.low) this.low = price;
    this.lots += qty;
    this.turnover += price * qty;
    const openMs = timeMs - (timeMs % MINUTE_MS);
    let { minute } = this;
    // A late print belongs to a candle that the venue has closed: it does not open it again.
    if (minute !== undefined && openMs < minute.openMs) return;
    if (minute === undefined || openMs > minute.openMs) {
      if (minute !== undefined) this.finished = minute;
      minute = emptyMinute(openMs, before);
      this.minute = minute;
    }
    addTo(minute, trade);
    this.dirty = true;
  }

  /** At the turn of a minute without a trade in the new one yet: the old one is over all the same. */
  turn(atMs: number): void {
    const { minute } = this;
    const openMs = atMs - (atMs % MINUTE_MS);
    if (minute === undefined || minute.openMs >= openMs) return;
    this.finished = minute;
    this.minute = emptyMinute(openMs, this.last);
    this.dirty = true;
  }
}
