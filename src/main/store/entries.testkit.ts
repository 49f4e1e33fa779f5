// Entries for tests of the cache: arbitrary ones for properties, and a long deterministic stream for kills and measuring.
import fc from "fast-check";
import { GRADES } from "../../shared/candles.ts";
import { type Decimal, decimal } from "../../shared/decimal.ts";
import type { BridgeBar, BridgeGap, EntryContent, History, SequencedEntry, StreamKey } from "../bridge/model.ts";
import { REASONS } from "./cache-tables.ts";

export const KEY: StreamKey = { sourceId: "sim", symbol: "BTCUSDT", interval: "1m" };

export function historyOf(id: string): History {
  return { historyId: id, mode: "live", lineage: `capture ${id}`, configDigest: "c0", canonicalizerVersion: "1", runId: "" };
}

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

/** Price in cents, like a market: small steps, so that the file has the size that it would have. */
function barAt(index: number, salt: number): BridgeBar["values"] {
  const wave = Math.round(50_000 * Math.sin((index + salt) / 700)) + ((index * 7_919 + salt) % 997);
  const open = 6_180_000 + wave;
  const volume = 1_000 + ((index * 104_729 + salt) % 90_007);
  return {
    open: decimal(open, 2), high: decimal(open + 40 + (index % 31), 2), low: decimal(open - 40 - (index % 29), 2), close: decimal(open + (index % 41) - 20, 2),
    volume: decimal(volume, 3), quoteVolume: decimal(volume * open, 5), tradeCount: 100 + (index % 900),
    takerBuyVolume: decimal(volume >> 1, 3), takerBuyQuoteVolume: decimal((volume >> 1) * open, 5),
  };
}

/**
 * The entry that a made-up server would have under this sequence: mostly bars one after another; now and then a correction of an
 * earlier bar, a grade over some buckets, a gap.
 */
export function madeEntry(key: StreamKey, sequence: number, salt = 0): SequencedEntry {
  const index = sequence - 1;
  const bucket = index * MINUTE;
  const origin = { sequence, atSeq: sequence * 31, knownNs: BigInt(bucket) * 1_000_000n };
  if (index % 50 === 17) {
    return { kind: "grade", fromOpenMs: bucket - 10 * MINUTE, untilOpenMs: bucket + MINUTE, grade: "repaired", why: `ids ${index} contiguous over both edges`, ...origin };
  }
  if (index % 500 === 333) {
    const gap = {
      gapId: `g${index}`, streamId: `${key.sourceId}:${key.symbol}:trade`, fromMs: bucket - 90_000, toMs: bucket, fromId: index, toId: index + 9, missing: 10,
      cause: "id_hole", state: "open", attempts: 0, detail: "10 ids missing",
    } as const;
    return { kind: "gap", gap, ...origin };
  }
  const corrects = index % 25 === 24;
  const bar = {
    openMs: corrects ? bucket - 3 * MINUTE : bucket, values: barAt(index, salt), revision: corrects ? 2 : 1, reason: corrects ? "late_data" : "watermark",
    digest: ((BigInt(sequence) * 0x9e37_79b9_7f4a_7c15n) ** 4n % 2n ** 256n).toString(16).padStart(64, "0"), grade: "proved",
  } as const;
  return { kind: "bar", bar, ...origin };
}

export function madeEntries(key: StreamKey, range: { readonly from: number; readonly count: number }, salt = 0): SequencedEntry[] {
  return Array.from({ length: range.count }, (_, index) => madeEntry(key, range.from + index, salt));
}
