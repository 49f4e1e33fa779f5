// Bytes per event on disk: sealed segments and manifest of the shared BTCUSDT capture, for trade + bookTicker alone and with depth.
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { hasSharedCapture, SHARED_CAPTURE, sharedLines } from "./kit/market.mjs";
import { product } from "./kit/product.mjs";
import { note, Report } from "./kit/report.mjs";

const { importFiles } = await product("main/engine/import-files");
const { NodeClock } = await product("main/net/node-clock");

async function bytesPerEvent(data, captureId, file) {
  const { messages, folder } = await importFiles({
    capturesFolder: join(data, "captures"), captureId, venue: "binance-usdm", format: "hft", fold: undefined,
    files: [file], version: "bench", clock: new NodeClock(),
  });
  const raw = join(folder, "raw");
  const files = [...readdirSync(raw).filter((name) => name.endsWith(".mcap")).map((name) => join(raw, name)), join(folder, "manifest.jsonl")];
  return files.reduce((sum, path) => sum + statSync(path).size, 0) / messages;
}

if (!hasSharedCapture) note("size: ../shared/data is absent, skipped");
else {
  const data = await mkdtemp(join(tmpdir(), "tapedeck-size-"));
  try {
    const report = new Report("size");
    const chosen = join(data, "trade-bookTicker.txt.gz");
    writeFileSync(chosen, gzipSync(Buffer.concat([...sharedLines()].filter(({ channel }) => channel !== undefined).map(({ line }) => line))));
    report.one({ name: "trade + bookTicker", value: await bytesPerEvent(data, "chosen", chosen), unit: "bytes/event", target: { atMost: 24 } });
    report.one({ name: "with depth", value: await bytesPerEvent(data, "whole", SHARED_CAPTURE), unit: "bytes/event" });
    report.print();
  } finally {
    await rm(data, { recursive: true, force: true });
  }
}
