// The lake's process is killed at any instant: what a reader sees is whole, and the next process ends with the bytes of an undisturbed one.
// `TAPEDECK_KILLS=500` for more of them.
import { createRequire } from "node:module";
import { cp, rm } from "node:fs/promises";
import { constants, getPriority } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { streamRef } from "../../shared/market.ts";
import { forkChild } from "../engine/child-process.ts";
import { LakeLink } from "../engine/lake-link.ts";
import { VirtualClock } from "../net/virtual-clock.ts";
import { lakeFiles, removeRoot, testRoot } from "../lake/lake.testkit.ts";
import type { CompactReport } from "../lake/types.ts";
import { seeded } from "../rawlog/log.testkit.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";
import { IMPORT_OPTIONS, openWriter } from "../rawlog/writer.ts";

const KILLS = Number(process.env["TAPEDECK_KILLS"] ?? 8);
const SEED = Number(process.env["TAPEDECK_SEED"] ?? 1);
const SEGMENTS = 6;
const SEGMENT_MESSAGES = 500;
/** Half a minute before a date changes. */
const START_MS = Date.UTC(2024, 0, 14, 23, 59, 30);

let root: string;
let distMain: URL;
let original: string;

beforeAll(async () => {
  root = await testRoot();
  const outDir = join(root, "dist");
  const duckDb = "@duckdb/node-api";
  const require = createRequire(import.meta.url);
  await build({
    configFile: false, logLevel: "error", publicDir: false,
    build: {
      ssr: true, target: "node20", outDir, minify: false,
      // The bundle lies outside of the checkout, where no package is found by its name.
      rolldownOptions: {
        input: { "processes/lake": fileURLToPath(new URL("lake.ts", import.meta.url)) },
        external: (id: string) => id.startsWith("node:") || (!id.startsWith(".") && !id.startsWith("/") && !id.startsWith("\0") && !id.startsWith("@oxc-project/runtime")),
        output: { format: "esm", entryFileNames: "[name].js", paths: (id: string) => (id === duckDb || !id.startsWith("node:") ? pathToFileURL(require.resolve(id)).href : id) },
      },
    },
  });
  distMain = pathToFileURL(`${outDir}/`);
  original = join(root, "original");
  await writeLog(original);
}, 60_000);
afterAll(() => removeRoot(root));

function message(n: number): { readonly channel: string; readonly symbol: string; readonly text: string } {
  const symbol = n % 3 === 0 ? "ETHUSDT" : "BTCUSDT";
  const ms = START_MS + n * 20;
  const price = `${61_800 + (n % 97)}.${n % 10}0`;
  if (n % 2 === 0) {
    return { channel: "bookTicker", symbol, text: JSON.stringify({ stream: `${symbol.toLowerCase()}@bookTicker`, data: { e: "bookTicker", u: n, s: symbol, b: price, B: "1.5", a: `${price}1`, A: "2", T: ms, E: ms } }) };
  }
  return { channel: "trade", symbol, text: JSON.stringify({ stream: `${symbol.toLowerCase()}@trade`, data: { e: "trade", E: ms, T: ms, s: symbol, t: n, p: price, q: "0.010", X: "MARKET", m: n % 4 === 1 } }) };
}

async function writeLog(folder: string): Promise<void> {
  const disk = new NodeDisk();
  await disk.makeFolder(folder);
  for (let segment = 0; segment < SEGMENTS; segment += 1) {
    const writer = await openWriter({ disk, folder, captureId: "test", options: IMPORT_OPTIONS, session: "import", version: "test", clock: { wallNs: () => 0n } });
    for (let index = 0; index < SEGMENT_MESSAGES; index += 1) {
      const n = segment * SEGMENT_MESSAGES + index;
      const { channel, symbol, text } = message(n);
      if (!writer.hasRoom) await writer.room();
      writer.append({ stream: streamRef("binance-usdm", symbol, channel), source: "ws", connection: "c.1", recvNs: BigInt(START_MS + n * 20) * 1_000_000n, eventNs: 0n, payload: Buffer.from(text) });
    }
    await writer.close("test");
  }
}

async function outcome(folder: string): Promise<Readonly<Record<string, string>>> {
  return Object.fromEntries(Object.entries(await lakeFiles(folder)).filter(([name]) => name !== "events/spool-state.json"));
}

/** Compacts in a process of its own; `killAfterMs` from its first sign of life, undefined: it may finish. */
async function compact(folder: string, killAfterMs?: number): Promise<CompactReport | "killed"> {
  let pid: number | undefined;
  const link = new LakeLink({ distMain, priority: "normal", spawn: (entry, name) => {
    const child = forkChild(entry, name);
    pid = child.pid;
    return child;
  } });
  let timer: NodeJS.Timeout | undefined;
  const armed = (): void => {
    if (killAfterMs !== undefined && pid !== undefined) timer ??= setTimeout(() => process.kill(pid ?? 0, "SIGKILL"), killAfterMs);
  };
  try {
    return await link.compact(folder, { onProgress: armed });
  } catch (error) {
    expect(String(error)).toContain("SIGKILL");
    return "killed";
  } finally {
    clearTimeout(timer);
    await link.close();
  }
}

test(`killed ${KILLS} times: nothing partial, double or foreign is ever visible, and the end is the same`, async () => {
  const random = seeded(SEED);
  const undisturbed = join(root, "undisturbed");
  await cp(original, undisturbed, { recursive: true });
  const startedMs = performance.now();
  const report = await compact(undisturbed);
  const tookMs = performance.now() - startedMs;
  expect(report).toMatchObject({ differences: [], rows: SEGMENTS * SEGMENT_MESSAGES });
  const truth = await outcome(undisturbed);
  const folder = join(root, "killed");
  await cp(original, folder, { recursive: true });
  let killed = 0;
  for (let kill = 0; kill < KILLS; kill += 1) {
    const how = await compact(folder, random.next() * tookMs * 0.5);
    for (const [name, digest] of Object.entries(await outcome(folder))) if (name.endsWith(".parquet")) expect([name, digest]).toEqual([name, truth[name]]);
    if (how === "killed") {
      killed += 1;
      continue;
    }
    expect(await outcome(folder)).toEqual(truth);
    await Promise.all(["events", "compact"].map((name) => rm(join(folder, name), { recursive: true })));
  }
  expect(await compact(folder)).toMatchObject({ differences: [], rows: SEGMENTS * SEGMENT_MESSAGES });
  expect(await outcome(folder)).toEqual(truth);
  // Otherwise nothing was put to the test.
  expect(killed).toBeGreaterThan(KILLS / 4);
}, 60_000 + KILLS * 5_000);

test("another time zone, locale, place and number of threads to spare give the same bytes", async () => {
  const before = { ...process.env };
  const made: Readonly<Record<string, string>>[] = [];
  for (const [index, environment] of [{ TZ: "UTC", LC_ALL: "C" }, { TZ: "Pacific/Kiritimati", LC_ALL: "tr_TR.UTF-8", LANG: "tr_TR.UTF-8", UV_THREADPOOL_SIZE: "1" }].entries()) {
    const folder = join(root, index === 0 ? "here" : "some where's [else] {*}");
    await cp(original, folder, { recursive: true });
    Object.assign(process.env, environment);
    try {
      expect(await compact(folder)).toMatchObject({ differences: [] });
    } finally {
      for (const name of Object.keys(environment)) {
        const value = before[name];
        if (value === undefined) Reflect.deleteProperty(process.env, name);
        else process.env[name] = value;
      }
    }
    made.push(await lakeFiles(folder));
  }
  expect(made[1]).toEqual(made[0]);
}, 60_000);

test("without work the process ends; the next call starts another, which goes on where the last one stood; cancelling reaches it", async () => {
  const folder = join(root, "idle");
  await cp(original, folder, { recursive: true });
  const pids: (number | undefined)[] = [];
  const ended: Promise<void>[] = [];
  const clock = new VirtualClock(0);
  const link = new LakeLink({ distMain, priority: "low", timers: clock, spawn: (entry, name) => {
    const child = forkChild(entry, name);
    pids.push(child.pid);
    ended.push(new Promise((resolve) => { child.onExit(() => { resolve(); }); }));
    return child;
  } });
  expect(await link.spool(folder)).toMatchObject({ segments: SEGMENTS, spooledSegments: SEGMENTS });
  expect(getPriority(pids[0] ?? 0)).toBe(constants.priority.PRIORITY_LOW);
  expect(await link.spool(folder)).toMatchObject({ segments: 0 });
  expect(pids).toHaveLength(1);
  clock.advanceNow(30_000);
  await ended[0];
  const stopping = new AbortController();
  const cancelled = link.compact(folder, { signal: stopping.signal, onProgress: () => { stopping.abort(); } });
  await expect(cancelled).rejects.toMatchObject({ fault: { code: "lake.cancelled" } });
  expect(pids).toHaveLength(2);
  expect(await link.compact(folder)).toMatchObject({ differences: [], spool: { segments: 0 } });
  expect(await link.check(folder)).toMatchObject({ differences: [], thorough: true });
  await link.close();
  await Promise.all(ended);
  await expect(link.spool(folder)).rejects.toMatchObject({ fault: { code: "lake.closed" } });
}, 60_000);
