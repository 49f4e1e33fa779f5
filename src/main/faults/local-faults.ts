// Faults of this machine, by name: its clocks and its disk. Those of the venue are the simulator's (sim/faults.ts); together they are the fault lab.
import { fault } from "../../shared/base.ts";
import type { FaultInfo } from "../../shared/faults.ts";

export type ClockFault =
  /** The wall clock jumps by this much; monotonic time does not notice. */
  | { readonly name: "clock-step"; readonly ms: number }
  /** Nothing runs for so long, and monotonic time stands still meanwhile, as on a suspended machine. */
  | { readonly name: "host-sleep"; readonly ms: number };

export type DiskFault =
  /** So many bytes still fit; what is written beyond fails with ENOSPC, its first part on the disk. */
  | { readonly name: "disk-full"; readonly bytesLeft: number }
  | { readonly name: "disk-read-only" }
  /** The next fsync reports an input/output error. */
  | { readonly name: "disk-sync-error" }
  /** Every fsync takes this much longer, for DISK_SLOW_FOR_MS. */
  | { readonly name: "disk-slow"; readonly ms: number }
  /** Half of the next write reaches the disk, then the recorder is gone, as after a crash in the middle of a commit. */
  | { readonly name: "torn-segment" };

export type LocalFault = ClockFault | DiskFault;

interface LocalEntry extends FaultInfo {
  make(amount: number): LocalFault;
  readonly least: number;
  readonly most: number;
}

export const DISK_SLOW_FOR_MS = 10_000;

const ENTRIES: readonly LocalEntry[] = [
  { name: "clock-step", place: "clock", summary: "this machine's wall clock jumps", amount: "milliseconds, forwards or back", preset: 5_000, least: -86_400_000, most: 86_400_000, make: (ms) => ({ name: "clock-step", ms: Math.round(ms) }) },
  { name: "host-sleep", place: "clock", summary: "this machine sleeps: nothing is read meanwhile", amount: "seconds", preset: 5, least: 0.001, most: 120, make: (seconds) => ({ name: "host-sleep", ms: Math.round(seconds * 1_000) }) },
  { name: "disk-full", place: "disk", summary: "the disk fills up: the recording stops, what is durable stays", amount: "bytes that still fit", preset: 0, least: 0, most: 1e12, make: (bytes) => ({ name: "disk-full", bytesLeft: Math.round(bytes) }) },
  { name: "disk-read-only", place: "disk", summary: "the disk becomes read-only: the recording stops", amount: "ignored", preset: 1, least: 0, most: 1, make: () => ({ name: "disk-read-only" }) },
  { name: "disk-sync-error", place: "disk", summary: "the next fsync fails: the recording stops", amount: "ignored", preset: 1, least: 0, most: 1, make: () => ({ name: "disk-sync-error" }) },
  { name: "disk-slow", place: "disk", summary: `every fsync is slow for ${DISK_SLOW_FOR_MS / 1_000} s`, amount: "milliseconds more", preset: 250, least: 1, most: 5_000, make: (ms) => ({ name: "disk-slow", ms: Math.round(ms) }) },
  { name: "torn-segment", place: "disk", summary: "a commit is torn in the middle, as by a crash: the recording stops, the next start recovers", amount: "ignored", preset: 1, least: 0, most: 1, make: () => ({ name: "torn-segment" }) },
];

export const LOCAL_FAULTS: readonly FaultInfo[] = ENTRIES.map(({ name, place, summary, amount, preset }) => ({ name, place, summary, amount, preset }));

/** `disk-slow`, 250 → the fault; undefined: no fault of this machine has that name. Throws `faults.bad-amount`. */
export function localFault(name: string, amount: number | undefined): LocalFault | undefined {
  const entry = ENTRIES.find((candidate) => candidate.name === name);
  if (entry === undefined) return undefined;
  const value = amount ?? entry.preset;
  if (!Number.isFinite(value) || value < entry.least || value > entry.most) {
    throw fault("faults.bad-amount", `Fault ${name} takes ${entry.amount} from ${entry.least} to ${entry.most}, got ${value}`);
  }
  return entry.make(value);
}

export function isClockFault(local: LocalFault): local is ClockFault {
  return local.name === "clock-step" || local.name === "host-sleep";
}
