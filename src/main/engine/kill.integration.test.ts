// Kills a real, built `tapedeck record` at random moments and restarts it: what was reported durable is there, no number is
// used twice, lost numbers are declared, downtime is a gap, and the candles equal the simulated market's own.
// `npm run kills -- 50` runs more of them.
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { BarVersion, GapEntry } from "../../shared/candles.ts";
import { decodeControl, type ControlRecord } from "../../shared/control.ts";
import { CONTROL_STREAM } from "../../shared/raw.ts";
import { INTERVAL_MS, type Interval } from "../../shared/time.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";
import { openDerived, readBars, readLedgerEntries } from "../derive/read.ts";
import { openReader } from "../rawlog/reader.ts";
import { sha256 } from "../rawlog/sha256.ts";
import { SeededRandom } from "../sim/random.ts";
import type { TrueCandle } from "../sim/true-candles.ts";
import { decoderLookup } from "../venues/registry.ts";
import { differences } from "./simulation/checkers.ts";
import { verifyFolder } from "./verify-folder.ts";

const ROOT = new URL("../../../", import.meta.url);
const CLI = fileURLToPath(new URL("dist/main/cli.js", ROOT));
/** The built command without the set-up of bin/: that was done before the tests began. */
const RUN = `import { runCli } from ${JSON.stringify(new URL("dist/main/cli.js", ROOT).href)}; process.exitCode = await runCli(process.argv.slice(1));`;
const KILLS = Number(process.env["TAPEDECK_KILLS"] ?? 4);
const SEED = Number(process.env["TAPEDECK_SEED"] ?? 1);
const CAPTURE = "kills";
/** The simulated market breathes: on average it must stay above what is asked for below. */
const RATE = "11000";
const RESUME_LIMIT_MS = 1_000;

/** At most this long until the last run has backfilled everything: rate budgets are per minute. */
const REPAIR_LIMIT_MS = 150_000;
const MESSAGES_PER_SECOND_MIN = 5_000;

interface Progress { readonly messages: number; readonly durable_seq?: number; readonly derived_seq?: number; readonly gaps_open?: number }

function tapedeck(...words: readonly string[]): ChildProcessByStdio<null, Readable, Readable> {
  return spawn(process.execPath, ["--input-type=module", "-e", RUN, "--", ...words], { stdio: ["ignore", "pipe", "pipe"] });
}

let data: string;
let venue: ChildProcessByStdio<null, Readable, Readable>;
let venueUrl: string;
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), "tapedeck-kills-"));
  // The venue outlives its client, as venues do.
  venue = tapedeck("simulate", "--json", "--symbol", "BTCUSDT", "--rate", RATE, "--seed", String(SEED));
  const [line] = (await once(createInterface({ input: venue.stdout }), "line")) as [string];
  venueUrl = (JSON.parse(line) as { url: string }).url;
});
afterEach(async () => {
  venue.kill("SIGTERM");
  await once(venue, "exit");
  await rm(data, { recursive: true, force: true });
});

function record(): { readonly child: ChildProcessByStdio<null, Readable, Readable>; readonly complaints: () => string } {
  const child = tapedeck("record", "--json", "--data", data, "--capture", CAPTURE, "--venue", "sim", "--symbol", "BTCUSDT", "--endpoint", `sim=${venueUrl}`);
  let complaints = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaints += text));
  return { child, complaints: () => complaints };
}

/** One run that is killed so long after its first message. Returns the last durable seq that it reported. */
async function runAndKill(killAfterMs: number): Promise<number> {
  const { child, complaints } = record();
  let durable = 0;
  let armed = false;
  createInterface({ input: child.stdout }).on("line", (line) => {
    const progress = JSON.parse(line) as Progress;
    durable = progress.durable_seq ?? durable;
    if (armed || progress.messages === 0) return;
    armed = true;
    setTimeout(() => child.kill("SIGKILL"), killAfterMs);
  });
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  expect(signal, `it ended with ${code} by itself:\n${complaints()}`).toBe("SIGKILL");
  return durable;
}

/** The last run: stops in good order as soon as everything up to its own messages is derived and no gap is left. */
async function runUntilRepaired(): Promise<void> {
  const { child, complaints } = record();
  let ownSeq: number | undefined;
  let last = "";
  const limit = setTimeout(() => child.kill("SIGTERM"), REPAIR_LIMIT_MS);
  createInterface({ input: child.stdout }).on("line", (line) => {
    last = line;
    const progress = JSON.parse(line) as Progress;
    if (progress.messages >= 2_000) ownSeq ??= progress.durable_seq;
    if (ownSeq !== undefined && (progress.derived_seq ?? 0) >= ownSeq && progress.gaps_open === 0) child.kill("SIGTERM");
  });
  const [code] = (await once(child, "close")) as [number | null];
  clearTimeout(limit);
  expect(code, `${complaints()}\n${last}`).toBe(0);
}

interface Derived { readonly gaps: readonly GapEntry[]; readonly bars: ReadonlyMap<Interval, readonly BarVersion[]> }

async function derivedFrom(folder: string): Promise<Derived> {
  const disk = new NodeDisk();
  const reader = await openReader({ disk, folder });
  const derived = await openDerived({ disk, captureFolder: folder, reader, decoders: decoderLookup, sha256, writable: false, onNote: (note) => { throw new Error(note); } });
  const { gaps } = await readLedgerEntries(derived);
  const bars = new Map<Interval, readonly BarVersion[]>();
  for (const interval of ["1s", "1m"] as const) bars.set(interval, await readBars(derived, { venue: "sim", symbol: "BTCUSDT", interval }, "latest", {}));
  await derived.close();
  await reader.close();
  return { gaps, bars };
}

/** Every candle of the market between the first whole bucket and the last sealed one, against ours. Returns how many there were. */
async function compareWithTruth(interval: Interval, bars: readonly BarVersion[], firstMs: number): Promise<number> {
  const length = INTERVAL_MS[interval];
  const fromMs = Math.ceil((firstMs + 1) / length) * length;
  const untilMs = (bars.at(-1)?.key.openMs ?? 0) + 1;
  const answer = await fetch(`${venueUrl}/sim/truth?symbol=BTCUSDT&interval=${interval}&from=${fromMs}&until=${untilMs}`);
  const truth = (await answer.json()) as readonly TrueCandle[];
  const own = new Map(bars.map((bar) => [bar.key.openMs, bar]));
  for (const candle of truth) {
    const bar = own.get(candle.openMs);
    expect(bar, `${interval} bar at ${candle.openMs}`).toBeDefined();
    if (bar !== undefined) expect(differences(bar, candle), `${interval} bar at ${candle.openMs}, revision ${bar.revision}`).toEqual([]);
  }
  return truth.length;
}

interface Walk {
  readonly seqs: ReadonlySet<number>;
  readonly lastSeq: number;
  readonly controls: readonly { readonly seq: number; readonly recvNs: bigint; readonly record: ControlRecord }[];
  /** Per run: messages that came by socket, and the time from the first to the last of them. */
  readonly runs: readonly { messages: number; firstNs: bigint; lastNs: bigint }[];
  /** Exchange time of the first trade. */
  readonly firstTradeMs: number;
}

async function walkLog(folder: string): Promise<Walk> {
  const reader = await openReader({ disk: new NodeDisk(), folder });
  const seqs = new Set<number>();
  const controls: Walk["controls"][number][] = [];
  const runs: Walk["runs"][number][] = [];
  let firstTradeMs = Infinity;
  let last = 0;
  for await (const batch of reader.batches({})) {
    for (const record of batch) {
      if (record.seq <= last) throw new Error(`seq ${record.seq} follows ${last}`);
      last = record.seq;
      seqs.add(record.seq);
      const run = runs.at(-1);
      if (record.source === "ws" && run !== undefined) {
        if (run.messages === 0) run.firstNs = record.recvNs;
        run.messages += 1;
        run.lastNs = record.recvNs;
        if (firstTradeMs === Infinity && record.stream.channel === "aggTrade") firstTradeMs = Number(record.eventNs / 1_000_000n);
      }
      if (record.stream.streamId !== CONTROL_STREAM.streamId) continue;
      const control = decodeControl(record.payload);
      if (!control.ok) throw new Error(control.fault.message);
      controls.push({ seq: record.seq, recvNs: record.recvNs, record: control.value });
      if (control.value.kind === "started") runs.push({ messages: 0, firstNs: 0n, lastNs: 0n });
    }
  }
  await reader.close();
  return { seqs, lastSeq: last, controls, runs, firstTradeMs };
}

test.skipIf(!existsSync(CLI))(`${KILLS} kill -9 during record (seed ${SEED})`, async () => {
  const random = new SeededRandom(SEED);
  const reported: number[] = [];
  for (let kill = 0; kill < KILLS; kill += 1) reported.push(await runAndKill(random.next() * 1_500));
  await runUntilRepaired();
  const folder = join(data, "captures", CAPTURE);
  const { seqs, lastSeq, controls, runs, firstTradeMs } = await walkLog(folder);

  // Every number is in the log or declared lost.
  const lost = new Set<number>();
  for (const { record } of controls) {
    if (record.kind === "recovered") for (let seq = record.lost_from_seq; seq <= record.lost_to_seq; seq += 1) lost.add(seq);
  }
  const unexplained: number[] = [];
  for (let seq = 1; seq <= lastSeq; seq += 1) if (seqs.has(seq) === lost.has(seq)) unexplained.push(seq);
  expect(unexplained, "seqs that are neither recorded nor declared lost, or both").toEqual([]);
  // Nothing that was reported durable is missing.
  for (const durable of reported) expect(seqs.has(durable), `durable seq ${durable}`).toBe(true);

  const starts = controls.filter(({ record }) => record.kind === "started");
  expect(starts.map(({ record }) => record.kind === "started" && record.clean)).toEqual([true, ...Array.from({ length: KILLS }, () => false)]);
  const connects = controls.filter(({ record }) => record.kind === "connect");
  for (const start of starts) {
    const connected = connects.find(({ seq }) => seq > start.seq);
    expect(Number((connected?.recvNs ?? 0n) - start.recvNs) / 1e6, "ms from start to sockets").toBeLessThan(RESUME_LIMIT_MS);
  }
  const messages = runs.reduce((sum, run) => sum + run.messages, 0);
  const seconds = runs.reduce((sum, run) => sum + Number(run.lastNs - run.firstNs) / 1e9, 0);
  expect(messages / seconds, `messages per second (${messages} in ${seconds} s)`).toBeGreaterThanOrEqual(MESSAGES_PER_SECOND_MIN);

  // Each downtime is a gap that the ledger names, and by the end it is known to be repaired.
  const { gaps, bars } = await derivedFrom(folder);
  expect(gaps.filter((gap) => gap.cause === "downtime")).toHaveLength(KILLS);
  expect(gaps.filter((gap) => gap.state !== "repaired")).toEqual([]);

  // The market's own candles, downtimes included.
  expect(await compareWithTruth("1s", bars.get("1s") ?? [], firstTradeMs)).toBeGreaterThanOrEqual(KILLS);
  await compareWithTruth("1m", bars.get("1m") ?? [], firstTradeMs);

  const verification = await verifyFolder({ captureFolder: folder });
  expect(verification.result, JSON.stringify(verification.firstDifference)).toBe("MATCH");
}, 60_000 + REPAIR_LIMIT_MS + KILLS * 15_000);
