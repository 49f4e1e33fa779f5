// Entries and forming bars as Candle tables. Bars are most of what the bridge ever sends, so they have a fixed place for every field.
import { assert, unreachable } from "../../../shared/base.ts";
import type { BarValues } from "../../../shared/candles.ts";
import { DECIMAL_DIGITS_MAX, type Decimal } from "../../../shared/decimal.ts";
import type { BridgeBar, BridgeForming, BridgeGap, Entry } from "../model.ts";
import type { FlatWriter, Ref } from "./flat-writer.ts";
import { CANDLE, ENTRY_KIND_VALUES, GAP } from "./generated/layout.ts";
import { freeText, nameText } from "./text-writer.ts";
import { GRADE_NUMBERS, TEXT_BYTES_MAX } from "./words.ts";

const TWO_32 = 4_294_967_296;
const DIGEST_BYTES = 32;
const DIGEST_VECTOR_BYTES = 4 + DIGEST_BYTES;

/** Where a bar's fields lie from the start of its table, which is aligned to 8. */
const PLACE = {
  reason: 4, open: 8, high: 32, low: 56, close: 80, volume: 104, quoteVolume: 128, takerBuyVolume: 152, takerBuyQuoteVolume: 176,
  ts: 200, tradeCount: 208, atSeq: 216, knownNs: 224, revision: 232, digest: 236, kind: 240, grade: 241,
} as const;
const BAR_BYTES = 244;

function barVtable(absent: readonly (keyof typeof PLACE)[]): readonly number[] {
  const slots = Object.values(CANDLE).length;
  const words = [4 + 2 * slots, BAR_BYTES, ...Array.from({ length: slots }, () => 0)];
  for (const name of Object.keys(PLACE) as (keyof typeof PLACE)[]) if (!absent.includes(name)) words[2 + CANDLE[name]] = PLACE[name];
  return words;
}
const WITH_DIGEST = barVtable([]);
const WITHOUT_DIGEST = barVtable(["digest"]);
const FORMING = barVtable(["digest", "reason", "revision", "grade"]);

/** -1 where the character is no hex digit in lower case. */
const NIBBLES = Int8Array.from({ length: 128 }, (_, code) => "0123456789abcdef".indexOf(String.fromCharCode(code)));

/** `assert` would build its message each time, which here is most of the work. */
function broken(message: string): never {
  throw new Error(`Invariant: ${message}`);
}

function putSafe(view: DataView, at: number, value: number): void {
  if (!Number.isSafeInteger(value)) broken(`a 64-bit field takes safe integers, got ${value}`);
  // >>> is modulo 2^32 and floor rounds towards the past: two's complement of negative numbers too.
  view.setUint32(at, value >>> 0, true);
  view.setInt32(at + 4, Math.floor(value / TWO_32), true);
}

function putDecimal(view: DataView, at: number, { mantissa, scale }: Decimal): void {
  if (!Number.isInteger(scale) || scale < 0 || scale > DECIMAL_DIGITS_MAX) broken(`a decimal's scale is 0 … ${DECIMAL_DIGITS_MAX}, got ${scale}`);
  if (typeof mantissa === "number") {
    putSafe(view, at, mantissa);
    const sign = mantissa < 0 ? -1 : 0;
    view.setInt32(at + 8, sign, true);
    view.setInt32(at + 12, sign, true);
  } else {
    if (BigInt.asIntN(128, mantissa) !== mantissa) broken(`a decimal's mantissa has 128 bits at most, got ${mantissa}`);
    view.setBigUint64(at, BigInt.asUintN(64, mantissa), true);
    view.setBigInt64(at + 8, mantissa >> 64n, true);
  }
  view.setUint32(at + 16, scale, true);
  view.setUint32(at + 20, 0, true);
}

function putDigest(view: DataView, at: number, digest: string): void {
  if (digest.length !== 2 * DIGEST_BYTES) broken(`a digest has ${2 * DIGEST_BYTES} hex digits, got ${JSON.stringify(digest)}`);
  view.setUint32(at, DIGEST_BYTES, true);
  let bad = 0;
  for (let index = 0; index < DIGEST_BYTES; index += 1) {
    const high = NIBBLES[digest.charCodeAt(2 * index)] ?? -1;
    const low = NIBBLES[digest.charCodeAt(2 * index + 1)] ?? -1;
    bad |= high | low;
    view.setUint8(at + 4 + index, (high << 4) | low);
  }
  if (bad < 0) broken(`a digest is hex in lower case, got ${JSON.stringify(digest)}`);
}

function putValues(view: DataView, at: number, values: BarValues): void {
  putDecimal(view, at + PLACE.open, values.open);
  putDecimal(view, at + PLACE.high, values.high);
  putDecimal(view, at + PLACE.low, values.low);
  putDecimal(view, at + PLACE.close, values.close);
  putDecimal(view, at + PLACE.volume, values.volume);
  putDecimal(view, at + PLACE.quoteVolume, values.quoteVolume);
  putDecimal(view, at + PLACE.takerBuyVolume, values.takerBuyVolume);
  putDecimal(view, at + PLACE.takerBuyQuoteVolume, values.takerBuyQuoteVolume);
  if (values.tradeCount < 0) broken(`a bar's trades are counted from 0, got ${values.tradeCount}`);
  putSafe(view, at + PLACE.tradeCount, values.tradeCount);
}

function putOrigin(view: DataView, at: number, atSeq: number, knownNs: bigint): void {
  if (atSeq < 0) broken(`a log position is counted from 0, got ${atSeq}`);
  if (BigInt.asIntN(64, knownNs) !== knownNs) broken(`epoch ns has 64 bits, got ${knownNs}`);
  putSafe(view, at + PLACE.atSeq, atSeq);
  view.setBigInt64(at + PLACE.knownNs, knownNs, true);
}

function writeBar(writer: FlatWriter, bar: BridgeBar, atSeq: number, knownNs: bigint): Ref {
  const { digest, revision } = bar;
  if (!Number.isInteger(revision) || revision < 1 || revision >= TWO_32) broken(`a bar's revision is 1 or more, got ${revision}`);
  const reason = writer.sharedText(bar.reason);
  const vtable = writer.vtable(digest === undefined ? WITHOUT_DIGEST : WITH_DIGEST);
  const at = writer.block(digest === undefined ? BAR_BYTES : BAR_BYTES + DIGEST_VECTOR_BYTES, 8);
  const { view } = writer;
  writer.pointToVtable(at, vtable);
  writer.point(at + PLACE.reason, reason);
  putValues(view, at, bar.values);
  putSafe(view, at + PLACE.ts, bar.openMs);
  putOrigin(view, at, atSeq, knownNs);
  view.setUint32(at + PLACE.revision, revision, true);
  view.setUint32(at + PLACE.digest, digest === undefined ? 0 : BAR_BYTES - PLACE.digest, true);
  view.setUint8(at + PLACE.kind, revision === 1 ? ENTRY_KIND_VALUES.SEALED : ENTRY_KIND_VALUES.CORRECTION);
  view.setUint8(at + PLACE.grade, bar.grade === undefined ? 0 : GRADE_NUMBERS[bar.grade]);
  view.setUint16(at + PLACE.grade + 1, 0, true);
  if (digest !== undefined) putDigest(view, at + BAR_BYTES, digest);
  return writer.ref(at);
}

export function writeForming(writer: FlatWriter, bar: BridgeForming): Ref {
  const vtable = writer.vtable(FORMING);
  const at = writer.block(BAR_BYTES, 8);
  const { view } = writer;
  writer.pointToVtable(at, vtable);
  view.setUint32(at + PLACE.reason, 0, true);
  putValues(view, at, bar.values);
  putSafe(view, at + PLACE.ts, bar.openMs);
  putOrigin(view, at, bar.atSeq, bar.knownNs);
  for (const place of [PLACE.revision, PLACE.digest, PLACE.kind]) view.setUint32(at + place, 0, true);
  return writer.ref(at);
}

function writeGap(writer: FlatWriter, gap: BridgeGap): Ref {
  const gapId = nameText(writer, gap.gapId, "gap_id");
  const streamId = nameText(writer, gap.streamId, "stream_id");
  const cause = writer.sharedText(gap.cause);
  const state = writer.sharedText(gap.state);
  writer.link(GAP.gapId, gapId);
  writer.link(GAP.streamId, streamId);
  writer.safe(GAP.fromTs, gap.fromMs);
  writer.optionalSafe(GAP.toTs, gap.toMs);
  writer.optionalCount(GAP.fromId, gap.fromId);
  writer.optionalCount(GAP.toId, gap.toId);
  writer.optionalCount(GAP.missing, gap.missing);
  writer.link(GAP.cause, cause);
  writer.link(GAP.state, state);
  writer.u32(GAP.attempts, gap.attempts);
  return writer.end();
}

export function writeEntry(writer: FlatWriter, entry: Entry): Ref {
  const { kind } = entry;
  switch (kind) {
    case "bar":
      return writeBar(writer, entry.bar, entry.atSeq, entry.knownNs);
    case "grade": {
      const why = freeText(writer, entry.why);
      assert(entry.untilOpenMs >= entry.fromOpenMs, `a grade's buckets end at ${entry.untilOpenMs}, before they begin at ${entry.fromOpenMs}`);
      writer.u8(CANDLE.kind, ENTRY_KIND_VALUES.GRADE);
      writer.safe(CANDLE.ts, entry.fromOpenMs);
      writer.safe(CANDLE.untilTs, entry.untilOpenMs);
      writer.u8(CANDLE.grade, GRADE_NUMBERS[entry.grade]);
      writer.link(CANDLE.why, why);
      break;
    }
    case "gap": {
      const why = freeText(writer, entry.gap.detail);
      const gap = writeGap(writer, entry.gap);
      writer.u8(CANDLE.kind, ENTRY_KIND_VALUES.GAP);
      writer.safe(CANDLE.ts, entry.gap.fromMs);
      writer.link(CANDLE.why, why);
      writer.link(CANDLE.gap, gap);
      break;
    }
    default:
      return unreachable(kind);
  }
  writer.count(CANDLE.atSeq, entry.atSeq);
  writer.i64(CANDLE.knownNs, entry.knownNs);
  return writer.end();
}

/** At most so many bytes of a frame, for cutting batches before they are encoded. */
export function entryBytesMax(entry: Entry): number {
  if (entry.kind === "bar") return BAR_BYTES + DIGEST_VECTOR_BYTES + 8;
  // Three bytes of UTF-8 per UTF-16 unit at most; tables, vtable and links of a mark take less than the rest.
  if (entry.kind === "grade") return 320 + Math.min(TEXT_BYTES_MAX, 3 * entry.why.length);
  const { gapId, streamId, detail } = entry.gap;
  return 320 + 3 * (gapId.length + streamId.length) + Math.min(TEXT_BYTES_MAX, 3 * detail.length);
}
