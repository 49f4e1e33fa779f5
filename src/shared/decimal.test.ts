// Exact decimals at their one inexact edge: the double of a decimal is the double of its text.
import fc from "fast-check";
import { expect, it } from "vitest";
import { decimal, formatDecimal, parseDecimal, toFloat } from "./decimal.ts";

it("gives the double that reading the text gives, at any size and scale", () => {
  const mantissa = fc.oneof(fc.maxSafeInteger(), fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }), fc.integer());
  fc.assert(fc.property(mantissa, fc.nat(40), (digits, scale) => {
    const value = decimal(digits, scale);
    expect(Object.is(toFloat(value), Number(formatDecimal(value)))).toBe(true);
  }), { numRuns: 20_000 });
});

it("gives the double of a price as the venue writes it", () => {
  fc.assert(fc.property(fc.nat(99_999_999), fc.nat(99_999_999), fc.integer({ min: 1, max: 8 }), (whole, fraction, scale) => {
    const text = `${whole}.${String(fraction).padStart(8, "0").slice(0, scale)}`;
    const value = parseDecimal(text);
    expect(value === undefined ? undefined : toFloat(value)).toBe(Number(text));
  }), { numRuns: 5_000 });
});
