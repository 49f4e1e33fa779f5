// One rule each: gaps and their states, sealing, late trades, conflicts, restarts, implausible times, changes of configuration.
import { describe, expect, it } from "vitest";
import { FaultError } from "../../shared/base.ts";
import type { GapEntry } from "../../shared/candles.ts";
import type { ControlRecord } from "../../shared/control.ts";
import { CHAIN_START, chainNext, leafOf, toHex } from "../../shared/leaf.ts";
import { formatDecimal } from "../../shared/decimal.ts";
import { streamRef } from "../../shared/market.ts";
import { barLine, digestOf, vwapOf } from "./artifact.ts";
import { BTC, LogBuilder, TRADES, aggregate, derive, feed, sha256, start, trade, type Run } from "./canonical.testkit.ts";
import { CANONICALIZER_VERSION } from "./types.ts";

const T0 = Date.UTC(2026, 0, 5, 12, 0, 0);
const STREAM = TRADES.streamId;

const disconnect: ControlRecord = { kind: "disconnect", venue: "binance-usdm", connection: "test.1", code: 1006, cause: "closed", detail: "", streams: [STREAM] };
const connect = (connection: string): ControlRecord => ({ kind: "connect", venue: "binance-usdm", connection, url: "ws://x", streams: [STREAM] });
const begun: ControlRecord = { kind: "backfill_begun", stream_id: STREAM, from_id: 3, to_id: 5, attempt: 1 };
const done = (outcome: "repaired" | "partly" | "unresolved"): ControlRecord => ({ kind: "backfill_done", stream_id: STREAM, from_id: 3, to_id: 5, attempt: 1, outcome, detail: "asked" });
const tick = (): ControlRecord => ({ kind: "tick", venue: "binance-usdm", offset_ns: 1_000_000_000n, error_ns: 50_000_000n });

const live = (log: LogBuilder, id: number, ms: number, connection = "test.1"): LogBuilder => log.trades(ms + 10, [trade({ id, ms })], { connection });

function gapStates(run: Run): readonly (readonly [string, GapEntry["state"], number | undefined])[] {
  return run.outputs.flatMap((output) => (output.kind === "gap" ? [[output.gap.gapId.split(":").at(-1) ?? "", output.gap.state, output.gap.missing] as const] : []));
}
function gradesOf(run: Run, interval: string): readonly (readonly [number, number, string])[] {
  return run.outputs.flatMap((output) =>
    output.kind === "grade" && output.grade.interval === interval
      ? [[(output.grade.fromOpenMs - T0) / 1_000, (output.grade.untilOpenMs - T0) / 1_000, output.grade.grade] as const] : [],
  );
}
function versions(run: Run, interval: string): readonly (readonly [number, number, string, number])[] {
  return run.history.versions.filter(({ key }) => key.interval === interval)
    .map(({ key, revision, reason, values }) => [(key.openMs - T0) / 1_000, revision, reason, values.tradeCount] as const);
}
function log1s(): LogBuilder {
  return new LogBuilder().config(T0, { intervals: ["1s"] });
}

describe("gaps", () => {
  it("a hole opens before anything depends on it, is backfilled in one revision per bar, and ends repaired", () => {
    const log = log1s();
    live(live(log, 1, T0 - 900), 2, T0 + 100);
    live(live(log, 6, T0 + 1_100), 7, T0 + 2_100);
    log.control(T0 + 2_200, begun);
    live(log, 8, T0 + 5_300);
    log.trades(T0 + 5_400, [trade({ id: 3, ms: T0 + 300 }), trade({ id: 4, ms: T0 + 400 })], { source: "rest_backfill" });
    live(log, 9, T0 + 9_900);
    log.trades(T0 + 9_950, [trade({ id: 5, ms: T0 + 500 })], { source: "rest_backfill" }).control(T0 + 9_960, done("repaired"));
    const run = derive(log);
    expect(gapStates(run)).toEqual([["trade#3", "open", 3], ["trade#3", "backfilling", 3], ["trade#3", "repaired", 0]]);
    expect(versions(run, "1s").filter(([open]) => open === 0)).toEqual([[0, 1, "watermark", 1], [0, 2, "gap_backfill", 4]]);
    const grades = gradesOf(run, "1s").filter(([open]) => open === 0).map(([, , grade]) => grade);
    expect(grades).toEqual(["partial", "repaired"]);
    expect(gradesOf(run, "1s").filter(([from, until]) => from <= 1 && until > 1)).toEqual([[0, 2, "partial"], [1, 2, "proved"]]);
    const revised = run.history.versions.at(-1);
    expect(revised?.diff.map(({ field, before, after }) => [field, before, after])).toContainEqual(["volume", "1.000", "4.000"]);
    expect(revised?.provenance.length).toBe(3);
  });

  it("given up it is GAP_UNRESOLVED, and a still later repair lifts it", () => {
    const log = log1s();
    live(live(log, 1, T0 - 900), 2, T0 + 100);
    live(live(log, 6, T0 + 3_100), 7, T0 + 9_000);
    log.control(T0 + 9_100, begun).control(T0 + 9_200, done("unresolved"));
    const before = derive(log);
    expect(gapStates(before).at(-1)).toEqual(["trade#3", "GAP_UNRESOLVED", 3]);
    expect(gradesOf(before, "1s").slice(-3)).toEqual([[0, 1, "unresolved"], [1, 3, "GAP_UNRESOLVED"], [3, 4, "unresolved"]]);
    log.trades(T0 + 9_300, [3, 4, 5].map((id) => trade({ id, ms: T0 + 1_500 })), { source: "rest_backfill" });
    live(log, 8, T0 + 20_000);
    const after = derive(log);
    expect(gapStates(after).at(-1)).toEqual(["trade#3", "repaired", 0]);
    expect(versions(after, "1s").filter(([open]) => open === 1)).toEqual([[1, 1, "gap_backfill", 3]]);
    expect(gradesOf(after, "1s")).toEqual(expect.arrayContaining([[0, 1, "proved"], [1, 2, "repaired"], [2, 3, "empty_proved"], [3, 4, "proved"]]));
  });

  it("a disconnect is judged by ids: nothing missed, or a hole with its ids", () => {
    for (const [next, expected] of [[3, [["trade#3", "open", undefined], ["trade#3", "repaired", 0]]], [6, [["trade#3", "open", undefined], ["trade#3", "open", 3]]]] as const) {
      const log = log1s().control(T0 - 1_000, connect("test.1"));
      live(live(log, 1, T0 - 900), 2, T0 + 100).control(T0 + 500, disconnect).control(T0 + 600, connect("test.2"));
      live(log, next, T0 + 1_000, "test.2");
      expect(gapStates(derive(log))).toEqual(expected);
    }
  });

  it("one leg of two may go without a gap", () => {
    const log = log1s().control(T0 - 1_000, connect("test.1"));
    live(live(log, 1, T0 - 900), 2, T0 + 100).control(T0 + 400, connect("test.2")).control(T0 + 500, disconnect);
    live(log, 3, T0 + 1_000, "test.2");
    expect(gapStates(derive(log))).toEqual([]);
  });

  it("a restart after a stop does not seal, and shows the downtime", () => {
    const log = log1s();
    live(live(log, 1, T0 - 900), 2, T0 + 100).control(T0 + 200, { kind: "stopped", reason: "quit" });
    log.control(T0 + 60_000, { kind: "started", version: "1", clean: true, downtime_from_ns: BigInt(T0 + 200) * 1_000_000n });
    live(log, 9, T0 + 60_500, "test.2");
    const run = derive(log);
    expect(gapStates(run)).toEqual([["trade#3", "open", undefined], ["trade#3", "open", 6]]);
    expect(gradesOf(run, "1s").at(-1)).toEqual([1, 57, "missing"]);
  });

  it("suppression needs the sizes of the trades seen: forgotten ones are not guessed", () => {
    const log = log1s();
    for (let id = 1; id <= 10; id += 1) live(log, id, T0 + id);
    for (let id = 12; id < 2_400; id += 1) live(log, id, T0 + 20 + id);
    log.trades(T0 + 5_000, [aggregate({ a: 1, from: 10, to: 11, ms: T0 + 10, qty: "2.000" })], { source: "rest_backfill" });
    const run = derive(log);
    expect(run.canonicalizer.counts).toMatchObject({ excluded: 1, gapsOpen: 1 });
    expect(run.canonicalizer.gradeOf({ ...BTC, interval: "1s", openMs: T0 })?.grade).toBe("partial");
  });

  it("trades left out between consecutive aggregates are no market trades: nothing is missing", () => {
    const log = log1s();
    live(live(log, 1, T0 - 900), 2, T0 + 100);
    live(log, 6, T0 + 1_000);
    log.trades(T0 + 1_100, [aggregate({ a: 7, from: 3, to: 3, ms: T0 + 200, qty: "1" }), aggregate({ a: 8, from: 5, to: 6, ms: T0 + 1_000, qty: "2" })], { source: "rest_backfill" });
    const run = derive(log);
    expect(run.canonicalizer.counts).toMatchObject({ gapsOpen: 0, nonMarket: 1 });
  });
});

describe("sealing", () => {
  it("a quiet bar seals on a corrected tick, is likely until the next id proves it, and empty seconds are missing until then", () => {
    const log = log1s();
    live(live(log, 1, T0 - 900), 2, T0 + 100).control(T0 + 3_050, tick());
    const quiet = derive(log);
    expect(versions(quiet, "1s")).toEqual([[-1, 1, "clock_tick", 1], [0, 1, "clock_tick", 1]]);
    log.control(T0 + 5_050, tick());
    live(log, 3, T0 + 6_500);
    const run = derive(log);
    expect(gradesOf(run, "1s").filter(([open]) => open >= 0)).toEqual([
      [0, 1, "likely"], [1, 3, "missing"], [0, 1, "proved"], [1, 3, "empty_proved"],
    ]);
    expect(run.canonicalizer.gradeOf({ ...BTC, interval: "1s", openMs: T0 + 1_000 })?.grade).toBe("empty_proved");
  });

  it("REST trades and unbelievable times never move the watermark", () => {
    const log = log1s();
    live(log, 1, T0 + 100);
    log.trades(T0 + 200, [trade({ id: 2, ms: T0 + 50_000 })], { source: "rest_backfill" });
    log.trades(T0 + 300, [trade({ id: 3, ms: T0 + 40 * 3_600_000 })]);
    const run = derive(log);
    expect(versions(run, "1s")).toEqual([]);
    expect(run.canonicalizer.counts.excluded).toBe(1);
    expect(run.canonicalizer.open(BTC, "1s").map(({ key }) => key.openMs)).toEqual([T0, T0 + 50_000]);
  });

  it("a refused message of the stream leaves it in doubt until ids show that nothing is missing", () => {
    const log = log1s();
    live(live(log, 1, T0 - 900), 2, T0 + 100);
    log.add({ stream: TRADES, atMs: T0 + 200, outcome: { kind: "refused", code: "malformed-json", detail: "no JSON" } });
    live(log, 4, T0 + 300);
    const run = derive(log);
    expect(gapStates(run)).toEqual([["trade#3", "open", undefined], ["trade#3", "open", 1]]);
    expect(run.outputs.find(({ kind }) => kind === "gap")).toMatchObject({ gap: { cause: "quarantine" } });
  });

  it("without ids a covered bar is unprovable, and a disconnect that no page reaches over can never be proved harmless", () => {
    const log = log1s().control(T0 - 2_000, connect("test.1"));
    const nameless = (ms: number, text: string, connection = "test.1"): LogBuilder =>
      log.trades(ms + 10, [{ ...trade({ id: 0, ms }), tradeId: text, sequenceId: undefined, firstTradeId: undefined, lastTradeId: undefined }], { connection });
    nameless(T0 - 1_500, "aa");
    nameless(T0 + 100, "ab");
    nameless(T0 + 100, "ab");
    nameless(T0 + 4_100, "ac");
    log.control(T0 + 4_200, disconnect);
    nameless(T0 + 6_200, "ad", "test.2");
    nameless(T0 + 20_000, "ae", "test.2");
    const waiting = derive(log);
    expect(gapStates(waiting)).toEqual([[`trade@${T0 + 4_100}`, "open", undefined], [`trade@${T0 + 4_100}`, "open", undefined]]);
    const asked = { stream_id: STREAM, from_ms: T0 + 4_100, to_ms: T0 + 6_200, attempt: 1 };
    log.control(T0 + 20_100, { kind: "backfill_begun", ...asked }).control(T0 + 20_200, { kind: "backfill_done", ...asked, outcome: "unresolved", detail: "no answer" });
    const run = derive(log);
    expect(gapStates(run).at(-1)).toEqual([`trade@${T0 + 4_100}`, "GAP_UNRESOLVED", undefined]);
    const at = (second: number): string | undefined => run.canonicalizer.gradeOf({ ...BTC, interval: "1s", openMs: T0 + second * 1_000 })?.grade;
    expect([0, 4, 5, 6, 7].map(at)).toEqual(["unprovable", "unresolved", "GAP_UNRESOLVED", "unresolved", "missing"]);
    expect(run.canonicalizer.counts.duplicates).toBe(1);
  });

  it("many late trades make one candidate per doubling and one revision with its diff", () => {
    const log = log1s();
    live(live(log, 1, T0 - 900), 2, T0 + 100);
    live(log, 23, T0 + 5_000);
    for (let id = 3; id < 23; id += 1) log.trades(T0 + 5_100, [trade({ id, ms: T0 + 200, price: "101.00" })]);
    live(log, 24, T0 + 8_100);
    const run = derive(log);
    expect(run.outputs.filter(({ kind }) => kind === "candidate").length).toBe(5);
    expect(versions(run, "1s").filter(([open]) => open === 0)).toEqual([[0, 1, "watermark", 1], [0, 2, "late_data", 21]]);
    expect(run.canonicalizer.counts.late).toBe(20);
    const [first, second] = run.history.versions.filter(({ key }) => key.openMs === T0);
    expect(second?.previousDigest).toBe(first?.digest);
  });
});

describe("conflicts", () => {
  it("fail the stream closed until a logged decision, and the time between is a gap", () => {
    const log = log1s();
    live(live(log, 1, T0 - 900), 2, T0 + 100);
    log.trades(T0 + 200, [trade({ id: 2, ms: T0 + 100, qty: "9.000" })]);
    live(log, 3, T0 + 300);
    log.control(T0 + 400, { kind: "reopen", stream_id: STREAM, reason: "venue confirmed" });
    live(log, 4, T0 + 500);
    const run = derive(log);
    expect(run.outputs.flatMap((output) => (output.kind === "stream" ? [output.state] : []))).toEqual(["failed_closed", "reopened"]);
    expect(gapStates(run)).toEqual([["trade#3", "open", undefined], ["trade#3", "open", 1]]);
    expect(run.canonicalizer.counts).toMatchObject({ conflicts: 1, excluded: 1 });
  });

  it("ids that begin anew are a conflict, not endless duplicates", () => {
    const log = log1s();
    for (let id = 1; id < 2_500; id += 1) live(log, id, T0 + id);
    live(log, 1, T0 + 60_000);
    log.control(T0 + 60_100, { kind: "reopen", stream_id: STREAM, reason: "simulator began anew" });
    live(live(log, 2, T0 + 61_000), 3, T0 + 70_000);
    const run = derive(log);
    expect(run.canonicalizer.counts.conflicts).toBe(1);
    expect(versions(run, "1s").at(-1)).toEqual([61, 1, "watermark", 1]);
    expect(run.canonicalizer.gradeOf({ ...BTC, interval: "1s", openMs: T0 + 1_000 })?.grade).toBe("proved");
  });
});

describe("the rest", () => {
  it("out of order or halfway applied records are refused loudly", () => {
    const log = log1s();
    live(live(log, 1, T0), 2, T0 + 1);
    const run = feed(start(), log.entries);
    const [, second] = log.entries;
    expect(() => run.canonicalizer.apply(second!.record, second!.outcome)).toThrow(FaultError);
    const page = log1s().trades(T0, [trade({ id: 1, ms: T0 }), trade({ id: 2, ms: T0 })]);
    const partial = feed(start(), page.entries.slice(0, 1));
    const entry = page.entries[1]!;
    partial.canonicalizer.apply(entry.record, entry.outcome, { from: 0, until: 1 });
    expect(() => partial.canonicalizer.apply(entry.record, entry.outcome)).toThrow(/canonical|out|given/);
    expect(() => partial.canonicalizer.apply(entry.record, entry.outcome, { from: 1, until: 3 })).toThrow(FaultError);
  });

  it("provenance runs chain the leaves of exactly their messages", () => {
    const log = log1s();
    live(live(log, 1, T0 + 100), 2, T0 + 200).quote(T0 + 300);
    live(log, 3, T0 + 1_000).control(T0 + 2_000, { kind: "end_of_input", reason: "test" });
    const run = derive(log);
    let chain = CHAIN_START;
    const values = log.entries.filter(({ record }) => record.stream.streamId === STREAM).map(({ record }) => toHex((chain = chainNext(chain, leafOf(record, sha256), sha256))));
    const [first] = run.history.versions;
    expect(first?.provenance).toEqual([expect.objectContaining({ fromIngestSeq: 1, toIngestSeq: 2, fromSeq: 2, toSeq: 3, base: toHex(CHAIN_START), digest: values[1] })]);
    expect(first?.digest).toBe(digestOf(first!, sha256));
    expect(formatDecimal(vwapOf(first!.values))).toBe("100.000000");
    expect(JSON.parse(barLine(first!, "likely"))).toMatchObject({ open: "100.00", volume: "2.000", state: "sealed", grade: "likely", trade_count: 2 });
  });

  it("another fold stream leaves a gap at the seam and counts nothing twice", () => {
    const log = log1s();
    live(live(log, 1, T0 - 900), 2, T0 + 100);
    log.config(T0 + 200, { intervals: ["1s"], folds: { "binance-usdm:BTCUSDT": "aggTrade" } });
    const stream = streamRef(BTC.venue, BTC.symbol, "aggTrade");
    log.trades(T0 + 300, [trade({ id: 70, ms: T0 + 100 })], { stream }).trades(T0 + 400, [trade({ id: 71, ms: T0 + 350 })], { stream });
    log.trades(T0 + 9_400, [trade({ id: 72, ms: T0 + 9_350 })], { stream });
    const run = derive(log);
    expect(versions(run, "1s").slice(0, 3)).toEqual([[-1, 1, "end_of_input", 1], [0, 1, "end_of_input", 1], [0, 2, "late_data", 2]]);
    expect(run.history.versions[2]?.provenance.map(({ streamId }) => streamId.split(":").at(-1))).toEqual(["trade", "aggTrade"]);
    expect(gapStates(run).map(([, state]) => state)).toEqual(["open", "GAP_UNRESOLVED"]);
  });

  it("a day is cut once it is over and quiet, and again after a revision", () => {
    const day = Date.UTC(2026, 0, 5);
    const log = log1s();
    live(live(log, 1, day + 1_000), 2, day + 86_399_000);
    live(live(log, 4, day + 86_404_000), 5, day + 86_407_000);
    log.trades(day + 86_408_000, [trade({ id: 3, ms: day + 86_399_500 })], { source: "rest_backfill" });
    live(live(log, 6, day + 86_412_000), 7, day + 86_420_000);
    const run = derive(log);
    expect(run.outputs.flatMap((output) => (output.kind === "cut" ? [output.date] : []))).toEqual(["20260105", "20260105"]);
  });

  it("state of another version is refused", () => {
    const run = derive(live(log1s(), 1, T0));
    const saved = new TextDecoder().decode(run.canonicalizer.save());
    const other = new TextEncoder().encode(saved.replace(`"canonicalizer_version":"${CANONICALIZER_VERSION}"`, '"canonicalizer_version":"1"'));
    expect(() => start().canonicalizer.load(other)).toThrow(/canonicalizer 1\/.*derive the capture again/);
    expect(() => start().canonicalizer.load(new Uint8Array([1]))).toThrow(/derive the capture again/);
  });
});
