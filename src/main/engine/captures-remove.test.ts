// A removal that is interrupted anywhere leaves the capture whole or gone, and one line that says what it was.
import { cp, mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { hftTrades, runImport, testFolder, type TestFolder } from "../importers/import.testkit.ts";
import { acquireLock } from "../rawlog/lock.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";
import { LOCK_FILE } from "../rawlog/segment-format.ts";
import { summarizeCaptures } from "./capture-list.ts";
import { REMOVALS_FILE, finishRemovals, readLogMarks, removeCapture, type Removal } from "./captures-remove.ts";
import { useCapture } from "./captures-use.ts";
import { EXPORTED_FILE } from "./pins.ts";
import { verifyFolder } from "./verify-folder.ts";

const AT_MS = 1_700_000_500_000;
const WHY = "its last message is 40.0 days old, the limit is 30.0 days";
const request = (captureId: string): Parameters<typeof removeCapture>[1] => ({ captureId, bytes: 1_234, why: WHY, atMs: AT_MS });

async function withCaptures(folder: TestFolder, ...names: readonly string[]): Promise<void> {
  const file = await folder.write("trades.hft", hftTrades(3_000));
  for (const captureId of names) await runImport(folder.path, { captureId, files: [file] });
}
async function noted(folder: TestFolder): Promise<readonly Removal[]> {
  const text = await readFile(join(folder.path, REMOVALS_FILE), "utf8").catch(() => "");
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as Removal);
}
const listed = async (folder: TestFolder): Promise<readonly string[]> => (await summarizeCaptures(folder.path, undefined)).map(({ captureId }) => captureId);

describe("removing a capture", () => {
  test("leaves one line by which a citation of it can still be checked", async () => {
    await using folder = await testFolder();
    await withCaptures(folder, "one", "two");
    await writeFile(join(folder.path, "captures/one", EXPORTED_FILE), JSON.stringify({ at_ms: 7, to: "s3://bucket/lake", last_seq: 3_005, root: "x" }));
    await writeFile(join(folder.path, "captures/one.market.json"), "{}");
    const { certificate } = await verifyFolder({ captureFolder: join(folder.path, "captures/one") });
    const removal = await removeCapture(folder.path, request("one"));
    expect(await listed(folder)).toEqual(["two"]);
    expect(await readdir(join(folder.path, "captures"))).toEqual(["two"]);
    expect(await noted(folder)).toEqual([removal]);
    expect(removal).toEqual({
      at_ms: AT_MS, capture_id: "one", why: WHY, bytes: 1_234, last_seq: certificate?.to_seq, log_root: certificate?.log_root, manifest_head: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      exported: { at_ms: 7, to: "s3://bucket/lake" },
    });
    expect(await finishRemovals(folder.path)).toEqual([]);
  });

  test("is refused while anybody writes or reads it, or when there is none", async () => {
    await using folder = await testFolder();
    await withCaptures(folder, "one");
    const capture = join(folder.path, "captures/one");
    const lock = await acquireLock({ disk: new NodeDisk(), path: join(capture, LOCK_FILE), what: capture });
    await expect(removeCapture(folder.path, request("one"))).rejects.toMatchObject({ fault: { code: "captures.in-use" } });
    await lock.release();
    const letGo = await useCapture(capture);
    await expect(removeCapture(folder.path, request("one"))).rejects.toMatchObject({ fault: { code: "captures.in-use" } });
    await letGo();
    await expect(removeCapture(folder.path, request("none"))).rejects.toMatchObject({ fault: { code: "captures.unknown" } });
    expect(await listed(folder)).toEqual(["one"]);
    await removeCapture(folder.path, request("one"));
    expect(await listed(folder)).toEqual([]);
  });

  test("notes a log whose end was never sealed without a root of all of it", async () => {
    await using folder = await testFolder();
    await withCaptures(folder, "one");
    await writeFile(join(folder.path, "captures/one/raw/000002.open.mcap"), "");
    expect(await removeCapture(folder.path, request("one"))).toMatchObject({ log_root: null, manifest_head: expect.stringMatching(/./) as string });
  });
});

/** Where a crash can come, as what it leaves on disk; `whole`: the capture is still there afterwards. */
const CRASHES: readonly { readonly when: string; readonly whole: boolean; readonly leave: (captures: string, intent: string, data: string) => Promise<void> }[] = [
  { when: "the intent is written", whole: true, leave: (captures, intent) => writeFile(join(captures, "one/removing.json"), intent) },
  { when: "the intent is half-written", whole: true, leave: (captures, intent) => writeFile(join(captures, "one/removing.json.tmp"), intent.slice(0, 20)) },
  {
    when: "the folder is renamed", whole: false,
    leave: async (captures, intent) => {
      await writeFile(join(captures, "one/removing.json"), intent);
      await rename(join(captures, "one"), join(captures, ".removing-one"));
    },
  },
  {
    when: "the line is half-written", whole: false,
    leave: async (captures, intent, data) => {
      await writeFile(join(captures, "one/removing.json"), intent);
      await rename(join(captures, "one"), join(captures, ".removing-one"));
      await writeFile(join(data, REMOVALS_FILE), intent.slice(0, 30));
    },
  },
  {
    when: "the line is written", whole: false,
    leave: async (captures, intent, data) => {
      await writeFile(join(captures, "one/removing.json"), intent);
      await rename(join(captures, "one"), join(captures, ".removing-one"));
      await writeFile(join(data, REMOVALS_FILE), `${intent}\n`);
    },
  },
  {
    when: "some files are deleted", whole: false,
    leave: async (captures, intent, data) => {
      await writeFile(join(captures, "one/removing.json"), intent);
      await rename(join(captures, "one"), join(captures, ".removing-one"));
      await writeFile(join(data, REMOVALS_FILE), `${intent}\n`);
      await rm(join(captures, ".removing-one/raw"), { recursive: true });
    },
  },
  {
    when: "the intent is deleted before the rest", whole: false,
    leave: async (captures, intent, data) => {
      await rename(join(captures, "one"), join(captures, ".removing-one"));
      await writeFile(join(data, REMOVALS_FILE), `${intent}\n`);
    },
  },
];

describe("a crash when", () => {
  test.each(CRASHES)("$when", async ({ whole, leave }) => {
    await using folder = await testFolder();
    await withCaptures(folder, "one");
    const captures = join(folder.path, "captures");
    // What a removal writes, taken from one that went well, on a copy.
    const twin = join(folder.path, "twin");
    await mkdir(twin);
    await cp(captures, join(twin, "captures"), { recursive: true });
    const removal = await removeCapture(twin, request("one"));
    await leave(captures, JSON.stringify(removal), folder.path);
    expect(await listed(folder)).toEqual(whole ? ["one"] : []);

    expect(await finishRemovals(folder.path)).toEqual(whole ? [] : ["one"]);
    expect(await readdir(captures)).toEqual(whole ? ["one"] : []);
    if (whole) {
      expect(await verifyFolder({ captureFolder: join(captures, "one") })).toMatchObject({ result: "MATCH" });
      expect(await noted(folder)).toEqual([]);
      await removeCapture(folder.path, request("one"));
    }
    // The half-written line stays as it is; the whole one stands for itself behind it.
    const lines = (await readFile(join(folder.path, REMOVALS_FILE), "utf8")).split("\n").filter((line) => line === JSON.stringify(removal));
    expect(lines).toHaveLength(1);
    expect(await finishRemovals(folder.path)).toEqual([]);
  });
});

test("the marks of a log are read from its manifest alone", async () => {
  await using folder = await testFolder();
  await withCaptures(folder, "one");
  await rm(join(folder.path, "captures/one/raw"), { recursive: true });
  expect(await readLogMarks(new NodeDisk(), join(folder.path, "captures/one"))).toMatchObject({ lastSeq: expect.any(Number) as number, root: expect.stringMatching(/^[0-9a-f]{64}$/) as string });
});
