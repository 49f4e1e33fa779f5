// Messages → frames. What does not fit the schema is a bug of ours and asserted; free text that is too long is cut.
import { assert, unreachable } from "../../../shared/base.ts";
import type { SequencedEntry } from "../model.ts";
import { writeEntry, writeForming } from "./candle-writer.ts";
import { zstd } from "./compression.ts";
import type { EncodeAnswerOptions } from "./codec-types.ts";
import { FlatWriter, type Ref } from "./flat-writer.ts";
import {
  APPLIED, BACKFILL_CANDLES_REQUEST, BACKFILL_CANDLES_RESPONSE, CANDLE_BATCH, COMPRESSED, ENVELOPE, FORMING_CANDLE, GET_CURSOR_REQUEST,
  GET_CURSOR_RESPONSE, HEALTH_RESPONSE, HEARTBEAT, LIST_STREAMS_RESPONSE, PAYLOAD_VALUES, REPORT_APPLIED_REQUEST, RESYNC_NOTICE, STREAM_INFO,
  SUBSCRIBE_CANDLES_ACK, SUBSCRIBE_CANDLES_REQUEST,
} from "./generated/layout.ts";
import {
  BACKFILL_LIMIT_MAX, BATCH_ENTRIES_MAX, COMPRESS_ABOVE_BYTES, FRAME_BYTES_MAX, SCHEMA_VERSION, STREAMS_MAX,
  type Answer, type Publication, type Request, type StreamInfo,
} from "./messages.ts";
import { linkKeyParts, writeHistory, writeHistoryId, writeKey, writeOptionalRefusal, writeRefusal } from "./parts-writer.ts";
import { freeText, nameText } from "./text-writer.ts";
import { MODE_NUMBERS } from "./words.ts";

export const FILE_IDENTIFIER = "TDMD";

type Of<Union extends { readonly type: string }, Type extends Union["type"]> = Extract<Union, { readonly type: Type }>;

// One for all: encoding is synchronous, and every frame leaves as a copy.
const shared = new FlatWriter();

function frameOf(correlationId: number, payloadType: number, writePayload: (writer: FlatWriter) => Ref): Uint8Array {
  shared.reset();
  const payload = writePayload(shared);
  shared.u16(ENVELOPE.schemaVersion, SCHEMA_VERSION);
  shared.count(ENVELOPE.correlationId, correlationId);
  shared.u8(ENVELOPE.payloadType, payloadType);
  shared.link(ENVELOPE.payload, payload);
  const frame = shared.finish(shared.end(), FILE_IDENTIFIER);
  assert(frame.length <= FRAME_BYTES_MAX, `a frame may hold ${FRAME_BYTES_MAX} bytes, got ${frame.length}: cut the batch by entryBytesMax`);
  return frame;
}

// ── Requests ─────────────────────────────────────────────────────────────────

function writeSubscribe(writer: FlatWriter, request: Of<Request, "subscribe">): Ref {
  linkKeyParts(writer, request.key, SUBSCRIBE_CANDLES_REQUEST);
  writer.optionalCount(SUBSCRIBE_CANDLES_REQUEST.fromSequence, request.fromSequence);
  if (request.historyId !== undefined) writer.link(SUBSCRIBE_CANDLES_REQUEST.historyId, writeHistoryId(writer, request.historyId));
  return writer.end();
}

function writeBackfill(writer: FlatWriter, request: Of<Request, "backfill">): Ref {
  linkKeyParts(writer, request.key, BACKFILL_CANDLES_REQUEST);
  if (request.historyId !== undefined) writer.link(BACKFILL_CANDLES_REQUEST.historyId, writeHistoryId(writer, request.historyId));
  writer.optionalCount(BACKFILL_CANDLES_REQUEST.fromSequenceExclusive, request.fromSequenceExclusive);
  writer.u32(BACKFILL_CANDLES_REQUEST.limit, request.limit);
  writer.optionalSafe(BACKFILL_CANDLES_REQUEST.endTs, request.endMs);
  writer.bool(BACKFILL_CANDLES_REQUEST.acceptsZstd, request.acceptsZstd);
  return writer.end();
}

function writeApplied(writer: FlatWriter, { historyId, applied }: Of<Request, "report_applied">): Ref {
  assert(applied.length <= STREAMS_MAX, `a report holds ${STREAMS_MAX} streams at most, got ${applied.length}`);
  const items = applied.map(({ key, sequence }) => {
    const keyRef = writeKey(writer, key);
    writer.link(APPLIED.streamKey, keyRef);
    writer.count(APPLIED.appliedSequence, sequence);
    return writer.end();
  });
  const vector = writer.refs(items);
  writer.link(REPORT_APPLIED_REQUEST.historyId, writeHistoryId(writer, historyId));
  writer.link(REPORT_APPLIED_REQUEST.applied, vector);
  return writer.end();
}

export function encodeRequest(correlationId: number, request: Request): Uint8Array {
  const { type } = request;
  switch (type) {
    case "subscribe":
      return frameOf(correlationId, PAYLOAD_VALUES.SubscribeCandlesRequest, (writer) => writeSubscribe(writer, request));
    case "backfill":
      return frameOf(correlationId, PAYLOAD_VALUES.BackfillCandlesRequest, (writer) => writeBackfill(writer, request));
    case "get_cursor":
      return frameOf(correlationId, PAYLOAD_VALUES.GetCursorRequest, (writer) => {
        linkKeyParts(writer, request.key, GET_CURSOR_REQUEST);
        return writer.end();
      });
    case "list_streams":
      return frameOf(correlationId, PAYLOAD_VALUES.ListStreamsRequest, (writer) => writer.end());
    case "health":
      return frameOf(correlationId, PAYLOAD_VALUES.HealthRequest, (writer) => writer.end());
    case "report_applied":
      return frameOf(correlationId, PAYLOAD_VALUES.ReportAppliedRequest, (writer) => writeApplied(writer, request));
    default:
      return unreachable(type);
  }
}

// ── Answers ──────────────────────────────────────────────────────────────────

function writeEntries(writer: FlatWriter, entries: readonly SequencedEntry[], entriesMax: number): Ref {
  assert(entries.length <= entriesMax, `${entriesMax} entries at once at most, got ${entries.length}`);
  const first = entries[0]?.sequence ?? 1;
  assert(first >= 1, `sequences count from 1, got ${first}`);
  const refs = new Array<Ref>(entries.length);
  // Back to front, as the frame grows: then its candles lie in reading order.
  for (let index = entries.length - 1; index >= 0; index -= 1) {
    const entry = entries[index];
    if (entry?.sequence !== first + index) throw new Error(`Invariant: sequence ${entry?.sequence} is not ${first + index}: a batch has no holes`);
    refs[index] = writeEntry(writer, entry);
  }
  return writer.refs(refs);
}

function writeAck(writer: FlatWriter, answer: Of<Answer, "subscribe_ack">): Ref {
  const key = writeKey(writer, answer.key);
  const history = writeHistory(writer, answer.history);
  const refusal = writeOptionalRefusal(writer, answer.refusal);
  writer.bool(SUBSCRIBE_CANDLES_ACK.accepted, answer.accepted);
  writer.link(SUBSCRIBE_CANDLES_ACK.streamKey, key);
  writer.count(SUBSCRIBE_CANDLES_ACK.latestSequence, answer.latestSequence);
  writer.count(SUBSCRIBE_CANDLES_ACK.firstSequence, answer.firstSequence);
  writer.link(SUBSCRIBE_CANDLES_ACK.history, history);
  writer.u32(SUBSCRIBE_CANDLES_ACK.heartbeatMs, answer.heartbeatMs);
  writer.link(SUBSCRIBE_CANDLES_ACK.refusal, refusal);
  return writer.end();
}

function writeBackfillResponse(writer: FlatWriter, answer: Of<Answer, "backfill_response">): Ref {
  const candles = writeEntries(writer, answer.entries, BACKFILL_LIMIT_MAX);
  const key = writeKey(writer, answer.key);
  const refusal = writeOptionalRefusal(writer, answer.refusal);
  writer.link(BACKFILL_CANDLES_RESPONSE.streamKey, key);
  if (answer.historyId !== "") writer.link(BACKFILL_CANDLES_RESPONSE.historyId, writeHistoryId(writer, answer.historyId));
  writer.u8(BACKFILL_CANDLES_RESPONSE.mode, MODE_NUMBERS[answer.mode]);
  writer.count(BACKFILL_CANDLES_RESPONSE.startSequence, answer.entries[0]?.sequence ?? 0);
  writer.link(BACKFILL_CANDLES_RESPONSE.candles, candles);
  writer.bool(BACKFILL_CANDLES_RESPONSE.hasMore, answer.hasMore);
  writer.optionalCount(BACKFILL_CANDLES_RESPONSE.nextSequence, answer.nextSequence);
  writer.count(BACKFILL_CANDLES_RESPONSE.latestSequence, answer.latestSequence);
  writer.count(BACKFILL_CANDLES_RESPONSE.firstSequence, answer.firstSequence);
  writer.link(BACKFILL_CANDLES_RESPONSE.refusal, refusal);
  return writer.end();
}

function writeCursor(writer: FlatWriter, answer: Of<Answer, "cursor">): Ref {
  const key = writeKey(writer, answer.key);
  const history = writeHistory(writer, answer.history);
  const refusal = writeOptionalRefusal(writer, answer.refusal);
  writer.link(GET_CURSOR_RESPONSE.streamKey, key);
  writer.count(GET_CURSOR_RESPONSE.latestSequence, answer.latestSequence);
  writer.count(GET_CURSOR_RESPONSE.firstSequence, answer.firstSequence);
  writer.safe(GET_CURSOR_RESPONSE.latestTs, answer.latestMs);
  writer.link(GET_CURSOR_RESPONSE.history, history);
  writer.link(GET_CURSOR_RESPONSE.refusal, refusal);
  return writer.end();
}

function writeStreamInfo(writer: FlatWriter, stream: StreamInfo): Ref {
  const key = writeKey(writer, stream.key);
  writer.link(STREAM_INFO.streamKey, key);
  writer.count(STREAM_INFO.firstSequence, stream.firstSequence);
  writer.count(STREAM_INFO.latestSequence, stream.latestSequence);
  writer.safe(STREAM_INFO.latestTs, stream.latestMs);
  return writer.end();
}

function writeStreams(writer: FlatWriter, answer: Of<Answer, "streams">): Ref {
  assert(answer.streams.length <= STREAMS_MAX, `a list holds ${STREAMS_MAX} streams at most, got ${answer.streams.length}`);
  const streams = writer.refs(answer.streams.map((stream) => writeStreamInfo(writer, stream)));
  const history = writeHistory(writer, answer.history);
  const refusal = writeOptionalRefusal(writer, answer.refusal);
  writer.link(LIST_STREAMS_RESPONSE.history, history);
  writer.link(LIST_STREAMS_RESPONSE.streams, streams);
  writer.link(LIST_STREAMS_RESPONSE.refusal, refusal);
  return writer.end();
}

function writeHealth(writer: FlatWriter, answer: Of<Answer, "health">): Ref {
  assert(answer.pubPort <= 0xffff, `a port has 16 bits, got ${answer.pubPort}`);
  const history = writeHistory(writer, answer.history);
  const version = nameText(writer, answer.serverVersion, "server_version");
  const status = writer.text(answer.status);
  const detail = freeText(writer, answer.detail);
  writer.link(HEALTH_RESPONSE.serverVersion, version);
  writer.link(HEALTH_RESPONSE.history, history);
  writer.count(HEALTH_RESPONSE.uptimeMs, answer.uptimeMs);
  writer.u32(HEALTH_RESPONSE.streams, answer.streams);
  writer.u32(HEALTH_RESPONSE.clients, answer.clients);
  writer.link(HEALTH_RESPONSE.status, status);
  writer.link(HEALTH_RESPONSE.detail, detail);
  writer.i64(HEALTH_RESPONSE.nowNs, answer.nowNs);
  writer.u32(HEALTH_RESPONSE.pubPort, answer.pubPort);
  return writer.end();
}

function writeNotice(writer: FlatWriter, answer: Of<Answer, "resync_notice">): Ref {
  const key = writeKey(writer, answer.key);
  const historyId = writeHistoryId(writer, answer.historyId);
  const detail = freeText(writer, answer.detail);
  writer.link(RESYNC_NOTICE.streamKey, key);
  writer.link(RESYNC_NOTICE.historyId, historyId);
  writer.count(RESYNC_NOTICE.latestSequence, answer.latestSequence);
  writer.count(RESYNC_NOTICE.appliedSequence, answer.appliedSequence);
  writer.link(RESYNC_NOTICE.detail, detail);
  return writer.end();
}

function plainAnswer(correlationId: number, answer: Answer): Uint8Array {
  const { type } = answer;
  switch (type) {
    case "subscribe_ack":
      return frameOf(correlationId, PAYLOAD_VALUES.SubscribeCandlesAck, (writer) => writeAck(writer, answer));
    case "backfill_response":
      return frameOf(correlationId, PAYLOAD_VALUES.BackfillCandlesResponse, (writer) => writeBackfillResponse(writer, answer));
    case "cursor":
      return frameOf(correlationId, PAYLOAD_VALUES.GetCursorResponse, (writer) => writeCursor(writer, answer));
    case "streams":
      return frameOf(correlationId, PAYLOAD_VALUES.ListStreamsResponse, (writer) => writeStreams(writer, answer));
    case "health":
      return frameOf(correlationId, PAYLOAD_VALUES.HealthResponse, (writer) => writeHealth(writer, answer));
    case "resync_notice":
      return frameOf(correlationId, PAYLOAD_VALUES.ResyncNotice, (writer) => writeNotice(writer, answer));
    case "refusal":
      return frameOf(correlationId, PAYLOAD_VALUES.Refusal, (writer) => writeRefusal(writer, answer.refusal));
    default:
      return unreachable(type);
  }
}

/** Large answers are compressed for those who accept it, unless that would make them larger. */
export function encodeAnswer(correlationId: number, answer: Answer, options?: EncodeAnswerOptions): Uint8Array {
  const plain = plainAnswer(correlationId, answer);
  if (options?.acceptsZstd !== true || plain.length <= COMPRESS_ABOVE_BYTES) return plain;
  const compressed = frameOf(correlationId, PAYLOAD_VALUES.Compressed, (writer) => {
    const blob = writer.blob(zstd(plain));
    writer.u32(COMPRESSED.uncompressedBytes, plain.length);
    writer.link(COMPRESSED.zstd, blob);
    return writer.end();
  });
  return compressed.length < plain.length ? compressed : plain;
}

// ── Publications ─────────────────────────────────────────────────────────────

function writeBatch(writer: FlatWriter, publication: Of<Publication, "batch">): Ref {
  const start = publication.entries[0]?.sequence;
  assert(start !== undefined, "a published batch holds one entry at least");
  const candles = writeEntries(writer, publication.entries, BATCH_ENTRIES_MAX);
  const key = writeKey(writer, publication.key);
  writer.link(CANDLE_BATCH.streamKey, key);
  writer.link(CANDLE_BATCH.historyId, writeHistoryId(writer, publication.historyId));
  writer.u8(CANDLE_BATCH.mode, MODE_NUMBERS[publication.mode]);
  writer.count(CANDLE_BATCH.startSequence, start);
  writer.link(CANDLE_BATCH.candles, candles);
  writer.i64(CANDLE_BATCH.publishedNs, publication.publishedNs);
  return writer.end();
}

function writeFormingCandle(writer: FlatWriter, publication: Of<Publication, "forming">): Ref {
  const candle = writeForming(writer, publication.bar);
  const key = writeKey(writer, publication.key);
  writer.link(FORMING_CANDLE.streamKey, key);
  writer.link(FORMING_CANDLE.historyId, writeHistoryId(writer, publication.historyId));
  writer.u8(FORMING_CANDLE.mode, MODE_NUMBERS[publication.mode]);
  writer.link(FORMING_CANDLE.candle, candle);
  writer.count(FORMING_CANDLE.afterSequence, publication.afterSequence);
  writer.i64(FORMING_CANDLE.publishedNs, publication.publishedNs);
  return writer.end();
}

function writeHeartbeat(writer: FlatWriter, publication: Of<Publication, "heartbeat">): Ref {
  const key = writeKey(writer, publication.key);
  writer.link(HEARTBEAT.streamKey, key);
  writer.link(HEARTBEAT.historyId, writeHistoryId(writer, publication.historyId));
  writer.u8(HEARTBEAT.mode, MODE_NUMBERS[publication.mode]);
  writer.count(HEARTBEAT.latestSequence, publication.latestSequence);
  writer.i64(HEARTBEAT.publishedNs, publication.publishedNs);
  writer.count(HEARTBEAT.beat, publication.beat);
  return writer.end();
}

export function encodePublication(publication: Publication): Uint8Array {
  const { type } = publication;
  switch (type) {
    case "batch":
      return frameOf(0, PAYLOAD_VALUES.CandleBatch, (writer) => writeBatch(writer, publication));
    case "forming":
      return frameOf(0, PAYLOAD_VALUES.FormingCandle, (writer) => writeFormingCandle(writer, publication));
    case "heartbeat":
      return frameOf(0, PAYLOAD_VALUES.Heartbeat, (writer) => writeHeartbeat(writer, publication));
    default:
      return unreachable(type);
  }
}
