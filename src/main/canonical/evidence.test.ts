// Ranges of like standing, against one judgement per bucket; and what a year without trades costs.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { GapState } from "../../shared/candles.ts";
import { LogBuilder, MemoryHistory, derive, sha256, trade } from "./canonical.testkit.ts";
import { standingOf, type Evidence, type Standing } from "./evidence.ts";
import { GapLedger, type Gap } from "./gaps.ts";
import { IdRuns, type IdRun } from "./id-runs.ts";

const LENGTH = 1_000;
/** Bucket numbers 0 … 29, times a little before and after them. */
const BUCKETS = 30;
const time = fc.integer({ min: -1_500, max: BUCKETS * LENGTH + 1_500 });
const maybe = (sign: 1 | -1): fc.Arbitrary<number> => fc.oneof({ weight: 4, arbitrary: time }, fc.constant(sign * Number.POSITIVE_INFINITY));
const state = fc.constantFrom<GapState>("open", "backfilling", "partly_repaired", "GAP_UNRESOLVED");

const run = fc.record({ skip: fc.integer({ min: 2, max: 4 }), length: fc.nat(5), late: fc.boolean(), a: time, b: time, c: time });

function runsOf(facts: readonly { readonly skip: number; readonly length: number; readonly late: boolean; readonly a: number; readonly b: number; readonly c: number }[]): IdRun[] {
  let id = 0;
  return facts.map(({ skip, length, late, a, b, c }) => {
    const from = id + skip;
    id = from + length;
    const [minMs = a, fromMs = a, maxMs = a] = [a, b, c].sort((x, y) => x - y);
    return { from, to: id, fromMs, late, minMs, maxMs, fromRecvNs: 0n, toRecvNs: 0n, fromSeq: 1, maxSeq: 2 };
  });
}

const gap = fc.record({ from: time, length: fc.option(fc.nat(9_000), { nil: undefined }), fromId: fc.option(fc.nat(30), { nil: undefined }), ids: fc.nat(5), state });

const evidences: fc.Arbitrary<Evidence> = fc
  .record({
    runs: fc.array(run, { maxLength: 6 }), former: fc.array(run, { maxLength: 2 }), gaps: fc.array(gap, { maxLength: 4 }), idsAbsent: fc.boolean(),
    firstTradeMs: maybe(1), lastTradeMs: maybe(-1), coveredFromMs: maybe(1), coveredUntilMs: maybe(-1),
  })
  .map(({ runs, former, gaps, ...facts }) => {
    const ids = new IdRuns();
    ids.runs.push(...runsOf(runs));
    const ledger = new GapLedger("x", { sha256, history: new MemoryHistory(), emit: () => undefined });
    ledger.gaps = gaps.map((one, index): Gap => ({
      gapId: String(index), fromMs: one.from, toMs: one.length === undefined ? undefined : one.from + one.length, fromId: one.fromId,
      toId: one.fromId === undefined || one.length === undefined ? undefined : one.fromId + one.ids, missing: undefined, cause: "disconnect",
      state: one.state, attempts: 0, detail: "", reason: "", openedSeq: 1, proof: one.fromId === undefined ? "none" : "ids", found: 0, tellAtMs: undefined,
    }));
    return { runs: ids, formerRuns: runsOf(former), gaps: ledger, ...facts, firstKnownMs: () => Math.min(facts.coveredFromMs, facts.firstTradeMs) };
  });

/** CANONICAL.md §8 for one bucket, and no word about its neighbours. */
function slowStanding(evidence: Evidence, fromMs: number): Standing {
  const untilMs = fromMs + LENGTH;
  const { runs } = evidence.runs;
  if ([...runs, ...evidence.formerRuns].some((one) => one.fromMs < fromMs && one.maxMs >= untilMs)) return "proved";
  const lost: { readonly a: number; readonly b: number; readonly givenUp: boolean }[] = [];
  runs.slice(1).forEach((after, index) => {
    const before = runs[index] ?? after;
    const holding = evidence.gaps.holding(before.to + 1);
    const givenUp = holding === undefined || holding.state === "GAP_UNRESOLVED";
    // Late runs from here up, and the first that is not.
    const above = runs.slice(index + 1);
    const sure = above.findIndex((one) => !one.late);
    const beginsMs = Math.min(...above.slice(0, sure === -1 ? above.length : sure + 1).map(({ fromMs }) => fromMs));
    lost.push({ a: Math.min(before.maxMs, beginsMs), b: Math.max(before.maxMs, beginsMs), givenUp });
  });
  for (const one of evidence.gaps.gaps) {
    if (one.toMs === undefined || one.fromId === undefined) lost.push({ a: one.fromMs, b: one.toMs ?? Number.POSITIVE_INFINITY, givenUp: one.state === "GAP_UNRESOLVED" });
  }
  const here = lost.filter(({ a, b }) => a < untilMs && b >= fromMs);
  if (here.length > 0) return here.some(({ givenUp }) => givenUp) ? "unresolved" : "damaged";
  const startKnown = evidence.firstTradeMs < fromMs || evidence.coveredFromMs <= fromMs + 10;
  const endKnown = evidence.lastTradeMs >= untilMs || evidence.coveredUntilMs >= untilMs - 10;
  if (!startKnown || !endKnown) return "edge";
  return evidence.idsAbsent ? "unprovable" : "covered";
}

describe("the standing of a range", () => {
  it("is that of each of its buckets", () => {
    fc.assert(fc.property(evidences, (evidence) => {
      const slow = Array.from({ length: BUCKETS }, (_, bucket) => slowStanding(evidence, bucket * LENGTH));
      for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
        const { standing, holdsUntilMs } = standingOf(evidence, bucket * LENGTH, (bucket + 1) * LENGTH);
        const alike = Math.min(BUCKETS, Math.max(bucket + 1, Math.floor(holdsUntilMs / LENGTH)));
        expect(slow.slice(bucket, alike)).toEqual(Array.from({ length: alike - bucket }, () => standing));
      }
    }), { numRuns: 1_000 });
  });
});

const T0 = Date.UTC(2025, 0, 5, 12);
const YEAR_MS = 365 * 86_400_000;

/** The best of three: other programs cost time too, and are not what is measured. */
function milliseconds(log: LogBuilder): number {
  const times = [0, 1, 2].map(() => {
    const began = performance.now();
    derive(log);
    return performance.now() - began;
  });
  return Math.min(...times);
}

describe("a year of silence", () => {
  const log = (next: number): LogBuilder => {
    const made = new LogBuilder().config(T0, { intervals: ["1s", "1m"] });
    made.trades(T0, [trade({ id: 1, ms: T0 })]).trades(T0 + 5_000, [trade({ id: 2, ms: T0 + 5_000 })]);
    return made.trades(T0 + YEAR_MS, [trade({ id: next, ms: T0 + YEAR_MS })]).trades(T0 + YEAR_MS + 9_000, [trade({ id: next + 1, ms: T0 + YEAR_MS + 9_000 })]);
  };

  it("costs no more than its few grades, whether ids go on, jump, or are absent", () => {
    const nameless = new LogBuilder().config(T0, { intervals: ["1s", "1m"] });
    for (const ms of [T0, T0 + 5_000, T0 + YEAR_MS, T0 + YEAR_MS + 9_000]) {
      nameless.trades(ms, [{ ...trade({ id: 0, ms }), tradeId: `x${ms}`, sequenceId: undefined, firstTradeId: undefined, lastTradeId: undefined }]);
    }
    const ticked = log(3);
    ticked.entries.splice(3);
    ticked.control(T0 + YEAR_MS, { kind: "tick", venue: "binance-usdm", offset_ns: 0n, error_ns: 0n });
    for (const one of [log(3), log(9), nameless, ticked]) expect(milliseconds(one)).toBeLessThan(50);
    const grades = derive(log(3)).outputs.flatMap((output) => (output.kind === "grade" && output.grade.interval === "1s" ? [output.grade] : []));
    expect(grades.length).toBeLessThan(12);
    expect(grades.some(({ grade, fromOpenMs, untilOpenMs }) => grade === "empty_proved" && untilOpenMs - fromOpenMs > YEAR_MS - 20_000)).toBe(true);
  });
});
