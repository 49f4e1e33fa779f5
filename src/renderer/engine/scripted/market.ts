// Owns the scripted tape: a deterministic walk of trades with gaps, revisions and connection events. For development and tests of the screen.
import { type GapEntry, type Grade, GRADES, type LaneEvent } from "../../../shared/candles.ts";
import { BAR_BACKFILLED, BAR_FORMING, BAR_REVISED, type BarColumns, type RevisionMark, type ViewUpdate } from "../../../shared/protocol/frames.ts";
import { INTERVAL_MS, type Interval } from "../../../shared/time.ts";

export interface ScriptedTrade { readonly seq: number; readonly ms: number; readonly price: number; readonly qty: number; readonly side: 1 | -1 }

export const PRICE_SCALE = 2;
export const VOLUME_SCALE = 3;
const HISTORY_MS = 5 * 3_600_000;

/** Mulberry32: small, seeded, good enough to look like a market. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export class ScriptedTape {
  readonly trades: ScriptedTrade[] = [];
  readonly gaps: readonly GapEntry[];
  readonly events: readonly LaneEvent[];
  readonly startMs: number;
  readonly #random: () => number;
  #price = 6_241_770;
  #drift = 0;
  #nextMs: number;

  constructor(nowMs: number, seed = 20240808) {
    this.#random = seeded(seed);
    this.startMs = Math.floor((nowMs - HISTORY_MS) / 60_000) * 60_000;
    this.#nextMs = this.startMs + 400;
    const at = (minutesAgo: number, seconds = 0): number => Math.floor(nowMs / 60_000) * 60_000 - minutesAgo * 60_000 + seconds * 1_000;
    const gap = (gapId: string, fromMs: number, toMs: number, rest: Pick<GapEntry, "cause" | "state" | "detail" | "missing">): GapEntry => ({
      gapId, streamId: "sim:BTCUSDT:aggTrade", fromMs, toMs, fromId: 5_266_583_935, toId: 5_266_584_146, attempts: 1, atSeq: 1, ...rest,
    });
    this.gaps = [
      gap("g1", at(96, 8), at(92, 11), { cause: "downtime", state: "GAP_UNRESOLVED", detail: "REST no longer has these ids", missing: 212 }),
      gap("g2", at(58, 8), at(57, 11), { cause: "disconnect", state: "repaired", detail: "the venue closed the socket (24 h); 212 trades backfilled by REST", missing: 0 }),
      gap("g3", at(24, 40), at(22, 20), { cause: "id_hole", state: "partly_repaired", detail: "REST returned part of the range", missing: 40 }),
    ];
    const event = (kind: string, atMs: number, detail: string): LaneEvent => ({ kind, venue: "sim", connection: "a-1", atMs, detail, atSeq: Math.round(atMs - this.startMs) });
    this.events = [
      event("connect", this.startMs, "ws://127.0.0.1"), event("stopped", at(96, 8), "the program ended"), event("started", at(92, 11), "downtime 4 min"),
      event("disconnect", at(58, 8), "code 1001, 24 h"), event("connect", at(57, 11), "b-2"), event("backfill_done", at(56, 30), "212 trades"), event("stale", at(24, 40), "silent"),
    ];
    this.extendTo(nowMs);
  }

  /** Trades up to `nowMs`. Nothing happens inside a gap that was not repaired. */
  extendTo(nowMs: number): void {
    while (this.#nextMs <= nowMs) {
      const ms = this.#nextMs;
      this.#nextMs += Math.max(1, Math.round(-Math.log(1 - this.#random()) * 420));
      this.#drift = this.#drift * 0.99 + (this.#random() - 0.5) * 16 - (this.#price - 6_241_770) * 0.00002;
      this.#price += Math.round(this.#drift + (this.#random() - 0.5) * 240);
      const isLost = this.gaps.some((gap) => gap.state !== "repaired" && ms >= gap.fromMs && ms < (gap.toMs ?? ms));
      if (isLost) continue;
      const qty = Math.max(1, Math.round(Math.log(1 - this.#random()) ** 4 * 20));
      this.trades.push({ seq: this.trades.length + 1, ms, price: this.#price, qty, side: this.#random() < 0.5 + this.#drift / 200 ? 1 : -1 });
    }
  }

  /** Index after the last trade at or before `ms`. */
  countUntil(ms: number): number {
    let low = 0;
    let high = this.trades.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.trades[middle]?.ms ?? 0) <= ms) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  isRevised(openMs: number): boolean {
    return this.trades.length > 0 && Math.imul(openMs / 1_000, 2_654_435_761) >>> 0 < 0x0a_00_00_00;
  }

  gradeOf(openMs: number, intervalMs: number): Grade {
    const touching = this.gaps.find((gap) => gap.fromMs < openMs + intervalMs && (gap.toMs ?? 0) > openMs);
    if (touching !== undefined) return touching.state === "repaired" ? "repaired" : touching.state === "GAP_UNRESOLVED" ? "unresolved" : "partial";
    const minute = Math.floor(openMs / 60_000) % 97;
    return minute < 3 ? "likely" : minute === 40 ? "unprovable" : "proved";
  }
}

export interface Window { readonly interval: Interval; readonly bars: number; readonly untilOpenMs: number | undefined }

/** Bars of the first `played` trades, in the window asked for. `fromIndex`: fold from this trade's bucket on. */
export function foldBars(tape: ScriptedTape, played: number, window: Window, sinceMs = -Infinity): { readonly bars: BarColumns; readonly hasMore: boolean; readonly empty: ViewUpdate["empty"]; readonly revisions: readonly RevisionMark[] } {
  const intervalMs = INTERVAL_MS[window.interval];
  const cursorMs = tape.trades[played - 1]?.ms ?? tape.startMs;
  const untilMs = Math.min(window.untilOpenMs ?? Infinity, cursorMs + 1);
  const fromMs = Math.max(sinceMs, Math.floor((untilMs - 1) / intervalMs) * intervalMs - (window.bars - 1) * intervalMs);
  const first = tape.countUntil(fromMs - 1);
  const rows: number[][] = [];
  const lastOpenMs = Math.floor(cursorMs / intervalMs) * intervalMs;
  for (let index = first; index < played; index += 1) {
    const trade = tape.trades[index];
    if (trade === undefined || trade.ms >= untilMs) break;
    const openMs = Math.floor(trade.ms / intervalMs) * intervalMs;
    const last = rows.at(-1);
    const quote = trade.price * trade.qty;
    if (last === undefined || last[0] !== openMs) rows.push([openMs, trade.price, trade.price, trade.price, trade.price, trade.qty, quote, trade.side === 1 ? trade.qty : 0, 1, trade.seq]);
    else {
      last[2] = Math.max(last[2] ?? 0, trade.price);
      last[3] = Math.min(last[3] ?? 0, trade.price);
      last[4] = trade.price;
      last[5] = (last[5] ?? 0) + trade.qty;
      last[6] = (last[6] ?? 0) + quote;
      last[7] = (last[7] ?? 0) + (trade.side === 1 ? trade.qty : 0);
      last[8] = (last[8] ?? 0) + 1;
      last[9] = trade.seq;
    }
  }
  const column = (at: number): Float64Array => Float64Array.from(rows, (row) => row[at] ?? 0);
  const opens = column(0);
  const isForming = (openMs: number): boolean => openMs === lastOpenMs;
  const bars: BarColumns = {
    length: rows.length, priceScale: PRICE_SCALE, volumeScale: VOLUME_SCALE, quoteScale: PRICE_SCALE + VOLUME_SCALE,
    openMs: opens, open: column(1), high: column(2), low: column(3), close: column(4), volume: column(5), quoteVolume: column(6),
    takerBuyVolume: column(7), tradeCount: column(8), atSeq: column(9),
    revision: Uint16Array.from(opens, (openMs) => (isForming(openMs) ? 0 : tape.isRevised(openMs) ? 2 : 1)),
    grade: Uint8Array.from(opens, (openMs) => (isForming(openMs) ? 255 : GRADES.indexOf(tape.gradeOf(openMs, intervalMs)))),
    flags: Uint8Array.from(opens, (openMs) => (isForming(openMs) ? BAR_FORMING : tape.isRevised(openMs) ? BAR_REVISED | BAR_BACKFILLED : 0)),
  };
  const revisions = [...opens].filter((openMs) => !isForming(openMs) && tape.isRevised(openMs))
    .map((openMs, index): RevisionMark => ({ openMs, revision: 2, reason: "late_data", atSeq: bars.atSeq[index] ?? 0 }));
  const empty: ViewUpdate["empty"][number][] = [];
  for (let index = 1; index < opens.length; index += 1) {
    const [before, after] = [(opens[index - 1] ?? 0) + intervalMs, opens[index] ?? 0];
    if (after <= before) continue;
    const isGap = tape.gaps.some((gap) => gap.fromMs < after && (gap.toMs ?? 0) > before);
    empty.push({ fromOpenMs: before, untilOpenMs: after, grade: isGap ? "GAP_UNRESOLVED" : "empty_proved" });
  }
  return { bars, hasMore: first > 0, empty, revisions };
}
