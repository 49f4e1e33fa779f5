// Decoding Bybit: real captures message by message, the venue's own candle against its trades, and hostile bytes answered with types.
import { existsSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CarriedStreams } from "../../../shared/carried.ts";
import { add, compare, type Decimal, equal, formatDecimal, multiply, parseDecimal, ZERO } from "../../../shared/decimal.ts";
import { type DecodeOutcome, eventNs, type MarketEvent, streamRef, type TradeEvent } from "../../../shared/market.ts";
import { adapterFor, decoderLookup } from "../registry.ts";
import { builders, decodeParsed, linearDecoder, PAYLOAD_BYTES_MAX, spotDecoder } from "./decode.ts";

const SHARED = new URL("../../../../../shared/data/bybit/", import.meta.url);
const hasCaptures = existsSync(SHARED);
if (!hasCaptures) process.stderr.write("bybit decode.test: ../shared/data is absent, the tests on real captures are skipped\n");

const encoder = new TextEncoder();
const RECV_NS = 1_786_310_820_123_456_789n;
type Product = "bybit-linear" | "bybit-spot";

function decode(channel: string, text: string, symbol = "BTCUSDT"): DecodeOutcome {
  const stream = streamRef("bybit-linear", symbol, channel);
  return linearDecoder(channel)!(encoder.encode(text), { stream, source: "ws", recvNs: RECV_NS });
}

describe("bounds and names", () => {
  it("does not read more than 10 MB, nor more items than positions", () => {
    const bytes = new Uint8Array(PAYLOAD_BYTES_MAX + 1).fill(0x20);
    const stream = streamRef("bybit-linear", "BTCUSDT", "publicTrade");
    expect(linearDecoder("publicTrade")!(bytes, { stream, source: "ws", recvNs: 0n })).toMatchObject({ kind: "refused", code: "too-large" });
    const items = Array.from({ length: 65_536 }, () => "0").join(",");
    expect(decode("publicTrade", `{"topic":"publicTrade.BTCUSDT","ts":1754000000010,"data":[${items}]}`)).toMatchObject({ kind: "refused", code: "too-many-items" });
  });

  it("leaves deeper books and liquidations to nobody", () => {
    for (const channel of ["orderbook.50", "orderbook.200", "allLiquidation", "kline.5", "constructor", "__proto__"]) {
      expect(linearDecoder(channel)).toBeUndefined();
      expect(spotDecoder(channel)).toBeUndefined();
    }
  });

  const refusals: readonly (readonly [string, string, string, string])[] = [
    ["no JSON", "publicTrade", "pong", "malformed-json"],
    ["nothing", "tickers", "", "malformed-json"],
    ["an array", "publicTrade", "[]", "wrong-shape"],
    ["no topic", "publicTrade", "{}", "wrong-shape"],
    ["another topic", "publicTrade", '{"topic":"publicTrade.ETHUSDT","data":[]}', "wrong-shape"],
    ["no data", "tickers", '{"topic":"tickers.BTCUSDT","type":"delta","ts":1754000000010}', "wrong-shape"],
    ["data that is no array", "publicTrade", '{"topic":"publicTrade.BTCUSDT","data":{}}', "wrong-shape"],
    ["items that are no objects", "publicTrade", '{"topic":"publicTrade.BTCUSDT","data":[null]}', "wrong-shape"],
    ["a side of the book that is null", "orderbook.1", '{"topic":"orderbook.1.BTCUSDT","type":"snapshot","ts":1754000000010,"data":{"s":"BTCUSDT","b":null,"a":[],"u":1}}', "wrong-shape"],
    ["an update id that is text", "orderbook.1", '{"topic":"orderbook.1.BTCUSDT","type":"snapshot","ts":1754000000010,"data":{"s":"BTCUSDT","b":[],"a":[],"u":"1"}}', "wrong-type"],
    ["a funding time that is no number", "tickers", '{"topic":"tickers.BTCUSDT","type":"delta","ts":1754000000010,"data":{"symbol":"BTCUSDT","fundingRate":"0.1","nextFundingTime":"soon"}}', "bad-number"],
    ["a time in microseconds", "tickers", '{"topic":"tickers.BTCUSDT","type":"delta","ts":1754000000010000,"data":{"symbol":"BTCUSDT","markPrice":"1"}}', "implausible-time"],
  ];
  it.each(refusals)("refuses %s", (_, channel, text, code) => {
    expect(decode(channel, text)).toMatchObject({ kind: "refused", code });
  });
});

const SAMPLES: readonly (readonly [string, string])[] = [
  ["publicTrade", '{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1754000000010,"data":[{"T":1754000000008,"s":"BTCUSDT","S":"Buy","v":"0.043","p":"61800.30","L":"PlusTick","i":"0f6c1a52-7d1b","BT":false,"RPI":false,"seq":900001}]}'],
  ["tickers", '{"topic":"tickers.BTCUSDT","type":"delta","data":{"symbol":"BTCUSDT","markPrice":"61802.81","indexPrice":"61812.25","fundingRate":"-0.0001","nextFundingTime":"1754006400000","openInterest":"52774.528"},"cs":50193544280,"ts":1754000000770}'],
  ["orderbook.1", '{"topic":"orderbook.1.BTCUSDT","type":"snapshot","ts":1754000000717,"data":{"s":"BTCUSDT","b":[["61800.20","2.507"]],"a":[["61800.30","25.433"]],"u":7003305,"seq":50193540681},"cts":1754000000715}'],
  ["kline.1", '{"topic":"kline.1.BTCUSDT","data":[{"start":1754000040000,"end":1754000099999,"interval":"1","open":"1","close":"1","high":"1","low":"1","volume":"3.712","turnover":"2","confirm":true,"timestamp":1754000100441}],"ts":1754000100441,"type":"snapshot"}'],
];

describe("any bytes", () => {
  it("are routed at the time that is decoded, or at none", () => {
    const route = adapterFor("bybit-linear")!.route;
    const pieces = ["", '"', "\\", "{", "}", ",", "[", "]", " ", "0", "1", "-", ".", "null", '"T":1,', '"ts":1,', '"topic":"x",', '"data":[],', "\u00e9", "\\u0054"];
    const edit = fc.record({ at: fc.nat(320), remove: fc.nat(4), insert: fc.constantFrom(...pieces) });
    fc.assert(fc.property(fc.constantFrom(...SAMPLES), fc.array(edit, { maxLength: 3 }), ([channel, sample], edits) => {
      let text = sample;
      for (const { at, remove, insert } of edits) text = text.slice(0, at % (text.length + 1)) + insert + text.slice((at % (text.length + 1)) + remove);
      const payload = encoder.encode(text);
      const routed = route(payload);
      const stream = streamRef("bybit-linear", "BTCUSDT", channel);
      const outcome = linearDecoder(channel)!(payload, { stream, source: "ws", recvNs: RECV_NS });
      if (outcome.kind !== "events" || routed.kind !== "data") return;
      expect(routed.stream).toEqual(stream);
      const [first] = outcome.events;
      if (first !== undefined && routed.eventNs !== 0n) expect(eventNs(first)).toBe(routed.eventNs);
    }), { numRuns: 5_000 });
  });

  it("are read alike by the quick way and by JSON.parse", () => {
    const pieces = ["", '"', "\\", "{", "}", ",", ":", "[", "]", " ", "-", "0", "00", "1", "9", ".", "e1", "null", "true", "\u0000", "\u00e9", '"p":"1.5",', '"T":1,', '"BT":true,', '"BT":1,', '"success":true,"op":"x",', '"cs":x,', '"cs":1,', '"topic":"x",', '"data":[],', '"markPrice":"2",', '"indexPrice":"",', '"symbol":"X",', "\\u0070"];
    const edit = fc.record({ at: fc.nat(320), remove: fc.nat(4), insert: fc.constantFrom(...pieces) });
    fc.assert(fc.property(fc.constantFrom(...SAMPLES.slice(0, 2)), fc.array(edit, { maxLength: 3 }), ([channel, sample], edits) => {
      let text = sample;
      for (const { at, remove, insert } of edits) text = text.slice(0, at % (text.length + 1)) + insert + text.slice((at % (text.length + 1)) + remove);
      const context = { stream: streamRef("bybit-linear", "BTCUSDT", channel), source: "ws", recvNs: RECV_NS } as const;
      const payload = encoder.encode(text);
      expect(linearDecoder(channel)!(payload, context)).toEqual(decodeParsed(builders[channel]!, payload, context));
    }), { numRuns: 6_000 });
  });

  it("never make a decoder throw", () => {
    fc.assert(fc.property(fc.constantFrom(...SAMPLES.map(([channel]) => channel)), fc.oneof(fc.uint8Array({ maxLength: 80 }), fc.json().map((text) => encoder.encode(text))), (channel, bytes) => {
      const stream = streamRef("bybit-linear", "BTCUSDT", channel);
      expect(["refused", "ignored"]).toContain(linearDecoder(channel)!(bytes, { stream, source: "ws", recvNs: RECV_NS }).kind);
    }), { numRuns: 1_500 });
  });
});

interface Read { readonly streamId: string; readonly channel: string; readonly text: string; readonly outcome: DecodeOutcome | undefined; readonly kind: string }

function read(venue: Product, text: string): Read {
  const payload = encoder.encode(text);
  const routed = adapterFor(venue)!.route(payload);
  if (routed.kind !== "data") return { streamId: venue, channel: "", text, outcome: undefined, kind: routed.kind };
  const outcome = decoderLookup(routed.stream)?.(payload, { stream: routed.stream, source: "ws", recvNs: RECV_NS });
  const first = outcome?.kind === "events" ? outcome.events[0] : undefined;
  if (first !== undefined) expect(routed.eventNs).toBe(eventNs(first));
  const build = builders[routed.stream.channel];
  if (build !== undefined && outcome?.kind !== "refused") expect(decodeParsed(build, payload, { stream: routed.stream, source: "ws", recvNs: RECV_NS })).toEqual(outcome);
  return { streamId: routed.stream.streamId, channel: routed.stream.channel, text, outcome, kind: "data" };
}

/** cryptofeed's recording: one file, two products, told apart by their connection. */
function captured(): readonly Read[] {
  const text = gunzipSync(readFileSync(new URL("v5_20260809_linear_BTC_ETH_spot_BTC.jsonl.gz", SHARED))).toString("utf8");
  const entries = text.trimEnd().split("\n").map((line) => JSON.parse(line) as { readonly t: string; readonly conn?: string; readonly data?: string });
  return entries.filter(({ t }) => t === "recv").map(({ conn, data }) => read(conn === "BYBIT.ws.2" ? "bybit-linear" : "bybit-spot", data ?? ""));
}

function countsOf(messages: readonly Read[], key: (message: Read) => string): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const message of messages) counts[key(message)] = (counts[key(message)] ?? 0) + 1;
  return counts;
}

function refusalsOf(messages: readonly Read[]): readonly string[] {
  return messages.flatMap(({ outcome }) => (outcome?.kind === "refused" ? [`${outcome.code} ${outcome.detail}`] : []));
}

function eventsOf(messages: readonly Read[]): readonly MarketEvent[] {
  return messages.flatMap(({ outcome }) => (outcome?.kind === "events" ? outcome.events : []));
}

function tradesOf(messages: readonly Read[]): readonly TradeEvent[] {
  return eventsOf(messages).filter((event) => event.kind === "trade");
}

function sum(values: readonly Decimal[]): Decimal {
  return values.reduce(add, ZERO);
}

interface Candle { readonly start: number; readonly timestamp: number; readonly open: string; readonly high: string; readonly low: string; readonly close: string; readonly volume: string; readonly turnover: string }

describe.skipIf(!hasCaptures)("real captures", () => {
  it("read the recording of 2026-08-09 whole: no refusal, and as many messages per stream as its README says", () => {
    const messages = captured();
    expect(refusalsOf(messages)).toEqual([]);
    expect(countsOf(messages, ({ channel, kind }) => channel || kind)).toEqual({ publicTrade: 39, tickers: 442, "orderbook.200": 1_135, "kline.1": 49, acknowledgement: 24 });
    expect(tradesOf(messages)).toHaveLength(90);
    expect(countsOf(messages.filter(({ channel }) => channel !== ""), ({ streamId }) => streamId)).toEqual({
      "bybit-linear:BTCUSDT:publicTrade": 16, "bybit-linear:ETHUSDT:publicTrade": 12, "bybit-spot:BTCUSDT:publicTrade": 11,
      "bybit-linear:BTCUSDT:tickers": 185, "bybit-linear:ETHUSDT:tickers": 216, "bybit-spot:BTCUSDT:tickers": 41,
      "bybit-linear:BTCUSDT:orderbook.200": 414, "bybit-linear:ETHUSDT:orderbook.200": 421, "bybit-spot:BTCUSDT:orderbook.200": 300,
      "bybit-linear:BTCUSDT:kline.1": 22, "bybit-linear:ETHUSDT:kline.1": 12, "bybit-spot:BTCUSDT:kline.1": 15,
    });
  });

  it("get from tickers what each message states: 52 marks (12 with index), 3 rates, 10 open interests", () => {
    const events = eventsOf(captured().filter(({ channel }) => channel === "tickers"));
    expect(countsOf(events.map((event) => ({ streamId: "", channel: event.kind, text: "", outcome: undefined, kind: "" })), ({ channel }) => channel)).toEqual({ mark_price: 52, funding: 3, open_interest: 10 });
    expect(events.filter((event) => event.kind === "mark_price" && event.indexPrice !== undefined)).toHaveLength(12);
    expect(events.filter((event) => event.kind === "funding").map(({ nextFundingMs }) => nextFundingMs)).toEqual([1_786_320_000_000, 1_786_320_000_000, 0]);
  });

  it("get from tickers, with what was said before, every mark with its index and every rate with its time", () => {
    const entries = captured().filter(({ channel, streamId }) => channel === "tickers" && streamId.startsWith("bybit-linear"));
    const [quick, exact] = [new CarriedStreams(), new CarriedStreams()];
    const events = entries.flatMap(({ streamId, text }) => {
      const stream = streamRef("bybit-linear", streamId.split(":")[1] ?? "", "tickers");
      const context = { stream, source: "ws", recvNs: RECV_NS } as const;
      const outcome = linearDecoder("tickers")!(encoder.encode(text), { ...context, carried: quick.of(stream) });
      expect(outcome).toEqual(decodeParsed(builders["tickers"]!, encoder.encode(text), { ...context, carried: exact.of(stream) }));
      expect(quick.snapshot()).toEqual(exact.snapshot());
      return outcome.kind === "events" ? outcome.events : [];
    });
    // As many events of a kind as messages name one of its members; read alone, 24 of the indexes said nothing.
    const naming = (pattern: RegExp): number => entries.filter(({ text }) => pattern.test(text)).length;
    const ofKind = (kind: MarketEvent["kind"]): number => events.filter((event) => event.kind === kind).length;
    expect([ofKind("mark_price"), ofKind("funding"), ofKind("open_interest")]).toEqual([naming(/"(?:mark|index)Price":/), naming(/"(?:fundingRate|nextFundingTime)":/), naming(/"openInterest":/)]);
    expect([ofKind("mark_price"), ofKind("funding"), ofKind("open_interest")]).toEqual([76, 3, 10]);
    expect(events.every((event) => event.kind !== "mark_price" || event.indexPrice !== undefined)).toBe(true);
    expect(events.every((event) => event.kind !== "funding" || event.nextFundingMs === 1_786_320_000_000)).toBe(true);
  });

  it("see each trade once, without order in the ids of linear", () => {
    const trades = tradesOf(captured());
    expect(new Set(trades.map((trade) => trade.tradeId)).size).toBe(90);
    expect(trades.every((trade) => trade.market && trade.sequenceId === undefined && trade.firstTradeId === undefined)).toBe(true);
  });

  it.each([["bybit-linear:BTCUSDT", 0], ["bybit-linear:ETHUSDT", 0], ["bybit-spot:BTCUSDT", 1]] as const)("%s: the trades of 21:27 are the venue's last candle of that minute", (instrument, later) => {
    const minute = Date.UTC(2026, 7, 9, 21, 27);
    const messages = captured();
    const candles = messages.filter(({ streamId }) => streamId === `${instrument}:kline.1`).flatMap(({ text }) => (JSON.parse(text) as { readonly data: readonly Candle[] }).data);
    const candle = candles.findLast(({ start }) => start === minute)!;
    const all = tradesOf(messages.filter(({ streamId }) => streamId === `${instrument}:publicTrade`));
    // The recording ends before the minute; spot sends its candle once a second, so one trade came after the last.
    const trades = all.filter(({ eventMs }) => eventMs >= minute && eventMs <= candle.timestamp);
    expect(trades.length).toBeGreaterThan(5);
    expect(all.filter(({ eventMs }) => eventMs > candle.timestamp)).toHaveLength(later);
    expect(equal(sum(trades.map(({ qty }) => qty)), parseDecimal(candle.volume)!)).toBe(true);
    expect(equal(sum(trades.map(({ price, qty }) => multiply(price, qty))), parseDecimal(candle.turnover)!)).toBe(true);
    expect(equal(trades.at(-1)!.price, parseDecimal(candle.close)!)).toBe(true);
    // Its open is the close of the candle before, which its high and low include.
    const open = parseDecimal(candle.open)!;
    const prices = [open, ...trades.map(({ price }) => price)].sort(compare);
    expect([formatDecimal(prices.at(-1)!), formatDecimal(prices[0]!)].map(Number)).toEqual([Number(candle.high), Number(candle.low)]);
  });

  it("read the messages of 2023 and later; refused are those of inverse contracts alone", () => {
    const messages = readFileSync(new URL("tardis_ws_v5_deriv.jsonl", SHARED), "utf8").trimEnd().split("\n").map((line) => read("bybit-linear", line));
    expect(messages.map(({ streamId, outcome }) => `${streamId} ${outcome?.kind === "refused" ? outcome.code : outcome?.kind === "ignored" ? outcome.why : outcome?.kind ?? "unhandled"}`)).toEqual([
      "bybit-linear:BTCUSD:publicTrade unknown-stream",
      "bybit-linear:LTCUSDT:publicTrade events",
      "bybit-linear:BTCUSDT:orderbook.1 events",
      "bybit-linear:BTCUSDT:orderbook.1 state-only",
      "bybit-linear:BTCPERP:orderbook.50 unhandled",
      "bybit-linear:BTCPERP:orderbook.50 unhandled",
      "bybit-linear:BTCUSD:tickers unknown-stream",
      "bybit-linear:BTCUSD:tickers unknown-stream",
      "bybit-linear:BTCUSDU23:tickers unknown-stream",
      "bybit-linear:BTCUSDU23:tickers unknown-stream",
      "bybit-linear:BTCUSDT:tickers events",
      "bybit-linear:BTCUSDT:orderbook.1 events",
      "bybit-linear:PIPPINUSDT:allLiquidation unhandled",
      "bybit-linear:PIPPINUSDT:allLiquidation unhandled",
    ]);
  });
});
