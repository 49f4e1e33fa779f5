import { rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { testFolder } from "../importers/import.testkit.ts";
import { acquireLock, isCaptureHeld } from "../rawlog/lock.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";
import { LOCK_FILE } from "../rawlog/segment-format.ts";
import { openWriter } from "../rawlog/writer.ts";
import { summarizeCaptures } from "./capture-list.ts";

const disk = new NodeDisk();

test("an open segment is a recording while its writer lives, a crash without one, complete once sealed", async () => {
  await using folder = await testFolder();
  const capture = join(folder.path, "captures/one");
  const state = async (): Promise<string | undefined> => (await summarizeCaptures(folder.path, undefined))[0]?.state;
  const writer = await openWriter({ disk, folder: capture, captureId: "one", session: "record", version: "test", clock: { wallNs: () => 1_700_000_040_000_000_000n } });
  await writer.commit();
  expect(await state()).toBe("recording");
  await rm(join(capture, LOCK_FILE));
  expect(await state()).toBe("crashed");
  // A lock that a dead process left behind is none.
  await acquireLock({ disk, path: join(capture, LOCK_FILE), what: capture, processes: { self: () => ({ pid: 1, startedAt: "0", bootId: "another boot" }), isAlive: () => false } });
  expect(await isCaptureHeld(disk, capture)).toBe(false);
  expect(await state()).toBe("crashed");
  await writer.close("test over");
  expect(await state()).toBe("complete");
});
