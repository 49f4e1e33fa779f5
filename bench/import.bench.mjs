// Import: messages per second of the shared BTCUSDT capture, from the gz file to sealed log and candles (as `tapedeck import`).
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasSharedCapture, SHARED_CAPTURE } from "./kit/market.mjs";
import { product } from "./kit/product.mjs";
import { note, Report, RUNS } from "./kit/report.mjs";

const { importFiles } = await product("main/engine/import-files");
const { NodeClock } = await product("main/net/node-clock");

async function once() {
  const data = await mkdtemp(join(tmpdir(), "tapedeck-import-"));
  try {
    globalThis.gc?.();
    const started = performance.now();
    const { messages } = await importFiles({
      capturesFolder: join(data, "captures"), captureId: "bench", venue: "binance-usdm", format: "hft", fold: undefined,
      files: [SHARED_CAPTURE], version: "bench", clock: new NodeClock(),
    });
    return (messages * 1_000) / (performance.now() - started);
  } finally {
    await rm(data, { recursive: true, force: true });
  }
}

if (!hasSharedCapture) note("import: ../shared/data is absent, skipped");
else {
  const report = new Report("import");
  const rates = [];
  for (let run = 0; run < RUNS; run += 1) rates.push(await once());
  report.add({ name: "import of the shared BTCUSDT capture, candles included", values: rates, unit: "messages/s" });
  report.print();
}
