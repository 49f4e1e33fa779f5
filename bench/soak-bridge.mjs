// `npm run soak -- bridge [--minutes 5] [--subscribers 100] [--rate 1000] [--curve] [--json]`: one serving process, many light subscribers, one full
// client with its cache, and one client that never reads, for minutes. Says how long a bar takes from being published to being applied, what the
// server's memory does, and whether anybody lost anything. Exit 1 when a target was missed.
import { fork } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Dealer, Subscriber } from "zeromq";
import { keys, makeSecurity, startClient, startServer, STREAMS, writeBars } from "./kit/bridge.mjs";
import { residentMegabytes, slopeOf } from "./kit/memory.mjs";
import { buildProduct, product } from "./kit/product.mjs";
import { note, progress, progressDone, quantile, Report } from "./kit/report.mjs";

const HERE = fileURLToPath(import.meta.url);
const SUBSCRIBER_PROCESSES = 2;
const SAMPLE_MS = 1_000;
/** Memory settles first: buffers, and code that is compiled as it gets hot. */
const WARM_UP_SHARE = 0.25;
const P99_MS_MAX = 20;
const SLOPE_MB_MAX = 1;
const STALLED_ASKS_EVERY_MS = 20;
const CURVE_SLOWER_MAX = 0.25;
const CURVE_ROWS = 200_000;
const CURVE_RUNS = 3;

const USAGE = "usage: npm run soak -- bridge [--minutes 5] [--subscribers 100] [--rate 1000] [--curve] [--json]";

function readArguments() {
  try {
    const { values } = parseArgs({
      options: {
        minutes: { type: "string", default: "5" }, subscribers: { type: "string", default: "100" }, rate: { type: "string", default: "1000" },
        curve: { type: "boolean", default: false }, json: { type: "boolean", default: false },
      },
    });
    const [minutes, subscribers, rate] = ["minutes", "subscribers", "rate"].map((name) => {
      const value = Number(values[name]);
      if (!(value > 0)) throw new Error(`--${name} takes a number above 0, got ${values[name]}`);
      return value;
    });
    return { minutes, subscribers: Math.ceil(subscribers), rate, isCurve: values.curve };
  } catch (error) {
    console.error(`${error.message}\n${USAGE}`);
    return process.exit(2);
  }
}

// ── Roles in processes of their own ──────────────────────────────────────────

function startRole(role, data) {
  const child = fork(HERE, process.argv.slice(2), { serialization: "advanced", env: { ...process.env, SOAK_ROLE: role } });
  const heard = [];
  const waiters = [];
  child.on("message", (message) => {
    const waiter = waiters.shift();
    if (waiter === undefined) heard.push(message);
    else waiter.resolve(message);
  });
  child.on("exit", (code) => { for (const { reject } of waiters) reject(new Error(`the process of ${role} ended with code ${code}`)); });
  child.send(data);
  const next = () => (heard.length > 0 ? Promise.resolve(heard.shift()) : new Promise((resolve, reject) => waiters.push({ resolve, reject })));
  return {
    next,
    /** Asks for its figures; afterwards it is gone. */
    async finish() {
      const answer = next();
      child.send("finish");
      return answer;
    },
  };
}

function curveOptions(security) {
  if (security === undefined) return {};
  const { serverKey, publicKey, secretKey } = security.client;
  return { curveServerKey: serverKey, curvePublicKey: publicKey, curveSecretKey: secretKey };
}

/** Light subscribers: sockets that count what comes. */
async function beSubscribers({ count, bound, security }) {
  const sockets = Array.from({ length: count }, () => {
    const socket = new Subscriber({ linger: 0, receiveHighWaterMark: 50_000, ...curveOptions(security) });
    socket.connect(bound.pub);
    socket.subscribe("candles.");
    return socket;
  });
  const frames = sockets.map(() => 0);
  const first = sockets.map(() => undefined);
  const loops = sockets.map(async (socket, index) => {
    for await (const [, frame] of socket) {
      frames[index] += 1;
      first[index] ??= frame.length;
      if (first.every((length) => length !== undefined) && frames[index] === 1) process.send("ready");
    }
  });
  await once("finish");
  for (const socket of sockets) socket.close();
  await Promise.all(loops);
  process.send({ frames });
}

/** Subscribes and never receives; asks and never reads an answer. */
async function beStalled({ bound, security }) {
  const { flatBuffersCodec } = await product("main/bridge/wire/codec");
  const live = new Subscriber({ linger: 0, receiveHighWaterMark: 1, receiveBufferSize: 4_096, ...curveOptions(security) });
  live.connect(bound.pub);
  live.subscribe("");
  const dealer = new Dealer({ linger: 0, receiveHighWaterMark: 1, receiveBufferSize: 4_096, sendTimeout: 0, ...curveOptions(security) });
  dealer.connect(bound.rpc);
  let asked = 0;
  let refused = 0;
  let isOver = false;
  const finished = once("finish").then(() => { isOver = true; });
  process.send("ready");
  for (const all = keys(); !isOver; await Promise.race([pause(STALLED_ASKS_EVERY_MS), finished])) {
    const request = { type: "backfill", key: all[asked % STREAMS], historyId: undefined, fromSequenceExclusive: undefined, limit: 5_000, endMs: undefined, acceptsZstd: false };
    try {
      await dealer.send(flatBuffersCodec.encodeRequest((asked += 1), request));
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
      refused += 1;
    }
  }
  live.close();
  dealer.close();
  process.send({ asked, refused });
}

/** The full client, in a process of its own as in the app. */
async function beClient({ bound, security, cacheFile, rows }) {
  const full = await startClient({ bound, security, cacheFile });
  await full.until(() => full.isLive());
  process.send("ready");
  await full.until(() => full.seen.entries >= rows);
  const { applied, seen, problems } = full;
  const gaps = full.client.status.streams.reduce((sum, { gapsSeen }) => sum + gapsSeen, 0);
  process.send({ applied: applied.values, seen, gaps, problems });
  await once("finish");
  await full.stop();
  process.send("closed");
}

function once(word) {
  return new Promise((resolve) => {
    const listener = (message) => {
      if (message !== word) return;
      process.off("message", listener);
      resolve();
    };
    process.on("message", listener);
  });
}

async function play(role) {
  const data = await new Promise((resolve) => process.once("message", resolve));
  await { subscribers: beSubscribers, stalled: beStalled, client: beClient }[role](data);
  process.disconnect();
}

// ── The soak ─────────────────────────────────────────────────────────────────

async function soak({ minutes, subscribers, rate, isCurve }, folder, report) {
  const rows = Math.ceil(minutes * 60 * rate);
  const security = makeSecurity(isCurve);
  const file = await writeBars(folder, rows);
  const server = await startServer({ folder: join(folder, "bridge"), file, rowsPerSecond: rate, security });
  const { bound } = server;
  const groups = Array.from({ length: SUBSCRIBER_PROCESSES }, (_, index) =>
    startRole("subscribers", { count: Math.floor((subscribers + index) / SUBSCRIBER_PROCESSES), bound, security }));
  const stalled = startRole("stalled", { bound, security });
  const client = startRole("client", { bound, security, cacheFile: join(folder, "cache.duckdb"), rows });
  // Heartbeats tell the subscribers that they hear.
  await Promise.all([...groups, stalled, client].map((role) => role.next()));
  server.begin();
  const startedMs = performance.now();
  const points = [];
  const told = client.next();
  let isOver = false;
  void told.finally(() => { isOver = true; });
  while (!isOver) {
    await Promise.race([pause(SAMPLE_MS), told]);
    points.push({ x: (performance.now() - startedMs) / 60_000, y: residentMegabytes(server.pid) });
    progress(`${((performance.now() - startedMs) / 1_000).toFixed(0)} of ${minutes * 60} s, the server has ${points.at(-1).y.toFixed(1)} MB`);
  }
  progressDone();
  const elapsedMs = performance.now() - startedMs;
  const { applied, seen, gaps, problems } = await told;
  await client.finish();
  const counted = (await Promise.all(groups.map((group) => group.finish()))).flatMap(({ frames }) => frames);
  const { asked } = await stalled.finish();
  const { status } = server;
  await server.stop();
  tell(report, { applied, seen, gaps, counted, asked, points, status, elapsedMs, isCurve, problems: [...problems, ...server.problems] });
}

function tell(report, { applied, seen, gaps, counted, asked, points, status, elapsedMs, isCurve, problems }) {
  const name = isCurve ? "published → applied, CURVE" : "published → applied";
  report.one({ name: `${name}, p50`, value: quantile(applied, 0.5), unit: "ms" });
  report.one({ name: `${name}, p99`, value: quantile(applied, 0.99), unit: "ms", target: { atMost: P99_MS_MAX } });
  report.one({ name: `${name}, longest`, value: quantile(applied, 1), unit: "ms" });
  report.one({ name: "applied", value: (seen.entries * 1_000) / elapsedMs, unit: "bars/s" });
  report.one({ name: "live frames that the full client missed (repaired by backfill)", value: gaps, unit: "" });
  report.one({ name: "holes and resets of the full client", value: seen.holes + seen.resets, unit: "", target: { atMost: 0 } });
  const settled = points.slice(Math.floor(points.length * WARM_UP_SHARE));
  report.one({ name: "server memory, slope after warming up", value: slopeOf(settled), unit: "MB/min", target: { atMost: SLOPE_MB_MAX } });
  report.add({ name: "server memory", values: settled.map(({ y }) => y), unit: "MB" });
  const fewest = Math.min(...counted);
  const most = Math.max(...counted);
  report.one({ name: `frames per light subscriber (${counted.length}), most`, value: most, unit: "" });
  // Everybody began within a few heartbeats of one another; what lacks beyond that was lost.
  report.one({ name: "… fewest, share of the most", value: fewest / most, unit: "", target: { atLeast: 0.99 } });
  report.one({ name: "requests of the stalled client, which reads no answer", value: asked, unit: "" });
  report.one({ name: "answers that did not fit into its pipe", value: status.unsent, unit: "" });
  for (const problem of problems) note(`told: ${problem}`);
}

// ── CURVE beside plain ───────────────────────────────────────────────────────

/** Bars per second from the first row told until the last is applied, as fast as it goes. */
async function throughput(folder, file, isCurve) {
  const security = makeSecurity(isCurve);
  const server = await startServer({ folder: join(folder, "bridge"), file, rowsPerSecond: 0, security });
  const client = startRole("client", { bound: server.bound, security, cacheFile: join(folder, "cache.duckdb"), rows: CURVE_ROWS });
  await client.next();
  const startedMs = performance.now();
  server.begin();
  await client.next();
  const rate = (CURVE_ROWS * 1_000) / (performance.now() - startedMs);
  await client.finish();
  await server.stop();
  return rate;
}

async function compareCurve(folder, report) {
  const file = await writeBars(folder, CURVE_ROWS);
  const rates = { plain: [], curve: [] };
  for (let run = 0; run < CURVE_RUNS; run += 1) {
    for (const name of ["plain", "curve"]) {
      const own = await mkdtemp(join(folder, `${name}-`));
      rates[name].push(await throughput(own, file, name === "curve"));
      await rm(own, { recursive: true, force: true });
    }
  }
  report.add({ name: "as fast as it goes, plain", values: rates.plain, unit: "bars/s" });
  report.add({ name: "as fast as it goes, CURVE", values: rates.curve, unit: "bars/s", peer: rates.plain, target: { atLeast: 1 - CURVE_SLOWER_MAX, of: "ratio" } });
}

if (process.env.SOAK_ROLE !== undefined) {
  await play(process.env.SOAK_ROLE);
} else {
  const options = readArguments();
  await buildProduct();
  const folder = await mkdtemp(join(tmpdir(), "tapedeck-soak-"));
  try {
    const report = new Report("soak");
    note(`soak: ${options.subscribers} light subscribers, one full client and one that stalls, ${STREAMS} streams, ${options.rate} bars/s, ${options.minutes} min${options.isCurve ? ", with CURVE" : ""}`);
    await soak(options, folder, report);
    if (options.isCurve) await compareCurve(folder, report);
    report.print();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
