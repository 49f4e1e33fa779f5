// A client against a scripted server: warm start, resume, repair, and everything that can be wrong with a link, a server or a cache.
import { describe, expect, it } from "vitest";
import { streamName, type StreamKey } from "../model.ts";
import { begin, benchOf, expectWhole, REMOTE, restart, statusOf } from "./client.testkit.ts";
import { barAt, HEARTBEAT_MS, historyNamed, KEY, refusalOf, sequenced, START_MS } from "./scripted-server.testkit.ts";

const FULL = { code: "cache.disk", message: "no space left" };

describe("a client that starts", () => {
  it("takes everything from the beginning, then follows", async () => {
    const bench = benchOf();
    bench.server.append(7_000);
    await begin(bench);
    expect(bench.server.asks("backfill").map(({ fromSequenceExclusive, limit, acceptsZstd }) => [fromSequenceExclusive, limit, acceptsZstd])).toEqual([[0, 5_000, true], [5_000, 5_000, true]]);
    bench.server.tell(3);
    await bench.clock.advance(500);
    expectWhole(bench);
    expect(statusOf(bench)).toMatchObject({ received: 3, duplicates: 0, gapsSeen: 0, backfilled: 7_000, detail: "" });
    expect(bench.client.status).toMatchObject({ link: "connected", serverVersion: "9.9", mode: "live", attempts: 0, malformed: 0 });
    expect(bench.client.offered).toMatchObject([{ key: KEY, latestSequence: 7_000 }]);
    expect(bench.ears.phases).toEqual(["connecting", "connected", "warming", "live"]);
  });

  it("listens before it asks", async () => {
    const bench = benchOf();
    bench.server.append(5);
    let heardWhileAsked = -1;
    bench.server.answering = (answer, request) => {
      if (request.type === "subscribe") heardWhileAsked = bench.server.subscribed.size;
      return answer;
    };
    await begin(bench);
    expect(heardWhileAsked).toBe(2);
  });

  it("goes on from the cursor in the cache, and asks for nothing twice", async () => {
    const bench = benchOf();
    bench.server.append(100);
    await begin(bench, 1_000);
    restart(bench);
    bench.server.append(50);
    bench.server.asked.length = 0;
    await begin(bench, 1_000);
    expect(bench.server.asks("subscribe")).toEqual([{ type: "subscribe", key: KEY, fromSequence: 100, historyId: "h1" }]);
    expect(bench.server.asks("backfill")).toMatchObject([{ fromSequenceExclusive: 100, historyId: "h1" }]);
    expect(bench.ears.of().entries.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 50 }, (_, index) => 101 + index));
    expectWhole(bench);
  });

  it("knows what is cached when no server is there", async () => {
    const bench = benchOf();
    bench.server.append(20);
    await begin(bench, 1_000);
    restart(bench);
    bench.server.isReachable = false;
    await begin(bench, 5_000);
    expect(bench.client.known(KEY)).toMatchObject({ history: { historyId: "h1" }, holes: [] });
    expect(statusOf(bench)).toMatchObject({ phase: "connecting", appliedSequence: 20, detail: "connection refused" });
    bench.server.isReachable = true;
    await bench.server.live(5_000);
    expectWhole(bench);
  });

  it("is asked to watch before, while and after it starts: all the same", async () => {
    const other: StreamKey = { ...KEY, symbol: "ETHUSDT" };
    const bench = benchOf({ keys: [KEY, other] });
    bench.server.append(5);
    bench.server.append(6, other);
    bench.client.watch(KEY);
    bench.client.watch(KEY);
    await bench.client.start();
    await bench.clock.advance(50);
    bench.client.watch(other);
    bench.client.watch(KEY);
    await bench.clock.advance(1_000);
    expectWhole(bench);
    expectWhole(bench, other);
    expect(bench.server.asks("subscribe")).toHaveLength(2);
  });
});

describe("the live stream", () => {
  it("that overlaps the backfill is applied once", async () => {
    const bench = benchOf();
    bench.server.append(30);
    bench.server.answering = (answer, request) => {
      // Published between the acknowledgement and the page: both will bring them.
      if (request.type === "subscribe") bench.server.publish(bench.server.batch(20, 30));
      return answer;
    };
    await begin(bench, 1_000);
    expectWhole(bench);
    // Only what the buffer does not hold is asked for.
    expect(bench.server.asks("backfill")).toMatchObject([{ fromSequenceExclusive: 0, limit: 19 }]);
    bench.server.publish(bench.server.batch(25, 30));
    await bench.clock.advance(500);
    expect(statusOf(bench)).toMatchObject({ phase: "live", duplicates: 6, received: 17 });
    expectWhole(bench);
  });

  it("with a gap is repaired in order, and says so meanwhile", async () => {
    const bench = benchOf();
    bench.server.append(10);
    await begin(bench);
    bench.server.append(5);
    bench.server.answering = () => undefined;
    bench.server.tell(2);
    await bench.clock.advance(20);
    expect(statusOf(bench)).toMatchObject({ phase: "warming", detail: "fetching 7 entries", gapsSeen: 1, appliedSequence: 10, latestSequence: 17 });
    bench.server.answering = (answer) => answer;
    await bench.server.live(2_000);
    expectWhole(bench);
    expect(statusOf(bench)).toMatchObject({ gapsSeen: 1, backfilled: 15 });
  });

  it("with its tail lost is repaired when a heartbeat shows it", async () => {
    const bench = benchOf();
    bench.server.append(10);
    await begin(bench);
    bench.server.append(4);
    await bench.server.live(1_000);
    expectWhole(bench);
    expect(statusOf(bench).gapsSeen).toBe(1);
  });

  it("in any order and twice over is applied once, in order", async () => {
    const bench = benchOf();
    bench.server.append(10);
    await begin(bench);
    bench.server.append(12);
    for (const [from, to] of [[17, 19], [11, 13], [17, 19], [14, 16], [20, 22], [11, 22]] as const) bench.server.publish(bench.server.batch(from, to));
    await bench.clock.advance(1_000);
    expectWhole(bench);
  });

  it("lets go of what the buffer cannot hold, says so, and fetches it", async () => {
    const bench = benchOf({ timing: { bufferEntriesMax: 20 } });
    bench.server.append(10);
    await begin(bench);
    bench.server.append(1);
    bench.server.answering = (answer, request) => (request.type === "backfill" ? undefined : answer);
    for (let batch = 0; batch < 10; batch += 1) bench.server.tell(5);
    await bench.clock.advance(20);
    expect(statusOf(bench)).toMatchObject({ phase: "warming", detail: "fetching 51 entries; 30 live entries did not fit the buffer and are fetched again" });
    bench.server.answering = (answer) => answer;
    await bench.server.live(2_000);
    expectWhole(bench);
  });

  it("tells the forming bar at the live edge only, and none that is older than what is sealed", async () => {
    const bench = benchOf();
    bench.server.append(10);
    const values = (barAt({ openMs: 0, price: 1, revision: 1, atSeq: 1 }) as Extract<ReturnType<typeof barAt>, { kind: "bar" }>).bar.values;
    const forming = (openMs: number, afterSequence: number) => ({
      type: "forming", key: KEY, historyId: "h1", mode: "live", publishedNs: 0n, afterSequence, bar: { openMs, values, atSeq: 1, knownNs: 1n },
    } as const);
    await begin(bench);
    bench.server.publish(forming(1, 9));
    bench.server.publish(forming(2, 10));
    bench.server.publish({ ...forming(3, 10), historyId: "other" });
    await bench.clock.advance(50);
    expect(bench.ears.of().forming.map(({ openMs }) => openMs)).toEqual([2]);
  });

  it("of streams that are not watched is ignored, and what is no frame is counted", async () => {
    const other: StreamKey = { ...KEY, symbol: "ETHUSDT" };
    const bench = benchOf({ keys: [KEY, other] });
    bench.client.watch(KEY);
    await bench.client.start();
    await bench.clock.advance(50);
    bench.server.append(3, other);
    bench.server.deliver("candles.sim.BTCUSDT.1s", bench.server.codec.encodePublication(bench.server.batch(1, 3, other)));
    bench.server.deliver("candles.sim.BTCUSDT.1s", Uint8Array.of(1, 2, 3));
    await bench.clock.advance(1_000);
    expect(bench.ears.of(other).entries).toEqual([]);
    expect(bench.client.status.malformed).toBe(1);
    expect(bench.ears.problems).toEqual([]);
  });

  it("is no longer followed after unwatch, and taken up where it was left", async () => {
    const bench = benchOf();
    bench.server.append(10);
    await begin(bench);
    bench.client.unwatch(KEY);
    await bench.clock.advance(500);
    expect([bench.server.subscribed.size, bench.client.status.streams, bench.cache.held(REMOTE, KEY)?.appliedSequence]).toEqual([0, [], 10]);
    bench.server.tell(5);
    bench.client.watch(KEY);
    await bench.clock.advance(500);
    expectWhole(bench);
    expect(bench.server.asks("subscribe").at(-1)).toMatchObject({ fromSequence: 10, historyId: "h1" });
  });
});

describe("what can no longer be had", () => {
  it("becomes a hole between the bars around it, in the cache and in words", async () => {
    const bench = benchOf();
    bench.server.append(10);
    await begin(bench, 1_000);
    restart(bench);
    bench.server.append(90);
    bench.server.stream().first = 61;
    await begin(bench, 1_000);
    const hole = { fromSequence: 11, toSequence: 60, fromMs: START_MS + 10_000, toMs: START_MS + 60_000, why: "RETENTION_EXCEEDED" };
    expect(bench.ears.of().holes).toEqual([hole]);
    expect(bench.cache.held(REMOTE, KEY)?.holes).toEqual([hole]);
    expect(statusOf(bench)).toMatchObject({ detail: "entries 11…60 are no longer kept by the server", holes: [hole] });
    expectWhole(bench);
    bench.server.tell(2);
    await bench.clock.advance(500);
    expectWhole(bench);
  });

  it("at the first meeting is the server's past", async () => {
    const bench = benchOf();
    bench.server.append(100);
    bench.server.stream().first = 41;
    await begin(bench, 1_000);
    expect(bench.ears.of().holes).toEqual([{ fromSequence: 1, toSequence: 40, fromMs: undefined, toMs: START_MS + 40_000, why: "server_history" }]);
    expectWhole(bench);
  });

  it("is said also when nothing is kept at all", async () => {
    const bench = benchOf();
    bench.server.append(100);
    bench.server.stream().first = 101;
    await begin(bench, 1_000);
    expect(bench.ears.of().holes).toMatchObject([{ fromSequence: 1, toSequence: 100, toMs: undefined }]);
    expectWhole(bench);
  });

  it("while it is being fetched moves on with what is dropped", async () => {
    const bench = benchOf();
    bench.server.append(12_000);
    let pages = 0;
    bench.server.answering = (answer, request) => {
      if (request.type === "backfill" && (pages += 1) === 1) bench.server.stream().first = 9_001;
      return answer;
    };
    await begin(bench, 1_000);
    expect(bench.ears.of().holes).toMatchObject([{ fromSequence: 5_001, toSequence: 9_000, why: "RETENTION_EXCEEDED" }]);
    expect(bench.ears.of().entries).toHaveLength(8_000);
  });
});

describe("another past", () => {
  it.each([
    [{ lineage: "second" }, "the server tells another history: another capture (second, before capture)"],
    [{ configDigest: "changed" }, "the server tells another history: another configuration"],
    [{ canonicalizerVersion: "2" }, "the server tells another history: another canonicalizer version (1 → 2)"],
    [{ runId: "r2" }, "the server tells another history: its journal was begun anew"],
    [{ runId: "r2", mode: "replay" as const }, "the server tells another history: it serves a replay now, before live data"],
  ])("begins anew at sequence 1 and says what changed: %o", async (changes, reason) => {
    const bench = benchOf();
    bench.server.append(10);
    await begin(bench, 1_000);
    restart(bench);
    bench.server.history = historyNamed("h2", changes);
    bench.server.stream().entries.length = 0;
    bench.server.append(25);
    await begin(bench, 1_000);
    expect(bench.ears.of().resets).toEqual([reason]);
    expect(bench.ears.phases).toContain("resyncing");
    expect(bench.cache.held(REMOTE, KEY)?.history.historyId).toBe("h2");
    expectWhole(bench);
  });

  it("behind a link that never broke shows in its frames, and is asked about before it is believed", async () => {
    const bench = benchOf();
    bench.server.append(10);
    await begin(bench, 1_000);
    const late = bench.server.codec.encodePublication({ ...bench.server.heartbeat(), historyId: "h0" });
    bench.server.deliver("candles.sim.BTCUSDT.1s", late);
    await bench.clock.advance(100);
    expect([bench.ears.of().resets, statusOf(bench).phase]).toEqual([[], "live"]);
    await bench.server.live(3_000);
    bench.server.history = historyNamed("h2", { runId: "r2" });
    await bench.server.live(2_000);
    expect(bench.ears.of().resets).toHaveLength(1);
    expectWhole(bench);
  });

  it("shorter than what was applied is a journal begun anew", async () => {
    const bench = benchOf();
    bench.server.append(10);
    await begin(bench, 1_000);
    bench.server.stream().entries.length = 4;
    bench.server.cut();
    await bench.clock.advance(2_000);
    expect(bench.ears.of().resets).toEqual(["the server's journal was begun anew: it ends at 4, 10 were applied here"]);
    expectWhole(bench);
  });

  it("wanted by a person comes when the server answers, not before", async () => {
    const bench = benchOf();
    bench.server.append(10);
    await begin(bench, 1_000);
    bench.server.isReachable = false;
    bench.server.cut();
    bench.client.resync(KEY, "asked for by a person");
    await bench.clock.advance(3_000);
    expect([bench.ears.of().resets, bench.cache.held(REMOTE, KEY)?.appliedSequence]).toEqual([[], 10]);
    bench.server.isReachable = true;
    await bench.server.live(6_000);
    expect(bench.ears.of().resets).toEqual(["asked for by a person"]);
    expectWhole(bench);
    expect(bench.ears.of().entries).toHaveLength(10);
  });
});

describe("a notice to resync", () => {
  it("makes the client fetch instead of waiting for frames", async () => {
    const bench = benchOf();
    bench.server.append(10);
    await begin(bench);
    bench.server.append(300);
    bench.server.answering = () => undefined;
    bench.server.answer(0, { type: "resync_notice", key: KEY, historyId: "h1", latestSequence: 310, appliedSequence: 10, detail: "300 entries behind" });
    await bench.clock.advance(20);
    expect(statusOf(bench)).toMatchObject({ phase: "resyncing", detail: "the server says that this client is behind: 300 entries behind" });
    bench.server.answering = (answer) => answer;
    await bench.server.live(2_000);
    expectWhole(bench);
    expect(bench.ears.of().resets).toEqual([]);
  });

  it("of what is applied long since changes nothing", async () => {
    const bench = benchOf();
    bench.server.append(10);
    await begin(bench);
    bench.server.answer(0, { type: "resync_notice", key: KEY, historyId: "h1", latestSequence: 9, appliedSequence: 2, detail: "late" });
    await bench.clock.advance(20);
    expect(statusOf(bench).phase).toBe("live");
  });
});

describe("a link", () => {
  it("that breaks is built anew after a growing wait, and the stream resumes by sequence", async () => {
    const bench = benchOf();
    bench.server.append(10);
    await begin(bench, 1_000);
    bench.server.isReachable = false;
    bench.server.cut();
    const tries: number[] = [];
    for (let ms = 0; ms < 6_000; ms += 1) {
      const before = bench.server.connects;
      await bench.clock.advance(1);
      if (bench.server.connects > before) tries.push(ms);
    }
    // Half of 200, 400, 800, 1600, 3200, 4000 ms: the jitter of this random is one half.
    expect(tries.map((ms, index) => ms - (tries[index - 1] ?? 0))).toEqual([99, 101, 201, 401, 801, 1_601, 2_001]);
    expect(statusOf(bench)).toMatchObject({ phase: "reconnecting", detail: "connection refused", appliedSequence: 10 });
    bench.server.append(20);
    bench.server.isReachable = true;
    await bench.server.live(4_000);
    expectWhole(bench);
    expect(bench.ears.of().resets).toEqual([]);
    expect(bench.client.status.attempts).toBe(0);
  });

  it("that is half open is first stale, then given up", async () => {
    const bench = benchOf();
    bench.server.append(10);
    await begin(bench);
    await bench.server.live(5_000);
    expect(statusOf(bench).phase).toBe("live");
    bench.server.isMute = true;
    await bench.clock.advance(3 * HEARTBEAT_MS + 1_500);
    expect(statusOf(bench)).toMatchObject({ phase: "stale" });
    expect(statusOf(bench).detail).toMatch(/^nothing heard for \d s$/);
    bench.server.append(5);
    await bench.clock.advance(3 * HEARTBEAT_MS);
    bench.server.isMute = false;
    expect(bench.ears.phases).toContain("reconnecting");
    await bench.server.live(1_000);
    expectWhole(bench);
    expect(bench.server.connects).toBe(2);
  });

  it("whose request channel went silent is noticed although frames still come", async () => {
    const bench = benchOf();
    bench.server.append(10);
    await begin(bench);
    bench.server.isDeaf = true;
    await bench.server.live(12_000, () => bench.server.tell(1));
    expect(bench.server.connects).toBeGreaterThan(1);
    bench.server.isDeaf = false;
    await bench.server.live(8_000);
    expectWhole(bench);
  });

  it("with one silent stream among living ones is listened to again, not thrown away", async () => {
    const other: StreamKey = { ...KEY, symbol: "ETHUSDT" };
    const bench = benchOf({ keys: [KEY, other] });
    await begin(bench);
    const topic = "candles.sim.BTCUSDT.1s";
    bench.server.subscribed.delete(topic);
    await bench.server.live(5_000);
    expect([statusOf(bench).phase, statusOf(bench, other).phase]).toEqual(["stale", "live"]);
    await bench.server.live(4_000);
    expect([bench.server.connects, bench.server.subscribed.has(topic), statusOf(bench).phase]).toEqual([1, true, "live"]);
  });

  it("to a server of another schema version is refused in words, and tried again seldom", async () => {
    const bench = benchOf();
    bench.server.answering = (answer, request) => (request.type === "subscribe" ? { type: "refusal", refusal: { ...refusalOf("VERSION_UNSUPPORTED"), detail: "this server speaks 2, the request is 1" } } : answer);
    await begin(bench, 1_000);
    expect(bench.client.status).toMatchObject({ link: "refused", detail: "the server refuses this client's schema version: this server speaks 2, the request is 1" });
    expect(bench.server.connects).toBe(1);
    bench.server.answering = (answer) => answer;
    await bench.server.live(4_000);
    expectWhole(bench);
  });
});

describe("requests", () => {
  it("without an answer are asked again, and late answers to the first are ignored", async () => {
    const bench = benchOf();
    bench.server.append(10);
    let ignored = 0;
    bench.server.answering = (answer, request) => (request.type === "backfill" && (ignored += 1) === 1 ? undefined : answer);
    await begin(bench, 900);
    expect(statusOf(bench).phase).toBe("warming");
    await bench.server.live(1_000);
    expectWhole(bench);
    const first = bench.server.asked.find(({ request }) => request.type === "backfill");
    bench.server.answer(first?.correlationId ?? 0, { type: "backfill_response", key: KEY, historyId: "h1", mode: "live", entries: sequenced(bench.server.stream().entries), hasMore: false, nextSequence: undefined, latestSequence: 10, firstSequence: 1, refusal: undefined });
    await bench.clock.advance(100);
    expect(statusOf(bench).duplicates).toBe(0);
  });

  it("to a busy server wait as long as it says", async () => {
    const bench = benchOf();
    bench.server.append(10);
    const times: number[] = [];
    bench.server.answering = (answer, request) => {
      if (request.type !== "subscribe") return answer;
      times.push(bench.clock.monotonicMs());
      return times.length < 3 ? { type: "refusal", refusal: refusalOf("BUSY", 400) } : answer;
    };
    await begin(bench, 100);
    expect(bench.client.status.detail).toBe("the server is busy: asking again when it says so");
    await bench.server.live(1_000);
    expect(times.map((ms, index) => ms - (times[index - 1] ?? ms))).toEqual([0, 401, 401]);
    expectWhole(bench);
  });

  it("of twenty streams are under way together, but only eight at once", async () => {
    const keys = Array.from({ length: 24 }, (_, index): StreamKey => ({ ...KEY, symbol: `S${index}` }));
    const bench = benchOf({ keys });
    bench.server.delayMs = 10;
    for (const key of keys) bench.server.append(100, key);
    let underWay = 0;
    let most = 0;
    bench.server.answering = (answer) => {
      underWay += 1;
      most = Math.max(most, underWay);
      bench.clock.after(bench.server.delayMs, () => { underWay -= 1; });
      return answer;
    };
    await begin(bench, 1_000);
    for (const key of keys) expectWhole(bench, key);
    expect(most).toBe(8);
    // Twenty-four streams in a handful of transactions.
    expect(bench.cache.commits).toBeLessThan(6);
  });

  it("for a stream that is not served are refused in words, and answered when it is", async () => {
    const bench = benchOf();
    const missing: StreamKey = { ...KEY, symbol: "LATER" };
    await begin(bench);
    bench.client.watch(missing);
    await bench.clock.advance(100);
    expect(statusOf(bench, missing)).toMatchObject({ phase: "refused", detail: "UNKNOWN_STREAM: refused as UNKNOWN_STREAM" });
    bench.server.streams.set(streamName(missing), { key: missing, entries: [], first: 1, beats: 0 });
    bench.server.append(7, missing);
    await bench.server.live(6_000);
    expectWhole(bench, missing);
  });

  it("answered with what cannot be are not applied, but asked again", async () => {
    const bench = benchOf();
    bench.server.append(10);
    let lies = 0;
    bench.server.answering = (answer) => (answer.type === "backfill_response" && (lies += 1) < 3 ? { ...answer, entries: answer.entries.filter(({ sequence }) => sequence !== (lies === 1 ? 4 : 1)) } : answer);
    await begin(bench, 100);
    expect(bench.ears.problems).toMatchObject([{ code: "bridge.contradiction" }]);
    await bench.server.live(4_000);
    expectWhole(bench);
  });

  it("report what is applied, all streams in one frame", async () => {
    const other: StreamKey = { ...KEY, symbol: "ETHUSDT" };
    const bench = benchOf({ keys: [KEY, other] });
    bench.server.append(10);
    await begin(bench, 1_600);
    expect(bench.server.asks("report_applied")[0]).toEqual({ type: "report_applied", historyId: "h1", applied: [{ key: KEY, sequence: 10 }, { key: other, sequence: 0 }] });
    await bench.server.live(4_000);
    expect(bench.server.asks("report_applied").length).toBeGreaterThanOrEqual(4);
  });
});

describe("the cache", () => {
  it("that cannot write costs the cursor, not the picture", async () => {
    const bench = benchOf();
    bench.server.append(10);
    await begin(bench, 1_000);
    bench.cache.failing = (method) => (method === "apply" ? { when: "before", fault: FULL } : undefined);
    bench.server.tell(5);
    await bench.server.live(1_000);
    expect(bench.ears.of().entries).toHaveLength(15);
    expect(statusOf(bench)).toMatchObject({ phase: "live", detail: "the cache cannot be written (no space left): shown from memory, tried again" });
    expect(bench.cache.held(REMOTE, KEY)?.appliedSequence).toBe(10);
    expect(bench.client.unwritten(KEY).map(({ sequence }) => sequence)).toEqual([11, 12, 13, 14, 15]);
    expect(bench.ears.problems).toMatchObject([{ code: "bridge.cache" }]);
    bench.cache.failing = () => undefined;
    await bench.server.live(4_000);
    expectWhole(bench);
    expect([statusOf(bench).detail, bench.client.unwritten(KEY)]).toEqual(["", []]);
  });

  it("that wrote, but said that it did not, is written again without a double", async () => {
    const bench = benchOf();
    let failures = 0;
    bench.cache.failing = (method) => (method === "apply" && (failures += 1) === 1 ? { when: "after", fault: FULL } : undefined);
    bench.server.append(10);
    await begin(bench);
    await bench.server.live(3_000);
    expectWhole(bench);
  });

  it("that cannot be read is done without, and said", async () => {
    const bench = benchOf();
    bench.server.append(10);
    await begin(bench, 1_000);
    restart(bench);
    bench.cache.failing = (method) => (method === "streams" ? { when: "before", fault: FULL } : undefined);
    bench.ears.beginAt(KEY, 0);
    bench.server.append(5);
    await begin(bench, 1_000);
    expect(bench.client.status.detail).toBe("the cache could not be read (no space left)");
    expectWhole(bench);
  });

  it("that holds something else is given up until a resync", async () => {
    const bench = benchOf();
    bench.server.append(10);
    bench.cache.failing = (method) => (method === "apply" ? { when: "before", fault: { code: "cache.out-of-order", message: "sequence 1 does not follow 5" } } : undefined);
    await begin(bench, 1_000);
    const tried = bench.cache.calls.length;
    await bench.server.live(10_000);
    expect(bench.cache.calls.length).toBe(tried);
    expect(statusOf(bench).detail).toContain("fetched again after a restart or a resync");
    bench.cache.failing = () => undefined;
    bench.client.resync(KEY, "a person");
    await bench.server.live(1_000);
    expectWhole(bench);
  });

  it("that stays full is given up, with what a screen needs kept in memory, and caught up at the next start", async () => {
    const bench = benchOf();
    bench.server.append(30_000);
    bench.cache.failing = (method) => (method === "apply" ? { when: "before", fault: FULL } : undefined);
    await begin(bench);
    await bench.server.live(2_000);
    const { client } = bench;
    expect(statusOf(bench)).toMatchObject({ phase: "live", appliedSequence: 30_000 });
    const kept = client.unwritten(KEY);
    expect([kept.at(-1)?.sequence, kept.length >= 8_000 && kept.length <= 16_000, client.continuesCache(KEY)]).toEqual([30_000, true, false]);
    restart(bench);
    await begin(bench, 100);
    await bench.server.live(2_000);
    expectWhole(bench);
    expect(bench.client.continuesCache(KEY)).toBe(true);
  });

  it("that is slow holds up the backfill, and with it the memory it takes", async () => {
    const bench = benchOf();
    bench.server.append(25_000);
    let open = (): void => undefined;
    bench.cache.gate = new Promise((resolve) => { open = resolve; });
    // The gate is closed for writing only: what the client reads at its start came before.
    bench.client.watch(KEY);
    const started = bench.client.start();
    open();
    await started;
    bench.cache.gate = new Promise((resolve) => { open = resolve; });
    await bench.server.live(2_000);
    expect(statusOf(bench)).toMatchObject({ phase: "warming", detail: "waiting for the cache to write what came" });
    expect(bench.client.unwritten(KEY).length).toBeLessThanOrEqual(15_000);
    bench.cache.gate = undefined;
    open();
    await bench.server.live(2_000);
    expectWhole(bench);
  });

  it("killed at any commit never skips a sequence", async () => {
    for (let at = 1; at <= 12; at += 1) {
      const bench = benchOf({ timing: { persistMs: 5 } });
      bench.server.append(20);
      let writes = 0;
      bench.cache.failing = () => ((writes += 1) === at + 1 ? { when: at % 2 === 0 ? "before" : "after", fault: FULL } : undefined);
      await begin(bench);
      for (let batch = 0; batch < at; batch += 1) {
        bench.server.tell(3);
        await bench.clock.advance(7);
      }
      restart(bench);
      bench.server.append(4);
      await begin(bench, 1_000);
      expectWhole(bench);
    }
  });
});

describe("close", () => {
  it("writes what is pending and leaves no timer, whatever the state", async () => {
    for (const afterMs of [0, 1, 2, 3, 20, 1_000, 5_000]) {
      const bench = benchOf();
      bench.server.append(100);
      bench.server.isReachable = afterMs !== 5_000;
      await begin(bench, afterMs);
      const { appliedSequence } = statusOf(bench);
      const closing = bench.client.close();
      await bench.clock.advance(0);
      await closing;
      await bench.client.close();
      expect(bench.cache.held(REMOTE, KEY)?.appliedSequence ?? 0).toBe(appliedSequence);
      expect(bench.life.pending).toBe(0);
    }
  });

  it("before and while starting is heard", async () => {
    const bench = benchOf();
    const started = bench.client.start();
    const closed = bench.client.close();
    await Promise.all([started, closed]);
    expect([bench.life.pending, bench.server.connects]).toEqual([0, 0]);
  });
});
