// DuckDB as the lake uses it: in memory, small, spilling beside the files it writes; statements that can be cancelled; errors as faults.
import type { DuckDBAppender, DuckDBConnection, DuckDBInstance, DuckDBResult } from "@duckdb/node-api";
import { FaultError, fault } from "../../shared/base.ts";
import { messageOf, troubleOf } from "../store/cache-faults.ts";
import { openDuckDb } from "../store/duckdb.ts";

export interface SessionSettings {
  readonly threads: number;
  readonly memoryMegabytes: number;
}

/**
 * One thread: it has a recording beside it, and what it writes may not depend on how many cores there are. 512 MB sort a day of any partition;
 * what does not fit goes to the scratch folder.
 */
export const LAKE_SETTINGS: SessionSettings = { threads: 1, memoryMegabytes: 512 };
const SCRATCH_MAX = "100GB";

export class LakeSession {
  readonly #instance: DuckDBInstance;
  readonly #connection: DuckDBConnection;
  #closed = false;

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection) {
    this.#instance = instance;
    this.#connection = connection;
  }

  /** `scratch`: a folder that DuckDB makes when it has to spill, and removes. Throws `lake.duckdb`. */
  static async open(scratch: string, { threads, memoryMegabytes }: SessionSettings = LAKE_SETTINGS): Promise<LakeSession> {
    try {
      const instance = await openDuckDb(":memory:", {
        threads: String(threads), memory_limit: `${memoryMegabytes}MB`, temp_directory: scratch, max_temp_directory_size: SCRATCH_MAX,
        // Rows lie in the file as the statement orders them.
        preserve_insertion_order: "true",
      });
      return new LakeSession(instance, await instance.connect());
    } catch (error) {
      throw lakeFault(error, "start DuckDB in", scratch);
    }
  }

  /** Runs one statement. `doing` and `file`: for the fault, in words. Throws `lake.cancelled`, `disk.full`, `lake.damaged-file`, `lake.duckdb`. */
  async run(sql: string, doing: string, file: string, signal?: AbortSignal): Promise<void> {
    await this.#guarded(doing, file, signal, () => this.#connection.run(sql));
  }

  /** All rows of a small result. */
  async rows(sql: string, doing: string, file: string, signal?: AbortSignal): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const reader = await this.#guarded(doing, file, signal, () => this.#connection.runAndReadAll(sql));
    return reader.getRowObjects();
  }

  /** A result that is read chunk by chunk, never held whole. */
  async stream(sql: string, doing: string, file: string, signal: AbortSignal | undefined, take: (chunk: NonNullable<Awaited<ReturnType<DuckDBResult["fetchChunk"]>>>) => void): Promise<void> {
    await this.#guarded(doing, file, signal, async () => {
      const result = await this.#connection.stream(sql);
      for (let chunk = await result.fetchChunk(); chunk !== null && chunk !== undefined && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
        stopIf(signal);
        take(chunk);
      }
    });
  }

  appender(table: string): Promise<DuckDBAppender> {
    return this.#connection.createAppender(table);
  }

  async #guarded<T>(doing: string, file: string, signal: AbortSignal | undefined, run: () => Promise<T>): Promise<T> {
    stopIf(signal);
    const interrupt = (): void => { this.#connection.interrupt(); };
    signal?.addEventListener("abort", interrupt, { once: true });
    try {
      return await run();
    } catch (error) {
      stopIf(signal);
      throw lakeFault(error, doing, file);
    } finally {
      signal?.removeEventListener("abort", interrupt);
    }
  }

  /** Idempotent. Not while a statement runs. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.closeSync();
    this.#instance.closeSync();
  }
}

/** Throws `lake.cancelled` once the signal is aborted. */
export function stopIf(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw fault("lake.cancelled", "Cancelled: what was written whole stays, the rest is taken up the next time");
}

function lakeFault(error: unknown, doing: string, file: string): FaultError {
  if (error instanceof FaultError) return error;
  const message = messageOf(error);
  if (troubleOf(error) === "disk-full") {
    return fault("disk.full", `Cannot ${doing} ${file}: the disk is full: free some space and run it again; nothing is half-written`, { path: file });
  }
  if (/Read-only file system/i.test(message)) {
    return fault("disk.read-only", `Cannot ${doing} ${file}: the file system is mounted read-only; nothing is half-written`, { path: file });
  }
  if (/Permission denied/i.test(message)) {
    return fault("disk.no-permission", `Cannot ${doing} ${file}: permission denied: check owner and mode; nothing is half-written`, { path: file });
  }
  if (/Input\/output error/i.test(message)) {
    return fault("disk.failed", `Cannot ${doing} ${file}: the device reports an input/output error: check the disk; nothing is half-written`, { path: file });
  }
  if (/Out of Memory/i.test(message)) {
    return fault("lake.out-of-memory", `Cannot ${doing} ${file}: it takes more memory or scratch space than it may use (${message})`, { path: file });
  }
  if (/too small to be a Parquet file|No magic bytes|Invalid Input Error: .*parquet|Corrupt|TProtocolException|ZSTD/i.test(message)) {
    return fault("lake.damaged-file", `Cannot ${doing} ${file}: it is damaged (${message}); delete it and run compact: it is made again from the log`, { path: file });
  }
  return fault("lake.duckdb", `Cannot ${doing} ${file}: ${message}`, { path: file });
}

/** A text literal. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A list of files for `read_parquet`, each meant literally: DuckDB would take `*`, `?` and `[` in a path for patterns. */
export function fileList(paths: readonly string[]): string {
  return `[${paths.map((path) => quoted(path.replace(/[*?[]/g, (sign) => `[${sign}]`))).join(", ")}]`;
}
