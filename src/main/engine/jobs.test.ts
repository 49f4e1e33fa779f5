// The queue of long jobs, over a thread entry that does what its job's folder is named after.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { JobStatus } from "../../shared/protocol/frames.ts";
import { Jobs } from "./jobs.ts";
import type { JobResult, VerifyJob } from "./thread-messages.ts";

/** `wait` runs until it is cancelled; the others end at once. */
const ENTRY = `
const { parentPort, workerData } = require("node:worker_threads");
const what = workerData.captureFolder;
const say = (done) => parentPort.postMessage({ type: "note", note: { type: "progress", done, total: 100, unit: "bytes" } });
let runId;
parentPort.on("message", ({ id, call }) => {
  const answer = (to, body) => parentPort.postMessage({ type: "answer", id: to, ...body });
  const refuse = (code, message) => answer(runId, { ok: false, fault: { code, message } });
  if (call.type === "cancel") {
    if (what !== "deaf") answer(id, { ok: true });
    if (what === "deaf") answer(runId, { ok: true, value: { summary: "done first" } });
    else refuse("job.cancelled", "Cancelled; nothing was kept");
    return;
  }
  runId = id;
  if (what === "wait" || what === "deaf") { say(0); say(25); }
  else if (what === "fail") refuse("log.damaged", "segment 3 is damaged");
  else if (what === "die") process.exit(3);
  else answer(id, { ok: true, value: { summary: "MATCH: all of it", captureId: what, proof: "MATCH" } });
});
`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tapedeck-jobs-"));
  await mkdir(join(folder, "workers"));
  await writeFile(join(folder, "workers/job.js"), ENTRY);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let jobs: Jobs;
let done: JobResult[];
let nowMs: number;
let changed: () => void;
beforeEach(() => {
  done = [];
  nowMs = 0;
  changed = () => undefined;
  jobs = new Jobs({
    distMain: pathToFileURL(`${folder}/`), monotonicMs: () => (nowMs += 1_000), onChange: () => { changed(); }, onDone: (result) => { done.push(result); },
  });
});
afterEach(() => jobs.close());

function job(what: string): VerifyJob {
  return { kind: "verify", captureFolder: what };
}

function status(jobId: string): JobStatus | undefined {
  return jobs.list.find((one) => one.jobId === jobId);
}

/** Resolves as soon as a change makes it true. */
function until(isTrue: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    changed = () => { if (isTrue()) resolve(); };
    changed();
  });
}

function ended(jobId: string): Promise<void> {
  return until(() => status(jobId)?.state !== "running");
}

test("a job that ends well, one that fails, one whose thread dies: each says so, and the next one runs", async () => {
  const ids = ["fine", "fail", "die", "fine"].map((what) => jobs.start(job(what), what));
  await ended(ids[3]!);
  expect(jobs.list.map(({ state, summary, captureId }) => [state, summary, captureId])).toEqual([
    ["done", "MATCH: all of it", "fine"], ["failed", "segment 3 is damaged", undefined],
    ["failed", expect.stringContaining("exit code 3"), undefined], ["done", "MATCH: all of it", "fine"],
  ]);
  expect(jobs.list.map((one) => one.fault?.code)).toEqual([undefined, "log.damaged", "engine.thread-ended", undefined]);
  expect(done.map(({ proof }) => proof)).toEqual(["MATCH", "MATCH"]);
  jobs.dismiss(ids[1]!);
  expect(jobs.list.map(({ jobId }) => jobId)).toEqual([ids[0], ids[2], ids[3]]);
});

test("one at a time, with progress, rate and time left; cancelling one lets the next begin", async () => {
  const first = jobs.start(job("wait"), "first");
  const second = jobs.start(job("fine"), "second");
  await until(() => status(first)?.doneUnits === 25);
  expect(status(first)).toMatchObject({ state: "running", totalUnits: 100, unit: "bytes", unitsPerSecond: 25, secondsLeft: 3 });
  expect(status(second)).toMatchObject({ state: "running", doneUnits: 0, unitsPerSecond: undefined });
  expect(() => { jobs.dismiss(first); }).toThrow("still running");
  await jobs.cancel(first);
  await ended(second);
  expect(status(first)).toMatchObject({ state: "cancelled", summary: "Cancelled; nothing was kept", fault: undefined, secondsLeft: undefined });
  expect(status(second)?.state).toBe("done");
  await jobs.cancel(first); // nothing left to cancel
});

test("a job that waits is cancelled without ever having begun", async () => {
  const first = jobs.start(job("wait"), "first");
  const second = jobs.start(job("fine"), "second");
  await jobs.cancel(second);
  expect(status(second)).toMatchObject({ state: "cancelled", summary: "Cancelled before it began" });
  await jobs.cancel(first);
  await ended(first);
  expect(done).toEqual([]);
});

test("a job that ends by itself while it is being cancelled is done", async () => {
  const first = jobs.start(job("deaf"), "first");
  await until(() => status(first)?.doneUnits === 25);
  await jobs.cancel(first);
  await ended(first);
  expect(status(first)).toMatchObject({ state: "done", summary: "done first" });
});

test("closing cancels what runs and what waits", async () => {
  const ids = [jobs.start(job("wait"), "first"), jobs.start(job("wait"), "second")];
  await until(() => status(ids[0]!)?.doneUnits === 25);
  await jobs.close();
  expect(jobs.list.map(({ state }) => state)).toEqual(["cancelled", "cancelled"]);
});

test("too many jobs and unknown ones are refused", () => {
  for (let index = 0; index < 50; index += 1) jobs.start(job("wait"), String(index));
  expect(() => jobs.start(job("wait"), "one more")).toThrow("50 jobs are listed: dismiss finished ones first");
  expect(() => { jobs.dismiss("job-99"); }).toThrow("There is no job job-99");
});
