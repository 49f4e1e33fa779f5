// The bridge's processes, real ones: they work together, and they end well in every state, however they are ended.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Dealer } from "zeromq";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { StreamKey } from "../bridge/model.ts";
import type { Bound, ProbeReport, RemoteEndpoint, TapeFrame } from "../bridge/process-messages.ts";
import { flatBuffersCodec } from "../bridge/wire/codec.ts";
import { testClient } from "../bridge/zmq/zmq.testkit.ts";
import { isRunning } from "../engine/child.testkit.ts";
import { makeCurvePair } from "../keys/curve-pair.ts";
import { CSV_START_MS, Processes, csvFile, reported, served, serveOptions, type ClientChild, type Exit, type ServerChild } from "./bridge-processes.testkit.ts";

const KEY: StreamKey = { sourceId: "FIXTURE", symbol: "BTCUSDT", interval: "1s" };
const FEW = 500;
const MANY = 25_000;

let processes: Processes;
let folder: string;
let few: string;
let many: string;
let silent: Server;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tapedeck-processes-"));
  [processes, few, many] = await Promise.all([Processes.build(), csvFile(folder, FEW), csvFile(folder, MANY)]);
  // Takes connections and says nothing.
  silent = createServer().listen(0, "127.0.0.1");
  await once(silent, "listening");
});
afterAll(async () => {
  silent.close();
  await processes[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

let scratches = 0;
function scratch(): string {
  scratches += 1;
  return join(folder, String(scratches));
}

function endpoint(rpc: string, changes: Partial<RemoteEndpoint> = {}): RemoteEndpoint {
  return { remoteId: "r", rpc, pub: undefined, security: undefined, ...changes };
}

async function opened(): Promise<ClientChild> {
  const client = processes.client();
  await client.child.call({ type: "open_cache", file: join(scratch(), "cache.duckdb") });
  return client;
}

async function watching(rpc: string, changes: Partial<RemoteEndpoint> = {}): Promise<ClientChild> {
  const client = await opened();
  await client.child.call({ type: "connect", endpoint: endpoint(rpc, changes), name: "test" });
  await client.child.call({ type: "watch", remoteId: "r", keys: [KEY] });
  return client;
}

describe("together", () => {
  test("what is served is probed, fetched, shown, and live", async () => {
    const { server, bound } = await served(processes, serveOptions(scratch(), few));
    await server.notes.first(({ type }) => type === "fed");
    const client = await watching(bound.rpc);
    expect(await client.child.call<ProbeReport>({ type: "probe", endpoint: endpoint(bound.rpc), timeoutMs: 5_000 })).toMatchObject({
      serverVersion: "test", mode: "replay", streams: [{ ...KEY, latestSequence: FEW }],
    });
    const report = await reported(client, ({ status }) => status.streams[0]?.phase === "live");
    expect(report.status.streams[0]).toMatchObject({ appliedSequence: FEW, latestSequence: FEW, holes: [] });
    await client.child.call({ type: "tape_open", tapeId: 1, remoteId: "r", view: { key: KEY, bars: 100, untilOpenMs: undefined } });
    await client.notes.first((note) => note.type === "tape_dirty" && note.tapeId === 1);
    const frame = await client.child.call<TapeFrame>({ type: "tape_take", tapeId: 1 });
    expect(frame.tape).toEqual({ kind: "remote", remoteId: "r", name: "test" });
    expect(frame.view?.kind).toBe("reset");
    const lastMs = CSV_START_MS + (FEW - 1) * 1_000;
    const inspected = await client.child.call<{ readonly key: unknown }>({ type: "tape_inspect", tapeId: 1, key: { venue: "FIXTURE", symbol: "BTCUSDT", interval: "1s", openMs: lastMs }, revision: undefined });
    expect(inspected.key).toMatchObject({ openMs: lastMs });
    await client.child.call({ type: "tape_close", tapeId: 1 });
    await client.child.close({ type: "close" });
    await server.child.close({ type: "close" });
    expect([await client.exited, await server.exited]).toEqual([IN_ORDER, IN_ORDER]);
    expect([...client.deaths.all, ...server.deaths.all]).toEqual([]);
  });

  test("a server that is killed comes back at the same place, and its client goes on", async () => {
    const options = serveOptions(scratch(), few, { feed: { kind: "csv", file: few, sourceId: "FIXTURE", rowsPerSecond: 400, held: false } });
    const first = await served(processes, options);
    const client = await watching(first.bound.rpc);
    await reported(client, ({ status }) => (status.streams[0]?.appliedSequence ?? 0) > 20);
    first.server.raw.kill("SIGKILL");
    expect((await first.server.deaths.first(() => true)).message).toContain("SIGKILL");
    await reported(client, ({ status }) => status.streams[0]?.phase === "reconnecting");
    const { server, bound } = await served(processes, { ...options, pub: first.bound.pub, rpc: first.bound.rpc });
    expect(bound).toEqual(first.bound);
    const whole = await reported(client, ({ status }) => status.streams[0]?.appliedSequence === FEW);
    expect(whole.status.streams[0]).toMatchObject({ holes: [] });
    await client.child.close({ type: "close" });
    await server.child.close({ type: "close" });
  });

  test("keys: refused, trusted at run time, cut off when revoked", async () => {
    const [own, friend] = [makeCurvePair(), makeCurvePair()];
    const { server, bound } = await served(processes, serveOptions(scratch(), few, { security: { ...own, trusted: [] } }));
    const security = { serverKey: own.publicKey, ...friend };
    const client = await opened();
    const probing = (): Promise<ProbeReport> => client.child.call<ProbeReport>({ type: "probe", endpoint: endpoint(bound.rpc, { security }), timeoutMs: 5_000 });
    await expect(probing()).rejects.toMatchObject({ fault: { code: "bridge.refused" } });
    const told = await server.notes.first(({ type }) => type === "problem");
    expect(told).toMatchObject({ problem: { code: "bridge.turned-away", message: expect.stringContaining(`tapedeck keys trust NAME '${friend.publicKey}'`) } });
    await server.child.call({ type: "trust", trusted: [friend.publicKey] });
    expect((await probing()).streams).toHaveLength(1);
    await server.child.call({ type: "trust", trusted: [] });
    await expect(probing()).rejects.toMatchObject({ fault: { code: "bridge.refused" } });
    await client.child.close({ type: "close" });
    await server.child.close({ type: "close" });
  });

  test("what cannot be served is said, and the process can be asked again", async () => {
    const { server: other, bound } = await served(processes, serveOptions(scratch(), few));
    const server = processes.server();
    const here = scratch();
    await expect(server.child.call({ type: "serve", options: serveOptions(here, join(folder, "absent.csv")) })).rejects.toMatchObject({ fault: { code: "disk.not-found" } });
    await expect(server.child.call({ type: "serve", options: serveOptions(here, few, { pub: bound.pub }) })).rejects.toMatchObject({ fault: { code: "bridge.address-in-use" } });
    await expect(server.child.call({ type: "serve", options: serveOptions(here, few, { rpc: "tcp://0.0.0.0:*" }) })).rejects.toMatchObject({ fault: { code: "bridge.needs-keys" } });
    const options = serveOptions(here, few);
    await server.child.call<Bound>({ type: "serve", options });
    const third = processes.server();
    await expect(third.child.call({ type: "serve", options })).rejects.toMatchObject({ fault: { code: "log.locked" } });
    for (const one of [third, server, other]) {
      await one.child.close({ type: "close" });
      expect(await one.exited).toEqual(IN_ORDER);
    }
  });

  test.each([
    ["nobody there", (): string => "tcp://127.0.0.1:9", "bridge.unreachable"],
    ["somebody who says nothing", (): string => silentAddress(), "bridge.unreachable"],
    ["an address that is none", (): string => "http://x", "bridge.bad-address"],
  ])("probing %s says so", async (_name, rpc, code) => {
    const client = processes.client();
    await expect(client.child.call({ type: "probe", endpoint: endpoint(rpc()), timeoutMs: 300 })).rejects.toMatchObject({ fault: { code } });
    await client.child.close({ type: "close" });
    expect(await client.exited).toEqual(IN_ORDER);
  });
});

// ── Endings ──────────────────────────────────────────────────────────────────

const IN_ORDER: Exit = { code: 0, signal: null };

function silentAddress(): string {
  return `tcp://127.0.0.1:${(silent.address() as { port: number }).port}`;
}

/** Each ends a child; all of them in order. */
const ENDINGS = {
  "its parent's farewell": ({ child }: ServerChild | ClientChild): void => {
    void child.close({ type: "close" });
  },
  SIGTERM: ({ raw }: ServerChild | ClientChild): void => {
    raw.kill("SIGTERM");
  },
  // What a parent's kill -9 looks like from within; the real one is below, where nobody is left to see the exit code.
  "the loss of its parent": ({ raw }: ServerChild | ClientChild): void => {
    raw.disconnect();
  },
} as const;

/** A call that the ending may overtake. */
function unanswered(call: Promise<unknown>): void {
  call.catch(() => undefined);
}

/** Up, so that a signal finds its handler: what it is asked for first it cannot do, and says so. */
async function idleServer(): Promise<ServerChild> {
  const server = processes.server();
  await expect(server.child.call({ type: "status" })).rejects.toThrow("the bridge serves");
  return server;
}
async function idleClient(): Promise<ClientChild> {
  const client = processes.client();
  await expect(client.child.call({ type: "tape_take", tapeId: 1 })).rejects.toThrow("tape 1 is open");
  return client;
}

const SERVER_STATES: Readonly<Record<string, () => Promise<ServerChild>>> = {
  "that does not serve yet": () => idleServer(),
  "that begins to serve": async () => {
    const server = await idleServer();
    unanswered(server.child.call({ type: "serve", options: serveOptions(scratch(), many) }));
    return server;
  },
  "with a client that listens": async () => {
    const { server, bound } = await served(processes, serveOptions(scratch(), few, { feed: { kind: "csv", file: few, sourceId: "FIXTURE", rowsPerSecond: 100, held: false } }));
    const client = testClient(bound);
    await client.connect();
    client.transport.subscribe("");
    await client.published.first(() => true);
    void server.exited.then(() => client.transport.close());
    return server;
  },
  "in the middle of a backfill": async () => {
    const { server, bound } = await served(processes, serveOptions(scratch(), many));
    await server.notes.first(({ type }) => type === "fed");
    const dealer = new Dealer({ linger: 0 });
    dealer.connect(bound.rpc);
    const from = (id: number): Uint8Array =>
      flatBuffersCodec.encodeRequest(id, { type: "backfill", key: KEY, historyId: bound.history.historyId, fromSequenceExclusive: id * 1_000, limit: 1_000, endMs: undefined, acceptsZstd: false });
    for (let id = 1; id <= 24; id += 1) await dealer.send(from(id));
    await dealer.receive();
    void server.exited.then(() => { dealer.close(); });
    return server;
  },
};

const CLIENT_STATES: Readonly<Record<string, (bound: Bound) => Promise<ClientChild>>> = {
  "that has no cache yet": () => idleClient(),
  "that opens its cache": async () => {
    const client = await idleClient();
    unanswered(client.child.call({ type: "open_cache", file: join(scratch(), "cache.duckdb") }));
    return client;
  },
  "with a cache only": () => opened(),
  "that probes": async () => {
    const client = await opened();
    unanswered(client.child.call({ type: "probe", endpoint: endpoint(silentAddress()), timeoutMs: 60_000 }));
    return client;
  },
  "that connects": () => watching(silentAddress()),
  "that nobody answers": async () => {
    const client = await watching("tcp://127.0.0.1:9");
    await reported(client, ({ status }) => status.link === "lost");
    return client;
  },
  "that warms up": async ({ rpc }) => {
    const client = await watching(rpc);
    await reported(client, ({ status }) => status.streams[0]?.phase === "warming");
    return client;
  },
  "that is live": async ({ rpc }) => {
    const client = await watching(rpc);
    await reported(client, ({ status }) => status.streams[0]?.phase === "live");
    await client.child.call({ type: "tape_open", tapeId: 1, remoteId: "r", view: { key: KEY, bars: 2_000, untilOpenMs: undefined } });
    return client;
  },
};

describe.each(Object.entries(ENDINGS))("ended by %s", (_name, end) => {
  test.each(Object.entries(SERVER_STATES))("a server %s ends in order", async (_state, prepare) => {
    const server = await prepare();
    end(server);
    expect(await server.exited).toEqual(IN_ORDER);
  });

  describe("clients", () => {
    let server: ServerChild;
    let bound: Bound;
    beforeAll(async () => {
      ({ server, bound } = await served(processes, serveOptions(scratch(), many)));
      await server.notes.first(({ type }) => type === "fed");
    });
    afterAll(() => server.child.close({ type: "close" }));

    test.each(Object.entries(CLIENT_STATES))("a client %s ends in order", async (_state, prepare) => {
      const client = await prepare(bound);
      end(client);
      expect(await client.exited).toEqual(IN_ORDER);
    });
  });
});

test("kill -9 of the parent at work leaves no orphan", async () => {
  const here = scratch();
  const argument = JSON.stringify({ options: serveOptions(here, many), cacheFile: join(here, "cache.duckdb") });
  const parent = spawn(process.execPath, [fileURLToPath(processes.entry("bridge-parent.testkit")), argument], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(createInterface({ input: parent.stdout }), "line")) as [string];
  const pids = line.split(" ").map(Number);
  expect(await Promise.all(pids.map(isRunning))).toEqual([true, true]);
  parent.kill("SIGKILL");
  await once(parent, "exit");
  await vi.waitFor(async () => expect(await Promise.all(pids.map(isRunning))).toEqual([false, false]), { timeout: 10_000 });
});
