// Which SQL may run over a capture: one statement that only reads. Judged by DuckDB's own parser, never by looking for words.
import { StatementType, type DuckDBConnection, type DuckDBPreparedStatement } from "@duckdb/node-api";
import { FaultError, fault } from "../../shared/base.ts";
import { quoted } from "./session.ts";

const ONLY = "a query is one SELECT (or WITH, DESCRIBE, SUMMARIZE, EXPLAIN of a SELECT); nothing can be written, attached or set";

/** DuckDB's message as one line, without the picture of the statement. */
export function queryFault(error: unknown): FaultError {
  if (error instanceof FaultError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const [message = ""] = text.split(/\n\s*LINE \d+:/, 1);
  return fault("query.failed", message.replace(/\s+/g, " ").trim());
}

/** Comments and spaces before the first word. */
function withoutLead(sql: string): string {
  return sql.replace(/^(?:\s+|--[^\n]*(?:\n|$)|\/\*(?:[^*]|\*(?!\/))*\*\/)+/, "");
}

/** What is explained: EXPLAIN ANALYZE runs it. Undefined: it is not written in a way that we know. */
function explained(sql: string): string | undefined {
  return /^explain\b\s*(?:\((?:[^()]|\([^()]*\))*\)|analyze\b)?([\s\S]*)$/i.exec(withoutLead(sql))?.[1];
}

async function prepared(connection: DuckDBConnection, sql: string): Promise<DuckDBPreparedStatement> {
  const statements = await connection.extractStatements(sql);
  if (statements.count > 1) throw fault("query.refused", `There are ${statements.count} statements: ${ONLY}`);
  return statements.prepare(0);
}

/**
 * Table functions that only compute or read: what they read, the session's allowed folders decide. The others are refused: some change settings or
 * write logs from within a SELECT (enable_logging), some run other SQL (query, json_execute_serialized_sql).
 */
const TABLE_FUNCTIONS: ReadonlySet<string> = new Set([
  "range", "generate_series", "unnest", "repeat", "repeat_row", "summary", "histogram", "histogram_values", "json_each", "json_tree", "read_parquet", "parquet_scan", "parquet_metadata",
  "parquet_schema", "parquet_file_metadata", "parquet_kv_metadata", "duckdb_columns", "duckdb_tables", "duckdb_views", "duckdb_functions", "duckdb_types", "duckdb_settings", "pragma_table_info",
  "pragma_version", "pg_timezone_names",
]);

/** What DuckDB's parser makes of a reading statement, as far as it matters here. */
interface ParsedNode { readonly type?: unknown; readonly function?: { readonly function_name?: unknown } }

/** Throws `query.refused` for statements that do more than read, whatever they are called. */
async function checkParsed(connection: DuckDBConnection, sql: string): Promise<void> {
  const answer = await connection.runAndReadAll(`SELECT json_serialize_sql(${quoted(sql)})`);
  const refused: string[] = [];
  const parsed = JSON.parse(String(answer.getRows()[0]?.[0]), (_key, value: unknown) => {
    const node = value as ParsedNode | null;
    if (typeof node === "object" && node?.type === "TABLE_FUNCTION") {
      const name = String(node.function?.function_name).toLowerCase();
      if (!TABLE_FUNCTIONS.has(name)) refused.push(name);
    }
    return value;
  }) as { readonly error?: unknown; readonly error_message?: unknown };
  if (parsed.error !== false) throw fault("query.refused", `The statement cannot be checked (${String(parsed.error_message)}): ${ONLY}`);
  if (refused.length > 0) throw fault("query.refused", `The function ${refused.join(", ")} is not allowed in a query`);
}

async function check(connection: DuckDBConnection, sql: string): Promise<DuckDBPreparedStatement> {
  const statement = await prepared(connection, sql);
  try {
    if (statement.parameterCount > 0) throw fault("query.refused", "The query has parameters (? or $1): write the values");
    const type = statement.statementType;
    const inner = type === StatementType.EXPLAIN ? explained(sql) : undefined;
    if (inner !== undefined) (await check(connection, inner)).destroySync();
    else if (type === StatementType.SELECT) await checkParsed(connection, sql);
    else throw fault("query.refused", `${StatementType[type]} is not allowed: ${ONLY}`);
    return statement;
  } catch (error) {
    statement.destroySync();
    throw error;
  }
}

/** The statement, ready to run. Throws `query.refused`, `query.empty`, `query.failed`. */
export async function readingStatement(connection: DuckDBConnection, sql: string): Promise<DuckDBPreparedStatement> {
  if (/^;*\s*$/.test(withoutLead(sql))) throw fault("query.empty", "There is no statement in the query");
  try {
    return await check(connection, sql);
  } catch (error) {
    throw queryFault(error);
  }
}
