// What the lake's tests share: small logs on a real disk, made from a plan, with decoders for every kind of event; and what lies in a folder.
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { carrying } from "../../shared/carried.ts";
import { dec } from "../../shared/decimal.ts";
import { streamRef, type Decode, type DecoderLookup, type MarketEvent, type StreamRef, type VenueId } from "../../shared/market.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";
import { IMPORT_OPTIONS, openWriter } from "../rawlog/writer.ts";
import { COLUMNS } from "./columns.ts";
import { Lake, type LakeOptions } from "./lake.ts";
import { LAKE_STREAMS, type LakeStream } from "./types.ts";

/** 2024-01-14T23:59:00Z: a minute before a date changes. */
export const START_MS = Date.UTC(2024, 0, 14, 23, 59);

/** One message. `ms`: event time after the start; the receive time is its place in the plan. */
export type Wire =
  | { readonly kind: "trades"; readonly venue: VenueId; readonly symbol: string; readonly trades: readonly { readonly id: number; readonly ms: number; readonly price: string; readonly qty: string; readonly text?: boolean; readonly market?: boolean }[] }
  | { readonly kind: "quote"; readonly venue: VenueId; readonly symbol: string; readonly ms: number; readonly bid: string; readonly updateId?: number }
  /** The index price is only said when it changed. */
  | { readonly kind: "mark"; readonly venue: VenueId; readonly symbol: string; readonly ms: number; readonly mark: string; readonly index?: string }
  | { readonly kind: "funding"; readonly venue: VenueId; readonly symbol: string; readonly ms: number; readonly rate: string }
  | { readonly kind: "interest"; readonly venue: VenueId; readonly symbol: string; readonly ms: number; readonly value: string }
  | { readonly kind: "candle" | "broken" | "undecoded"; readonly venue: VenueId; readonly symbol: string };

function eventsOf(wire: Wire, carried: Map<string, string> | undefined): readonly MarketEvent[] {
  const time = (ms: number): { eventMs: number; eventSubNs: number } => ({ eventMs: START_MS + ms, eventSubNs: Math.abs(ms) % 3 });
  switch (wire.kind) {
    case "trades":
      return wire.trades.map(({ id, ms, price, qty, text, market = true }) => ({
        kind: "trade", ...time(ms), price: dec(price), qty: dec(qty), side: id % 2 === 0 ? 1 : -1, tradeId: text === true ? `t-${id}` : String(id),
        sequenceId: text === true ? undefined : id, firstTradeId: undefined, lastTradeId: undefined, tradeCount: 1, market,
      }));
    case "quote":
      return [{ kind: "bbo", ...time(wire.ms), bidPrice: dec(wire.bid), bidQty: dec("1.5"), askPrice: dec(`${wire.bid}1`), askQty: dec("2"), updateId: wire.updateId }];
    case "mark": {
      if (wire.index !== undefined) carried?.set("index", wire.index);
      const index = carried?.get("index");
      return [{ kind: "mark_price", ...time(wire.ms), markPrice: dec(wire.mark), indexPrice: index === undefined ? undefined : dec(index) }];
    }
    case "funding":
      return [{ kind: "funding", ...time(wire.ms), fundingRate: dec(wire.rate), nextFundingMs: START_MS + 28_800_000 }];
    case "interest":
      return [{ kind: "open_interest", ...time(wire.ms), openInterest: dec(wire.value) }];
    case "candle":
      return [{
        kind: "venue_candle", ...time(0), interval: "1m", openMs: START_MS, open: dec("1"), high: dec("1"), low: dec("1"), close: dec("1"), volume: dec("1"),
        quoteVolume: undefined, tradeCount: undefined, final: true, opensWithTrade: true,
      }];
    case "broken":
    case "undecoded":
      return [];
  }
}

const decode: Decode = carrying((payload, { carried }) => {
  const wire = JSON.parse(Buffer.from(payload).toString("utf8")) as Wire;
  if (wire.kind === "broken") return { kind: "refused", code: "wrong-shape", detail: "broken" };
  return { kind: "events", events: eventsOf(wire, carried) };
});

export const decoders: DecoderLookup = ({ channel }) => (channel === "undecoded" ? undefined : decode);

function streamOf({ venue, symbol, kind }: Wire): StreamRef {
  return streamRef(venue, symbol, kind);
}

export interface TestCapture {
  readonly folder: string;
  readonly captureId: string;
}

export async function testRoot(): Promise<string> {
  return mkdtemp(join(tmpdir(), "tapedeck-lake-"));
}

/** Writes a log of `wires`, sealed, in segments of about `segmentMessages`. The same plan gives the same bytes, whenever and wherever. */
export async function makeCapture(root: string, wires: readonly Wire[], segmentMessages: number): Promise<TestCapture> {
  const folder = join(root, "captures", "test");
  const disk = new NodeDisk();
  await disk.makeFolder(folder);
  for (let from = 0; from < Math.max(wires.length, 1); from += segmentMessages) {
    const writer = await openWriter({ disk, folder, captureId: "test", options: IMPORT_OPTIONS, session: "import", version: "test", clock: { wallNs: () => BigInt(START_MS) * 1_000_000n } });
    for (const [index, wire] of wires.slice(from, from + segmentMessages).entries()) {
      if (!writer.hasRoom) await writer.room();
      const recvNs = BigInt(START_MS + from + index) * 1_000_000n + 7n;
      writer.append({ stream: streamOf(wire), source: "ws", connection: "c.1", recvNs, eventNs: 0n, payload: Buffer.from(JSON.stringify(wire), "utf8") });
    }
    await writer.close("test");
  }
  return { folder, captureId: "test" };
}

export async function withLake<T>(captureFolder: string, options: Partial<LakeOptions>, run: (lake: Lake) => Promise<T>): Promise<T> {
  const lake = new Lake({ disk: new NodeDisk(), captureFolder, decoders, onNote: () => undefined, ...options });
  try {
    return await run(lake);
  } finally {
    await lake.close();
  }
}

/** Every file below events and compact with the sha256 of its bytes, sorted by path. */
export async function lakeFiles(captureFolder: string): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {};
  for (const top of ["events", "compact"]) {
    const entries = await readdir(join(captureFolder, top), { recursive: true, withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      found[relative(captureFolder, path)] = createHash("sha256").update(await readFile(path)).digest("hex");
    }
  }
  return Object.fromEntries(Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1)));
}

export type TextRow = Readonly<Record<string, string | null>>;

/** Rows of files by stream, as texts, in the order of the files' own rows; what a reader of its own would see. */
export async function rowsIn(captureFolder: string, glob: (stream: LakeStream) => string): Promise<Readonly<Record<string, readonly TextRow[]>>> {
  const instance = await DuckDBInstance.create(":memory:", { threads: "1" });
  const connection = await instance.connect();
  const found: Record<string, readonly TextRow[]> = {};
  for (const stream of LAKE_STREAMS) {
    const pattern = `${captureFolder}/${glob(stream)}`;
    const [[count] = []] = (await connection.runAndReadAll(`SELECT count(*) FROM glob('${pattern}')`)).getRows();
    if (Number(count) === 0) continue;
    const columns = COLUMNS[stream].map(({ name }) => `${name}::VARCHAR AS ${name}`).join(", ");
    found[stream] = (await connection.runAndReadAll(`SELECT ${columns} FROM read_parquet('${pattern}', hive_partitioning = false)`)).getRowObjects() as unknown as TextRow[];
  }
  connection.closeSync();
  instance.closeSync();
  return found;
}

export async function removeRoot(root: string): Promise<void> {
  await rm(root, { recursive: true, force: true });
}

/** A plan that has some of everything: two venues, two symbols, a date change, late and doubled trades, a block trade. */
export const MIXED: readonly Wire[] = [
  { kind: "trades", venue: "binance-usdm", symbol: "BTCUSDT", trades: [{ id: 1, ms: 0, price: "61800.30", qty: "0.010" }, { id: 2, ms: 1, price: "61800.30", qty: "1" }] },
  { kind: "quote", venue: "binance-usdm", symbol: "BTCUSDT", ms: 2, bid: "61800.2", updateId: 9_007_199_254_740_991 },
  { kind: "mark", venue: "bybit-linear", symbol: "1000PEPEUSDT", ms: 3, mark: "0.0123456789", index: "0.01" },
  { kind: "trades", venue: "bybit-linear", symbol: "1000PEPEUSDT", trades: [{ id: 7, ms: 5, price: "0.012", qty: "100", text: true, market: false }] },
  { kind: "broken", venue: "binance-usdm", symbol: "BTCUSDT" },
  { kind: "trades", venue: "binance-usdm", symbol: "BTCUSDT", trades: [{ id: 2, ms: 1, price: "61800.30", qty: "1" }, { id: 3, ms: 60_001, price: "61801", qty: "2" }] },
  { kind: "funding", venue: "okx-swap", symbol: "BTC-USDT-SWAP", ms: 9, rate: "-0.000125" },
  { kind: "mark", venue: "bybit-linear", symbol: "1000PEPEUSDT", ms: 60_000, mark: "0.0124" },
  { kind: "candle", venue: "bybit-linear", symbol: "1000PEPEUSDT" },
  { kind: "trades", venue: "binance-usdm", symbol: "BTCUSDT", trades: [{ id: 5, ms: 59_990, price: "61799.9", qty: "0.5" }] },
  { kind: "interest", venue: "okx-swap", symbol: "BTC-USDT-SWAP", ms: 70_000, value: "31337.5" },
  { kind: "undecoded", venue: "okx-swap", symbol: "BTC-USDT-SWAP" },
  { kind: "trades", venue: "bybit-linear", symbol: "1000PEPEUSDT", trades: [{ id: 7, ms: 5, price: "0.012", qty: "100", text: true, market: false }, { id: 8, ms: 61_000, price: "0.0125", qty: "3", text: true }] },
  { kind: "quote", venue: "binance-spot", symbol: "BTCUSDT", ms: 61_001, bid: "61000" },
];
