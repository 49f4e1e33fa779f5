// The whole built app is told to end in every state that the bridge knows: it ends in order, with exit code 0, and leaves no process behind.
// Native add-ons abort a process whose threads hold them when it ends; so no thread's code may reach one either, which is looked at too.
import { type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import WebSocket from "ws";
import { spawnShell } from "../../../../bin/shell-process.mjs";
import { decodeEngineToUi, encodeMessage } from "../../../shared/protocol/codec.ts";
import type { CommandInput, CommandName } from "../../../shared/protocol/commands.ts";
import type { CommandOutput, EngineFrame } from "../../../shared/protocol/frames.ts";

const DIST_MAIN = fileURLToPath(new URL("../../../../dist/main/", import.meta.url));
const ADDRESS = /http:\/\/127\.0\.0\.1:\d+\/\S*/;
const LONG_MS = 60_000;
const ANY = { pub: "tcp://127.0.0.1:*", rpc: "tcp://127.0.0.1:*" } as const;

/** What a screen does, without one. */
class Screen {
  readonly #socket: WebSocket;
  readonly #answers = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  readonly #watchers = new Set<(frame: EngineFrame) => void>();
  #id = 0;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (bytes: Buffer) => {
      const message = decodeEngineToUi(new Uint8Array(bytes).buffer);
      if (message.type === "frame") {
        for (const watcher of this.#watchers) watcher(message.frame);
        socket.send(new Uint8Array(encodeMessage({ type: "painted", frame: message.frame.frame })));
        return;
      }
      const waiting = this.#answers.get(message.id);
      if (message.ok) waiting?.resolve(message.value);
      else waiting?.reject(new Error(message.fault.message));
    });
  }

  call<N extends CommandName>(name: N, input: CommandInput<N>): Promise<CommandOutput<N>> {
    this.#id += 1;
    const id = this.#id;
    this.#socket.send(new Uint8Array(encodeMessage({ type: "call", id, name, input })));
    return new Promise((resolve, reject) => this.#answers.set(id, { resolve: (value) => { resolve(value as CommandOutput<N>); }, reject }));
  }

  until(isIt: (frame: EngineFrame) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const watcher = (frame: EngineFrame): void => {
        if (!isIt(frame)) return;
        this.#watchers.delete(watcher);
        resolve();
      };
      this.#watchers.add(watcher);
    });
  }
}

interface Running { readonly child: ChildProcess; readonly screen: Screen; readonly said: () => string }

const folders: string[] = [];
const left: ChildProcess[] = [];
afterEach(async () => {
  for (const child of left.splice(0)) if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

async function start(): Promise<Running> {
  const data = await mkdtemp(join(tmpdir(), "tapedeck-ending-"));
  folders.push(data);
  const child = spawnShell(join(DIST_MAIN, "browser-shell.js"), ["--data", data, "--no-open"], ["ignore", "pipe", "pipe", "ipc"]);
  left.push(child);
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (said += text));
  const address = await new Promise<string>((resolve, reject) => {
    let output = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      const [found] = ADDRESS.exec(output) ?? [];
      if (found !== undefined) resolve(found);
    });
    child.on("exit", (code) => { reject(new Error(`the app ended with ${code}: ${output}${said}`)); });
  });
  const answer = await fetch(address, { redirect: "manual" });
  const { origin, host } = new URL(address);
  const socket = new WebSocket(`ws://${host}/engine`, { headers: { cookie: answer.headers.get("set-cookie")?.split(";")[0] ?? "" }, origin, perMessageDeflate: false });
  await once(socket, "open");
  const screen = new Screen(socket);
  const painted = screen.until(({ view }) => (view?.bars.length ?? 0) > 0);
  await screen.call("hello", {});
  await screen.call("view.set", { venue: "sim", symbol: "BTCUSDT", interval: "1s", bars: 100 });
  await painted;
  return { child, screen, said: () => said };
}

const remoteIs = (state: string) => ({ remotes }: EngineFrame): boolean =>
  remotes?.some((remote) => remote.state === state || remote.series.some((series) => series.state === state)) ?? false;

async function share(screen: Screen): Promise<string> {
  const { rpc } = await screen.call("share.start", ANY);
  return rpc;
}

/** This machine's own sharing, as a remote. */
async function showItself(screen: Screen): Promise<void> {
  const rpc = await share(screen);
  await screen.call("remote.save", { remote: { remoteId: "self", name: "Self", rpc } });
  const live = screen.until(remoteIs("live"));
  await screen.call("remote.open", { remoteId: "self", series: { venue: "sim", symbol: "BTCUSDT", interval: "1s" } });
  await live;
}

const STATES: readonly (readonly [string, (screen: Screen) => Promise<void>])[] = [
  ["recording, with a screen that is live", async () => undefined],
  ["a replay that stands still", async (screen) => {
    await screen.call("player", { type: "pause" });
    await screen.call("player", { type: "step", by: "event", direction: -1, count: 10 });
  }],
  ["sharing", async (screen) => void (await share(screen))],
  ["a remote that nobody answers for", async (screen) => {
    await screen.call("remote.save", { remote: { remoteId: "nobody", name: "Nobody", rpc: "tcp://127.0.0.1:9" } });
    const opened = screen.call("remote.open", { remoteId: "nobody", series: { venue: "sim", symbol: "BTCUSDT", interval: "1s" } });
    await Promise.all([opened, screen.until(({ remotes }) => remotes?.some(({ state }) => state === "connecting" || state === "reconnecting") ?? false)]);
  }],
  ["a remote being tested", async (screen) => {
    // Its answer never comes: the app ends first.
    screen.call("remote.test", { rpc: "tcp://127.0.0.1:9" }).catch(() => undefined);
    await screen.call("settings.get", {});
  }],
  ["a remote that is warming up", async (screen) => {
    const rpc = await share(screen);
    await screen.call("remote.save", { remote: { remoteId: "self", name: "Self", rpc } });
    await screen.call("remote.open", { remoteId: "self", series: { venue: "sim", symbol: "BTCUSDT", interval: "1s" } });
  }],
  ["a remote that is live, served by this very app", showItself],
  ["a remote whose server went away", async (screen) => {
    await showItself(screen);
    const lost = screen.until(remoteIs("reconnecting"));
    await screen.call("share.stop", {});
    await lost;
  }],
  ["a verification under way", async (screen) => {
    const [capture] = await screen.call("captures.list", {});
    await screen.call("verify.start", { captureId: capture?.captureId ?? "" });
  }],
];

/** Of a process that is gone, or was never ours. */
function descendantsOf(pid: number): readonly number[] {
  if (process.platform !== "linux") return [];
  const children = readdirSync("/proc").filter((name) => /^\d+$/.test(name)).filter((name) => {
    try {
      return new RegExp(`^PPid:\\s+${pid}$`, "m").test(readFileSync(`/proc/${name}/status`, "utf8"));
    } catch {
      return false; // gone meanwhile
    }
  });
  return children.map(Number);
}

test.each(STATES)("%s: told to end, it ends in order", async (_state, bring) => {
  const { child, screen, said } = await start();
  await bring(screen);
  const children = descendantsOf(child.pid ?? 0);
  child.kill("SIGTERM");
  const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
  expect({ code, signal, said: said() }).toMatchObject({ code: 0, signal: null });
  expect(said()).not.toMatch(/terminate called|Napi|still busy|unexpected error/);
  expect(children.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
}, LONG_MS);

test("no thread's code reaches a native add-on", () => {
  const reached = (file: string, seen: Set<string>): Set<string> => {
    if (seen.has(file)) return seen;
    seen.add(file);
    for (const [, from = ""] of readFileSync(file, "utf8").matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)) {
      if (from.startsWith(".")) reached(resolve(dirname(file), from), seen);
      else seen.add(from);
    }
    return seen;
  };
  const workers = readdirSync(join(DIST_MAIN, "workers")).filter((name) => name.endsWith(".js"));
  expect(workers.length).toBeGreaterThan(4);
  for (const name of workers) {
    const packages = [...reached(join(DIST_MAIN, "workers", name), new Set())].filter((from) => !from.startsWith("/"));
    expect({ name, native: packages.filter((from) => from === "zeromq" || from.startsWith("@duckdb/")) }).toEqual({ name, native: [] });
  }
  // The same look finds them where they are.
  expect([...reached(join(DIST_MAIN, "processes", "bridge-client.js"), new Set())]).toEqual(expect.arrayContaining(["zeromq", "@duckdb/node-api"]));
});
