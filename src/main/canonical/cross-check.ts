// Compares an instrument's second trade stream with its fold, by trade ids. Says when they disagree; changes no bar. Pure.
import { equal, formatDecimal, type Decimal } from "../../shared/decimal.ts";
import type { TradeEvent } from "../../shared/market.ts";
import type { RawRecord } from "../../shared/raw.ts";
import type { FoldState } from "./fold-state.ts";
import { RecentTrades } from "./recent-trades.ts";

/** Aggregated trades that may wait for their single trades; beyond it the oldest stays unchecked. */
const WAITING_MAX = 256;

/** An aggregated trade says: the market trades with ids [fromId, toId] (inclusive) have this size together. */
export interface Claim {
  readonly fromId: number;
  readonly toId: number;
  readonly qty: Decimal;
  readonly atMs: number;
}

export class CrossCheck {
  /** The stream that only cross-checks. */
  readonly streamId: string;
  /** Single trades, where those are not the fold's own. */
  singles = new RecentTrades();
  lastSingleId = 0;
  waiting: readonly Claim[] = [];
  lastAggregate: { readonly id: number; readonly toId: number } | undefined;

  constructor(streamId: string) {
    this.streamId = streamId;
  }

  clone(): CrossCheck {
    const copy = new CrossCheck(this.streamId);
    copy.singles = this.singles.clone();
    copy.lastSingleId = this.lastSingleId;
    copy.waiting = this.waiting;
    copy.lastAggregate = this.lastAggregate;
    return copy;
  }
}

/** A trade of the stream that only cross-checks. REST pages repeat what the streams say, so only the socket counts. */
export function crossCheck(fold: FoldState, record: RawRecord, trade: TradeEvent): void {
  const { cross } = fold;
  if (cross === undefined || record.source !== "ws" || fold.failure !== undefined) return;
  if (cross.streamId.endsWith(":aggTrade")) {
    claim(cross, trade);
    settle(fold, cross, { singles: fold.recent, lastId: fold.runs.last?.to ?? 0 }, record);
    return;
  }
  const { sequenceId: id } = trade;
  if (id === undefined || id <= cross.lastSingleId) return;
  cross.singles.push(id, trade, 0);
  cross.lastSingleId = id;
  settle(fold, cross, { singles: cross.singles, lastId: id }, record);
}

/** An aggregated trade of the fold itself, to be compared with the other stream's single trades. */
export function checkAggregate(fold: FoldState, record: RawRecord, trade: TradeEvent): void {
  const { cross } = fold;
  if (cross === undefined || record.source !== "ws" || fold.failure !== undefined || cross.streamId.endsWith(":aggTrade")) return;
  claim(cross, trade);
  settle(fold, cross, { singles: cross.singles, lastId: cross.lastSingleId }, record);
}

function claim(cross: CrossCheck, trade: TradeEvent): void {
  const { sequenceId: id, firstTradeId, lastTradeId: toId, qty, eventMs: atMs } = trade;
  const previous = cross.lastAggregate;
  if (id === undefined || firstTradeId === undefined || toId === undefined || !trade.market) return;
  if (previous !== undefined && (id <= previous.id || toId <= previous.toId)) return;
  cross.lastAggregate = { id, toId };
  // Aggregates that follow each other leave out only what is no market trade: the ids between them must add nothing.
  const follows = previous !== undefined && id === previous.id + 1 && firstTradeId > previous.toId;
  const claims = [...cross.waiting, { fromId: follows ? previous.toId + 1 : firstTradeId, toId, qty, atMs }];
  cross.waiting = claims.length > WAITING_MAX ? claims.slice(1) : claims;
}

function settle(fold: FoldState, cross: CrossCheck, known: { readonly singles: RecentTrades; readonly lastId: number }, record: RawRecord): void {
  let done = 0;
  for (const one of cross.waiting) {
    if (one.toId > known.lastId) break;
    done += 1;
    const { found, qty } = known.singles.sumOf(one.fromId, one.toId);
    // Some were missed, or are no longer remembered: nothing can be said.
    if (found !== one.toId - one.fromId + 1) continue;
    fold.tally.crossChecked += 1;
    if (!equal(qty, one.qty)) disagree(fold, one, qty, record);
  }
  if (done > 0) cross.waiting = cross.waiting.slice(done);
}

function disagree(fold: FoldState, one: Claim, qty: Decimal, record: RawRecord): void {
  const { tally, instrument, around } = fold;
  tally.crossDisagreed += 1;
  // Told at every doubling: a stream that means something else disagrees every time.
  if ((tally.crossDisagreed & (tally.crossDisagreed - 1)) !== 0) return;
  const detail =
    `${fold.streamId} and ${fold.cross?.streamId ?? ""} disagree: trades ${one.fromId}…${one.toId} are ${formatDecimal(qty)} one by one, ` +
    `${formatDecimal(one.qty)} aggregated (${tally.crossDisagreed} of ${tally.crossChecked} compared)`;
  around.emit({ kind: "lane", event: { kind: "cross-check", venue: instrument.venue, connection: record.connection, atMs: one.atMs, detail, atSeq: record.seq } });
}
