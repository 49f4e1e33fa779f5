// Captures with everything a feed has to tell (late trades, gaps, several symbols, a day's end), and feeds read to their end.
import { join } from "node:path";
import { hftLine, runImport, START_MS, tradeMessage, type TestFolder } from "../../importers/import.testkit.ts";
import { createDeriver, type Deriver } from "../../derive/deriver.ts";
import { VirtualClock } from "../../net/virtual-clock.ts";
import { NodeDisk } from "../../rawlog/node-disk.ts";
import { openReader } from "../../rawlog/reader.ts";
import { sha256 } from "../../rawlog/sha256.ts";
import { decoderLookup } from "../../venues/registry.ts";
import type { FeedSpec } from "../process-messages.ts";
import type { FeedItem, FeedPlace } from "../server/types.ts";
import type { FeedDeps, ServedFeed } from "./types.ts";

export const START: FeedPlace = { seq: 0, index: 0 };
export const NEVER = new AbortController().signal;

export function testDeps(clock = new VirtualClock(START_MS)): FeedDeps & { readonly clock: VirtualClock } {
  return { disk: new NodeDisk(), clock, timers: clock, decoders: decoderLookup, sha256 };
}

/** Two symbols, a hole in the ids, trades that come after their bars were sealed, silence, a day's end. */
export function eventfulLines(trades = 240): string {
  const dayEndMs = Math.floor(START_MS / 86_400_000 + 1) * 86_400_000;
  let text = "";
  const put = (symbol: string, id: number, ms: number, lateMs = 20): void => {
    text += hftLine(BigInt(ms + lateMs) * 1_000_000n, tradeMessage({ id, ms, price: `${100 + (id % 9)}.${id % 10}`, symbol, maker: id % 2 === 0, qty: `0.0${(id % 8) + 1}` }));
  };
  for (let id = 1; id <= trades; id += 1) {
    const ms = dayEndMs - 30_000 + id * 250 + (id > 180 ? 9_000 : 0);
    if (id < 100 || id > 104) put("BTCUSDT", id, ms);
    if (id % 3 === 0) put("ETHUSDT", id / 3, ms + 1);
    if (id === 160) for (const late of [101, 102]) put("BTCUSDT", late, dayEndMs - 30_000 + late * 250, 14_800);
  }
  return text;
}

export async function captureOf(folder: TestFolder, text: string): Promise<string> {
  return (await runImport(folder.path, { files: [await folder.write("a.txt", text)] })).folder;
}

export function captureSpec(captureFolder: string): Extract<FeedSpec, { kind: "capture" }> {
  return { kind: "capture", captureFolder, captureId: "test", simulated: false, configDigest: "0".repeat(64) };
}
export function replaySpec(captureFolder: string, changes: Partial<Extract<FeedSpec, { kind: "replay" }>> = {}): Extract<FeedSpec, { kind: "replay" }> {
  return { kind: "replay", captureFolder, captureId: "test", speed: 0, runId: "run", held: false, ...changes };
}

export interface OpenDeriver extends AsyncDisposable {
  readonly deriver: Deriver;
  readonly lastSeq: number;
}

export async function deriverOf(captureFolder: string): Promise<OpenDeriver> {
  const disk = new NodeDisk();
  const reader = await openReader({ disk, folder: captureFolder });
  const deriver = await createDeriver({ disk, captureFolder, reader, decoders: decoderLookup, sha256 });
  return {
    deriver, lastSeq: await reader.refresh(),
    async [Symbol.asyncDispose]() {
      await deriver.close();
      await reader.close();
    },
  };
}

/** Derives the whole capture on disk and returns its last seq. */
export async function deriveAll(captureFolder: string): Promise<number> {
  await using open = await deriverOf(captureFolder);
  await open.deriver.advance();
  await open.deriver.finish();
  return open.lastSeq;
}

export async function itemsFrom(feed: ServedFeed, from: FeedPlace = START): Promise<readonly FeedItem[]> {
  const items: FeedItem[] = [];
  for await (const batch of feed.batches(from, NEVER)) items.push(...batch);
  return items;
}

export function journalPath(captureFolder: string, name: string): string {
  return join(captureFolder, "candles", `${name}.journal`);
}
