// How numbers and moments look, and what a person may type for a moment.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bytes, duration, grouped, rate, shortDigest } from "./numbers.ts";
import { bucketTime, parseGoTo, utc } from "./times.ts";

describe("numbers", () => {
  it.each([["62410.10", "62,410.10"], ["-1234567", "-1,234,567"], ["0.00010000", "0.00010000"], ["999", "999"], ["1000", "1,000"], ["MATCH", "MATCH"]])("%s is shown as %s", (text, shown) => {
    expect(grouped(text)).toBe(shown);
  });

  it("never lose or change a digit", () => {
    fc.assert(fc.property(fc.bigInt({ min: 0n }), fc.stringMatching(/^\d{0,12}$/), (whole, fraction) => {
      const text = fraction === "" ? String(whole) : `${whole}.${fraction}`;
      expect(grouped(text).replaceAll(",", "")).toBe(text);
    }));
  });

  it("say sizes, spans and rates in a few characters", () => {
    expect([bytes(17), bytes(1_900_000), bytes(212e9)]).toEqual(["17 B", "1.9 MB", "212 GB"]);
    expect([duration(7), duration(1_400), duration(180_000), duration(9_000_000)]).toEqual(["7 ms", "1.4 s", "3 min", "2.5 h"]);
    expect([rate(0), rate(0.44), rate(4_112.3)]).toEqual(["0", "0.4", "4,112"]);
    expect(shortDigest("a".repeat(60) + "beef")).toBe("aaaaaaaa…beef");
  });
});

describe("moments", () => {
  const day = Date.UTC(2024, 7, 8, 12);

  it("are UTC with milliseconds", () => {
    expect(utc(Date.UTC(2024, 7, 8, 23, 57, 12, 431) + 0.7)).toBe("2024-08-08 23:57:12.431");
    expect([bucketTime(day, 1_000), bucketTime(day, 60_000), bucketTime(day, 86_400_000)]).toEqual(["12:00:00", "12:00", "2024-08-08"]);
  });

  it.each([
    ["23:57", { kind: "time", ms: Date.UTC(2024, 7, 8, 23, 57) }],
    ["9:05:07.25", { kind: "time", ms: Date.UTC(2024, 7, 8, 9, 5, 7, 250) }],
    ["2024-08-08 23:57:12.431", { kind: "time", ms: Date.UTC(2024, 7, 8, 23, 57, 12, 431) }],
    ["1723161432431", { kind: "time", ms: 1_723_161_432_431 }],
    ["#88,123", { kind: "seq", seq: 88_123 }],
    ["eyJ2IjoxLCJ0c19ldmVudCI6IjEiLCJzZXEiOiIyIn0=", { kind: "cursor", cursor: "eyJ2IjoxLCJ0c19ldmVudCI6IjEiLCJzZXEiOiIyIn0=" }],
  ])("are read from %s", (text, place) => {
    expect(parseGoTo(text, day)).toEqual(place);
  });

  it.each(["", "yesterday", "25:00", "2024-02-30", "2024-08-08 23:57+02:00", "#"])("are not read from %j", (text) => {
    expect(parseGoTo(text, day)).toBeUndefined();
  });
});
