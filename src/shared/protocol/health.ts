// How the recording is doing, stream by stream, as the health panel, /metrics and /health say it. Pure types.
import type { StreamState } from "./frames.ts";
import type { VenueId } from "../market.ts";

export type HealthColour = "GREEN" | "AMBER" | "RED";

/** Over the last minute. Milliseconds; may be negative between two clocks. */
export interface LatencyPercentiles {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

export interface StreamHealth {
  readonly streamId: string;
  readonly venue: VenueId;
  readonly symbol: string;
  readonly channel: string;
  readonly state: StreamState;
  readonly detail: string;
  readonly lastFrameMs: number | undefined;
  readonly messages: number;
  /** Messages per second, over the last 2 s. */
  readonly rate: number;
  /** Exchange time → received here: over two clocks, so it may be negative. Undefined: nothing measured. */
  readonly exchangeToHere: LatencyPercentiles | undefined;
  /** Received here → written to the log. */
  readonly hereToLog: LatencyPercentiles | undefined;
  readonly duplicates: number;
  /** Same id, other contents. */
  readonly conflicts: number;
  readonly gapsOpen: number;
  readonly gapsUnresolved: number;
  /** Event time up to which the canonicalizer has sealed, and how old that is by the venue's clock; fold streams only. */
  readonly watermarkMs: number | undefined;
  readonly watermarkAgeMs: number | undefined;
  /** The venue renamed the symbol: what to record instead. */
  readonly renamedTo: string | undefined;
}

/** One connection of a pair that says the same (A/B): what it alone would have missed. */
export interface LegHealth {
  readonly leg: "A" | "B";
  readonly connection: string;
  readonly open: boolean;
  readonly messages: number;
  /** Messages that only the other leg brought. */
  readonly missed: number;
}

export interface VenueHealth {
  readonly venue: VenueId;
  readonly state: string;
  readonly detail: string;
  readonly weightUsed: number | undefined;
  readonly weightLimit: number | undefined;
  /** REST is stopped for so long; undefined: it is not. */
  readonly banLeftMs: number | undefined;
  readonly offsetMs: number | undefined;
  readonly offsetErrorMs: number | undefined;
  readonly legs: readonly LegHealth[];
  /** Gaps that are being or wait to be backfilled, and how many were since the start. */
  readonly backfill: { readonly waiting: number; readonly done: number; readonly unresolved: number };
}

export interface DiskHealth {
  readonly freeBytes: number | undefined;
  /** What the recording took in the last hour (less, scaled, while it is younger). Undefined in its first minute. */
  readonly bytesPerHour: number | undefined;
  readonly hoursToFull: number | undefined;
  /** `low` warns; `full` has stopped the recording, cleanly; replay goes on. */
  readonly state: "ok" | "low" | "full";
}

export interface HealthReport {
  readonly status: HealthColour;
  /** Worst first; empty when GREEN. */
  readonly reasons: readonly { readonly colour: "AMBER" | "RED"; readonly text: string }[];
  readonly streams: readonly StreamHealth[];
  readonly venues: readonly VenueHealth[];
  readonly disk: DiskHealth;
  /** Written to the log → painted on the screen that asks. */
  readonly logToScreen: LatencyPercentiles | undefined;
}
