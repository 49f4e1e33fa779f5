// Each venue's own rules, where they differ: rate limits, connection limits, signs of life, groups that fail as a whole, pages of trades.
import { describe, expect, it } from "vitest";
import { ADAPTERS, Client, problem, run, START_MS, venueOf } from "./client.testkit.ts";

describe("Bybit", () => {
  it("says the best offer again after 3 s without change, with the same u", () => {
    const venue = venueOf("bybit-linear", { messagesPerSecond: 0.2, symbols: ["BTCUSDT"] });
    run(venue, 30_000);
    const client = new Client(venue, ["orderbook.1"]);
    run(venue, 60_000);
    const books = client.texts.filter((text) => text.includes('"topic"')).map((text) => JSON.parse(text) as { ts: number; data: { u: number } });
    for (let at = 1; at < books.length; at += 1) expect((books[at]?.ts ?? 0) - (books[at - 1]?.ts ?? 0)).toBeLessThanOrEqual(3_100);
    expect(books.filter(({ data }, at) => data.u === books[at - 1]?.data.u).length).toBeGreaterThan(5);
  });

  it("counts the book's pushes by one, and from 1 after its service has restarted", () => {
    const venue = venueOf("bybit-linear");
    const numbers = (client: Client): readonly number[] => client.texts.flatMap((text) => Number(/"u":(\d+)/.exec(text)?.[1] ?? Number.NaN)).filter((u) => !Number.isNaN(u));
    const client = new Client(venue, ["orderbook.1"]);
    run(venue, 2_000);
    const before = numbers(client);
    expect(before.slice(1).every((u, index) => u - (before[index] ?? 0) <= 1)).toBe(true);
    venue.inject({ name: "disconnect" });
    const after = new Client(venue, ["orderbook.1"]);
    run(venue, 2_000);
    expect(numbers(after)[0]).toBe(1);
  });

  it("refuses a whole request for one unknown topic, and what is subscribed already", () => {
    const venue = venueOf("bybit-linear");
    const client = new Client(venue, ["publicTrade"]);
    expect(client.ask('{"req_id":"9","op":"subscribe","args":["tickers.BTCUSDT","publicTrade.NOPEUSDT"]}')).toContain('"success":false,"ret_msg":"error:handler not found,topic:publicTrade.NOPEUSDT"');
    expect(client.ask('{"op":"subscribe","args":["publicTrade.BTCUSDT"]}')).toContain("already subscribed");
    expect(client.ask('{"op":"unsubscribe","args":["publicTrade.BTCUSDT"]}')).toContain('"success":true');
    expect(client.ask("{")).toContain('"success":false');
    run(venue, 3_000);
    expect(client.trades()).toEqual([]);
  });

  it("marks block trades, and keeps them out of its candles", () => {
    const venue = venueOf("bybit-linear", { messagesPerSecond: 4_000, symbols: ["BTCUSDT"], warmMs: 0 });
    const client = new Client(venue, ["publicTrade"]);
    run(venue, 30_000);
    expect(client.trades().some(({ market }) => !market)).toBe(true);
    expect(venue.truth.query({ symbol: "BTCUSDT", interval: "1d", fromMs: 0, untilMs: Number.MAX_SAFE_INTEGER })[0]?.tradeCount).toBe(client.trades().filter(({ market }) => market).length);
  });

  it("bans for ten minutes who asks more than 600 times in 5 s", () => {
    const venue = venueOf("bybit-linear");
    for (let count = 0; count < 600; count += 1) expect(problem(venue, "/v5/market/time")).toBe("success");
    expect(problem(venue, "/v5/market/time")).toBe("banned");
    run(venue, 590_000);
    expect(problem(venue, "/v5/market/time")).toBe("banned");
    run(venue, 11_000);
    expect(problem(venue, "/v5/market/time")).toBe("success");
  });

  it("names its candles' end once, with the open that is the close before", () => {
    const venue = venueOf("bybit-linear", { symbols: ["BTCUSDT"] });
    const client = new Client(venue, ["kline.1"]);
    run(venue, 130_000);
    const items = client.texts.filter((text) => text.includes('"topic"')).flatMap((text) => (JSON.parse(text) as { data: { start: number; confirm: boolean; open: string; close: string; volume: string }[] }).data);
    const confirmed = items.filter(({ confirm }) => confirm);
    expect(confirmed.map(({ start }) => start)).toEqual([...new Set(confirmed.map(({ start }) => start))]);
    expect(confirmed.length).toBeGreaterThanOrEqual(2);
    expect(confirmed[1]?.open).toBe(confirmed[0]?.close);
    for (const { start, volume } of confirmed.slice(1)) {
      expect(Number(volume)).toBeCloseTo(Number(venue.truth.query({ symbol: "BTCUSDT", interval: "1m", fromMs: start, untilMs: start + 1 })[0]?.volume), 6);
    }
  });
});

describe("OKX", () => {
  it("proves its trades by count: each push begins behind the last id of the one before", () => {
    const venue = venueOf("okx-swap", { symbols: ["BTCUSDT"], messagesPerSecond: 2_000 });
    const client = new Client(venue, ["trades"]);
    run(venue, 20_000);
    const trades = client.trades();
    expect(trades.some(({ tradeCount }) => tradeCount > 1)).toBe(true);
    for (const [index, { lastTradeId, tradeCount }] of trades.entries()) {
      if (index > 0) expect((lastTradeId ?? 0) - tradeCount).toBe(trades[index - 1]?.lastTradeId);
    }
  });

  it("gives back by REST every trade of its socket, in pages of 100 downwards", () => {
    const venue = venueOf("okx-swap", { symbols: ["BTCUSDT"], messagesPerSecond: 1_000 });
    const client = new Client(venue, ["trades"]);
    run(venue, 10_000);
    const ids = client.ids().map(Number);
    const [fromId, toId] = [Math.min(...ids), Math.max(...ids)];
    const { backfill } = ADAPTERS["okx-swap"];
    const range = { stream: { venue: "okx-swap", symbol: "BTCUSDT", channel: "trades", streamId: "okx-swap:BTCUSDT:trades" }, fromId, toId, fromMs: undefined, toMs: undefined } as const;
    const found = new Set<number>();
    for (let request = backfill.plan(range); request !== undefined;) {
      const answer = venue.request(request.path, {});
      if (answer === "hang") throw new Error("no answer");
      const page = backfill.page(range, request, new TextEncoder().encode(answer.body));
      if (!page.ok) throw new Error(page.fault.message);
      for (const { fromId: from, toId: to } of page.value.ids) for (let id = from; id <= to; id += 1) found.add(id);
      request = page.value.next;
      run(venue, 200);
    }
    expect([...found].sort((a, b) => a - b)).toEqual(ids);
  });

  it("refuses by 50011 beyond 20 requests per 2 s and route, and no longer", () => {
    const venue = venueOf("okx-swap");
    const path = "/api/v5/market/history-trades?instId=BTC-USDT-SWAP&type=1";
    for (let count = 0; count < 20; count += 1) expect(problem(venue, path)).toBe("success");
    expect(problem(venue, path)).toBe("rate-limited");
    expect(problem(venue, "/api/v5/public/time")).toBe("success");
    run(venue, 2_000);
    expect(problem(venue, path)).toBe("success");
  });

  it("takes three connections a second, and closes who is silent for 30 s", () => {
    const venue = venueOf("okx-swap");
    const clients = [1, 2, 3, 4].map(() => new Client(venue, ["trades"]));
    expect(clients.map(({ ended }) => ended)).toEqual([undefined, undefined, undefined, "refused 429"]);
    const [quiet] = clients;
    quiet?.ask('{"op":"unsubscribe","args":[{"channel":"trades","instId":"BTC-USDT-SWAP"}]}');
    run(venue, 20_000);
    expect(quiet?.ask("ping")).toBe("pong");
    run(venue, 20_000);
    expect(quiet?.ended).toBeUndefined();
    run(venue, 11_000);
    expect(quiet?.ended).toBe("closed 4004 No data received in 30s.");
  });

  it("says the end of each candle once, with the true values and the first trade's price as its open", () => {
    const venue = venueOf("okx-swap", { symbols: ["BTCUSDT"] });
    const client = new Client(venue, ["candle1m"]);
    run(venue, 130_000);
    const rows = client.texts.filter((text) => text.includes('"data"')).flatMap((text) => (JSON.parse(text) as { data: string[][] }).data).filter(([openMs]) => Number(openMs) >= START_MS);
    const over = rows.filter((row) => row[8] === "1").map((row) => [row[0], row[1], row[2], row[3], row[4], row[6], row[7]].map(Number));
    const truth = venue.truth.query({ symbol: "BTCUSDT", interval: "1m", fromMs: START_MS, untilMs: START_MS + 120_000 });
    expect(over).toEqual(truth.map(({ openMs, open, high, low, close, volume, quoteVolume }) => [openMs, open, high, low, close, volume, quoteVolume].map(Number)));
    expect(over).toHaveLength(2);
  });

  it("answers each argument apart, and says what is wrong", () => {
    const venue = venueOf("okx-swap");
    const client = new Client(venue, ["trades"]);
    client.texts.length = 0;
    client.ask('{"id":"5","op":"subscribe","args":[{"channel":"mark-price","instId":"BTC-USDT-SWAP"},{"channel":"trades","instId":"NOPE-USDT-SWAP"},{"channel":"candle1m","instId":"BTC-USDT-SWAP"}]}');
    const answers = client.texts.map((text) => JSON.parse(text) as { event?: string; code?: string }).filter(({ event }) => event !== undefined);
    expect(answers.map(({ event, code }) => [event, code])).toEqual([["subscribe", undefined], ["error", "60018"], ["error", "60018"]]);
    expect(client.ask("{}")).toContain("60012");
    for (let count = 0; count < 480; count += 1) client.ask('{"op":"subscribe","args":[{"channel":"mark-price","instId":"BTC-USDT-SWAP"}]}');
    expect(client.texts.at(-1)).toContain("60014");
  });

  it("ends a connection by age after 60 s of notice", () => {
    const venue = venueOf("okx-swap", { sessionLifeMs: 100_000 });
    const client = new Client(venue, ["trades"]);
    run(venue, 39_000);
    expect(client.texts.some((text) => text.includes("64008"))).toBe(false);
    run(venue, 1_000);
    expect(client.texts.filter((text) => text.includes("64008"))).toHaveLength(1);
    run(venue, 60_000);
    expect(client.ended).toMatch(/^closed/);
  });
});
