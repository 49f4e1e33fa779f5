// What the left column lists of each market: all streams while there are few, trouble alone when there are many.
import { describe, expect, it } from "vitest";
import type { StreamState, StreamStatus } from "../../shared/protocol/frames.ts";
import { isDead, listedStreams } from "./Markets.tsx";

function stream(channel: string, state: StreamState): StreamStatus {
  return { streamId: `sim:BTCUSDT:${channel}`, venue: "sim", symbol: "BTCUSDT", channel, state, detail: "", lastFrameMs: undefined, messages: 0, rate: 0, duplicates: 0, gapsOpen: 0, latencyMs: undefined };
}
const market = { streams: [stream("aggTrade", "live"), stream("bookTicker", "stale"), stream("markPrice", "connecting")] };

describe("a market", () => {
  it("lists every stream while there are few markets, or while it is on screen", () => {
    expect([listedStreams(market, false, false).length, listedStreams(market, true, true).length]).toEqual([3, 3]);
  });
  it("among many lists the streams in trouble", () => {
    expect(listedStreams(market, true, false).map(({ channel }) => channel)).toEqual(["bookTicker"]);
  });
  it("is dead when all its streams are, and only then", () => {
    expect([isDead(market), isDead({ streams: [] }), isDead({ streams: [stream("a", "dead_symbol"), stream("b", "rejected")] })]).toEqual([false, false, true]);
  });
});
