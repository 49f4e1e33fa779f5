import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { FaultError } from "../../shared/base.ts";
import { NodeClock, nodeTimers } from "../net/node-clock.ts";
import { VirtualClock } from "../net/virtual-clock.ts";
import { diskContract } from "../rawlog/disk.contract.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";
import { SimDisk } from "../rawlog/sim-disk.ts";
import { SeededRandom } from "../sim/random.ts";
import { ClockJumpDetector } from "../venues/clock-jump.ts";
import { FaultyDisk } from "./faulty-disk.ts";
import { FaultyTime } from "./faulty-time.ts";
import { DISK_SLOW_FOR_MS, LOCAL_FAULTS, localFault } from "./local-faults.ts";

diskContract("FaultyDisk without a fault", async () => {
  const folder = await mkdtemp(join(tmpdir(), "tapedeck-faulty-disk-"));
  return { disk: new FaultyDisk(new NodeDisk(), nodeTimers), folder, cleanUp: () => rm(folder, { recursive: true, force: true }) };
});

const codeOf = async (run: Promise<unknown>): Promise<string> => run.then(() => "no fault", (error: unknown) => (error instanceof FaultError ? error.fault.code : String(error)));
const bytes = (length: number): Uint8Array => new Uint8Array(length).fill(7);

async function faulty(): Promise<{ disk: FaultyDisk; clock: VirtualClock }> {
  const clock = new VirtualClock(0);
  const beneath = new SimDisk(new SeededRandom(1));
  await beneath.makeFolder("/d");
  return { disk: new FaultyDisk(beneath, clock), clock };
}

describe("the disk of the fault lab", () => {
  test("a full disk takes what fits, then nothing; files that are there stay readable and can go", async () => {
    const { disk } = await faulty();
    const file = await disk.open("/d/a", "create");
    disk.apply({ name: "disk-full", bytesLeft: 10 });
    await file.append(bytes(6));
    expect(await codeOf(file.append(bytes(6)))).toBe("disk.full");
    expect(await file.size()).toBe(10);
    expect(await codeOf(file.append(bytes(1)))).toBe("disk.full");
    expect(await codeOf(disk.open("/d/b", "create"))).toBe("disk.full");
    await file.close();
    expect((await disk.readFile("/d/a")).length).toBe(10);
    expect(await codeOf(disk.remove("/d/a"))).toBe("no fault");
  });

  test("a read-only disk refuses every change and can be read", async () => {
    const { disk } = await faulty();
    const file = await disk.open("/d/a", "create");
    await file.append(bytes(3));
    disk.apply({ name: "disk-read-only" });
    const changes = [file.append(bytes(1)), disk.open("/d/b", "create"), disk.replaceFile("/d/a", bytes(1)), disk.rename("/d/a", "/d/c"), disk.remove("/d/a"), disk.truncate("/d/a", 0)];
    for (const change of changes) expect(await codeOf(change)).toBe("disk.read-only");
    expect((await disk.readFile("/d/a")).length).toBe(3);
  });

  test("a torn write leaves its first half, and then nothing gets through any more", async () => {
    const { disk } = await faulty();
    const file = await disk.open("/d/a", "create");
    disk.apply({ name: "torn-segment" });
    expect(await codeOf(file.append(bytes(10)))).toBe("disk.failed");
    for (const later of [file.append(bytes(1)), file.sync(), disk.syncFolder("/d"), disk.rename("/d/a", "/d/b")]) expect(await codeOf(later)).toBe("disk.failed");
    expect((await disk.readFile("/d/a")).length).toBe(5);
  });

  test("a failing fsync fails, and a slow one is slow for its time and no longer", async () => {
    const { disk, clock } = await faulty();
    const file = await disk.open("/d/a", "create");
    disk.apply({ name: "disk-slow", ms: 200 });
    let synced = false;
    const slow = file.sync().then(() => { synced = true; });
    await clock.advance(199);
    expect(synced).toBe(false);
    await clock.advance(1);
    await slow;
    expect(synced).toBe(true);
    await clock.advance(DISK_SLOW_FOR_MS);
    await file.sync(); // would wait for ever: nobody advances the clock
    disk.apply({ name: "disk-sync-error" });
    expect(await codeOf(file.sync())).toBe("disk.failed");
  });
});

describe("the clocks of the fault lab", () => {
  const START_MS = 1_767_225_600_000;

  test("a step moves the wall clock alone, and is noticed as what it is", () => {
    let nowMs = 0;
    const time = new FaultyTime({ sources: { monotonicNs: () => BigInt(nowMs) * 1_000_000n, systemMs: () => START_MS + nowMs } });
    const clock = new NodeClock(time);
    const jumps = new ClockJumpDetector(clock, 2_000);
    nowMs += 1_000;
    expect(jumps.check(1_000)).toBeUndefined();
    time.apply({ name: "clock-step", ms: -7_000 });
    nowMs += 1_000;
    expect(jumps.check(1_000)).toMatchObject({ cause: "clock-set-back", wallJumpMs: -7_000 });
    expect(clock.monotonicMs()).toBe(2_000);
  });

  test("a sleep holds the thread, moves the wall clock and not the monotonic one", () => {
    let nowMs = 0;
    const time = new FaultyTime({ sources: { monotonicNs: () => BigInt(nowMs) * 1_000_000n, systemMs: () => START_MS + nowMs }, block: (ms) => { nowMs += ms; } });
    const clock = new NodeClock(time);
    const jumps = new ClockJumpDetector(clock, 2_000);
    time.apply({ name: "host-sleep", ms: 30_000 });
    nowMs += 1_000;
    expect(jumps.check(1_000)).toMatchObject({ cause: "host-slept", wallJumpMs: 30_000 });
    expect(clock.monotonicMs()).toBe(1_000);
  });

  test("really blocks the thread", () => {
    const time = new FaultyTime();
    const started = process.hrtime.bigint();
    const held = time.monotonicNs();
    time.apply({ name: "host-sleep", ms: 20 });
    expect(Number(process.hrtime.bigint() - started) / 1e6).toBeGreaterThanOrEqual(19);
    expect(Number(time.monotonicNs() - held) / 1e6).toBeLessThan(Number(process.hrtime.bigint() - started) / 1e6 - 19 + 1);
  });
});

describe("names and amounts", () => {
  test("every listed fault is made with its preset; wrong amounts say what is right", () => {
    for (const { name } of LOCAL_FAULTS) expect(localFault(name, undefined)).toMatchObject({ name });
    expect(localFault("drop", 3)).toBeUndefined();
    expect(() => localFault("host-sleep", 1e9)).toThrow("takes seconds from 0.001 to 120");
    expect(() => localFault("disk-slow", Number.NaN)).toThrow("disk-slow");
  });
});
