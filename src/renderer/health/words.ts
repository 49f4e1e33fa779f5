// Owns how the health report reads: unknown is a dash, ages and percentiles in a few characters, each light a shape of its own. Pure.
import type { DiskHealth, HealthColour, LatencyPercentiles, VenueHealth } from "../../shared/protocol/health.ts";
import { bytes, duration } from "../format/numbers.ts";

export const UNKNOWN = "–";

export function known<T>(value: T | undefined, text: (value: T) => string): string {
  return value === undefined ? UNKNOWN : text(value);
}

interface Light { readonly glyph: string; readonly tone: string; readonly words: string }

export const LIGHTS: Readonly<Record<HealthColour, Light>> = {
  GREEN: { glyph: "●", tone: "tone-live", words: "All is well" },
  AMBER: { glyph: "▲", tone: "tone-warn", words: "Needs watching" },
  RED: { glyph: "■", tone: "tone-trouble", words: "Needs a hand" },
};
export const NO_LIGHT: Light = { glyph: "○", tone: "dim", words: "Not measured yet" };

export function lightOf(status: HealthColour | undefined): Light {
  return status === undefined ? NO_LIGHT : LIGHTS[status];
}

/** `0.8 s`, `3 min`: how long ago, never negative, never finer than a tenth of a second. */
export function age(ms: number): string {
  const past = Math.max(0, ms);
  return past < 60_000 ? `${(past / 1_000).toFixed(1)} s` : duration(past);
}

/** Small latencies keep a digit: 0.4 ms and 4 ms are different things. */
export function milliseconds(ms: number): string {
  const magnitude = Math.abs(ms);
  if (magnitude >= 10_000) return duration(ms);
  return magnitude < 10 && !Number.isInteger(ms) ? ms.toFixed(1) : String(Math.round(ms));
}

/** `7 · 31`: the middle and the worst of a hundred. */
export function percentiles(value: LatencyPercentiles | undefined): string {
  return value === undefined ? UNKNOWN : `${milliseconds(value.p50)} · ${milliseconds(value.p99)}`;
}

export function percentilesInFull(name: string, value: LatencyPercentiles | undefined): string {
  if (value === undefined) return `${name}: nothing measured in the last minute`;
  return `${name} over the last minute, ms: p50 ${milliseconds(value.p50)}, p90 ${milliseconds(value.p90)}, p99 ${milliseconds(value.p99)}, max ${milliseconds(value.max)}, of ${value.count} messages`;
}

export function clockOffset({ offsetMs, offsetErrorMs }: Pick<VenueHealth, "offsetMs" | "offsetErrorMs">): string {
  if (offsetMs === undefined) return UNKNOWN;
  const error = offsetErrorMs === undefined ? "± ?" : `± ${milliseconds(offsetErrorMs)}`;
  return `${offsetMs < 0 ? "−" : "+"}${milliseconds(Math.abs(offsetMs))} ${error} ms`;
}

/** Part of the venue's limit that is used, 0 … 1; undefined where either is unknown. */
export function weightShare({ weightUsed, weightLimit }: Pick<VenueHealth, "weightUsed" | "weightLimit">): number | undefined {
  return weightUsed === undefined || weightLimit === undefined || weightLimit <= 0 ? undefined : Math.min(1, weightUsed / weightLimit);
}

/** `4 min 10 s`: a countdown is read to the second. */
export function countdown(ms: number): string {
  const seconds = Math.ceil(Math.max(0, ms) / 1_000);
  const [minutes, rest] = [Math.floor(seconds / 60), seconds % 60];
  if (minutes >= 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return minutes > 0 ? `${minutes} min ${rest} s` : `${rest} s`;
}

export function hoursToFull(hours: number | undefined): string {
  if (hours === undefined) return UNKNOWN;
  if (hours < 1) return `${Math.max(0, Math.floor(hours * 60))} min`;
  return hours < 72 ? `${hours.toFixed(hours < 10 ? 1 : 0)} h` : `${Math.floor(hours / 24)} days`;
}

/** What stands over the screen while the disk is short of room; undefined while it is not. */
export function diskSentence(disk: DiskHealth | undefined, isRecording: boolean): string | undefined {
  if (disk === undefined || disk.state === "ok") return undefined;
  const free = known(disk.freeBytes, (value) => `${bytes(value)} free`);
  if (disk.state === "full") return `The disk is full (${free})${isRecording ? "" : ": recording has stopped cleanly, nothing that was recorded is lost, and replay goes on"}. Free room or let retention remove old captures, then start recording again.`;
  const left = disk.hoursToFull === undefined ? "" : `, full in about ${hoursToFull(disk.hoursToFull)}`;
  return `The disk is getting full: ${free}${left}. Recording will stop cleanly before it is. Export and remove old captures, or set retention.`;
}
