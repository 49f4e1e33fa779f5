// One MCAP file of a whole capture: every message as it was, found by every index, whole or not at all.
import { McapIndexedReader } from "@mcap/core";
import { decompress, isLoaded } from "@foxglove/wasm-zstd";
import { createHash } from "node:crypto";
import { mkdtemp, open, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { RawRecord } from "../../shared/raw.ts";
import { hftTrades, readAll, runImport, testFolder, tradeMessage, hftLine, START_MS } from "../importers/import.testkit.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";
import { openReader } from "../rawlog/reader.ts";
import { readManifest } from "../rawlog/manifest.ts";
import { manifestRoot } from "../rawlog/log-root.ts";
import { sha256 } from "../rawlog/sha256.ts";
import { EXPORT_METADATA, exportMcap, type McapExportOptions, type McapExportReport } from "./export-mcap.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tapedeck-mcap-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

async function imported(): Promise<{ capture: string; records: readonly RawRecord[] }> {
  await using files = await testFolder();
  // Large enough for several chunks, with a receive time that steps back and bytes that are no JSON.
  const noise = Array.from({ length: 6 }, (_, index) => hftLine(BigInt(START_MS + index) * 1_000_000n, `"${String.fromCharCode(97 + index).repeat(1_500_000)}"`)).join("");
  const file = await files.write("a.txt", `${hftTrades(3_000)}${noise}${hftLine(BigInt(START_MS) * 1_000_000n, tradeMessage({ id: 3_001, ms: START_MS + 1, price: "1.5", symbol: "ETHUSDT" }))}`);
  const report = await runImport(folder, { files: [file] });
  return { capture: report.folder, records: await readAll(report.folder) };
}

async function exported(capture: string, options: Partial<McapExportOptions> = {}): Promise<McapExportReport> {
  const disk = options.disk ?? new NodeDisk();
  const reader = await openReader({ disk, folder: capture });
  try {
    return await exportMcap({ disk, reader, toSeq: await reader.refresh(), path: join(folder, "out", "all.mcap"), sha256, ...options });
  } finally {
    await reader.close();
  }
}

async function indexed(path: string): Promise<{ reader: McapIndexedReader; close(): Promise<void> }> {
  await isLoaded;
  const handle = await open(path);
  const reader = await McapIndexedReader.Initialize({
    readable: {
      size: async () => BigInt((await handle.stat()).size),
      read: async (offset, size) => {
        const bytes = new Uint8Array(Number(size));
        await handle.read(bytes, 0, bytes.length, Number(offset));
        return bytes;
      },
    },
    decompressHandlers: { zstd: (bytes, size) => decompress(bytes, Number(size)) },
  });
  return { reader, close: () => handle.close() };
}

describe("export to one MCAP", () => {
  test("every message comes back with its bytes, times and seq, by the index alone", async () => {
    const { capture, records } = await imported();
    const report = await exported(capture);
    expect(report.messages).toBe(records.length);
    expect(await readdir(join(folder, "out"))).toEqual(["all.mcap"]);
    const { reader, close } = await indexed(join(folder, "out/all.mcap"));
    const found: (readonly unknown[])[] = [];
    for await (const message of reader.readMessages({ validateCrcs: true })) {
      const channel = reader.channelsById.get(message.channelId);
      found.push([message.sequence, channel?.topic, channel?.metadata.get("source"), channel?.metadata.get("connection"), message.logTime, message.publishTime, digest(message.data)]);
    }
    found.sort((a, b) => Number(a[0]) - Number(b[0]));
    expect(found).toEqual(records.map((record) => [record.seq, record.stream.streamId, record.source, record.connection, record.recvNs, record.eventNs, digest(record.payload)]));

    expect(reader.chunkIndexes.length).toBeGreaterThan(1);
    expect(reader.statistics).toMatchObject({ messageCount: BigInt(records.length), chunkCount: reader.chunkIndexes.length, channelCount: 4 });
    expect([...reader.schemasById.values()].map(({ name, encoding }) => [name, encoding])).toContainEqual(["binance-usdm.trade", "jsonschema"]);
    // One topic, by the message indexes.
    const only: number[] = [];
    for await (const message of reader.readMessages({ topics: ["binance-usdm:ETHUSDT:trade"] })) only.push(message.sequence);
    expect(only).toEqual(records.filter(({ stream }) => stream.symbol === "ETHUSDT").map(({ seq }) => seq));
    const metadata: ReadonlyMap<string, string>[] = [];
    for await (const record of reader.readMetadata({ name: EXPORT_METADATA })) metadata.push(record.metadata);
    expect(Object.fromEntries(metadata[0]!)).toMatchObject({ capture_id: "test", from_seq: "1", to_seq: String(records.length), log_root: report.root });
    await close();
  });

  test("its root is the log's, by the manifest", async () => {
    const { capture } = await imported();
    const manifest = await readManifest(new NodeDisk(), capture);
    expect((await exported(capture)).root).toBe(manifestRoot(manifest.segments));
  });

  test("a file that exists is left alone; leftovers of a killed export are removed", async () => {
    const { capture } = await imported();
    await exported(capture);
    await expect(exported(capture)).rejects.toMatchObject({ fault: { code: "export.exists" } });
    await rm(join(folder, "out/all.mcap"));
    await writeFile(join(folder, "out/.all.mcap.exporting-999999999"), "half");
    await exported(capture);
    expect(await readdir(join(folder, "out"))).toEqual(["all.mcap"]);
  });

  test("stopped, or damaged on the way to the disk: nothing is left", async () => {
    const { capture } = await imported();
    const stop = new AbortController();
    await expect(exported(capture, { stop: stop.signal, onProgress: () => { stop.abort(); } })).rejects.toMatchObject({ fault: { code: "export.stopped" } });
    expect(await readdir(join(folder, "out"))).toEqual([]);

    const disk = new NodeDisk();
    // The disk forgets the end of what it was given, as one that lies about its cache does.
    const lying = Object.assign(Object.create(disk) as NodeDisk, {
      open: async (path: string, mode: "append" | "create" | "read") => {
        if (mode === "read" && path.includes(".exporting-")) await truncate(path, 1_000_000);
        return disk.open(path, mode);
      },
    });
    await expect(exported(capture, { disk: lying })).rejects.toMatchObject({ fault: { code: "export.not-verified" } });
    expect(await readdir(join(folder, "out"))).toEqual([]);
  });
});
