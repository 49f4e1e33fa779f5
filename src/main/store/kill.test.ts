// A process that writes the cache is killed at any instant: cursor and entries agree afterwards, nothing acknowledged is lost, and
// the cache goes on from there. `TAPEDECK_KILLS=500` for more of them.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SequenceHole } from "../bridge/client/types.ts";
import { openBridgeCache } from "./bridge-cache.ts";
import { REMOTE, seeded, WRITER_KEYS } from "./cache-writer.testkit.ts";
import { keyText } from "./cached-streams.ts";
import { bundleWriter, startWriter } from "./child.testkit.ts";
import { historyOf, madeEntries } from "./made-entries.testkit.ts";
import { MemoryCache } from "./memory-cache.testkit.ts";

const KILLS = Number(process.env["TAPEDECK_KILLS"] ?? 32);
const SEED = Number(process.env["TAPEDECK_SEED"] ?? 1);
/** So that some kills fall into checkpoints. */
const LOG_MEGABYTES_MAX = 1;
/** Every so many kills the file is deleted too: that costs time, nothing else. */
const DELETE_EVERY = 12;

let folder: string;
let bundle: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tapedeck-cache-kill-"));
  bundle = await bundleWriter(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Every sequence that is in the file, by stream, straight from the tables. */
async function sequencesIn(file: string): Promise<Map<string, number[]>> {
  const instance = await DuckDBInstance.create(file);
  const connection = await instance.connect();
  const result = await connection.run(
    "SELECT source_id || '.' || symbol || '.' || interval, sequence FROM streams JOIN " +
    "(SELECT stream, sequence FROM bars UNION ALL SELECT stream, sequence FROM grades UNION ALL SELECT stream, sequence FROM gaps) USING (stream) ORDER BY ALL",
  );
  const found = new Map<string, number[]>();
  for (const [name, sequence] of await result.getRows()) found.set(String(name), [...(found.get(String(name)) ?? []), Number(sequence)]);
  connection.closeSync();
  instance.closeSync();
  return found;
}

function expectedSequences(cursor: number, holes: readonly SequenceHole[]): number[] {
  const all = Array.from({ length: cursor }, (_, index) => index + 1);
  return all.filter((sequence) => !holes.some((hole) => hole.fromSequence <= sequence && sequence <= hole.toSequence));
}

/** Cursor and entries agree, what was acknowledged is in, and a window tells what those entries say. Returns the cursors. */
async function check(file: string, acknowledged: readonly number[]): Promise<number[]> {
  const notes: string[] = [];
  const cache = await openBridgeCache(file, { onNote: (note) => notes.push(note) });
  const streams = await cache.streams(REMOTE);
  const model = new MemoryCache();
  const range = { untilOpenMs: undefined, bars: 400 };
  for (const { key, appliedSequence, holes, history } of streams) {
    const salt = WRITER_KEYS.findIndex((one) => keyText(one) === keyText(key));
    let from = 1;
    for (const hole of [...holes, { fromSequence: appliedSequence + 1, toSequence: appliedSequence + 1 }]) {
      await model.apply(REMOTE, key, history, madeEntries(key, { from, count: hole.fromSequence - from }, salt));
      if ("why" in hole) await model.skip(REMOTE, key, history, hole);
      from = hole.toSequence + 1;
    }
    expect(await cache.window(REMOTE, key, range)).toEqual(await model.window(REMOTE, key, range));
  }
  expect(streams).toEqual(await model.streams(REMOTE));
  await cache.close();
  expect(notes).toEqual([]);

  const inFile = await sequencesIn(file);
  const cursors = WRITER_KEYS.map((key, at) => {
    const stream = streams.find((one) => keyText(one.key) === keyText(key));
    const cursor = stream?.appliedSequence ?? 0;
    expect(inFile.get(keyText(key)) ?? []).toEqual(expectedSequences(cursor, stream?.holes ?? []));
    expect(cursor).toBeGreaterThanOrEqual(acknowledged[at] ?? 0);
    return cursor;
  });
  return cursors;
}

async function runAndKill(file: string, random: () => number): Promise<readonly number[]> {
  const writer = startWriter(bundle, { file, task: "write", seed: Math.floor(random() * 1e9), logMegabytesMax: LOG_MEGABYTES_MAX });
  // One in four already while it starts, opens and replays the log; the others at any moment of the writing.
  const early = random() < 0.25;
  const delay = random() * (early ? 250 : 200);
  if (!early) await writer.opened;
  const cancel = setTimeout(() => writer.child.kill("SIGKILL"), delay);
  const how = await writer.ended;
  clearTimeout(cancel);
  expect(how, writer.complaints()).toBe("SIGKILL");
  const last = writer.lines.findLast((line) => line.startsWith("["));
  return last === undefined ? [] : (JSON.parse(last) as number[]);
}

test(`killed ${KILLS} times while it writes, no sequence is missing and none is too many`, async () => {
  const random = seeded(SEED);
  const file = join(folder, "cache.duckdb");
  let most = 0;
  for (let kill = 1; kill <= KILLS; kill += 1) {
    const acknowledged = await runAndKill(file, random);
    most = Math.max(most, ...(await check(file, acknowledged)));
    if (kill % DELETE_EVERY === 0) await rm(file);
  }
  // Otherwise nothing was put to the test.
  expect(most).toBeGreaterThan(1_000);
}, 20_000 + KILLS * 6_000);

test("after the file is deleted the cache begins anew and takes everything again", async () => {
  const file = join(folder, "deleted.duckdb");
  const [key = WRITER_KEYS[0]] = WRITER_KEYS;
  if (key === undefined) return;
  const range = { untilOpenMs: undefined, bars: 500 };
  const windows = [];
  for (let life = 0; life < 2; life += 1) {
    const cache = await openBridgeCache(file);
    expect(await cache.streams(REMOTE)).toEqual([]);
    await cache.apply(REMOTE, key, historyOf("h"), madeEntries(key, { from: 1, count: 1_200 }));
    windows.push(await cache.window(REMOTE, key, range));
    await cache.close();
    await rm(file);
  }
  expect(windows[1]).toEqual(windows[0]);
});
