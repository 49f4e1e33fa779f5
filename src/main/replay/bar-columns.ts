// Bars as numeric columns for the screen: exact mantissas at one scale per column, marked where a double cannot hold them.
import { type BarValues, type Grade, GRADES } from "../../shared/candles.ts";
import { type Decimal, rescale } from "../../shared/decimal.ts";
import { BAR_INEXACT, GRADE_UNKNOWN, type BarColumns } from "../../shared/protocol/frames.ts";

export interface BarRow {
  readonly openMs: number;
  readonly values: BarValues;
  /** 0 while the bar forms. */
  readonly revision: number;
  readonly grade: Grade | undefined;
  readonly flags: number;
  readonly atSeq: number;
}

const REVISION_MAX = 65_535;

/** Writes a decimal at the column's scale; false when the double is not exact. */
function write(column: Float64Array, index: number, value: Decimal, scale: number): boolean {
  const { mantissa } = rescale(value, scale);
  column[index] = Number(mantissa);
  return typeof mantissa === "number";
}

function largestScale(rows: readonly BarRow[], of: (values: BarValues) => readonly Decimal[]): number {
  let scale = 0;
  for (const row of rows) for (const value of of(row.values)) if (value.scale > scale) scale = value.scale;
  return scale;
}

/** Rows must ascend by openMs. */
export function barColumns(rows: readonly BarRow[]): BarColumns {
  const { length } = rows;
  const priceScale = largestScale(rows, (values) => [values.open, values.high, values.low, values.close]);
  const volumeScale = largestScale(rows, (values) => [values.volume, values.takerBuyVolume]);
  const quoteScale = largestScale(rows, (values) => [values.quoteVolume]);
  const numbers = (): Float64Array => new Float64Array(length);
  const columns = {
    length, priceScale, volumeScale, quoteScale,
    openMs: numbers(), open: numbers(), high: numbers(), low: numbers(), close: numbers(), volume: numbers(), quoteVolume: numbers(),
    takerBuyVolume: numbers(), tradeCount: numbers(), revision: new Uint16Array(length), grade: new Uint8Array(length),
    flags: new Uint8Array(length), atSeq: numbers(),
  };
  rows.forEach((row, index) => {
    const { values } = row;
    columns.openMs[index] = row.openMs;
    const exact = [
      write(columns.open, index, values.open, priceScale),
      write(columns.high, index, values.high, priceScale),
      write(columns.low, index, values.low, priceScale),
      write(columns.close, index, values.close, priceScale),
      write(columns.volume, index, values.volume, volumeScale),
      write(columns.takerBuyVolume, index, values.takerBuyVolume, volumeScale),
      write(columns.quoteVolume, index, values.quoteVolume, quoteScale),
    ].every(Boolean);
    columns.tradeCount[index] = values.tradeCount;
    columns.revision[index] = Math.min(row.revision, REVISION_MAX);
    columns.grade[index] = row.grade === undefined ? GRADE_UNKNOWN : GRADES.indexOf(row.grade);
    columns.flags[index] = row.flags | (exact ? 0 : BAR_INEXACT);
    columns.atSeq[index] = row.atSeq;
  });
  return columns;
}
