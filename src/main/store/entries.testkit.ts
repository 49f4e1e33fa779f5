// Arbitrary entries for the properties of the cache.
import fc from "fast-check";
import { GRADES } from "../../shared/candles.ts";
import { type Decimal, decimal } from "../../shared/decimal.ts";
import type { BridgeBar, BridgeGap, EntryContent, SequencedEntry } from "../bridge/model.ts";
import { REASONS } from "./cache-tables.ts";

const BUCKETS = 24;
const MINUTE = 60_000;

/** All that the wire can carry: 128 bits of mantissa, 8 of scale. */
export const anyDecimal: fc.Arbitrary<Decimal> = fc.tuple(
  fc.oneof(
    fc.maxSafeInteger(), fc.bigInt({ min: -(2n ** 127n), max: 2n ** 127n - 1n }), fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }),
    fc.constantFrom(0, 2n ** 63n, -(2n ** 63n), 2n ** 63n - 1n, -(2n ** 63n) - 1n, 2n ** 64n - 1n, 2n ** 127n - 1n, -(2n ** 127n)),
  ),
  fc.oneof(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 255 })),
).map(([mantissa, scale]) => decimal(mantissa, scale));

const openMs = fc.integer({ min: 0, max: BUCKETS - 1 }).map((bucket) => bucket * MINUTE);
const anyGrade = fc.constantFrom(...GRADES);

const anyBar: fc.Arbitrary<BridgeBar> = fc.record({
  openMs,
  values: fc.record({
    open: anyDecimal, high: anyDecimal, low: anyDecimal, close: anyDecimal, volume: anyDecimal, quoteVolume: anyDecimal, tradeCount: fc.maxSafeNat(),
    takerBuyVolume: anyDecimal, takerBuyQuoteVolume: anyDecimal,
  }),
  revision: fc.integer({ min: 1, max: 4 }),
  reason: fc.constantFrom(...REASONS),
  digest: fc.option(fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString("hex")), { nil: undefined }),
  grade: fc.option(anyGrade, { nil: undefined }),
});

const anyId = fc.option(fc.maxSafeNat(), { nil: undefined });
const anyGap: fc.Arbitrary<BridgeGap> = fc.record({
  gapId: fc.constantFrom("a", "b", "c"), streamId: fc.string(), fromMs: fc.integer({ min: 0, max: BUCKETS * MINUTE }),
  toMs: fc.option(fc.integer({ min: 0, max: BUCKETS * MINUTE }), { nil: undefined }), fromId: anyId, toId: anyId, missing: anyId,
  cause: fc.constantFrom("id_hole", "downtime", "remote_hole"), state: fc.constantFrom("open", "repaired", "GAP_UNRESOLVED"),
  attempts: fc.nat(9), detail: fc.string({ unit: "grapheme" }),
});

const anyMark: fc.Arbitrary<EntryContent> = fc.tuple(openMs, fc.integer({ min: 1, max: BUCKETS }), anyGrade, fc.string(), fc.integer({ min: -5, max: 5 }))
  .map(([fromOpenMs, buckets, grade, why, shift]) => ({ kind: "grade", fromOpenMs: fromOpenMs + shift, untilOpenMs: fromOpenMs + buckets * MINUTE, grade, why }));

const anyContent: fc.Arbitrary<EntryContent> = fc.oneof(
  { weight: 4, arbitrary: anyBar.map((bar): EntryContent => ({ kind: "bar", bar })) },
  { weight: 3, arbitrary: anyMark },
  { weight: 1, arbitrary: anyGap.map((gap): EntryContent => ({ kind: "gap", gap })) },
);

/** Entries without sequences yet: whoever applies them knows where the stream stands. */
export const anyEntries: fc.Arbitrary<readonly Omit<SequencedEntry, "sequence">[]> = fc.array(
  fc.tuple(anyContent, fc.maxSafeNat(), fc.bigInt({ min: 0n, max: 2n ** 63n - 1n })).map(([content, atSeq, knownNs]) => ({ ...content, atSeq, knownNs })),
  { maxLength: 12 },
);

export function sequenced(entries: readonly Omit<SequencedEntry, "sequence">[], from: number): SequencedEntry[] {
  return entries.map((entry, index) => ({ ...entry, sequence: from + index }) as SequencedEntry);
}
