// A digest over the rows of a file that does not depend on how Parquet holds them: the same rows give it in any writer, version or row grouping.
// PARQUET.md tells how to compute it elsewhere.
import { BIGINT, DOUBLE, TINYINT } from "@duckdb/node-api";
import { fault } from "../../shared/base.ts";
import { RunningSha256, sha256Hex } from "../rawlog/sha256.ts";
import { COLUMNS, type ColumnOf } from "./columns.ts";
import { fileList, type LakeSession } from "./session.ts";
import type { LakeStream } from "./types.ts";

export interface RowDigest {
  readonly rows: number;
  readonly sha256: string;
  readonly fromTs: bigint;
  readonly toTs: bigint;
  readonly fromSeq: bigint;
  readonly toSeq: bigint;
}

type Values = readonly unknown[];

/** Eight bytes, little-endian, for the wide columns that are never null; for all others their JSON texts, each with a comma behind it. */
function bytesOf({ type, nullable }: ColumnOf, values: Values): Uint8Array {
  if (!nullable && type === BIGINT) return new Uint8Array(BigInt64Array.from(values as readonly bigint[]).buffer);
  if (!nullable && type === DOUBLE) return new Uint8Array(Float64Array.from(values as readonly number[]).buffer);
  if (!nullable && type === TINYINT) return new Uint8Array(Int8Array.from(values as readonly number[]).buffer);
  return Buffer.from(`${values.map((value) => (typeof value === "bigint" ? String(value) : JSON.stringify(value))).join(",")},`, "utf8");
}

class RisingKeys {
  rows = 0;
  #ts = 0n;
  #seq = 0n;
  fromTs = 0n;
  fromSeq = 0n;
  toSeq = 0n;
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  get toTs(): bigint {
    return this.#ts;
  }

  add(ts: bigint, seq: bigint): void {
    if (this.rows === 0) {
      this.fromTs = ts;
      this.fromSeq = seq;
      this.toSeq = seq;
    } else if (ts < this.#ts || (ts === this.#ts && seq <= this.#seq)) {
      throw fault("lake.order", `${this.#file}: row (${ts}, ${seq}) comes after (${this.#ts}, ${this.#seq}): its rows are not in event order, or one is there twice`);
    }
    if (seq < this.fromSeq) this.fromSeq = seq;
    if (seq > this.toSeq) this.toSeq = seq;
    this.#ts = ts;
    this.#seq = seq;
    this.rows += 1;
  }
}

/** Reads the whole file. Throws `lake.order` where (ts_event, seq) does not rise. */
export async function digestRows(options: {
  readonly session: LakeSession; readonly stream: LakeStream; readonly file: string; readonly signal: AbortSignal | undefined;
}): Promise<RowDigest> {
  const { session, stream, file, signal } = options;
  const columns = COLUMNS[stream];
  const hashes = columns.map(() => new RunningSha256());
  const keys = new RisingKeys(file);
  const tsAt = columns.findIndex(({ name }) => name === "ts_event");
  const seqAt = columns.findIndex(({ name }) => name === "seq");
  const sql = `SELECT ${columns.map(({ name }) => name).join(", ")} FROM read_parquet(${fileList([file])}, hive_partitioning = false)`;
  await session.stream(sql, "read", file, signal, (chunk) => {
    const values = columns.map((_, at) => chunk.getColumnValues(at) as Values);
    columns.forEach((column, at) => hashes[at]?.add(bytesOf(column, values[at] ?? [])));
    const times = values[tsAt] as readonly bigint[];
    const seqs = values[seqAt] as readonly bigint[];
    for (let row = 0; row < times.length; row += 1) keys.add(times[row] ?? 0n, seqs[row] ?? 0n);
  });
  const lines = columns.map(({ name, type }, at) => `${name} ${String(type)} ${hashes[at]?.hex() ?? ""}\n`);
  const { rows, fromTs, toTs, fromSeq, toSeq } = keys;
  return { rows, sha256: sha256Hex(Buffer.from(lines.join(""), "utf8")), fromTs, toTs, fromSeq, toSeq };
}
