// Binance and the simulator against the adapter contract, the golden messages, and what is Binance's own.
import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { formatDecimal } from "../../../shared/decimal.ts";
import { type DecodeOutcome, type MessageSource, streamRef } from "../../../shared/market.ts";
import { type AdapterSample, describeAdapter, RECV_MS } from "../adapter.contract.ts";
import type { RestRequest } from "../adapter.ts";
import { createBinanceAdapter } from "./adapter.ts";
import { usdmDecoder } from "./decode.ts";

const GOLDEN = new URL("../../../../schemas/fixtures/binance/messages.jsonl", import.meta.url);
interface Golden {
  readonly name: string;
  readonly channel: string;
  readonly symbol: string;
  readonly source: MessageSource;
  readonly message: string;
  readonly outcome?: unknown;
}
const golden = readFileSync(GOLDEN, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line) as Golden);

/** Outcomes as plain JSON, with decimals as text and refusals without their wording. */
function plain(outcome: DecodeOutcome): unknown {
  const kept = outcome.kind === "refused" ? { kind: outcome.kind, code: outcome.code } : outcome;
  return JSON.parse(JSON.stringify(kept, (_, value: unknown) =>
    typeof value === "object" && value !== null && "mantissa" in value ? formatDecimal(value as Parameters<typeof formatDecimal>[0]) : value));
}

function outcomeOf(line: Golden): unknown {
  const stream = streamRef("binance-usdm", line.symbol, line.channel);
  const outcome = usdmDecoder(line.channel)?.(new TextEncoder().encode(line.message), { stream, source: line.source, recvNs: 1_750_000_000_123_456_789n });
  return outcome === undefined ? { kind: "ignored", why: "unhandled" } : plain(outcome);
}

describe("golden messages (schemas/fixtures/binance; UPDATE_GOLDEN=1 rewrites the outcomes)", () => {
  if (process.env["UPDATE_GOLDEN"] === "1") {
    writeFileSync(GOLDEN, golden.map((line) => `${JSON.stringify({ ...line, outcome: outcomeOf(line) })}\n`).join(""));
  } else {
    it.each(golden)("$name", (line) => {
      expect(outcomeOf(line)).toEqual(line.outcome);
    });
  }
});

/** Trade ids of aggregate `a` in the contract's market: 2a and 2a+1; for stream `trade` the wanted ids are these. */
function answer(request: RestRequest, firstId: number, lastId: number): string {
  const query = new URLSearchParams(request.path.slice(request.path.indexOf("?")));
  const limit = Number(query.get("limit"));
  const start = query.get("startTime");
  const from = start === null ? Number(query.get("fromId")) : Math.ceil((Number(start) - RECV_MS(0)) / 40);
  const end = query.get("endTime");
  const until = end === null ? lastId : Math.min(lastId, Math.floor((Number(end) - RECV_MS(0)) / 40));
  const rows: unknown[] = [];
  for (let id = Math.max(from, firstId); id <= until && rows.length < limit; id += 1) {
    rows.push({ a: id, p: "100.5", q: "0.1", f: id, l: id, T: RECV_MS(id), m: true });
  }
  return JSON.stringify(rows);
}

for (const venue of ["binance-usdm", "sim"] as const) {
  const adapter = createBinanceAdapter({ venue });
  describeAdapter({
    venue, adapter,
    subscriptions: [
      { venue, symbol: "BTCUSDT", channels: ["aggTrade", "trade", "bookTicker", "markPrice", "openInterest", "depth", "kline_1m"] },
      { venue, symbol: "ETHUSDT", channels: ["aggTrade", "bookTicker"] },
    ],
    endpoints: venue === "sim" ? { ws_public: "ws://127.0.0.1:1/public/stream", ws_market: "ws://127.0.0.1:1/market/stream", rest: "http://127.0.0.1:1" } : adapter.defaultEndpoints,
    polledChannels: ["openInterest"],
    samples: golden.filter((line): line is Golden & AdapterSample => (line.outcome as { kind?: string } | undefined)?.kind === "events"),
    answer,
    refusals: [
      { status: 429, body: '{"code":-1003,"msg":"Too many requests."}', kind: "rate-limited" }, { status: 418, body: "", kind: "banned" },
      { status: 403, body: "<html>", kind: "banned" }, { status: 400, body: '{"code":-1121,"msg":"Invalid symbol."}', kind: "dead-symbol" },
      { status: 400, body: '{"code":-1100,"msg":"Illegal characters"}', kind: "refused" }, { status: 503, body: "", kind: "unavailable" },
    ],
  });
}

describe("what is Binance's own", () => {
  const adapter = createBinanceAdapter({ venue: "binance-usdm" });
  const all = [{ venue: "binance-usdm" as const, symbol: "BTCUSDT", channels: ["aggTrade", "trade", "bookTicker", "markPrice"] }];

  it("puts quotes on the public and trades and marks on the market address, subscribed in the address", () => {
    expect(adapter.plan(all, adapter.defaultEndpoints).map(({ name, url, subscribe }) => [name, url, subscribe])).toEqual([
      ["market", "wss://fstream.binance.com/market/stream?streams=btcusdt@aggTrade/btcusdt@trade/btcusdt@markPrice@1s", undefined],
      ["public", "wss://fstream.binance.com/public/stream?streams=btcusdt@bookTicker", undefined],
    ]);
  });

  it("records the venue's candles unasked, beside the trades, and never takes their silence for a fault; the simulation under its own name does not", () => {
    expect(createBinanceAdapter({ venue: "sim" }).defaultChannels).toEqual(["aggTrade", "bookTicker", "markPrice", "openInterest"]);
    const [market] = adapter.plan([{ venue: "binance-usdm", symbol: "BTCUSDT", channels: adapter.defaultChannels }], adapter.defaultEndpoints);
    expect(market?.url).toBe("wss://fstream.binance.com/market/stream?streams=btcusdt@aggTrade/btcusdt@markPrice@1s/btcusdt@kline_1m");
    expect(Object.keys(market?.silenceLimitMs ?? {})).not.toContain("binance-usdm:BTCUSDT:kline_1m");
  });

  it("uses one address of the older generation for all, when given", () => {
    const plans = adapter.plan(all, { ...adapter.defaultEndpoints, ws: "wss://fstream.binance.com/stream" });
    expect(plans.map(({ name, url, streams, subscribe }) => [name, url, streams.length, subscribe?.streamsPerRequest])).toEqual([["ws", "wss://fstream.binance.com/stream", 4, 20]]);
    const [plan] = plans;
    expect(adapter.subscribeText(plan?.streams.slice(2) ?? [], 3)).toBe('{"method":"SUBSCRIBE","params":["btcusdt@bookTicker","btcusdt@markPrice@1s"],"id":3}');
  });

  it("opens no connection with more than 200 streams", () => {
    const many = Array.from({ length: 450 }, (_, index) => ({ venue: "binance-usdm" as const, symbol: `S${index}USDT`, channels: ["trade"] }));
    expect(adapter.plan(many, adapter.defaultEndpoints).map(({ name, streams }) => [name, streams.length])).toEqual([["market", 200], ["market-2", 200], ["market-3", 50]]);
  });

  const routes: readonly (readonly [string, unknown])[] = [
    ['{"result":null,"id":3}', { kind: "acknowledgement", id: "3", ok: true }],
    ['{"error":{"code":2,"msg":"Invalid request"},"id":4}', { kind: "acknowledgement", id: "4", ok: false, detail: "2 Invalid request" }],
    ['{"code":2,"msg":"Invalid JSON"}', { kind: "acknowledgement", id: "", ok: false, detail: "2 Invalid JSON" }],
    ['{"e":"serverShutdown","E":1770123456789}', { kind: "rotate" }],
    ['{"stream":"!markPrice@arr","data":[]}', { kind: "unknown" }],
    ['{"lastUpdateId":1,"bids":[],"asks":[]}', { kind: "unknown" }],
    ['{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":5,"T":4,"s":"BTCUSDT","U":1,"u":2,"pu":0,"b":[["1","2"]],"a":[]}}', { kind: "data", stream: { channel: "depth" }, eventNs: 4_000_000n }],
    ['{"stream":"btcusdt@kline_1m","data":{"e":"kline","E":5,"s":"BTCUSDT","k":{"T":9}}}', { kind: "data", stream: { channel: "kline_1m" }, eventNs: 5_000_000n }],
    ['{ "stream": "btcusdt@markPrice@1s", "data": {"e":"markPriceUpdate","E":5,"T":9} }', { kind: "data", stream: { channel: "markPrice" }, eventNs: 5_000_000n }],
    ['{"stream":"btcusdt@trade","data":{"e":"trade","E":9223372036855,"T":9007199254740991}}', { kind: "data", eventNs: 0n }],
    ['{"symbol":"BTCUSDT","openInterest":"1","time":9007199254740991}', { kind: "data", eventNs: 0n }],
    ['{"e":"trade","E":6,"T":5,"s":"ethusdt"}', { kind: "data", stream: { streamId: "binance-usdm:ETHUSDT:trade" }, eventNs: 5_000_000n }],
  ];
  it.each(routes)("routes %s", (text, expected) => {
    expect(adapter.route(new TextEncoder().encode(text))).toMatchObject(expected as object);
  });

  it("asks for stream trade by time first and by aggregate id then, and cannot without a time", () => {
    const stream = streamRef("binance-usdm", "BTCUSDT", "trade");
    const range = { stream, fromId: 100, toId: 5_000, fromMs: 1_700_000_000_000, toMs: 1_700_000_060_000 };
    const first = adapter.backfill.plan(range);
    expect(first?.path).toBe("/fapi/v1/aggTrades?symbol=BTCUSDT&startTime=1699999999000&endTime=1700000061000&limit=1000");
    const body = '[{"a":40,"p":"1","q":"1","f":90,"l":102,"T":1700000000000,"m":true},{"a":41,"p":"1","q":"1","f":105,"l":110,"T":1700000000900,"m":true}]';
    expect(adapter.backfill.page(range, first!, new TextEncoder().encode(body))).toEqual({
      ok: true, value: { next: { endpoint: "rest", path: "/fapi/v1/aggTrades?symbol=BTCUSDT&fromId=42&limit=1000", weight: 20 }, ids: [{ fromId: 100, toId: 102 }, { fromId: 105, toId: 110 }] },
    });
    expect(adapter.backfill.plan({ ...range, fromMs: undefined })).toBeUndefined();
  });

  it("walks empty hours of a quiet symbol in windows under an hour", () => {
    const stream = streamRef("binance-usdm", "QUIETUSDT", "trade");
    const range = { stream, fromId: 1, toId: 2, fromMs: 1_700_000_000_000, toMs: 1_700_000_000_000 + 3 * 3_600_000 };
    const windows: string[] = [];
    for (let request = adapter.backfill.plan(range); request !== undefined;) {
      windows.push(request.path);
      const page = adapter.backfill.page(range, request, new TextEncoder().encode("[]"));
      request = page.ok ? page.value.next : undefined;
    }
    expect(windows).toHaveLength(4);
    const spans = windows.map((path) => new URLSearchParams(path)).map((query) => Number(query.get("endTime")) - Number(query.get("startTime")));
    expect(Math.max(...spans)).toBeLessThan(3_600_000);
  });

  it("reads Retry-After, and refuses a page that does not advance", () => {
    expect(adapter.restProblem(418, { "retry-after": "77" }, new Uint8Array())).toMatchObject({ kind: "banned", retryAfterMs: 77_000 });
    const stream = streamRef("binance-usdm", "BTCUSDT", "aggTrade");
    const range = { stream, fromId: 10, toId: 20, fromMs: undefined, toMs: undefined };
    const request = adapter.backfill.plan(range)!;
    expect(adapter.backfill.page(range, request, new TextEncoder().encode('[{"a":3,"f":1,"l":1,"T":5}]'))).toMatchObject({ ok: false, fault: { code: "feed.bad-backfill" } });
  });
});
