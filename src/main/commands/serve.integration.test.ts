// The built `tapedeck serve` as scripts and people use it: ports from its first line, health and metrics, backfill over the wire, an orderly end.
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Dealer } from "zeromq";
import type { SequencedEntry, StreamKey } from "../bridge/model.ts";
import type { Answer, Request } from "../bridge/wire/messages.ts";
import { flatBuffersCodec } from "../bridge/wire/codec.ts";
import { hftTrades } from "../importers/import.testkit.ts";
import { makeCurvePair } from "../keys/curve-pair.ts";
import { KeyRing } from "../keys/key-ring.ts";
import type { Health } from "../metrics/health.ts";
import { NodeClock } from "../net/node-clock.ts";

/** The built command without the set-up of bin/: that was done before the tests began. */
const RUN = `import { runCli } from ${JSON.stringify(new URL("../../../dist/main/cli.js", import.meta.url).href)}; process.exitCode = await runCli(process.argv.slice(1));`;
const ANY = ["--pub", "tcp://127.0.0.1:*", "--rpc", "tcp://127.0.0.1:*"] as const;
const KEY: StreamKey = { sourceId: "SIM", symbol: "ABC", interval: "1s" };
const T = 1_700_000_040_000;

interface First { readonly pub: string; readonly rpc: string; readonly metrics: string; readonly history_id: string; readonly mode: string; readonly public_key?: string }
interface Last { readonly published: number; readonly streams: number; readonly fed: boolean; readonly messages?: number; readonly capture_id?: string }

class Served {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #lines: string[] = [];
  readonly #first: Promise<First>;
  readonly #exit: Promise<number>;
  complaints = "";

  constructor(words: readonly string[]) {
    this.child = spawn(process.execPath, ["--input-type=module", "-e", RUN, "--", "serve", "--json", ...words], { stdio: ["ignore", "pipe", "pipe"] });
    this.child.stderr.setEncoding("utf8").on("data", (text: string) => (this.complaints += text));
    const lines = createInterface({ input: this.child.stdout });
    lines.on("line", (line) => this.#lines.push(line));
    this.#exit = once(this.child, "close").then(([code]) => Number(code ?? -1));
    this.#first = Promise.race([once(lines, "line").then(([line]) => JSON.parse(String(line)) as First), this.#exit.then((code) => Promise.reject(new Error(`ended with ${code}: ${this.complaints}`)))]);
    this.#first.catch(() => undefined);
  }
  first(): Promise<First> {
    return this.#first;
  }
  async end(signal?: NodeJS.Signals): Promise<{ readonly code: number; readonly last: Last }> {
    if (signal !== undefined) this.child.kill(signal);
    const code = await this.#exit;
    return { code, last: JSON.parse(this.#lines.at(-1) ?? "{}") as Last };
  }
  async exitCode(): Promise<number> {
    return this.#exit;
  }
}

let data: string;
let running: Served[];
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), "tapedeck-served-"));
  running = [];
});
afterEach(async () => {
  for (const { child } of running) if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
  await rm(data, { recursive: true, force: true });
});

function serve(...words: readonly string[]): Served {
  const served = new Served([...words, "--data", data]);
  running.push(served);
  return served;
}

async function health(first: First): Promise<Health> {
  return (await (await fetch(`http://${first.metrics}/health`)).json()) as Health;
}

interface SocketKeys { readonly curveServerKey?: string; readonly curvePublicKey?: string; readonly curveSecretKey?: string }

/** One request, its answer. */
async function ask<T extends Answer["type"]>(rpc: string, request: Request, type: T, keys: SocketKeys = {}): Promise<Extract<Answer, { type: T }>> {
  const dealer = new Dealer({ linger: 0, receiveTimeout: 3_000, ...keys });
  try {
    dealer.connect(rpc);
    await dealer.send(Buffer.from(flatBuffersCodec.encodeRequest(1, request)));
    const frames = await dealer.receive();
    const answer = flatBuffersCodec.decodeAnswer(frames.at(-1) ?? Buffer.alloc(0));
    if (!answer.ok) throw new Error(answer.fault.message);
    expect(answer.value.message.type).toBe(type);
    return answer.value.message as Extract<Answer, { type: T }>;
  } finally {
    dealer.close();
  }
}

async function backfill(rpc: string, key: StreamKey, after?: number): Promise<readonly SequencedEntry[]> {
  const request: Request = { type: "backfill", key, historyId: undefined, fromSequenceExclusive: after, limit: 5_000, endMs: undefined, acceptsZstd: true };
  const { entries, refusal } = await ask(rpc, request, "backfill_response");
  if (refusal !== undefined) throw new Error(`${refusal.code}: ${refusal.detail}`);
  return entries;
}

async function published(first: First): Promise<number> {
  const text = await (await fetch(`http://${first.metrics}/metrics`)).text();
  return text.split("\n").filter((line) => line.startsWith("tapedeck_bridge_published_entries_total{")).reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

async function csvFile(rows: number): Promise<string> {
  const file = join(data, "bars.csv");
  const lines = Array.from({ length: rows }, (_, at) => `ABC,1s,${T + at * 1_000},1.5,2,1.25,1.75,${at}`);
  await writeFile(file, `symbol,interval,ts,open,high,low,close,volume\n${lines.join("\n")}\n`);
  return file;
}

test("a CSV file: every row can be had, health is GREEN, SIGTERM ends it with 0, and serving it again goes on under the same history", async () => {
  const file = await csvFile(500);
  const served = serve("--csv", file, "--source-id", "SIM", ...ANY);
  const first = await served.first();
  expect(first.mode).toBe("replay");
  expect(Number(first.rpc.split(":").at(-1))).toBeGreaterThan(0);
  await expect.poll(() => published(first), { timeout: 10_000 }).toBe(500);
  const entries = await backfill(first.rpc, KEY);
  expect(entries.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 500 }, (_, at) => at + 1));
  expect(await health(first)).toMatchObject({ status: "GREEN", mode: "replay", history_id: first.history_id, streams: 1 });
  const { code, last } = await served.end("SIGTERM");
  expect([code, served.complaints.includes("tapedeck:")]).toEqual([0, false]);
  expect(last).toMatchObject({ published: 500, fed: true });

  const again = serve("--csv", file, "--source-id", "SIM", ...ANY);
  expect((await again.first()).history_id).toBe(first.history_id);
  expect(await backfill((await again.first()).rpc, KEY, 498)).toHaveLength(2);
  expect((await again.end("SIGINT")).code).toBe(0);
}, 40_000);

test("an imported capture is told again once somebody asks, and a serving process that dies comes back at the same ports", async () => {
  const trades = join(data, "trades.txt");
  await writeFile(trades, hftTrades(400));
  const importing = spawn(process.execPath, ["--input-type=module", "-e", RUN, "--", "import", "--capture", "imported", "--venue", "binance", "--format", "hft", trades, "--data", data], { stdio: "ignore" });
  expect((await once(importing, "close"))[0]).toBe(0);
  const served = serve("--replay", "imported", "--speed", "asap", "--wait-for-subscriber", "--run-id", "one", ...ANY);
  const first = await served.first();
  expect(await health(first)).toMatchObject({ mode: "replay" });
  expect(await published(first)).toBe(0);
  const key: StreamKey = { sourceId: "binance-usdm", symbol: "BTCUSDT", interval: "1s" };
  await ask(first.rpc, { type: "get_cursor", key }, "cursor");
  await expect.poll(async () => (await backfill(first.rpc, key)).length, { timeout: 15_000 }).toBeGreaterThan(95);
  const before = await backfill(first.rpc, key);
  process.kill(await childOf(served.child.pid ?? 0), "SIGKILL");
  await expect.poll(() => served.complaints, { timeout: 15_000 }).toContain("started again");
  await expect.poll(() => backfill(first.rpc, key), { timeout: 15_000 }).toEqual(before);
  expect((await served.end("SIGTERM")).code).toBe(0);
}, 60_000);

test("a live recording is served while it is recorded, and ends with the command", async () => {
  const served = serve("--venue", "sim", "--symbol", "BTCUSDT", "--rate", "200", "--for", "7s", ...ANY);
  const first = await served.first();
  expect(first.mode).toBe("simulated");
  const key: StreamKey = { sourceId: "sim", symbol: "BTCUSDT", interval: "1s" };
  await expect.poll(async () => (await backfill(first.rpc, key)).filter(({ kind }) => kind === "bar").length, { timeout: 15_000 }).toBeGreaterThan(1);
  const { recording, streams } = await health(first);
  expect(recording?.messages).toBeGreaterThan(100);
  expect(streams).toBe(9);
  const { code, last } = await served.end();
  expect(code).toBe(0);
  expect(last.messages).toBeGreaterThan(500);
  expect(last).toMatchObject({ fed: true });
}, 40_000);

test.each([
  [["--replay", "nowhere"], /^tapedeck: no capture nowhere in .*; there are none$/m],
  [["--csv", "/nowhere.csv", "--source-id", "SIM"], /^tapedeck: Cannot read \/nowhere\.csv: no such file$/m],
  [["--venue", "sim", "--pub", "tcp://0.0.0.0:*", "--rpc", "tcp://127.0.0.1:*"], /^tapedeck: tcp:\/\/0\.0\.0\.0:\* can be reached from other machines and needs keys: make a pair \(tapedeck keys new\)/m],
  [["--venue", "sim", "--pub", "udp://1.2.3.4"], /^tapedeck: udp:\/\/1\.2\.3\.4 is no address of the bridge/m],
])("%j is refused with one line and exit code 2", async (words, line) => {
  const served = serve(...ANY, ...words);
  expect(await served.exitCode()).toBe(2);
  expect(served.complaints).toMatch(line);
}, 20_000);

test("with keys, who is not trusted is turned away and counted, and comes in once trusted", async () => {
  const ring = new KeyRing({ dataFolder: data, clock: new NodeClock() });
  const { publicKey } = await ring.makeNew({ force: false });
  const client = makeCurvePair();
  const keys: SocketKeys = { curveServerKey: publicKey, curvePublicKey: client.publicKey, curveSecretKey: client.secretKey };
  const served = serve("--csv", await csvFile(5), "--source-id", "SIM", "--secure", ...ANY);
  const first = await served.first();
  expect(first.public_key).toBe(publicKey);
  const knocking = new Dealer({ linger: 0, ...keys });
  knocking.connect(first.rpc);
  const rejected = async (): Promise<string> => (await (await fetch(`http://${first.metrics}/metrics`)).text()).split("\n").find((line) => line.startsWith("tapedeck_bridge_rejected_handshakes_total")) ?? "";
  await expect.poll(rejected, { timeout: 10_000 }).toMatch(/ [1-9]\d*$/);
  knocking.close();
  await ring.trust("tester", client.publicKey);
  await expect.poll(() => ask(first.rpc, { type: "health" }, "health", keys).then(({ status }) => status, () => "no answer"), { timeout: 15_000 }).toBe("GREEN");
  expect((await served.end("SIGTERM")).code).toBe(0);
}, 40_000);

test("an address that is taken is named", async () => {
  const file = await csvFile(2);
  const one = serve("--csv", file, "--source-id", "SIM", ...ANY);
  const { pub } = await one.first();
  const other = serve("--csv", file, "--source-id", "OTHER", "--pub", pub, "--rpc", "tcp://127.0.0.1:*");
  expect(await other.exitCode()).toBe(2);
  expect(other.complaints).toContain(`tapedeck: Cannot listen at ${pub}: something else listens there already`);
  expect((await one.end("SIGTERM")).code).toBe(0);
}, 30_000);

/** The serving process: the only child of the command that is one. */
async function childOf(pid: number): Promise<number> {
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, "utf8")).trim().split(" ").map(Number);
  for (const child of children) if ((await readFile(`/proc/${child}/cmdline`, "utf8")).includes("bridge-server")) return child;
  throw new Error(`${pid} has no serving process`);
}
