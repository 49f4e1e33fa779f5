// The bridge beside raw ZeroMQ: bars per second from a serving process (journals, fsync, encoding) to a full client (decoding, order, DuckDB
// cache), as fast as it goes, and the same frames, by number and size, over a bare PUB and SUB that do nothing with them.
import { fork } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Subscriber, XPublisher } from "zeromq";
import { keys, startClient, startServer, writeBars } from "./kit/bridge.mjs";
import { note, Report, RUNS } from "./kit/report.mjs";

const HERE = fileURLToPath(import.meta.url);
const ROWS = 300_000;

async function throughBridge(folder, file) {
  const own = await mkdtemp(join(folder, "run-"));
  const server = await startServer({ folder: join(own, "bridge"), file, rowsPerSecond: 0, security: undefined });
  const full = await startClient({ bound: server.bound, security: undefined, cacheFile: join(own, "cache.duckdb") });
  await full.until(() => full.isLive());
  globalThis.gc?.();
  const started = performance.now();
  server.begin();
  await full.until(() => full.seen.entries >= ROWS);
  const rate = (ROWS * 1_000) / (performance.now() - started);
  const { frames, bytes, backfilled } = full.seen;
  await full.stop();
  const inCache = (ROWS * 1_000) / (performance.now() - started);
  await server.stop();
  await rm(own, { recursive: true, force: true });
  return { rate, inCache, frames, bytesPerFrame: bytes / frames, barsPerFrame: (ROWS - backfilled) / frames, backfilled };
}

/** The other end: publishes `frames` frames of `bytes` bytes as soon as somebody has subscribed. */
async function bePublisher({ frames, bytes }) {
  const socket = new XPublisher({ linger: -1, sendHighWaterMark: 0 });
  await socket.bind("tcp://127.0.0.1:*");
  process.send(socket.lastEndpoint);
  await socket.receive();
  const frame = Buffer.alloc(bytes, 1);
  const topics = keys().map(({ sourceId, symbol, interval }) => Buffer.from(`candles.${sourceId}.${symbol}.${interval}`));
  for (let count = 0; count < frames; count += 1) await socket.send([topics[count % topics.length], frame]);
  await new Promise((resolve) => process.once("message", resolve));
  socket.close();
  process.disconnect();
}

async function throughSockets(frames, bytes) {
  const child = fork(HERE, [], { env: { ...process.env, BRIDGE_BENCH_ROLE: "publisher" } });
  const answered = new Promise((resolve) => child.once("message", resolve));
  child.send({ frames, bytes });
  const address = await answered;
  const socket = new Subscriber({ linger: 0, receiveHighWaterMark: 0 });
  const started = performance.now();
  socket.connect(address);
  socket.subscribe("candles.");
  let received = 0;
  for await (const [, frame] of socket) {
    if (frame.length === bytes) received += 1;
    if (received === frames) break;
  }
  const rate = (frames * 1_000) / (performance.now() - started);
  socket.close();
  child.send("done");
  await new Promise((resolve) => child.on("exit", resolve));
  return rate;
}

if (process.env.BRIDGE_BENCH_ROLE === "publisher") {
  await bePublisher(await new Promise((resolve) => process.once("message", resolve)));
} else {
  const folder = await mkdtemp(join(tmpdir(), "tapedeck-bridge-"));
  try {
    const file = await writeBars(folder, ROWS);
    const runs = [];
    const raw = [];
    for (let run = 0; run < RUNS; run += 1) {
      const result = await throughBridge(folder, file);
      runs.push(result);
      raw.push((await throughSockets(result.frames, Math.round(result.bytesPerFrame))) * result.barsPerFrame);
    }
    note(`frames of ${Math.round(runs[0].bytesPerFrame)} bytes with ${runs[0].barsPerFrame.toFixed(1)} bars each; the bridge writes, syncs, checks and caches them, the bare sockets count them`);
    const report = new Report("bridge");
    report.add({ name: "bare PUB/SUB, the same frames", values: raw, unit: "bars/s" });
    report.add({ name: "served → applied", values: runs.map(({ rate }) => rate), unit: "bars/s", peer: raw });
    report.add({ name: "… until all is in the cache", values: runs.map(({ inCache }) => inCache), unit: "bars/s" });
    report.add({ name: "… of which came by backfill", values: runs.map(({ backfilled }) => backfilled / ROWS), unit: "share" });
    report.print();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
