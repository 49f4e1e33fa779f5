// What a person types for an export or for retention is understood or refused in one line; what cannot be read removes nothing.
import { describe, expect, it } from "vitest";
import { exportTrouble, fieldsOf, isBinding, limitsOf, removalSentence, savedLimits } from "./words.ts";

describe("an export's destination", () => {
  it.each([["folder", "/data/lake"], ["s3", "s3://bucket"], ["s3", "s3://my-bucket.x/deep/prefix"], ["mcap", "/data/one.mcap"], ["folder", ""]] as const)("as %s may be %j", (kind, to) => {
    expect(exportTrouble(kind, to)).toBeUndefined();
  });
  it.each([["folder", "s3://bucket/x"], ["folder", "/data/one.mcap"], ["s3", "/data/lake"], ["s3", "s3://"], ["s3", "s3://Bucket"], ["mcap", "/data/lake"], ["mcap", "s3://bucket/one.mcap"]] as const)("as %s may not be %j", (kind, to) => {
    expect(exportTrouble(kind, to)).toMatch(/\.$/);
  });
});

describe("retention's limits", () => {
  it("are read from what was typed", () => {
    expect(limitsOf({ days: "30", gigabytes: "1.5", unexported: false })).toEqual({ limits: { maxAgeDays: 30, maxBytes: 1_500_000_000, unexported: false } });
    expect(limitsOf({ days: " ", gigabytes: "", unexported: true })).toEqual({ limits: { unexported: true } });
  });
  it.each([["0", ""], ["-1", ""], ["soon", ""], ["40000", ""], ["", "0"], ["", "lots"]])("refuse %j days and %j gigabytes", (days, gigabytes) => {
    expect(limitsOf({ days, gigabytes, unexported: false })).toHaveProperty("trouble");
  });
  it("come back into the fields as they were", () => {
    const limits = { maxAgeDays: 7, maxBytes: 250_000_000_000, unexported: true };
    expect(limitsOf(fieldsOf(limits))).toEqual({ limits });
  });
  it("that cannot be read bind nothing", () => {
    expect(savedLimits({ retention: { maxAgeDays: "all" } })).toBeUndefined();
    expect([isBinding(undefined), isBinding({ unexported: true }), isBinding({ maxBytes: 1, unexported: false })]).toEqual([false, false, true]);
  });
  it("are confirmed by a sentence that says how much goes now", () => {
    const preview = { removes: [{ captureId: "a", bytes: 2e9, why: "old" }, { captureId: "b", bytes: 1e9, why: "old" }], keeps: [], bytes: 3e9 };
    expect(removalSentence({ maxAgeDays: 30, unexported: false }, preview)).toMatch(/for good.*older than 30 days.*once they are exported.*2 captures \(3\.0 GB\) now/);
    expect(removalSentence({ maxBytes: 1e12, unexported: true }, { ...preview, removes: [] })).toMatch(/exported or not: nothing now/);
  });
});
