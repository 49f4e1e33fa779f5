// Rows are ordered by one column, unknown always last, and a third click gives the first order back.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nextSort, sorted } from "./sort.ts";

describe("a sort", () => {
  it("turns with each click and then goes", () => {
    const first = nextSort(undefined, "rate", -1);
    expect(first).toEqual({ column: "rate", direction: -1 });
    expect(nextSort(first, "rate", -1)).toEqual({ column: "rate", direction: 1 });
    expect(nextSort({ column: "rate", direction: 1 }, "rate", -1)).toBeUndefined();
    expect(nextSort(first, "name")).toEqual({ column: "name", direction: 1 });
  });

  it("keeps every row, orders the known ones and leaves the unknown last, both ways", () => {
    fc.assert(fc.property(fc.array(fc.option(fc.integer(), { nil: undefined })), fc.constantFrom(1 as const, -1 as const), (keys, direction) => {
      const rows = keys.map((key, index) => ({ key, index }));
      const out = sorted(rows, direction, ({ key }) => key);
      expect([...out].sort((a, b) => a.index - b.index)).toEqual(rows);
      const known = out.flatMap(({ key }) => (key === undefined ? [] : [key]));
      expect(out.slice(0, known.length).every(({ key }) => key !== undefined)).toBe(true);
      expect(known).toEqual([...known].sort((a, b) => direction * (a - b)));
    }));
  });

  it("leaves equal rows as they came", () => {
    expect(sorted([{ a: 1, b: "x" }, { a: 1, b: "y" }], -1, ({ a }) => a).map(({ b }) => b)).toEqual(["x", "y"]);
  });
});
