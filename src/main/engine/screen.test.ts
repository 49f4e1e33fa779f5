// A screen in front of a player thread that a test plays: whatever tape is put on, its first frame reaches the screen, above all before it.
import { beforeEach, expect, it, vi } from "vitest";
import { decodeEngineToUi, encodeMessage } from "../../shared/protocol/codec.ts";
import type { CaptureSummary, EngineFrame } from "../../shared/protocol/frames.ts";
import type { RemoteTapeLink, Remotes } from "./remotes.ts";
import { Screen, type ScreenHost } from "./screen.ts";
import type { PlayerCall } from "./thread-messages.ts";

/** Times of the played thread: a frame that is asked for while a capture is being opened arrives after that. */
const played = vi.hoisted(() => ({ epoch: 0, reset: false, onDirty: (): void => undefined, openMs: 30, takeMs: 40 }));

vi.mock("./player-link.ts", () => ({
  PlayerLink: class {
    constructor(options: { onDirty(): void }) {
      played.onDirty = options.onDirty;
    }
    async call(call: PlayerCall): Promise<void> {
      if (call.type !== "open") return;
      played.epoch += 1;
      played.reset = true;
      played.onDirty();
      await new Promise((resolve) => setTimeout(resolve, played.openMs));
    }
    /** A reset is told once, like any news. */
    async take(): Promise<Partial<EngineFrame>> {
      const frame = { epoch: played.epoch, ...(played.reset ? { quote: { lastPrice: String(played.epoch) } } : {}) };
      played.reset = false;
      await new Promise((resolve) => setTimeout(resolve, played.takeMs));
      return frame;
    }
    async close(): Promise<void> {}
  },
}));

function remoteLink(name: string, epoch: number): RemoteTapeLink {
  return { remoteId: name, name, view: async () => undefined, take: async () => ({ epoch }), inspect: async () => ({}) as never, close: async () => undefined };
}

function setUp() {
  const frames: EngineFrame[] = [];
  let receive: (bytes: ArrayBuffer) => void = () => undefined;
  const captures = ["one", "two"].map((captureId) => ({ captureId, simulated: true, instruments: [{ venue: "sim", symbol: "BTCUSDT" }] }) as unknown as CaptureSummary);
  const host = {
    distMain: new URL("file:///dist/main/"), live: undefined, captures, simulated: true, captureFolder: (captureId: string) => `/data/${captureId}`,
    remotes: { modeOf: () => "replay", openTape: async (remoteId: string) => remoteLink(remoteId, 3) } as unknown as Remotes,
    status: () => ({}), commands: {}, greeting: async () => ({}),
  } as unknown as ScreenHost;
  const screen = new Screen({
    host, firstView: { venue: "sim", symbol: "BTCUSDT", interval: "1m", bars: 10, untilOpenMs: undefined }, onProblem: () => undefined,
    port: {
      send: (bytes) => {
        const message = decodeEngineToUi(bytes);
        if (message.type !== "frame") return;
        frames.push(message.frame);
        receive(encodeMessage({ type: "painted", frame: message.frame.frame }));
      },
      onMessage: (listener) => { receive = listener; },
      onClose: () => undefined, close: () => undefined,
    },
  });
  let id = 0;
  const call = async (name: string, input: unknown): Promise<void> => {
    receive(encodeMessage({ type: "call", id: (id += 1), name: name as "hello", input }));
    await vi.advanceTimersByTimeAsync(200);
  };
  return { screen, frames, call };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  Object.assign(played, { epoch: 0, reset: false });
  return () => void vi.useRealTimers();
});

it("passes on the first frame of a capture that was asked for while the capture was still being put on", async () => {
  const { screen, frames, call } = setUp();
  await call("hello", {});
  await call("tape.open", { captureId: "two" });
  // One reset per opening, and none of them lost.
  expect(frames.flatMap(({ quote }) => quote?.lastPrice ?? [])).toEqual(["1", "2"]);
  expect(frames.findLast(({ tape }) => tape !== undefined)).toMatchObject({ tape: { kind: "capture", captureId: "two" } });
  await screen.close();
});

it("keeps epochs rising from capture to remote and back, and says which tape and mode is shown", async () => {
  const { screen, frames, call } = setUp();
  await call("hello", {});
  await call("remote.open", { remoteId: "desk" });
  await call("tape.open", { captureId: "one" });
  const epochs = frames.map(({ epoch }) => epoch);
  expect(epochs).toEqual([...epochs].sort((a, b) => a - b));
  expect(new Set(frames.filter(({ tape }) => tape !== undefined).map(({ epoch }) => epoch)).size).toBe(3);
  expect(frames.flatMap(({ tape }) => tape ?? [])).toMatchObject([{ kind: "capture" }, { kind: "remote", remoteId: "desk" }, { kind: "capture", captureId: "one" }]);
  expect(frames.find(({ tape }) => tape?.kind === "remote")?.mode).toEqual({ simulated: false, replay: true, remote: "desk" });
  await screen.close();
});
