// Streams whose ids have no order (Bybit): every cut becomes one span to ask for, and an answer repairs it only if it overlaps both sides.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { streamRef } from "../../shared/market.ts";
import { IdGoal, SpanGoal } from "./backfill-goal.ts";
import { bybitBackfill } from "./bybit/backfill.ts";
import { createBybitAdapter } from "./bybit/adapter.ts";
import { SimulatedRun } from "./simulated-run.testkit.ts";
import { ScriptedVenue, START_MS } from "./scripted-venue.testkit.ts";
import { SpanTracker } from "./span-tracker.ts";

const STREAM = streamRef("bybit-linear", "BTCUSDT", "publicTrade");
const RANGE = { stream: STREAM, fromId: undefined, toId: undefined, fromMs: 1_000, toMs: 2_000 };
const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

function answer(rows: readonly (readonly [string, number])[], symbol = "BTCUSDT"): Uint8Array {
  return encode({ retCode: 0, result: { category: "linear", list: rows.map(([execId, ms]) => ({ execId, symbol, price: "1", size: "1", side: "Buy", time: String(ms), isBlockTrade: false })) } });
}

describe("spans", () => {
  it("lie between the last trade before a cut and the first after it, with the trades around them", () => {
    const spans = new SpanTracker();
    spans.cut(); // nothing came yet: nothing can be missing
    for (const [id, ms] of [["a", 1_000], ["b", 1_010]] as const) spans.see(id, ms, ms);
    expect(spans.waiting).toBe(0);
    spans.cut();
    expect([spans.waiting, spans.due(9_000)]).toEqual([1, []]);
    spans.see("b", 1_010, 9_000); // the new socket begins with what the old one had
    expect(spans.due(20_000)).toEqual([]);
    spans.see("x", 5_000, 20_000);
    spans.see("y", 5_010, 20_010);
    expect(spans.due(21_000)).toEqual([]);
    expect(spans.due(21_500)).toEqual([{ fromMs: 1_010, toMs: 5_000, before: new Set(["a", "b"]), after: new Set(["x", "y"]) }]);
    expect([spans.waiting, spans.due(99_000)]).toEqual([0, []]);
  });

  it("become one where the stream is cut again before anybody asked", () => {
    const spans = new SpanTracker();
    spans.see("a", 1_000, 0);
    spans.cut();
    spans.see("b", 2_000, 100);
    spans.cut();
    spans.see("c", 3_000, 200);
    expect(spans.due(5_000)).toEqual([{ fromMs: 1_000, toMs: 3_000, before: new Set(["a"]), after: new Set(["c"]) }]);
  });

  it("begin with the last trade of the connection that ended unnoticed, whatever another has brought since", () => {
    const spans = new SpanTracker();
    spans.see("a1", 1_000, 0, "old");
    spans.see("a2", 1_010, 10, "old");
    for (let n = 0; n < 200; n += 1) spans.see(`b${n}`, 5_000 + n, 100 + n, "new");
    spans.cut("old");
    spans.see("b199", 5_199, 400, "third"); // what the later one had brought already is none from after the cut
    expect(spans.due(5_000)).toEqual([]);
    spans.see("c", 6_000, 500, "new");
    expect(spans.due(5_000)).toEqual([{ fromMs: 1_010, toMs: 6_000, before: new Set(["a1", "a2"]), after: new Set(["c"]) }]);
  });

  it("keep a bounded memory, whatever comes", () => {
    fc.assert(fc.property(fc.array(fc.oneof(fc.constant("cut" as const), fc.nat(5_000)), { maxLength: 2_000 }), (script) => {
      const spans = new SpanTracker();
      let nowMs = 0;
      for (const step of script) {
        nowMs += 1;
        if (step === "cut") spans.cut();
        else spans.see(`id-${nowMs}`, step, nowMs);
        for (const span of spans.due(nowMs)) {
          expect(span.before.size).toBeLessThanOrEqual(128);
          expect(span.after.size).toBeLessThanOrEqual(64);
          expect(span.fromMs).toBeLessThanOrEqual(span.toMs);
        }
      }
    }), { numRuns: 50 });
  });
});

describe("the goal of a span", () => {
  const goal = (): SpanGoal => new SpanGoal({ range: RANGE, before: new Set(["a"]), after: new Set(["z"]) });
  const page = (...ids: readonly string[]): { next: undefined; ids: []; trades: { tradeId: string; eventMs: number }[] } => (
    { next: undefined, ids: [], trades: ids.map((tradeId, index) => ({ tradeId, eventMs: 2_000 - index * 100 })) }
  );

  it("is met by an answer that holds a trade of either side", () => {
    const met = goal();
    expect(met.take(page("z", "y", "x", "a"))).toBeUndefined();
    expect([met.isMet, met.outcome, met.open, met.detail(undefined)]).toEqual([true, "repaired", [], "2 trades that the sockets had not brought"]);
  });

  it("can never be met once the venue's newest trades no longer reach back", () => {
    const late = goal();
    expect(late.take(page("z", "y", "x"))).toContain("reach back only to 1970-01-01T00:00:01.800Z");
    expect([late.isMet, late.outcome]).toEqual([false, "partly"]);
    const empty = goal();
    expect(empty.take(page("z"))).toContain("newest 1 trades");
    expect(empty.outcome).toBe("unresolved");
  });

  it("may be met later where the answer lags behind the socket", () => {
    const lagging = goal();
    expect(lagging.take(page("y", "x", "a"))).toBeUndefined();
    expect([lagging.isMet, lagging.detail(undefined)]).toEqual([false, expect.stringContaining("ends before the first trade that the socket brought afterwards") as string]);
    expect(lagging.take(page("z", "y", "x", "a"))).toBeUndefined();
    expect(lagging.isMet).toBe(true);
  });

  it("is judged by times where an earlier run left no ids", () => {
    const old = new SpanGoal({ range: RANGE, before: new Set(), after: new Set() });
    old.take({ next: undefined, ids: [], trades: [{ tradeId: "n", eventMs: 2_001 }, { tradeId: "m", eventMs: 1_000 }] });
    expect(old.isMet).toBe(false);
    old.take({ next: undefined, ids: [], trades: [{ tradeId: "n", eventMs: 2_001 }, { tradeId: "m", eventMs: 1_500 }, { tradeId: "l", eventMs: 999 }] });
    expect(old.outcome).toBe("repaired");
  });

  it("is another thing than ids that come one by one", () => {
    const ids = new IdGoal({ ...RANGE, fromId: 5, toId: 9 });
    ids.take({ next: undefined, ids: [{ fromId: 6, toId: 9 }] });
    expect([ids.outcome, ids.open.map(({ fromId, toId }) => [fromId, toId]), ids.detail(undefined)]).toEqual(["partly", [[5, 5]], expect.stringContaining("1 of 5 ids still missing") as string]);
  });
});

describe("Bybit's recent trades", () => {
  const { plan, page } = bybitBackfill("linear");
  const request = plan(RANGE);

  it("are asked for as they are: newest first, without ids, times or further pages", () => {
    expect(request?.path).toBe("/v5/market/recent-trade?category=linear&symbol=BTCUSDT&limit=1000");
    expect(bybitBackfill("spot").plan(RANGE)?.path).toContain("category=spot&symbol=BTCUSDT&limit=60");
    expect(plan({ ...RANGE, toMs: undefined })).toBeUndefined();
    expect(plan({ ...RANGE, fromId: 1, toId: 2 })).toBeUndefined();
    expect(plan({ ...RANGE, stream: streamRef("bybit-linear", "BTCUSDT", "tickers") })).toBeUndefined();
  });

  it("are read with their ids, and refused where they are of another symbol or no list", () => {
    if (request === undefined) throw new Error("no request");
    expect(page(RANGE, request, answer([["b", 2_000], ["a", 1_000]]))).toEqual({ ok: true, value: { next: undefined, ids: [], trades: [{ tradeId: "b", eventMs: 2_000 }, { tradeId: "a", eventMs: 1_000 }] } });
    for (const body of [answer([["b", 2_000]], "ETHUSDT"), encode([]), new Uint8Array([0xff]), encode({ retCode: 0, result: { list: [{ execId: "" }] } })]) {
      expect(page(RANGE, request, body)).toMatchObject({ ok: false, fault: { code: "feed.bad-backfill" } });
    }
  });
});

describe("the collector at simulated Bybit", () => {
  const adapter = createBybitAdapter({ venue: "bybit-linear" });

  it("asks for the span of a short cut and gets all of it", async () => {
    const run = new SimulatedRun("bybit-linear", adapter, { seed: 4, messagesPerSecond: 40 });
    await run.clock.advance(30_000);
    run.sockets.sockets[0]?.cut();
    await run.clock.advance(30_000);
    await run.quiet();
    expect(run.control("backfill_begun")).toEqual([expect.objectContaining({ stream_id: STREAM.streamId, from_ms: expect.any(Number) as number, to_ms: expect.any(Number) as number, attempt: 1 })]);
    expect(run.control("backfill_done")).toEqual([expect.objectContaining({ outcome: "repaired" })]);
    expect(run.fold("BTCUSDT").pages).toBe(1);
    // Trades that nobody listened to are in the log as well: the account of what was said is no longer the whole of it.
    const { said, logged } = run.account("BTCUSDT");
    expect(logged[0]).toBeGreaterThanOrEqual(said[0] ?? 0);
    expect(run.collector.status().health.backfill).toEqual({ waiting: 0, done: 1, unresolved: 0 });
    const quote = run.collector.status().health.streams.find(({ streamId }) => streamId === "bybit-linear:BTCUSDT:orderbook.1");
    expect(quote?.missed).toMatch(/^missed \d+\.\d s of BBO during a reconnect$/);
    await run.stop();
  });

  it("leaves unresolved what lies behind the venue's newest thousand trades, and says why", async () => {
    const run = new SimulatedRun("bybit-linear", adapter, { seed: 4, messagesPerSecond: 400 });
    await run.clock.advance(5_000);
    // Refused for so long that far more than 1,000 trades pass.
    run.network.venue.inject({ name: "refuse-connections", connections: 8 });
    run.sockets.sockets[0]?.cut();
    await run.clock.advance(90_000);
    const [done] = run.control("backfill_done");
    expect(done).toMatchObject({ outcome: "partly", attempt: 1, detail: expect.stringMatching(/newest 1000 trades reach back only to .*, not to the last trade before the cut/) as string });
    expect(run.collector.status().health.backfill).toMatchObject({ waiting: 0, done: 1, unresolved: 1 });
    await run.stop();
  });
});

describe("bytes and times that nobody can believe, at Bybit", () => {
  const item = (id: string, ms: number): string => `{"T":${ms},"s":"BTCUSDT","S":"Buy","v":"1","p":"1","i":"${id}","BT":false}`;
  const push = (id: string, ms: number): string => `{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":${ms},"data":[${item(id, ms)}]}`;

  it.each([
    ["no JSON", "junk{", true], ["JSON that no rule knows", '{"a":1}', false], ["a time a century ago", push("odd", START_MS - 80 * 365 * 86_400_000), true],
    ["a time in two days", push("odd", START_MS + 2 * 86_400_000), true], ["a time eleven years ago", push("odd", START_MS - 11 * 365 * 86_400_000), true],
  ])("%s", async (_name, text, isAsked) => {
    const adapter = createBybitAdapter({ venue: "bybit-linear" });
    const venue = new ScriptedVenue();
    venue.onConnect = (socket) => { venue.clock.after(10, () => { socket.open(); }); };
    const rows = [["after", START_MS + 700], ["odd", START_MS + 600], ["before", START_MS + 500]] as const;
    venue.answer = (path) => (path.startsWith("/v5/market/recent-trade") ? { status: 200, body: new TextDecoder().decode(answer(rows)) } : undefined);
    const collector = venue.collector({ adapter, subscriptions: [{ venue: "bybit-linear", symbol: "BTCUSDT", channels: ["publicTrade"] }], endpoints: adapter.endpointsAt({ socket: "wss://sim", http: "https://sim" }) });
    collector.start();
    await venue.clock.advance(500);
    venue.socket.say(push("before", START_MS + 500));
    venue.socket.say(text);
    await venue.clock.advance(200);
    venue.socket.say(push("after", START_MS + 700));
    await venue.clock.advance(5_000);
    const asked = venue.control("backfill_done").map(({ from_ms, to_ms, outcome, detail }) => [from_ms, to_ms, outcome, detail]);
    expect(asked).toEqual(isAsked ? [[START_MS + 500, START_MS + 700, "repaired", "1 trade that the sockets had not brought"]] : []);
    await Promise.all([collector.stop(), venue.clock.advance(100)]);
  });
});

describe("a restart", () => {
  it("asks for the downtime by the trades at the end of the log, and for spans that earlier runs left", async () => {
    const adapter = createBybitAdapter({ venue: "bybit-linear" });
    const venue = new ScriptedVenue();
    venue.onConnect = (socket) => { venue.clock.after(10, () => { socket.open(); }); };
    const rows = [["new", START_MS + 100], ["down-2", START_MS - 1_000], ["down-1", START_MS - 2_000], ["last", START_MS - 3_000], ["older", START_MS - 9_000]] as const;
    venue.answer = (path) => (path.startsWith("/v5/market/recent-trade") ? { status: 200, body: new TextDecoder().decode(answer(rows)) } : undefined);
    const collector = venue.collector({
      adapter, subscriptions: [{ venue: "bybit-linear", symbol: "BTCUSDT", channels: ["publicTrade"] }], endpoints: adapter.endpointsAt({ socket: "wss://sim", http: "https://sim" }),
      resumeFrom: new Map([[STREAM.streamId, { lastId: undefined, eventMs: START_MS - 3_000, tradeIds: ["last"] }]]),
    });
    collector.start();
    collector.backfill([{ stream: STREAM, fromId: undefined, toId: undefined, fromMs: START_MS - 8_000, toMs: START_MS - 7_000 }]);
    await venue.clock.advance(100);
    venue.socket.say(JSON.stringify({ topic: "publicTrade.BTCUSDT", type: "snapshot", ts: START_MS + 100, data: [{ T: START_MS + 100, s: "BTCUSDT", S: "Buy", v: "1", p: "1", i: "new", BT: false }] }));
    await venue.clock.advance(5_000);
    expect(venue.control("backfill_done").map(({ from_ms, to_ms, outcome, detail }) => [from_ms, to_ms, outcome, detail])).toEqual([
      [START_MS - 8_000, START_MS - 7_000, "repaired", "0 trades of that time in the venue's list"],
      [START_MS - 3_000, START_MS + 100, "repaired", "2 trades that the sockets had not brought"],
    ]);
    await Promise.all([collector.stop(), venue.clock.advance(100)]);
  });
});
