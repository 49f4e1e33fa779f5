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
import type { GapEntry } from "../../shared/candles.ts";
import { decodeControl, type ControlRecord } from "../../shared/control.ts";
import { CONTROL_STREAM } from "../../shared/raw.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";
import { openDerived, readLedgerEntries } from "../derive/read.ts";
import { openReader } from "../rawlog/reader.ts";
import { sha256 } from "../rawlog/sha256.ts";
import { SeededRandom } from "../sim/random.ts";
import { decoderLookup } from "../venues/registry.ts";
import { verifyFolder } from "./verify-folder.ts";

const ROOT = new URL("../../../", import.meta.url);
const CLI = fileURLToPath(new URL("dist/main/cli.js", ROOT));
/** The built command without the set-up of bin/: that was done before the tests began. */
const RUN = `import { runCli } from ${JSON.stringify(new URL("dist/main/cli.js", ROOT).href)}; process.exitCode = await runCli(process.argv.slice(1));`;
const KILLS = Number(process.env["TAPEDECK_KILLS"] ?? 4);
const SEED = Number(process.env["TAPEDECK_SEED"] ?? 1);
const CAPTURE = "kills";
const RATE = "7000";
const RESUME_LIMIT_MS = 1_000;

interface Progress { readonly messages: number; readonly durable_seq?: number; readonly durable_messages?: number }

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

/** One run of the recorder; `killAfterMs` counts from the first message recorded. Returns the last durable seq it reported. */
async function run(killAfterMs: number | undefined, stopAfter = 0): Promise<{ reportedDurable: number }> {
  const child = tapedeck("record", "--json", "--data", data, "--capture", CAPTURE, "--venue", "sim", "--symbol", "BTCUSDT", "--endpoint", `sim=${venueUrl}`);
  let complaints = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaints += text));
  let reportedDurable = 0;
  let armed = false;
  const lines = createInterface({ input: child.stdout });
  lines.on("line", (line) => {
    const progress = JSON.parse(line) as Progress;
    reportedDurable = progress.durable_seq ?? reportedDurable;
    if (armed || progress.messages <= stopAfter) return;
    armed = true;
    if (killAfterMs === undefined) child.kill("SIGTERM");
    else setTimeout(() => child.kill("SIGKILL"), killAfterMs);
  });
  const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
  if (killAfterMs === undefined) expect(code, complaints).toBe(0);
  else expect(signal, `it ended with ${code} by itself:\n${complaints}`).toBe("SIGKILL");
  return { reportedDurable };
}

async function gapsOf(folder: string): Promise<readonly GapEntry[]> {
  const disk = new NodeDisk();
  const reader = await openReader({ disk, folder });
  const derived = await openDerived({ disk, captureFolder: folder, reader, decoders: decoderLookup, sha256, writable: false, onNote: (note) => { throw new Error(note); } });
  const { gaps } = await readLedgerEntries(derived);
  await derived.close();
  await reader.close();
  return gaps;
}

interface Walk { readonly seqs: Set<number>; readonly controls: { readonly seq: number; readonly recvNs: bigint; readonly record: ControlRecord }[] }

async function walkLog(folder: string): Promise<Walk> {
  const reader = await openReader({ disk: new NodeDisk(), folder });
  const seqs = new Set<number>();
  const controls: Walk["controls"] = [];
  let last = 0;
  for await (const batch of reader.batches({})) {
    for (const record of batch) {
      expect(record.seq).toBeGreaterThan(last);
      last = record.seq;
      seqs.add(record.seq);
      if (record.stream.streamId !== CONTROL_STREAM.streamId) continue;
      const control = decodeControl(record.payload);
      if (!control.ok) throw new Error(control.fault.message);
      controls.push({ seq: record.seq, recvNs: record.recvNs, record: control.value });
    }
  }
  await reader.close();
  return { seqs, controls };
}

test.skipIf(!existsSync(CLI))(`${KILLS} kill -9 during record (seed ${SEED})`, async () => {
  const random = new SeededRandom(SEED);
  const reported: number[] = [];
  for (let kill = 0; kill < KILLS; kill += 1) reported.push((await run(random.next() * 1_500)).reportedDurable);
  await run(undefined, 2_000);
  const folder = join(data, "captures", CAPTURE);
  const { seqs, controls } = await walkLog(folder);

  // Every number is in the log or declared lost.
  const lost = new Set<number>();
  for (const { record } of controls) {
    if (record.kind === "recovered") for (let seq = record.lost_from_seq; seq <= record.lost_to_seq; seq += 1) lost.add(seq);
  }
  const last = Math.max(...seqs);
  for (let seq = 1; seq <= last; seq += 1) expect(seqs.has(seq) !== lost.has(seq), `seq ${seq} is either recorded or declared lost`).toBe(true);
  // Nothing that was reported durable is missing.
  for (const durable of reported) expect(seqs.has(durable), `durable seq ${durable}`).toBe(true);

  const starts = controls.filter(({ record }) => record.kind === "started");
  expect(starts.map(({ record }) => record.kind === "started" && record.clean)).toEqual([true, ...Array.from({ length: KILLS }, () => false)]);
  const connects = controls.filter(({ record }) => record.kind === "connect");
  for (const start of starts) {
    const connected = connects.find(({ seq }) => seq > start.seq);
    expect(Number((connected?.recvNs ?? 0n) - start.recvNs) / 1e6, "ms from start to sockets").toBeLessThan(RESUME_LIMIT_MS);
  }
  // Each downtime is a gap that the ledger names, and by the end it is known to be repaired.
  const gaps = await gapsOf(folder);
  if (process.env["TAPEDECK_DEBUG"]) for (const gap of gaps) process.stderr.write(`${JSON.stringify(gap)}\n`);
  const downtimes = gaps.filter((gap) => gap.cause === "downtime");
  expect(downtimes.length).toBeGreaterThanOrEqual(KILLS);
  expect(downtimes.filter((gap) => gap.state !== "repaired")).toEqual([]);

  const verification = await verifyFolder({ captureFolder: folder });
  expect(verification.result, JSON.stringify(verification.firstDifference)).toBe("MATCH");
}, 60_000 + KILLS * 15_000);
