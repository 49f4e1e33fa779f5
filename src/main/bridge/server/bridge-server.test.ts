import { describe, expect, test } from "vitest";
import type { Fault } from "../../../shared/base.ts";
import { VirtualClock, settle } from "../../net/virtual-clock.ts";
import { newDisk } from "../../rawlog/log.testkit.ts";
import type { SimDisk } from "../../rawlog/sim-disk.ts";
import { streamName } from "../model.ts";
import type { Answer, Request } from "../wire/messages.ts";
import { createBridgeServer } from "./bridge-server.ts";
import { REQUEST_BYTES_MAX } from "./request-desk.ts";
import { createSequenceJournals, type SequenceJournalsOptions } from "./sequence-journals.ts";
import { expectedOf, HISTORY, itemsOf, key, ListFeed, MemoryTransport, plainCodec, START_MS, type ListFeedOptions } from "./server.testkit.ts";
import type { BridgeServer, SequenceJournals, ServerLimits } from "./types.ts";

const STREAMS = [key("BTCUSDT"), key("ETHUSDT"), key("BTCUSDT", "5m")];
const [BTC, ETH] = [STREAMS[0]!, STREAMS[1]!];
const LIMITS: ServerLimits = {
  clientsMax: 20, requestsPerSecond: 50, entriesPerSecond: 10_000, behindEntriesMax: 30, silentMs: 60_000, waitingMax: 16,
};

interface Run {
  readonly disk: SimDisk;
  readonly clock: VirtualClock;
  readonly journals: SequenceJournals;
  readonly transport: MemoryTransport;
  readonly feed: ListFeed;
  readonly server: BridgeServer;
  readonly problems: Fault[];
}

interface RunOptions extends ListFeedOptions {
  readonly disk?: SimDisk;
  readonly clock?: VirtualClock;
  readonly limits?: Partial<ServerLimits>;
  readonly journals?: Partial<SequenceJournalsOptions>;
}

async function serve(options: RunOptions): Promise<Run> {
  const { disk = newDisk(), clock = new VirtualClock(START_MS) } = options;
  const journals = await createSequenceJournals({
    disk, folder: "/data/bridge", history: HISTORY, retention: { entries: 100_000, ageMs: undefined }, clock, segmentEntries: 32, ...options.journals,
  });
  const feed = new ListFeed({ endless: true, ...options });
  const transport = new MemoryTransport();
  const problems: Fault[] = [];
  const server = createBridgeServer({
    feed, journals, transport, codec: plainCodec, clock, timers: clock, version: "0.0.0-test", pubPort: 5556, heartbeatMs: 1_000, formingMs: 250,
    limits: { ...LIMITS, ...options.limits }, onProblem: (problem) => problems.push(problem),
  });
  return { disk, clock, journals, transport, feed, server, problems };
}

async function stop(run: Run): Promise<void> {
  await run.server.close();
  await run.journals.close();
}

/** Until everything of a feed that waits behind its end is published. */
async function published(run: Run, count: number): Promise<void> {
  while (STREAMS.reduce((sum, stream) => sum + run.transport.entries(stream).length, 0) < count) await settle();
}

async function ask(run: Run, request: Request, client = "c1"): Promise<Answer | undefined> {
  const id = (run.transport.answers.get(client)?.length ?? 0) + 1;
  run.transport.ask(client, id, request);
  await settle();
  await settle();
  return run.transport.answerTo(client, id);
}

function backfill(fromSequenceExclusive: number | undefined, more: Partial<Request & { type: "backfill" }> = {}): Request {
  return { type: "backfill", key: BTC, historyId: HISTORY.historyId, fromSequenceExclusive, limit: 1_000, endMs: undefined, acceptsZstd: false, ...more };
}

describe("the stream", () => {
  const items = itemsOf(STREAMS, 60);

  test("a fixed list gives the same frames twice, every stream complete and in order", async () => {
    const frames = [];
    for (let time = 0; time < 2; time += 1) {
      const run = await serve({ items, endless: false });
      await run.server.fed;
      for (const stream of STREAMS) expect(run.transport.entries(stream)).toStrictEqual(expectedOf(items, stream));
      frames.push(run.transport.frames.map((frame) => Buffer.from(frame).toString("latin1")));
      await stop(run);
    }
    expect(frames[0]).toEqual(frames[1]);
    expect(frames[0]!.length).toBeGreaterThan(10);
  });

  test("nothing is published before it is synced", async () => {
    const run = await serve({ items: [] });
    await stop(run);
    const disk = newDisk();
    let synced = 0;
    const guarded = await serve({ items, endless: false, disk });
    const sync = guarded.journals.sync.bind(guarded.journals);
    guarded.journals.sync = async () => {
      await sync();
      synced = STREAMS.reduce((sum, stream) => sum + (guarded.journals.state(stream)?.latestSequence ?? 0), 0);
    };
    let seen = 0;
    guarded.transport.onPublish = ({ publication }) => {
      if (publication.type !== "batch") return;
      seen += publication.entries.length;
      expect(guarded.journals.state(publication.key)?.latestSequence).toBeGreaterThanOrEqual(publication.entries.at(-1)!.sequence);
      expect(seen).toBeLessThanOrEqual(synced);
    };
    await guarded.server.fed;
    expect(seen).toBe(items.length);
    await stop(guarded);
  });

  test.each([0, 1, 7, 23, 41])("a server that dies after %i batches goes on with no double and no hole", async (batches) => {
    const disk = newDisk(batches + 1);
    const all = new Map<string, number[]>();
    const note = (run: Run): void => {
      for (const stream of STREAMS) {
        const sequences = run.transport.entries(stream).map((entry) => entry.sequence);
        all.set(streamName(stream), [...(all.get(streamName(stream)) ?? []), ...sequences]);
      }
    };
    let count = 0;
    const first = await serve({ items, disk, batch: 3, before: async () => {
      count += 1;
      if (count > batches) disk.crash();
    } });
    await first.server.fed.catch(() => undefined);
    await first.server.close();
    note(first);
    disk.restart();
    const second = await serve({ items, disk, batch: 4, endless: false });
    await second.server.fed;
    note(second);
    for (const stream of STREAMS) {
      const expected = expectedOf(items, stream);
      expect(all.get(streamName(stream))).toEqual(expected.map((entry) => entry.sequence));
      expect(await second.journals.read(stream, 0, 1_000)).toStrictEqual(expected);
    }
    await stop(second);
  });

  test("a disk that is full halts: nothing more is published, heartbeats stop, requests are still answered", async () => {
    const disk = newDisk();
    const run = await serve({ items, disk, batch: 5, before: async (seq) => {
      if (seq > 20) disk.faults.fullAfterBytes = disk.written + 50;
    } });
    await expect(run.server.fed).rejects.toThrow(/halted, so that none is lost: .*disk is full/);
    expect(run.server.status).toMatchObject({ status: "RED", detail: expect.stringContaining("disk is full") as string });
    const frames = run.transport.published.length;
    await run.clock.advance(10_000);
    run.feed.form(BTC, START_MS + 10_000_000);
    await run.clock.advance(1_000);
    expect(run.transport.published.length).toBe(frames);
    const answer = await ask(run, { type: "health" });
    expect(answer).toMatchObject({ type: "health", status: "RED" });
    const latest = run.journals.state(BTC)!.latestSequence;
    expect(await ask(run, backfill(undefined))).toMatchObject({ entries: expectedOf(items, BTC).slice(0, latest), hasMore: false });
    await stop(run);
  });

  test("forming bars: the newest within formingMs, none of a bucket that is sealed", async () => {
    const run = await serve({ items: [], streams: [BTC] });
    for (let trades = 1; trades <= 5; trades += 1) run.feed.form(BTC, START_MS, trades);
    await run.clock.advance(250);
    run.feed.form(BTC, START_MS, 6);
    await run.clock.advance(249);
    const formed = (): readonly number[] => run.transport.published.flatMap(({ publication }) => (publication.type === "forming" ? publication.bar.values.tradeCount : []));
    expect(formed()).toEqual([5, 6]);
    run.feed.form(BTC, START_MS, 7);
    await run.clock.advance(0);
    expect(formed()).toEqual([5, 6]);
    await run.clock.advance(1);
    expect(formed()).toEqual([5, 6, 7]);
    expect(run.transport.published.every((sent) => sent.topic === "forming.sim.BTCUSDT.1m")).toBe(true);
    expect(run.server.status.streams[0]?.conflated).toBe(4);
    await stop(run);
    const sealed = await serve({ items: itemsOf([BTC], 3) });
    await published(sealed, 3);
    sealed.feed.form(BTC, START_MS + 120_000);
    await sealed.clock.advance(250);
    sealed.feed.form(BTC, START_MS + 180_000);
    await sealed.clock.advance(250);
    expect(sealed.transport.published.filter((sent) => sent.publication.type === "forming").map((sent) => sent.publication)).toMatchObject([
      { bar: { openMs: START_MS + 180_000 }, afterSequence: 3 },
    ]);
    await stop(sealed);
  });

  test("heartbeats only when quiet, with the last published sequence, counted up", async () => {
    const run = await serve({ items: itemsOf([BTC], 4), streams: STREAMS });
    await published(run, 4);
    await run.clock.advance(2_500);
    const beats = run.transport.published.flatMap(({ topic, publication }) => (publication.type === "heartbeat" ? [[topic, publication.latestSequence, publication.beat]] : []));
    expect(beats.filter(([topic]) => topic === "candles.sim.BTCUSDT.1m")).toEqual([["candles.sim.BTCUSDT.1m", 4, 1], ["candles.sim.BTCUSDT.1m", 4, 2]]);
    expect(beats.filter(([topic]) => topic === "candles.sim.ETHUSDT.1m").map(([, latest]) => latest)).toEqual([0, 0]);
    await stop(run);
    expect(run.clock.pending).toBe(0);
  });

  test("large batches are cut", async () => {
    const many = itemsOf([BTC], 1_200);
    const run = await serve({ items: many, batch: 1_000, endless: false });
    await run.server.fed;
    const sizes = run.transport.published.flatMap(({ publication }) => (publication.type === "batch" ? publication.entries.length : []));
    expect(sizes.every((size) => size <= 500)).toBe(true);
    expect(run.transport.entries(BTC)).toHaveLength(many.length);
    await stop(run);
  });

  test("a socket that fails costs frames, not the server", async () => {
    const run = await serve({ items, batch: 5, endless: false });
    let isBroken = true;
    const publish = run.transport.publish.bind(run.transport);
    run.transport.publish = async (topic, frame) => {
      if (isBroken) throw new Error("no such socket");
      await publish(topic, frame);
    };
    await run.server.fed;
    expect(run.problems.map((problem) => problem.code)).toEqual(["bridge.publish-failed"]);
    expect(run.server.status).toMatchObject({ status: "AMBER" });
    expect(run.server.status.unsent).toBeGreaterThan(0);
    isBroken = false;
    await run.clock.advance(61_000);
    expect(run.server.status.status).toBe("GREEN");
    await stop(run);
  });
});

describe("requests", () => {
  const items = itemsOf(STREAMS, 60);
  const btc = expectedOf(items, BTC);
  async function served(options: Partial<RunOptions> = {}): Promise<Run> {
    const run = await serve({ items, ...options });
    await published(run, (options.items ?? items).length);
    return run;
  }

  test("subscribing, cursors, the list and health tell history, range and time", async () => {
    const run = await served();
    expect(await ask(run, { type: "subscribe", key: BTC, fromSequence: 5, historyId: HISTORY.historyId })).toEqual({
      type: "subscribe_ack", accepted: true, key: BTC, history: HISTORY, heartbeatMs: 1_000, firstSequence: 1, latestSequence: btc.length, refusal: undefined,
    });
    expect(await ask(run, { type: "get_cursor", key: ETH })).toMatchObject({ latestSequence: expectedOf(items, ETH).length, firstSequence: 1, history: HISTORY });
    const list = await ask(run, { type: "list_streams" });
    expect(list).toMatchObject({ type: "streams", streams: STREAMS.map((stream) => ({ key: stream, firstSequence: 1 })) });
    await run.clock.advance(1_500);
    expect(await ask(run, { type: "health" })).toMatchObject({
      serverVersion: "0.0.0-test", uptimeMs: 1_500, streams: 3, clients: 1, status: "GREEN", nowNs: run.clock.wallNs(), pubPort: 5556,
    });
    await stop(run);
  });

  test("backfill by cursor gives everything once, page by page", async () => {
    const run = await served();
    const got = [];
    let from = 0;
    for (;;) {
      const answer = await ask(run, backfill(from, { limit: 7 }));
      if (answer?.type !== "backfill_response") throw new Error("no backfill");
      got.push(...answer.entries);
      expect(answer.hasMore).toBe(answer.nextSequence !== undefined);
      if (answer.nextSequence === undefined) break;
      from = answer.nextSequence - 1;
    }
    expect(got).toStrictEqual(btc);
    expect(run.server.status).toMatchObject({ backfillEntries: btc.length });
    expect(run.server.status.backfillBytes).toBeGreaterThan(10_000);
    await stop(run);
  });

  test("backfill ends before end_ts, and says there is no more", async () => {
    const run = await served();
    const answer = await ask(run, backfill(undefined, { endMs: START_MS + 5 * 60_000 }));
    expect(answer).toMatchObject({ entries: btc.slice(0, 5), hasMore: false, latestSequence: btc.length });
    expect(answer).toHaveProperty("nextSequence", undefined);
    await stop(run);
  });

  test("what cannot be given is refused with the range that can", async () => {
    const run = await served({ journals: { retention: { entries: 20, ageMs: undefined }, segmentEntries: 16 }, batch: 5 });
    const { firstSequence, latestSequence } = run.journals.state(BTC)!;
    expect(firstSequence).toBeGreaterThan(1);
    const refused = async (request: Request): Promise<unknown> => {
      const answer = await ask(run, request);
      return answer !== undefined && "latestSequence" in answer && "refusal" in answer ? [answer.refusal?.code, answer.firstSequence, answer.latestSequence] : answer;
    };
    const range = [firstSequence, latestSequence];
    expect(await refused(backfill(firstSequence - 2))).toEqual(["RETENTION_EXCEEDED", ...range]);
    expect(await refused(backfill(0))).toEqual(["RETENTION_EXCEEDED", ...range]);
    expect(await refused(backfill(firstSequence - 1))).toEqual([undefined, ...range]);
    expect(await refused(backfill(latestSequence))).toEqual([undefined, ...range]);
    expect(await refused(backfill(latestSequence + 1))).toEqual(["BEYOND_LATEST", ...range]);
    expect(await refused(backfill(3, { historyId: "f".repeat(64) }))).toEqual(["OTHER_HISTORY", ...range]);
    expect(await refused(backfill(undefined, { key: key("XRPUSDT") }))).toEqual(["UNKNOWN_STREAM", 1, 0]);
    expect(await refused({ type: "subscribe", key: BTC, fromSequence: 0, historyId: HISTORY.historyId })).toEqual(["RETENTION_EXCEEDED", ...range]);
    expect(await refused({ type: "subscribe", key: BTC, fromSequence: 3, historyId: "f".repeat(64) })).toEqual(["OTHER_HISTORY", ...range]);
    expect(await refused({ type: "subscribe", key: BTC, fromSequence: latestSequence + 9, historyId: undefined })).toEqual(["BEYOND_LATEST", ...range]);
    expect(await refused({ type: "get_cursor", key: key("BTCUSDT", "1h") })).toEqual(["UNKNOWN_STREAM", 1, 0]);
    // Absent = whatever is kept.
    expect(await ask(run, backfill(undefined))).toMatchObject({ refusal: undefined, entries: btc.slice(firstSequence - 1) });
    await stop(run);
  });

  test("a client far behind is advised to resync, not on and on; repeated reports change nothing", async () => {
    const run = await served();
    const report = (sequence: number, historyId = HISTORY.historyId): void => {
      run.transport.ask("slow", 9, { type: "report_applied", historyId, applied: [{ key: BTC, sequence }, { key: key("NOPE"), sequence: 1 }] });
    };
    const notices = (): number => run.transport.answers.get("slow")?.length ?? 0;
    report(btc.length - 30);
    await settle();
    expect(notices()).toBe(0);
    run.transport.ask("slow", 1, { type: "subscribe", key: BTC, fromSequence: 2, historyId: HISTORY.historyId });
    for (let times = 0; times < 5; times += 1) report(2);
    await settle();
    expect(run.transport.answers.get("slow")).toMatchObject([{}, { correlationId: 0, message: { type: "resync_notice", key: BTC, latestSequence: btc.length, appliedSequence: 2 } }]);
    expect(run.server.status.clients).toMatchObject([{ id: "slow", behind: btc.length - 2, resyncsAdvised: 1 }]);
    await run.clock.advance(5_000);
    report(2);
    await settle();
    expect(notices()).toBe(3);
    report(btc.length);
    await run.clock.advance(6_000);
    report(2);
    await settle();
    expect(notices()).toBe(3);
    report(2, "f".repeat(64));
    await settle();
    expect(run.transport.answers.get("slow")?.at(-1)?.message).toMatchObject({ historyId: HISTORY.historyId, detail: expect.stringContaining("another history") as string });
    await stop(run);
  });

  test("damage found by a reader is told, and the next start begins anew", async () => {
    const run = await served();
    await stop(run);
    const path = `/data/bridge/${HISTORY.historyId.slice(0, 16)}/${streamName(BTC)}/0000000001.journal`;
    run.disk.flip(path, 700);
    const again = await serve({ items, disk: run.disk });
    expect(await ask(again, backfill(0))).toMatchObject({ type: "refusal", refusal: { code: "INTERNAL", detail: expect.stringContaining("is damaged at byte") as string } });
    expect(again.server.status.status).toBe("AMBER");
    expect(again.problems.map((problem) => problem.code)).toEqual(["bridge.journal-damaged"]);
    await stop(again);
    const anew = await served({ disk: run.disk });
    expect(anew.problems.map((problem) => problem.code)).toEqual(["bridge.journal-damaged"]);
    expect(anew.server.status.history.runId).toBe("damaged-1");
    expect(anew.transport.entries(BTC)).toStrictEqual(btc);
    await stop(anew);
  });
});

describe("limits", () => {
  const items = itemsOf([BTC], 3_000);
  async function served(limits: Partial<ServerLimits> = {}): Promise<Run> {
    const run = await serve({ items, limits, batch: 1_000 });
    await published(run, items.length);
    return run;
  }

  test("a flood of requests is bounded, others are served", async () => {
    const run = await served();
    for (let nth = 1; nth <= 10_000; nth += 1) run.transport.ask("flood", nth, { type: "health" });
    await settle();
    const answers = run.transport.answers.get("flood") ?? [];
    expect(answers.length).toBeLessThanOrEqual(100);
    expect(answers.some(({ message }) => message.type === "refusal" && message.refusal.code === "BUSY" && message.refusal.retryAfterMs > 0)).toBe(true);
    expect(run.server.status.refused).toBeGreaterThan(9_900);
    expect(await ask(run, { type: "health" })).toMatchObject({ type: "health" });
    await run.clock.advance(1_000);
    run.transport.ask("flood", 20_000, { type: "health" });
    await settle();
    expect(run.transport.answerTo("flood", 20_000)).toMatchObject({ type: "health" });
    await stop(run);
  });

  test("malformed and oversized frames are counted, answered where an id can be read, and bounded", async () => {
    const run = await served();
    run.transport.receive("odd", Buffer.from("?7 nonsense"));
    run.transport.receive("odd", Buffer.from("\u0000\u0001"));
    run.transport.receive("odd", Buffer.alloc(REQUEST_BYTES_MAX + 1));
    run.transport.receive("odd", new Uint8Array(0));
    await settle();
    expect(run.transport.answers.get("odd")).toMatchObject([{ correlationId: 7, message: { type: "refusal", refusal: { code: "MALFORMED", supportedVersion: 1 } } }]);
    expect(run.server.status).toMatchObject({ malformed: 3, oversized: 1, refused: 4 });
    for (let nth = 0; nth < 1_000; nth += 1) run.transport.receive("odd", Buffer.from("?8"));
    await settle();
    expect(run.transport.answers.get("odd")?.length).toBeLessThanOrEqual(100);
    await stop(run);
  });

  test("a client that does not read its answers stalls nobody; one that is gone is forgotten", async () => {
    const run = await served();
    run.transport.full.add("stalled");
    run.transport.gone.add("gone");
    for (let nth = 1; nth <= 20; nth += 1) run.transport.ask("stalled", nth, backfill(0));
    run.transport.ask("gone", 1, { type: "health" });
    await settle();
    expect(await ask(run, { type: "health" })).toMatchObject({ type: "health" });
    expect(run.server.status.unsent).toBeGreaterThanOrEqual(5);
    expect(run.server.status.clients.map((client) => client.id)).toEqual(["stalled", "c1"]);
    await stop(run);
  });

  test("answers that never end take only their client's places", async () => {
    const run = await served();
    const answer = run.transport.answer.bind(run.transport);
    const release: (() => void)[] = [];
    run.transport.answer = async (client, frame) => {
      if (client === "hung") await new Promise<void>((resolve) => release.push(resolve));
      return answer(client, frame);
    };
    for (let nth = 1; nth <= 40; nth += 1) run.transport.ask("hung", nth, { type: "health" });
    expect(await ask(run, { type: "health" })).toMatchObject({ type: "health" });
    for (const one of release) one();
    await settle();
    await stop(run);
  });

  test("entries are rationed; what is over is refused with the time to wait", async () => {
    const run = await served({ entriesPerSecond: 500 });
    expect(await ask(run, backfill(0, { limit: 450 }))).toMatchObject({ refusal: undefined, hasMore: true });
    expect(await ask(run, backfill(450))).toMatchObject({ entries: [], refusal: { code: "BUSY", retryAfterMs: 100 } });
    await run.clock.advance(100);
    expect(await ask(run, backfill(450))).toMatchObject({ refusal: undefined, nextSequence: 551 });
    expect(await ask(run, backfill(0), "other")).toMatchObject({ refusal: undefined, nextSequence: 501 });
    await stop(run);
  });

  test("clients beyond clientsMax: the longest-silent is forgotten; the silent too", async () => {
    const run = await served();
    for (let nth = 0; nth < 100; nth += 1) await ask(run, { type: "health" }, `n${nth}`);
    expect(run.server.status.clients).toHaveLength(20);
    expect(run.server.status.clients.at(-1)?.id).toBe("n99");
    await run.clock.advance(60_001);
    expect(run.server.status.clients).toHaveLength(0);
    await stop(run);
  });

  test("a frame that comes twice is answered twice, and nothing else", async () => {
    const run = await served();
    for (let times = 0; times < 2; times += 1) run.transport.ask("twice", 5, backfill(0, { limit: 3 }));
    await settle();
    await settle();
    const answers = run.transport.answers.get("twice") ?? [];
    expect(answers).toHaveLength(2);
    expect(answers[0]).toEqual(answers[1]);
    await stop(run);
  });
});
