// Owns the scripted health report, captures' deeds (pin, retention, export) and faults: honest shapes with trouble in them. For development and tests of the screen.
import type { FaultInfo } from "../../../shared/faults.ts";
import type { RetentionLimits } from "../../../shared/protocol/commands.ts";
import type { CaptureSummary, RetentionPreview, StreamState } from "../../../shared/protocol/frames.ts";
import type { HealthReport, LatencyPercentiles, StreamHealth, VenueHealth } from "../../../shared/protocol/health.ts";
import type { VenueId } from "../../../shared/market.ts";

const SYMBOLS = ["BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "XRPUSDT", "LINKUSDT", "ADAUSDT", "AVAXUSDT", "LTCUSDT", "MATICUSDT"] as const;
const VENUES: readonly { readonly venue: VenueId; readonly channels: readonly string[] }[] = [
  { venue: "sim", channels: ["aggTrade", "bookTicker", "markPrice", "openInterest"] },
  { venue: "bybit-linear", channels: ["publicTrade", "orderbook.1", "tickers", "kline.1"] },
  { venue: "okx-swap", channels: ["trades", "bbo-tbt", "mark-price", "funding-rate", "open-interest"] },
];

/** Small waves instead of chance: the same second shows the same numbers. */
function wave(nowMs: number, seed: number): number {
  return Math.sin(nowMs / 4_000 + seed) * 0.5 + Math.sin(nowMs / 17_000 + seed * 3) * 0.5;
}

function latency(base: number, nowMs: number, seed: number): LatencyPercentiles {
  const p50 = base * (1 + 0.1 * wave(nowMs, seed));
  return { count: 2_400, p50, p90: p50 * 1.8, p99: p50 * (3.4 + wave(nowMs, seed + 1)), max: p50 * 7 };
}

function stateOf(venue: VenueId, symbol: string, channel: string): StreamState {
  if (symbol === "MATICUSDT") return "dead_symbol";
  if (venue === "okx-swap" && symbol === "AVAXUSDT" && channel === "trades") return "stale";
  if (venue === "bybit-linear" && symbol === "ETHUSDT" && channel === "publicTrade") return "gap";
  return venue === "okx-swap" && symbol === "LTCUSDT" && channel === "trades" ? "failed_closed" : "live";
}

function stream(venue: VenueId, symbol: string, channel: string, seed: number, nowMs: number): StreamHealth {
  const state = stateOf(venue, symbol, channel);
  const isTrade = /trade/i.test(channel);
  const isFlowing = state === "live" || state === "gap";
  const rate = isFlowing ? Math.max(0.1, (isTrade ? 22 : 140) / (1 + seed % 10) * (1 + 0.3 * wave(nowMs, seed))) : 0;
  return {
    streamId: `${venue}:${symbol}:${channel}`, venue, symbol, channel, state,
    detail: state === "dead_symbol" ? "no frame within the deadline, and the venue does not list it" : state === "stale" ? "trades silent while the book moves" : state === "failed_closed" ? "trade 812771 came twice with different quantities" : "",
    lastFrameMs: state === "dead_symbol" ? undefined : nowMs - (isFlowing ? 120 + 90 * wave(nowMs, seed) : 48_000), messages: Math.round(rate * 3_600), rate,
    exchangeToHere: isFlowing ? latency(venue === "okx-swap" ? 41 : venue === "bybit-linear" ? 66 : 3, nowMs, seed) : undefined, hereToLog: isFlowing ? latency(0.6, nowMs, seed + 5) : undefined,
    duplicates: isTrade && venue !== "sim" ? 12 * seed : 0, conflicts: state === "failed_closed" ? 1 : 0, gapsOpen: state === "gap" ? 1 : 0, gapsUnresolved: venue === "sim" && symbol === "BTCUSDT" && isTrade ? 1 : 0,
    watermarkMs: isTrade && isFlowing ? nowMs - 1_400 : undefined, watermarkAgeMs: isTrade && isFlowing ? 1_400 : undefined, renamedTo: symbol === "MATICUSDT" ? "POLUSDT" : undefined,
  };
}

export interface ScriptedTrouble { readonly recorded: readonly string[]; readonly diskLeft: number; readonly startedMs: number }

export function healthReport(nowMs: number, trouble: ScriptedTrouble): HealthReport {
  const streams = VENUES.flatMap(({ venue, channels }, at) => SYMBOLS.flatMap((symbol, index) => channels.map((channel, channelAt) => stream(venue, symbol, channel, index + 1 + channelAt * 3 + at * 7, nowMs))))
    .map((one) => (trouble.recorded.includes(`${one.venue}:POLUSDT`) && one.symbol === "MATICUSDT" ? { ...one, detail: "POLUSDT is recorded instead", renamedTo: undefined } : one));
  const venue = (id: VenueId, more: Partial<VenueHealth>): VenueHealth => ({
    venue: id, state: "live", detail: "", weightUsed: 20, weightLimit: 2_400, banLeftMs: undefined, offsetMs: 4.2, offsetErrorMs: 11, legs: [], backfill: { waiting: 0, done: 3, unresolved: 0 }, ...more,
  });
  const state = trouble.diskLeft < 2e9 ? "full" : trouble.diskLeft < 10e9 ? "low" : "ok";
  return {
    status: "RED",
    reasons: [
      ...(state === "full" ? [{ colour: "RED" as const, text: "The disk is full: recording has stopped" }] : []),
      { colour: "RED", text: "okx-swap:LTCUSDT:trades failed closed: trade 812771 came twice with different quantities" },
      { colour: "AMBER", text: "bybit-linear: REST is banned, backfill waits" },
      { colour: "AMBER", text: "okx-swap:AVAXUSDT:trades is stale: trades silent while the book moves" },
      { colour: "AMBER", text: "MATICUSDT is dead on 3 venues: it was renamed to POLUSDT" },
    ],
    streams,
    venues: [
      venue("sim", { offsetMs: 0.1, offsetErrorMs: 0.4, backfill: { waiting: 0, done: 2, unresolved: 1 } }),
      venue("bybit-linear", {
        state: "degraded", detail: "REST answered 403", weightUsed: 512, weightLimit: 600, banLeftMs: 600_000 - ((nowMs - trouble.startedMs) % 600_000), offsetMs: -12.6, offsetErrorMs: 8, backfill: { waiting: 4, done: 11, unresolved: 0 },
        legs: [{ leg: "A", connection: "a-3", open: true, messages: 81_212, missed: 0 }, { leg: "B", connection: "b-2", open: false, messages: 79_004, missed: 2_208 }],
      }),
      venue("okx-swap", { weightUsed: undefined, weightLimit: undefined, offsetMs: undefined, offsetErrorMs: undefined }),
    ],
    disk: { freeBytes: trouble.diskLeft, bytesPerHour: nowMs - trouble.startedMs < 20_000 ? undefined : 1.34e9, hoursToFull: nowMs - trouble.startedMs < 20_000 ? undefined : trouble.diskLeft / 1.34e9, state },
    logToScreen: latency(11, nowMs, 2),
  };
}

export const SCRIPTED_FAULTS: readonly FaultInfo[] = [
  { name: "drop", place: "venue", summary: "trades are lost on the way", amount: "messages", preset: 20 },
  { name: "duplicate", place: "venue", summary: "trades come twice", amount: "messages", preset: 20 },
  { name: "reorder", place: "venue", summary: "trades come out of order", amount: "messages", preset: 20 },
  { name: "late-print", place: "venue", summary: "a trade is reported late", amount: "seconds late", preset: 20 },
  { name: "disconnect", place: "venue", summary: "connections are closed", amount: "connections (0 = all)", preset: 0 },
  { name: "stall-after-ack", place: "venue", summary: "new connections acknowledge, then say nothing", amount: "connections", preset: 1 },
  { name: "rest-429", place: "venue", summary: "requests are told to slow down", amount: "requests", preset: 3 },
  { name: "clock-step", place: "clock", summary: "this machine's wall clock jumps", amount: "milliseconds", preset: 5_000 },
  { name: "host-sleep", place: "clock", summary: "this machine sleeps", amount: "seconds", preset: 90 },
  { name: "disk-full", place: "disk", summary: "the disk has room for so much more", amount: "bytes", preset: 65_536 },
  { name: "disk-slow", place: "disk", summary: "each fsync takes this long", amount: "milliseconds", preset: 200 },
  { name: "torn-segment", place: "disk", summary: "the next write stops half way", amount: "ignored", preset: 1 },
];

const DAY_MS = 86_400_000;

export function previewOf(captures: readonly CaptureSummary[], limits: RetentionLimits, nowMs: number): RetentionPreview {
  const removes: RetentionPreview["removes"][number][] = [];
  const keeps: RetentionPreview["keeps"][number][] = [];
  let total = captures.reduce((sum, { bytes }) => sum + bytes, 0);
  for (const { captureId, bytes, state, pinned, exportedMs, toMs } of [...captures].sort((a, b) => (a.toMs ?? 0) - (b.toMs ?? 0))) {
    const isOld = limits.maxAgeDays !== undefined && toMs !== undefined && nowMs - toMs > limits.maxAgeDays * DAY_MS;
    const isMuch = limits.maxBytes !== undefined && total > limits.maxBytes;
    const held = state === "recording" ? "recording" : pinned ? "pinned" : exportedMs === undefined && !limits.unexported ? "not exported" : undefined;
    if (!isOld && !isMuch) keeps.push({ captureId, bytes, why: held ?? "within limits" });
    else if (held !== undefined) keeps.push({ captureId, bytes, why: held });
    else {
      removes.push({ captureId, bytes, why: isOld ? `its last message is older than ${limits.maxAgeDays} days` : "beyond the size limit" });
      total -= bytes;
    }
  }
  return { removes, keeps, bytes: removes.reduce((sum, { bytes }) => sum + bytes, 0) };
}
