// The owner of the serving process: relays what the recording derives, starts a dead process again where it was, and gives up in the open.
import { beforeEach, expect, test } from "vitest";
import { FaultError, type Fault } from "../../shared/base.ts";
import type { Bound, ServeOptions, ServerProcessCall, ServerProcessNoteIn } from "../bridge/process-messages.ts";
import { VirtualClock } from "../net/virtual-clock.ts";
import { BridgeShare, type BridgeShareOptions, type ServerChild, type ServerChildListener } from "./bridge-share.ts";
import type { DerivedWatcher, SharedSource } from "./derived-watch.ts";

const HISTORY = { historyId: "h", mode: "live", lineage: "l", configDigest: "c", canonicalizerVersion: "1", runId: "" } as const;
const DEATH: Fault = { code: "engine.thread-ended", message: "killed" };

class FakeChild implements ServerChild {
  readonly notes: ServerProcessNoteIn[] = [];
  readonly calls: ServerProcessCall[] = [];
  readonly listener: ServerChildListener;
  readonly #refuse: Fault | undefined;
  closed = false;

  constructor(listener: ServerChildListener, refuse: Fault | undefined) {
    this.listener = listener;
    this.#refuse = refuse;
  }
  call<T>(call: ServerProcessCall): Promise<T> {
    this.calls.push(call);
    if (this.#refuse !== undefined) return Promise.reject(new FaultError(this.#refuse));
    const { pub, rpc } = this.options;
    const bound: Bound = { pub: pub.replace("*", "7001"), rpc: rpc.replace("*", "7002"), history: HISTORY };
    return Promise.resolve(bound as T);
  }
  get options(): ServeOptions {
    const call = this.calls.find(({ type }) => type === "serve");
    if (call?.type !== "serve") throw new Error("it was told to serve");
    return call.options;
  }
  note(note: ServerProcessNoteIn): void {
    this.notes.push(note);
  }
  close(): Promise<unknown> {
    this.closed = true;
    return Promise.resolve();
  }
}

class FakeLive implements SharedSource {
  readonly captureId = "live-sim";
  readonly captureFolder = "/captures/live-sim";
  readonly configDigest = "digest";
  readonly simulated = true;
  messages = 5;
  positions = { appended: 5, written: 5, durable: 5 };
  watcher: DerivedWatcher | undefined;
  watchDerived(watcher: DerivedWatcher): () => void {
    this.watcher = watcher;
    return () => {
      this.watcher = undefined;
    };
  }
}

let clock: VirtualClock;
let children: FakeChild[];
let problems: string[];
let gone: Fault | undefined;
let refuse: Fault | undefined;

beforeEach(() => {
  clock = new VirtualClock(0);
  children = [];
  problems = [];
  gone = undefined;
  refuse = undefined;
});

function start(what: BridgeShareOptions["what"]): Promise<BridgeShare> {
  return BridgeShare.start({
    distMain: new URL("file:///dist/main/"), what, folder: "/data/bridge", pub: "tcp://127.0.0.1:*", rpc: "tcp://127.0.0.1:*", security: undefined, version: "test",
    onStatus: () => undefined, onProblem: ({ code }) => void problems.push(code),
    onGone: (problem) => {
      gone = problem;
    },
    clock, timers: clock,
    launch: (listener) => {
      const child = new FakeChild(listener, refuse);
      children.push(child);
      return child;
    },
  });
}

const SPEC = { spec: { kind: "csv", file: "/x.csv", sourceId: "A", rowsPerSecond: 0, held: true } } as const;

test("what the recording derives is relayed, and the child is told what is served", async () => {
  const live = new FakeLive();
  const share = await start({ live });
  expect(share.bound).toMatchObject({ pub: "tcp://127.0.0.1:7001", rpc: "tcp://127.0.0.1:7002" });
  expect(children[0]?.options.feed).toEqual({ kind: "capture", captureFolder: "/captures/live-sim", captureId: "live-sim", simulated: true, configDigest: "digest" });
  live.watcher?.derived(7);
  live.watcher?.derived(7);
  live.watcher?.forming([]);
  live.watcher?.derived(9);
  live.watcher?.ended();
  expect(children[0]?.notes).toEqual([{ type: "derived", position: 7 }, { type: "forming", bars: [] }, { type: "derived", position: 9 }, { type: "ended" }]);
  await share.close();
  expect(children[0]?.closed).toBe(true);
  expect(live.watcher).toBeUndefined();
});

test("a recording is served once its head is durable", async () => {
  const live = new FakeLive();
  live.messages = 2;
  live.positions = { appended: 12, written: 12, durable: 10 };
  const starting = start({ live });
  await clock.advance(100);
  expect(children).toHaveLength(0);
  live.positions = { appended: 12, written: 12, durable: 11 };
  await clock.advance(100);
  await (await starting).close();
  expect(children).toHaveLength(1);
});

test("a recording that writes nothing cannot be served", async () => {
  const live = new FakeLive();
  live.messages = 0;
  const starting = start({ live });
  const refused = expect(starting).rejects.toThrow(/wrote nothing in 10 s/);
  await clock.advance(11_000);
  await refused;
});

test("a dead child is started again at the same ports, and told what the first one knew", async () => {
  const live = new FakeLive();
  const share = await start({ live });
  live.watcher?.derived(42);
  children[0]?.listener.onDeath(DEATH);
  expect(share.status).toBeUndefined();
  live.watcher?.derived(43);
  await clock.advance(300);
  expect(children).toHaveLength(2);
  expect(children[1]?.options).toMatchObject({ pub: "tcp://127.0.0.1:7001", rpc: "tcp://127.0.0.1:7002" });
  expect(children[1]?.notes).toEqual([{ type: "derived", position: 43 }]);
  expect(problems).toEqual(["bridge.restarting"]);
  await share.close();
});

test("a source that has begun begins again in the next child", async () => {
  const share = await start(SPEC);
  share.begin();
  share.begin();
  expect(children[0]?.notes).toEqual([{ type: "begin" }]);
  children[0]?.listener.onDeath(DEATH);
  await clock.advance(300);
  expect(children[1]?.notes).toEqual([{ type: "begin" }]);
  await share.close();
});

test("one that keeps dying is given up, and said to be", async () => {
  const share = await start(SPEC);
  refuse = { code: "bridge.address-in-use", message: "in use" };
  children[0]?.listener.onDeath(DEATH);
  await clock.advance(60_000);
  expect(children).toHaveLength(6);
  expect(children.slice(1).every(({ closed }) => closed)).toBe(true);
  expect(problems).toEqual([...Array.from({ length: 5 }, () => "bridge.restarting"), "bridge.gone"]);
  expect(gone).toEqual(refuse);
  await share.close();
});

test("one that dies now and then is always started again", async () => {
  const share = await start(SPEC);
  for (let time = 0; time < 20; time += 1) {
    await clock.advance(61_000);
    children.at(-1)?.listener.onDeath(DEATH);
    await clock.advance(300);
    expect(children).toHaveLength(time + 2);
  }
  await share.close();
});

test("what prevents the first start rejects it, and leaves no child behind", async () => {
  refuse = { code: "bridge.needs-keys", message: "needs keys" };
  await expect(start(SPEC)).rejects.toThrow("needs keys");
  expect(children.map(({ closed }) => closed)).toEqual([true]);
});

test("closing while it is being started again ends the waiting", async () => {
  const share = await start(SPEC);
  children[0]?.listener.onDeath(DEATH);
  await share.close();
  await clock.advance(10_000);
  expect(children).toHaveLength(1);
});
