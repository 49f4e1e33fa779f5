// Parquet: rows per second from the sealed log to spooled parts, and from parts to compacted files (sorted, synced, read back, hashed); side by side
// with a plain COPY by DuckDB of the same rows, which are in memory already, with the same single thread: the least that writing them costs.
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { marketCapture } from "./kit/captures.mjs";
import { product } from "./kit/product.mjs";
import { note, rateOf, Report, RUNS } from "./kit/report.mjs";

const MESSAGES = 1_000_000;

const { Lake } = await product("main/lake/lake");
const { NodeDisk } = await product("main/rawlog/node-disk");
const { decoderLookup } = await product("main/venues/registry");

async function withLake(captureFolder, run) {
  const lake = new Lake({ disk: new NodeDisk(), captureFolder, decoders: decoderLookup, onNote: (text) => { throw new Error(`nothing is to be repaired here: ${text}`); } });
  try {
    return await run(lake);
  } finally {
    await lake.close();
  }
}

async function inMemory(connection, folder) {
  const streams = ["bbo", "trade"];
  for (const stream of streams) await connection.run(`CREATE OR REPLACE TABLE ${stream} AS SELECT * FROM read_parquet('${folder}/compact/*/stream=${stream}/**/data.parquet', hive_partitioning = false)`);
  return streams;
}

async function plainCopy(connection, streams, folder, options) {
  for (const stream of streams) await connection.run(`COPY (SELECT * FROM ${stream} ORDER BY ts_event, seq) TO '${folder}/plain-${stream}.parquet' (FORMAT parquet${options})`);
}

const work = await mkdtemp(join(tmpdir(), "tapedeck-compact-"));
try {
  const original = await marketCapture({ count: MESSAGES });
  const rates = { spool: [], compact: [], again: [], plain: [], plainZstd: [] };
  const instance = await DuckDBInstance.create(":memory:", { threads: "1", autoinstall_known_extensions: "false" });
  const connection = await instance.connect();
  let bytes = 0;
  let rows = 0;
  for (let run = 0; run < RUNS; run += 1) {
    const folder = join(work, `run-${run}`);
    await cp(original, folder, { recursive: true });
    rates.spool.push(await rateOf(async () => (await withLake(folder, (lake) => lake.spool())).rows));
    rates.compact.push(await rateOf(() => withLake(folder, async (lake) => {
      const report = await lake.compact();
      if (report.differences.length > 0) throw new Error(`the counts differ: ${JSON.stringify(report.differences)}`);
      ({ rows, compactBytes: bytes } = report);
      return report.rows;
    })));
    rates.again.push(await rateOf(async () => (await withLake(folder, (lake) => lake.compact())).rows));
    const streams = await inMemory(connection, folder);
    rates.plain.push(await rateOf(() => plainCopy(connection, streams, work, "").then(() => rows)));
    rates.plainZstd.push(await rateOf(() => plainCopy(connection, streams, work, ", COMPRESSION zstd").then(() => rows)));
    await rm(folder, { recursive: true });
  }
  note(`compact: ${rows} rows, ${(bytes / rows).toFixed(1)} bytes per row compacted`);
  const report = new Report("compact");
  report.add({ name: "raw log → spooled parts", values: rates.spool, unit: "rows/s", peer: rates.plainZstd });
  report.add({ name: "parts → compacted files, read back and hashed", values: rates.compact, unit: "rows/s", peer: rates.plainZstd });
  report.add({ name: "compacted again, nothing to do", values: rates.again, unit: "rows/s" });
  report.add({ name: "DuckDB COPY of the same rows from memory, sorted, zstd", values: rates.plainZstd, unit: "rows/s" });
  report.add({ name: "DuckDB COPY of the same rows from memory, sorted, snappy", values: rates.plain, unit: "rows/s" });
  report.print();
  connection.closeSync();
  instance.closeSync();
} finally {
  await rm(work, { recursive: true, force: true });
}
