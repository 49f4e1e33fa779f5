// The tape's promises: same place, same state, whatever the way there; nothing beyond the cursor; loud refusals.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeCursor, encodeCursor } from "../../shared/cursor.ts";
import { eventSeq } from "../../shared/raw.ts";
import type { Interval } from "../../shared/time.ts";
import { arrivalEvents } from "./events.ts";
import { decoders, FakeCanonicalizer, INSTRUMENT, MemoryReader, recordsOf, sha256, testClock, type Wire } from "./fakes.testkit.ts";
import { steadyPlan, wirePlans } from "./plans.testkit.ts";
import { msFromKnownNs, openTape, type Tape } from "./tape.ts";

const NEVER = new AbortController().signal;
const INTERVALS: readonly Interval[] = ["1s", "5s"];

async function tapeOf(wires: readonly Wire[], options: { readonly batch?: number; readonly visible?: number } = {}): Promise<{ tape: Tape; reader: MemoryReader }> {
  const reader = new MemoryReader(recordsOf(wires), options);
  const tape = await openTape({ reader, decoders, sha256, clock: testClock, instruments: [INSTRUMENT], intervals: INTERVALS, canonicalizer: (given) => new FakeCanonicalizer(given) });
  return { tape, reader };
}

async function straight(wires: readonly Wire[], seq: number): Promise<string> {
  const { tape } = await tapeOf(wires);
  await tape.advanceTo({ toSeq: seq }, NEVER);
  return tape.digest();
}

describe("going anywhere", () => {
  it("comes back to the identical state after n events back and n forward, for any n", async () => {
    await fc.assert(fc.asyncProperty(wirePlans({ min: 5, max: 120 }), fc.nat(), fc.nat(), fc.integer({ min: 1, max: 40 }), async (wires, at, n, batch) => {
      const { tape } = await tapeOf(wires, { batch });
      await tape.seekSeq(at % (wires.length + 1), undefined, NEVER);
      const before = { digest: tape.digest(), point: tape.point };
      const steps = before.point.ordinal === 0 ? 0 : n % (before.point.ordinal + 1);
      await tape.stepEvents(-steps, NEVER);
      expect(tape.point.ordinal).toBe(before.point.ordinal - steps);
      await tape.stepEvents(steps, NEVER);
      expect({ digest: tape.digest(), point: tape.point }).toEqual(before);
    }), { numRuns: 150 });
  });

  it("comes back to the identical state through single steps of any pattern", async () => {
    await fc.assert(fc.asyncProperty(wirePlans({ min: 20, max: 80 }), fc.array(fc.integer({ min: -5, max: 5 }), { maxLength: 30 }), async (wires, pattern) => {
      const { tape } = await tapeOf(wires);
      await tape.seekSeq(Math.floor(wires.length / 2), undefined, NEVER);
      const states = new Map<number, string>([[tape.point.ordinal, tape.digest()]]);
      const total = (await allEvents(wires)).length;
      for (const n of pattern) {
        if (tape.point.ordinal + n <= 0 || tape.point.ordinal + n > total) continue;
        await tape.stepEvents(n, NEVER);
        const known = states.get(tape.point.ordinal);
        if (known !== undefined) expect(tape.digest()).toBe(known);
        states.set(tape.point.ordinal, tape.digest());
      }
    }), { numRuns: 60 });
  });

  it("seeking to A and then to B equals seeking to B, and equals the straight run to B", async () => {
    await fc.assert(fc.asyncProperty(wirePlans({ min: 5, max: 100 }), fc.nat(), fc.nat(), async (wires, a, b) => {
      const seqA = a % (wires.length + 1);
      const seqB = b % (wires.length + 1);
      const { tape } = await tapeOf(wires);
      await tape.seekSeq(seqA, undefined, NEVER);
      await tape.seekSeq(seqB, undefined, NEVER);
      expect(tape.digest()).toBe(await straight(wires, seqB));
    }), { numRuns: 80 });
  });

  it("continues from a restored point exactly as a straight run does", async () => {
    await fc.assert(fc.asyncProperty(wirePlans({ min: 5, max: 100 }), fc.nat(), async (wires, k) => {
      const { tape } = await tapeOf(wires);
      await tape.index(wires.length, NEVER);
      await tape.seekSeq(k % (wires.length + 1), undefined, NEVER);
      await tape.advanceTo({}, NEVER);
      expect(tape.digest()).toBe(await straight(wires, wires.length));
      expect(tape.atEnd).toBe(true);
    }), { numRuns: 60 });
  });

  it("stands at every event that its own cursor names", async () => {
    await fc.assert(fc.asyncProperty(wirePlans({ min: 5, max: 60 }), async (wires) => {
      const { tape } = await tapeOf(wires);
      for (const event of await allEvents(wires)) {
        const cursor = encodeCursor({ tsEventNs: event.tsEventNs, seq: event.seq });
        await tape.seekCursor(cursor, NEVER);
        expect(tape.point.cursor).toBe(cursor);
        expect([tape.point.seq, tape.point.position]).toEqual([event.record.seq, event.position]);
      }
    }), { numRuns: 30 });
  });

  it("counts exactly the events that a replay emits", async () => {
    await fc.assert(fc.asyncProperty(wirePlans({ min: 5, max: 120 }), async (wires) => {
      const { tape } = await tapeOf(wires);
      await tape.advanceTo({}, NEVER);
      expect(tape.point.ordinal).toBe((await allEvents(wires)).length);
    }), { numRuns: 60 });
  });

  it("finds its way over thousands of records, with checkpoints and fine points in play", async () => {
    const wires = steadyPlan(7_000);
    const { tape } = await tapeOf(wires, { batch: 700 });
    await tape.seekSeq(5_000, undefined, NEVER);
    const digest = tape.digest();
    for (const n of [1, 40, 300, 3_000]) {
      await tape.stepEvents(-n, NEVER);
      await tape.stepEvents(n, NEVER);
      expect(tape.digest()).toBe(digest);
    }
    expect(tape.checkpointCount).toBeGreaterThan(1);
  });
});

async function allEvents(wires: readonly Wire[]) {
  const reader = new MemoryReader(recordsOf(wires));
  const toSeq = await reader.refresh();
  const wanted = ({ symbol }: { symbol: string }): boolean => symbol === INSTRUMENT.symbol;
  const events = [];
  for await (const batch of arrivalEvents({ reader, decoders, clock: testClock, signal: NEVER, toSeq, wanted })) events.push(...batch);
  return events;
}

describe("time and bars", () => {
  it("seeks by known time, and a shown time leads back to its place", async () => {
    const { tape } = await tapeOf(steadyPlan(500));
    await tape.seekSeq(321, undefined, NEVER);
    const { digest, ms } = { digest: tape.digest(), ms: msFromKnownNs(tape.point.knownNs) };
    await tape.seekSeq(7, undefined, NEVER);
    await tape.seekTime({ ms, fit: "exact" }, NEVER);
    expect(tape.digest()).toBe(digest);
  });

  it("refuses an exact time outside the tape and clamps a dragged one", async () => {
    const { tape } = await tapeOf(steadyPlan(100));
    await expect(tape.seekTime({ ms: 1, fit: "exact" }, NEVER)).rejects.toThrow(/outside the tape/);
    await tape.seekTime({ ms: 9e12, fit: "clamped" }, NEVER);
    expect(tape.atEnd).toBe(true);
    await tape.seekTime({ ms: 1, fit: "clamped" }, NEVER);
    expect(tape.point.seq).toBe(0);
  });

  it("steps to the sealing of the next and the previous bar", async () => {
    const { tape } = await tapeOf(steadyPlan(3_000));
    await tape.stepBars(3, "1s", NEVER);
    const sealed = tape.chronicle.series(INSTRUMENT, "1s")?.sealed.map((index) => tape.chronicle.version(index).atSeq) ?? [];
    expect(tape.point.seq).toBe(sealed[2]);
    await tape.stepBars(-1, "1s", NEVER);
    expect(tape.point.seq).toBe(sealed[1]);
    await tape.stepBars(-9, "1s", NEVER);
    expect(tape.point.seq).toBe(0);
    expect(await tape.stepBars(10_000, "1s", NEVER)).toBe("end");
  });
});

describe("refusals and stops", () => {
  it("refuses a cursor that lacks a field, names another capture, or points beyond the end", async () => {
    const { tape } = await tapeOf(steadyPlan(50));
    await tape.seekSeq(10, undefined, NEVER);
    const digest = tape.digest();
    await expect(tape.seekCursor(btoa('{"v":1,"seq":"65536"}'), NEVER)).rejects.toThrow(/lacks the field ts_event/);
    await expect(tape.seekCursor(encodeCursor({ tsEventNs: 5n, seq: eventSeq(1, 0) }), NEVER)).rejects.toThrow(/of another capture/);
    await expect(tape.seekCursor(encodeCursor({ tsEventNs: 5n, seq: eventSeq(99, 0) }), NEVER)).rejects.toThrow(/does not hold/);
    await expect(tape.seekSeq(51, undefined, NEVER)).rejects.toThrow(/ends at 50/);
    expect(tape.digest()).toBe(digest);
    const decoded = decodeCursor(tape.point.cursor ?? "");
    expect(decoded.ok).toBe(true);
  });

  it("stops when told and can be sent on afterwards", async () => {
    const wires = steadyPlan(4_000);
    const { tape } = await tapeOf(wires);
    const controller = new AbortController();
    controller.abort();
    expect(await tape.seekSeq(3_000, undefined, controller.signal)).toBe("stopped");
    await tape.seekSeq(3_000, undefined, NEVER);
    expect(tape.digest()).toBe(await straight(wires, 3_000));
  });

  it("follows a capture that grows, index and cursor together", async () => {
    const wires = steadyPlan(3_000);
    const { tape, reader } = await tapeOf(wires, { visible: 1_000 });
    await tape.advanceTo({}, NEVER);
    for (const visible of [1_001, 1_500, 3_000]) {
      reader.visible = visible;
      await tape.grow();
      expect(await tape.advanceTo({}, NEVER)).toBe("end");
      expect(tape.digest()).toBe(await straight(wires, visible));
    }
  });
});
