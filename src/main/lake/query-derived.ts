// Candles, grades and gaps of a capture as tables: read from the derived journals, on from where the last look ended.
import { BIGINT, BOOLEAN, DOUBLE, INTEGER, VARCHAR, DuckDBDataChunk, type DuckDBConnection, type DuckDBType, type DuckDBValue } from "@duckdb/node-api";
import { FaultError, fault, type StopSignal } from "../../shared/base.ts";
import { toFloat } from "../../shared/decimal.ts";
import { readBar, readGrade, readLedger } from "../derive/lines.ts";
import type { Disk, DiskFile } from "../rawlog/types.ts";

const LINE_END = 0x0a;
const READ_BYTES = 1024 * 1024;
const ROWS_PER_CHUNK = 2_048;

interface Column { readonly name: string; readonly type: DuckDBType }

interface DerivedTable {
  readonly table: string;
  readonly journal: "bars" | "grades" | "ledger";
  readonly columns: readonly Column[];
  /** Undefined: the line is of no use here. */
  readonly row: (line: string) => readonly DuckDBValue[] | undefined;
}

const text = (name: string): Column => ({ name, type: VARCHAR });
const whole = (name: string): Column => ({ name, type: BIGINT });
const real = (name: string): Column => ({ name, type: DOUBLE });

const BARS: DerivedTable = {
  table: "bar_versions", journal: "bars",
  columns: [
    text("venue"), text("symbol"), text("interval"), whole("open_ms"), { name: "revision", type: INTEGER }, text("reason"), real("open"), real("high"), real("low"), real("close"),
    real("volume"), real("quote_volume"), whole("trade_count"), real("taker_buy_volume"), real("taker_buy_quote_volume"), whole("backfilled_trades"), whole("at_seq"), text("digest"),
  ],
  row(line) {
    const { key, values, ...bar } = readBar(line);
    return [
      key.venue, key.symbol, key.interval, BigInt(key.openMs), bar.revision, bar.reason, toFloat(values.open), toFloat(values.high), toFloat(values.low), toFloat(values.close),
      toFloat(values.volume), toFloat(values.quoteVolume), BigInt(values.tradeCount), toFloat(values.takerBuyVolume), toFloat(values.takerBuyQuoteVolume), BigInt(bar.backfilledTrades),
      BigInt(bar.atSeq), bar.digest,
    ];
  },
};

const GRADES: DerivedTable = {
  table: "grade_entries", journal: "grades",
  columns: [text("venue"), text("symbol"), text("interval"), whole("from_open_ms"), whole("until_open_ms"), text("grade"), text("why"), whole("at_seq")],
  row(line) {
    const entry = readGrade(line);
    return [entry.venue, entry.symbol, entry.interval, BigInt(entry.fromOpenMs), BigInt(entry.untilOpenMs), entry.grade, entry.why, BigInt(entry.atSeq)];
  },
};

const GAPS: DerivedTable = {
  table: "gap_states", journal: "ledger",
  columns: [
    text("gap_id"), text("stream_id"), whole("from_ms"), whole("to_ms"), whole("from_id"), whole("to_id"), whole("missing"), text("cause"), text("state"), { name: "attempts", type: INTEGER },
    text("detail"), whole("at_seq"), { name: "unrepaired", type: BOOLEAN },
  ],
  row(line) {
    if (!line.includes('"kind":"gap"')) return undefined;
    const entry = readLedger(line);
    if (entry.kind !== "gap") return undefined;
    const { gap } = entry;
    const number = (value: number | undefined): bigint | null => (value === undefined ? null : BigInt(value));
    return [
      gap.gapId, gap.streamId, BigInt(Math.round(gap.fromMs)), number(gap.toMs), number(gap.fromId), number(gap.toId), number(gap.missing), gap.cause, gap.state, gap.attempts, gap.detail,
      BigInt(gap.atSeq), gap.state !== "repaired",
    ];
  },
};

const TABLES = [BARS, GRADES, GAPS] as const;

/** What a query names → the table behind it. */
export const DERIVED_VIEWS: Readonly<Record<string, { readonly about: string; readonly of: DerivedTable; readonly sql: string }>> = {
  candles: {
    about: "candles in their latest revision", of: BARS,
    sql: "SELECT make_timestamp(open_ms * 1000) AS time, * FROM bar_versions QUALIFY revision = max(revision) OVER (PARTITION BY venue, symbol, interval, open_ms)",
  },
  candle_versions: { about: "every revision of every candle", of: BARS, sql: "SELECT make_timestamp(open_ms * 1000) AS time, * FROM bar_versions" },
  grades: { about: "what proves each stretch of candles complete, or not: the latest entry that covers a bucket counts", of: GRADES, sql: "SELECT make_timestamp(from_open_ms * 1000) AS time, * FROM grade_entries" },
  gaps: {
    about: "gaps in their latest state", of: GAPS,
    sql: "SELECT make_timestamp(from_ms * 1000) AS time, * EXCLUDE (entry) FROM (SELECT *, rowid AS entry FROM gap_states) QUALIFY entry = max(entry) OVER (PARTITION BY gap_id)",
  },
};

/** How far each journal has been read into its table. */
export class DerivedTables {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #connection: DuckDBConnection;
  readonly #read = new Map<string, number>();

  constructor(disk: Disk, captureFolder: string, connection: DuckDBConnection) {
    this.#disk = disk;
    this.#folder = `${captureFolder}/candles`;
    this.#connection = connection;
  }

  /** Tables and views, empty. */
  async create(): Promise<void> {
    for (const { table, columns } of TABLES) await this.#connection.run(`CREATE TABLE ${table} (${columns.map(({ name, type }) => `"${name}" ${String(type)}`).join(", ")})`);
    for (const [name, { sql }] of Object.entries(DERIVED_VIEWS)) await this.#connection.run(`CREATE VIEW ${name} AS ${sql}`);
  }

  /** Brings the tables behind these views up to what the journals hold. Rejects with `query.cancelled`, `derived.damaged`, `disk.*`. */
  async advance(views: readonly string[], stop: StopSignal): Promise<void> {
    for (const table of new Set(views.map((view) => DERIVED_VIEWS[view]?.of))) if (table !== undefined) await this.#advanceTable(table, stop);
  }

  async #advanceTable(table: DerivedTable, stop: StopSignal): Promise<void> {
    const path = `${this.#folder}/${table.journal}.journal`;
    let file: DiskFile;
    try {
      file = await this.#disk.open(path, "read");
    } catch (error) {
      if (error instanceof FaultError && error.fault.code === "disk.not-found") return;
      throw error;
    }
    try {
      const size = await file.size();
      let from = this.#read.get(table.table) ?? 0;
      if (size < from) {
        // It was derived anew: what is in the table may not be there any more.
        await this.#connection.run(`DELETE FROM ${table.table}`);
        from = 0;
      }
      this.#read.set(table.table, await this.#append(table, file, from, size, stop));
    } finally {
      await file.close();
    }
  }

  /** Returns the byte behind the last whole line. After a cancel, what was appended stays and is counted. */
  async #append(table: DerivedTable, file: DiskFile, from: number, size: number, stop: StopSignal): Promise<number> {
    const appender = await this.#connection.createAppender(table.table);
    const types = table.columns.map(({ type }) => type);
    let rows: (readonly DuckDBValue[])[] = [];
    const flush = (): void => {
      if (rows.length === 0) return;
      const chunk = DuckDBDataChunk.create(types, rows.length);
      chunk.setRows(rows);
      appender.appendDataChunk(chunk);
      rows = [];
    };
    let whole = from;
    let rest: Uint8Array = new Uint8Array();
    try {
      for (let offset = from; offset < size; offset += READ_BYTES) {
        if (stop.aborted) break;
        const read = await file.read(offset, Math.min(READ_BYTES, size - offset));
        const bytes = rest.length === 0 ? Buffer.from(read.buffer, read.byteOffset, read.length) : Buffer.concat([rest, read]);
        let at = 0;
        for (let end = bytes.indexOf(LINE_END); end >= 0; end = bytes.indexOf(LINE_END, at)) {
          const row = table.row(bytes.toString("utf8", at, end));
          if (row !== undefined) rows.push(row);
          if (rows.length === ROWS_PER_CHUNK) flush();
          whole += end + 1 - at;
          at = end + 1;
        }
        rest = bytes.subarray(at);
      }
      flush();
      appender.flushSync();
    } finally {
      appender.closeSync();
    }
    this.#read.set(table.table, whole);
    if (stop.aborted) throw fault("query.cancelled", "The query was cancelled");
    return whole;
  }
}
