// Health of a recording without a shell (`record`, `serve`): its desk, and what it does when the disk fills up.
import type { Fault } from "../../shared/base.ts";
import type { Observations } from "../metrics/observations.ts";
import { DiskWatch, freeBytesOf, type DiskLimits } from "./disk-watch.ts";
import { HealthDesk } from "./health-desk.ts";
import type { LiveSource } from "./live-source.ts";
import { observe } from "./observe.ts";

export interface HeadlessHealthOptions {
  readonly dataFolder: string;
  readonly limits: DiskLimits;
  /** The disk is too full: end the recording in good order. */
  onDiskFull(why: Fault): void;
  onProblem(problem: Fault): void;
}

export class HeadlessHealth {
  readonly #disk: DiskWatch;
  readonly #options: HeadlessHealthOptions;
  #live: LiveSource | undefined;
  #desk: HealthDesk | undefined;
  #full = false;

  private constructor(options: HeadlessHealthOptions) {
    this.#options = options;
    this.#disk = new DiskWatch({ folder: options.dataFolder, limits: options.limits, freeBytes: () => freeBytesOf(options.dataFolder) });
  }

  /** Before anything is recorded. Throws `disk.low` when there is too little space to begin. */
  static async prepare(options: HeadlessHealthOptions): Promise<HeadlessHealth> {
    const health = new HeadlessHealth(options);
    await health.#disk.refuseStart();
    return health;
  }

  /** The recording runs. */
  watch(live: LiveSource): void {
    this.#live = live;
    this.#desk = new HealthDesk({
      disk: this.#disk, live: () => live,
      recording: () => ({ state: live.halted === undefined ? "recording" : "halted", fault: live.halted }),
      lakeFault: () => live.lakeFault, logToScreen: () => undefined, onReport: () => undefined,
      onDiskLow: (warning) => { this.#options.onProblem(warning); },
      onDiskFull: (why) => {
        // Said once: the recording takes a moment to end.
        if (!this.#full) this.#options.onDiskFull(why);
        this.#full = true;
      },
      onProblem: (problem) => { this.#options.onProblem(problem); },
    });
    this.#desk.start();
  }

  observe(): Pick<Observations, "recording" | "health" | "latencies"> {
    return observe({ live: this.#live, health: this.#desk?.report });
  }

  async close(): Promise<void> {
    await this.#desk?.close();
  }
}
