// What late prints do to proofs: nothing that depends on the order of a backfill, nothing that vouches for ids never seen.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Grade } from "../../shared/candles.ts";
import { LogBuilder, derive, trade } from "./canonical.testkit.ts";

const T0 = Date.UTC(2025, 0, 5, 12);

/** Times, from T0, of trades that are in sequence by id; `live` and `late` in the order in which the stream tells them. */
interface Case {
  readonly times: Readonly<Record<number, number>>;
  readonly live: readonly number[];
  /** Told by the stream after all live ones: plainly late. */
  readonly late: readonly number[];
  readonly backfilled: readonly number[];
}

const one = (facts: Case, id: number): ReturnType<typeof trade> => trade({ id, ms: T0 + (facts.times[id] ?? 0), market: false });

/** The final grade of each 1 s bucket, by its number from T0. */
function finalGrades(log: LogBuilder): readonly (readonly [number, Grade])[] {
  const grades = new Map<number, Grade>();
  for (const output of derive(log).outputs) {
    if (output.kind !== "grade") continue;
    for (let at = output.grade.fromOpenMs; at < output.grade.untilOpenMs; at += 1_000) grades.set((at - T0) / 1_000, output.grade.grade);
  }
  return [...grades].sort(([a], [b]) => a - b);
}

function gradesOf(facts: Case, order: readonly number[]): readonly (readonly [number, Grade])[] {
  const log = new LogBuilder().config(T0, { intervals: ["1s"] });
  for (const id of facts.live) log.trades(T0 + (facts.times[id] ?? 0) + 20, [one(facts, id)]);
  const lastMs = T0 + Math.max(...Object.values(facts.times)) + 20;
  for (const id of facts.late) log.trades(lastMs, [one(facts, id)]);
  for (const id of order) log.trades(lastMs + 10, [one(facts, id)], { source: "rest_backfill" });
  log.control(lastMs + 20, { kind: "end_of_input", reason: "test" });
  return finalGrades(log);
}

describe("a run whose lowest id came plainly late", () => {
  // fast-check seed 1955990688: the run 1002… lost the beginning that it had proved when 1000 and 1001 joined it from below.
  const seed1955990688: Case = {
    times: { 1000: 500, 1001: 500, 1002: 2_284, 1003: 3_060, 1004: 3_501, 1005: 7_000, 1006: 7_000 },
    live: [1002, 1004, 1005, 1006], late: [1000], backfilled: [1001, 1003],
  };

  it("keeps what the run above it proves, in either order of the backfill", () => {
    const [a, b] = [gradesOf(seed1955990688, [1001, 1003]), gradesOf(seed1955990688, [1003, 1001])];
    expect(a).toEqual(b);
    expect(a.filter(([, grade]) => grade === "empty_proved").map(([bucket]) => bucket)).toEqual([2, 3, 4, 5, 6]);
  });

  it("does not itself prove the time before it: an id below it was never seen", () => {
    // 1000 has an old time, 999 is missing, and could have any time up to that of 1001.
    const facts: Case = { times: { 998: 100, 999: 2_500, 1000: 500, 1001: 4_100, 1002: 9_000 }, live: [998, 1001, 1002], late: [1000], backfilled: [] };
    const grades = new Map(gradesOf(facts, []));
    for (const bucket of [1, 2, 3]) expect(grades.get(bucket)).toBe("GAP_UNRESOLVED");
    for (const bucket of [5, 6, 7]) expect(grades.get(bucket)).toBe("empty_proved");
  });
});

describe("late prints anywhere", () => {
  const how = fc.constantFrom("live", "live", "live", "backfilled", "lost", "late print");
  const step = fc.oneof(fc.nat(40), fc.nat(1_500), fc.nat(9_000));
  const fact = fc.record({ step, how, old: fc.integer({ min: 3_001, max: 12_000 }), one: fc.nat(), other: fc.nat() });

  it("leave grades alike in any order of the backfill, and no bucket complete that lacks a trade", () => {
    fc.assert(fc.property(fc.array(fact, { minLength: 2, maxLength: 40 }), (steps) => {
      let [cameMs, watermarkMs] = [T0 + 500, T0 + 500];
      const told = steps.map(({ step: aside, how: fate, old, ...orders }, index) => {
        cameMs += aside;
        const way = index === 0 ? "live" : fate;
        if (way === "live") watermarkMs = cameMs;
        return { id: 1_000 + index, cameMs, ms: way === "late print" ? watermarkMs - old : cameMs, way, ...orders };
      });
      const logOf = (order: (of: (typeof told)[number]) => number): LogBuilder => {
        const log = new LogBuilder().config(T0, { intervals: ["1s"] });
        for (const { id, ms, way, cameMs: atMs } of told) if (way === "live" || way === "late print") log.trades(atMs + 20, [trade({ id, ms })]);
        const filled = told.filter(({ way }) => way === "backfilled").sort((a, b) => order(a) - order(b) || a.id - b.id);
        for (const { id, ms } of filled) log.trades(cameMs + 30, [trade({ id, ms })], { source: "rest_backfill" });
        return log.control(cameMs + 40, { kind: "end_of_input", reason: "test" });
      };
      const grades = finalGrades(logOf(({ one: order }) => order));
      expect(finalGrades(logOf(({ other }) => other))).toEqual(grades);
      const lost = new Set(told.filter(({ way }) => way === "lost").map(({ ms }) => Math.floor((ms - T0) / 1_000)));
      const complete = grades.filter(([, grade]) => grade === "proved" || grade === "repaired" || grade === "empty_proved");
      expect(complete.filter(([bucket]) => lost.has(bucket))).toEqual([]);
    }), { numRuns: 150 });
  });
});
