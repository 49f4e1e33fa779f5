// Stops, crashes and restarts: a stop alone misses nothing, every downtime is one gap, and none is lost to the next crash.
import { describe, expect, it } from "vitest";
import type { GapEntry } from "../../shared/candles.ts";
import type { ControlRecord } from "../../shared/control.ts";
import { BTC, LogBuilder, TRADES, derive, feed, start, trade, type Run } from "./canonical.testkit.ts";

const T0 = Date.UTC(2026, 0, 5, 12, 0, 0);
const STREAM = TRADES.streamId;
const venue = "binance-usdm";

const connect = (connection: string): ControlRecord => ({ kind: "connect", venue, connection, url: "ws://x", streams: [STREAM] });
const disconnect = (connection: string, cause = "stopped"): ControlRecord => ({ kind: "disconnect", venue, connection, code: 1000, cause, detail: "", streams: [STREAM] });
const started = (clean: boolean, downMs: number): ControlRecord => ({ kind: "started", version: "1", clean, downtime_from_ns: BigInt(downMs) * 1_000_000n });
const recovered: ControlRecord = { kind: "recovered", lost_from_seq: 5, lost_to_seq: 9, cut_bytes: 0, aside: "", cause: "no footer" };
const end: ControlRecord = { kind: "end_of_input", reason: "test" };

const live = (log: LogBuilder, id: number, ms: number, connection = "test.1"): LogBuilder => log.trades(ms + 10, [trade({ id, ms })], { connection });
const backfill = (log: LogBuilder, atMs: number, ids: readonly number[]): LogBuilder => log.trades(atMs, ids.map((id) => trade({ id, ms: T0 + 3_000 })), { source: "rest_backfill" });

function twoTrades(): LogBuilder {
  const log = new LogBuilder().config(T0 - 2_000, { intervals: ["1s"] }).control(T0 - 1_900, connect("test.1"));
  return live(live(log, 1, T0 - 900), 2, T0 + 100);
}

/** The ledger as a reader of the journal has it: the last entry of each gap. */
function ledger(run: Run): readonly GapEntry[] {
  const gaps = new Map<string, GapEntry>();
  for (const output of run.outputs) if (output.kind === "gap") gaps.set(output.gap.gapId, output.gap);
  return [...gaps.values()];
}
const brief = (run: Run): unknown => ledger(run).map(({ gapId, cause, state, missing }) => [gapId.split(":").at(-1), cause, state, missing]);

describe("an orderly stop", () => {
  it("opens no gap; what the stop cuts off is not proved, ticks or not", () => {
    const log = twoTrades().control(T0 + 400, disconnect("test.1")).control(T0 + 410, { kind: "stopped", reason: "quit" });
    expect(brief(derive(log))).toEqual([]);
    log.control(T0 + 9_000, { kind: "tick", venue, offset_ns: 0n, error_ns: 0n });
    const run = derive(log);
    expect(brief(run)).toEqual([]);
    const gradeAt = (second: number): string | undefined => run.canonicalizer.gradeOf({ ...BTC, interval: "1s", openMs: T0 + second * 1_000 })?.grade;
    expect([0, 1, 2].map(gradeAt)).toEqual(["partial", "missing", "missing"]);
    const input = derive(twoTrades().control(T0 + 400, disconnect("test.1")).control(T0 + 500, end));
    expect(brief(input)).toEqual([]);
    expect(input.canonicalizer.gradeOf({ ...BTC, interval: "1s", openMs: T0 })?.grade).toBe("partial");
  });

  it("and the restart after it is one downtime gap, settled by ids", () => {
    for (const [next, settled] of [[3, ["trade#3", "downtime", "repaired", 0]], [9, ["trade#3", "downtime", "open", 6]]] as const) {
      const log = twoTrades().control(T0 + 400, disconnect("test.1")).control(T0 + 410, { kind: "stopped", reason: "quit" });
      log.control(T0 + 60_000, started(true, T0 + 410)).control(T0 + 60_100, connect("test.1"));
      live(log, next, T0 + 60_500);
      expect(brief(derive(log))).toEqual([settled]);
    }
  });

  it("that the same run takes back is a gap from when the stream goes on", () => {
    const log = twoTrades().control(T0 + 400, disconnect("test.1"));
    const paused = derive(log);
    const restored = start({}, paused.history.upTo(paused.history.versions.length));
    restored.canonicalizer.load(paused.canonicalizer.save());
    const rest = new LogBuilder();
    rest.entries.push(...log.entries);
    rest.control(T0 + 5_000, connect("test.2"));
    live(rest, 6, T0 + 5_500, "test.2");
    const whole = derive(rest);
    expect(brief(whole)).toEqual([["trade#3", "disconnect", "open", 3]]);
    feed(restored, rest.entries.slice(log.entries.length));
    expect(restored.canonicalizer.digest()).toBe(whole.canonicalizer.digest());
  });
});

describe("a crash", () => {
  const crashed = (log: LogBuilder, atMs: number): LogBuilder => log.control(atMs, recovered).control(atMs, started(false, atMs - 5_000));

  it("is a downtime gap that names the numbers, not a gap of numbers", () => {
    const log = crashed(twoTrades(), T0 + 20_000);
    const [gap] = ledger(derive(log));
    expect(gap).toMatchObject({ cause: "downtime", state: "open", detail: "recording ended without notice; numbers 5…9 were reserved and are not in the log" });
    live(log, 3, T0 + 20_500, "test.2");
    expect(brief(derive(log))).toEqual([["trade#3", "downtime", "repaired", 0]]);
  });

  it("while the line was down is still a downtime", () => {
    const log = crashed(twoTrades().control(T0 + 400, disconnect("test.1", "closed")), T0 + 20_000);
    live(log, 7, T0 + 20_500, "test.2");
    const run = derive(log);
    expect(brief(run)).toEqual([["trade#3", "downtime", "open", 4]]);
    expect(ledger(run)[0]?.detail).toMatch(/ended without notice; connection test.1 ended: closed/);
  });

  it("without a restart after it is a gap of numbers", () => {
    const log = twoTrades().control(T0 + 20_000, recovered);
    expect(brief(derive(log))).toEqual([["trade#3", "lost_numbers", "open", undefined]]);
  });

  it("before the last downtime was repaired loses neither: both end repaired", () => {
    const log = crashed(twoTrades(), T0 + 20_000);
    live(log, 7, T0 + 20_500, "test.2");
    log.control(T0 + 20_600, { kind: "backfill_begun", stream_id: STREAM, from_id: 3, to_id: 6, attempt: 1 });
    backfill(log, T0 + 20_700, [3, 4]);
    crashed(log, T0 + 40_000);
    live(log, 10, T0 + 40_500, "test.3");
    const between = derive(log);
    expect(brief(between)).toEqual([["trade#3", "downtime", "backfilling", 4], ["trade#8", "downtime", "open", 2]]);
    expect(between.canonicalizer.unsettledGaps.map(({ missing }) => missing)).toEqual([2, 2]);
    backfill(log, T0 + 41_000, [9, 8, 6, 5]);
    expect(brief(derive(log))).toEqual([["trade#3", "downtime", "repaired", 0], ["trade#8", "downtime", "repaired", 0]]);
  });

  it("before any trade came is part of the same downtime", () => {
    const log = crashed(crashed(twoTrades(), T0 + 20_000), T0 + 40_000);
    backfill(log, T0 + 41_000, [3, 4, 5]);
    live(log, 6, T0 + 40_500, "test.3");
    expect(brief(derive(log))).toEqual([["trade#3", "downtime", "repaired", 0]]);
  });
});
