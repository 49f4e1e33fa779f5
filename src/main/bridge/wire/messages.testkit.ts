// Messages for tests and goldens: one of each kind, and arbitrary ones for fast-check.
import fc from "fast-check";
import { GRADES, type BarValues } from "../../../shared/candles.ts";
import { DECIMAL_DIGITS_MAX, dec, decimal, type Decimal } from "../../../shared/decimal.ts";
import { INTERVALS } from "../../../shared/time.ts";
import type { BridgeGap, Entry, History, SequencedEntry, StreamKey } from "../model.ts";
import { decodeAnswer, decodePublication, decodeRequest } from "./decode.ts";
import { encodeAnswer, encodePublication, encodeRequest } from "./encode.ts";
import type { Answer, Publication, Refusal, RefusalCode, Request } from "./messages.ts";
import type { Result } from "../../../shared/base.ts";

export const KEY: StreamKey = { sourceId: "binance-usdm", symbol: "BTCUSDT", interval: "1m" };
export const HISTORY: History = {
  historyId: "5f".repeat(32), mode: "live", lineage: "01J8Z4T5W6:2024-08-08T23:54:15.000Z", configDigest: "a1".repeat(32),
  canonicalizerVersion: "canonical/3", runId: "",
};
const OPEN_MS = 1_723_161_240_000;
const KNOWN_NS = 1_723_161_300_123_456_789n;
const DIGEST = "00017f80feff".padEnd(64, "3c");

export const VALUES: BarValues = {
  open: dec("61800.30"), high: dec("61850.00"), low: dec("61799.90"), close: dec("61812.10"), volume: dec("303.793"),
  quoteVolume: dec("18749188.02970"), tradeCount: 4_123, takerBuyVolume: dec("80.479"), takerBuyQuoteVolume: dec("4967657.96660"),
};
/** Both ends of 128 bits, both ends of the safe integers and what lies next to them. */
export const WIDE_VALUES: BarValues = {
  open: decimal(2n ** 127n - 1n, 60), high: decimal(-(2n ** 127n), 0), low: decimal(Number.MAX_SAFE_INTEGER, 8), close: decimal(-Number.MAX_SAFE_INTEGER, 8),
  volume: decimal(2n ** 53n, 18), quoteVolume: decimal(-(2n ** 53n), 18), tradeCount: Number.MAX_SAFE_INTEGER, takerBuyVolume: decimal(-1, 0), takerBuyQuoteVolume: decimal(2n ** 64n, 1),
};

export function barEntry(sequence: number, more: Partial<Extract<Entry, { kind: "bar" }>["bar"]> = {}): SequencedEntry {
  return {
    kind: "bar", sequence, atSeq: 1_000 + sequence, knownNs: KNOWN_NS + BigInt(sequence),
    bar: { openMs: OPEN_MS + 60_000 * sequence, values: VALUES, revision: 1, reason: "watermark", digest: DIGEST, grade: "proved", ...more },
  };
}

export const GAP: BridgeGap = {
  gapId: "binance-usdm:BTCUSDT:trade#17", streamId: "binance-usdm:BTCUSDT:trade", fromMs: OPEN_MS, toMs: OPEN_MS + 1_500, fromId: 5_266_583_935,
  toId: 5_266_583_999, missing: 65, cause: "id_hole", state: "backfilling", attempts: 2, detail: "65 ids missing; asked for twice",
};
export const GAP_ENTRY: SequencedEntry = { kind: "gap", gap: GAP, sequence: 44, atSeq: 1_044, knownNs: KNOWN_NS };
const OPEN_GAP_ENTRY: SequencedEntry = {
  kind: "gap", sequence: 45, atSeq: 0, knownNs: 0n,
  gap: { ...GAP, toMs: undefined, fromId: undefined, toId: undefined, missing: undefined, cause: "disconnect", state: "open", attempts: 0, detail: "" },
};
export const GRADE_ENTRY: SequencedEntry = {
  kind: "grade", fromOpenMs: OPEN_MS, untilOpenMs: OPEN_MS + 120_000, grade: "GAP_UNRESOLVED", why: "ids 5266583935…5266583999 of 2 buckets never came",
  sequence: 43, atSeq: 1_043, knownNs: KNOWN_NS,
};

export const REFUSAL: Refusal = { code: "BUSY", detail: "100 requests per second are allowed", retryAfterMs: 250, supportedVersion: 0 };
const RANGE = { latestSequence: 45, firstSequence: 3 };

export const REQUESTS: Readonly<Record<string, Request>> = {
  "subscribe-request": { type: "subscribe", key: KEY, fromSequence: 41, historyId: HISTORY.historyId },
  "subscribe-request-new": { type: "subscribe", key: { sourceId: "IBKR", symbol: "BRK.B", interval: "1d" }, fromSequence: undefined, historyId: undefined },
  "backfill-request": { type: "backfill", key: KEY, historyId: HISTORY.historyId, fromSequenceExclusive: 0, limit: 500, endMs: OPEN_MS, acceptsZstd: true },
  "get-cursor-request": { type: "get_cursor", key: KEY },
  "list-streams-request": { type: "list_streams" },
  "health-request": { type: "health" },
  "report-applied-request": { type: "report_applied", historyId: HISTORY.historyId, applied: [{ key: KEY, sequence: 45 }, { key: { ...KEY, interval: "1h" }, sequence: 0 }] },
};

export const ANSWERS: Readonly<Record<string, Answer>> = {
  "subscribe-ack": { type: "subscribe_ack", accepted: true, key: KEY, history: HISTORY, heartbeatMs: 1_000, refusal: undefined, ...RANGE },
  "subscribe-ack-refused": {
    type: "subscribe_ack", accepted: false, key: KEY, history: undefined, heartbeatMs: 0, latestSequence: 0, firstSequence: 0,
    refusal: { code: "UNKNOWN_STREAM", detail: "binance-usdm.BTCUSDT.1m is not served here; list_streams tells what is", retryAfterMs: 0, supportedVersion: 0 },
  },
  "backfill-response": {
    type: "backfill_response", key: KEY, historyId: HISTORY.historyId, mode: "live", hasMore: true, nextSequence: 46, refusal: undefined, ...RANGE,
    entries: [barEntry(42), GRADE_ENTRY, GAP_ENTRY, OPEN_GAP_ENTRY],
  },
  "backfill-response-refused": {
    type: "backfill_response", key: KEY, historyId: HISTORY.historyId, mode: "replay", hasMore: false, nextSequence: undefined, entries: [], ...RANGE,
    refusal: { code: "RETENTION_EXCEEDED", detail: "entries before 3 are no longer kept", retryAfterMs: 0, supportedVersion: 0 },
  },
  cursor: { type: "cursor", key: KEY, latestMs: OPEN_MS, history: { ...HISTORY, mode: "replay", runId: "run-7" }, refusal: undefined, ...RANGE },
  streams: { type: "streams", history: HISTORY, streams: [{ key: KEY, latestMs: OPEN_MS, ...RANGE }, { key: { ...KEY, interval: "1s" }, latestMs: 0, latestSequence: 0, firstSequence: 1 }], refusal: undefined },
  health: {
    type: "health", serverVersion: "0.1.0", history: HISTORY, uptimeMs: 86_400_000, streams: 2, clients: 3, status: "AMBER",
    detail: "one client is 12,000 entries behind", nowNs: KNOWN_NS, pubPort: 7_071,
  },
  "resync-notice": { type: "resync_notice", key: KEY, historyId: HISTORY.historyId, latestSequence: 90_000, appliedSequence: 41, detail: "89,959 entries behind: backfill" },
  refusal: { type: "refusal", refusal: REFUSAL },
  "refusal-version": { type: "refusal", refusal: { code: "VERSION_UNSUPPORTED", detail: "this server speaks schema version 1", retryAfterMs: 0, supportedVersion: 1 } },
};

/** Large enough to be compressed for those who accept it. */
export const LARGE_ANSWER: Answer = {
  type: "backfill_response", key: KEY, historyId: HISTORY.historyId, mode: "live", hasMore: false, nextSequence: undefined, refusal: undefined,
  latestSequence: 12, firstSequence: 1,
  entries: Array.from({ length: 12 }, (_, index) => ({ ...GRADE_ENTRY, sequence: index + 1, why: `id ${5_266_583_935 + index} never came; `.repeat(110) })),
};

const PUBLISHED = { key: KEY, historyId: HISTORY.historyId, mode: "live", publishedNs: KNOWN_NS } as const;
export const PUBLICATIONS: Readonly<Record<string, Publication>> = {
  "candle-batch": { type: "batch", ...PUBLISHED, entries: [barEntry(41), barEntry(42, { revision: 2, reason: "late_data", grade: undefined })] },
  "candle-batch-128-bit": { type: "batch", ...PUBLISHED, mode: "simulated", entries: [barEntry(1, { values: WIDE_VALUES, digest: undefined, reason: "end_of_input" })] },
  "forming-candle": { type: "forming", ...PUBLISHED, bar: { openMs: OPEN_MS, values: VALUES, atSeq: 1_050, knownNs: KNOWN_NS }, afterSequence: 45 },
  heartbeat: { type: "heartbeat", ...PUBLISHED, latestSequence: 45, beat: 12 },
};

/** Every golden by file name: how it is made, what comes back, and the message as people read it. */
export interface Golden {
  readonly frame: () => Uint8Array;
  readonly decode: (frame: Uint8Array) => Result<unknown>;
  readonly decoded: unknown;
}

export const CORRELATION_ID = 1_234_567_890_123;

export function goldens(): ReadonlyMap<string, Golden> {
  const all = new Map<string, Golden>();
  for (const [name, message] of Object.entries(REQUESTS)) {
    all.set(name, { frame: () => encodeRequest(CORRELATION_ID, message), decode: decodeRequest, decoded: { correlationId: CORRELATION_ID, message } });
  }
  for (const [name, message] of [...Object.entries(ANSWERS), ["compressed", LARGE_ANSWER] as const]) {
    const correlationId = name === "resync-notice" ? 0 : CORRELATION_ID;
    all.set(name, { frame: () => encodeAnswer(correlationId, message, { acceptsZstd: true }), decode: decodeAnswer, decoded: { correlationId, message } });
  }
  for (const [name, message] of Object.entries(PUBLICATIONS)) {
    all.set(name, { frame: () => encodePublication(message), decode: decodePublication, decoded: message });
  }
  return all;
}

// ── Arbitrary messages ───────────────────────────────────────────────────────

const safe = fc.oneof(fc.integer({ min: -(2 ** 31), max: 2 ** 31 }), fc.maxSafeInteger());
const count = fc.oneof(fc.nat(), fc.maxSafeNat());
const u32 = fc.oneof(fc.nat({ max: 100 }), fc.nat({ max: 2 ** 32 - 1 }));
const i64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const text = fc.string({ unit: "grapheme", maxLength: 60 });
const name = fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 60 });
const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });
const decimals: fc.Arbitrary<Decimal> = fc
  .tuple(fc.oneof(fc.maxSafeInteger(), fc.bigInt({ min: -(2n ** 127n), max: 2n ** 127n - 1n }), fc.constantFrom(2n ** 53n, -(2n ** 53n), 0, -1)), fc.nat({ max: DECIMAL_DIGITS_MAX }))
  .map(([mantissa, scale]) => decimal(mantissa, scale));
const values: fc.Arbitrary<BarValues> = fc.record({
  open: decimals, high: decimals, low: decimals, close: decimals, volume: decimals, quoteVolume: decimals, tradeCount: count, takerBuyVolume: decimals, takerBuyQuoteVolume: decimals,
});
const grade = fc.constantFrom(...GRADES);
const hex = (bytes: number): fc.Arbitrary<string> => fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((raw) => Buffer.from(raw).toString("hex"));
const key: fc.Arbitrary<StreamKey> = fc.record({
  sourceId: fc.stringMatching(/^[A-Za-z0-9_-]{1,32}$/), symbol: fc.stringMatching(/^[A-Za-z0-9_.-]{1,64}$/), interval: fc.constantFrom(...INTERVALS),
});
const mode = fc.constantFrom("live" as const, "replay" as const, "simulated" as const);
const history: fc.Arbitrary<History> = fc.record({ historyId: hex(32), mode, lineage: text, configDigest: hex(32), canonicalizerVersion: name, runId: text });
const origin = { atSeq: count, knownNs: i64 };
const content: fc.Arbitrary<Entry> = fc.oneof(
  { weight: 3, arbitrary: fc.record({
    kind: fc.constant("bar" as const),
    bar: fc.record({
      openMs: safe, values, revision: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 2 ** 32 - 1 })),
      reason: fc.constantFrom("watermark" as const, "clock_tick" as const, "end_of_input" as const, "late_data" as const, "gap_backfill" as const, "source_correction" as const, "rebuild" as const),
      digest: optional(hex(32)), grade: optional(grade),
    }),
    ...origin,
  }) },
  { weight: 1, arbitrary: fc.tuple(safe, safe, grade, text, count, i64).map(([a, b, to, why, atSeq, knownNs]) => (
    { kind: "grade" as const, fromOpenMs: Math.min(a, b), untilOpenMs: Math.max(a, b), grade: to, why, atSeq, knownNs })) },
  { weight: 1, arbitrary: fc.record({
    kind: fc.constant("gap" as const),
    gap: fc.record({
      gapId: name, streamId: name, fromMs: safe, toMs: optional(safe), fromId: optional(count), toId: optional(count), missing: optional(count),
      cause: fc.constantFrom("id_hole" as const, "disconnect" as const, "downtime" as const, "silent" as const, "schedule" as const),
      state: fc.constantFrom("open" as const, "repaired" as const, "GAP_UNRESOLVED" as const), attempts: u32, detail: text,
    }),
    ...origin,
  }) },
);
const entries = (minLength: number): fc.Arbitrary<readonly SequencedEntry[]> => fc
  .tuple(fc.oneof(fc.integer({ min: 1, max: 1_000 }), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER - 100 })), fc.array(content, { minLength, maxLength: 12 }))
  .map(([start, items]) => items.map((entry, index) => ({ ...entry, sequence: start + index })));
const range = fc.tuple(count, count).map(([a, b]) => ({ latestSequence: Math.max(a, b), firstSequence: Math.min(a, b) }));
const refusal: fc.Arbitrary<Refusal> = fc.record({
  code: fc.constantFrom<RefusalCode>("UNKNOWN_STREAM", "RETENTION_EXCEEDED", "OTHER_HISTORY", "VERSION_UNSUPPORTED", "MALFORMED", "BUSY", "INTERNAL", "BEYOND_LATEST"),
  detail: text, retryAfterMs: u32, supportedVersion: fc.nat({ max: 0xffff }),
});
const streamInfo = fc.tuple(fc.record({ key, latestMs: safe }), range).map(([info, ends]) => ({ ...info, ...ends }));

export const anyCorrelationId = count;
export const anyRequest: fc.Arbitrary<Request> = fc.oneof(
  fc.record({ type: fc.constant("subscribe" as const), key, fromSequence: optional(count), historyId: optional(name) }),
  fc.record({ type: fc.constant("backfill" as const), key, historyId: optional(name), fromSequenceExclusive: optional(count), limit: u32, endMs: optional(safe), acceptsZstd: fc.boolean() }),
  fc.record({ type: fc.constant("get_cursor" as const), key }),
  fc.record({ type: fc.constant("list_streams" as const) }),
  fc.record({ type: fc.constant("health" as const) }),
  fc.record({ type: fc.constant("report_applied" as const), historyId: name, applied: fc.array(fc.record({ key, sequence: count }), { maxLength: 8 }) }),
);
export const anyAnswer: fc.Arbitrary<Answer> = fc.oneof(
  fc.tuple(fc.record({ type: fc.constant("subscribe_ack" as const), accepted: fc.boolean(), key, history: optional(history), heartbeatMs: u32, refusal: optional(refusal) }), range).map(([a, b]) => ({ ...a, ...b })),
  fc.tuple(fc.record({
    type: fc.constant("backfill_response" as const), key, historyId: fc.oneof(fc.constant(""), name), mode, entries: entries(0), hasMore: fc.boolean(),
    nextSequence: optional(count), refusal: optional(refusal),
  }), range).map(([a, b]) => ({ ...a, ...b })),
  fc.tuple(fc.record({ type: fc.constant("cursor" as const), key, latestMs: safe, history: optional(history), refusal: optional(refusal) }), range).map(([a, b]) => ({ ...a, ...b })),
  fc.record({ type: fc.constant("streams" as const), history: optional(history), streams: fc.array(streamInfo, { maxLength: 8 }), refusal: optional(refusal) }),
  fc.record({
    type: fc.constant("health" as const), serverVersion: text, history: optional(history), uptimeMs: count, streams: u32, clients: u32,
    status: fc.constantFrom("GREEN" as const, "AMBER" as const, "RED" as const), detail: text, nowNs: i64, pubPort: fc.nat({ max: 0xffff }),
  }),
  fc.record({ type: fc.constant("resync_notice" as const), key, historyId: name, latestSequence: count, appliedSequence: count, detail: text }),
  fc.record({ type: fc.constant("refusal" as const), refusal }),
);
const published = { key, historyId: name, mode, publishedNs: i64 };
export const anyPublication: fc.Arbitrary<Publication> = fc.oneof(
  fc.record({ type: fc.constant("batch" as const), ...published, entries: entries(1) }),
  fc.record({ type: fc.constant("forming" as const), ...published, bar: fc.record({ openMs: safe, values, ...origin }), afterSequence: count }),
  fc.record({ type: fc.constant("heartbeat" as const), ...published, latestSequence: count, beat: count }),
);
