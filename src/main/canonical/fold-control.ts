// What control records do to one fold: connections, doubts about the stream, backfills, failure and reopening. Pure.
import type { GapCause } from "../../shared/candles.ts";
import { judgeCandles } from "./candle-gaps.ts";
import { correctedMs } from "./coverage.ts";
import { CrossCheck } from "./cross-check.ts";
import type { Failure, FoldState, Leg } from "./fold-state.ts";
import type { Asked, Outcome } from "./gaps.ts";
import { KnownIds } from "./known-ids.ts";
import { advance, closeRevisions, reviewGrades, schedule } from "./seal.ts";

const FORMER_RUNS_MAX = 256;

export interface Doubt {
  readonly cause: GapCause;
  readonly detail: string;
  readonly atMs: number;
  /** Also before any trade, when there is nothing to miss yet. */
  readonly always?: boolean;
  /** It began earlier than with the last trade: from here on, though other trades have come since. */
  readonly since?: { readonly ms: number; readonly recvNs: bigint; readonly seq: number };
}

/** Opens the gap that lasts until the next trade. */
export function doubt(fold: FoldState, why: Doubt, seq: number): void {
  const seen = fold.lastTradeMs !== Number.NEGATIVE_INFINITY;
  if (!seen && why.always !== true) return;
  const since = why.since ?? { ms: seen ? fold.lastTradeMs : why.atMs, recvNs: fold.lastRecvNs, seq };
  const span = {
    fromMs: since.ms, fromRecvNs: since.recvNs, openedSeq: since.seq, lastId: fold.runs.last?.to, pages: !fold.known.isEmpty, cause: why.cause, detail: why.detail,
  };
  fold.gaps.openSpan(span, seq);
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

/** From here on this connection carries the stream: the venue has said so, or a message of it has come. */
export function carries(fold: FoldState, connection: string, seq: number): Leg {
  let leg = fold.legs.find((one) => one.connection === connection);
  if (leg === undefined) {
    leg = { connection, sinceSeq: seq, lastMs: undefined, lastRecvNs: 0n };
    fold.legs = [...fold.legs, leg];
  }
  return leg;
}

/** The venue has accepted the subscription. */
export function acknowledged(fold: FoldState, connection: string, seq: number): void {
  if (fold.connections.includes(connection)) carries(fold, connection, seq);
}

/** A message of the stream came on this connection, and its trades are applied. */
export function brought(leg: Leg, eventMs: number, recvNs: bigint): void {
  if (leg.lastMs === undefined || eventMs > leg.lastMs) leg.lastMs = eventMs;
  leg.lastRecvNs = recvNs;
}

function drop(fold: FoldState, connection: string): Leg | undefined {
  const gone = fold.legs.find((leg) => leg.connection === connection);
  fold.connections = fold.connections.filter((other) => other !== connection);
  fold.legs = fold.legs.filter((leg) => leg !== gone);
  if (fold.leg === gone) fold.leg = undefined;
  return gone;
}

/**
 * One leg of several may go (make before break): where another has carried the stream since before the last sign of life of this one, nothing
 * can be missed by it. The stream is down when none is left. In between, with legs that came too late, ids will tell whether the cut cost
 * anything; without ids it is in doubt from the last trade of the one that went. `lastSeq`: of its last message of any stream.
 */
export function disconnected(
  fold: FoldState, ended: { readonly connection: string; readonly lastSeq: number }, why: { readonly detail: string; readonly atMs: number }, seq: number,
): void {
  const { connection, lastSeq } = ended;
  if (!fold.connections.includes(connection)) return;
  const gone = drop(fold, connection);
  if (fold.connections.length === 0) doubt(fold, { cause: "disconnect", ...why }, seq);
  else if (gone === undefined || fold.legs.some(({ sinceSeq }) => sinceSeq <= lastSeq)) return;
  else if (!fold.idsAbsent) suspect(fold, "disconnect", why.detail);
  else doubt(fold, { cause: "disconnect", ...why, ...(gone.lastMs === undefined ? {} : { since: { ms: gone.lastMs, recvNs: gone.lastRecvNs, seq: lastSeq + 1 } }) }, seq);
}

/** The stream goes on, and ids will tell whether it cost anything: a hole right behind this comes from it. */
export function suspect(fold: FoldState, cause: GapCause, detail: string): void {
  fold.suspicion ??= { cause, detail };
}

/** Messages of the stream may have been lost, and its next message will come: without ids that is a gap, with ids only if some are missing. */
export function mayHaveLost(fold: FoldState, why: { readonly cause: GapCause; readonly detail: string; readonly atMs: number }, seq: number): void {
  if (fold.idsAbsent) doubt(fold, why, seq);
  else suspect(fold, why.cause, why.detail);
}

/** The collector stopped in good order. Whether anything is missed shows when the stream goes on: until then there is nothing after it. */
export function stopped(fold: FoldState, connection: string, detail: string): void {
  if (!fold.connections.includes(connection)) return;
  drop(fold, connection);
  if (fold.connections.length === 0) fold.paused = detail;
}

/** The recorder began again: no connection is left, and no backfill of the run before will be done. */
export function restarted(fold: FoldState, detail: string, atMs: number, seq: number): void {
  fold.connections = [];
  fold.legs = [];
  fold.leg = undefined;
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

export function backfillBegun(fold: FoldState, asked: Asked, attempt: number, seq: number): void {
  fold.backfills = [...without(fold.backfills, asked), asked];
  fold.lastAggregate = undefined;
  fold.gaps.backfillBegun(asked, attempt, seq);
  afterChange(fold, seq);
  schedule(fold);
}

export function backfillDone(fold: FoldState, done: Outcome, seq: number): void {
  fold.backfills = without(fold.backfills, done);
  fold.gaps.backfillDone(done, fold.runs, seq);
  if (fold.backfills.length === 0) for (const track of fold.tracks) closeRevisions(fold, track, (pending) => pending.backfilled, seq);
  judgeCandles(fold, seq);
  afterChange(fold, seq);
  schedule(fold);
}

/** Drops whatever touches the range: a `done` may speak of a part of what was asked for. */
function without(backfills: readonly Asked[], { fromId, toId, fromMs, toMs }: Asked): readonly Asked[] {
  const lowest = Number.NEGATIVE_INFINITY;
  const highest = Number.POSITIVE_INFINITY;
  return backfills.filter((other) => {
    if ((other.fromId === undefined) !== (fromId === undefined)) return true;
    if (fromId !== undefined) return (other.toId ?? highest) < fromId || (other.fromId ?? lowest) > (toId ?? highest);
    return (other.toMs ?? highest) < (fromMs ?? lowest) || (other.fromMs ?? lowest) > (toMs ?? highest);
  });
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
  fold.known = new KnownIds();
  if (fold.cross !== undefined) fold.cross = new CrossCheck(fold.cross.streamId);
  fold.lastAggregate = undefined;
  fold.gaps.forgetIds();
}
