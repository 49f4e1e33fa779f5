// Foreign files made up for tests, and an import of them that stops at the raw log.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { RawRecord } from "../../shared/raw.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";
import { openReader } from "../rawlog/reader.ts";
import { sha256 } from "../rawlog/sha256.ts";
import { IMPORT_OPTIONS, openWriter } from "../rawlog/writer.ts";
import { decoderLookup } from "../venues/registry.ts";
import { importCapture, type ImportOptions, type ImportReport } from "./import-capture.ts";
import { routeFor } from "./route-for.ts";

export interface TestFolder extends AsyncDisposable {
  readonly path: string;
  write(name: string, content: string | Uint8Array): Promise<string>;
}

export async function testFolder(): Promise<TestFolder> {
  const path = await mkdtemp(join(tmpdir(), "tapedeck-import-"));
  return {
    path,
    async write(name, content) {
      const file = join(path, name);
      await writeFile(file, name.endsWith(".gz") ? gzipSync(content) : content);
      return file;
    },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

/** 2023-11-14T22:14:00Z: a minute starts here. */
export const START_MS = 1_700_000_040_000;

export function tradeMessage(options: { readonly id: number; readonly ms: number; readonly price: string; readonly qty?: string; readonly symbol?: string; readonly maker?: boolean }): string {
  const { id, ms, price, qty = "0.010", symbol = "BTCUSDT", maker = false } = options;
  const data = { e: "trade", E: ms, T: ms, s: symbol, t: id, p: price, q: qty, X: "MARKET", m: maker };
  return JSON.stringify({ stream: `${symbol.toLowerCase()}@trade`, data });
}

export function hftLine(recvNs: bigint, message: string): string {
  return `${recvNs} ${message}\n`;
}

/** One trade per 250 ms, received 20 ms later; ids from 1. */
export function hftTrades(count: number, fromId = 1): string {
  let text = "";
  for (let index = 0; index < count; index += 1) {
    const id = fromId + index;
    const ms = START_MS + id * 250;
    text += hftLine(BigInt(ms + 20) * 1_000_000n, tradeMessage({ id, ms, price: `${100 + (id % 7)}.${id % 10}0`, maker: id % 3 === 0 }));
  }
  return text;
}

export async function runImport(folder: string, options: Partial<ImportOptions> & Pick<ImportOptions, "files">): Promise<ImportReport> {
  const disk = new NodeDisk();
  const captureId = options.captureId ?? "test";
  return importCapture({
    capturesFolder: join(folder, "captures"), captureId, venue: "binance-usdm", format: "hft", fold: undefined,
    route: routeFor(options.venue ?? "binance-usdm"), decoders: decoderLookup, sha256,
    openWriter: (work) =>
      openWriter({ disk, folder: work, captureId, options: IMPORT_OPTIONS, session: "import", version: "test", clock: { wallNs: () => { throw new Error("an import may not ask for the time"); } } }),
    ...options,
  });
}

export async function readAll(folder: string): Promise<readonly RawRecord[]> {
  const reader = await openReader({ disk: new NodeDisk(), folder });
  try {
    await reader.refresh();
    const records: RawRecord[] = [];
    for await (const batch of reader.batches({})) records.push(...batch);
    return records;
  } finally {
    await reader.close();
  }
}
