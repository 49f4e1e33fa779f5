// Opens DuckDB, the same way for everybody: nothing is ever downloaded, memory and threads are what the caller says.
import { DuckDBInstance } from "@duckdb/node-api";

/** Settings of DuckDB that a caller decides. */
export interface DuckDbSettings {
  readonly threads: string;
  /** `256MB` */
  readonly memory_limit: string;
  /** Where it may put what does not fit in memory, and how much. */
  readonly temp_directory: string;
  readonly max_temp_directory_size: string;
  readonly [setting: string]: string;
}

/** Everything that is used is built in; a download would hang where there is no network. */
const NO_DOWNLOADS = { autoinstall_known_extensions: "false", autoload_known_extensions: "false", allow_community_extensions: "false" } as const;

/** `file`: a database file, or `:memory:`. Throws DuckDB's errors as they are (cache-faults.ts says what they mean). */
export function openDuckDb(file: string, settings: DuckDbSettings): Promise<DuckDBInstance> {
  return DuckDBInstance.create(file, { ...settings, ...NO_DOWNLOADS });
}
