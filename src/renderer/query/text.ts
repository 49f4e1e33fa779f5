// Owns texts of the query panel: results as CSV or TSV, values in cells, examples, the kept history. Pure.
import { z } from "zod";
import type { QueryResult, QueryTable, QueryValue } from "../../shared/protocol/query.ts";

export function cellText(value: QueryValue | undefined): string {
  return value === null || value === undefined ? "NULL" : String(value);
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** RFC 4180; NULL is an empty field and the empty text is quoted, so that the two differ. */
export function toCsv({ columns, rows }: Pick<QueryResult, "columns" | "rows">): string {
  const line = (values: readonly QueryValue[]): string => values.map((value) => (value === null ? "" : value === "" ? '""' : quoted(String(value)))).join(",");
  return `${[line(columns.map(({ name }) => name)), ...rows.map(line)].join("\r\n")}\r\n`;
}

/** For spreadsheets: tabs and line ends inside a value become spaces. */
export function toTsv({ columns, rows }: Pick<QueryResult, "columns" | "rows">): string {
  const line = (values: readonly QueryValue[]): string => values.map((value) => (value === null ? "" : String(value).replaceAll(/[\t\r\n]+/g, " "))).join("\t");
  return `${[line(columns.map(({ name }) => name)), ...rows.map(line)].join("\n")}\n`;
}

/** A name as SQL takes it: quoted unless it is plain. */
export function sqlName(name: string): string {
  return /^[a-z_][a-z0-9_]*$/i.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

function sqlText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

export interface Example { readonly title: string; readonly sql: string }

function tableWith(tables: readonly QueryTable[], name: RegExp, columns: readonly string[]): QueryTable | undefined {
  return tables.find((table) => name.test(table.name) && columns.every((column) => table.columns.some((one) => one.name === column)));
}

/** Queries that work on these very tables, about the capture's own symbols. */
export function examplesFor(tables: readonly QueryTable[], symbols: readonly string[]): readonly Example[] {
  const examples: Example[] = [];
  const symbol = symbols[0];
  const where = symbol === undefined ? "" : `\nWHERE symbol = ${sqlText(symbol)}`;
  const about = symbol === undefined ? "" : ` of ${symbol}`;
  const trade = tableWith(tables, /^trades?$/i, ["ts_event", "price", "qty", "symbol"]);
  if (trade !== undefined) {
    const name = sqlName(trade.name);
    examples.push(
      { title: `Candles of one minute${about}`, sql: `SELECT ts_event // 60000000000 * 60000 AS minute_ms,\n  first(price ORDER BY ts_event) AS open, max(price) AS high, min(price) AS low,\n  last(price ORDER BY ts_event) AS close, sum(qty) AS volume, count(*) AS trades\nFROM ${name}${where}\nGROUP BY 1 ORDER BY 1` },
      { title: "Trades and volume by symbol", sql: `SELECT symbol, count(*) AS trades, sum(qty) AS volume, sum(price * qty) AS quote_volume\nFROM ${name}\nGROUP BY 1 ORDER BY quote_volume DESC` },
    );
    if (trade.columns.some((column) => column.name === "ts_recv")) {
      examples.push({ title: "Latency by symbol, ms", sql: `SELECT symbol, count(*) AS trades, quantile_cont((ts_recv - ts_event) / 1e6, 0.5) AS p50_ms,\n  quantile_cont((ts_recv - ts_event) / 1e6, 0.99) AS p99_ms\nFROM ${name}\nGROUP BY 1 ORDER BY p99_ms DESC` });
    }
  }
  const candle = tableWith(tables, /^candles$/i, ["time", "symbol", "interval", "close", "volume"]);
  if (candle !== undefined) examples.push({ title: `Sealed candles${about}`, sql: `SELECT time, open, high, low, close, volume, trade_count, revision\nFROM ${sqlName(candle.name)}\nWHERE interval = '1m'${symbol === undefined ? "" : ` AND symbol = ${sqlText(symbol)}`}\nORDER BY time` });
  const gap = tableWith(tables, /^gaps$/i, ["time", "stream_id", "cause", "state"]);
  if (gap !== undefined) examples.push({ title: "Gaps of all streams, newest first", sql: `SELECT *\nFROM ${sqlName(gap.name)}\nORDER BY time DESC` });
  const bbo = tableWith(tables, /^bbo$/i, ["ts_event", "bid_price", "ask_price", "symbol"]);
  if (bbo !== undefined) examples.push({ title: `Spread${about}, basis points`, sql: `SELECT ts_event, (ask_price - bid_price) / ((ask_price + bid_price) / 2) * 1e4 AS spread_bp\nFROM ${sqlName(bbo.name)}${where}\nORDER BY ts_event` });
  const funding = tableWith(tables, /^funding$/i, ["ts_event", "funding_rate", "symbol"]);
  if (funding !== undefined) examples.push({ title: "Funding by symbol", sql: `SELECT symbol, last(funding_rate ORDER BY ts_event) AS funding_rate, count(*) AS messages\nFROM ${sqlName(funding.name)}\nGROUP BY 1 ORDER BY abs(last(funding_rate ORDER BY ts_event)) DESC` });
  return examples;
}

/** Nothing of the capture's messages is Parquet yet. What is derived (candles, gaps) can be asked all the same. */
export function isUncompacted(tables: readonly QueryTable[]): boolean {
  const events = tables.filter((table) => table.columns.some(({ name }) => name === "ts_event"));
  return events.every(({ rows }) => rows === 0);
}

const HISTORY_MAX = 50;
/** The settings file is small, and shared. */
const HISTORY_CHARS_MAX = 48_000;
const historySchema = z.object({ history: z.array(z.string()) });

/** The query first, without its double; the oldest leave when there are too many or they take too much room. */
export function withQuery(history: readonly string[], sql: string): readonly string[] {
  const kept: string[] = [];
  let chars = 0;
  for (const one of [sql.trim(), ...history.filter((other) => other !== sql.trim())]) {
    chars += one.length;
    if (kept.length === HISTORY_MAX || chars > HISTORY_CHARS_MAX) break;
    if (one !== "") kept.push(one);
  }
  return kept;
}

export function savedHistory(settings: Readonly<Record<string, unknown>> | undefined): readonly string[] {
  const parsed = historySchema.safeParse(settings?.["query"]);
  return parsed.success ? parsed.data.history.slice(0, HISTORY_MAX) : [];
}
