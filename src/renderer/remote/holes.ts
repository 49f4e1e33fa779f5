// Owns the drawing of a remote's holes: sequences that can no longer be had become gaps of the series on screen. Pure.
import type { GapEntry } from "../../shared/candles.ts";
import type { RemoteSeriesStatus, RemoteStatus } from "../../shared/protocol/frames.ts";
import { INTERVAL_MS } from "../../shared/time.ts";
import { count } from "../format/numbers.ts";
import { mergeByKey, type ViewState } from "../store/view.ts";
import { seriesOf, whyHole } from "./words.ts";

const PREFIX = "remote-hole:";

/** Undefined for a hole of which no time is known: there is no place to draw it, the remote bar counts it. */
export function gapOfHole(series: RemoteSeriesStatus, hole: RemoteSeriesStatus["holes"][number]): GapEntry | undefined {
  const fromMs = hole.fromMs ?? (hole.toMs === undefined ? undefined : hole.toMs - INTERVAL_MS[series.interval]);
  if (fromMs === undefined) return undefined;
  return {
    gapId: `${PREFIX}${hole.fromSequence}`, streamId: `${series.venue}:${series.symbol}:${series.interval}`, fromMs, toMs: hole.toMs, fromId: undefined, toId: undefined,
    missing: hole.toSequence - hole.fromSequence + 1, cause: "remote_hole", state: "GAP_UNRESOLVED", attempts: 0,
    detail: `sequences ${count(hole.fromSequence)}–${count(hole.toSequence)}, ${whyHole(hole.why)}`, atSeq: 0,
  };
}

/** The view with the holes of its series among its gaps. The same view when there is nothing to add, so that nothing is drawn again. */
export function withHoles(view: ViewState, remote: RemoteStatus | undefined): ViewState {
  const series = seriesOf(remote, view.series);
  // A client that tells its holes as gaps of the view has drawn them already.
  if (series === undefined || view.gaps.some((gap) => gap.cause === "remote_hole" && !gap.gapId.startsWith(PREFIX))) return view;
  const known = new Map(view.gaps.map((gap) => [gap.gapId, gap]));
  const missing = series.holes.map((hole) => gapOfHole(series, hole)).filter((gap) => gap !== undefined)
    .filter((gap) => known.get(gap.gapId)?.detail !== gap.detail || known.get(gap.gapId)?.toMs !== gap.toMs);
  return missing.length === 0 ? view : { ...view, gaps: mergeByKey(view.gaps, missing, (gap) => gap.gapId) };
}
