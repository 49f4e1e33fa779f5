// A whole engine with its real threads and a screen that a test plays: what a disk that fills up does, a symbol that is added while
// recording, and latencies up to the paint.
import { execFileSync, spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FaultError } from "../../shared/base.ts";
import { decodeControl } from "../../shared/control.ts";
import { decodeEngineToUi, encodeMessage } from "../../shared/protocol/codec.ts";
import type { CommandInput, CommandName } from "../../shared/protocol/commands.ts";
import type { CommandOutput, EngineFrame } from "../../shared/protocol/frames.ts";
import { CONTROL_STREAM } from "../../shared/raw.ts";
import { composeEngine, DEFAULT_SOURCE, type ShellArguments } from "../compose.ts";
import { readAll } from "../importers/import.testkit.ts";
import type { ClientPort } from "./client-port.ts";
import type { Engine } from "./engine.ts";
import { verifyFolder } from "./verify-folder.ts";

const DIST_MAIN = new URL("../../../dist/main/", import.meta.url);
const RUN = `import { runCli } from ${JSON.stringify(new URL("cli.js", DIST_MAIN).href)}; process.exitCode = await runCli(process.argv.slice(1));`;
const MIB = 1_024 ** 2;
const PATIENCE = { timeout: 20_000, interval: 50 } as const;

/** A screen that paints at once and remembers the last of everything it was told. */
class TestScreen implements ClientPort {
  seen: Partial<EngineFrame> = {};
  readonly problems: string[] = [];
  readonly #calls = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #receive: (bytes: ArrayBuffer) => void = () => undefined;
  #nextId = 1;

  send(bytes: ArrayBuffer): void {
    const message = decodeEngineToUi(bytes);
    if (message.type === "frame") {
      this.seen = { ...this.seen, ...message.frame };
      this.problems.push(...(message.frame.problems ?? []).map(({ code }) => code));
      queueMicrotask(() => { this.#receive(encodeMessage({ type: "painted", frame: message.frame.frame })); });
    } else if (message.ok) this.#calls.get(message.id)?.resolve(message.value);
    else this.#calls.get(message.id)?.reject(new FaultError(message.fault));
  }
  onMessage(listener: (bytes: ArrayBuffer) => void): void {
    this.#receive = listener;
  }
  onClose(): void {}
  close(): void {}

  call<N extends CommandName>(name: N, input: CommandInput<N>): Promise<CommandOutput<N>> {
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#receive(encodeMessage({ type: "call", id, name, input }));
    });
  }
}

const cleanups: (() => Promise<void>)[] = [];
let screen: TestScreen;
beforeEach(() => {
  screen = new TestScreen();
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function dataFolder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "tapedeck-keeping-"));
  cleanups.push(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function start(data: string, changes: Partial<ShellArguments> = {}): Promise<Engine> {
  const args: ShellArguments = {
    dataFolder: data, port: undefined, open: false, diskLimits: {}, metrics: undefined,
    request: { ...DEFAULT_SOURCE, symbols: ["BTCUSDT"], simulator: { seed: 3, messagesPerSecond: 500 } }, ...changes,
  };
  const engine = await composeEngine({ dataFolder: data, distMain: DIST_MAIN, shell: "browser", args });
  cleanups.push(() => engine.close("test over"));
  engine.attach(screen);
  await screen.call("hello", {});
  return engine;
}

test("a disk that fills up stops the recording in good order, replay goes on, and it starts again once there is space", async (context) => {
  const data = await dataFolder();
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=96m", "tmpfs", data], { stdio: "ignore" });
  } catch {
    return context.skip("mounting a tmpfs needs root");
  }
  cleanups.push(async () => { execFileSync("umount", [data]); });
  const engine = await start(data, { diskLimits: { lowBytes: 40 * MIB, stopBytes: 20 * MIB } });
  const captureId = engine.recording?.captureId ?? expect.fail("nothing is recorded");
  await expect.poll(() => screen.seen.recording?.durable ?? 0, PATIENCE).toBeGreaterThan(500);

  await writeFile(join(data, "filler-1"), Buffer.alloc(60 * MIB));
  await expect.poll(() => screen.problems, PATIENCE).toContain("disk.getting-full");
  expect(screen.seen.recording?.state).toBe("recording");
  await writeFile(join(data, "filler-2"), Buffer.alloc(18 * MIB));
  await expect.poll(() => screen.seen.recording, PATIENCE).toMatchObject({ state: "halted", fault: { code: "disk.low", message: expect.stringMatching(/free at .*: below the 20\.0 MiB at which recording stops/) as string } });
  await expect.poll(() => screen.seen.health, PATIENCE).toMatchObject({ status: "RED", disk: { state: "full" }, streams: [] });

  // Sealed, and nothing lost: the log ends with the reason.
  const records = await readAll(join(data, "captures", captureId));
  const last = records.at(-1);
  expect(last?.stream.streamId).toBe(CONTROL_STREAM.streamId);
  expect(last && decodeControl(last.payload)).toMatchObject({ ok: true, value: { kind: "stopped", reason: "disk.low" } });
  expect((await screen.call("captures.list", {})).map(({ state }) => state)).toEqual(["complete"]);
  // Replay of the same screen.
  await screen.call("tape.open", { captureId });
  await screen.call("player", { type: "seek_seq", seq: 200 });
  await expect.poll(() => screen.seen.player, PATIENCE).toMatchObject({ mode: "paused", growing: false, point: { seq: expect.toSatisfy((seq: number) => seq > 0 && seq <= 200) as number } });
  expect((await screen.call("raw.read", { captureId, fromSeq: 1, limit: 10 })).messages).toHaveLength(10);

  await screen.call("record.start", {});
  await expect.poll(() => screen.seen.recording, PATIENCE).toMatchObject({ state: "halted", fault: { message: expect.stringMatching(/a recording starts with at least 22\.0 MiB/) as string } });
  await rm(join(data, "filler-1"));
  await rm(join(data, "filler-2"));
  await screen.call("record.start", {});
  await expect.poll(() => screen.seen.recording?.state, PATIENCE).toBe("recording");
  await expect.poll(() => screen.seen.health?.status, PATIENCE).toBe("GREEN");
  expect(await verifyFolder({ captureFolder: join(data, "captures", captureId) })).toMatchObject({ result: "MATCH" });
});

test("a screen that follows is measured from the log to its paint; metrics say the same", async () => {
  const engine = await start(await dataFolder(), { metrics: { host: "127.0.0.1", port: 0 } });
  await expect.poll(() => screen.seen.health?.logToScreen?.count ?? 0, PATIENCE).toBeGreaterThan(50);
  expect(screen.seen.health?.logToScreen?.max).toBeGreaterThan(0);
  // The recorder, the deriver and the screen each say their part in their own time.
  const above = (least: number): number => expect.toSatisfy((value: number) => value > least) as number;
  await expect.poll(() => screen.seen.health?.streams.find(({ streamId }) => streamId === "sim:BTCUSDT:aggTrade"), PATIENCE)
    .toMatchObject({ hereToLog: { count: above(0) }, exchangeToHere: { count: above(0) }, watermarkAgeMs: above(2_000) });
  const text = await (await fetch(`http://${engine.metricsAddress}/metrics`)).text();
  expect(Number(/^tapedeck_log_to_screen_seconds_count (\d+)$/m.exec(text)?.[1])).toBeGreaterThan(50);
  expect(text).toContain('tapedeck_here_to_log_seconds_count{venue="sim",channel="aggTrade"}');
  expect(await (await fetch(`http://${engine.metricsAddress}/health`)).json()).toMatchObject({ mode: null, recording: { capture_id: engine.recording?.captureId } });
});

async function simulate(...symbols: readonly string[]): Promise<string> {
  const child: ChildProcessByStdio<null, Readable, null> = spawn(process.execPath, ["--input-type=module", "-e", RUN, "--", "simulate", "--json", "--rate", "500", ...symbols.flatMap((symbol) => ["--symbol", symbol])], { stdio: ["ignore", "pipe", "ignore"] });
  cleanups.push(async () => {
    child.kill("SIGTERM");
    await once(child, "exit");
  });
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  return (JSON.parse(line) as { url: string }).url;
}

test("a symbol is added while recording: the same capture, the same screen, nothing lost of the others, and kept for the next start", async () => {
  const data = await dataFolder();
  const url = await simulate("BTCUSDT", "ETHUSDT");
  const request = { ...DEFAULT_SOURCE, symbols: ["BTCUSDT"], endpoints: [`sim=${url}`] };
  const engine = await start(data, { request });
  const captureId = engine.recording?.captureId ?? expect.fail("nothing is recorded");
  const stateOf = (symbol: string): string | undefined => screen.seen.streams?.find((stream) => stream.symbol === symbol && stream.channel === "aggTrade")?.state;
  await expect.poll(() => stateOf("BTCUSDT"), PATIENCE).toBe("live");
  await expect(screen.call("record.symbol", { venue: "sim", symbol: "BTCUSDT" })).rejects.toMatchObject({ fault: { code: "record.known-symbol" } });
  await expect(screen.call("record.symbol", { venue: "okx-swap", symbol: "BTCUSDT" })).rejects.toMatchObject({ fault: { code: "record.unknown-venue" } });

  await screen.call("record.symbol", { venue: "sim", symbol: "ETHUSDT" });
  await expect.poll(() => [stateOf("BTCUSDT"), stateOf("ETHUSDT")], PATIENCE).toEqual(["live", "live"]);
  expect(engine.recording?.captureId).toBe(captureId);
  const before = screen.seen.player?.range.toSeq ?? 0;
  await expect.poll(() => screen.seen.player, PATIENCE).toMatchObject({ mode: "following", growing: true, range: { toSeq: expect.toSatisfy((seq: number) => seq > before) as number } });
  expect(JSON.parse(await readFile(join(data, "settings.json"), "utf8"))).toMatchObject({ recordSymbols: { sim: ["ETHUSDT"] } });
  await expect.poll(() => screen.seen.recording?.gapsOpen, PATIENCE).toBe(0);
  await engine.close("test over");

  const folder = join(data, "captures", captureId);
  const controls = (await readAll(folder)).filter(({ stream }) => stream.streamId === CONTROL_STREAM.streamId).map(({ payload }) => decodeControl(payload));
  const configs = controls.flatMap((record) => (record.ok && record.value.kind === "config" ? [record.value.config.symbols.map(({ symbol }) => symbol)] : []));
  expect(configs).toEqual([["BTCUSDT"], ["BTCUSDT", "ETHUSDT"]]);
  expect(await verifyFolder({ captureFolder: folder })).toMatchObject({ result: "MATCH" });

  screen = new TestScreen();
  await start(data, { request });
  await expect.poll(() => stateOf("ETHUSDT"), PATIENCE).toBe("live");
}, 60_000);
