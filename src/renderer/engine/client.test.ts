// The screen's end of the protocol over a transport that a test plays.
import { expect, it } from "vitest";
import { decodeUiToEngine, encodeMessage } from "../../shared/protocol/codec.ts";
import type { EngineFrame, UiToEngine } from "../../shared/protocol/frames.ts";
import { RemoteEngine, type TransportEvents } from "./client.ts";

function setUp() {
  const sent: UiToEngine[] = [];
  const broken: unknown[] = [];
  let events: TransportEvents | undefined;
  const engine = new RemoteEngine({
    onBroken: (error) => broken.push(error),
    open: (given) => {
      events = given;
      return { send: (buffer) => sent.push(decodeUiToEngine(buffer)) > 0 };
    },
  });
  const receive = async (buffer: ArrayBuffer): Promise<void> => {
    events?.received(buffer);
    await Promise.resolve();
    await Promise.resolve();
    await Promise.resolve();
  };
  return { engine, sent, broken, receive };
}

const frame = (number: number): ArrayBuffer =>
  encodeMessage({ type: "frame", frame: { frame: number, epoch: 0, mode: { simulated: true, replay: false } } satisfies EngineFrame });

it("paints each frame once it was listened to, and goes on after one that cannot be read", async () => {
  const { engine, sent, broken, receive } = setUp();
  const seen: number[] = [];
  engine.onFrame(async (one) => void seen.push(one.frame));
  await receive(frame(1));
  await receive(new ArrayBuffer(3));
  await receive(frame(3));
  expect(seen).toEqual([1, 3]);
  expect(broken).toHaveLength(1);
  expect(sent).toEqual([1, 2, 3].map((number) => ({ type: "painted", frame: number })));
});
