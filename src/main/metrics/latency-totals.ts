// Latencies since the start, as Prometheus counts them: how many were at most so long. Pure.

/** Upper bounds in milliseconds; what is beyond is only in the count. Negative values (two clocks) are under every bound. */
export const LATENCY_BOUNDS_MS = [0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 60_000] as const;

export interface LatencyTotals {
  /** Per bound, how many were at most that and more than the bound before. */
  readonly counts: readonly number[];
  readonly count: number;
  readonly sumMs: number;
}

/** Since the start, of all streams of one channel of a venue: few enough for labels. */
export interface ChannelLatency {
  readonly venue: string;
  readonly channel: string;
  readonly exchangeToHere: LatencyTotals;
  readonly hereToLog: LatencyTotals;
}

export class LatencyCounter {
  readonly #counts = new Float64Array(LATENCY_BOUNDS_MS.length);
  #count = 0;
  #sumMs = 0;

  record(ms: number): void {
    let low = 0;
    let high: number = LATENCY_BOUNDS_MS.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ms <= (LATENCY_BOUNDS_MS[middle] ?? Number.POSITIVE_INFINITY)) high = middle;
      else low = middle + 1;
    }
    if (low < LATENCY_BOUNDS_MS.length) this.#counts[low] = (this.#counts[low] ?? 0) + 1;
    this.#count += 1;
    this.#sumMs += ms;
  }

  get totals(): LatencyTotals {
    return { counts: [...this.#counts], count: this.#count, sumMs: this.#sumMs };
  }
}
