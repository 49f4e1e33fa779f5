// The venue behind the transport interfaces, in virtual time: order, closes of each cause, silence, time-outs, cut lines.
import { beforeEach, describe, expect, it } from "vitest";
import type { SocketClose } from "../net/transport.ts";
import { VirtualClock } from "../net/virtual-clock.ts";
import { SimulatedVenue } from "./venue.ts";
import { MemoryNetwork } from "./memory-transport.ts";
import { SeededRandom } from "./random.ts";

const START_MS = 1_767_225_600_000;
const decoder = new TextDecoder();

class Listener {
  opened = 0;
  readonly texts: string[] = [];
  close: SocketClose | undefined;
  readonly handlers = {
    opened: () => { this.opened += 1; },
    message: (bytes: Uint8Array) => { this.texts.push(decoder.decode(bytes)); },
    closed: (close: SocketClose) => { this.close = close; },
  };
}

let clock: VirtualClock;
let network: MemoryNetwork;

beforeEach(() => {
  clock = new VirtualClock(START_MS);
  const venue = new SimulatedVenue({ seed: 2, startMs: START_MS, warmMs: 60_000, symbols: ["BTCUSDT"], messagesPerSecond: 200, historyTrades: 8_192 });
  network = new MemoryNetwork({ venue, clock, timers: clock, random: new SeededRandom(1) });
  network.start();
});

function connected(): { listener: Listener; socket: ReturnType<MemoryNetwork["webSocket"]["connect"]> } {
  const listener = new Listener();
  const socket = network.webSocket.connect(`${network.endpoints["ws_market"]}btcusdt@aggTrade`, listener.handlers);
  clock.advanceNow(2_000);
  return { listener, socket };
}

describe("the memory transport", () => {
  it("opens first, then delivers in the order of sending", () => {
    const { listener } = connected();
    const ids = listener.texts.map((text) => Number(/"a":(\d+)/.exec(text)?.[1]));
    expect(listener.opened).toBe(1);
    expect(ids.length).toBeGreaterThan(10);
    expect(ids).toEqual(ids.map((_, index) => (ids[0] ?? 0) + index));
  });

  it("repeats itself exactly for the same seeds", () => {
    const first = connected().listener.texts;
    clock = new VirtualClock(START_MS);
    network = new MemoryNetwork({
      venue: new SimulatedVenue({ seed: 2, startMs: START_MS, warmMs: 60_000, symbols: ["BTCUSDT"], messagesPerSecond: 200, historyTrades: 8_192 }),
      clock, timers: clock, random: new SeededRandom(1),
    });
    network.start();
    expect(connected().listener.texts).toEqual(first);
  });

  it("reports each end with its cause, and nothing after it", () => {
    for (const [name, cause, code] of [["disconnect", "closed", 1001], ["abrupt-disconnect", "lost", 1006]] as const) {
      const { listener } = connected();
      network.venue.inject({ name });
      clock.advanceNow(100);
      const count = listener.texts.length;
      clock.advanceNow(1_000);
      expect([listener.close?.cause, listener.close?.code, listener.texts.length]).toEqual([cause, code, count]);
    }
    const { listener, socket } = connected();
    socket.close();
    clock.advanceNow(100);
    expect(listener.close?.cause).toBe("local");
    expect(network.venue.sessions.size).toBe(0);
    network.venue.inject({ name: "refuse-connections", connections: 1 });
    expect(connected().listener.close).toMatchObject({ cause: "refused", code: 503 });
  });

  it("keeps silent connections open, and makes new ones unreachable while the line is cut", () => {
    const { listener } = connected();
    network.cut = true;
    clock.advanceNow(50);
    const count = listener.texts.length;
    clock.advanceNow(60_000);
    expect([listener.texts.length, listener.close]).toEqual([count, undefined]);
    const late = connected();
    clock.advanceNow(10_000);
    expect(late.listener.close?.cause).toBe("unreachable");
  });

  it("hangs up on a client that does not read", () => {
    const { listener, socket } = connected();
    socket.pause();
    for (let count = 0; count < 3; count += 1) network.venue.inject({ name: "oversized", count: 1, bytes: 9_000_000 });
    clock.advanceNow(5_000);
    expect(network.venue.ledger.entries.at(-1)?.what).toBe("slow-consumer");
    socket.resume();
    clock.advanceNow(100);
    expect(listener.close?.cause).toBe("lost");
  });

  it("reaches several venues behind one line, each by its own paths", async () => {
    const okx = new SimulatedVenue({ seed: 2, venue: "okx-swap", startMs: START_MS, warmMs: 60_000, symbols: ["BTCUSDT"], historyTrades: 8_192 });
    network = new MemoryNetwork({ venue: network.venue, others: [okx], clock, timers: clock, random: new SeededRandom(1) });
    network.start();
    const listener = new Listener();
    const socket = network.webSocket.connect(network.endpointsOf(okx)["ws_public"] ?? "", listener.handlers);
    clock.advanceNow(1_000);
    socket.send('{"op":"subscribe","args":[{"channel":"trades","instId":"BTC-USDT-SWAP"}]}');
    clock.advanceNow(10_000);
    expect(listener.texts.filter((text) => text.startsWith('{"arg":{"channel":"trades"')).length).toBeGreaterThan(10);
    const pending = network.http.get(`${network.endpointsOf(okx)["rest"]}/api/v5/public/time`, { timeoutMs: 1_000 });
    await clock.advance(500);
    const result = await pending;
    expect(result.ok ? decoder.decode(result.value.body) : result.fault.code).toContain('"code":"0"');
  });

  it("answers requests, times out on silence, and obeys a stop signal", async () => {
    const ask = async (signal?: AbortSignal): Promise<string> => {
      const pending = network.http.get(`${network.endpoints["rest"]}/fapi/v1/time`, { timeoutMs: 1_000, ...(signal === undefined ? {} : { signal }) });
      await clock.advance(2_000);
      const result = await pending;
      return result.ok ? String(result.value.status) : result.fault.code;
    };
    expect(await ask()).toBe("200");
    network.venue.inject({ name: "rest-hang", count: 1 });
    expect(await ask()).toBe("net.timeout");
    expect(await ask(AbortSignal.abort())).toBe("net.cancelled");
  });
});
