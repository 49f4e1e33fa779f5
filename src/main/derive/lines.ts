// The journals' lines: canonical JSON out, the same values back. A version read back equals the one that was written.
import { canonicalStringify } from "../../shared/canonical-json.ts";
import type { BarKey, BarValues, BarVersion, CanonicalOutput, GapEntry, GradeEntry } from "../../shared/candles.ts";
import type { Decimal } from "../../shared/decimal.ts";
import { fault } from "../../shared/base.ts";

/** What the ledger holds: everything said that is neither a bar nor a grade. */
export type LedgerEntry = Exclude<CanonicalOutput, { kind: "bar" } | { kind: "grade" }>;

export function barText(bar: BarVersion): string {
  return canonicalStringify(bar);
}
export function gradeText(grade: GradeEntry): string {
  return canonicalStringify(grade);
}
export function ledgerText(entry: LedgerEntry): string {
  return canonicalStringify(entry);
}

function parse(line: string, what: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw fault("derived.damaged", `a line of the ${what} journal is not JSON (${error instanceof Error ? error.message : String(error)}): ${line.slice(0, 80)}`);
  }
  if (typeof value !== "object" || value === null) throw fault("derived.damaged", `a line of the ${what} journal is no object: ${line.slice(0, 80)}`);
  return value as Record<string, unknown>;
}

function reviveDecimal(value: { readonly mantissa: number | string; readonly scale: number }): Decimal {
  const { mantissa, scale } = value;
  return { mantissa: typeof mantissa === "string" ? BigInt(mantissa.slice(0, -1)) : mantissa, scale };
}

type Stored<T> = { readonly [K in keyof T]: T[K] extends Decimal ? { readonly mantissa: number | string; readonly scale: number } : T[K] };

function reviveValues(values: Stored<BarValues>): BarValues {
  return {
    open: reviveDecimal(values.open),
    high: reviveDecimal(values.high),
    low: reviveDecimal(values.low),
    close: reviveDecimal(values.close),
    volume: reviveDecimal(values.volume),
    quoteVolume: reviveDecimal(values.quoteVolume),
    tradeCount: values.tradeCount,
    takerBuyVolume: reviveDecimal(values.takerBuyVolume),
    takerBuyQuoteVolume: reviveDecimal(values.takerBuyQuoteVolume),
  };
}

/** The journal's own digest (checkpoint.ts) vouches for the shape; only what JSON cannot hold is put back. */
export function readBar(line: string): BarVersion {
  const stored = parse(line, "bars") as unknown as Omit<BarVersion, "values"> & { readonly values: Stored<BarValues> };
  return { ...stored, values: reviveValues(stored.values), previousDigest: stored.previousDigest };
}

export function readGrade(line: string): GradeEntry {
  return parse(line, "grades") as unknown as GradeEntry;
}

function reviveGap(gap: GapEntry): GapEntry {
  return { ...gap, toMs: gap.toMs, fromRecvNs: gap.fromRecvNs, toRecvNs: gap.toRecvNs, fromId: gap.fromId, toId: gap.toId, missing: gap.missing };
}

export function readLedger(line: string): LedgerEntry {
  const entry = parse(line, "ledger") as unknown as LedgerEntry;
  return entry.kind === "gap" ? { kind: "gap", gap: reviveGap(entry.gap) } : entry;
}

export function seriesId(key: Pick<BarKey, "venue" | "symbol" | "interval">): string {
  return `${key.venue}:${key.symbol}:${key.interval}`;
}
