// Reads the fixture format of docs/bridge/CSV.md: strictly, exactly, and with an error that names line and column. Pure.
import { fault, type FaultError } from "../../../shared/base.ts";
import type { BarValues, RevisionReason, SealReason } from "../../../shared/candles.ts";
import { compare, parseDecimal, ZERO, type Decimal } from "../../../shared/decimal.ts";
import { bucketOpenMs, INTERVALS, isInterval, NS_PER_MS, parseUtcNs, type Interval } from "../../../shared/time.ts";
import { BRIDGE_SYMBOL } from "../model.ts";

const REQUIRED = ["symbol", "interval", "open", "high", "low", "close", "volume"] as const;
const OPTIONAL = ["quote_volume", "trade_count", "taker_buy_volume", "taker_buy_quote_volume", "revision", "reason"] as const;
const TIMES = ["ts", "datetime"] as const;
type Column = (typeof REQUIRED)[number] | (typeof OPTIONAL)[number] | (typeof TIMES)[number];
const COLUMNS: readonly string[] = [...REQUIRED, ...TIMES, ...OPTIONAL];

const SEAL_REASONS: readonly string[] = ["watermark", "clock_tick", "end_of_input"] satisfies readonly SealReason[];
const REVISION_REASONS: readonly string[] = ["late_data", "gap_backfill", "source_correction", "rebuild"] satisfies readonly RevisionReason[];

/** The wire carries 128-bit mantissas. */
const MANTISSA_LIMIT = 2n ** 127n;

export interface CsvRow {
  /** 1-based; the header is line 1. */
  readonly line: number;
  readonly symbol: string;
  readonly interval: Interval;
  readonly openMs: number;
  readonly values: BarValues;
  /** Undefined where the file has no such column. */
  readonly revision: number | undefined;
  readonly reason: SealReason | RevisionReason | undefined;
}

export interface CsvHeader {
  readonly file: string;
  /** Position of each column that there is. */
  readonly at: ReadonlyMap<Column, number>;
  readonly columns: readonly string[];
}

export function rowFault(file: string, line: number, column: string | undefined, problem: string): FaultError {
  return fault("csv.bad-row", `${file} line ${line}${column === undefined ? "" : `, column ${column}`}: ${problem}`, { line });
}

/** Throws `csv.bad-header`. */
export function readHeader(file: string, text: string): CsvHeader {
  const columns = text.split(",").map((name) => name.trim().toLowerCase());
  const refuse = (problem: string): never => {
    throw fault("csv.bad-header", `${file} line 1: ${problem}; the header is symbol,interval,ts (or datetime),open,high,low,close,volume and, if wanted, ${OPTIONAL.join(", ")}`, { line: 1 });
  };
  const at = new Map<Column, number>();
  columns.forEach((name, index) => {
    if (!COLUMNS.includes(name)) refuse(`no column is named ${JSON.stringify(name)}`);
    if (at.has(name as Column)) refuse(`column ${name} stands there twice`);
    at.set(name as Column, index);
  });
  for (const name of REQUIRED) if (!at.has(name)) refuse(`column ${name} is missing`);
  if (at.has("ts") === at.has("datetime")) refuse("exactly one of the columns ts and datetime is needed");
  return { file, at, columns };
}

/** Reads one line's fields. Throws `csv.bad-row`. What rows mean to each other (order, revisions) is not looked at here. */
export function readRow(header: CsvHeader, line: number, text: string): CsvRow {
  const fields = text.split(",").map((field) => field.trim());
  if (fields.length !== header.columns.length) {
    const quoted = text.includes('"') ? "; quoted fields are not read" : "";
    throw rowFault(header.file, line, undefined, `${fields.length} fields where the header has ${header.columns.length}${quoted}`);
  }
  const refuse = (column: Column, problem: string): never => {
    throw rowFault(header.file, line, column, `${JSON.stringify(field(column) ?? "")} ${problem}`);
  };
  const field = (column: Column): string | undefined => {
    const index = header.at.get(column);
    return index === undefined ? undefined : fields[index];
  };
  const number = (column: Column): Decimal => {
    const written = field(column);
    if (written === undefined) return ZERO;
    const value = parseDecimal(written);
    if (value === undefined) return refuse(column, "is no decimal: write digits with a dot, such as 61800.30");
    if (BigInt(value.mantissa) >= MANTISSA_LIMIT || BigInt(value.mantissa) < -MANTISSA_LIMIT) return refuse(column, "has more digits than the bridge carries (38)");
    return value;
  };
  const amount = (column: Column): Decimal => {
    const value = number(column);
    return value.mantissa < 0 ? refuse(column, "is negative") : value;
  };
  const count = (column: Column): number | undefined => {
    const written = field(column);
    if (written === undefined) return undefined;
    return /^\d{1,15}$/.test(written) ? Number(written) : refuse(column, "is no whole number, 0 or more");
  };

  const symbol = field("symbol") ?? "";
  if (!BRIDGE_SYMBOL.test(symbol)) refuse("symbol", "is no symbol: 1 to 64 letters, digits, dots, dashes and underscores");
  const intervalText = field("interval") ?? "";
  const interval = isInterval(intervalText) ? intervalText : refuse("interval", `is no interval: there are ${INTERVALS.join(", ")}`);
  const openMs = timeOf(field, refuse);
  if (bucketOpenMs(openMs, interval) !== openMs) refuse(header.at.has("ts") ? "ts" : "datetime", `does not begin a ${interval} bucket (UTC)`);
  const values: BarValues = {
    open: number("open"), high: number("high"), low: number("low"), close: number("close"), volume: amount("volume"), quoteVolume: number("quote_volume"),
    tradeCount: count("trade_count") ?? 0, takerBuyVolume: amount("taker_buy_volume"), takerBuyQuoteVolume: number("taker_buy_quote_volume"),
  };
  for (const column of ["open", "close", "low"] as const) if (compare(values[column], values.high) > 0) refuse("high", `is below the ${column}`);
  for (const column of ["open", "close"] as const) if (compare(values[column], values.low) < 0) refuse("low", `is above the ${column}`);
  const revision = count("revision");
  if (revision === 0) refuse("revision", "is no revision: the first version of a bar is 1");
  return { line, symbol, interval, openMs, values, revision, reason: reasonOf(field("reason"), refuse) };
}

type Refuse = (column: Column, problem: string) => never;

/** `ts`: epoch ms. `datetime`: UTC text, or epoch ms. */
function timeOf(field: (column: Column) => string | undefined, refuse: Refuse): number {
  const ts = field("ts");
  if (ts !== undefined) return /^\d{1,15}$/.test(ts) ? Number(ts) : refuse("ts", "is no time in epoch ms; for text such as 2024-08-08 23:57:00 name the column datetime");
  const text = field("datetime") ?? "";
  const ns = /^\d{19}$/.test(text) ? undefined : parseUtcNs(text);
  if (ns === undefined || ns % NS_PER_MS !== 0n) return refuse("datetime", "is no time: write 2024-08-08 23:57:00 (UTC) or epoch ms");
  return Number(ns / NS_PER_MS);
}

function reasonOf(text: string | undefined, refuse: Refuse): CsvRow["reason"] {
  if (text === undefined || text === "") return undefined;
  if (SEAL_REASONS.includes(text) || REVISION_REASONS.includes(text)) return text as SealReason | RevisionReason;
  return refuse("reason", `is no reason: there are ${[...SEAL_REASONS, ...REVISION_REASONS].join(", ")}`);
}

export function isSealReason(reason: SealReason | RevisionReason): reason is SealReason {
  return SEAL_REASONS.includes(reason);
}
