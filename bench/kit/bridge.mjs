// What the bridge's benches share: bars to serve, the built serving process, a full client with its cache, and raw ZeroMQ beside them.
import { fork } from "node:child_process";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { once } from "node:events";
import { curveKeyPair } from "zeromq";
import { ENVIRONMENT } from "../../bin/shell-process.mjs";
import { product } from "./product.mjs";

export const STREAMS = 20;
export const SOURCE = "BENCH";
const START_MS = 1_700_000_000_000;
const SERVER = fileURLToPath(new URL("../../.dist-bench/main/processes/bridge-server.js", import.meta.url));

export function keys() {
  return Array.from({ length: STREAMS }, (_, index) => ({ sourceId: SOURCE, symbol: `S${String(index).padStart(2, "0")}USDT`, interval: "1s" }));
}

/** `rows` one-second bars, dealt to the streams in turn. */
export async function writeBars(folder, rows) {
  const file = join(folder, `bars-${rows}.csv`);
  const out = createWriteStream(file);
  const symbols = keys().map(({ symbol }) => symbol);
  out.write("symbol,interval,ts,open,high,low,close,volume,quote_volume,trade_count\n");
  for (let row = 0; row < rows; row += 1) {
    const price = 60_000 + ((row * 7_919) % 100_003) / 100;
    const line = `${symbols[row % STREAMS]},1s,${START_MS + Math.floor(row / STREAMS) * 1_000},${price.toFixed(2)},${(price + 3).toFixed(2)},${(price - 3).toFixed(2)},${(price + 1).toFixed(2)},${(row % 977) + 1}.125,${(price * 7).toFixed(5)},${row % 4_001}\n`;
    if (!out.write(line)) await once(out, "drain");
  }
  out.end();
  await once(out, "finish");
  return file;
}

/** Key pairs of a server and of those that it lets in; undefined = plain. */
export function makeSecurity(isCurve) {
  if (!isCurve) return undefined;
  const [server, client] = [curveKeyPair(), curveKeyPair()];
  return {
    server: { publicKey: server.publicKey, secretKey: server.secretKey, trusted: [client.publicKey] },
    client: { serverKey: server.publicKey, publicKey: client.publicKey, secretKey: client.secretKey },
  };
}

/** The built serving process, held until `begin`. */
export async function startServer({ folder, file, rowsPerSecond, security }) {
  const child = fork(SERVER, ["bridge-server"], { serialization: "advanced", execArgv: [], stdio: ["ignore", "inherit", "inherit", "ipc"], env: { ...process.env, ...ENVIRONMENT } });
  const waiting = new Map();
  const problems = [];
  let nextId = 0;
  let status;
  child.on("message", (message) => {
    if (message.type === "note") {
      if (message.note.type === "problem") problems.push(message.note.problem.message);
      if (message.note.type === "status") status = message.note.status;
      return;
    }
    const { resolve, reject } = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.ok) resolve(message.value);
    else reject(new Error(message.fault.message));
  });
  const exited = new Promise((resolve) => child.on("exit", (code, signal) => {
    for (const { reject } of waiting.values()) reject(new Error(`the serving process ended with ${code ?? signal}`));
    resolve(code);
  }));
  const call = (what) => new Promise((resolve, reject) => {
    nextId += 1;
    waiting.set(nextId, { resolve, reject });
    child.send({ type: "call", id: nextId, call: what });
  });
  const bound = await call({
    type: "serve",
    options: {
      feed: { kind: "csv", file, sourceId: SOURCE, rowsPerSecond, held: true }, folder, pub: "tcp://127.0.0.1:*", rpc: "tcp://127.0.0.1:*", security: security?.server,
      retention: { entries: 1_000_000, ageMs: undefined }, version: "bench", heartbeatMs: 1_000, formingMs: 250,
    },
  });
  return {
    bound, pid: child.pid, problems,
    get status() { return status; },
    begin: () => child.send({ type: "note", note: { type: "begin" } }),
    async stop() {
      child.send({ type: "call", id: (nextId += 1), call: { type: "close" } });
      child.disconnect();
      await exited;
    },
  };
}

/** Numbers as they come, without boxing them. */
export class Samples {
  #values = new Float64Array(65_536);
  #length = 0;

  add(value) {
    if (this.#length === this.#values.length) {
      const grown = new Float64Array(this.#length * 2);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[this.#length] = value;
    this.#length += 1;
  }

  get values() {
    return this.#values.slice(0, this.#length);
  }
}

const nameOf = (key) => `${key.sourceId}.${key.symbol}.${key.interval}`;

/**
 * A full client: the product's core, transport, codec and DuckDB cache. `applied`: ms from publishing to being told, per entry that came over the
 * live stream. The two clocks are of one machine and anchored to its milliseconds, so each figure is right within 1 ms.
 */
export async function startClient({ bound, security, cacheFile }) {
  const [{ createRemoteClient }, { createZmqClientTransport }, { flatBuffersCodec }, { openBridgeCache }, { NodeClock, nodeTimers }] = await Promise.all([
    product("main/bridge/client/remote-client"), product("main/bridge/zmq/client-transport"), product("main/bridge/wire/codec"), product("main/store/bridge-cache"),
    product("main/net/node-clock"),
  ]);
  const clock = new NodeClock();
  const cache = await openBridgeCache(cacheFile);
  const applied = new Samples();
  const published = new Map();
  const seen = { entries: 0, frames: 0, bytes: 0, backfilled: 0, holes: 0, resets: 0 };
  const problems = [];
  const codec = {
    ...flatBuffersCodec,
    decodePublication(frame) {
      const decoded = flatBuffersCodec.decodePublication(frame);
      if (!decoded.ok || decoded.value.type !== "batch") return decoded;
      const { key, publishedNs, entries } = decoded.value;
      const name = nameOf(key);
      const times = published.get(name) ?? new Map();
      published.set(name, times);
      for (const { sequence } of entries) times.set(sequence, publishedNs);
      seen.frames += 1;
      seen.bytes += frame.length;
      return decoded;
    },
  };
  const waiters = [];
  const client = createRemoteClient({
    remote: "bench", codec, cache, clock, timers: nodeTimers, random: { next: () => Math.random() },
    transport: createZmqClientTransport({ rpc: bound.rpc, pub: bound.pub, security: security?.client, timers: nodeTimers }),
    listener: {
      onStatus: () => wake(),
      onForming: () => undefined,
      onHole: () => { seen.holes += 1; },
      onReset: () => { seen.resets += 1; },
      onProblem: (problem) => problems.push(problem.message),
      onEntries: (key, entries) => {
        const nowNs = clock.wallNs();
        const times = published.get(nameOf(key));
        for (const { sequence } of entries) {
          const publishedNs = times?.get(sequence);
          if (publishedNs === undefined) {
            seen.backfilled += 1;
            continue;
          }
          times.delete(sequence);
          applied.add(Number(nowNs - publishedNs) / 1e6);
        }
        seen.entries += entries.length;
        wake();
      },
    },
  });
  function wake() {
    for (let index = waiters.length - 1; index >= 0; index -= 1) {
      if (waiters[index].isMet()) waiters.splice(index, 1)[0].resolve();
    }
  }
  /** Resolves at the first word of the client at which `isMet`. */
  const until = (isMet) => (isMet() ? Promise.resolve() : new Promise((resolve) => waiters.push({ isMet, resolve })));
  for (const key of keys()) client.watch(key);
  await client.start();
  return {
    client, seen, applied, problems, until,
    isLive: () => client.status.streams.length === STREAMS && client.status.streams.every(({ phase }) => phase === "live"),
    async stop() {
      await client.close();
      await cache.close();
    },
  };
}
