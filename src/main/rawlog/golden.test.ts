// The format, byte for byte. After a deliberate change: TAPEDECK_GOLDEN=write npx vitest run --config build/vitest.config.ts src/main/rawlog/golden
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ROOT_BLOCK, leafOf, toHex } from "../../shared/leaf.ts";
import { FOLDER, draft, newDisk, readAll, writerOn } from "./log.testkit.ts";
import { sha256, sha256Hex } from "./sha256.ts";
import { readManifest } from "./manifest.ts";

const FIXTURES = fileURLToPath(new URL("../../../schemas/fixtures/rawlog/", import.meta.url));

async function golden(): Promise<ReadonlyMap<string, Uint8Array>> {
  const disk = newDisk();
  const writer = await writerOn({ disk });
  for (let n = 0; n < 20; n += 1) writer.append(draft(n));
  await writer.commit();
  for (let n = 20; n < 30; n += 1) writer.append(draft(n));
  await writer.commit();
  const open = await disk.readFile(`${FOLDER}/raw/000001.open.mcap`);
  await writer.close("done");
  const records = (await readAll(disk)).map((record) => ({
    seq: record.seq, ingest_seq: record.ingestSeq, stream_id: record.stream.streamId, source: record.source, connection: record.connection,
    recv_ns: String(record.recvNs), event_ns: String(record.eventNs), payload: Buffer.from(record.payload).toString("utf8"),
    leaf: toHex(leafOf(record, sha256)),
  }));
  return new Map([
    ["000001.open.mcap", open],
    ["000001.mcap", await disk.readFile(`${FOLDER}/raw/000001.mcap`)],
    ["manifest.jsonl", await disk.readFile(`${FOLDER}/manifest.jsonl`)],
    ["records.json", Buffer.from(`${JSON.stringify(records, undefined, 1)}\n`, "utf8")],
  ]);
}

test("open segment, sealed segment, manifest and records are those of schemas/fixtures/rawlog", async () => {
  for (const [name, bytes] of await golden()) {
    if (process.env["TAPEDECK_GOLDEN"] === "write") await writeFile(FIXTURES + name, bytes);
    expect(Buffer.compare(await readFile(FIXTURES + name), bytes), name).toBe(0);
  }
});

test("roots are flat folds over the leaves of shared/leaf.ts, however the log is cut into chunks and segments", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 2_500 }), fc.integer({ min: 50, max: 900 }), fc.integer({ min: 20_000, max: 200_000 }), async (count, every, segmentBytes) => {
      const disk = newDisk();
      let writer = await writerOn({ disk, options: { segmentBytes } });
      for (let n = 0; n < count; n += 1) {
        if (!writer.hasRoom) await writer.room();
        writer.append(draft(n));
        if (n % every === 0) await writer.commit();
        if (n === 700) {
          await writer.close("in between");
          writer = await writerOn({ disk, pid: 2, options: { segmentBytes } });
        }
      }
      await writer.close("done");
      const leaves = (await readAll(disk)).map((record) => Buffer.from(leafOf(record, sha256)));
      const expected: string[] = [];
      for (let from = 0; from < leaves.length; from += ROOT_BLOCK) expected.push(sha256Hex(Buffer.concat(leaves.slice(from, from + ROOT_BLOCK))));
      const { segments } = await readManifest(disk, FOLDER);
      const roots = segments.flatMap((line) => line.roots.map(({ root }) => root));
      const { partial } = segments.at(-1)!;
      expect(partial === undefined ? roots : [...roots, partial.root]).toEqual(expected);
    }),
    { numRuns: 8 },
  );
});
