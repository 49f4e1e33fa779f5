// A door that somebody waits at: opened from outside, passed at once while open.
import type { StopSignal } from "../../../shared/base.ts";

export class Latch {
  #isOpen = false;
  #waiting: (() => void)[] = [];

  open(): void {
    this.#isOpen = true;
    for (const pass of this.#waiting.splice(0)) pass();
  }

  close(): void {
    this.#isOpen = false;
  }

  /** Resolves once it is open, or told to stop. */
  passed(stop: StopSignal): Promise<void> {
    if (this.#isOpen || stop.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const pass = (): void => {
        stop.removeEventListener("abort", pass);
        resolve();
      };
      stop.addEventListener("abort", pass);
      this.#waiting.push(pass);
    });
  }
}
