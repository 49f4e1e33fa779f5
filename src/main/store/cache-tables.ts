// The tables of the bridge cache: their columns, how an entry becomes a row, and how rows become entries again.
import {
  BIGINT, BLOB, BOOLEAN, DuckDBBlobValue, DuckDBDataChunk, ENUM8, UBIGINT, VARCHAR, type DuckDBType, type DuckDBValue,
} from "@duckdb/node-api";
import { assert, fault } from "../../shared/base.ts";
import { type BarValues, type GapEntry, type Grade, GRADES } from "../../shared/candles.ts";
import { type Decimal, decimal } from "../../shared/decimal.ts";
import type { BridgeBar, EntryOrigin, SequencedEntry } from "../bridge/model.ts";
import type { CachedBar } from "../bridge/client/types.ts";

/** DuckDB's vector size: more rows do not fit into one chunk. */
const CHUNK_ROWS = 2_048;

export const REASONS = [
  "watermark", "clock_tick", "end_of_input", "late_data", "gap_backfill", "source_correction", "rebuild",
] as const satisfies readonly BridgeBar["reason"][];

/** The exact numbers of a bar, in the order of their columns and of their bytes in `scales` and `wide`. */
const AMOUNTS = ["open", "high", "low", "close", "volume", "quoteVolume", "takerBuyVolume", "takerBuyQuoteVolume"] as const satisfies readonly (keyof BarValues)[];
const AMOUNT_COLUMNS = ["open", "high", "low", "close", "volume", "quote_volume", "taker_buy_volume", "taker_buy_quote_volume"] as const;

export interface Column<Row> {
  readonly name: string;
  /** As CREATE TABLE takes it. */
  readonly sql: string;
  readonly type: DuckDBType;
  readonly of: (row: Row) => DuckDBValue;
}

type EntryOf<Kind extends SequencedEntry["kind"]> = Extract<SequencedEntry, { readonly kind: Kind }>;
interface RowOf<Kind extends SequencedEntry["kind"]> {
  readonly stream: number;
  readonly entry: EntryOf<Kind>;
}
export interface BarRow extends RowOf<"bar"> {
  /** The first version of its bucket that the cache holds. */
  readonly first: boolean;
}
export type GradeRow = RowOf<"grade">;
export type GapRow = RowOf<"gap">;

const inAnEnum = (words: readonly string[]): string => `ENUM(${words.map((word) => `'${word}'`).join(", ")})`;
const orNull = (value: number | undefined): bigint | null => (value === undefined ? null : BigInt(value));

function originColumns(): readonly Column<{ readonly stream: number; readonly entry: EntryOrigin & { readonly sequence: number } }>[] {
  return [
    { name: "stream", sql: "BIGINT NOT NULL", type: BIGINT, of: (row) => BigInt(row.stream) },
    { name: "sequence", sql: "BIGINT NOT NULL", type: BIGINT, of: (row) => BigInt(row.entry.sequence) },
    { name: "at_seq", sql: "BIGINT NOT NULL", type: BIGINT, of: (row) => BigInt(row.entry.atSeq) },
    { name: "known_ns", sql: "BIGINT NOT NULL", type: BIGINT, of: (row) => row.entry.knownNs },
  ];
}

/** Eight scales, one byte each, the first amount's in the lowest. A stream's are nearly always the same, so one is remembered. */
let packed: { readonly scales: readonly number[]; readonly word: bigint } = { scales: [], word: 0n };
function packScales(values: BarValues): bigint {
  if (!AMOUNTS.every((name, at) => values[name].scale === packed.scales[at])) {
    const scales = AMOUNTS.map((name) => values[name].scale);
    packed = { scales, word: scales.reduceRight((word, scale) => (word << 8n) | BigInt(scale), 0n) };
  }
  return packed.word;
}

let unpacked: typeof packed = { scales: [], word: -1n };
function unpackScales(word: bigint): readonly number[] {
  if (unpacked.word !== word) unpacked = { word, scales: AMOUNTS.map((_, at) => Number((word >> BigInt(at * 8)) & 255n)) };
  return unpacked.scales;
}

function amountAt(values: BarValues, at: number): Decimal {
  const name = AMOUNTS[at];
  assert(name !== undefined, `no amount ${at}`);
  return values[name];
}

const lowWord = (mantissa: number | bigint): bigint => (typeof mantissa === "number" ? BigInt(mantissa) : BigInt.asIntN(64, mantissa));

/** The upper 64 bits of all amounts, only where one does not fit 64 bits: HUGEINT columns make a checkpoint ten times as slow. */
function packWide(values: BarValues): DuckDBBlobValue | null {
  if (AMOUNTS.every((name) => isNarrow(values[name].mantissa))) return null;
  const bytes = new DataView(new ArrayBuffer(AMOUNTS.length * 8));
  AMOUNTS.forEach((name, at) => bytes.setBigInt64(at * 8, BigInt(values[name].mantissa) >> 64n, true));
  return new DuckDBBlobValue(new Uint8Array(bytes.buffer));
}

function isNarrow(mantissa: number | bigint): boolean {
  return typeof mantissa === "number" || BigInt.asIntN(64, mantissa) === mantissa;
}

/** What the wire can carry, the cache can hold: 128 bits of mantissa, 8 of scale. */
function checkAmounts({ bar, sequence }: EntryOf<"bar">): void {
  for (const name of AMOUNTS) {
    const { mantissa, scale } = bar.values[name];
    const fits = scale <= 255 && (typeof mantissa === "number" || BigInt.asIntN(128, mantissa) === mantissa);
    if (!fits) throw fault("cache.too-wide", `Cannot keep ${name} of entry ${sequence}: ${mantissa} with scale ${scale} exceeds 128 bits or scale 255`);
  }
}

export const BAR_COLUMNS: readonly Column<BarRow>[] = [
  ...originColumns(),
  { name: "open_ms", sql: "BIGINT NOT NULL", type: BIGINT, of: (row) => BigInt(row.entry.bar.openMs) },
  { name: "first", sql: "BOOLEAN NOT NULL", type: BOOLEAN, of: (row) => row.first },
  { name: "revision", sql: "BIGINT NOT NULL", type: BIGINT, of: (row) => BigInt(row.entry.bar.revision) },
  { name: "reason", sql: `${inAnEnum(REASONS)} NOT NULL`, type: ENUM8(REASONS), of: (row) => row.entry.bar.reason },
  { name: "grade", sql: inAnEnum(GRADES), type: ENUM8(GRADES), of: (row) => row.entry.bar.grade ?? null },
  { name: "digest", sql: "BLOB", type: BLOB, of: (row) => digestBytes(row.entry.bar.digest) },
  { name: "trade_count", sql: "BIGINT NOT NULL", type: BIGINT, of: (row) => BigInt(row.entry.bar.values.tradeCount) },
  { name: "scales", sql: "UBIGINT NOT NULL", type: UBIGINT, of: (row) => packScales(row.entry.bar.values) },
  { name: "wide", sql: "BLOB", type: BLOB, of: (row) => packWide(row.entry.bar.values) },
  ...AMOUNT_COLUMNS.map((name, at): Column<BarRow> => (
    { name, sql: "BIGINT NOT NULL", type: BIGINT, of: (row) => lowWord(amountAt(row.entry.bar.values, at).mantissa) }
  )),
];

export const GRADE_COLUMNS: readonly Column<GradeRow>[] = [
  ...originColumns(),
  { name: "from_open_ms", sql: "BIGINT NOT NULL", type: BIGINT, of: (row) => BigInt(row.entry.fromOpenMs) },
  { name: "until_open_ms", sql: "BIGINT NOT NULL", type: BIGINT, of: (row) => BigInt(row.entry.untilOpenMs) },
  { name: "grade", sql: `${inAnEnum(GRADES)} NOT NULL`, type: ENUM8(GRADES), of: (row) => row.entry.grade },
  { name: "why", sql: "VARCHAR NOT NULL", type: VARCHAR, of: (row) => row.entry.why },
];

export const GAP_COLUMNS: readonly Column<GapRow>[] = [
  ...originColumns(),
  { name: "gap_id", sql: "VARCHAR NOT NULL", type: VARCHAR, of: (row) => row.entry.gap.gapId },
  { name: "stream_id", sql: "VARCHAR NOT NULL", type: VARCHAR, of: (row) => row.entry.gap.streamId },
  { name: "from_ms", sql: "BIGINT NOT NULL", type: BIGINT, of: (row) => BigInt(row.entry.gap.fromMs) },
  { name: "to_ms", sql: "BIGINT", type: BIGINT, of: (row) => orNull(row.entry.gap.toMs) },
  { name: "from_id", sql: "BIGINT", type: BIGINT, of: (row) => orNull(row.entry.gap.fromId) },
  { name: "to_id", sql: "BIGINT", type: BIGINT, of: (row) => orNull(row.entry.gap.toId) },
  { name: "missing", sql: "BIGINT", type: BIGINT, of: (row) => orNull(row.entry.gap.missing) },
  { name: "cause", sql: "VARCHAR NOT NULL", type: VARCHAR, of: (row) => row.entry.gap.cause },
  { name: "state", sql: "VARCHAR NOT NULL", type: VARCHAR, of: (row) => row.entry.gap.state },
  { name: "attempts", sql: "BIGINT NOT NULL", type: BIGINT, of: (row) => BigInt(row.entry.gap.attempts) },
  { name: "detail", sql: "VARCHAR NOT NULL", type: VARCHAR, of: (row) => row.entry.gap.detail },
];

const tableOf = (name: string, columns: readonly { readonly name: string; readonly sql: string }[]): string =>
  `CREATE TABLE ${name} (${columns.map((column) => `${column.name} ${column.sql}`).join(", ")})`;

/**
 * No index anywhere: rows are only ever appended, in the order of their sequences, and DuckDB's own minima and maxima per row
 * group find a stream's newest. What is unique is so by the cursor.
 */
export const LAYOUT: readonly string[] = [
  "CREATE TABLE about (version BIGINT NOT NULL, layout VARCHAR NOT NULL)",
  "CREATE TABLE streams (stream BIGINT NOT NULL, remote VARCHAR NOT NULL, source_id VARCHAR NOT NULL, symbol VARCHAR NOT NULL, interval VARCHAR NOT NULL, " +
    "history_id VARCHAR NOT NULL, mode VARCHAR NOT NULL, lineage VARCHAR NOT NULL, config_digest VARCHAR NOT NULL, canonicalizer_version VARCHAR NOT NULL, " +
    "run_id VARCHAR NOT NULL, applied_sequence BIGINT NOT NULL, bars BIGINT NOT NULL, newest_open_ms BIGINT)",
  "CREATE TABLE holes (stream BIGINT NOT NULL, from_sequence BIGINT NOT NULL, to_sequence BIGINT NOT NULL, from_ms BIGINT, to_ms BIGINT, why VARCHAR NOT NULL)",
  tableOf("bars", BAR_COLUMNS),
  tableOf("grades", GRADE_COLUMNS),
  tableOf("gaps", GAP_COLUMNS),
];

/** @throws FaultError `cache.too-wide` when a bar has numbers that no bridge can carry. */
export function barChunks(rows: readonly BarRow[]): readonly DuckDBDataChunk[] {
  for (const row of rows) checkAmounts(row.entry);
  return chunksOf(BAR_COLUMNS, rows);
}

export function chunksOf<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): readonly DuckDBDataChunk[] {
  const types = columns.map((column) => column.type);
  const chunks: DuckDBDataChunk[] = [];
  for (let from = 0; from < rows.length; from += CHUNK_ROWS) {
    const part = rows.slice(from, from + CHUNK_ROWS);
    const chunk = DuckDBDataChunk.create(types, part.length);
    columns.forEach((column, at) => chunk.setColumnValues(at, part.map(column.of)));
    chunks.push(chunk);
  }
  return chunks;
}

function digestBytes(digest: string | undefined): DuckDBBlobValue | null {
  if (digest === undefined) return null;
  const bytes = Buffer.from(digest, "hex");
  assert(bytes.length * 2 === digest.length, `a bar's digest is hex, got ${JSON.stringify(digest)}`);
  return new DuckDBBlobValue(bytes);
}

/** For SELECT: every column of `bars` that makes a CachedBar, in the order that `readBars` takes. */
export const BAR_FIELDS = ["open_ms", "sequence", "at_seq", "revision", "reason", "grade", "digest", "trade_count", "scales", "wide", ...AMOUNT_COLUMNS].join(", ");
const FIRST_AMOUNT = 10;

type Columns = readonly (readonly DuckDBValue[])[];

export function readBars(columns: Columns): CachedBar[] {
  const [openMs = [], sequence = [], atSeq = [], revision = [], reason = [], grade = [], digest = [], tradeCount = [], scales = [], wide = []] = columns;
  const amounts = columns.slice(FIRST_AMOUNT);
  return openMs.map((ms, row) => {
    const scaleOf = unpackScales(scales[row] as bigint);
    const bytes = digest[row] as DuckDBBlobValue | null;
    return {
      openMs: Number(ms),
      values: valuesOf(amounts.map((column, at) => amountFrom(column[row] as bigint, wide[row] as DuckDBBlobValue | null, at, scaleOf[at] ?? 0)), Number(tradeCount[row])),
      revision: Number(revision[row]),
      reason: reason[row] as BridgeBar["reason"],
      grade: (grade[row] ?? undefined) as Grade | undefined,
      digest: bytes === null ? undefined : Buffer.from(bytes.bytes.buffer, bytes.bytes.byteOffset, bytes.bytes.byteLength).toString("hex"),
      sequence: Number(sequence[row]),
      atSeq: Number(atSeq[row]),
    };
  });
}

function amountFrom(low: bigint, wide: DuckDBBlobValue | null, at: number, scale: number): Decimal {
  if (wide === null) return decimal(low, scale);
  const { bytes } = wide;
  const high = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigInt64(at * 8, true);
  return decimal((high << 64n) | BigInt.asUintN(64, low), scale);
}

function valuesOf(amounts: readonly Decimal[], tradeCount: number): BarValues {
  const [open, high, low, close, volume, quoteVolume, takerBuyVolume, takerBuyQuoteVolume] = amounts;
  assert(
    open !== undefined && high !== undefined && low !== undefined && close !== undefined && volume !== undefined && quoteVolume !== undefined &&
    takerBuyVolume !== undefined && takerBuyQuoteVolume !== undefined, "a bar has eight amounts",
  );
  return { open, high, low, close, volume, quoteVolume, tradeCount, takerBuyVolume, takerBuyQuoteVolume };
}

/** One saying about the grade of buckets [fromOpenMs, untilOpenMs). */
export interface GradeSaying {
  readonly fromOpenMs: number;
  readonly untilOpenMs: number;
  readonly grade: Grade;
  readonly why: string;
  readonly sequence: number;
  readonly atSeq: number;
}

export const GRADE_FIELDS = "from_open_ms, until_open_ms, grade, why, sequence, at_seq";

export function readGrades(columns: Columns): GradeSaying[] {
  return (columns[0] ?? []).map((fromOpenMs, row) => {
    const at = (column: number): DuckDBValue => columns[column]?.[row] ?? null;
    return {
      fromOpenMs: Number(fromOpenMs), untilOpenMs: Number(at(1)), grade: at(2) as Grade, why: at(3) as string, sequence: Number(at(4)), atSeq: Number(at(5)),
    };
  });
}

export const GAP_FIELDS = "gap_id, stream_id, from_ms, to_ms, from_id, to_id, missing, cause, state, attempts, detail, at_seq, sequence";

export function readGaps(columns: Columns): (GapEntry & { readonly sequence: number })[] {
  return (columns[0] ?? []).map((gapId, row) => {
    const at = (column: number): DuckDBValue => columns[column]?.[row] ?? null;
    const number = (column: number): number | undefined => (at(column) === null ? undefined : Number(at(column)));
    return {
      gapId: gapId as string, streamId: at(1) as string, fromMs: Number(at(2)), toMs: number(3), fromId: number(4), toId: number(5), missing: number(6),
      cause: at(7) as GapEntry["cause"], state: at(8) as GapEntry["state"], attempts: Number(at(9)), detail: at(10) as string, atSeq: Number(at(11)), sequence: Number(at(12)),
    };
  });
}
