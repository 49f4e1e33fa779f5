// What the lake's pieces tell each other and the engine: partitions, parts, progress, reports. Parquet itself is PARQUET.md's.
import type { EventKind } from "../../shared/market.ts";

/** Contract 001's streams: what has a Parquet file. A venue's own candles have none. */
export const LAKE_STREAMS = ["bbo", "trade", "mark_price", "funding", "open_interest"] as const satisfies readonly EventKind[];
export type LakeStream = (typeof LAKE_STREAMS)[number];

/** One Hive partition: `exchange=…/stream=…/symbol=…/date=YYYYMMDD`. */
export interface Partition {
  /** `binance`, `bybit`, `okx` for their futures, else the venue id. */
  readonly exchange: string;
  readonly stream: LakeStream;
  /** Lower case, as it stands in the path. */
  readonly symbol: string;
  /** YYYYMMDD of ts_event, UTC. */
  readonly date: string;
}

/** What is done so far; both in `unit`. */
export interface LakeProgress {
  readonly phase: "spool" | "compact" | "check";
  readonly done: number;
  readonly total: number;
  readonly unit: "messages" | "files";
}

/** What a long call is given. Cancelling leaves everything as it was after the last whole step; the call rejects with `lake.cancelled`. */
export interface LakeTask {
  readonly onProgress?: (progress: LakeProgress) => void;
  readonly signal?: AbortSignal;
}

/** Where the spool stands. */
export interface SpoolReport {
  /** Sealed segments of the log, and how many of them are spooled. */
  readonly sealedSegments: number;
  readonly spooledSegments: number;
  /** Segments that this call spooled. */
  readonly segments: number;
  readonly messages: number;
  readonly rows: number;
  readonly files: number;
  readonly bytes: number;
}

/** Rows of one partition, by each of the three that must agree. */
export interface PartitionCount extends Partition {
  /** Events of the log, duplicates left out. */
  readonly logRows: number;
  readonly spoolRows: number;
  readonly compactRows: number;
  readonly spoolFiles: number;
}

export interface LakeDifference {
  /** Relative to the capture's folder; the partition's folder where no file is to blame. */
  readonly where: string;
  readonly what: string;
  readonly expected: string;
  readonly actual: string;
}

export interface ReconcileReport {
  readonly captureId: string;
  /** Last raw seq that the spool covers. */
  readonly toSeq: number;
  readonly messages: number;
  readonly rows: number;
  /** Trades that were seen before (D11): in the log, in no file. */
  readonly duplicates: number;
  /** Events whose time does not fit the columns: in the log, in no file. */
  readonly outOfRange: number;
  readonly partitions: readonly PartitionCount[];
  readonly spoolFiles: number;
  readonly compactFiles: number;
  readonly compactBytes: number;
  /** Empty: log, spool and compacted files say the same. */
  readonly differences: readonly LakeDifference[];
  /** True: the log was decoded again and every file hashed; false: compared by what was counted while spooling. */
  readonly thorough: boolean;
}

export interface CompactReport extends ReconcileReport {
  readonly spool: SpoolReport;
  /** Partitions whose file was written now; the others were up to date. */
  readonly written: number;
  readonly removedFiles: number;
}
