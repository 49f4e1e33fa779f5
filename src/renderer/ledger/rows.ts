// Owns which entries of the gap ledger are shown, in which order, and how each reads in a cell. Pure.
import type { GapEntry, GapState } from "../../shared/candles.ts";
import { count } from "../format/numbers.ts";
import { utcTime } from "../format/times.ts";
import { sorted, type Sort, type SortKey } from "../grid/sort.ts";
import { UNKNOWN } from "../health/words.ts";
import type { ViewState } from "../store/view.ts";
import { gradeOfBucket, intervalMsOf } from "../timeline/layout.ts";

export interface LedgerFilter {
  readonly state: GapState | "";
  readonly cause: GapEntry["cause"] | "";
  readonly streamId: string;
}

export const NO_FILTER: LedgerFilter = { state: "", cause: "", streamId: "" };

/** What still needs something first. */
export const STATE_ORDER: readonly GapState[] = ["open", "backfilling", "GAP_UNRESOLVED", "partly_repaired", "repaired"];

export const LEDGER_KEYS: Readonly<Record<string, (gap: GapEntry) => SortKey>> = {
  from: ({ fromMs }) => fromMs,
  span: ({ fromMs, toMs }) => (toMs === undefined ? Infinity : toMs - fromMs),
  stream: ({ streamId }) => streamId,
  cause: ({ cause }) => cause,
  state: ({ state }) => STATE_ORDER.indexOf(state),
  ids: ({ fromId, toId }) => (fromId === undefined || toId === undefined ? undefined : toId - fromId + 1),
  missing: ({ missing }) => missing,
  attempts: ({ attempts }) => attempts,
  told: ({ atSeq }) => atSeq,
};

/** Newest first unless a person sorts. */
export function ledgerRows(gaps: readonly GapEntry[], filter: LedgerFilter, sort: Sort | undefined): readonly GapEntry[] {
  const chosen = gaps.filter((gap) => (filter.state === "" || gap.state === filter.state) && (filter.cause === "" || gap.cause === filter.cause) && (filter.streamId === "" || gap.streamId === filter.streamId));
  const newest = sorted(chosen, -1, (gap) => gap.fromMs);
  const keyOf = sort === undefined ? undefined : LEDGER_KEYS[sort.column];
  return sort === undefined || keyOf === undefined ? newest : sorted(newest, sort.direction, keyOf);
}

export function idsText({ fromId, toId }: Pick<GapEntry, "fromId" | "toId">): string {
  if (fromId === undefined || toId === undefined) return UNKNOWN;
  return fromId === toId ? String(fromId) : `${fromId}…${toId}`;
}

export function missingText({ missing, fromId, toId }: Pick<GapEntry, "missing" | "fromId" | "toId">): string {
  if (missing === undefined) return UNKNOWN;
  const all = fromId === undefined || toId === undefined ? undefined : toId - fromId + 1;
  return all === undefined || all === missing ? count(missing) : `${count(missing)} of ${count(all)}`;
}

/** Receive times of the last message before and the first after, as far as they are known. */
export function receivedText({ fromRecvNs, toRecvNs }: Pick<GapEntry, "fromRecvNs" | "toRecvNs">): string {
  if (fromRecvNs === undefined && toRecvNs === undefined) return UNKNOWN;
  const text = (ns: string | undefined, otherwise: string): string => (ns === undefined ? otherwise : utcTime(msOf(ns)));
  return `${text(fromRecvNs, UNKNOWN)} – ${text(toRecvNs, "…")}`;
}

function msOf(ns: string): number {
  return Number(BigInt(ns) / 1_000n) / 1_000;
}

/** More buckets than this are not counted one by one. */
const BUCKETS_MAX = 500;

/** What the gap does to the grades of the buckets that it touches, as they are now; a dash where none of them is loaded or graded. */
export function effectText(view: ViewState, gap: Pick<GapEntry, "fromMs" | "toMs">): string {
  const intervalMs = intervalMsOf(view);
  if (intervalMs === undefined || gap.toMs === undefined || (gap.toMs - gap.fromMs) / intervalMs > BUCKETS_MAX) return UNKNOWN;
  const counts = new Map<string, number>();
  for (let openMs = Math.floor(gap.fromMs / intervalMs) * intervalMs; openMs <= gap.toMs; openMs += intervalMs) {
    const grade = gradeOfBucket(view, openMs);
    if (grade !== undefined) counts.set(grade, (counts.get(grade) ?? 0) + 1);
  }
  return counts.size === 0 ? UNKNOWN : [...counts].map(([grade, buckets]) => `${buckets} ${grade.replaceAll("_", " ")}`).join(", ");
}

/** Values of one member among the entries, for a filter's choices. */
export function choicesOf<K extends "state" | "cause" | "streamId">(gaps: readonly GapEntry[], member: K): readonly GapEntry[K][] {
  return [...new Set(gaps.map((gap) => gap[member]))].sort();
}
