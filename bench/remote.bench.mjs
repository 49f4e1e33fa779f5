// A remote's candles in the whole app: twenty streams of 100,000 bars are served, taken and cached once; then the app is started again and
// again on that cache. From the window's first paint to 2,000 bars on its chart, with the server and without; and until all streams are live.
/* global document, window, requestAnimationFrame -- watchChart runs in the page */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { findChromium } from "../bin/setup.mjs";
import { keys, SOURCE, startServer, STREAMS, writeBars } from "./kit/bridge.mjs";
import { note, progress, progressDone, Report, RUNS } from "./kit/report.mjs";
import { Screen, startShell } from "./kit/screen.mjs";

const BARS = 100_000;
const SHOWN = 2_000;
const PAINT_MS = 300;
const LIVE_MS = 1_000;
const REMOTE = "bench";

const seriesOf = ({ sourceId, symbol, interval }) => ({ venue: sourceId, symbol, interval });
const remoteOf = (frame) => frame.remotes?.find(({ remoteId }) => remoteId === REMOTE);

/** Every watched series at the end of what is served. */
function isWhole(remote, latest) {
  return remote !== undefined && remote.series.length === STREAMS && remote.series.every((one) => one.state === "live" && one.appliedSequence >= latest);
}

async function fill(data, bound) {
  const app = await startShell([], data);
  const screen = await Screen.connect(app.address);
  await screen.call("hello", {});
  await screen.call("remote.save", { remote: { remoteId: REMOTE, name: "Bench", rpc: bound.rpc } });
  for (const key of keys()) await screen.call("remote.open", { remoteId: REMOTE, series: seriesOf(key) });
  const started = performance.now();
  await screen.until((frame) => {
    const remote = remoteOf(frame);
    if (remote !== undefined) progress(`${remote.series.reduce((sum, one) => sum + one.appliedSequence, 0).toLocaleString("en-US")} entries taken`);
    return isWhole(remote, BARS);
  });
  progressDone();
  // The screen of a person remembers what it showed.
  await screen.call("settings.set", { settings: { screen: { shownRemote: { remoteId: REMOTE, series: seriesOf(keys()[0]) } } } });
  screen.close();
  await app.stop();
  return (STREAMS * BARS * 1_000) / (performance.now() - started);
}

/** From opening the remote to all its streams being live, without a browser in the way. */
async function attach(data) {
  const app = await startShell([], data);
  const screen = await Screen.connect(app.address);
  await screen.call("hello", {});
  const started = performance.now();
  const whole = screen.until((frame) => isWhole(remoteOf(frame), BARS));
  await screen.call("remote.open", { remoteId: REMOTE });
  await whole;
  const took = performance.now() - started;
  screen.close();
  await app.stop();
  return took;
}

/** In the page: when it painted first, and when its chart held the bars. */
function watchChart(shown) {
  const look = () => {
    const chart = document.querySelector('[data-testid="chart"]');
    const isRemote = document.querySelector('[data-testid="remote-badge"]') !== null;
    if (isRemote && Number(chart?.getAttribute("data-bars") ?? 0) >= shown) requestAnimationFrame(() => { window.paintedMs = performance.now(); });
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

async function paint(browser, data) {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  const app = await startShell([], data);
  await page.addInitScript(watchChart, SHOWN);
  await page.goto(app.address);
  await page.waitForFunction(() => window.paintedMs !== undefined, undefined, { timeout: 30_000 });
  const took = await page.evaluate(() => {
    const since = (name) => window.paintedMs - performance.getEntriesByName(name)[0].startTime;
    return { content: since("first-contentful-paint"), blank: since("first-paint") };
  });
  await page.close();
  await app.stop();
  return took;
}

async function repeat(run) {
  const values = [];
  for (let at = 0; at < RUNS; at += 1) values.push(await run());
  return values;
}

async function measure(folder) {
  const report = new Report("remote");
  const data = join(folder, "data");
  progress("writing the bars to serve");
  const file = await writeBars(folder, STREAMS * BARS);
  progressDone();
  const server = await startServer({ folder: join(folder, "served"), file, rowsPerSecond: 0, security: undefined });
  server.begin();
  report.one({ name: `first time: serving, backfilling and caching ${STREAMS} × ${BARS.toLocaleString("en-US")} bars`, value: await fill(data, server.bound), unit: "entries/s" });
  report.add({ name: `opened again → all ${STREAMS} streams live`, values: await repeat(() => attach(data)), unit: "ms", target: { atMost: LIVE_MS } });
  const executablePath = findChromium();
  if (executablePath === undefined) {
    note("remote: no Chromium found, the screen is not measured (TAPEDECK_CHROMIUM names one)");
    await server.stop();
  } else {
    const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
    try {
      for (const is of ["there", "gone"]) {
        if (is === "gone") await server.stop();
        const painted = await repeat(() => paint(browser, data));
        // The empty page comes before the first frame of the screen.
        report.add({ name: `first frame of the screen → ${SHOWN} cached bars on its chart, server ${is}`, values: painted.map(({ content }) => content), unit: "ms", target: { atMost: PAINT_MS } });
        report.add({ name: "… from the empty page on", values: painted.map(({ blank }) => blank), unit: "ms" });
      }
    } finally {
      await browser.close();
    }
  }
  report.print();
}

note(`remote: ${STREAMS} streams of ${SOURCE}, ${BARS.toLocaleString("en-US")} bars each; takes some minutes`);
const folder = await mkdtemp(join(tmpdir(), "tapedeck-remote-"));
try {
  await measure(folder);
} finally {
  await rm(folder, { recursive: true, force: true });
}
