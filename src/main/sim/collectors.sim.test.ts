// A collector of each venue against that venue's simulation, in virtual time: whatever breaks, its log holds every trade in the end (Bybit: every
// trade that a socket or the newest page of REST could bring), and every stream is live.
import { describe, expect, it } from "vitest";
import type { RawDraft } from "../../shared/raw.ts";
import { VirtualClock } from "../net/virtual-clock.ts";
import type { VenueAdapter } from "../venues/adapter.ts";
import { createBinanceAdapter } from "../venues/binance/adapter.ts";
import { createBybitAdapter } from "../venues/bybit/adapter.ts";
import { createCollector, type Collector } from "../venues/collector.ts";
import { createOkxAdapter } from "../venues/okx/adapter.ts";
import type { SimulatedVenueId } from "./dialects.ts";
import { FOLD_CHANNEL, type SimFault } from "./faults.ts";
import { MemoryNetwork } from "./memory-transport.ts";
import { SeededRandom } from "./random.ts";
import { SimulatedVenue } from "./venue.ts";

const START_MS = 1_767_225_600_000;
const CASES: readonly (readonly [SimulatedVenueId, VenueAdapter])[] = [
  ["binance-usdm", createBinanceAdapter({ venue: "binance-usdm" })],
  ["bybit-linear", createBybitAdapter({ venue: "bybit-linear" })],
  ["okx-swap", createOkxAdapter({ venue: "okx-swap" })],
];

interface Run { readonly clock: VirtualClock; readonly network: MemoryNetwork; readonly drafts: RawDraft[]; readonly collector: Collector }

function start(venueId: SimulatedVenueId, adapter: VenueAdapter, seed: number): Run {
  const clock = new VirtualClock(START_MS);
  const venue = new SimulatedVenue({ seed, venue: venueId, startMs: START_MS, warmMs: 60_000, symbols: ["BTCUSDT", "MATICUSDT"], messagesPerSecond: 150, historyTrades: 32_768 });
  const network = new MemoryNetwork({ venue, clock, timers: clock, random: new SeededRandom(seed + 1) });
  network.start();
  const drafts: RawDraft[] = [];
  const collector = createCollector({
    adapter, subscriptions: ["BTCUSDT", "MATICUSDT"].map((symbol) => ({ venue: adapter.venue, symbol, channels: adapter.defaultChannels })),
    endpoints: network.endpoints, websocket: network.webSocket, http: network.http, clock, timers: clock, random: new SeededRandom(seed + 2), name: venueId,
    sink: { append: (batch) => { drafts.push(...batch); return undefined; } },
  });
  collector.start();
  return { clock, network, drafts, collector };
}

/** Ids of the fold stream that are in the log, one by one. */
function idsIn({ drafts }: Run, adapter: VenueAdapter, symbol: string): ReadonlySet<string> {
  const ids = new Set<string>();
  const decode = adapter.decoder(adapter.foldChannel);
  for (const draft of drafts) {
    if (draft.stream.channel !== adapter.foldChannel || draft.stream.symbol !== symbol) continue;
    const outcome = decode?.(draft.payload, draft);
    if (outcome?.kind !== "events") continue;
    for (const event of outcome.events) {
      if (event.kind !== "trade") continue;
      if (event.sequenceId === undefined) ids.add(event.tradeId);
      else if (draft.source === "rest_backfill" && adapter.venue === "binance-usdm") ids.add(String(event.sequenceId));
      else for (let id = event.sequenceFromId ?? event.sequenceId; id <= event.sequenceId; id += 1) ids.add(String(id));
    }
  }
  return ids;
}

describe.each(CASES)("a collector at simulated %s", (venueId, adapter) => {
  it("has every stream live, and exactly the trades that the account says were said", async () => {
    const run = start(venueId, adapter, 7);
    await run.clock.advance(130_000);
    expect(run.collector.status().streams.map(({ symbol, channel, state }) => `${symbol} ${channel} ${state}`).filter((line) => !line.endsWith(" live"))).toEqual([]);
    await Promise.all([run.collector.stop(), run.clock.advance(2_000)]);
    const fold = [...run.network.venue.streams].find(({ symbol, channel }) => symbol === "BTCUSDT" && channel === adapter.foldChannel);
    expect(fold?.total.saidIds).toBeGreaterThan(500);
    // What was under way when the collector stopped did not arrive.
    expect((fold?.total.saidIds ?? 0) - idsIn(run, adapter, "BTCUSDT").size).toBeLessThan(30);
    for (const draft of run.drafts) {
      if (draft.stream.channel === "unclassified" || draft.source === "control") continue;
      const outcome = adapter.decoder(draft.stream.channel)?.(draft.payload, draft);
      expect(outcome === undefined ? "unhandled" : outcome.kind === "refused" ? outcome.detail : "read").not.toContain(":");
    }
  });

  const DISCONNECTS: readonly SimFault[] = [{ name: "abrupt-disconnect" }, { name: "refuse-connections", connections: 1 }];
  // Nothing proves to a collector of Bybit that a message was dropped: its ids have no order.
  const faults: readonly SimFault[] = venueId === "bybit-linear" ? DISCONNECTS : [{ name: "drop", count: 12, channel: FOLD_CHANNEL }, { name: "reorder", count: 3, channel: FOLD_CHANNEL }, ...DISCONNECTS];

  it(`comes through ${faults.map(({ name }) => name).join(", ")} without a missing trade`, async () => {
    const run = start(venueId, adapter, 11);
    await run.clock.advance(20_000);
    for (const fault of faults) run.network.venue.inject(fault);
    await run.clock.advance(100_000);
    const fold = [...run.network.venue.streams].find(({ symbol, channel }) => symbol === "BTCUSDT" && channel === adapter.foldChannel);
    expect(fold?.unheard.at(-1)?.count).toBeGreaterThan(0);
    const heard = idsIn(run, adapter, "BTCUSDT");
    const until = run.network.venue.nowMs - 5_000;
    const { dialect } = run.network.venue;
    const history = run.network.venue.trades("BTCUSDT").within(START_MS + 5_000, until, 1_000_000).map(({ id }) => dialect.tradeId("BTCUSDT", id));
    const numbers = [...heard].map(Number);
    const wanted = venueId === "binance-usdm" ? Array.from({ length: Math.max(...numbers) - Math.min(...numbers) }, (_, index) => String(Math.min(...numbers) + index)) : history;
    expect(wanted.length).toBeGreaterThan(500);
    expect(wanted.filter((id) => !heard.has(id))).toEqual([]);
    expect(run.drafts.some(({ source }) => source === "rest_backfill")).toBe(true);
    await Promise.all([run.collector.stop(), run.clock.advance(2_000)]);
  });
});
