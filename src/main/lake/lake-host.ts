// A lake process's own side: calls by job name, one at a time per capture, cancelled by name or all at the end.
import { fault } from "../../shared/base.ts";
import type { DecoderLookup } from "../../shared/market.ts";
import type { Disk } from "../rawlog/types.ts";
import { Lake } from "./lake.ts";
import type { LakeCall, LakeNote } from "./process-messages.ts";
import type { LakeTask } from "./types.ts";

/** Progress is told at most this often, ms. */
const TELL_EVERY_MS = 200;

export interface LakeHostOptions {
  readonly disk: Disk;
  readonly decoders: DecoderLookup;
  readonly monotonicMs: () => number;
  /** A folder for what a check must spill: the capture may be read-only. */
  readonly scratch: string;
  tell(note: LakeNote): void;
}

type Job = Extract<LakeCall, { readonly job: string }>;

export class LakeHost {
  readonly #options: LakeHostOptions;
  readonly #running = new Map<string, AbortController>();
  /** The capture that is spooled again and again keeps its place; another one takes its place here. */
  #kept: { readonly captureFolder: string; readonly lake: Lake } | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(options: LakeHostOptions) {
    this.#options = options;
  }

  cancel(job: string): void {
    this.#running.get(job)?.abort();
  }

  /** Waits for its turn: DuckDB and the machine are one. Rejects with the fault of the work, or `lake.cancelled`. */
  async perform(call: Exclude<Job, { readonly type: "cancel" }>): Promise<unknown> {
    if (this.#closed) throw fault("lake.closed", "The lake process is ending");
    const stopping = new AbortController();
    this.#running.set(call.job, stopping);
    const turn = this.#last.then(() => this.#run(call, { signal: stopping.signal, onProgress: this.#progressOf(call.job) }));
    this.#last = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      this.#running.delete(call.job);
    }
  }

  #progressOf(job: string): NonNullable<LakeTask["onProgress"]> {
    let toldMs = -Infinity;
    return (progress) => {
      const nowMs = this.#options.monotonicMs();
      if (nowMs - toldMs < TELL_EVERY_MS && progress.done < progress.total) return;
      toldMs = nowMs;
      this.#options.tell({ type: "progress", job, progress });
    };
  }

  async #run(call: Exclude<Job, { readonly type: "cancel" }>, task: LakeTask): Promise<unknown> {
    const lake = await this.#lakeOf(call.captureFolder);
    switch (call.type) {
      case "spool":
        return lake.spool(task);
      case "compact":
        return lake.compact(task);
      case "check":
        return lake.check(this.#options.scratch, task);
    }
  }

  async #lakeOf(captureFolder: string): Promise<Lake> {
    if (this.#kept?.captureFolder === captureFolder) return this.#kept.lake;
    await this.#kept?.lake.close();
    const { disk, decoders, tell } = this.#options;
    const lake = new Lake({ disk, captureFolder, decoders, onNote: (text) => { tell({ type: "note", text }); } });
    this.#kept = { captureFolder, lake };
    return lake;
  }

  /** Cancels what runs and waits for it. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const stopping of this.#running.values()) stopping.abort();
    await this.#last;
    await this.#kept?.lake.close();
    this.#kept = undefined;
  }
}
