// Made by build/codegen.mjs from schemas/market_data.fbs (flatc 2.0.8): do not edit, run `npm run codegen`.
// Slots of every table and members of every enum, for the codec's own reader and writer.

export const APPLIED = { streamKey: 0, appliedSequence: 1 } as const;
export const BACKFILL_CANDLES_REQUEST = { sourceId: 0, symbol: 1, interval: 2, historyId: 3, fromSequenceExclusive: 4, limit: 5, endTs: 6, acceptsZstd: 7 } as const;
export const BACKFILL_CANDLES_RESPONSE = { streamKey: 0, historyId: 1, mode: 2, startSequence: 3, candles: 4, hasMore: 5, nextSequence: 6, latestSequence: 7, firstSequence: 8, refusal: 9 } as const;
export const CANDLE_BATCH = { streamKey: 0, historyId: 1, mode: 2, startSequence: 3, candles: 4, publishedNs: 5 } as const;
export const CANDLE = { kind: 0, ts: 1, open: 2, high: 3, low: 4, close: 5, volume: 6, quoteVolume: 7, tradeCount: 8, takerBuyVolume: 9, takerBuyQuoteVolume: 10, revision: 11, reason: 12, digest: 13, untilTs: 14, grade: 15, why: 16, gap: 17, atSeq: 18, knownNs: 19 } as const;
export const COMPRESSED = { uncompressedBytes: 0, zstd: 1 } as const;
export const ENTRY_KIND_VALUES = { SEALED: 0, CORRECTION: 1, GRADE: 2, GAP: 3 } as const;
export const ENVELOPE = { schemaVersion: 0, correlationId: 1, payloadType: 2, payload: 3 } as const;
export const FORMING_CANDLE = { streamKey: 0, historyId: 1, mode: 2, candle: 3, afterSequence: 4, publishedNs: 5 } as const;
export const GAP = { gapId: 0, streamId: 1, fromTs: 2, toTs: 3, fromId: 4, toId: 5, missing: 6, cause: 7, state: 8, attempts: 9 } as const;
export const GET_CURSOR_REQUEST = { sourceId: 0, symbol: 1, interval: 2 } as const;
export const GET_CURSOR_RESPONSE = { streamKey: 0, latestSequence: 1, firstSequence: 2, latestTs: 3, history: 4, refusal: 5 } as const;
export const GRADE_VALUES = { UNKNOWN: 0, PROVED: 1, LIKELY: 2, UNPROVABLE: 3, PARTIAL: 4, REPAIRED: 5, UNRESOLVED: 6, EMPTY_PROVED: 7, MISSING: 8, GAP_UNRESOLVED: 9 } as const;
export const HEALTH_REQUEST = {} as const;
export const HEALTH_RESPONSE = { serverVersion: 0, history: 1, uptimeMs: 2, streams: 3, clients: 4, status: 5, detail: 6, nowNs: 7, pubPort: 8, refusal: 9 } as const;
export const HEARTBEAT = { streamKey: 0, historyId: 1, mode: 2, latestSequence: 3, publishedNs: 4, beat: 5 } as const;
export const HISTORY = { historyId: 0, mode: 1, lineage: 2, configDigest: 3, canonicalizerVersion: 4, runId: 5 } as const;
export const LIST_STREAMS_REQUEST = {} as const;
export const LIST_STREAMS_RESPONSE = { history: 0, streams: 1, refusal: 2 } as const;
export const MODE_VALUES = { LIVE: 0, REPLAY: 1, SIMULATED: 2 } as const;
export const PAYLOAD_VALUES = { NONE: 0, SubscribeCandlesRequest: 1, SubscribeCandlesAck: 2, CandleBatch: 3, FormingCandle: 4, Heartbeat: 5, BackfillCandlesRequest: 6, BackfillCandlesResponse: 7, GetCursorRequest: 8, GetCursorResponse: 9, ListStreamsRequest: 10, ListStreamsResponse: 11, HealthRequest: 12, HealthResponse: 13, ReportAppliedRequest: 14, ResyncNotice: 15, Refusal: 16, Compressed: 17 } as const;
export const REFUSAL_CODE_VALUES = { NONE: 0, UNKNOWN_STREAM: 1, RETENTION_EXCEEDED: 2, OTHER_HISTORY: 3, VERSION_UNSUPPORTED: 4, MALFORMED: 5, BUSY: 6, INTERNAL: 7, BEYOND_LATEST: 8 } as const;
export const REFUSAL = { code: 0, detail: 1, retryAfterMs: 2, supportedVersion: 3 } as const;
export const REPORT_APPLIED_REQUEST = { historyId: 0, applied: 1 } as const;
export const RESYNC_NOTICE = { streamKey: 0, historyId: 1, latestSequence: 2, appliedSequence: 3, detail: 4 } as const;
export const STREAM_INFO = { streamKey: 0, firstSequence: 1, latestSequence: 2, latestTs: 3 } as const;
export const STREAM_KEY = { sourceId: 0, symbol: 1, interval: 2 } as const;
export const SUBSCRIBE_CANDLES_ACK = { accepted: 0, streamKey: 1, latestSequence: 2, firstSequence: 3, history: 4, heartbeatMs: 5, refusal: 6 } as const;
export const SUBSCRIBE_CANDLES_REQUEST = { sourceId: 0, symbol: 1, interval: 2, fromSequence: 3, historyId: 4 } as const;
