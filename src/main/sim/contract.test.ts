// The adapters' contract, with samples that the simulation itself said: what is simulated is what the adapters read. And the venues' lists of
// instruments, as adapters read those.
import { describe, expect, it } from "vitest";
import { type AdapterSample, describeAdapter } from "../venues/adapter.contract.ts";
import { ADAPTERS, Client, run, START_MS, TESTED_VENUES, venueOf, type TestedVenueId } from "./client.testkit.ts";
import { faultFromMenu } from "./faults.ts";
import { DEFAULT_SYMBOLS } from "./specs.ts";

const encoder = new TextEncoder();

/** The first message of each channel, and the polled ones. */
function samplesOf(name: TestedVenueId): readonly AdapterSample[] {
  const venue = venueOf(name, { symbols: ["BTCUSDT"] });
  const adapter = ADAPTERS[name];
  const found = new Map<string, AdapterSample>();
  const subscriptions = [{ venue: name, symbol: "BTCUSDT", channels: adapter.defaultChannels }];
  for (const channel of adapter.defaultChannels) {
    if (adapter.polls(subscriptions).some(({ stream }) => stream.channel === channel)) continue;
    const client = new Client(venue, [channel]);
    run(venue, 4_000);
    for (const message of client.texts) {
      const routed = adapter.route(encoder.encode(message));
      if (routed.kind !== "data" || found.has(channel)) continue;
      const outcome = adapter.decoder(channel)?.(encoder.encode(message), { stream: routed.stream, source: "ws", recvNs: BigInt(START_MS) * 1_000_000n });
      if (outcome?.kind === "events") found.set(channel, { channel, symbol: "BTCUSDT", source: "ws", message });
    }
  }
  for (const { stream, request } of adapter.polls(subscriptions)) {
    const answer = venue.request(request.path, {});
    if (answer !== "hang" && adapter.decoder(stream.channel) !== undefined) found.set(stream.channel, { channel: stream.channel, symbol: "BTCUSDT", source: "rest_poll", message: answer.body });
  }
  return [...found.values()];
}

const CHANNELS_SAID: Readonly<Record<TestedVenueId, readonly string[]>> = {
  "binance-usdm": ["aggTrade", "bookTicker", "markPrice", "openInterest", "kline_1m"],
  "bybit-linear": ["publicTrade", "tickers", "orderbook.1", "kline.1"],
  "okx-swap": ["trades", "bbo-tbt", "mark-price", "funding-rate", "open-interest", "candle1m"],
};

for (const name of TESTED_VENUES) {
  const adapter = ADAPTERS[name];
  const samples = samplesOf(name);
  const subscriptions = [{ venue: name, symbol: "BTCUSDT", channels: adapter.defaultChannels }];
  describe(`simulated ${name}`, () => {
    it("says something on every channel that its adapter decodes", () => {
      expect(samples.map(({ channel }) => channel)).toEqual(expect.arrayContaining([...CHANNELS_SAID[name]]));
    });
  });
  describeAdapter({
    venue: name, adapter, subscriptions, endpoints: adapter.endpointsAt({ socket: "ws://127.0.0.1:9", http: "http://127.0.0.1:9" }), samples,
    polledChannels: adapter.polls(subscriptions).map(({ stream }) => stream.channel), answer: undefined, refusals: [],
  });
}

describe.each(TESTED_VENUES)("the instruments of simulated %s", (name) => {
  const { metadata: instruments } = ADAPTERS[name];

  function listed(venue: ReturnType<typeof venueOf>): ReadonlyMap<string, string> {
    const found = new Map<string, string>();
    for (const { request } of instruments.polls(venue.specs().map(({ symbol }) => symbol))) {
      run(venue, 200);
      const answer = venue.request(request.path, {});
      if (answer === "hang") throw new Error("no answer");
      const body = encoder.encode(answer.body);
      // Asked for by name, a dead one is refused as such (OKX).
      if (ADAPTERS[name].restProblem(answer.status, answer.headers, body)?.kind === "dead-symbol") continue;
      const read = instruments.read(body);
      if (!read.ok) throw new Error(read.fault.message);
      for (const { symbol, status, tickSize, lotSize, unitsPerSize } of read.value) {
        expect([tickSize.mantissa, lotSize.mantissa].every((mantissa) => mantissa > 0)).toBe(true);
        expect(unitsPerSize).toBeDefined();
        found.set(symbol, status);
      }
    }
    return found;
  }

  it("are the ten default symbols, all trading; a dead one no longer, its successor instead", () => {
    const venue = venueOf(name, { symbols: DEFAULT_SYMBOLS, warmMs: 1_000 });
    expect([...listed(venue)].sort()).toEqual(DEFAULT_SYMBOLS.map((symbol) => [symbol, "trading"]).sort());
    venue.inject(faultFromMenu("dead-symbol"));
    const after = listed(venue);
    expect(after.get("MATICUSDT")).not.toBe("trading");
    expect(after.get("POLUSDT")).toBe("trading");
  });
});
