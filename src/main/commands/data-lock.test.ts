// One writer per data folder, and a folder that can be written: else one line naming folder and reason, and no trace.
import { chmod, readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lockDataFolder } from "../engine/data-lock.ts";
import { hftTrades, testFolder, type TestFolder } from "../importers/import.testkit.ts";
import type { FolderLock } from "../rawlog/lock.ts";
import { runForTest } from "./cli.testkit.ts";

let folder: TestFolder;
let data: string;
let lock: FolderLock;
let file: string;
beforeEach(async () => {
  folder = await testFolder();
  data = join(folder.path, "data");
  file = await folder.write("a.txt", hftTrades(5));
  lock = await lockDataFolder(data);
});
afterEach(async () => {
  await lock.release();
  await folder[Symbol.asyncDispose]();
});

function importWords(): readonly string[] {
  return ["import", "--data", data, "--capture", "one", "--venue", "binance", "--format", "hft", file];
}

test.each([
  ["record", () => ["record", "--data", data, "--capture", "one", "--for", "1s"]],
  ["import", importWords],
])("a second writer (%s) ends with 2, one line and nothing created", async (_name, words) => {
  const { code, out, log } = await runForTest(words());
  expect(code).toBe(2);
  expect(out).toBe("");
  expect(log).toBe(`tapedeck: ${data} is being written by process ${process.pid}: stop it first, or use another folder\n`);
  expect(await readdir(data)).toEqual(["tapedeck.lock"]);
});

test("an import lets go of the folder, also when it fails", async () => {
  await lock.release();
  expect((await runForTest(importWords())).code).toBe(0);
  expect((await runForTest(importWords())).code).toBe(2); // the capture is there already
  expect(await readdir(data)).toEqual(["captures"]);
});

const WITHOUT_WRITING = ["candles --capture one --interval 1m", "dump --capture one", "verify", "doctor"].map((words) => words.split(" "));

test.each([["record", "--for", "1s"], ["import", "--capture", "one", "--venue", "binance", "--format", "hft", "FILE"], ...WITHOUT_WRITING])(
  "a data folder below a file (%s): exit 2 and one line", async (...words) => {
    const { code, out, log } = await runForTest([...words.map((word) => (word === "FILE" ? file : word)), "--data", join(file, "data")]);
    expect([code, out]).toEqual([2, ""]);
    expect(log).toMatch(/^tapedeck: Cannot (create|list) the folder \S+a\.txt\S*: a part of the path is not a folder\n$/);
  },
);

// Root may write everywhere: there only the path above can be tried (node-disk.test.ts has the causes one by one).
test.skipIf(process.getuid?.() === 0)("a read-only data folder: recording and importing end with 2 and one line, reading works (skipped as root)", async () => {
  await lock.release();
  expect((await runForTest(importWords())).code).toBe(0);
  await chmod(data, 0o555);
  try {
    for (const words of [importWords(), ["record", "--data", data, "--for", "1s"]]) {
      const { code, log } = await runForTest(words);
      expect([code, log]).toEqual([2, `tapedeck: Cannot write in the folder ${data}: permission denied: check owner and mode\n`]);
    }
    expect((await runForTest(["candles", "--data", data, "--capture", "one", "--interval", "1s"])).code).toBe(0);
  } finally {
    await chmod(data, 0o755);
  }
});
