// OKX swaps and spot against the adapter contract, the golden messages, and what is OKX's own.
import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { FaultError } from "../../../shared/base.ts";
import { streamRef } from "../../../shared/market.ts";
import { type AdapterSample, describeAdapter, RECV_MS } from "../adapter.contract.ts";
import { type Golden, goldenOutcome } from "../golden.testkit.ts";
import type { RestRequest } from "../adapter.ts";
import { decoderLookup } from "../registry.ts";
import { createOkxAdapter } from "./adapter.ts";
import { OKX_VENUES } from "./instruments.ts";
import { createOkxRoute } from "./route.ts";

const GOLDEN = new URL("../../../../schemas/fixtures/okx/messages.jsonl", import.meta.url);
const golden = readFileSync(GOLDEN, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line) as Golden);
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("golden messages (schemas/fixtures/okx; UPDATE_GOLDEN=1 rewrites the outcomes)", () => {
  if (process.env["UPDATE_GOLDEN"] === "1") {
    writeFileSync(GOLDEN, golden.map((line) => `${JSON.stringify({ ...line, outcome: goldenOutcome(line) })}\n`).join(""));
  } else {
    it.each(golden)("$venue: $name", (line) => {
      expect(goldenOutcome(line)).toEqual(line.outcome);
    });
  }
});

/** Newest first, below `after`, as the venue answers. */
function answer(request: RestRequest, firstId: number, lastId: number): string {
  const query = new URLSearchParams(request.path.slice(request.path.indexOf("?") + 1));
  const limit = Number(query.get("limit"));
  expect(limit).toBeLessThanOrEqual(100);
  const data: unknown[] = [];
  for (let id = Math.min(lastId, Number(query.get("after")) - 1); id >= firstId && data.length < limit; id -= 1) {
    data.push({ instId: query.get("instId"), side: "sell", sz: "0.1", px: "100.5", source: "0", tradeId: String(id), ts: String(RECV_MS(id)) });
  }
  return JSON.stringify({ code: "0", msg: "", data });
}

for (const venue of OKX_VENUES) {
  const adapter = createOkxAdapter({ venue });
  describeAdapter({
    venue, adapter,
    subscriptions: [
      { venue, symbol: "BTCUSDT", channels: [...adapter.defaultChannels, "trades-all"] },
      { venue, symbol: "ETHUSDT", channels: ["trades", "bbo-tbt"] },
    ],
    endpoints: adapter.defaultEndpoints,
    polledChannels: [],
    samples: golden.filter((line): line is Golden & AdapterSample =>
      line.venue === venue && line.before === undefined && (line.outcome as { kind?: string; events?: unknown[] } | undefined)?.events?.[0] !== undefined),
    answer,
    refusals: [
      { status: 429, body: '{"code":"50011","msg":"Too Many Requests"}', kind: "rate-limited" }, { status: 200, body: '{"code":"50011","msg":"Too Many Requests"}', kind: "rate-limited" },
      { status: 403, body: "<html>", kind: "banned" }, { status: 200, body: '{"code":"51001","msg":"Instrument ID does not exist","data":[]}', kind: "dead-symbol" },
      { status: 400, body: '{"code":"51000","msg":"Parameter instId error"}', kind: "refused" }, { status: 503, body: "", kind: "unavailable" },
      { status: 200, body: '{"code":"50026","msg":"System error"}', kind: "unavailable" }, { status: 200, body: '{"code":"50001","msg":"Service unavailable"}', kind: "unavailable" },
    ],
  });
}

describe("what is OKX's own", () => {
  const adapter = createOkxAdapter({ venue: "okx-swap" });
  const all = [{ venue: "okx-swap" as const, symbol: "BTCUSDT", channels: [...adapter.defaultChannels, "trades-all"] }];

  it("subscribes one stream per request, single trades and candles on the business address, and pings more often than every 30 s", () => {
    const plans = adapter.plan(all, adapter.defaultEndpoints);
    expect(plans.map(({ name, url, streams }) => [name, url, streams.length])).toEqual([
      ["public", "wss://ws.okx.com:8443/ws/v5/public", 6], ["business", "wss://ws.okx.com:8443/ws/v5/business", 2],
    ]);
    for (const { subscribe, keepAlive } of plans) {
      expect(subscribe?.streamsPerRequest).toBe(1);
      expect(keepAlive).toEqual({ everyMs: 20_000, text: "ping" });
    }
    expect(adapter.subscribeText(plans[0]?.streams.slice(0, 1) ?? [], 7)).toBe('{"id":"7","op":"subscribe","args":[{"channel":"trades","instId":"BTC-USDT-SWAP"}]}');
    expect(adapter.subscribeText([streamRef("okx-swap", "BTCUSDT", "index-tickers")], 8)).toContain('"instId":"BTC-USDT"}');
  });

  it("records the venue's candles unasked, and never takes their silence for a fault", () => {
    for (const venue of OKX_VENUES) {
      const { defaultChannels, defaultEndpoints, plan } = createOkxAdapter({ venue });
      const [business, ...others] = plan([{ venue, symbol: "BTCUSDT", channels: defaultChannels }], defaultEndpoints).filter(({ name }) => name === "business");
      expect([business?.url, business?.silenceLimitMs, others]).toEqual(["wss://ws.okx.com:8443/ws/v5/business", {}, []]);
      expect(business?.streams.map(({ streamId }) => streamId)).toEqual([`${venue}:BTCUSDT:candle1m`]);
      // A socket that died is found by its pong.
      expect(business?.keepAlive).toBeDefined();
    }
  });

  it("opens no connection with more streams than it may subscribe to within an hour", () => {
    const many = Array.from({ length: 450 }, (_, index) => ({ venue: "okx-swap" as const, symbol: `S${index}USDT`, channels: ["trades"] }));
    expect(adapter.plan(many, adapter.defaultEndpoints).map(({ name, streams }) => [name, streams.length])).toEqual([["public", 200], ["public-2", 200], ["public-3", 50]]);
  });

  it("refuses venue spellings of a symbol in a subscription, which no frame would ever come to", () => {
    expect(() => adapter.plan([{ venue: "okx-swap", symbol: "BTC-USDT-SWAP", channels: ["trades"] }], adapter.defaultEndpoints)).toThrow(FaultError);
  });

  const routes: readonly (readonly [string, unknown])[] = [
    ['{"id":"3","event":"subscribe","arg":{"channel":"trades","instId":"BTC-USDT-SWAP"},"connId":"a4d3ae55"}', { kind: "acknowledgement", id: "3", ok: true }],
    ['{"event":"subscribe","arg":{"channel":"trades","instId":"BTC-USDT-SWAP"}}', { kind: "acknowledgement", id: "", ok: true }],
    ['{"arg":{"channel":"trades","instId":"BTC-USDT-SWAP"},"event":"subscribe"}', { kind: "acknowledgement", ok: true }],
    ['{"id":"4","event":"error","code":"60012","msg":"Invalid request: {}","connId":"a4d3ae55"}', { kind: "acknowledgement", id: "4", ok: false, detail: "60012 Invalid request: {}" }],
    ['{"event":"error","code":"60018","msg":"Wrong URL or channel:trades,instId:MATIC-USDT-SWAP doesn\'t exist."}', { kind: "acknowledgement", ok: false, detail: expect.stringMatching(/^60018 .*MATICUSDT was renamed: record POLUSDT instead/) as unknown }],
    ['{"event":"notice","code":"64008","msg":"The connection will soon be closed for a service upgrade. Please reconnect.","connId":"a4d3ae55"}', { kind: "rotate" }],
    ['{"event":"notice","code":"64001","msg":"something else"}', { kind: "unknown" }],
    ['{"event":"channel-conn-count","channel":"orders","connCount":"2","connId":"abcd1234"}', { kind: "heartbeat" }],
    ["pong", { kind: "heartbeat" }],
    ['{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[]}', { kind: "unknown" }],
    ['{"arg":{"channel":"trades","instId":"BTC-USD-220527"},"data":[]}', { kind: "unknown" }],
    ['{"arg":{"channel":"instruments","instType":"SWAP"},"data":[]}', { kind: "unknown" }],
    ['{"table":"spot/depth5","data":[]}', { kind: "unknown" }],
    ['{"arg":{"channel":"index-tickers","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","idxPx":"1","ts":"1700000000001"}]}', { kind: "data", stream: { streamId: "okx-swap:BTCUSDT:index-tickers" }, eventNs: 1_700_000_000_001_000_000n }],
    ['{"arg":{"channel":"books","instId":"BTC-USDT-SWAP"},"action":"update","data":[{"asks":[["1","2","0","1"]],"bids":[],"ts":"1700000000005","checksum":-5}]}', { kind: "data", stream: { channel: "books" }, eventNs: 1_700_000_000_005_000_000n }],
    ['{ "arg": {"channel":"trades","instId":"BTC-USDT-SWAP"}, "data": [{"ts":"1700000000005"}] }', { kind: "data", eventNs: 1_700_000_000_005_000_000n }],
    ['{"arg":{"channel":"trades","instId":"BTC-USDT-SWAP"},"data":[{"ts":"999999999999999"}]}', { kind: "data", eventNs: 0n }],
  ];
  it.each(routes)("routes %s", (text, expected) => {
    expect(adapter.route(encode(text))).toMatchObject(expected as object);
  });

  it("keeps spot and swaps of one capture apart by the instrument that each frame names", () => {
    const route = createOkxRoute(OKX_VENUES);
    const streamOf = (instId: string): unknown => route(encode(`{"arg":{"channel":"trades","instId":"${instId}"},"data":[]}`));
    expect(streamOf("BTC-USDT")).toMatchObject({ kind: "data", stream: { streamId: "okx-spot:BTCUSDT:trades" } });
    expect(streamOf("BTC-USDT-SWAP")).toMatchObject({ kind: "data", stream: { streamId: "okx-swap:BTCUSDT:trades" } });
  });

  it("counts what is no stream as what it is", () => {
    const decode = decoderLookup(streamRef("okx-swap", "_", "unclassified"));
    const outcome = (text: string): unknown => decode?.(encode(text), { stream: streamRef("okx-swap", "_", "unclassified"), source: "ws", recvNs: 1n });
    expect(outcome("pong")).toEqual({ kind: "ignored", why: "heartbeat" });
    expect(outcome('{"event":"subscribe","arg":{}}')).toEqual({ kind: "ignored", why: "acknowledgement" });
    expect(outcome('{"table":"spot/depth5"}')).toEqual({ kind: "ignored", why: "unhandled" });
    expect(outcome("junk")).toMatchObject({ kind: "refused", code: "malformed-json" });
  });

  it("pages downwards from the end of a gap, never for more rows than are missing", () => {
    const range = { stream: streamRef("okx-swap", "BTCUSDT", "trades"), fromId: 10, toId: 214, fromMs: undefined, toMs: undefined };
    const paths: string[] = [];
    for (let request = adapter.backfill.plan(range); request !== undefined;) {
      paths.push(request.path);
      const page = adapter.backfill.page(range, request, encode(answer(request, 1, 10_000)));
      request = page.ok ? page.value.next : undefined;
    }
    const path = (after: number, limit: number): string => `/api/v5/market/history-trades?instId=BTC-USDT-SWAP&type=1&after=${after}&limit=${limit}`;
    expect(paths).toEqual([path(215, 100), path(115, 100), path(15, 5)]);
  });

  it("refuses pages that do not descend or that are another instrument's, and asks nothing for quotes", () => {
    const range = { stream: streamRef("okx-swap", "BTCUSDT", "trades"), fromId: 10, toId: 20, fromMs: undefined, toMs: undefined };
    const request = adapter.backfill.plan(range)!;
    const row = (id: number, instId = "BTC-USDT-SWAP"): object => ({ instId, tradeId: String(id) });
    for (const data of [[row(21)], [row(12), row(13)], [row(12), row(12)], [row(12, "BTC-USDT")]]) {
      expect(adapter.backfill.page(range, request, encode(JSON.stringify({ code: "0", data })))).toMatchObject({ ok: false, fault: { code: "feed.bad-backfill" } });
    }
    expect(adapter.backfill.plan({ ...range, stream: streamRef("okx-swap", "BTCUSDT", "bbo-tbt") })).toBeUndefined();
  });

  it("reads Retry-After and the server's time", () => {
    expect(adapter.restProblem(429, { "retry-after": "7" }, new Uint8Array())).toMatchObject({ kind: "rate-limited", retryAfterMs: 7_000 });
    expect(adapter.serverTime.read(encode('{"code":"0","msg":"","data":[{"ts":"1754000000123"}]}'))).toEqual({ ok: true, value: 1_754_000_000_123 });
  });
});
