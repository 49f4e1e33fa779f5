// Made by build/codegen.mjs from schemas/market_data.fbs (flatc 2.0.8): do not edit, run `npm run codegen`.
export enum RefusalCode {
  NONE = 0,

  /**
   * The stream is not served here.
   */
  UNKNOWN_STREAM = 1,

  /**
   * from_sequence lies before first_sequence: those entries are no longer kept.
   */
  RETENTION_EXCEEDED = 2,

  /**
   * The request named another history_id than the one that is served.
   */
  OTHER_HISTORY = 3,
  VERSION_UNSUPPORTED = 4,
  MALFORMED = 5,

  /**
   * Too many requests, or too many clients: ask again after retry_after_ms.
   */
  BUSY = 6,
  INTERNAL = 7,

  /**
   * from_sequence lies beyond latest_sequence: the asker remembers more than there is.
   */
  BEYOND_LATEST = 8
}
