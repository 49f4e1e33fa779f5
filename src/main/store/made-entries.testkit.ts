// A long deterministic stream of entries, for kills and for measuring: what a server would have under each sequence.
import { decimal } from "../../shared/decimal.ts";
import type { BridgeBar, History, SequencedEntry, StreamKey } from "../bridge/model.ts";

const MINUTE = 60_000;

export const KEY: StreamKey = { sourceId: "sim", symbol: "BTCUSDT", interval: "1m" };

export function historyOf(id: string): History {
  return { historyId: id, mode: "live", lineage: `capture ${id}`, configDigest: "c0", canonicalizerVersion: "1", runId: "" };
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
