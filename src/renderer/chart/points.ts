// Owns the step from exact mantissas to what the chart draws: floats, whitespace for missing buckets, precision. Floats begin here.
import type { CandlestickData, HistogramData, UTCTimestamp, WhitespaceData } from "lightweight-charts";
import { BAR_FORMING, type BarColumns } from "../../shared/protocol/frames.ts";
import type { BarTable } from "../store/bars.ts";
import type { Palette } from "../theme/palette.ts";
import type { Slots } from "./axis.ts";
import { chartTime } from "./seconds.ts";

export type CandlePoint = CandlestickData<UTCTimestamp> | WhitespaceData<UTCTimestamp>;
export type VolumePoint = HistogramData<UTCTimestamp> | WhitespaceData<UTCTimestamp>;
export interface Points { readonly candles: CandlePoint[]; readonly volumes: VolumePoint[] }

/** The point of one slot. A missing bucket is whitespace: no line, no flat bar. */
export function candlePoint(table: BarTable, openMs: number, palette: Palette): CandlePoint {
  const index = table.indexOf(openMs);
  const time = chartTime(openMs);
  if (index === undefined) return { time };
  const bars = table.columns;
  const unit = 10 ** bars.priceScale;
  const price = (column: Float64Array): number => (column[index] ?? 0) / unit;
  const point = { time, open: price(bars.open), high: price(bars.high), low: price(bars.low), close: price(bars.close) };
  if (((bars.flags[index] ?? 0) & BAR_FORMING) === 0) return point;
  // The forming bar is hollow: its numbers are not settled.
  const color = point.close >= point.open ? palette.up : palette.down;
  return { ...point, color: palette.ground, borderColor: color, wickColor: color };
}

export function volumePoint(table: BarTable, openMs: number, palette: Palette): VolumePoint {
  const index = table.indexOf(openMs);
  const time = chartTime(openMs);
  if (index === undefined) return { time };
  const bars = table.columns;
  const isUp = (bars.close[index] ?? 0) >= (bars.open[index] ?? 0);
  return { time, value: (bars.volume[index] ?? 0) / 10 ** bars.volumeScale, color: isUp ? palette["up-soft"] : palette["down-soft"] };
}

export function allPoints(table: BarTable, slots: Slots, palette: Palette): Points {
  const candles: CandlePoint[] = [];
  const volumes: VolumePoint[] = [];
  for (let slot = 0; slot < slots.count; slot += 1) {
    const openMs = slots.firstOpenMs + slot * slots.intervalMs;
    candles.push(candlePoint(table, openMs, palette));
    volumes.push(volumePoint(table, openMs, palette));
  }
  return { candles, volumes };
}

/** Digits after the point that the bars in view really use: a venue that writes 62410.10000000 gets one digit on the axis. */
export function usedPrecision(bars: BarColumns): number {
  let drop = bars.priceScale;
  for (const column of [bars.open, bars.high, bars.low, bars.close]) {
    for (let index = 0; index < bars.length && drop > 0; index += 1) {
      while (drop > 0 && (column[index] ?? 0) % 10 ** drop !== 0) drop -= 1;
    }
  }
  return bars.priceScale - drop;
}
