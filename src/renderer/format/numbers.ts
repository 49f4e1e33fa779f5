// Owns how numbers look: exact text grouped by thousands, rates, sizes, shares. Never rounds a price.

/** Groups the whole part of plain decimal text: `62410.10` is `62,410.10`. Digits are never changed. */
export function grouped(text: string): string {
  const [, sign = "", whole = "", rest = ""] = /^([-+]?)(\d+)(.*)$/s.exec(text) ?? [];
  if (whole === "") return text;
  return sign + whole.replace(/\B(?=(\d{3})+$)/g, ",") + rest;
}

export function count(value: number): string {
  return grouped(String(Math.round(value)));
}

/** `4,112`, `0.4`: small rates keep a digit, so that a slow stream does not read as dead. */
export function rate(perSecond: number): string {
  return perSecond > 0 && perSecond < 10 ? perSecond.toFixed(1) : count(perSecond);
}

const BYTE_UNITS = ["B", "KB", "MB", "GB", "TB"] as const;

export function bytes(value: number): string {
  let scaled = value;
  let unit = 0;
  while (scaled >= 1_000 && unit < BYTE_UNITS.length - 1) {
    scaled /= 1_000;
    unit += 1;
  }
  return `${unit === 0 || scaled >= 100 ? Math.round(scaled) : scaled.toFixed(1)} ${BYTE_UNITS[unit] ?? "B"}`;
}

/** Milliseconds a person can compare: `7 ms`, `1.4 s`, `3 min`, `2.5 h`. */
export function duration(ms: number): string {
  const magnitude = Math.abs(ms);
  if (magnitude < 1_000) return `${Math.round(ms)} ms`;
  if (magnitude < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (magnitude < 3_600_000) return `${Math.round(ms / 60_000)} min`;
  return `${(ms / 3_600_000).toFixed(1)} h`;
}

export function speed(value: number): string {
  return value === 0 ? "max" : `${value}×`;
}

export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** The head of a digest, enough to compare by eye. */
export function shortDigest(digest: string): string {
  return digest.length > 16 ? `${digest.slice(0, 8)}…${digest.slice(-4)}` : digest;
}
