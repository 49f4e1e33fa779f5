import fc from "fast-check";
import { expect, test } from "vitest";
import { diskContract } from "./disk.contract.ts";
import { newDisk } from "./log.testkit.ts";

diskContract("SimDisk", async () => {
  const disk = newDisk();
  await disk.makeFolder("/data");
  return { disk, folder: "/data", cleanUp: () => Promise.resolve() };
});

test("a crash keeps what was synced and forgets or tears the rest", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), async (seed) => {
      const disk = newDisk(seed);
      await disk.makeFolder("/d");
      const file = await disk.open("/d/a", "create");
      await file.append(Buffer.from("synced"));
      await file.sync();
      await disk.syncFolder("/d");
      await file.append(Buffer.from("not synced"));
      disk.crash();
      await expect(file.append(Buffer.from("x"))).rejects.toThrow("crashed");
      disk.restart();
      expect(Buffer.from(await disk.readFile("/d/a")).toString("latin1").startsWith("synced")).toBe(true);
    }),
    { numRuns: 50 },
  );
});

test("a name that was not synced may vanish, and may survive", async () => {
  const fates = new Set<boolean>();
  for (let seed = 0; seed < 20; seed += 1) {
    const disk = newDisk(seed);
    await disk.makeFolder("/d");
    await (await disk.open("/d/a", "create")).sync();
    disk.crash();
    disk.restart();
    fates.add((await disk.size("/d/a")) !== undefined);
  }
  expect(fates.size).toBe(2);
});

test("a full disk takes what fits and says so; a failing sync says so", async () => {
  const disk = newDisk();
  await disk.makeFolder("/d");
  disk.faults.fullAfterBytes = 4;
  disk.faults.syncsBeforeError = 0;
  const file = await disk.open("/d/a", "create");
  await expect(file.append(Buffer.from("123456"))).rejects.toMatchObject({ fault: { code: "disk.full" } });
  expect(await file.size()).toBe(4);
  await expect(file.sync()).rejects.toMatchObject({ fault: { code: "disk.failed" } });
});
