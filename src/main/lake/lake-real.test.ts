// Real captures: imported, compacted, checked; rows are what ../shared/data/README.md counts. Skipped, with a message, where they are absent.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { VenueId } from "../../shared/market.ts";
import { importFiles } from "../engine/import-files.ts";
import type { ImportFormat } from "../importers/foreign.ts";
import { decoderLookup } from "../venues/registry.ts";
import { removeRoot, testRoot, withLake } from "./lake.testkit.ts";

const DATA = fileURLToPath(new URL("../../../../shared/data/", import.meta.url));

let root: string;
beforeAll(async () => { root = await testRoot(); });
afterAll(() => removeRoot(root));

interface Real { readonly file: string; readonly venue: VenueId; readonly format: ImportFormat; readonly rows: Readonly<Record<string, number>> }

const CAPTURES: readonly Real[] = [
  { file: "binance_usdm/ws_BTCUSDT_20240808T2354.txt.gz", venue: "binance-usdm", format: "hft", rows: { "binance trade btcusdt": 21_313, "binance bbo btcusdt": 66_089 } },
  { file: "binance_usdm/ws_BTCUSDT_20230405T0000_markprice.txt.gz", venue: "binance-usdm", format: "hft", rows: { "binance trade btcusdt": 10_738, "binance bbo btcusdt": 37_440, "binance mark_price btcusdt": 415 } },
  { file: "binance_spot/ws_BTCUSDT_20240808T2354.txt.gz", venue: "binance-spot", format: "hft", rows: { "binance-spot trade btcusdt": 9_757, "binance-spot bbo btcusdt": 28_040 } },
];

for (const [index, { file, venue, format, rows }] of CAPTURES.entries()) {
  test(`${file}: as many rows as its README counts`, async (context) => {
    if (!existsSync(DATA)) return context.skip(`${DATA} is absent`);
    const capturesFolder = join(root, String(index));
    await importFiles({ capturesFolder, captureId: "real", venue, format, fold: undefined, files: [join(DATA, file)], version: "test", clock: { wallNs: () => 0n } });
    const report = await withLake(join(capturesFolder, "real"), { decoders: decoderLookup }, (lake) => lake.compact());
    expect(report.differences).toEqual([]);
    const counted: Record<string, number> = {};
    for (const { exchange, stream, symbol, compactRows } of report.partitions) {
      const name = `${exchange} ${stream} ${symbol}`;
      counted[name] = (counted[name] ?? 0) + compactRows;
    }
    expect(counted).toMatchObject(rows);
    expect(report.duplicates).toBe(0);
  }, 60_000);
}
