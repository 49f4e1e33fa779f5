// Compaction and export as jobs: Parquet is written in a lake process, which starts with the first of them; the rest in a job thread.
import { access } from "node:fs/promises";
import { join } from "node:path";
import { FaultError, fault } from "../../shared/base.ts";
import type { CompactReport } from "../lake/types.ts";
import type { SpawnChild } from "./child-process.ts";
import type { CommandHandlers } from "./client-session.ts";
import { checkDestination, isMcap } from "./export-files.ts";
import { inThread, type Jobs, type JobTask } from "./jobs.ts";
import { LakeLink } from "./lake-link.ts";

export interface LakeJobsOptions {
  readonly distMain: URL;
  readonly dataFolder: string;
  readonly spawn: SpawnChild | undefined;
  readonly jobs: Jobs;
  onNote(text: string): void;
}

export class LakeJobs {
  readonly #options: LakeJobsOptions;
  readonly #lake: LakeLink;

  constructor(options: LakeJobsOptions) {
    this.#options = options;
    const { distMain, spawn, onNote } = options;
    this.#lake = new LakeLink({ distMain, priority: "low", ...(spawn === undefined ? {} : { spawn }), onNote });
  }

  /** Reject with `captures.unknown`, `export.bad-address`, `jobs.full`; what goes wrong later is the job's. */
  readonly handlers: Pick<CommandHandlers, "compact.start" | "export.start"> = {
    "compact.start": async ({ captureId }) => {
      const folder = await this.#folder(captureId);
      return {
        jobId: this.#options.jobs.startWork({ kind: "compact", title: `Compact ${captureId}`, captureId }, async (task) => {
          const { rows, compactFiles, compactBytes, written } = await this.#compact(folder, task);
          return { summary: `${rows} rows in ${compactFiles} files (${compactBytes} bytes), ${written} written now; counts equal those of the log`, captureId, proof: undefined };
        }),
      };
    },
    "export.start": async ({ captureId, to }) => {
      const folder = await this.#folder(captureId);
      checkDestination(to, folder);
      return {
        jobId: this.#options.jobs.startWork({ kind: "export", title: `Export ${captureId}`, captureId }, async (task) => {
          const compactedSeq = isMcap(to) ? undefined : (await this.#compact(folder, task)).toSeq;
          return inThread(this.#options.distMain, { kind: "export", captureId, captureFolder: folder, to, compactedSeq })(task);
        }),
      };
    },
  };

  async #folder(captureId: string): Promise<string> {
    const folder = join(this.#options.dataFolder, "captures", captureId);
    if (await access(folder).then(() => true, () => false)) return folder;
    throw fault("captures.unknown", `There is no capture ${captureId} in this data folder`);
  }

  async #compact(folder: string, { signal, onProgress }: JobTask): Promise<CompactReport> {
    let report: CompactReport;
    try {
      report = await this.#lake.compact(folder, { signal, onProgress: ({ phase, done, total, unit }) => { onProgress({ done, total, unit: `${unit} (${phase})` }); } });
    } catch (error) {
      if (error instanceof FaultError && error.fault.code === "lake.cancelled") throw fault("job.cancelled", "Cancelled; what was written whole stays");
      throw error;
    }
    refuseDifferences(report);
    return report;
  }

  /** Idempotent. */
  close(): Promise<void> {
    return this.#lake.close();
  }
}

/** Throws `lake.not-reconciled`, naming the first difference. */
export function refuseDifferences({ captureId, differences }: CompactReport): void {
  const [first] = differences;
  if (first === undefined) return;
  const more = differences.length === 1 ? "" : ` (and ${differences.length - 1} more)`;
  throw fault("lake.not-reconciled", `Parquet of ${captureId} differs from its log at ${first.where}: ${first.what}: expected ${first.expected}, found ${first.actual}${more}; remove the folders events and compact, they are made again`);
}
