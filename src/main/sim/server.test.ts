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
    const socket = open(endpoints.ws_public);
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

  it("names the port when it is taken", async () => {
    const running = await start();
    const port = Number(new URL(running.url).port);
    await expect(startSimulator({ seed: 1, clock, timers, warmMs: 0, port })).rejects.toThrow(`127.0.0.1:${port}`);
  });
});
