// Both halves under simulation: seeds hold, the seeds that once failed hold, a run repeats itself, and planted bugs are found.
// Any number of seeds of any length: `npm run bridge-seeds`.
import { describe, expect, it } from "vitest";
import { SABOTAGES } from "./sabotage.testkit.ts";
import { FAULT_KINDS, simulateBridge, type BridgeSimulationOptions, type BridgeSimulationReport } from "./simulation.testkit.ts";

const ENTRIES = 1_000;
const SEEDS = 20;
const BATCH = 5;
/** A planted bug must be found within so many seeds. */
const FOUND_WITHIN = 12;
async function holds(options: BridgeSimulationOptions): Promise<BridgeSimulationReport> {
  const report = await simulateBridge(options);
  if (report.failures.length > 0) expect.fail([...report.failures, ...report.trace.slice(-30), `repeat with: ${report.repeat}`].join("\n"));
  return report;
}

describe("both halves of the bridge, simulated", () => {
  it.each(Array.from({ length: SEEDS / BATCH }, (_, batch) => [batch * BATCH + 1, (batch + 1) * BATCH]))("end with the same state, seeds %i to %i", async (from, to) => {
    for (let seed = from; seed <= to; seed += 1) await holds({ seed, entries: ENTRIES });
  });

  it("tell every entry once when nothing goes wrong, whatever the codec", async () => {
    for (const codec of ["token", "wire"] as const) {
      const report = await holds({ seed: 1_001, entries: ENTRIES, kinds: [], codec });
      expect(report).toMatchObject({ resets: 0, serverLives: 1, entries: ENTRIES });
    }
  });

  it("repeat themselves to the last frame", async () => {
    const first = await holds({ seed: 7_001, entries: ENTRIES });
    const second = await holds({ seed: 7_001, entries: ENTRIES });
    expect(second).toEqual(first);
  });

  it.each(FAULT_KINDS)("stand %s on its own", async (kind) => {
    await holds({ seed: 300 + FAULT_KINDS.indexOf(kind), entries: 300, kinds: [kind] });
  });
});

describe("the canary", () => {
  it.each(SABOTAGES)("finds a planted bug: %s", async (sabotage) => {
    for (let seed = 1; seed <= FOUND_WITHIN; seed += 1) {
      const report = await simulateBridge({ seed, entries: ENTRIES, sabotage, codec: "token" });
      if (report.failures.length > 0) return;
    }
    expect.fail(`${FOUND_WITHIN} seeds did not notice it`);
  });
});
