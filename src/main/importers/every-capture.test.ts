// Every real capture imports, whole: what each stream holds is what the captures' own list says. Skipped where the captures are not.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { VenueId } from "../../shared/market.ts";
import type { ImportFormat } from "./foreign.ts";
import { readAll, runImport, testFolder } from "./import.testkit.ts";
import { routeFor } from "./route-for.ts";

const DATA = fileURLToPath(new URL("../../../../shared/data/", import.meta.url));

interface Capture {
  readonly file: string;
  readonly venue: VenueId;
  readonly format: ImportFormat;
  /** `CHANNEL` or `SYMBOL:CHANNEL` → messages. Channels that are not named are not looked at. */
  readonly counts: Readonly<Record<string, number>>;
  /** In all, REST answers too. */
  readonly messages?: number;
}

const CAPTURES: readonly Capture[] = [
  { file: "binance_usdm/ws_BTCUSDT_20240808T2354.txt.gz", venue: "binance-usdm", format: "hft", messages: 93_954, counts: { trade: 21_313, bookTicker: 66_089, depth: 6_551 } },
  { file: "binance_usdm/ws_ETHUSDT_20240808T2354.txt.gz", venue: "binance-usdm", format: "hft", messages: 74_655, counts: { trade: 14_076, bookTicker: 53_992, depth: 6_586 } },
  { file: "binance_usdm/ws_BTCUSDT_20230405T0000_markprice.txt.gz", venue: "binance-usdm", format: "hft", messages: 60_381, counts: { trade: 10_738, bookTicker: 37_440, markPrice: 415, depth: 11_788 } },
  { file: "binance_usdm/cryptofeed_20210722_aggTrade_bookTicker_depth_kline.jsonl.gz", venue: "binance-usdm", format: "cryptofeed", counts: { aggTrade: 91, bookTicker: 613, depth: 764, kline_1m: 67 } },
  { file: "binance_usdm/msgparser_ws_linear_swap.jsonl", venue: "binance-usdm", format: "jsonl", messages: 9, counts: {} },
  { file: "binance_usdm/msgparser_rest_linear_swap.jsonl", venue: "binance-usdm", format: "jsonl", messages: 2, counts: {} },
  { file: "binance_usdm/rest_recorded_2019_2020.jsonl", venue: "binance-usdm", format: "jsonl", messages: 3, counts: { openInterest: 1, depthSnapshot: 1 } },
  { file: "binance_usdm/tardis_ws.jsonl", venue: "binance-usdm", format: "jsonl", messages: 13, counts: {} },
  { file: "binance_coinm/ws_BTCUSD_PERP_20240808T2354.txt.gz", venue: "binance-coinm", format: "hft", messages: 48_270, counts: { trade: 2_286, bookTicker: 19_136, depth: 26_847 } },
  { file: "binance_coinm/ws_BTCUSD_PERP_20240809T0000.txt.gz", venue: "binance-coinm", format: "hft", messages: 50_116, counts: { trade: 2_949, bookTicker: 29_219, depth: 17_948 } },
  { file: "binance_spot/ws_BTCUSDT_20240808T2354.txt.gz", venue: "binance-spot", format: "hft", messages: 41_249, counts: { trade: 9_757, bookTicker: 28_040, depth: 3_451 } },
  { file: "binance_spot/ws_BTCUSDT_20240809T0000.txt.gz", venue: "binance-spot", format: "hft", messages: 58_325, counts: { trade: 10_147, bookTicker: 45_134, depth: 3_044 } },
  { file: "binance_spot/rest_recorded_trades_2019.jsonl", venue: "binance-spot", format: "jsonl", messages: 1, counts: {} },
  { file: "bybit/v5_20260809_linear_BTC_ETH_spot_BTC.jsonl.gz", venue: "bybit-linear", format: "cryptofeed", counts: { publicTrade: 39, tickers: 442, "orderbook.200": 1_135, "kline.1": 49 } },
  { file: "bybit/tardis_ws_v5_deriv.jsonl", venue: "bybit-linear", format: "jsonl", messages: 14, counts: {} },
  { file: "okx/v5_20220513_BTC-USDT.jsonl.gz", venue: "okx-spot", format: "cryptofeed", counts: { trades: 69, tickers: 25 } },
  { file: "okx/msgparser_ws_linear_swap.jsonl", venue: "okx-swap", format: "jsonl", messages: 6, counts: { "BTCUSDT:trades": 1, "BTCUSDT:bbo-tbt": 1, "BTCUSDT:funding-rate": 1 } },
  { file: "okx/msgparser_ws_spot.jsonl", venue: "okx-spot", format: "jsonl", messages: 8, counts: {} },
  { file: "okx/msgparser_rest_linear_swap.jsonl", venue: "okx-swap", format: "jsonl", messages: 2, counts: {} },
  { file: "okx/tardis_ws_swap.jsonl", venue: "okx-swap", format: "jsonl", messages: 11, counts: {} },
  { file: "okx/tardis_ws_spot.jsonl", venue: "okx-spot", format: "jsonl", messages: 6, counts: {} },
  { file: "coinbase/advtrade_20260809_BTC-USD.jsonl.gz", venue: "coinbase-spot", format: "cryptofeed", counts: { "BTC-USD:market_trades": 40, ticker: 73, l2_data: 400, candles: 3 } },
  { file: "coinbase/exchange_ws_20210417_part1.txt.gz", venue: "coinbase-spot", format: "cryptofeed", counts: { match: 37, last_match: 6, ticker: 43, l2update: 5_305, snapshot: 6 } },
  { file: "coinbase/msgparser_ws.jsonl", venue: "coinbase-spot", format: "jsonl", messages: 5, counts: {} },
  { file: "coinbase/tardis_ws_exchange.jsonl", venue: "coinbase-spot", format: "jsonl", messages: 9, counts: {} },
  { file: "coinbase/rest_recorded_2017_2019.jsonl", venue: "coinbase-spot", format: "jsonl", messages: 2, counts: {} },
  { file: "kraken/spot_v1_20210417_part1.jsonl.gz", venue: "kraken-spot", format: "cryptofeed", counts: { trade: 3, ticker: 10, "book-1000": 2_794 } },
  { file: "kraken/futures_v1_20210722_PI.jsonl.gz", venue: "kraken-futures", format: "cryptofeed", counts: { trade: 2, trade_snapshot: 3, ticker_lite: 41, book: 4_574, book_snapshot: 3 } },
  { file: "kraken/msgparser_ws_spot.jsonl", venue: "kraken-spot", format: "jsonl", messages: 8, counts: { "XBT-USD:trade": 1, "XBT-USD:spread": 1 } },
  { file: "kraken/rest_recorded_2017_2019.jsonl", venue: "kraken-spot", format: "jsonl", messages: 2, counts: {} },
];

test.skipIf(!existsSync(DATA)).for(CAPTURES)("$file (skipped without ../shared/data)", async ({ file, venue, format, counts, messages }) => {
  await using folder = await testFolder();
  const report = await runImport(folder.path, { files: [`${DATA}${file}`], venue, format, route: routeFor(venue) });
  if (messages !== undefined) expect(report.messages).toBe(messages);
  const found = new Map<string, number>();
  const add = (name: string): void => void found.set(name, (found.get(name) ?? 0) + 1);
  for (const { stream } of await readAll(report.folder)) {
    // `depth@0ms` and `depth@100ms` are one thing to the captures' list.
    const channel = stream.channel.split("@")[0] ?? "";
    add(channel);
    add(`${stream.symbol}:${channel}`);
  }
  expect(Object.fromEntries(Object.keys(counts).map((name) => [name, found.get(name) ?? 0]))).toEqual(counts);
});
