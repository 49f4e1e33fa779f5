// Every simulated Bybit message against the venue's own: same members in the same order, same JSON types, same way of writing numbers.
// With captures beside the checkout, against those; always against hand-written samples of the same shape.
import { describe, expect, it } from "vitest";
import { captureLines, hasCaptures, shapeOf, shapeText, type ShapeRules } from "../shape.testkit.ts";
import { SimulatedVenue } from "../venue.ts";

const START_MS = 1_767_225_600_000;
const RULES: ShapeRules = { short: (name) => ["open", "close", "high", "low", "volume", "turnover", "fundingRate"].includes(name) };
const TOPICS = ["publicTrade.BTCUSDT", "orderbook.1.BTCUSDT", "tickers.BTCUSDT", "kline.1.BTCUSDT"];
const BODIES = ["time", "recent-trade?category=linear&symbol=BTCUSDT&limit=2", "instruments-info?category=linear", "tickers?category=linear&symbol=BTCUSDT",
  "kline?category=linear&symbol=BTCUSDT&interval=1&limit=1", "open-interest?category=linear&symbol=BTCUSDT&intervalTime=5min", "funding/history?category=linear&symbol=BTCUSDT"];

function simulated(): ReadonlyMap<string, readonly string[]> {
  const venue = new SimulatedVenue({ seed: 11, venue: "bybit-linear", startMs: START_MS, symbols: ["BTCUSDT"], warmMs: 600_000 });
  const found = new Map<string, string[]>();
  const keep = (name: string, text: string): void => { found.set(name, [...(found.get(name) ?? []), text]); };
  const session = venue.connect("/v5/public/linear", {
    send: (text) => {
      const { topic, type, op } = JSON.parse(text) as { topic?: string; type?: string; op?: string };
      keep(topic === undefined ? `${op ?? ""}` : topic.startsWith("tickers") ? `${topic} ${type ?? ""}` : topic, text);
    },
    close: () => undefined,
    drop: () => undefined,
  });
  if ("refusedStatus" in session) throw new Error("refused");
  session.receive(JSON.stringify({ req_id: "1", op: "subscribe", args: TOPICS }), START_MS);
  session.receive('{"op":"ping"}', START_MS);
  for (let ms = 1_000; ms <= 65_000; ms += 1_000) venue.advance(START_MS + ms);
  for (const path of BODIES) {
    const answer = venue.request(`/v5/market/${path}`, {});
    if (answer !== "hang") keep(path.split("?")[0] ?? path, answer.body);
  }
  return found;
}

const TICKER = '"symbol":"BTCUSDT","tickDirection":"ZeroPlusTick","price24hPcnt":"0.001624","lastPrice":"65114.30","prevPrice24h":"65008.70","highPrice24h":"65282.30","lowPrice24h":"64694.40","prevPrice1h":"65083.80","markPrice":"65117.44","indexPrice":"65137.76","openInterest":"59891.732","openInterestValue":"3899996265.01","turnover24h":"1142118412.9021","volume24h":"17573.9120","fundingIntervalHour":"8","fundingCap":"0.005","singleOpenInterest":"29945.866","singleOpenInterestValue":"1949998132.50","nextFundingTime":"1","fundingRate":"0.0001","bid1Price":"65114.20","bid1Size":"5.954","ask1Price":"65114.30","ask1Size":"10.470","preOpenPrice":"","preQty":"","curPreListingPhase":""';
/** A list of samples: all the shapes that are right. */
const SAMPLES: Readonly<Record<string, readonly string[]>> = {
  subscribe: ['{"success":true,"ret_msg":"","conn_id":"d8bu-j6akw","req_id":"1","op":"subscribe"}'],
  ping: ['{"success":true,"ret_msg":"pong","conn_id":"d8bu-j6akw","req_id":"","op":"ping"}'],
  "publicTrade.BTCUSDT": ['{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1,"data":[{"T":1,"s":"BTCUSDT","S":"Sell","v":"0.004","p":"65114.20","L":"MinusTick","i":"a9188a0a-82bc-50de-be60-03eedbe3cdd7","BT":false,"RPI":false,"seq":1}]}'],
  "orderbook.1.BTCUSDT": ['{"topic":"orderbook.1.BTCUSDT","type":"snapshot","ts":1,"data":{"s":"BTCUSDT","b":[["28552.00","0.047"]],"a":[["28552.10","25.433"]],"u":1,"seq":1},"cts":1}'],
  "tickers.BTCUSDT snapshot": [`{"topic":"tickers.BTCUSDT","type":"snapshot","data":{${TICKER}},"cs":1,"ts":1}`],
  "kline.1.BTCUSDT": ['{"topic":"kline.1.BTCUSDT","data":[{"start":1,"end":1,"interval":"1","open":"65119.9","close":"65114.3","high":"65119.9","low":"65114.2","volume":"1.576","turnover":"102627.995","confirm":false,"timestamp":1}],"ts":1,"type":"snapshot"}'],
  time: ['{"retCode":0,"retMsg":"OK","result":{"timeSecond":"1","timeNano":"1"},"retExtInfo":{},"time":1}'],
  "recent-trade": ['{"retCode":0,"retMsg":"OK","result":{"category":"linear","list":[{"execId":"a9188a0a-82bc-50de-be60-03eedbe3cdd7","symbol":"BTCUSDT","price":"65114.20","size":"0.004","side":"Sell","time":"1","isBlockTrade":false,"isRPITrade":false,"seq":"1"}]},"retExtInfo":{},"time":1}'],
  tickers: [`{"retCode":0,"retMsg":"OK","result":{"category":"linear","list":[{${TICKER}}]},"retExtInfo":{},"time":1}`],
  kline: ['{"retCode":0,"retMsg":"OK","result":{"category":"linear","symbol":"BTCUSDT","list":[["1","65119.90","65119.90","65114.20","65114.30","1.576","102627.99500"]]},"retExtInfo":{},"time":1}'],
  "open-interest": ['{"retCode":0,"retMsg":"OK","result":{"symbol":"BTCUSDT","category":"linear","list":[{"openInterest":"59891.732","timestamp":"1"}],"nextPageCursor":""},"retExtInfo":{},"time":1}'],
  "funding/history": ['{"retCode":0,"retMsg":"OK","result":{"category":"linear","list":[{"symbol":"BTCUSDT","fundingRate":"0.0001","fundingRateTimestamp":"1"}]},"retExtInfo":{},"time":1}'],
};

function tickerMembers(messages: readonly string[]): ReadonlyMap<string, ReadonlySet<string>> {
  const members = new Map<string, Set<string>>();
  for (const message of messages) {
    for (const [name, value] of Object.entries((JSON.parse(message) as { data: object }).data)) {
      members.set(name, (members.get(name) ?? new Set()).add(JSON.stringify(shapeOf(value, RULES, name))));
    }
  }
  return members;
}

describe("the simulated wire of Bybit", () => {
  const messages = simulated();

  it.each(Object.entries(SAMPLES))("%s has the shape of its sample", (name, samples) => {
    const texts = messages.get(name) ?? [];
    expect(texts.length).toBeGreaterThan(0);
    expect([...new Set(texts.map((text) => shapeText(text, RULES)))].sort()).toEqual(samples.map((sample) => shapeText(sample, RULES)).sort());
    for (const text of texts) expect(text).not.toMatch(/[\n\r]/);
  });

  it("names in ticker deltas only what has changed, both members of an offer together, in the snapshot's order and shapes", () => {
    const snapshot = messages.get("tickers.BTCUSDT snapshot") ?? [];
    const deltas = messages.get("tickers.BTCUSDT delta") ?? [];
    expect(deltas.length).toBeGreaterThan(100);
    const state = new Map(Object.entries((JSON.parse(snapshot[0] ?? "") as { data: Record<string, string> }).data));
    const order = [...state.keys()];
    for (const delta of deltas) {
      const { data } = JSON.parse(delta) as { data: Record<string, string> };
      const names = Object.keys(data);
      expect(names).toEqual(order.filter((name) => names.includes(name)));
      const changed = names.filter((name) => state.get(name) !== data[name]);
      expect(changed.length).toBeGreaterThan(0);
      const offers = new Set(changed.map((name) => name.slice(0, 4)));
      expect(names.filter((name) => name !== "symbol" && !changed.includes(name)).every((name) => offers.has(name.slice(0, 4)))).toBe(true);
      for (const [name, value] of Object.entries(data)) state.set(name, value);
    }
  });

  function pushed(topic: string, type?: string): readonly string[] {
    return captureLines("bybit/v5_20260809_linear_BTC_ETH_spot_BTC.jsonl.gz")
      .map((line) => JSON.parse(line) as { t: string; conn: string; data: string })
      .filter(({ t, conn, data }) => t === "recv" && conn === "BYBIT.ws.2" && data.includes(`"topic":"${topic}"`) && (type === undefined || data.includes(`"type":"${type}"`)))
      .map(({ data }) => data);
  }

  it.skipIf(!hasCaptures).each(["publicTrade.BTCUSDT", "kline.1.BTCUSDT"])("%s has the shape of the real ones (skipped without ../shared/data)", (topic) => {
    const real = new Set(pushed(topic).map((text) => shapeText(text, RULES)));
    expect([...new Set(messages.get(topic)?.map((text) => shapeText(text, RULES)))]).toEqual([...real]);
  });

  it.skipIf(!hasCaptures)("tickers.BTCUSDT have the members and shapes of the real ones (skipped without ../shared/data)", () => {
    expect(shapeText(messages.get("tickers.BTCUSDT snapshot")?.[0] ?? "", RULES)).toBe(shapeText(pushed("tickers.BTCUSDT", "snapshot")[0] ?? "", RULES));
    const ours = tickerMembers([...(messages.get("tickers.BTCUSDT snapshot") ?? []), ...(messages.get("tickers.BTCUSDT delta") ?? [])]);
    for (const [name, shapes] of tickerMembers(pushed("tickers.BTCUSDT", "delta"))) {
      expect([name, [...shapes]]).toEqual([name, [...shapes].filter((shape) => ours.get(name)?.has(shape) === true)]);
    }
  });

  it.skipIf(!hasCaptures)("orderbook.1 has the shape of the real one, but for what came later (skipped without ../shared/data)", () => {
    const [real] = captureLines("bybit/tardis_ws_v5_deriv.jsonl").filter((line) => line.includes("orderbook.1.BTCUSDT") && line.includes("snapshot"));
    const rules: ShapeRules = { ...RULES, added: new Set(["cts"]) };
    expect(shapeText(messages.get("orderbook.1.BTCUSDT")?.[0] ?? "", rules)).toBe(shapeText(real ?? "", rules));
  });

  it.skipIf(!hasCaptures)("instruments-info has the members of the real one (skipped without ../shared/data)", () => {
    const body = captureLines("bybit/v5_20260809_linear_BTC_ETH_spot_BTC.jsonl.gz").map((line) => JSON.parse(line) as { t: string; url?: string; data: string })
      .find(({ t, url }) => t === "http" && url?.includes("category=linear") === true)?.data ?? "";
    const bitcoin = (text: string): unknown => (JSON.parse(text) as { result: { list: { symbol: string }[] } }).result.list.find(({ symbol }) => symbol === "BTCUSDT");
    // Largest orders have decimals of their own.
    const rules: ShapeRules = { changed: new Set(["maxPrice", "maxLeverage", "maxOrderQty", "postOnlyMaxOrderQty", "maxMktOrderQty"]) };
    expect(shapeOf(bitcoin(messages.get("instruments-info")?.[0] ?? ""), rules)).toEqual(shapeOf(bitcoin(body), rules));
    const steps = (text: string): unknown => {
      const { priceScale, priceFilter, lotSizeFilter } = bitcoin(text) as { priceScale: string; priceFilter: { tickSize: string }; lotSizeFilter: { qtyStep: string } };
      return [priceScale, priceFilter.tickSize, lotSizeFilter.qtyStep];
    };
    expect(steps(messages.get("instruments-info")?.[0] ?? "")).toEqual(steps(body));
  });
});
