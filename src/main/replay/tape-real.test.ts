// The tape over a real capture, with the real log, decoders and canonicalizer. Skipped where the shared data are absent.
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Instrument } from "../../shared/market.ts";
import type { Interval } from "../../shared/time.ts";
import { runImport, testFolder, type TestFolder } from "../importers/import.testkit.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";
import { openReader } from "../rawlog/reader.ts";
import { sha256 } from "../rawlog/sha256.ts";
import { decoderLookup } from "../venues/registry.ts";
import { inspectBar, readRawPage, recomputeBar } from "./explain.ts";
import { testClock } from "./fakes.testkit.ts";
import { runReplay } from "./run.ts";
import { openTape, type Tape } from "./tape.ts";

const FILE = resolve("../shared/data/binance_usdm/ws_BTCUSDT_20240808T2354.txt.gz");
const hasData = existsSync(FILE);
const INSTRUMENT: Instrument = { venue: "binance-usdm", symbol: "BTCUSDT" };
const INTERVALS: readonly Interval[] = ["1s", "1m"];
const NEVER = new AbortController().signal;
const MINUTE_MS = Date.UTC(2024, 7, 8, 23, 57);

describe.skipIf(!hasData)("the real BTCUSDT capture of 2024-08-08 (needs ../shared/data)", () => {
  let folder: TestFolder | undefined;
  let captureFolder = "";
  beforeAll(async () => {
    folder = await testFolder();
    captureFolder = (await runImport(folder.path, { files: [FILE] })).folder;
  }, 120_000);
  afterAll(async () => {
    await folder?.[Symbol.asyncDispose]();
  });

  async function tape(): Promise<Tape> {
    const reader = await openReader({ disk: new NodeDisk(), folder: captureFolder });
    return openTape({ reader, decoders: decoderLookup, sha256, clock: testClock, instruments: [INSTRUMENT], intervals: INTERVALS });
  }

  it("steps back and forward to identical states, and seeks as a straight run goes", async () => {
    const walked = await tape();
    const straight = await tape();
    await walked.seekSeq(60_000, undefined, NEVER);
    await straight.advanceTo({ toSeq: 60_000 }, NEVER);
    expect(walked.digest()).toBe(straight.digest());
    for (const n of [1, 2, 17, 1_000, 20_000]) {
      const before = { point: walked.point, digest: walked.digest(), quote: walked.quote() };
      await walked.stepEvents(-n, NEVER);
      expect(walked.point.ordinal).toBe(before.point.ordinal - n);
      await walked.stepEvents(n, NEVER);
      expect({ point: walked.point, digest: walked.digest(), quote: walked.quote() }).toEqual(before);
    }
    await walked.advanceTo({}, NEVER);
    await straight.advanceTo({}, NEVER);
    expect(walked.digest()).toBe(straight.digest());
    await walked.close();
    await straight.close();
  }, 120_000);

  it("explains a minute: versions, sources, and a refold from the log with the same digest", async () => {
    const opened = await tape();
    await opened.advanceTo({}, NEVER);
    const key = { ...INSTRUMENT, interval: "1m" as const, openMs: MINUTE_MS };
    const report = await inspectBar(opened, { key }, NEVER);
    expect(report.versions).toHaveLength(1);
    expect(report.versions[0]?.values["close"]).toMatch(/^\d+\.\d+$/);
    const trades = report.sources.reduce((sum, source) => sum + source.trades, 0);
    expect(String(trades)).toBe(report.versions[0]?.values["tradeCount"]);
    const digest = opened.digest();
    const recomputed = await recomputeBar(opened, key, NEVER);
    expect(recomputed).toMatchObject({ match: true, expected: report.versions[0]?.digest, diff: [] });
    expect(opened.digest()).toBe(digest);
    const page = await readRawPage(opened.options.reader, { fromSeq: report.provenance[0]?.fromSeq ?? 0, limit: 3 }, sha256);
    expect(page.messages).toHaveLength(3);
    expect(page.messages[0]?.text).toContain('"e":"trade"');
    await opened.close();
  }, 120_000);

  it("replays to the same digest twice, and event order holds the same events", async () => {
    const reader = await openReader({ disk: new NodeDisk(), folder: captureFolder });
    const common = {
      reader, decoders: decoderLookup, clock: testClock, timers: { after: () => () => undefined }, signal: NEVER, fromNs: undefined, untilNs: undefined,
      cursor: undefined, wantedStream: undefined, speed: 0, scratchFolder: join(captureFolder, "..", "scratch"),
    };
    const first = await runReplay({ ...common, order: "arrival" });
    const again = await runReplay({ ...common, order: "arrival" });
    const ordered = await runReplay({ ...common, order: "event" });
    expect(first.events).toBe(21_313 + 66_089);
    expect({ digest: again.digest, lastCursor: again.lastCursor }).toEqual({ digest: first.digest, lastCursor: first.lastCursor });
    expect(ordered.events).toBe(first.events);
    await reader.close();
  }, 120_000);
});
