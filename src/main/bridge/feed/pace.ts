// When something told again is due: by the times at which it was received, or by count per second.
import type { Clock, StopSignal, Timers } from "../../../shared/base.ts";
import type { RawRecord } from "../../../shared/raw.ts";

/** Longest single wait (ms): the wall clock of a long replay is looked at again by then. */
const WAIT_MAX_MS = 60_000;

/** Resolves after the delay, at most WAIT_MAX_MS (ask again), or when told to stop. */
export function pause(timers: Timers, delayMs: number, stop: StopSignal): Promise<void> {
  if (stop.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      stop.removeEventListener("abort", end);
      resolve();
    };
    const cancel = timers.after(Math.min(delayMs, WAIT_MAX_MS), end);
    stop.addEventListener("abort", end);
  });
}

/** Known time (running maximum of receive time) runs at `speed` times real time from the first record that is asked for. 0 = no pace. */
export class KnownTimePace {
  readonly #speed: number;
  #knownNs = 0n;
  #origin: { readonly ns: bigint; readonly ms: number } | undefined;

  constructor(speed: number) {
    this.#speed = speed;
  }

  get knownNs(): bigint {
    return this.#knownNs;
  }

  /** Every record, in order, those not waited for included. */
  see(record: RawRecord): void {
    if (record.recvNs > this.#knownNs) this.#knownNs = record.recvNs;
  }

  /** Ms until the record seen last is due; 0 or less: now. */
  leftMs(clock: Clock): number {
    if (this.#speed === 0) return 0;
    const nowMs = clock.monotonicMs();
    this.#origin ??= { ns: this.#knownNs, ms: nowMs };
    return this.#origin.ms + Number(this.#knownNs - this.#origin.ns) / 1e6 / this.#speed - nowMs;
  }
}

/** So many per second from the first one that is asked for. 0 = no pace. */
export class CountPace {
  readonly #perSecond: number;
  #count = 0;
  #originMs: number | undefined;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** Ms until the next one is due; 0 or less: now. */
  leftMs(clock: Clock): number {
    if (this.#perSecond === 0) return 0;
    const nowMs = clock.monotonicMs();
    this.#originMs ??= nowMs;
    return this.#originMs + (this.#count * 1_000) / this.#perSecond - nowMs;
  }

  count(): void {
    this.#count += 1;
  }
}
