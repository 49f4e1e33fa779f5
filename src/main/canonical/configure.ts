// What a `config` record does: which stream feeds which instrument from here on, with which intervals and lateness. Pure.
import type { CaptureConfig } from "../../shared/control.ts";
import { VENUE_IDS, instrumentId, type Instrument } from "../../shared/market.ts";
import type { Interval } from "../../shared/time.ts";
import { CrossCheck } from "./cross-check.ts";
import type { Surroundings } from "./emit.ts";
import { doubt } from "./fold-control.ts";
import type { FoldState } from "./fold-state.ts";
import { endOfInput, schedule } from "./seal.ts";
import type { CanonicalState } from "./state.ts";

export interface Selection {
  readonly instruments: ReadonlySet<string> | undefined;
  readonly intervals: readonly Interval[] | undefined;
}

export function instrumentFromId(id: string): Instrument | undefined {
  const split = id.indexOf(":");
  const venue = VENUE_IDS.find((known) => known === id.slice(0, split));
  return venue === undefined || split < 0 ? undefined : { venue, symbol: id.slice(split + 1) };
}

export function configure(state: CanonicalState, config: CaptureConfig, selection: Selection, around: Surroundings, seq: number): void {
  state.config = config;
  // Sorted: the order of a record's members must not decide the order of output.
  const wanted = Object.keys(config.folds).sort().filter((id) => selection.instruments?.has(id) ?? true);
  for (const [id, fold] of state.folds) {
    if (!wanted.includes(id) && state.feeding.delete(fold.streamId)) endOfInput(fold, seq);
  }
  for (const id of wanted) {
    const instrument = instrumentFromId(id);
    if (instrument === undefined) {
      around.emit({ kind: "stream", streamId: id, state: "refused", detail: `the configuration folds ${id}, which names no known venue`, atSeq: seq });
      continue;
    }
    feed(state, instrument, `${id}:${config.folds[id] ?? ""}`, selection, around, seq);
  }
  crossChecks(state, config);
}

/** Where both trade streams of an instrument are recorded, the one that is not folded checks the other. */
function crossChecks(state: CanonicalState, config: CaptureConfig): void {
  state.crossing.clear();
  for (const fold of state.folds.values()) {
    const { venue, symbol } = fold.instrument;
    const id = instrumentId(fold.instrument);
    const other = fold.streamId === `${id}:trade` ? "aggTrade" : fold.streamId === `${id}:aggTrade` ? "trade" : "";
    const isRecorded = config.symbols.some((one) => one.venue === venue && one.symbol === symbol && one.channels.includes(other));
    const streamId = `${id}:${other}`;
    if (!isRecorded || state.feeding.get(fold.streamId) !== fold) fold.cross = undefined;
    else if (fold.cross?.streamId !== streamId) fold.cross = new CrossCheck(streamId);
    if (fold.cross !== undefined) state.crossing.set(streamId, fold);
  }
}

function feed(state: CanonicalState, instrument: Instrument, streamId: string, selection: Selection, around: Surroundings, seq: number): void {
  const id = instrumentId(instrument);
  const latenessMs = state.config?.lateness_ms ?? 0;
  const before = state.folds.get(id);
  const isFeeding = before !== undefined && state.feeding.get(before.streamId) === before;
  if (before !== undefined && isFeeding && before.streamId === streamId) {
    before.latenessMs = latenessMs;
    setIntervals(before, state.intervalsOf(selection.intervals));
    return;
  }
  const fold = state.newFold({ instrument, streamId, latenessMs, around });
  if (before !== undefined) {
    if (isFeeding) endOfInput(before, seq);
    state.feeding.delete(before.streamId);
    succeed(before, fold, seq);
  }
  setIntervals(fold, state.intervalsOf(selection.intervals));
  state.folds.set(id, fold);
  state.feeding.set(streamId, fold);
}

/**
 * Another stream takes over. Ids of two streams cannot be compared, so the seam is a gap that only a rebuild could close; trades
 * from before the seam are left out, so that none is counted twice.
 */
function succeed(before: FoldState, fold: FoldState, seq: number): void {
  fold.tracks = [];
  fold.formerRuns = [...before.formerRuns, ...before.runs.runs.map((run) => ({ ...run }))].slice(-256);
  fold.watermarkMs = before.watermarkMs;
  fold.sealClockMs = before.sealClockMs;
  fold.notBeforeMs = before.lastTradeMs;
  fold.firstTradeMs = before.firstTradeMs;
  fold.lastTradeMs = before.lastTradeMs;
  fold.coveredFromMs = before.coveredFromMs;
  for (const { series, grades } of before.tracks) {
    const track = fold.addTrack(series.interval);
    track.series.sealedUntilMs = series.sealedUntilMs;
    track.grades.gradedFromMs = grades.gradedFromMs;
    track.grades.gradedUntilMs = grades.gradedUntilMs;
    track.grades.unsettled = grades.unsettled;
  }
  doubt(fold, { cause: "schedule", detail: `the configuration changed the fold's stream from ${before.streamId}`, atMs: 0 }, seq);
}

function setIntervals(fold: FoldState, intervals: readonly Interval[]): void {
  // A series that is no longer wanted ends as it is: what was sealed stays, what was open never becomes a bar.
  fold.tracks = fold.tracks.filter(({ series }) => intervals.includes(series.interval));
  for (const interval of intervals) {
    if (fold.tracks.some(({ series }) => series.interval === interval)) continue;
    const track = fold.addTrack(interval);
    // A series that begins in the middle of a capture knows nothing of the bucket that it begins in.
    if (Number.isFinite(fold.sealClockMs)) {
      track.series.sinceMs = track.series.openOf(fold.sealClockMs) + track.series.lengthMs;
      track.series.sealedUntilMs = track.series.sinceMs;
      track.grades.gradedUntilMs = track.series.sinceMs;
    }
  }
  fold.tracks.sort((a, b) => a.series.lengthMs - b.series.lengthMs);
  schedule(fold);
}
