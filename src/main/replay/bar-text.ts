// A bar's numbers as exact text, and what differs between two versions: for the inspector of a tape, here or of a remote.
import type { BarValues, ValueDiff } from "../../shared/candles.ts";
import { type Decimal, formatDecimal } from "../../shared/decimal.ts";

export function valueTexts(values: BarValues): Readonly<Record<string, string>> {
  const entries = Object.entries(values).map(([name, value]: [string, Decimal | number]) => [name, typeof value === "number" ? String(value) : formatDecimal(value)] as const);
  return Object.fromEntries(entries);
}

/** `after` undefined: everything is gone. */
export function valueDiffs(before: BarValues, after: BarValues | undefined): readonly ValueDiff[] {
  const left = valueTexts(before);
  const right = after === undefined ? {} : valueTexts(after);
  const fields = Object.keys(left) as (keyof BarValues)[];
  return fields.filter((field) => left[field] !== right[field]).map((field) => ({ field, before: left[field] ?? "", after: right[field] ?? "" }));
}
