// One row of CANONICAL's table of causes each: how a gap opens, that its cause is the true one, and that a fault which cost nothing ends `repaired`.
import { describe, expect, it } from "vitest";
import type { GapCause, GapEntry } from "../../shared/candles.ts";
import type { ControlRecord } from "../../shared/control.ts";
import { streamRef, type TradeEvent } from "../../shared/market.ts";
import { HOLE_PATIENCE_MS } from "./gaps.ts";
import { LogBuilder, TRADES, derive, trade, type Run } from "./canonical.testkit.ts";

const T0 = Date.UTC(2026, 0, 5, 12, 0, 0);
const STREAM = TRADES.streamId;
const venue = "binance-usdm";
const JUNK = streamRef(venue, "_", "unclassified");

const connect = (connection: string): ControlRecord => ({ kind: "connect", venue, connection, url: "ws://x", streams: [STREAM] });
const disconnect = (connection: string, cause = "closed"): ControlRecord => ({ kind: "disconnect", venue, connection, code: 1006, cause, detail: "", streams: [STREAM] });
const stale = (cause: string): ControlRecord => ({ kind: "stale", venue, connection: "a", stream_id: STREAM, cause });
const started: ControlRecord = { kind: "started", version: "1", clean: false, downtime_from_ns: BigInt(T0 + 200) * 1_000_000n };
const recovered: ControlRecord = { kind: "recovered", lost_from_seq: 5, lost_to_seq: 9, cut_bytes: 0, aside: "", cause: "no footer" };

/** Trade n, 100 ms after the one before, with ids in order or with ids that tell nothing. */
type Make = (n: number) => TradeEvent;
const numbered: Make = (n) => trade({ id: 1_000 + n, ms: T0 + n * 100 });
const nameless: Make = (n) => ({ ...numbered(n), tradeId: `uuid-${n}`, sequenceId: undefined, firstTradeId: undefined, lastTradeId: undefined });
const live = (log: LogBuilder, make: Make, n: number, connection = "a"): LogBuilder => log.trades(T0 + n * 100 + 20, [make(n)], { connection });
const at = (n: number): number => T0 + n * 100 + 50;

function threeTrades(make: Make): LogBuilder {
  const log = new LogBuilder().config(T0 - 2_000, { intervals: ["1s"] }).control(T0 - 1_000, connect("a"));
  for (const n of [0, 1, 2]) live(log, make, n);
  return log;
}

function ledger(run: Run): readonly GapEntry[] {
  const gaps = new Map<string, GapEntry>();
  for (const output of run.outputs) if (output.kind === "gap") gaps.set(output.gap.gapId, output.gap);
  return [...gaps.values()];
}
const brief = (log: LogBuilder): unknown => ledger(derive(log)).map(({ cause, state, missing }) => [cause, state, missing]);
/** The page that the collector asks for: all trades up to n. */
const page = (log: LogBuilder, make: Make, n: number): LogBuilder =>
  log.trades(at(n), Array.from({ length: n + 1 }, (_, index) => make(n - index)), { source: "rest_backfill" });

interface Row {
  readonly name: string;
  readonly cause: GapCause;
  /** The fault itself, after three trades; the stream goes on afterwards. */
  readonly strike: (log: LogBuilder, make: Make) => LogBuilder;
  /** What takes trades again. */
  readonly on?: string;
}

const ROWS: readonly Row[] = [
  { name: "the only connection ends", cause: "disconnect", strike: (log) => log.control(at(2), disconnect("a")).control(at(2), connect("b")), on: "b" },
  { name: "a stop that the same run takes back", cause: "disconnect", strike: (log) => log.control(at(2), disconnect("a", "stopped")).control(at(2), connect("b")), on: "b" },
  { name: "the recorder was down", cause: "downtime", strike: (log) => log.control(at(2), started).control(at(2), connect("b")), on: "b" },
  { name: "the recorder crashed and lost numbers", cause: "downtime", strike: (log) => log.control(at(2), recovered).control(at(2), started).control(at(2), connect("b")), on: "b" },
  { name: "numbers are lost and nobody restarted", cause: "lost_numbers", strike: (log) => log.control(at(2), recovered) },
  { name: "the host slept", cause: "host_slept", strike: (log) => log.control(at(2), { kind: "host_slept", wall_jump_ms: 9_000, cause: "suspended" }) },
  { name: "the stream is silent", cause: "silent", strike: (log) => log.control(at(2), stale("trades-silent-while-bbo-moves")) },
  { name: "no first frame after subscribing anew", cause: "first_frame_deadline", strike: (log) => log.control(at(2), stale("first-frame-deadline")) },
  { name: "a message of the stream that no decoder reads", cause: "quarantine", strike: (log) => log.add({ stream: TRADES, atMs: at(2), outcome: { kind: "refused", code: "malformed-json", detail: "cut off" }, connection: "a" }) },
  { name: "damage in the log", cause: "quarantine", strike: (log) => log.control(at(2), { kind: "quarantine", stream_id: STREAM, cause: "bad chunk", from_seq: 3, to_seq: 4 }) },
  {
    name: "one id with two contents", cause: "conflict",
    strike: (log, make) => log.trades(at(2), [{ ...make(2), side: -1 }], { connection: "a" }).control(at(2), { kind: "reopen", stream_id: STREAM, reason: "the venue confirmed" }),
  },
];

describe.each(ROWS)("$name", ({ cause, strike, on = "a" }) => {
  it("with ids: repaired when nothing was missed, else the ids are named under that cause", () => {
    const whole = live(strike(threeTrades(numbered), numbered), numbered, 3, on);
    expect(brief(whole)).toEqual([[cause, "repaired", 0]]);
    expect(ledger(derive(whole))[0]?.detail).toMatch(/nothing was missed$/);
    const lost = live(strike(threeTrades(numbered), numbered), numbered, 7, on);
    expect(brief(lost)).toEqual([[cause, "open", 4]]);
    expect(brief(page(lost, numbered, 7))).toEqual([[cause, "repaired", 0]]);
  });

  it("without: open until a page reaches over it, which says what was missed", () => {
    const lost = live(strike(threeTrades(nameless), nameless), nameless, 7, on);
    expect(brief(lost)).toEqual([[cause, "open", undefined]]);
    const repaired = ledger(derive(page(lost, nameless, 7)));
    expect(repaired).toMatchObject([{ cause, state: "repaired", missing: 0, detail: expect.stringMatching(/4 trades were missed and backfilled$/) as string }]);
    const whole = ledger(derive(page(live(strike(threeTrades(nameless), nameless), nameless, 3, on), nameless, 3)));
    expect(whole).toMatchObject([{ cause, state: "repaired", missing: 0, detail: expect.stringMatching(/nothing was missed$/) as string }]);
  });
});

describe("ids that jump", () => {
  const later = (log: LogBuilder, n: number, connection = "a"): LogBuilder => live(log, numbered, n, connection);

  it("on a living connection are a hole of the stream itself", () => {
    expect(brief(later(later(threeTrades(numbered), 5), 30))).toEqual([["id_hole", "open", 2]]);
    const run = derive(later(later(threeTrades(numbered), 5), 16));
    expect(ledger(run)[0]).toMatchObject({
      cause: "id_hole", fromId: 1_003, toId: 1_004, fromRecvNs: String(BigInt(T0 + 220) * 1_000_000n), toRecvNs: String(BigInt(T0 + 520) * 1_000_000n),
    });
  });

  it("and come a moment later, by the other leg or out of order, were never a gap; later than that they are one, repaired", () => {
    const moment = later(later(later(later(threeTrades(numbered), 5), 4, "b"), 3, "b"), 6);
    expect(brief(moment.trades(at(40), [trade({ id: 1_007, ms: T0 + 4_000 })], { connection: "a" }))).toEqual([]);
    expect(derive(moment).canonicalizer.counts.gapsOpen).toBe(0);
    const long = later(later(threeTrades(numbered), 4), 5 + HOLE_PATIENCE_MS / 100);
    const run = derive(long.trades(at(16), [numbered(3)], { connection: "a" }));
    expect(ledger(run)[0]).toMatchObject({ cause: "id_hole", state: "repaired", detail: expect.stringMatching(/nothing was missed$/) as string });
  });

  it("are told before a bucket in which they may lie is sealed", () => {
    const log = new LogBuilder().config(T0 - 2_000, { intervals: ["1s"], lateness_ms: 0 }).control(T0 - 1_000, connect("a"));
    for (const n of [7, 8]) later(log, n);
    const { outputs } = derive(later(log, 10));
    const kinds = outputs.flatMap((output) => (output.kind === "gap" || output.kind === "grade" ? [output.kind] : []));
    expect(kinds).toEqual(["gap", "grade"]);
  });

  it("where one leg ended before the other had brought anything come from the cut; had it lived, from the stream", () => {
    const cut = later(threeTrades(numbered).control(at(2), connect("b")).control(at(2), disconnect("a")), 5, "b");
    expect(brief(later(cut, 20, "b"))).toContainEqual(["disconnect", "open", 2]);
    const alive = later(later(threeTrades(numbered).control(at(2), connect("b")), 2, "b"), 2, "a").control(at(2), disconnect("a"));
    expect(brief(later(later(alive, 5, "b"), 20, "b"))).toContainEqual(["id_hole", "open", 2]);
    // Nothing missing, nothing said.
    expect(brief(later(threeTrades(numbered).control(at(2), connect("b")).control(at(2), disconnect("a")), 3, "b"))).toEqual([]);
  });

  it("where bytes of no stream came, or a time that cannot be, come from those", () => {
    const junk = (make: Make): LogBuilder => threeTrades(make).add({ stream: JUNK, atMs: at(2), outcome: { kind: "refused", code: "malformed-json", detail: "cut off" }, connection: "a" });
    expect(brief(later(later(junk(numbered), 4), 20))).toContainEqual(["quarantine", "open", 1]);
    expect(brief(later(junk(numbered), 3))).toEqual([]);
    expect(brief(live(junk(nameless), nameless, 3))).toEqual([["quarantine", "open", undefined]]);
    const odd = (make: Make): LogBuilder => threeTrades(make).trades(at(3), [{ ...make(3), eventMs: T0 + 90 * 86_400_000 }], { connection: "a" });
    expect(brief(later(later(odd(numbered), 4), 20))).toContainEqual(["quarantine", "open", 1]);
    expect(brief(live(odd(nameless), nameless, 4))).toEqual([["quarantine", "open", undefined]]);
    // Another connection's bytes are not this stream's.
    const other = threeTrades(nameless).add({ stream: JUNK, atMs: at(2), outcome: { kind: "refused", code: "malformed-json", detail: "cut off" }, connection: "z" });
    expect(brief(live(other, nameless, 3))).toEqual([]);
  });

  it("not at all: a late print is no gap, with ids or without", () => {
    for (const make of [numbered, nameless]) {
      const log = threeTrades(make);
      for (const n of [3, 60, 61]) log.trades(at(n), [{ ...make(n), ...(make === numbered ? trade({ id: 1_003 + (n === 3 ? 0 : n - 59), ms: T0 + n * 100 }) : {}) }], { connection: "a" });
      log.trades(at(61), [{ ...make(62), ...(make === numbered ? trade({ id: 1_006, ms: T0 + 350 }) : {}), eventMs: T0 + 350 }], { connection: "a" });
      expect(brief(log)).toEqual([]);
      expect(derive(log).canonicalizer.counts.late).toBe(1);
    }
  });
});

describe("the seam of two fold streams", () => {
  it("is a gap that nothing can close, with the cause schedule", () => {
    const other = streamRef(venue, "BTCUSDT", "aggTrade");
    for (const make of [numbered, nameless]) {
      const log = threeTrades(make).config(at(2), { intervals: ["1s"], folds: { "binance-usdm:BTCUSDT": "aggTrade" } });
      expect(brief(log.trades(at(3), [make(3)], { stream: other, connection: "a" }))).toEqual([["schedule", "GAP_UNRESOLVED", undefined]]);
    }
  });
});

describe("a stream that never brought anything", () => {
  it("is unresolved once it comes: nothing tells what there was before its first trade", () => {
    for (const make of [numbered, nameless]) {
      const log = new LogBuilder().config(T0 - 2_000, { intervals: ["1s"] }).control(T0 - 1_000, connect("a")).control(T0 - 500, stale("first-frame-deadline"));
      expect(brief(live(log, make, 0))).toEqual([["first_frame_deadline", "GAP_UNRESOLVED", undefined]]);
    }
  });
});
