import { describe, expect, test } from "vitest";
import { newDisk } from "../../rawlog/log.testkit.ts";
import { streamName } from "../model.ts";
import { ask, backfill, BTC, published, serve, stop, STREAMS, type Run } from "./served.testkit.ts";
import { expectedOf, itemsOf, START_MS } from "./server.testkit.ts";

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

  test("an open bar that nothing changes is told again while the stream is quiet, for whoever came later, until it is sealed", async () => {
    const run = await serve({ items: itemsOf([BTC], 3) });
    await published(run, 3);
    const formed = (): number => run.transport.published.filter((sent) => sent.publication.type === "forming").length;
    run.feed.form(BTC, START_MS + 180_000);
    await run.clock.advance(3_500);
    expect(formed()).toBeGreaterThanOrEqual(3);
    const sealed = await serve({ items: itemsOf([BTC], 3) });
    await published(sealed, 3);
    sealed.feed.form(BTC, START_MS + 120_000);
    await sealed.clock.advance(3_500);
    expect(sealed.transport.published.filter((sent) => sent.publication.type === "forming")).toEqual([]);
    await stop(run);
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
