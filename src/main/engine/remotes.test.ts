// Remotes over a child that a test plays: what is saved, connected and shown, and that a child that dies is given everything again.
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { FaultError } from "../../shared/base.ts";
import type { ClientProcessCall, ClientProcessNote, RemoteReport } from "../bridge/process-messages.ts";
import { Remotes, savedRemotes, type ClientChild, type RemotesOptions, type SavedRemote } from "./remotes.ts";

type Listener = Parameters<RemotesOptions["spawn"]>[0];

class PlayedChild implements ClientChild {
  readonly calls: ClientProcessCall[] = [];
  readonly listener: Listener;
  frame: unknown = { epoch: 0 };
  refuses: ClientProcessCall["type"] | undefined;
  constructor(listener: Listener) {
    this.listener = listener;
  }
  async call<T>(call: ClientProcessCall): Promise<T> {
    this.calls.push(call);
    if (call.type === this.refuses) throw new FaultError({ code: "cache.in-use", message: "the cache is in use" });
    return (call.type === "tape_take" ? this.frame : undefined) as T;
  }
  close(farewell: ClientProcessCall): Promise<unknown> {
    return this.call(farewell);
  }
  tell(note: ClientProcessNote): void {
    this.listener.onNote(note);
  }
  get types(): readonly string[] {
    return this.calls.map(({ type }) => type);
  }
}

const SERIES = { venue: "sim", symbol: "BTCUSDT", interval: "1m" } as const;
const KEY = { sourceId: "sim", symbol: "BTCUSDT", interval: "1m" } as const;
const SAVED: SavedRemote = { remoteId: "desk", name: "Desk", rpc: "tcp://127.0.0.1:5557", watched: [] };
const WINDOW = { bars: 100, untilOpenMs: undefined };

function setUp(saved: readonly SavedRemote[] = [SAVED], refuses?: ClientProcessCall["type"]) {
  const children: PlayedChild[] = [];
  const kept: (readonly SavedRemote[])[] = [];
  const problems: string[] = [];
  const remotes = new Remotes({
    spawn: (listener) => {
      const child = new PlayedChild(listener);
      if (children.length === 0) child.refuses = refuses;
      children.push(child);
      return child;
    },
    cacheFile: "/data/cache.duckdb", saved,
    save: async (list) => { kept.push(list); },
    ownKeys: async () => ({ publicKey: "P", secretKey: "S" }),
    onChanged: () => undefined,
    onProblem: (problem) => problems.push(problem.message),
  });
  const child = (index = 0): PlayedChild => {
    const one = children[index];
    if (one === undefined) throw new Error(`child ${index} was not started`);
    return one;
  };
  return { remotes, children, child, kept, problems };
}

function report(overrides: Partial<RemoteReport["status"]> = {}): RemoteReport {
  return {
    remoteId: "desk",
    status: { link: "connected", detail: "", serverVersion: "1", history: undefined, mode: "replay", attempts: 0, malformed: 0, streams: [], ...overrides },
    offered: [{ key: KEY, latestSequence: 5, firstSequence: 1, latestMs: 0 }],
  };
}

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

it("starts no child before it is needed, then opens the cache first", async () => {
  const { remotes, children, child } = setUp();
  expect(children).toHaveLength(0);
  expect(remotes.list).toMatchObject([{ remoteId: "desk", state: "off" }]);
  await remotes.openTape("desk", SERIES, WINDOW, () => undefined);
  expect(child().types).toEqual(["open_cache", "connect", "tape_open", "watch"]);
  expect(child().calls[1]).toMatchObject({ endpoint: { remoteId: "desk", security: undefined } });
});

it("is ready before anybody asks when something was shown before, and starts nothing when not", async () => {
  const fresh = setUp();
  fresh.remotes.prepare();
  expect(fresh.children).toHaveLength(0);
  const { remotes, children, child } = setUp([SAVED, { ...SAVED, remoteId: "shown", watched: [SERIES] }]);
  remotes.prepare();
  expect(child().calls).toMatchObject([{ type: "open_cache", warm: { remoteId: "shown", view: { key: KEY, bars: 2_000 } } }]);
  await remotes.openTape("shown", undefined, WINDOW, () => undefined);
  expect(children).toHaveLength(1);
});

it("gives its own pair to remotes that have a server key, and remembers the series shown last", async () => {
  const { remotes, child, kept } = setUp([{ ...SAVED, serverKey: "K" }]);
  await remotes.openTape("desk", SERIES, WINDOW, () => undefined);
  expect(child().calls[1]).toMatchObject({ endpoint: { security: { serverKey: "K", publicKey: "P", secretKey: "S" } } });
  expect(kept.at(-1)).toMatchObject([{ remoteId: "desk", watched: [SERIES] }]);
});

it("keeps what was shown up to date, the last first, and shows that when nothing is named", async () => {
  const { remotes, child, kept } = setUp();
  const second = { ...SERIES, interval: "1s" } as const;
  const tape = await remotes.openTape("desk", SERIES, WINDOW, () => undefined);
  await tape.view({ ...second, ...WINDOW });
  expect(kept.at(-1)).toMatchObject([{ watched: [second, SERIES] }]);
  expect(child().calls.at(-1)).toMatchObject({ type: "watch", keys: [{ ...KEY, interval: "1s" }, KEY] });
  await tape.close();
  await remotes.openTape("desk", undefined, WINDOW, () => undefined);
  expect(child().calls.filter(({ type }) => type === "tape_open").at(-1)).toMatchObject({ view: { key: { interval: "1s" } } });
});

it("without a series waits for what the server offers, and says after a while that it has said nothing", async () => {
  const { remotes, child } = setUp();
  const opened = remotes.openTape("desk", undefined, WINDOW, () => undefined);
  await vi.advanceTimersByTimeAsync(100);
  child().tell({ type: "remotes", remotes: [report()] });
  await vi.advanceTimersByTimeAsync(0);
  await opened;
  expect(child().calls.find(({ type }) => type === "tape_open")).toMatchObject({ view: { key: KEY } });

  const silent = setUp();
  const refused = silent.remotes.openTape("desk", undefined, WINDOW, () => undefined);
  const caught = refused.catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(await caught).toBeInstanceOf(FaultError);
  expect(String(await caught)).toContain("has not said which series it has");
});

it("starts a child that died again with connections, tapes and watches; epochs go on above those before", async () => {
  const { remotes, children, child, problems } = setUp();
  let dirty = 0;
  const tape = await remotes.openTape("desk", SERIES, WINDOW, () => { dirty += 1; });
  child().frame = { epoch: 7 };
  expect(await tape.take()).toMatchObject({ epoch: 7 });
  child().listener.onDeath({ code: "engine.process-ended", message: "it died" });
  expect(problems).toEqual(["it died"]);
  expect(remotes.list).toMatchObject([{ state: "connecting" }]);
  await vi.advanceTimersByTimeAsync(600);
  expect(children).toHaveLength(2);
  expect(child(1).types).toEqual(["open_cache", "connect", "tape_open", "watch"]);
  expect(dirty).toBe(1);
  child(1).frame = { epoch: 0 };
  expect(await tape.take()).toMatchObject({ epoch: 8 });
});

it("ends a child whose cache cannot be opened, and tries a new one the next time", async () => {
  const { remotes, children, child } = setUp([SAVED], "open_cache");
  await expect(remotes.openTape("desk", SERIES, WINDOW, () => undefined)).rejects.toThrow("the cache is in use");
  expect(child().types).toEqual(["open_cache", "close"]);
  await remotes.openTape("desk", SERIES, WINDOW, () => undefined);
  expect(children).toHaveLength(2);
});

it("waits longer from death to death, and not at all for nothing", async () => {
  const { remotes, children, child } = setUp();
  await remotes.openTape("desk", SERIES, WINDOW, () => undefined);
  child(0).listener.onDeath({ code: "x", message: "1" });
  await vi.advanceTimersByTimeAsync(500);
  child(1).listener.onDeath({ code: "x", message: "2" });
  await vi.advanceTimersByTimeAsync(900);
  expect(children).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(200);
  expect(children).toHaveLength(3);
  await remotes.disconnect("desk");
  child(2).listener.onDeath({ code: "x", message: "3" });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(children).toHaveLength(3);
});

it("connects anew when the address of a connected remote changes, and forgets only what it knows", async () => {
  const { remotes, child, kept } = setUp();
  await remotes.openTape("desk", SERIES, WINDOW, () => undefined);
  await remotes.save({ remote: { remoteId: "desk", name: "Desk 2", rpc: "tcp://127.0.0.1:7777" } });
  expect(child().calls.filter(({ type }) => type === "connect")).toHaveLength(2);
  await expect(remotes.forget("other")).rejects.toThrow("There is no remote other");
  await remotes.forget("desk");
  expect(child().types.at(-1)).toBe("disconnect");
  expect(kept.at(-1)).toEqual([]);
});

it("connects again when a series of a remote that was disconnected is asked for", async () => {
  const { remotes, child } = setUp();
  const tape = await remotes.openTape("desk", SERIES, WINDOW, () => undefined);
  await remotes.disconnect("desk");
  await tape.view({ ...SERIES, interval: "1s", ...WINDOW });
  expect(child().types.slice(-4)).toEqual(["disconnect", "connect", "tape_view", "watch"]);
});

it("says state, lag and holes of a series in the screen's words, and closes the child once", async () => {
  const { remotes, child } = setUp();
  await remotes.openTape("desk", SERIES, WINDOW, () => undefined);
  const holes = [{ fromSequence: 3, toSequence: 4, fromMs: 1, toMs: 2, why: "RETENTION_EXCEEDED" as const }];
  child().tell({
    type: "remotes",
    remotes: [report({
      link: "lost", detail: "no answer", attempts: 3,
      streams: [{
        key: KEY, phase: "reconnecting", detail: "", appliedSequence: 5, latestSequence: 9, lagMs: 2, lastFrameMs: 1, received: 5, duplicates: 1, gapsSeen: 1, backfilled: 2, lastResync: "another run", holes,
      }],
    })],
  });
  expect(remotes.list).toMatchObject([{ state: "reconnecting", detail: "no answer", attempts: 3, mode: "replay", series: [{ ...SERIES, state: "reconnecting", latestSequence: 9, lastResync: "another run", holes }] }]);
  await remotes.close();
  await remotes.close();
  expect(child().types.filter((type) => type === "close")).toHaveLength(1);
  await expect(remotes.resync("desk", SERIES)).rejects.toThrow("closing");
});

it("reads what is saved, and says in one line what is damaged", () => {
  expect(savedRemotes(undefined)).toEqual([]);
  expect(savedRemotes([SAVED])).toEqual([SAVED]);
  expect(() => savedRemotes([{ ...SAVED, rpc: 7 }])).toThrow(/^"remotes" in settings\.json is not a list of remote sources \(.*rpc.*\): repair or delete it$/);
});
