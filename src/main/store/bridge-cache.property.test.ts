// The cache answers as a plain list of entries would, whatever is asked of it in whatever order, also after it was closed and opened.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FaultError } from "../../shared/base.ts";
import type { BridgeCache } from "../bridge/client/types.ts";
import type { SequencedEntry, StreamKey } from "../bridge/model.ts";
import { openBridgeCache } from "./bridge-cache.ts";
import { anyEntries, sequenced } from "./entries.testkit.ts";
import { historyOf } from "./made-entries.testkit.ts";
import { MemoryCache } from "./memory-cache.testkit.ts";

const REMOTES = ["one", "two"] as const;
const KEYS: readonly StreamKey[] = [
  { sourceId: "sim", symbol: "BTCUSDT", interval: "1m" }, { sourceId: "sim", symbol: "BTC.USD", interval: "1m" }, { sourceId: "IBKR", symbol: "BTCUSDT", interval: "15s" },
];

type Unsequenced = readonly Omit<SequencedEntry, "sequence">[];
interface At { readonly remote: string; readonly key: StreamKey; readonly history: string }
/** `shift`: 0 = right behind the cursor, less = overlapping, more = out of order. */
type Step =
  | (At & { readonly do: "apply"; readonly shift: number; readonly entries: Unsequenced })
  | { readonly do: "many"; readonly remote: string; readonly parts: readonly (At & { readonly shift: number; readonly entries: Unsequenced })[] }
  | (At & { readonly do: "skip"; readonly shift: number; readonly count: number; readonly fromMs: number | undefined; readonly toMs: number | undefined })
  | (At & { readonly do: "reset" })
  | (At & { readonly do: "window"; readonly untilOpenMs: number | undefined; readonly bars: number })
  | (At & { readonly do: "inspect"; readonly openMs: number })
  | { readonly do: "reopen" };

const place = {
  remote: fc.constantFrom(...REMOTES), key: fc.constantFrom(...KEYS),
  history: fc.oneof({ weight: 15, arbitrary: fc.constant("h1") }, { weight: 1, arbitrary: fc.constant("h2") }),
};
const shift = fc.oneof({ weight: 8, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: fc.integer({ min: -8, max: -1 }) }, { weight: 1, arbitrary: fc.integer({ min: 1, max: 3 }) });
const part = fc.record({ ...place, shift, entries: anyEntries });
const ms = fc.oneof(fc.integer({ min: -1, max: 26 }).map((bucket) => bucket * 60_000), fc.integer({ min: -100_000, max: 2_000_000 }));

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: part.map((one): Step => ({ do: "apply", ...one })) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("many" as const), remote: place.remote, parts: fc.array(part, { maxLength: 4 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("skip" as const), ...place, shift, count: fc.integer({ min: 1, max: 5 }), fromMs: fc.option(ms, { nil: undefined }), toMs: fc.option(ms, { nil: undefined }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("reset" as const), ...place }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant("window" as const), ...place, untilOpenMs: fc.option(ms, { nil: undefined }), bars: fc.integer({ min: 0, max: 30 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("inspect" as const), ...place, openMs: ms }) },
  { weight: 1, arbitrary: fc.constant({ do: "reopen" as const }) },
);

async function cursorOf(cache: BridgeCache, remote: string, key: StreamKey): Promise<number> {
  const found = (await cache.streams(remote)).find((stream) => stream.key.sourceId === key.sourceId && stream.key.symbol === key.symbol && stream.key.interval === key.interval);
  return found?.appliedSequence ?? 0;
}

/** What the step does to one cache: its answer, or the code of its fault. `model` says where the streams stand, for both. */
async function outcome(cache: BridgeCache, model: BridgeCache, one: Exclude<Step, { readonly do: "reopen" }>): Promise<unknown> {
  const entriesOf = async (at: At & { readonly shift: number; readonly entries: Unsequenced }): Promise<SequencedEntry[]> =>
    sequenced(at.entries, Math.max(1, (await cursorOf(model, at.remote, at.key)) + 1 + at.shift));
  try {
    switch (one.do) {
      case "apply": return await cache.apply(one.remote, one.key, historyOf(one.history), await entriesOf(one));
      case "many": {
        const batches = await Promise.all(one.parts.map(async (at) => ({ key: at.key, history: historyOf(at.history), entries: await entriesOf({ ...at, remote: one.remote }) })));
        return await cache.applyMany(one.remote, batches);
      }
      case "skip": {
        const fromSequence = Math.max(1, (await cursorOf(model, one.remote, one.key)) + 1 + one.shift);
        const hole = { fromSequence, toSequence: fromSequence + one.count - 1, fromMs: one.fromMs, toMs: one.toMs, why: "RETENTION_EXCEEDED" as const };
        return await cache.skip(one.remote, one.key, historyOf(one.history), hole);
      }
      case "reset": return await cache.reset(one.remote, one.key);
      case "window": return await cache.window(one.remote, one.key, one);
      case "inspect": return [await cache.versions(one.remote, one.key, one.openMs), await cache.gradeHistory(one.remote, one.key, one.openMs)];
    }
  } catch (error) {
    if (error instanceof FaultError) return error.fault.code;
    throw error;
  }
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tapedeck-cache-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let runs = 0;
test("any sequence of calls gives what a plain list of entries gives", async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 24 }), async (steps) => {
    runs += 1;
    const file = join(folder, `${runs}.duckdb`);
    const model = new MemoryCache();
    let cache = await openBridgeCache(file);
    try {
      for (const one of steps) {
        if (one.do === "reopen") {
          await cache.close();
          cache = await openBridgeCache(file);
          continue;
        }
        // The cache goes first: the model must still stand where the step begins.
        const actual = await outcome(cache, model, one);
        expect(actual).toEqual(await outcome(model, model, one));
      }
      for (const remote of REMOTES) {
        expect(await cache.streams(remote)).toEqual(await model.streams(remote));
        for (const key of KEYS) {
          const range = { untilOpenMs: undefined, bars: 100 };
          expect(await cache.window(remote, key, range)).toEqual(await model.window(remote, key, range));
        }
      }
    } finally {
      await cache.close();
      await rm(file, { force: true });
    }
  }), { numRuns: Number(process.env["TAPEDECK_RUNS"] ?? 40) });
});
