// Frames → messages. The bytes may come from anybody: whatever they are, the answer is a Result, within time and memory in proportion.
import { done, FaultError, failed, fault, type Result } from "../../../shared/base.ts";
import type { SequencedEntry } from "../model.ts";
import { EntryReader, readForming } from "./candle-reader.ts";
import { unzstd } from "./compression.ts";
import { FILE_IDENTIFIER } from "./encode.ts";
import { FlatFrame, malformed, type FlatTable } from "./flat-reader.ts";
import {
  APPLIED, BACKFILL_CANDLES_REQUEST, BACKFILL_CANDLES_RESPONSE, CANDLE_BATCH, COMPRESSED, ENVELOPE, FORMING_CANDLE, GET_CURSOR_REQUEST,
  GET_CURSOR_RESPONSE, HEALTH_RESPONSE, HEARTBEAT, LIST_STREAMS_RESPONSE, PAYLOAD_VALUES, REPORT_APPLIED_REQUEST, RESYNC_NOTICE, STREAM_INFO,
  SUBSCRIBE_CANDLES_ACK, SUBSCRIBE_CANDLES_REQUEST,
} from "./generated/layout.ts";
import {
  BACKFILL_LIMIT_MAX, BATCH_ENTRIES_MAX, FRAME_BYTES_MAX, SCHEMA_VERSION, STREAMS_MAX, type Answer, type Numbered, type Publication, type Request,
  type StreamInfo,
} from "./messages.ts";
import { readHistory, readHistoryId, readKey, readKeyParts, readMode, readOptionalRefusal, readRefusal } from "./parts-reader.ts";
import { isHealthStatus, NAME_BYTES_MAX, reversed, TEXT_BYTES_MAX } from "./words.ts";

type PayloadName = keyof typeof PAYLOAD_VALUES;
const PAYLOAD_NAMES = reversed<PayloadName>(PAYLOAD_VALUES);

interface OpenEnvelope {
  readonly correlationId: number;
  readonly name: PayloadName;
  readonly payload: FlatTable;
}

function versionFault(theirs: number): FaultError {
  const what = theirs > SCHEMA_VERSION ? "update this side" : "update the other side";
  return fault("wire.version", `the other side speaks schema version ${theirs} of the bridge, this one ${SCHEMA_VERSION}: ${what}`, { theirs, ours: SCHEMA_VERSION });
}

function openEnvelope(bytes: Uint8Array): OpenEnvelope {
  if (bytes.length > FRAME_BYTES_MAX) throw fault("wire.oversized", `bridge frame refused unread: ${bytes.length} bytes, ${FRAME_BYTES_MAX} are allowed`);
  const frame = new FlatFrame(bytes);
  if (!frame.hasIdentifier(FILE_IDENTIFIER)) throw malformed(`it is no ${FILE_IDENTIFIER} frame (is the other side a Tapedeck bridge?)`);
  const envelope = frame.root("Envelope");
  const version = envelope.u16(ENVELOPE.schemaVersion);
  if (version !== SCHEMA_VERSION) throw versionFault(version);
  const type = envelope.u8(ENVELOPE.payloadType);
  const name = PAYLOAD_NAMES[type];
  if (name === undefined || name === "NONE") throw fault("wire.unexpected", `bridge frame refused: payload type ${type} is not known here`);
  return { correlationId: envelope.count(ENVELOPE.correlationId, "correlation_id"), name, payload: envelope.table(ENVELOPE.payload, "payload", name) };
}

function unexpected(name: PayloadName, channel: string): FaultError {
  return fault("wire.unexpected", `bridge frame refused: ${name} does not belong on ${channel}`);
}

/** Faults become Results; anything else is a bug of ours and must be heard. */
function resultOf<T>(read: () => T): Result<T> {
  try {
    return done(read());
  } catch (error) {
    if (!(error instanceof FaultError)) throw error;
    return failed(error.fault.code, error.fault.message, error.fault.details);
  }
}

/** Of a frame that could not be decoded: its correlation id where that much can be read, so that it can be refused by it. */
export function correlationIdOf(bytes: Uint8Array): number | undefined {
  if (bytes.length > FRAME_BYTES_MAX) return undefined;
  const frame = new FlatFrame(bytes);
  if (!frame.hasIdentifier(FILE_IDENTIFIER)) return undefined;
  const result = resultOf(() => frame.root("Envelope").count(ENVELOPE.correlationId, "correlation_id"));
  return result.ok ? result.value : undefined;
}

// ── Requests ─────────────────────────────────────────────────────────────────

function optionalHistoryId(table: FlatTable, slot: number): string | undefined {
  return table.has(slot) ? readHistoryId(table, slot) : undefined;
}

function readRequest(name: PayloadName, table: FlatTable): Request {
  switch (name) {
    case "SubscribeCandlesRequest":
      return {
        type: "subscribe", key: readKeyParts(table, SUBSCRIBE_CANDLES_REQUEST),
        fromSequence: table.optionalCount(SUBSCRIBE_CANDLES_REQUEST.fromSequence, "from_sequence"),
        historyId: optionalHistoryId(table, SUBSCRIBE_CANDLES_REQUEST.historyId),
      };
    case "BackfillCandlesRequest":
      return {
        type: "backfill", key: readKeyParts(table, BACKFILL_CANDLES_REQUEST), historyId: optionalHistoryId(table, BACKFILL_CANDLES_REQUEST.historyId),
        fromSequenceExclusive: table.optionalCount(BACKFILL_CANDLES_REQUEST.fromSequenceExclusive, "from_sequence_exclusive"),
        limit: table.u32(BACKFILL_CANDLES_REQUEST.limit), endMs: table.optionalSafe(BACKFILL_CANDLES_REQUEST.endTs, "end_ts"),
        acceptsZstd: table.bool(BACKFILL_CANDLES_REQUEST.acceptsZstd, "accepts_zstd"),
      };
    case "GetCursorRequest":
      return { type: "get_cursor", key: readKeyParts(table, GET_CURSOR_REQUEST) };
    case "ListStreamsRequest":
      return { type: "list_streams" };
    case "HealthRequest":
      return { type: "health" };
    case "ReportAppliedRequest":
      return {
        type: "report_applied", historyId: readHistoryId(table, REPORT_APPLIED_REQUEST.historyId),
        applied: table.tables(REPORT_APPLIED_REQUEST.applied, "applied", { name: "Applied", max: STREAMS_MAX }, (item) => ({
          key: readKey(item, APPLIED.streamKey), sequence: item.count(APPLIED.appliedSequence, "applied_sequence"),
        })),
      };
    default:
      throw unexpected(name, "the request channel");
  }
}

export function decodeRequest(bytes: Uint8Array): Result<Numbered<Request>> {
  return resultOf(() => {
    const { correlationId, name, payload } = openEnvelope(bytes);
    return { correlationId, message: readRequest(name, payload) };
  });
}

// ── Answers ──────────────────────────────────────────────────────────────────

interface RangeSlots { readonly latestSequence: number; readonly firstSequence: number }

function readRange(table: FlatTable, slots: RangeSlots): { readonly latestSequence: number; readonly firstSequence: number } {
  const latestSequence = table.count(slots.latestSequence, "latest_sequence");
  const firstSequence = table.count(slots.firstSequence, "first_sequence");
  if (firstSequence > latestSequence + 1) throw malformed(`${table.named("first_sequence")} is ${firstSequence}, beyond latest_sequence ${latestSequence} + 1`);
  return { latestSequence, firstSequence };
}

interface EntrySlots { readonly startSequence: number; readonly candles: number }

function readEntries(table: FlatTable, slots: EntrySlots, max: number): readonly SequencedEntry[] {
  const start = table.count(slots.startSequence, "start_sequence");
  const reader = new EntryReader(table.frame);
  const entries = table.tables(slots.candles, "candles", { name: "Candle", max }, (candle, index) => reader.entry(candle, start + index));
  if (entries.length > 0 && start < 1) throw malformed(`${table.named("start_sequence")} is ${start}: sequences count from 1`);
  if (start + entries.length > Number.MAX_SAFE_INTEGER) throw malformed(`${table.named("start_sequence")} is beyond 2^53`);
  return entries;
}

function readStreamInfo(table: FlatTable): StreamInfo {
  return { key: readKey(table, STREAM_INFO.streamKey), latestMs: table.safe(STREAM_INFO.latestTs, "latest_ts"), ...readRange(table, STREAM_INFO) };
}

function readHealth(table: FlatTable): Answer {
  const refusal = readOptionalRefusal(table, HEALTH_RESPONSE.refusal);
  if (refusal !== undefined) return { type: "refusal", refusal };
  const status = table.requiredText(HEALTH_RESPONSE.status, "status", NAME_BYTES_MAX);
  if (!isHealthStatus(status)) throw malformed(`${table.named("status")} is ${JSON.stringify(status)} instead of GREEN, AMBER or RED`);
  const pubPort = table.u32(HEALTH_RESPONSE.pubPort);
  if (pubPort > 0xffff) throw malformed(`${table.named("pub_port")} is ${pubPort}, which is no port`);
  return {
    type: "health", serverVersion: table.text(HEALTH_RESPONSE.serverVersion, "server_version", NAME_BYTES_MAX),
    history: readHistory(table, HEALTH_RESPONSE.history), uptimeMs: table.count(HEALTH_RESPONSE.uptimeMs, "uptime_ms"),
    streams: table.u32(HEALTH_RESPONSE.streams), clients: table.u32(HEALTH_RESPONSE.clients), status,
    detail: table.text(HEALTH_RESPONSE.detail, "detail", TEXT_BYTES_MAX), nowNs: table.i64(HEALTH_RESPONSE.nowNs), pubPort,
  };
}

function readBackfillResponse(table: FlatTable): Answer {
  const refusal = readOptionalRefusal(table, BACKFILL_CANDLES_RESPONSE.refusal);
  return {
    type: "backfill_response", key: readKey(table, BACKFILL_CANDLES_RESPONSE.streamKey),
    historyId: optionalHistoryId(table, BACKFILL_CANDLES_RESPONSE.historyId) ?? "", mode: readMode(table, BACKFILL_CANDLES_RESPONSE.mode),
    entries: readEntries(table, BACKFILL_CANDLES_RESPONSE, BACKFILL_LIMIT_MAX),
    hasMore: table.bool(BACKFILL_CANDLES_RESPONSE.hasMore, "has_more"),
    nextSequence: table.optionalCount(BACKFILL_CANDLES_RESPONSE.nextSequence, "next_sequence"), refusal,
    ...readRange(table, BACKFILL_CANDLES_RESPONSE),
  };
}

function readAnswer(name: PayloadName, table: FlatTable): Answer {
  switch (name) {
    case "SubscribeCandlesAck":
      return {
        type: "subscribe_ack", accepted: table.bool(SUBSCRIBE_CANDLES_ACK.accepted, "accepted"), key: readKey(table, SUBSCRIBE_CANDLES_ACK.streamKey),
        history: readHistory(table, SUBSCRIBE_CANDLES_ACK.history), heartbeatMs: table.u32(SUBSCRIBE_CANDLES_ACK.heartbeatMs),
        refusal: readOptionalRefusal(table, SUBSCRIBE_CANDLES_ACK.refusal), ...readRange(table, SUBSCRIBE_CANDLES_ACK),
      };
    case "BackfillCandlesResponse":
      return readBackfillResponse(table);
    case "GetCursorResponse":
      return {
        type: "cursor", key: readKey(table, GET_CURSOR_RESPONSE.streamKey), latestMs: table.safe(GET_CURSOR_RESPONSE.latestTs, "latest_ts"),
        history: readHistory(table, GET_CURSOR_RESPONSE.history), refusal: readOptionalRefusal(table, GET_CURSOR_RESPONSE.refusal),
        ...readRange(table, GET_CURSOR_RESPONSE),
      };
    case "ListStreamsResponse":
      return {
        type: "streams", history: readHistory(table, LIST_STREAMS_RESPONSE.history),
        streams: table.tables(LIST_STREAMS_RESPONSE.streams, "streams", { name: "StreamInfo", max: STREAMS_MAX }, readStreamInfo),
        refusal: readOptionalRefusal(table, LIST_STREAMS_RESPONSE.refusal),
      };
    case "HealthResponse":
      return readHealth(table);
    case "ResyncNotice":
      return {
        type: "resync_notice", key: readKey(table, RESYNC_NOTICE.streamKey), historyId: readHistoryId(table, RESYNC_NOTICE.historyId),
        latestSequence: table.count(RESYNC_NOTICE.latestSequence, "latest_sequence"),
        appliedSequence: table.count(RESYNC_NOTICE.appliedSequence, "applied_sequence"), detail: table.text(RESYNC_NOTICE.detail, "detail", TEXT_BYTES_MAX),
      };
    case "Refusal":
      return { type: "refusal", refusal: readRefusal(table) };
    default:
      throw unexpected(name, "the answer channel");
  }
}

/** A Compressed holds one whole frame: with the same correlation id, and not compressed again. */
function unfolded(outer: OpenEnvelope): OpenEnvelope {
  const stored = outer.payload.requiredBlob(COMPRESSED.zstd, "zstd");
  const inner = openEnvelope(unzstd(stored, outer.payload.u32(COMPRESSED.uncompressedBytes)));
  if (inner.name === "Compressed") throw malformed("Compressed holds another Compressed");
  if (inner.correlationId !== outer.correlationId) {
    throw malformed(`Compressed answers request ${outer.correlationId}, but what it holds answers ${inner.correlationId}`);
  }
  return inner;
}

export function decodeAnswer(bytes: Uint8Array): Result<Numbered<Answer>> {
  return resultOf(() => {
    const outer = openEnvelope(bytes);
    const { correlationId, name, payload } = outer.name === "Compressed" ? unfolded(outer) : outer;
    return { correlationId, message: readAnswer(name, payload) };
  });
}

// ── Publications ─────────────────────────────────────────────────────────────

function readPublication(name: PayloadName, table: FlatTable): Publication {
  switch (name) {
    case "CandleBatch": {
      const entries = readEntries(table, CANDLE_BATCH, BATCH_ENTRIES_MAX);
      if (entries.length === 0) throw malformed(`${table.named("candles")} is empty`);
      return {
        type: "batch", key: readKey(table, CANDLE_BATCH.streamKey), historyId: readHistoryId(table, CANDLE_BATCH.historyId),
        mode: readMode(table, CANDLE_BATCH.mode), publishedNs: table.i64(CANDLE_BATCH.publishedNs), entries,
      };
    }
    case "FormingCandle":
      return {
        type: "forming", key: readKey(table, FORMING_CANDLE.streamKey), historyId: readHistoryId(table, FORMING_CANDLE.historyId),
        mode: readMode(table, FORMING_CANDLE.mode), publishedNs: table.i64(FORMING_CANDLE.publishedNs),
        bar: readForming(table.table(FORMING_CANDLE.candle, "candle", "Candle")),
        afterSequence: table.count(FORMING_CANDLE.afterSequence, "after_sequence"),
      };
    case "Heartbeat":
      return {
        type: "heartbeat", key: readKey(table, HEARTBEAT.streamKey), historyId: readHistoryId(table, HEARTBEAT.historyId),
        mode: readMode(table, HEARTBEAT.mode), publishedNs: table.i64(HEARTBEAT.publishedNs),
        latestSequence: table.count(HEARTBEAT.latestSequence, "latest_sequence"), beat: table.count(HEARTBEAT.beat, "beat"),
      };
    default:
      throw unexpected(name, "the live stream");
  }
}

export function decodePublication(bytes: Uint8Array): Result<Publication> {
  return resultOf(() => {
    const { name, payload } = openEnvelope(bytes);
    return readPublication(name, payload);
  });
}
