// Every rule of the table: what sets it off, what just does not, and that the worst is named first.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { SourceStatus, StreamState, StreamStatus } from "../../shared/protocol/frames.ts";
import type { DiskHealth, LatencyPercentiles } from "../../shared/protocol/health.ts";
import type { CollectorHealth, StreamFacts } from "../venues/collector-health.ts";
import { healthReport, type HealthObservation } from "./health.ts";
import { HEALTH_RULES, HEALTH_THRESHOLDS } from "./health-rules.ts";
import { RecordingVitals } from "./health-vitals.ts";

const NOW_MS = 1_700_000_000_000;
const VENUE = "binance-usdm";
const id = (symbol: string, channel = "trade"): string => `${VENUE}:${symbol}:${channel}`;

function stream(symbol: string, state: StreamState = "live", channel = "trade"): StreamStatus {
  return { streamId: id(symbol, channel), venue: VENUE, symbol, channel, state, detail: "", lastFrameMs: NOW_MS, messages: 9, rate: 1, duplicates: 0, gapsOpen: 0, latencyMs: 3 };
}
function source(changes: Partial<SourceStatus> = {}): SourceStatus {
  return { venue: VENUE, simulated: false, state: "live", detail: "", offsetMs: 10, offsetErrorMs: 5, weightUsed: 20, weightLimit: 2_400, ...changes };
}
function facts(symbol: string, changes: Partial<StreamFacts> = {}): StreamFacts {
  return { streamId: id(symbol), duplicates: 0, conflicts: 0, gapsOpen: 0, gapsUnresolved: 0, renamedTo: undefined, missed: undefined, ...changes };
}
function collector(changes: Partial<CollectorHealth> = {}): CollectorHealth {
  return { streams: [], weightUsed: 20, weightLimit: 2_400, banLeftMs: undefined, legs: [], backfill: { waiting: 0, done: 0, unresolved: 0 }, ...changes };
}
function latency(p99: number): LatencyPercentiles {
  return { count: 100, p50: 1, p90: 2, p99, max: p99 };
}
const DISK: DiskHealth = { freeBytes: 5e10, bytesPerHour: 1e9, hoursToFull: 50, state: "ok" };

interface Case {
  readonly streams?: readonly StreamStatus[];
  readonly source?: Partial<SourceStatus>;
  readonly collector?: Partial<CollectorHealth>;
  readonly prepare?: (vitals: RecordingVitals) => void;
  readonly disk?: Partial<DiskHealth>;
  readonly observation?: Partial<HealthObservation>;
}

function reportOf(given: Case = {}): ReturnType<typeof healthReport> {
  const vitals = new RecordingVitals();
  vitals.collector(VENUE, collector(given.collector));
  given.prepare?.(vitals);
  return healthReport({
    nowMs: NOW_MS, recording: { state: "recording", fault: undefined }, disk: { ...DISK, ...given.disk }, lakeFault: undefined, logToScreen: undefined,
    live: { streams: given.streams ?? [stream("AAA"), stream("BBB")], sources: [source(given.source)], vitals }, ...given.observation,
  });
}

test("all is well: GREEN, without a reason", () => {
  expect(reportOf()).toMatchObject({ status: "GREEN", reasons: [] });
});

const standing = (symbol: string, changes: object): { streamId: string; sealedMs: number | undefined; gapsOpen: number; gapsUnresolved: number } => ({ streamId: id(symbol), sealedMs: NOW_MS - 3_000, gapsOpen: 0, gapsUnresolved: 0, ...changes });
const derived = (fold: ReturnType<typeof standing>, failed = false, why: readonly { code: string; message: string }[] = []) => (vitals: RecordingVitals): void => { vitals.derived({ folds: [fold], failed, problems: why }); };
const slow = (p99: number) => (vitals: RecordingVitals): void => { vitals.latency({ streams: [{ streamId: id("AAA"), exchangeToHere: undefined, hereToLog: latency(p99) }], channels: [] }); };

/** Per rule: what sets it off with what is then said, and its nearest neighbour that does not. */
const CASES: Readonly<Record<string, { readonly off: Case; readonly says: RegExp; readonly quiet: Case }>> = {
  "recording.halted": { off: { observation: { recording: { state: "halted", fault: { code: "disk.failed", message: "check the disk" } } } }, says: /^recording stopped: check the disk$/, quiet: { observation: { recording: { state: "stopping", fault: undefined } } } },
  "disk.full": { off: { disk: { state: "full", freeBytes: 100 * 1_024 ** 2 } }, says: /^the disk is too full to record: 100\.0 MiB free/, quiet: {} },
  "thread.dead": { off: { prepare: (vitals) => { vitals.threadDied({ code: "engine.thread-ended", message: "The collector-okx thread ended" }); } }, says: /^The collector-okx thread ended$/, quiet: {} },
  "deriver.dead": { off: { prepare: derived(standing("AAA", {}), true, [{ code: "derive.failed", message: "no space" }]) }, says: /not derived any more: no space$/, quiet: { prepare: derived(standing("AAA", {})) } },
  "venue.down": { off: { streams: [stream("AAA", "stale"), stream("BBB", "down")], source: { detail: "unreachable" } }, says: /^binance-usdm: no stream delivers \(unreachable\)$/, quiet: { streams: [stream("AAA", "stale"), stream("BBB", "gap")] } },
  "stream.gone": { off: { streams: [stream("AAA", "stale"), stream("BBB"), stream("CCC", "failed_closed")] }, says: /^binance-usdm: AAA trade, CCC trade are stale, failed closed$/, quiet: { streams: [stream("AAA", "gap"), stream("BBB")] } },
  "stream.dead-symbol": { off: { streams: [stream("MATICUSDT", "dead_symbol"), stream("MATICUSDT", "dead_symbol", "bookTicker"), stream("BBB")], collector: { streams: [facts("MATICUSDT", { renamedTo: "POLUSDT" })] } }, says: /MATICUSDT \(now POLUSDT\)/, quiet: {} },
  "stream.waiting": { off: { streams: [stream("AAA", "connecting"), stream("BBB", "acknowledged")] }, says: /^binance-usdm: 2 streams without data yet$/, quiet: {} },
  "gaps.open": { off: { prepare: derived(standing("AAA", { gapsOpen: 2 })) }, says: /^binance-usdm: 2 gaps open in AAA trade$/, quiet: { prepare: derived(standing("AAA", { gapsUnresolved: 2 })) } },
  "gaps.unresolved": { off: { collector: { streams: [facts("BBB", { gapsUnresolved: 1 })] } }, says: /^binance-usdm: 1 gap unresolved in BBB trade$/, quiet: { prepare: derived(standing("AAA", { gapsUnresolved: 2 })) } },
  "stream.conflicts": { off: { collector: { streams: [facts("AAA", { conflicts: 3 })] } }, says: /^binance-usdm: 3 conflicting messages in AAA trade$/, quiet: { collector: { streams: [facts("AAA", { duplicates: 3 })] } } },
  "candles.behind": { off: { prepare: derived(standing("AAA", { sealedMs: NOW_MS + 10 - HEALTH_THRESHOLDS.watermarkAgeMs - 1 })) }, says: /candles of AAA trade are 60 s behind$/, quiet: { prepare: derived(standing("AAA", { sealedMs: NOW_MS + 10 - HEALTH_THRESHOLDS.watermarkAgeMs })) } },
  "log.slow": { off: { prepare: slow(HEALTH_THRESHOLDS.hereToLogP99Ms + 1) }, says: /writing takes 251 ms \(p99\) for AAA trade/, quiet: { prepare: slow(HEALTH_THRESHOLDS.hereToLogP99Ms) } },
  "venue.banned": { off: { collector: { banLeftMs: 90_000 } }, says: /REST is stopped for 90 s more/, quiet: {} },
  "venue.weight": { off: { collector: { weightUsed: 2_161 } }, says: /2161 of 2400 REST weight used/, quiet: { collector: { weightUsed: 2_160 } } },
  "clock.offset": { off: { source: { offsetMs: -501 } }, says: /501 ms ahead of binance-usdm/, quiet: { source: { offsetMs: 500 } } },
  "clock.error": { off: { source: { offsetErrorMs: 251 } }, says: /±251 ms/, quiet: { source: { offsetErrorMs: 250 } } },
  "disk.low": { off: { disk: { state: "low", freeBytes: 1_024 ** 3, hoursToFull: 1.25 } }, says: /1\.0 GiB free, 1\.3 h of recording$/, quiet: {} },
  "lake.failing": { off: { observation: { lakeFault: { code: "disk.full", message: "no room for parts" } } }, says: /Parquet is not written: no room for parts/, quiet: {} },
  "recording.off": { off: { observation: { recording: { state: "off", fault: undefined }, live: undefined } }, says: /^nothing is being recorded$/, quiet: { observation: { recording: { state: "starting", fault: undefined }, live: undefined } } },
};

describe("each rule", () => {
  test("is covered here", () => {
    expect(Object.keys(CASES).sort()).toEqual(HEALTH_RULES.map((rule) => rule.id).sort());
  });
  test.each(HEALTH_RULES.map((rule) => [rule.id, rule] as const))("%s", (name, rule) => {
    const { off, says, quiet } = CASES[name] ?? expect.fail(`${name} has no case`);
    const { status, reasons } = reportOf(off);
    expect(status).toBe(rule.colour);
    expect(reasons.filter(({ colour, text }) => colour === rule.colour && says.test(text)), JSON.stringify(reasons)).toHaveLength(1);
    expect(reportOf(quiet).reasons.filter(({ text }) => says.test(text))).toEqual([]);
  });
});

test("docs/metrics.md lists the same rules", () => {
  const documented = readFileSync(new URL("../../../docs/metrics.md", import.meta.url), "utf8");
  const listed = [...documented.matchAll(/^\| (RED|AMBER) \| `([a-z.-]+)` \| (.*) \|$/gm)].map(([, colour, id, when]) => ({ colour, id, when }));
  expect(listed).toEqual(HEALTH_RULES.map(({ colour, id, when }) => ({ colour, id, when })));
});

test("the worst is named first, and one thing is said once", () => {
  const { status, reasons } = reportOf({
    streams: [stream("AAA", "down"), stream("BBB", "down")], disk: { state: "full", freeBytes: 1 },
    observation: { recording: { state: "halted", fault: { code: "disk.low", message: "1 B free" } } },
  });
  expect(status).toBe("RED");
  expect(reasons.map(({ colour, text }) => `${colour} ${text.slice(0, 30)}`)).toEqual(["RED the disk is too full to record", "RED binance-usdm: no stream delive"]);
});

test("many streams make one line that names the first few", () => {
  const streams = [stream("OK"), ...Array.from({ length: 20 }, (_, n) => stream(`S${n}`, "stale"))];
  expect(reportOf({ streams }).reasons.map(({ text }) => text)).toEqual(["binance-usdm: S0 trade, S1 trade, S2 trade and 17 more are stale"]);
});

test("a stream's row says what each thread knows of it, and nothing where nobody knows", () => {
  const { streams, venues } = reportOf({
    streams: [{ ...stream("AAA"), duplicates: 4 }, stream("BBB")], collector: { streams: [facts("BBB", { duplicates: 7, conflicts: 1 })], banLeftMs: 5 },
    prepare: (vitals) => {
      derived(standing("AAA", { gapsOpen: 1 }))(vitals);
      slow(3)(vitals);
    },
  });
  expect(streams[0]).toMatchObject({ duplicates: 4, conflicts: 0, gapsOpen: 1, hereToLog: { p99: 3 }, exchangeToHere: undefined, watermarkMs: NOW_MS - 3_000, watermarkAgeMs: 3_010 });
  expect(streams[1]).toMatchObject({ duplicates: 7, conflicts: 1, hereToLog: undefined, watermarkMs: undefined, watermarkAgeMs: undefined });
  expect(venues).toEqual([{ venue: VENUE, state: "live", detail: "", weightUsed: 20, weightLimit: 2_400, banLeftMs: 5, offsetMs: 10, offsetErrorMs: 5, legs: [], backfill: { waiting: 0, done: 0, unresolved: 0 } }]);
});
