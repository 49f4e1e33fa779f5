// Owns the scripted answers of the query panel: tables of contract 001, and the trades of the scripted tape whatever is asked. For development and tests of the screen.
import { fault } from "../../../shared/base.ts";
import { formatDecimal } from "../../../shared/decimal.ts";
import type { CommandInput } from "../../../shared/protocol/commands.ts";
import type { QueryColumn, QueryResult, QueryTable } from "../../../shared/protocol/query.ts";
import { PRICE_SCALE, VOLUME_SCALE, type ScriptedTape } from "./market.ts";

const COMMON: readonly QueryColumn[] = [
  { name: "time", type: "TIMESTAMP_NS" }, { name: "ts_event", type: "BIGINT" }, { name: "ts_recv", type: "BIGINT" }, { name: "exchange", type: "VARCHAR" }, { name: "symbol", type: "VARCHAR" }, { name: "stream", type: "VARCHAR" }, { name: "stream_version", type: "TINYINT" }, { name: "seq", type: "BIGINT" },
];
const double = (name: string): QueryColumn => ({ name, type: "DOUBLE" });

const word = (name: string): QueryColumn => ({ name, type: "VARCHAR" });
const DERIVED: readonly QueryTable[] = [
  { name: "candles", about: "candles in their latest revision", columns: [{ name: "time", type: "TIMESTAMP" }, word("venue"), word("symbol"), word("interval"), double("open"), double("high"), double("low"), double("close"), double("volume"), { name: "trade_count", type: "BIGINT" }, { name: "revision", type: "INTEGER" }], rows: undefined },
  { name: "gaps", about: "gaps in their latest state", columns: [{ name: "time", type: "TIMESTAMP" }, word("gap_id"), word("stream_id"), word("cause"), word("state")], rows: undefined },
];

/** `rows` 0: nothing is compacted yet. */
export function scriptedTables(rows: number): readonly QueryTable[] {
  return [
    ...DERIVED,
    { name: "trade", about: "one execution", columns: [...COMMON, double("price"), double("qty"), { name: "side", type: "TINYINT" }, { name: "trade_id", type: "VARCHAR" }], rows },
    { name: "bbo", about: "one change of the best bid or offer", columns: [...COMMON, double("bid_price"), double("bid_qty"), double("ask_price"), double("ask_qty")], rows: rows * 8 },
    { name: "mark_price", about: "one mark price", columns: [...COMMON, double("mark_price"), double("index_price")], rows: Math.min(rows, 18_000) },
    { name: "funding", about: "one funding rate", columns: [...COMMON, double("funding_rate"), { name: "next_funding_ts", type: "BIGINT" }], rows: Math.min(rows, 300) },
    { name: "open_interest", about: "one open interest", columns: [...COMMON, double("open_interest")], rows: 0 },
  ];
}

/** Answers with the newest trades; a SELECT of a table that is not there fails as a database would say it. */
export function scriptedQuery(tape: ScriptedTape, { sql, rowsMax }: CommandInput<"query.run">): QueryResult {
  const table = /\bfrom\s+([a-z_]+)/i.exec(sql)?.[1];
  if (table !== undefined && !scriptedTables(0).some(({ name }) => name === table)) throw fault("query.failed", `Catalog Error: Table with name ${table} does not exist! Did you mean "trade"?`);
  if (!/^\s*(select|with|from)\b/i.test(sql)) throw fault("query.read-only", "Only reading is allowed here: begin with SELECT, WITH or FROM");
  const all = tape.trades;
  const rows = all.slice(-rowsMax).map((trade, index) => [
    `${trade.ms}000000`, Number(formatDecimal({ mantissa: trade.price, scale: PRICE_SCALE })), index % 97 === 41 ? null : Number(formatDecimal({ mantissa: trade.qty, scale: VOLUME_SCALE })), trade.side, String(5_266_583_935 + trade.seq),
  ]);
  return {
    columns: [{ name: "ts_event", type: "BIGINT" }, double("price"), double("qty"), { name: "side", type: "TINYINT" }, { name: "trade_id", type: "VARCHAR" }], rows, truncated: all.length > rowsMax, elapsedMs: 12.4,
  };
}
