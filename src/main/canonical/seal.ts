// When bars seal, revisions close, days are cut and grades are looked at again: at logged points only. Pure.
import type { SealReason } from "../../shared/candles.ts";
import { candlesDueMs, judgeCandles } from "./candle-gaps.ts";
import { confirm } from "./confirm.ts";
import type { FoldState, Track } from "./fold-state.ts";
import type { Pending } from "./series.ts";

/** Longest wait, by the seal clock, of a revision for a backfill that began and is never said to be done. */
const BACKFILL_WAIT_MAX_MS = 600_000;

/** Moves the seal clock forward and does whatever became due. */
export function advance(fold: FoldState, toMs: number, reason: SealReason, seq: number): void {
  if (toMs <= fold.sealClockMs) return;
  fold.sealClockMs = toMs;
  if (toMs >= fold.gaps.tellAtMs) fold.gaps.tell(seq, ({ tellAtMs }) => tellAtMs !== undefined && tellAtMs <= toMs);
  if (toMs >= fold.dueMs) settle(fold, reason, seq);
}

/** Does all that is due at the present seal clock and finds out when something is due again. */
export function settle(fold: FoldState, reason: SealReason, seq: number): void {
  for (const track of fold.tracks) {
    const { series } = track;
    sealTrack(fold, track, series.openOf(fold.sealClockMs - fold.latenessMs), reason, seq);
    closeRevisions(fold, track, (pending) => closingMs(fold, pending) <= fold.sealClockMs, seq);
  }
  judgeCandles(fold, seq);
  reviewGrades(fold, seq);
  fold.cuts.cut(fold.sealClockMs, fold.around, fold.instrument, seq);
  schedule(fold);
}

/** A backfilled revision waits while more of the backfill may come: one version instead of one per page. */
export function closingMs(fold: FoldState, pending: Pending): number {
  return pending.closesAtMs + (pending.backfilled && fold.backfills.length > 0 ? BACKFILL_WAIT_MAX_MS : 0);
}

function sealTrack(fold: FoldState, track: Track, untilMs: number, reason: SealReason, seq: number): void {
  if (untilMs <= track.series.sealedUntilMs) return;
  // A grade that a gap lowers names it: so the ledger has it first.
  if (fold.gaps.tellAtMs !== Number.POSITIVE_INFINITY) fold.gaps.tell(seq, ({ fromMs }) => fromMs < untilMs);
  const bars = track.series.seal(untilMs, reason, seq);
  for (const bar of bars) fold.cuts.note(bar.openMs, fold.sealClockMs, fold.latenessMs);
  track.grades.sealed(bars, seq);
  for (const bar of bars) confirm(fold.confirmations, track.series, bar.openMs, fold.around, seq);
}

/** Closes pending revisions that fit, ascending, and grades their buckets anew. */
export function closeRevisions(fold: FoldState, track: Track, fits: (pending: Pending) => boolean, seq: number): void {
  const { series, grades } = track;
  if (series.pending.size === 0) return;
  const due = [...series.pending].filter(([, pending]) => fits(pending)).map(([openMs]) => openMs).sort((a, b) => a - b);
  for (const openMs of due) {
    series.close(openMs, seq);
    fold.cuts.note(openMs, fold.sealClockMs, fold.latenessMs);
    grades.revised(openMs, seq);
    confirm(fold.confirmations, series, openMs, fold.around, seq);
  }
}

/** Says grades that changed since a gap changed or a proof arrived. */
export function reviewGrades(fold: FoldState, seq: number): void {
  fold.gaps.changed = false;
  let proofDueMs = Number.POSITIVE_INFINITY;
  for (const { grades } of fold.tracks) {
    grades.review(seq);
    proofDueMs = Math.min(proofDueMs, grades.proofDueMs());
  }
  fold.proofDueMs = proofDueMs;
}

export function schedule(fold: FoldState): void {
  let dueMs = Math.min(fold.cuts.nextMs(), candlesDueMs(fold));
  for (const { series } of fold.tracks) {
    dueMs = Math.min(dueMs, series.sealedUntilMs + series.lengthMs + fold.latenessMs);
    for (const pending of series.pending.values()) dueMs = Math.min(dueMs, closingMs(fold, pending));
  }
  fold.dueMs = dueMs;
}

/** Nothing more will come: everything open is sealed with that reason, every gap is given up, every day cut. */
export function endOfInput(fold: FoldState, seq: number): void {
  fold.gaps.giveUp(seq);
  fold.backfills = [];
  for (const track of fold.tracks) {
    const { series } = track;
    const last = series.openBars.at(-1);
    if (last !== undefined) sealTrack(fold, track, last.untilMs, "end_of_input", seq);
    closeRevisions(fold, track, () => true, seq);
  }
  reviewGrades(fold, seq);
  fold.cuts.cut(Number.POSITIVE_INFINITY, fold.around, fold.instrument, seq);
  schedule(fold);
}
