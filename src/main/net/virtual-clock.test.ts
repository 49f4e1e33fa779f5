// The virtual clock: order of timers, cancelling, wall steps.
import fc from "fast-check";
import { expect, it } from "vitest";
import { VirtualClock } from "./virtual-clock.ts";

it("runs timers by time, then in the order they were set, and stops where it was told", () => {
  fc.assert(fc.property(fc.array(fc.nat(50), { maxLength: 60 }), fc.nat(60), (delays, until) => {
    const clock = new VirtualClock(0);
    const ran: string[] = [];
    delays.forEach((delay, index) => clock.after(delay, () => ran.push(`${clock.monotonicMs()}:${index}`)));
    clock.advanceNow(until);
    const expected = delays.map((delay, index) => ({ delay, index })).filter(({ delay }) => delay <= until);
    expected.sort((a, b) => a.delay - b.delay || a.index - b.index);
    expect(ran).toEqual(expected.map(({ delay, index }) => `${delay}:${index}`));
    expect(clock.monotonicMs()).toBe(until);
    expect(clock.pending).toBe(delays.length - expected.length);
  }));
});

it("does not run what was cancelled, and runs what a timer sets", async () => {
  const clock = new VirtualClock(1_000);
  const ran: string[] = [];
  const cancel = clock.after(10, () => ran.push("never"));
  clock.after(5, () => {
    cancel();
    clock.after(5, () => ran.push("second"));
  });
  await clock.advance(10);
  expect(ran).toEqual(["second"]);
  expect(clock.wallNs()).toBe(1_010_000_000n);
});

it("lets promises keep up between timers", async () => {
  const clock = new VirtualClock(0);
  const ran: number[] = [];
  const pause = (ms: number): Promise<void> => new Promise((resolve) => clock.after(ms, resolve));
  const walk = (async () => {
    for (let step = 0; step < 5; step += 1) {
      await pause(10);
      ran.push(clock.monotonicMs());
    }
  })();
  expect(await clock.runUntilIdle(1_000)).toBe(true);
  await walk;
  expect(ran).toEqual([10, 20, 30, 40, 50]);
});

it("steps the wall clock without touching monotonic time", () => {
  const clock = new VirtualClock(0);
  clock.stepWall(-5_000);
  expect([clock.wallNs(), clock.monotonicMs()]).toEqual([-5_000_000_000n, 0]);
});
