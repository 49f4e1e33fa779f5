// Any log at all, however odd its control records: nothing throws, states restore, parts are as good as wholes, `atSeq` never falls.
import fc from "fast-check";
import { expect, it } from "vitest";
import type { CanonicalOutput } from "../../shared/candles.ts";
import type { ControlRecord } from "../../shared/control.ts";
import { dec } from "../../shared/decimal.ts";
import { streamRef, type MarketEvent, type TradeEvent } from "../../shared/market.ts";
import { BTC, LogBuilder, TRADES, aggregate, feed, start, trade, type Entry } from "./canonical.testkit.ts";

const T0 = Date.UTC(2026, 0, 5, 23, 59, 30);
const STREAM = TRADES.streamId;
const OTHER = streamRef(BTC.venue, BTC.symbol, "aggTrade");
const BOTH = [{ ...BTC, channels: ["trade", "aggTrade"] }];
const venue = "binance-usdm";

const connection = fc.constantFrom("test.1", "test.2", "test.3");
const ids = fc.record({ from: fc.nat(60), length: fc.nat(6) });
const control: fc.Arbitrary<ControlRecord> = fc.oneof(
  connection.map((name): ControlRecord => ({ kind: "connect", venue, connection: name, url: "ws://x", streams: [STREAM] })),
  connection.map((name): ControlRecord => ({ kind: "disconnect", venue, connection: name, code: 1006, cause: "x", detail: "", streams: [STREAM] })),
  connection.map((name): ControlRecord => ({ kind: "disconnect", venue, connection: name, code: 1000, cause: "stopped", detail: "", streams: [STREAM] })),
  fc.nat(2_000).map((offset): ControlRecord => ({ kind: "tick", venue, offset_ns: BigInt(offset) * 1_000_000n, error_ns: 50_000_000n })),
  fc.constant<ControlRecord>({ kind: "stopped", reason: "x" }),
  fc.constant<ControlRecord>({ kind: "started", version: "1", clean: false, downtime_from_ns: BigInt(T0) * 1_000_000n }),
  fc.constant<ControlRecord>({ kind: "host_slept", wall_jump_ms: 1, cause: "x" }),
  fc.constant<ControlRecord>({ kind: "stale", venue, connection: "test.1", stream_id: STREAM, cause: "silent" }),
  fc.constant<ControlRecord>({ kind: "quarantine", stream_id: STREAM, cause: "x", from_seq: 1, to_seq: 2 }),
  fc.constant<ControlRecord>({ kind: "recovered", lost_from_seq: 1, lost_to_seq: 2, cut_bytes: 3, aside: "x", cause: "x" }),
  fc.constant<ControlRecord>({ kind: "reopen", stream_id: STREAM, reason: "x" }),
  fc.constant<ControlRecord>({ kind: "end_of_input", reason: "x" }),
  ids.map(({ from, length }): ControlRecord => ({ kind: "backfill_begun", stream_id: STREAM, from_id: from, to_id: from + length, attempt: 1 })),
  fc.record({ ids, outcome: fc.constantFrom("repaired" as const, "partly" as const, "unresolved" as const) }).map(
    ({ ids: { from, length }, outcome }): ControlRecord => ({ kind: "backfill_done", stream_id: STREAM, from_id: from, to_id: from + length, attempt: 2, outcome, detail: "x" }),
  ),
  fc.constantFrom<ControlRecord>(
    { kind: "backfill_begun", stream_id: STREAM, from_ms: T0, to_ms: T0 + 9_000, attempt: 1 }, { kind: "backfill_begun", stream_id: STREAM, attempt: 1 },
    { kind: "backfill_done", stream_id: STREAM, from_ms: T0, to_ms: T0 + 60_000, attempt: 1, outcome: "partly", detail: "x" },
  ),
);

type Step =
  | { readonly kind: "trade"; readonly id: number; readonly ms: number; readonly jitter: number; readonly name: string; readonly rest: boolean; readonly conflict: boolean; readonly market: boolean; readonly named: boolean }
  | { readonly kind: "aggregate"; readonly from: number; readonly length: number }
  | { readonly kind: "page"; readonly from: number; readonly length: number }
  | { readonly kind: "candle"; readonly volume: number; readonly final: boolean; readonly name: string }
  | { readonly kind: "junk"; readonly name: string }
  | { readonly kind: "control"; readonly control: ControlRecord }
  | { readonly kind: "config"; readonly channel: string; readonly lateness: number; readonly slow: boolean };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({
    kind: fc.constant("trade" as const), id: fc.nat(60), ms: fc.nat(400), jitter: fc.constantFrom(0, 0, 0, -2_000, 90_000_000), name: connection,
    rest: fc.integer({ min: 0, max: 4 }).map((n) => n === 0), conflict: fc.integer({ min: 0, max: 60 }).map((n) => n === 0),
    market: fc.integer({ min: 0, max: 9 }).map((n) => n !== 0), named: fc.integer({ min: 0, max: 40 }).map((n) => n !== 0),
  }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("aggregate" as const), from: fc.nat(60), length: fc.nat(4) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("page" as const), from: fc.nat(60), length: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("candle" as const), volume: fc.nat(5), final: fc.boolean(), name: connection }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("junk" as const), name: connection }) },
  { weight: 4, arbitrary: control.map((one) => ({ kind: "control" as const, control: one })) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("config" as const), channel: fc.constantFrom("trade", "trade", "trade", "aggTrade"), lateness: fc.constantFrom(0, 3_000), slow: fc.boolean() }) },
);

const JUNK = streamRef(BTC.venue, "_", "unclassified");
const CANDLES = streamRef(BTC.venue, BTC.symbol, "kline_1m");

function bareOf(event: TradeEvent): TradeEvent {
  return { ...event, sequenceId: undefined, firstTradeId: undefined, lastTradeId: undefined };
}

function candle(openMs: number, volume: number, final: boolean): MarketEvent {
  const price = dec("100.00");
  return {
    kind: "venue_candle", eventMs: openMs + 60_000, eventSubNs: 0, interval: "1m", openMs, open: price, high: price, low: price, close: price, volume: dec(`${volume}`),
    quoteVolume: undefined, tradeCount: volume, final, opensWithTrade: volume % 2 === 0,
  };
}

/** Ids rise with the steps, give or take; times follow ids, so that repeats of an id agree unless they are told not to. */
function logOf(steps: readonly Step[]): readonly Entry[] {
  const log = new LogBuilder().config(T0, { intervals: ["1s", "1m", "1d"], symbols: BOTH });
  const timeOf = (id: number): number => T0 + id * 300;
  steps.forEach((one, index) => {
    const base = Math.floor(index / 2);
    const atMs = timeOf(base) + 40;
    if (one.kind === "control") log.control(atMs, one.control);
    else if (one.kind === "page") log.trades(atMs, Array.from({ length: one.length }, (_, n) => bareOf(trade({ id: one.from + one.length - n, ms: timeOf(one.from + one.length - n) }))), { source: "rest_backfill" });
    else if (one.kind === "candle") log.trades(atMs, [candle(Math.floor((atMs - 60_000) / 60_000) * 60_000, one.volume, one.final)], { stream: CANDLES, connection: one.name });
    else if (one.kind === "junk") log.add({ stream: JUNK, atMs, outcome: { kind: "refused", code: "malformed-json", detail: "x" }, connection: one.name });
    else if (one.kind === "config") {
      log.config(atMs, { symbols: one.slow ? BOTH : [], intervals: one.slow ? ["1m"] : ["1s", "1m", "1d"], lateness_ms: one.lateness, folds: { "binance-usdm:BTCUSDT": one.channel } });
    } else if (one.kind === "aggregate") {
      log.trades(atMs, [aggregate({ a: one.from, from: one.from, to: one.from + one.length, ms: timeOf(one.from), qty: "9.000" })], { source: "rest_backfill" });
    } else {
      const id = one.rest ? one.id : base + (one.id % 5);
      const event = trade({ id, ms: timeOf(id) + one.jitter, qty: one.conflict ? "7.777" : "1.000", market: one.market });
      const bare = one.named ? event : bareOf(event);
      log.trades(atMs, [bare, trade({ id: id + 1, ms: timeOf(id + 1) })], one.rest ? { source: "rest_backfill" } : { connection: one.name });
      if (one.ms % 3 === 0) log.quote(atMs);
      if (one.ms % 2 === 0) log.trades(atMs, [{ ...aggregate({ a: base, from: id - 1, to: id + 1, ms: timeOf(id), qty: "3.000" }), sequenceId: base }], { stream: OTHER, connection: one.name });
    }
  });
  return log.entries;
}

it("holds for any log", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 90 }), fc.nat(), (steps, where) => {
      const entries = logOf(steps);
      const straight = feed(start(), entries);
      const k = where % entries.length;
      const first = feed(start(), entries.slice(0, k));
      const entry = entries[k];
      if (entry?.outcome?.kind === "events" && entry.outcome.events.length > 1) {
        first.canonicalizer.apply(entry.record, entry.outcome, { from: 0, until: 1 });
        first.outputs.push(...first.canonicalizer.drain());
      }
      const snapshot = first.canonicalizer.snapshot();
      const before = first.canonicalizer.digest();
      const finish = (prepare: (run: ReturnType<typeof start>) => void): readonly CanonicalOutput[] => {
        const run = start({}, first.history.upTo(versionsAtK));
        prepare(run);
        if (entry !== undefined) {
          const length = entry.outcome?.kind === "events" ? entry.outcome.events.length : 0;
          run.canonicalizer.apply(entry.record, entry.outcome, { from: length > 1 ? 1 : 0, until: length });
          run.outputs.push(...run.canonicalizer.drain());
        }
        feed(run, entries.slice(k + 1));
        expect(run.canonicalizer.digest()).toBe(straight.canonicalizer.digest());
        return [...first.outputs, ...run.outputs];
      };
      const versionsAtK = first.history.versions.length;
      const saved = first.canonicalizer.save();
      expect(finish((run) => run.canonicalizer.restore(snapshot))).toEqual(straight.outputs);
      expect(finish((run) => run.canonicalizer.load(saved))).toEqual(straight.outputs);
      // Snapshots are immutable: what others did with it since has not reached the one that made it.
      expect(first.canonicalizer.digest()).toBe(before);
      expect(straight.outputs.every((output, index) => index === 0 || seqOf(output) >= seqOf(straight.outputs[index - 1] ?? output))).toBe(true);
    }),
    { numRuns: 200 },
  );
});

function seqOf(output: CanonicalOutput): number {
  switch (output.kind) {
    case "bar":
      return output.bar.atSeq;
    case "candidate":
      return output.candidate.atSeq;
    case "grade":
      return output.grade.atSeq;
    case "gap":
      return output.gap.atSeq;
    case "lane":
      return output.event.atSeq;
    case "confirmation":
      return output.confirmation.atSeq;
    case "stream":
    case "cut":
      return output.atSeq;
  }
}
