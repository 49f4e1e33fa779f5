// One connection to the cache file: prepared statements by their text, appenders by their table, transactions.
import { BIGINT, type DuckDBAppender, type DuckDBConnection, type DuckDBDataChunk, type DuckDBInstance, type DuckDBPreparedStatement, type DuckDBValue } from "@duckdb/node-api";
import { openDuckDb } from "./duckdb.ts";

export type Parameter = string | number | undefined;

/** 2 threads and 256 MB suffice for 2 M bars (bench/warm-start); the screen and the recorder share the machine. */
const SETTINGS = {
  threads: "2",
  memory_limit: "256MB",
  max_temp_directory_size: "1GB",
} as const;

/** The log beside the file, folded into it when it is longer: bounds it, and what an opening after a crash must replay. */
export const LOG_MEGABYTES_MAX = 16;

export class CacheSession {
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;
  readonly #statements = new Map<string, DuckDBPreparedStatement>();
  readonly #appenders = new Map<string, DuckDBAppender>();

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection) {
    this.#instance = instance;
    this.#connection = connection;
  }

  /** Opens or makes the file; DuckDB locks it against other processes. Throws DuckDB's errors as they are. */
  static async open(file: string, logMegabytesMax: number): Promise<CacheSession> {
    const instance = await openDuckDb(file, { ...SETTINGS, checkpoint_threshold: `${logMegabytesMax}MB`, temp_directory: `${file}.tmp` });
    try {
      return new CacheSession(instance, await instance.connect());
    } catch (error) {
      instance.closeSync();
      throw error;
    }
  }

  /** Columns of the whole result. The statement stays prepared: only texts without changing numbers in them. */
  async read(sql: string, parameters: readonly Parameter[]): Promise<DuckDBValue[][]> {
    const result = await (await this.#bound(sql, parameters)).run();
    const columns: DuckDBValue[][] = Array.from({ length: result.columnCount }, () => []);
    for (let index = 0; index < result.chunkCount; index += 1) {
      const chunk = result.getChunk(index);
      columns.forEach((values, at) => chunk.appendColumnValues(at, values));
    }
    return columns;
  }

  async write(sql: string, parameters: readonly Parameter[]): Promise<void> {
    await (await this.#bound(sql, parameters)).run();
  }

  async execute(sql: string): Promise<void> {
    await this.#connection.run(sql);
  }

  async append(table: string, chunks: readonly DuckDBDataChunk[]): Promise<void> {
    if (chunks.length === 0) return;
    let appender = this.#appenders.get(table);
    if (appender === undefined) {
      appender = await this.#connection.createAppender(table);
      this.#appenders.set(table, appender);
    }
    for (const chunk of chunks) appender.appendDataChunk(chunk);
    appender.flushSync();
  }

  /** All of `run` or nothing. After an error this session is at its end: the caller closes it and opens another. */
  async transaction(run: () => Promise<void>): Promise<void> {
    await this.execute("BEGIN");
    await run();
    await this.execute("COMMIT");
  }

  /** Rolls back what was not committed. Safe on a session that failed. */
  close(): void {
    // An appender that is closed or collected writes what it still holds, outside of any transaction.
    for (const appender of this.#appenders.values()) {
      appender.clear();
      appender.closeSync();
    }
    this.#appenders.clear();
    this.#statements.clear();
    this.#connection.closeSync();
    this.#instance.closeSync();
  }

  /** Everything is bound as what its column is: another type would make DuckDB plan anew, and compare without its row-group bounds. */
  async #bound(sql: string, parameters: readonly Parameter[]): Promise<DuckDBPreparedStatement> {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = await this.#connection.prepare(sql);
      this.#statements.set(sql, statement);
    }
    parameters.forEach((value, at) => {
      if (value === undefined) statement.bindNull(at + 1);
      else if (typeof value === "string") statement.bindVarchar(at + 1, value);
      else statement.bindValue(at + 1, BigInt(value), BIGINT);
    });
    return statement;
  }
}
