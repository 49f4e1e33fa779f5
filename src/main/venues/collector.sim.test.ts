// The collector against the simulated venue in virtual time: whatever it breaks, every trade is in the log in the end.
import { describe, expect, it } from "vitest";
import type { RawDraft } from "../../shared/raw.ts";
import { VirtualClock } from "../net/virtual-clock.ts";
import { SimulatedVenue } from "../sim/venue.ts";
import type { SimFault } from "../sim/faults.ts";
import { MemoryNetwork } from "../sim/memory-transport.ts";
import { SeededRandom } from "../sim/random.ts";
import { createCollector, type Collector } from "./collector.ts";
import { createBinanceAdapter } from "./binance/adapter.ts";

const START_MS = 1_767_225_600_000;

interface Session { readonly clock: VirtualClock; readonly network: MemoryNetwork; readonly drafts: RawDraft[]; readonly collector: Collector }

function session(seed: number, channel: "aggTrade" | "trade"): Session {
  const clock = new VirtualClock(START_MS);
  const venue = new SimulatedVenue({ seed, startMs: START_MS, warmMs: 60_000, symbols: ["BTCUSDT"], messagesPerSecond: 150, historyTrades: 32_768 });
  const network = new MemoryNetwork({ venue, clock, timers: clock, random: new SeededRandom(seed + 1) });
  network.start();
  const drafts: RawDraft[] = [];
  const random = new SeededRandom(seed + 2);
  const collector = createCollector({
    adapter: createBinanceAdapter({ venue: "sim" }), subscriptions: [{ venue: "sim", symbol: "BTCUSDT", channels: [channel, "bookTicker", "markPrice"] }],
    endpoints: network.endpoints, websocket: network.webSocket, http: network.http, clock, timers: clock, random, name: "sim",
    sink: { append: (batch) => { drafts.push(...batch); return undefined; } },
  });
  return { clock, network, drafts, collector };
}

/** Ids of the stream that are in the log, from its first message on, and those that are missing up to its last. */
function coverage({ drafts }: Session, channel: string): { readonly messages: number; readonly missing: readonly number[] } {
  const { decoder } = createBinanceAdapter({ venue: "sim" });
  const ids = new Set<number>();
  let messages = 0;
  let highest = 0;
  for (const draft of drafts) {
    if (draft.stream.channel !== channel) continue;
    messages += 1;
    const outcome = decoder(channel)?.(draft.payload, draft);
    if (outcome?.kind !== "events") continue;
    for (const event of outcome.events) {
      if (event.kind !== "trade") continue;
      const from = event.sequenceId ?? event.firstTradeId ?? 0;
      const to = event.sequenceId ?? event.lastTradeId ?? 0;
      for (let id = from; id <= to; id += 1) ids.add(id);
      if (draft.source === "ws") highest = Math.max(highest, to);
    }
  }
  const missing: number[] = [];
  for (let id = Math.min(...ids); id <= highest; id += 1) if (!ids.has(id)) missing.push(id);
  return { messages, missing };
}

type Channel = "aggTrade" | "trade";
const FAULTS: readonly (readonly [string, (channel: Channel) => readonly SimFault[]])[] = [
  ["dropped, doubled and swapped messages", (channel) => [{ name: "drop", count: 25, channel }, { name: "duplicate", count: 5, channel }, { name: "reorder", count: 5, channel }]],
  ["malformed messages and wild times", (channel) => [
    { name: "malformed", count: 4, channel }, { name: "far-future", count: 3, channel }, { name: "far-past", count: 3, channel }, { name: "wrong-type", count: 4, channel },
    { name: "oversized", count: 1, bytes: 10_500_000 },
  ]],
  ["disconnects and refused connections", () => [{ name: "abrupt-disconnect" }, { name: "refuse-connections", connections: 3 }]],
  ["connections that only acknowledge", () => [{ name: "disconnect" }, { name: "stall-after-ack", connections: 1 }]],
  ["half-open connections", () => [{ name: "half-open" }]],
  ["a REST that limits, breaks and is late", (channel) => [
    { name: "drop", count: 25, channel }, { name: "rest-429", count: 1, retryAfterS: 3 }, { name: "rest-5xx", count: 1 }, { name: "rest-empty", count: 1 },
  ]],
];

describe.each(["aggTrade", "trade"] as const)("stream %s", (channel) => {
  it.each(FAULTS)("comes through %s without a missing trade", async (_, faultsOf) => {
    const run = session(7, channel);
    run.collector.start();
    await run.clock.advance(5_000);
    for (const injected of faultsOf(channel)) run.network.venue.inject(injected);
    await run.clock.advance(240_000);
    const { messages, missing } = coverage(run, channel);
    expect(missing).toEqual([]);
    expect(messages).toBeGreaterThan(1_000);
    expect(run.drafts.some(({ source }) => source === "rest_backfill")).toBe(true);
    expect(run.collector.status().streams.map(({ channel: name, state, gapsOpen }) => [name, state, gapsOpen])).toEqual([
      [channel, "live", 0], ["markPrice", "live", 0], ["bookTicker", "live", 0],
    ]);
    await Promise.all([run.collector.stop(), run.clock.advance(2_000)]);
  });
});
