// The request budget and the small parts around it: waiting, bans, the venue's own count, clock offset and clock jumps.
import { readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../net/virtual-clock.ts";
import { ClockJumpDetector } from "./clock-jump.ts";
import { offsetOf } from "./clock-offset.ts";
import { countIds, withoutIds } from "./id-runs.ts";
import { createBudgetMemory, RateBudget } from "./rate-budget.ts";

function budget(): { readonly clock: VirtualClock; readonly budget: RateBudget } {
  const clock = new VirtualClock(0);
  return { clock, budget: new RateBudget({ weight: 100, windowMs: 60_000, usedHeader: "x-used", clock, timers: clock }) };
}

describe("rate budget", () => {
  it("never hands out more than its share of a window", async () => {
    const { clock, budget: shared } = budget();
    const takenAt: number[] = [];
    for (let index = 0; index < 10; index += 1) void shared.take(20, 0.6).then(() => takenAt.push(clock.monotonicMs()));
    await clock.advance(240_000);
    expect(takenAt).toEqual([0, 0, 0, 61_000, 61_000, 61_000, 122_000, 122_000, 122_000, 183_000]);
  });

  it("believes the venue's own count when it is higher", async () => {
    const { clock, budget: shared } = budget();
    shared.observe({ "x-used": "95" });
    shared.observe({ "x-used": "no number" });
    expect(shared.used).toBe(95);
    let taken = false;
    void shared.take(10, 0.9).then(() => { taken = true; });
    await clock.advance(59_000);
    expect(taken).toBe(false);
    await clock.advance(2_000);
    expect(taken).toBe(true);
  });

  it("stops everything during a ban, which only ever gets longer, and counts it down", async () => {
    const { clock, budget: shared } = budget();
    shared.stopFor("banned", 120_000, "HTTP 418");
    shared.stopFor("rate-limited", 1_000, "HTTP 429");
    let taken = false;
    void shared.take(1, 0.9).then(() => { taken = true; });
    await clock.advance(119_000);
    expect(shared.block).toEqual({ kind: "banned", forMs: 1_000, detail: "HTTP 418" });
    expect(taken).toBe(false);
    await clock.advance(1_001);
    expect([taken, shared.block]).toEqual([true, undefined]);
  });

  it("lets a request through that is heavier than the share, and lets waiters go when it stops", async () => {
    const { budget: shared } = budget();
    expect(await shared.take(500, 0.6)).toBe(true);
    const waiting = shared.take(1, 0.6);
    shared.stop();
    expect(await waiting).toBe(false);
  });
});

function stripTypes(text: string): string {
  return ts.transpileModule(text, { compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true } }).outputText;
}

describe("a budget that others share", () => {
  const limits = { weight: 100, windowMs: 6_000, usedHeader: undefined };

  it("never gives more than the limit within any window, whoever asks and whenever", () => {
    const step = fc.tuple(fc.nat(2), fc.integer({ min: 1, max: 30 }), fc.nat(1_500));
    fc.assert(fc.property(fc.array(step, { minLength: 1, maxLength: 200 }), (steps) => {
      const clock = new VirtualClock(0);
      const memory = createBudgetMemory();
      const budgets = [0, 1, 2].map(() => new RateBudget({ ...limits, clock, timers: clock, memory }));
      const taken: { readonly atMs: number; readonly weight: number }[] = [];
      for (const [who, weight, waitMs] of steps) {
        clock.advanceNow(waitMs);
        if (budgets[who]?.tryTake(weight, 1) === 0) taken.push({ atMs: clock.monotonicMs(), weight });
      }
      for (const { atMs } of taken) {
        const within = taken.filter((other) => other.atMs >= atMs && other.atMs < atMs + limits.windowMs).reduce((sum, { weight }) => sum + weight, 0);
        expect(within).toBeLessThanOrEqual(limits.weight);
      }
    }), { numRuns: 200 });
  });

  it("stops all of them when the venue told one to stop", async () => {
    const clock = new VirtualClock(0);
    const memory = createBudgetMemory();
    const [one, two] = [0, 1].map(() => new RateBudget({ ...limits, clock, timers: clock, memory }));
    one?.stopFor("banned", 10_000, "HTTP 403");
    expect(one?.block).toEqual({ kind: "banned", forMs: 10_000, detail: "HTTP 403" });
    expect(two?.block).toMatchObject({ kind: "banned", forMs: 10_000 });
    two?.stopFor("rate-limited", 2_000, "HTTP 429");
    expect(one?.block?.kind).toBe("banned");
    let taken = false;
    void two?.take(1, 0.9).then(() => { taken = true; });
    await clock.advance(9_999);
    expect(taken).toBe(false);
    await clock.advance(2);
    expect(taken).toBe(true);
  });

  it("gives exactly the limit to threads that ask at the same time", async () => {
    const memory = createBudgetMemory();
    // It imports types only, so its text alone is the module.
    const module = stripTypes(readFileSync(new URL("./rate-budget.ts", import.meta.url), "utf8"));
    const source = `
      import { parentPort, workerData } from "node:worker_threads";
      ${module}
      const budget = new RateBudget({ weight: 1000, windowMs: 3600000, usedHeader: undefined, clock: { monotonicMs: () => 1000000, wallNs: () => 0n }, timers: {}, memory: workerData });
      let taken = 0;
      for (let index = 0; index < 1000; index += 1) if (budget.tryTake(1, 1) === 0) taken += 1;
      parentPort.postMessage(taken);
    `;
    const workers = [0, 1, 2, 3].map(() => new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), { workerData: memory }));
    const counts = await Promise.all(workers.map((worker) => new Promise<number>((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    })));
    // One that found it full while another gave back may go without, never the other way round.
    const sum = counts.reduce((total, count) => total + count, 0);
    expect(sum).toBeLessThanOrEqual(1_000);
    expect(sum).toBeGreaterThan(990);
    await Promise.all(workers.map((worker) => worker.terminate()));
  });
});

describe("clock offset and jumps", () => {
  it("bounds the true offset by the error, however the trip is split", () => {
    fc.assert(fc.property(fc.integer({ min: -5_000, max: 5_000 }), fc.nat(400), fc.nat(400), fc.nat(999_999), (offsetMs, outMs, backMs, subNs) => {
      const sentNs = 1_700_000_000_000_000_000n + BigInt(subNs);
      const readNs = sentNs + BigInt(outMs + offsetMs) * 1_000_000n;
      const { offsetNs, errorNs } = offsetOf({ sentNs, receivedNs: sentNs + BigInt(outMs + backMs) * 1_000_000n, serverMs: Number(readNs / 1_000_000n) });
      const wrong = offsetNs - BigInt(offsetMs) * 1_000_000n;
      expect(wrong <= errorNs && wrong >= -errorNs).toBe(true);
    }));
  });

  it("tells sleep, a clock set back and a stalled process apart, and ignores a late timer", () => {
    const clock = new VirtualClock(1_000_000);
    const detector = new ClockJumpDetector(clock, 2_000);
    clock.advanceNow(4_000);
    expect(detector.check(1_000)).toBeUndefined();
    clock.advanceNow(1_000);
    clock.stepWall(30_000);
    expect(detector.check(1_000)).toEqual({ wallJumpMs: 30_000, cause: "host-slept" });
    clock.advanceNow(1_000);
    clock.stepWall(-30_000);
    expect(detector.check(1_000)).toEqual({ wallJumpMs: -30_000, cause: "clock-set-back" });
    clock.advanceNow(20_000);
    expect(detector.check(1_000)).toEqual({ wallJumpMs: 19_000, cause: "process-stalled" });
    clock.advanceNow(1_000);
    expect(detector.check(1_000)).toBeUndefined();
  });
});

describe("runs of ids", () => {
  it("takes away exactly what is taken away", () => {
    const run = fc.tuple(fc.nat(60), fc.nat(12)).map(([fromId, length]) => ({ fromId, toId: fromId + length }));
    fc.assert(fc.property(fc.array(run, { maxLength: 12 }), (taken) => {
      const left = taken.reduce(withoutIds, [{ fromId: 10, toId: 60 }] as readonly { readonly fromId: number; readonly toId: number }[]);
      const expected = Array.from({ length: 51 }, (_, index) => index + 10).filter((id) => !taken.some(({ fromId, toId }) => fromId <= id && id <= toId));
      expect(left.flatMap(({ fromId, toId }) => Array.from({ length: toId - fromId + 1 }, (_, index) => fromId + index))).toEqual(expected);
      expect(countIds(left)).toBe(expected.length);
    }));
  });
});
