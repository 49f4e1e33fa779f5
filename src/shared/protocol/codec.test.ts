// The protocol's bytes: what goes in comes out, columns as aligned views; anything else ends in one kind of fault.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FaultError } from "../base.ts";
import { decodeEngineToUi, decodeUiToEngine, encodeMessage } from "./codec.ts";
import type { BarColumns, EngineFrame, EngineToUi, UiToEngine } from "./frames.ts";

function bars(length: number): BarColumns {
  const floats = (from: number): Float64Array => Float64Array.from({ length }, (_, index) => from + index);
  return {
    length, priceScale: 2, volumeScale: 3, quoteScale: 5,
    openMs: floats(1.7e12), open: floats(1), high: floats(2), low: floats(3), close: floats(4), volume: floats(5),
    quoteVolume: floats(6), takerBuyVolume: floats(7), tradeCount: floats(8), atSeq: floats(9),
    revision: new Uint16Array(length).fill(1), grade: new Uint8Array(length), flags: new Uint8Array(length),
  };
}

function frame(length: number): EngineFrame {
  return {
    frame: 7, epoch: 3, mode: { simulated: true, replay: false },
    view: {
      kind: "reset", venue: "sim", symbol: "BTCUSDT", interval: "1m", bars: bars(length), empty: [], gaps: [], revisions: [],
      events: [{ kind: "connect", venue: "sim", connection: "a–1", atMs: 1.5, detail: "⚡ \ud800", atSeq: 1 }], moreBefore: false,
    },
  };
}

function faultOf(run: () => unknown): string | undefined {
  try {
    run();
  } catch (error) {
    if (!(error instanceof FaultError)) throw error;
    return error.fault.code;
  }
  return undefined;
}

describe("messages", () => {
  it.each([0, 1, 2, 3, 7, 1_000])("carry %i bars as aligned views into their own buffer", (length) => {
    const message: EngineToUi = { type: "frame", frame: frame(length) };
    const buffer = encodeMessage(message);
    const decoded = decodeEngineToUi(buffer);
    expect(decoded).toEqual(message);
    if (decoded.type !== "frame" || decoded.frame.view === undefined) throw new Error("no view");
    for (const column of [decoded.frame.view.bars.openMs, decoded.frame.view.bars.revision, decoded.frame.view.bars.flags]) {
      expect(column.buffer).toBe(buffer);
      expect(column.byteOffset % 8).toBe(0);
    }
  });

  it("say whose candles are shown, of this machine or of a remote", () => {
    const message: EngineToUi = {
      type: "frame",
      frame: { frame: 8, epoch: 3, mode: { simulated: false, replay: true, remote: "desk" }, tape: { kind: "remote", remoteId: "desk-1", name: "desk" } },
    };
    expect(decodeEngineToUi(encodeMessage(message))).toEqual(message);
  });

  it("come back from a slice of a larger buffer at an odd offset", () => {
    const message: EngineToUi = { type: "frame", frame: frame(3) };
    const encoded = new Uint8Array(encodeMessage(message));
    const pool = new Uint8Array(encoded.length + 9);
    pool.set(encoded, 5);
    expect(decodeEngineToUi(pool.subarray(5, 5 + encoded.length))).toEqual(message);
  });

  it("hold any JSON as a call's input", () => {
    fc.assert(fc.property(fc.jsonValue(), fc.nat(), (input, id) => {
      const message: UiToEngine = { type: "call", id, name: "settings.set", input };
      const expected: unknown = JSON.parse(JSON.stringify(message));
      expect(decodeUiToEngine(encodeMessage(message))).toEqual(expected);
    }), { numRuns: 200 });
  });

  it("hold columns anywhere in an answer, and content that looks like a column stays content", () => {
    const value = { a: [{ b: Float64Array.of(1.5, -0) }], columns: [[["a"], "f64", 0, 1]], ["__proto__"]: Uint8Array.of(9) };
    const decoded = decodeEngineToUi(encodeMessage({ type: "returned", id: 1, ok: true, value }));
    expect(decoded).toEqual({ type: "returned", id: 1, ok: true, value });
    expect(Object.hasOwn((decoded as { value: object }).value, "__proto__")).toBe(true);
  });

  it("leave undefined members out", () => {
    const decoded = decodeEngineToUi(encodeMessage({ type: "returned", id: 1, ok: true, value: undefined }));
    expect(Object.keys(decoded)).toEqual(["type", "id", "ok"]);
  });
});

describe("sending refuses", () => {
  const cycle: Record<string, unknown> = {};
  cycle["self"] = cycle;
  it.each([["NaN", Number.NaN], ["an infinity", Infinity], ["a bigint", 1n], ["undefined in an array", [undefined]], ["a function", () => 0], ["a class instance", new Map()], ["a cycle", cycle]])("%s", (_name, value) => {
    expect(faultOf(() => encodeMessage({ type: "returned", id: 1, ok: true, value }))).toBe("protocol.unencodable");
  });
});

describe("reading", () => {
  const valid = new Uint8Array(encodeMessage({ type: "frame", frame: frame(2) }));

  it("faults, and nothing else, on arbitrary bytes", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(faultOf(() => decodeEngineToUi(bytes))).toBe("protocol.malformed");
      expect(faultOf(() => decodeUiToEngine(bytes))).toBe("protocol.malformed");
    }));
  });

  it("faults or reads, and never throws otherwise, on a damaged message", () => {
    fc.assert(fc.property(fc.nat(valid.length - 1), fc.nat(255), fc.nat(valid.length), (at, byte, cut) => {
      const damaged = valid.slice(0, cut);
      if (at < cut) damaged[at] = byte;
      expect([undefined, "protocol.malformed"]).toContain(faultOf(() => decodeEngineToUi(damaged)));
    }), { numRuns: 2_000 });
  });

  it("faults on a header of any other shape", () => {
    fc.assert(fc.property(fc.jsonValue(), fc.jsonValue(), (message, columns) => {
      const header = new TextEncoder().encode(JSON.stringify({ message, columns: [columns] }));
      const bytes = new Uint8Array(8 + header.length);
      new DataView(bytes.buffer).setUint32(0, 0x31_4d_44_54, true);
      new DataView(bytes.buffer).setUint32(4, header.length, true);
      bytes.set(header, 8);
      expect(faultOf(() => decodeEngineToUi(bytes))).toBe("protocol.malformed");
    }));
  });

  it("faults when bar columns differ in length", () => {
    const wrong: EngineFrame = frame(2);
    const view = wrong.view;
    if (view === undefined) throw new Error("no view");
    const message: EngineToUi = { type: "frame", frame: { ...wrong, view: { ...view, bars: { ...view.bars, open: Float64Array.of(1) } } } };
    expect(faultOf(() => decodeEngineToUi(encodeMessage(message)))).toBe("protocol.malformed");
  });

  it("keeps the two directions apart", () => {
    const painted = encodeMessage({ type: "painted", frame: 1 });
    expect(decodeUiToEngine(painted)).toEqual({ type: "painted", frame: 1 });
    expect(faultOf(() => decodeEngineToUi(painted))).toBe("protocol.malformed");
    expect(faultOf(() => decodeUiToEngine(valid))).toBe("protocol.malformed");
  });
});
