// The only way from a collector to the recorder: drafts in order, in batches, against credit. Never drops; says when to stop reading.
import { FaultError, type Clock, type Fault, type Timers } from "../../shared/base.ts";
import { type ControlRecord, encodeControl } from "../../shared/control.ts";
import { CONTROL_CONNECTION, CONTROL_STREAM, type RawDraft } from "../../shared/raw.ts";
import type { CollectorSettings } from "./collector-settings.ts";

/** Takes drafts in order. A promise means: no more until it resolves. A rejection means: the log takes nothing any more. */
export interface CollectorSink {
  append(drafts: readonly RawDraft[]): Promise<void> | undefined;
}

export interface OutboxOptions {
  readonly sink: CollectorSink;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly settings: CollectorSettings;
  /** True: stop reading sockets. False: read on. */
  readonly onBlocked: (blocked: boolean) => void;
  /** More came in than may wait: the sockets must be closed, since nothing is ever dropped. */
  readonly onOverflow: () => void;
  readonly onHalted: (fault: Fault) => void;
}

export class Outbox {
  readonly #options: OutboxOptions;
  #waiting: RawDraft[] = [];
  #waitingBytes = 0;
  #cancelFlush: (() => void) | undefined;
  #credit: Promise<void> | undefined;
  #overflowed = false;
  #halted: Fault | undefined;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  get isBlocked(): boolean {
    return this.#credit !== undefined;
  }

  get halted(): Fault | undefined {
    return this.#halted;
  }

  push(draft: RawDraft): void {
    if (this.#halted !== undefined) return;
    this.#waiting.push(draft);
    this.#waitingBytes += draft.payload.length;
    const { settings, timers } = this.#options;
    if (this.#credit !== undefined) {
      if (this.#waitingBytes <= settings.backlogBytesMax || this.#overflowed) return;
      this.#overflowed = true;
      this.#options.onOverflow();
    } else if (this.#waiting.length >= settings.batchDrafts) {
      this.flush();
    } else {
      this.#cancelFlush ??= timers.after(settings.batchMs, () => {
        this.#cancelFlush = undefined;
        this.flush();
      });
    }
  }

  /** A control record, in line with the frames before it. */
  control(record: ControlRecord): void {
    this.push({
      stream: CONTROL_STREAM, source: "control", connection: CONTROL_CONNECTION, recvNs: this.#options.clock.wallNs(), eventNs: 0n,
      payload: encodeControl(record),
    });
  }

  flush(): void {
    this.#cancelFlush?.();
    this.#cancelFlush = undefined;
    if (this.#credit !== undefined || this.#halted !== undefined || this.#waiting.length === 0) return;
    const batch = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    const credit = this.#options.sink.append(batch);
    if (credit === undefined) return;
    this.#credit = credit.then(
      () => {
        this.#release();
      },
      (error: unknown) => {
        this.#halt(error);
      },
    );
    this.#options.onBlocked(true);
  }

  #release(): void {
    this.#credit = undefined;
    this.flush();
    if (this.isBlocked) return;
    this.#overflowed = false;
    this.#options.onBlocked(false);
  }

  #halt(error: unknown): void {
    this.#credit = undefined;
    this.#waiting = [];
    this.#waitingBytes = 0;
    const message = error instanceof Error ? error.message : String(error);
    this.#halted = error instanceof FaultError ? error.fault : { code: "log.halted", message: `the recorder takes no more messages: ${message}` };
    this.#options.onHalted(this.#halted);
  }

  /** Resolves once reading may go on. */
  async room(): Promise<void> {
    while (this.#credit !== undefined) await this.#credit;
  }

  /** Hands over everything that waits. */
  async close(): Promise<void> {
    this.flush();
    await this.room();
    this.#cancelFlush?.();
    this.#cancelFlush = undefined;
  }
}
