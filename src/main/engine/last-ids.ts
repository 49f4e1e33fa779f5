// Where each gap-keyed stream of a log ends: the id after which a restarted recorder must ask the venue for what it missed.
import type { DecoderLookup } from "../../shared/market.ts";
import type { ResumePoint } from "../venues/collector.ts";
import type { RawLogReader, SegmentSummary } from "../rawlog/types.ts";

/** A stream that is silent for this many segments is asked for from its next trade on; the gap stays declared. */
const SEGMENTS_BACK_MAX = 16;

/** Highest sequence id per stream, looking backwards from the end of the log until every stream was found. */
export async function lastIds(reader: RawLogReader, decoders: DecoderLookup, streamIds: readonly string[]): Promise<Readonly<Record<string, ResumePoint>>> {
  await reader.refresh();
  const known = new Set(reader.streams.map(({ stream }) => stream.streamId));
  const missing = new Set(streamIds.filter((streamId) => known.has(streamId)));
  const found: Record<string, ResumePoint> = {};
  for (const segment of reader.segments.slice(-SEGMENTS_BACK_MAX).reverse()) {
    if (missing.size === 0) break;
    for (const [streamId, point] of await lastIdsIn(reader, decoders, segment, missing)) {
      found[streamId] = point;
      missing.delete(streamId);
    }
  }
  return found;
}

async function lastIdsIn(reader: RawLogReader, decoders: DecoderLookup, segment: SegmentSummary, streams: ReadonlySet<string>): Promise<ReadonlyMap<string, ResumePoint>> {
  const ids = new Map<string, ResumePoint>();
  for await (const batch of reader.batches({ fromSeq: segment.fromSeq, toSeq: segment.toSeq, streams })) {
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
