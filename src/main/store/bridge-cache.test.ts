// What the cache refuses, what it does with a file that it cannot use, and how it carries on after an error.
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FaultError } from "../../shared/base.ts";
import { dec, decimal } from "../../shared/decimal.ts";
import type { BridgeCache } from "../bridge/client/types.ts";
import type { SequencedEntry } from "../bridge/model.ts";
import { openBridgeCache } from "./bridge-cache.ts";
import { bundleWriter, startWriter } from "./child.testkit.ts";
import { historyOf, KEY, madeEntries, madeEntry } from "./made-entries.testkit.ts";

const REMOTE = "far";
const HISTORY = historyOf("h");
const ALL = { untilOpenMs: undefined, bars: 1_000 };

let folder: string;
let file: string;
const opened: BridgeCache[] = [];
const notes: string[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tapedeck-cache-"));
  file = join(folder, "cache.duckdb");
  notes.length = 0;
});
afterEach(async () => {
  for (const cache of opened.splice(0)) await cache.close();
  await rm(folder, { recursive: true, force: true });
});

async function open(): Promise<BridgeCache> {
  const cache = await openBridgeCache(file, { onNote: (note) => notes.push(note) });
  opened.push(cache);
  return cache;
}

async function faultOf(run: Promise<unknown>): Promise<{ readonly code: string; readonly message: string }> {
  try {
    await run;
  } catch (error) {
    if (error instanceof FaultError) return error.fault;
    throw error;
  }
  throw new Error("no fault");
}

async function filled(count: number): Promise<void> {
  const cache = await open();
  await cache.apply(REMOTE, KEY, HISTORY, madeEntries(KEY, { from: 1, count }));
  await cache.close();
}

const cursorOf = async (cache: BridgeCache): Promise<number | undefined> => (await cache.streams(REMOTE))[0]?.appliedSequence;

test("an entry too far ahead, a hole too far ahead and another history are refused, and nothing of the call is kept", async () => {
  const cache = await open();
  await cache.apply(REMOTE, KEY, HISTORY, madeEntries(KEY, { from: 1, count: 3 }));
  const ahead = await faultOf(cache.apply(REMOTE, KEY, HISTORY, madeEntries(KEY, { from: 5, count: 2 })));
  expect(ahead).toEqual({ code: "cache.out-of-order", message: "Cannot add to sim.BTCUSDT.1m of remote far: sequence 5 after 3; next is 4" });
  const hole = { fromSequence: 6, toSequence: 9, fromMs: undefined, toMs: undefined, why: "RETENTION_EXCEEDED" } as const;
  expect((await faultOf(cache.skip(REMOTE, KEY, HISTORY, hole))).code).toBe("cache.out-of-order");
  const other = await faultOf(cache.apply(REMOTE, KEY, historyOf("h2"), madeEntries(KEY, { from: 4, count: 1 })));
  expect(other.code).toBe("cache.other-history");
  const second = { ...KEY, symbol: "ETHUSDT" };
  const many = cache.applyMany(REMOTE, [
    { key: second, history: HISTORY, entries: madeEntries(second, { from: 1, count: 5 }) },
    { key: KEY, history: HISTORY, entries: madeEntries(KEY, { from: 9, count: 1 }) },
  ]);
  expect((await faultOf(many)).code).toBe("cache.out-of-order");
  expect((await cache.streams(REMOTE)).map(({ key, appliedSequence }) => [key.symbol, appliedSequence])).toEqual([["BTCUSDT", 3]]);
});

test("after a reset another history begins at sequence 1, and nothing of the old one shows", async () => {
  const cache = await open();
  await cache.apply(REMOTE, KEY, HISTORY, madeEntries(KEY, { from: 1, count: 900 }));
  await cache.reset(REMOTE, KEY);
  expect(await cache.window(REMOTE, KEY, ALL)).toEqual({ bars: [], empty: [], gaps: [], corrections: [], moreBefore: false });
  await cache.apply(REMOTE, KEY, historyOf("h2"), madeEntries(KEY, { from: 1, count: 2 }));
  expect(await cache.streams(REMOTE)).toEqual([{ key: KEY, history: historyOf("h2"), appliedSequence: 2, holes: [], bars: 2 }]);
});

test("calls run in their order, none waits for the one before to be answered", async () => {
  const cache = await open();
  const applied = Array.from({ length: 40 }, (_, index) => cache.apply(REMOTE, KEY, HISTORY, [madeEntry(KEY, index + 1)]));
  const { bars } = await cache.window(REMOTE, KEY, ALL);
  expect(bars.length).toBeGreaterThan(30);
  const closing = cache.close();
  expect((await faultOf(cache.streams(REMOTE))).code).toBe("cache.closed");
  await Promise.all([...applied, closing, cache.close()]);
});

test("a number wider than the wire is refused by name before anything is written", async () => {
  const cache = await open();
  const entry = madeEntry(KEY, 1);
  if (entry.kind !== "bar") throw new Error("the first made entry is a bar");
  const wide: SequencedEntry = { ...entry, bar: { ...entry.bar, values: { ...entry.bar.values, quoteVolume: decimal(2n ** 127n, 8) } } };
  const refused = await faultOf(cache.apply(REMOTE, KEY, HISTORY, [wide]));
  expect(refused.code).toBe("cache.too-wide");
  expect(refused.message).toMatch(/quoteVolume of entry 1/);
  expect(await cursorOf(cache)).toBeUndefined();
});

test("numbers come back digit by digit, in the file as its columns say", async () => {
  const cache = await open();
  const entry = madeEntry(KEY, 1);
  if (entry.kind !== "bar") throw new Error("the first made entry is a bar");
  const values = { ...entry.bar.values, open: dec("61800.30"), low: dec("-0.00000001"), quoteVolume: dec("170141183460469231731.687303715884105727") };
  await cache.apply(REMOTE, KEY, HISTORY, [{ ...entry, bar: { ...entry.bar, values } }]);
  expect((await cache.versions(REMOTE, KEY, 0))[0]?.values).toEqual(values);
});

test("a second process is refused with the one that has it; so is a second opening here", async () => {
  const bundle = await bundleWriter(folder);
  const holder = startWriter(bundle, { file, task: "hold", seed: 1, logMegabytesMax: 16 });
  await holder.opened;
  const refused = await faultOf(open());
  expect(refused.code).toBe("cache.in-use");
  expect(refused.message).toContain(`process ${holder.child.pid} has it open`);
  holder.child.kill("SIGKILL");
  await holder.ended;
  await open();
  expect((await faultOf(openBridgeCache(join(folder, ".", "cache.duckdb")))).code).toBe("cache.in-use");
  expect(notes).toEqual([]);
});

test("a file of another layout, another program or no format at all is set aside, and a fresh one made", async () => {
  await filled(50);
  const good = await readFile(file);
  const sql = async (text: string): Promise<void> => {
    const instance = await DuckDBInstance.create(file);
    const connection = await instance.connect();
    await connection.run(text);
    connection.closeSync();
    instance.closeSync();
  };
  const damages: readonly [string, () => Promise<void>, RegExp][] = [
    ["newer", () => sql("UPDATE about SET version = 2"), /layout version 2, this program has 1/],
    ["older", () => sql("UPDATE about SET version = 0"), /layout version 0, this program has 1/],
    ["other tables", () => sql("UPDATE about SET layout = layout || ' '"), /tables are those of another version/],
    ["somebody else's", () => sql("DROP TABLE about"), /no bridge cache/],
    ["text", () => writeFile(file, "no database at all, just text\n".repeat(2_000)), /not a valid DuckDB database file/],
    ["empty", () => writeFile(file, ""), /not a valid DuckDB database file/],
    ["cut", () => writeFile(file, good.subarray(0, 20_000)), /Could not read enough bytes|Corrupt/],
    ["flipped", () => writeFile(file, good.map((byte, at) => (at >= 12_288 && at % 999 === 0 ? byte ^ 255 : byte))), /checksum/],
  ];
  for (const [name, damage, says] of damages) {
    await writeFile(file, good);
    await damage();
    notes.length = 0;
    const cache = await open();
    expect(await cache.streams(REMOTE), name).toEqual([]);
    await cache.apply(REMOTE, KEY, HISTORY, madeEntries(KEY, { from: 1, count: 5 }));
    await cache.close();
    expect(notes, name).toHaveLength(1);
    expect(notes[0], name).toMatch(says);
    expect(await readdir(folder), name).toEqual(["cache.duckdb", "cache.duckdb.set-aside"]);
  }
});

test("a damaged log is set aside with its file", async () => {
  const bundle = await bundleWriter(folder);
  const writer = startWriter(bundle, { file, task: "write", seed: 1, logMegabytesMax: 16 });
  await writer.reported(20);
  writer.child.kill("SIGKILL");
  await writer.ended;
  const log = await readFile(`${file}.wal`);
  await writeFile(`${file}.wal`, log.map((byte, at) => (at > 1_000 && at % 300 === 0 ? byte ^ 255 : byte)));
  const cache = await open();
  expect(await cache.streams("far")).toEqual([]);
  expect(notes).toHaveLength(1);
  expect(notes[0]).toMatch(/Failure while replaying WAL/);
  await cache.close();
  expect((await readdir(folder)).filter((name) => name.startsWith("cache"))).toEqual(["cache.duckdb", "cache.duckdb.set-aside", "cache.duckdb.set-aside.wal"]);
});

test("damage that shows only while reading is told once; then the cache begins anew", async () => {
  await filled(30_000);
  const bytes = await readFile(file);
  // Blocks of bars, not the tables' own descriptions: those lie at the end.
  for (let at = Math.floor(bytes.length * 0.4); at < Math.floor(bytes.length * 0.5); at += 1_000) bytes[at] = (bytes[at] ?? 0) ^ 255;
  await writeFile(file, bytes);
  const cache = await open();
  expect(await cursorOf(cache)).toBe(30_000);
  expect((await faultOf(cache.window(REMOTE, KEY, { untilOpenMs: undefined, bars: 30_000 }))).code).toBe("cache.damaged");
  expect(notes).toHaveLength(1);
  expect(await cache.streams(REMOTE)).toEqual([]);
  await cache.apply(REMOTE, KEY, HISTORY, madeEntries(KEY, { from: 1, count: 5 }));
  expect(await cursorOf(cache)).toBe(5);
});

test("a folder that is not there is made; one that is a file, or a cache that is a folder, is refused by name", async () => {
  file = join(folder, "new", "deep", "cache.duckdb");
  await (await open()).close();
  expect((await stat(file)).isFile()).toBe(true);
  await mkdir(join(folder, "as-folder"));
  const refused = await faultOf(openBridgeCache(join(folder, "as-folder")));
  expect(refused).toEqual({ code: "cache.no-access", message: `Cannot open the bridge cache ${join(folder, "as-folder")}: it is not a file` });
  expect((await faultOf(openBridgeCache(join(file, "cache.duckdb")))).code).toBe("cache.no-access");
});

test.skipIf(process.platform === "win32")("on a full disk the fault says so, the cursor stays at what is in, and with room again it goes on", async () => {
  const bundle = await bundleWriter(folder);
  // Once the log is what grows too long, once the file itself, in a checkpoint.
  for (const logMegabytesMax of [16, 1]) {
    const writer = startWriter(bundle, { file, task: "fill", seed: 1, logMegabytesMax }, 1_000);
    await writer.ended;
    const said = JSON.parse(writer.lines.at(-1) ?? "{}") as Record<string, unknown>;
    expect(said, writer.complaints()).toMatchObject({ code: "cache.disk-full", shown: 50 });
    expect(said["message"]).toMatch(/the disk is full; make room/);
    expect(said["applied"]).toBeGreaterThanOrEqual(said["acknowledged"] as number);
    const cache = await open();
    const from = (await cursorOf(cache)) ?? 0;
    expect(from).toBe(said["applied"]);
    await cache.apply(REMOTE, KEY, historyOf("writer"), madeEntries(KEY, { from: from + 1, count: 5_000 }));
    expect(await cursorOf(cache)).toBe(from + 5_000);
    await cache.close();
    await rm(file);
  }
  expect(notes).toEqual([]);
});

test("the log beside the file stays bounded, and is gone after closing", async () => {
  const cache = await openBridgeCache(file, { logMegabytesMax: 1 });
  opened.push(cache);
  let largest = 0;
  for (let from = 1; from <= 40_001; from += 1_000) {
    await cache.apply(REMOTE, KEY, HISTORY, madeEntries(KEY, { from, count: 1_000 }));
    largest = Math.max(largest, (await stat(`${file}.wal`).catch(() => ({ size: 0 }))).size);
  }
  expect(largest).toBeLessThan(1_500_000);
  await cache.close();
  expect(await readdir(folder)).toEqual(["cache.duckdb"]);
});

test("a cache that was copied while closed opens elsewhere", async () => {
  await filled(100);
  await copyFile(file, join(folder, "copy.duckdb"));
  file = join(folder, "copy.duckdb");
  expect(await cursorOf(await open())).toBe(100);
});
