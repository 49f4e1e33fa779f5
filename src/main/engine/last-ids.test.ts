// Where streams of trades end in a log: the highest id where ids have an order, else the newest trades and their time.
import { expect, it } from "vitest";
import { streamRef, type StreamRef } from "../../shared/market.ts";
import type { RawRecord } from "../../shared/raw.ts";
import type { RawLogReader } from "../rawlog/types.ts";
import { decoderLookup } from "../venues/registry.ts";
import { lastIds } from "./last-ids.ts";

const encoder = new TextEncoder();
const BINANCE = streamRef("binance-usdm", "BTCUSDT", "aggTrade");
const BYBIT = streamRef("bybit-linear", "BTCUSDT", "publicTrade");
const QUIET = streamRef("bybit-linear", "ETHUSDT", "publicTrade");

function logOf(messages: readonly (readonly [StreamRef, string, RawRecord["source"]])[]): RawLogReader {
  const records = messages.map(([stream, text, source], index): RawRecord => ({
    seq: index + 1, ingestSeq: index + 1, stream, source, connection: "x", recvNs: 1n, eventNs: 0n, payload: encoder.encode(text),
  }));
  const reader: Partial<RawLogReader> = {
    streams: [BINANCE, BYBIT].map((stream) => ({ stream })) as unknown as RawLogReader["streams"],
    refresh: () => Promise.resolve(records.length),
    async *batches(query) {
      yield records.filter(({ seq, stream }) => seq >= (query?.fromSeq ?? 1) && seq <= (query?.toSeq ?? records.length) && (query?.streams?.has(stream.streamId) ?? true));
    },
  };
  return reader as RawLogReader;
}

const aggTrade = (a: number, ms: number): string => `{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":${ms},"a":${a},"s":"BTCUSDT","p":"1","q":"1","f":1,"l":1,"T":${ms},"m":true}}`;
const pushed = (ms: number, ...ids: readonly string[]): string => JSON.stringify({
  topic: "publicTrade.BTCUSDT", type: "snapshot", ts: ms, data: ids.map((i) => ({ T: ms, s: "BTCUSDT", S: "Buy", v: "1", p: "1", L: "PlusTick", i, BT: false })),
});

it("finds both kinds, and leaves out what is not in the log", async () => {
  const reader = logOf([
    [BINANCE, aggTrade(7, 1_700_000_000_007), "ws"], [BINANCE, aggTrade(5, 1_700_000_000_005), "ws"],
    [BYBIT, pushed(1_700_000_000_001, "a", "b"), "ws"], [BYBIT, pushed(1_700_000_000_009, "c"), "ws"], [BYBIT, "{ not json", "ws"],
  ]);
  expect(await lastIds(reader, decoderLookup, [BINANCE.streamId, BYBIT.streamId, QUIET.streamId])).toEqual({
    [BINANCE.streamId]: { lastId: 7, eventMs: 1_700_000_000_007 },
    [BYBIT.streamId]: { lastId: undefined, eventMs: 1_700_000_000_009, tradeIds: ["a", "b", "c"] },
  });
});

it("keeps no more trades than an answer is recognised by", async () => {
  const many = Array.from({ length: 200 }, (_, index) => `t${index}`);
  const found = await lastIds(logOf([[BYBIT, pushed(1_700_000_000_001, ...many), "ws"]]), decoderLookup, [BYBIT.streamId]);
  expect(found[BYBIT.streamId]?.tradeIds).toEqual(many.slice(-64));
});
