// Owns how moments look: UTC always, milliseconds where they mean something, local time as an extra on hover.
import { formatUtcMs, parseUtcNs } from "../../shared/time.ts";

/** `2024-08-08 23:57:12.431` */
export function utc(ms: number): string {
  return formatUtcMs(Math.floor(ms)).slice(0, 23).replace("T", " ");
}

/** `23:57:12.431` */
export function utcTime(ms: number): string {
  return utc(ms).slice(11);
}

/** `2024-08-08` */
export function utcDay(ms: number): string {
  return utc(ms).slice(0, 10);
}

/** Bucket start as short as the interval allows: `23:57` for minutes, `23:57:05` below. */
export function bucketTime(openMs: number, intervalMs: number): string {
  if (intervalMs >= 86_400_000) return utcDay(openMs);
  return utc(openMs).slice(11, intervalMs < 60_000 ? 19 : 16);
}

export function localTime(ms: number): string {
  return `${new Date(ms).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" })} local`;
}

/** What a person types into "go to": a full moment, a date, a time of the day under the cursor, `#seq`, or a cursor. */
export type GoTo =
  | { readonly kind: "time"; readonly ms: number }
  | { readonly kind: "seq"; readonly seq: number }
  | { readonly kind: "cursor"; readonly cursor: string };

export function parseGoTo(text: string, dayOfMs: number): GoTo | undefined {
  const trimmed = text.trim();
  const seq = /^#\s*([\d,]+)$/.exec(trimmed)?.[1];
  if (seq !== undefined) {
    const value = Number(seq.replaceAll(",", ""));
    return Number.isSafeInteger(value) ? { kind: "seq", seq: value } : undefined;
  }
  const clock = /^(\d{1,2}):(\d{2})(:\d{2}(?:\.\d{1,3})?)?$/.exec(trimmed);
  const moment = clock === null ? trimmed : `${utcDay(dayOfMs)} ${(clock[1] ?? "").padStart(2, "0")}:${clock[2] ?? ""}${clock[3] ?? ""}`;
  const ns = parseUtcNs(moment);
  if (ns !== undefined) return { kind: "time", ms: Number(ns / 1_000n) / 1_000 };
  return /^[A-Za-z0-9+/]{20,}={0,2}$/.test(trimmed) ? { kind: "cursor", cursor: trimmed } : undefined;
}
