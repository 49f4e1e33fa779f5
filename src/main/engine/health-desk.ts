// Looks after one recording's health, headless or under a shell: asks the disk, assembles the report once a second, and says when
// the disk is so full that recording must stop. Whoever makes it closes it.
import type { Fault } from "../../shared/base.ts";
import type { HealthReport, LatencyPercentiles } from "../../shared/protocol/health.ts";
import type { RecordingStatus } from "../../shared/protocol/frames.ts";
import { captureBytes } from "./capture-list.ts";
import type { DiskWatch } from "./disk-watch.ts";
import { healthReport } from "./health.ts";
import { machineMs } from "./latency-clock.ts";
import type { LiveSource } from "./live-source.ts";
import { faultOf } from "./thread.ts";

const REPORT_EVERY_MS = 1_000;
/** At 4 MB/s another 8 MB are written between two looks: nothing against the thresholds. */
const LOOK_EVERY_MS = 2_000;
/** Adding up a capture's files takes a walk over its folder. */
const MEASURE_EVERY_MS = 30_000;

export interface HealthDeskOptions {
  readonly disk: DiskWatch;
  live(): LiveSource | undefined;
  recording(): { readonly state: RecordingStatus["state"]; readonly fault: Fault | undefined };
  /** What writing Parquet fails with, if it does. */
  lakeFault(): Fault | undefined;
  logToScreen(): LatencyPercentiles | undefined;
  onReport(): void;
  /** Free space fell below the warning threshold. Said once, and again after it had recovered. */
  onDiskLow(warning: Fault): void;
  /** Free space fell below the stop threshold while recording: stop, in good order. */
  onDiskFull(why: Fault): void;
  onProblem(problem: Fault): void;
}

export class HealthDesk {
  readonly #options: HealthDeskOptions;
  #timers: readonly NodeJS.Timeout[] = [];
  #report: HealthReport;
  #looking: Promise<void> | undefined;
  #measuredMs = Number.NEGATIVE_INFINITY;
  #warned = false;
  #unreadable = false;
  #closed = false;

  constructor(options: HealthDeskOptions) {
    this.#options = options;
    this.#report = this.#assemble();
  }

  start(): void {
    this.#timers = [
      setInterval(() => {
        this.#report = this.#assemble();
        this.#options.onReport();
      }, REPORT_EVERY_MS),
      setInterval(() => {
        this.#looking ??= this.#look().finally(() => { this.#looking = undefined; });
      }, LOOK_EVERY_MS),
    ];
  }

  /** At most a second old. */
  get report(): HealthReport {
    return this.#report;
  }

  #assemble(): HealthReport {
    const { disk, live, recording, lakeFault, logToScreen } = this.#options;
    const source = live();
    return healthReport({
      nowMs: Date.now(), recording: recording(), disk: disk.health, lakeFault: lakeFault(), logToScreen: logToScreen(),
      live: source === undefined ? undefined : { streams: source.streams, sources: source.sources, vitals: source.vitals },
    });
  }

  async #look(): Promise<void> {
    const { disk, live, onProblem } = this.#options;
    try {
      const source = live();
      if (source !== undefined && machineMs() - this.#measuredMs >= MEASURE_EVERY_MS) {
        this.#measuredMs = machineMs();
        disk.took(source.captureId, await captureBytes(source.captureFolder), machineMs());
      }
      await disk.look();
      this.#unreadable = false;
    } catch (error) {
      // Said once: a folder that cannot be asked is not asked for again and again in the log.
      if (!this.#unreadable) onProblem(faultOf(error));
      this.#unreadable = true;
      return;
    }
    if (!this.#closed) this.#judge();
  }

  #judge(): void {
    const { disk, live, onDiskLow, onDiskFull } = this.#options;
    const { state } = disk.health;
    if (state === "low" && !this.#warned) onDiskLow(disk.warning());
    this.#warned = state !== "ok";
    if (state === "full" && live() !== undefined) onDiskFull(disk.fault().fault);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) clearInterval(timer);
    await this.#looking;
  }
}
