// Time: units in names, UTC only, no Date. `_ms`/`_ns` (Ms/Ns) is always part of the name. Pure.
import { assert } from "./base.ts";

export const NS_PER_MS = 1_000_000n;

export function nsFromMs(ms: number): bigint {
  return BigInt(ms) * NS_PER_MS;
}

/** Floors towards the past, also before 1970. */
export function msFromNs(ns: bigint): number {
  const quotient = ns / NS_PER_MS;
  return Number(ns % NS_PER_MS < 0n ? quotient - 1n : quotient);
}

/** Candle intervals and their lengths. Every length divides a UTC day, so bucket edges are epoch multiples. */
export const INTERVAL_MS = {
  "1s": 1_000,
  "5s": 5_000,
  "15s": 15_000,
  "1m": 60_000,
  "5m": 300_000,
  "15m": 900_000,
  "1h": 3_600_000,
  "4h": 14_400_000,
  "1d": 86_400_000,
} as const;
export type Interval = keyof typeof INTERVAL_MS;
export const INTERVALS = Object.freeze(Object.keys(INTERVAL_MS)) as readonly Interval[];

export function isInterval(text: string): text is Interval {
  return Object.hasOwn(INTERVAL_MS, text);
}

/** Start of the bucket that holds `ms`: the bucket is [open, open + length). */
export function bucketOpenMs(ms: number, interval: Interval): number {
  const length = INTERVAL_MS[interval];
  return Math.floor(ms / length) * length;
}

const DAYS_BEFORE_1970 = 719_468;

/** Civil date of a day number since 1970-01-01 (Howard Hinnant's days algorithm; proleptic Gregorian). */
function civilFromDays(days: number): { year: number; month: number; day: number } {
  const shifted = days + DAYS_BEFORE_1970;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1_460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day };
}

function daysFromCivil(year: number, month: number, day: number): number {
  const shiftedYear = month <= 2 ? year - 1 : year;
  const era = Math.floor(shiftedYear / 400);
  const yearOfEra = shiftedYear - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - DAYS_BEFORE_1970;
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, "0");
}

/** `2024-08-08T23:57:12.431Z`, always UTC with milliseconds. */
export function formatUtcMs(ms: number): string {
  assert(Number.isSafeInteger(ms), `time in ms must be a safe integer, got ${ms}`);
  const days = Math.floor(ms / INTERVAL_MS["1d"]);
  const inDay = ms - days * INTERVAL_MS["1d"];
  const { year, month, day } = civilFromDays(days);
  const hour = Math.floor(inDay / 3_600_000);
  const minute = Math.floor(inDay / 60_000) % 60;
  const second = Math.floor(inDay / 1_000) % 60;
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}T${pad(hour, 2)}:${pad(minute, 2)}:${pad(second, 2)}.${pad(inDay % 1_000, 3)}Z`;
}

/** `20240808` of the UTC day that holds `ms`. */
export function utcDate(ms: number): string {
  return formatUtcMs(ms).slice(0, 10).replaceAll("-", "");
}

const UTC_TEXT = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?(?:Z| ?UTC)?$/;

/**
 * Reads what a person types for a moment: ISO text (UTC; a zone other than Z is refused), or an integer of epoch
 * ms (13 digits) or ns (19 digits). Returns nanoseconds, or undefined when it is none of these or not a real date.
 */
export function parseUtcNs(text: string): bigint | undefined {
  if (/^\d{13}$/.test(text)) return BigInt(text) * NS_PER_MS;
  if (/^\d{19}$/.test(text)) return BigInt(text);
  const match = UTC_TEXT.exec(text.trim());
  if (match === null) return undefined;
  const [, y, mo, d, h = "0", mi = "0", s = "0", fraction = ""] = match;
  const year = Number(y);
  const month = Number(mo);
  const day = Number(d);
  if (month < 1 || month > 12 || Number(h) > 23 || Number(mi) > 59 || Number(s) > 59) return undefined;
  const days = daysFromCivil(year, month, day);
  const civil = civilFromDays(days);
  if (civil.month !== month || civil.day !== day) return undefined;
  const seconds = BigInt(days) * 86_400n + BigInt(h) * 3_600n + BigInt(mi) * 60n + BigInt(s);
  return seconds * 1_000_000_000n + BigInt(fraction.padEnd(9, "0"));
}
