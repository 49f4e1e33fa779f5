// The collector on a virtual clock against a scripted venue: every way the world breaks, without a real second passing.
import { describe, expect, it } from "vitest";
import { fault } from "../../shared/base.ts";
import { aggTrade, bookTicker, restPage, ScriptedVenue, START_MS } from "./scripted-venue.testkit.ts";

/** A venue that acknowledges and sends one aggTrade every 100 ms on every socket, with ids that go on over reconnects. */
function trading(): { readonly venue: ScriptedVenue; readonly state: { nextId: number; mute: Set<number>; isOn: boolean } } {
  const venue = new ScriptedVenue();
  const state = { nextId: 1_000, mute: new Set<number>(), isOn: true };
  venue.onConnect = (socket) => {
    venue.acknowledge(socket);
    venue.clock.after(10, () => {
      socket.open();
    });
  };
  const beat = (): void => {
    if (!state.isOn) return;
    const message = aggTrade(state.nextId, START_MS + venue.clock.monotonicMs());
    state.nextId += 1;
    venue.sockets.forEach((socket, index) => {
      if (!state.mute.has(index)) socket.say(message);
    });
    venue.clock.after(100, beat);
  };
  venue.clock.after(100, beat);
  venue.answer = (path) => {
    const query = new URLSearchParams(path.slice(path.indexOf("?")));
    const fromId = Number(query.get("fromId"));
    const toId = Math.min(fromId + Number(query.get("limit")) - 1, state.nextId - 1);
    return { status: 200, body: restPage(fromId, toId, START_MS) };
  };
  return { venue, state };
}

function ids(venue: ScriptedVenue): number[] {
  return venue.frames("aggTrade").map(({ payload }) => (JSON.parse(new TextDecoder().decode(payload)) as { data: { a: number } }).data.a);
}

describe("a connection's life", () => {
  it("connects, subscribes, is acknowledged, goes live, and stops with everything said", async () => {
    const { venue } = trading();
    const collector = venue.collector();
    collector.start();
    expect(collector.status().streams[0]).toMatchObject({ state: "connecting" });
    await venue.clock.advance(50);
    expect(collector.status().streams[0]).toMatchObject({ streamId: "sim:BTCUSDT:aggTrade", state: "acknowledged", messages: 0 });
    await venue.clock.advance(3_000);
    expect(collector.status().streams[0]).toMatchObject({ state: "live", rate: 10, latencyMs: 0, duplicates: 0, gapsOpen: 0 });
    expect(collector.status().source).toMatchObject({ state: "live", simulated: true, offsetErrorMs: expect.closeTo(2.5, 0) as number });
    await Promise.all([collector.stop(), venue.clock.advance(100)]);
    expect(venue.story()).toEqual(["connect", "subscribe", "acknowledge", "disconnect:stopped"]);
    expect(venue.control("connect")[0]).toMatchObject({ connection: "sim.ws.1", streams: ["sim:BTCUSDT:aggTrade"] });
    expect(venue.clock.pending).toBe(1); // the venue's own next trade
    expect(collector.status().source.state).toBe("off");
  });

  it("keeps bytes as they came, the acknowledgement too, each in its stream", async () => {
    const { venue } = trading();
    const collector = venue.collector();
    collector.start();
    await venue.clock.advance(150);
    const junk = [new Uint8Array([0xff, 0x00]), new TextEncoder().encode("{ not json"), new TextEncoder().encode(`"${"x".repeat(10 * 1024 * 1024)}"`)];
    for (const bytes of junk) venue.socket.say(bytes);
    venue.socket.say('{"stream":"dogeusdt@trade","data":{"E":5}}');
    await venue.clock.advance(10);
    const unclassified = venue.frames("unclassified").map(({ payload, stream }) => [stream.streamId, payload.length]);
    expect(unclassified).toEqual([["sim:_:unclassified", 22], ...junk.map((bytes) => ["sim:_:unclassified", bytes.length])]);
    expect(venue.drafts.find(({ stream }) => stream.streamId === "sim:DOGEUSDT:trade")).toMatchObject({ eventNs: 5_000_000n, connection: "sim.ws.1" });
    expect(collector.status().streams[0]?.state).toBe("live");
  });

  it("ticks every second with the measured offset, in line with the frames", async () => {
    const { venue } = trading();
    venue.offsetMs = 1_270;
    const collector = venue.collector();
    collector.start();
    await venue.clock.advance(10_010);
    const ticks = venue.control("tick");
    expect(ticks).toHaveLength(10);
    expect(Number(ticks[0]!.offset_ns) / 1e6).toBeCloseTo(1_270.5, 0);
    expect(Number(ticks[0]!.error_ns) / 1e6).toBeCloseTo(2.5, 0);
    expect(venue.requests.filter((path) => path === "/fapi/v1/time")).toHaveLength(5);
    const times = venue.drafts.map(({ recvNs }) => recvNs);
    expect(times).toEqual([...times].sort((x, y) => (x < y ? -1 : x > y ? 1 : 0)));
  });

  it("writes no tick before the offset is known", async () => {
    const { venue } = trading();
    venue.get = () => Promise.resolve({ ok: false, fault: { code: "net.unreachable", message: "no" } });
    venue.collector().start();
    await venue.clock.advance(5_000);
    expect(venue.control("tick")).toEqual([]);
  });
});

describe("what breaks", () => {
  it("backs off with growing waits while nothing answers, and says when it tries again", async () => {
    const venue = new ScriptedVenue();
    const at: number[] = [];
    venue.onConnect = (socket) => {
      at.push(venue.clock.monotonicMs());
      venue.clock.after(1, () => {
        socket.end({ cause: "unreachable", detail: "ECONNREFUSED" });
      });
    };
    const collector = venue.collector();
    collector.start();
    await venue.clock.advance(120_000);
    const waits = at.slice(1).map((time, index) => Math.round(time - at[index]! - 1));
    expect(waits.slice(0, 8)).toEqual([188, 375, 750, 1_500, 3_000, 6_000, 12_000, 22_500]);
    expect(collector.status().streams[0]).toMatchObject({ state: "down", detail: expect.stringContaining("ECONNREFUSED") as string });
    expect(collector.status().source).toMatchObject({ state: "down" });
    expect(venue.controls().filter(({ kind }) => kind === "connect" || kind === "disconnect")).toEqual([]);
  });

  it("does not storm a venue that accepts and hangs up", async () => {
    const { venue } = trading();
    venue.onConnect = (socket) => {
      venue.clock.after(1, () => {
        socket.open();
        socket.end({ code: 1008, cause: "closed", detail: "too many" });
      });
    };
    venue.collector().start();
    await venue.clock.advance(3_600_000);
    expect(venue.sockets.length).toBeLessThan(180);
    expect(venue.control("disconnect")[0]).toMatchObject({ code: 1008, cause: "closed", detail: "too many" });
  });

  it("gives up an attempt that never opens", async () => {
    const venue = new ScriptedVenue();
    venue.onConnect = () => undefined;
    const collector = venue.collector();
    collector.start();
    await venue.clock.advance(15_100);
    expect(collector.status().streams[0]).toMatchObject({ state: "down", detail: expect.stringContaining("open-timeout") as string });
    await venue.clock.advance(1_000);
    expect(venue.sockets).toHaveLength(2);
  });

  it("calls a stream that is acknowledged and silent stale, and the connection dead", async () => {
    const { venue, state } = trading();
    state.isOn = false;
    const collector = venue.collector();
    collector.start();
    await venue.clock.advance(61_500);
    expect(venue.story()).toEqual(expect.arrayContaining(["stale:first-frame-deadline", "disconnect:first-frame-deadline"]));
    expect(venue.control("stale")[0]).toMatchObject({ stream_id: "sim:BTCUSDT:aggTrade", connection: "sim.ws.1" });
    await venue.clock.advance(1_000);
    expect(venue.sockets).toHaveLength(2);
  });

  it("notices a half-open socket, reconnects and backfills what was missed", async () => {
    const { venue, state } = trading();
    const collector = venue.collector({ subscriptions: [{ venue: "sim", symbol: "BTCUSDT", channels: ["aggTrade"] }] });
    collector.start();
    await venue.clock.advance(5_000);
    state.mute.add(0);
    await venue.clock.advance(119_000);
    expect(venue.sockets).toHaveLength(1);
    await venue.clock.advance(10_000);
    expect(venue.control("disconnect")[0]).toMatchObject({ cause: "silent", connection: "sim.ws.1" });
    expect(venue.control("backfill_done")).toEqual([expect.objectContaining({ outcome: "repaired", from_id: 1_050 })]);
    expect(collector.status().streams[0]).toMatchObject({ state: "live", gapsOpen: 0 });
  });

  it("marks a rejected stream, and only that one", async () => {
    const { venue } = trading();
    venue.onConnect = (socket) => {
      venue.acknowledge(socket, (streams) => !streams.includes("nousdt@aggTrade"));
      venue.clock.after(10, () => {
        socket.open();
      });
    };
    const collector = venue.collector({
      subscriptions: [{ venue: "sim", symbol: "BTCUSDT", channels: ["aggTrade"] }, { venue: "sim", symbol: "NOUSDT", channels: ["aggTrade"] }],
    });
    collector.start();
    await venue.clock.advance(5_000);
    expect(collector.status().streams.map(({ symbol, state }) => [symbol, state])).toEqual([["BTCUSDT", "live"], ["NOUSDT", "rejected"]]);
    expect(venue.control("acknowledge").map(({ ok, streams }) => [ok, streams.length])).toEqual([[false, 2], [true, 1], [false, 1]]);
    expect(collector.status().source.state).toBe("degraded");
    expect(venue.sockets).toHaveLength(1);
  });

  it("shows a dead symbol as a state of its streams", async () => {
    const { venue } = trading();
    venue.answer = () => ({ status: 400, body: '{"code":-1121,"msg":"Invalid symbol."}' });
    const collector = venue.collector({
      subscriptions: [{ venue: "sim", symbol: "BTCUSDT", channels: ["aggTrade"] }, { venue: "sim", symbol: "GONEUSDT", channels: ["aggTrade", "openInterest"] }],
    });
    collector.start();
    await venue.clock.advance(30_000);
    expect(collector.status().streams.map(({ streamId, state }) => [streamId, state])).toEqual([
      ["sim:BTCUSDT:aggTrade", "live"], ["sim:GONEUSDT:aggTrade", "dead_symbol"], ["sim:GONEUSDT:openInterest", "dead_symbol"],
    ]);
    expect(venue.requests.filter((path) => path.includes("openInterest"))).toHaveLength(1);
    expect(venue.sockets).toHaveLength(1);
  });

  it("finds trades silent while the best price moves, and tries a fresh connection", async () => {
    const { venue, state } = trading();
    const collector = venue.collector({
      subscriptions: [{ venue: "sim", symbol: "BTCUSDT", channels: ["aggTrade", "bookTicker"] }], endpoints: { ws: "wss://sim/stream", rest: "https://sim" },
    });
    let moves = 0;
    const quote = (): void => {
      moves += 1;
      for (const socket of venue.sockets) socket.say(bookTicker(moves, `${100 + (moves % 7)}.5`, START_MS + venue.clock.monotonicMs()));
      venue.clock.after(250, quote);
    };
    venue.clock.after(250, quote);
    collector.start();
    await venue.clock.advance(2_000);
    state.mute.add(0);
    await venue.clock.advance(20_000);
    expect(venue.story()).toContain("stale:trades-silent-while-bbo-moves");
    expect(collector.status().streams.map(({ channel, state: streamState }) => [channel, streamState])).toEqual([["aggTrade", "stale"], ["bookTicker", "live"]]);
    await venue.clock.advance(70_000);
    expect(venue.sockets).toHaveLength(2);
    expect(venue.story()).toContain("disconnect:rotated");
    expect(collector.status().streams.every(({ state: streamState }) => streamState === "live")).toBe(true);
  });

  it("opens everything anew at once when the host slept, and measures the clock again before ticking", async () => {
    const { venue } = trading();
    const collector = venue.collector();
    collector.start();
    await venue.clock.advance(5_000);
    venue.clock.stepWall(3_600_000);
    await venue.clock.advance(3_000);
    expect(venue.control("host_slept")).toEqual([{ kind: "host_slept", wall_jump_ms: 3_600_000, cause: "host-slept" }]);
    expect(venue.control("disconnect")[0]).toMatchObject({ cause: "host-slept" });
    expect(venue.sockets).toHaveLength(2);
    expect(Number(venue.control("tick").at(-1)!.offset_ns) / 1e6).toBeCloseTo(-3_600_000, -1);
    expect(venue.control("tick").filter(({ offset_ns }) => offset_ns > -1_000_000_000n)).toHaveLength(5);
    expect(collector.status().streams[0]?.state).toBe("live");
  });

  it("notes a clock that was set back without dropping the sockets", async () => {
    const { venue } = trading();
    venue.collector().start();
    await venue.clock.advance(5_000);
    venue.clock.stepWall(-60_000);
    await venue.clock.advance(2_000);
    expect(venue.control("host_slept")).toEqual([{ kind: "host_slept", wall_jump_ms: -60_000, cause: "clock-set-back" }]);
    expect(venue.sockets).toHaveLength(1);
  });
});

describe("rotation", () => {
  it("makes before it breaks: 24 h of connection life lose nothing, and nothing is doubled within a connection", async () => {
    const { venue, state } = trading();
    const collector = venue.collector({ settings: { batchMs: 5_000, tickMs: 60_000, clockJumpMs: 100_000 } });
    collector.start();
    await venue.clock.advance(5_000);
    const beforeMs = venue.clock.monotonicMs();
    state.isOn = false;
    // A trade per 10 s for 23 h, then the usual pace through the rotation.
    for (let second = 0; second < 23 * 360 - 12; second += 1) {
      venue.clock.advanceNow(10_000);
      for (const socket of venue.sockets) socket.say(aggTrade(state.nextId, START_MS + venue.clock.monotonicMs()));
      state.nextId += 1;
    }
    for (let beat = 0; beat < 2_400; beat += 1) {
      await venue.clock.advance(100);
      for (const socket of venue.sockets) socket.say(aggTrade(state.nextId, START_MS + venue.clock.monotonicMs()));
      state.nextId += 1;
    }
    await venue.clock.advance(5_000);
    expect(venue.clock.monotonicMs() - beforeMs).toBeGreaterThan(22.9 * 3_600_000);
    expect(venue.story()).toEqual(["connect", "subscribe", "acknowledge", "connect", "subscribe", "acknowledge", "disconnect:rotated"]);
    const got = ids(venue);
    const wanted = Array.from({ length: state.nextId - 1_000 }, (_, index) => 1_000 + index);
    expect([...new Set(got)].sort((x, y) => x - y)).toEqual(wanted);
    const perConnection = venue.frames("aggTrade").map(({ connection, payload }) => `${connection} ${new TextDecoder().decode(payload)}`);
    expect(new Set(perConnection).size).toBe(perConnection.length);
    expect(new Set(venue.frames("aggTrade").map(({ connection }) => connection))).toEqual(new Set(["sim.ws.1", "sim.ws.2"]));
    expect(got.length - wanted.length).toBe(collector.status().streams[0]?.duplicates);
    expect(got.length - wanted.length).toBeGreaterThan(0);
    expect(venue.control("backfill_begun")).toEqual([]);
  });

  it("follows the venue's notice, and keeps the old socket while the new one brings nothing", async () => {
    const { venue, state } = trading();
    const collector = venue.collector();
    collector.start();
    await venue.clock.advance(5_000);
    state.mute.add(1);
    venue.socket.say('{"e":"serverShutdown","E":1770123456789}');
    await venue.clock.advance(50_000);
    expect(venue.sockets.map(({ hasEnded }) => hasEnded)).toEqual([false, false]);
    expect(collector.status().streams[0]?.state).toBe("live");
    await venue.clock.advance(30_000);
    expect(venue.control("disconnect").map(({ connection, cause }) => [connection, cause])).toEqual([["sim.ws.2", "rotation-failed"], ["sim.ws.1", "rotated"]]);
    expect(collector.status().streams[0]).toMatchObject({ state: "live", gapsOpen: 0 });
  });

  it("goes on with the new socket when the old one dies first", async () => {
    const { venue, state } = trading();
    const collector = venue.collector();
    collector.start();
    await venue.clock.advance(5_000);
    state.mute.add(1);
    venue.socket.say('{"e":"serverShutdown","E":1770123456789}');
    await venue.clock.advance(1_000);
    venue.sockets[0]!.end({ code: 1001, cause: "closed" });
    state.mute.clear();
    await venue.clock.advance(5_000);
    expect(venue.sockets).toHaveLength(2);
    expect(collector.status().streams[0]).toMatchObject({ state: "live", gapsOpen: 0 });
  });
});

describe("gaps and backfill", () => {
  it("repairs dropped messages from REST, pages in the log between begun and done", async () => {
    const { venue, state } = trading();
    const collector = venue.collector();
    collector.start();
    await venue.clock.advance(1_000);
    state.nextId += 2_500;
    await venue.clock.advance(1_000);
    expect(collector.status().streams[0]).toMatchObject({ state: "gap", gapsOpen: 1 });
    await venue.clock.advance(5_000);
    const fromId = venue.control("backfill_begun")[0]?.from_id ?? 0;
    expect(venue.control("backfill_done")).toEqual([
      { kind: "backfill_done", stream_id: "sim:BTCUSDT:aggTrade", from_id: fromId, to_id: fromId + 2_499, attempt: 1, outcome: "repaired", detail: "2500 ids" },
    ]);
    const pages = venue.drafts.filter(({ source }) => source === "rest_backfill");
    expect(pages.map(({ payload, stream, connection }) => [stream.channel, connection, (JSON.parse(new TextDecoder().decode(payload)) as unknown[]).length])).toEqual([
      ["aggTrade", "sim.rest", 1_000], ["aggTrade", "sim.rest", 1_000], ["aggTrade", "sim.rest", 500],
    ]);
    const order = venue.drafts.map((draft) => (draft.source === "rest_backfill" ? "page" : new TextDecoder().decode(draft.payload).match(/backfill_\w+/)?.[0])).filter((what) => what !== undefined);
    expect(order).toEqual(["backfill_begun", "page", "page", "page", "backfill_done"]);
    expect(collector.status().streams[0]).toMatchObject({ state: "live", gapsOpen: 0 });
  });

  it("backfills the downtime before the start", async () => {
    const { venue } = trading();
    const collector = venue.collector({ resumeFrom: new Map([["sim:BTCUSDT:aggTrade", { lastId: 989, eventMs: START_MS - 60_000 }]]) });
    collector.start();
    await venue.clock.advance(5_000);
    expect(venue.control("backfill_done")).toEqual([expect.objectContaining({ from_id: 990, to_id: 999, outcome: "repaired" })]);
    expect(collector.status().streams[0]?.state).toBe("live");
  });

  it("waits out 429 and a ban with the countdown shown, then repairs", async () => {
    const { venue, state } = trading();
    const page = venue.answer;
    const statuses = [{ status: 429, headers: { "retry-after": "7" } }, { status: 418, headers: { "retry-after": "120" } }];
    venue.answer = (path) => {
      const refusal = statuses.shift();
      return refusal === undefined ? page(path) : { ...refusal, body: '{"code":-1003,"msg":"Too many requests."}' };
    };
    const collector = venue.collector();
    collector.start();
    await venue.clock.advance(1_000);
    state.nextId += 5;
    await venue.clock.advance(5_000);
    expect(collector.status().source).toMatchObject({ state: "degraded", detail: expect.stringMatching(/REST limit reached, [4-7] s left/) as string });
    await venue.clock.advance(10_000);
    expect(collector.status().source).toMatchObject({ state: "banned", detail: expect.stringMatching(/banned from REST, 11\d s left \(HTTP 418: -1003 Too many requests\.\)/) as string });
    const during = venue.requests.length;
    await venue.clock.advance(60_000);
    expect(venue.requests).toHaveLength(during);
    await venue.clock.advance(60_000);
    expect(venue.control("backfill_done")).toEqual([expect.objectContaining({ outcome: "repaired", attempt: 1 })]);
    expect(collector.status().source.state).toBe("live");
  });

  it("gives up after bounded retries: partly, when REST held some of it; unresolved, when none", async () => {
    const { venue, state } = trading();
    let first = 0;
    venue.answer = (path) => {
      const fromId = Number(new URLSearchParams(path.slice(path.indexOf("?"))).get("fromId"));
      if (first === 0) first = fromId;
      if (fromId === first) return { status: 200, body: restPage(fromId, fromId + 1, START_MS) };
      return { status: 503, body: "" };
    };
    const collector = venue.collector();
    collector.start();
    await venue.clock.advance(1_000);
    state.nextId += 5;
    await venue.clock.advance(40_000);
    expect(venue.control("backfill_begun").map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4]);
    expect(venue.control("backfill_done")).toEqual([expect.objectContaining({ outcome: "partly", attempt: 4, detail: "3 of 5 ids still missing: HTTP 503" })]);
    venue.answer = () => undefined;
    state.nextId += 5;
    await venue.clock.advance(120_000);
    expect(venue.control("backfill_done")[1]).toMatchObject({ outcome: "unresolved", attempt: 4 });
    expect(collector.status().streams[0]).toMatchObject({ state: "live", gapsOpen: 0, detail: "2 gaps unresolved" });
  });

  it("does not retry what the venue refuses for good", async () => {
    const { venue, state } = trading();
    venue.answer = () => ({ status: 400, body: '{"code":-1100,"msg":"Illegal characters"}' });
    venue.collector().start();
    await venue.clock.advance(1_000);
    state.nextId += 5;
    await venue.clock.advance(10_000);
    expect(venue.control("backfill_done")).toEqual([expect.objectContaining({ outcome: "unresolved", attempt: 1 })]);
  });

  it("stops in the middle of a backfill", async () => {
    const { venue, state } = trading();
    venue.answer = () => undefined;
    const collector = venue.collector();
    collector.start();
    await venue.clock.advance(1_000);
    state.nextId += 5;
    await venue.clock.advance(4_000);
    await Promise.all([collector.stop(), venue.clock.advance(50)]);
    expect(venue.control("backfill_begun")).toHaveLength(1);
    expect(venue.control("backfill_done")).toEqual([]);
  });
});

describe("back-pressure", () => {
  it("stops reading when credit is out, loses nothing, and ticks only after the backlog", async () => {
    const { venue, state } = trading();
    const collector = venue.collector();
    collector.start();
    await venue.clock.advance(1_000);
    venue.starve = true;
    await venue.clock.advance(200);
    expect(venue.socket.isPaused).toBe(true);
    const appended = venue.drafts.length;
    await venue.clock.advance(300_000);
    expect(venue.drafts).toHaveLength(appended);
    expect(venue.story()).not.toContain("disconnect:silent");
    venue.starve = false;
    venue.giveCredit();
    await venue.clock.advance(5_000);
    expect(venue.socket.isPaused).toBe(false);
    state.isOn = false;
    await venue.clock.advance(10);
    expect(ids(venue)).toEqual(Array.from({ length: state.nextId - 1_000 }, (_, index) => 1_000 + index));
    const lastHeld = venue.drafts.findLastIndex(({ eventNs }) => eventNs !== 0n && eventNs < BigInt(START_MS + 301_000) * 1_000_000n);
    const ticksBefore = venue.drafts.slice(appended, lastHeld).filter(({ payload }) => new TextDecoder().decode(payload).includes('"tick"'));
    expect(ticksBefore).toEqual([]);
    expect(collector.status().streams[0]?.state).toBe("live");
  });

  it("closes the sockets when too much is still coming in, rather than dropping", async () => {
    const { venue } = trading();
    const collector = venue.collector({ settings: { backlogBytesMax: 10_000 } });
    collector.start();
    await venue.clock.advance(1_000);
    venue.starve = true;
    await venue.clock.advance(200);
    const socket = venue.socket;
    socket.isPaused = false; // a socket that goes on delivering what it had taken in
    await venue.clock.advance(10_000);
    expect(socket.hasEnded).toBe(true);
    venue.starve = false;
    venue.giveCredit();
    await venue.clock.advance(10_000);
    expect(venue.control("disconnect")[0]).toMatchObject({ cause: "back-pressure" });
    expect(venue.control("backfill_done").every(({ outcome }) => outcome === "repaired")).toBe(true);
    expect(collector.status().streams[0]?.state).toBe("live");
  });

  it("ends when the recorder halts, and says why", async () => {
    const { venue } = trading();
    const collector = venue.collector();
    collector.start();
    await venue.clock.advance(1_000);
    venue.append = () => Promise.reject(fault("log.disk-full", "no space left in the data folder"));
    await venue.clock.advance(1_000);
    expect(collector.halted).toMatchObject({ code: "log.disk-full" });
    expect(venue.sockets.every(({ hasEnded }) => hasEnded)).toBe(true);
    expect(collector.status().source).toMatchObject({ state: "down", detail: "no space left in the data folder" });
    await Promise.all([collector.stop(), venue.clock.advance(100)]);
  });
});

describe("polls", () => {
  it("records open interest as it came, and calls it stale when it stops", async () => {
    const { venue } = trading();
    let isUp = true;
    venue.answer = () => (isUp ? { status: 200, body: '{"symbol":"BTCUSDT","openInterest":"84617.188","time":1654336844754}' } : undefined);
    const collector = venue.collector({ subscriptions: [{ venue: "sim", symbol: "BTCUSDT", channels: ["openInterest"] }] });
    collector.start();
    await venue.clock.advance(35_000);
    const polled = venue.polled("openInterest");
    expect(polled).toHaveLength(4);
    expect(polled[0]).toMatchObject({ connection: "sim.rest", eventNs: 1_654_336_844_754_000_000n, stream: { streamId: "sim:BTCUSDT:openInterest" } });
    isUp = false;
    await venue.clock.advance(60_000);
    expect(collector.status().streams[0]).toMatchObject({ state: "down", detail: expect.stringContaining("timeout") as string });
  });
});
