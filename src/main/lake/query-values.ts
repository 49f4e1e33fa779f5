// DuckDB's values as a query answers them: numbers that JSON holds exactly, text for the rest.
import type { DuckDBValue } from "@duckdb/node-api";
import type { QueryValue } from "../../shared/protocol/query.ts";

export function queryValue(value: DuckDBValue): QueryValue {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  // JSON has no word for the others.
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value === "bigint") return value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : String(value);
  // Decimals, times, lists, structs: DuckDB's own text.
  return String(value);
}
