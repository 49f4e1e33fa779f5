// Thresholds in bytes and in hours, the rate they follow, and a real file system that runs full.
import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DISK_DEFAULTS, DiskWatch, freeBytesOf } from "./disk-watch.ts";

const GIB = 1_024 ** 3;
const MIB = 1_024 ** 2;
const MINUTE_MS = 60_000;

function watch(limits: { readonly lowBytes?: number; readonly stopBytes?: number } = {}): { readonly disk: DiskWatch; free: number } {
  const space = { free: 100 * GIB };
  const disk = new DiskWatch({ folder: "/data", limits, freeBytes: () => Promise.resolve(space.free) });
  return Object.assign(space, { disk });
}

describe("the disk watch", () => {
  test("warns and stops by bytes while nothing is known of the rate", async () => {
    const it = watch();
    const states: string[] = [];
    for (const free of [3 * GIB, 2 * GIB, 2 * GIB - 1, 512 * MIB, 512 * MIB - 1]) {
      it.free = free;
      states.push((await it.disk.look()).state);
    }
    expect(states).toEqual(["ok", "ok", "low", "low", "full"]);
    expect(it.disk.health).toMatchObject({ bytesPerHour: undefined, hoursToFull: undefined });
  });

  test("knows the rate after a minute, and then warns two hours and stops a quarter of an hour before the end", async () => {
    const it = watch();
    it.disk.took("one", 0, 0);
    it.disk.took("one", 5 * GIB, 59_000);
    expect((await it.disk.look()).bytesPerHour).toBeUndefined();
    it.disk.took("one", 10 * GIB, 10 * MINUTE_MS);
    it.free = 121 * GIB;
    expect(await it.disk.look()).toEqual({ freeBytes: 121 * GIB, bytesPerHour: 60 * GIB, hoursToFull: 121 / 60, state: "ok" });
    it.free = 119 * GIB;
    expect((await it.disk.look()).state).toBe("low");
    it.free = 14 * GIB;
    expect((await it.disk.look()).state).toBe("full");
    expect(it.disk.fault().fault).toMatchObject({ code: "disk.low", message: expect.stringMatching(/^14\.0 GiB free at \/data: below the 15\.0 GiB at which recording stops\. .*start the recording again$/) as string });
  });

  test("takes the rate of the last hour, in bounded memory", async () => {
    const it = watch();
    for (let minute = 0; minute <= 300; minute += 1) it.disk.took("one", minute < 200 ? minute * GIB : 200 * GIB + (minute - 200) * MIB, minute * MINUTE_MS);
    const { bytesPerHour = 0 } = await it.disk.look();
    expect(bytesPerHour).toBeCloseTo(60 * MIB, -3);
  });

  test("a capture that shrinks by sealing takes nothing, and another capture counts anew", async () => {
    const it = watch();
    it.disk.took("one", 64 * MIB, 0);
    it.disk.took("one", 40 * MIB, 2 * MINUTE_MS);
    expect((await it.disk.look()).bytesPerHour).toBe(0);
    expect((await it.disk.look()).hoursToFull).toBeUndefined();
    it.disk.took("two", 1 * MIB, 3 * MINUTE_MS);
    it.disk.took("two", 2 * MIB, 4 * MINUTE_MS);
    expect((await it.disk.look()).bytesPerHour).toBeCloseTo(60 * MIB);
  });

  test("a stopped recording starts again only with some space above the threshold", async () => {
    const it = watch({ stopBytes: 100 * MIB });
    it.free = 99 * MIB;
    await expect(it.disk.refuseStart()).rejects.toMatchObject({ fault: { code: "disk.low", message: expect.stringContaining("99.0 MiB free at /data") as string } });
    it.free = 105 * MIB;
    await expect(it.disk.refuseStart()).rejects.toMatchObject({ fault: { code: "disk.low" } });
    it.free = 100 * MIB * DISK_DEFAULTS.startShare;
    await it.disk.refuseStart();
  });

  test("stops never before it warns, whatever the limits and the rate", async () => {
    await fc.assert(fc.asyncProperty(fc.nat(100 * GIB), fc.nat(10 * GIB), fc.nat(10 * GIB), fc.nat(50 * GIB), async (free, lowBytes, stopBytes, hourly) => {
      const it = watch({ lowBytes, stopBytes });
      it.disk.took("one", 0, 0);
      it.disk.took("one", hourly, 60 * MINUTE_MS);
      it.free = free;
      const { state } = await it.disk.look();
      expect(it.disk.stopBytes).toBeLessThanOrEqual(it.disk.lowBytes);
      expect(state).toBe(free < Math.max(stopBytes, hourly / 4) ? "full" : free < Math.max(lowBytes, stopBytes, hourly * 2) ? "low" : "ok");
    }));
  });
});

/** Mounting needs root and a kernel that lets it: told by trying. */
async function tinyFileSystem(): Promise<{ readonly path: string; release(): Promise<void> } | undefined> {
  const path = await mkdtemp(join(tmpdir(), "tapedeck-tiny-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", path], { stdio: "ignore" });
  } catch {
    await rm(path, { recursive: true });
    return undefined;
  }
  return {
    path,
    release: async () => {
      execFileSync("umount", [path]);
      await rm(path, { recursive: true });
    },
  };
}

test("a real file system that fills up goes from ok to low to full", async (context) => {
  const tiny = await tinyFileSystem();
  if (tiny === undefined) return context.skip("mounting a tmpfs needs root");
  try {
    const disk = new DiskWatch({ folder: tiny.path, limits: { lowBytes: 6 * MIB, stopBytes: 2 * MIB }, freeBytes: () => freeBytesOf(tiny.path) });
    expect(await disk.look()).toMatchObject({ state: "ok", freeBytes: 8 * MIB });
    await writeFile(join(tiny.path, "a"), Buffer.alloc(3 * MIB));
    expect((await disk.look()).state).toBe("low");
    await writeFile(join(tiny.path, "b"), Buffer.alloc(4 * MIB));
    expect((await disk.look()).state).toBe("full");
    await expect(disk.refuseStart()).rejects.toMatchObject({ fault: { code: "disk.low" } });
    await rm(join(tiny.path, "b"));
    await disk.refuseStart();
  } finally {
    await tiny.release();
  }
});
