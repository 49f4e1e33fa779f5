// Every step of spool and compaction goes wrong: no file that a reader would take is ever partial, double or foreign,
// and the next run ends with the bytes of an undisturbed one. `TAPEDECK_LAKE_STEPS=all`: every
// trouble at every step, else one of them.
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import { join, relative } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FaultError } from "../../shared/base.ts";
import { seeded } from "../rawlog/log.testkit.ts";
import type { Disk } from "../rawlog/types.ts";
import { lakeFiles, makeCapture, removeRoot, testRoot, withLake, type TestCapture, type Wire } from "./lake.testkit.ts";
import { SteppedDisk, type StepKind, type Trouble } from "./stepped-disk.testkit.ts";

const ALL = process.env["TAPEDECK_LAKE_STEPS"] === "all";

/** Two segments, a partition in each and one in both. */
const WIRES: readonly Wire[] = [
  { kind: "quote", venue: "binance-usdm", symbol: "BTCUSDT", ms: 1, bid: "100.1" },
  { kind: "trades", venue: "binance-usdm", symbol: "BTCUSDT", trades: [{ id: 1, ms: 1, price: "100", qty: "1" }] },
  { kind: "trades", venue: "binance-usdm", symbol: "BTCUSDT", trades: [{ id: 1, ms: 1, price: "100", qty: "1" }, { id: 2, ms: 2, price: "101", qty: "1" }] },
];

let root: string;
let original: TestCapture;
let truth: Readonly<Record<string, string>> = {};
let runs = 0;

beforeAll(async () => {
  root = await testRoot();
  original = await makeCapture(join(root, "original"), WIRES, 2);
  const undisturbed = await copy();
  await withLake(undisturbed, {}, (lake) => lake.compact());
  truth = await outcome(undisturbed);
});
afterAll(() => removeRoot(root));

async function copy(): Promise<string> {
  runs += 1;
  const folder = join(root, `run-${runs}`);
  await cp(original.folder, folder, { recursive: true });
  return folder;
}

/** All files but the shortcut, which may stand at an earlier place. */
async function outcome(folder: string): Promise<Readonly<Record<string, string>>> {
  return Object.fromEntries(Object.entries(await lakeFiles(folder)).filter(([name]) => name !== "events/spool-state.json"));
}

/** What DuckDB's globs would find. */
async function visible(folder: string): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && entry.name.endsWith(".parquet")) found[relative(folder, path)] = createHash("sha256").update(await readFile(path)).digest("hex");
  }
  return found;
}

/** Whole parts only, and of compacted files the one before or the one after. */
async function checkVisible(folder: string, before: Readonly<Record<string, string>>, where: string): Promise<void> {
  for (const [path, digest] of Object.entries(await visible(folder))) {
    expect([before[path], truth[path]].filter((known) => known !== undefined), `${where}: ${path}`).toContain(digest);
  }
}

function steppedDisk(folder: string, seed: number): { readonly disk: SteppedDisk; readonly aside: string } {
  const aside = `${folder}-aside`;
  return { disk: new SteppedDisk({ folder, aside, random: seeded(seed) }), aside };
}

const FITTING: Readonly<Record<StepKind, Trouble>> = {
  create: "full", write: "full", folder: "full", sync: "sync-error", "sync-folder": "sync-error", rename: "read-only", remove: "read-only",
};
const CODES: Readonly<Partial<Record<Trouble, string>>> = { full: "disk.full", "read-only": "disk.read-only", "sync-error": "disk.failed" };

function troublesAt(step: number, turn: number, kind: StepKind): readonly Trouble[] {
  if (ALL) return ["kill", "power-loss", "full", "read-only", "sync-error"];
  const some: readonly Trouble[] = ["kill", FITTING[kind], "power-loss"];
  return [some[(step + turn) % some.length] ?? "kill"];
}

async function compactOn(folder: string, disk: Disk): Promise<unknown> {
  // Whoever crashed is gone: its lock is taken over.
  const processes = { self: () => ({ pid: runs, startedAt: String(runs), bootId: "test" }), isAlive: () => false };
  try {
    await withLake(folder, { disk, processes }, (lake) => lake.compact());
    return undefined;
  } catch (error) {
    return error;
  }
}

/** `prepare`: what was done in peace before. `turn`: which trouble the first step gets. */
async function everyStep(turn: number, prepare: (folder: string) => Promise<void>): Promise<number> {
  const counted = await copy();
  await prepare(counted);
  const counter = steppedDisk(counted, 1);
  await mkdir(counter.aside);
  expect(await compactOn(counted, counter.disk)).toBeUndefined();
  const kinds = [...counter.disk.steps];
  for (const [step, kind] of kinds.entries()) {
    for (const trouble of troublesAt(step, turn, kind)) {
      const where = `${trouble} at step ${step} (${kind})`;
      const folder = await copy();
      await prepare(folder);
      const before = await visible(folder);
      const { disk, aside } = steppedDisk(folder, step + 1);
      await mkdir(aside);
      disk.stepsBefore = step;
      disk.trouble = trouble;
      const error = await compactOn(folder, disk);
      await disk.losePower();
      expect(disk.struck, where).toBe(true);
      // A trouble that does not concern this step may pass unnoticed (a full disk lets names be changed).
      if (trouble === FITTING[kind]) expect(error instanceof FaultError ? error.fault.code : error, where).toBe(CODES[trouble]);
      if (error !== undefined) expect(String((error as Error).message), where).not.toContain("\n");
      await checkVisible(folder, before, where);
      await withLake(folder, { processes: { self: () => ({ pid: 1, startedAt: "1", bootId: "after" }), isAlive: () => false } }, async (lake) => {
        const report = await lake.compact();
        expect(report.differences, where).toEqual([]);
      });
      expect(await outcome(folder), where).toEqual(truth);
      await Promise.all([rm(folder, { recursive: true }), rm(aside, { recursive: true })]);
    }
  }
  return kinds.length;
}

test("from nothing: trouble at every step", async () => {
  const steps = await everyStep(0, () => Promise.resolve());
  // Otherwise nothing was put to the test.
  expect(steps).toBeGreaterThan(50);
}, 600_000);

test("over what an earlier run compacted: trouble at every step, and each compacted file is the old or the new one", async () => {
  const steps = await everyStep(1, async (folder) => {
    // Without its second segment the capture is what it was before that was sealed.
    await hideSecondSegment(folder);
    await withLake(folder, {}, (lake) => lake.compact());
    await cp(`${original.folder}/manifest.jsonl`, `${folder}/manifest.jsonl`);
  });
  expect(steps).toBeGreaterThan(20);
}, 600_000);

async function hideSecondSegment(folder: string): Promise<void> {
  const path = `${folder}/manifest.jsonl`;
  const lines = (await readFile(path, "utf8")).split("\n");
  await writeFile(path, `${lines.slice(0, 2).join("\n")}\n`);
}
