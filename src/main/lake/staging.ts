// The rows of one segment on their way to Parquet: appended in chunks to DuckDB tables in memory, one per stream, told apart by partition.
import { DuckDBDataChunk, INTEGER, type DuckDBAppender, type DuckDBValue } from "@duckdb/node-api";
import { eventNs, exchangeOf, type MarketEvent } from "../../shared/market.ts";
import { SQL_ORDER_CLAUSE } from "../../shared/ordering.ts";
import { eventSeq, type RawRecord } from "../../shared/raw.ts";
import { COLUMNS, STREAM_VERSION, streamOf, type ColumnOf } from "./columns.ts";
import { dateOfDay, dayOf, isInRange, partitionPath, symbolText } from "./partition.ts";
import { quoted, type LakeSession } from "./session.ts";
import type { LakeStream, Partition } from "./types.ts";

/** DuckDB's vector size: a chunk holds no more. */
const CHUNK_ROWS = 2_048;

/** Rows of one partition within the staged segment. */
export interface StagedPartition {
  readonly number: number;
  readonly partition: Partition;
  readonly path: string;
  /** As the venue writes it. */
  readonly symbol: string;
  rows: number;
  fromTs: bigint;
  toTs: bigint;
  fromSeq: bigint;
  toSeq: bigint;
}

/** Rows of one stream: gathered in columns, cut into chunks, appended when the caller can wait. */
class StagedTable {
  readonly #columns: readonly ColumnOf[];
  readonly #values: DuckDBValue[][];
  readonly #partitions: number[] = [];
  readonly #ready: DuckDBDataChunk[] = [];
  #appender: DuckDBAppender | undefined;

  constructor(stream: LakeStream) {
    this.#columns = stagedColumns(stream);
    this.#values = this.#columns.map(() => []);
  }

  add(record: RawRecord, position: number, event: MarketEvent, partition: number): void {
    const row = { record, position, event };
    for (let at = 0; at < this.#columns.length; at += 1) this.#values[at]?.push(this.#columns[at]?.value?.(row) ?? null);
    this.#partitions.push(partition);
    if (this.#partitions.length === CHUNK_ROWS) this.#cut();
  }

  #cut(): void {
    const chunk = DuckDBDataChunk.create([...this.#columns.map(({ type }) => type), INTEGER], this.#partitions.length);
    this.#values.forEach((values, at) => {
      chunk.setColumnValues(at, values);
      values.length = 0;
    });
    chunk.setColumnValues(this.#columns.length, this.#partitions);
    this.#partitions.length = 0;
    this.#ready.push(chunk);
  }

  /** Hands whole chunks to DuckDB; `last`: all the rest too, and nothing stays in the appender. */
  async append(open: () => Promise<DuckDBAppender>, last: boolean): Promise<void> {
    if (last && this.#partitions.length > 0) this.#cut();
    if (this.#ready.length === 0 && !last) return;
    this.#appender ??= await open();
    for (const chunk of this.#ready.splice(0)) this.#appender.appendDataChunk(chunk);
    if (last) this.#appender.flushSync();
  }

  close(): void {
    this.#appender?.clear();
    this.#appender?.closeSync();
  }
}

function stagedColumns(stream: LakeStream): readonly ColumnOf[] {
  return COLUMNS[stream].filter(({ value }) => value !== undefined);
}

function tableOf(stream: LakeStream): string {
  return `staged_${stream}`;
}

export class Staging {
  readonly #session: LakeSession;
  readonly #tables = new Map<LakeStream, StagedTable>();
  readonly #partitions = new Map<string, StagedPartition>();
  /** Partition of a stream's last event: the next one is nearly always of the same day. */
  readonly #last = new Map<string, { readonly day: number; readonly partition: StagedPartition }>();
  /** Events whose time fits no column. */
  outOfRange = 0;
  rows = 0;

  /** One Staging at a time per session. */
  constructor(session: LakeSession) {
    this.#session = session;
  }

  async #appender(stream: LakeStream): Promise<DuckDBAppender> {
    const columns = stagedColumns(stream).map(({ name, type, nullable }) => `${name} ${String(type)}${nullable ? "" : " NOT NULL"}`);
    await this.#session.run(`CREATE OR REPLACE TABLE ${tableOf(stream)} (${columns.join(", ")}, part INTEGER NOT NULL)`, "stage", tableOf(stream));
    return this.#session.appender(tableOf(stream));
  }

  /** Gathers; `settle` hands on. */
  add(record: RawRecord, event: MarketEvent, position: number): void {
    const stream = streamOf(event);
    if (stream === undefined) return;
    if (!isInRange(event.eventMs)) {
      this.outOfRange += 1;
      return;
    }
    const partition = this.#partitionOf(record, stream, dayOf(event.eventMs));
    let table = this.#tables.get(stream);
    if (table === undefined) this.#tables.set(stream, table = new StagedTable(stream));
    table.add(record, position, event, partition.number);
    count(partition, eventNs(event), eventSeq(record.seq, position));
    this.rows += 1;
  }

  #partitionOf({ stream: { venue, symbol, streamId } }: RawRecord, stream: LakeStream, day: number): StagedPartition {
    const key = `${streamId} ${stream}`;
    const last = this.#last.get(key);
    if (last?.day === day) return last.partition;
    // A control record has no decoder, so no event is ever Tapedeck's own.
    const exchange = venue === "tapedeck" ? venue : exchangeOf(venue);
    const named: Partition = { exchange, stream, symbol: symbolText(symbol), date: dateOfDay(day) };
    const path = partitionPath(named);
    let partition = this.#partitions.get(path);
    if (partition === undefined) {
      partition = { number: this.#partitions.size, partition: named, path, symbol, rows: 0, fromTs: 0n, toTs: 0n, fromSeq: 0n, toSeq: 0n };
      this.#partitions.set(path, partition);
    }
    this.#last.set(key, { day, partition });
    return partition;
  }

  /** After each batch: so that what is gathered stays small. */
  async settle(last = false): Promise<void> {
    for (const [stream, table] of this.#tables) await table.append(() => this.#appender(stream), last);
  }

  /** Everything is in the tables. The partitions, by path. */
  async finish(): Promise<readonly StagedPartition[]> {
    await this.settle(true);
    return [...this.#partitions.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** All columns of the stream's file, in event order. */
  select({ partition, number, symbol }: StagedPartition): string {
    const literals: Readonly<Record<string, string>> = {
      exchange: quoted(partition.exchange), symbol: quoted(symbol), stream: quoted(partition.stream), stream_version: String(STREAM_VERSION),
    };
    const columns = COLUMNS[partition.stream].map(({ name, type, value }) => (value === undefined ? `${literals[name]}::${String(type)} AS ${name}` : name));
    return `SELECT ${columns.join(", ")} FROM ${tableOf(partition.stream)} WHERE part = ${number} ${SQL_ORDER_CLAUSE}`;
  }

  /** What was not flushed is forgotten. */
  async close(): Promise<void> {
    for (const table of this.#tables.values()) table.close();
    const streams = [...this.#tables.keys()];
    this.#tables.clear();
    for (const stream of streams) await this.#session.run(`DROP TABLE IF EXISTS ${tableOf(stream)}`, "drop", tableOf(stream));
  }
}

function count(partition: StagedPartition, ts: bigint, seq: bigint): void {
  if (partition.rows === 0 || ts < partition.fromTs) partition.fromTs = ts;
  if (partition.rows === 0 || ts > partition.toTs) partition.toTs = ts;
  // Rows come in arrival order.
  if (partition.rows === 0) partition.fromSeq = seq;
  partition.toSeq = seq;
  partition.rows += 1;
}
