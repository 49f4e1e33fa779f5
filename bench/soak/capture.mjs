// `npm run soak -- [--minutes 10] [--rate 20000] [--only clean|faults] [--fault-every 5] [--seed N] [--json]`: the built app with a screen records
// three venues of ten symbols from the simulator, which is a process of its own. First undisturbed, then with a random fault every few seconds.
// Counts every message and every trade against what the simulator said, and every gap against what was done to it. Exit 1 when a target was missed.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { cpuSeconds, familyOf, nameOf, residentMegabytes, slopeOf } from "../kit/memory.mjs";
import { buildProduct } from "../kit/product.mjs";
import { note, progress, progressDone, quantile, Report } from "../kit/report.mjs";
import { FaultDriver } from "./faults.mjs";
import { startSimulator, SYMBOLS, TradeCollector, VENUES } from "./simulator.mjs";

const USAGE = "usage: npm run soak -- [--minutes 10] [--rate 20000] [--only clean|faults] [--fault-every 5] [--seed N] [--keep] [--json]";
const SAMPLE_MS = 5_000;
const WARM_UP_MS = 60_000;
const SCREEN_P99_MS_MAX = 50;
const SLOPE_MB_MAX = 1;
/** After the last fault: four attempts at a backfill, bans waited out, and everything live again. */
const SETTLE_MS = 100_000;
const COLLECT_EVERY_SAMPLES = 4;

function readArguments() {
  try {
    const { values } = parseArgs({
      options: {
        minutes: { type: "string", default: "10" }, rate: { type: "string", default: "20000" }, only: { type: "string" }, "fault-every": { type: "string", default: "5" },
        seed: { type: "string", default: "1" }, keep: { type: "boolean", default: false }, json: { type: "boolean", default: false },
      },
    });
    const [minutes, rate, faultEveryS, seed] = ["minutes", "rate", "fault-every", "seed"].map((name) => {
      const value = Number(values[name]);
      if (!(value > 0)) throw new Error(`--${name} takes a number above 0, got ${values[name]}`);
      return value;
    });
    if (values.only !== undefined && !["clean", "faults"].includes(values.only)) throw new Error(`--only takes clean or faults, got ${values.only}`);
    return { minutes, rate, faultEveryS, seed, only: values.only, keep: values.keep };
  } catch (error) {
    console.error(`${error.message}\n${USAGE}`);
    return process.exit(2);
  }
}

/** What the screen and the system say of the app while it runs. */
class Watch {
  points = [];
  processes = new Map();
  lags = [];
  logToScreen;
  health;
  recording;
  #isMeasuring = false;
  #startedMs = performance.now();

  constructor(app) {
    this.app = app;
  }

  onFrame(frame) {
    this.recording = frame.recording ?? this.recording;
    this.health = frame.health ?? this.health;
    if (!this.#isMeasuring) return;
    // Received → handed to the screen, over one machine's clock. The screen paints one refresh later.
    if (frame.newestRecvMs !== undefined) this.lags.push(Date.now() - frame.newestRecvMs);
    const screen = frame.health?.logToScreen;
    if (screen !== undefined && (this.logToScreen === undefined || screen.p99 > this.logToScreen.p99)) this.logToScreen = screen;
  }

  async measure(forMs, label, each) {
    this.#isMeasuring = true;
    const started = performance.now();
    const cpuBefore = cpuSeconds(this.app.pid);
    for (let due = SAMPLE_MS; due <= forMs; due += SAMPLE_MS) {
      await pause(Math.max(0, started + due - performance.now()));
      if (!this.app.isRunning()) throw new Error(`the app ended while it was watched:\n${this.app.said()}`);
      const x = (performance.now() - this.#startedMs) / 60_000;
      let own = 0;
      for (const pid of familyOf(this.app.pid)) {
        const y = residentMegabytes(pid);
        own += y;
        const name = nameOf(pid);
        this.processes.set(name, [...(this.processes.get(name) ?? []), { x, y }]);
      }
      this.points.push({ x, y: own });
      await each?.();
      progress(`${label}: ${Math.round(due / 1_000)} of ${Math.round(forMs / 1_000)} s, ${own.toFixed(0)} MB, ${this.recording?.messagesPerSecond?.toFixed(0) ?? "–"}/s`);
    }
    progressDone();
    this.cpuShare = (cpuSeconds(this.app.pid) - cpuBefore) / ((performance.now() - started) / 1_000);
    this.#isMeasuring = false;
  }
}

async function untilTrue(what, forMs, check) {
  const until = performance.now() + forMs;
  while (!(await check())) {
    if (performance.now() > until) throw new Error(`${what} did not happen within ${forMs / 1_000} s`);
    await pause(250);
  }
}

async function phase(name, options, folder, report) {
  const isFaulty = name === "faults";
  const simulator = await startSimulator({ rate: options.rate, seed: options.seed });
  const { Screen, startShell } = await import("../kit/screen.mjs");
  const data = join(folder, name);
  const endpoints = VENUES.flatMap(({ word }) => ["--endpoint", `${word}=${simulator.url}`]);
  const venues = VENUES.flatMap(({ word }) => ["--venue", word]);
  const app = await startShell([...venues, ...endpoints, "--symbol", SYMBOLS.join(","), "--capture", name], data);
  const watch = new Watch(app);
  const screen = await Screen.connect(app.address);
  let streams = [];
  void screen.until((frame) => {
    watch.onFrame(frame);
    streams = frame.streams ?? streams;
    return false;
  }).catch(() => undefined);
  await screen.openLive();
  await untilTrue("all streams live", 60_000, () => streams.length >= VENUES.length * SYMBOLS.length * 2 && streams.every(({ state }) => state === "live" || state === "acknowledged"));
  await pause(WARM_UP_MS);
  const before = watch.recording.durable;
  const startedMs = performance.now();
  const faults = isFaulty ? new FaultDriver({ simulator, screen, everyMs: options.faultEveryS * 1_000, seed: options.seed }) : undefined;
  const collector = isFaulty ? new TradeCollector(simulator) : undefined;
  await collector?.collect();
  faults?.start();
  let samples = 0;
  await watch.measure(options.minutes * 60_000, name, async () => {
    samples += 1;
    if (samples % COLLECT_EVERY_SAMPLES === 0) await collector?.collect();
  });
  const recorded = watch.recording.durable - before;
  const seconds = (performance.now() - startedMs) / 1_000;
  await faults?.stop();
  if (isFaulty) {
    note("faults are over; waiting for backfills and quiet");
    await pause(SETTLE_MS / 2);
    await collector.collect();
    await pause(SETTLE_MS / 2);
  }
  await simulator.pause();
  let last = -1;
  await untilTrue("the recorder standing still", 60_000, async () => {
    const seen = watch.recording?.appended ?? 0;
    // Ticks and polls go on.
    const isStill = last >= 0 && seen - last < 200;
    last = seen;
    if (!isStill) await pause(2_000);
    return isStill;
  });
  const said = await simulator.said();
  const ledger = await simulator.ledger();
  await collector?.collect();
  await screen.call("record.stop", {});
  const { problems, frames } = screen;
  screen.close();
  await app.stop();
  const { checkCapture } = await import("./check.mjs");
  const checked = await checkCapture({ folder: join(data, "captures", name), said, ledger, trades: collector?.made, injected: faults?.injected ?? [], isFaulty });
  await simulator.stop();
  tell(report, { name, watch, recorded, seconds, checked, frames, problems: isFaulty ? [] : problems, faults });
}

function tell(report, { name, watch, recorded, seconds, checked, frames, problems, faults }) {
  const { points, lags, logToScreen, cpuShare } = watch;
  report.one({ name: `${name}: recorded`, value: recorded / seconds, unit: "messages/s" });
  report.one({ name: `${name}: written → painted, p99 of the worst minute`, value: logToScreen?.p99 ?? Number.NaN, unit: "ms", ...(name === "clean" ? { target: { atMost: SCREEN_P99_MS_MAX } } : {}) });
  report.one({ name: `${name}: received → handed to the screen, p50`, value: quantile(lags, 0.5), unit: "ms" });
  report.one({ name: `${name}: the same, p99`, value: quantile(lags, 0.99), unit: "ms" });
  report.one({ name: `${name}: resident memory of the app, slope`, value: slopeOf(points), unit: "MB/min", ...(name === "clean" ? { target: { atMost: SLOPE_MB_MAX } } : {}) });
  report.add({ name: `${name}: resident memory`, values: points.map(({ y }) => y), unit: "MB" });
  for (const [process, own] of watch.processes) {
    report.add({ name: `${name}: … of ${process}`, values: own.map(({ y }) => y), unit: "MB" });
    if (own.length > 2) report.one({ name: `${name}: … of ${process}, slope`, value: slopeOf(own), unit: "MB/min" });
  }
  report.one({ name: `${name}: processor, the app`, value: cpuShare * 100, unit: "% of a core" });
  report.one({ name: `${name}: frames painted`, value: frames, unit: "" });
  for (const { what, value, target } of checked.figures) report.one({ name: `${name}: ${what}`, value, unit: "", ...(target === undefined ? {} : { target }) });
  if (faults !== undefined) report.one({ name: `${name}: faults injected`, value: faults.injected.length, unit: "" });
  for (const line of checked.findings.slice(0, 40)) note(`${name}: ${line}`);
  if (problems.length > 0) note(`${name}: the app told of trouble: ${problems[0].message}`);
}

const options = readArguments();
await buildProduct();
const folder = await mkdtemp(join(tmpdir(), "tapedeck-soak-"));
try {
  const report = new Report("soak");
  note(`soak: ${VENUES.length} venues × ${SYMBOLS.length} symbols, ${options.rate} messages/s, ${options.minutes} min${options.keep ? `, kept in ${folder}` : ""}`);
  for (const name of ["clean", "faults"]) if (options.only === undefined || options.only === name) await phase(name, options, folder, report);
  report.print();
} finally {
  if (!options.keep) await rm(folder, { recursive: true, force: true });
}
