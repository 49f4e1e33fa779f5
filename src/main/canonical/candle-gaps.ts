// Where ids have no order, trades that the venue dropped on a living connection leave no trace of their own. Its final candle of the minute does:
// what it counts beyond ours is missing. Holds such minutes until that is certain, opens their gaps, and settles them. Pure.
import { ZERO, add, compare, equal, formatDecimal, type Decimal } from "../../shared/decimal.ts";
import type { TradeEvent } from "../../shared/market.ts";
import { INTERVAL_MS, nsFromMs } from "../../shared/time.ts";
import type { HeldCandle } from "./confirm.ts";
import type { FoldState } from "./fold-state.ts";

/** Minutes whose sums are remembered: as many as candles. */
export const MINUTES_MAX = 256;
const MINUTE = "1m";
const MINUTE_MS = INTERVAL_MS[MINUTE];

/** What has come of one minute. `aside`: trades that are no market trades, which a venue may or may not count in its candle. */
export interface MinuteSum {
  readonly openMs: number;
  /** Raw seq of the first message that told one of them; undefined: none has. */
  readonly sinceSeq: number | undefined;
  readonly volume: Decimal;
  readonly count: number;
  readonly aside: Decimal;
  readonly asideCount: number;
}

/** Sums of the newest minutes, whatever intervals are folded. Entries are replaced, never changed: snapshots share them. */
export class MinuteSums {
  /** Ascending. */
  past: readonly MinuteSum[] = [];
  last: MinuteSum | undefined;

  add(trade: TradeEvent, seq: number): void {
    const openMs = Math.floor(trade.eventMs / MINUTE_MS) * MINUTE_MS;
    const { last } = this;
    if (last === undefined || last.openMs === openMs) this.last = plus(last ?? nothing(openMs), trade, seq);
    else if (openMs > last.openMs) {
      this.past = [...this.past, last].slice(1 - MINUTES_MAX);
      this.last = plus(nothing(openMs), trade, seq);
    } else this.#addLate(openMs, trade, seq);
  }

  #addLate(openMs: number, trade: TradeEvent, seq: number): void {
    const known = this.of(openMs);
    if (known === undefined) return;
    const others = this.past.filter((one) => one.openMs !== openMs);
    const at = others.findIndex((one) => one.openMs > openMs);
    this.past = others.toSpliced(at === -1 ? others.length : at, 0, plus(known, trade, seq)).slice(1 - MINUTES_MAX);
  }

  /** Undefined: too long ago to say. */
  of(openMs: number): MinuteSum | undefined {
    if (this.last?.openMs === openMs) return this.last;
    const known = this.past.findLast((one) => one.openMs === openMs);
    if (known !== undefined) return known;
    const oldest = this.past[0];
    return this.past.length === MINUTES_MAX - 1 && oldest !== undefined && openMs < oldest.openMs ? undefined : nothing(openMs);
  }

  clone(): MinuteSums {
    const copy = new MinuteSums();
    copy.past = this.past;
    copy.last = this.last;
    return copy;
  }
}

function nothing(openMs: number): MinuteSum {
  return { openMs, sinceSeq: undefined, volume: ZERO, count: 0, aside: ZERO, asideCount: 0 };
}

function plus({ openMs, sinceSeq = Number.POSITIVE_INFINITY, volume, count, aside, asideCount }: MinuteSum, { market, qty, tradeCount }: TradeEvent, seq: number): MinuteSum {
  const since = { openMs, sinceSeq: Math.min(sinceSeq, seq) };
  return market ? { ...since, volume: add(volume, qty), count: count + tradeCount, aside, asideCount } : { ...since, volume, count, aside: add(aside, qty), asideCount: asideCount + tradeCount };
}

/** A new final candle: it is held until it agrees with what has come, or a gap is open because of it. */
export function awaitCandle(fold: FoldState, { interval, openMs }: HeldCandle, seq: number): void {
  // Where ids have an order they tell what is missing, and no candle does.
  if (interval !== MINUTE || !fold.idsAbsent || fold.runs.last !== undefined) return;
  if (!fold.awaited.includes(openMs)) fold.awaited = [...fold.awaited, openMs];
  judgeCandles(fold, seq);
}

/** Looks again at every candle that is held: opens what is due, settles what has become whole. */
export function judgeCandles(fold: FoldState, seq: number): void {
  if (fold.awaited.length === 0) return;
  const kept = fold.awaited.filter((openMs) => isHeldOn(fold, openMs, seq));
  if (kept.length < fold.awaited.length) fold.awaited = kept;
}

/** The seal clock at which the next held candle can open a gap; those whose time has come and that wait for something else are looked at whenever a bucket seals. */
export function candlesDueMs(fold: FoldState): number {
  let dueMs = Number.POSITIVE_INFINITY;
  for (const openMs of fold.awaited) {
    const atMs = judgedFromMs(fold, openMs);
    if (atMs > fold.sealClockMs && atMs < dueMs) dueMs = atMs;
  }
  return dueMs;
}

/** Lateness seals the minute's bar; as long again lets stragglers in, which are no gap. */
function judgedFromMs(fold: FoldState, openMs: number): number {
  return openMs + MINUTE_MS + 2 * fold.latenessMs;
}

function isHeldOn(fold: FoldState, openMs: number, seq: number): boolean {
  const candle = fold.confirmations.find(MINUTE, openMs);
  const sum = fold.minutes.of(openMs);
  // No longer remembered: a gap of it keeps its last state.
  if (candle === undefined || sum === undefined) return false;
  const gapId = gapIdOf(fold, openMs);
  const isOpen = fold.gaps.gaps.some((gap) => gap.gapId === gapId);
  if (agrees(candle, sum)) {
    if (isOpen) fold.gaps.candleAgrees(gapId, `volume ${formatDecimal(sum.volume)} is the venue's`, seq);
    return false;
  }
  if (isOpen) return true;
  if (!isShort(candle, sum) || openMs < Math.max(fold.coveredFromMs, fold.carriedFromMs)) return false;
  if (isDue(fold, openMs) && !isExplained(fold, openMs)) open(fold, candle, sum, seq);
  return true;
}

/** The minute is over beyond doubt, and a trade of the stream itself has come since: its connection lives. */
function isDue(fold: FoldState, openMs: number): boolean {
  return fold.failure === undefined && fold.sealClockMs >= judgedFromMs(fold, openMs) && fold.watermarkMs >= openMs + MINUTE_MS;
}

/** Another gap, not settled, may hold what is missing: it stands for it. */
function isExplained(fold: FoldState, openMs: number): boolean {
  return fold.gaps.gaps.some(({ proof, fromMs, toMs }) => proof !== "candle" && fromMs < openMs + MINUTE_MS && (toMs ?? Number.POSITIVE_INFINITY) >= openMs);
}

function isShort(candle: HeldCandle, sum: MinuteSum): boolean {
  const { volume, tradeCount } = candle;
  if (compare(volume, sum.volume) > 0 && !equal(volume, add(sum.volume, sum.aside))) return true;
  return tradeCount !== undefined && tradeCount > sum.count && tradeCount !== sum.count + sum.asideCount;
}

/** Not the prices: where several trades of one millisecond come by different ways, their order is not known. */
function agrees({ volume, tradeCount }: HeldCandle, sum: MinuteSum): boolean {
  if (!equal(volume, sum.volume) && !equal(volume, add(sum.volume, sum.aside))) return false;
  return tradeCount === undefined || tradeCount === sum.count || tradeCount === sum.count + sum.asideCount;
}

function gapIdOf(fold: FoldState, openMs: number): string {
  return `${fold.streamId}@${openMs}+${MINUTE}`;
}

function open(fold: FoldState, candle: HeldCandle, sum: MinuteSum, seq: number): void {
  const { openMs, tradeCount } = candle;
  const toMs = openMs + MINUTE_MS;
  const counts = tradeCount === undefined ? "" : `, ${tradeCount} trades to ${sum.count}`;
  const reason = `the venue's candle has volume ${formatDecimal(candle.volume)}, ours ${formatDecimal(sum.volume)}${counts}`;
  // The edges are the minute's, not those of events: by the receive clock they lie where that stood then.
  const received = (ms: number): string => String(nsFromMs(ms) - fold.clock.offsetNs);
  const missing = tradeCount === undefined ? undefined : Math.max(0, tradeCount - sum.count);
  fold.gaps.openCandle({ gapId: gapIdOf(fold, openMs), fromMs: openMs, toMs, fromRecvNs: received(openMs), toRecvNs: received(toMs), missing, reason, openedSeq: sum.sinceSeq ?? seq }, seq);
}
