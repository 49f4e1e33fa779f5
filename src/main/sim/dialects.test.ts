// Every dialect by the same tests, read with the venue's own adapter: subscriptions, accounts, truth, every fault of the menu with its ledger,
// REST faults, dead symbols, limits.
import { describe, expect, it } from "vitest";
import { ADAPTERS, Client, idsOf, problem, run, START_MS, TESTED_VENUES, venueOf, type TestedVenueId } from "./client.testkit.ts";
import { FAULT_MENU, faultFromMenu } from "./faults.ts";
import { idHash } from "./stream.ts";
import type { SimulatedVenue } from "./venue.ts";

function foldOf(venue: SimulatedVenue, symbol = "BTCUSDT"): NonNullable<ReturnType<SimulatedVenue["streamOf"]>> {
  const stream = [...venue.streams].find((candidate) => candidate.symbol === symbol && candidate.channel === venue.dialect.foldChannel);
  if (stream === undefined) throw new Error("no fold stream");
  return stream;
}

/** Ids that the ledger names for a fault. */
function hit(venue: SimulatedVenue, what: string): readonly string[] {
  return venue.ledger.entries.filter((entry) => entry.what === what)
    .flatMap(({ ids, fromId, toId }) => ids ?? Array.from({ length: (toId ?? 0) - (fromId ?? 0) + 1 }, (_, index) => String((fromId ?? 0) + index)));
}

function sumOf(ids: readonly string[]): readonly [number, number] {
  return [ids.reduce((sum, id) => (sum + idHash(id)) % 2 ** 48, 0), ids.reduce((xor, id) => (xor ^ idHash(id)) >>> 0, 0)];
}

const TIME_PATH: Readonly<Record<TestedVenueId, string>> = { "binance-usdm": "/fapi/v1/time", "bybit-linear": "/v5/market/time", "okx-swap": "/api/v5/public/time" };
const TRADES_PATH: Readonly<Record<TestedVenueId, (symbol: string) => string>> = {
  "binance-usdm": (symbol) => `/fapi/v1/aggTrades?symbol=${symbol}`,
  "bybit-linear": (symbol) => `/v5/market/recent-trade?category=linear&symbol=${symbol}`,
  "okx-swap": (symbol) => `/api/v5/market/history-trades?type=1&instId=${symbol.slice(0, -4)}-USDT-SWAP`,
};

describe.each(TESTED_VENUES)("simulated %s", (name) => {
  const adapter = ADAPTERS[name];
  const fold = adapter.foldChannel;

  it("lies where its adapter looks for it", () => {
    const venue = venueOf(name);
    const plans = adapter.plan([{ venue: name, symbol: "BTCUSDT", channels: adapter.defaultChannels }], adapter.endpointsAt({ socket: "ws://h:1", http: "http://h:1" }));
    for (const { url } of plans) expect(venue.dialect.owns(new URL(url).pathname)).toBe(true);
    for (const endpoint of Object.keys(adapter.defaultEndpoints)) expect(venue.dialect.endpoints("h:1")[endpoint]).toBeDefined();
    expect(venue.dialect.owns(adapter.serverTime.request.path)).toBe(true);
    const answer = venue.request(adapter.serverTime.request.path, {});
    expect(answer === "hang" ? "hang" : adapter.serverTime.read(new TextEncoder().encode(answer.body))).toEqual({ ok: true, value: START_MS });
  });

  it("repeats itself exactly for the same seed, whatever the steps of time", () => {
    const texts = (steps: readonly number[]): readonly string[] => {
      const venue = venueOf(name);
      const client = new Client(venue, adapter.defaultChannels.filter((channel) => channel !== "openInterest"));
      for (const step of steps) venue.advance(venue.nowMs + step);
      venue.advance(START_MS + 8_000);
      return client.texts;
    };
    const once = texts([]);
    expect(once.length).toBeGreaterThan(100);
    expect(texts([3, 40, 999, 1, 1_500, 20, 100, 100, 100])).toEqual(once);
  });

  it("gives an exact account: every message and every id that a client heard, by stream, minute and connection", () => {
    const venue = venueOf(name);
    run(venue, 2_000);
    const client = new Client(venue, [fold]);
    run(venue, 90_000);
    const ids = client.ids();
    const { total, minutes, frames, unheard } = foldOf(venue);
    expect([total.saidIds, total.saidSum, total.saidXor]).toEqual([ids.length, ...sumOf(ids)]);
    expect(client.session?.said.get(foldOf(venue))).toBe(frames);
    expect(total.said).toBe(client.outcomes(fold).length);
    // Before the client came, nobody heard: that stretch is named, and is the whole difference.
    expect(unheard).toHaveLength(1);
    expect(total.madeIds - total.saidIds).toBe(unheard[0]?.count);
    const byMinute = [...minutes.values()].reduce((sum, { saidIds }) => sum + saidIds, 0);
    expect(byMinute).toBe(ids.length);
  });

  it("has true candles that equal what its messages say", () => {
    const venue = venueOf(name, { warmMs: 0 });
    const client = new Client(venue, [fold]);
    run(venue, 130_000);
    const minute = START_MS + 60_000;
    const trades = client.trades().filter(({ eventMs, market }) => market && eventMs >= minute && eventMs < minute + 60_000);
    const [truth] = venue.truth.query({ symbol: "BTCUSDT", interval: "1m", fromMs: minute, untilMs: minute + 1 });
    const number = ({ mantissa, scale }: { mantissa: number | bigint; scale: number }): number => Number(mantissa) / 10 ** scale;
    expect(trades.reduce((sum, { qty }) => sum + number(qty), 0)).toBeCloseTo(Number(truth?.volume), 6);
    expect(trades.reduce((sum, { tradeCount }) => sum + tradeCount, 0)).toBe(truth?.tradeCount);
    const prices = trades.map(({ price }) => number(price));
    expect([prices[0], Math.max(...prices), Math.min(...prices), prices.at(-1)]).toEqual([truth?.open, truth?.high, truth?.low, truth?.close].map(Number));
  });

  function withFault(fault: string, amount?: number): { readonly venue: SimulatedVenue; readonly client: Client } {
    const venue = venueOf(name);
    const client = new Client(venue, [fold]);
    run(venue, 1_000);
    venue.inject(faultFromMenu(fault, amount));
    run(venue, 8_000);
    return { venue, client };
  }

  /** Every id that the market made since the client came. */
  function missing({ venue, client }: ReturnType<typeof withFault>): readonly string[] {
    const heard = new Set(client.ids());
    const all = venue.trades("BTCUSDT").within(START_MS, Number.MAX_SAFE_INTEGER, 100_000);
    if (name === "binance-usdm") {
      const ids = [...heard].map(Number);
      return Array.from({ length: Math.max(...ids) - Math.min(...ids) + 1 }, (_, index) => String(Math.min(...ids) + index)).filter((id) => !heard.has(id));
    }
    return all.map(({ id }) => venue.dialect.tradeId("BTCUSDT", id)).filter((id) => !heard.has(id));
  }

  it("answers every fault of the menu with what will happen", () => {
    const venue = venueOf(name);
    for (const { name: fault, place } of FAULT_MENU) expect([place, venue.inject(faultFromMenu(fault))]).toEqual(["venue", expect.stringMatching(/./)]);
  });

  it("drop: exactly the ids in the ledger are missing, and the account says so", () => {
    const dropped = withFault("drop", 3);
    const lost = hit(dropped.venue, "drop");
    expect(missing(dropped)).toEqual(lost);
    const { total } = foldOf(dropped.venue);
    expect([total.made - total.said, total.madeIds - total.saidIds]).toEqual([3, lost.length]);
    expect(foldOf(dropped.venue).unheard).toEqual([]);
    expect(dropped.venue.ledger.entries.map(({ venue, symbol, channel }) => [venue, symbol, channel])).toEqual(Array.from({ length: 3 }, () => [name, "BTCUSDT", fold]));
  });

  it("duplicate: the same bytes twice; conflict: the same ids with another quantity", () => {
    for (const [fault, isSame] of [["duplicate", true], ["conflict", false]] as const) {
      const { venue, client } = withFault(fault);
      const [id] = hit(venue, fault);
      const pair = client.trades().filter((trade) => idsOf(trade).includes(id ?? ""));
      expect(pair).toHaveLength(2);
      expect(JSON.stringify(pair[0]) === JSON.stringify(pair[1])).toBe(isSame);
      expect(pair[0]?.price).toEqual(pair[1]?.price);
    }
  });

  it("reorder: every message comes, one after its successor", () => {
    const swapped = withFault("reorder");
    expect(missing(swapped)).toEqual([]);
    const ids = swapped.client.ids();
    const [late] = hit(swapped.venue, "reorder");
    const order = swapped.venue.trades("BTCUSDT").within(START_MS, Number.MAX_SAFE_INTEGER, 100_000).map(({ id }) => swapped.venue.dialect.tradeId("BTCUSDT", id));
    const sorted = name === "binance-usdm" ? [...ids].sort((a, b) => Number(a) - Number(b)) : order;
    expect(ids).not.toEqual(sorted);
    expect(ids.indexOf(late ?? "")).toBeGreaterThan(sorted.indexOf(late ?? ""));
  });

  it.each([["malformed", "malformed-json"], ["wrong-type", "wrong-type"]])("%s: refused as %s, and the real message does not come", (fault, code) => {
    const broken = withFault(fault);
    expect(broken.client.outcomes(fold).filter((outcome) => typeof outcome === "string")).toEqual([code]);
    expect(missing(broken)).toEqual(hit(broken.venue, fault));
  });

  it.each([["far-past", -1], ["far-future", 1]] as const)("%s: the right ids at a time ten years off", (fault, sign) => {
    const { venue, client } = withFault(fault);
    const [id] = hit(venue, fault);
    const trade = client.trades().find((candidate) => idsOf(candidate).includes(id ?? ""));
    expect(Math.sign((trade?.eventMs ?? 0) - START_MS)).toBe(sign);
    expect(Math.abs((trade?.eventMs ?? 0) - START_MS)).toBeGreaterThan(300_000_000_000);
  });

  it("oversized and unknown-stream: one extra frame, nothing lost", () => {
    const big = withFault("oversized", 11);
    expect(Math.max(...big.client.texts.map(({ length }) => length))).toBeGreaterThan(11_000_000);
    expect(missing(big)).toEqual([]);
    const strange = withFault("unknown-stream");
    const kinds = strange.client.texts.map((text) => adapter.route(new TextEncoder().encode(text)));
    expect(kinds.filter((routed) => (routed.kind === "data" ? routed.stream.channel !== fold : routed.kind === "unknown"))).toHaveLength(1);
    expect(missing(strange)).toEqual([]);
  });

  it("late-print: old time, ids in the ledger, part of the true candle of its own time", () => {
    const { venue, client } = withFault("late-print", 20);
    const late = hit(venue, "late-print");
    expect(late.length).toBeGreaterThan(0);
    const trades = client.trades().filter((trade) => idsOf(trade).some((id) => late.includes(id)));
    const [entry] = venue.ledger.entries.filter(({ what }) => what === "late-print");
    expect(new Set(trades.map(({ eventMs }) => eventMs))).toEqual(new Set([entry?.timeMs]));
    expect(entry?.timeMs).toBeLessThan(START_MS);
    expect(venue.truth.query({ symbol: "BTCUSDT", interval: "1s", fromMs: (entry?.timeMs ?? 0) - 999, untilMs: (entry?.timeMs ?? 0) + 1 }).length).toBeGreaterThan(0);
  });

  it("connections: closed, broken, half-open, stalled, refused, announced", () => {
    expect(withFault("disconnect").client.ended).toBe("closed 1001 going away");
    expect(withFault("abrupt-disconnect").client.ended).toBe("dropped");
    const silent = withFault("half-open");
    const count = silent.client.texts.length;
    run(silent.venue, 5_000);
    expect([silent.client.texts.length, silent.client.ended]).toEqual([count, undefined]);
    expect(foldOf(silent.venue).unheard.at(-1)?.count).toBeGreaterThan(0);
    const venue = venueOf(name);
    venue.inject(faultFromMenu("stall-after-ack"));
    const stalled = new Client(venue, [fold]);
    run(venue, 5_000);
    expect(stalled.outcomes(fold)).toEqual([]);
    expect(name === "binance-usdm" ? stalled.texts : stalled.texts.map((text) => adapter.route(new TextEncoder().encode(text)).kind)).toEqual(name === "binance-usdm" ? ['{"result":null,"id":1}'] : ["acknowledgement"]);
    venue.inject(faultFromMenu("refuse-connections", 1));
    expect(new Client(venue, [fold]).ended).toBe("refused 503");
    expect(new Client(venue, [fold]).ended).toBeUndefined();
  });

  it("venue-notice: connections end when announced, and OKX says so before", () => {
    const { venue, client } = withFault("venue-notice", 60);
    const told = client.texts.filter((text) => adapter.route(new TextEncoder().encode(text)).kind === "rotate");
    expect(told).toHaveLength(name === "okx-swap" ? 1 : 0);
    expect(client.ended).toBeUndefined();
    run(venue, 60_000);
    expect(client.ended).toMatch(/^closed 10/);
  });

  it("clock-skew: stamps and server time move together", () => {
    const { venue, client } = withFault("clock-skew", 60_000);
    const answer = venue.request(TIME_PATH[name], {});
    expect(answer === "hang" ? 0 : adapter.serverTime.read(new TextEncoder().encode(answer.body))).toEqual({ ok: true, value: venue.nowMs + 60_000 });
    expect(client.trades().at(-1)?.eventMs).toBeGreaterThan(venue.nowMs + 50_000);
  });

  it("REST faults are what the adapter takes them for, then it is over", () => {
    const venue = venueOf(name);
    const path = TRADES_PATH[name]("BTCUSDT");
    for (const [fault, kind] of [["rest-429", "rate-limited"], ["rest-5xx", "unavailable"], ["rest-empty", "success"], ["rest-hang", "hang"], ["rest-418", "banned"], ["rest-403", "banned"]] as const) {
      venue.inject(faultFromMenu(fault, 1));
      expect([fault, problem(venue, path)]).toEqual([fault, kind]);
      run(venue, 6_000);
      expect(problem(venue, path)).toBe("success");
    }
    expect(venue.ledger.entries.map(({ what }) => what)).toEqual(["rest-429", "rest-5xx", "rest-empty", "rest-hang", "rest-418", "rest-403"]);
  });

  it("dead-symbol: MATICUSDT falls silent and is refused, POLUSDT lives on, others go on", () => {
    const venue = venueOf(name, { symbols: ["BTCUSDT", "MATICUSDT"] });
    expect(new Client(venue, [fold], ["POLUSDT"]).texts.map((text) => adapter.route(new TextEncoder().encode(text))).every((routed) => routed.kind !== "acknowledgement" || !routed.ok || name === "binance-usdm")).toBe(true);
    const before = new Client(venue, [fold], ["MATICUSDT"]);
    run(venue, 20_000);
    expect(before.trades().length).toBeGreaterThan(0);
    expect(venue.inject(faultFromMenu("dead-symbol"))).toContain("POLUSDT");
    const count = before.trades().length;
    run(venue, 20_000);
    expect(before.trades()).toHaveLength(count);
    expect(problem(venue, TRADES_PATH[name]("MATICUSDT"))).toBe("dead-symbol");
    expect(problem(venue, TRADES_PATH[name]("POLUSDT"))).toBe("success");
    const successor = new Client(venue, [fold], ["POLUSDT"]);
    const dead = new Client(venue, [fold], ["MATICUSDT"]);
    run(venue, 30_000);
    expect(successor.trades().length).toBeGreaterThan(0);
    expect(dead.trades()).toEqual([]);
    // Binance accepts any name and stays silent; the others say that there is no such thing.
    const rejected = dead.texts.map((text) => adapter.route(new TextEncoder().encode(text))).filter((routed) => routed.kind === "acknowledgement" && !routed.ok);
    expect(rejected).toHaveLength(name === "binance-usdm" ? 0 : 1);
  });
});
