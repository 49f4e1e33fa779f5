// `tapedeck query`: one reading statement over a capture's Parquet and candles.
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { z } from "zod";
import type { QueryResult, QueryTable } from "../../shared/protocol/query.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";
import { commonOptions, defineCommand, optionText, type CommandContext, type ExitCode } from "./context.ts";
import { captureFolder } from "./open-capture.ts";

const ROWS_DEFAULT = 10_000;

const schema = z.object({ ...commonOptions, capture: optionText.capture, limit: optionText.count("limit").default(ROWS_DEFAULT), sql: z.string().max(100_000).optional() });
type Input = z.output<typeof schema>;

async function print(result: QueryResult, context: CommandContext, json: boolean): Promise<void> {
  const { output } = context;
  if (json) {
    for (const row of result.rows) await output.json(Object.fromEntries(result.columns.map(({ name }, index) => [name, row[index] ?? null])));
  } else {
    await output.table(result.columns.map(({ name, type }, index) => ({
      title: name, align: /INT|DOUBLE|DECIMAL|FLOAT/.test(type) ? "right" as const : "left" as const, text: (row: QueryResult["rows"][number]) => String(row[index] ?? "NULL"),
    })), result.rows);
  }
  output.note(`${result.rows.length} rows in ${result.elapsedMs} ms${result.truncated ? "; there are more: raise --limit, or group" : ""}`);
}

async function printTables(tables: readonly QueryTable[], { output }: CommandContext, json: boolean): Promise<void> {
  if (json) for (const { name, about, rows, columns } of tables) await output.json({ name, about, rows: rows ?? null, columns });
  else for (const { name, about, rows, columns } of tables) await output.line(`${name}  ${about}${rows === undefined ? "" : ` (${rows} rows)`}: ${columns.map((column) => column.name).join(", ")}`);
}

async function query(context: CommandContext, input: Input): Promise<ExitCode> {
  const folder = await captureFolder(input.data, input.capture);
  // DuckDB on this process's main thread, where the command line runs nothing beside it; loaded by who needs it only.
  const { QuerySession } = await import("../lake/query-session.ts");
  const session = await QuerySession.open({
    disk: new NodeDisk(), captureId: input.capture, captureFolder: folder, scratch: join(tmpdir(), `tapedeck-query-${process.pid}`), monotonicMs: () => performance.now(), timeoutMs: 2 ** 31 - 1,
  });
  try {
    if (input.sql === undefined) await printTables(await session.tables(), context, input.json);
    else await print(await session.run({ sql: input.sql, rowsMax: Math.max(1, input.limit), signal: context.stop }), context, input.json);
    return 0;
  } finally {
    await session.close();
  }
}

export function registerQuery(program: Command, context: CommandContext): void {
  const command = program
    .command("query")
    .description("read-only SQL over a capture; without a statement, what can be named")
    .requiredOption("--capture <id>", "which capture")
    .option("--limit <rows>", `rows of the answer at most (default: ${ROWS_DEFAULT})`)
    .argument("[sql]", "one SELECT, WITH, DESCRIBE, SUMMARIZE or EXPLAIN");
  defineCommand({ command, context, schema, run: (input) => query(context, input) });
}
