import { expect, test } from "vitest";
import { CompactChunks, type ChunkPlace } from "./chunk-list.ts";

test("a compact list answers as an array of the same places does", () => {
  const places: ChunkPlace[] = Array.from({ length: 2_000 }, (_, index) => ({
    offset: 2 ** 40 + index * 700, bytes: 2 ** 33 + index, firstSeq: 2 ** 45 + index * 3, count: 3 + (index % 7), knownNs: 1_700_000_000_000_000_000n + BigInt(index),
  }));
  const compact = new CompactChunks();
  for (const place of places) compact.push(place);
  expect(compact.length).toBe(places.length);
  for (const index of [0, 1, 255, 256, 257, 383, 384, 385, 1_999, 2_000, -1, -2_000, -2_001]) expect(compact.at(index)).toEqual(places.at(index));
});
