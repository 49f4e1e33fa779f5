// What a feed tells depends on its log alone: not on batches, on the moment of reading, on where it resumed, or on which of the two tells it.
import { cp, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { START_MS, hftTrades, testFolder, type TestFolder } from "../../importers/import.testkit.ts";
import { settle, VirtualClock } from "../../net/virtual-clock.ts";
import { streamName } from "../model.ts";
import type { FeedItem } from "../server/types.ts";
import { openCaptureFeed } from "./capture-feed.ts";
import { captureOf, captureSpec, deriveAll, deriverOf, eventfulLines, itemsFrom, journalPath, NEVER, replaySpec, START, testDeps } from "./feed.testkit.ts";
import { openReplayFeed } from "./replay-feed.ts";
import type { ServedFeed } from "./types.ts";

let folder: TestFolder;
let capture: string;
let lastSeq: number;
let expected: readonly FeedItem[];

async function using<T>(feed: ServedFeed, use: (feed: ServedFeed) => Promise<T>): Promise<T> {
  try {
    return await use(feed);
  } finally {
    await feed.close();
  }
}

async function wholeCapture(captureFolder: string, position: number, from = START): Promise<readonly FeedItem[]> {
  return using(await openCaptureFeed(captureSpec(captureFolder), testDeps()), (feed) => {
    feed.derived(position);
    feed.ended();
    return itemsFrom(feed, from);
  });
}

function byStream(items: readonly FeedItem[]): Record<string, readonly FeedItem[]> {
  const streams: Record<string, FeedItem[]> = {};
  for (const item of items) (streams[streamName(item.key)] ??= []).push(item);
  return streams;
}

beforeAll(async () => {
  folder = await testFolder();
  capture = await captureOf(folder, eventfulLines());
  lastSeq = await deriveAll(capture);
  expected = await wholeCapture(capture, lastSeq);
});
afterAll(() => folder[Symbol.asyncDispose]());

describe("entries of a capture", () => {
  test("are bars with their grades, corrections, grades of empty buckets and gaps", () => {
    const kinds = new Set(expected.map(({ entry }) => (entry.kind === "bar" ? `${entry.kind} r${entry.bar.revision}` : entry.kind)));
    expect([...kinds].sort()).toEqual(["bar r1", "bar r2", "gap", "grade"]);
    const graded = expected.filter(({ entry }) => entry.kind === "bar" && entry.bar.grade !== undefined);
    expect(graded.length).toBeGreaterThan(50);
    expect(new Set(expected.map(({ key }) => key.symbol))).toEqual(new Set(["BTCUSDT", "ETHUSDT"]));
  });

  test("have places that rise within each stream, and never fall over all", () => {
    for (const items of Object.values(byStream(expected))) {
      items.forEach(({ place }, at) => {
        const before = items[at - 1]?.place;
        if (before === undefined || before.seq !== place.seq) expect(place.index).toBe(0);
        else expect(place.index).toBe(before.index + 1);
      });
    }
    expect(expected.every(({ place }, at) => place.seq >= (expected[at - 1]?.place.seq ?? 0))).toBe(true);
  });

  test("carry the receive time of the record that caused them", () => {
    expect(expected.every(({ entry, place }) => entry.atSeq === place.seq && entry.knownNs > BigInt(START_MS) * 1_000_000n)).toBe(true);
  });

  test("say a gap in every interval of its instrument, and in no other instrument", () => {
    const gaps = expected.filter(({ entry }) => entry.kind === "gap");
    const perInterval = new Map<string, number>();
    for (const { key } of gaps) perInterval.set(key.interval, (perInterval.get(key.interval) ?? 0) + 1);
    expect(new Set(gaps.map(({ key }) => key.symbol))).toEqual(new Set(["BTCUSDT"]));
    expect(new Set(perInterval.values()).size).toBe(1);
    expect(perInterval.size).toBe(9);
  });
});

describe("a capture feed", () => {
  test("tells the same, however far the deriver was at each note", async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 150 }), { maxLength: 6 }), async (steps) => {
        run += 1;
        const copy = join(folder.path, `steps-${run}`);
        await cp(capture, copy, { recursive: true, filter: (path) => !path.endsWith("/candles") });
        await using open = await deriverOf(copy);
        await using feed = disposable(await openCaptureFeed(captureSpec(copy), testDeps()));
        const told = itemsFrom(feed.feed);
        for (const step of steps) {
          feed.feed.derived(await open.deriver.advance(Math.min(open.lastSeq, open.deriver.position + step)));
          await settle();
        }
        feed.feed.derived(await open.deriver.advance());
        feed.feed.ended();
        expect(await told).toEqual(expected);
      }),
      { numRuns: 12 },
    );
  });

  test("tells nothing beyond the last derived position, though the journals hold more", async () => {
    const middle = expected[Math.floor(expected.length / 2)]?.place.seq ?? 0;
    const items = await wholeCapture(capture, middle);
    expect(items).toEqual(expected.filter(({ place }) => place.seq <= middle));
  });

  test("goes on from any place", async () => {
    for (const from of [1, 2, 50, 180, lastSeq - 1, lastSeq, lastSeq + 1]) {
      expect(await wholeCapture(capture, lastSeq, { seq: from, index: 3 })).toEqual(expected.filter(({ place }) => place.seq >= from));
    }
  });

  test("finds its place in journals of many windows", async () => {
    const long = await captureOf(await testFolderIn(), hftTrades(4_000));
    const last = await deriveAll(long);
    expect((await stat(journalPath(long, "bars"))).size).toBeGreaterThan(3 * 256 * 1024);
    const all = await wholeCapture(long, last);
    for (const part of [0.1, 0.5, 0.93]) {
      const from = Math.floor(last * part);
      expect(await wholeCapture(long, last, { seq: from, index: 0 })).toEqual(all.filter(({ place }) => place.seq >= from));
    }
  });

  test("waits before the first note, and ends when told to stop", async () => {
    await using feed = disposable(await openCaptureFeed(captureSpec(capture), testDeps()));
    const stopping = new AbortController();
    const reading = feed.feed.batches(START, stopping.signal)[Symbol.asyncIterator]().next();
    await settle();
    stopping.abort();
    expect((await reading).done).toBe(true);
  });

  test("refuses journals that are cut below what it has served", async () => {
    const copy = join(folder.path, "cut");
    await cp(capture, copy, { recursive: true });
    await using feed = disposable(await openCaptureFeed(captureSpec(copy), testDeps()));
    const batches = feed.feed.batches(START, NEVER)[Symbol.asyncIterator]();
    feed.feed.derived(lastSeq - 1);
    await batches.next();
    await truncate(journalPath(copy, "bars"), 100);
    feed.feed.derived(lastSeq);
    await expect(batches.next()).rejects.toThrow(/bars\.journal was cut to 100 bytes/);
  });

  test("hands on open bars, the newest note only", async () => {
    await using feed = disposable(await openCaptureFeed(captureSpec(capture), testDeps()));
    const bar = expected.find(({ entry }) => entry.kind === "bar");
    const values = bar?.entry.kind === "bar" ? bar.entry.bar.values : undefined;
    if (values === undefined) throw new Error("there is a bar");
    const key = { venue: "binance-usdm", symbol: "BTCUSDT", interval: "1s", openMs: START_MS } as const;
    const heard = new Promise<unknown>((resolve) => feed.feed.onForming((stream, open) => resolve({ stream, openMs: open.openMs, atSeq: open.atSeq, known: open.knownNs > 0n })));
    feed.feed.forming([{ key, values, lastSeq: 5 }]);
    expect(await heard).toEqual({ stream: { sourceId: "binance-usdm", symbol: "BTCUSDT", interval: "1s" }, openMs: START_MS, atSeq: 5, known: true });
  });
});

describe("a replay feed", () => {
  test("tells the same entries as the capture's journals", async () => {
    const told = await using(await openReplayFeed(replaySpec(capture), testDeps()), itemsFrom);
    expect(byStream(told)).toEqual(byStream(expected));
    expect(told).toEqual(expected);
  });

  test("goes on from any place", async () => {
    for (const from of [1, 50, 181, lastSeq]) {
      const told = await using(await openReplayFeed(replaySpec(capture), testDeps()), (feed) => itemsFrom(feed, { seq: from, index: 0 }));
      expect(told).toEqual(expected.filter(({ place }) => place.seq >= from));
    }
  });

  test("is paced by known time from where it begins, and says what is open meanwhile", async () => {
    const clock = new VirtualClock(0);
    const feed = await openReplayFeed(replaySpec(capture, { speed: 10 }), testDeps(clock));
    const forming = new Set<string>();
    feed.onForming((key) => forming.add(streamName(key)));
    const told: { readonly atMs: number; readonly item: FeedItem }[] = [];
    let isDone = false;
    const reading = (async () => {
      for await (const batch of feed.batches(START, NEVER)) for (const item of batch) told.push({ atMs: clock.monotonicMs(), item });
      isDone = true;
    })();
    while (!isDone) {
      await clock.runUntilIdle(60_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await reading;
    await feed.close();
    expect(told.map(({ item }) => item)).toEqual(expected);
    const first = told[0];
    const last = told.at(-1);
    if (first === undefined || last === undefined) throw new Error("something was told");
    const shouldMs = Number(last.item.entry.knownNs - first.item.entry.knownNs) / 1e6 / 10;
    expect(Math.abs(last.atMs - first.atMs - shouldMs)).toBeLessThan(2);
    expect(forming.size).toBe(18);
  });

  test("that is held begins when it is told to", async () => {
    await using feed = disposable(await openReplayFeed(replaySpec(capture, { held: true }), testDeps()));
    let began = false;
    const reading = itemsFrom(feed.feed).then((items) => {
      began = true;
      return items;
    });
    await settle();
    expect(began).toBe(false);
    feed.feed.begin();
    expect(await reading).toEqual(expected);
  });
});

describe("histories", () => {
  async function historyOf(open: Promise<ServedFeed>): Promise<string> {
    return using(await open, (feed) => Promise.resolve(feed.history.historyId));
  }

  test("differ by run, by mode and by the log's first record, and are else the same", async () => {
    const again = await captureOf(await testFolderIn(), eventfulLines());
    const other = await captureOf(await testFolderIn(), hftTrades(20, 7));
    const [one, same, run, live, differs] = await Promise.all([
      historyOf(openReplayFeed(replaySpec(capture), testDeps())), historyOf(openReplayFeed(replaySpec(again), testDeps())),
      historyOf(openReplayFeed(replaySpec(capture, { runId: "another" }), testDeps())), historyOf(openCaptureFeed(captureSpec(capture), testDeps())),
      historyOf(openReplayFeed(replaySpec(other), testDeps())),
    ]);
    expect(same).toBe(one);
    expect(new Set([one, run, live, differs]).size).toBe(4);
  });

  test("name the streams that the capture will have", async () => {
    await using feed = disposable(await openReplayFeed(replaySpec(capture), testDeps()));
    expect(feed.feed.streams.map(streamName)).toContain("binance-usdm.ETHUSDT.1m");
    expect(feed.feed.streams).toHaveLength(18);
  });
});

const folders: TestFolder[] = [];
afterAll(async () => {
  for (const one of folders) await one[Symbol.asyncDispose]();
});
async function testFolderIn(): Promise<TestFolder> {
  const one = await testFolder();
  folders.push(one);
  return one;
}

function disposable(feed: ServedFeed): AsyncDisposable & { readonly feed: ServedFeed } {
  return { feed, [Symbol.asyncDispose]: () => feed.close() };
}
