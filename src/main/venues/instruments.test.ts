// Lists of instruments: read as the venues really sent them, asked for at the start, and what they say is a state of the symbol's streams.
import { existsSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { formatDecimal } from "../../shared/decimal.ts";
import { streamRef } from "../../shared/market.ts";
import type { InstrumentInfo, VenueAdapter } from "./adapter.ts";
import { createBinanceAdapter } from "./binance/adapter.ts";
import { createBybitAdapter } from "./bybit/adapter.ts";
import { createOkxAdapter } from "./okx/adapter.ts";
import { unitsAt } from "./okx/units.ts";
import { decoderLookup } from "./registry.ts";
import { aggTrade, ScriptedVenue, START_MS } from "./scripted-venue.testkit.ts";

const DATA = new URL("../../../../shared/data/", import.meta.url);
const encode = (value: unknown): Uint8Array => new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));

function recorded(file: string, path: string): readonly string[] {
  return gunzipSync(readFileSync(new URL(file, DATA))).toString("utf8").split("\n").filter((line) => line.includes(path))
    .map((line) => JSON.parse(line) as { t: string; url?: string; data: string }).filter(({ t, url }) => t === "http" && url?.includes(path) === true).map(({ data }) => data);
}

const plain = (info: InstrumentInfo | undefined): unknown => info === undefined ? undefined : {
  status: info.status, base: info.base, quote: info.quote, tick: formatDecimal(info.tickSize), lot: formatDecimal(info.lotSize),
  units: info.unitsPerSize === undefined ? undefined : formatDecimal(info.unitsPerSize),
};

const REAL: readonly (readonly [VenueAdapter, string, string, string, unknown])[] = [
  [createBinanceAdapter({ venue: "binance-usdm" }), "binance_usdm/cryptofeed_20210722_aggTrade_bookTicker_depth_kline.jsonl.gz", "/fapi/v1/exchangeInfo", "BTCUSDT",
    { status: "trading", base: "BTC", quote: "USDT", tick: "0.01", lot: "0.001", units: "1" }],
  [createBybitAdapter({ venue: "bybit-linear" }), "bybit/v5_20260809_linear_BTC_ETH_spot_BTC.jsonl.gz", "category=linear", "BTCUSDT",
    { status: "trading", base: "BTC", quote: "USDT", tick: "0.10", lot: "0.001", units: "1" }],
  [createBybitAdapter({ venue: "bybit-spot" }), "bybit/v5_20260809_linear_BTC_ETH_spot_BTC.jsonl.gz", "category=spot", "BTCUSDT",
    { status: "trading", base: "BTC", quote: "USDT", tick: "0.1", lot: "0.000001", units: "1" }],
  [createOkxAdapter({ venue: "okx-swap" }), "okx/v5_20220513_BTC-USDT.jsonl.gz", "instType=SWAP", "BTCUSDT",
    { status: "trading", base: "BTC", quote: "USDT", tick: "0.1", lot: "1", units: "0.01" }],
];

describe.skipIf(!existsSync(DATA))("real lists (skipped where ../shared/data is not)", () => {
  it.each(REAL)("$0.venue: $1 is read", (adapter, file, path, symbol, expected) => {
    const bodies = recorded(file, path);
    expect(bodies.length).toBeGreaterThan(0);
    for (const body of bodies) {
      const list = adapter.metadata.read(encode(body));
      if (!list.ok) throw new Error(list.fault.message);
      expect(list.value.length).toBeGreaterThan(50);
      expect(plain(list.value.find((info) => info.symbol === symbol && info.quote === "USDT"))).toEqual(expected);
    }
  });
});

describe("reading", () => {
  it.each(REAL.map(([adapter]) => adapter))("$venue refuses what is no list, in the log's decoder too", (adapter) => {
    const stream = streamRef(adapter.venue, "BTCUSDT", "instruments");
    for (const body of ["", "{}", "[]", "null", '{"symbols":1}', '{"retCode":0,"result":{}}', '{"code":"0","data":[{}]}']) {
      expect(adapter.metadata.read(encode(body))).toMatchObject({ ok: false, fault: { code: "feed.bad-instruments" } });
      expect(decoderLookup(stream)?.(encode(body), { stream, source: "rest_poll", recvNs: 1n })).toMatchObject({ kind: "refused", code: "wrong-shape" });
    }
    expect(adapter.decoder("instruments")).toBe(decoderLookup(stream));
  });

  it("carries OKX's contract value to the decoders of sizes, before its table", () => {
    const stream = streamRef("okx-swap", "NEWUSDT", "instruments");
    const body = encode({ code: "0", data: [{ instId: "NEW-USDT-SWAP", state: "live", tickSz: "0.1", lotSz: "1", baseCcy: "", quoteCcy: "", settleCcy: "USDT", ctVal: "5", ctMult: "2", ctValCcy: "NEW" }] });
    const carried = new Map<string, string>();
    const context = { stream, source: "rest_poll" as const, recvNs: 1n, carried };
    expect(unitsAt(context, START_MS)).toBeUndefined();
    expect(decoderLookup(stream)?.(body, context)).toEqual({ kind: "ignored", why: "state-only" });
    expect(unitsAt(context, START_MS)).toEqual({ mantissa: 10, scale: 0 });
  });
});

describe("the collector", () => {
  async function states(venue: ScriptedVenue, symbols: readonly string[]): Promise<Record<string, readonly [string, string]>> {
    venue.onConnect = (socket) => {
      venue.acknowledge(socket);
      venue.clock.after(10, () => { socket.open(); });
    };
    const collector = venue.collector({ subscriptions: symbols.map((symbol) => ({ venue: "sim" as const, symbol, channels: ["aggTrade"] })) });
    collector.start();
    await venue.clock.advance(100);
    venue.socket.say(aggTrade(1, START_MS));
    await venue.clock.advance(2_000);
    const { streams, source } = collector.status();
    await Promise.all([collector.stop(), venue.clock.advance(100)]);
    return { ...Object.fromEntries(streams.map(({ symbol, state, detail }) => [symbol, [state, detail] as const])), source: [source.state, source.detail] };
  }

  it("shows unlisted symbols as dead, with the new name where there is one, and keeps the list in the log", async () => {
    const venue = new ScriptedVenue();
    venue.listed = ["BTCUSDT"];
    expect(await states(venue, ["BTCUSDT", "MATICUSDT", "GONEUSDT"])).toMatchObject({
      BTCUSDT: ["live", ""], GONEUSDT: ["dead_symbol", "sim does not list GONEUSDT"],
      MATICUSDT: ["dead_symbol", "sim does not list MATICUSDT (MATICUSDT was renamed: record POLUSDT instead)"],
    });
    expect(venue.polled("instruments")).toMatchObject([{ source: "rest_poll", connection: "sim.rest", stream: { streamId: "sim:_:instruments" } }]);
    expect(venue.control("stale").map(({ stream_id, cause }) => [stream_id, cause])).toEqual([["sim:MATICUSDT:aggTrade", "dead-symbol"], ["sim:GONEUSDT:aggTrade", "dead-symbol"]]);
  });

  it("asks again every hour", async () => {
    const venue = new ScriptedVenue();
    const collector = venue.collector({ settings: { tickMs: 60_000, clockJumpMs: 120_000, offsetEveryMs: 3_600_000 } });
    collector.start();
    await venue.clock.advance(3 * 3_600_000);
    expect(venue.polled("instruments")).toHaveLength(3);
    await Promise.all([collector.stop(), venue.clock.advance(100)]);
  });

  it("says that the list could not be read, and goes on", async () => {
    const venue = new ScriptedVenue();
    const get = venue.get.bind(venue);
    venue.get = (url, options) => url.includes("exchangeInfo") ? Promise.resolve({ ok: true, value: { status: 200, headers: {}, body: encode("<html>") } }) : get(url, options);
    const { BTCUSDT, source } = await states(venue, ["BTCUSDT"]);
    expect(BTCUSDT).toEqual(["live", ""]);
    expect(source).toEqual(["live", expect.stringMatching(/^the list of instruments could not be read: .*exchangeInfo is no JSON/) as string]);
  });
});
