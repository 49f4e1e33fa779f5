// Times that venues write as text: RFC 3339 and decimal seconds, as exact nanoseconds. Pure.

const RFC_3339 = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?Z$/;
const SECONDS = /^(\d{1,10})(?:\.(\d{1,9}))?$/;
const NS_PER_S = 1_000_000_000n;
/** 2010-01-01: earlier times are no times (Coinbase writes year 1 for "none"). */
const FROM_S = 1_262_304_000;

function withFraction(seconds: number, fraction: string | undefined): bigint {
  return seconds < FROM_S ? 0n : BigInt(seconds) * NS_PER_S + BigInt((fraction ?? "").padEnd(9, "0"));
}

/** `2026-08-09T21:05:48.228568804Z` as epoch ns; 0n: it is no such time. */
export function nsFromRfc3339(text: unknown): bigint {
  const match = typeof text === "string" ? RFC_3339.exec(text) : null;
  if (match === null) return 0n;
  const [, year, month, day, hour, minute, second, fraction] = match;
  const ms = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
  return withFraction(ms / 1_000, fraction);
}

/** `1618678142.557535` as epoch ns; 0n: it is no such time. */
export function nsFromSeconds(text: unknown): bigint {
  const match = typeof text === "string" ? SECONDS.exec(text) : null;
  return match === null ? 0n : withFraction(Number(match[1]), match[2]);
}
