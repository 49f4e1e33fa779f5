// Takes the trades of one fold stream, one by one, into ids, bars and gaps. The hot path of the product. Pure.
import { isBelievable } from "../../shared/believable.ts";
import { subtract, type Decimal } from "../../shared/decimal.ts";
import type { TradeEvent } from "../../shared/market.ts";
import type { RawRecord } from "../../shared/raw.ts";
import { emptyContribution, productOf, type Contribution } from "./contribution.ts";
import { correctedMs } from "./coverage.ts";
import { fail, mayHaveLost } from "./fold-control.ts";
import type { FoldState } from "./fold-state.ts";
import { belongs } from "./page.ts";
import { fingerprint, textKey } from "./recent-trades.ts";
import { advance, closingMs, reviewGrades } from "./seal.ts";

/** Within this distance of the watermark a time is believed without asking the receive clock. */
const NEAR_AHEAD_MS = 60_000;
const NEAR_BEHIND_MS = 3_600_000;
/** A known id whose contents are forgotten must at least fit into the times of its run, give or take this. */
const RUN_SLACK_MS = 1_000;

/** Scratch for the trade being folded, and the place of its message. */
export interface FoldStep {
  readonly contribution: Contribution;
}
export function newStep(): FoldStep {
  return { contribution: emptyContribution() };
}

/** Folds one trade event of the fold stream. `step.contribution` holds the message's place already (see canonicalizer). */
export function foldTrade(fold: FoldState, step: FoldStep, record: RawRecord, trade: TradeEvent): void {
  const { contribution: c } = step;
  const { seq } = record;
  const ms = trade.eventMs;
  const live = record.source === "ws";
  if (!isPlausible(fold, ms, record)) {
    // Into no bucket at all, and its id stays missing: what it really was may still be backfilled.
    fold.tally.excluded += 1;
    const detail = `trade ${trade.tradeId} at seq ${seq} claims the time ${ms} ms, too far from its receive time: left out`;
    fold.around.emit({ kind: "stream", streamId: fold.streamId, state: "refused", detail, atSeq: seq });
    if (fold.page !== undefined) fold.page.isBroken = true;
    if (live) mayHaveLost(fold, { cause: "quarantine", detail, atMs: fold.watermarkMs }, seq);
    return;
  }
  if (fold.failure !== undefined || ms <= fold.notBeforeMs) {
    fold.tally.excluded += 1;
    if (fold.page !== undefined) fold.page.isBroken = true;
    exclude(fold, ms, seq);
    return;
  }
  const id = trade.sequenceId;
  if (id !== undefined && trade.sequenceFromId !== undefined) foldSpan(fold, c, trade, trade.sequenceFromId, id, record);
  else if (id !== undefined) foldIds(fold, c, trade, id, id, record);
  else if (!live && trade.firstTradeId !== undefined && trade.lastTradeId !== undefined) {
    foldInterval(fold, c, trade, trade.firstTradeId, trade.lastTradeId, record);
  } else foldWithoutId(fold, c, trade, record);
  if (fold.failure !== undefined) return;
  if (live && ms > fold.watermarkMs) {
    fold.watermarkMs = ms;
    advance(fold, ms, "watermark", seq);
  }
  if (fold.gaps.changed || fold.lastTradeMs >= fold.proofDueMs) reviewGrades(fold, seq);
}

function isPlausible(fold: FoldState, ms: number, record: RawRecord): boolean {
  if (ms <= fold.watermarkMs + NEAR_AHEAD_MS && ms >= fold.watermarkMs - NEAR_BEHIND_MS) return true;
  return isBelievable(ms, correctedMs(record.recvNs, fold.clock));
}

function exclude(fold: FoldState, ms: number, seq: number): void {
  for (const { series } of fold.tracks) series.exclude(ms, seq);
}

/** `earliest`: nothing of a lower id has been seen. A late print has an old time, but the recording did not begin there. */
function noteTime(fold: FoldState, ms: number, earliest: boolean): void {
  if (ms > fold.lastTradeMs) fold.lastTradeMs = ms;
  if (earliest && ms < fold.firstTradeMs) fold.firstTradeMs = ms;
}

/** Where a run of ids would begin with this one: at the trade's time, unless that one is plainly late, and then when it came. */
function beginMs(fold: FoldState, ms: number, record: RawRecord): number {
  const late = record.source === "ws" && ms < fold.watermarkMs - fold.latenessMs;
  return late ? Math.max(fold.watermarkMs, correctedMs(record.recvNs, fold.clock)) : ms;
}

/** Ids [from, to]: one, or several that one trade of the stream stands for, of which none is known. */
function foldIds(fold: FoldState, c: Contribution, trade: TradeEvent, from: number, to: number, record: RawRecord): void {
  const { runs } = fold;
  const live = record.source === "ws";
  const ms = trade.eventMs;
  const earliest = from < (runs.runs[0]?.from ?? Number.POSITIVE_INFINITY);
  const before = runs.last;
  const lastId = before === undefined ? undefined : before.to;
  const lastMs = before === undefined ? 0 : before.maxMs;
  const lastRecvNs = before === undefined ? 0n : before.toRecvNs;
  const { recvNs } = record;
  const beginsMs = beginMs(fold, ms, record);
  const added = from === to ? runs.add(to, ms, c.seq, recvNs, beginsMs) : runs.addRange(from, to, { eventMs: ms, beginsMs, recvNs, seq: c.seq });
  if (added === "known" || added === "forgotten") {
    repeated(fold, c, trade, to);
    return;
  }
  fold.recent.push(to, trade, fingerprint(trade));
  noteTime(fold, ms, earliest);
  take(fold, c, trade, trade.firstTradeId ?? from);
  if (added === "filled") fold.gaps.idsArrived(from, to, runs, live ? "stream" : "backfill", c.seq);
  else if (before === undefined) {
    // The very first trade, older than the connection that brought it: a late print. A clock nobody measured cannot say so.
    const run = runs.last;
    const isLate = live && fold.clock.offsetNs !== 0n && ms < fold.coveredFromMs - fold.latenessMs;
    if (run !== undefined && isLate && Number.isFinite(fold.coveredFromMs)) {
      run.fromMs = fold.coveredFromMs;
      fold.firstTradeMs = fold.coveredFromMs;
    }
  } else if (added === "jumped") {
    jumped(fold, { from, to, ms: beginsMs, recvNs, seq: c.seq }, lastId === undefined ? undefined : { id: lastId, ms: lastMs, recvNs: lastRecvNs });
  }
  fold.lastRecvNs = recvNs;
  if (!live) return;
  fold.suspicion = undefined;
  // Only the stream itself shows that it is back.
  if (fold.gaps.span !== undefined) fold.gaps.closeSpan({ id: from, eventMs: ms, recvNs, seq: c.seq }, runs);
}

/**
 * A trade of the stream itself that stands for several of its ids (the venue aggregates pushes). What was told in another
 * form before, by a backfill of single trades, is taken off.
 */
function foldSpan(fold: FoldState, c: Contribution, trade: TradeEvent, from: number, to: number, record: RawRecord): void {
  const missing = fold.runs.countMissing(from, to);
  if (missing === to - from + 1) foldIds(fold, c, trade, from, to, record);
  else if (missing === 0) repeated(fold, c, trade, to);
  else {
    foldInterval(fold, c, trade, from, to, record);
    if (record.source === "ws" && fold.failure === undefined && fold.gaps.span !== undefined) {
      fold.gaps.closeSpan({ id: to, eventMs: trade.eventMs, recvNs: record.recvNs, seq: c.seq }, fold.runs);
    }
  }
}

/** Ids that have just come, next to no known ones. */
interface Landed { readonly from: number; readonly to: number; readonly ms: number; readonly recvNs: bigint; readonly seq: number }

/** What lies between is a hole, unless an open span already stands for it. `last`: the highest id known before. */
function jumped(fold: FoldState, landed: Landed, last: { readonly id: number; readonly ms: number; readonly recvNs: bigint } | undefined): void {
  const { from, to, ms, recvNs, seq } = landed;
  if (last !== undefined && from > last.id) {
    if (fold.gaps.span !== undefined) return;
    const { suspicion } = fold;
    const why = suspicion === undefined ? LEFT_OUT : { cause: suspicion.cause, reason: suspicion.detail };
    const times = { fromMs: Math.min(last.ms, ms), toMs: Math.max(last.ms, ms), fromRecvNs: last.recvNs, toRecvNs: recvNs };
    fold.gaps.openHole({ fromId: last.id + 1, toId: from - 1, ...times }, why, Math.max(fold.sealClockMs, ms), seq);
    return;
  }
  const next = fold.runs.runs[1];
  if (next === undefined) return;
  const times = { fromMs: Math.min(ms, next.fromMs), toMs: Math.max(ms, next.fromMs), fromRecvNs: recvNs, toRecvNs: next.fromRecvNs };
  fold.gaps.openHole({ fromId: to + 1, toId: next.from - 1, ...times }, LEFT_OUT, fold.sealClockMs, seq);
}

const LEFT_OUT = { cause: "id_hole", reason: "left out by the stream itself" } as const;

/** A market trade goes into bars; anything else is kept out of them and listed. */
function take(fold: FoldState, c: Contribution, trade: TradeEvent, orderId: number): void {
  if (trade.market) contribute(fold, c, trade, { qty: trade.qty, tradeCount: trade.tradeCount, orderId });
  else {
    fold.tally.nonMarket += 1;
    exclude(fold, trade.eventMs, c.seq);
  }
}

function repeated(fold: FoldState, c: Contribution, trade: TradeEvent, id: number): void {
  const verdict = fold.recent.compare(id, trade, fingerprint(trade));
  if (verdict === "other") {
    fail(fold, { failure: "disagree", detail: `trade id ${id} came again with other contents at seq ${c.seq}`, seq: c.seq, ms: trade.eventMs });
    return;
  }
  if (verdict === "unknown") {
    const run = fold.runs.runOf(id);
    if (run !== undefined && (trade.eventMs < run.minMs - RUN_SLACK_MS || trade.eventMs > run.maxMs + RUN_SLACK_MS)) {
      const detail = `trade id ${id} at seq ${c.seq} was seen before, but never at that time: the venue may have begun its ids anew`;
      fail(fold, { failure: "regressed", detail, seq: c.seq, ms: trade.eventMs });
      return;
    }
    fold.tally.unverified += 1;
  }
  fold.tally.duplicates += 1;
  exclude(fold, trade.eventMs, c.seq);
}

/** Without ids a duplicate is told by its text id, if it has one; completeness is told by pages of the venue's list alone. */
function foldWithoutId(fold: FoldState, c: Contribution, trade: TradeEvent, record: RawRecord): void {
  fold.idsAbsent = true;
  const { seq } = c;
  const ms = trade.eventMs;
  const live = record.source === "ws";
  const resumed = { id: undefined, eventMs: ms, recvNs: record.recvNs, seq };
  if (trade.tradeId !== "") {
    const key = textKey(trade.tradeId);
    const seen = fold.known.seqOf(key);
    if (seen !== undefined) {
      if (!toldAgain(fold, trade, key, seq) || !live) return;
      if (seen < 0) fold.known.note(key, seq);
      else if (fold.leg !== undefined && seen < fold.leg.sinceSeq) fold.leg.sinceSeq = seen;
      // What a page brought while the stream was down shows that it is back; what came before the cut does not.
      if (fold.gaps.span !== undefined && Math.abs(seen) >= fold.gaps.span.openedSeq) fold.gaps.closeSpan(resumed, fold.runs);
      return;
    }
    if (fold.page !== undefined && !belongs(fold.page, c.position, ms)) {
      fold.tally.excluded += 1;
      exclude(fold, ms, seq);
      return;
    }
    fold.known.note(key, live ? seq : -seq);
    fold.recent.push(key, trade, fingerprint(trade));
  }
  noteTime(fold, ms, true);
  fold.lastRecvNs = record.recvNs;
  if (live && fold.carriedFromMs === Number.POSITIVE_INFINITY) fold.carriedFromMs = ms;
  fold.minutes.add(trade, seq);
  take(fold, c, trade, -1);
  if (live) fold.gaps.closeSpan(resumed, fold.runs);
  else fold.gaps.pageFound(ms);
}

/** A text id that is known. False when its contents are others. */
function toldAgain(fold: FoldState, trade: TradeEvent, key: number, seq: number): boolean {
  const verdict = fold.recent.compare(key, trade, fingerprint(trade));
  if (verdict === "other") {
    fail(fold, { failure: "disagree", detail: `trade id ${trade.tradeId} came again with other contents at seq ${seq}`, seq, ms: trade.eventMs });
    return false;
  }
  if (verdict === "unknown") fold.tally.unverified += 1;
  fold.tally.duplicates += 1;
  exclude(fold, trade.eventMs, seq);
  return true;
}

/**
 * An aggregated trade that stands for trade ids [from, to] of a stream, some of them told before as single trades (or one from REST). Those seen already are
 * taken off; what is left comes in as one contribution at the aggregate's price and time.
 */
function foldInterval(fold: FoldState, c: Contribution, trade: TradeEvent, from: number, to: number, record: RawRecord): void {
  const { runs, gaps } = fold;
  skipUnaggregated(fold, trade, from, record);
  const missing = runs.missingIn(from, to);
  const first = missing[0];
  if (first === undefined) {
    fold.tally.duplicates += 1;
    exclude(fold, trade.eventMs, c.seq);
    return;
  }
  const count = missing.reduce((sum, part) => sum + part.to - part.from + 1, 0);
  const seen = to - from + 1 - count;
  let qty = trade.qty;
  if (seen > 0) {
    const known = fold.recent.sumOf(from, to);
    if (known.found !== seen) {
      gaps.note(from, to, `aggregated trade ${trade.tradeId} (ids ${from}…${to}) holds trades whose sizes are no longer remembered: not guessed`);
      fold.tally.excluded += 1;
      exclude(fold, trade.eventMs, c.seq);
      return;
    }
    qty = subtract(qty, known.qty);
    if (qty.mantissa <= 0) {
      const detail = `aggregated trade ${trade.tradeId} at seq ${c.seq} is smaller than the trades ${from}…${to} that it stands for`;
      fail(fold, { failure: "disagree", detail, seq: c.seq, ms: trade.eventMs });
      return;
    }
  }
  const last = runs.last === undefined ? undefined : { id: runs.last.to, ms: runs.last.maxMs, recvNs: runs.last.toRecvNs };
  if (trade.market) contribute(fold, c, trade, { qty, tradeCount: count, orderId: first.from });
  else take(fold, c, trade, first.from);
  noteTime(fold, trade.eventMs, from < (runs.runs[0]?.from ?? Number.POSITIVE_INFINITY));
  const { recvNs } = record;
  const beginsMs = beginMs(fold, trade.eventMs, record);
  fold.lastRecvNs = recvNs;
  for (const part of missing) {
    const added = runs.addRange(part.from, part.to, { eventMs: trade.eventMs, beginsMs, recvNs, seq: c.seq });
    if (added === "jumped") jumped(fold, { ...part, ms: beginsMs, recvNs, seq: c.seq }, last);
    else gaps.idsArrived(part.from, part.to, runs, "backfill", c.seq);
  }
}

/** Aggregated trades that follow each other by their own ids leave out exactly the trades that are not aggregated: no market trades. */
function skipUnaggregated(fold: FoldState, trade: TradeEvent, from: number, { seq, recvNs }: RawRecord): void {
  const id = /^\d{1,15}$/.test(trade.tradeId) ? Number(trade.tradeId) : undefined;
  const previous = fold.lastAggregate;
  fold.lastAggregate = id === undefined || trade.lastTradeId === undefined ? undefined : { id, lastTradeId: trade.lastTradeId };
  if (id === undefined || previous === undefined || id !== previous.id + 1 || from <= previous.lastTradeId + 1) return;
  for (const part of fold.runs.missingIn(previous.lastTradeId + 1, from - 1)) {
    fold.tally.nonMarket += part.to - part.from + 1;
    fold.runs.addRange(part.from, part.to, { eventMs: trade.eventMs, beginsMs: trade.eventMs, recvNs, seq });
    fold.gaps.idsArrived(part.from, part.to, fold.runs, "backfill", seq);
  }
}

interface Share {
  readonly qty: Decimal;
  readonly tradeCount: number;
  readonly orderId: number;
}

function contribute(fold: FoldState, c: Contribution, trade: TradeEvent, share: Share): void {
  const { price } = trade;
  c.eventMs = trade.eventMs;
  c.orderId = share.orderId;
  c.price = price;
  c.qtyMantissa = share.qty.mantissa;
  c.qtyScale = share.qty.scale;
  c.quoteMantissa = productOf(price.mantissa, share.qty.mantissa);
  c.quoteScale = price.scale + share.qty.scale;
  c.takerBuys = trade.side > 0;
  c.tradeCount = share.tradeCount;
  let late = false;
  const { tracks } = fold;
  for (let at = 0; at < tracks.length; at += 1) {
    const series = tracks[at]?.series;
    if (series === undefined || series.add(c)) continue;
    late = true;
    // No clock yet (backfill into a bucket that an end of input sealed): the trade's own time stands in.
    const sinceMs = fold.sealClockMs === Number.NEGATIVE_INFINITY ? c.eventMs : fold.sealClockMs;
    const pending = series.addLate(c, sinceMs + fold.latenessMs);
    // Every doubling is told: enough for a screen, and no flood when a backfill brings thousands.
    if ((pending.trades & (pending.trades - 1)) === 0) {
      const candidate = { key: series.key(pending.bar.openMs), reason: series.reasonOf(pending), trades: pending.trades, atSeq: c.seq };
      fold.around.emit({ kind: "candidate", candidate });
    }
    fold.dueMs = Math.min(fold.dueMs, closingMs(fold, pending));
  }
  if (late) fold.tally.late += 1;
}
