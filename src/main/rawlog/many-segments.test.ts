// A reader of a capture with many segments keeps a few numbers of each, and finds everything all the same.
import { expect, test } from "vitest";
import { openWriter } from "./writer.ts";
import { openReader } from "./reader.ts";
import { SimDisk } from "./sim-disk.ts";
import { SeededRandom } from "../sim/random.ts";
import { streamRef } from "../../shared/market.ts";

const FOLDER = "/data/captures/many";
const STREAM = streamRef("sim", "BTCUSDT", "aggTrade");
const SEGMENTS = 150; // more than twice the chunk lists that are kept
const RECORDS = SEGMENTS * 20;

test("records, times and counts over more segments than chunk lists are kept", async () => {
  const disk = new SimDisk(new SeededRandom(1));
  await disk.makeFolder("/data/captures");
  const clock = { wallNs: () => 1_000_000n };
  for (let segment = 0; segment < SEGMENTS; segment += 1) {
    // Closing seals: one segment each.
    const writer = await openWriter({
      disk, folder: FOLDER, captureId: "many", session: "import", version: "test", clock, processes: { self: () => ({ pid: 1, startedAt: "1", bootId: "x" }), isAlive: () => false },
      options: { commitEveryMs: Infinity }, pause: () => Promise.resolve(),
    });
    for (let index = segment * 20 + 1; index <= segment * 20 + 20; index += 1) {
      writer.append({ stream: STREAM, source: "ws", connection: "one", recvNs: BigInt(index) * 1_000n, eventNs: 0n, payload: Buffer.alloc(200, index % 251) });
    }
    await writer.close("end of input");
  }
  const reader = await openReader({ disk, folder: FOLDER });
  expect(reader.segments.length).toBe(SEGMENTS);
  expect(reader.streams.find(({ stream }) => stream.streamId === STREAM.streamId)?.count).toBe(RECORDS);
  let read = 0;
  for await (const batch of reader.batches({ streams: new Set([STREAM.streamId]) })) read += batch.filter(({ source }) => source === "ws").length;
  expect(read).toBe(RECORDS);
  // To and fro, so that lists come and go.
  for (let step = 0; step < 200; step += 1) {
    const index = 1 + ((step * 1_237) % RECORDS);
    const seq = await reader.locate(BigInt(index) * 1_000n);
    const record = await reader.record(seq);
    expect(record?.recvNs).toBe(BigInt(index) * 1_000n);
    expect(record?.payload[0]).toBe(index % 251);
  }
  await reader.close();
});
