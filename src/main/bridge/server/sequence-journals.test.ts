import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FaultError } from "../../../shared/base.ts";
import { VirtualClock } from "../../net/virtual-clock.ts";
import { newDisk } from "../../rawlog/log.testkit.ts";
import type { SimDisk } from "../../rawlog/sim-disk.ts";
import { streamName } from "../model.ts";
import { createSequenceJournals, type SequenceJournalsOptions } from "./sequence-journals.ts";
import { expectedOf, HISTORY, itemsOf, key, readAll, START_MS } from "./server.testkit.ts";
import type { FeedItem, SequenceJournals } from "./types.ts";

const FOLDER = "/data/bridge";
const PATH = `${FOLDER}/${HISTORY.historyId.slice(0, 16)}`;
const STREAMS = [key("BTCUSDT"), key("ETHUSDT"), key("BTCUSDT", "5m")];
const ALL = { entries: 1_000_000, ageMs: undefined };

function openOn(disk: SimDisk, more: Partial<SequenceJournalsOptions> = {}): Promise<SequenceJournals> {
  return createSequenceJournals({
    disk, folder: FOLDER, history: HISTORY, retention: ALL, clock: new VirtualClock(START_MS), segmentEntries: 12, tailEntries: 4, ...more,
  });
}

async function feed(journals: SequenceJournals, items: readonly FeedItem[], batch: number): Promise<void> {
  const rest = items.filter((item) => item.place.seq >= journals.resumeFrom.seq);
  for (let at = 0; at < rest.length; at += batch) {
    for (const item of rest.slice(at, at + batch)) journals.append(item);
    await journals.sync();
  }
}

async function expectAll(journals: SequenceJournals, items: readonly FeedItem[], what = ""): Promise<void> {
  for (const stream of STREAMS) {
    const entries = await readAll(journals, stream);
    const expected = expectedOf(items, stream);
    // expect() shows the difference, but takes ten times as long to find none.
    if (!isDeepStrictEqual(entries, expected)) expect(entries, `${streamName(stream)} ${what}`).toStrictEqual(expected);
  }
}

async function codeOf(run: Promise<unknown>): Promise<string> {
  return run.then(() => "none", (error: unknown) => (error instanceof FaultError ? error.fault.code : String(error)));
}

describe("reading back", () => {
  test("every range, from memory or disk, before and after reopening", async () => {
    const disk = newDisk();
    const items = itemsOf(STREAMS, 120);
    const first = await openOn(disk);
    await feed(first, items, 7);
    await first.close();
    const second = await openOn(disk);
    expect(second.notes).toEqual([]);
    const expected = expectedOf(items, STREAMS[0]!);
    await fc.assert(fc.asyncProperty(fc.nat(expected.length + 3), fc.nat(60), async (after, limit) => {
      for (const journals of [first, second]) {
        expect(isDeepStrictEqual(await journals.read(STREAMS[0]!, after, limit), expected.slice(after, after + limit)), `${limit} after ${after}`).toBe(true);
      }
    }));
  });

  test("what is not synced is not read, and takes its number all the same", async () => {
    const journals = await openOn(newDisk());
    const items = itemsOf([STREAMS[0]!], 3);
    expect(items.map((item) => journals.append(item)?.sequence)).toEqual([1, 2, 3]);
    expect(journals.state(STREAMS[0]!)?.latestSequence).toBe(0);
    expect(await readAll(journals, STREAMS[0]!)).toEqual([]);
    await journals.sync();
    expect(journals.state(STREAMS[0]!)).toMatchObject({ firstSequence: 1, latestSequence: 3, latestMs: START_MS + 120_000 });
  });

  test("items at or before a stream's last place are ignored, also after reopening", async () => {
    const disk = newDisk();
    const items = itemsOf(STREAMS, 30);
    const first = await openOn(disk);
    await feed(first, items, 5);
    const second = await openOn(disk);
    expect(items.map((item) => second.append(item)).every((entry) => entry === undefined)).toBe(true);
  });

  test("a feed that goes back, and numbers that are none, are refused", async () => {
    const journals = await openOn(newDisk());
    const [one, two] = itemsOf([STREAMS[0]!], 2);
    journals.append(two!);
    expect(() => journals.append(one!)).toThrow(/went back from record 2 to 1/);
    const bad = { ...two!, place: { seq: 3, index: 0 }, entry: { ...two!.entry, atSeq: Number.NaN } };
    expect(() => journals.append(bad)).toThrow(/atSeq is NaN/);
    expect(() => journals.append({ ...two!, key: key("../x"), place: { seq: 4, index: 0 } })).toThrow(/cannot serve a stream called/);
  });
});

describe("crashes", () => {
  const items = itemsOf(STREAMS, 30);

  async function crashAt(operations: number, seed: number, how: "power" | "process"): Promise<boolean> {
    const disk = newDisk(seed);
    const promised = new Map<string, number>();
    disk.faults.operationsBeforeCrash = operations;
    let isWhole = false;
    try {
      const journals = await openOn(disk);
      for (let at = 0; at < items.length; at += 6) {
        for (const item of items.slice(at, at + 6)) journals.append(item);
        await journals.sync();
        for (const stream of STREAMS) promised.set(streamName(stream), journals.state(stream)?.latestSequence ?? 0);
      }
      isWhole = true;
    } catch (error) {
      expect(error).toBeInstanceOf(FaultError);
    }
    if (how === "process") disk.kill();
    else disk.crash();
    disk.restart();
    const again = await openOn(disk);
    expect(again.history).toEqual(HISTORY);
    for (const stream of STREAMS) expect(again.state(stream)?.latestSequence ?? 0).toBeGreaterThanOrEqual(promised.get(streamName(stream)) ?? 0);
    await feed(again, items, 5);
    await expectAll(again, items);
    await again.close();
    return isWhole;
  }

  test.each(["power", "process"] as const)("whatever operation the %s dies before, going on gives what never dying gives", async (how) => {
    for (let operations = 0; ; operations += 1) {
      let isWhole = false;
      for (let seed = 1; seed <= 3; seed += 1) isWhole = await crashAt(operations, seed * 1_000 + operations, how);
      if (isWhole) break;
    }
  });

  test("what the process had written but not synced is durable once it is read back", async () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const disk = newDisk(seed);
      const journals = await openOn(disk);
      await feed(journals, items.slice(0, 12), 4);
      disk.faults.syncsBeforeError = 0;
      for (const item of items.slice(12)) journals.append(item);
      expect(await codeOf(journals.sync())).toBe("disk.failed");
      disk.kill();
      disk.restart();
      disk.faults.syncsBeforeError = Infinity;
      const second = await openOn(disk);
      const latest = second.state(STREAMS[0]!)!.latestSequence;
      expect(latest).toBeGreaterThan(expectedOf(items.slice(0, 12), STREAMS[0]!).length);
      disk.crash();
      disk.restart();
      expect((await openOn(disk)).state(STREAMS[0]!)!.latestSequence).toBe(latest);
    }
  });

  test("a stream whose entry was lost while others were synced gets it again", async () => {
    const disk = newDisk();
    const journals = await openOn(disk);
    const slow = items.filter((item) => item.key === STREAMS[2]);
    await feed(journals, items.filter((item) => item.place.seq <= 20), 4);
    await journals.close();
    // The last entry of the slow stream goes bad on the disk, long after the others went on.
    const file = `${PATH}/${streamName(STREAMS[2]!)}/0000000001.journal`;
    disk.flip(file, (await disk.size(file) ?? 0) - 2);
    const again = await openOn(disk);
    expect(again.notes.map((note) => note.code)).toEqual(["bridge.journal-torn"]);
    expect(again.resumeFrom.seq).toBeLessThanOrEqual(slow.filter((item) => item.place.seq <= 20).at(-1)!.place.seq);
    await feed(again, items, 4);
    await expectAll(again, items);
  });

  test("cut at every byte: exactly the whole entries come back", async () => {
    const disk = newDisk();
    const journals = await openOn(disk, { segmentEntries: 1_000 });
    const own = itemsOf([STREAMS[0]!], 8);
    await feed(journals, own, 3);
    await journals.close();
    const files = disk.snapshot();
    const path = `${PATH}/${streamName(STREAMS[0]!)}/0000000001.journal`;
    const bytes = Buffer.from(files.get(path)!);
    for (let length = 0; length <= bytes.length; length += 1) {
      const cut = newDisk();
      cut.restore(new Map([...files, [path, bytes.subarray(0, length)]]));
      const again = await openOn(cut);
      const whole = Math.max(0, bytes.subarray(0, length).toString("latin1").split("\n").length - 2);
      expect(await readAll(again, STREAMS[0]!), `cut at ${length}`).toStrictEqual(expectedOf(own, STREAMS[0]!).slice(0, whole));
      expect(again.history).toEqual(HISTORY);
    }
  });

  test("every flipped bit is found: cut and given again, or another history; never another entry", async () => {
    const disk = newDisk();
    const journals = await openOn(disk);
    const items = itemsOf(STREAMS, 28);
    await feed(journals, items, 6);
    await journals.close();
    const files = disk.snapshot();
    for (const [path, bytes] of files) {
      for (let offset = 0; offset < bytes.length; offset += 11) {
        const flipped = newDisk();
        flipped.restore(files);
        flipped.flip(path, offset, 1 << (offset % 8));
        await checkFlipped(flipped, items, `${path} at ${offset}`);
      }
    }
  });

  async function checkFlipped(disk: SimDisk, items: readonly FeedItem[], what: string): Promise<void> {
    let journals = await openOn(disk);
    const torn = journals.notes.length > 0;
    await feed(journals, items, 50);
    const read = await codeOf(expectAll(journals, items, what));
    expect([torn, read], what).not.toEqual([false, "none"]);
    if (read === "none") return;
    // Found by a reader, in a segment that opening does not look into: the next start begins anew.
    expect(read, what).toBe("bridge.journal-damaged");
    journals = await openOn(disk);
    expect(journals.notes[0]?.code, what).toBe("bridge.journal-damaged");
    expect(journals.history.historyId, what).not.toBe(HISTORY.historyId);
    expect(journals.state(STREAMS[0]!), what).toBeUndefined();
  }

  test("damage to what was published moves the history aside, and the next start goes on with the new one", async () => {
    const disk = newDisk();
    const journals = await openOn(disk, { segmentEntries: 1_000 });
    await feed(journals, items, 6);
    await journals.close();
    disk.flip(`${PATH}/${streamName(STREAMS[0]!)}/0000000001.journal`, 400);
    const anew = await openOn(disk);
    expect(anew.notes[0]?.message).toMatch(/damaged at byte \d+: entry 1 cannot be read, and it was published; .* moved to .*\.damaged-1 /);
    expect(anew.history).toMatchObject({ runId: "damaged-1", lineage: HISTORY.lineage });
    await feed(anew, items, 6);
    await anew.close();
    const third = await openOn(disk);
    expect(third.notes).toEqual([]);
    expect(third.history).toEqual(anew.history);
    await expectAll(third, items);
    expect((await disk.list(FOLDER)).length).toBe(2);
  });

  test("a history file that is missing or names another history is not trusted", async () => {
    const disk = newDisk();
    await feed(await openOn(disk), items, 6);
    await disk.remove(`${PATH}/history.json`);
    expect((await openOn(disk)).notes[0]?.message).toMatch(/history\.json is damaged at byte 0: it is missing/);
  });
});

describe("limits", () => {
  test("retention drops whole segments, keeps at least what it says, and says so", async () => {
    const disk = newDisk();
    const own = itemsOf([STREAMS[0]!], 200);
    const journals = await openOn(disk, { retention: { entries: 50, ageMs: undefined } });
    await feed(journals, own, 5);
    const state = journals.state(STREAMS[0]!)!;
    expect(state.latestSequence + 1 - state.firstSequence).toBeGreaterThanOrEqual(50);
    expect(state.latestSequence + 1 - state.firstSequence).toBeLessThan(50 + 2 * 17);
    expect(await codeOf(journals.read(STREAMS[0]!, state.firstSequence - 2, 5))).toBe("bridge.retention");
    expect(await readAll(journals, STREAMS[0]!)).toStrictEqual(expectedOf(own, STREAMS[0]!).slice(state.firstSequence - 1));
    await journals.close();
    const again = await openOn(disk, { retention: { entries: 50, ageMs: undefined } });
    expect(again.state(STREAMS[0]!)).toEqual(state);
  });

  test("retention by age drops what is older, also of streams that went quiet, never the last segment", async () => {
    const disk = newDisk();
    const clock = new VirtualClock(START_MS);
    const journals = await openOn(disk, { retention: { entries: 1_000, ageMs: 3_600_000 }, clock });
    const both = itemsOf(STREAMS.slice(0, 2), 100);
    const until90 = both.filter((item) => item.place.seq <= 90);
    const late = both.filter((item) => item.place.seq > 90 && item.key === STREAMS[0]);
    await feed(journals, until90, 5);
    for (const item of [late.slice(0, 4), late.slice(4)]) {
      clock.advanceNow(2 * 3_600_000);
      await feed(journals, item, 5);
    }
    expect(journals.state(STREAMS[0]!)?.firstSequence).toBe(expectedOf(until90, STREAMS[0]!).length + 1);
    const quiet = journals.state(STREAMS[1]!)!;
    expect(quiet.firstSequence).toBeGreaterThan(1);
    expect(quiet.firstSequence).toBeLessThanOrEqual(quiet.latestSequence);
    expect(await readAll(journals, STREAMS[0]!)).toHaveLength(late.length);
  });

  test("a disk that fails halts for good, and what was promised stays", async () => {
    const disk = newDisk();
    const items = itemsOf(STREAMS, 40);
    const journals = await openOn(disk);
    await feed(journals, items.slice(0, 30), 6);
    const before = STREAMS.map((stream) => journals.state(stream)?.latestSequence);
    disk.faults.fullAfterBytes = disk.written + 100;
    for (const item of items.slice(30)) journals.append(item);
    expect(await codeOf(journals.sync())).toBe("disk.full");
    expect(await codeOf(journals.sync())).toBe("disk.full");
    expect(() => journals.append(items.at(-1)!)).toThrow(/halted, so that none is lost: .*disk is full/);
    expect(before[0]).toBeGreaterThan(0);
    await journals.close();
    disk.faults.fullAfterBytes = Infinity;
    const again = await openOn(disk);
    await feed(again, items, 6);
    await expectAll(again, items);
  });
});
