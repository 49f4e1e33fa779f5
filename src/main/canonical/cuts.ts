// At which logged points a UTC day's artifacts may be cut: once it is over and quiet, again after revisions, and at the end. Pure.
import type { Instrument } from "../../shared/market.ts";
import { INTERVAL_MS, utcDate } from "../../shared/time.ts";
import type { Surroundings } from "./emit.ts";

const DAY_MS = INTERVAL_MS["1d"];

export class Cuts {
  /** Start of each day with bars since its last cut, and the seal clock at which it is due. */
  readonly due = new Map<number, number>();

  /** A bar version of this day came to be. */
  note(openMs: number, sealClockMs: number, latenessMs: number): void {
    const day = Math.floor(openMs / DAY_MS) * DAY_MS;
    if (this.due.has(day)) return;
    // End of day + lateness seals its last bucket; lateness once more lets the first stragglers in.
    this.due.set(day, Math.max(day + DAY_MS + 2 * latenessMs, sealClockMs + latenessMs));
  }

  nextMs(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const dueMs of this.due.values()) if (dueMs < next) next = dueMs;
    return next;
  }

  /** Says every cut that is due; at the end of input all of them. */
  cut(sealClockMs: number, around: Surroundings, instrument: Instrument, atSeq: number): void {
    const days = [...this.due].filter(([, dueMs]) => dueMs <= sealClockMs).map(([day]) => day).sort((a, b) => a - b);
    for (const day of days) {
      this.due.delete(day);
      around.emit({ kind: "cut", instrument, date: utcDate(day), atSeq });
    }
  }

  clone(): Cuts {
    const copy = new Cuts();
    for (const [day, dueMs] of this.due) copy.due.set(day, dueMs);
    return copy;
  }
}
