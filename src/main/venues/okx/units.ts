// How many base units the sizes of an instrument are, at a message: as the venue last said in the log, else by the table of evidence. Pure.
import { compare, type Decimal, multiply, parseDecimal, subtract } from "../../../shared/decimal.ts";
import type { DecodeContext } from "../../../shared/market.ts";
import { unitsPerSize } from "./instruments.ts";

/** The field under which the decoder of `instruments` keeps base units per contract for the decoders of sizes. */
export const CONTRACT_VALUE_FIELD = "contractValue";

/** A cache, nothing else: there are a few contract values in all. */
const parsed = new Map<string, Decimal | undefined>();
const PARSED_MAX = 256;

function parse(text: string): Decimal | undefined {
  if (parsed.has(text)) return parsed.get(text);
  const value = parseDecimal(text);
  if (parsed.size < PARSED_MAX) parsed.set(text, value);
  return value;
}

/** Base units per unit of size; undefined when they are not known. */
export function unitsAt({ stream: { venue, symbol }, carried }: DecodeContext, eventMs: number): Decimal | undefined {
  const said = venue === "okx-swap" ? carried?.get(CONTRACT_VALUE_FIELD) : undefined;
  return said === undefined ? unitsPerSize(venue, symbol, eventMs) : parse(said);
}

export function inBaseUnits(size: Decimal, units: Decimal): Decimal {
  return units.mantissa === 1 && units.scale === 0 ? size : multiply(size, units);
}

const MILLION: Decimal = Object.freeze({ mantissa: 1_000_000, scale: 0 });

/**
 * Whether an open interest in contracts and in base units fit together. The venue's figures carry the dust of binary floats: one in a
 * million is allowed, another contract value is not.
 */
export function agrees(contracts: Decimal, value: Decimal, units: Decimal): boolean {
  const ours = inBaseUnits(contracts, units);
  const difference = compare(ours, value) < 0 ? subtract(value, ours) : subtract(ours, value);
  return compare(multiply(difference, MILLION), ours) <= 0;
}
