// The market model: the same market whatever the steps, contiguous ids, honest aggregates, plausible statistics.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EMISSION_LAG_MS, MarketModel } from "./market-model.ts";
import { formatUnits, type MarketSink, type SimAggTrade, type SimBook, type SimMark, type SimTrade } from "./market-types.ts";
import { SeededRandom } from "./random.ts";
import { symbolSpec } from "./specs.ts";
import { TrueCandles } from "./true-candles.ts";

const START_MS = 1_767_225_600_000;

class Collected implements MarketSink {
  readonly trades: SimTrade[] = [];
  readonly aggregates: SimAggTrade[] = [];
  readonly books: SimBook[] = [];
  readonly marks: SimMark[] = [];
  readonly all: (SimTrade | SimAggTrade | SimBook | SimMark)[] = [];
  trade(trade: SimTrade): void { this.trades.push(trade); this.all.push(trade); }
  aggTrade(trade: SimAggTrade): void { this.aggregates.push(trade); this.all.push(trade); }
  book(book: SimBook): void { this.books.push(book); this.all.push(book); }
  mark(mark: SimMark): void { this.marks.push(mark); this.all.push(mark); }
}

function run(options: { seed: number; seconds: number; symbols?: readonly string[]; rate?: number; steps?: readonly number[] }): Collected {
  const model = new MarketModel({ seed: options.seed, startMs: START_MS, messagesPerSecond: options.rate ?? 300, ...(options.symbols === undefined ? {} : { symbols: options.symbols }) });
  const sink = new Collected();
  const until = START_MS + options.seconds * 1_000;
  for (const step of options.steps ?? []) model.advance(Math.min(until, model.nowMs + step), sink);
  model.advance(until, sink);
  return sink;
}

describe("the market model", () => {
  it("says the same whatever the steps of time", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 40 }), fc.array(fc.integer({ min: 1, max: 3_000 }), { maxLength: 30 }), (seed, steps) => {
        expect(run({ seed, seconds: 20, steps }).all).toEqual(run({ seed, seconds: 20 }).all);
      }),
      { numRuns: 15 },
    );
  });

  it("gives another market for another seed", () => {
    expect(run({ seed: 1, seconds: 5 }).all).not.toEqual(run({ seed: 2, seconds: 5 }).all);
  });

  it("gives a symbol the same market alone as in company, at the same rates", () => {
    const alone = run({ seed: 9, seconds: 30, symbols: ["BTCUSDT"], rate: 45 });
    const together = run({ seed: 9, seconds: 30, symbols: ["BTCUSDT", "ETHUSDT", "SOLUSDT"], rate: 100 });
    expect(together.trades.filter((trade) => trade.spec.symbol === "BTCUSDT")).toEqual(alone.trades);
  });

  it("numbers trades and aggregates without holes, and aggregates exactly the market trades", () => {
    const { trades, aggregates } = run({ seed: 4, seconds: 2_400, symbols: ["ETHUSDT"] });
    expect(trades.every((trade, index) => trade.id === (trades[0]?.id ?? 0) + index)).toBe(true);
    expect(aggregates.every((trade, index) => trade.id === (aggregates[0]?.id ?? 0) + index)).toBe(true);
    const byId = new Map(trades.map((trade) => [trade.id, trade]));
    let covered = 0;
    for (const aggregate of aggregates) {
      let qty = 0;
      for (let id = aggregate.firstId; id <= aggregate.lastId; id += 1) {
        const trade = byId.get(id);
        expect(trade).toMatchObject({ price: aggregate.price, timeMs: aggregate.timeMs, buyerIsMaker: aggregate.buyerIsMaker, isMarket: true });
        qty += trade?.qty ?? 0;
        covered += 1;
      }
      expect(qty).toBe(aggregate.qty);
    }
    const insurance = trades.filter((trade) => !trade.isMarket);
    expect(insurance.length).toBeGreaterThan(0);
    expect(covered).toBe(trades.length - insurance.length);
  }, 60_000);

  it("keeps the book uncrossed, ids and event times rising, and no stamp ahead of its emission lag", () => {
    const { books, all } = run({ seed: 5, seconds: 600, symbols: ["SOLUSDT"] });
    let updateId = 0;
    for (const book of books) {
      if (book.bid >= book.ask || book.bidQty < 1 || book.askQty < 1 || book.updateId <= updateId) expect.fail(JSON.stringify(book));
      updateId = book.updateId;
    }
    let eventMs = 0;
    for (const event of all) {
      if (event.eventMs < eventMs) expect.fail(JSON.stringify(event));
      eventMs = event.eventMs;
      if ("timeMs" in event && event.eventMs - event.timeMs >= EMISSION_LAG_MS) expect.fail(JSON.stringify(event));
    }
  });

  it("is lively at the configured rate, bursts within a millisecond, and marks each second", () => {
    const { aggregates, books, trades, marks } = run({ seed: 6, seconds: 1_200, rate: 300 });
    const rate = (aggregates.length + books.length) / 1_200;
    expect(rate).toBeGreaterThan(200);
    expect(rate).toBeLessThan(450);
    const sameMs = trades.filter((trade, index) => index > 0 && trades[index - 1]?.timeMs === trade.timeMs).length;
    expect(sameMs / trades.length).toBeGreaterThan(0.3);
    expect(marks).toHaveLength(3 * 1_200);
  });

  it("prints late trades with their old time and an id in sequence", () => {
    const model = new MarketModel({ seed: 7, startMs: START_MS, symbols: ["BTCUSDT"] });
    const sink = new Collected();
    model.advance(START_MS + 30_000, sink);
    const printed: number[] = [];
    model.latePrint("BTCUSDT", { delayMs: 20_000, onPrinted: ({ aggId }) => printed.push(aggId) });
    model.advance(START_MS + 40_000, sink);
    const late = sink.aggregates.filter((trade) => trade.eventMs - trade.timeMs >= 20_000);
    expect(late.map((trade) => trade.id)).toEqual(printed);
    expect(printed.length).toBeGreaterThan(0);
    expect(sink.aggregates.every((trade, index) => trade.id === (sink.aggregates[0]?.id ?? 0) + index)).toBe(true);
  });

  it("refuses symbols it cannot trade", () => {
    expect(() => symbolSpec("btcusdt")).toThrow("upper-case USDT symbols");
  });
});

/** The candle of a bucket the slow way: filter, sort, add. */
function slowCandle(trades: readonly SimTrade[], openMs: number, lengthMs: number): Record<string, unknown> | undefined {
  const inside = trades
    .filter((trade) => trade.isMarket && trade.timeMs >= openMs && trade.timeMs < openMs + lengthMs)
    .sort((a, b) => a.timeMs - b.timeMs || a.id - b.id);
  const [first] = inside;
  const last = inside.at(-1);
  if (first === undefined || last === undefined) return undefined;
  const { priceScale, qtyScale } = first.spec;
  const sum = (of: readonly SimTrade[], value: (trade: SimTrade) => bigint): bigint => of.reduce((total, trade) => total + value(trade), 0n);
  const buys = inside.filter((trade) => !trade.buyerIsMaker);
  const prices = inside.map((trade) => trade.price);
  return {
    openMs, open: formatUnits(first.price, priceScale), close: formatUnits(last.price, priceScale),
    high: formatUnits(Math.max(...prices), priceScale), low: formatUnits(Math.min(...prices), priceScale), tradeCount: inside.length,
    volume: formatUnits(sum(inside, (trade) => BigInt(trade.qty)), qtyScale),
    quoteVolume: formatUnits(sum(inside, (trade) => BigInt(trade.qty) * BigInt(trade.price)), priceScale + qtyScale),
    takerBuyVolume: formatUnits(sum(buys, (trade) => BigInt(trade.qty)), qtyScale),
    takerBuyQuoteVolume: formatUnits(sum(buys, (trade) => BigInt(trade.qty) * BigInt(trade.price)), priceScale + qtyScale),
  };
}

describe("true candles", () => {
  it("equal the candles made the slow way, for any order of arrival", () => {
    const { trades } = run({ seed: 8, seconds: 150, symbols: ["BTCUSDT"], rate: 100 });
    const random = new SeededRandom(1);
    const shuffled = trades.map((trade) => ({ trade, at: random.next() })).sort((a, b) => a.at - b.at).map(({ trade }) => trade);
    for (const order of [trades, shuffled]) {
      const truth = new TrueCandles();
      for (const trade of order) truth.add(trade);
      for (const [interval, lengthMs] of [["1s", 1_000], ["5s", 5_000], ["1m", 60_000], ["1d", 86_400_000]] as const) {
        const found = truth.query({ symbol: "BTCUSDT", interval, fromMs: 0, untilMs: Number.MAX_SAFE_INTEGER });
        const opens = new Set(trades.filter((trade) => trade.isMarket).map((trade) => Math.floor(trade.timeMs / lengthMs) * lengthMs));
        expect(found.map((candle) => candle.openMs)).toEqual([...opens].sort((a, b) => a - b));
        for (const candle of found) expect(candle).toMatchObject(slowCandle(trades, candle.openMs, lengthMs) ?? {});
      }
    }
  });

  it("forgets the oldest beyond its bound", () => {
    const truth = new TrueCandles({ candlesMax: 10 });
    for (const trade of run({ seed: 8, seconds: 60, symbols: ["BTCUSDT"] }).trades) truth.add(trade);
    const kept = truth.query({ symbol: "BTCUSDT", interval: "1s", fromMs: 0, untilMs: Number.MAX_SAFE_INTEGER });
    expect(kept).toHaveLength(10);
    expect(kept.at(-1)?.openMs).toBe(START_MS + 59_000);
  });
});

describe("the seeded generator", () => {
  it("repeats itself, and its forks do not disturb it", () => {
    const a = new SeededRandom(42);
    const b = new SeededRandom(42);
    b.fork("other").next();
    expect(Array.from({ length: 20 }, () => a.uint32())).toEqual(Array.from({ length: 20 }, () => b.uint32()));
    expect(new SeededRandom(1).fork("x").uint32()).not.toBe(new SeededRandom(1).fork("y").uint32());
  });

  it("is uniform and normal enough", () => {
    const random = new SeededRandom(5);
    const draws = Array.from({ length: 20_000 }, () => random.next());
    expect(draws.reduce((sum, draw) => sum + draw, 0) / draws.length).toBeCloseTo(0.5, 1);
    const normals = Array.from({ length: 20_000 }, () => random.normal());
    expect(normals.reduce((sum, draw) => sum + draw * draw, 0) / normals.length).toBeCloseTo(1, 1);
  });
});
