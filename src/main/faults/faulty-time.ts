// Time as a NodeClock takes it, with the faults of the lab: a wall clock that steps, a machine that sleeps.
import type { TimeSources } from "../net/node-clock.ts";
import type { ClockFault } from "./local-faults.ts";

const NS_PER_MS = 1_000_000n;

export interface FaultyTimeOptions {
  readonly sources?: TimeSources;
  /** Stops this thread for so long. Default: really. */
  readonly block?: (ms: number) => void;
}

function blockThread(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

export class FaultyTime implements TimeSources {
  readonly #sources: TimeSources;
  readonly #block: (ms: number) => void;
  #steppedMs = 0;
  #sleptNs = 0n;

  constructor(options: FaultyTimeOptions = {}) {
    this.#sources = options.sources ?? { monotonicNs: () => process.hrtime.bigint(), systemMs: () => Date.now() };
    this.#block = options.block ?? blockThread;
  }

  readonly monotonicNs = (): bigint => this.#sources.monotonicNs() - this.#sleptNs;
  readonly systemMs = (): number => this.#sources.systemMs() + this.#steppedMs;

  /** Returns after the sleep: until then nothing of this thread runs, as on a suspended machine. */
  apply(fault: ClockFault): void {
    if (fault.name === "clock-step") {
      this.#steppedMs += fault.ms;
      return;
    }
    const before = this.#sources.monotonicNs();
    this.#block(fault.ms);
    this.#sleptNs += this.#sources.monotonicNs() - before;
  }

  get steppedMs(): number {
    return this.#steppedMs;
  }
  get sleptMs(): number {
    return Number(this.#sleptNs / NS_PER_MS);
  }
}
