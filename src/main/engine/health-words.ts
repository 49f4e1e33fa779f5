// How health says numbers and lists to people. Pure.
import type { StreamHealth } from "../../shared/protocol/health.ts";

const LISTED_MAX = 3;
const KIBI = 1_024;
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** Counters of a stream that are summed. */
export type Column = { readonly [K in keyof StreamHealth]: StreamHealth[K] extends number ? K : never }[keyof StreamHealth];

/** The first few, and how many more. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, LISTED_MAX).join(", ");
  return names.length <= LISTED_MAX ? shown : `${shown} and ${names.length - LISTED_MAX} more`;
}

export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

export function secondsText(ms: number): string {
  return ms < 120_000 ? `${Math.round(ms / 1_000)} s` : `${Math.round(ms / 60_000)} min`;
}

/** `1.5 GiB`; undefined is not known. */
export function bytesText(bytes: number | undefined): string {
  if (bytes === undefined) return "an unknown number of bytes";
  let value = bytes;
  let unit = 0;
  while (value >= KIBI && unit < UNITS.length - 1) {
    value /= KIBI;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit] ?? ""}`;
}
