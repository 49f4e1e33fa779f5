// A connection that is rotated under load, 5,000 messages per second: nothing lost, nothing doubled within a connection, and no gap asked for.
import { describe, expect, it } from "vitest";
import { SIMULATED, SimulatedRun } from "./simulated-run.testkit.ts";

describe.each(SIMULATED)("rotation at simulated %s", (venueId, adapter) => {
  it("loses and doubles nothing under load", async () => {
    const run = new SimulatedRun(venueId, adapter, { seed: 3, messagesPerSecond: 5_000, rotateAfterMs: 4_000 });
    await run.clock.advance(16_000);
    await run.quiet();
    const rotated = run.control("disconnect");
    expect(rotated.length).toBeGreaterThanOrEqual(2);
    expect(rotated.every(({ cause, detail }) => cause === "rotated" && detail.includes("all its streams were carried on"))).toBe(true);
    expect(run.messages / 16).toBeGreaterThan(4_000);
    const { said, logged } = run.account("BTCUSDT");
    expect(said[0]).toBeGreaterThan(5_000);
    expect(logged).toEqual(said);
    expect(run.fold("BTCUSDT").doubled).toBe(0);
    expect(run.control("backfill_begun")).toEqual([]);
    expect(run.collector.status().streams.every(({ gapsOpen }) => gapsOpen === 0)).toBe(true);
    await run.stop();
  });
});
