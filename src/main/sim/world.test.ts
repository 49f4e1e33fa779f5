// Several venues in one world: prices that belong together without being equal, exact rates, one ledger, and a single venue left as it was.
import { describe, expect, it } from "vitest";
import { START_MS } from "./client.testkit.ts";
import type { SimulatedVenueId } from "./dialects.ts";
import type { SimBook } from "./market-types.ts";
import { SimulatedVenue } from "./venue.ts";
import { createVenues } from "./venues.ts";
import { World } from "./world.ts";

const THREE: readonly SimulatedVenueId[] = ["binance-usdm", "bybit-linear", "okx-swap"];

function middles(seconds: number, seed: number): ReadonlyMap<string, readonly number[]> {
  const found = new Map<string, number[]>();
  const venues = THREE.map((venue) => {
    let latest: SimBook | undefined;
    const made = new SimulatedVenue({
      seed, venue, startMs: START_MS, warmMs: 60_000, symbols: ["BTCUSDT"], messagesPerSecond: 100, world: new World(seed),
      observer: { trade: () => undefined, aggTrade: () => undefined, mark: () => undefined, book: (book) => { latest = book; } },
    });
    return { made, latest: () => latest };
  });
  for (let second = 1; second <= seconds; second += 1) {
    for (const { made, latest } of venues) {
      made.advance(START_MS + second * 1_000);
      const book = latest();
      if (book === undefined) continue;
      const list = found.get(made.venue) ?? [];
      list.push((book.bid + book.ask) / 2 / 10 ** book.spec.priceScale);
      found.set(made.venue, list);
    }
  }
  return found;
}

function returns(prices: readonly number[], over: number): readonly number[] {
  return prices.slice(over).map((price, index) => Math.log(price / (prices[index] ?? price)));
}

function correlation(a: readonly number[], b: readonly number[]): number {
  const mean = (list: readonly number[]): number => list.reduce((sum, value) => sum + value, 0) / list.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  const product = a.reduce((sum, value, index) => sum + (value - meanA) * ((b[index] ?? 0) - meanB), 0);
  const spread = (list: readonly number[], middle: number): number => Math.sqrt(list.reduce((sum, value) => sum + (value - middle) ** 2, 0));
  return product / (spread(a, meanA) * spread(b, meanB));
}

describe("one world", () => {
  it("moves all venues together, each a little apart", () => {
    const prices = middles(600, 5);
    const [first, second, third] = THREE.map((venue) => prices.get(venue) ?? []);
    for (const other of [second, third]) {
      expect(correlation(returns(first ?? [], 20), returns(other ?? [], 20))).toBeGreaterThan(0.7);
      const ratios = (first ?? []).map((price, index) => (other?.[index] ?? price) / price);
      expect(Math.max(...ratios.map((ratio) => Math.abs(ratio - 1)))).toBeLessThan(0.002);
      expect(new Set(ratios).size).toBeGreaterThan(100);
    }
  });

  it("is a function of seed, asset and time alone, and another one for another seed or asset", () => {
    const at = (seed: number, asset: string): readonly number[] => [0, 1, 500, 3_600_000].map((ms) => new World(seed).ratio(asset, START_MS + ms));
    const world = new World(3);
    const backwards = [3_600_000, 500, 1, 0].map((ms) => world.ratio("BTC", START_MS + ms)).reverse();
    expect(backwards).toEqual(at(3, "BTC"));
    expect(at(4, "BTC")).not.toEqual(at(3, "BTC"));
    expect(at(3, "ETH")).not.toEqual(at(3, "BTC"));
    for (let day = 0; day < 200; day += 1) expect(Math.abs(Math.log(world.ratio("BTC", START_MS + day * 86_400_000)))).toBeLessThan(0.2);
  });

  it("moves like a random walk: four times as long, about twice as far", () => {
    const world = new World(8);
    const spread = (seconds: number): number => {
      const moves = Array.from({ length: 400 }, (_, index) => Math.log(world.ratio("BTC", START_MS + (index * 977 + seconds) * 1_000) / world.ratio("BTC", START_MS + index * 977_000)));
      return Math.sqrt(moves.reduce((sum, move) => sum + move * move, 0) / moves.length);
    };
    for (const seconds of [10, 60, 240]) {
      expect(spread(seconds * 4) / spread(seconds)).toBeGreaterThan(1.5);
      expect(spread(seconds * 4) / spread(seconds)).toBeLessThan(2.7);
    }
  });

  it("leaves a venue that is alone as it is by itself", () => {
    const [alone] = createVenues({ seed: 9, startMs: START_MS, warmMs: 60_000, venues: ["sim"] });
    const itself = new SimulatedVenue({ seed: 9, startMs: START_MS, warmMs: 60_000 });
    for (const venue of [alone, itself]) venue?.advance(START_MS + 20_000);
    const candles = (venue: SimulatedVenue | undefined): unknown => venue?.truth.query({ symbol: "BTCUSDT", interval: "1s", fromMs: 0, untilMs: Number.MAX_SAFE_INTEGER });
    expect(candles(alone)).toEqual(candles(itself));
  });

  it("keeps a steady rate to the message, over all venues and symbols", () => {
    const rate = 3_000;
    const seconds = 60;
    const venues = createVenues({ seed: 2, startMs: START_MS, warmMs: 30_000, venues: THREE, symbols: ["BTCUSDT", "ETHUSDT", "MATICUSDT"], messagesPerSecond: rate, steady: true });
    const subscribe: Readonly<Record<string, readonly [string, string]>> = {
      "bybit-linear": ["/v5/public/linear", JSON.stringify({ op: "subscribe", args: ["BTCUSDT", "ETHUSDT", "MATICUSDT"].flatMap((symbol) => ["publicTrade", "orderbook.1", "tickers", "kline.1"].map((channel) => `${channel}.${symbol}`)) })],
      "okx-swap": ["/ws/v5/public", JSON.stringify({ op: "subscribe", args: ["BTC", "ETH", "MATIC"].flatMap((coin) => ["trades", "bbo-tbt", "mark-price", "index-tickers", "funding-rate", "open-interest"].map((channel) => ({ channel, instId: channel === "index-tickers" ? `${coin}-USDT` : `${coin}-USDT-SWAP` }))) })],
      "binance-usdm": [`/stream?streams=${["btcusdt", "ethusdt", "maticusdt"].flatMap((symbol) => [`${symbol}@aggTrade`, `${symbol}@bookTicker`, `${symbol}@markPrice@1s`]).join("/")}`, '{"method":"LIST_SUBSCRIPTIONS","id":1}'],
    };
    for (const venue of venues) {
      const [path, text] = subscribe[venue.venue] ?? ["", ""];
      const session = venue.connect(path, { send: () => undefined, close: () => undefined, drop: () => undefined });
      if (!("refusedStatus" in session)) session.receive(text, START_MS);
    }
    const framesAt = (): number => venues.reduce((sum, venue) => sum + [...venue.streams].reduce((frames, stream) => frames + stream.frames, 0), 0);
    const counts: number[] = [];
    for (let second = 1; second <= seconds; second += 1) {
      for (const venue of venues) venue.advance(START_MS + second * 1_000);
      counts.push(framesAt());
    }
    expect((counts.at(-1) ?? 0) / (rate * seconds)).toBeGreaterThan(0.985);
    expect((counts.at(-1) ?? 0) / (rate * seconds)).toBeLessThan(1.015);
    for (let second = 10; second < seconds; second += 10) {
      const span = ((counts[second] ?? 0) - (counts[second - 10] ?? 0)) / (rate * 10);
      expect(span).toBeGreaterThan(0.95);
      expect(span).toBeLessThan(1.05);
    }
  });
});
