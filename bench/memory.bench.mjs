// Growth of resident memory while the built app records from the simulator with one screen open: the slope over `--minutes` (1;
// the acceptance figure takes 10) after a minute of warming up, least squares over a sample every 5 seconds.
import { setTimeout as pause } from "node:timers/promises";
import { residentMegabytes, slopeOf } from "./kit/memory.mjs";
import { minutesAsked, note, progress, progressDone, Report } from "./kit/report.mjs";
import { Screen, startShell } from "./kit/screen.mjs";

const SAMPLE_MS = 5_000;
const WARM_UP_MS = 60_000;
const SLOPE_LIMIT = 1;

async function sample(app, forMs, label, points) {
  const started = performance.now();
  for (let due = SAMPLE_MS; due <= forMs; due += SAMPLE_MS) {
    await pause(Math.max(0, started + due - performance.now()));
    if (!app.isRunning()) throw new Error(`the app ended while it was watched:\n${app.said()}`);
    const point = { x: (performance.now() - app.startedMs) / 60_000, y: residentMegabytes(app.pid) };
    points?.push(point);
    progress(`${label}: ${Math.round(due / 1_000)} of ${Math.round(forMs / 1_000)} s, ${point.y.toFixed(1)} MB`);
  }
  progressDone();
}

const minutes = minutesAsked(1);
note(`memory: a minute of warming up, then ${minutes} min of samples (--minutes 10 for the acceptance figure)`);
const app = await startShell();
const screen = await Screen.connect(app.address);
let durable = 0;
void screen.until(({ recording }) => {
  durable = recording?.durable ?? durable;
  return false;
}).catch(() => undefined);
await screen.openLive();
await sample(app, WARM_UP_MS, "warming up");
const durableBefore = durable;
const points = [];
await sample(app, minutes * 60_000, "recording", points);
const recorded = durable - durableBefore;
const { frames, problems } = screen;
screen.close();
await app.stop();
if (problems.length > 0) throw new Error(`the app told of trouble: ${problems[0].message}`);
const report = new Report("memory");
report.one({ name: `slope of resident memory over ${minutes} min`, value: slopeOf(points), unit: "MB/min", target: { atMost: SLOPE_LIMIT } });
report.add({ name: "resident memory", values: points.map(({ y }) => y), unit: "MB" });
report.one({ name: "recorded", value: recorded / (minutes * 60), unit: "messages/s" });
report.one({ name: "frames painted", value: frames, unit: "" });
report.print();
