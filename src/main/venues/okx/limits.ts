// How much of one message is read, and which times are believed. Pure.

/** Payloads above this are refused unread: the largest real message (a 400-level book) is about 40 KiB. */
export const PAYLOAD_BYTES_MAX = 10 * 1024 * 1024;
/** Times outside of this are no epoch milliseconds (seconds, microseconds, garbage). Finer judgement is the canonicalizer's. */
export const TIME_FROM_MS = 1_262_304_000_000; // 2010-01-01
export const TIME_UNTIL_MS = 4_102_444_800_000; // 2100-01-01
