// Fuzzing the importers: whatever a file holds, an import ends with a capture that can be read to its last message, or with one line and nothing left.
import { mkdtempSync, readFileSync, existsSync } from "node:fs";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { FaultError } from "../../shared/base.ts";
import type { VenueId } from "../../shared/market.ts";
import type { FuzzSample, FuzzTarget } from "../fuzz/frame.ts";
import { openReader } from "../rawlog/reader.ts";
import { sha256 } from "../rawlog/sha256.ts";
import { SimDisk } from "../rawlog/sim-disk.ts";
import { IMPORT_OPTIONS, openWriter } from "../rawlog/writer.ts";
import { seeded } from "../rawlog/log.testkit.ts";
import { decoderLookup } from "../venues/registry.ts";
import { IMPORT_FORMATS, type ImportFormat } from "./foreign.ts";
import { importCapture } from "./import-capture.ts";
import { hftTrades, START_MS, tradeMessage } from "./import.testkit.ts";
import { routeFor } from "./route-for.ts";

const LIMIT_MS = 3_000;
const MESSAGE_MAX = 6_000;
const encoder = new TextEncoder();

/** `venue file-name`: what the importer is told. */
function sample(venue: VenueId, name: string, content: string): readonly FuzzSample[] {
  const plain = { label: `${venue} ${name}`, bytes: encoder.encode(content) };
  return name.endsWith(".jsonl") || name.endsWith(".txt") ? [plain] : [plain, { label: `${venue} ${name}.gz`, bytes: gzipSync(content) }];
}

const US = String(START_MS * 1_000);

const SAMPLES: Readonly<Record<ImportFormat, () => readonly FuzzSample[]>> = {
  hft: () => [...sample("binance-usdm", "a.txt", hftTrades(6)), { label: "binance-usdm a.txt.gz", bytes: gzipSync(hftTrades(6)) }],
  cryptofeed: () => sample("binance-usdm", "a.jsonl", [
    '{"t":"header","format":2}', '{"t":"connect","conn":"B.ws.1","ts":1700000040.1,"addr":"wss://stream.bybit.com/v5/public/linear"}',
    `{"t":"recv","conn":"B.ws.2","ts":1700000040.1234567,"data":${JSON.stringify(tradeMessage({ id: 1, ms: START_MS, price: "1.5" }))}}`,
    `{"t":"http","conn":"B.http.0","ts":1700000039.5,"url":"https://fapi.binance.com/fapi/v1/openInterest?symbol=BTCUSDT","data":"{\\"symbol\\":\\"BTCUSDT\\",\\"openInterest\\":\\"10\\",\\"time\\":${START_MS}}"}`,
  ].join("\n")),
  jsonl: () => sample("binance-usdm", "a.jsonl", [1, 2, 3].map((id) => tradeMessage({ id, ms: START_MS + id, price: "1.5" })).join("\n")),
  "binance-csv": () => [
    ...sample("binance-usdm", "BTCUSDT-trades-2023-11-14.csv", `id,price,qty,quote_qty,time,is_buyer_maker\n1,100.1,0.5,50.05,${START_MS},true\n2,100.2,1e-7,1,${START_MS + 1},false\n`),
    ...sample("binance-spot", "BTCUSDT-trades-2025-01-01.csv", `1,100.1,0.5,50.05,${US},True,True\n`),
    ...sample("binance-spot", "BTCUSDT-aggTrades-2025-01-01.csv", `9,100.1,0.5,1,3,${US},True,True\n`),
    ...sample("binance-usdm", "BTCUSDT-bookTicker-2023-11-14.csv", `9,1.1,2,1.2,3,${START_MS},${START_MS + 4}\n`),
  ],
  "tardis-csv": () => [
    ...sample("binance-usdm", "binance-futures_trades_2023-11-14_X.csv", `exchange,symbol,timestamp,local_timestamp,id,side,price,amount\nbinance-futures,BTCUSDT,${US},${US},11,buy,9318.4,0.001\n`),
    ...sample("okx-swap", "okex-swap_book_ticker_2023-11-14_X.csv", `exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount\nokex-swap,BTC-USDT-SWAP,${US},${US},1,101,100,2\n`),
    ...sample("binance-usdm", "binance-futures_derivative_ticker_2023-11-14_X.csv", `exchange,symbol,timestamp,local_timestamp,funding_timestamp,funding_rate,predicted_funding_rate,open_interest,last_price,index_price,mark_price\nbinance-futures,BTCUSDT,${US},${US},${US},-0.0001,,500.5,100,99.5,99.9\n`),
  ],
};

/** Beginnings of real files of the format, whole lines. */
const CAPTURED: Partial<Record<ImportFormat, readonly (readonly [VenueId, string])[]>> = {
  hft: [["binance-usdm", "binance_usdm/ws_BTCUSDT_20230405T0000_markprice.txt.gz"], ["binance-spot", "binance_spot/ws_BTCUSDT_20240808T2354.txt.gz"]],
  cryptofeed: [["bybit-linear", "bybit/v5_20260809_linear_BTC_ETH_spot_BTC.jsonl.gz"], ["okx-spot", "okx/v5_20220513_BTC-USDT.jsonl.gz"]],
  jsonl: [["binance-usdm", "binance_usdm/tardis_ws.jsonl"], ["okx-swap", "okx/tardis_ws_swap.jsonl"]],
};
const CAPTURED_BYTES = 32 * 1024;

function captured(format: ImportFormat, folder: string): readonly FuzzSample[] {
  return (CAPTURED[format] ?? []).flatMap(([venue, file]) => {
    const path = join(folder, file);
    if (!existsSync(path)) return [];
    const bytes = readFileSync(path);
    const plain = file.endsWith(".gz") ? gunzipSync(bytes) : bytes;
    return [{ label: `${venue} ${format === "hft" ? "a.txt" : "a.jsonl"}`, bytes: plain.subarray(0, plain.lastIndexOf(10, CAPTURED_BYTES) + 1) }];
  });
}

function checkFault(error: unknown): void {
  if (!(error instanceof FaultError)) throw error;
  const { code, message } = error.fault;
  if (!/^import\.[a-z-]+$/.test(code)) throw new Error(`an import ends with fault ${code}: ${message}`);
  if (message.includes("\n") || message.length > MESSAGE_MAX) throw new Error(`the fault ${code} is no single line: ${message.slice(0, 2_000)}`);
}

async function importOne(format: ImportFormat, folder: string, bytes: Uint8Array, label: string): Promise<void> {
  const space = label.indexOf(" ");
  const venue = label.slice(0, space) as VenueId;
  const file = join(folder, label.slice(space + 1));
  await writeFile(file, bytes);
  // The log in memory: no fsync, so that a run tries thousands of files.
  const disk = new SimDisk(seeded(1));
  let work = "";
  try {
    const report = await importCapture({
      capturesFolder: join(folder, "captures"), captureId: "fuzz", venue, format, fold: undefined, files: [file], route: routeFor(venue), decoders: decoderLookup, sha256,
      openWriter: (captureFolder) => {
        work = captureFolder;
        return openWriter({ disk, folder: captureFolder, captureId: "fuzz", options: IMPORT_OPTIONS, session: "import", version: "fuzz", clock: { wallNs: () => { throw new Error("an import may not ask for the time"); } } });
      },
      complete: async (captureFolder) => {
        const reader = await openReader({ disk, folder: captureFolder });
        try {
          await reader.refresh();
          for await (const batch of reader.batches({})) for (const record of batch) decoderLookup(record.stream)?.(record.payload, { stream: record.stream, source: record.source, recvNs: record.recvNs });
        } finally {
          await reader.close();
        }
      },
    });
    const reader = await openReader({ disk, folder: work });
    await reader.refresh();
    const stored = reader.streams.filter(({ stream }) => stream.venue !== "tapedeck").reduce((sum, { count }) => sum + count, 0);
    await reader.close();
    if (stored !== report.messages) throw new Error(`${report.messages} messages are reported, ${stored} are in the log`);
  } catch (error) {
    checkFault(error);
    const left = await readdir(join(folder, "captures")).catch(() => []);
    if (left.length > 0) throw new Error(`a refused import left ${left.join(", ")}`, { cause: error });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function target(format: ImportFormat): FuzzTarget {
  return {
    name: `import-${format}`, samples: SAMPLES[format], captured: (folder) => captured(format, folder), limitMs: LIMIT_MS,
    async run(bytes, label) {
      const folder = mkdtempSync(join(tmpdir(), "tapedeck-fuzz-"));
      await mkdir(join(folder, "captures"));
      await importOne(format, folder, bytes, label);
    },
  };
}

/** One target per format. */
export const importerTargets: readonly FuzzTarget[] = IMPORT_FORMATS.map(target);
