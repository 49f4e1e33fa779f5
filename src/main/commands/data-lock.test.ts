// One writer per data folder: a second one is told so in one line, naming folder and process, and leaves no trace.
import { readdir } from "node:fs/promises";
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
