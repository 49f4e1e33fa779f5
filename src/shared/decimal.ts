// Exact decimals: integer mantissa × 10^-scale, from the venue's text to the artifact. No float ever enters. Pure.
import { assert } from "./base.ts";

/**
 * value = mantissa × 10^-scale. The mantissa is a `number` exactly when it is a safe integer, else a `bigint`, so equal
 * decimals of equal scale are structurally equal. The scale is kept as the venue wrote it ("61800.30" has scale 2).
 */
export interface Decimal {
  readonly mantissa: number | bigint;
  readonly scale: number;
}

/** Longest text taken for one number: more digits than any venue sends, few enough that hostile text costs nothing. */
export const DECIMAL_DIGITS_MAX = 60;

export const ZERO: Decimal = Object.freeze({ mantissa: 0, scale: 0 });

const POW10 = Array.from({ length: 16 }, (_, power) => 10 ** power);

function pow10(power: number): bigint {
  return 10n ** BigInt(power);
}

function fit(mantissa: bigint): number | bigint {
  return mantissa >= -9007199254740991n && mantissa <= 9007199254740991n ? Number(mantissa) : mantissa;
}

export function decimal(mantissa: number | bigint, scale: number): Decimal {
  assert(Number.isInteger(scale) && scale >= 0, `decimal scale must be a non-negative integer, got ${scale}`);
  if (typeof mantissa === "bigint") return { mantissa: fit(mantissa), scale };
  assert(Number.isSafeInteger(mantissa), `decimal mantissa must be a safe integer or a bigint, got ${mantissa}`);
  return { mantissa: mantissa === 0 ? 0 : mantissa, scale };
}

/**
 * Reads plain decimal text: optional minus, digits, optional fraction; also exponent form ("1e-7"), which some REST
 * bodies hold. Anything else, a missing digit, or more than DECIMAL_DIGITS_MAX digits gives undefined.
 */
export function parseDecimal(text: string): Decimal | undefined {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,3}))?$/.exec(text);
  if (match === null) return undefined;
  const [, minus, whole = "", fraction = "", exponentText] = match;
  const exponent = exponentText === undefined ? 0 : Number(exponentText);
  let scale = fraction.length - exponent;
  let digits = whole + fraction;
  if (scale < 0) {
    digits += "0".repeat(-scale);
    scale = 0;
  }
  if (digits.length > DECIMAL_DIGITS_MAX || scale > DECIMAL_DIGITS_MAX) return undefined;
  const magnitude = digits.length <= 15 ? Number(digits) : fit(BigInt(digits));
  if (magnitude === 0) return { mantissa: 0, scale };
  return { mantissa: minus === "-" ? -magnitude : magnitude, scale };
}

/** Like parseDecimal, but text that is no decimal is a programmer's error. For constants and tests. */
export function dec(text: string): Decimal {
  const value = parseDecimal(text);
  assert(value !== undefined, `not a decimal: ${JSON.stringify(text)}`);
  return value;
}

/** All digits of the scale are written: {6180030, 2} is "61800.30". */
export function formatDecimal(value: Decimal): string {
  const negative = value.mantissa < 0;
  const digits = String(negative ? -value.mantissa : value.mantissa);
  if (value.scale === 0) return negative ? `-${digits}` : digits;
  const padded = digits.padStart(value.scale + 1, "0");
  const split = padded.length - value.scale;
  return `${negative ? "-" : ""}${padded.slice(0, split)}.${padded.slice(split)}`;
}

/** The same value at a larger scale. Asking for a smaller one is a bug (it could lose digits). */
export function rescale(value: Decimal, scale: number): Decimal {
  if (scale === value.scale) return value;
  assert(scale > value.scale, `rescale may only widen: ${value.scale} to ${scale}`);
  const factor = scale - value.scale;
  if (typeof value.mantissa === "number" && factor < POW10.length) {
    const product = value.mantissa * (POW10[factor] ?? 1);
    if (Number.isSafeInteger(product)) return { mantissa: product, scale };
  }
  return { mantissa: fit(BigInt(value.mantissa) * pow10(factor)), scale };
}

export function add(a: Decimal, b: Decimal): Decimal {
  if (a.scale !== b.scale) return a.scale < b.scale ? add(rescale(a, b.scale), b) : add(a, rescale(b, a.scale));
  if (typeof a.mantissa === "number" && typeof b.mantissa === "number") {
    const sum = a.mantissa + b.mantissa;
    if (Number.isSafeInteger(sum)) return { mantissa: sum, scale: a.scale };
  }
  return { mantissa: fit(BigInt(a.mantissa) + BigInt(b.mantissa)), scale: a.scale };
}

export function negate(a: Decimal): Decimal {
  return a.mantissa === 0 ? a : { mantissa: -a.mantissa, scale: a.scale };
}

export function subtract(a: Decimal, b: Decimal): Decimal {
  return add(a, negate(b));
}

/** Exact product; its scale is the sum of the scales. */
export function multiply(a: Decimal, b: Decimal): Decimal {
  const scale = a.scale + b.scale;
  if (typeof a.mantissa === "number" && typeof b.mantissa === "number") {
    const product = a.mantissa * b.mantissa;
    if (Number.isSafeInteger(product)) return { mantissa: product === 0 ? 0 : product, scale };
  }
  return { mantissa: fit(BigInt(a.mantissa) * BigInt(b.mantissa)), scale };
}

/** Negative, zero or positive, by value: 1.0 and 1.00 compare equal. */
export function compare(a: Decimal, b: Decimal): number {
  if (a.scale !== b.scale) return a.scale < b.scale ? compare(rescale(a, b.scale), b) : compare(a, rescale(b, a.scale));
  return a.mantissa < b.mantissa ? -1 : a.mantissa > b.mantissa ? 1 : 0;
}

export function equal(a: Decimal, b: Decimal): boolean {
  return compare(a, b) === 0;
}

/** a ÷ b rounded half to even at `scale`. b must not be zero. */
export function divideHalfEven(a: Decimal, b: Decimal, scale: number): Decimal {
  assert(b.mantissa !== 0, "division by zero");
  const shift = scale + b.scale - a.scale;
  let numerator = BigInt(a.mantissa);
  let denominator = BigInt(b.mantissa);
  if (shift >= 0) numerator *= pow10(shift);
  else denominator *= pow10(-shift);
  if (denominator < 0n) {
    numerator = -numerator;
    denominator = -denominator;
  }
  const negative = numerator < 0n;
  const magnitude = negative ? -numerator : numerator;
  let quotient = magnitude / denominator;
  const twice = (magnitude % denominator) * 2n;
  if (twice > denominator || (twice === denominator && quotient % 2n === 1n)) quotient += 1n;
  return { mantissa: fit(negative ? -quotient : quotient), scale };
}

/** The nearest double. For drawing, for Parquet columns and for the strategy boundary only. */
export function toFloat(value: Decimal): number {
  const { mantissa, scale } = value;
  // Both operands are exact doubles, and a division is rounded once: the same as reading the text, ten times as fast.
  if (typeof mantissa === "number" && scale < POW10.length) return mantissa / (POW10[scale] ?? 1);
  return Number(formatDecimal(value));
}
