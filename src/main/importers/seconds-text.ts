// Decimal seconds, as foreign collectors write receive times: converted digit by digit, never as floats.
import { parseDecimal } from "../../shared/decimal.ts";

const NS_DIGITS = 9;

/** Decimal seconds as ns, exactly; digits beyond ns are cut off. Undefined for text that is no positive number. */
export function nsFromSecondsText(text: string): bigint | undefined {
  const seconds = parseDecimal(text);
  if (seconds === undefined || seconds.mantissa <= 0) return undefined;
  const mantissa = BigInt(seconds.mantissa);
  return seconds.scale <= NS_DIGITS ? mantissa * 10n ** BigInt(NS_DIGITS - seconds.scale) : mantissa / 10n ** BigInt(seconds.scale - NS_DIGITS);
}
