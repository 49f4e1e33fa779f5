// Long work (import, verify in job threads; compaction, export also in processes): progress, rate, time left, cancelling. At most one job at a
// time runs, the rest wait; finished ones stay listed until dismissed.
import { fault, type Fault } from "../../shared/base.ts";
import type { JobStatus } from "../../shared/protocol/frames.ts";
import { RateMeter } from "./rate-meter.ts";
import { Thread, faultOf, threadEntry } from "./thread.ts";
import type { JobCall, JobData, JobNote, JobResult } from "./thread-messages.ts";

const LISTED_MAX = 50;

/** What a job is given. Once the signal is aborted it ends soon, with fault `job.cancelled` (or well, if it was done). */
export interface JobTask {
  readonly signal: AbortSignal;
  onProgress(progress: Omit<JobNote, "type">): void;
}
export type JobWork = (task: JobTask) => Promise<JobResult>;

interface Job {
  readonly work: JobWork;
  readonly meter: RateMeter;
  readonly cancelling: AbortController;
  status: JobStatus;
  begun: boolean;
}

export interface JobsOptions {
  readonly distMain: URL;
  readonly monotonicMs: () => number;
  onChange(): void;
  onDone(result: JobResult, status: JobStatus): void;
}

export class Jobs {
  readonly #options: JobsOptions;
  readonly #jobs: Job[] = [];
  #nextId = 1;
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(options: JobsOptions) {
    this.#options = options;
  }

  get list(): readonly JobStatus[] {
    return this.#jobs.map((job) => job.status);
  }

  /** Queues a job for a thread of its own. Throws `jobs.full` when too many are listed. */
  start(data: JobData, title: string): string {
    const captureId = data.kind === "verify" ? undefined : data.captureId;
    return this.startWork({ kind: data.kind, title, captureId }, inThread(this.#options.distMain, data));
  }

  /** The same for any work. */
  startWork(about: Pick<JobStatus, "kind" | "title" | "captureId">, work: JobWork): string {
    if (this.#jobs.length >= LISTED_MAX) throw fault("jobs.full", `${LISTED_MAX} jobs are listed: dismiss finished ones first`);
    const jobId = `job-${this.#nextId}`;
    this.#nextId += 1;
    const status: JobStatus = {
      jobId, ...about, state: "running", doneUnits: 0, totalUnits: undefined, unit: "", unitsPerSecond: undefined, secondsLeft: undefined, summary: "", fault: undefined,
    };
    this.#jobs.push({ work, status, meter: new RateMeter(), cancelling: new AbortController(), begun: false });
    this.#options.onChange();
    this.#running ??= this.#runAll();
    return jobId;
  }

  async #runAll(): Promise<void> {
    for (;;) {
      const next = this.#jobs.find((job) => job.status.state === "running");
      if (next === undefined || this.#closed) break;
      await this.#run(next);
    }
    this.#running = undefined;
  }

  async #run(job: Job): Promise<void> {
    job.begun = true;
    try {
      const result = await job.work({ signal: job.cancelling.signal, onProgress: (progress) => { this.#progress(job, progress); } });
      job.status = { ...job.status, state: "done", summary: result.summary, captureId: result.captureId ?? job.status.captureId, secondsLeft: undefined };
      this.#options.onDone(result, job.status);
    } catch (error) {
      this.#fail(job, faultOf(error));
    } finally {
      this.#options.onChange();
    }
  }

  #fail(job: Job, trouble: Fault): void {
    const cancelled = trouble.code === "job.cancelled";
    job.status = {
      ...job.status, state: cancelled ? "cancelled" : "failed", summary: trouble.message, fault: cancelled ? undefined : trouble, secondsLeft: undefined,
    };
  }

  #progress(job: Job, note: Omit<JobNote, "type">): void {
    const rate = job.meter.sample(this.#options.monotonicMs(), note.done);
    const left = note.total === undefined || rate === 0 ? undefined : (note.total - note.done) / rate;
    job.status = { ...job.status, doneUnits: note.done, totalUnits: note.total, unit: note.unit, unitsPerSecond: rate, secondsLeft: left };
    this.#options.onChange();
  }

  /** Asks a running job to stop at its next safe point; nothing half-written stays. */
  async cancel(jobId: string): Promise<void> {
    const job = this.#find(jobId);
    if (job.status.state !== "running") return;
    if (!job.begun) this.#fail(job, { code: "job.cancelled", message: "Cancelled before it began" });
    job.cancelling.abort();
    this.#options.onChange();
  }

  dismiss(jobId: string): void {
    const job = this.#find(jobId);
    if (job.status.state === "running") throw fault("jobs.running", "The job is still running: cancel it first");
    this.#jobs.splice(this.#jobs.indexOf(job), 1);
    this.#options.onChange();
  }

  #find(jobId: string): Job {
    const job = this.#jobs.find((one) => one.status.jobId === jobId);
    if (job === undefined) throw fault("jobs.unknown", `There is no job ${jobId}`);
    return job;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const job of this.#jobs) if (job.status.state === "running") await this.cancel(job.status.jobId);
    await this.#running;
  }
}

/** One job in a thread of its own, which ends with it. */
export function inThread(distMain: URL, data: JobData): JobWork {
  return async ({ signal, onProgress }) => {
    const thread = new Thread<JobCall, never, JobNote>({
      entry: threadEntry(distMain, "job"), name: `job-${data.kind}`, data,
      onNote: (note) => { onProgress(note); },
      onDeath: () => undefined, // the pending `run` call rejects with the same fault
    });
    const running = thread.call<JobResult>({ type: "run" });
    // It may have ended by itself in the same moment: there is nothing left to cancel then.
    const cancel = (): void => { thread.call({ type: "cancel" }).catch(() => undefined); };
    signal.addEventListener("abort", cancel, { once: true });
    if (signal.aborted) cancel();
    try {
      return await running;
    } finally {
      signal.removeEventListener("abort", cancel);
      await thread.terminate();
    }
  };
}
