// Where each gap-keyed stream of a log ends: the id after which a restarted recorder must ask the venue for what it missed.
import type { DecoderLookup } from "../../shared/market.ts";
import type { ResumePoint } from "../venues/collector.ts";
import type { RawLogReader } from "../rawlog/types.ts";

/** Read at a time, from the end backwards: usually the first piece names every stream. */
const PIECE_RECORDS = 8_192;
/** A stream that is silent for longer than this is asked for from its next trade on; the gap stays declared. */
const RECORDS_BACK_MAX = 2_000_000;

/** Highest sequence id per stream, looking backwards from the end of the log until every stream was found. */
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
  const ids = new Map<string, ResumePoint>();
  for await (const batch of reader.batches({ fromSeq, toSeq, streams })) {
    for (const record of batch) {
      const outcome = decoders(record.stream)?.(record.payload, { stream: record.stream, source: record.source, recvNs: record.recvNs });
      if (outcome?.kind !== "events") continue;
      for (const event of outcome.events) {
        if (event.kind !== "trade" || event.sequenceId === undefined) continue;
        const { streamId } = record.stream;
        const { sequenceId: lastId, eventMs } = event;
        if (lastId > (ids.get(streamId)?.lastId ?? -1)) ids.set(streamId, { lastId, eventMs });
      }
    }
  }
  return ids;
}
