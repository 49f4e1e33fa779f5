// Raw bytes on screen: every character of the wire is kept.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hexDump, laidOut } from "./payload.ts";

describe("a payload", () => {
  it("is laid out without touching the venue's digits", () => {
    expect(laidOut('{"p":"61800.30","q":1.500,"x":[1,{"y":[]}],"z":{}}')).toBe('{\n  "p": "61800.30",\n  "q": 1.500,\n  "x": [\n    1,\n    {\n      "y": []\n    }\n  ],\n  "z": {}\n}');
  });

  it("means the same JSON as before", () => {
    fc.assert(fc.property(fc.json(), (text) => {
      expect(JSON.parse(laidOut(text))).toEqual(JSON.parse(text));
    }));
  });

  it("as hex shows sixteen bytes a line", () => {
    expect(hexDump(new TextEncoder().encode('{"e":"aggTrade","')).split("\n")).toEqual([
      '000000  7b 22 65 22 3a 22 61 67  67 54 72 61 64 65 22 2c  {"e":"aggTrade",',
      `000010  22${" ".repeat(21)}  ${" ".repeat(23)}  "`,
    ]);
  });
});
