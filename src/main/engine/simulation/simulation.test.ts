// The whole path under simulation: 50 seeds hold, the seeds that once failed hold, a run repeats itself, and planted bugs are found.
import { describe, expect, it } from "vitest";
import type { RawRecord } from "../../../shared/raw.ts";
import { drawSchedule } from "./fault-schedule.ts";
import { FAULT_KINDS, repeatCommand, simulate, type SimulationReport } from "./simulation.ts";
import { SeededRandom } from "../../sim/random.ts";

const SEEDS = 50;
const BATCH = 10;
/** Seeds that found a bug, with the bug. Never removed. */
const REGRESSIONS: readonly (readonly [number, string])[] = [
  [3, "a late print older than the recording made buckets before it empty_proved"],
  [11, "a late print behind a hole vouched for the trades in the hole"],
  [18, "the same, with the hole only partly repaired"],
  [212, "a late print that was the first trade of all vouched for the time before the recording"],
];

function told(report: SimulationReport): string {
  return [...report.failures, `repeat with: ${repeatCommand(report.seed)}`].join("\n");
}

async function holds(options: Parameters<typeof simulate>[0]): Promise<SimulationReport> {
  const report = await simulate(options);
  if (report.failures.length > 0) expect.fail(told(report));
  return report;
}

describe("the whole path, simulated", () => {
  it.each(Array.from({ length: SEEDS / BATCH }, (_, batch) => [batch * BATCH + 1, (batch + 1) * BATCH]))("holds with faults, seeds %i to %i", async (from, to) => {
    for (let seed = from; seed <= to; seed += 1) await holds({ seed });
  }, 120_000);

  it.each(REGRESSIONS)("holds for seed %i, which once failed: %s", async (seed) => {
    await holds({ seed });
  }, 60_000);

  it("gives the market's own candles, all proved, when nothing goes wrong", async () => {
    for (let seed = 1_001; seed <= 1_003; seed += 1) {
      const report = await holds({ seed, kinds: [] });
      expect(report.bars).toBeGreaterThan(50);
      expect(report.revisions).toBe(0);
    }
  }, 60_000);

  it("repeats itself to the last digit", async () => {
    const first = await holds({ seed: 7_001, activeMs: 30_000 });
    const second = await holds({ seed: 7_001, activeMs: 30_000 });
    expect(second).toEqual(first);
  }, 60_000);

  it("switches each kind of fault off in some seeds and on in others", () => {
    const options = { symbols: ["BTCUSDT"], untilMs: 60_000, only: undefined };
    const schedules = Array.from({ length: 400 }, (_, seed) => new Set(drawSchedule(new SeededRandom(seed), options).flatMap(({ faults }) => faults.map((fault) => fault.name))));
    for (const name of ["drop", "late-print", "crash", "line-cut", "clock-step"] as const) {
      const share = schedules.filter((names) => names.has(name)).length / schedules.length;
      expect(share).toBeGreaterThan(0.1);
      expect(share).toBeLessThan(0.7);
    }
    expect(FAULT_KINDS.length).toBeGreaterThan(10);
  });
});

/** Each bug must be found, or the run proves nothing. */
const BUGS: readonly (readonly [string, readonly string[], (record: RawRecord) => RawRecord | undefined])[] = [
  ["every 100th trade message is lost between log and canonicalizer", [], everyHundredth(() => undefined)],
  ["every 100th trade message is applied with another quantity", [], everyHundredth(withOtherQuantity)],
  ["backfill is never applied", ["drop"], (record) => (record.source === "rest_backfill" ? undefined : record)],
];

function everyHundredth(spoil: (record: RawRecord) => RawRecord | undefined): (record: RawRecord) => RawRecord | undefined {
  let count = 0;
  return (record) => {
    if (!record.stream.streamId.endsWith(":aggTrade")) return record;
    count += 1;
    return count % 100 === 0 ? spoil(record) : record;
  };
}

function withOtherQuantity({ stream, source, connection, recvNs, eventNs, seq, ingestSeq, payload }: RawRecord): RawRecord {
  const text = new TextDecoder().decode(payload).replace(/"q":"(\d+)/, (_, lots: string) => `"q":"${Number(lots) + 1}`);
  return { stream, source, connection, recvNs, eventNs, seq, ingestSeq, payload: new TextEncoder().encode(text) };
}

describe("the canary", () => {
  it.each(BUGS)("finds a planted bug: %s", async (_, kinds, sabotage) => {
    const report = await simulate({ seed: 5_003, kinds, activeMs: 40_000, sabotage });
    expect(report.failures.length).toBeGreaterThan(0);
    expect(report.failures.some((failure) => failure.startsWith("oracle"))).toBe(true);
  }, 60_000);
});
