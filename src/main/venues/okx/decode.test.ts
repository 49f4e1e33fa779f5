// Decoding OKX: every real message decodes, is known and silent, or is refused with the reason listed here; ids and counts add up.
import { existsSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatDecimal, parseDecimal } from "../../../shared/decimal.ts";
import { type DecodeOutcome, type MarketEvent, type MessageSource, streamRef, type TradeEvent } from "../../../shared/market.ts";
import { ITEMS_PER_MESSAGE_MAX } from "../../../shared/raw.ts";
import { decoderLookup } from "../registry.ts";
import { okxSpotDecoder, okxSwapDecoder } from "./decode.ts";
import { CONTRACT_VALUES, indexIdOf, instIdOf, instrumentOf, OKX_VENUES, unitsPerSize } from "./instruments.ts";
import { PAYLOAD_BYTES_MAX } from "./limits.ts";
import { createOkxRoute } from "./route.ts";

const SHARED = new URL("../../../../../shared/data/okx/", import.meta.url);
const hasCaptures = existsSync(SHARED);
if (!hasCaptures) process.stderr.write("decode.test: ../shared/data/okx is absent, the tests on real captures are skipped\n");

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const RECV_NS = 1_700_000_000_123_456_789n;
const BTC = streamRef("okx-swap", "BTCUSDT", "trades");

function decode(channel: string, text: string, source: MessageSource = "ws"): DecodeOutcome | undefined {
  return okxSwapDecoder(channel)?.(encode(text), { stream: streamRef("okx-swap", "BTCUSDT", channel), source, recvNs: RECV_NS });
}

describe("instruments", () => {
  it("have one symbol for spot and swap, and go back and forth", () => {
    for (const symbol of [...Object.keys(CONTRACT_VALUES), "BTCUSDC", "BTCUSD", "ETHBTC", "1INCHUSDT"]) {
      for (const venue of OKX_VENUES) expect(instrumentOf(instIdOf(venue, symbol))).toEqual({ venue, symbol });
    }
    expect(indexIdOf("BTCUSDT")).toBe("BTC-USDT");
    for (const text of ["BTC-USD-220527", "BTC-USD-220527-30000-C", "BTCUSDT", "", "-USDT", "btc-usdt", "BTC-USDT-SWAP-SWAP"]) expect(instrumentOf(text)).toBeUndefined();
  });

  it("have no contract value where none is known", () => {
    expect(unitsPerSize("okx-swap", "SOSUSDT", 1_754_000_000_000)).toBeUndefined();
    expect(unitsPerSize("okx-swap", "constructor", 1_754_000_000_000)).toBeUndefined();
    expect(unitsPerSize("okx-swap", "POLUSDT", 1_700_000_000_000)).toBeUndefined();
    expect(unitsPerSize("binance-usdm", "BTCUSDT", 1_754_000_000_000)).toBeUndefined();
  });
});

describe("bounds", () => {
  it("does not read more than 10 MB, nor more items than positions", () => {
    const large = new Uint8Array(PAYLOAD_BYTES_MAX + 1).fill(0x20);
    expect(okxSwapDecoder("trades")?.(large, { stream: BTC, source: "ws", recvNs: 1n })).toMatchObject({ kind: "refused", code: "too-large" });
    const items = Array.from({ length: ITEMS_PER_MESSAGE_MAX + 1 }, () => "0").join(",");
    expect(decode("trades", `{"code":"0","data":[${items}]}`, "rest_backfill")).toMatchObject({ kind: "refused", code: "too-many-items" });
  });

  it("refuses text that is no UTF-8", () => {
    const bytes = encode('{"arg":{"channel":"trades","instId":"BTC-USDT-SWAP"},"data":[]}');
    bytes[bytes.indexOf(0x42)] = 0xff;
    expect(okxSwapDecoder("trades")?.(bytes, { stream: BTC, source: "ws", recvNs: 1n })).toMatchObject({ kind: "refused", code: "malformed-json" });
  });

  it("keeps more digits than a double holds", () => {
    const outcome = decode("trades", '{"arg":{"channel":"trades","instId":"BTC-USDT-SWAP"},"data":[{"instId":"BTC-USDT-SWAP","tradeId":"9","px":"123456789012345678.12345678","sz":"1234567890123456.7","side":"buy","count":"1","ts":"1754000000000"}]}');
    const [event] = outcome?.kind === "events" ? outcome.events : [];
    expect(event?.kind === "trade" && [formatDecimal(event.price), formatDecimal(event.qty)]).toEqual(["123456789012345678.12345678", "12345678901234.567"]);
  });

  it("reads numbers of any spelling as the general reader does", () => {
    const text = fc.oneof(fc.constantFrom("", ".", "1.", ".5", "00.10", "1.2.3", "-0", "1e-7", "123456789012345", "1234567890123456", "12345678901234.5", " 1"),
      fc.tuple(fc.bigInt({ min: 0n, max: 10n ** 18n }), fc.nat({ max: 99_999 })).map(([whole, fraction]) => `${whole}.${fraction}`), fc.string({ maxLength: 8 }));
    fc.assert(fc.property(text, (price) => {
      const outcome = decode("mark-price", `{"arg":{"channel":"mark-price","instId":"BTC-USDT-SWAP"},"data":[{"instId":"BTC-USDT-SWAP","markPx":${JSON.stringify(price)},"ts":"1754000000000"}]}`);
      const [event] = outcome?.kind === "events" ? outcome.events : [];
      const expected = parseDecimal(price);
      expect(event?.kind === "mark_price" ? event.markPrice : undefined).toEqual(expected === undefined || expected.mantissa < 0 ? undefined : expected);
    }), { numRuns: 2_000 });
  });

  it("leaves books and tickers to nobody", () => {
    for (const channel of ["books", "books5", "books-l2-tbt", "tickers", "candle1H", "constructor", "__proto__"]) {
      expect(okxSwapDecoder(channel)).toBeUndefined();
      expect(okxSpotDecoder(channel)).toBeUndefined();
    }
    for (const channel of ["funding-rate", "index-tickers", "mark-price"]) expect(okxSpotDecoder(channel)).toBeUndefined();
  });

  it("answers any members of any type with a value", () => {
    const value = fc.oneof(fc.json(), fc.constantFrom('"1"', '"-1"', '"1754000000000"', '"buy"', '[["1","2"]]', "null", '"1e400"', '"0"'));
    const member = fc.tuple(fc.constantFrom("instId", "tradeId", "px", "sz", "side", "ts", "count", "asks", "bids", "markPx", "fundingRate", "fundingTime", "oi", "oiCcy", "seqId"), value);
    const channels = ["trades", "bbo-tbt", "mark-price", "funding-rate", "open-interest"];
    fc.assert(fc.property(fc.constantFrom(...channels), fc.array(member, { maxLength: 12 }), fc.boolean(), (channel, members, rest) => {
      const item = `{"instId":"BTC-USDT-SWAP","tradeId":"5","px":"1","sz":"1","side":"buy","ts":"1754000000000"${members.map(([name, text]) => `,"${name}":${text}`).join("")}}`;
      const text = rest ? `{"code":"0","data":[${item}]}` : `{"arg":{"channel":"${channel}","instId":"BTC-USDT-SWAP"},"data":[${item}]}`;
      expect(["events", "ignored", "refused"]).toContain(decode(channel, text, rest ? "rest_backfill" : "ws")?.kind);
    }), { numRuns: 2_000 });
  });
});

/** Raw socket messages of a capture file. */
function* messagesOf(file: string): Iterable<string> {
  const bytes = readFileSync(new URL(file, SHARED));
  const text = (file.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8");
  for (const line of text.split("\n")) {
    if (line === "") continue;
    if (!file.endsWith(".gz")) yield line;
    else {
      const entry = JSON.parse(line) as { t: string; data?: string };
      if (entry.t === "recv" && entry.data !== undefined) yield entry.data;
    }
  }
}

interface Reading {
  /** Messages by stream id, or by what the frame is. */
  readonly counts: Readonly<Record<string, number>>;
  /** `stream: events | ignored:why | refused:code`, each with its number. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly events: readonly MarketEvent[];
}

function read(file: string): Reading {
  const route = createOkxRoute(OKX_VENUES);
  const counts: Record<string, number> = {}, outcomes: Record<string, number> = {};
  const events: MarketEvent[] = [];
  for (const message of messagesOf(file)) {
    const payload = encode(message);
    const routed = route(payload);
    const name = routed.kind === "data" ? routed.stream.streamId : routed.kind;
    counts[name] = (counts[name] ?? 0) + 1;
    const decoder = routed.kind === "data" ? decoderLookup(routed.stream) : undefined;
    if (routed.kind !== "data" || decoder === undefined) continue;
    const outcome = decoder(payload, { stream: routed.stream, source: "ws", recvNs: RECV_NS });
    if (outcome.kind === "events") events.push(...outcome.events);
    const what = outcome.kind === "events" ? "events" : outcome.kind === "ignored" ? `ignored:${outcome.why}` : `refused:${outcome.code}`;
    outcomes[`${name} ${what}`] = (outcomes[`${name} ${what}`] ?? 0) + 1;
  }
  return { counts, outcomes, events };
}

describe.skipIf(!hasCaptures)("real captures", () => {
  it("v5_20220513: counts as listed, every trade decodes, and ids and counts are contiguous", () => {
    const { counts, outcomes, events } = read("v5_20220513_BTC-USDT.jsonl.gz");
    expect(counts).toEqual({ "okx-spot:BTCUSDT:trades": 69, "okx-spot:BTCUSDT:tickers": 25, "okx-spot:BTCUSDT:books": 98, acknowledgement: 6 });
    expect(outcomes).toEqual({ "okx-spot:BTCUSDT:trades events": 69 });
    const trades = events.filter((event): event is TradeEvent => event.kind === "trade");
    for (const [index, trade] of trades.entries()) {
      const before = trades[index - 1];
      if (before !== undefined) expect((trade.sequenceId ?? 0) - trade.tradeCount).toBe(before.sequenceId);
    }
    expect(trades).toHaveLength(69);
  });

  it("msgparser: swap messages of 2022", () => {
    const { counts, outcomes, events } = read("msgparser_ws_linear_swap.jsonl");
    const stream = (channel: string): string => `okx-swap:BTCUSDT:${channel}`;
    expect(counts).toEqual(Object.fromEntries(["trades", "funding-rate", "books5", "bbo-tbt", "candle1m", "tickers"].map((channel) => [stream(channel), 1])));
    expect(outcomes).toEqual(Object.fromEntries(["trades", "funding-rate", "bbo-tbt", "candle1m"].map((channel) => [`${stream(channel)} events`, 1])));
    const [trade, bbo, candle] = ["trade", "bbo", "venue_candle"].map((kind) => events.find((event) => event.kind === kind));
    // 4,070 contracts of 0.01.
    expect(candle?.kind === "venue_candle" && [formatDecimal(candle.volume), candle.quoteVolume, candle.final]).toEqual(["40.7", undefined, false]);
    expect(trade?.kind === "trade" && formatDecimal(trade.qty)).toBe("0.07");
    expect(bbo?.kind === "bbo" && [formatDecimal(bbo.bidQty), formatDecimal(bbo.askQty)]).toEqual(["0.50", "0.07"]);
  });

  it("msgparser: spot messages of 2022, one of them of the API before v5, which names no v5 stream", () => {
    const { counts, outcomes } = read("msgparser_ws_spot.jsonl");
    const stream = (channel: string): string => `okx-spot:BTCUSDT:${channel}`;
    expect(counts).toEqual({
      [stream("trades")]: 1, [stream("books-l2-tbt")]: 2, [stream("books5")]: 1, [stream("bbo-tbt")]: 1, [stream("candle1m")]: 1, [stream("tickers")]: 1, unknown: 1,
    });
    expect(outcomes).toEqual({ [`${stream("trades")} events`]: 1, [`${stream("bbo-tbt")} events`]: 1, [`${stream("candle1m")} events`]: 1 });
  });

  it("msgparser: REST bodies name no stream of their own", () => {
    expect(read("msgparser_rest_linear_swap.jsonl").counts).toEqual({ unknown: 2 });
  });

  it("tardis: swaps of 2021 and 2022; a funding rate that is not set yet says nothing", () => {
    const { counts, outcomes } = read("tardis_ws_swap.jsonl");
    expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBe(11);
    expect(outcomes).toEqual({
      "okx-swap:WNCGUSDT:funding-rate events": 1, "okx-swap:SOSUSDT:funding-rate ignored:state-only": 1, "okx-swap:BTCUSDT:trades events": 1,
      "okx-swap:WNCGUSDT:index-tickers ignored:state-only": 1, "okx-swap:WNCGUSDT:mark-price events": 1, "okx-swap:WNCGUSDT:open-interest events": 1, "okx-swap:BTCUSDT:bbo-tbt events": 2,
    });
    expect(counts["okx-swap:WNCGUSDT:index-tickers"]).toBe(1);
  });

  it("tardis: spot, aggregated and single trades", () => {
    const { counts, outcomes } = read("tardis_ws_spot.jsonl");
    expect(counts).toMatchObject({ acknowledgement: 1, "okx-spot:CRVUSDT:trades": 1, "okx-spot:BSVUSDT:trades-all": 1 });
    expect(outcomes).toEqual({ "okx-spot:CRVUSDT:trades events": 1, "okx-spot:BSVUSDT:trades-all events": 1 });
  });

  it("has the contract values that the venue's own lists of instruments said", () => {
    const text = gunzipSync(readFileSync(new URL("v5_20220513_BTC-USDT.jsonl.gz", SHARED))).toString("utf8");
    const seen = new Set<string>();
    for (const line of text.split("\n")) {
      if (!line.includes("instType=SWAP")) continue;
      const { ts, data } = JSON.parse(line) as { ts: number; data: string };
      for (const row of (JSON.parse(data) as { data: readonly Readonly<Record<string, string>>[] }).data) {
        const symbol = instrumentOf(row["instId"] ?? "")?.symbol;
        if (symbol === undefined || !Object.hasOwn(CONTRACT_VALUES, symbol)) continue;
        seen.add(symbol);
        const units = unitsPerSize("okx-swap", symbol, ts * 1_000);
        expect([symbol, units && formatDecimal(units), "1", row["baseCcy"] === "" ? symbol : "", "linear"])
          .toEqual([symbol, row["ctVal"], row["ctMult"], `${row["ctValCcy"]}USDT`, row["ctType"]]);
        // Just below the time from which a value is believed, the instrument was not listed or nothing is known of it.
        expect(CONTRACT_VALUES[symbol]?.at(-1)?.fromMs).toBe(Number(row["listTime"]));
      }
    }
    expect(Object.keys(CONTRACT_VALUES).filter((symbol) => !seen.has(symbol))).toEqual(["BNBUSDT", "POLUSDT"]);
  });
});
