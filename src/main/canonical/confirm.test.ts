// Venues' own candles against sealed bars: what is compared, when, and that nothing of it ever changes a bar.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BarConfirmation } from "../../shared/candles.ts";
import { dec } from "../../shared/decimal.ts";
import { streamRef, type VenueCandleEvent } from "../../shared/market.ts";
import { CANDLES_MAX } from "./confirm.ts";
import { BTC, LogBuilder, derive, trade, type Run } from "./canonical.testkit.ts";

const T0 = Date.UTC(2026, 0, 5, 12, 0, 0);
const KLINES = streamRef(BTC.venue, BTC.symbol, "kline_1m");

interface Facts { readonly open?: string; readonly high?: string; readonly low?: string; readonly close?: string; readonly volume?: string; readonly quote?: string; readonly count?: number; readonly final?: boolean; readonly opensWithTrade?: boolean; readonly minute?: number }

/** The candle of the minute that `minuteOfTrades` folds, unless told otherwise. */
function candle(facts: Facts = {}): VenueCandleEvent {
  const { open = "100.0", high = "103", low = "99.00", close = "101.00", volume = "3", quote = "303.00", count, final = true, opensWithTrade = true, minute = 0 } = facts;
  const openMs = T0 + minute * 60_000;
  return {
    kind: "venue_candle", eventMs: openMs + 60_000, eventSubNs: 0, interval: "1m", openMs, open: dec(open), high: dec(high), low: dec(low), close: dec(close),
    volume: dec(volume), quoteVolume: dec(quote), tradeCount: count, final, opensWithTrade,
  };
}
const say = (log: LogBuilder, facts: Facts = {}, atMs = T0 + 60_050, connection = "k"): LogBuilder => log.trades(atMs, [candle(facts)], { stream: KLINES, connection });

function minuteOfTrades(): LogBuilder {
  const log = new LogBuilder().config(T0 - 1_000, { intervals: ["1s", "1m"] });
  ["100.00", "103.00", "99.00"].forEach((price, index) => log.trades(T0 + index * 1_000, [trade({ id: index + 1, ms: T0 + index * 1_000, price })]));
  return log;
}
/** One more that is no market trade, hence in no candle. */
const closed = (log: LogBuilder): LogBuilder => log.trades(T0 + 59_000, [trade({ id: 4, ms: T0 + 59_000, price: "101.00", qty: "0.000", market: false })]);
/** A trade of the next minute that seals it. */
const sealed = (log: LogBuilder): LogBuilder => log.trades(T0 + 64_000, [trade({ id: 5, ms: T0 + 64_000, price: "101.00" })]);

const said = (run: Run): readonly BarConfirmation[] => run.outputs.flatMap((output) => (output.kind === "confirmation" ? [output.confirmation] : []));
const brief = (run: Run): unknown => said(run).map(({ revision, result, fields }) => [revision, result, fields.map(({ field }) => field)]);
/** What the venue says of exactly these trades. */
const REAL: Facts = { close: "99.00", quote: "302.00", volume: "3.000" };

describe("a venue's final candle", () => {
  it("is held against the bar when both are there, whichever came first, by value and not by digits", () => {
    expect(brief(derive(sealed(say(closed(minuteOfTrades()), REAL))))).toEqual([[1, "equal", []]]);
    const late = derive(say(sealed(closed(minuteOfTrades())), { ...REAL, count: 3 }, T0 + 64_500));
    expect(said(late)).toMatchObject([{ key: { interval: "1m", openMs: T0 }, revision: 1, result: "equal", streamId: KLINES.streamId, candleSeq: 7, atSeq: 7 }]);
  });

  it("says each field that differs, with both texts", () => {
    const run = derive(sealed(say(minuteOfTrades(), { open: "100.5", high: "104", low: "98", close: "98.5", volume: "4", quote: "1", count: 9 })));
    expect(brief(run)).toEqual([[1, "differs", ["open", "high", "low", "close", "volume", "quoteVolume", "tradeCount"]]]);
    expect(said(run)[0]?.fields[0]).toEqual({ field: "open", ours: "100.00", venues: "100.5" });
    expect(said(run)[0]?.fields.at(-1)).toEqual({ field: "tradeCount", ours: "3", venues: "9" });
  });

  it("whose open is the close before leaves the open out, and takes its open for an extreme only where it is one", () => {
    const judge = (facts: Facts): unknown => brief(derive(sealed(say(minuteOfTrades(), { ...REAL, opensWithTrade: false, ...facts }))));
    expect(judge({ open: "42" })).toEqual([[1, "equal", []]]);
    expect(judge({ open: "107", high: "107" })).toEqual([[1, "equal", []]]);
    expect(judge({ open: "97", low: "97" })).toEqual([[1, "equal", []]]);
    expect(judge({ open: "107", high: "108" })).toEqual([[1, "differs", ["high"]]]);
    // Ours reach beyond the venue's: no open explains that.
    expect(judge({ open: "102", high: "102" })).toEqual([[1, "differs", ["high"]]]);
    expect(judge({ open: "99.5", low: "99.5" })).toEqual([[1, "differs", ["low"]]]);
  });

  it("counts once by two legs, counts again when the venue corrects itself, and not at all before it is final", () => {
    const twice = say(say(say(minuteOfTrades(), { ...REAL, final: false, volume: "1" }), REAL), REAL, T0 + 60_060, "k2");
    expect(brief(derive(sealed(twice)))).toEqual([[1, "equal", []]]);
    const corrected = say(sealed(say(minuteOfTrades(), REAL)), { ...REAL, volume: "5" }, T0 + 65_000);
    expect(brief(derive(corrected))).toEqual([[1, "equal", []], [1, "differs", ["volume"]]]);
    expect(brief(derive(sealed(say(minuteOfTrades(), { final: false }))))).toEqual([]);
    expect(brief(derive(sealed(say(minuteOfTrades(), { minute: 3 }))))).toEqual([]);
  });

  it("is judged again when the bar is revised", () => {
    const log = sealed(say(minuteOfTrades(), { ...REAL, volume: "4", quote: "402.00" }));
    log.trades(T0 + 64_100, [trade({ id: 4, ms: T0 + 1_500, price: "100.00" })]).trades(T0 + 70_000, [trade({ id: 6, ms: T0 + 70_000 })]);
    expect(brief(derive(log))).toEqual([[1, "differs", ["volume", "quoteVolume"]], [2, "equal", []]]);
  });

  it("never changes a bar, a grade or a gap, and memory of it is bounded", () => {
    const plain = sealed(closed(minuteOfTrades()));
    const other = sealed(say(closed(minuteOfTrades()), { open: "1", close: "2", volume: "9" }));
    const rest = (run: Run): unknown => run.history.versions.map(({ values, revision }) => [values, revision]);
    expect(rest(derive(other))).toEqual(rest(derive(plain)));
    expect(derive(other).outputs.filter(({ kind }) => kind === "gap" || kind === "grade").length).toBe(derive(plain).outputs.filter(({ kind }) => kind === "gap" || kind === "grade").length);
    const many = minuteOfTrades();
    for (let minute = 0; minute < CANDLES_MAX * 2; minute += 1) say(many, { minute }, T0 + (minute + 1) * 60_000);
    const saved = JSON.parse(new TextDecoder().decode(derive(many).canonicalizer.save())) as { readonly folds: readonly { readonly candles: readonly unknown[] }[] };
    expect(saved.folds[0]?.candles.length).toBe(CANDLES_MAX);
  });

  it("of exactly our trades is always equal", () => {
    const fact = fc.record({ price: fc.integer({ min: 90, max: 110 }), size: fc.integer({ min: 1, max: 50 }) });
    fc.assert(fc.property(fc.array(fact, { minLength: 1, maxLength: 20 }), fc.boolean(), fc.integer({ min: 80, max: 120 }), (facts, opensWithTrade, before) => {
      const log = new LogBuilder().config(T0 - 1_000, { intervals: ["1m"] });
      facts.forEach(({ price, size }, index) => log.trades(T0 + index * 100, [trade({ id: index + 1, ms: T0 + index * 100, price: `${price}.0`, qty: `0.${String(size).padStart(2, "0")}` })]));
      const prices = facts.map(({ price }) => price);
      const reach = opensWithTrade ? prices : [...prices, before];
      const hundredths = (of: number): string => `${Math.floor(of / 100)}.${String(of % 100).padStart(2, "0")}`;
      say(log, {
        open: String(opensWithTrade ? prices[0] : before), high: String(Math.max(...reach)), low: String(Math.min(...reach)), close: String(prices.at(-1)), opensWithTrade,
        volume: hundredths(facts.reduce((sum, { size }) => sum + size, 0)), quote: hundredths(facts.reduce((sum, { price, size }) => sum + price * size, 0)), count: facts.length,
      });
      expect(brief(derive(log.trades(T0 + 64_000, [trade({ id: facts.length + 1, ms: T0 + 64_000 })])))).toEqual([[1, "equal", []]]);
    }));
  });
});
