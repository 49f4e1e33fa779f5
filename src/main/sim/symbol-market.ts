// One symbol's market: a fair price with clustered volatility, a two-sided best quote, taker orders that eat it, marks.
// Everything is drawn from this symbol's own generator, so symbols never disturb each other and any chunking of time
// gives the same market.
import type { MarketSink, SymbolSpec } from "./market-types.ts";
import type { SeededRandom } from "./random.ts";

export interface SymbolRates {
  /** Mean taker orders per second at activity 1. */
  readonly ordersPerSecond: number;
  /** Mean quote changes per second at activity 1, besides those that orders cause. */
  readonly quotesPerSecond: number;
  /** Exactly so many messages per second over any longer time: quotes fill up what orders leave. Absent: as lively as the market is. */
  readonly steadyPerSecond?: number;
}

/** What a market has of the world around it. */
export interface SymbolMarketOptions {
  readonly random: SeededRandom;
  readonly rates: SymbolRates;
  readonly startMs: number;
  /** Price against the start price that the whole world sees; absent: this market goes its own way. */
  readonly worldRatio?: (atMs: number) => number;
  /** Trades outside the book happen (insurance fund, blocks). Default true. */
  readonly offBook?: boolean;
  /** A taker order is told in one message, whatever levels it took; else each level is a message. */
  readonly messagePerOrder?: boolean;
}

/** Standard deviation of the log price over one second at regime 0; BTCUSDT's 2024 capture is near this. */
const SIGMA_PER_SECOND = 0.000_05;
/** The volatility regime is an AR(1) of log sigma per second: half-life about 2.5 minutes, deviation 0.5. */
const REGIME_PERSISTENCE = 0.995;
const REGIME_NOISE = 0.05;
/** How strongly trading speeds up when volatility does. */
const ACTIVITY_PER_REGIME = 0.8;
/** A taker order is followed by another within the next 2 ms this often: bursts that share a millisecond. */
const CASCADE_CHANCE = 0.3;
const FILLS_MAX = 40;
const LEVELS_MAX = 12;
/** About one insurance-fund trade per this many orders: rare, but present in every longer session. */
const INSURANCE_ONE_IN = 1_500;
/** How often a market looks at the world, and what is then left of its own deviation: it halves in about 0.7 s. */
const WORLD_EVERY_MS = 50;
const WORLD_KEEPS = 0.95;
/** A steady market is never so lively that orders alone are more than its rate. */
const STEADY_ACTIVITY_MAX = 2;
const FUNDING_PERIOD_MS = 28_800_000;
/** Exchange-side delay between a trade and its message, ms: E − T is 0, 1 or 2 in the 2024 capture. */
export const EMISSION_DELAY_MAX_MS = 2;

/** Trade ids firstId … lastId, aggregated as aggId, at the stamped time of the late trade. */
export interface Printed { readonly aggId: number; readonly firstId: number; readonly lastId: number; readonly timeMs: number }
export interface LatePrint { readonly delayMs: number; readonly onPrinted: (printed: Printed) => void }

export class SymbolMarket {
  readonly spec: SymbolSpec;
  /** Time of this symbol's next event, ms with fraction. */
  nextAtMs: number;
  openInterestLots: number;
  markNow = 0;
  indexNow = 0;
  settleNow = 0;
  fundingRate: number;
  nextFundingMs = 0;
  tradeId: number;
  aggId: number;
  updateId: number;
  /** A delisted symbol says nothing any more. */
  delisted = false;
  readonly latePrints: LatePrint[] = [];
  readonly #random: SeededRandom;
  readonly #rates: SymbolRates;
  #fairTicks: number;
  readonly #anchorTicks: number;
  #bidTicks: number;
  #askTicks: number;
  #bidQty: number;
  #askQty: number;
  #regime = 0;
  #activity = 1;
  #markAverage: number;
  #lastEventMs = 0;
  #nextOrderMs: number;
  #nextQuoteMs: number;
  #nextMarkMs: number;
  readonly #options: SymbolMarketOptions;
  #worldTicks: number;
  #worldAtMs = 0;
  /** Steady: where counting began, and what was said since. */
  #steadyFromMs: number | undefined;
  #said = 0;

  constructor(spec: SymbolSpec, options: SymbolMarketOptions) {
    this.spec = spec;
    this.#options = options;
    this.#random = options.random;
    this.#rates = options.rates;
    const ticks = Math.round(spec.startPrice / spec.tickUnits);
    this.#anchorTicks = ticks;
    this.#worldTicks = ticks;
    this.#fairTicks = ticks;
    this.#bidTicks = ticks - 1;
    this.#askTicks = ticks;
    this.#bidQty = this.#depth();
    this.#askQty = this.#depth();
    this.#markAverage = ticks;
    this.openInterestLots = spec.openInterestLots;
    this.fundingRate = this.#random.between(2_000, 12_000);
    this.tradeId = this.#random.between(1_000_000_000, 5_000_000_000);
    this.aggId = this.#random.between(300_000_000, 2_000_000_000);
    this.updateId = this.#random.between(4_000_000_000_000 / 1_000, 6_000_000_000_000 / 1_000) * 1_000;
    this.#nextOrderMs = options.startMs;
    this.#nextQuoteMs = options.startMs;
    this.#nextMarkMs = Math.ceil(options.startMs / 1_000) * 1_000;
    this.#updateMark(this.#nextMarkMs);
    this.nextAtMs = options.startMs;
    this.#schedule();
  }

  /** Does what happens at `nextAtMs`. `density` scales the rates from here on; `offsetMs` is added to every stamp. */
  step(sink: MarketSink, density: { readonly orders: number; readonly quotes: number }, offsetMs: number): void {
    const atMs = this.nextAtMs;
    if (this.#options.worldRatio !== undefined && atMs - this.#worldAtMs >= WORLD_EVERY_MS) this.#follow(this.#options.worldRatio(atMs), atMs);
    if (atMs === this.#nextOrderMs) {
      this.#order(sink, Math.floor(atMs), offsetMs);
      const activity = this.#steadyFromMs === undefined ? this.#activity : Math.min(STEADY_ACTIVITY_MAX, this.#activity);
      const rate = this.#rates.ordersPerSecond * activity * density.orders;
      this.#nextOrderMs = this.#random.chance(CASCADE_CHANCE) ? atMs + this.#random.next() * 2 : atMs + (this.#random.exponential() * 1_000) / rate;
    } else if (atMs === this.#nextQuoteMs) {
      this.#requote(sink, Math.floor(atMs), offsetMs);
      this.#nextQuoteMs = atMs + (this.#random.exponential() * 1_000) / (this.#rates.quotesPerSecond * this.#activity * density.quotes);
    } else {
      this.#second(sink, atMs, offsetMs);
      this.#nextMarkMs = (Math.floor(atMs / 1_000) + 1) * 1_000;
    }
    this.#pace();
    this.#schedule();
  }

  /** From here on the rate is kept exactly, where one was asked for. */
  keepRateFrom(atMs: number): void {
    if (this.#rates.steadyPerSecond === undefined) return;
    this.#steadyFromMs = atMs;
    this.#said = 0;
    this.#pace();
    this.#schedule();
  }

  #pace(): void {
    const { steadyPerSecond } = this.#rates;
    if (this.#steadyFromMs === undefined || steadyPerSecond === undefined) return;
    this.#nextQuoteMs = Math.max(this.nextAtMs, this.#steadyFromMs + ((this.#said + 1) * 1_000) / steadyPerSecond);
  }

  /** The world's price has moved; what this venue added of its own fades. */
  #follow(ratio: number, atMs: number): void {
    const passed = (atMs - this.#worldAtMs) / WORLD_EVERY_MS;
    const own = (this.#fairTicks - this.#worldTicks) * (this.#worldAtMs === 0 ? 0 : WORLD_KEEPS ** Math.min(passed, 1_000));
    this.#worldAtMs = atMs;
    this.#worldTicks = this.#anchorTicks * ratio;
    this.#fairTicks = this.#worldTicks + own;
  }

  #schedule(): void {
    this.nextAtMs = Math.min(this.#nextOrderMs, this.#nextQuoteMs, this.#nextMarkMs);
  }

  #depth(): number {
    return 1 + Math.floor(this.spec.depthLots * 0.6 * this.#random.exponential());
  }

  /** Event times never run backwards within a symbol, or ids and times of one stream would disagree for no reason. */
  #stamp(timeMs: number): number {
    this.#lastEventMs = Math.max(this.#lastEventMs, timeMs + this.#random.below(EMISSION_DELAY_MAX_MS + 1));
    return this.#lastEventMs;
  }

  #order(sink: MarketSink, atMs: number, offsetMs: number): void {
    const random = this.#random;
    const pull = (this.#fairTicks - (this.#bidTicks + this.#askTicks) / 2) / 8;
    const buys = random.chance(0.5 + Math.max(-0.4, Math.min(0.4, pull)));
    // Log-normal sizes: most orders are a few lots, one in a few hundred sweeps the book.
    let left = 1 + Math.floor(this.spec.orderLots * Math.exp(random.normal() * 1.6 - 0.5));
    const late = this.latePrints.shift();
    const timeMs = atMs - (late?.delayMs ?? 0);
    for (let level = 0; level < LEVELS_MAX && left > 0; level += 1) {
      const available = buys ? this.#askQty : this.#bidQty;
      const lots = Math.min(left, available);
      const firstId = this.tradeId + 1;
      this.#fillLevel(sink, { lots, buys, timeMs, atMs, offsetMs });
      late?.onPrinted({ aggId: this.aggId, firstId, lastId: this.tradeId, timeMs: timeMs + offsetMs });
      left -= lots;
      this.#takeLevel(buys, available - lots);
      if (this.#options.messagePerOrder !== true) this.#said += 1;
      this.#sayBook(sink, atMs, offsetMs);
    }
    if (this.#options.messagePerOrder === true) this.#said += 1;
    sink.orderDone?.(this.spec);
    if (random.below(INSURANCE_ONE_IN) === 0 && this.#options.offBook !== false) this.#insurance(sink, atMs, offsetMs);
  }

  /** All fills of one order at one price: contiguous ids, one aggregate. */
  #fillLevel(sink: MarketSink, fill: { lots: number; buys: boolean; timeMs: number; atMs: number; offsetMs: number }): void {
    const { spec } = this;
    const random = this.#random;
    const price = (fill.buys ? this.#askTicks : this.#bidTicks) * spec.tickUnits;
    const eventMs = this.#stamp(fill.atMs) + fill.offsetMs;
    const timeMs = fill.timeMs + fill.offsetMs;
    const firstId = this.tradeId + 1;
    let left = fill.lots;
    for (let count = 1; left > 0; count += 1) {
      const last = count === FILLS_MAX || random.chance(0.4);
      const qty = last ? left : Math.min(left, 1 + Math.floor(random.next() * left));
      left -= qty;
      this.tradeId += 1;
      sink.trade({ spec, id: this.tradeId, price, qty, timeMs, eventMs, buyerIsMaker: !fill.buys, isMarket: true });
    }
    this.aggId += 1;
    sink.aggTrade({
      spec, id: this.aggId, price, qty: fill.lots, firstId, lastId: this.tradeId, timeMs, eventMs, buyerIsMaker: !fill.buys,
    });
    this.openInterestLots = Math.max(1, this.openInterestLots + Math.round(fill.lots * (random.next() - 0.5)));
  }

  /** After a fill: less at the best price, or the next price when it is eaten up. Eating a level moves the fair price a little. */
  #takeLevel(buys: boolean, remaining: number): void {
    const emptied = remaining <= 0;
    const step = emptied ? 1 + (this.#random.chance(0.3) ? this.#random.below(3) : 0) : 0;
    if (buys) {
      this.#askTicks += step;
      this.#askQty = emptied ? this.#depth() : remaining;
      if (emptied) this.#fairTicks += 0.4;
    } else {
      this.#bidTicks = Math.max(1, this.#bidTicks - step);
      this.#bidQty = emptied ? this.#depth() : remaining;
      if (emptied) this.#fairTicks -= 0.4;
    }
  }

  #sayBook(sink: MarketSink, atMs: number, offsetMs: number): void {
    const { spec } = this;
    this.#said += 1;
    this.updateId += 1 + this.#random.below(900);
    sink.book({
      spec, updateId: this.updateId, bid: this.#bidTicks * spec.tickUnits, bidQty: this.#bidQty, ask: this.#askTicks * spec.tickUnits,
      askQty: this.#askQty, timeMs: atMs + offsetMs, eventMs: this.#stamp(atMs) + offsetMs,
    });
  }

  /** Liquidation fills outside the book: a price away from the market, an id in sequence, no aggregate. */
  #insurance(sink: MarketSink, atMs: number, offsetMs: number): void {
    const { spec } = this;
    const away = Math.max(1, Math.round(this.#bidTicks * (0.005 + this.#random.next() * 0.015)));
    const buyerIsMaker = this.#random.chance(0.5);
    this.tradeId += 1;
    sink.trade({
      spec, id: this.tradeId, price: (buyerIsMaker ? this.#bidTicks + away : Math.max(1, this.#askTicks - away)) * spec.tickUnits,
      qty: 1 + this.#random.below(Math.max(1, Math.floor(spec.orderLots / 4))), timeMs: atMs + offsetMs,
      eventMs: this.#stamp(atMs) + offsetMs, buyerIsMaker, isMarket: false,
    });
    sink.orderDone?.(spec);
  }

  /** Two quote changes in three move a quantity; the third follows the fair price and closes the spread to one tick. */
  #requote(sink: MarketSink, atMs: number, offsetMs: number): void {
    const random = this.#random;
    if (random.chance(0.66)) {
      if (random.chance(0.5)) this.#bidQty = this.#nudge(this.#bidQty);
      else this.#askQty = this.#nudge(this.#askQty);
    } else {
      const bid = Math.max(1, Math.floor(this.#fairTicks));
      if (bid !== this.#bidTicks) this.#bidQty = this.#depth();
      if (bid + 1 !== this.#askTicks) this.#askQty = this.#depth();
      this.#bidTicks = bid;
      this.#askTicks = bid + (random.chance(0.03) ? 2 : 1);
    }
    this.#drift(1 / Math.max(1, this.#rates.quotesPerSecond));
    this.#sayBook(sink, atMs, offsetMs);
  }

  #nudge(qty: number): number {
    const change = Math.floor(this.spec.depthLots * 0.15 * this.#random.normal());
    return Math.max(1, qty + change);
  }

  #drift(seconds: number): void {
    const sigma = SIGMA_PER_SECOND * Math.exp(this.#regime) * this.#anchorTicks;
    this.#fairTicks += sigma * Math.sqrt(seconds) * this.#random.normal();
    // A market that ran for weeks must stay a plausible one.
    this.#fairTicks = Math.max(this.#anchorTicks * 0.2, Math.min(this.#anchorTicks * 5, this.#fairTicks));
  }

  #second(sink: MarketSink, atMs: number, offsetMs: number): void {
    const random = this.#random;
    this.#regime = this.#regime * REGIME_PERSISTENCE + REGIME_NOISE * random.normal();
    this.#activity = Math.exp(ACTIVITY_PER_REGIME * this.#regime + 0.2 * random.normal());
    this.#drift(0.1);
    this.#updateMark(atMs);
    sink.mark({
      spec: this.spec, mark: this.markNow, settle: this.settleNow, index: this.indexNow, fundingRate: this.fundingRate,
      nextFundingMs: this.nextFundingMs + offsetMs, eventMs: this.#stamp(atMs) + offsetMs,
    });
  }

  #updateMark(atMs: number): void {
    const { spec } = this;
    const unit = spec.tickUnits * 10 ** (8 - spec.priceScale);
    const middle = (this.#bidTicks + this.#askTicks) / 2;
    this.#markAverage += 0.15 * (middle - this.#markAverage);
    this.fundingRate = Math.round(10_000 + 0.999 * (this.fundingRate - 10_000) + this.#random.normal() * 25);
    this.markNow = Math.round(this.#markAverage * unit);
    this.indexNow = Math.round(this.#markAverage * unit * (1 - this.fundingRate / 2e8 + this.#random.normal() * 2e-6));
    this.settleNow = Math.round((this.markNow + this.indexNow) / 2);
    this.nextFundingMs = (Math.floor(atMs / FUNDING_PERIOD_MS) + 1) * FUNDING_PERIOD_MS;
  }
}
