// Whatever bytes come, decoders answer with a Result, soon and small. TAPEDECK_FUZZ_FRAMES=10000000 for a long run; a failure names its seed.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { decodeAnswer, decodePublication } from "./decode.ts";
import { encodeAnswer } from "./encode.ts";
import { decodeEveryWay, mutated, randomOf } from "./fuzz.testkit.ts";
import { CANDLE, CANDLE_BATCH, ENVELOPE, PAYLOAD_VALUES, STREAM_KEY } from "./generated/layout.ts";
import { FlatWriter } from "./flat-writer.ts";
import { BATCH_ENTRIES_MAX, SCHEMA_VERSION } from "./messages.ts";
import { GRADE_ENTRY, LARGE_ANSWER } from "./messages.testkit.ts";

const FIXTURES = fileURLToPath(new URL("../../../../schemas/fixtures/bridge/", import.meta.url));
const FRAMES = Number(process.env["TAPEDECK_FUZZ_FRAMES"] ?? 40_000);
const SEED = Number(process.env["TAPEDECK_FUZZ_SEED"] ?? 1);
const goldens = readdirSync(FIXTURES).filter((name) => name.endsWith(".bin")).sort().map((name) => ({ name, bytes: readFileSync(FIXTURES + name) }));
/** Processor time that one frame may take at most, in all decoders, a garbage collection included. */
const SLOW_US = 250_000;
/** Of a whole test, on a machine that does other things too. */
const PATIENCE_MS = 120_000;

test("every prefix of every golden, with the rest of it right behind in memory", () => {
  for (const { name, bytes } of goldens) {
    for (let length = 0; length < bytes.length; length += 1) {
      // Reading on would find sense.
      expect(decodeEveryWay(bytes.subarray(0, length)), `${name} cut to ${length}`).toBeLessThanOrEqual(1);
    }
  }
}, PATIENCE_MS);

test("every byte of every golden, flipped in low and high bits and wholly", () => {
  for (const { bytes } of goldens) {
    const frame = Buffer.from(bytes);
    for (let at = 0; at < frame.length; at += 1) {
      const before = frame[at] ?? 0;
      for (const mask of [1, 2, 8, 64, 128, 255]) {
        frame[at] = before ^ mask;
        decodeEveryWay(frame);
      }
      frame[at] = before;
    }
  }
}, PATIENCE_MS);

test("random bytes, with and without the head of a frame", () => {
  const random = randomOf(SEED);
  for (let round = 0; round < FRAMES / 4; round += 1) {
    const frame = Buffer.from(Array.from({ length: Math.floor(random() * 300) }, () => Math.floor(random() * 256)));
    if (round % 2 === 0 && frame.length >= 8) {
      frame.writeUInt32LE(8 + Math.floor(random() * 24), 0);
      frame.write("TDMD", 4, "latin1");
    }
    decodeEveryWay(frame);
  }
});

test("goldens with several changes at once", () => {
  let slowest = 0;
  for (let round = 0; round < FRAMES; round += 1) {
    const seed = SEED * 1_000_000_007 + round;
    const random = randomOf(seed);
    const golden = goldens[Math.floor(random() * goldens.length)]!;
    const frame = mutated(golden.bytes, random);
    const before = process.cpuUsage();
    try {
      decodeEveryWay(frame);
    } catch (error) {
      throw new Error(`${golden.name}, seed ${seed}: ${String(error)}`, { cause: error });
    }
    const { user, system } = process.cpuUsage(before);
    slowest = Math.max(slowest, user + system);
  }
  expect(slowest).toBeLessThan(SLOW_US);
}, PATIENCE_MS + FRAMES);

/** A batch whose links all point to one candle, which is written once. */
function folded(count: number, writeCandle: (writer: FlatWriter) => number): Uint8Array {
  const writer = new FlatWriter();
  const candle = writeCandle(writer);
  const candles = writer.refs(Array.from({ length: count }, () => candle));
  for (const [slot, text] of [[STREAM_KEY.sourceId, "sim"], [STREAM_KEY.symbol, "BTCUSDT"], [STREAM_KEY.interval, "1m"]] as const) writer.link(slot, writer.text(text));
  const key = writer.end();
  writer.link(CANDLE_BATCH.streamKey, key);
  writer.link(CANDLE_BATCH.historyId, writer.text("history"));
  writer.count(CANDLE_BATCH.startSequence, 1);
  writer.link(CANDLE_BATCH.candles, candles);
  const batch = writer.end();
  writer.u16(ENVELOPE.schemaVersion, SCHEMA_VERSION);
  writer.u8(ENVELOPE.payloadType, PAYLOAD_VALUES.CandleBatch);
  writer.link(ENVELOPE.payload, batch);
  return writer.finish(writer.end(), "TDMD");
}

test("a small frame that unfolds to a large message is refused", () => {
  const grade = (why: string) => (writer: FlatWriter): number => {
    writer.u8(CANDLE.kind, 2);
    writer.u8(CANDLE.grade, 1);
    writer.link(CANDLE.why, writer.text(why));
    return writer.end();
  };
  expect(decodePublication(folded(3, grade("because")))).toMatchObject({ ok: true });
  const result = decodePublication(folded(BATCH_ENTRIES_MAX, grade("x".repeat(4_000))));
  expect(result).toMatchObject({ ok: false, fault: { code: "wire.malformed" } });
  expect(result.ok ? "" : result.fault.message).toContain("unfolds");
  expect(decodePublication(folded(BATCH_ENTRIES_MAX + 1, grade("")))).toMatchObject({ ok: false, fault: { message: expect.stringContaining("are allowed") as string } });
});

test("five thousand of the longest marks in one answer are beyond what a frame may hold, which is said when encoding", () => {
  const entries = Array.from({ length: 5_000 }, (_, index) => ({ ...GRADE_ENTRY, why: "x".repeat(4_000), sequence: index + 1 }));
  if (LARGE_ANSWER.type !== "backfill_response") throw new Error("the large answer is a backfill");
  const answer = { ...LARGE_ANSWER, entries };
  expect(() => encodeAnswer(1, answer, { acceptsZstd: true })).toThrow("a frame may hold");
  expect(decodeAnswer(encodeAnswer(1, LARGE_ANSWER, { acceptsZstd: true }))).toMatchObject({ ok: true });
});
