// Every simulated OKX message against the venue's own: same members in the same order, same JSON types, same way of writing numbers. The real
// captures are of 2021 and 2022; members that came later are named here. Always against hand-written samples too.
import { describe, expect, it } from "vitest";
import { captureLines, hasCaptures, shapeOf, shapeText, type ShapeRules } from "../shape.testkit.ts";
import { SimulatedVenue } from "../venue.ts";

const START_MS = 1_767_225_600_000;
const RULES: ShapeRules = { short: () => true };
const PUBLIC = ["trades", "bbo-tbt", "mark-price", "index-tickers", "funding-rate", "open-interest", "tickers"];
const BUSINESS = ["candle1m", "trades-all"];
const BODIES = ["public/time", "public/instruments?instType=SWAP", "public/open-interest?instType=SWAP&instId=BTC-USDT-SWAP", "market/history-trades?instId=BTC-USDT-SWAP&type=1&limit=3"];

function simulated(): ReadonlyMap<string, readonly string[]> {
  const venue = new SimulatedVenue({ seed: 11, venue: "okx-swap", startMs: START_MS, symbols: ["BTCUSDT"], warmMs: 600_000 });
  const found = new Map<string, string[]>();
  const keep = (name: string, text: string): void => { found.set(name, [...(found.get(name) ?? []), text]); };
  for (const [address, channels] of [["public", PUBLIC], ["business", BUSINESS]] as const) {
    const session = venue.connect(`/ws/v5/${address}`, {
      send: (text) => {
        if (text === "pong") return;
        const { event, arg } = JSON.parse(text) as { event?: string; arg?: { channel: string } };
        keep(event ?? arg?.channel ?? "", text);
      },
      close: () => undefined,
      drop: () => undefined,
    });
    if ("refusedStatus" in session) throw new Error("refused");
    for (const channel of channels) {
      session.receive(JSON.stringify({ id: "1", op: "subscribe", args: [{ channel, instId: channel === "index-tickers" ? "BTC-USDT" : "BTC-USDT-SWAP" }] }), START_MS);
    }
    session.receive(JSON.stringify({ id: "2", op: "subscribe", args: [{ channel: "trades", instId: "NOPE-USDT-SWAP" }] }), START_MS);
  }
  for (let ms = 1_000; ms <= 65_000; ms += 1_000) venue.advance(START_MS + ms);
  venue.inject({ name: "venue-notice", seconds: 60 });
  for (const path of BODIES) {
    const answer = venue.request(`/api/v5/${path}`, {});
    if (answer !== "hang") keep(path.split("?")[0] ?? path, answer.body);
  }
  return found;
}

function push(channel: string, item: string, instId = "BTC-USDT-SWAP"): string {
  return `{"arg":{"channel":"${channel}","instId":"${instId}"},"data":[${item}]}`;
}
const SAMPLES: Readonly<Record<string, string>> = {
  subscribe: '{"id":"1","event":"subscribe","arg":{"channel":"trades","instId":"BTC-USDT-SWAP"},"connId":"a4d3ae55"}',
  error: '{"id":"1","event":"error","code":"60018","msg":"Wrong URL or channel","connId":"a4d3ae55"}',
  notice: '{"event":"notice","code":"64008","msg":"The connection will soon be closed","connId":"a4d3ae55"}',
  trades: push("trades", '{"instId":"BTC-USDT-SWAP","tradeId":"1","px":"42219.9","sz":"0.12","side":"buy","ts":"1","count":"3","source":"0","seqId":1234}'),
  "trades-all": push("trades-all", '{"instId":"BTC-USDT-SWAP","tradeId":"1","px":"42219.9","sz":"1","side":"buy","source":"0","ts":"1"}'),
  "bbo-tbt": push("bbo-tbt", '{"asks":[["111.06","55154","0","2"]],"bids":[["111.05","57745","0","2"]],"ts":"1","seqId":3}'),
  "mark-price": push("mark-price", '{"instId":"BTC-USDT-SWAP","instType":"SWAP","markPx":"2.1729","ts":"1"}'),
  "index-tickers": push("index-tickers", '{"instId":"BTC-USDT","idxPx":"2.1675","open24h":"2.1599","high24h":"2.2499","low24h":"2.1524","sodUtc0":"2.1658","sodUtc8":"2.1641","ts":"1"}', "BTC-USDT"),
  "funding-rate": push("funding-rate", '{"formulaType":"noRate","fundingRate":"0.00018","fundingTime":"1","impactValue":"","instId":"BTC-USDT-SWAP","instType":"SWAP","interestRate":"","maxFundingRate":"0.00375","method":"current_period","minFundingRate":"-0.00375","nextFundingRate":"","nextFundingTime":"1","premium":"0.0002","settFundingRate":"0.0001","settState":"settled","ts":"1"}'),
  "open-interest": push("open-interest", '{"instId":"BTC-USDT-SWAP","instType":"SWAP","oi":"5","oiCcy":"0.5","oiUsd":"5.25","ts":"1"}'),
  tickers: push("tickers", '{"instType":"SWAP","instId":"BTC-USDT-SWAP","last":"29963","lastSz":"2","askPx":"29960","askSz":"12","bidPx":"29959.9","bidSz":"431","open24h":"31589.3","high24h":"31907.2","low24h":"29302","sodUtc0":"29805","sodUtc8":"30753.7","volCcy24h":"108540.53","vol24h":"10854053","ts":"1"}'),
  candle1m: push("candle1m", '["1662716640000","20702.4","20710","20702.3","20703.8","4070","40.7","842555.5","0"]'),
  "public/time": '{"code":"0","data":[{"ts":"1"}],"msg":""}',
  "public/open-interest": '{"code":"0","data":[{"instId":"BTC-USDT-SWAP","instType":"SWAP","oi":"5","oiCcy":"0.5","oiUsd":"5.25","ts":"1"}],"msg":""}',
  "market/history-trades": '{"code":"0","data":[{"instId":"BTC-USDT-SWAP","side":"sell","sz":"1","source":"0","px":"29963.2","tradeId":"242720720","ts":"1654161646974"}],"msg":""}',
};

/** What came after the captures. */
const ADDED: Readonly<Record<string, readonly string[]>> = {
  trades: ["count", "source", "seqId"],
  "bbo-tbt": ["seqId"],
  "funding-rate": ["formulaType", "impactValue", "interestRate", "maxFundingRate", "method", "minFundingRate", "nextFundingTime", "premium", "settFundingRate", "settState", "ts"],
  "open-interest": ["oiUsd"],
};

describe("the simulated wire of OKX", () => {
  const messages = simulated();

  it.each(Object.entries(SAMPLES))("%s has the shape of its sample", (name, sample) => {
    const texts = messages.get(name) ?? [];
    expect(texts.length).toBeGreaterThan(0);
    // oiUsd keeps its two decimals.
    const rules: ShapeRules = { ...RULES, changed: new Set(["oiUsd"]) };
    expect([...new Set(texts.map((text) => shapeText(text, rules)))]).toEqual([shapeText(sample, rules)]);
  });

  function real(channel: string): readonly string[] {
    const lines = [...captureLines("okx/tardis_ws_swap.jsonl"), ...captureLines("okx/msgparser_ws_linear_swap.jsonl")];
    return lines.filter((line) => line.includes(`"channel":"${channel}"`) && (channel !== "funding-rate" || line.includes('"fundingRate":"')));
  }

  it.skipIf(!hasCaptures).each(["trades", "bbo-tbt", "mark-price", "index-tickers", "funding-rate", "open-interest", "tickers"])("%s has the shape of the real ones, but for what came later (skipped without ../shared/data)", (channel) => {
    const rules: ShapeRules = { ...RULES, added: new Set(ADDED[channel] ?? []), changed: new Set(["nextFundingRate"]) };
    const shapes = new Set(real(channel).map((text) => shapeText(text, rules)));
    expect(shapes.size).toBe(1);
    expect([...new Set(messages.get(channel)?.map((text) => shapeText(text, rules)))]).toEqual([...shapes]);
  });

  it.skipIf(!hasCaptures)("candle1m rows begin as the real ones do (skipped without ../shared/data)", () => {
    const row = (text: string): readonly unknown[] => ((JSON.parse(text) as { data: unknown[][] }).data[0] ?? []).map((item) => shapeOf(item, RULES));
    const [sample] = real("candle1m");
    const length = row(sample ?? "").length;
    expect(row(messages.get("candle1m")?.[0] ?? "").slice(0, length)).toEqual(row(sample ?? ""));
  });

  it.skipIf(!hasCaptures)("instruments have the members of the real ones (skipped without ../shared/data)", () => {
    const body = captureLines("okx/v5_20220513_BTC-USDT.jsonl.gz").map((line) => JSON.parse(line) as { t: string; url?: string; data: string })
      .find(({ t, url }) => t === "http" && url?.includes("instType=SWAP") === true)?.data ?? "";
    const bitcoin = (text: string): unknown => (JSON.parse(text) as { data: { instId: string }[] }).data.find(({ instId }) => instId === "BTC-USDT-SWAP");
    const rules: ShapeRules = { ...RULES, added: new Set(["instFamily", "ruleType"]) };
    expect(shapeOf(bitcoin(messages.get("public/instruments")?.[0] ?? ""), rules)).toEqual(shapeOf(bitcoin(body), rules));
    for (const name of ["ctVal", "ctMult", "ctValCcy", "tickSz", "settleCcy"]) {
      expect((bitcoin(messages.get("public/instruments")?.[0] ?? "") as Record<string, string>)[name]).toBe((bitcoin(body) as Record<string, string>)[name]);
    }
  });
});
