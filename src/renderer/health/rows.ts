// Owns which rows the health table has: a venue, then its streams, sorted within the venue; worst first unless a person says otherwise. Pure.
import type { StreamState } from "../../shared/protocol/frames.ts";
import type { HealthReport, StreamHealth, VenueHealth } from "../../shared/protocol/health.ts";
import { compareKeys, sorted, type Sort, type SortKey } from "../grid/sort.ts";

export type HealthRow =
  | { readonly kind: "venue"; readonly venue: VenueHealth; readonly streams: number }
  | { readonly kind: "stream"; readonly stream: StreamHealth };

/** Worst first. */
const SEVERITY: readonly StreamState[] = ["failed_closed", "rejected", "dead_symbol", "down", "stale", "gap", "connecting", "acknowledged", "live"];

export function severityOf(stream: Pick<StreamHealth, "state" | "gapsUnresolved" | "conflicts">): number {
  const isStained = stream.gapsUnresolved > 0 || stream.conflicts > 0;
  return SEVERITY.indexOf(stream.state) * 2 + (isStained ? 0 : 1);
}

export const SORT_KEYS: Readonly<Record<string, (stream: StreamHealth) => SortKey>> = {
  stream: ({ symbol, channel }) => `${symbol}/${channel}`,
  state: severityOf,
  frame: ({ lastFrameMs }) => (lastFrameMs === undefined ? undefined : -lastFrameMs),
  rate: ({ rate }) => rate,
  arrival: ({ exchangeToHere }) => exchangeToHere?.p99,
  write: ({ hereToLog }) => hereToLog?.p99,
  duplicates: ({ duplicates }) => duplicates,
  conflicts: ({ conflicts }) => conflicts,
  open: ({ gapsOpen }) => gapsOpen,
  unresolved: ({ gapsUnresolved }) => gapsUnresolved,
  watermark: ({ watermarkAgeMs }) => watermarkAgeMs,
};

/** Of the first click on a column: names and severity from the top, numbers from the largest. */
export function firstDirection(column: string): 1 | -1 {
  return column === "stream" || column === "state" ? 1 : -1;
}

function ordered(streams: readonly StreamHealth[], sort: Sort | undefined): readonly StreamHealth[] {
  const byName = sorted(streams, 1, SORT_KEYS["stream"] ?? ((): SortKey => undefined));
  if (sort === undefined) return sorted(byName, 1, severityOf, compareKeys);
  const keyOf = SORT_KEYS[sort.column];
  return keyOf === undefined ? byName : sorted(byName, sort.direction, keyOf);
}

/** Venues in the order of the report; streams of a venue that the report does not name come last, under no heading. */
export function healthRows(report: HealthReport | undefined, sort: Sort | undefined): readonly HealthRow[] {
  if (report === undefined) return [];
  const rows: HealthRow[] = [];
  for (const venue of report.venues) {
    const own = report.streams.filter((stream) => stream.venue === venue.venue);
    rows.push({ kind: "venue", venue, streams: own.length });
    for (const stream of ordered(own, sort)) rows.push({ kind: "stream", stream });
  }
  const named = new Set(report.venues.map(({ venue }) => venue));
  for (const stream of ordered(report.streams.filter(({ venue }) => !named.has(venue)), sort)) rows.push({ kind: "stream", stream });
  return rows;
}

export function rowId(row: HealthRow): string {
  return row.kind === "venue" ? `venue:${row.venue.venue}` : row.stream.streamId;
}
