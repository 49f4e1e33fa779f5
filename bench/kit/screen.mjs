// A screen without pixels: starts the built browser shell on a fresh data folder, signs in as a browser does, opens what is being
// recorded, and acknowledges each frame at the display's next refresh, as the renderer does after painting.
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import WebSocket from "ws";
import { spawnShell } from "../../bin/shell-process.mjs";
import { product } from "./product.mjs";

const SHELL = fileURLToPath(new URL("../../dist/main/browser-shell.js", import.meta.url));
const ADDRESS = /http:\/\/127\.0\.0\.1:\d+\/\S*/;
const REFRESH_MS = 1_000 / 60;
const BARS = 1_500;

const { decodeEngineToUi, encodeMessage } = await product("shared/protocol/codec");

/**
 * The app with its data in a folder of its own, or in one that is kept. `startedMs`: `performance.now()` before the process was started.
 */
export async function startShell(args = [], keptFolder) {
  const data = keptFolder ?? (await mkdtemp(join(tmpdir(), "tapedeck-screen-")));
  const startedMs = performance.now();
  const child = spawnShell(SHELL, ["--data", data, "--no-open", ...args], ["ignore", "pipe", "pipe", "ipc"]);
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (said += text));
  const exited = once(child, "exit");
  const address = await new Promise((resolve, reject) => {
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      output += text;
      const match = ADDRESS.exec(output);
      if (match !== null) resolve(match[0]);
    });
    exited.then(([code]) => reject(new Error(`the app ended with ${code} before it printed an address:\n${output}${said}`)), reject);
  });
  return {
    address, pid: child.pid, startedMs, addressMs: performance.now() - startedMs,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    said: () => said,
    async stop() {
      child.kill("SIGTERM");
      const [code] = await exited;
      if (keptFolder === undefined) await rm(data, { recursive: true, force: true });
      if (code !== 0) throw new Error(`the app ended with ${code}:\n${said}`);
    },
  };
}

async function signIn(address) {
  const answer = await fetch(address, { redirect: "manual" });
  const cookie = answer.headers.get("set-cookie");
  if (cookie === null) throw new Error(`${address} answered ${answer.status} and set no cookie`);
  return cookie.split(";")[0];
}

export class Screen {
  #socket;
  #waiting = new Map();
  #listeners = new Set();
  #nextId = 1;
  frames = 0;
  /** Frames that told of trouble. */
  problems = [];

  static async connect(address) {
    const { origin, host } = new URL(address);
    const cookie = await signIn(address);
    const screen = new Screen();
    screen.#socket = new WebSocket(`ws://${host}/engine`, { headers: { cookie }, origin, perMessageDeflate: false });
    screen.#socket.on("message", (bytes) => screen.#received(bytes));
    screen.#socket.on("close", () => screen.#closed());
    await once(screen.#socket, "open");
    return screen;
  }

  #received(bytes) {
    const message = decodeEngineToUi(new Uint8Array(bytes));
    if (message.type === "frame") this.#frame(message.frame);
    else {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (message.ok) waiting?.resolve(message.value);
      else waiting?.reject(new Error(message.fault.message));
    }
  }

  #frame(frame) {
    this.frames += 1;
    this.problems.push(...(frame.problems ?? []));
    for (const listener of this.#listeners) listener(frame);
    // A display shows what is there when it refreshes, sixty times a second, whenever it came.
    setTimeout(() => this.#send({ type: "painted", frame: frame.frame }), REFRESH_MS - (performance.now() % REFRESH_MS));
  }

  #send(message) {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(encodeMessage(message));
  }

  #closed() {
    for (const { reject } of this.#waiting.values()) reject(new Error("the engine closed the link"));
    this.#waiting.clear();
  }

  call(name, input) {
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#send({ type: "call", id, name, input });
    });
  }

  /** Calls the listener with every frame until it returns true; resolves then. */
  until(listener) {
    return new Promise((resolve, reject) => {
      const each = (frame) => {
        if (!listener(frame)) return;
        this.#listeners.delete(each);
        resolve();
      };
      this.#listeners.add(each);
      this.#socket.once("close", () => reject(new Error("the engine closed the link")));
    });
  }

  /** What a screen does first: greets, opens the capture that is being recorded, and asks for its candles. */
  async openLive() {
    const hello = await this.call("hello", {});
    const isRecorded = ({ state }) => state === "recording";
    let capture = (await this.call("captures.list", {})).find(isRecorded);
    if (capture === undefined) await this.until((frame) => (capture = frame.captures?.find(isRecorded)) !== undefined);
    await this.call("tape.open", { captureId: capture.captureId });
    await this.call("view.set", { ...hello.firstSeries, bars: BARS });
  }

  close() {
    this.#socket.close();
  }
}
