// The second trade stream of an instrument: compared by trade ids, either way round, and never in a bar.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { streamRef, type TradeEvent } from "../../shared/market.ts";
import { BTC, LogBuilder, TRADES, aggregate, feed, start, trade, type Run } from "./canonical.testkit.ts";

const T0 = Date.UTC(2026, 0, 5, 12, 0, 0);
const AGGREGATES = streamRef(BTC.venue, BTC.symbol, "aggTrade");
const live = (event: TradeEvent, a: number): TradeEvent => ({ ...event, sequenceId: a });

interface Market {
  readonly singles: readonly TradeEvent[];
  readonly aggregates: readonly TradeEvent[];
}

/** Takers of so many fills each; a taker of 0 fills stands for a trade that is no market trade, and in no aggregate. */
function marketOf(takers: readonly number[]): Market {
  const singles: TradeEvent[] = [];
  const aggregates: TradeEvent[] = [];
  let id = 100;
  takers.forEach((fills, index) => {
    const ms = T0 + index * 400;
    if (fills === 0) singles.push(trade({ id: id++, ms, qty: "9.000", market: false }));
    const from = id;
    for (let fill = 0; fill < fills; fill += 1) singles.push(trade({ id: id++, ms, qty: `0.00${fill + 1}` }));
    const a = 7 + aggregates.length;
    if (fills > 0) aggregates.push(live(aggregate({ a, from, to: id - 1, ms, qty: ((fills * (fills + 1)) / 2 / 1_000).toFixed(3) }), a));
  });
  return { singles, aggregates };
}

/** Interleaves both streams: `lag` aggregates (or, when negative, trades) come later than they would. */
function logOf({ singles, aggregates }: Market, fold: "trade" | "aggTrade", lag = 0, both = true): LogBuilder {
  const log = new LogBuilder().config(T0, {
    intervals: ["1s"], folds: { "binance-usdm:BTCUSDT": fold }, symbols: [{ ...BTC, channels: both ? ["trade", "aggTrade"] : [fold] }],
  });
  const all = [
    ...singles.map((event, index) => ({ event, stream: TRADES, at: event.eventMs + (lag < 0 ? -lag : 0), index })),
    ...aggregates.map((event, index) => ({ event, stream: AGGREGATES, at: event.eventMs + (lag > 0 ? lag : 0), index })),
  ].sort((a, b) => a.at - b.at || a.index - b.index);
  for (const { event, stream, at } of all) if (both || stream.channel === fold) log.trades(at + 10, [event], { stream });
  return log.control(T0 + 1_000_000, { kind: "end_of_input", reason: "test" });
}

const told = (run: Run): readonly string[] => run.outputs.flatMap((output) => (output.kind === "lane" && output.event.kind === "cross-check" ? [output.event.detail] : []));
const values = (run: Run): unknown => run.history.versions.map((version) => version.values);

describe("two streams of one market", () => {
  it("agree, however they are interleaved, and bars are those of the fold alone", () => {
    fc.assert(fc.property(fc.array(fc.nat(4), { minLength: 1, maxLength: 30 }), fc.constantFrom("trade" as const, "aggTrade" as const), fc.constantFrom(-900, 0, 900), (takers, fold, lag) => {
      const market = marketOf(takers);
      const run = feed(start(), logOf(market, fold, lag).entries);
      expect(told(run)).toEqual([]);
      expect(run.canonicalizer.counts.crossDisagreed).toBe(0);
      // Those that wait for a single trade when the log ends stay unchecked.
      if (lag > 0 || fold === "aggTrade") expect(run.canonicalizer.counts.crossChecked).toBe(market.aggregates.length);
      expect(values(run)).toEqual(values(feed(start(), logOf(market, fold, lag, false).entries)));
    }));
  });

  it("disagree in size, or in which trades are market trades: said once per doubling, bars unchanged", () => {
    for (const fold of ["trade", "aggTrade"] as const) {
      const market = marketOf([2, 1, 3, 0, 2, 1]);
      const [first, second, third, ...rest] = market.aggregates;
      const wrong = { ...market, aggregates: [first!, { ...second!, qty: first!.qty }, third!, ...rest] };
      const run = feed(start(), logOf(wrong, fold, 900).entries);
      expect(told(run)).toEqual([expect.stringMatching(/trades 102…102 are 0.001 one by one, 0.003 aggregated \(1 of 2 compared\)/)]);
      const hidden = { ...market, singles: market.singles.map((one) => ({ ...one, market: true })) };
      expect(told(feed(start(), logOf(hidden, fold, 900).entries))).toEqual([expect.stringMatching(/trades 106…108 are 9.003 one by one, 0.003 aggregated/)]);
    }
  });

  it("where a trade was missed nothing is claimed", () => {
    const market = marketOf([2, 3, 1]);
    const lost = { ...market, singles: market.singles.filter((one) => one.sequenceId !== 103) };
    const run = feed(start(), logOf(lost, "trade", 900).entries);
    expect(told(run)).toEqual([]);
    expect(run.canonicalizer.counts.crossChecked).toBe(2);
  });
});
