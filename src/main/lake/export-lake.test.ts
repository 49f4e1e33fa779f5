// The lake to a folder: verified, taken up where it stopped, never over somebody else's files.
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, readdir, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { NodeDisk } from "../rawlog/node-disk.ts";
import { FolderTarget } from "./export-folder.ts";
import { EXPORT_BEGUN, EXPORT_MANIFEST, exportLake, type LakeExportOptions, type LakeExportReport } from "./export-lake.ts";
import { madeBytes, putPartition } from "./export.testkit.ts";

let folder: string;
let capture: string;
let target: string;
const disk = new NodeDisk();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tapedeck-export-"));
  capture = join(folder, "capture");
  target = join(folder, "target");
  await putPartition(capture, { captureId: "one", symbol: "btcusdt", bytes: madeBytes(1, 2_500_000), rows: 10 });
  await putPartition(capture, { captureId: "one", symbol: "ethusdt", bytes: madeBytes(2, 1_048_576), rows: 5 });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function exported(options: Partial<LakeExportOptions> = {}): Promise<LakeExportReport> {
  return exportLake({ disk, captureFolder: capture, captureId: "one", toSeq: 2, target: new FolderTarget(options.disk ?? disk, target, options.stop), ...options });
}

async function digest(path: string): Promise<string> {
  return createHash("sha256").update(await readFile(path)).digest("hex");
}

async function tree(path: string): Promise<readonly string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1)).sort();
}

const FILES = ["btcusdt", "ethusdt"].flatMap((symbol) => ["data.json", "data.parquet"].map((name) => `exchange=binance/stream=trade/symbol=${symbol}/date=20240808/${name}`));

test("every file arrives with its bytes, and the manifest says which", async () => {
  const done: number[] = [];
  const report = await exported({ onProgress: (progress) => { done.push(progress.done / progress.total); } });
  expect(report).toMatchObject({ files: 4, skipped: 0, rows: 15, toSeq: 2 });
  expect(await tree(target)).toEqual([...FILES, EXPORT_MANIFEST]);
  for (const file of FILES) expect(await digest(join(target, file))).toBe(await digest(join(capture, "compact", file)));
  expect(JSON.parse(await readFile(join(target, EXPORT_MANIFEST), "utf8"))).toMatchObject({ capture_id: "one", to_seq: 2, rows: 15, log_root: report.root, files: expect.objectContaining({ length: 4 }) as unknown });
  expect(done).toEqual([...done].sort((a, b) => a - b));
  expect(done.at(-1)).toBe(1);
});

test("a second run copies nothing; a damaged or stale file is replaced", async () => {
  await exported();
  const before = (await stat(join(target, FILES[1]!))).mtimeMs;
  expect(await exported()).toMatchObject({ skipped: 4 });
  expect((await stat(join(target, FILES[1]!))).mtimeMs).toBe(before);
  const bytes = await readFile(join(target, FILES[3]!));
  bytes[100]! ^= 1;
  await writeFile(join(target, FILES[3]!), bytes);
  expect(await exported()).toMatchObject({ skipped: 3 });
  expect(await digest(join(target, FILES[3]!))).toBe(await digest(join(capture, "compact", FILES[3]!)));
});

test("stopped on the way: no half file has a name, no manifest; the next run goes on", async () => {
  const stop = new AbortController();
  await expect(exported({ stop: stop.signal, onProgress: ({ done }) => { if (done > 1_000_000) stop.abort(); } })).rejects.toMatchObject({ fault: { code: "export.stopped" } });
  const left = await tree(target);
  expect(left).toContain(EXPORT_BEGUN);
  expect(left).not.toContain(EXPORT_MANIFEST);
  expect(left.filter((file) => file.endsWith(".exporting"))).toEqual([]);
  for (const file of left.filter((name) => name.endsWith(".parquet"))) expect(await digest(join(target, file))).toBe(await digest(join(capture, "compact", file)));
  // As a killed process leaves it.
  await mkdir(join(target, FILES[1]!, ".."), { recursive: true });
  await writeFile(join(target, `${FILES[1]!}.exporting`), "half");
  await exported();
  expect(await tree(target)).toEqual([...FILES, EXPORT_MANIFEST]);
});

test("refused: another capture's place, a foreign file, nothing to export, a file that is not what its metadata says", async () => {
  await exported();
  await expect(exported({ captureId: "two" })).rejects.toMatchObject({ fault: { code: "export.other-capture", message: expect.stringContaining("capture one") as string } });
  await rm(target, { recursive: true });
  await mkdir(join(target, FILES[1]!, ".."), { recursive: true });
  await writeFile(join(target, FILES[1]!), "somebody else's");
  await expect(exported()).rejects.toMatchObject({ fault: { code: "export.foreign-file" } });
  expect(await readFile(join(target, FILES[1]!), "utf8")).toBe("somebody else's");
  await rm(target, { recursive: true });
  await truncate(join(capture, "compact", FILES[3]!), 1_000);
  await expect(exported()).rejects.toMatchObject({ fault: { code: "export.changed" } });
  expect(await tree(target)).not.toContain(FILES[3]);
  await rm(join(capture, "compact"), { recursive: true });
  await expect(exported()).rejects.toMatchObject({ fault: { code: "export.empty" } });
});

test("a disk that loses what it was given is noticed before the file gets its name", async () => {
  const lying = Object.assign(Object.create(disk) as NodeDisk, {
    open: async (path: string, mode: "append" | "create" | "read") => {
      if (mode === "read" && path.endsWith("parquet.exporting")) await truncate(path, 5);
      return disk.open(path, mode);
    },
  });
  await expect(exported({ disk: lying })).rejects.toMatchObject({ fault: { code: "export.not-verified" } });
  expect((await tree(target)).filter((file) => file.includes("parquet"))).toEqual([]);
});
