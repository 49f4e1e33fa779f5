// One signal for everything that must end together. An AbortController warns at its eleventh listener; many polls may wait here.
import type { StopSignal } from "../../shared/base.ts";

export class StopSource {
  readonly #listeners = new Set<() => void>();
  #aborted = false;
  readonly signal: StopSignal;

  constructor() {
    const isAborted = (): boolean => this.#aborted;
    this.signal = {
      get aborted() {
        return isAborted();
      },
      addEventListener: (_type, listener) => {
        this.#listeners.add(listener);
      },
      removeEventListener: (_type, listener) => {
        this.#listeners.delete(listener);
      },
    };
  }

  stop(): void {
    if (this.#aborted) return;
    this.#aborted = true;
    for (const listener of [...this.#listeners]) listener();
    this.#listeners.clear();
  }
}
