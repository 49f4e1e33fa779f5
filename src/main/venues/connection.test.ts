// One connection's own duties: pings that must be answered, the venue's limits on attempts, notices of an end, and a leg that went silent.
import { describe, expect, it } from "vitest";
import { createBybitAdapter } from "./bybit/adapter.ts";
import { createOkxAdapter } from "./okx/adapter.ts";
import { RateBudget } from "./rate-budget.ts";
import { aggTrade, ScriptedVenue, START_MS } from "./scripted-venue.testkit.ts";
import { SimulatedRun } from "./simulated-run.testkit.ts";

describe("pings", () => {
  it.each([["bybit-linear", createBybitAdapter({ venue: "bybit-linear" }), "publicTrade"], ["okx-swap", createOkxAdapter({ venue: "okx-swap" }), "trades"]] as const)(
    "of %s must be answered by something", async (id, adapter, channel) => {
      const venue = new ScriptedVenue();
      venue.onConnect = (socket) => { venue.clock.after(10, () => { socket.open(); }); };
      const collector = venue.collector({ adapter, subscriptions: [{ venue: id, symbol: "BTCUSDT", channels: [channel] }], endpoints: adapter.endpointsAt({ socket: "wss://sim", http: "https://sim" }), name: id });
      collector.start();
      await venue.clock.advance(29_900);
      expect(venue.story()).not.toContain("disconnect:no-pong");
      await venue.clock.advance(200);
      expect(venue.control("disconnect")).toMatchObject([{ cause: "no-pong", detail: "no frame within 10000 ms of a ping" }]);
      await Promise.all([collector.stop(), venue.clock.advance(100)]);
    });
});

describe("attempts to connect", () => {
  it("keep the venue's limit, whoever else behind our address connects", async () => {
    const venue = new ScriptedVenue();
    const at: number[] = [];
    venue.onConnect = (socket) => {
      at.push(venue.clock.monotonicMs());
      venue.clock.after(1, () => { socket.end({ cause: "unreachable" }); });
    };
    const adapter = createOkxAdapter({ venue: "okx-swap" });
    const limits = { requests: new SharedArrayBuffer(1_024), connects: new SharedArrayBuffer(1_024) };
    const other = new RateBudget({ weight: 3, windowMs: 1_000, usedHeader: undefined, clock: venue.clock, timers: venue.clock, memory: limits.connects });
    expect(other.tryTake(2, 1)).toBe(0);
    const symbols = Array.from({ length: 200 }, (_, index) => `S${index}USDT`);
    const collector = venue.collector({
      adapter, name: "okx", limits, settings: { legs: 2 }, endpoints: adapter.endpointsAt({ socket: "wss://sim", http: "https://sim" }),
      subscriptions: symbols.map((symbol) => ({ venue: "okx-swap", symbol, channels: ["trades", "bbo-tbt"] })),
    });
    collector.start();
    await venue.clock.advance(20_000);
    expect(at.length).toBeGreaterThan(10);
    expect(at.filter((ms) => ms < 1_000)).toHaveLength(1);
    for (const ms of at) expect(at.filter((later) => later >= ms && later < ms + 1_000).length).toBeLessThanOrEqual(3);
    // Some wait for leave while it stops: nothing is left of them.
    await Promise.all([collector.stop(), venue.clock.advance(2_000)]);
    expect(venue.clock.pending).toBe(0);
  });
});

describe("a refused connection", () => {
  it("that means a ban stops every request and attempt until it is over", async () => {
    const venue = new ScriptedVenue();
    let isBanned = true;
    venue.onConnect = (socket) => {
      venue.acknowledge(socket);
      venue.clock.after(5, () => { if (isBanned) socket.end({ cause: "refused", code: 418 }); else socket.open(); });
    };
    const collector = venue.collector();
    collector.start();
    await venue.clock.advance(1_000);
    const during = venue.requests.length;
    expect(collector.status()).toMatchObject({ source: { state: "banned", detail: expect.stringContaining("a connection was refused: HTTP 418") as string }, health: { banLeftMs: expect.closeTo(119_000, -2) as number } });
    isBanned = false;
    await venue.clock.advance(118_000);
    expect([venue.sockets.length, venue.requests.length]).toEqual([1, during]);
    await venue.clock.advance(5_000);
    expect(venue.sockets).toHaveLength(2);
    expect(venue.story()).toContain("acknowledge");
    await Promise.all([collector.stop(), venue.clock.advance(100)]);
  });
});

describe("the venue's notice", () => {
  it("that OKX closes in 60 s brings up another connection first, and nothing is lost", async () => {
    const adapter = createOkxAdapter({ venue: "okx-swap" });
    const run = new SimulatedRun("okx-swap", adapter, { seed: 9, messagesPerSecond: 100 });
    await run.clock.advance(10_000);
    run.network.venue.inject({ name: "venue-notice", seconds: 60 });
    await run.clock.advance(90_000);
    await run.quiet();
    expect(run.control("disconnect").map(({ cause }) => cause)).toEqual(["rotated", "rotated"]);
    expect(run.account("BTCUSDT").logged).toEqual(run.account("BTCUSDT").said);
    expect(run.control("backfill_begun")).toEqual([]);
    await run.stop();
  });
});

describe("a leg that goes silent", () => {
  it("is renewed, since the other one shows what it misses; the stream stays live", async () => {
    const venue = new ScriptedVenue();
    venue.onConnect = (socket) => {
      venue.acknowledge(socket);
      venue.clock.after(10, () => { socket.open(); });
    };
    let id = 1_000;
    const beat = (): void => {
      id += 1;
      venue.sockets.forEach((socket, index) => { if (index !== 0 || id < 1_050) socket.say(aggTrade(id, START_MS + venue.clock.monotonicMs())); });
      venue.clock.after(100, beat);
    };
    venue.clock.after(100, beat);
    const collector = venue.collector({ settings: { legs: 2 } });
    collector.start();
    await venue.clock.advance(60_000);
    expect(venue.control("disconnect")).toMatchObject([{ connection: "sim.ws.1", cause: "rotated", detail: expect.stringContaining("all its streams were carried on") as string }]);
    expect(venue.control("stale")).toEqual([]);
    const { streams, health } = collector.status();
    expect(streams[0]).toMatchObject({ state: "live", gapsOpen: 0, duplicates: 0 });
    expect(health.legs.map(({ leg, open, missed }) => [leg, open, missed > 0])).toEqual([["A", true, true], ["B", true, false]]);
    await Promise.all([collector.stop(), venue.clock.advance(100)]);
  });

  it("leaves the streams as they are when it goes down", async () => {
    const venue = new ScriptedVenue();
    venue.onConnect = (socket) => {
      venue.acknowledge(socket);
      venue.clock.after(10, () => { socket.open(); });
    };
    const collector = venue.collector({ settings: { legs: 2 } });
    collector.start();
    await venue.clock.advance(200);
    for (const socket of venue.sockets) socket.say(aggTrade(1, START_MS));
    venue.sockets[0]?.end();
    await venue.clock.advance(50);
    expect(collector.status()).toMatchObject({ source: { state: "live" }, streams: [{ state: "live" }], health: { legs: [{ leg: "A", open: false }, { leg: "B", open: true }] } });
    venue.sockets[1]?.end();
    await venue.clock.advance(10);
    expect(collector.status().streams[0]?.state).toBe("down");
    await Promise.all([collector.stop(), venue.clock.advance(100)]);
  });
});

