// ORDERING_CONTRACT of contract 001, verbatim. Pure.
export const ORDERING_COLUMNS = Object.freeze(["ts_event", "seq"] as const);
export const SQL_ORDER_CLAUSE = "ORDER BY ts_event ASC, seq ASC";
export const ORDERING_VERSION = 1;

export interface OrderKey {
  readonly tsEventNs: bigint;
  readonly seq: bigint;
}

/** Event order: by exchange time, then by seq. Never 0 for two different events of one dataset. */
export function compareOrder(a: OrderKey, b: OrderKey): number {
  if (a.tsEventNs !== b.tsEventNs) return a.tsEventNs < b.tsEventNs ? -1 : 1;
  return a.seq < b.seq ? -1 : a.seq > b.seq ? 1 : 0;
}
