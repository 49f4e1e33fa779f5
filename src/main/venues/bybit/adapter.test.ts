// Bybit linear and spot against the adapter contract, the golden messages, and what is Bybit's own.
import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type MessageSource, streamRef } from "../../../shared/market.ts";
import { type AdapterSample, describeAdapter } from "../adapter.contract.ts";
import { type Golden, goldenOutcome } from "../golden.testkit.ts";
import { adapterFor, decoderLookup } from "../registry.ts";
import { createBybitAdapter } from "./adapter.ts";

const GOLDEN = new URL("../../../../schemas/fixtures/bybit/messages.jsonl", import.meta.url);
const golden = readFileSync(GOLDEN, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line) as Golden);
const encoder = new TextEncoder();

describe("golden messages (schemas/fixtures/bybit; UPDATE_GOLDEN=1 rewrites the outcomes)", () => {
  if (process.env["UPDATE_GOLDEN"] === "1") {
    writeFileSync(GOLDEN, golden.map((line) => `${JSON.stringify({ ...line, outcome: goldenOutcome(line) })}\n`).join(""));
  } else {
    it.each(golden)("$name", (line) => {
      expect(goldenOutcome(line)).toEqual(line.outcome);
    });
  }
});

const decoded = golden.filter((line): line is Golden & AdapterSample => line.before === undefined && (line.outcome as { kind?: string } | undefined)?.kind === "events");

for (const venue of ["bybit-linear", "bybit-spot"] as const) {
  const adapter = createBybitAdapter({ venue });
  describeAdapter({
    venue, adapter,
    subscriptions: [
      { venue, symbol: "BTCUSDT", channels: adapter.defaultChannels },
      { venue, symbol: "ETHUSDT", channels: ["publicTrade", "orderbook.200"] },
    ],
    endpoints: adapter.defaultEndpoints,
    polledChannels: [],
    samples: decoded.filter((line) => line.venue === venue),
    // Trades cannot be asked for by id.
    answer: undefined,
    refusals: [
      { status: 200, body: '{"retCode":10006,"retMsg":"Too many visits!","result":{}}', kind: "rate-limited" },
      { status: 403, body: "<html>", kind: "banned" }, { status: 200, body: '{"retCode":10018,"retMsg":"Exceeded the IP Rate Limit."}', kind: "banned" },
      { status: 200, body: '{"retCode":10001,"retMsg":"params error: symbol invalid"}', kind: "dead-symbol" },
      { status: 200, body: '{"retCode":10001,"retMsg":"params error: limit"}', kind: "refused" }, { status: 404, body: "", kind: "refused" },
      { status: 503, body: "", kind: "unavailable" }, { status: 200, body: '{"retCode":10016,"retMsg":"Server error"}', kind: "unavailable" },
      { status: 429, body: "", kind: "rate-limited" },
    ],
  });
}

describe("what is Bybit's own", () => {
  const adapter = createBybitAdapter({ venue: "bybit-linear" });

  it("subscribes by messages of at most ten topics, pings each 20 s, and is found by the registry", () => {
    expect(adapterFor("bybit-linear")?.venue).toBe("bybit-linear");
    expect(adapterFor("bybit-spot")?.defaultEndpoints["ws_public"]).toBe("wss://stream.bybit.com/v5/public/spot");
    const [plan] = adapter.plan([{ venue: "bybit-linear", symbol: "BTCUSDT", channels: ["publicTrade", "orderbook.1"] }], adapter.defaultEndpoints);
    expect(plan).toMatchObject({ name: "public", url: "wss://stream.bybit.com/v5/public/linear", subscribe: { streamsPerRequest: 10 }, keepAlive: { everyMs: 20_000, text: '{"op":"ping"}' } });
    expect(adapter.subscribeText(plan?.streams ?? [], 3)).toBe('{"req_id":"3","op":"subscribe","args":["publicTrade.BTCUSDT","orderbook.1.BTCUSDT"]}');
  });

  it("asks for at most 21,000 characters of topics per connection, however long the symbols", () => {
    const many = Array.from({ length: 450 }, (_, index) => ({ venue: "bybit-linear" as const, symbol: `${index}`.padStart(64, "S"), channels: ["publicTrade", "orderbook.1"] }));
    const plans = adapter.plan(many, adapter.defaultEndpoints);
    expect(plans.map(({ name, streams }) => [name, streams.length])).toEqual([["public", 200], ["public-2", 200], ["public-3", 200], ["public-4", 200], ["public-5", 100]]);
    for (const { streams } of plans) expect(JSON.stringify(streams.map(({ channel, symbol }) => `${channel}.${symbol}`)).length).toBeLessThan(21_000);
  });

  it("asks for no backfill: no id range is ever known to be missing", () => {
    const stream = streamRef("bybit-linear", "BTCUSDT", "publicTrade");
    const range = { stream, fromId: 1, toId: 2, fromMs: 1, toMs: 2 };
    expect(adapter.backfill.plan(range)).toBeUndefined();
    expect(adapter.backfill.page(range, { endpoint: "rest", path: "/", weight: 1 }, encoder.encode("{}"))).toMatchObject({ ok: false, fault: { code: "feed.bad-backfill" } });
  });

  it("reads the server's time in ns, as ms", () => {
    const body = '{"retCode":0,"retMsg":"OK","result":{"timeSecond":"1688639403","timeNano":"1688639403423213947"},"retExtInfo":{},"time":1688639403500}';
    expect(adapter.serverTime.read(encoder.encode(body))).toEqual({ ok: true, value: 1_688_639_403_423 });
  });

  const routes: readonly (readonly [string, unknown])[] = [
    ['{"success":true,"ret_msg":"","conn_id":"c","req_id":"3","op":"subscribe"}', { kind: "acknowledgement", id: "3", ok: true, detail: "" }],
    ['{"success":true,"ret_msg":"subscribe","conn_id":"c","op":"subscribe"}', { kind: "acknowledgement", id: "", ok: true }],
    ['{"success":false,"ret_msg":"error:handler not found,topic:publicTrade.MATICUSDT","conn_id":"c","req_id":"4","op":"subscribe"}', { kind: "acknowledgement", id: "4", ok: false, detail: "error:handler not found,topic:publicTrade.MATICUSDT" }],
    ['{"success":true,"ret_msg":"pong","conn_id":"c","req_id":"","op":"ping"}', { kind: "heartbeat" }],
    ['{"req_id":"1","op":"pong","args":["1675418560633"],"conn_id":"c"}', { kind: "heartbeat" }],
    ['{"topic":"insurance.inverse.","data":[]}', { kind: "unknown" }],
    ["[]", { kind: "unknown" }],
    ["pong", { kind: "unknown" }],
    ['{"retCode":0,"result":{}}', { kind: "unknown" }],
    ['{"topic":"orderbook.200.BTCUSDT","type":"delta","ts":7,"data":{"s":"BTCUSDT","b":[["1","2"]],"a":[],"u":5,"seq":9},"cts":5}', { kind: "data", stream: { channel: "orderbook.200", symbol: "BTCUSDT" }, eventNs: 5_000_000n }],
    ['{"type":"snapshot","topic":"kline.1.BTCUSDT","data":[{"T":3}],"ts":6}', { kind: "data", stream: { channel: "kline.1" }, eventNs: 6_000_000n }],
    ['{"data":[{"i":"a","T":3},{"T":4}],"topic":"publicTrade.BTC-26SEP25","ts":6}', { kind: "data", stream: { streamId: "bybit-linear:BTC-26SEP25:publicTrade" }, eventNs: 3_000_000n }],
    ['{ "ts": 6, "data": [ { "T": 3 } ], "topic": "publicTrade.BTCUSDT" }', { kind: "data", eventNs: 3_000_000n }],
    ['{"topic":"tickers.BTCUSDT","ts":9007199254740991}', { kind: "data", eventNs: 0n }],
    ['{"topic":"publicTrade.BTCUSDT","data":[{"T":17', { kind: "data", stream: { channel: "publicTrade" }, eventNs: 0n }],
    ['{"data":"\\"topic\\":\\"tickers.X\\"","topic":"tickers.BTCUSDT","ts":5}', { kind: "data", stream: { symbol: "BTCUSDT" }, eventNs: 5_000_000n }],
  ];
  it.each(routes)("routes %s", (text, expected) => {
    expect(adapter.route(encoder.encode(text))).toMatchObject(expected as object);
  });

  const unrouted: readonly (readonly [string, MessageSource, string])[] = [
    ['{"success":true,"ret_msg":"","req_id":"1","op":"subscribe"}', "ws", "acknowledgement"],
    ['{"success":true,"ret_msg":"pong","op":"ping"}', "ws", "heartbeat"],
    ['{"success":true,"ret_msg":"pong","op":"ping"}', "rest_poll", "unhandled"],
    ['{"retCode":0,"result":{"list":[]}}', "rest_poll", "unhandled"],
    ["{ not json", "ws", "malformed-json"],
    [`"${"x".repeat(10 * 1024 * 1024)}"`, "ws", "too-large"],
  ];
  it("tells frames of no stream apart", () => {
    for (const venue of ["bybit-linear", "bybit-spot"] as const) {
      const stream = streamRef(venue, "_", "unclassified");
      for (const [text, source, expected] of unrouted) {
        const outcome = decoderLookup(stream)?.(encoder.encode(text), { stream, source, recvNs: 0n });
        expect(outcome?.kind === "refused" ? outcome.code : outcome?.kind === "ignored" && outcome.why).toBe(expected);
      }
    }
  });
});
