// A lake process as the main process sees it: started when it is first needed and again after a death, calls with progress and cancelling.
import { fault } from "../../shared/base.ts";
import type { LakeCall, LakeNote } from "../lake/process-messages.ts";
import type { CompactReport, LakeProgress, LakeTask, ReconcileReport, SpoolReport } from "../lake/types.ts";
import { ChildProcess, type SpawnChild } from "./child-process.ts";

type LakeChild = ChildProcess<LakeCall, never, LakeNote>;

export interface LakeLinkOptions {
  /** Folder of the running bundle, where `processes/` is. */
  readonly distMain: URL;
  /** `low`: beside a recording. */
  readonly priority: "low" | "normal";
  /** Electron's shell passes its own way of starting a process. */
  readonly spawn?: SpawnChild;
  /** For people: what a crash left and what became of it. */
  onNote?(text: string): void;
}

/** One process for all of its calls. A process that dies rejects them with `engine.process-ended`; the next call starts another. */
export class LakeLink {
  readonly #options: LakeLinkOptions;
  readonly #progress = new Map<string, (progress: LakeProgress) => void>();
  #child: Promise<LakeChild> | undefined;
  #nextJob = 1;
  #closed = false;

  constructor(options: LakeLinkOptions) {
    this.#options = options;
  }

  /** Writes the parts of all sealed segments that have none yet. Rejects with `disk.* lake.* log.*`; what was whole stays. */
  spool(captureFolder: string, task: LakeTask = {}): Promise<SpoolReport> {
    return this.run((job) => ({ type: "spool", job, captureFolder }), task);
  }

  /** Spools, compacts every partition, compares the counts. Rejects with `disk.* lake.* log.*`; what was whole stays. */
  compact(captureFolder: string, task: LakeTask = {}): Promise<CompactReport> {
    return this.run((job) => ({ type: "compact", job, captureFolder }), task);
  }

  /** Decodes the log again and compares it with every file; changes nothing. */
  check(captureFolder: string, task: LakeTask = {}): Promise<ReconcileReport> {
    return this.run((job) => ({ type: "check", job, captureFolder }), task);
  }

  /** One call under a job name of its own. */
  async run<T>(callFor: (job: string) => LakeCall, { onProgress, signal }: LakeTask): Promise<T> {
    if (this.#closed) throw fault("lake.closed", "The lake process is closed");
    if (isAborted(signal)) throw fault("lake.cancelled", "Cancelled before it began");
    const job = `lake-${this.#nextJob}`;
    this.#nextJob += 1;
    if (onProgress !== undefined) this.#progress.set(job, onProgress);
    const child = await this.#started();
    const cancel = (): void => { child.call({ type: "cancel", job }).catch(() => undefined); };
    signal?.addEventListener("abort", cancel, { once: true });
    // It may have been aborted while the process started.
    const running = child.call<T>(callFor(job));
    if (isAborted(signal)) cancel();
    try {
      return await running;
    } finally {
      signal?.removeEventListener("abort", cancel);
      this.#progress.delete(job);
    }
  }

  #started(): Promise<LakeChild> {
    this.#child ??= this.#launch();
    return this.#child;
  }

  async #launch(): Promise<LakeChild> {
    const { distMain, spawn, priority } = this.#options;
    const child: LakeChild = new ChildProcess({
      entry: new URL("./processes/lake.js", distMain), name: "lake", ...(spawn === undefined ? {} : { spawn }),
      onNote: (note) => {
        if (note.type === "progress") this.#progress.get(note.job)?.(note.progress);
        else this.#options.onNote?.(note.text);
      },
      // Its calls reject with the same fault; the next call starts another.
      onDeath: () => { this.#child = undefined; },
    });
    await child.call({ type: "begin", priority });
    return child;
  }

  /** Cancels what runs, lets it end in order. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    const child = await this.#child?.catch(() => undefined);
    this.#child = undefined;
    await child?.close({ type: "close" });
  }
}

/** Asked twice around an await: the compiler would think that it cannot have changed. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}
