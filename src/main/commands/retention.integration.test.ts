// The built `tapedeck retention`, as people use it and killed in the middle: every capture is whole or gone, and what is gone is noted once.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { REMOVALS_FILE, finishRemovals, type Removal } from "../engine/captures-remove.ts";
import { EXPORTED_FILE, PINNED_FILE } from "../engine/pins.ts";
import { hftTrades, readAll, runImport, testFolder, type TestFolder } from "../importers/import.testkit.ts";
import { SeededRandom } from "../sim/random.ts";
import { runForTest } from "./cli.testkit.ts";

const RUN = `import { runCli } from ${JSON.stringify(new URL("../../../dist/main/cli.js", import.meta.url).href)}; process.exitCode = await runCli(process.argv.slice(1));`;
const KILLS = Number(process.env["TAPEDECK_KILLS"] ?? 4);
const SEED = Number(process.env["TAPEDECK_SEED"] ?? 1);
/** Enough that deleting takes a while. */
const FILES = 400;

async function withCaptures(folder: TestFolder, names: readonly string[]): Promise<string> {
  const captures = join(folder.path, "captures");
  await runImport(folder.path, { captureId: names[0] ?? "one", files: [await folder.write("trades.hft", hftTrades(500))] });
  for (const name of names.slice(1)) await cp(join(captures, names[0] ?? "one"), join(captures, name), { recursive: true });
  return captures;
}

test("a dry run changes nothing; --apply removes what it said, and never what is pinned or was not exported", async () => {
  await using folder = await testFolder();
  const captures = await withCaptures(folder, ["one", "pinned", "two"]);
  const records = await readAll(join(captures, "one"));
  const mark = JSON.stringify({ at_ms: 1, to: "s3://b", last_seq: records.at(-1)?.seq, root: "r" });
  for (const name of ["one", "pinned"]) await writeFile(join(captures, name, EXPORTED_FILE), mark);
  await writeFile(join(captures, "pinned", PINNED_FILE), "");
  const words = ["retention", "--data", folder.path, "--max-age", "30d", "--json"];

  const dry = await runForTest(words);
  expect(dry.code).toBe(0);
  const rows = dry.out.trim().split("\n").map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(rows).toMatchObject([
    { capture_id: "one", removed: true }, { capture_id: "pinned", removed: false, why: "pinned" }, { capture_id: "two", removed: false, why: "not exported" }, { applied: false, captures: 1 },
  ]);
  expect(await readdir(captures)).toEqual(["one", "pinned", "two"]);

  expect((await runForTest([...words, "--apply"])).code).toBe(0);
  expect(await readdir(captures)).toEqual(["pinned", "two"]);
  expect((await runForTest([...words, "--unexported", "--apply"])).code).toBe(0);
  expect(await readdir(captures)).toEqual(["pinned"]);
});

test.each([
  [["retention"], /give a limit: --max-age 30d, --max-size 200G or both/],
  [["retention", "--max-age", "soon"], /--max-age soon: write an age such as 30d or 12h/],
  [["retention", "--max-size", "big"], /--max-size big: write a size such as 512M, 200G, 1\.5T/],
] as const)("%j is refused in one line", async (words, says) => {
  const { code, out, log } = await runForTest([...words]);
  expect([code, out]).toEqual([2, ""]);
  expect(log.trim().split("\n")).toEqual([expect.stringMatching(says)]);
});

/** Kills it so long after the first trace of a removal; false: it had finished before. */
async function applyAndKill(data: string, afterTurns: number): Promise<boolean> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", RUN, "--", "retention", "--data", data, "--max-size", "1", "--unexported", "--apply"], { stdio: "ignore" });
  const exited = once(child, "exit") as Promise<[number | null, string | null]>;
  const captures = join(data, "captures");
  const whole = (await readdir(captures)).length;
  const hasBegun = async (): Promise<boolean> => {
    const names = await readdir(captures);
    return names.length < whole || names.some((name) => name.startsWith("."));
  };
  while (child.exitCode === null && !(await hasBegun()));
  for (let turn = 0; turn < afterTurns; turn += 1) await readdir(captures);
  child.kill("SIGKILL");
  return (await exited)[1] === "SIGKILL";
}

test(`killed ${KILLS} times in the middle of removing: every capture is whole or gone, and each that is gone is noted once`, async () => {
  const random = new SeededRandom(SEED);
  await using folder = await testFolder();
  const names = ["a", "b", "c", "d", "e", "f"];
  const captures = await withCaptures(folder, names);
  for (const name of names) {
    await mkdir(join(captures, name, "many"));
    for (let n = 0; n < FILES; n += 1) await writeFile(join(captures, name, "many", `${n}`), "x");
  }
  const filesOf = async (name: string): Promise<number> => (await readdir(join(captures, name), { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile() && !entry.name.startsWith("removing.json")).length;
  const whole = await filesOf("a");
  let killed = 0;
  for (let round = 0; round < KILLS; round += 1) {
    if (await applyAndKill(folder.path, random.below(200))) killed += 1;
    const listed = (await readdir(captures)).filter((name) => !name.startsWith("."));
    for (const name of listed) expect(await filesOf(name), name).toBe(whole);
    await finishRemovals(folder.path);
    expect((await readdir(captures)).filter((name) => name.startsWith("."))).toEqual([]);
    const noted = (await readFile(join(folder.path, REMOVALS_FILE), "utf8").catch(() => "")).split("\n").filter((line) => line !== "").map((line) => (JSON.parse(line) as Removal).capture_id);
    expect([...noted].sort()).toEqual(names.filter((name) => !listed.includes(name)));
    if (listed.length === 0) break;
  }
  expect(killed).toBeGreaterThan(0);
}, 60_000);
