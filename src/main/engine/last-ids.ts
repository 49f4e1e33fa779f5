// Where each stream of trades ends in a log: the id, or the time and the trades, after which a restarted recorder must ask the venue for what it missed.
import type { DecoderLookup, TradeEvent } from "../../shared/market.ts";
import type { ResumePoint } from "../venues/collector.ts";
import type { RawLogReader } from "../rawlog/types.ts";

/** Read at a time, from the end backwards: usually the first piece names every stream. */
const PIECE_RECORDS = 8_192;
/** A stream that is silent for longer than this is asked for from its next trade on; the gap stays declared. */
const RECORDS_BACK_MAX = 2_000_000;

/** Where ids have no order: so many of the newest trades, by which an answer is recognised. */
const TRADE_IDS = 64;

/** Highest sequence id per stream, or its newest trades, looking backwards from the end of the log until every stream was found. */
export async function lastIds(reader: RawLogReader, decoders: DecoderLookup, streamIds: readonly string[]): Promise<Readonly<Record<string, ResumePoint>>> {
  const known = new Set(reader.streams.map(({ stream }) => stream.streamId));
  const missing = new Set(streamIds.filter((streamId) => known.has(streamId)));
  const found: Record<string, ResumePoint> = {};
  const lastSeq = await reader.refresh();
  for (let toSeq = lastSeq; toSeq > 0 && missing.size > 0 && lastSeq - toSeq < RECORDS_BACK_MAX; toSeq -= PIECE_RECORDS) {
    for (const [streamId, point] of await lastIdsIn(reader, decoders, Math.max(1, toSeq - PIECE_RECORDS + 1), toSeq, missing)) {
      found[streamId] = point;
      missing.delete(streamId);
    }
  }
  return found;
}

async function lastIdsIn(reader: RawLogReader, decoders: DecoderLookup, fromSeq: number, toSeq: number, streams: ReadonlySet<string>): Promise<ReadonlyMap<string, ResumePoint>> {
  const points = new Map<string, ResumePoint>();
  for await (const batch of reader.batches({ fromSeq, toSeq, streams })) {
    for (const record of batch) {
      const outcome = decoders(record.stream)?.(record.payload, { stream: record.stream, source: record.source, recvNs: record.recvNs });
      if (outcome?.kind !== "events") continue;
      const { streamId } = record.stream;
      for (const event of outcome.events) {
        if (event.kind === "trade") points.set(streamId, laterPoint(points.get(streamId), event));
      }
    }
  }
  for (const [streamId, { lastId, tradeIds }] of points) if (lastId === undefined && tradeIds === undefined) points.delete(streamId);
  return points;
}

/** Trades of REST pages carry no sequence id where the stream's own do: they do not make it one without an order. */
function laterPoint(point: ResumePoint | undefined, { sequenceId, tradeId, firstTradeId, eventMs }: TradeEvent): ResumePoint {
  if (sequenceId !== undefined) return sequenceId > (point?.lastId ?? -1) ? { lastId: sequenceId, eventMs } : point ?? { lastId: sequenceId, eventMs };
  if (point?.lastId !== undefined || firstTradeId !== undefined) return point ?? { lastId: undefined, eventMs: undefined };
  return { lastId: undefined, eventMs: Math.max(eventMs, point?.eventMs ?? eventMs), tradeIds: [...(point?.tradeIds ?? []), tradeId].slice(-TRADE_IDS) };
}
