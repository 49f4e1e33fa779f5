// What control records do to one fold: connections, doubts about the stream, backfills, failure and reopening. Pure.
import type { GapCause } from "../../shared/candles.ts";
import { correctedMs } from "./coverage.ts";
import { CrossCheck } from "./cross-check.ts";
import type { Failure, FoldState } from "./fold-state.ts";
import type { Outcome } from "./gaps.ts";
import { advance, closeRevisions, reviewGrades, schedule } from "./seal.ts";

const FORMER_RUNS_MAX = 256;

/** Opens the gap that lasts until the next trade. Before any trade there is nothing to miss yet, unless `always`. */
export function doubt(
  fold: FoldState, why: { readonly cause: GapCause; readonly detail: string; readonly atMs: number; readonly always?: boolean }, seq: number,
): void {
  const seen = fold.lastTradeMs !== Number.NEGATIVE_INFINITY;
  if (!seen && why.always !== true) return;
  const fromMs = seen ? fold.lastTradeMs : why.atMs;
  fold.gaps.openSpan({ fromMs, lastId: fold.runs.last?.to, cause: why.cause, detail: why.detail }, seq);
  afterChange(fold, seq);
}

function afterChange(fold: FoldState, seq: number): void {
  if (fold.gaps.changed) reviewGrades(fold, seq);
}

export function connected(fold: FoldState, connection: string, seq: number): void {
  if (!fold.connections.includes(connection)) fold.connections = [...fold.connections, connection];
  const { paused } = fold;
  if (paused === undefined) return;
  fold.paused = undefined;
  doubt(fold, { cause: "disconnect", detail: paused, atMs: 0 }, seq);
}

/** One leg of several may go (make before break); the stream is down when none is left. */
export function disconnected(fold: FoldState, connection: string, why: { readonly detail: string; readonly atMs: number }, seq: number): void {
  if (!fold.connections.includes(connection)) return;
  fold.connections = fold.connections.filter((other) => other !== connection);
  if (fold.connections.length === 0) doubt(fold, { cause: "disconnect", ...why }, seq);
}

/** The collector stopped in good order. Whether anything is missed shows when the stream goes on: until then there is nothing after it. */
export function stopped(fold: FoldState, connection: string, detail: string): void {
  if (!fold.connections.includes(connection)) return;
  fold.connections = fold.connections.filter((other) => other !== connection);
  if (fold.connections.length === 0) fold.paused = detail;
}

/** The recorder began again: no connection is left, and no backfill of the run before will be done. */
export function restarted(fold: FoldState, detail: string, atMs: number, seq: number): void {
  fold.connections = [];
  fold.paused = undefined;
  endBackfills(fold, seq);
  fold.gaps.spanIsDowntime(detail, seq);
  doubt(fold, { cause: "downtime", detail, atMs }, seq);
}

/** A corrected clock tick, its error taken off: seals quiet bars and shows that the connection lives. */
export function ticked(fold: FoldState, recvNs: bigint, errorNs: bigint, seq: number): void {
  if (fold.watermarkMs === Number.NEGATIVE_INFINITY) return;
  const ms = correctedMs(recvNs - (errorNs < 0n ? -errorNs : errorNs), fold.clock);
  if (fold.gaps.span === undefined && fold.connections.length > 0) fold.coverage.extend(ms);
  advance(fold, ms, "clock_tick", seq);
}

export function backfillBegun(fold: FoldState, range: { readonly fromId: number; readonly toId: number; readonly attempt: number }, seq: number): void {
  const { fromId, toId } = range;
  fold.backfills = [...without(fold.backfills, fromId, toId), { fromId, toId }];
  fold.lastAggregate = undefined;
  fold.gaps.backfillBegun(range.fromId, range.toId, range.attempt, seq);
  afterChange(fold, seq);
  schedule(fold);
}

export function backfillDone(fold: FoldState, done: Outcome, seq: number): void {
  fold.backfills = without(fold.backfills, done.fromId, done.toId);
  fold.gaps.backfillDone(done, fold.runs, seq);
  if (fold.backfills.length === 0) for (const track of fold.tracks) closeRevisions(fold, track, (pending) => pending.backfilled, seq);
  afterChange(fold, seq);
  schedule(fold);
}

/** Drops whatever touches the range: a `done` may speak of a part of what was asked for. */
function without(backfills: FoldState["backfills"], fromId: number, toId: number): FoldState["backfills"] {
  return backfills.filter((other) => other.toId < fromId || other.fromId > toId);
}

function endBackfills(fold: FoldState, seq: number): void {
  fold.backfills = [];
  for (const track of fold.tracks) closeRevisions(fold, track, (pending) => pending.backfilled, seq);
  schedule(fold);
}

/** Derived output of the stream fails closed: nothing is folded until a logged decision. The raw log goes on. */
export function fail(
  fold: FoldState, why: { readonly failure: Failure; readonly detail: string; readonly seq: number; readonly ms: number },
): void {
  fold.failure = why.failure;
  fold.tally.conflicts += 1;
  fold.around.emit({ kind: "stream", streamId: fold.streamId, state: "failed_closed", detail: why.detail, atSeq: why.seq });
  doubt(fold, { cause: "conflict", detail: why.detail, atMs: why.ms }, why.seq);
}

export function reopen(fold: FoldState, reason: string, seq: number): void {
  if (fold.failure === undefined) return;
  if (fold.failure === "regressed") beginIdsAnew(fold);
  fold.failure = undefined;
  fold.around.emit({ kind: "stream", streamId: fold.streamId, state: "reopened", detail: reason, atSeq: seq });
}

/** The old ids prove what they proved, and say nothing about what comes now. */
function beginIdsAnew(fold: FoldState): void {
  fold.formerRuns = [...fold.formerRuns, ...fold.runs.runs.map((run) => ({ ...run }))].slice(-FORMER_RUNS_MAX);
  fold.runs.reset();
  fold.recent.reset();
  if (fold.cross !== undefined) fold.cross = new CrossCheck(fold.cross.streamId);
  fold.lastAggregate = undefined;
  fold.gaps.forgetIds();
}
