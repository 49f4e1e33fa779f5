// Raw → candles: trades per second from the raw log through decoder and canonicalizer, with all nine intervals and with 1m alone;
// side by side with DuckDB SQL over Parquet of the same trades. All bars must be equal in all nine values. What they do differs:
// DuckDB aggregates columns that are numbers already; the canonicalizer starts from bytes as received and gives each bar its
// provenance digests, grade evidence and versions.
import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { marketCapture } from "./kit/captures.mjs";
import { hasSharedCapture, MARKET_NAME, marketMessages } from "./kit/market.mjs";
import { product } from "./kit/product.mjs";
import { note, rateOf, Report, RUNS } from "./kit/report.mjs";

const TRADES = 1_001_711;
const LENGTH_MS = { "1s": 1_000, "5s": 5_000, "15s": 15_000, "1m": 60_000, "5m": 300_000, "15m": 900_000, "1h": 3_600_000, "4h": 14_400_000, "1d": 86_400_000 };
const ALL = Object.keys(LENGTH_MS);
const CHANNELS = ["trade"];

const { openReader } = await product("main/rawlog/reader");
const { NodeDisk } = await product("main/rawlog/node-disk");
const { sha256 } = await product("main/rawlog/sha256");
const { createCanonicalizer } = await product("main/canonical/canonicalizer");
const { applyRecord } = await product("main/derive/pipeline");
const { decoderLookup } = await product("main/venues/registry");
const { formatDecimal } = await product("shared/decimal");

function newHistory() {
  const versions = new Map();
  const nameOf = ({ interval, openMs }) => `${interval} ${openMs}`;
  return { latest: (key) => versions.get(nameOf(key)), append: (version) => void versions.set(nameOf(version.key), version), versions };
}

async function fold(folder, intervals, bars) {
  const reader = await openReader({ disk: new NodeDisk(), folder });
  const history = newHistory();
  const canonicalizer = createCanonicalizer({ sha256, history, intervals });
  for await (const records of reader.batches({})) {
    for (const record of records) applyRecord(canonicalizer, record, decoderLookup);
    for (const output of canonicalizer.drain()) if (output.kind === "bar") bars?.set(`${output.bar.key.interval} ${output.bar.key.openMs}`, output.bar.values);
  }
  await reader.close();
  if (history.versions.size === 0) throw new Error("the canonicalizer sealed no bar");
  return TRADES;
}

/** The trades of the same messages as one Parquet file, by way of CSV so that DuckDB parses the venue's own decimal texts. */
async function writeParquet(connection, folder) {
  const csv = join(folder, "trades.csv");
  const out = createWriteStream(csv);
  for await (const { payload } of marketMessages({ count: TRADES, channels: CHANNELS })) {
    const { T, t, p, q, m } = JSON.parse(payload.toString("utf8")).data;
    if (!out.write(`${T},${t},${p},${q},${m}\n`)) await once(out, "drain");
  }
  out.end();
  await once(out, "finish");
  const parquet = join(folder, "trades.parquet");
  const columns = "{'t_ms': 'BIGINT', 'id': 'BIGINT', 'price': 'DECIMAL(18,2)', 'qty': 'DECIMAL(18,3)', 'buyer_is_maker': 'BOOLEAN'}";
  await connection.run(`COPY (SELECT * FROM read_csv('${csv}', header = false, columns = ${columns}) ORDER BY t_ms, id) TO '${parquet}' (FORMAT parquet, COMPRESSION zstd)`);
  return parquet;
}

function query(parquet, lengthMs) {
  return `SELECT t_ms // ${lengthMs} * ${lengthMs} AS open_ms, arg_min(price, id)::VARCHAR, max(price)::VARCHAR, min(price)::VARCHAR, arg_max(price, id)::VARCHAR,
    sum(qty)::VARCHAR, sum(price * qty)::VARCHAR, count(*)::VARCHAR,
    coalesce(sum(qty) FILTER (NOT buyer_is_maker), 0)::VARCHAR, coalesce(sum(price * qty) FILTER (NOT buyer_is_maker), 0)::VARCHAR
    FROM read_parquet('${parquet}') GROUP BY open_ms ORDER BY open_ms`;
}

async function aggregate(connection, parquet, intervals, bars) {
  for (const interval of intervals) {
    const result = await connection.runAndReadAll(query(parquet, LENGTH_MS[interval]));
    for (const [openMs, ...values] of result.getRows()) bars?.set(`${interval} ${openMs}`, values);
  }
  return TRADES;
}

function textsOf({ open, high, low, close, volume, quoteVolume, tradeCount, takerBuyVolume, takerBuyQuoteVolume }) {
  return [open, high, low, close, volume, quoteVolume, tradeCount, takerBuyVolume, takerBuyQuoteVolume].map((value) => (typeof value === "number" ? String(value) : formatDecimal(value)));
}

function sameNumber(one, other) {
  // A sum of nothing has no decimals on either side of its own accord.
  return one === other || (Number(one) === 0 && Number(other) === 0);
}

function compareBars(ours, theirs) {
  if (ours.size !== theirs.size) throw new Error(`the canonicalizer sealed ${ours.size} bars, DuckDB says ${theirs.size}`);
  for (const [key, values] of theirs) {
    const bar = ours.get(key);
    const texts = bar === undefined ? [] : textsOf(bar);
    if (!values.every((text, index) => sameNumber(text, texts[index]))) throw new Error(`bar ${key}: ${texts.join(" ")} against DuckDB's ${values.join(" ")}`);
  }
  return theirs.size;
}

const work = await mkdtemp(join(tmpdir(), "tapedeck-candles-"));
try {
  if (!hasSharedCapture) note(`candles: ../shared/data is absent, measured on ${MARKET_NAME}`);
  const folder = await marketCapture({ count: TRADES, channels: CHANNELS });
  const instance = await DuckDBInstance.create(":memory:", { threads: "2", autoinstall_known_extensions: "false" });
  const connection = await instance.connect();
  const parquet = await writeParquet(connection, work);
  const ours = new Map();
  const theirs = new Map();
  await fold(folder, ALL, ours);
  await aggregate(connection, parquet, ALL, theirs);
  note(`candles: ${compareBars(ours, theirs)} bars equal DuckDB's in all nine values`);
  const rates = { fold: [], foldMinute: [], sql: [], sqlMinute: [] };
  for (let run = 0; run < RUNS; run += 1) {
    rates.fold.push(await rateOf(() => fold(folder, ALL)));
    rates.sql.push(await rateOf(() => aggregate(connection, parquet, ALL)));
    rates.foldMinute.push(await rateOf(() => fold(folder, ["1m"])));
    rates.sqlMinute.push(await rateOf(() => aggregate(connection, parquet, ["1m"])));
  }
  const report = new Report("candles");
  report.add({ name: "raw log → bars, nine intervals", values: rates.fold, unit: "trades/s", peer: rates.sql });
  report.add({ name: "DuckDB over Parquet, nine intervals", values: rates.sql, unit: "trades/s" });
  report.add({ name: "raw log → bars, 1m", values: rates.foldMinute, unit: "trades/s", peer: rates.sqlMinute });
  report.add({ name: "DuckDB over Parquet, 1m", values: rates.sqlMinute, unit: "trades/s" });
  report.print();
  connection.closeSync();
  instance.closeSync();
} finally {
  await rm(work, { recursive: true, force: true });
}
