// A lake process as the main process sees it: started when it is first needed and again after a death, calls with progress and cancelling.
import { fault, type Timers } from "../../shared/base.ts";
import type { LakeCall, LakeNote } from "../lake/process-messages.ts";
import type { CompactReport, LakeProgress, LakeTask, ReconcileReport, SpoolReport } from "../lake/types.ts";
import { nodeTimers } from "../net/node-clock.ts";
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
  readonly timers?: Timers;
}

/** Without work for so long the process ends: it holds about 200 MB, and at usual rates a segment takes minutes to fill. */
const IDLE_MS = 30_000;

/** One process for all of its calls. A process that dies rejects them with `engine.process-ended`; the next call starts another. */
export class LakeLink {
  readonly #options: LakeLinkOptions;
  readonly #progress = new Map<string, (progress: LakeProgress) => void>();
  #child: Promise<LakeChild> | undefined;
  readonly #timers: Timers;
  #nextJob = 1;
  #running = 0;
  #leaving: Promise<void> | undefined;
  #cancelIdle: (() => void) | undefined;
  #closed = false;

  constructor(options: LakeLinkOptions) {
    this.#options = options;
    this.#timers = options.timers ?? nodeTimers;
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
  async run<T>(callFor: (job: string) => LakeCall, task: LakeTask): Promise<T> {
    if (this.#closed) throw fault("lake.closed", "The lake process is closed");
    if (isAborted(task.signal)) throw fault("lake.cancelled", "Cancelled before it began");
    const job = `lake-${this.#nextJob}`;
    this.#nextJob += 1;
    this.#cancelIdle?.();
    this.#running += 1;
    try {
      return await this.#runJob<T>(job, callFor(job), task);
    } finally {
      this.#running -= 1;
      if (this.#running === 0 && !this.#closed) this.#cancelIdle = this.#timers.after(IDLE_MS, () => { this.#letGo(); });
    }
  }

  async #runJob<T>(job: string, call: LakeCall, { onProgress, signal }: LakeTask): Promise<T> {
    if (onProgress !== undefined) this.#progress.set(job, onProgress);
    const child = await this.#started();
    const cancel = (): void => { child.call({ type: "cancel", job }).catch(() => undefined); };
    signal?.addEventListener("abort", cancel, { once: true });
    // It may have been aborted while the process started.
    const running = child.call<T>(call);
    if (isAborted(signal)) cancel();
    try {
      return await running;
    } finally {
      signal?.removeEventListener("abort", cancel);
      this.#progress.delete(job);
    }
  }

  #started(): Promise<LakeChild> {
    if (this.#child !== undefined) return this.#child;
    const launched = this.#launch(() => {
      // Its calls reject with the same fault; the next call starts another.
      if (this.#child === launched) this.#child = undefined;
    });
    this.#child = launched;
    return launched;
  }

  async #launch(onDeath: () => void): Promise<LakeChild> {
    const { distMain, spawn, priority } = this.#options;
    const child: LakeChild = new ChildProcess({
      entry: new URL("./processes/lake.js", distMain), name: "lake", ...(spawn === undefined ? {} : { spawn }),
      onNote: (note) => {
        if (note.type === "progress") this.#progress.get(note.job)?.(note.progress);
        else this.#options.onNote?.(note.text);
      },
      onDeath,
    });
    await child.call({ type: "begin", priority });
    return child;
  }

  /** The next call starts another. */
  #letGo(): void {
    const child = this.#child;
    this.#child = undefined;
    // It had nothing left to do: how it ends changes nothing.
    this.#leaving = child?.then((idle) => idle.close({ type: "close" })).then(() => undefined, () => undefined);
  }

  /** Cancels what runs, lets it end in order. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelIdle?.();
    const child = await this.#child?.catch(() => undefined);
    this.#child = undefined;
    await child?.close({ type: "close" });
    await this.#leaving;
  }
}

/** Asked twice around an await: the compiler would think that it cannot have changed. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}
