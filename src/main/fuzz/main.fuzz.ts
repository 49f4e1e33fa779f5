// `npm run fuzz -- <target>`: the fuzzing itself in a thread, so that this one can end an input that never does. Prints the rate and the seed; a
// finding goes to a file with the line that repeats it, and the exit code is 1.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { type FuzzFinding, type FuzzRun, type FuzzSample, type FuzzTarget, inputOf, runFuzz } from "./frame.ts";
import { fuzzTargets } from "./targets.fuzz.ts";

const USAGE = `usage: npm run fuzz -- <target> [--minutes 10] [--seed N] [--input N] [--without-captures]
targets: ${fuzzTargets.map(({ name }) => name).join(", ")}, all`;
const DATA = resolve("../shared/data");
const RESULTS = resolve("test-results/fuzz");
const clock = { wallNs: () => 0n, monotonicMs: () => performance.now() };
/** The watcher looks this often (ms). An input that is still running after its limit, looked at twice, never ends. */
const LOOK_EVERY_MS = 1_000;
const STUCK_LOOKS = 10;

interface Task { readonly target: string; readonly seed: number; readonly forMs: number; readonly withCaptures: boolean; readonly progress: SharedArrayBuffer }
type Message = { readonly kind: "ended"; readonly run: FuzzRun };

function samplesOf(target: FuzzTarget, withCaptures: boolean): readonly FuzzSample[] {
  return [...target.samples(), ...(withCaptures && existsSync(DATA) ? target.captured?.(DATA) ?? [] : [])];
}

function targetNamed(name: string): FuzzTarget {
  const target = fuzzTargets.find((known) => known.name === name);
  if (target === undefined) throw new Error(`no target ${name}; ${USAGE}`);
  return target;
}

/** After a collection, which the runner's flag allows. */
function heapBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
}

/** The thread: `progress[0]` is the number of the input that is being run, plus one. */
async function work({ target: name, seed, forMs, withCaptures, progress }: Task): Promise<void> {
  const current = new Float64Array(progress);
  const target = targetNamed(name);
  const run = await runFuzz({
    target, samples: samplesOf(target, withCaptures), seed, clock, forMs, heapBytes,
    onInput: (index) => {
      current[0] = index + 1;
    },
  });
  parentPort?.postMessage({ kind: "ended", run } satisfies Message);
}

function say(line: string): void {
  process.stderr.write(`fuzz: ${line}\n`);
}

/** Runs one target in a thread and watches it. */
function watch(target: FuzzTarget, task: Omit<Task, "progress" | "target">): Promise<FuzzRun> {
  const progress = new SharedArrayBuffer(8);
  const current = new Float64Array(progress);
  const worker = new Worker(new URL(import.meta.url), { workerData: { ...task, target: target.name, progress } satisfies Task });
  const beganMs = performance.now();
  return new Promise((done, failed) => {
    let before = -1;
    let looks = 0;
    const timer = setInterval(() => {
      const now = current[0] ?? 0;
      looks = now === before && now > 0 ? looks + 1 : 0;
      before = now;
      if (looks * LOOK_EVERY_MS < Math.max(target.limitMs, LOOK_EVERY_MS) * STUCK_LOOKS) return;
      end();
      const index = now - 1;
      const finding: FuzzFinding = { index, input: inputOf(samplesOf(target, task.withCaptures), task.seed, index), what: `still running after ${looks} s` };
      done({ executions: now, elapsedMs: performance.now() - beganMs, finding });
    }, LOOK_EVERY_MS);
    const end = (): void => {
      clearInterval(timer);
      void worker.terminate();
    };
    worker.on("message", ({ run }: Message) => {
      end();
      done(run);
    });
    worker.on("error", (error) => {
      end();
      failed(error);
    });
  });
}

function keep(target: FuzzTarget, seed: number, { index, input, what }: FuzzFinding): void {
  mkdirSync(RESULTS, { recursive: true });
  const file = join(RESULTS, `${target.name}-${seed}-${index}.bin`);
  writeFileSync(file, input.bytes);
  say(`FOUND in ${target.name}: ${what}`);
  say(`input of ${input.bytes.length} bytes as ${JSON.stringify(input.label)} in ${file}; again: npm run fuzz -- ${target.name} --seed ${seed} --input ${index}`);
}

async function runOne(target: FuzzTarget, seed: number, index: number, withCaptures: boolean): Promise<void> {
  const input = inputOf(samplesOf(target, withCaptures), seed, index);
  say(`input ${index} of seed ${seed}: ${input.bytes.length} bytes as ${JSON.stringify(input.label)}`);
  await target.run(input.bytes, input.label);
  say("nothing is wrong with it");
}

function numberOf(text: string | undefined, otherwise: number, name: string): number {
  const value = text === undefined ? otherwise : Number(text);
  if (!Number.isFinite(value) || value < 0) throw new Error(`--${name} takes a number from 0, got ${text ?? ""}`);
  return value;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { minutes: { type: "string" }, seed: { type: "string" }, input: { type: "string" }, "without-captures": { type: "boolean", default: false } },
  });
  const [name] = positionals;
  if (name === undefined || positionals.length > 1) throw new Error(USAGE);
  const targets = name === "all" ? fuzzTargets : [targetNamed(name)];
  const minutes = numberOf(values.minutes, 10, "minutes");
  const seed = numberOf(values.seed, Math.floor(Date.now() / 1_000) % 1_000_000, "seed");
  const withCaptures = !values["without-captures"];
  if (withCaptures && !existsSync(DATA)) say("../shared/data is absent: only the built-in samples are used");
  for (const target of targets) {
    if (values.input !== undefined) {
      await runOne(target, seed, numberOf(values.input, 0, "input"), withCaptures);
      continue;
    }
    say(`${target.name} for ${minutes} min, seed ${seed}`);
    const { executions, elapsedMs, finding } = await watch(target, { seed, forMs: minutes * 60_000, withCaptures });
    say(`${target.name}: ${executions} inputs in ${(elapsedMs / 1_000).toFixed(0)} s, ${((executions * 1_000) / elapsedMs).toFixed(0)} per second, seed ${seed}`);
    if (finding === undefined) continue;
    keep(target, seed, finding);
    process.exitCode = 1;
  }
}

if (isMainThread) {
  await main().catch((error: unknown) => {
    say(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  });
} else {
  await work(workerData as Task);
}
