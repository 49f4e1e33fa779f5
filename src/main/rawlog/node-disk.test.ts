import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { diskContract } from "./disk.contract.ts";
import { NodeDisk, diskFault, writeAll } from "./node-disk.ts";

diskContract("NodeDisk", async () => {
  const folder = await mkdtemp(join(tmpdir(), "tapedeck-disk-"));
  return { disk: new NodeDisk(), folder, cleanUp: () => rm(folder, { recursive: true }) };
});

test("a short write is continued until all is written", async () => {
  const written: number[] = [];
  await writeAll((bytes, offset, length) => {
    const bytesWritten = Math.min(3, length);
    written.push(...bytes.subarray(offset, offset + bytesWritten));
    return Promise.resolve({ bytesWritten });
  }, Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]));
  expect(written).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
});

test("a disk that takes nothing more is full, not an endless loop", async () => {
  await expect(writeAll(() => Promise.resolve({ bytesWritten: 0 }), Uint8Array.of(1))).rejects.toMatchObject({ code: "ENOSPC" });
});

test.each([
  ["ENOSPC", "disk.full"], ["EROFS", "disk.read-only"], ["EACCES", "disk.no-permission"], ["EIO", "disk.failed"],
])("%s becomes %s, one line", (errno, code) => {
  const { fault } = diskFault(Object.assign(new Error("x"), { code: errno }), "write", "/data/x");
  expect(fault.code).toBe(code);
  expect(fault.message).toMatch(/^Cannot write \/data\/x: [^\n]+$/);
});
