// The collector's way to the recorder thread: batches over a MessagePort, bounded by credit in bytes.
import type { MessagePort } from "node:worker_threads";
import { FaultError, type Fault } from "../../shared/base.ts";
import type { RawDraft } from "../../shared/raw.ts";
import type { CollectorSink } from "../venues/outbox.ts";
import { packDrafts } from "./draft-batch.ts";
import type { ClockMark } from "./latency-meter.ts";
import type { CollectorToRecorder, RecorderToCollector } from "./thread-messages.ts";

/** Bytes on their way to the recorder: about a second of a very busy venue. Beyond it the collector stops reading. */
export const CREDIT_BYTES = 8 * 1_024 * 1_024;

export class RecorderSink implements CollectorSink {
  readonly #port: MessagePort;
  readonly #mark: () => ClockMark;
  #outstanding = 0;
  #halted: Fault | undefined;
  #waiting: { readonly promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } | undefined;

  /** `mark`: now, on the clock of the receive times and on the machine's. */
  constructor(port: MessagePort, mark: () => ClockMark) {
    this.#port = port;
    this.#mark = mark;
    port.on("message", (message: RecorderToCollector) => {
      this.#receive(message);
    });
  }

  append(drafts: readonly RawDraft[]): Promise<void> | undefined {
    if (this.#halted !== undefined) return Promise.reject(new FaultError(this.#halted));
    const batch = packDrafts(drafts);
    const bytes = batch.bytes.byteLength;
    this.#outstanding += bytes;
    this.#port.postMessage({ type: "batch", batch, bytes, mark: this.#mark() } satisfies CollectorToRecorder, [batch.bytes]);
    return this.#outstanding < CREDIT_BYTES ? undefined : this.#room();
  }

  #room(): Promise<void> {
    if (this.#waiting === undefined) {
      const { promise, resolve, reject } = deferred();
      this.#waiting = { promise, resolve, reject };
    }
    return this.#waiting.promise;
  }

  #receive(message: RecorderToCollector): void {
    if (message.type === "halted") {
      this.#halted = message.fault;
      this.#waiting?.reject(new FaultError(message.fault));
      this.#waiting = undefined;
      return;
    }
    this.#outstanding -= message.bytes;
    if (this.#outstanding >= CREDIT_BYTES) return;
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }

  /** Waits until the recorder has appended everything, then closes the port. At once when it halted. */
  async close(): Promise<void> {
    if (this.#outstanding > 0 && this.#halted === undefined) {
      const { promise, resolve } = deferred();
      const onMessage = (): void => {
        if (this.#outstanding === 0 || this.#halted !== undefined) resolve();
      };
      // Behind the listener of the constructor: it has counted by then.
      this.#port.on("message", onMessage);
      this.#port.once("close", resolve);
      await promise;
      this.#port.off("message", onMessage);
    }
    this.#port.close();
  }
}

function deferred(): { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } {
  let settle: { resolve: () => void; reject: (error: Error) => void } | undefined;
  const promise = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, resolve: () => settle?.resolve(), reject: (error) => settle?.reject(error) };
}
