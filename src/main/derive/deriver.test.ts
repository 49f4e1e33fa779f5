import { cp, readFile, readdir, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FaultError } from "../../shared/base.ts";
import { hftLine, runImport, START_MS, testFolder, tradeMessage, type TestFolder } from "../importers/import.testkit.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";
import { openReader } from "../rawlog/reader.ts";
import { sha256 } from "../rawlog/sha256.ts";
import { decoderLookup } from "../venues/registry.ts";
import { createDeriver, type Deriver, type DeriverOptions } from "./deriver.ts";
import { isDerived, openDerived, readBars, readGrades, readLedgerEntries, readRevisions } from "./read.ts";

const disk = new NodeDisk();
const LAST_SEQ = 320;
const SERIES = { venue: "binance-usdm", symbol: "BTCUSDT", interval: "5s" } as const;

/** Two symbols, a hole in the ids, trades that come after their bars were sealed, a day's end. */
function lines(): string {
  const dayEndMs = Math.floor(START_MS / 86_400_000 + 1) * 86_400_000;
  let text = "";
  const put = (symbol: string, id: number, ms: number, lateMs = 20): void => {
    text += hftLine(BigInt(ms + lateMs) * 1_000_000n, tradeMessage({ id, ms, price: `${100 + (id % 9)}.${id % 10}`, symbol, maker: id % 2 === 0, qty: `0.0${(id % 8) + 1}` }));
  };
  for (let id = 1; id <= 240; id += 1) {
    const ms = dayEndMs - 30_000 + id * 250;
    if (id < 100 || id > 104) put("BTCUSDT", id, ms);
    if (id % 3 === 0) put("ETHUSDT", id / 3, ms + 1);
    // 101 and 102 arrive 14 s after their time: their bars are sealed by then.
    if (id === 160) for (const late of [101, 102]) put("BTCUSDT", late, dayEndMs - 30_000 + late * 250, 14_800);
  }
  return text;
}

async function captureIn(folder: TestFolder): Promise<string> {
  return (await runImport(folder.path, { files: [await folder.write("a.txt", lines())] })).folder;
}

async function withDeriver<T>(captureFolder: string, options: Partial<DeriverOptions>, use: (deriver: Deriver) => Promise<T>): Promise<T> {
  const reader = await openReader({ disk, folder: captureFolder });
  try {
    const deriver = await createDeriver({ disk, captureFolder, reader, decoders: decoderLookup, sha256, ...options });
    try {
      return await use(deriver);
    } finally {
      await deriver.close();
    }
  } finally {
    await reader.close();
  }
}

async function deriveAll(captureFolder: string): Promise<void> {
  await withDeriver(captureFolder, {}, async (deriver) => {
    await deriver.advance();
    await deriver.finish();
  });
}

/** Every derived file, by name. */
async function files(captureFolder: string): Promise<Record<string, string>> {
  const folder = join(captureFolder, "candles");
  const found: Record<string, string> = {};
  for (const name of (await readdir(folder, { recursive: true })).sort()) {
    if (/\.(journal|jsonl)$/.test(name)) found[name] = await readFile(join(folder, name), "utf8");
  }
  return found;
}

async function onlyLog(captureFolder: string, to: string): Promise<string> {
  await cp(captureFolder, to, { recursive: true, filter: (path) => !path.endsWith("/candles") });
  return to;
}

describe("derived files depend on the log alone", () => {
  test("not on batches, restarts, checkpoints or the folder", async () => {
    await using folder = await testFolder();
    const capture = await captureIn(folder);
    await deriveAll(capture);
    const expected = await files(capture);
    expect(Object.keys(expected).filter((name) => name.startsWith("objects/")).length).toBeGreaterThan(4);
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ by: fc.integer({ min: 1, max: 120 }), then: fc.constantFrom("go on", "finish", "restart", "crash", "finish and restart") }), { maxLength: 8 }),
        fc.constantFrom(1, 50, 200_000),
        async (steps, checkpointRecords) => {
          run += 1;
          const copy = await onlyLog(capture, join(folder.path, `copy-${run}`));
          let open = steps.length;
          let toSeq = 0;
          do {
            await withDeriver(copy, { checkpointRecords }, async (deriver) => {
              while (open > 0) {
                const step = steps[steps.length - open];
                open -= 1;
                toSeq += step?.by ?? 0;
                await deriver.advance(toSeq);
                if (step?.then.startsWith("finish") === true) await deriver.finish();
                if (step?.then.endsWith("restart") === true || step?.then === "crash") return;
              }
              await deriver.advance();
              await deriver.finish();
              open = -1;
            });
            // A crash leaves part of what was written behind the checkpoint, torn anywhere.
            if (open >= 0 && steps[steps.length - open - 1]?.then === "crash") await tear(join(copy, "candles/bars.journal"), join(copy, "candles/checkpoint"));
          } while (open >= 0);
          expect(await files(copy)).toEqual(expected);
        },
      ),
      { numRuns: 25 },
    );
  });

  async function tear(journal: string, checkpoint: string): Promise<void> {
    const bytes = await readFile(journal).catch(() => undefined);
    if (bytes === undefined) return;
    const kept = await readFile(checkpoint, "latin1").then((text) => Number(/"bars":\{"bytes":(\d+)/.exec(text)?.[1] ?? 0), () => 0);
    await truncate(journal, kept + Math.floor((bytes.length - kept) / 2));
  }
});

describe("what cannot be trusted is derived again, and said", () => {
  const damages: readonly (readonly [string, (candles: string) => Promise<void>, RegExp])[] = [
    ["a checkpoint with a flipped byte", (candles) => flip(join(candles, "checkpoint"), 0.9), /digest/],
    ["a checkpoint that is no checkpoint", (candles) => writeFile(join(candles, "checkpoint"), "hello"), /header/],
    ["a checkpoint of another version", async (candles) => {
      const bytes = await readFile(join(candles, "checkpoint"), "latin1");
      await writeFile(join(candles, "checkpoint"), bytes.replace(/"canonicalizer_version":"[^"]*"/, '"canonicalizer_version":"1"'), "latin1");
    }, /version 1/],
    ["a journal that is shorter", (candles) => truncate(join(candles, "bars.journal"), 100), /bars\.journal has 100 bytes/],
    ["a journal with a flipped byte", (candles) => flip(join(candles, "grades.journal"), 0.5), /grades\.journal/],
  ];

  async function flip(path: string, part: number): Promise<void> {
    const bytes = await readFile(path);
    bytes[Math.floor(bytes.length * part)]! ^= 1;
    await writeFile(path, bytes);
  }

  test.each(damages)("%s", async (_name, damage, says) => {
    await using folder = await testFolder();
    const capture = await captureIn(folder);
    await deriveAll(capture);
    const expected = await files(capture);
    await damage(join(capture, "candles"));
    const notes: string[] = [];
    await withDeriver(capture, { onNote: (note) => notes.push(note) }, async (deriver) => {
      await deriver.advance();
      await deriver.finish();
    });
    expect(notes).toHaveLength(1);
    expect(notes[0]).toMatch(says);
    expect(await files(capture)).toEqual(expected);
  });

  test("stopping leaves a state to go on from", async () => {
    await using folder = await testFolder();
    const capture = await captureIn(folder);
    const stop = new AbortController();
    await withDeriver(capture, { stop: stop.signal, onRecord: (record) => { if (record.seq === 100) stop.abort(); } }, async (deriver) => {
      const failure: unknown = await deriver.advance().then(() => undefined, (error: unknown) => error);
      expect(failure).toBeInstanceOf(FaultError);
      expect(deriver.position).toBe(100);
      await deriver.finish();
    });
    await deriveAll(capture);
    const straight = await onlyLog(capture, join(folder.path, "straight"));
    await deriveAll(straight);
    expect(await files(capture)).toEqual(await files(straight));
  });
});

describe("reading", () => {
  async function open(capture: string, options: { writable: boolean; untilSeq?: number }, use: (deriver: Deriver, notes: readonly string[]) => Promise<void>): Promise<void> {
    const reader = await openReader({ disk, folder: capture });
    const notes: string[] = [];
    try {
      const derived = await openDerived({ disk, captureFolder: capture, reader, decoders: decoderLookup, sha256, onNote: (note) => notes.push(note), only: SERIES, ...options });
      try {
        await use(derived, notes);
      } finally {
        await derived.close();
      }
    } finally {
      await reader.close();
    }
  }

  test("revisions, grades and gaps are the same from disk, completed on disk, and in memory", async () => {
    await using folder = await testFolder();
    const capture = await captureIn(folder);
    const views: unknown[] = [];
    const look = async (derived: Deriver): Promise<void> => {
      const grades = await readGrades(derived, SERIES);
      const revised: unknown[] = [];
      for await (const bar of readRevisions(derived)) revised.push(bar);
      const all = await readBars(derived, SERIES, "all", {});
      views.push({ all, latest: await readBars(derived, SERIES, "latest", {}), revised, grades: all.map((bar) => grades.at(bar.key.openMs)), ledger: await readLedgerEntries(derived) });
    };
    await open(capture, { writable: false }, async (derived, notes) => {
      expect(notes.join()).toContain("in memory");
      await look(derived);
    });
    expect(await readdir(capture)).not.toContain("candles");
    await open(capture, { writable: true }, async (derived, notes) => {
      expect(notes.join()).toContain("now");
      await look(derived);
    });
    expect(await isDerived(disk, capture, LAST_SEQ)).toBe(true);
    await open(capture, { writable: true }, async (derived, notes) => {
      expect(notes).toEqual([]);
      await look(derived);
    });
    expect(views[1]).toEqual(views[0]);
    expect(views[2]).toEqual(views[0]);
    const { revised, ledger } = views[0] as { revised: readonly unknown[]; ledger: { gaps: readonly unknown[]; candidates: readonly unknown[] } };
    expect(revised.length).toBeGreaterThan(0);
    expect(ledger.candidates.length).toBeGreaterThan(0);
    expect(ledger.gaps).toHaveLength(1);
  });

  test("as of a seq, only what was known then; before the late trades, the first revision", async () => {
    await using folder = await testFolder();
    const capture = await captureIn(folder);
    await deriveAll(capture);
    const bars: Record<number, readonly string[]> = {};
    for (const untilSeq of [0, 150, LAST_SEQ]) {
      await open(capture, { writable: false, untilSeq }, async (derived) => {
        expect(derived.position).toBe(untilSeq);
        bars[untilSeq] = (await readBars(derived, SERIES, "latest", {})).map((bar) => `${bar.key.openMs}#${bar.revision}`);
      });
    }
    expect(bars[0]).toEqual([]);
    expect(bars[150]?.every((bar) => bar.endsWith("#1"))).toBe(true);
    expect(bars[LAST_SEQ]?.some((bar) => bar.endsWith("#2"))).toBe(true);
  });
});
