import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { acquireLock, lockCapture, machineProcesses, type LockOwner } from "./lock.ts";
import { NodeDisk } from "./node-disk.ts";

describe("the lock of a folder", () => {
  let folder: string;
  const disk = new NodeDisk();
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "tapedeck-lock-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const path = (): string => `${folder}/writer.lock`;
  const write = (owner: Partial<LockOwner>): Promise<void> => writeFile(path(), JSON.stringify({ ...machineProcesses.self(), token: "x", ...owner }));

  test("a live owner: log.locked, naming pid and folder; free after release", async () => {
    const lock = await acquireLock({ disk, path: path(), what: folder });
    const second = await lockCapture(disk, folder);
    expect(second).toMatchObject({ ok: false, fault: { code: "log.locked" } });
    if (!second.ok) expect(second.fault.message).toBe(`${folder} is being written by process ${process.pid}: stop it first, or use another folder`);
    await lock.release();
    const third = await lockCapture(disk, folder);
    expect(third.ok).toBe(true);
    if (third.ok) await third.value();
    expect(await disk.list(folder)).toEqual([]);
  });

  test.each<[string, Partial<LockOwner>]>([
    ["a process that is gone", { pid: 4_194_301 }],
    ["a pid that another process has now", { startedAt: "1" }],
    ["a boot before this one", { bootId: "before" }],
  ])("%s: taken over at once", async (_name, owner) => {
    await write(owner);
    const lock = await acquireLock({ disk, path: path(), what: folder });
    await lock.release();
    expect(await disk.list(folder)).toEqual([]);
  });

  test("a lock file torn by a crash is taken over", async () => {
    await writeFile(path(), '{"pid":12');
    await (await acquireLock({ disk, path: path(), what: folder })).release();
  });

  test("of many that find it stale at the same time, exactly one gets it", async () => {
    await write({ pid: 4_194_301 });
    const results = await Promise.all(Array.from({ length: 8 }, () => lockCapture(disk, folder)));
    const winners = results.filter((result) => result.ok);
    expect(winners.length).toBe(1);
    for (const winner of winners) if (winner.ok) await winner.value();
  });
});
