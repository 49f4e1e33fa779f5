// A day of connection life, in seconds: rotations before the venue's cut, keep-alive, clock offsets, lists of instruments; nothing lost, nothing doubled.
import { describe, expect, it } from "vitest";
import { SIMULATED, SimulatedRun } from "./simulated-run.testkit.ts";

const HOUR_MS = 3_600_000;
const TICK_MS = 30_000;
const MARKET_MS = 10_000;
const PINGS: Readonly<Record<string, string>> = { "bybit-linear": '{"op":"ping"}', "okx-swap": "ping" };

describe.each(SIMULATED)("a day at simulated %s", (venueId, adapter) => {
  it("loses nothing, doubles nothing, and keeps no more than it began with", async () => {
    // A thin market and slow ticks: what is tested is the connection's life, not the load.
    const run = new SimulatedRun(venueId, adapter, {
      seed: 5, messagesPerSecond: 0.2, marketTickMs: MARKET_MS, patience: 1_000, channels: [adapter.foldChannel, adapter.quoteChannel ?? ""],
      settings: { tickMs: TICK_MS, clockJumpMs: 50_000, offsetEveryMs: 600_000, tradesSilentMs: 86_400_000, batchMs: 5_000, rotationReadyMs: 900_000 },
    });
    await run.clock.advance(HOUR_MS);
    const timersEarly = run.clock.pending;
    const connectionsEarly = run.control("connect").length;
    await run.clock.advance(26 * HOUR_MS);
    await run.quiet();

    // One rotation per connection, make before break, before the venue's own cut at 24 h.
    expect(run.control("disconnect").map(({ cause }) => cause)).toEqual(Array.from({ length: connectionsEarly }, () => "rotated"));
    expect(run.control("connect")).toHaveLength(2 * connectionsEarly);
    const { said, logged } = run.account("BTCUSDT");
    expect(said[0]).toBeGreaterThan(1_000);
    expect(logged).toEqual(said);
    expect(run.fold("BTCUSDT").doubled).toBe(0);
    expect(run.control("backfill_begun")).toEqual([]);
    expect(run.control("stale")).toEqual([]);

    const ping = PINGS[venueId];
    if (ping !== undefined) {
      const pings = run.sockets.sockets.reduce((sum, { sent }) => sum + sent.filter((text) => text === ping).length, 0);
      // Every 20 s on each of them, for 27 h.
      expect(pings / connectionsEarly).toBeGreaterThan((27 * HOUR_MS) / 20_000 - 10);
    }

    expect(run.ticks.length).toBeGreaterThan((27 * HOUR_MS) / TICK_MS - 20);
    expect(Math.max(...run.ticks.map(({ errorMs }) => errorMs))).toBeLessThan(60);
    // The venue's clock is ours, but stands still between the market's moves: the truth lies within every error bar and one of those.
    expect(run.ticks.filter(({ offsetMs, errorMs }) => offsetMs > errorMs || offsetMs < -errorMs - MARKET_MS)).toEqual([]);

    const { streams, source, health } = run.collector.status();
    expect(streams.filter(({ state }) => state !== "live")).toEqual([]);
    expect(source.state).toBe("live");
    expect(health.streams.every(({ conflicts }) => conflicts === 0)).toBe(true);
    // The market's own tick and what each socket has under way apart, as many timers wait as after an hour.
    expect(run.clock.pending).toBeLessThanOrEqual(timersEarly + 5);
    await run.stop();
  });
});
