// Consumers can demand input without a gap: the answer from the ledger, yes or a typed refusal that names every interval.
import type { Fault } from "../../shared/base.ts";
import type { GapCause, GapEntry, GapState } from "../../shared/candles.ts";
import { instrumentId, type Instrument } from "../../shared/market.ts";
import { formatUtcMs } from "../../shared/time.ts";
import type { Deriver } from "./deriver.ts";
import { readLedgerEntries } from "./read.ts";

/**
 * What must be whole. A gap counts when it touches the range by each clock that is given: a gap of a downtime long past does not concern a range
 * that was received after it. Members left out do not restrict.
 */
export interface GapFreeScope {
  /** The ledger is about the streams that make candles; a fault of a connection shows there for all streams of the instrument. */
  readonly instruments?: readonly Instrument[] | undefined;
  /** Event time, epoch ms, half-open. */
  readonly fromMs?: number | undefined;
  readonly untilMs?: number | undefined;
  /** Receive time, ns, half-open. */
  readonly fromRecvNs?: bigint | undefined;
  readonly untilRecvNs?: bigint | undefined;
}

export interface GapInterval {
  readonly gapId: string;
  readonly streamId: string;
  /** Exchange times around it; `toMs` undefined: it has not ended. */
  readonly fromMs: number;
  readonly toMs: number | undefined;
  /** Receive times around it, ns as decimal text; undefined where no event is known there. */
  readonly fromRecvNs: string | undefined;
  readonly toRecvNs: string | undefined;
  readonly fromId: number | undefined;
  readonly toId: number | undefined;
  readonly missing: number | undefined;
  readonly cause: GapCause;
  /** Anything but `repaired`. */
  readonly state: GapState;
}

export interface GapRefusal {
  readonly ok: false;
  /** `gaps.not-free` */
  readonly fault: Fault;
  /** By stream, then by time. Never empty. */
  readonly intervals: readonly GapInterval[];
}
export type GapFree = { readonly ok: true } | GapRefusal;

export const NOT_GAP_FREE = "gaps.not-free";

/** Entries in their latest state (`readLedgerEntries`). What was backfilled whole is no gap any more; what was in part, still is one. */
export function gapFree(entries: readonly GapEntry[], scope: GapFreeScope): GapFree {
  const wanted = scope.instruments?.map((instrument) => `${instrumentId(instrument)}:`);
  const intervals = entries
    .filter((gap) => gap.state !== "repaired" && (wanted?.some((prefix) => gap.streamId.startsWith(prefix)) ?? true) && touches(gap, scope))
    .map(intervalOf)
    .sort((a, b) => (a.streamId < b.streamId ? -1 : a.streamId > b.streamId ? 1 : a.fromMs - b.fromMs));
  if (intervals.length === 0) return { ok: true };
  const streams = new Set(intervals.map(({ streamId }) => streamId)).size;
  const message = `refused, not gap-free: ${count(intervals.length, "interval")} of ${count(streams, "stream")} ${intervals.length === 1 ? "is" : "are"} not whole`;
  return { ok: false, fault: { code: NOT_GAP_FREE, message, details: { intervals: intervals.length, streams } }, intervals };
}

/** The same for a capture's derived ledger. */
export async function gapFreeIn(derived: Deriver, scope: GapFreeScope): Promise<GapFree> {
  return gapFree((await readLedgerEntries(derived)).gaps, scope);
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}

/** What is missing may lie at either edge's very time. */
function touches(gap: GapEntry, scope: GapFreeScope): boolean {
  const { fromMs, untilMs, fromRecvNs, untilRecvNs } = scope;
  if (fromMs !== undefined && gap.toMs !== undefined && gap.toMs < fromMs) return false;
  if (untilMs !== undefined && gap.fromMs >= untilMs) return false;
  // By the receive clock the two ends may be in either order: ids can come late.
  const ends = [gap.fromRecvNs, gap.toRecvNs].flatMap((text) => (text === undefined ? [] : [BigInt(text)]));
  if (fromRecvNs !== undefined && gap.toRecvNs !== undefined && ends.every((end) => end < fromRecvNs)) return false;
  return !(untilRecvNs !== undefined && gap.fromRecvNs !== undefined && ends.every((end) => end >= untilRecvNs));
}

function intervalOf(gap: GapEntry): GapInterval {
  const { gapId, streamId, fromMs, toMs, fromId, toId, missing, cause, state, fromRecvNs, toRecvNs } = gap;
  return { gapId, streamId, fromMs, toMs, fromRecvNs, toRecvNs, fromId, toId, missing, cause, state };
}

/** One line for people per interval. */
export function intervalLine(interval: GapInterval): string {
  const { streamId, fromMs, toMs, fromId, toId, missing, cause, state } = interval;
  const ids = fromId === undefined || toId === undefined ? "" : `, ids ${fromId}…${toId}`;
  const lost = missing === undefined ? "" : ` (${missing} missing)`;
  return `${streamId}  ${formatUtcMs(fromMs)}…${toMs === undefined ? "still open" : formatUtcMs(toMs)}${ids}${lost}  ${cause}  ${state}`;
}

/** The refusal as the command line says it with `--json`: names as in `gaps --json`. */
export function refusalObject(refusal: GapRefusal): Record<string, unknown> {
  const intervals = refusal.intervals.map((one) => ({
    gap_id: one.gapId, stream_id: one.streamId, from_ts_ms: one.fromMs, to_ts_ms: one.toMs ?? null, from_recv_ns: one.fromRecvNs ?? null,
    to_recv_ns: one.toRecvNs ?? null, from_id: one.fromId ?? null, to_id: one.toId ?? null, missing: one.missing ?? null, cause: one.cause, state: one.state,
  }));
  return { refused: refusal.fault.code, message: refusal.fault.message, intervals };
}
