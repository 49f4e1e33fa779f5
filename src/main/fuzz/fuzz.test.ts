// A short run of every target, and the frame itself: inputs repeat by their numbers, and each kind of finding is found.
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { type FuzzSample, type FuzzTarget, inputOf, runFuzz } from "./frame.ts";
import { readTree, writeTree } from "./json-tree.ts";
import { INPUT_BYTES_MAX } from "./mutate.ts";
import { Seeded } from "./seeded.ts";
import { fuzzTargets } from "./targets.fuzz.ts";

const clock = { wallNs: () => 0n, monotonicMs: () => performance.now() };
const encoder = new TextEncoder();
const samples: readonly FuzzSample[] = ['{"a":[1,"2",{"b":null}],"c":"x"}', "[]", "no JSON"].map((text) => ({ label: "any", bytes: encoder.encode(text) }));

/** The seed of the short run: TAPEDECK_FUZZ_SEED=N tries another. */
const SEED = Number(process.env["TAPEDECK_FUZZ_SEED"] ?? 1);
const SHORT_RUN = 4_000;
const DATA = resolve("../shared/data");

describe("a short run", () => {
  it.each(fuzzTargets.map((target) => [target.name, target] as const))("%s", async (_, target) => {
    const all = [...target.samples(), ...(existsSync(DATA) ? target.captured?.(DATA) ?? [] : [])];
    const { executions, finding } = await runFuzz({ target, samples: all, seed: SEED, clock, forMs: 2_500, executions: all.length + SHORT_RUN });
    expect(finding && `${finding.what}\nlabel ${finding.input.label}, seed ${SEED}, input ${finding.index}: ${new TextDecoder().decode(finding.input.bytes).slice(0, 2_000)}`).toBeUndefined();
    expect(executions).toBeGreaterThan(20);
  }, 30_000);
});

function targetOf(run: FuzzTarget["run"]): FuzzTarget {
  return { name: "made", samples: () => samples, run, limitMs: 50 };
}

describe("the frame", () => {
  it("makes the same input for the same seed and number, others for others, none too large", () => {
    const texts = new Set<string>();
    for (let index = 0; index < 1_500; index += 1) {
      const input = inputOf(samples, 7, index);
      expect(inputOf(samples, 7, index)).toEqual(input);
      expect(input.bytes.length).toBeLessThanOrEqual(INPUT_BYTES_MAX);
      texts.add(Buffer.from(input.bytes).toString("latin1"));
    }
    expect(texts.size).toBeGreaterThan(700);
    expect(inputOf(samples, 8, 100)).not.toEqual(inputOf(samples, 7, 100));
  });

  it("finds what is thrown, with the input that did it", async () => {
    const target = targetOf((bytes) => {
      if (new TextDecoder().decode(bytes).includes("Infinity")) throw new Error("no end");
    });
    const { finding } = await runFuzz({ target, samples, seed: 3, clock, forMs: 10_000, executions: 100_000 });
    expect(finding?.what).toContain("no end");
    expect(finding && inputOf(samples, 3, finding.index)).toEqual(finding?.input);
  });

  it("finds what takes too long, and memory that grows", async () => {
    let nowMs = 0;
    const slow = { wallNs: () => 0n, monotonicMs: () => nowMs };
    const late = targetOf(() => {
      nowMs += nowMs < 100 ? 1 : 60;
    });
    expect((await runFuzz({ target: late, samples, seed: 1, clock: slow, forMs: 10_000 })).finding?.what).toContain("limit is 50 ms");
    nowMs = 0;
    const growing = targetOf(() => {
      nowMs += 10;
    });
    expect((await runFuzz({ target: growing, samples, seed: 1, clock: slow, forMs: 60_000, heapBytes: () => nowMs * 1_000 })).finding?.what).toContain("memory grew");
  });

  it("writes a tree back as it was read", () => {
    for (const text of ['{"a":[1,-2.50,"x\\"y",{"a":null,"a":true}],"":{}}', "[]", '"é"', "1e5"]) {
      const tree = readTree(text);
      expect(tree && writeTree(tree, { spaces: false, escapes: false }, new Seeded(1, 1))).toBe(text);
      expect(tree && JSON.parse(writeTree(tree, { spaces: true, escapes: true }, new Seeded(2, 2)))).toEqual(JSON.parse(text));
    }
    expect(readTree("{")).toBeUndefined();
  });
});
