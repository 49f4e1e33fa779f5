// How far the venue's clock is from ours, with its error: the answer that came back fastest bounds it best.
import type { Clock, Result, Timers } from "../../shared/base.ts";
import { nsFromMs } from "../../shared/time.ts";

export interface ClockOffset {
  /** Venue time minus our wall time. */
  readonly offsetNs: bigint;
  readonly errorNs: bigint;
}

/** Two clocks drift apart between measurements: 50 parts per million is a bad quartz. */
const DRIFT_NS_PER_MS = 50;

export interface OffsetSample {
  readonly sentNs: bigint;
  readonly receivedNs: bigint;
  readonly serverMs: number;
}

/** One exchange: the venue read its clock somewhere between sending and receiving, and cut it to a millisecond. */
export function offsetOf(sample: OffsetSample): ClockOffset {
  const tripNs = sample.receivedNs - sample.sentNs;
  const middleNs = sample.sentNs + tripNs / 2n;
  return { offsetNs: nsFromMs(sample.serverMs) + 500_000n - middleNs, errorNs: tripNs / 2n + 500_000n };
}

export interface OffsetMeterOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly samples: number;
  readonly everyMs: number;
  /** One server-time request: epoch ms. */
  readonly ask: () => Promise<Result<number>>;
}

const BETWEEN_SAMPLES_MS = 100;
/** After a failed measurement the next one comes sooner. */
const RETRY_MS = 5_000;

export class OffsetMeter {
  readonly #options: OffsetMeterOptions;
  #best: { readonly offset: ClockOffset; readonly atMs: number } | undefined;
  #cancel: (() => void) | undefined;
  #generation = 0;
  #stopped = false;

  constructor(options: OffsetMeterOptions) {
    this.#options = options;
  }

  /** The last measurement with what drift may have added since; undefined before the first and after `invalidate`. */
  get offset(): ClockOffset | undefined {
    if (this.#best === undefined) return undefined;
    const ageMs = Math.max(0, this.#options.clock.monotonicMs() - this.#best.atMs);
    const { offsetNs, errorNs } = this.#best.offset;
    return { offsetNs, errorNs: errorNs + BigInt(Math.round(ageMs * DRIFT_NS_PER_MS)) };
  }

  /** Measures now and from then on at its pace. */
  start(): void {
    this.#generation += 1;
    this.#cancel?.();
    this.#cancel = undefined;
    void this.#measure(this.#generation);
  }

  /** Our clock jumped: what was measured is void. */
  invalidate(): void {
    this.#best = undefined;
    if (!this.#stopped) this.start();
  }

  stop(): void {
    this.#stopped = true;
    this.#generation += 1;
    this.#cancel?.();
  }

  async #measure(generation: number): Promise<void> {
    const { clock, ask, samples, everyMs, timers } = this.#options;
    let best: ClockOffset | undefined;
    for (let count = 0; count < samples; count += 1) {
      const sentNs = clock.wallNs();
      const answer = await ask();
      if (generation !== this.#generation) return;
      const receivedNs = clock.wallNs();
      if (answer.ok && receivedNs >= sentNs) {
        const offset = offsetOf({ sentNs, receivedNs, serverMs: answer.value });
        if (best === undefined || offset.errorNs < best.errorNs) best = offset;
      }
      await new Promise<void>((resolve) => {
        this.#cancel = timers.after(BETWEEN_SAMPLES_MS, resolve);
      });
      if (generation !== this.#generation) return;
    }
    if (best !== undefined) this.#best = { offset: best, atMs: clock.monotonicMs() };
    this.#cancel = timers.after(best === undefined ? RETRY_MS : everyMs, () => {
      void this.#measure(generation);
    });
  }
}
