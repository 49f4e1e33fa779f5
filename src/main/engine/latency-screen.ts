// Written to the log → painted, as one screen does it: from the commit that wrote what a frame shows to the screen's word that it has
// painted that frame, on the machine's monotonic clock. Only while the screen follows the recording.
import type { LatencyPercentiles } from "../../shared/protocol/health.ts";
import type { LatencyCounter } from "../metrics/latency-totals.ts";
import { SlidingHistogram } from "../metrics/sliding-histogram.ts";
import type { WrittenMark } from "./thread-messages.ts";

/** Commits that may wait for their paint: ten seconds of them. A screen slower than that is told the truth by the oldest. */
const WAITING_MAX = 1_024;

export class ScreenLatency {
  readonly #total: LatencyCounter;
  readonly #histogram = new SlidingHistogram();
  #waiting: WrittenMark[] = [];
  #shownSeq: number | undefined;

  /** `total`: where all screens are counted together. */
  constructor(total: LatencyCounter) {
    this.#total = total;
  }

  written(marks: readonly WrittenMark[]): void {
    // What is written while a replay is shown is not waited for.
    if (this.#shownSeq === undefined) return;
    for (const mark of marks) {
      const last = this.#waiting.at(-1);
      if (this.#waiting.length < WAITING_MAX) this.#waiting.push(mark);
      else if (last !== undefined) this.#waiting[WAITING_MAX - 1] = { seq: mark.seq, atMs: last.atMs };
    }
  }

  /** The frame that is made now shows everything up to this seq; undefined: the screen does not follow. */
  taken(shownSeq: number | undefined): void {
    if (shownSeq === undefined) this.#waiting = [];
    this.#shownSeq = shownSeq;
  }

  /** The last frame was painted. */
  painted(nowMs: number): void {
    const shown = this.#shownSeq;
    if (shown === undefined) return;
    const pending = this.#waiting.findIndex(({ seq }) => seq > shown);
    for (const { atMs } of this.#waiting.splice(0, pending === -1 ? this.#waiting.length : pending)) {
      this.#histogram.record(nowMs - atMs, nowMs);
      this.#total.record(nowMs - atMs);
    }
  }

  percentiles(nowMs: number): LatencyPercentiles | undefined {
    return this.#histogram.percentiles(nowMs);
  }
}
