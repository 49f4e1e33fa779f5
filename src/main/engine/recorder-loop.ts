// The recorder: takes batches from collectors in the order they arrive and is the sole writer of the capture's log.
import type { MessagePort } from "node:worker_threads";
import { FaultError, type Clock, type Fault, type Sha256, type Timers } from "../../shared/base.ts";
import { configDigest, encodeControl, type CaptureConfig, type ControlRecord } from "../../shared/control.ts";
import { CONTROL_CONNECTION, CONTROL_STREAM } from "../../shared/raw.ts";
import type { RawLogWriter } from "../rawlog/types.ts";
import { unpackDrafts } from "./draft-batch.ts";
import { LatencyMeter } from "./latency-meter.ts";
import { faultOf } from "./thread.ts";
import type { CollectorToRecorder, RecorderLatency, RecorderNote, RecorderToCollector, WrittenMark } from "./thread-messages.ts";

export interface RecorderOptions {
  readonly writer: RawLogWriter;
  readonly clock: Clock;
  readonly sha256: Sha256;
  readonly config: CaptureConfig;
  readonly timers: Timers;
  /** The monotonic clock that all threads share. */
  machineMs(): number;
  say(note: RecorderNote | RecorderLatency): void;
}

/** A commit comes every 10 ms. Readers woken less often do the same work in fewer passes, but a screen would be later by as much. */
const NOTE_EVERY_MS = 8;
const LATENCY_EVERY_MS = 1_000;

/** Batches wait in a chain of promises; credit bounds how many bytes that can be. */
export class RecorderLoop {
  readonly #options: RecorderOptions;
  readonly #ports: MessagePort[] = [];
  #work: Promise<void> = Promise.resolve();
  #halted: Fault | undefined;
  #cancelNote: (() => void) | undefined;
  readonly #latency = new LatencyMeter();
  /** Since the last note; the note's distance bounds them. */
  #written: WrittenMark[] = [];
  #saidSeq = 0;
  #cancelLatency: (() => void) | undefined;

  constructor(options: RecorderOptions) {
    this.#options = options;
    options.writer.onPositions(({ written }) => {
      this.#measure(written);
      this.#note();
    });
    this.#sayLatencyLater();
    this.control({ kind: "config", config: options.config, digest: configDigest(options.config, options.sha256) });
  }

  /** A collector's own port. Each batch is answered with credit once it is appended, or all of them with `halted`. */
  attach(port: MessagePort): void {
    this.#ports.push(port);
    if (this.#halted !== undefined) port.postMessage({ type: "halted", fault: this.#halted } satisfies RecorderToCollector);
    port.on("message", (message: CollectorToRecorder) => {
      this.#work = this.#work.then(() => this.#take(port, message));
    });
  }

  /** Appends a control record of Tapedeck itself, in order with everything queued. */
  control(record: ControlRecord): void {
    this.#work = this.#work.then(async () => {
      if (this.#halted !== undefined) return;
      try {
        const { writer, clock } = this.#options;
        if (!writer.hasRoom) await writer.room();
        writer.append({
          stream: CONTROL_STREAM, source: "control", connection: CONTROL_CONNECTION, recvNs: clock.wallNs(), eventNs: 0n, payload: encodeControl(record),
        });
      } catch (error) {
        this.#halt(error);
      }
    });
  }

  async #take(port: MessagePort, { batch, bytes, mark }: CollectorToRecorder): Promise<void> {
    if (this.#halted !== undefined) return;
    try {
      const { writer } = this.#options;
      const nowMs = this.#options.machineMs();
      for (const draft of unpackDrafts(batch)) {
        if (!writer.hasRoom) await writer.room();
        this.#latency.appended(draft, writer.append(draft).seq, mark, nowMs);
      }
      port.postMessage({ type: "credit", bytes } satisfies RecorderToCollector);
    } catch (error) {
      this.#halt(error);
    }
  }

  /** Fail closed: nothing more is accepted, the collectors stop reading, what is durable stays. */
  #halt(error: unknown): void {
    const { writer } = this.#options;
    this.#halted = writer.halted ?? faultOf(error);
    for (const port of this.#ports) port.postMessage({ type: "halted", fault: this.#halted } satisfies RecorderToCollector);
    this.#say();
  }

  #measure(written: number): void {
    if (written <= (this.#written.at(-1)?.seq ?? this.#saidSeq)) return;
    const atMs = this.#options.machineMs();
    this.#latency.written(written, atMs);
    this.#written.push({ seq: written, atMs });
  }

  #sayLatencyLater(): void {
    const { timers, machineMs } = this.#options;
    this.#cancelLatency = timers.after(LATENCY_EVERY_MS, () => {
      this.#options.say({ type: "latency", report: this.#latency.report(machineMs()) });
      this.#sayLatencyLater();
    });
  }

  #note(): void {
    const { writer } = this.#options;
    if (writer.halted !== undefined && this.#halted === undefined) {
      this.#halt(new FaultError(writer.halted));
      return;
    }
    this.#cancelNote ??= this.#options.timers.after(NOTE_EVERY_MS, () => {
      this.#say();
    });
  }

  #say(): void {
    this.#cancelNote?.();
    this.#cancelNote = undefined;
    const { positions } = this.#options.writer;
    const written = this.#written;
    this.#written = [];
    this.#saidSeq = written.at(-1)?.seq ?? this.#saidSeq;
    this.#options.say({ type: "positions", positions, halted: this.#halted, written });
  }

  /** Takes what is queued, seals the log and says the last positions. */
  async close(reason: string): Promise<void> {
    await this.#work;
    this.#cancelNote?.();
    this.#cancelLatency?.();
    for (const port of this.#ports) port.close();
    const { writer } = this.#options;
    try {
      await writer.close(reason);
    } finally {
      this.#say();
    }
  }
}
