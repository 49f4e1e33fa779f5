// The small curves: bounded, scaled, broken where nothing is known.
import { describe, expect, it } from "vitest";
import { extended, SAMPLES_MAX, type BridgeHistory } from "./history.ts";
import { curvePath } from "./Sparkline.tsx";

describe("a curve's samples", () => {
  it("are bounded and keep their order", () => {
    let curves: BridgeHistory["curves"] = new Map();
    for (let sample = 0; sample < SAMPLES_MAX + 10; sample += 1) curves = extended(curves, "remote", [["remote/a/x", sample]]);
    expect(curves.get("remote/a/x")?.length).toBe(SAMPLES_MAX);
    expect([curves.get("remote/a/x")?.at(0), curves.get("remote/a/x")?.at(-1)]).toEqual([10, SAMPLES_MAX + 9]);
  });

  it("leave with their series, and those of the other kind stay", () => {
    const before = extended(extended(new Map(), "share", [["share/x", 1]]), "remote", [["remote/a/x", 1], ["remote/a/y", 2]]);
    expect([...extended(before, "remote", [["remote/a/y", 3]]).keys()]).toEqual(["share/x", "remote/a/y"]);
  });
});

describe("a curve", () => {
  it("has its newest sample at the right, zero at the foot and the largest at the top", () => {
    expect(curvePath([0, 40], 20)).toBe("M63.0 13.0L64.0 1.0");
  });

  it("is broken where nothing is known", () => {
    expect(curvePath([1, undefined, 1], 1).match(/M/g)?.length).toBe(2);
    expect(curvePath([], 1)).toBe("");
  });
});
