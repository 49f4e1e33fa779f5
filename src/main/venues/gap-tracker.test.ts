// Missing ids: exactly those that never came, under drops, duplicates and disorder.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GapTracker, type Hole } from "./gap-tracker.ts";

const OPTIONS = { reorderMs: 1_000, idLeapMax: 1_000 };

function idsOf(holes: readonly Hole[]): number[] {
  return holes.flatMap(({ fromId, toId }) => Array.from({ length: toId - fromId + 1 }, (_, index) => fromId + index)).sort((a, b) => a - b);
}

describe("gap tracker", () => {
  it("reports exactly the ids that never came, each once, whatever is dropped, doubled or swapped", () => {
    const fate = fc.constantFrom<"ok" | "drop" | "double" | "late">("ok", "ok", "ok", "ok", "drop", "double", "late");
    fc.assert(fc.property(fc.array(fate, { minLength: 2, maxLength: 200 }), fc.integer({ min: 1, max: 8 }), (fates, lateBy) => {
      const tracker = new GapTracker(OPTIONS);
      const arrivals: { at: number; id: number }[] = [];
      fates.forEach((what, index) => {
        const id = 500 + index;
        // The first and the last id always come: they are what a hole is measured between.
        const kept = index === 0 || index === fates.length - 1 ? "ok" : what;
        if (kept !== "drop") arrivals.push({ at: kept === "late" ? index + lateBy + 0.5 : index, id });
        if (kept === "double") arrivals.push({ at: index + 3.25, id });
      });
      arrivals.sort((a, b) => a.at - b.at);
      const reported: Hole[] = [];
      for (const { at, id } of arrivals) {
        tracker.see(id, 10_000 + id, at * 10);
        reported.push(...tracker.due(at * 10));
      }
      reported.push(...tracker.due(1e9));
      const came = new Set(arrivals.map(({ id }) => id));
      expect(idsOf(reported)).toEqual(fates.map((_, index) => 500 + index).filter((id) => !came.has(id)));
      expect(tracker.duplicates).toBe(arrivals.length - came.size);
      expect(tracker.waiting).toBe(0);
    }));
  });

  it("reports exactly the ids that never came when messages stand for several ids", () => {
    const message = fc.record({ count: fc.integer({ min: 1, max: 6 }), fate: fc.constantFrom("ok", "ok", "drop", "double", "late") });
    fc.assert(fc.property(fc.array(message, { minLength: 1, maxLength: 100 }), fc.integer({ min: 1, max: 5 }), (messages, lateBy) => {
      const tracker = new GapTracker(OPTIONS);
      const arrivals: { at: number; fromId: number; id: number }[] = [];
      const missing: number[] = [];
      let next = 500;
      [{ count: 1, fate: "ok" }, ...messages, { count: 1, fate: "ok" }].forEach(({ count, fate }, index) => {
        const span = { fromId: next, id: next + count - 1 };
        next += count;
        if (fate === "drop") for (let id = span.fromId; id <= span.id; id += 1) missing.push(id);
        else arrivals.push({ at: fate === "late" ? index + lateBy + 0.5 : index, ...span });
        if (fate === "double") arrivals.push({ at: index + 3.25, ...span });
      });
      arrivals.sort((a, b) => a.at - b.at);
      for (const { at, fromId, id } of arrivals) tracker.see(id, 10_000 + id, at * 10, fromId);
      expect(idsOf(tracker.due(1e9))).toEqual(missing);
    }));
  });

  it("waits for the reorder time, then says between which times ids are missing", () => {
    const tracker = new GapTracker(OPTIONS);
    tracker.see(1, 100, 0);
    tracker.see(5, 500, 10);
    expect(tracker.due(1_009)).toEqual([]);
    expect(tracker.due(1_010)).toEqual([{ fromId: 2, toId: 4, fromMs: 100, toMs: 500 }]);
    expect(tracker.due(9_999)).toEqual([]);
  });

  it("compares the first id after a resume with the log", () => {
    const tracker = new GapTracker(OPTIONS);
    tracker.resume(10, undefined);
    tracker.see(13, 500, 0);
    expect(tracker.due(2_000)).toEqual([{ fromId: 11, toId: 12, fromMs: undefined, toMs: 500 }]);
  });

  it("does not believe one wild id, nor the same twice", () => {
    const tracker = new GapTracker(OPTIONS);
    tracker.see(1, 100, 0);
    tracker.see(9_000_000, 101, 1);
    tracker.see(9_000_000, 101, 1);
    tracker.see(2, 102, 2);
    tracker.see(3, 103, 3);
    expect(tracker.due(1e9)).toEqual([]);
    expect(tracker.ignored).toBeGreaterThan(0);
  });

  it("believes a leap that the next message confirms, in either order", () => {
    for (const [first, second] of [[9_000_000, 9_000_001], [9_000_001, 9_000_000], [9_000_000, 9_000_003]] as const) {
      const tracker = new GapTracker(OPTIONS);
      tracker.see(1, 100, 0);
      tracker.see(first, 201, 1);
      tracker.see(second, 202, 2);
      const holes = tracker.due(1e9);
      expect(holes[0]).toMatchObject({ fromId: 2, toId: 8_999_999, fromMs: 100 });
      expect(idsOf(holes.slice(1))).toEqual(second - first > 1 ? [9_000_001, 9_000_002] : []);
      tracker.see(Math.max(first, second) + 1, 203, 3);
      expect(tracker.due(1e9)).toEqual([]);
    }
  });

  it("keeps a bounded number of holes in waiting", () => {
    const tracker = new GapTracker(OPTIONS);
    for (let id = 0; id < 4_000; id += 2) tracker.see(id, id, 0);
    expect(tracker.waiting).toBe(1_999);
    expect(tracker.due(0)).toHaveLength(1_999);
    expect(tracker.waiting).toBe(0);
  });
});
