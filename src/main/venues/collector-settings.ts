// The collector's patience and limits, in one place. Venue-specific limits are in the venue's adapter.

export interface CollectorSettings {
  /** 2: every connection twice, both recorded, so that what one of them loses the other has (A/B). */
  readonly legs: 1 | 2;
  /** A trade is remembered for one to two of these, or until so many came: to know duplicates, conflicts and each leg's losses. */
  readonly ledgerMs: number;
  readonly ledgerTrades: number;
  /** A leg that brought nothing of a stream for this long, while the other did, is tried on a fresh connection. */
  readonly legSilentMs: number;
  /** Drafts are handed over after this long, or when this many wait: a hand-over costs more than a message. */
  readonly batchMs: number;
  readonly batchDrafts: number;
  /** Bytes taken in while the recorder gives no credit. Sockets are paused at once, so only what was in flight comes; beyond this they are closed. */
  readonly backlogBytesMax: number;
  readonly tickMs: number;
  /** After a ping of ours, something must come within this time. */
  readonly pongMs: number;
  /** A connection attempt that has not opened by then is given up. */
  readonly openMs: number;
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  /** A connection that lived this long and brought data was a good one: the next backoff starts small again. */
  readonly stableMs: number;
  /** Rotation: both sockets run this long side by side once the new one is live. */
  readonly overlapMs: number;
  /** Rotation: a new socket that is not live by then is given up, or taken if it has brought data at all. */
  readonly rotationReadyMs: number;
  /** A stale stream on a living connection is tried on a fresh one after this long, then ever less often. */
  readonly staleRetryMinMs: number;
  readonly staleRetryMaxMs: number;
  /** An id that is missing this long is a gap: until then it may still come, over the other socket of a rotation. */
  readonly reorderMs: number;
  /** A leap of ids beyond this is believed only when the next message confirms it. */
  readonly idLeapMax: number;
  readonly httpMs: number;
  readonly backfillAttempts: number;
  readonly backfillRetryMs: number;
  readonly backfillPagesMax: number;
  /** How often the venue's clock is measured, with how many requests. */
  readonly offsetEveryMs: number;
  readonly offsetSamples: number;
  /** Trades that are silent this long while the best price moved at least so often are stale. */
  readonly tradesSilentMs: number;
  readonly quoteMovesMin: number;
  /** Wall clock against monotonic clock: beyond this the host slept or its clock was set. */
  readonly clockJumpMs: number;
}

export const COLLECTOR_DEFAULTS: CollectorSettings = Object.freeze({
  legs: 1,
  ledgerMs: 10_000,
  ledgerTrades: 16_384,
  legSilentMs: 15_000,
  pongMs: 10_000,
  batchMs: 5,
  batchDrafts: 512,
  backlogBytesMax: 64 * 1024 * 1024,
  tickMs: 1_000,
  openMs: 15_000,
  backoffMinMs: 250,
  backoffMaxMs: 30_000,
  stableMs: 10_000,
  overlapMs: 2_000,
  rotationReadyMs: 60_000,
  staleRetryMinMs: 60_000,
  staleRetryMaxMs: 3_600_000,
  reorderMs: 1_500,
  idLeapMax: 1_000_000,
  httpMs: 10_000,
  backfillAttempts: 4,
  backfillRetryMs: 2_000,
  backfillPagesMax: 2_000,
  offsetEveryMs: 60_000,
  offsetSamples: 5,
  tradesSilentMs: 15_000,
  quoteMovesMin: 5,
  clockJumpMs: 2_000,
});
