// Bars as bytes: the digest of a version, and the public line that artifacts and `candles --json` consist of. Pure.
import type { Sha256 } from "../../shared/base.ts";
import { canonicalStringify } from "../../shared/canonical-json.ts";
import type { BarKey, BarValues, BarVersion, FormingBar, Grade, ValueDiff } from "../../shared/candles.ts";
import { ZERO, divideHalfEven, formatDecimal, type Decimal } from "../../shared/decimal.ts";
import { toHex } from "../../shared/leaf.ts";

/** Digits of the vwap beyond those of the bar's prices. */
export const VWAP_EXTRA_DIGITS = 4;

/** Quote volume ÷ volume, rounded half to even at the finest scale of the bar's four prices plus VWAP_EXTRA_DIGITS. */
export function vwapOf(values: BarValues): Decimal {
  if (values.volume.mantissa === 0) return ZERO;
  const scale = Math.max(values.open.scale, values.high.scale, values.low.scale, values.close.scale) + VWAP_EXTRA_DIGITS;
  return divideHalfEven(values.quoteVolume, values.volume, scale);
}

const VALUE_FIELDS = [
  "open", "high", "low", "close", "volume", "quoteVolume", "tradeCount", "takerBuyVolume", "takerBuyQuoteVolume",
] as const satisfies readonly (keyof BarValues)[];

function valueText(value: Decimal | number): string {
  return typeof value === "number" ? String(value) : formatDecimal(value);
}

/** Every value that differs, in a fixed order, as exact text. A mere change of written digits counts: the text is the venue's. */
export function diffOf(before: BarValues, after: BarValues): readonly ValueDiff[] {
  const diff: ValueDiff[] = [];
  for (const field of VALUE_FIELDS) {
    const [was, is] = [valueText(before[field]), valueText(after[field])];
    if (was !== is) diff.push({ field, before: was, after: is });
  }
  return diff;
}

function valuesAsText(values: BarValues): Record<string, string | number> {
  return {
    open: formatDecimal(values.open), high: formatDecimal(values.high), low: formatDecimal(values.low), close: formatDecimal(values.close),
    volume: formatDecimal(values.volume), quote_volume: formatDecimal(values.quoteVolume), trade_count: values.tradeCount,
    taker_buy_volume: formatDecimal(values.takerBuyVolume), taker_buy_quote_volume: formatDecimal(values.takerBuyQuoteVolume),
  };
}

function keyMembers(key: BarKey): Record<string, string | number> {
  return { venue: key.venue, symbol: key.symbol, interval: key.interval, open_ts_ms: key.openMs };
}

/** The text whose sha256 is a version's digest. CANONICAL.md lists the members. */
export function digestInput(version: Omit<BarVersion, "digest" | "atSeq" | "diff">): string {
  const place = (key: BarVersion["firstKey"]): readonly number[] => [key.eventMs, key.id, key.ingestSeq];
  return canonicalStringify({
    ...keyMembers(version.key),
    ...valuesAsText(version.values),
    revision: version.revision,
    reason: version.reason,
    first: place(version.firstKey),
    last: place(version.lastKey),
    provenance: version.provenance.map((run) => ({
      stream_id: run.streamId, from_ingest_seq: run.fromIngestSeq, to_ingest_seq: run.toIngestSeq, from_position: run.fromPosition,
      to_position: run.toPosition, from_raw_seq: run.fromSeq, to_raw_seq: run.toSeq, base: run.base, digest: run.digest,
    })),
    excluded: { count: version.excluded.count, seqs: version.excluded.seqs },
    backfilled_trades: version.backfilledTrades,
    previous_digest: version.previousDigest,
  });
}

const encoder = new TextEncoder();

export function digestOf(version: Omit<BarVersion, "digest" | "atSeq" | "diff">, sha256: Sha256): string {
  return toHex(sha256(encoder.encode(digestInput(version))));
}

/** The public shape of a sealed bar (DESIGN §5). The grade is not part of a bar: it is told when the caller knows it. */
export function barObject(version: BarVersion, grade?: Grade): Record<string, unknown> {
  return {
    ...keyMembers(version.key),
    ...valuesAsText(version.values),
    vwap: formatDecimal(vwapOf(version.values)),
    state: "sealed",
    revision: version.revision,
    reason: version.reason,
    grade,
    digest: version.digest,
    provenance: version.provenance.map((run) => ({
      stream_id: run.streamId, from_seq: run.fromIngestSeq, to_seq: run.toIngestSeq, digest: run.digest,
    })),
  };
}

/** The public shape of a bar that is still open: no revision, no digest. */
export function formingObject(bar: FormingBar, grade?: Grade): Record<string, unknown> {
  return { ...keyMembers(bar.key), ...valuesAsText(bar.values), vwap: formatDecimal(vwapOf(bar.values)), state: "forming", grade, provenance: [] };
}

/** One canonical JSON line without its newline. Artifacts are made of lines without grade, so that a later proof changes no artifact. */
export function barLine(version: BarVersion, grade?: Grade): string {
  return canonicalStringify(barObject(version, grade));
}
