// The shared time axis: one line between time and pixels, whatever is missing in between.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { barCentreX, restoredRange, SLOTS_MAX, slotsFor, timeToX, visibleTimes, xToTime, type TimeAxis } from "./axis.ts";

const MINUTE = 60_000;
const axis: TimeAxis = { firstOpenMs: 100 * MINUTE, intervalMs: MINUTE, slots: 50, originX: 20, spacing: 8, width: 400 };

const anyAxis = fc.record({
  firstOpenMs: fc.integer({ min: 0, max: 30_000_000 }).map((minute) => minute * MINUTE), intervalMs: fc.constantFrom(1_000, MINUTE, 86_400_000),
  slots: fc.integer({ min: 1, max: SLOTS_MAX }), originX: fc.double({ min: -20_000, max: 1_000, noNaN: true }), spacing: fc.double({ min: 0.2, max: 60, noNaN: true }),
  width: fc.integer({ min: 100, max: 3_000 }),
});

describe("time axis", () => {
  it("puts a bucket's open at its slot's left edge and its bar at the centre", () => {
    expect(timeToX(axis, 100 * MINUTE)).toBe(16);
    expect(barCentreX(axis, 100 * MINUTE)).toBe(20);
    expect(barCentreX(axis, 103 * MINUTE)).toBe(44);
    expect(timeToX(axis, 100.25 * MINUTE)).toBe(18);
  });

  it("gives a pixel's time back within a thousandth of a slot", () => {
    fc.assert(fc.property(anyAxis, fc.double({ min: -3_000, max: 3_000, noNaN: true }), (one, x) => {
      expect(Math.abs(timeToX(one, xToTime(one, x)) - x)).toBeLessThan(one.spacing / 1_000 + 1e-6);
    }));
  });

  it("sees what lies between its edges", () => {
    const { fromMs, untilMs } = visibleTimes(axis);
    expect(timeToX(axis, fromMs)).toBeCloseTo(0);
    expect(timeToX(axis, untilMs)).toBeCloseTo(400);
  });
});

describe("slots", () => {
  it("run to the last bar or the cursor's bucket, whichever is later", () => {
    expect(slotsFor({ firstBarMs: 0, lastBarMs: 9 * MINUTE, cursorMs: 4 * MINUTE, intervalMs: MINUTE })).toEqual({ firstOpenMs: 0, intervalMs: MINUTE, count: 10 });
    expect(slotsFor({ firstBarMs: 0, lastBarMs: 9 * MINUTE, cursorMs: 12.5 * MINUTE, intervalMs: MINUTE })?.count).toBe(13);
    expect(slotsFor({ firstBarMs: undefined, lastBarMs: undefined, cursorMs: undefined, intervalMs: MINUTE })).toBeUndefined();
  });

  it("are bounded, however long the silence between two bars", () => {
    const slots = slotsFor({ firstBarMs: 0, lastBarMs: 1_000_000 * MINUTE, cursorMs: undefined, intervalMs: MINUTE });
    expect(slots).toEqual({ firstOpenMs: (1_000_001 - SLOTS_MAX) * MINUTE, intervalMs: MINUTE, count: SLOTS_MAX });
  });
});

describe("a replaced series", () => {
  const after = (firstOpenMs: number, count: number): Parameters<typeof restoredRange>[1] => ({ firstOpenMs, intervalMs: MINUTE, count });

  it("keeps the moments in view when older bars are put in front", () => {
    const scrolled = { ...axis, slots: 500, originX: -400 };
    const range = restoredRange(scrolled, after(40 * MINUTE, 560));
    const fromMs = 40 * MINUTE + (range.from + 0.5) * MINUTE;
    expect(fromMs).toBeCloseTo(visibleTimes(scrolled).fromMs);
    expect(range.to - range.from).toBeCloseTo(50);
  });

  it("keeps its distance to the right edge when that was in view", () => {
    const range = restoredRange({ ...axis, slots: 45 }, after(100 * MINUTE, 40));
    expect(range.to - 40).toBeCloseTo((400 - 20) / 8 - 45);
  });

  it("goes to the newest bars when nothing of the old picture is left", () => {
    const scrolled = { ...axis, slots: 5_000, originX: -400 };
    expect(restoredRange(scrolled, after(9_000 * MINUTE, 100)).to).toBe(106);
  });
});
