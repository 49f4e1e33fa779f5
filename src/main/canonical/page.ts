// Pages of a venue's list of trades whose ids have no order: what a page shows of the gaps, judged by which of its trades were known before
// it came. The list has no hole, so whatever stands in it between two known trades is all that there was between them. Pure.
import type { MarketEvent, TradeEvent } from "../../shared/market.ts";
import type { RawRecord } from "../../shared/raw.ts";
import { judgeCandles } from "./candle-gaps.ts";
import type { FoldState } from "./fold-state.ts";
import { type Gap, isListProof } from "./gaps.ts";
import { textKey } from "./recent-trades.ts";

/** The page being applied, from its first event to its last. */
export interface Page {
  /** Positions from `knownFrom` to `knownTo`, both inclusive, lie between known trades. Empty (from > to) when none was known. */
  readonly knownFrom: number;
  readonly knownTo: number;
  /** Positions rise towards older trades. */
  readonly newestFirst: boolean;
  /** Unknown trades older than all known ones belong to a gap when they are not older than this; else nobody can tell whether they were forgotten. */
  readonly sinceMs: number;
  /** Gaps that it reaches over, by id. */
  readonly covers: readonly string[];
  /** A trade of it could not be taken for what it is: then it proves nothing. */
  isBroken: boolean;
}

/** Undefined for REST bodies that are told apart by ids. */
export function openPage(fold: FoldState, record: RawRecord, events: readonly MarketEvent[]): Page | undefined {
  if (record.source !== "rest_backfill" || events.length === 0 || !events.every(isListed)) return undefined;
  const trades = events as readonly TradeEvent[];
  const seqs = trades.map(({ tradeId }) => fold.known.seqOf(textKey(tradeId)));
  const newestFirst = (trades[0]?.eventMs ?? 0) >= (trades.at(-1)?.eventMs ?? 0);
  const gaps = fold.gaps.gaps.filter(isListProof);
  const reached = gaps.filter((gap) => fold.known.reachesSeq < gap.openedSeq);
  return {
    knownFrom: firstKnown(seqs), knownTo: seqs.findLastIndex((seq) => seq !== undefined), newestFirst,
    sinceMs: reached.reduce((since, { fromMs }) => Math.min(since, fromMs), Number.MAX_SAFE_INTEGER),
    covers: gaps.filter((gap) => gap.proof === "page" && covers(gap, trades, seqs, newestFirst)).map(({ gapId }) => gapId), isBroken: false,
  };
}

function isListed(event: MarketEvent): boolean {
  return event.kind === "trade" && event.sequenceId === undefined && event.firstTradeId === undefined && event.tradeId !== "";
}

function firstKnown(seqs: readonly (number | undefined)[]): number {
  const at = seqs.findIndex((seq) => seq !== undefined);
  return at === -1 ? seqs.length : at;
}

/** From a trade known before the gap opened to one that the stream itself told after it, not older than the one with which it went on. */
function covers(gap: Gap, trades: readonly TradeEvent[], seqs: readonly (number | undefined)[], newestFirst: boolean): boolean {
  const { toMs, openedSeq } = gap;
  if (toMs === undefined) return false;
  const isBefore = (seq: number | undefined): boolean => seq !== undefined && Math.abs(seq) < openedSeq;
  const isAfter = (seq: number | undefined, at: number): boolean => seq !== undefined && seq >= openedSeq && (trades[at]?.eventMs ?? 0) >= toMs;
  // On the far sides: the oldest of those before, the newest of those after.
  const before = newestFirst ? seqs.findLastIndex(isBefore) : seqs.findIndex(isBefore);
  const after = newestFirst ? seqs.findIndex(isAfter) : seqs.findLastIndex(isAfter);
  return before !== -1 && after !== -1 && (newestFirst ? after < before : before < after);
}

/** False: outside of what the page's known trades vouch for; it may be one that was counted once and is no longer remembered. */
export function belongs(page: Page, position: number, eventMs: number): boolean {
  const { knownFrom, knownTo, newestFirst, sinceMs } = page;
  if (position >= knownFrom && position <= knownTo) return true;
  const isNewer = knownFrom <= knownTo && (newestFirst ? position < knownFrom : position > knownTo);
  return isNewer || eventMs >= sinceMs;
}

/** After its last event: settles what it reaches over, and what it made whole. */
export function closePage(fold: FoldState, seq: number): void {
  const { page } = fold;
  fold.page = undefined;
  if (page === undefined || fold.failure !== undefined) return;
  if (!page.isBroken) for (const gapId of page.covers) fold.gaps.pageCovers(gapId, seq);
  judgeCandles(fold, seq);
}
