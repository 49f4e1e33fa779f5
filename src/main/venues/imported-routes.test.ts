import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Routed } from "./adapter.ts";
import { routeCoinbase } from "./coinbase/route.ts";
import { routeKrakenFutures, routeKrakenSpot } from "./kraken/route.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text, "utf8");
const told = (routed: Routed): string => (routed.kind === "data" ? `${routed.stream.streamId} ${routed.eventNs}` : routed.kind);

describe("streams of imported venues", () => {
  test.each([
    [routeCoinbase, '{"channel":"market_trades","timestamp":"2026-08-09T21:05:48.228568804Z","sequence_num":0,"events":[{"type":"snapshot","trades":[{"product_id":"BTC-USD"},{"product_id":"BTC-USD"}]}]}', "coinbase-spot:BTC-USD:market_trades 1786309548228568804"],
    [routeCoinbase, '{"channel":"market_trades","timestamp":"2026-08-09T21:05:48Z","events":[{"trades":[{"product_id":"BTC-USD"},{"product_id":"ETH-USD"}]}]}', "unknown"],
    [routeCoinbase, '{"channel":"heartbeats","events":[{"heartbeat_counter":1}]}', "heartbeat"],
    [routeCoinbase, '{"type":"subscriptions","channels":[]}', "acknowledgement"],
    [routeCoinbase, '{"type":"l2update","product_id":"BTC-EUR","changes":[],"time":"0001-01-01T00:00:00.000000Z"}', "coinbase-spot:BTC-EUR:l2update 0"],
    [routeKrakenSpot, '[321,[["57126.70000","0.02063928","1616333924.737428","b","m",""]],"trade","XBT/USD"]', "kraken-spot:XBT-USD:trade 1616333924737428000"],
    [routeKrakenSpot, '[320,{"a":[["38800.0","0.02","1622766170.577187"]]},{"b":[]},"book-25","XBT/USD"]', "kraken-spot:XBT-USD:book-25 1622766170577187000"],
    [routeKrakenSpot, '{"event":"heartbeat"}', "heartbeat"],
    [routeKrakenFutures, '{"feed":"trade","product_id":"PI_ETHUSD","seq":1,"time":1626994936490,"qty":40.0,"price":2005.2}', "kraken-futures:PI_ETHUSD:trade 1626994936490000000"],
    [routeKrakenFutures, '{"feed":"ticker_lite","product_id":"PI_ETHUSD","bid":1.0}', "kraken-futures:PI_ETHUSD:ticker_lite 0"],
  ] as const)("%# %s", (route, text, expected) => {
    expect(told(route(bytes(text)))).toBe(expected);
  });

  test("no bytes make a route throw, and no name leaves the letters that paths can have", () => {
    const frame = fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.json().map(bytes), fc.record({ channel: fc.string(), type: fc.string(), product_id: fc.string(), feed: fc.string(), events: fc.array(fc.anything()), time: fc.anything() }, { requiredKeys: [] }).map((value) => bytes(JSON.stringify(value))));
    fc.assert(fc.property(frame, (payload) => {
      for (const route of [routeCoinbase, routeKrakenSpot, routeKrakenFutures]) {
        const routed = route(payload);
        if (routed.kind === "data") expect(routed.stream.streamId).toMatch(/^[a-z-]+:[A-Z0-9._-]+:[A-Za-z0-9_-]+$/);
      }
    }), { numRuns: 500 });
  });
});
