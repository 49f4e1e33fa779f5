import { expect, test } from "vitest";
import { streamRef, type MessageSource } from "../../../shared/market.ts";
import { decoderLookup } from "../registry.ts";

function read(text: string | Uint8Array, source: MessageSource = "ws"): string {
  const stream = streamRef("binance-usdm", "_", "unclassified");
  const payload = typeof text === "string" ? new TextEncoder().encode(text) : text;
  const outcome = decoderLookup(stream)?.(payload, { stream, source, recvNs: 0n });
  return outcome === undefined ? "none" : outcome.kind === "refused" ? outcome.code : outcome.kind === "ignored" ? outcome.why : outcome.kind;
}

test("answers and announcements are neither data nor junk", () => {
  expect(read('{"result":null,"id":1}')).toBe("acknowledgement");
  expect(read('{"code":-1121,"msg":"Invalid symbol."}')).toBe("acknowledgement");
  expect(read('{"e":"serverShutdown","E":1700000000000}')).toBe("heartbeat");
});

test("JSON that no rule knows is unhandled data; a REST error body answers no request", () => {
  expect(read('{"lastUpdateId":5,"bids":[],"asks":[]}')).toBe("unhandled");
  expect(read('{"stream":"!ticker@arr","data":[]}')).toBe("unhandled");
  expect(read('{"code":-1003,"msg":"Too many requests."}', "rest_poll")).toBe("unhandled");
});

test("bytes that are no JSON, or too many, are refused", () => {
  expect(read("{ not json")).toBe("malformed-json");
  expect(read(new Uint8Array([0xff, 0x00]))).toBe("malformed-json");
  expect(read(`"${"x".repeat(10 * 1024 * 1024)}"`)).toBe("too-large");
});
