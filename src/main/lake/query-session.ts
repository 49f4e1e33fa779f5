// SQL over one capture: DuckDB in memory with views over its Parquet files and derived journals. It can read those files and nothing else,
// write nothing, and every query can be cancelled.
import type { DuckDBConnection, DuckDBInstance, DuckDBPreparedStatement } from "@duckdb/node-api";
import { fault } from "../../shared/base.ts";
import type { QueryColumn, QueryResult, QueryTable, QueryValue } from "../../shared/protocol/query.ts";
import type { Disk } from "../rawlog/types.ts";
import { openDuckDb } from "../store/duckdb.ts";
import { COLUMNS } from "./columns.ts";
import { COMPACT_FOLDER, EVENTS_FOLDER } from "./partition.ts";
import { DERIVED_VIEWS, DerivedTables } from "./query-derived.ts";
import { captureFiles, type CaptureFiles } from "./query-files.ts";
import { queryFault, readingStatement } from "./query-statement.ts";
import { queryValue } from "./query-values.ts";
import { fileList, quoted } from "./session.ts";
import { LAKE_STREAMS, type LakeStream } from "./types.ts";

/** The recorder and the screen share the machine. */
const THREADS = 2;
const MEMORY = "512MB";
const SCRATCH_MAX = "20GB";
/** Text of one answer: more is cut off and said to be. */
const RESULT_BYTES_MAX = 32 * 1024 * 1024;
/** An interrupt that comes before DuckDB has begun is lost: it is sent again until the query has ended. */
const INTERRUPT_EVERY_MS = 20;
export const TIMEOUT_MS = 120_000;

const ABOUT: Readonly<Record<LakeStream, string>> = {
  trade: "trades", bbo: "best bid and offer, each change", mark_price: "mark and index price", funding: "funding rate", open_interest: "open interest",
};

export interface QuerySessionOptions {
  readonly disk: Disk;
  readonly captureId: string;
  /** Absolute. */
  readonly captureFolder: string;
  /** A folder of its own for what does not fit in memory; DuckDB makes and removes it. */
  readonly scratch: string;
  readonly monotonicMs: () => number;
  /** Default: TIMEOUT_MS. */
  readonly timeoutMs?: number;
}

export interface QueryRequest {
  readonly sql: string;
  readonly rowsMax: number;
  readonly signal?: AbortSignal;
}

/** `close` it when no query runs any more. Queries may overlap. */
export class QuerySession {
  readonly #options: QuerySessionOptions;
  readonly #instance: DuckDBInstance;
  readonly #own: DuckDBConnection;
  readonly #derived: DerivedTables;
  #files: CaptureFiles | undefined;
  #preparing: Promise<unknown> = Promise.resolve();
  #running = 0;
  #closing = false;
  #idle: (() => void) | undefined;

  private constructor(options: QuerySessionOptions, instance: DuckDBInstance, own: DuckDBConnection) {
    this.#options = options;
    this.#instance = instance;
    this.#own = own;
    this.#derived = new DerivedTables(options.disk, options.captureFolder, own);
  }

  static async open(options: QuerySessionOptions): Promise<QuerySession> {
    const { captureFolder, scratch } = options;
    const instance = await openDuckDb(":memory:", { threads: String(THREADS), memory_limit: MEMORY, temp_directory: scratch, max_temp_directory_size: SCRATCH_MAX });
    try {
      const own = await instance.connect();
      const session = new QuerySession(options, instance, own);
      await session.#derived.create();
      const readable = [COMPACT_FOLDER, EVENTS_FOLDER].map((folder) => quoted(`${captureFolder}/${folder}/`)).join(", ");
      await own.run(`SET allowed_directories = [${readable}]`);
      await own.run("SET enable_external_access = false");
      await own.run("SET lock_configuration = true");
      return session;
    } catch (error) {
      instance.closeSync();
      throw error;
    }
  }

  /** What a query can name. Rejects with `log.*`, `lake.*`. */
  async tables(): Promise<readonly QueryTable[]> {
    const files = await this.#refresh();
    const behind = files.toSeq < files.lastSeq ? `; reaches seq ${files.toSeq} of ${files.lastSeq}: compact for what is sealed` : "";
    const tables: QueryTable[] = [];
    for (const stream of LAKE_STREAMS) {
      const { rows } = files.streams[stream];
      tables.push({ name: stream, about: `${ABOUT[stream]}${behind}`, columns: await this.#columnsOf(stream), rows });
    }
    for (const [name, { about }] of Object.entries(DERIVED_VIEWS)) tables.push({ name, about, columns: await this.#columnsOf(name), rows: undefined });
    tables.push({ name: "raw_streams", about: "streams of the log and their messages, decoded or not", columns: await this.#columnsOf("raw_streams"), rows: files.rawStreams.length });
    return tables;
  }

  async #columnsOf(name: string): Promise<readonly QueryColumn[]> {
    const reader = await this.#own.runAndReadAll(`SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ${quoted(name)} ORDER BY column_index`);
    return reader.getRows().map(([column, type]) => ({ name: String(column), type: String(type) }));
  }

  /** Views follow what is compacted and spooled meanwhile; one look at a time. */
  #refresh(): Promise<CaptureFiles> {
    const refreshed = this.#preparing.then(async () => {
      const files = await captureFiles(this.#options.disk, this.#options.captureFolder);
      if (files.signature !== this.#files?.signature) {
        for (const stream of LAKE_STREAMS) await this.#own.run(`CREATE OR REPLACE VIEW ${stream} AS ${viewOf(stream, files.streams[stream].files)}`);
      }
      await this.#own.run(`CREATE OR REPLACE VIEW raw_streams AS ${rawStreamsOf(files)}`);
      this.#files = files;
      return files;
    });
    this.#preparing = refreshed.catch(() => undefined); // whoever asked is told; the next one looks again
    return refreshed;
  }

  /** Rejects with `query.refused query.failed query.cancelled query.timeout query.not-compacted query.empty`, `log.*`, `lake.*`. */
  async run({ sql, rowsMax, signal }: QueryRequest): Promise<QueryResult> {
    if (this.#closing) throw fault("query.cancelled", "The query was cancelled");
    this.#running += 1;
    const startedMs = this.#options.monotonicMs();
    const deadline = new Deadline(this.#options.timeoutMs ?? TIMEOUT_MS, signal);
    try {
      const files = await this.#refresh();
      this.#refuseUncompacted(sql, files);
      const derived = Object.keys(DERIVED_VIEWS).filter((name) => mentions(sql, name));
      if (derived.length > 0) {
        const advanced = this.#preparing.then(() => this.#derived.advance(derived, deadline.signal));
        this.#preparing = advanced.catch(() => undefined); // told below
        await advanced;
      }
      const { columns, rows, truncated } = await this.#ask(sql, rowsMax, deadline);
      return { columns, rows, truncated, elapsedMs: Math.round(this.#options.monotonicMs() - startedMs) };
    } catch (error) {
      throw deadline.faultOf(error);
    } finally {
      deadline.end();
      this.#running -= 1;
      if (this.#running === 0) this.#idle?.();
    }
  }

  #refuseUncompacted(sql: string, files: CaptureFiles): void {
    if (files.toSeq > 0) return;
    const named = LAKE_STREAMS.find((stream) => mentions(sql, stream));
    if (named !== undefined) throw fault("query.not-compacted", `${this.#options.captureId} has no Parquet yet, so ${named} is empty: compact it first (tapedeck compact --capture ${this.#options.captureId}, or Compact in the panel)`);
  }

  async #ask(sql: string, rowsMax: number, deadline: Deadline): Promise<Omit<QueryResult, "elapsedMs">> {
    const connection = await this.#instance.connect();
    let statement: DuckDBPreparedStatement | undefined;
    try {
      deadline.throwIfOver();
      statement = await readingStatement(connection, sql);
      deadline.onOver(() => { connection.interrupt(); });
      deadline.throwIfOver();
      const result = await statement.stream();
      const columns = result.columnNames().map((name, index) => ({ name, type: String(result.columnType(index)) }));
      const rows: (readonly QueryValue[])[] = [];
      let bytes = 0;
      for (let chunk = await result.fetchChunk(); chunk !== null && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
        deadline.throwIfOver();
        for (const row of chunk.getRows()) {
          if (rows.length >= rowsMax || bytes >= RESULT_BYTES_MAX) {
            connection.interrupt();
            return { columns, rows, truncated: true };
          }
          const values = row.map(queryValue);
          for (const value of values) bytes += typeof value === "string" ? value.length : 8;
          rows.push(values);
        }
      }
      deadline.throwIfOver();
      return { columns, rows, truncated: false };
    } finally {
      deadline.onOver(undefined);
      statement?.destroySync();
      connection.closeSync();
    }
  }

  /** Waits for what runs (cancel it before). Idempotent. */
  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    if (this.#running > 0) await new Promise<void>((resolve) => { this.#idle = resolve; });
    await this.#preparing;
    this.#own.closeSync();
    this.#instance.closeSync();
  }
}

/** True where the statement could name it: as a word, in any case. Too often is harmless. */
function mentions(sql: string, name: string): boolean {
  return new RegExp(`(?<![A-Za-z0-9_])${name}(?![A-Za-z0-9_])`, "i").test(sql);
}

function viewOf(stream: LakeStream, files: readonly string[]): string {
  const columns = COLUMNS[stream];
  if (files.length === 0) return `SELECT CAST(NULL AS TIMESTAMP_NS) AS time, ${columns.map(({ name, type }) => `CAST(NULL AS ${String(type)}) AS "${name}"`).join(", ")} WHERE false`;
  return `SELECT make_timestamp_ns(ts_event) AS time, ${columns.map(({ name }) => `"${name}"`).join(", ")} FROM read_parquet(${fileList(files)}, hive_partitioning = false)`;
}

function rawStreamsOf({ rawStreams }: CaptureFiles): string {
  const rows = rawStreams.map(({ stream, count }) => `(${[stream.streamId, stream.venue, stream.symbol, stream.channel].map(quoted).join(", ")}, ${count}::BIGINT)`);
  const names = "stream_id, venue, symbol, channel, messages";
  return rows.length === 0 ? "SELECT ''::VARCHAR AS stream_id, ''::VARCHAR AS venue, ''::VARCHAR AS symbol, ''::VARCHAR AS channel, 0::BIGINT AS messages WHERE false" : `SELECT * FROM (VALUES ${rows.join(", ")}) AS raw(${names})`;
}

/** Ends a query from outside: by its caller, or when its time is over. */
class Deadline {
  readonly #controller = new AbortController();
  readonly #timeoutMs: number;
  readonly #caller: AbortSignal | undefined;
  readonly #timer: NodeJS.Timeout;
  #again: NodeJS.Timeout | undefined;
  #interrupt: (() => void) | undefined;
  #timedOut = false;
  readonly #cancel = (): void => { this.#over(); };

  constructor(timeoutMs: number, caller: AbortSignal | undefined) {
    this.#timeoutMs = timeoutMs;
    this.#caller = caller;
    this.#timer = setTimeout(() => {
      this.#timedOut = true;
      this.#over();
    }, timeoutMs);
    if (caller?.aborted === true) this.#over();
    caller?.addEventListener("abort", this.#cancel);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  onOver(interrupt: (() => void) | undefined): void {
    this.#interrupt = interrupt;
  }

  #over(): void {
    if (this.#controller.signal.aborted) return;
    this.#controller.abort();
    this.#interrupt?.();
    this.#again = setInterval(() => { this.#interrupt?.(); }, INTERRUPT_EVERY_MS);
  }

  throwIfOver(): void {
    if (this.#controller.signal.aborted) throw this.#fault();
  }

  #fault(): Error {
    return this.#timedOut
      ? fault("query.timeout", `The query ran for more than ${this.#timeoutMs / 1_000} s: ask for less time, fewer columns, or group first`)
      : fault("query.cancelled", "The query was cancelled");
  }

  faultOf(error: unknown): Error {
    return this.#controller.signal.aborted ? this.#fault() : queryFault(error);
  }

  end(): void {
    clearTimeout(this.#timer);
    clearInterval(this.#again);
    this.#caller?.removeEventListener("abort", this.#cancel);
  }
}
