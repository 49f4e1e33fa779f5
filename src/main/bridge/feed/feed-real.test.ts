// The same on a real capture: what the journals tell is what the log tells again, entry by entry.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runImport, testFolder, type TestFolder } from "../../importers/import.testkit.ts";
import { streamName } from "../model.ts";
import type { FeedItem } from "../server/types.ts";
import { openCaptureFeed } from "./capture-feed.ts";
import { captureSpec, deriveAll, itemsFrom, replaySpec, START, testDeps } from "./feed.testkit.ts";
import { openReplayFeed } from "./replay-feed.ts";

const FILE = fileURLToPath(new URL("../../../../../shared/data/binance_usdm/ws_BTCUSDT_20240808T2354.txt.gz", import.meta.url));
const PRESENT = existsSync(FILE);
if (!PRESENT) process.stderr.write(`skipped: the shared capture is not at ${FILE}\n`);

describe.skipIf(!PRESENT)("BTCUSDT of 2024-08-08", () => {
  let folder: TestFolder;
  let capture: string;
  let lastSeq: number;
  beforeAll(async () => {
    folder = await testFolder();
    capture = (await runImport(folder.path, { files: [FILE] })).folder;
    lastSeq = await deriveAll(capture);
  }, 60_000);
  afterAll(() => folder[Symbol.asyncDispose]());

  async function fromJournals(from = START): Promise<readonly FeedItem[]> {
    const feed = await openCaptureFeed(captureSpec(capture), testDeps());
    feed.derived(lastSeq);
    feed.ended();
    try {
      return await itemsFrom(feed, from);
    } finally {
      await feed.close();
    }
  }

  test("is told alike by its journals and by its log", async () => {
    const journals = await fromJournals();
    const feed = await openReplayFeed(replaySpec(capture), testDeps());
    const log = await itemsFrom(feed);
    await feed.close();
    expect(log).toEqual(journals);
    const minutes = journals.filter(({ key, entry }) => streamName(key) === "binance-usdm.BTCUSDT.1m" && entry.kind === "bar");
    expect(minutes.map(({ entry }) => (entry.kind === "bar" ? entry.bar.grade : undefined))).toEqual(["partial", "proved", "proved", "proved", "proved", "likely"]);
  }, 60_000);

  test("goes on from the middle without what came before", async () => {
    const all = await fromJournals();
    const from = Math.floor(lastSeq / 2);
    expect(await fromJournals({ seq: from, index: 0 })).toEqual(all.filter(({ place }) => place.seq >= from));
  }, 60_000);
});
