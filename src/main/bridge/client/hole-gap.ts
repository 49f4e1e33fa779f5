// A hole in the sequences of a remote as the screen draws it: a gap whose cause is that the server no longer has what is missing.
import type { GapEntry } from "../../../shared/candles.ts";
import { streamName, type StreamKey } from "../model.ts";
import type { SequenceHole } from "./types.ts";

export function holeId({ fromSequence }: SequenceHole, key: StreamKey): string {
  return `remote-hole-${streamName(key)}-${fromSequence}`;
}

/** `toMs`: where the series goes on; undefined = nowhere yet. */
export function holeGap(hole: SequenceHole & { readonly fromMs: number }, key: StreamKey, toMs: number | undefined): GapEntry {
  const { fromSequence, toSequence } = hole;
  return {
    gapId: holeId(hole, key), streamId: `${key.sourceId}:${key.symbol}:${key.interval}`, fromMs: hole.fromMs, toMs,
    fromId: fromSequence, toId: toSequence, missing: toSequence - fromSequence + 1, cause: "remote_hole", state: "GAP_UNRESOLVED", attempts: 1,
    detail: `entries ${fromSequence}…${toSequence} were not received, and the server no longer keeps them`, atSeq: 0,
  };
}
