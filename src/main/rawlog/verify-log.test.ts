import { beforeAll, describe, expect, test } from "vitest";
import { FOLDER, draft, newDisk, readAll, seeded, writerOn } from "./log.testkit.ts";
import { MANIFEST_FILE } from "./segment-format.ts";
import type { SimDisk } from "./sim-disk.ts";
import { verifyLog } from "./verify-log.ts";

type Files = ReadonlyMap<string, Uint8Array>;
const SEGMENT = `${FOLDER}/raw/000001.mcap`;
const MANIFEST = `${FOLDER}/${MANIFEST_FILE}`;

async function sealed(count: number, bytes: number, segmentBytes = 1e9): Promise<Files> {
  const disk = newDisk();
  const writer = await writerOn({ disk, options: { segmentBytes } });
  for (let n = 0; n < count; n += 1) {
    if (!writer.hasRoom) await writer.room();
    writer.append(draft(n, bytes));
    if (n % 100 === 99) await writer.commit();
  }
  await writer.close("done");
  return disk.snapshot();
}

function diskWith(files: Files): SimDisk {
  const disk = newDisk();
  disk.restore(files);
  return disk;
}

async function flipped(files: Files, path: string, offset: number, mask: number): Promise<SimDisk> {
  const disk = diskWith(files);
  disk.flip(path, offset, mask);
  return disk;
}

/** True when every record reads back as it was, whatever the verifier says about framing. */
async function contentIsIntact(disk: SimDisk, reference: readonly unknown[]): Promise<boolean> {
  try {
    expect(await readAll(disk)).toEqual(reference);
    return true;
  } catch {
    return false;
  }
}

describe("flipped bytes", () => {
  let small: Files;
  let big: Files;
  beforeAll(async () => {
    small = await sealed(12, 40);
    big = await sealed(6_000, 200);
  });

  test("an untouched log has no findings", async () => {
    expect(await verifyLog({ disk: diskWith(small), folder: FOLDER })).toEqual({ findings: [], segments: 1, events: 12 });
    expect(await verifyLog({ disk: diskWith(big), folder: FOLDER })).toEqual({ findings: [], segments: 1, events: 6_000 });
  });

  test("every byte of a small sealed segment: found, with segment, chunk and first seq or none affected", async () => {
    const size = small.get(SEGMENT)!.length;
    const tally = { framing: 0, chunkFraming: 0, records: 0 };
    const reference = await readAll(diskWith(small));
    for (let offset = 0; offset < size; offset += 1) {
      const disk = await flipped(small, SEGMENT, offset, 1 << offset % 8);
      const { findings } = await verifyLog({ disk, folder: FOLDER });
      expect(findings.length, `byte ${offset}`).toBe(1);
      const [finding] = findings;
      expect(finding).toMatchObject({ severity: "damage", segment: "raw/000001.mcap" });
      expect(finding!.expected).not.toBe(finding!.actual);
      if (finding!.chunk === undefined) {
        tally.framing += 1;
        expect(finding!.firstSeq).toBeUndefined();
      } else if (finding!.firstSeq === undefined) tally.chunkFraming += 1;
      else {
        tally.records += 1;
        expect(finding!.firstSeq).toBe(1);
        // Never an alarm about records that still read back (every fifth byte: reading costs as much as verifying).
        if (offset % 5 === 0) expect(await contentIsIntact(disk, reference)).toBe(false);
      }
    }
    expect(tally.framing).toBeGreaterThan(100);
    expect(tally.chunkFraming).toBeGreaterThan(80);
    expect(tally.records).toBeGreaterThan(100);
  });

  test("random bytes of a segment of several chunks: the right chunk, a first seq inside it", async () => {
    const random = seeded(7);
    const size = big.get(SEGMENT)!.length;
    const chunks = new Set<number>();
    for (let run = 0; run < 25; run += 1) {
      const disk = await flipped(big, SEGMENT, Math.floor(random.next() * size), 1 << Math.floor(random.next() * 8));
      const { findings } = await verifyLog({ disk, folder: FOLDER });
      expect(findings.length).toBe(1);
      const { chunk, firstSeq } = findings[0]!;
      if (chunk === undefined || firstSeq === undefined) continue;
      chunks.add(chunk);
      const start = 1 + chunk * 1_116;
      expect(firstSeq).toBeGreaterThan(start - 400);
      expect(firstSeq).toBeLessThan(start + 1_500);
    }
    expect(chunks.size).toBeGreaterThan(2);
  });

  test("every byte of the manifest", async () => {
    const size = small.get(MANIFEST)!.length;
    for (let offset = 0; offset < size - 1; offset += 1) {
      const { findings } = await verifyLog({ disk: await flipped(small, MANIFEST, offset, 0x01), folder: FOLDER }).catch((error: unknown) => ({
        findings: [error],
      }));
      expect(findings.length, `byte ${offset}: ${Buffer.from(small.get(MANIFEST)!).toString("latin1").slice(Math.max(0, offset - 30), offset + 10)}`).toBeGreaterThan(0);
    }
  });
});

describe("other damage", () => {
  test("missing, cut, extended, unlisted and foreign files", async () => {
    const files = await sealed(300, 40, 3_000);
    const reports = async (change: (disk: SimDisk) => Promise<unknown>): Promise<string[]> => {
      const disk = diskWith(files);
      await change(disk);
      return (await verifyLog({ disk, folder: FOLDER })).findings.map(({ severity, segment, fault }) => `${severity} ${segment} ${fault.code}`);
    };
    const second = `${FOLDER}/raw/000002.mcap`;
    expect(await reports((disk) => disk.remove(second))).toEqual(["damage raw/000002.mcap log.segment-missing"]);
    expect(await reports((disk) => disk.truncate(second, files.get(second)!.length - 1))).toEqual(["damage raw/000002.mcap log.wrong-length"]);
    expect(await reports((disk) => disk.truncate(second, 600))).toEqual([
      "damage raw/000002.mcap log.damaged-chunk", "damage raw/000002.mcap log.wrong-length",
    ]);
    expect(await reports((disk) => disk.replaceFile(second, Buffer.concat([files.get(second)!, Buffer.from("x")])))).toEqual([
      "damage raw/000002.mcap log.wrong-length",
    ]);
    expect(await reports((disk) => disk.replaceFile(`${FOLDER}/raw/000099.mcap`, files.get(second)!))).toEqual([
      "damage raw/000099.mcap log.segment-not-listed",
    ]);
    expect(await reports((disk) => disk.replaceFile(`${FOLDER}/raw/notes.txt`, Buffer.from("hi")))).toEqual(["note raw/notes.txt log.foreign-file"]);
    expect((await reports((disk) => disk.replaceFile(second, Buffer.from("not mcap at all"))))[0]).toContain("damage raw/000002.mcap");
  });

  test("swapped segments and a removed manifest line are found", async () => {
    const files = await sealed(300, 40, 3_000);
    const disk = diskWith(files);
    await disk.replaceFile(`${FOLDER}/raw/000001.mcap`, files.get(`${FOLDER}/raw/000002.mcap`)!);
    expect((await verifyLog({ disk, folder: FOLDER })).findings[0]?.segment).toBe("raw/000001.mcap");
    const lines = Buffer.from(files.get(MANIFEST)!).toString("utf8").split("\n");
    lines.splice(1, 1);
    const cut = diskWith(files);
    await cut.replaceFile(MANIFEST, Buffer.from(lines.join("\n")));
    const { findings } = await verifyLog({ disk: cut, folder: FOLDER });
    expect(findings[0]?.fault.code).toBe("log.manifest-damaged");
  });
});
