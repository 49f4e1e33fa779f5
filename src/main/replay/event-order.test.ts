// Event order: total, complete, the same whatever the run size, and loud about what breaks it.
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compareOrder } from "../../shared/ordering.ts";
import { eventOrderEvents, inEventOrder } from "./event-order.ts";
import { arrivalEvents, type ReplayEvent } from "./events.ts";
import { decoders, MemoryReader, recordsOf, testClock, type Wire } from "./fakes.testkit.ts";
import { steadyPlan, wirePlans } from "./plans.testkit.ts";
import { eventLine, ReplayDigest } from "./replay-digest.ts";
import { runReplay, type ReplayRunOptions } from "./run.ts";
import { VirtualClock } from "../net/virtual-clock.ts";

const NEVER = new AbortController().signal;
let scratchFolder = "";
beforeAll(async () => {
  scratchFolder = await mkdtemp(join(tmpdir(), "tapedeck-order-"));
});
afterAll(() => rm(scratchFolder, { recursive: true, force: true }));

async function collect(batches: AsyncIterable<readonly ReplayEvent[]>): Promise<readonly ReplayEvent[]> {
  const events: ReplayEvent[] = [];
  for await (const batch of batches) events.push(...batch);
  return events;
}
async function setup(wires: readonly Wire[]) {
  const reader = new MemoryReader(recordsOf(wires));
  const toSeq = await reader.refresh();
  return { reader, decoders, clock: testClock, signal: NEVER, toSeq, wanted: undefined };
}

describe("event order", () => {
  it("is total and complete, with tiny runs in scratch files as with one in memory", async () => {
    await fc.assert(fc.asyncProperty(wirePlans({ min: 1, max: 150 }), fc.integer({ min: 1, max: 30 }), fc.integer({ min: 0, max: 3 }), async (wires, runEvents, runsInMemory) => {
      const options = await setup(wires);
      const arrived = await collect(arrivalEvents(options));
      const ordered = await collect(eventOrderEvents({ ...options, scratchFolder, runEvents, runsInMemory }));
      const expected = [...arrived].sort(compareOrder).map(eventLine);
      expect(ordered.map(eventLine)).toEqual(expected);
    }), { numRuns: 60 });
    expect(await readdir(scratchFolder)).toEqual([]);
  });

  it("emits no trade twice, in neither order", async () => {
    await fc.assert(fc.asyncProperty(wirePlans({ min: 1, max: 120 }), async (wires) => {
      const events = (await collect(arrivalEvents(await setup(wires)))).filter(({ event }) => event.kind === "trade");
      const ids = events.map(({ stream, event }) => `${stream.streamId} ${event.kind === "trade" ? event.tradeId : ""}`);
      expect(new Set(ids).size).toBe(ids.length);
    }), { numRuns: 60 });
  });

  it("refuses two events with one key and an event out of order", async () => {
    const [first, second] = await collect(arrivalEvents(await setup(steadyPlan(4))));
    async function* of(...events: (ReplayEvent | undefined)[]): AsyncGenerator<readonly ReplayEvent[]> {
      for (const event of events) yield event === undefined ? [] : [event];
    }
    await expect(collect(inEventOrder(of(first, first)))).rejects.toThrow(/two events have the key/);
    await expect(collect(inEventOrder(of(second, first)))).rejects.toThrow(/comes after/);
  });
});

describe("a replay run", () => {
  async function run(wires: readonly Wire[], options: Partial<ReplayRunOptions> = {}) {
    const lines: string[] = [];
    const result = await runReplay({
      ...(await setup(wires)), timers: { after: (_delay, done) => { const id = setImmediate(done); return () => clearImmediate(id); } },
      order: "arrival", fromNs: undefined, untilNs: undefined, cursor: undefined, wantedStream: undefined, speed: 0, scratchFolder,
      onBatch: (batch) => lines.push(...batch.map(eventLine)), ...options,
    });
    return { ...result, lines };
  }

  it("resumed after any event emits exactly the rest, in both orders", async () => {
    await fc.assert(fc.asyncProperty(wirePlans({ min: 5, max: 60 }), fc.nat(), fc.constantFrom("arrival" as const, "event" as const), async (wires, at, order) => {
      const whole = await run(wires, { order });
      fc.pre(whole.events > 0);
      const events = await collect(order === "event" ? eventOrderEvents({ ...(await setup(wires)), scratchFolder }) : arrivalEvents(await setup(wires)));
      const cut = at % events.length;
      const digest = new ReplayDigest();
      digest.add(events.slice(0, cut + 1));
      const rest = await run(wires, { order, ...(digest.lastCursor !== undefined && { cursor: digest.lastCursor }) });
      expect(rest.lines).toEqual(whole.lines.slice(cut + 1));
      expect(rest.lastCursor).toBe(rest.events === 0 ? undefined : whole.lastCursor);
    }), { numRuns: 60 });
  });

  it("cut at any moment into two runs emits the same events", async () => {
    await fc.assert(fc.asyncProperty(wirePlans({ min: 5, max: 60 }), fc.nat(), fc.constantFrom("arrival" as const, "event" as const), async (wires, at, order) => {
      const whole = await run(wires, { order });
      const cutNs = BigInt(1_700_000_000_000 + (at % (wires.length + 5))) * 1_000_000n;
      const left = await run(wires, { order, untilNs: cutNs });
      const right = await run(wires, { order, fromNs: cutNs });
      expect([...left.lines, ...right.lines]).toEqual(whole.lines);
    }), { numRuns: 60 });
  });

  it("gives one digest whatever the batching, and another for other events", async () => {
    const wires = steadyPlan(400);
    const small = await runReplay({ ...(await setup(wires)), reader: new MemoryReader(recordsOf(wires), { batch: 7 }), timers: new VirtualClock(0), order: "arrival", fromNs: undefined, untilNs: undefined, cursor: undefined, wantedStream: undefined, speed: 0, scratchFolder });
    expect(small.digest).toBe((await run(wires)).digest);
    expect(small.digest).not.toBe((await run(steadyPlan(397))).digest);
  });

  it("paces by known time, and stops when interrupted", async () => {
    const stopping = new AbortController();
    let nowMs = 0;
    const waits: number[] = [];
    const result = await run(steadyPlan(100), {
      speed: 2, signal: stopping.signal, clock: { wallNs: () => 0n, monotonicMs: () => nowMs },
      timers: { after: (delayMs, done) => { waits.push(delayMs); nowMs += delayMs; if (nowMs >= 20) stopping.abort(); const id = setImmediate(done); return () => clearImmediate(id); } },
    });
    expect(result.stopReason).toBe("INTERRUPTED");
    // One message per ms of known time: 20 ms of real time at twice the speed.
    expect(result.events).toBeGreaterThanOrEqual(38);
    expect(result.events).toBeLessThanOrEqual(42);
    expect(waits.every((ms) => ms > 0 && ms <= 1_000)).toBe(true);
  });

  it("refuses a cursor of another capture", async () => {
    const other = await run(steadyPlan(60));
    const late = steadyPlan(60).map((wire) => (wire.kind === "trades" ? { ...wire, trades: wire.trades.map((trade) => ({ ...trade, ms: trade.ms + 1 })) } : wire.kind === "quote" ? { ...wire, ms: wire.ms + 1 } : wire));
    await expect(run(late, { ...(other.lastCursor !== undefined && { cursor: other.lastCursor }) })).rejects.toThrow(/another capture/);
  });
});
