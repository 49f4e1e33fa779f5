// The simulated venue without sockets: subscriptions, REST rules, weights and every fault of the menu, with its ledger.
import { beforeEach, describe, expect, it } from "vitest";
import { SimulatedVenue } from "../venue.ts";
import type { WireSession } from "../session.ts";
import { FAULT_MENU, faultFromMenu } from "../faults.ts";

const START_MS = 1_767_225_600_000;
const MARKET = "/market/stream?streams=";

class Client {
  readonly texts: string[] = [];
  ended: string | undefined;
  session: WireSession | undefined;

  connect(venue: SimulatedVenue, path: string): this {
    const opened = venue.connect(path, {
      send: (text) => this.texts.push(text),
      close: (code, reason) => { this.ended = `closed ${code} ${reason}`; },
      drop: () => { this.ended = "dropped"; },
    });
    if ("refusedStatus" in opened) this.ended = `refused ${opened.refusedStatus}`;
    else this.session = opened;
    return this;
  }

  ids(stream: string): number[] {
    return this.texts.filter((text) => text.startsWith(`{"stream":"${stream}"`)).map((text) => Number(/"a":(\d+),"s"/.exec(text)?.[1])).filter((id) => !Number.isNaN(id));
  }

  ask(text: string, nowMs = START_MS): string | undefined {
    this.session?.receive(text, nowMs);
    return this.texts.at(-1);
  }
}

let venue: SimulatedVenue;
let nowMs = START_MS;
function run(ms: number): void {
  nowMs += ms;
  venue.advance(nowMs);
}
function get(path: string, headers: Readonly<Record<string, string>> = {}): { status: number; headers: Readonly<Record<string, string>>; body: string } {
  const answer = venue.request(path, headers);
  if (answer === "hang") throw new Error("no answer");
  return answer;
}
function rows(path: string): { a: number; T: number }[] {
  return JSON.parse(get(path).body) as { a: number; T: number }[];
}
function isContiguous(ids: readonly number[]): boolean {
  return ids.length > 1 && ids.every((id, index) => id === (ids[0] ?? 0) + index);
}

beforeEach(() => {
  venue = new SimulatedVenue({ seed: 21, startMs: START_MS, warmMs: 1_800_000, historyTrades: 16_384 });
  nowMs = START_MS;
});

describe("subscriptions", () => {
  it("carry each channel on its own endpoint, and accept the rest in silence", () => {
    const all = "btcusdt@aggTrade/btcusdt@bookTicker/btcusdt@markPrice@1s";
    const seen = (path: string): string[] => {
      const client = new Client().connect(venue, path);
      run(3_000);
      return [...new Set(client.texts.map((text) => /"stream":"([^"]+)"/.exec(text)?.[1] ?? ""))].sort();
    };
    expect(seen(`/market/stream?streams=${all}`)).toEqual(["btcusdt@aggTrade", "btcusdt@markPrice@1s"]);
    expect(seen(`/public/stream?streams=${all}`)).toEqual(["btcusdt@bookTicker"]);
    expect(seen(`/stream?streams=${all}`)).toEqual(["btcusdt@aggTrade", "btcusdt@bookTicker", "btcusdt@markPrice@1s"]);
    venue.inject({ name: "retired-endpoint", on: true });
    expect(seen(`/stream?streams=${all}`)).toEqual(["btcusdt@bookTicker"]);
  });

  it("answer requests as the venue does", () => {
    const client = new Client().connect(venue, MARKET);
    expect(client.ask('{"method":"SUBSCRIBE","params":["btcusdt@aggTrade"],"id":1}')).toBe('{"result":null,"id":1}');
    expect(client.ask('{"method":"LIST_SUBSCRIPTIONS","id":2}')).toBe('{"result":["btcusdt@aggTrade"],"id":2}');
    expect(client.ask('{"method":"UNSUBSCRIBE","params":["btcusdt@aggTrade"],"id":3}')).toBe('{"result":null,"id":3}');
    expect(client.ask('{"method":"SUBSCRIBE","params":[5],"id":4}')).toContain('"error":{"code":2');
    expect(client.ask('{"method":"JUMP","id":5}')).toContain("unknown variant");
    expect(client.ask("{")).toContain("Invalid JSON");
    expect(client.ask('{"method":"LIST_SUBSCRIPTIONS","id":-1}')).toContain("unsigned integer");
    run(2_000);
    expect(client.ids("btcusdt@aggTrade")).toEqual([]);
  });

  it("end with more than ten requests in a second, at the end of a connection's life, and at an unknown path", () => {
    const flooding = new Client().connect(venue, MARKET);
    for (let id = 0; id < 11; id += 1) flooding.ask(`{"method":"LIST_SUBSCRIPTIONS","id":${id}}`);
    expect(flooding.ended).toBe("closed 1008 Too many requests");
    venue = new SimulatedVenue({ seed: 21, startMs: START_MS, warmMs: 0, sessionLifeMs: 5_000 });
    const old = new Client().connect(venue, MARKET);
    venue.advance(START_MS + 5_000);
    expect(old.ended).toBe("closed 1008 disconnected");
    expect(venue.sessions.size).toBe(0);
    expect(new Client().connect(venue, "/nowhere").ended).toBe("refused 404");
  });

  it("leap over what the host slept through: connections drop, ids go on without holes", () => {
    const before = new Client().connect(venue, `${MARKET}btcusdt@aggTrade`);
    run(5_000);
    run(600_000);
    expect(before.ended).toBe("dropped");
    const after = new Client().connect(venue, `${MARKET}btcusdt@aggTrade`);
    run(5_000);
    const last = before.ids("btcusdt@aggTrade").at(-1) ?? 0;
    const first = after.ids("btcusdt@aggTrade")[0] ?? 0;
    expect(first).toBeGreaterThan(last + 100);
    expect(isContiguous(rows(`/fapi/v1/aggTrades?symbol=BTCUSDT&fromId=${last}&limit=1000`).map((row) => row.a))).toBe(true);
  });
});

describe("candles by socket", () => {
  interface Kline { readonly E: number; readonly k: { readonly t: number; readonly T: number; readonly x: boolean } & Readonly<Record<string, string | number | boolean>> }

  it("are said at most every 250 ms, once more when over, and are the true ones, whatever was printed late", () => {
    const client = new Client().connect(venue, `${MARKET}btcusdt@kline_1m`);
    for (let second = 1; second <= 185; second += 1) {
      run(1_000);
      if (second === 65) venue.inject({ name: "late-print", symbol: "BTCUSDT", delayMs: 3_000 });
    }
    const said = client.texts.map((text) => (JSON.parse(text) as { data: Kline }).data).filter(({ k }) => k.t >= START_MS);
    expect(said.length).toBeGreaterThan(200);
    const times = said.filter(({ k }) => !k.x).map(({ E }) => E);
    for (const [index, time] of times.entries()) if (index > 0) expect(time - (times[index - 1] ?? 0)).toBeGreaterThanOrEqual(250);
    const over = said.filter(({ k }) => k.x);
    expect(over.map(({ k }) => k.t)).toEqual([START_MS, START_MS + 60_000, START_MS + 120_000]);
    expect(over.map(({ E, k }) => [E - k.T, said.filter((other) => !other.k.x && other.k.t === k.t).at(-1)!.E < E])).toEqual([[1, true], [1, true], [1, true]]);
    const truth = venue.truth.query({ symbol: "BTCUSDT", interval: "1m", fromMs: START_MS, untilMs: START_MS + 180_000 });
    expect(over.map(({ k }) => [k["o"], k["h"], k["l"], k["c"], k["v"], k["q"], k["n"], k["V"], k["Q"]])).toEqual(truth.map((candle) => [
      candle.open, candle.high, candle.low, candle.close, candle.volume, candle.quoteVolume, candle.tradeCount, candle.takerBuyVolume, candle.takerBuyQuoteVolume,
    ]));
    expect(venue.ledger.entries.map(({ what }) => what)).toEqual(["late-print"]);
    const stream = [...venue.streams].find(({ key }) => key === "btcusdt@kline_1m");
    expect([stream?.total.said, stream?.frames]).toEqual([client.texts.length, client.texts.length]);
  });
});

describe("REST", () => {
  it("pages aggregates by id without holes, up to the newest", () => {
    run(2_000);
    const newest = rows("/fapi/v1/aggTrades?symbol=BTCUSDT&limit=1")[0]?.a ?? 0;
    const page = rows(`/fapi/v1/aggTrades?symbol=BTCUSDT&fromId=${newest - 700}&limit=500`);
    expect(page).toHaveLength(500);
    expect(page[0]?.a).toBe(newest - 700);
    const rest = rows(`/fapi/v1/aggTrades?symbol=BTCUSDT&fromId=${newest - 200}&limit=1000`);
    expect(rest.at(-1)?.a).toBe(newest);
    expect(isContiguous(rest.map((row) => row.a))).toBe(true);
    expect(rows(`/fapi/v1/aggTrades?symbol=BTCUSDT&fromId=${newest + 1}`)).toEqual([]);
  });

  it("finds aggregates by time, both ends included", () => {
    run(60_000);
    const found = rows(`/fapi/v1/aggTrades?symbol=BTCUSDT&startTime=${START_MS}&endTime=${START_MS + 20_000}&limit=1000`);
    expect(found.length).toBeGreaterThan(10);
    expect(found.every((row) => row.T >= START_MS && row.T <= START_MS + 20_000)).toBe(true);
  });

  it.each([
    ["/fapi/v1/aggTrades", 400, -1102],
    ["/fapi/v1/aggTrades?symbol=NOPEUSDT", 400, -1121],
    ["/fapi/v1/aggTrades?symbol=BTCUSDT&limit=1001", 400, -1130],
    ["/fapi/v1/aggTrades?symbol=BTCUSDT&fromId=x", 400, -1100],
    ["/fapi/v1/aggTrades?symbol=BTCUSDT&fromId=1&startTime=5", 400, -1128],
    ["/fapi/v1/aggTrades?symbol=BTCUSDT&startTime=0&endTime=3600000", 400, -1127],
    ["/fapi/v1/aggTrades?symbol=BTCUSDT&startTime=5&endTime=4", 400, -1023],
    ["/fapi/v1/klines?symbol=BTCUSDT&interval=7m", 400, -1120],
    ["/fapi/v1/historicalTrades?symbol=BTCUSDT", 401, -2014],
    ["/fapi/v9/none", 404, -5000],
  ])("refuses %s with %i and %i", (path, status, code) => {
    const answer = get(path);
    expect(answer.status).toBe(status);
    expect((JSON.parse(answer.body) as { code: number }).code).toBe(code);
  });

  it("serves klines that equal the true candles, and carries the close through an empty minute", () => {
    run(180_000);
    const [truth] = venue.truth.query({ symbol: "BTCUSDT", interval: "1m", fromMs: START_MS, untilMs: START_MS + 1 });
    const [kline] = JSON.parse(get(`/fapi/v1/klines?symbol=BTCUSDT&interval=1m&startTime=${START_MS}&limit=1`).body) as unknown[][];
    expect(kline?.slice(1, 9)).toEqual([truth?.open, truth?.high, truth?.low, truth?.close, truth?.volume, START_MS + 59_999, truth?.quoteVolume, truth?.tradeCount]);
    venue.inject({ name: "dead-symbol", symbol: "SOLUSDT" });
    expect(get("/fapi/v1/klines?symbol=SOLUSDT&interval=1m").status).toBe(400);
  });

  it("counts weight, says 429 at the limit, and bans who goes on", () => {
    venue = new SimulatedVenue({ seed: 21, startMs: START_MS, warmMs: 0, weightLimit: 40 });
    expect(get("/fapi/v1/aggTrades?symbol=BTCUSDT").headers["x-mbx-used-weight-1m"]).toBe("20");
    get("/fapi/v1/aggTrades?symbol=BTCUSDT");
    const limited = get("/fapi/v1/time");
    expect([limited.status, limited.headers["retry-after"]]).toEqual([429, "60"]);
    for (let count = 0; count < 10; count += 1) get("/fapi/v1/time");
    expect([get("/fapi/v1/time").status, get("/fapi/v1/time").headers["retry-after"]]).toEqual([418, "120"]);
    venue.advance(START_MS + 121_000);
    expect(get("/fapi/v1/time").status).toBe(200);
  });
});

describe("faults", () => {
  it("are all reachable by name, and each says something when injected", () => {
    for (const { name } of FAULT_MENU) expect(venue.inject(faultFromMenu(name))).not.toBe("");
    expect(() => faultFromMenu("drop", -1)).toThrow("takes an amount of messages, got -1");
    expect(() => venue.inject({ name: "drop", symbol: "NOPEUSDT", count: 1 })).toThrow("no market");
  });

  function withFault(name: string, amount?: number): Client {
    const client = new Client().connect(venue, `${MARKET}btcusdt@aggTrade`);
    run(1_000);
    venue.inject(faultFromMenu(name, amount));
    run(5_000);
    return client;
  }
  function hit(): number[] {
    return venue.ledger.entries.map((entry) => entry.fromId ?? -1);
  }

  it("drop: exactly the ids in the ledger are missing", () => {
    const ids = withFault("drop", 3).ids("btcusdt@aggTrade");
    const missing = Array.from({ length: (ids.at(-1) ?? 0) - (ids[0] ?? 0) }, (_, index) => (ids[0] ?? 0) + index).filter((id) => !ids.includes(id));
    expect(missing).toEqual(hit());
    expect(missing).toHaveLength(3);
  });

  it("duplicate: the same bytes twice; conflict: the same id with other bytes", () => {
    for (const [name, same] of [["duplicate", true], ["conflict", false]] as const) {
      const texts = withFault(name, 1).texts;
      const id = venue.ledger.entries.find((entry) => entry.what === name)?.fromId;
      const pair = texts.filter((text) => text.includes(`"a":${id},`));
      expect(pair).toHaveLength(2);
      expect(pair[0] === pair[1]).toBe(same);
    }
  });

  it("reorder: a message comes after its successor", () => {
    const ids = withFault("reorder", 1).ids("btcusdt@aggTrade");
    const at = ids.findIndex((id, index) => index > 0 && id < (ids[index - 1] ?? 0));
    expect(ids.slice(at - 1, at + 1)).toEqual([(hit()[0] ?? 0) + 1, hit()[0]]);
    expect(isContiguous([...ids].sort((a, b) => a - b))).toBe(true);
  });

  it("malformed, wrong-type, far times: the real message does not arrive whole", () => {
    for (const [name, sign] of [["malformed", "cut"], ["wrong-type", '"p":6'], ["far-past", '"T":14'], ["far-future", '"T":20']] as const) {
      const client = withFault(name, 1);
      const id = venue.ledger.entries.find((entry) => entry.what === name)?.fromId;
      const text = client.texts.find((candidate) => candidate.includes(`"a":${id},`) || !candidate.endsWith("}"));
      if (sign === "cut") expect(text?.endsWith("}")).toBe(false);
      else expect(text).toContain(sign);
    }
  });

  it("oversized and unknown-stream: extra frames, nothing lost", () => {
    const big = withFault("oversized", 10);
    expect(Math.max(...big.texts.map((text) => text.length))).toBeGreaterThan(10_000_000);
    expect(isContiguous(big.ids("btcusdt@aggTrade"))).toBe(true);
    expect(withFault("unknown-stream").texts.some((text) => text.includes("@nobodyKnows"))).toBe(true);
  });

  it("disconnect, abrupt-disconnect, half-open, stall, refusal", () => {
    expect(withFault("disconnect").ended).toBe("closed 1001 going away");
    expect(withFault("abrupt-disconnect").ended).toBe("dropped");
    const silent = withFault("half-open");
    const count = silent.texts.length;
    run(5_000);
    expect([silent.texts.length, silent.ended]).toEqual([count, undefined]);
    venue.inject(faultFromMenu("stall-after-ack"));
    const stalled = new Client().connect(venue, MARKET);
    stalled.ask('{"method":"SUBSCRIBE","params":["btcusdt@aggTrade"],"id":1}', nowMs);
    run(5_000);
    expect(stalled.texts).toEqual(['{"result":null,"id":1}']);
    venue.inject(faultFromMenu("refuse-connections", 1));
    expect(new Client().connect(venue, MARKET).ended).toBe("refused 503");
    expect(new Client().connect(venue, MARKET).ended).toBeUndefined();
  });

  it("late-print: old time, id in sequence, and part of the true candle of its own time", () => {
    const client = withFault("late-print", 20);
    const late = venue.ledger.entries.find((entry) => entry.what === "late-print");
    const text = client.texts.find((candidate) => candidate.includes(`"a":${late?.fromId},`));
    expect(text).toContain(`"T":${late?.timeMs}`);
    expect(isContiguous(client.ids("btcusdt@aggTrade"))).toBe(true);
  });

  it("clock-skew: stamps and server time move together, and back", () => {
    const client = withFault("clock-skew", 60_000);
    expect(JSON.parse(get("/fapi/v1/time").body)).toEqual({ serverTime: nowMs + 60_000 });
    expect(Number(/"T":(\d+)/.exec(client.texts.at(-1) ?? "")?.[1])).toBeGreaterThan(nowMs + 50_000);
    venue.inject({ name: "clock-skew", ms: 0 });
    expect(JSON.parse(get("/fapi/v1/time").body)).toEqual({ serverTime: nowMs });
  });

  it("REST faults answer as named, then it is over", () => {
    for (const [name, status] of [["rest-429", 429], ["rest-5xx", 503], ["rest-empty", 200]] as const) {
      venue.inject(faultFromMenu(name, 1));
      expect(get("/fapi/v1/aggTrades?symbol=BTCUSDT").status).toBe(status);
    }
    venue.inject(faultFromMenu("rest-hang", 1));
    expect(venue.request("/fapi/v1/time", {})).toBe("hang");
    for (const [name, status] of [["rest-418", 418], ["rest-403", 403]] as const) {
      venue.inject(faultFromMenu(name, 10));
      expect(get("/fapi/v1/time").status).toBe(status);
      run(10_001);
      expect(get("/fapi/v1/time").status).toBe(200);
    }
    expect(venue.ledger.entries.map((entry) => entry.what)).toEqual(["rest-429", "rest-5xx", "rest-empty", "rest-hang", "rest-418", "rest-403"]);
  });

  it("dead-symbol: nothing more comes, exchangeInfo says so, others go on", () => {
    const client = new Client().connect(venue, `${MARKET}btcusdt@aggTrade/ethusdt@aggTrade`);
    venue.inject({ name: "dead-symbol", symbol: "BTCUSDT" });
    run(5_000);
    expect(client.ids("btcusdt@aggTrade")).toEqual([]);
    expect(client.ids("ethusdt@aggTrade").length).toBeGreaterThan(1);
    expect(get("/fapi/v1/exchangeInfo").body).toContain('"status":"SETTLING"');
  });
});
