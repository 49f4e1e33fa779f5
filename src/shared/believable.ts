// Which trade times are possible at all. Recorder and candles agree on it: what candles leave out is what the recorder asks for. Pure.

/** Ahead of the venue's clock: any time zone mistake of a receive clock fits in. */
const AHEAD_MAX_MS = 24 * 3_600_000;
const BEHIND_MAX_MS = 10 * 365 * 24 * 3_600_000;

/** `venueMs`: the venue's time when it came, as far as we know it (epoch ms). */
export function isBelievable(eventMs: number, venueMs: number): boolean {
  return eventMs <= venueMs + AHEAD_MAX_MS && eventMs >= venueMs - BEHIND_MAX_MS;
}
