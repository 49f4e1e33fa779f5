// Parquet beside a recording: after each sealing the lake process, at low priority, spools what is sealed. The recorder never waits for it, and its
// trouble is told, nothing more: what is missing is spooled after the next sealing, at the next start, or by `compact`.
import { FaultError, type Fault, type Timers } from "../../shared/base.ts";
import type { LakeTask, SpoolReport } from "../lake/types.ts";
import { nodeTimers } from "../net/node-clock.ts";
import type { SpawnChild } from "./child-process.ts";
import { LakeLink } from "./lake-link.ts";
import { faultOf } from "./thread.ts";

/** The lake process as this file needs it: LakeLink, or a fake in tests. */
export interface SpoolProcess {
  spool(captureFolder: string, task?: LakeTask): Promise<SpoolReport>;
  close(): Promise<void>;
}

export interface LiveSpoolOptions {
  readonly process: SpoolProcess;
  readonly captureFolder: string;
  onProblem(problem: Fault): void;
  readonly timers?: Timers;
}

/** Sealing goes on behind the new segment: while its line is not there yet, it is looked for again. */
const AGAIN_MS = 2_000;
/** After trouble (disk full …): the next sealing comes of itself, but a quiet venue's may take hours. */
const AFTER_TROUBLE_MS = 60_000;
/** When the recording ends, this long for the last segment; a backlog waits for the next start. */
const FAREWELL_MS = 10_000;

export class LiveSpool {
  readonly #options: LiveSpoolOptions;
  readonly #timers: Timers;
  readonly #stopping = new AbortController();
  #openSegment = 1;
  #spooledSegments = 0;
  #running: Promise<void> | undefined;
  #cancelTimer: (() => void) | undefined;
  #lastTrouble = "";
  #trouble: Fault | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: LiveSpoolOptions) {
    this.#options = options;
    this.#timers = options.timers ?? nodeTimers;
  }

  /** The segment that is being written; the ones before it are sealed, or about to be. Costs nothing when told again. */
  onSegment(index: number | undefined): void {
    if (index === undefined || index <= this.#openSegment) return;
    this.#openSegment = index;
    this.#wake();
  }

  #wake(): void {
    if (this.#closing !== undefined || this.#spooledSegments >= this.#openSegment - 1) return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#running ??= this.#spool().finally(() => { this.#running = undefined; });
  }

  async #spool(): Promise<void> {
    const { process, captureFolder } = this.#options;
    let waitMs = AGAIN_MS;
    try {
      const report = await process.spool(captureFolder, { signal: this.#stopping.signal });
      this.#spooledSegments = report.spooledSegments;
      this.#lastTrouble = "";
      this.#trouble = undefined;
    } catch (error) {
      waitMs = AFTER_TROUBLE_MS;
      this.#tell(faultOf(error));
    }
    if (this.#spooledSegments < this.#openSegment - 1) this.#cancelTimer = this.#timers.after(waitMs, () => { this.#wake(); });
  }

  /** Why the last attempt failed; undefined once one went well again. */
  get trouble(): Fault | undefined {
    return this.#trouble;
  }

  #tell(problem: Fault): void {
    if (problem.code !== "lake.cancelled") this.#trouble = problem;
    // The same every minute says nothing new.
    if (problem.code === "lake.cancelled" || problem.message === this.#lastTrouble) return;
    this.#lastTrouble = problem.message;
    this.#options.onProblem({ code: "lake.spool-failed", message: `Parquet is not being written beside the recording, which goes on: ${problem.message}`, details: { cause: problem.code } });
  }

  /** After the recording is sealed: spools the last segment, and ends the process. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** The recording could not even start: nothing more is spooled. */
  async abandon(): Promise<void> {
    this.#stopping.abort();
    this.#cancelTimer?.();
    this.#closing ??= this.#options.process.close();
    await this.#closing;
  }

  async #close(): Promise<void> {
    this.#cancelTimer?.();
    const cancel = this.#timers.after(FAREWELL_MS, () => { this.#stopping.abort(); });
    try {
      await this.#running;
      await this.#options.process.spool(this.#options.captureFolder, { signal: this.#stopping.signal });
    } catch (error) {
      this.#tell(faultOf(error));
    }
    cancel();
    try {
      await this.#options.process.close();
    } catch (error) {
      this.#tell(error instanceof FaultError ? error.fault : faultOf(error));
    }
  }
}

/** With a lake process of its own, started when the first segment is sealed. */
export function startLiveSpool(options: {
  readonly distMain: URL; readonly captureFolder: string; readonly spawn: SpawnChild | undefined; readonly onProblem: (problem: Fault) => void;
}): LiveSpool {
  const { distMain, captureFolder, spawn, onProblem } = options;
  const process = new LakeLink({
    distMain, priority: "low", ...(spawn === undefined ? {} : { spawn }),
    onNote: (text) => { onProblem({ code: "lake.repaired", message: text }); },
  });
  return new LiveSpool({ process, captureFolder, onProblem });
}
