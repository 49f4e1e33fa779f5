import { rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { streamRef } from "../../shared/market.ts";
import { testFolder } from "../importers/import.testkit.ts";
import { acquireLock, isCaptureHeld } from "../rawlog/lock.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";
import { LOCK_FILE } from "../rawlog/segment-format.ts";
import { openWriter } from "../rawlog/writer.ts";
import { CaptureCatalog, summarizeCaptures } from "./capture-list.ts";

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

test("a catalog reads a growing log on, and says of every capture what a first look says", async () => {
  await using folder = await testFolder();
  const open = (name: string) => openWriter({ disk, folder: join(folder.path, "captures", name), captureId: name, session: "record", version: "test", clock: { wallNs: () => 1_700_000_040_000_000_000n } });
  const stream = streamRef("sim", "BTCUSDT", "trade");
  const draft = { stream, source: "ws", connection: "c", recvNs: 1_700_000_040_000_000_000n, eventNs: 0n, payload: new Uint8Array([1]) } as const;
  const done = await open("done");
  done.append(draft);
  await done.close("test over");
  const growing = await open("growing");
  const catalog = new CaptureCatalog(folder.path);
  for (let count = 1; count <= 3; count += 1) {
    growing.append(draft);
    await growing.commit();
    const [first, second] = await catalog.list("growing");
    const [fresh, other] = await summarizeCaptures(folder.path, "growing");
    expect([first, second]).toEqual([fresh, other]);
    expect(second).toMatchObject({ captureId: "growing", state: "recording", events: count });
  }
  await growing.close("test over");
  expect((await catalog.list(undefined)).map(({ state, events }) => [state, events])).toEqual([["complete", 1], ["complete", 3]]);
  await rm(join(folder.path, "captures/done"), { recursive: true });
  expect((await catalog.list(undefined)).map(({ captureId }) => captureId)).toEqual(["growing"]);
  await catalog.close();
});
