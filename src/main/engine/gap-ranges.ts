// Which gaps of the ledger the venue can still be asked for, and as which ranges.
import { VENUE_IDS, streamRef, type StreamRef } from "../../shared/market.ts";
import type { UnsettledGap } from "../canonical/types.ts";
import type { BackfillRange } from "../venues/adapter.ts";
import { oldestFirst } from "../venues/backfiller.ts";

/** Oldest first. */
export function rangesOf(gaps: readonly UnsettledGap[]): readonly BackfillRange[] {
  return gaps.flatMap(rangeOf).sort(oldestFirst);
}

/** Given up (bounded retries were used up), not over yet, or with ids of which none is known to be missing: nothing can be asked for. */
function rangeOf(gap: UnsettledGap): readonly BackfillRange[] {
  const { streamId, fromId, toId, fromMs, toMs, state } = gap;
  if (state === "GAP_UNRESOLVED" || toMs === undefined || (fromId !== undefined && (toId === undefined || fromId > toId))) return [];
  const stream = streamFrom(streamId);
  return stream === undefined ? [] : [{ stream, fromId, toId, fromMs, toMs }];
}

function streamFrom(streamId: string): StreamRef | undefined {
  const [venueText, symbol, channel] = streamId.split(":");
  const venue = VENUE_IDS.find((one) => one === venueText);
  return venue === undefined || symbol === undefined || channel === undefined ? undefined : streamRef(venue, symbol, channel);
}

/** A gap that no collector can see for itself, since only the venue's candle shows it. */
export function isUnseen({ cause, state }: { readonly cause: UnsettledGap["cause"]; readonly state: UnsettledGap["state"] }): boolean {
  return cause === "venue_candle" && state === "open";
}
