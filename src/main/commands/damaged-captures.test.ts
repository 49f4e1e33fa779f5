// Captures that are newer, cut or bit-flipped, as the command line meets them: refused or found in one line, never changed.
import { chmod, readFile, readdir, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { hftTrades, testFolder, type TestFolder } from "../importers/import.testkit.ts";
import { runForTest } from "./cli.testkit.ts";

let folder: TestFolder;
let capture: string;
let segment: string;

beforeEach(async () => {
  folder = await testFolder();
  for (const id of ["sound", "one"]) {
    const done = await cli("import", "--capture", id, "--venue", "binance", "--format", "hft", await folder.write("a.txt", hftTrades(200)));
    expect(done.code).toBe(0);
  }
  capture = join(folder.path, "captures/one");
  segment = join(capture, "raw/000001.mcap");
  await chmod(segment, 0o644);
});
afterEach(async () => {
  await folder[Symbol.asyncDispose]();
});

function cli(...argv: readonly string[]): Promise<{ readonly code: number; readonly out: string; readonly log: string }> {
  return runForTest([...argv, "--data", folder.path]);
}

/** Every file's bytes: nothing may be repaired in passing. */
async function contents(): Promise<readonly string[]> {
  const names = (await readdir(capture, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)).sort();
  return Promise.all(names.map(async (name) => `${name} ${(await readFile(name)).toString("base64")}`));
}

const READING: readonly (readonly string[])[] = [
  ["dump", "--capture", "one"], ["candles", "--capture", "one", "--interval", "1s"], ["gaps", "--capture", "one"], ["revisions", "--capture", "one"],
  ["replay", "--capture", "one"], ["verify", "--capture", "one"],
];

test("a capture of a newer format: every command refuses it in one line and changes nothing; the others are still listed", async () => {
  const manifest = join(capture, "manifest.jsonl");
  await writeFile(manifest, (await readFile(manifest, "utf8")).replaceAll('"format":1', '"format":2'));
  const before = await contents();
  for (const words of READING) {
    const { code, out, log } = await cli(...words);
    expect([words[0], code, out]).toEqual([words[0], 2, ""]);
    expect(log).toMatch(/^tapedeck: \S+manifest\.jsonl line 1 has raw log format 2, this version reads up to 1: update Tapedeck\n$/);
  }
  expect(await contents()).toEqual(before);
  const listed = await cli("captures", "--json");
  expect(listed.code).toBe(0);
  expect(listed.out).toMatch(/"capture_id":"one".*"state":"newer"\}\n.*"capture_id":"sound".*"state":"complete"\}\n$/);
});

/** Flips one bit in the middle of the only chunk. */
async function flip(): Promise<void> {
  const bytes = await readFile(segment);
  bytes.writeUInt8(bytes.readUInt8(1_500) ^ 0x04, 1_500);
  await writeFile(segment, bytes);
}

const NONE = /MISMATCH {2}one[^]*at segment raw\/000001\.mcap, no event affected[^]*it was cut/;
const FIRST = /MISMATCH {2}one[^]*at segment raw\/000001\.mcap, chunk 0, first affected event seq 1[^]*restore it from a copy/;
const DAMAGES: readonly (readonly [name: string, damage: () => Promise<void>, says: RegExp, reads: RegExp | undefined])[] = [
  // The summary at the end is for other readers: all records still come out.
  ["cut behind its last record", async () => truncate(segment, (await readFile(segment)).length - 500), NONE, undefined],
  ["cut to nothing", () => truncate(segment, 0), FIRST, /000001\.mcap is cut short: run verify\n$/],
  ["with one bit flipped", flip, FIRST, /000001\.mcap chunk 0 \(records 1 … 203\) is damaged: its bytes do not fit their checksum; run verify\n$/],
];

test.each(DAMAGES)("a sealed segment %s: verify exits 1 and names it, raw reading refuses what is lost, candles stand", async (_name, damage, says, reads) => {
  await damage();
  const before = await contents();
  expect(await cli("verify", "--capture", "one")).toMatchObject({ code: 1, out: expect.stringMatching(says) as string });
  for (const command of ["dump", "replay"]) {
    const { code, log } = await cli(command, "--capture", "one");
    if (reads === undefined) expect([code, log]).toEqual([0, ""]);
    else expect([code, log]).toEqual([2, expect.stringMatching(reads)]);
  }
  expect((await cli("candles", "--capture", "one", "--interval", "1s")).code).toBe(0);
  expect((await cli("verify", "--capture", "sound")).code).toBe(0);
  expect(await contents()).toEqual(before);
});
