// The bridge's cache as a start finds it: twenty streams of 100,000 bars in one file. Filling it in backfill pages, live batches,
// and, in a new process each time, opening it and reading the newest 2,000 bars of every stream.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { product } from "./kit/product.mjs";
import { note, progress, progressDone, quantile, Report, RUNS } from "./kit/report.mjs";

const STREAMS = 20;
const ENTRIES = 102_500;
const PAGE = 5_000;
const SHOWN = 2_000;
const LIVE_BATCHES = 400;
const REMOTE = "bench";
/** Variable that makes this file a reading process. */
const READER = "TAPEDECK_BENCH_CACHE";

const FILL_PER_SECOND = 50_000;
const LIVE_P50_MS = 5;
const OPEN_MS = 200;
const WINDOW_COLD_MS = 150;
const WINDOW_MS = 30;
const LOG_MB = 24;

const { openBridgeCache } = await product("main/store/bridge-cache");
const { historyOf, madeEntries } = await product("main/store/made-entries.testkit");

const HISTORY = historyOf("bench");
const KEYS = Array.from({ length: STREAMS }, (_, at) => ({ sourceId: "sim", symbol: `SYM${at}`, interval: "1m" }));

async function timed(run) {
  const started = performance.now();
  const value = await run();
  return { took: performance.now() - started, value };
}

function megabytes(file) {
  return statSync(file, { throwIfNoEntry: false })?.size / 1e6 || 0;
}

/** One start: what this file does when the variable names a cache. Prints what it took. */
async function readOnce(file) {
  const open = await timed(() => openBridgeCache(file));
  const cache = open.value;
  const streams = await timed(() => cache.streams(REMOTE));
  if (streams.value.length !== STREAMS) throw new Error(`${streams.value.length} streams in the cache instead of ${STREAMS}`);
  const pass = async () => {
    const took = [];
    for (const { key, bars } of streams.value) {
      const window = await timed(() => cache.window(REMOTE, key, { untilOpenMs: undefined, bars: SHOWN }));
      if (window.value.bars.length !== SHOWN || bars < 95_000) throw new Error(`${window.value.bars.length} bars shown of ${bars}`);
      took.push(window.took);
    }
    return took;
  };
  const all = await timed(pass);
  const again = await pass();
  const close = await timed(() => cache.close());
  process.stdout.write(JSON.stringify({ open: open.took, first: all.value[0], cold: all.value, all: all.took, warm: again, close: close.took, rss: process.memoryUsage().rss / 1e6 }));
}

function startAnew(file) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [fileURLToPath(import.meta.url)], { encoding: "utf8", env: { ...process.env, [READER]: file } });
  if (status !== 0) throw new Error(`the reading process failed:\n${stderr}`);
  return JSON.parse(stdout);
}

async function fill(cache, file, report) {
  const pages = [];
  let log = 0;
  const filling = await timed(async () => {
    for (let from = 1; from <= ENTRIES; from += PAGE) {
      for (const [salt, key] of KEYS.entries()) {
        const entries = madeEntries(key, { from, count: Math.min(PAGE, ENTRIES - from + 1) }, salt);
        pages.push({ took: (await timed(() => cache.apply(REMOTE, key, HISTORY, entries))).took, entries: entries.length });
        log = Math.max(log, megabytes(`${file}.wal`));
      }
      progress(`${((from + PAGE) * STREAMS).toLocaleString("en-US")} entries`);
    }
  });
  progressDone();
  note(`filled in ${(filling.took / 1_000).toFixed(1)} s`);
  const took = pages.map((page) => page.took);
  const applying = took.reduce((sum, one) => sum + one, 0);
  report.one({ name: `backfill pages of ${PAGE}`, value: (ENTRIES * STREAMS * 1_000) / applying, unit: "entries/s", target: { atLeast: FILL_PER_SECOND } });
  report.one({ name: "… one page, p50", value: quantile(took, 0.5), unit: "ms" });
  report.one({ name: "… one page, the longest (with a checkpoint)", value: Math.max(...took), unit: "ms" });
  report.one({ name: "… the log beside the file, largest", value: log, unit: "MB", target: { atMost: LOG_MB } });
}

async function live(cache, report) {
  for (const count of [1, 20]) {
    const took = [];
    const from = 1 + (await cache.streams(REMOTE)).find(({ key }) => key.symbol === "SYM0").appliedSequence;
    for (let batch = 0; batch < LIVE_BATCHES; batch += 1) {
      const entries = madeEntries(KEYS[0], { from: from + batch * count, count });
      took.push((await timed(() => cache.apply(REMOTE, KEYS[0], HISTORY, entries))).took);
    }
    report.one({ name: `live batch of ${count}, p50`, value: quantile(took, 0.5), unit: "ms", target: { atMost: LIVE_P50_MS } });
    report.one({ name: `live batch of ${count}, p99`, value: quantile(took, 0.99), unit: "ms" });
  }
  const took = [];
  for (let batch = 0; batch < LIVE_BATCHES / 4; batch += 1) {
    const streams = await cache.streams(REMOTE);
    const batches = streams.map(({ key, appliedSequence }) => ({ key, history: HISTORY, entries: madeEntries(key, { from: appliedSequence + 1, count: 5 }) }));
    took.push((await timed(() => cache.applyMany(REMOTE, batches))).took);
  }
  report.one({ name: `${STREAMS} streams × 5 entries at once, p50`, value: quantile(took, 0.5), unit: "ms" });
  report.one({ name: `${STREAMS} streams × 5 entries at once, p99`, value: quantile(took, 0.99), unit: "ms" });
}

async function measure(folder) {
  const file = join(folder, "cache.duckdb");
  const report = new Report("warm-start");
  const cache = await openBridgeCache(file);
  await fill(cache, file, report);
  await live(cache, report);
  const closing = await timed(() => cache.close());
  report.one({ name: "close, with a checkpoint", value: closing.took, unit: "ms" });
  report.one({ name: `file of ${STREAMS} × 100,000 bars`, value: megabytes(file), unit: "MB" });
  const starts = Array.from({ length: RUNS }, () => startAnew(file));
  report.add({ name: "open in a new process", values: starts.map((one) => one.open), unit: "ms", target: { atMost: OPEN_MS } });
  report.add({ name: `first window of ${SHOWN} bars`, values: starts.map((one) => one.first), unit: "ms", target: { atMost: WINDOW_COLD_MS } });
  report.one({ name: `window, any of ${STREAMS} streams for the first time, p99`, value: quantile(starts.flatMap((one) => one.cold), 0.99), unit: "ms", target: { atMost: WINDOW_COLD_MS } });
  report.one({ name: "window again, p50", value: quantile(starts.flatMap((one) => one.warm), 0.5), unit: "ms", target: { atMost: WINDOW_MS } });
  report.one({ name: "window again, p99", value: quantile(starts.flatMap((one) => one.warm), 0.99), unit: "ms" });
  report.add({ name: `windows of all ${STREAMS} streams after opening`, values: starts.map((one) => one.all), unit: "ms" });
  report.add({ name: "resident memory of the reading process", values: starts.map((one) => one.rss), unit: "MB" });
  report.print();
}

if (process.env[READER] !== undefined) await readOnce(process.env[READER]);
else {
  const folder = mkdtempSync(join(tmpdir(), "tapedeck-warm-start-"));
  try {
    await measure(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
