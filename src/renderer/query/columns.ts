// Owns what a result's columns are: numbers or not, times or not, and how their values compare, read and plot. Pure.
import type { QueryColumn, QueryResult, QueryValue } from "../../shared/protocol/query.ts";
import { parseUtcNs } from "../../shared/time.ts";
import { sorted, type Sort } from "../grid/sort.ts";

const NUMERIC = /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DOUBLE|FLOAT|REAL|DECIMAL(\(.*\))?)$/i;

export function isNumeric({ type }: Pick<QueryColumn, "type">): boolean {
  return NUMERIC.test(type);
}

/** How a column's values become epoch milliseconds: by type, else by name and type; undefined: they are no times. */
export type TimeKind = "text" | "ns" | "us" | "ms" | "s";

export function timeKindOf({ name, type }: QueryColumn): TimeKind | undefined {
  if (/^(TIMESTAMP|DATE)/i.test(type)) return "text";
  if (!isNumeric({ type })) return undefined;
  const lower = name.toLowerCase();
  const unit = /(?:^|_)(ns|us|ms)$/.exec(lower)?.[1];
  if (unit === "ns" || unit === "us" || unit === "ms") return unit;
  // Contract 001's own times, and its next funding, are nanoseconds.
  if (/^(ts|ts_event|ts_recv|next_funding_ts)$/.test(lower)) return "ns";
  return undefined;
}

const PER_MS: Readonly<Record<Exclude<TimeKind, "text">, number>> = { ns: 1e-6, us: 1e-3, ms: 1, s: 1_000 };

/** A cell as a number to plot; null where there is none. */
export function plotNumber(value: QueryValue | undefined, kind: TimeKind | undefined): number | null {
  if (value === null || value === undefined || value === "") return null;
  if (kind === "text") {
    const ns = typeof value === "string" ? parseUtcNs(value) : undefined;
    return ns === undefined ? null : Number(ns / 1_000n) / 1_000;
  }
  const number = Number(value);
  if (!Number.isFinite(number)) return null;
  return kind === undefined ? number : number * PER_MS[kind];
}

const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?$/;

/** Exact where both are plain decimal text, so that ids beyond 2^53 keep their order. */
export function compareNumbers(a: string | number | boolean, b: string | number | boolean): number {
  const difference = Number(a) - Number(b);
  if (difference !== 0 && Number.isFinite(difference)) return difference;
  const [left, right] = [DECIMAL.exec(String(a)), DECIMAL.exec(String(b))];
  if (left === null || right === null) return String(a) < String(b) ? -1 : String(a) > String(b) ? 1 : 0;
  const scale = Math.max(left[3]?.length ?? 0, right[3]?.length ?? 0);
  const scaled = ([, sign = "", whole = "", fraction = ""]: RegExpExecArray): bigint => BigInt(`${sign}${whole}${fraction.padEnd(scale, "0")}`);
  const exact = scaled(left) - scaled(right);
  return exact < 0n ? -1 : exact > 0n ? 1 : 0;
}

/** Indexes of the result's rows in the order of the sort; the rows themselves stay as they came. */
export function sortedRows({ columns, rows }: Pick<QueryResult, "columns" | "rows">, sort: Sort | undefined): readonly (readonly QueryValue[])[] {
  const index = sort === undefined ? -1 : Number(sort.column);
  const column = columns[index];
  if (sort === undefined || column === undefined) return rows;
  return isNumeric(column) ? sorted(rows, sort.direction, (row) => row[index], compareNumbers) : sorted(rows, sort.direction, (row) => row[index]);
}

export interface PlotChoice {
  readonly x: number;
  readonly ys: readonly number[];
  readonly isPoints: boolean;
}

/** Lines in one plot: more cannot be told apart. */
export const LINES_MAX = 4;

/** Time across and the first number up; without a time, the first two numbers. Undefined: nothing here can be drawn. */
export function firstPlot(columns: readonly QueryColumn[]): PlotChoice | undefined {
  const times = columns.flatMap((column, index) => (timeKindOf(column) === undefined ? [] : [index]));
  const numbers = columns.flatMap((column, index) => (isNumeric(column) && timeKindOf(column) === undefined ? [index] : []));
  const x = times[0] ?? numbers[0];
  const y = numbers.find((index) => index !== x);
  return x === undefined || y === undefined ? undefined : { x, ys: [y], isPoints: false };
}

export function canPlot(column: QueryColumn): boolean {
  return isNumeric(column) || timeKindOf(column) !== undefined;
}

export interface Plotted {
  readonly x: readonly number[];
  readonly lines: readonly (readonly (number | null)[])[];
  readonly isTime: boolean;
  /** Rows without an x: they have no place in a plot. */
  readonly left: number;
}

/** Ascending by x; a missing y stays missing. */
export function plotted({ columns, rows }: Pick<QueryResult, "columns" | "rows">, choice: PlotChoice): Plotted {
  const kindOf = (index: number): TimeKind | undefined => {
    const column = columns[index];
    return column === undefined ? undefined : timeKindOf(column);
  };
  const xKind = kindOf(choice.x);
  const kinds = choice.ys.map(kindOf);
  const points = rows.flatMap((row) => {
    const x = plotNumber(row[choice.x], xKind);
    return x === null ? [] : [{ x, ys: choice.ys.map((y, at) => plotNumber(row[y], kinds[at])) }];
  }).sort((a, b) => a.x - b.x);
  return { x: points.map(({ x }) => x), lines: choice.ys.map((_, at) => points.map(({ ys }) => ys[at] ?? null)), isTime: xKind !== undefined, left: rows.length - points.length };
}
