// One screen's session on a fake clock: what it sends, when, and what it does with a screen that misbehaves.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fault } from "../../shared/base.ts";
import { decodeEngineToUi, encodeMessage } from "../../shared/protocol/codec.ts";
import { commandSchemas, type CommandName } from "../../shared/protocol/commands.ts";
import type { EngineFrame, EngineToUi, UiToEngine } from "../../shared/protocol/frames.ts";
import { ClientSession, type CommandHandlers, type SessionTape, type StatusParts } from "./client-session.ts";

/** Longer than the gap between two frames. */
const A_FRAME_MS = 20;

let sent: EngineToUi[];
let say: (bytes: ArrayBuffer) => void;
let session: ClientSession;
let handlers: Partial<Record<CommandName, (input: never) => Promise<unknown>>>;
let jobsListed: number;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  sent = [];
  jobsListed = 0;
  handlers = { hello: () => Promise.resolve({}) };
  const all = Object.fromEntries(Object.keys(commandSchemas).map((name) => [name, (input: never) => {
    const handler = handlers[name as CommandName];
    return handler === undefined ? Promise.reject(new Error(`${name} was not expected`)) : handler(input);
  }])) as unknown as CommandHandlers;
  session = new ClientSession({
    port: { send: (bytes) => { sent.push(decodeEngineToUi(bytes)); }, onMessage: (listener) => { say = listener; }, onClose: () => undefined, close: () => undefined },
    handlers: all,
    status: () => ({ streams: [], sources: [], recording: undefined, captures: [], jobs: Array.from({ length: jobsListed }, () => ({})) }) as unknown as StatusParts,
    mode: (playerMode) => ({ simulated: true, replay: playerMode !== "following" }),
  });
});
afterEach(() => {
  session.close();
  vi.useRealTimers();
});

function screen(message: UiToEngine): void {
  say(encodeMessage(message));
}
function frames(): readonly EngineFrame[] {
  return sent.flatMap((message) => (message.type === "frame" ? [message.frame] : []));
}
function pass(): Promise<unknown> {
  return vi.advanceTimersByTimeAsync(A_FRAME_MS);
}
async function begin(): Promise<void> {
  screen({ type: "call", id: 1, name: "hello", input: {} });
  await pass();
}
async function paint(): Promise<void> {
  screen({ type: "painted", frame: frames().at(-1)?.frame ?? 0 });
  await pass();
}

test("nothing is sent before hello; then everything once", async () => {
  session.statusChanged("jobs");
  await pass();
  expect(sent).toEqual([]);
  await begin();
  expect(sent[0]).toEqual({ type: "returned", id: 1, ok: true, value: {} });
  expect(frames()).toMatchObject([{ frame: 1, epoch: 0, streams: [], sources: [], captures: [], jobs: [], mode: { simulated: true, replay: true } }]);
  // Without a tape and without news there is nothing to say.
  await paint();
  expect(frames()).toHaveLength(1);
});

test("one frame in flight: until it is painted everything is merged into the next, and only what changed", async () => {
  await begin();
  for (jobsListed = 1; jobsListed < 4; jobsListed += 1) {
    session.statusChanged("jobs");
    await pass();
  }
  session.problem({ code: "a", message: "first" });
  session.problem({ code: "b", message: "second" });
  await pass();
  expect(frames()).toHaveLength(1);
  screen({ type: "painted", frame: 99 }); // not the one in flight
  await pass();
  expect(frames()).toHaveLength(1);
  await paint();
  const second = frames()[1];
  expect(second).toMatchObject({ frame: 2, problems: [{ code: "a", message: "first" }, { code: "b", message: "second" }] });
  expect(second?.jobs).toHaveLength(4);
  expect(second).not.toHaveProperty("captures");
  await paint();
  expect(frames()).toHaveLength(2);
});

test("frames are no closer than a screen can show, however quickly it paints", async () => {
  await begin();
  for (let ms = 0; ms < 300; ms += 1) {
    session.statusChanged("jobs");
    screen({ type: "painted", frame: frames().at(-1)?.frame ?? 0 });
    await vi.advanceTimersByTimeAsync(1);
  }
  expect(frames().length).toBeGreaterThan(10);
  expect(frames().length).toBeLessThanOrEqual(21);
});

test("waiting problems are bounded", async () => {
  await begin();
  for (let index = 0; index < 1_000; index += 1) session.problem({ code: "x", message: String(index) });
  await paint();
  expect(frames()[1]?.problems).toHaveLength(20);
});

test("the tape is asked once per frame; its epoch and mode stay until it says otherwise", async () => {
  const parts: Partial<EngineFrame>[] = [{ epoch: 7, player: { mode: "following" } as EngineFrame["player"] & object }, {}, { epoch: 8, player: { mode: "paused" } as EngineFrame["player"] & object }];
  let takes = 0;
  session.setTape({ take: () => Promise.resolve(parts[takes++] ?? {}) });
  await begin();
  expect(frames()[0]).toMatchObject({ epoch: 7, mode: { replay: false } });
  session.tapeChanged();
  session.tapeChanged();
  await pass();
  expect(takes).toBe(1);
  await paint();
  expect(frames()[1]).toMatchObject({ epoch: 7, mode: { replay: false } });
  expect(frames()[1]).not.toHaveProperty("player");
  session.tapeChanged();
  await paint();
  expect(frames()[2]).toMatchObject({ epoch: 8, mode: { replay: true } });
  expect(takes).toBe(3);
});

test("news during a take is in the next frame, none is lost", async () => {
  const answers: ((parts: Partial<EngineFrame>) => void)[] = [];
  const tape: SessionTape = { take: () => new Promise((resolve) => { answers.push(resolve); }) };
  session.setTape(tape);
  await begin();
  expect(answers).toHaveLength(1);
  session.tapeChanged();
  session.statusChanged("jobs");
  await pass();
  expect(answers).toHaveLength(1);
  answers[0]?.({ epoch: 1 });
  await pass();
  expect(frames()).toMatchObject([{ frame: 1, epoch: 1 }]);
  await paint();
  expect(answers).toHaveLength(2);
  answers[1]?.({ epoch: 2 });
  await pass();
  expect(frames()[1]).toMatchObject({ frame: 2, epoch: 2 });
});

test("a tape whose thread is gone costs its parts of the frame, not the frame", async () => {
  session.setTape({ take: () => Promise.reject(fault("engine.thread-ended", "The player thread has ended")) });
  await begin();
  expect(frames()).toMatchObject([{ frame: 1, jobs: [], problems: [{ code: "engine.thread-ended" }] }]);
});

test("a screen that goes away while the tape is asked, or while a command runs, is sent nothing more", async () => {
  let answer: (parts: Partial<EngineFrame>) => void = () => undefined;
  let list: (value: unknown) => void = () => undefined;
  handlers["captures.list"] = () => new Promise((resolve) => { list = resolve; });
  session.setTape({ take: () => new Promise((resolve) => { answer = resolve; }) });
  await begin();
  screen({ type: "call", id: 2, name: "captures.list", input: {} });
  const before = sent.length;
  session.close();
  answer({ epoch: 1 });
  list([]);
  session.statusChanged("jobs");
  await pass();
  expect(sent).toHaveLength(before);
});

test("commands: bad input, a handler's fault, a bug, an answer that cannot be sent: each an answer by id", async () => {
  handlers["job.cancel"] = () => Promise.reject(fault("jobs.unknown", "There is no job job-9"));
  handlers["record.stop"] = () => Promise.reject(new Error("oops"));
  handlers["captures.list"] = () => Promise.resolve([{ bytes: Number.NaN }]);
  screen({ type: "call", id: 5, name: "job.cancel", input: { jobId: 7 } });
  screen({ type: "call", id: 6, name: "job.cancel", input: { jobId: "job-9" } });
  screen({ type: "call", id: 7, name: "record.stop", input: {} });
  screen({ type: "call", id: 8, name: "captures.list", input: {} });
  await pass();
  const answers = sent.flatMap((message) => (message.type === "returned" && !message.ok ? [[message.id, message.fault.code, message.fault.message] as const] : []));
  expect(answers.toSorted(([a], [b]) => a - b)).toEqual([
    [5, "protocol.bad-input", expect.stringContaining("job.cancel")], [6, "jobs.unknown", "There is no job job-9"],
    [7, "engine.bug", expect.stringContaining("oops")], [8, "protocol.unencodable", expect.stringContaining("NaN")],
  ]);
});

test("bytes that are no message, and commands that do not exist, are problems on screen", async () => {
  await begin();
  say(new ArrayBuffer(3));
  say(encodeMessage({ type: "call", id: 9, name: "format.disk", input: {} } as unknown as UiToEngine));
  await paint();
  expect(frames()[1]?.problems).toMatchObject([{ code: "protocol.malformed" }, { code: "protocol.malformed" }]);
});
