// Merging bars: equal to a map by openMs, in order, bounded, exact across scales.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BAR_INEXACT, type BarColumns } from "../../shared/protocol/frames.ts";
import { BARS_MAX, BarTable, barText } from "./bars.ts";

function bars(rows: readonly (readonly [openMs: number, close: number])[], priceScale = 2): BarColumns {
  const opens = Float64Array.from(rows, ([openMs]) => openMs);
  const closes = Float64Array.from(rows, ([, close]) => close);
  const ones = (): Float64Array => new Float64Array(rows.length).fill(1);
  return {
    length: rows.length, priceScale, volumeScale: 3, quoteScale: 5, openMs: opens, open: closes.slice(), high: closes.slice(), low: closes.slice(), close: closes,
    volume: ones(), quoteVolume: ones(), takerBuyVolume: ones(), tradeCount: ones(), atSeq: ones(),
    revision: new Uint16Array(rows.length), grade: new Uint8Array(rows.length).fill(255), flags: new Uint8Array(rows.length),
  };
}

function rowsOf(table: BarTable): [number, number][] {
  const { columns } = table;
  return Array.from({ length: columns.length }, (_, index) => [columns.openMs[index] ?? 0, columns.close[index] ?? 0]);
}

const change = fc.uniqueArray(fc.tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 1, max: 1_000 })), { selector: ([openMs]) => openMs, maxLength: 20 })
  .map((rows) => rows.sort((a, b) => a[0] - b[0]));

describe("bars", () => {
  it("hold after any merges what a map by openMs would hold", () => {
    fc.assert(fc.property(fc.array(change, { maxLength: 12 }), (changes) => {
      const table = new BarTable();
      const expected = new Map<number, number>();
      for (const rows of changes) {
        table.merge(bars(rows));
        for (const [openMs, close] of rows) expected.set(openMs, close);
      }
      expect(rowsOf(table)).toEqual([...expected].sort((a, b) => a[0] - b[0]));
    }));
  });

  it("say which bars changed, and that all did when one was put in between", () => {
    const table = new BarTable();
    table.reset(bars([[10, 1], [30, 3]]));
    expect(table.merge(bars([[30, 4], [40, 5]]))).toEqual({ kind: "some", openMs: [30, 40] });
    expect(table.merge(bars([[20, 2]]))).toEqual({ kind: "all" });
  });

  it("are a copy of what came in the frame", () => {
    const table = new BarTable();
    const frame = bars([[10, 1]]);
    table.reset(frame);
    frame.close[0] = 99;
    expect(rowsOf(table)).toEqual([[10, 1]]);
  });

  it("stay bounded: the oldest leave", () => {
    const table = new BarTable();
    table.reset(bars(Array.from({ length: BARS_MAX + 10 }, (_, index) => [index, 1])));
    expect(table.length).toBe(BARS_MAX);
    table.merge(bars(Array.from({ length: 300 }, (_, index) => [BARS_MAX + 10 + index, 2])));
    expect(table.length).toBe(BARS_MAX);
    expect(table.columns.openMs[0]).toBe(310);
    expect(table.indexOf(BARS_MAX + 309)).toBe(BARS_MAX - 1);
    expect(table.indexOf(0)).toBeUndefined();
  });

  it("keep every digit when a later frame needs a finer scale", () => {
    const table = new BarTable();
    table.reset(bars([[10, 6_241_010]], 2));
    table.merge(bars([[20, 62_410_105]], 3));
    expect([0, 1].map((index) => barText(table.columns, index).close)).toEqual(["62410.100", "62410.105"]);
    table.merge(bars([[30, 624_101]], 1));
    expect(barText(table.columns, 2).close).toBe("62410.100");
  });

  it("mark a number that leaves the exact range", () => {
    const table = new BarTable();
    table.reset(bars([[10, Number.MAX_SAFE_INTEGER]], 0));
    table.merge(bars([[20, 1]], 4));
    expect((table.columns.flags[0] ?? 0) & BAR_INEXACT).toBe(BAR_INEXACT);
    expect(barText(table.columns, 0).isInexact).toBe(true);
  });
});
