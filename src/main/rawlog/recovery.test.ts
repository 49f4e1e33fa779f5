import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FaultError } from "../../shared/base.ts";
import { decodeControl, type ControlRecord } from "../../shared/control.ts";
import type { RawDraft, RawRecord } from "../../shared/raw.ts";
import { FOLDER, draft, newDisk, plain, readAll, seeded, writerOn } from "./log.testkit.ts";
import { NodeDisk } from "./node-disk.ts";
import { OpenSegmentScanner } from "./open-segment.ts";
import { codecReady } from "./scan.ts";
import { pauseForOthers } from "./seal.ts";
import type { SimDisk } from "./sim-disk.ts";
import type { Disk, RawLogWriter } from "./types.ts";
import { verifyLog } from "./verify-log.ts";

const OPEN = `${FOLDER}/raw/000001.open.mcap`;

function controlOf(record: RawRecord): ControlRecord {
  const decoded = decodeControl(record.payload);
  if (!decoded.ok) throw new FaultError(decoded.fault);
  return decoded.value;
}

/** Drafts of one channel, so that chunks are short and every byte of two can be tried. */
function same(n: number): RawDraft {
  return draft(n * 6);
}

/** Five commits of three records each, not closed: what a crash leaves. */
async function crashedLog(): Promise<ReadonlyMap<string, Uint8Array>> {
  const disk = newDisk();
  const writer = await writerOn({ disk });
  for (let n = 0; n < 15; n += 1) {
    writer.append(same(n));
    if (n % 3 === 2) await writer.commit();
  }
  return disk.snapshot();
}

async function chunkEnds(files: ReadonlyMap<string, Uint8Array>): Promise<number[]> {
  await codecReady();
  const disk = newDisk();
  disk.restore(files);
  const scanner = new OpenSegmentScanner(await disk.open(OPEN, "read"), OPEN);
  const ends: number[] = [];
  while ((await scanner.next()) !== undefined) ends.push(scanner.offset);
  return ends;
}

/** Cuts the open segment, recovers, and checks all that must hold. */
async function checkCut(options: { disk: Disk; folder: string; bytes: Uint8Array; cut: number; ends: readonly number[] }): Promise<void> {
  const { disk, folder, bytes, cut, ends } = options;
  const writer = await writerOn({ disk, folder, pid: 2 });
  await writer.close("done");
  const whole = ends.filter((end) => end <= cut).length;
  const records = await readAll(disk, folder);
  expect(records.length, `cut at ${cut}`).toBe(whole * 3 + 1);
  for (const [n, record] of records.slice(0, -1).entries()) {
    expect(record.seq).toBe(n + 1);
    expect(Buffer.compare(record.payload, same(n).payload)).toBe(0);
  }
  const declared = controlOf(records.at(-1)!);
  const tailAt = ends[whole - 1]!;
  expect(declared).toMatchObject({ kind: "recovered", lost_from_seq: whole * 3 + 1, cut_bytes: cut - tailAt });
  if (declared.kind !== "recovered") return;
  expect(records.at(-1)!.seq).toBe(declared.lost_to_seq + 1);
  if (cut > tailAt) expect(Buffer.compare(await disk.readFile(`${folder}/${declared.aside}`), bytes.subarray(tailAt, cut))).toBe(0);
  else expect(declared.aside).toBe("");
}

describe("truncation of the open segment", () => {
  let files: ReadonlyMap<string, Uint8Array>;
  let ends: number[];
  const folders: string[] = [];
  beforeAll(async () => {
    files = await crashedLog();
    ends = await chunkEnds(files);
    expect(ends.length).toBe(5);
  });
  afterAll(async () => {
    for (const folder of folders) await rm(folder, { recursive: true });
  });

  test("at every byte of its last two chunks: exactly the whole chunks before it come back, the tail is kept aside", async () => {
    const bytes = files.get(OPEN)!;
    for (let cut = ends[2]!; cut <= ends[4]!; cut += 1) {
      const disk = newDisk();
      disk.restore(new Map([...files, [OPEN, bytes.subarray(0, cut)]]));
      await checkCut({ disk, folder: FOLDER, bytes, cut, ends });
    }
  });

  test("the same on the real disk, at every 61st byte and around each boundary", async () => {
    const bytes = files.get(OPEN)!;
    const disk = new NodeDisk();
    for (let cut = ends[2]!; cut <= ends[4]!; cut += 1) {
      if (cut % 61 !== 0 && !ends.some((end) => Math.abs(end - cut) <= 1)) continue;
      const folder = await mkdtemp(join(tmpdir(), "tapedeck-cut-"));
      folders.push(folder);
      await disk.makeFolder(`${folder}/raw`);
      for (const [path, content] of files) {
        if (!path.endsWith(".lock")) await disk.replaceFile(path.replace(FOLDER, folder), path === OPEN ? content.subarray(0, cut) : content);
      }
      await checkCut({ disk, folder, bytes, cut, ends });
    }
  });

  test("damage before the tail is quarantined and declared, the chunks behind it come back", async () => {
    const disk = newDisk();
    disk.restore(files);
    disk.flip(OPEN, ends[1]! + 200, 0x10);
    const writer = await writerOn({ disk, pid: 2, session: "record" });
    await writer.close("done");
    const records = await readAll(disk);
    expect(records.filter((record) => record.source === "ws").map((record) => record.seq)).toEqual([1, 2, 3, 4, 5, 6, 10, 11, 12, 13, 14, 15]);
    const before = [1, 2, 3, 4, 5, 6, 10, 11, 12, 13, 14, 15].map((seq) => seq - 1);
    const original = newDisk();
    original.restore(files);
    const whole = await readAll(original);
    expect(records.slice(0, 12)).toEqual(before.map((n) => whole[n]));
    expect(records.slice(12).map(controlOf)).toMatchObject([
      { kind: "quarantine", stream_id: "*", from_seq: 7, to_seq: 9 },
      { kind: "recovered", lost_from_seq: 16, cut_bytes: 0, cause: "damaged" },
      { kind: "started", clean: false },
      { kind: "stopped" },
    ]);
    expect((await verifyLog({ disk, folder: FOLDER })).findings).toEqual([]);
  });

  test("a foreign file in place of the open segment is kept aside and declared", async () => {
    const disk = newDisk();
    disk.restore(new Map([...files, [OPEN, Buffer.from("this is no segment")]]));
    const writer = await writerOn({ disk, pid: 2 });
    await writer.close("done");
    const [declared] = (await readAll(disk)).map(controlOf);
    expect(declared).toMatchObject({ kind: "recovered", cut_bytes: 18, aside: "raw/aside/000001.open.mcap.0.tail" });
  });

  test("a newer format is refused with one clear line, and nothing is touched", async () => {
    const disk = newDisk();
    const line = Buffer.from(files.get(`${FOLDER}/manifest.jsonl`)!).toString("utf8").replace('"format":1', '"format":2');
    disk.restore(new Map([...files, [`${FOLDER}/manifest.jsonl`, Buffer.from(line)]]));
    await expect(writerOn({ disk, pid: 2 })).rejects.toThrow(/^\S+manifest.jsonl line 1 has raw log format 2, this version reads up to 1: update Tapedeck$/);
    await expect(readAll(disk)).rejects.toMatchObject({ fault: { code: "log.newer-format" } });
    expect(await disk.size(OPEN)).toBe(files.get(OPEN)!.length);
  });
});

describe("faults while writing", () => {
  test.each([
    ["full disk", "disk.full", (disk: SimDisk) => { disk.faults.fullAfterBytes = disk.written + 300; }],
    ["failing fsync", "disk.failed", (disk: SimDisk) => { disk.faults.syncsBeforeError = 0; }],
  ])("%s: halts, accepts nothing more, what was durable stays readable", async (_name, code, breakDisk) => {
    const disk = newDisk();
    const writer = await writerOn({ disk });
    for (let n = 0; n < 10; n += 1) writer.append(draft(n));
    await writer.commit();
    breakDisk(disk);
    for (let n = 10; n < 30; n += 1) writer.append(draft(n));
    await expect(writer.commit()).rejects.toMatchObject({ fault: { code } });
    expect(writer.halted?.code).toBe(code);
    expect(writer.hasRoom).toBe(false);
    expect(() => writer.append(draft(30))).toThrow(writer.halted!.message);
    await expect(writer.room()).rejects.toMatchObject({ fault: { code } });
    expect(writer.positions.durable).toBe(10);
    await expect(writer.close("done")).rejects.toMatchObject({ fault: { code } });
    disk.faults.fullAfterBytes = Infinity;
    disk.faults.syncsBeforeError = Infinity;
    expect((await readAll(disk)).slice(0, 10).map((record) => record.seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    const next = await writerOn({ disk });
    await next.close("done");
    expect((await verifyLog({ disk, folder: FOLDER })).findings).toEqual([]);
  });

  test("a full writer throws on append; room comes back with the next fsync", async () => {
    const writer = await writerOn({ disk: newDisk(), options: { reserve: 16 } });
    for (let n = 0; n < 16; n += 1) writer.append(draft(n));
    expect(writer.hasRoom).toBe(false);
    expect(() => writer.append(draft(16))).toThrow("await room() first");
    await writer.room();
    expect(writer.append(draft(16)).seq).toBe(17);
  });
});

// ── crashes ────────────────────────────────────────────────────────────────

/** What all lives of one log were told; checked at the end. */
interface Ledger {
  readonly handedOut: Map<number, RawRecord>;
  readonly ingest: Set<string>;
  /** Numbers that were handed out and reported durable in the same life. */
  readonly durable: Set<number>;
  n: number;
}

async function life(disk: SimDisk, ledger: Ledger, options: { seed: number; pid: number }): Promise<void> {
  const random = seeded(options.seed);
  const mine: number[] = [];
  let durable = 0;
  try {
    const writer: RawLogWriter = await writerOn({ disk, pid: options.pid, session: "record", options: { segmentBytes: 2_000, commitBytes: 1_500, reserve: 64 } });
    writer.onPositions((positions) => {
      durable = positions.durable;
    });
    for (let count = Math.floor(random.next() * 150); count > 0; count -= 1) {
      if (!writer.hasRoom) await writer.room();
      const one = draft(ledger.n);
      ledger.n += 1;
      const { seq, ingestSeq } = writer.append(one);
      expect(ledger.handedOut.has(seq), `seq ${seq} is handed out once`).toBe(false);
      mine.push(seq);
      ledger.handedOut.set(seq, { ...one, seq, ingestSeq });
      const name = `${one.stream.streamId} ${ingestSeq}`;
      expect(ledger.ingest.has(name), `${name} is handed out once`).toBe(false);
      ledger.ingest.add(name);
      if (random.next() < 0.1) await writer.commit();
      else if (random.next() < 0.2) await Promise.resolve();
    }
    if (random.next() < 0.5) await writer.close("asked");
  } catch (error) {
    // The crash itself; everything else is a bug.
    if (!(error instanceof FaultError) || !error.message.includes("crashed")) throw error;
  }
  for (const seq of mine) if (seq <= durable) ledger.durable.add(seq);
}

async function checkLedger(disk: SimDisk, ledger: Ledger): Promise<void> {
  const last = await writerOn({ disk, pid: 99, session: "record" });
  await last.close("done");
  const records = await readAll(disk);
  const present = new Set(records.map((record) => record.seq));
  const lost = new Set<number>();
  let before = 0;
  for (const record of records) {
    expect(record.seq).toBeGreaterThan(before);
    before = record.seq;
    const handed = ledger.handedOut.get(record.seq);
    if (handed !== undefined) expect(plain(record)).toEqual(plain(handed));
    const control = record.source === "control" ? controlOf(record) : undefined;
    if (control?.kind === "recovered") for (let seq = control.lost_from_seq; seq <= control.lost_to_seq; seq += 1) lost.add(seq);
  }
  for (const seq of ledger.durable) expect(present.has(seq), `durable ${seq} is there`).toBe(true);
  for (let seq = 1; seq <= before; seq += 1) expect(present.has(seq) !== lost.has(seq), `${seq} is there or declared lost, never both`).toBe(true);
  for (const seq of ledger.handedOut.keys()) expect(present.has(seq) || lost.has(seq), `${seq} is accounted for`).toBe(true);
  expect((await verifyLog({ disk, folder: FOLDER })).findings).toEqual([]);
}

/** More by command: `TAPEDECK_SEEDS=2000 npx vitest run … recovery`. */
const SEEDS = Number(process.env["TAPEDECK_SEEDS"] ?? 60);

describe("crashes", () => {
  test("by seed, five lives each: nothing durable is missing, no number is used twice, lost ones are declared", async () => {
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const random = seeded(seed);
      const disk = newDisk(seed);
      const ledger: Ledger = { handedOut: new Map(), ingest: new Set(), durable: new Set(), n: 0 };
      try {
        for (let pid = 1; pid <= 5; pid += 1) {
          disk.faults.operationsBeforeCrash = Math.floor(random.next() * (random.next() < 0.5 ? 30 : 250));
          await life(disk, ledger, { seed: seed * 10 + pid, pid });
          if (random.next() < 0.3) disk.kill();
          else disk.crash();
          await pauseForOthers(); // What the dead process still tries must fail, not reach the next life's disk.
          disk.restart();
        }
        await checkLedger(disk, ledger);
      } catch (error) {
        throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
      }
    }
  });
});
