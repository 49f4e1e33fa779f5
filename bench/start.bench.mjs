// Cold start of the built browser shell on a fresh data folder (simulator, recorder, deriver, player): from the start of the
// process to its address, to the first bar in a frame, and to that bar moving; and, where a Chromium is found, to a bar on its screen.
import { chromium } from "playwright-core";
import { findChromium } from "../bin/setup.mjs";
import { note, Report, RUNS } from "./kit/report.mjs";
import { Screen, startShell } from "./kit/screen.mjs";

const LIMIT_MS = 5_000;

function lastBar({ bars }) {
  const at = bars.length - 1;
  return `${bars.openMs[at]} ${bars.close[at]} ${bars.volume[at]}`;
}

async function once() {
  const app = await startShell();
  const screen = await Screen.connect(app.address);
  let firstMs;
  let first;
  const moving = screen.until(({ view }) => {
    if (view === undefined || view.bars.length === 0) return false;
    firstMs ??= performance.now() - app.startedMs;
    first ??= lastBar(view);
    return lastBar(view) !== first;
  });
  await screen.openLive();
  await moving;
  const movingMs = performance.now() - app.startedMs;
  screen.close();
  await app.stop();
  return { addressMs: app.addressMs, firstMs, movingMs };
}

/** A browser is open already, with a page: what is measured is Tapedeck, not the start of Chromium. */
async function onceInBrowser(browser) {
  const page = await browser.newPage();
  const app = await startShell();
  await page.goto(app.address);
  await page.locator('[data-testid="chart"][data-bars]:not([data-bars="0"])').waitFor();
  const paintedMs = performance.now() - app.startedMs;
  await page.close();
  await app.stop();
  return paintedMs;
}

const report = new Report("start");
const runs = [];
for (let run = 0; run < RUNS; run += 1) runs.push(await once());
report.add({ name: "process start → address printed", values: runs.map(({ addressMs }) => addressMs), unit: "ms" });
report.add({ name: "process start → first bar in a frame", values: runs.map(({ firstMs }) => firstMs), unit: "ms" });
report.add({ name: "process start → that bar moves", values: runs.map(({ movingMs }) => movingMs), unit: "ms", target: { atMost: LIMIT_MS } });
const executablePath = findChromium();
if (executablePath === undefined) note("start: no Chromium found, the screen is not measured (TAPEDECK_CHROMIUM names one)");
else {
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  try {
    const painted = [];
    for (let run = 0; run < RUNS; run += 1) painted.push(await onceInBrowser(browser));
    report.add({ name: "process start → bars on the screen of an open Chromium", values: painted, unit: "ms", target: { atMost: LIMIT_MS } });
  } finally {
    await browser.close();
  }
}
report.print();
