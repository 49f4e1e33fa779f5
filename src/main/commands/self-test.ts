// The doctor's self-test: a small capture of known trades goes through everything (import, log, candles, proof) in a
// temporary folder, and must come out as known.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { formatDecimal } from "../../shared/decimal.ts";
import { VERSION } from "../version.ts";
import { verifyCapture } from "../derive/verify.ts";
import { importFiles } from "../engine/import-files.ts";
import { NodeClock } from "../net/node-clock.ts";
import { openReader } from "../rawlog/reader.ts";
import { sha256 } from "../rawlog/sha256.ts";
import { verifyLog } from "../rawlog/verify-log.ts";
import { decoderLookup } from "../venues/registry.ts";
import { readBars } from "../derive/read.ts";
import { openCapture } from "./open-capture.ts";

const TRADES = 600;
const FIRST_MS = 1_700_000_040_000;
/** Minute of the first trade; 600 trades of 100 ms fill it exactly. */
const EXPECTED = { open: "100.00", high: "105.99", low: "100.00", close: "105.99", volume: "0.600", trades: TRADES } as const;

/** Trade `index` of 600, ten per second, each 0.01 above the one before, 0.001 in size. */
function tradeLine(index: number): string {
  const ms = FIRST_MS + index * 100;
  const cents = 10_000 + index;
  const price = `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, "0")}`;
  const data = { e: "trade", E: ms, T: ms, s: "SELFTEST", t: 1_000 + index, p: price, q: "0.001", X: "MARKET", m: false };
  return `${ms}000000 ${JSON.stringify({ stream: "selftest@trade", data })}\n`;
}

/** Never throws for what it finds wrong; the detail says what. */
export async function selfTest(folder: string): Promise<{ readonly ok: boolean; readonly detail: string }> {
  const file = join(folder, "self-test.txt");
  await writeFile(file, Array.from({ length: TRADES }, (_, index) => tradeLine(index)).join(""));
  const captureId = "self-test";
  const imported = await importFiles({
    capturesFolder: join(folder, "captures"), captureId, venue: "binance-usdm", format: "hft", fold: undefined, files: [file], version: VERSION, clock: new NodeClock(),
  });
  await using capture = await openCapture(folder, captureId);
  const derived = await capture.derive({ onNote: () => {} });
  try {
    const [bar] = await readBars(derived, { venue: "binance-usdm", symbol: "SELFTEST", interval: "1m" }, "latest", {});
    if (bar === undefined) return { ok: false, detail: "the imported trades gave no candle" };
    const { open, high, low, close, volume, tradeCount } = bar.values;
    const actual = { open: formatDecimal(open), high: formatDecimal(high), low: formatDecimal(low), close: formatDecimal(close), volume: formatDecimal(volume), trades: tradeCount };
    if (JSON.stringify(actual) !== JSON.stringify(EXPECTED)) return { ok: false, detail: `candle is ${JSON.stringify(actual)}, should be ${JSON.stringify(EXPECTED)}` };
  } finally {
    await derived.close();
  }
  const { disk, folder: captureFolder } = capture;
  const { result } = await verifyCapture({
    disk, captureFolder, decoders: decoderLookup, sha256,
    openReader: () => openReader({ disk, folder: captureFolder }),
    checkLog: ({ onProgress }) => verifyLog({ disk, folder: captureFolder, onProgress }),
  });
  return { ok: result === "MATCH", detail: `${imported.messages} trades imported, their candle is exact, verify says ${result}` };
}
