// How long each connection was known to be alive, by the venue's own clock: event times of any message, and clock ticks. Pure.
import type { RawRecord } from "../../shared/raw.ts";
import { msFromNs } from "../../shared/time.ts";

/** A venue time further ahead of the corrected receive time than this is no sign of life at that time. */
const LIFE_AHEAD_MAX_MS = 60_000;
/** Up to here beyond the last one, a time is taken without asking the receive clock (which costs a bigint). */
const STEP_MS = 1_000;

/** Measured distance to a venue's clock, from the last clock tick; zero before the first. */
export interface VenueClock {
  offsetNs: bigint;
}

/** Receive time corrected by the measured offset, epoch ms. */
export function correctedMs(recvNs: bigint, clock: VenueClock): number {
  return msFromNs(recvNs + clock.offsetNs);
}

export class Coverage {
  /** Later of event and receive time of the first message: a late first message says nothing about the time before it came. */
  fromMs = Number.POSITIVE_INFINITY;
  untilMs = Number.NEGATIVE_INFINITY;
  /** Raw seq of its last message, whatever that was. */
  lastSeq = 0;

  note(eventMs: number, record: RawRecord, clock: VenueClock): void {
    if (eventMs <= this.untilMs) return;
    if (eventMs - this.untilMs > STEP_MS) {
      const receivedMs = correctedMs(record.recvNs, clock);
      if (eventMs > receivedMs + LIFE_AHEAD_MAX_MS) return;
      if (this.fromMs === Number.POSITIVE_INFINITY) this.fromMs = Math.max(eventMs, receivedMs);
    }
    this.untilMs = eventMs;
  }

  extend(ms: number): void {
    if (this.fromMs !== Number.POSITIVE_INFINITY && ms > this.untilMs) this.untilMs = ms;
  }

  clone(): Coverage {
    const copy = new Coverage();
    copy.fromMs = this.fromMs;
    copy.untilMs = this.untilMs;
    copy.lastSeq = this.lastSeq;
    return copy;
  }
}
