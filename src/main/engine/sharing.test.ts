// Sharing over a server that a test plays: what prevents it is said, keys are asked for beyond loopback, and another recording is shared in place of the old.
import { expect, it } from "vitest";
import { fault } from "../../shared/base.ts";
import type { BridgeShare, BridgeShareOptions } from "./bridge-share.ts";
import type { SharedSource } from "./derived-watch.ts";
import { Sharing } from "./sharing.ts";

function source(captureId: string): SharedSource {
  return {
    captureId, captureFolder: `/data/captures/${captureId}`, configDigest: "d", simulated: true, messages: 1,
    positions: { appended: 1, written: 1, durable: 1 }, watchDerived: () => () => undefined,
  };
}

function setUp() {
  const state = { live: source("one") as SharedSource | undefined, started: [] as BridgeShareOptions[], closed: 0, fails: false, trusted: [] as (readonly string[])[], tellTrusted: undefined as ((keys: readonly string[]) => void) | undefined };
  const problems: string[] = [];
  const sharing = new Sharing({
    distMain: new URL("file:///dist/main/"), folder: "/data/bridge", version: "1", spawnChild: undefined,
    keys: {
      own: async () => ({ publicKey: "P", secretKey: "S" }),
      list: async () => ({ publicKey: "P", trusted: [{ name: "a", publicKey: "A", addedMs: 0 }], storedIn: "file" }),
      trust: async () => undefined,
      revoke: async () => undefined,
      watchTrusted: async (listener) => {
        state.tellTrusted = listener;
        return () => { state.tellTrusted = undefined; };
      },
    },
    live: () => state.live,
    onChanged: () => undefined,
    onProblem: (problem) => problems.push(problem.message),
    start: async (options) => {
      if (state.fails) throw fault("bridge.address-in-use", "port 5556 is in use");
      state.started.push(options);
      const bound = { pub: options.pub, rpc: options.rpc, history: { historyId: "h" } };
      return { bound, status: undefined, trust: async (keys: readonly string[]) => { state.trusted.push(keys); }, close: async () => { state.closed += 1; } } as unknown as BridgeShare;
    },
  });
  return { sharing, state, problems };
}

const LOOPBACK = { pub: "tcp://127.0.0.1:5556", rpc: "tcp://127.0.0.1:5557" };
const OPEN = { pub: "tcp://0.0.0.0:5556", rpc: "tcp://0.0.0.0:5557" };

it("shares what is recorded, plain on this machine and with keys beyond it", async () => {
  const { sharing, state } = setUp();
  expect(await sharing.start(LOOPBACK)).toEqual(LOOPBACK);
  expect(sharing.status).toMatchObject({ state: "serving", secured: false, historyId: "h", ...LOOPBACK });
  await expect(sharing.start(LOOPBACK)).rejects.toThrow("already shared");
  await sharing.stop();
  expect(sharing.status).toMatchObject({ state: "off", pub: undefined });
  await sharing.start(OPEN);
  expect(state.started.at(-1)?.security).toEqual({ publicKey: "P", secretKey: "S", trusted: ["A"] });
  expect(sharing.status.secured).toBe(true);
});

it("says why it cannot", async () => {
  const { sharing, state } = setUp();
  state.live = undefined;
  await expect(sharing.start(LOOPBACK)).rejects.toThrow("Nothing is being recorded");
  state.live = source("one");
  state.fails = true;
  await expect(sharing.start(LOOPBACK)).rejects.toThrow("port 5556 is in use");
  expect(sharing.status).toMatchObject({ state: "failed", fault: { code: "bridge.address-in-use" } });
});

it("follows the recording: the next one is shared at the same addresses, one that was not shared is not", async () => {
  const { sharing, state, problems } = setUp();
  await sharing.recordingChanged();
  expect(state.started).toHaveLength(0);
  await sharing.start(LOOPBACK);
  state.live = source("two");
  await sharing.recordingChanged();
  expect(state.closed).toBe(1);
  expect(state.started.map(({ what }) => ("live" in what ? what.live.captureId : ""))).toEqual(["one", "two"]);
  state.fails = true;
  await sharing.recordingChanged();
  expect(problems).toEqual(["port 5556 is in use"]);
  expect(sharing.status.state).toBe("failed");
});

it("a key that is trusted or revoked reaches a secured server while it runs; a plain one asks nobody", async () => {
  const { sharing, state } = setUp();
  await sharing.start(OPEN);
  expect(state.trusted).toEqual([["A"]]);
  state.tellTrusted?.([]);
  expect(state.trusted).toEqual([["A"], []]);
  await sharing.stop();
  expect(state.tellTrusted).toBeUndefined();
  await sharing.start(LOOPBACK);
  expect(state.tellTrusted).toBeUndefined();
});
