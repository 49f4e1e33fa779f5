// Venues' candles that count more than came, where ids have no order: when that opens a gap, when it must not, and what settles it.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { GapEntry } from "../../shared/candles.ts";
import type { ControlRecord } from "../../shared/control.ts";
import { dec } from "../../shared/decimal.ts";
import { streamRef, type TradeEvent, type VenueCandleEvent } from "../../shared/market.ts";
import { MINUTES_MAX } from "./candle-gaps.ts";
import { BTC, LogBuilder, TRADES, derive, feed, start, trade, type Run } from "./canonical.testkit.ts";

const T0 = Date.UTC(2026, 0, 5, 12, 0, 0);
const STREAM = TRADES.streamId;
const KLINES = streamRef(BTC.venue, BTC.symbol, "kline_1m");
const LATENESS = 3_000;
const END = T0 + 60_000;

/** Trade n comes 1 s after the one before: n = 0 … 59 are those of the minute. */
const nameless = (n: number, more: Partial<TradeEvent> = {}): TradeEvent => ({
  ...trade({ id: n + 1_000, ms: T0 + n * 1_000 + 500 }), tradeId: `uuid-${n}`, sequenceId: undefined, firstTradeId: undefined, lastTradeId: undefined, ...more,
});
const begin = (): LogBuilder => new LogBuilder().config(T0 - 20_000, { intervals: ["1s", "1m"], lateness_ms: LATENESS }).control(T0 - 15_000, connect);
const connect: ControlRecord = { kind: "connect", venue: BTC.venue, connection: "a", url: "ws://x", streams: [STREAM] };
const live = (log: LogBuilder, from: number, to: number, drop: (n: number) => boolean = () => false): LogBuilder => {
  for (let n = from; n <= to; n += 1) if (!drop(n)) log.trades(T0 + n * 1_000 + 520, [nameless(n)], { connection: "a" });
  return log;
};
const page = (log: LogBuilder, atMs: number, from: number, to: number): LogBuilder =>
  log.trades(atMs, Array.from({ length: to - from + 1 }, (_, index) => nameless(to - index)), { source: "rest_backfill" });

interface Facts { readonly volume?: string; readonly count?: number; readonly minute?: number; readonly final?: boolean }
function candle({ volume = "60", count, minute = 0, final = true }: Facts = {}): VenueCandleEvent {
  const openMs = T0 + minute * 60_000;
  const price = dec("100");
  return { kind: "venue_candle", eventMs: openMs + 60_000, eventSubNs: 0, interval: "1m", openMs, open: price, high: price, low: price, close: price, volume: dec(volume), quoteVolume: undefined, tradeCount: count, final, opensWithTrade: false };
}
const says = (log: LogBuilder, facts: Facts = {}, atMs = T0 + ((facts.minute ?? 0) + 1) * 60_000 + 50): LogBuilder => log.trades(atMs, [candle(facts)], { stream: KLINES, connection: "a" });
const asked = (kind: "backfill_begun" | "backfill_done"): ControlRecord => kind === "backfill_begun"
  ? { kind, stream_id: STREAM, from_ms: T0, to_ms: END, attempt: 1 }
  : { kind, stream_id: STREAM, from_ms: T0, to_ms: END, attempt: 4, outcome: "unresolved", detail: "no answer came" };

function story(run: Run): readonly GapEntry[] {
  return run.outputs.flatMap((output) => (output.kind === "gap" ? [output.gap] : []));
}
const brief = (log: LogBuilder): readonly unknown[] => [...new Map(story(derive(log)).map((gap) => [gap.gapId, gap])).values()].map(({ cause, state, fromMs, toMs }) => [cause, state, fromMs, toMs]);
const OPEN = ["venue_candle", "open", T0, END];
const lost = (n: number): boolean => n === 20 || n === 21;
/** Ten trades before, the minute, and a dozen after: the bar's lateness has passed twice. */
const dropped = (facts: Facts = {}): LogBuilder => live(says(live(begin(), -10, 59, lost), facts), 60, 72);
const gradesOf = (run: Run, openMs: number, interval: "1s" | "1m"): string | undefined => run.canonicalizer.gradeOf({ ...BTC, interval, openMs })?.grade;

describe("a candle that counts more than came", () => {
  it("opens a gap of its minute, with both volumes and both clocks, no sooner than twice the lateness after its end", () => {
    const run = derive(dropped());
    const [gap] = story(run);
    expect(gap).toMatchObject({
      gapId: `${STREAM}@${T0}+1m`, cause: "venue_candle", state: "open", fromMs: T0, toMs: END, fromId: undefined, missing: undefined, fromRecvNs: `${T0}000000`, toRecvNs: `${END}000000`,
      detail: "the venue's candle has volume 60, ours 58.000",
    });
    expect(brief(live(says(live(begin(), -10, 59, lost)), 60, 65))).toEqual([]);
    expect([gradesOf(run, T0, "1m"), gradesOf(run, T0 + 20_000, "1s"), gradesOf(run, T0 - 1_000, "1s"), gradesOf(run, END, "1s")]).toEqual(["partial", "missing", "unprovable", "unprovable"]);
  });

  it("also where it comes late, where nothing of the minute came at all, and where only the count tells", () => {
    expect(brief(says(live(live(begin(), -10, 59, lost), 60, 80), {}, T0 + 81_000))).toEqual([OPEN]);
    expect(brief(live(says(live(begin(), -10, 59, (n) => n >= 0)), 60, 72))).toEqual([OPEN]);
    const [gap] = story(derive(dropped({ volume: "58", count: 60 })));
    expect(gap).toMatchObject({ missing: 2, detail: "the venue's candle has volume 58, ours 58.000, 60 trades to 58" });
  });

  it("is repaired by the page that brings the rest, and grades follow", () => {
    const log = page(dropped().control(T0 + 73_000, asked("backfill_begun")), T0 + 73_100, 10, 72).control(T0 + 73_200, { kind: "backfill_done", stream_id: STREAM, from_ms: T0, to_ms: END, attempt: 1, outcome: "repaired", detail: "" });
    const run = derive(log);
    expect(story(run).map(({ state }) => state)).toEqual(["open", "backfilling", "repaired"]);
    expect(story(run).at(-1)).toMatchObject({ missing: 0, attempts: 1, detail: expect.stringMatching(/2 trades were missed and backfilled; volume 60.000 is the venue's$/) as string });
    expect([gradesOf(run, T0, "1m"), gradesOf(run, T0 + 20_000, "1s"), gradesOf(run, T0 + 30_000, "1s")]).toEqual(["repaired", "repaired", "unprovable"]);
    expect(run.canonicalizer.counts.gapsOpen).toBe(0);
  });

  it("is unresolved after the attempts where nothing comes, partly repaired where some does, and repaired by whatever comes later", () => {
    const begun = dropped().control(T0 + 73_000, asked("backfill_begun"));
    const given = begun.control(T0 + 73_200, asked("backfill_done"));
    expect(brief(given)).toEqual([["venue_candle", "GAP_UNRESOLVED", T0, END]]);
    expect([gradesOf(derive(given), T0, "1m"), gradesOf(derive(given), T0 + 20_000, "1s")]).toEqual(["unresolved", "GAP_UNRESOLVED"]);
    expect(brief(live(given.trades(T0 + 80_000, [nameless(20), nameless(21)], { connection: "a" }), 81, 82))).toEqual([["venue_candle", "repaired", T0, END]]);
    const some = page(dropped().control(T0 + 73_000, asked("backfill_begun")), T0 + 73_100, 21, 30);
    expect(brief(some.control(T0 + 73_200, asked("backfill_done")))).toEqual([["venue_candle", "partly_repaired", T0, END]]);
    const half = dropped().control(T0 + 73_000, asked("backfill_begun")).trades(T0 + 73_100, [nameless(22), nameless(21), nameless(19)], { source: "rest_backfill" });
    expect(brief(half.control(T0 + 73_200, asked("backfill_done")))).toEqual([["venue_candle", "partly_repaired", T0, END]]);
  });

  it("settles by a corrected candle too", () => {
    expect(brief(says(dropped(), { volume: "58" }, T0 + 80_000))).toEqual([["venue_candle", "repaired", T0, END]]);
    expect(brief(says(live(says(live(begin(), -10, 59, lost), { volume: "58" }), 60, 72), { volume: "60" }, T0 + 80_000))).toEqual([OPEN]);
  });
});

describe("no gap comes from a candle", () => {
  const none = (log: LogBuilder): void => { expect(brief(log).filter((gap) => (gap as unknown[])[0] === "venue_candle")).toEqual([]); };

  it("that agrees, that counts less, or that is not final", () => {
    none(live(says(live(begin(), -10, 59)), 60, 90));
    none(dropped({ volume: "57" }));
    none(dropped({ final: false }));
    none(dropped({ volume: "58.0" }));
  });

  it("where ids are in order: they tell", () => {
    const log = begin();
    for (let n = -10; n < 80; n += 1) if (!lost(n)) log.trades(T0 + n * 1_000 + 520, [trade({ id: 1_000 + n, ms: T0 + n * 1_000 + 500 })], { connection: "a" });
    expect(brief(says(log, {}, T0 + 80_000)).map((gap) => (gap as unknown[])[0])).toEqual(["id_hole"]);
  });

  it("of a minute in which the recording began, or the stream had not spoken before", () => {
    none(live(says(live(begin(), 5, 59, lost)), 60, 90));
    const quoted = begin().quote(T0 - 5_000);
    none(live(says(live(quoted, 5, 59, lost)), 60, 90));
  });

  it("of a minute whose stream has not gone on since: whether its line lives is not known", () => {
    none(says(live(begin(), -10, 50, (n) => n > 40)).control(END + 30_000, { kind: "tick", venue: BTC.venue, offset_ns: 0n, error_ns: 0n }));
  });

  it("while another gap may hold what is missing; once that is settled it counts", () => {
    const cut = (): LogBuilder => live(begin(), -10, 19).control(T0 + 19_900, { kind: "stale", venue: BTC.venue, connection: "a", stream_id: STREAM, cause: "silent" });
    const whole = (drop: (n: number) => boolean): LogBuilder => live(says(live(cut(), 22, 59, drop)), 60, 90);
    expect(brief(whole(() => false)).map((gap) => (gap as unknown[])[0])).toEqual(["silent"]);
    expect(brief(page(whole(() => false), T0 + 91_000, 10, 90))).toEqual([["silent", "repaired", T0 + 19_500, T0 + 22_500]]);
    // The page reaches over the cut alone: what was dropped later in the minute is not in it.
    expect(brief(live(page(whole((n) => n === 40), T0 + 91_000, 10, 30), 91, 92)).map((gap) => (gap as unknown[]).slice(0, 2))).toEqual([["silent", "repaired"], ["venue_candle", "open"]]);
  });

  it("by block trades that the venue counts and we do not, or the other way round", () => {
    const blocks = (volume: string): LogBuilder => {
      const log = live(begin(), -10, 30).trades(T0 + 30_600, [nameless(1_000, { eventMs: T0 + 30_550, qty: dec("7"), market: false })], { connection: "a" });
      return live(says(live(log, 31, 59), { volume }), 60, 72);
    };
    for (const volume of ["60", "67"]) none(blocks(volume));
    expect(brief(blocks("68"))).toEqual([OPEN]);
    expect(brief(blocks("61"))).toEqual([OPEN]);
  });

  it("by stragglers that come within twice the lateness, nor by doubles", () => {
    const late = live(says(live(begin(), -10, 59, lost)), 60, 64).trades(T0 + 65_000, [nameless(20), nameless(21), nameless(19), nameless(5)], { connection: "a" });
    none(live(late, 65, 90));
  });

  it("while the stream has failed closed", () => {
    const conflict = live(live(begin(), -10, 10).trades(T0 + 10_900, [nameless(10, { qty: dec("9") })], { connection: "a" }), 11, 59);
    none(live(says(conflict), 60, 90));
  });
});

describe("what is kept", () => {
  it("is bounded, and comes back from bytes and snapshots at any record", () => {
    const many = live(begin(), -10, 2);
    for (let minute = 0; minute < MINUTES_MAX + 40; minute += 1) says(many.trades(T0 + minute * 60_000 + 5_020, [nameless(minute * 60 + 5)], { connection: "a" }), { minute, volume: "1000" });
    const saved = JSON.parse(new TextDecoder().decode(derive(many).canonicalizer.save())) as { readonly folds: readonly { readonly minutes: readonly unknown[]; readonly awaited: readonly unknown[] }[] };
    expect(saved.folds[0]?.minutes.length).toBe(MINUTES_MAX);
    expect(saved.folds[0]?.awaited.length).toBeLessThanOrEqual(MINUTES_MAX);
    const log = page(dropped().control(T0 + 73_000, asked("backfill_begun")), T0 + 73_100, 10, 72);
    const whole = derive(log);
    for (let at = 60; at < log.entries.length; at += 17) {
      const first = feed(start(), log.entries.slice(0, at));
      const second = start({}, first.history);
      second.canonicalizer.load(first.canonicalizer.save());
      feed(second, log.entries.slice(at));
      expect(second.canonicalizer.digest()).toBe(whole.canonicalizer.digest());
      const third = start({}, first.history.upTo(first.history.versions.length));
      third.canonicalizer.load(first.canonicalizer.save());
      third.canonicalizer.restore(third.canonicalizer.snapshot());
      expect(third.canonicalizer.digest()).toBe(first.canonicalizer.digest());
    }
  });

  it("makes a gap open exactly where volume is missing, in any order of candle, stragglers and pages", () => {
    const way = fc.constantFrom("live", "late", "page", "never");
    fc.assert(fc.property(fc.array(way, { minLength: 30, maxLength: 60 }), fc.constantFrom("early", "due", "after"), fc.boolean(), (ways, when, asksTwice) => {
      const wayOf = (n: number): string => (n >= 0 && n < 60 ? (ways[n] ?? "live") : "live");
      const log = live(begin(), -10, 59, (n) => wayOf(n) !== "live");
      if (when === "early") says(log);
      live(log, 60, 67);
      if (when === "due") says(log, {}, T0 + 68_000);
      const late = Array.from({ length: 60 }, (_, n) => n).filter((n) => wayOf(n) === "late");
      for (const n of late) log.trades(T0 + 68_100, [nameless(n)], { connection: "a" });
      live(log, 68, 72);
      const bring = (): void => {
        log.control(T0 + 73_000, asked("backfill_begun"));
        const events = Array.from({ length: 83 }, (_, index) => 72 - index).filter((n) => wayOf(n) !== "never").map((n) => nameless(n));
        log.trades(T0 + 73_100, events, { source: "rest_backfill" }).control(T0 + 73_200, asked("backfill_done"));
      };
      bring();
      live(log, 74, 80);
      if (when === "after") says(log, {}, T0 + 81_000);
      if (asksTwice) bring();
      live(log, 81, 90);
      const run = derive(log);
      const isMissing = Array.from({ length: 60 }, (_, n) => n).some((n) => wayOf(n) === "never");
      expect(run.canonicalizer.unsettledGaps.length).toBe(isMissing ? 1 : 0);
      expect(run.history.latest({ ...BTC, interval: "1m", openMs: T0 })?.values.tradeCount ?? 0).toBe(Array.from({ length: 60 }, (_, n) => n).filter((n) => wayOf(n) !== "never").length);
    }), { numRuns: 60 });
  });
});
