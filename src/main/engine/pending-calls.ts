// Calls that wait for their answers from the other side of a channel: a thread's or a child process's.
import { FaultError, type Fault } from "../../shared/base.ts";

export type Answer =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly id: number; readonly ok: false; readonly fault: Fault };

export class PendingCalls {
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  #nextId = 1;

  /** `send` says the call with the id that its answer will carry. Rejects with the fault of the answer, or of `fail`. */
  add<T>(send: (id: number) => void): Promise<T> {
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve: (value) => { resolve(value as T); }, reject });
      send(id);
    });
  }

  settle(answer: Answer): void {
    const waiter = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (answer.ok) waiter?.resolve(answer.value);
    else waiter?.reject(new FaultError(answer.fault));
  }

  /** The other side is gone: nothing will be answered any more. */
  fail(gone: Fault): void {
    for (const waiter of this.#waiting.values()) waiter.reject(new FaultError(gone));
    this.#waiting.clear();
  }
}
