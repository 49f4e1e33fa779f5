// How much disk is left and how long it will do: bytes per hour, time to full, and the two thresholds. Decides; stopping is the caller's.
import { statfs } from "node:fs/promises";
import { z } from "zod";
import { fault, type Fault, type FaultError } from "../../shared/base.ts";
import type { DiskHealth } from "../../shared/protocol/health.ts";
import { bytesText } from "./health-words.ts";

/** Kept in the settings under `disk`; the command line's --disk-low and --disk-stop come before. */
export const diskLimitsSchema = z.strictObject({ lowBytes: z.number().int().nonnegative().optional(), stopBytes: z.number().int().nonnegative().optional() });
export type DiskLimits = z.infer<typeof diskLimitsSchema>;

export const DISK_DEFAULTS = {
  lowBytes: 2 * 1_024 ** 3,
  stopBytes: 512 * 1_024 ** 2,
  /** However many bytes that is: warned of so long before the disk is full, stopped so long before. */
  lowHours: 2,
  stopHours: 0.25,
  /** A recording that was stopped starts again only with this much more than the threshold, or it would stop again at once. */
  startShare: 1.1,
} as const;

const HOUR_MS = 3_600_000;
const SAMPLE_EVERY_MS = 60_000;
const SAMPLES_MAX = HOUR_MS / SAMPLE_EVERY_MS + 1;

export interface DiskWatchOptions {
  /** For messages: the folder that is recorded into. */
  readonly folder: string;
  readonly limits: DiskLimits;
  freeBytes(): Promise<number>;
}

/** Free bytes for this user on the file system of a folder. */
export async function freeBytesOf(folder: string): Promise<number> {
  const space = await statfs(folder);
  return space.bavail * space.bsize;
}

export class DiskWatch {
  readonly #options: DiskWatchOptions;
  #samples: { readonly atMs: number; readonly bytes: number }[] = [];
  #captureId: string | undefined;
  #bytesPerHour: number | undefined;
  #health: DiskHealth = { freeBytes: undefined, bytesPerHour: undefined, hoursToFull: undefined, state: "ok" };

  constructor(options: DiskWatchOptions) {
    this.#options = options;
  }

  get health(): DiskHealth {
    return this.#health;
  }

  /** What the recording has taken on disk so far (monotonic ms). A new recording counts anew; the rate of the one before stands until it has its own. */
  took(captureId: string, captureBytes: number, atMs: number): void {
    if (captureId !== this.#captureId) this.#samples = [];
    this.#captureId = captureId;
    const last = this.#samples.at(-1);
    if (last === undefined || atMs - last.atMs >= SAMPLE_EVERY_MS) this.#samples.push({ atMs, bytes: captureBytes });
    while (this.#samples.length > SAMPLES_MAX) this.#samples.shift();
    const [first] = this.#samples;
    if (first === undefined || atMs - first.atMs < SAMPLE_EVERY_MS) return;
    // Sealing and compacting give bytes back; a recording that shrank for an hour takes nothing.
    this.#bytesPerHour = (Math.max(0, captureBytes - first.bytes) * HOUR_MS) / (atMs - first.atMs);
  }

  get lowBytes(): number {
    return Math.max(this.#options.limits.lowBytes ?? DISK_DEFAULTS.lowBytes, this.stopBytes, (this.#bytesPerHour ?? 0) * DISK_DEFAULTS.lowHours);
  }
  get stopBytes(): number {
    return Math.max(this.#options.limits.stopBytes ?? DISK_DEFAULTS.stopBytes, (this.#bytesPerHour ?? 0) * DISK_DEFAULTS.stopHours);
  }

  /** Asks the file system. Throws its error: a folder that cannot be asked is not full. */
  async look(): Promise<DiskHealth> {
    const freeBytes = await this.#options.freeBytes();
    const rate = this.#bytesPerHour;
    const state = freeBytes < this.stopBytes ? "full" : freeBytes < this.lowBytes ? "low" : "ok";
    this.#health = { freeBytes, bytesPerHour: rate, hoursToFull: rate === undefined || rate === 0 ? undefined : freeBytes / rate, state };
    return this.#health;
  }

  warning(): Fault {
    const { freeBytes, hoursToFull } = this.#health;
    const left = hoursToFull === undefined ? "" : `, about ${hoursToFull.toFixed(1)} h of recording`;
    return { code: "disk.getting-full", message: `${bytesText(freeBytes)} free at ${this.#options.folder}${left}: recording stops at ${bytesText(this.stopBytes)}; free some space (tapedeck retention shows what could go)` };
  }

  /** Why the recording is stopped. */
  fault(): FaultError {
    return this.#lowFault(`below the ${bytesText(this.stopBytes)} at which recording stops. What was recorded is sealed and replays`, "then start the recording again");
  }

  /** Before a recording starts. Throws `disk.low` when it would be stopped again at once. */
  async refuseStart(): Promise<void> {
    const { freeBytes = 0 } = await this.look();
    if (freeBytes < this.stopBytes * DISK_DEFAULTS.startShare) {
      throw this.#lowFault(`a recording starts with at least ${bytesText(this.stopBytes * DISK_DEFAULTS.startShare)}`, "or lower the threshold (--disk-stop)");
    }
  }

  #lowFault(why: string, then: string): FaultError {
    const { folder } = this.#options;
    const { freeBytes } = this.#health;
    return fault("disk.low", `${bytesText(freeBytes)} free at ${folder}: ${why}. Free some space (tapedeck retention shows what could go), ${then}`, { ...(freeBytes === undefined ? {} : { freeBytes }), stopBytes: this.stopBytes });
  }
}
