// Holds the venue's own final candles against sealed bars, version by version. Only says what it finds; never makes or changes a bar. Pure.
import type { BarConfirmation, BarVersion, ConfirmationDifference } from "../../shared/candles.ts";
import { compare, equal, formatDecimal, type Decimal } from "../../shared/decimal.ts";
import type { VenueCandleEvent } from "../../shared/market.ts";
import type { RawRecord } from "../../shared/raw.ts";
import { INTERVAL_MS, type Interval } from "../../shared/time.ts";
import type { Surroundings } from "./emit.ts";
import type { Series } from "./series.ts";

/** Final candles remembered per instrument: a bar that is revised later than that many candles after is not judged again. */
export const CANDLES_MAX = 256;

export interface HeldCandle {
  readonly interval: Interval;
  readonly openMs: number;
  readonly open: Decimal;
  readonly high: Decimal;
  readonly low: Decimal;
  readonly close: Decimal;
  readonly volume: Decimal;
  readonly quoteVolume: Decimal | undefined;
  readonly tradeCount: number | undefined;
  readonly opensWithTrade: boolean;
  readonly streamId: string;
  readonly seq: number;
}

export class Confirmations {
  /** Oldest first. Entries are replaced, never changed: snapshots share them. */
  candles: readonly HeldCandle[] = [];

  /** Undefined when nothing new is said: not final, or the same as the one held (another leg, a repeat). */
  take(event: VenueCandleEvent, record: RawRecord): HeldCandle | undefined {
    if (!event.final || event.openMs % INTERVAL_MS[event.interval] !== 0) return undefined;
    const { interval, openMs, open, high, low, close, volume, quoteVolume, tradeCount, opensWithTrade } = event;
    const candle: HeldCandle = { interval, openMs, open, high, low, close, volume, quoteVolume, tradeCount, opensWithTrade, streamId: record.stream.streamId, seq: record.seq };
    const known = this.find(interval, openMs);
    if (known !== undefined && isSame(known, candle)) return undefined;
    const others = known === undefined ? this.candles : this.candles.filter((one) => one !== known);
    this.candles = [...others.slice(Math.max(0, others.length + 1 - CANDLES_MAX)), candle];
    return candle;
  }

  find(interval: Interval, openMs: number): HeldCandle | undefined {
    return this.candles.findLast((one) => one.openMs === openMs && one.interval === interval);
  }

  clone(): Confirmations {
    const copy = new Confirmations();
    copy.candles = this.candles;
    return copy;
  }
}

function isSame(a: HeldCandle, b: HeldCandle): boolean {
  const quotes = a.quoteVolume === undefined || b.quoteVolume === undefined ? a.quoteVolume === b.quoteVolume : equal(a.quoteVolume, b.quoteVolume);
  return quotes && a.tradeCount === b.tradeCount && equal(a.open, b.open) && equal(a.high, b.high) && equal(a.low, b.low) && equal(a.close, b.close) && equal(a.volume, b.volume);
}

/** Judges the latest version of a bucket's bar, if there are both a bar and a candle. */
export function confirm(confirmations: Confirmations, series: Series, openMs: number, around: Surroundings, atSeq: number): void {
  const candle = confirmations.find(series.interval, openMs);
  if (candle === undefined) return;
  const bar = around.history.latest(series.key(openMs));
  if (bar === undefined) return;
  const fields = differences(bar, candle);
  const confirmation: BarConfirmation = {
    key: bar.key, revision: bar.revision, result: fields.length === 0 ? "equal" : "differs", fields, streamId: candle.streamId, candleSeq: candle.seq, atSeq,
  };
  around.emit({ kind: "confirmation", confirmation });
}

function differences({ values }: BarVersion, candle: HeldCandle): readonly ConfirmationDifference[] {
  const found: ConfirmationDifference[] = [];
  const note = (field: ConfirmationDifference["field"], ours: Decimal, venues: Decimal): void => {
    found.push({ field, ours: formatDecimal(ours), venues: formatDecimal(venues) });
  };
  const { opensWithTrade } = candle;
  if (opensWithTrade && !equal(values.open, candle.open)) note("open", values.open, candle.open);
  // Where the venue's open is the close before, its extremes take that in: ours may then lie inside, and only there.
  const isReach = (extreme: Decimal): boolean => !opensWithTrade && equal(extreme, candle.open);
  if (!equal(values.high, candle.high) && !(isReach(candle.high) && compare(values.high, candle.high) < 0)) note("high", values.high, candle.high);
  if (!equal(values.low, candle.low) && !(isReach(candle.low) && compare(values.low, candle.low) > 0)) note("low", values.low, candle.low);
  for (const field of ["close", "volume"] as const) if (!equal(values[field], candle[field])) note(field, values[field], candle[field]);
  if (candle.quoteVolume !== undefined && !equal(values.quoteVolume, candle.quoteVolume)) note("quoteVolume", values.quoteVolume, candle.quoteVolume);
  if (candle.tradeCount !== undefined && candle.tradeCount !== values.tradeCount) {
    found.push({ field: "tradeCount", ours: String(values.tradeCount), venues: String(candle.tradeCount) });
  }
  return found;
}
