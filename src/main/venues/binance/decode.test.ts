// Decoding Binance: real captures without a refusal, both ways of reading in agreement, and hostile bytes answered with types.
import { existsSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatDecimal } from "../../../shared/decimal.ts";
import { type DecodeContext, type DecodeOutcome, type MarketEvent, type MessageSource, streamRef } from "../../../shared/market.ts";
import { decoderLookup } from "../registry.ts";
import { builders, decodeParsed, PAYLOAD_BYTES_MAX, usdmDecoder } from "./decode.ts";

const SHARED = new URL("../../../../../shared/data/", import.meta.url);
const hasCaptures = existsSync(SHARED);
if (!hasCaptures) process.stderr.write("decode.test: ../shared/data is absent, the tests on real captures are skipped\n");

const encoder = new TextEncoder();
const RECV_NS = 1_700_000_000_123_456_789n;

function context(channel: string, symbol = "BTCUSDT", source: MessageSource = "ws"): DecodeContext {
  return { stream: streamRef("binance-usdm", symbol, channel), source, recvNs: RECV_NS };
}

function decode(channel: string, text: string, symbol = "BTCUSDT", source: MessageSource = "ws"): DecodeOutcome {
  return usdmDecoder(channel)!(encoder.encode(text), context(channel, symbol, source));
}

function events(outcome: DecodeOutcome): readonly MarketEvent[] {
  if (outcome.kind !== "events") throw new Error(`expected events, got ${JSON.stringify(outcome)}`);
  return outcome.events;
}

const TRADE = '{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161256322,"T":1723161256321,"s":"BTCUSDT","t":5266583935,"p":"61800.30","q":"0.006","X":"MARKET","m":false}}';
const BOOK = '{"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":5123107839020,"s":"BTCUSDT","b":"61800.20","B":"2.507","a":"61800.30","A":"2.510","T":1723161256313,"E":1723161256314}}';
const AGG = '{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":1616202009196,"a":389551486,"s":"BTCUSDT","p":"58665.00","q":"0.043","f":621622993,"l":621622995,"T":1616202009188,"m":true}}';
const MARK = '{"stream":"btcusdt@markPrice","data":{"e":"markPriceUpdate","E":1617308820003,"s":"BTCUSDT","p":"58940.14924532","P":"58905.14663658","i":"58857.26693664","r":"-0.00058455","T":1617321600000}}';

describe("what a message means", () => {
  it("reads a trade", () => {
    expect(events(decode("trade", TRADE))).toEqual([{
      kind: "trade", eventMs: 1723161256321, eventSubNs: 0, price: { mantissa: 6180030, scale: 2 }, qty: { mantissa: 6, scale: 3 }, side: 1,
      tradeId: "5266583935", sequenceId: 5266583935, firstTradeId: 5266583935, lastTradeId: 5266583935, tradeCount: 1, market: true,
    }]);
  });

  it("reads a bare payload like a wrapped one", () => {
    const bare = TRADE.slice(TRADE.indexOf('"data":') + 7, -1);
    expect(decode("trade", bare)).toEqual(decode("trade", TRADE));
  });

  it("counts l - f + 1 trades in an aggregated trade and keys it by a", () => {
    expect(events(decode("aggTrade", AGG))).toEqual([expect.objectContaining({
      tradeId: "389551486", sequenceId: 389551486, firstTradeId: 621622993, lastTradeId: 621622995, tradeCount: 3, side: -1,
    })]);
  });

  it("proves nothing with an aggregated trade of 2019, which has no a", () => {
    const old = '{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":1568693103463,"s":"BTCUSDT","p":"10223.74","q":"0.236","f":181349,"l":181349,"T":1568693103463,"m":false}}';
    expect(events(decode("aggTrade", old))).toEqual([expect.objectContaining({ tradeId: "", sequenceId: undefined, firstTradeId: 181349 })]);
  });

  it("marks what is no market trade, also at price zero", () => {
    const text = TRADE.replace("MARKET", "INSURANCE_FUND");
    expect(events(decode("trade", text))).toEqual([expect.objectContaining({ market: false })]);
    expect(events(decode("trade", text.replace("61800.30", "0")))).toEqual([expect.objectContaining({ market: false })]);
  });

  it("gives mark price first and funding second, at E", () => {
    expect(events(decode("markPrice", MARK))).toEqual([
      { kind: "mark_price", eventMs: 1617308820003, eventSubNs: 0, markPrice: { mantissa: 5894014924532, scale: 8 }, indexPrice: { mantissa: 5885726693664, scale: 8 } },
      { kind: "funding", eventMs: 1617308820003, eventSubNs: 0, fundingRate: { mantissa: -58455, scale: 8 }, nextFundingMs: 1617321600000 },
    ]);
  });

  it("leaves the index price unknown where the era did not send it", () => {
    const [mark] = events(decode("markPrice", MARK.replace(',"i":"58857.26693664"', "")));
    expect(mark).toMatchObject({ kind: "mark_price", indexPrice: undefined });
  });

  it("gives no funding for an empty rate, and next funding 0 when the venue says so", () => {
    expect(events(decode("markPrice", MARK.replace('"-0.00058455"', '""')))).toHaveLength(1);
    expect(events(decode("markPrice", MARK.replace("1617321600000", "0")))[1]).toMatchObject({ nextFundingMs: 0 });
  });

  it("takes a book ticker's time from T, else E, else the receive time", () => {
    expect(events(decode("bookTicker", BOOK))[0]).toMatchObject({ eventMs: 1723161256313, updateId: 5123107839020 });
    const withoutT = BOOK.replace('"T":1723161256313,', "");
    expect(events(decode("bookTicker", withoutT))[0]).toMatchObject({ eventMs: 1723161256314 });
    const without = withoutT.replace(',"E":1723161256314', "");
    expect(events(decode("bookTicker", without))[0]).toMatchObject({ eventMs: 1_700_000_000_123, eventSubNs: 456_789 });
  });

  it("reads open interest with and without a time", () => {
    expect(events(decode("openInterest", '{"symbol":"BTCUSDT","openInterest":"84617.188","time":1654336844754}', "BTCUSDT", "rest_poll"))[0])
      .toEqual({ kind: "open_interest", eventMs: 1654336844754, eventSubNs: 0, openInterest: { mantissa: 84617188, scale: 3 } });
    expect(events(decode("openInterest", '{"symbol":"BTCUSDT","openInterest":"14367.348"}', "BTCUSDT", "rest_poll"))[0])
      .toMatchObject({ eventMs: 1_700_000_000_123, eventSubNs: 456_789 });
  });

  it("reads a backfill page: ids of aggTrade are a, of trade the interval f to l", () => {
    const body = '[{"a":7,"p":"1.5","q":"2","f":10,"l":12,"T":1616202009188,"m":true},{"a":8,"p":"1.6","q":"1","f":13,"l":13,"T":1616202009190,"m":false,"nq":"1"}]';
    const aggregated = events(decode("aggTrade", body, "BTCUSDT", "rest_backfill"));
    expect(aggregated.map((event) => event.kind === "trade" && [event.sequenceId, event.tradeCount])).toEqual([[7, 3], [8, 1]]);
    const intervals = events(decode("trade", body, "BTCUSDT", "rest_backfill"));
    expect(intervals.map((event) => event.kind === "trade" && [event.sequenceId, event.firstTradeId, event.lastTradeId])).toEqual([[undefined, 10, 12], [undefined, 13, 13]]);
  });

  it("keeps more digits than a double holds", () => {
    const [event] = events(decode("trade", TRADE.replace("61800.30", "123456789012345678.12345678")));
    expect(event?.kind === "trade" && formatDecimal(event.price)).toBe("123456789012345678.12345678");
  });
});

describe("refusals", () => {
  const cases: readonly (readonly [string, string, string, string])[] = [
    ["cut off", "trade", TRADE.slice(0, -9), "malformed-json"],
    ["no object", "trade", "[]", "wrong-shape"],
    ["null", "trade", "null", "wrong-shape"],
    ["several symbols at once", "markPrice", '{"stream":"!markPrice@arr","data":[{"e":"markPriceUpdate"}]}', "wrong-shape"],
    ["a field missing", "trade", TRADE.replace('"t":5266583935,', ""), "wrong-shape"],
    ["another symbol", "trade", TRADE.replace('"s":"BTCUSDT"', '"s":"ETHUSDT"'), "wrong-shape"],
    ["another message type", "trade", AGG, "wrong-shape"],
    ["a price that is a number", "trade", TRADE.replace('"61800.30"', "61800.30"), "wrong-type"],
    ["an id that is a string", "trade", TRADE.replace("5266583935", '"5266583935"'), "wrong-type"],
    ["a side that is a number", "trade", TRADE.replace("false", "0"), "wrong-type"],
    ["X that is null", "trade", TRADE.replace('"MARKET"', "null"), "wrong-type"],
    ["no decimal", "trade", TRADE.replace("61800.30", "61800.3O"), "bad-number"],
    ["an empty decimal", "trade", TRADE.replace("61800.30", ""), "bad-number"],
    ["a price of zero", "trade", TRADE.replace("61800.30", "0.00"), "bad-number"],
    ["a negative size", "trade", TRADE.replace("0.006", "-0.006"), "bad-number"],
    ["a negative id", "trade", TRADE.replace("5266583935", "-5"), "bad-number"],
    ["an unsafe id", "trade", TRADE.replace("5266583935", "9007199254740993"), "bad-number"],
    ["ids backwards", "aggTrade", AGG.replace("621622995", "1"), "bad-number"],
    ["time in seconds", "trade", TRADE.replace("1723161256321", "1723161256"), "implausible-time"],
    ["time in microseconds", "trade", TRADE.replace("1723161256321", "1723161256321000"), "implausible-time"],
    ["nothing", "trade", "", "malformed-json"],
  ];
  it.each(cases)("%s", (_, channel, text, code) => {
    expect(decode(channel, text)).toMatchObject({ kind: "refused", code });
  });

  it("refuses text that is no UTF-8", () => {
    const bytes = encoder.encode(TRADE);
    bytes[bytes.indexOf(0x4d)] = 0xff;
    expect(usdmDecoder("trade")!(bytes, context("trade"))).toMatchObject({ kind: "refused", code: "malformed-json" });
  });

  it("does not read more than 10 MB, nor more items than positions", () => {
    const bytes = new Uint8Array(PAYLOAD_BYTES_MAX + 1).fill(0x20);
    expect(usdmDecoder("trade")!(bytes, context("trade"))).toMatchObject({ kind: "refused", code: "too-large" });
    const items = `[${Array.from({ length: 65_536 }, () => "0").join(",")}]`;
    expect(decode("trade", items, "BTCUSDT", "rest_backfill")).toMatchObject({ kind: "refused", code: "too-many-items" });
  });

  it("takes an answer to a request for what it is", () => {
    expect(decode("trade", '{"result":null,"id":3}')).toEqual({ kind: "ignored", why: "acknowledgement" });
  });

  it("leaves depth, ticker and forceOrder to nobody, and COIN-M to a decoder of its own", () => {
    for (const channel of ["depth", "ticker", "kline_3m", "kline_", "forceOrder", "constructor", "__proto__"]) expect(usdmDecoder(channel)).toBeUndefined();
    expect(decoderLookup(streamRef("binance-coinm", "BTCUSD_PERP", "trade"))).toBeUndefined();
    expect(decoderLookup(streamRef("sim", "BTCUSDT", "trade"))).toBe(usdmDecoder("trade"));
  });
});

type Channel = keyof typeof builders;
const SAMPLES: readonly (readonly [Channel, string])[] = [
  ["trade", TRADE], ["trade", TRADE.slice(TRADE.indexOf('"data":') + 7, -1)], ["bookTicker", BOOK], ["aggTrade", AGG], ["markPrice", MARK],
];

function agree(channel: Channel, payload: Uint8Array, symbol = "BTCUSDT"): void {
  const scanned = usdmDecoder(channel)!(payload, context(channel, symbol));
  expect(scanned).toEqual(decodeParsed(builders[channel], payload, context(channel, symbol)));
}

describe("the scanner and JSON.parse agree", () => {
  const PIECES = ['"', "\\", "{", "}", ",", ":", "[", "]", " ", "-", "0", "00", "1", "9", ".", "e1", "null", "true", "\u0000", "\u00e9", '"p":"1.5",', '"T":1,', '"ps":"x",', '"nq":"1",', '"stream":"x",', '"data":{},', "\\u0070"];
  it("on messages with bytes replaced, removed and put in", () => {
    const edit = fc.record({ at: fc.nat(200), remove: fc.nat(4), insert: fc.constantFrom("", ...PIECES) });
    fc.assert(fc.property(fc.constantFrom(...SAMPLES), fc.array(edit, { minLength: 1, maxLength: 3 }), ([channel, sample], edits) => {
      let text = sample;
      for (const { at, remove, insert } of edits) text = text.slice(0, at % (text.length + 1)) + insert + text.slice((at % (text.length + 1)) + remove);
      agree(channel, encoder.encode(text));
    }), { numRuns: 6_000 });
  });

  it("on members in any order, doubled, absent, or with other values", () => {
    const value = fc.oneof(
      fc.constantFrom("true", "false", "null", "{}", "[1]", '""', "1E3", "-0", '"-0.0"', '"1e-7"', '"5."', '".5"', '"-"'),
      fc.integer().map(String), fc.bigInt({ min: 0n, max: 10n ** 20n }).map(String),
      fc.tuple(fc.bigInt({ min: -(10n ** 18n), max: 10n ** 18n }), fc.nat({ max: 99_999 })).map(([whole, fraction]) => `"${whole}.${fraction}"`),
      fc.string({ unit: "binary", maxLength: 12 }).map((text) => JSON.stringify(text)),
    );
    fc.assert(fc.property(fc.constantFrom(...SAMPLES), fc.infiniteStream(fc.nat()), fc.array(fc.tuple(fc.nat(), value), { maxLength: 3 }), ([channel, sample], order, changes) => {
      const start = sample.startsWith('{"stream"') ? sample.indexOf('"data":') + 7 : 0;
      const end = start === 0 ? sample.length : sample.length - 1;
      const members = Object.entries(JSON.parse(sample.slice(start, end)) as object).map(([key, member]) => [key, JSON.stringify(member)] as [string, string]);
      members.sort(() => (order.next().value % 3) - 1);
      for (const [index, text] of changes) {
        const member = members[index % members.length];
        if (index % 5 === 0 && member !== undefined) members.push([member[0], text]);
        else if (member !== undefined) member[1] = text;
      }
      agree(channel, encoder.encode(`${sample.slice(0, start)}{${members.map(([key, text]) => `"${key}":${text}`).join(",")}}${sample.slice(end)}`));
    }), { numRuns: 4_000 });
  });

  it("on any bytes at all, without ever throwing", () => {
    fc.assert(fc.property(fc.constantFrom<Channel>("trade", "bookTicker", "aggTrade", "markPrice"), fc.uint8Array({ maxLength: 80 }), (channel, bytes) => {
      agree(channel, bytes);
    }), { numRuns: 2_000 });
  });
});

/** Raw messages of a capture file, whatever its format (README of the data folder). */
function* messagesOf(file: string): Iterable<string> {
  const bytes = readFileSync(new URL(file, SHARED));
  const text = (file.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8");
  for (const line of text.split("\n")) {
    if (line === "") continue;
    if (file.endsWith(".txt.gz")) {
      yield line.slice(line.indexOf(" ") + 1);
    } else if (file.includes("cryptofeed")) {
      const entry = JSON.parse(line) as { t: string; data?: string };
      if (entry.t === "recv" && entry.data !== undefined) yield entry.data;
    } else if (file.includes("rest_recorded")) {
      yield (JSON.parse(line) as { body: string }).body;
    } else {
      yield line;
    }
  }
}

const KLINE = '{"stream":"btcusdt@kline_1m","data":{"e":"kline","E":1626992741424,"s":"BTCUSDT","k":{"t":1626992700000,"T":1626992759999,"s":"BTCUSDT","i":"1m","f":23961275,"L":23961322,"o":"1.01000","c":"1.01100","h":"1.01100","l":"1.01000","v":"3917","n":48,"x":true,"q":"3957.89900","V":"1729","Q":"1748.01900","B":"0"}}}';

describe("the venue's own candles", () => {
  it("say what they say, and never become trades", () => {
    expect(events(decode("kline_1m", KLINE))).toEqual([{
      kind: "venue_candle", eventMs: 1626992741424, eventSubNs: 0, interval: "1m", openMs: 1626992700000, open: { mantissa: 101000, scale: 5 }, high: { mantissa: 101100, scale: 5 },
      low: { mantissa: 101000, scale: 5 }, close: { mantissa: 101100, scale: 5 }, volume: { mantissa: 3917, scale: 0 }, quoteVolume: { mantissa: 395789900, scale: 5 },
      tradeCount: 48, final: true, opensWithTrade: true,
    }]);
  });

  it.each([
    ["of another interval", KLINE.replace('"i":"1m"', '"i":"5m"'), "wrong-shape"], ["without a candle", KLINE.replace('"k":{', '"kk":{'), "wrong-shape"],
    ["of another symbol", KLINE.replace('"s":"BTCUSDT"', '"s":"ETHUSDT"'), "wrong-shape"], ["with a negative volume", KLINE.replace('"v":"3917"', '"v":"-1"'), "bad-number"],
    ["with a count in text", KLINE.replace('"n":48', '"n":"48"'), "wrong-type"], ["cut short", KLINE.slice(0, -2), "malformed-json"],
  ])("%s are refused", (_, text, code) => {
    expect(decode("kline_1m", text)).toMatchObject({ kind: "refused", code });
  });
});

const CHANNEL_OF: Readonly<Record<string, string>> = { trade: "trade", aggTrade: "aggTrade", bookTicker: "bookTicker", markPriceUpdate: "markPrice" };

describe.skipIf(!hasCaptures)("real captures", () => {
  it.each([
    "binance_usdm/ws_BTCUSDT_20240808T2354.txt.gz", "binance_usdm/ws_ETHUSDT_20240808T2354.txt.gz",
    "binance_usdm/ws_BTCUSDT_20230405T0000_markprice.txt.gz", "binance_usdm/cryptofeed_20210722_aggTrade_bookTicker_depth_kline.jsonl.gz",
    "binance_usdm/msgparser_ws_linear_swap.jsonl", "binance_usdm/msgparser_rest_linear_swap.jsonl", "binance_usdm/tardis_ws.jsonl",
    "binance_usdm/rest_recorded_2019_2020.jsonl",
  ])("%s decodes without a refusal, both ways alike", (file) => {
    const refusals: string[] = [];
    let decoded = 0;
    for (const text of messagesOf(file)) {
      const message = JSON.parse(text) as { data?: { e?: string; s?: string; k?: { i: string } }; e?: string; openInterest?: string; symbol?: string };
      const data = message.data ?? message;
      // Arrays of all symbols are not subscribed to; depth, ticker and candles of a month have no decoder.
      const channel = message.openInterest === undefined ? ("k" in data && data.k !== undefined ? `kline_${data.k.i}` : CHANNEL_OF[data.e ?? ""]) : "openInterest";
      if (channel === undefined || usdmDecoder(channel) === undefined) continue;
      const symbol = (message.openInterest === undefined ? (data as { s?: string }).s : message.symbol) ?? "";
      const payload = encoder.encode(text);
      const where = context(channel, symbol);
      const outcome = usdmDecoder(channel)!(payload, where);
      if (outcome.kind === "events") decoded += 1;
      else refusals.push(`${JSON.stringify(outcome)} in ${text}`);
      // Every message is decoded; the second, slow reading takes every eighth.
      if (decoded % 8 === 1 && channel in builders && JSON.stringify(outcome) !== JSON.stringify(decodeParsed(builders[channel as Channel], payload, where))) refusals.push(`two readings of ${text}`);
    }
    expect(refusals).toEqual([]);
    expect(decoded).toBeGreaterThan(0);
  });

  it("reads spot trades and spot book tickers, which carry no time", () => {
    const counts = { trade: 0, bookTicker: 0 };
    for (const text of messagesOf("binance_spot/ws_BTCUSDT_20240808T2354.txt.gz")) {
      const channel = text.includes("@trade") ? "trade" : text.includes("@bookTicker") ? "bookTicker" : undefined;
      if (channel === undefined) continue;
      const stream = streamRef("binance-spot", "BTCUSDT", channel);
      const outcome = decoderLookup(stream)!(encoder.encode(text), { stream, source: "ws", recvNs: RECV_NS });
      if (outcome.kind !== "events") throw new Error(JSON.stringify(outcome));
      counts[channel] += 1;
    }
    expect(counts).toEqual({ trade: 9_757, bookTicker: 28_040 });
  });
});
