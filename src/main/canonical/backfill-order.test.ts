// Grades must not depend on the order in which a backfill brings what was missing: counterexamples that properties found.
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
function gradesOf(facts: Case, order: readonly number[]): readonly (readonly [number, Grade])[] {
  const log = new LogBuilder().config(T0, { intervals: ["1s"] });
  for (const id of facts.live) log.trades(T0 + (facts.times[id] ?? 0) + 20, [one(facts, id)]);
  const lastMs = T0 + Math.max(...Object.values(facts.times)) + 20;
  for (const id of facts.late) log.trades(lastMs, [one(facts, id)]);
  for (const id of order) log.trades(lastMs + 10, [one(facts, id)], { source: "rest_backfill" });
  log.control(lastMs + 20, { kind: "end_of_input", reason: "test" });
  const grades = new Map<number, Grade>();
  for (const output of derive(log).outputs) {
    if (output.kind !== "grade") continue;
    for (let at = output.grade.fromOpenMs; at < output.grade.untilOpenMs; at += 1_000) grades.set((at - T0) / 1_000, output.grade.grade);
  }
  return [...grades].sort(([a], [b]) => a - b);
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
