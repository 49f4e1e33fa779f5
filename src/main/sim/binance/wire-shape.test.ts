// Every simulated message against the venue's own: same members in the same order, same JSON types, same decimals.
// With captures beside the checkout, against those; always against hand-written samples of the same shape.
import { describe, expect, it } from "vitest";
import { captureLines, hasCaptures, shapeOf } from "../shape.testkit.ts";
import { SimulatedVenue } from "../venue.ts";

const START_MS = 1_767_225_600_000;

function simulated(): ReadonlyMap<string, string> {
  const venue = new SimulatedVenue({ seed: 11, startMs: START_MS, symbols: ["BTCUSDT", "SOLUSDT"], warmMs: 3_600_000 });
  const byStream = new Map<string, string>();
  venue.connect("/stream?streams=btcusdt@trade/btcusdt@aggTrade/btcusdt@bookTicker/btcusdt@markPrice@1s/btcusdt@kline_1m/solusdt@kline_1m", {
    send: (text) => byStream.set((JSON.parse(text) as { stream: string }).stream, text),
    close: () => undefined,
    drop: () => undefined,
  });
  venue.advance(START_MS + 5_000);
  for (const path of ["openInterest?symbol=BTCUSDT", "klines?symbol=BTCUSDT&interval=1m&limit=1", "aggTrades?symbol=BTCUSDT&limit=1", "premiumIndex?symbol=BTCUSDT", "time", "trades?symbol=BTCUSDT&limit=1"]) {
    const answer = venue.request(`/fapi/v1/${path}`, {});
    if (answer !== "hang") byStream.set(path.split("?")[0] ?? path, answer.body);
  }
  return byStream;
}

const SAMPLES: Readonly<Record<string, string>> = {
  "btcusdt@trade": '{"stream":"btcusdt@trade","data":{"e":"trade","E":1,"T":1,"s":"BTCUSDT","t":1,"p":"61800.30","q":"0.006","X":"MARKET","m":false}}',
  "btcusdt@aggTrade": '{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":1,"a":1,"s":"BTCUSDT","p":"58665.00","q":"0.043","f":1,"l":1,"T":1,"m":false}}',
  "btcusdt@bookTicker": '{"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":1,"s":"BTCUSDT","b":"61800.20","B":"2.507","a":"61800.30","A":"2.510","T":1,"E":1}}',
  "btcusdt@markPrice@1s": '{"stream":"btcusdt@markPrice@1s","data":{"e":"markPriceUpdate","E":1,"s":"BTCUSDT","p":"28155.10000000","P":"28141.47600845","i":"28165.04857143","r":"0.00002760","T":1}}',
  "btcusdt@kline_1m": '{"stream":"btcusdt@kline_1m","data":{"e":"kline","E":1,"s":"BTCUSDT","k":{"t":1,"T":1,"s":"BTCUSDT","i":"1m","f":1,"L":1,"o":"61756.70","c":"61700.80","h":"61763.50","l":"61683.60","v":"303.793","n":1,"x":false,"q":"18749188.02970","V":"80.479","Q":"4967657.96660","B":"0"}}}',
  openInterest: '{"symbol":"BTCUSDT","openInterest":"84617.188","time":1}',
  klines: '[[1,"61756.70","61763.50","61683.60","61700.80","303.793",1,"18749188.02970",1,"80.479","4967657.96660","0"]]',
  aggTrades: '[{"a":1,"p":"58665.00","q":"0.043","f":1,"l":1,"T":1,"m":true}]',
  premiumIndex: '{"symbol":"BTCUSDT","markPrice":"61793.84659634","indexPrice":"61776.32474854","estimatedSettlePrice":"61781.54374552","lastFundingRate":"0.00038246","interestRate":"0.00010000","nextFundingTime":1,"time":1}',
  time: '{"serverTime":1}',
  trades: '[{"id":1,"price":"61800.30","qty":"0.006","quoteQty":"370.80","time":1,"isBuyerMaker":true}]',
};

describe("the simulated wire", () => {
  const messages = simulated();

  it.each(Object.entries(SAMPLES))("%s has the shape of its sample", (name, sample) => {
    const text = messages.get(name);
    expect(text).toBeDefined();
    expect(shapeOf(JSON.parse(text ?? "null"))).toEqual(shapeOf(JSON.parse(sample)));
    // One line without spaces, as the venue writes it.
    expect(text).not.toMatch(/\s/);
  });

  const captures: readonly (readonly [string, string])[] = [
    ["btcusdt@trade", "ws_BTCUSDT_20240808T2354.txt.gz"],
    ["btcusdt@bookTicker", "ws_BTCUSDT_20240808T2354.txt.gz"],
    ["btcusdt@markPrice@1s", "ws_BTCUSDT_20230405T0000_markprice.txt.gz"],
    ["btcusdt@aggTrade", "msgparser_ws_linear_swap.jsonl"],
    ["openInterest", "msgparser_rest_linear_swap.jsonl"],
  ];
  it.skipIf(!hasCaptures).each(captures)("%s has the shape of the real ones (skipped without ../shared/data)", (name, file) => {
    const lines = captureLines(`binance_usdm/${file}`);
    const marker = name.includes("@") ? `{"stream":"${name}",` : `"${name}":`;
    const real = lines.filter((line) => line.includes(marker)).map((line) => line.slice(line.indexOf("{"))).slice(0, 500);
    expect(real.length).toBeGreaterThan(0);
    const shape = JSON.stringify(shapeOf(JSON.parse(messages.get(name) ?? "null")));
    expect([...new Set(real.map((line) => JSON.stringify(shapeOf(JSON.parse(line)))))]).toEqual([shape]);
  });

  it.skipIf(!hasCaptures)("candles have the shape of the real ones of a market with the same decimals (skipped without ../shared/data)", () => {
    const lines = captureLines("binance_usdm/cryptofeed_20210722_aggTrade_bookTicker_depth_kline.jsonl.gz").map((line) => JSON.parse(line) as { data?: string });
    const real = lines.flatMap(({ data }) => (data?.startsWith('{"stream":"sushiusdt@kline_1m"') === true ? [data] : []));
    expect(real.length).toBeGreaterThan(0);
    expect([...new Set(real.map((text) => JSON.stringify(shapeOf(JSON.parse(text)))))]).toEqual([JSON.stringify(shapeOf(JSON.parse(messages.get("solusdt@kline_1m") ?? "null")))]);
  });
});
