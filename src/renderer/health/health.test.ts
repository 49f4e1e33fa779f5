// The health panel's own arithmetic: unknown stays unknown, the worst is first, the rings stay bounded.
import { describe, expect, it } from "vitest";
import type { HealthReport, StreamHealth, VenueHealth } from "../../shared/protocol/health.ts";
import { healthReport } from "../engine/scripted/health.ts";
import { extendedCurves, Ring, SAMPLES_MAX, samplesOf, venueCurve, type Curves } from "./history.ts";
import { healthRows, rowId } from "./rows.ts";
import { age, clockOffset, countdown, diskSentence, hoursToFull, known, lightOf, milliseconds, percentiles, weightShare } from "./words.ts";

const report = healthReport(1_800_000_000_000, { recorded: [], diskLeft: 50e9, startedMs: 1_799_999_000_000 });

function stream(symbol: string, more: Partial<StreamHealth> = {}): StreamHealth {
  return {
    streamId: `sim:${symbol}:aggTrade`, venue: "sim", symbol, channel: "aggTrade", state: "live", detail: "", lastFrameMs: undefined, messages: 0, rate: 0, exchangeToHere: undefined, hereToLog: undefined,
    duplicates: 0, conflicts: 0, gapsOpen: 0, gapsUnresolved: 0, watermarkMs: undefined, watermarkAgeMs: undefined, renamedTo: undefined, ...more,
  };
}
function venue(id: VenueHealth["venue"], more: Partial<VenueHealth> = {}): VenueHealth {
  return { venue: id, state: "live", detail: "", weightUsed: undefined, weightLimit: undefined, banLeftMs: undefined, offsetMs: undefined, offsetErrorMs: undefined, legs: [], backfill: { waiting: 0, done: 0, unresolved: 0 }, ...more };
}
const of = (venues: readonly VenueHealth[], streams: readonly StreamHealth[]): HealthReport => ({ ...report, venues, streams });

describe("words", () => {
  it("are a dash where nothing is known, never 0", () => {
    expect([known(undefined, String), percentiles(undefined), clockOffset({ offsetMs: undefined, offsetErrorMs: undefined }), hoursToFull(undefined)]).toEqual(["–", "–", "–", "–"]);
    expect(weightShare({ weightUsed: undefined, weightLimit: 600 })).toBeUndefined();
    expect(lightOf(undefined).words).toBe("Not measured yet");
  });

  it("tell small times apart and large ones in their units", () => {
    expect([milliseconds(0.44), milliseconds(4), milliseconds(31.4), milliseconds(-6.25), milliseconds(12_000)]).toEqual(["0.4", "4", "31", "-6.3", "12.0 s"]);
    expect([age(-3), age(812), age(59_949), age(300_000)]).toEqual(["0.0 s", "0.8 s", "59.9 s", "5 min"]);
    expect([countdown(0), countdown(59_001), countdown(250_000), countdown(7_300_000)]).toEqual(["0 s", "1 min 0 s", "4 min 10 s", "2 h 1 min"]);
    expect([hoursToFull(0.5), hoursToFull(4.56), hoursToFull(40), hoursToFull(100)]).toEqual(["30 min", "4.6 h", "40 h", "4 days"]);
    expect(clockOffset({ offsetMs: -12.6, offsetErrorMs: 8 })).toBe("−13 ± 8 ms");
  });

  it("of the disk say what happened and what to do", () => {
    const disk = { freeBytes: 3.1e9, bytesPerHour: 1e9, hoursToFull: 3.1, state: "low" } as const;
    expect(diskSentence({ ...disk, state: "ok" }, true)).toBeUndefined();
    expect(diskSentence(disk, true)).toMatch(/3\.1 GB free, full in about 3\.1 h.*stop cleanly/);
    expect(diskSentence({ ...disk, state: "full" }, false)).toMatch(/has stopped cleanly.*replay goes on.*start recording again/);
  });
});

describe("rows", () => {
  it("are venues with their streams, the worst first", () => {
    const rows = healthRows(of([venue("sim")], [stream("B"), stream("D", { state: "dead_symbol" }), stream("A", { gapsUnresolved: 1 }), stream("C", { state: "stale" })]), undefined);
    expect(rows.map(rowId)).toEqual(["venue:sim", "sim:D:aggTrade", "sim:C:aggTrade", "sim:A:aggTrade", "sim:B:aggTrade"]);
  });

  it("are sorted within their venue, unknown last", () => {
    const streams = [stream("A", { rate: 1 }), stream("B", { rate: 9 }), stream("C", { rate: 4, watermarkAgeMs: 12 })];
    expect(healthRows(of([venue("sim")], streams), { column: "rate", direction: -1 }).slice(1).map(rowId)).toEqual(["sim:B:aggTrade", "sim:C:aggTrade", "sim:A:aggTrade"]);
    expect(healthRows(of([venue("sim")], streams), { column: "watermark", direction: 1 }).slice(1).map(rowId)[0]).toBe("sim:C:aggTrade");
  });

  it("lose no stream, whatever the report calls its venue", () => {
    expect(healthRows(of([venue("okx-swap")], [stream("A")]), undefined).map(rowId)).toEqual(["venue:okx-swap", "sim:A:aggTrade"]);
    expect(healthRows(report, undefined).filter(({ kind }) => kind === "stream")).toHaveLength(report.streams.length);
    expect(healthRows(undefined, undefined)).toEqual([]);
  });
});

describe("history", () => {
  it("keeps the newest and gives unknown back as a break", () => {
    const ring = new Ring(3);
    for (const value of [1, undefined, 3, 4]) ring.push(value);
    expect(ring.toSamples()).toEqual([null, 3, 4]);
  });

  it("adds up a venue's rate and takes its worst latency", () => {
    const latency = (p99: number): StreamHealth["exchangeToHere"] => ({ count: 1, p50: 1, p90: 2, p99, max: p99 });
    const samples = samplesOf(of([venue("sim"), venue("okx-swap")], [stream("A", { rate: 2, exchangeToHere: latency(5) }), stream("B", { rate: 3, exchangeToHere: latency(50) })]));
    expect(samples.find(({ name }) => name === venueCurve("sim"))).toEqual({ name: "venue:sim", rate: 5, latency: 50 });
    expect(samples.find(({ name }) => name === venueCurve("okx-swap"))).toEqual({ name: "venue:okx-swap", rate: undefined, latency: undefined });
  });

  it("is no longer than its bound and forgets streams that are gone", () => {
    let curves: ReadonlyMap<string, Curves> = new Map();
    for (let second = 0; second < SAMPLES_MAX + 5; second += 1) curves = extendedCurves(curves, of([venue("sim")], [stream("A", { rate: second })]), second);
    expect(curves.get("sim:A:aggTrade")?.rate.toSamples()).toHaveLength(SAMPLES_MAX);
    expect(curves.get("sim:A:aggTrade")?.rate.toSamples().at(-1)).toBe(SAMPLES_MAX + 4);
    expect([...extendedCurves(curves, of([], []), 1).keys()]).toEqual([]);
  });
});
