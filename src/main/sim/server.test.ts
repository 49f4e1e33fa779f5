// The simulator on real sockets: connects, subscribes, answers REST, injects faults over its control path.
import { afterEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import type { Clock, Timers } from "../../shared/base.ts";
import { startSimulator, type Simulator } from "./server.ts";

const clock: Clock = { wallNs: () => BigInt(Date.now()) * 1_000_000n, monotonicMs: () => performance.now() };
const timers: Timers = {
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};

let simulator: Simulator | undefined;
const sockets: WebSocket[] = [];

async function start(): Promise<Simulator> {
  simulator = await startSimulator({ seed: 3, clock, timers, warmMs: 300_000, messagesPerSecond: 2_000 });
  return simulator;
}

function open(url: string): WebSocket {
  const socket = new WebSocket(url);
  sockets.push(socket);
  return socket;
}

/** The first message that fits; rejects when the socket closes first. */
function message(socket: WebSocket, fits: (text: string) => boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    socket.on("message", (data) => {
      const text = String(data);
      if (fits(text)) resolve(text);
    });
    socket.once("close", (code) => reject(new Error(`closed with ${code}`)));
    socket.once("error", reject);
  });
}

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate();
  await simulator?.close();
  simulator = undefined;
});

describe("the simulator's server", () => {
  it("sends trades of the streams named in the address, with ids that follow each other", async () => {
    const { endpoints } = await start();
    const socket = open(`${endpoints.ws_market}btcusdt@aggTrade`);
    const ids: number[] = [];
    await message(socket, (text) => {
      ids.push((JSON.parse(text) as { data: { a: number } }).data.a);
      return ids.length === 20;
    });
    expect(ids).toEqual(ids.map((_, index) => (ids[0] ?? 0) + index));
  });

  it("acknowledges a subscription, then sends its data", async () => {
    const { endpoints } = await start();
    const socket = open(endpoints["ws_public"] ?? "");
    const acknowledged = message(socket, (text) => text === '{"result":null,"id":7}');
    const data = message(socket, (text) => text.startsWith('{"stream":"ethusdt@bookTicker"'));
    socket.once("open", () => socket.send('{"method":"SUBSCRIBE","params":["ethusdt@bookTicker"],"id":7}'));
    await acknowledged;
    await data;
  });

  it("has a past for REST from the first moment, and tells its weight", async () => {
    const { endpoints } = await start();
    const response = await fetch(`${endpoints.rest}/fapi/v1/aggTrades?symbol=BTCUSDT&limit=1000`);
    const rows = (await response.json()) as { a: number }[];
    expect(rows.length).toBeGreaterThan(50);
    expect(response.headers.get("x-mbx-used-weight-1m")).toBe("20");
    const klines = await fetch(`${endpoints.rest}/fapi/v1/klines?symbol=BTCUSDT&interval=1m&limit=5`);
    expect(await klines.json()).toHaveLength(5);
  });

  it("injects a fault over its control path and lists it in the ledger", async () => {
    const { endpoints, url } = await start();
    const socket = open(`${endpoints.ws_market}btcusdt@aggTrade`);
    let last: number | undefined;
    const jumped = message(socket, (text) => {
      const { a } = (JSON.parse(text) as { data: { a: number } }).data;
      const found = last !== undefined && a === last + 3;
      last = a;
      return found;
    });
    await message(socket, () => true);
    const response = await fetch(`${url}/sim/fault?name=drop&amount=2`, { method: "POST" });
    expect(await response.json()).toEqual({ applied: "drop: the next 2 aggTrade messages" });
    const after = (JSON.parse(await jumped) as { data: { a: number } }).data.a;
    const ledger = (await (await fetch(`${url}/sim/ledger`)).json()) as { entries: { what: string; fromId: number }[] };
    expect(ledger.entries.map(({ what, fromId }) => [what, fromId])).toEqual([["drop", after - 2], ["drop", after - 1]]);
  });

  it("refuses an unknown fault with the list of what there is, and refuses web pages", async () => {
    const { url } = await start();
    const unknown = await fetch(`${url}/sim/fault?name=meteor`, { method: "POST" });
    expect(unknown.status).toBe(400);
    expect(await unknown.text()).toContain("half-open");
    const page = await fetch(`${url}/sim/fault?name=drop`, { method: "POST", headers: { origin: "https://evil.example" } });
    expect(page.status).toBe(403);
  });

  it("closes with a frame, or without one, as the fault says", async () => {
    const running = await start();
    for (const [name, code] of [["disconnect", 1001], ["abrupt-disconnect", 1006]] as const) {
      const socket = open(`${running.endpoints.ws_market}btcusdt@aggTrade`);
      await message(socket, () => true);
      const closed = new Promise<number>((resolve) => socket.once("close", resolve));
      running.fault(name);
      expect(await closed).toBe(code);
    }
  });

  describe("with three venues on one port", () => {
    const VENUES = ["binance-usdm", "bybit-linear", "okx-swap"] as const;

    async function startThree(): Promise<Simulator> {
      simulator = await startSimulator({ seed: 3, clock, timers, warmMs: 10_000, messagesPerSecond: 3_000, steady: true, venues: VENUES, symbols: ["BTCUSDT", "MATICUSDT"] });
      return simulator;
    }
    /** A socket at a venue, subscribed to its trades of BTCUSDT. */
    function trades(running: Simulator, venue: (typeof VENUES)[number]): WebSocket {
      const endpoints = running.endpointsOf(venue);
      if (venue === "binance-usdm") return open(`${endpoints["ws_market"]}btcusdt@aggTrade`);
      const socket = open(endpoints["ws_public"] ?? "");
      const request = venue === "bybit-linear" ? { op: "subscribe", args: ["publicTrade.BTCUSDT"] } : { op: "subscribe", args: [{ channel: "trades", instId: "BTC-USDT-SWAP" }] };
      socket.once("open", () => socket.send(JSON.stringify(request)));
      return socket;
    }
    async function json(url: string): Promise<unknown> {
      return (await fetch(url)).json();
    }

    it("speaks each venue's wire under its own paths, and answers its REST", async () => {
      const running = await startThree();
      const [binance, bybit, okx] = await Promise.all(VENUES.map((venue) => message(trades(running, venue), (text) => text.includes("data"))));
      expect([binance?.slice(0, 31), bybit?.slice(0, 32), okx?.slice(0, 51)]).toEqual(['{"stream":"btcusdt@aggTrade","d', '{"topic":"publicTrade.BTCUSDT","', '{"arg":{"channel":"trades","instId":"BTC-USDT-SWAP"']);
      expect(await json(`${running.url}/fapi/v1/time`)).toHaveProperty("serverTime");
      expect(await json(`${running.url}/v5/market/time`)).toHaveProperty("result.timeNano");
      expect(await json(`${running.url}/api/v5/public/time`)).toHaveProperty("data.0.ts");
      const kept = message(open(`${running.url.replace("http", "ws")}/ws/v5/public`).once("open", function sayPing(this: WebSocket) { this.send("ping"); }), (text) => text === "pong");
      expect(await kept).toBe("pong");
    });

    it("injects faults at the venue that is named, and its ledger says where", async () => {
      const running = await startThree();
      const sockets = VENUES.map((venue) => trades(running, venue));
      await Promise.all(sockets.map((socket) => message(socket, (text) => text.includes("data"))));
      const inject = async (query: string): Promise<unknown> => (await fetch(`${running.url}/sim/fault?${query}`, { method: "POST" })).json();
      expect(await inject("venue=okx-swap&name=drop&amount=2&symbol=BTCUSDT")).toEqual({ applied: "drop: the next 2 trades messages" });
      expect(await inject("venue=bybit-linear&name=duplicate")).toEqual({ applied: "duplicate: the next 1 publicTrade messages" });
      expect(await inject("venue=kraken&name=drop")).toEqual({ error: 'the simulator has no venue "kraken"; it has binance-usdm, bybit-linear, okx-swap' });
      await message(sockets[2] ?? open(""), (text) => text.includes("data"));
      const { entries } = (await json(`${running.url}/sim/ledger?venue=okx-swap`)) as { entries: { at: number; venue: string; what: string; fromId: number }[] };
      expect(entries.map(({ venue, what }) => [venue, what])).toEqual([["okx-swap", "drop"], ["okx-swap", "drop"]]);
      const later = (await json(`${running.url}/sim/ledger?after=${entries.at(-1)?.at}`)) as { entries: { venue: string }[] };
      expect(later.entries.every(({ venue }) => venue !== "okx-swap")).toBe(true);
    });

    it("accounts for every data frame of every connection", async () => {
      const running = await startThree();
      const counts = VENUES.map(() => 0);
      const sockets = VENUES.map((venue, index) => {
        const socket = trades(running, venue);
        socket.on("message", (data) => { if (/"(data|topic)":/.test(String(data))) counts[index] = (counts[index] ?? 0) + 1; });
        return socket;
      });
      await Promise.all(sockets.map((socket) => message(socket, () => counts.every((count) => count > 300))));
      running.fault("disconnect", 0, "binance-usdm");
      running.fault("disconnect", 0, "bybit-linear");
      running.fault("disconnect", 0, "okx-swap");
      await Promise.all(sockets.map((socket) => new Promise((resolve) => (socket.readyState === WebSocket.CLOSED ? resolve(0) : socket.once("close", resolve)))));
      const account = (await json(`${running.url}/sim/said?minutes`)) as ReturnType<Simulator["account"]>;
      expect(account.connections.map(({ venue, said }) => [venue, Object.values(said)])).toEqual(VENUES.map((venue, index) => [venue, [counts[index]]]));
      expect(account.frames).toBe(counts.reduce((sum, count) => sum + count, 0));
      const one = (await json(`${running.url}/sim/said?venue=bybit-linear&symbol=BTCUSDT&channel=publicTrade`)) as ReturnType<Simulator["account"]>;
      expect(one.streams.map(({ stream, said, minutes }) => [stream, said, minutes])).toEqual([["publicTrade.BTCUSDT", counts[1], undefined]]);
      const listed = (await json(`${running.url}/sim/trades?venue=bybit-linear&symbol=BTCUSDT&from=0`)) as { id: string }[];
      expect(listed.at(-1)?.id).toMatch(/^[0-9a-f-]{36}$/);
    });

    it("carries frames of every length", async () => {
      const running = await startThree();
      const socket = trades(running, "bybit-linear");
      await message(socket, (text) => text.includes("data"));
      for (const bytes of [200, 70_000, 3_000_000]) {
        running.venues[1]?.inject({ name: "oversized", channel: "publicTrade", count: 1, bytes });
        const text = await message(socket, (candidate) => candidate.includes("xxx"));
        expect(Math.abs(text.length - bytes)).toBeLessThan(80);
      }
    });
  });

  it("names the port when it is taken", async () => {
    const running = await start();
    const port = Number(new URL(running.url).port);
    await expect(startSimulator({ seed: 1, clock, timers, warmMs: 0, port })).rejects.toThrow(`127.0.0.1:${port}`);
  });
});
