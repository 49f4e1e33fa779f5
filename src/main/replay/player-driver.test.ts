// The driver on a virtual clock: playing is paced, live is following, notes wait for the screen, the last command wins.
import { describe, expect, it } from "vitest";
import { settle, VirtualClock } from "../net/virtual-clock.ts";
import { decoders, FakeCanonicalizer, INSTRUMENT, MemoryReader, recordsOf, sha256 } from "./fakes.testkit.ts";
import { steadyPlan } from "./plans.testkit.ts";
import { type DriverFrame, PlayerDriver } from "./player-driver.ts";
import { openTape } from "./tape.ts";

const WIRES = steadyPlan(2_000);

async function setup(options: { readonly visible?: number; readonly growing?: boolean } = {}) {
  const clock = new VirtualClock(0);
  const reader = new MemoryReader(recordsOf(WIRES), options.visible === undefined ? {} : { visible: options.visible });
  const tape = await openTape({ reader, decoders, sha256, clock, instruments: [INSTRUMENT], intervals: ["1s"], canonicalizer: (given) => new FakeCanonicalizer(given) });
  let notes = 0;
  const driver = new PlayerDriver({ tape, captureId: "test", growing: options.growing ?? false, clock, timers: clock, onChange: () => { notes += 1; } });
  driver.setView({ instrument: INSTRUMENT, interval: "1s", bars: 100, untilOpenMs: undefined });
  return { clock, reader, tape, driver, notes: () => notes };
}

/** Turns of the event loop until nothing runs any more. */
async function quiet(driver: PlayerDriver): Promise<void> {
  for (let turn = 0; turn < 400; turn += 1) await settle();
  await driver.idle();
}

describe("the player's driver", () => {
  it("plays at the pace of known time: one message per ms at speed 1", async () => {
    const { driver, clock, tape } = await setup();
    driver.command({ type: "seek_seq", seq: 100 });
    await quiet(driver);
    driver.command({ type: "play" });
    for (let ms = 0; ms < 160; ms += 16) {
      clock.advanceNow(16);
      await driver.idle();
      await settle();
    }
    expect(tape.point.seq).toBeGreaterThanOrEqual(100 + 144);
    expect(tape.point.seq).toBeLessThanOrEqual(100 + 160);
    driver.command({ type: "pause" });
    await quiet(driver);
    expect(driver.takeFrame().player?.mode).toBe("paused");
    await driver.close();
  });

  it("gives one note until the screen has taken the frame", async () => {
    const { driver, notes } = await setup();
    await quiet(driver);
    driver.takeFrame();
    const before = notes();
    driver.command({ type: "seek_seq", seq: 10 });
    driver.command({ type: "seek_seq", seq: 20 });
    await quiet(driver);
    expect(notes()).toBe(before + 1);
    driver.takeFrame();
    driver.command({ type: "seek_seq", seq: 30 });
    await quiet(driver);
    expect(notes()).toBe(before + 2);
    await driver.close();
  });

  it("ends where the last of many seeks says, in a new epoch with the view told whole", async () => {
    const { driver, tape } = await setup();
    await quiet(driver);
    const first = driver.takeFrame();
    for (let seq = 1_900; seq > 1_000; seq -= 100) driver.command({ type: "seek_seq", seq });
    driver.command({ type: "seek_seq", seq: 777 });
    await quiet(driver);
    const frame = driver.takeFrame();
    expect(tape.point.seq).toBe(777);
    expect(frame.epoch).toBeGreaterThan(first.epoch);
    expect(frame.view?.kind).toBe("reset");
    expect(frame.player).toMatchObject({ mode: "paused", point: { seq: 777 }, digest: tape.digest() });
    await driver.close();
  });

  it("follows a growing capture, and pauses at its end when it stops growing", async () => {
    const { driver, reader, tape } = await setup({ visible: 500, growing: true });
    driver.command({ type: "follow" });
    await quiet(driver);
    expect(driver.takeFrame().player).toMatchObject({ mode: "following", point: { seq: 500 } });
    reader.visible = 1_200;
    await driver.grew(1_200, true);
    await quiet(driver);
    const frame: DriverFrame = driver.takeFrame();
    expect(tape.point.seq).toBe(1_200);
    expect(frame.view?.kind).toBe("changes");
    reader.visible = 2_000;
    await driver.grew(2_000, false);
    await quiet(driver);
    expect(driver.takeFrame().player).toMatchObject({ mode: "paused", growing: false, point: { seq: 2_000 } });
    await driver.close();
  });

  it("a refused command leaves the place and says why", async () => {
    const { driver, tape } = await setup();
    driver.command({ type: "seek_seq", seq: 50 });
    await quiet(driver);
    driver.command({ type: "seek_cursor", cursor: "no cursor" });
    await quiet(driver);
    expect(driver.takeFrame().player).toMatchObject({ mode: "paused", point: { seq: 50 }, fault: { code: "cursor.not-base64" } });
    expect(tape.point.seq).toBe(50);
    await driver.close();
  });

  it("steps by the bars of the view, and closing ends everything", async () => {
    const { driver, tape, clock } = await setup();
    driver.command({ type: "step", by: "bar", direction: 1, count: 2 });
    await quiet(driver);
    const sealed = tape.chronicle.series(INSTRUMENT, "1s")?.sealed ?? [];
    expect(tape.point.seq).toBe(tape.chronicle.version(sealed[1] ?? 0).atSeq);
    driver.command({ type: "play" });
    await driver.close();
    expect(driver.state.mode).toBe("closed");
    expect(clock.pending).toBe(0);
  });
});
