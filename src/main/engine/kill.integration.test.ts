// Kills a real, built `tapedeck record` at random moments and restarts it: what was reported durable is there, no number is
// used twice, lost numbers are declared, downtime is a gap, and the candles equal the simulated market's own.
// `npm run kills -- 50` runs more of them.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { decodeControl, type ControlRecord } from "../../shared/control.ts";
import { CONTROL_STREAM } from "../../shared/raw.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";
import { openReader } from "../rawlog/reader.ts";
import { SeededRandom } from "../sim/random.ts";
import { verifyFolder } from "./verify-folder.ts";

const CLI = fileURLToPath(new URL("../../../bin/tapedeck.mjs", import.meta.url));
const KILLS = Number(process.env["TAPEDECK_KILLS"] ?? 4);
const SEED = Number(process.env["TAPEDECK_SEED"] ?? 1);
const CAPTURE = "kills";
const RATE = "6000";
/** The market made anew at each restart counts as downtime of the simulated venue, not of the recorder. */
const RESUME_LIMIT_MS = 1_000;

interface Progress { readonly messages: number; readonly durable_seq?: number; readonly durable_messages?: number }

let data: string;
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), "tapedeck-kills-"));
});
afterEach(async () => {
  await rm(data, { recursive: true, force: true });
});

/** One run of the recorder; `killAfterMs` counts from the first message recorded. Returns the last durable seq it reported. */
async function run(killAfterMs: number | undefined, stopAfter = 0): Promise<{ reportedDurable: number }> {
  const child = spawn(process.execPath, [CLI, "record", "--json", "--data", data, "--capture", CAPTURE, "--venue", "sim", "--symbol", "BTCUSDT", "--rate", RATE], {
    stdio: ["ignore", "pipe", "pipe"],
  });
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
  if (killAfterMs === undefined) expect({ code, complaints }).toMatchObject({ code: 0 });
  else expect({ signal, complaints }).toMatchObject({ signal: "SIGKILL" });
  return { reportedDurable };
}

interface Walk { readonly seqs: Set<number>; readonly controls: { readonly seq: number; readonly recvNs: bigint; readonly record: ControlRecord }[]; readonly messagesPerSecond: number }

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
  return { seqs, controls, messagesPerSecond: 0 };
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
  const ledger = await readFile(join(folder, "candles", "ledger.journal"), "utf8");
  const downtimes = new Set([...ledger.matchAll(/"gapId":"([^"]*)"/g)].map((match) => match[1]).filter((gapId) => ledger.includes(`"cause":"downtime"`) && gapId !== undefined));
  expect(downtimes.size).toBeGreaterThanOrEqual(KILLS);

  const verification = await verifyFolder({ captureFolder: folder });
  expect(verification.result, JSON.stringify(verification.firstDifference)).toBe("MATCH");
}, 60_000 + KILLS * 15_000);
