// The wire, byte for byte, and both ways. After a deliberate change: TAPEDECK_GOLDEN=write npx vitest run --config build/vitest.config.ts src/main/bridge/wire/codec
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import * as flatbuffers from "flatbuffers";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decimal } from "../../../shared/decimal.ts";
import { entryBytesMax } from "./candle-writer.ts";
import { correlationIdOf, decodeAnswer, decodePublication, decodeRequest } from "./decode.ts";
import { encodeAnswer, encodePublication, encodeRequest } from "./encode.ts";
import { CandleBatch, Envelope, Payload } from "./generated/market-data.ts";
import { BATCH_ENTRIES_MAX, FRAME_BYTES_MAX, type Publication } from "./messages.ts";
import {
  anyAnswer, anyCorrelationId, anyPublication, anyRequest, barEntry, GAP_ENTRY, goldens, GRADE_ENTRY, HISTORY, KEY, LARGE_ANSWER, PUBLICATIONS, REFUSAL, REQUESTS, VALUES,
  WIDE_VALUES,
} from "./messages.testkit.ts";
import { TEXT_BYTES_MAX } from "./words.ts";

const FIXTURES = fileURLToPath(new URL("../../../../schemas/fixtures/bridge/", import.meta.url));

/** As people read it: 64 and 128 bits as text that ends in n. */
function readable(value: unknown): string {
  return `${JSON.stringify(value, (_, member: unknown) => (typeof member === "bigint" ? `${member}n` : member), 1)}\n`;
}

describe("goldens in schemas/fixtures/bridge", () => {
  test.each([...goldens()])("%s: encoding gives exactly these bytes, decoding exactly this message", async (name, { frame, decode, decoded }) => {
    const bytes = frame();
    if (process.env["TAPEDECK_GOLDEN"] === "write") {
      await writeFile(`${FIXTURES}${name}.bin`, bytes);
      await writeFile(`${FIXTURES}${name}.json`, readable(decoded));
    }
    const golden = await readFile(`${FIXTURES}${name}.bin`);
    expect(Buffer.compare(golden, bytes)).toBe(0);
    expect(decode(golden)).toEqual({ ok: true, value: decoded });
    expect(await readFile(`${FIXTURES}${name}.json`, "utf8")).toBe(readable(decoded));
  });
});

test("the frame that docs/bridge/WIRE.md takes apart is the golden one", async () => {
  const text = await readFile(new URL("../../../../docs/bridge/WIRE.md", import.meta.url), "utf8");
  const rows = [...text.matchAll(/^([0-9a-f]{2}) {2}((?:[0-9a-f]{2} )*[0-9a-f]{2})(?: {2,}.*)?$/gm)];
  const bytes = Buffer.concat(rows.map(([, , hex = ""]) => Buffer.from(hex.replaceAll(" ", ""), "hex")));
  let at = 0;
  for (const [, place = "", hex = ""] of rows) {
    expect(parseInt(place, 16)).toBe(at);
    at += (hex.length + 1) / 3;
  }
  expect(bytes.toString("hex")).toBe((await readFile(`${FIXTURES}subscribe-request-new.bin`)).toString("hex"));
});

describe("what is encoded comes back", () => {
  test("requests", () => {
    fc.assert(fc.property(anyCorrelationId, anyRequest, (correlationId, message) => {
      const frame = encodeRequest(correlationId, message);
      expect(decodeRequest(frame)).toEqual({ ok: true, value: { correlationId, message } });
      expect(correlationIdOf(frame)).toBe(correlationId);
    }), { numRuns: 300 });
  });
  test("answers, compressed or not", () => {
    fc.assert(fc.property(anyCorrelationId, anyAnswer, fc.boolean(), (correlationId, message, acceptsZstd) => {
      expect(decodeAnswer(encodeAnswer(correlationId, message, { acceptsZstd }))).toEqual({ ok: true, value: { correlationId, message } });
    }), { numRuns: 300 });
  });
  test("publications", () => {
    fc.assert(fc.property(anyPublication, (message) => {
      expect(decodePublication(encodePublication(message))).toEqual({ ok: true, value: message });
    }), { numRuns: 300 });
  });
  test("wherever in memory the frame lies", () => {
    const frame = encodeRequest(7, { type: "health" });
    const within = Buffer.concat([Buffer.from("xyz"), frame, Buffer.from("z")]).subarray(3, 3 + frame.length);
    expect(decodeRequest(within)).toEqual({ ok: true, value: { correlationId: 7, message: { type: "health" } } });
  });
  test("after an encoding that failed half way", () => {
    const bad = { ...KEY, symbol: "no spaces" };
    expect(() => encodeAnswer(1, { type: "streams", history: HISTORY, streams: [{ key: bad, latestMs: 0, latestSequence: 0, firstSequence: 1 }], refusal: undefined })).toThrow("a symbol is");
    expect(Buffer.compare(encodeRequest(7, { type: "health" }), encodeRequest(7, { type: "health" }))).toBe(0);
    expect(decodePublication(encodePublication(PUBLICATIONS["heartbeat"]!))).toEqual({ ok: true, value: PUBLICATIONS["heartbeat"] });
  });
});

describe("the readers that flatc makes", () => {
  test("read the same out of our frames", () => {
    const batch: Publication = { ...(PUBLICATIONS["candle-batch"] as Extract<Publication, { type: "batch" }>), entries: [barEntry(41), barEntry(42, { values: WIDE_VALUES })] };
    const envelope = Envelope.getRootAsEnvelope(new flatbuffers.ByteBuffer(encodePublication(batch)));
    expect(envelope.payloadType()).toBe(Payload.CandleBatch);
    const read = envelope.payload(new CandleBatch()) as CandleBatch;
    expect(read.streamKey()?.symbol()).toBe("BTCUSDT");
    expect(read.startSequence()).toBe(41n);
    const first = read.candles(0)!;
    expect([first.ts(), first.open()!.low(), first.open()!.high(), first.open()!.scale(), first.tradeCount(), first.revision(), first.reason(), first.grade()])
      .toEqual([1_723_163_700_000n, 6_180_030n, 0n, 2, 4_123n, 1, "watermark", 1]);
    expect(Buffer.from(first.digestArray()!).toString("hex")).toBe("00017f80feff".padEnd(64, "3c"));
    const wide = read.candles(1)!;
    expect([(wide.open()!.high() << 64n) + wide.open()!.low(), (wide.high()!.high() << 64n) + wide.high()!.low(), (wide.close()!.high() << 64n) + wide.close()!.low()])
      .toEqual([2n ** 127n - 1n, -(2n ** 127n), -9_007_199_254_740_991n]);
  });
});

describe("frames that do not belong", () => {
  const request = encodeRequest(9, REQUESTS["get-cursor-request"]!);
  const answer = encodeAnswer(9, { type: "refusal", refusal: REFUSAL }, { acceptsZstd: false });
  const publication = encodePublication(PUBLICATIONS["heartbeat"]!);

  test("a payload of another channel is told as such", () => {
    for (const [decode, frames] of [[decodeRequest, [answer, publication]], [decodeAnswer, [request, publication]], [decodePublication, [request, answer]]] as const) {
      for (const frame of frames) expect(decode(frame)).toMatchObject({ ok: false, fault: { code: "wire.unexpected" } });
    }
  });
  test("another schema version is refused with both versions, and can be answered", () => {
    const newer = Uint8Array.from(request);
    const at = Buffer.from(newer).findLastIndex((byte, index) => byte === 1 && newer[index + 1] === 0 && newer[index - 1] === 0);
    newer[at] = 2;
    const result = decodeRequest(newer);
    expect(result).toMatchObject({ ok: false, fault: { code: "wire.version", details: { theirs: 2, ours: 1 } } });
    expect(result.ok ? "" : result.fault.message).toBe("the other side speaks schema version 2 of the bridge, this one 1: update this side");
    expect(correlationIdOf(newer)).toBe(9);
  });
  test("what is too large is not read", () => {
    const large = new Uint8Array(FRAME_BYTES_MAX + 1);
    large.set(request);
    expect(decodeRequest(large)).toMatchObject({ ok: false, fault: { code: "wire.oversized" } });
    expect(correlationIdOf(large)).toBeUndefined();
  });
  test("compression: a request may not be, an answer's claims are checked", () => {
    const compressed = encodeAnswer(3, LARGE_ANSWER, { acceptsZstd: true });
    expect(compressed.length).toBeLessThan(encodeAnswer(3, LARGE_ANSWER, { acceptsZstd: false }).length / 4);
    expect(decodeRequest(compressed)).toMatchObject({ ok: false, fault: { code: "wire.unexpected" } });
    const size = encodeAnswer(3, LARGE_ANSWER, { acceptsZstd: false }).length;
    const view = Buffer.from(compressed);
    const at = view.indexOf(Buffer.from(Uint32Array.of(size).buffer));
    for (const claim of [0, size - 1, size + 1, FRAME_BYTES_MAX + 1, 0xffff_ffff]) {
      const lie = Buffer.from(compressed);
      lie.writeUInt32LE(claim, at);
      expect(decodeAnswer(lie)).toMatchObject({ ok: false, fault: { code: "wire.malformed" } });
    }
  });
});

describe("what does not fit is a bug of the sender", () => {
  const publish = (more: Parameters<typeof barEntry>[1]) => () => encodePublication({ ...(PUBLICATIONS["candle-batch"] as Extract<Publication, { type: "batch" }>), entries: [barEntry(1, more)] });
  test.each([
    ["a mantissa of 129 bits", publish({ values: { ...VALUES, open: decimal(2n ** 127n, 0) } }), "128 bits"],
    ["a scale beyond 60", publish({ values: { ...VALUES, open: decimal(1, 61) } }), "scale"],
    ["a digest that is no hex", publish({ digest: "x".repeat(64) }), "hex"],
    ["a revision 0", publish({ revision: 0 }), "revision"],
    ["a count below 0", publish({ values: { ...VALUES, tradeCount: -1 } }), "trades"],
    ["a hole in a batch", () => encodePublication({ ...(PUBLICATIONS["candle-batch"] as Extract<Publication, { type: "batch" }>), entries: [barEntry(1), barEntry(3)] }), "no holes"],
    ["too many entries", () => encodePublication({ ...(PUBLICATIONS["candle-batch"] as Extract<Publication, { type: "batch" }>), entries: Array.from({ length: BATCH_ENTRIES_MAX + 1 }, (_, n) => barEntry(n + 1)) }), "at most"],
    ["a correlation id beyond 2^53", () => encodeRequest(2 ** 53, { type: "health" }), "safe integers"],
  ])("%s", (_, encode, message) => {
    expect(encode).toThrow(message);
  });
  test("but free text is cut where nobody reads on, between two characters", () => {
    const frame = encodeAnswer(1, { type: "refusal", refusal: { ...REFUSAL, detail: "€".repeat(5_000) } }, { acceptsZstd: false });
    const result = decodeAnswer(frame);
    const detail = result.ok && result.value.message.type === "refusal" ? result.value.message.refusal.detail : "";
    expect(detail).toMatch(/^€+…$/);
    expect(Buffer.byteLength(detail)).toBeLessThanOrEqual(TEXT_BYTES_MAX);
    expect(Buffer.byteLength(detail)).toBeGreaterThan(TEXT_BYTES_MAX - 4);
  });
  test("entryBytesMax is never less than what an entry takes", () => {
    const batch = (entries: Extract<Publication, { type: "batch" }>["entries"]) => encodePublication({ ...(PUBLICATIONS["candle-batch"] as Extract<Publication, { type: "batch" }>), entries }).length;
    for (const entry of [barEntry(1), { ...GAP_ENTRY, sequence: 1 }, { ...GRADE_ENTRY, sequence: 1 }]) {
      const many = Array.from({ length: 100 }, (_, n) => ({ ...entry, sequence: n + 1 }));
      expect(batch(many) - batch(many.slice(0, 1))).toBeLessThanOrEqual(99 * entryBytesMax(entry));
      expect(batch([entry])).toBeLessThanOrEqual(512 + entryBytesMax(entry));
    }
  });
});
