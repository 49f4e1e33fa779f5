// The simulator's own exact candles: the answer that recorded and derived candles are measured against. Written to be
// obviously right (one BigInt addition per number per trade), and on purpose without a line of the canonicalizer.
import { INTERVAL_MS, INTERVALS, type Interval } from "../../shared/time.ts";
import { formatUnits, type SimTrade, type SymbolSpec } from "./market-types.ts";
import { baseUnits } from "./specs.ts";

/** Candles kept per series: 1 s candles of five hours, 1 m candles of two weeks. The oldest go first. */
const CANDLES_MAX_DEFAULT = 20_000;

/** Exact text in the venue's own decimals, sizes in base units; quote amounts at the sum of the two scales. */
export interface TrueCandle {
  readonly symbol: string;
  readonly interval: Interval;
  readonly openMs: number;
  readonly open: string;
  readonly high: string;
  readonly low: string;
  readonly close: string;
  readonly volume: string;
  readonly quoteVolume: string;
  readonly tradeCount: number;
  readonly takerBuyVolume: string;
  readonly takerBuyQuoteVolume: string;
  readonly firstTradeId: number;
  readonly lastTradeId: number;
}

interface Sums {
  openMs: number;
  /** (T, id) of the first and last trade: late prints come out of order, and must still sort. */
  firstMs: number;
  firstId: number;
  lastMs: number;
  lastId: number;
  open: bigint;
  high: bigint;
  low: bigint;
  close: bigint;
  volume: bigint;
  quote: bigint;
  buyVolume: bigint;
  buyQuote: bigint;
  count: number;
}

interface Series {
  readonly lengthMs: number;
  /** In order of creation; candles of late prints may come out of order, queries sort. */
  readonly candles: Map<number, Sums>;
  latest: Sums | undefined;
}

function started(openMs: number, trade: SimTrade, price: bigint): Sums {
  return {
    openMs, firstMs: trade.timeMs, firstId: trade.id, lastMs: trade.timeMs, lastId: trade.id,
    open: price, high: price, low: price, close: price, volume: 0n, quote: 0n, buyVolume: 0n, buyQuote: 0n, count: 0,
  };
}

function isBefore(ms: number, id: number, otherMs: number, otherId: number): boolean {
  return ms < otherMs || (ms === otherMs && id < otherId);
}

export class TrueCandles {
  readonly #candlesMax: number;
  readonly #bySymbol = new Map<string, { readonly spec: SymbolSpec; readonly series: ReadonlyMap<Interval, Series> }>();

  constructor(options: { readonly candlesMax?: number } = {}) {
    this.#candlesMax = options.candlesMax ?? CANDLES_MAX_DEFAULT;
  }

  /** Takes every trade of the market, in any order; only market trades count. */
  add(trade: SimTrade): void {
    if (!trade.isMarket) return;
    const price = BigInt(trade.price);
    const qty = BigInt(trade.qty);
    const quote = price * qty;
    for (const series of this.#seriesOf(trade.spec).values()) {
      const sums = this.#sumsFor(series, trade, price);
      if (price > sums.high) sums.high = price;
      if (price < sums.low) sums.low = price;
      if (isBefore(trade.timeMs, trade.id, sums.firstMs, sums.firstId)) {
        sums.firstMs = trade.timeMs;
        sums.firstId = trade.id;
        sums.open = price;
      }
      if (!isBefore(trade.timeMs, trade.id, sums.lastMs, sums.lastId)) {
        sums.lastMs = trade.timeMs;
        sums.lastId = trade.id;
        sums.close = price;
      }
      sums.volume += qty;
      sums.quote += quote;
      if (!trade.buyerIsMaker) {
        sums.buyVolume += qty;
        sums.buyQuote += quote;
      }
      sums.count += 1;
    }
  }

  #seriesOf(spec: SymbolSpec): ReadonlyMap<Interval, Series> {
    const found = this.#bySymbol.get(spec.symbol);
    if (found !== undefined) return found.series;
    const series = new Map<Interval, Series>(
      INTERVALS.map((interval) => [interval, { lengthMs: INTERVAL_MS[interval], candles: new Map(), latest: undefined }]),
    );
    this.#bySymbol.set(spec.symbol, { spec, series });
    return series;
  }

  #sumsFor(series: Series, trade: SimTrade, price: bigint): Sums {
    const { latest } = series;
    if (latest !== undefined && trade.timeMs >= latest.openMs && trade.timeMs < latest.openMs + series.lengthMs) return latest;
    const openMs = Math.floor(trade.timeMs / series.lengthMs) * series.lengthMs;
    let sums = series.candles.get(openMs);
    if (sums === undefined) {
      sums = started(openMs, trade, price);
      series.candles.set(openMs, sums);
      if (series.candles.size > this.#candlesMax) {
        for (const oldest of series.candles.keys()) {
          series.candles.delete(oldest);
          break;
        }
      }
    }
    series.latest = sums;
    return sums;
  }

  /** Candles whose open lies in [fromMs, untilMs), ascending; buckets without trades are absent. */
  query(want: { readonly symbol: string; readonly interval: Interval; readonly fromMs: number; readonly untilMs: number }): readonly TrueCandle[] {
    const found = this.#bySymbol.get(want.symbol);
    const series = found?.series.get(want.interval);
    if (found === undefined || series === undefined) return [];
    return [...series.candles.values()]
      .filter((sums) => sums.openMs >= want.fromMs && sums.openMs < want.untilMs)
      .sort((a, b) => a.openMs - b.openMs)
      .map((sums) => written(found.spec, want.interval, sums));
  }

  /** The latest candle that opens before `beforeMs`, for the carried price of empty REST klines. */
  before(symbol: string, interval: Interval, beforeMs: number): TrueCandle | undefined {
    const found = this.#bySymbol.get(symbol);
    let latest: Sums | undefined;
    for (const sums of found?.series.get(interval)?.candles.values() ?? []) {
      if (sums.openMs < beforeMs && (latest === undefined || sums.openMs > latest.openMs)) latest = sums;
    }
    return found === undefined || latest === undefined ? undefined : written(found.spec, interval, latest);
  }
}

function written(spec: SymbolSpec, interval: Interval, sums: Sums): TrueCandle {
  const price = (units: bigint): string => formatUnits(units, spec.priceScale);
  const qty = (lots: bigint): string => {
    const { mantissa, scale } = baseUnits(spec, lots);
    return formatUnits(mantissa, scale);
  };
  const quote = (units: bigint): string => {
    const { mantissa, scale } = baseUnits(spec, units);
    return formatUnits(mantissa, spec.priceScale + scale);
  };
  return {
    symbol: spec.symbol, interval, openMs: sums.openMs, open: price(sums.open), high: price(sums.high), low: price(sums.low),
    close: price(sums.close), volume: qty(sums.volume), quoteVolume: quote(sums.quote), tradeCount: sums.count,
    takerBuyVolume: qty(sums.buyVolume), takerBuyQuoteVolume: quote(sums.buyQuote), firstTradeId: sums.firstId, lastTradeId: sums.lastId,
  };
}
