import { McapStreamReader } from "@mcap/core";
import { decompress, isLoaded } from "@foxglove/wasm-zstd";
import { describe, expect, test } from "vitest";
import { decodeControl } from "../../shared/control.ts";
import { FOLDER, draft, newDisk, plain, readAll, writerOn } from "./log.testkit.ts";
import { openReader } from "./reader.ts";

async function fill(writer: Awaited<ReturnType<typeof writerOn>>, from: number, until: number, commitEach = 0): Promise<void> {
  for (let n = from; n < until; n += 1) {
    if (!writer.hasRoom) await writer.room();
    writer.append(draft(n));
    if (commitEach > 0 && (n + 1) % commitEach === 0) await writer.commit();
  }
}

describe("writing and reading", () => {
  test("what was appended comes back: while open, after sealing, and after reopening", async () => {
    const disk = newDisk();
    const writer = await writerOn({ disk });
    await fill(writer, 0, 500, 7);
    expect(writer.positions).toMatchObject({ appended: 500, written: 497, durable: 497 });
    await writer.commit();
    const open = await readAll(disk);
    await writer.close("done");
    const sealed = await readAll(disk);
    expect(open).toEqual(sealed);
    expect(sealed.length).toBe(500);
    for (const [n, record] of sealed.entries()) {
      const { stream, source, connection, recvNs, eventNs, payload } = draft(n);
      expect(record).toMatchObject({ seq: n + 1, stream, source, connection, recvNs, eventNs });
      expect(Buffer.compare(record.payload, payload)).toBe(0);
    }
    const again = await writerOn({ disk, pid: 2 });
    expect(again.append(draft(500)).seq).toBe(501);
    await again.close("done");
    expect((await readAll(disk)).length).toBe(501);
  });

  test("many segments: a follower sees every record once while segments are sealed under it", async () => {
    const disk = newDisk();
    const writer = await writerOn({ disk, options: { segmentBytes: 3_000, commitBytes: 100_000 } });
    const reader = await openReader({ disk, folder: FOLDER });
    const seen: number[] = [];
    for (let n = 0; n < 600; n += 1) {
      writer.append(draft(n));
      if (n % 10 === 9) await writer.commit();
      if (n % 25 !== 0) continue;
      for await (const batch of reader.batches({ fromSeq: (seen.at(-1) ?? 0) + 1 })) seen.push(...batch.map((record) => record.seq));
    }
    await writer.close("done");
    for await (const batch of reader.batches({ fromSeq: (seen.at(-1) ?? 0) + 1 })) seen.push(...batch.map((record) => record.seq));
    expect(seen).toEqual(Array.from({ length: 600 }, (_, n) => n + 1));
    await reader.refresh();
    expect(reader.segments.length).toBeGreaterThan(5);
    expect(reader.segments.every((segment) => segment.state === "sealed")).toBe(true);
    expect(reader.streams.map(({ stream, count }) => [stream.streamId, count])).toEqual([
      ["binance-usdm:BTCUSDT:aggTrade", 200], ["binance-usdm:BTCUSDT:bookTicker", 400],
    ]);
    await reader.close();
  });

  test("a recording session starts and stops with control records", async () => {
    const disk = newDisk();
    const first = await writerOn({ disk, session: "record" });
    await first.close("asked");
    const second = await writerOn({ disk, session: "record", pid: 2 });
    await second.close("asked");
    const kinds = (await readAll(disk)).map((record) => decodeControl(record.payload));
    expect(kinds.map((result) => (result.ok ? result.value : result.fault))).toMatchObject([
      { kind: "started", clean: true, downtime_from_ns: 0n }, { kind: "stopped", reason: "asked" },
      { kind: "started", clean: true, downtime_from_ns: 1_723_161_255_000_000_000n }, { kind: "stopped" },
    ]);
  });

  test("any streaming MCAP reader opens a sealed and an open segment", async () => {
    await isLoaded;
    const disk = newDisk();
    const writer = await writerOn({ disk });
    await fill(writer, 0, 300, 50);
    const streamed = async (name: string, sealed: boolean): Promise<number> => {
      const reader = new McapStreamReader({
        validateCrcs: true, noMagicPrefix: false, decompressHandlers: { zstd: (bytes, size) => decompress(bytes, Number(size)) },
      });
      reader.append(await disk.readFile(`${FOLDER}/raw/${name}`));
      let messages = 0;
      for (let record = reader.nextRecord(); record !== undefined; record = reader.nextRecord()) {
        if (record.type === "Message") messages += 1;
      }
      expect(reader.done()).toBe(sealed);
      return messages;
    };
    expect(await streamed("000001.open.mcap", false)).toBe(300);
    await writer.close("done");
    expect(await streamed("000001.mcap", true)).toBe(300);
  });

  test("record, locate and stream filters", async () => {
    const disk = newDisk();
    const writer = await writerOn({ disk, options: { segmentBytes: 10_000 } });
    await fill(writer, 0, 1_000, 100);
    const reader = await openReader({ disk, folder: FOLDER });
    const all = await readAll(disk);
    for (const seq of [1, 2, 99, 100, 101, 555, 1_000]) {
      const record = await reader.record(seq);
      expect(record === undefined ? undefined : plain(record)).toEqual(all[seq - 1]);
      expect(await reader.locate(all[seq - 1]!.recvNs)).toBe(seq);
      expect(await reader.locate(all[seq - 1]!.recvNs - 1n)).toBe(seq - 1);
    }
    expect(await reader.record(1_001)).toBeUndefined();
    expect(await reader.locate(2n ** 62n)).toBe(1_000);
    const only: string[] = [];
    for await (const batch of reader.batches({ fromSeq: 100, toSeq: 200, streams: new Set(["binance-usdm:BTCUSDT:aggTrade"]) })) {
      only.push(...batch.map((record) => `${record.seq} ${record.ingestSeq} ${record.stream.channel}`));
    }
    expect(only).toEqual(all.slice(99, 200).filter((r) => r.stream.channel === "aggTrade").map((r) => `${r.seq} ${r.ingestSeq} aggTrade`));
    await writer.close("done");
    await reader.close();
  });
});
