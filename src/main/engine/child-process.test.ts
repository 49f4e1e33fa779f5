import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { Fault } from "../../shared/base.ts";
import { buildEntries, isRunning, type BuiltEntries } from "./child.testkit.ts";
import { ChildProcess, type ChildExit, type SpawnedChild } from "./child-process.ts";
import type { EchoCall } from "./echo-child.testkit.ts";

let built: BuiltEntries;
beforeAll(async () => {
  built = await buildEntries(["src/main/engine/echo-child.testkit.ts", "src/main/engine/echo-parent.testkit.ts"]);
});
afterAll(() => built[Symbol.asyncDispose]());

interface Started {
  readonly child: ChildProcess<EchoCall, string, string>;
  readonly notes: string[];
  readonly deaths: Fault[];
}

function start(): Started {
  const [notes, deaths]: [string[], Fault[]] = [[], []];
  const child = new ChildProcess<EchoCall, string, string>({
    entry: built.entry("echo-child.testkit"), name: "echo", onNote: (note) => notes.push(note), onDeath: (death) => deaths.push(death),
  });
  return { child, notes, deaths };
}

test("calls are answered, with bigints and bytes; faults are faults; notes go both ways; it ends by itself", async () => {
  const { child, notes, deaths } = start();
  const value = { big: 12n ** 20n, bytes: new Uint8Array([1, 2, 3]), nothing: undefined };
  expect(await child.call({ type: "echo", value })).toEqual(value);
  await expect(child.call({ type: "fail" })).rejects.toMatchObject({ fault: { code: "test.failed", message: "as asked" } });
  child.note("hello");
  expect(await child.close<string>({ type: "close" })).toBe("bye");
  expect(notes).toEqual(["echo hello", "ended in order"]);
  expect(deaths).toEqual([]);
  expect(await isRunning(child.pid ?? 0)).toBe(false);
  expect(await child.close({ type: "close" })).toBeUndefined();
  await expect(child.call({ type: "echo", value: 1 })).rejects.toMatchObject({ fault: { code: "engine.process-ended" } });
});

describe("a child that dies", () => {
  test.each([
    ["crash", /exit code 1\): (.|\n)*crashed as asked/],
    ["abort", /signal SIGABRT/],
  ] as const)("by %s: its calls fail, and its death is told once, with its last words", async (type, words) => {
    const stderr = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    const { child, deaths } = start();
    const waiting = child.call({ type: "never" });
    void child.call({ type }).catch(() => undefined);
    await expect(waiting).rejects.toMatchObject({ fault: { code: "engine.process-ended", message: expect.stringMatching(words) } });
    await vi.waitFor(() => expect(deaths).toHaveLength(1));
    stderr.mockRestore();
  });

  test("by SIGTERM: in order, exit code 0", async () => {
    const { child, notes, deaths } = start();
    await child.call({ type: "echo", value: 1 });
    process.kill(child.pid ?? 0, "SIGTERM");
    await vi.waitFor(() => expect(deaths).toMatchObject([{ message: "The echo process ended (exit code 0)" }]));
    expect(notes).toEqual(["ended in order"]);
  });

  test("SIGINT and SIGHUP are the parent's business", async () => {
    const { child, deaths } = start();
    await child.call({ type: "echo", value: 1 });
    process.kill(child.pid ?? 0, "SIGINT");
    process.kill(child.pid ?? 0, "SIGHUP");
    expect(await child.call({ type: "echo", value: 2 })).toBe(2);
    await child.terminate();
    expect(deaths).toEqual([]);
    expect(await isRunning(child.pid ?? 0)).toBe(false);
  });

  test("when it does not end in time: by force, and the farewell fails", async () => {
    const { child } = start();
    await child.call({ type: "leak" });
    await expect(child.close({ type: "never" }, 100)).rejects.toMatchObject({ fault: { message: "The echo process ended (signal SIGKILL)" } });
  });

  test("when it cannot be started", async () => {
    const stderr = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    const deaths: Fault[] = [];
    const child = new ChildProcess<EchoCall, string, string>({ entry: new URL("file:///nowhere/child.js"), name: "lost", onNote: () => undefined, onDeath: (death) => deaths.push(death) });
    await expect(child.call({ type: "fail" })).rejects.toMatchObject({ fault: { code: "engine.process-ended" } });
    expect(deaths).toHaveLength(1);
    stderr.mockRestore();
  });
});

test.each(["SIGKILL", "SIGTERM"] as const)("a parent that ends by %s leaves no orphan", async (signal) => {
  const parent = spawn(process.execPath, [fileURLToPath(built.entry("echo-parent.testkit"))], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(createInterface({ input: parent.stdout }), "line")) as [string];
  const pid = Number(line);
  expect(await isRunning(pid)).toBe(true);
  parent.kill(signal);
  await once(parent, "exit");
  await vi.waitFor(async () => expect(await isRunning(pid)).toBe(false), { timeout: 5_000 });
});

test("a spawner of another kind can be used", async () => {
  let exit: (exit: ChildExit) => void = () => undefined;
  let say: (message: unknown) => void = () => undefined;
  const sent: unknown[] = [];
  const fake: SpawnedChild = {
    pid: undefined, kill: () => undefined, send: (message) => { sent.push(message); },
    onMessage: (listener) => { say = listener; }, onExit: (listener) => { exit = listener; },
  };
  const deaths: Fault[] = [];
  const child = new ChildProcess<EchoCall, string, string>({ entry: new URL("file:///x"), name: "utility", spawn: () => fake, onNote: () => undefined, onDeath: (death) => deaths.push(death) });
  const answer = child.call({ type: "echo", value: 1 });
  expect(sent).toEqual([{ type: "call", id: 1, call: { type: "echo", value: 1 } }]);
  say({ type: "answer", id: 1, ok: true, value: 1 });
  expect(await answer).toBe(1);
  const closing = child.close({ type: "close" });
  exit({ code: 0, signal: undefined, lastWords: "" });
  await expect(closing).rejects.toMatchObject({ fault: { code: "engine.process-ended" } });
  expect(deaths).toEqual([]);
});
