// Lakes made up for export tests: files of any size where compaction would have put them, with their metadata.
import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { partitionJsonText, type PartitionJson } from "./partition-json.ts";

const ZEROS = "0".repeat(64);

/** Bytes that look random and are the same each time. */
export function madeBytes(seed: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = (seed + 1) * 2_654_435_761;
  for (let at = 0; at + 4 <= length; at += 4) {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 0x9e37_79b9) | 0;
    bytes.writeInt32LE(state, at);
  }
  return bytes;
}

export async function putPartition(captureFolder: string, options: { readonly captureId: string; readonly symbol: string; readonly bytes: Buffer; readonly rows: number }): Promise<string> {
  const { captureId, symbol, bytes, rows } = options;
  const path = `exchange=binance/stream=trade/symbol=${symbol}/date=20240808`;
  const folder = join(captureFolder, "compact", path);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "data.parquet"), bytes);
  const json: PartitionJson = {
    kind: "partition", format: 1, capture_id: captureId, exchange: "binance", stream: "trade", symbol, date: "20240808", rows, from_ts: 1n, to_ts: 2n, from_seq: 1n, to_seq: 2n,
    file: { name: "data.parquet", bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") }, rows_sha256: ZEROS,
    inputs: { files: 1, sha256: ZEROS }, log: { from_segment: 1, to_segment: 1, from_seq: 1, to_seq: 2, roots: 1, roots_sha256: ZEROS },
    writer: { duckdb: "test", parquet_version: 1, compression: "zstd", compression_level: 3, row_group_rows: 122_880 },
  };
  await writeFile(join(folder, "data.json"), partitionJsonText(json));
  return path;
}
