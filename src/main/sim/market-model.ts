// The whole simulated market: every symbol's process merged in time. Deterministic from (seed, start, configuration);
// moved only by `advance`, and the same whatever the steps.
import { assert } from "../../shared/base.ts";
import { DEFAULT_SYMBOLS, symbolSpec, type MarketSink, type SymbolSpec } from "./market-types.ts";
import { SeededRandom } from "./random.ts";
import { EMISSION_DELAY_MAX_MS, SymbolMarket, type LatePrint } from "./symbol-market.ts";

/** Messages of one taker order on average: aggregates and the quote changes that it causes (measured by the tests). */
const MESSAGES_PER_ORDER = 3.4;
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
}

/** How dense the market is: 1 = as configured. The past before a start is made thinner, since nobody watched it. */
export interface Density { readonly orders: number; readonly quotes: number }
const FULL: Density = { orders: 1, quotes: 1 };

export class MarketModel {
  readonly markets: readonly SymbolMarket[];
  /** Everything before this exchange time (internal, without stamp offset) has been said. */
  nowMs: number;
  /** Added to every stamp: an exchange clock that is off, or that steps. Internal time never steps. */
  stampOffsetMs = 0;
  density: Density = FULL;
  readonly #bySymbol: ReadonlyMap<string, SymbolMarket>;

  constructor(options: MarketOptions) {
    const specs = (options.symbols ?? DEFAULT_SYMBOLS).map(symbolSpec);
    assert(specs.length >= 1 && specs.length <= SYMBOLS_MAX, `the simulator takes 1 to ${SYMBOLS_MAX} symbols, got ${specs.length}`);
    const rate = options.messagesPerSecond ?? MESSAGES_PER_SECOND_DEFAULT;
    assert(rate > 0 && rate <= 1_000_000, `messagesPerSecond must be above 0 and at most 1000000, got ${rate}`);
    const shares = specs.reduce((sum, spec) => sum + spec.share, 0);
    const random = new SeededRandom(options.seed);
    this.nowMs = options.startMs;
    this.markets = specs.map((spec) => {
      const messages = (rate * spec.share) / shares;
      return new SymbolMarket(spec, {
        random: random.fork(spec.symbol),
        startMs: options.startMs,
        rates: { ordersPerSecond: (messages * ORDERS_SHARE) / MESSAGES_PER_ORDER, quotesPerSecond: messages * (1 - ORDERS_SHARE) },
      });
    });
    this.#bySymbol = new Map(this.markets.map((market) => [market.spec.symbol, market]));
    assert(this.#bySymbol.size === specs.length, "each symbol may be named once");
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
}

const SILENT: MarketSink = { trade: () => undefined, aggTrade: () => undefined, book: () => undefined, mark: () => undefined };

/** A wire that stands at exchange time t may say what happened before t minus this: then no stamp lies in its future. */
export const EMISSION_LAG_MS = EMISSION_DELAY_MAX_MS + 1;
