// The whole simulated market: every symbol's process merged in time. Deterministic from (seed, start, configuration);
// moved only by `advance`, and the same whatever the steps.
import { assert } from "../../shared/base.ts";
import type { MarketSink, SymbolSpec } from "./market-types.ts";
import { SeededRandom } from "./random.ts";
import { FEW_SYMBOLS, symbolSpec, type DialectName } from "./specs.ts";
import { EMISSION_DELAY_MAX_MS, SymbolMarket, type LatePrint } from "./symbol-market.ts";
import type { World } from "./world.ts";

/** Messages of one taker order on average: aggregates and the quote changes that it causes (measured by the tests). */
const MESSAGES_PER_ORDER = 3.4;
/** The same where one message tells a whole order. */
const MESSAGES_PER_WHOLE_ORDER = 2.7;
const ORDERS_SHARE = 0.3;
export const MESSAGES_PER_SECOND_DEFAULT = 300;
/** The merge looks at every symbol for every event; beyond this it would be the bottleneck. */
const SYMBOLS_MAX = 64;

export interface MarketOptions {
  readonly seed: number;
  /** Exchange time of the first event, epoch ms. */
  readonly startMs: number;
  /** Default BTCUSDT, ETHUSDT, SOLUSDT. */
  readonly symbols?: readonly string[];
  /** aggTrade + bookTicker messages per second of all symbols together, on average. Default 300. */
  readonly messagesPerSecond?: number;
  /** Keeps `messagesPerSecond` exactly, all regular messages included; Binance's and OKX's candles come on top, where somebody listens. Default false: as lively as the market is. */
  readonly steady?: boolean;
  /** The price paths shared with other venues; default: this market goes its own way. */
  readonly world?: World;
}

/** How a venue's market differs from the others'. */
export interface MarketTraits {
  readonly dialect: DialectName;
  /** Sets the market apart from others of the same seed; empty: it is the seed's own. */
  readonly label: string;
  readonly offBook: boolean;
  readonly messagePerOrder: boolean;
  /** How much later than the first venue the world's price arrives. */
  readonly lagMs: number;
  /** Messages per second and symbol that come whatever the market does. */
  readonly regularPerSecond: number;
}
const PLAIN: MarketTraits = { dialect: "binance", label: "", offBook: true, messagePerOrder: false, lagMs: 0, regularPerSecond: 1 };

/** How dense the market is: 1 = as configured. The past before a start is made thinner, since nobody watched it. */
export interface Density { readonly orders: number; readonly quotes: number }
const FULL: Density = { orders: 1, quotes: 1 };

export class MarketModel {
  readonly markets: SymbolMarket[] = [];
  /** Everything before this exchange time (internal, without stamp offset) has been said. */
  nowMs: number;
  /** Added to every stamp: an exchange clock that is off, or that steps. Internal time never steps. */
  stampOffsetMs = 0;
  density: Density = FULL;
  readonly #options: MarketOptions;
  readonly #traits: MarketTraits;
  readonly #random: SeededRandom;
  readonly #bySymbol = new Map<string, SymbolMarket>();
  /** Messages per second of one unit of `share`. */
  readonly #perShare: number;

  constructor(options: MarketOptions, traits: MarketTraits = PLAIN) {
    const specs = (options.symbols ?? FEW_SYMBOLS).map((symbol) => symbolSpec(symbol, traits.dialect));
    assert(specs.length >= 1 && specs.length <= SYMBOLS_MAX, `the simulator takes 1 to ${SYMBOLS_MAX} symbols, got ${specs.length}`);
    const rate = options.messagesPerSecond ?? MESSAGES_PER_SECOND_DEFAULT;
    assert(rate > 0 && rate <= 1_000_000, `messagesPerSecond must be above 0 and at most 1000000, got ${rate}`);
    const random = new SeededRandom(options.seed);
    this.#options = options;
    this.#traits = traits;
    this.#random = traits.label === "" ? random : random.fork(traits.label);
    this.#perShare = rate / specs.reduce((sum, spec) => sum + spec.share, 0);
    this.nowMs = options.startMs;
    for (const spec of specs) this.add(spec);
    assert(this.#bySymbol.size === specs.length, "each symbol may be named once");
  }

  /** Opens a market now: those of the start, and symbols that are listed later. */
  add(spec: SymbolSpec): SymbolMarket {
    const { world, steady } = this.#options;
    const { dialect, offBook, messagePerOrder, lagMs, regularPerSecond } = this.#traits;
    const messages = this.#perShare * spec.share;
    const quotes = messages * (1 - ORDERS_SHARE);
    const ordersPerSecond = (messages * ORDERS_SHARE) / (messagePerOrder ? MESSAGES_PER_WHOLE_ORDER : MESSAGES_PER_ORDER);
    const market = new SymbolMarket(spec, {
      random: this.#random.fork(spec.symbol), startMs: this.nowMs, offBook, messagePerOrder,
      rates: steady === true
        ? { ordersPerSecond, quotesPerSecond: quotes, steadyPerSecond: Math.max(messages - regularPerSecond, messages / 10) }
        : { ordersPerSecond, quotesPerSecond: quotes },
      ...(world === undefined ? {} : { worldRatio: (atMs: number) => world.ratioAt(dialect, spec.baseAsset, atMs, lagMs) }),
    });
    this.markets.push(market);
    this.#bySymbol.set(spec.symbol, market);
    return market;
  }

  market(symbol: string): SymbolMarket | undefined {
    return this.#bySymbol.get(symbol);
  }

  specs(): readonly SymbolSpec[] {
    return this.markets.map((market) => market.spec);
  }

  /** Says everything that happens before `untilMs`, in time order (ties by the order of symbols). */
  advance(untilMs: number, sink: MarketSink): void {
    const { markets } = this;
    for (;;) {
      let next: SymbolMarket | undefined;
      for (const market of markets) {
        if (next === undefined || market.nextAtMs < next.nextAtMs) next = market;
      }
      if (next === undefined || next.nextAtMs >= untilMs) break;
      next.step(next.delisted ? SILENT : sink, this.density, this.stampOffsetMs);
    }
    this.nowMs = Math.max(this.nowMs, untilMs);
  }

  /** The next taker order of a symbol is printed late: old T, ids in sequence. */
  latePrint(symbol: string, print: LatePrint): void {
    const market = this.#bySymbol.get(symbol);
    assert(market !== undefined, `no market ${symbol} in this simulation`);
    market.latePrints.push(print);
  }

  /** From here on a steady market keeps its rate exactly (the past before is thinner). */
  keepRate(): void {
    for (const market of this.markets) market.keepRateFrom(this.nowMs);
  }
}

const SILENT: MarketSink = { trade: () => undefined, aggTrade: () => undefined, book: () => undefined, mark: () => undefined };

/** A wire that stands at exchange time t may say what happened before t minus this: then no stamp lies in its future. */
export const EMISSION_LAG_MS = EMISSION_DELAY_MAX_MS + 1;
