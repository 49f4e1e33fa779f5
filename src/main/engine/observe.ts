// What /metrics and /health are told of a recording: the same for serve, record and the shells.
import type { HealthReport } from "../../shared/protocol/health.ts";
import type { LatencyTotals } from "../metrics/latency-totals.ts";
import type { Observations } from "../metrics/observations.ts";
import type { LiveSource } from "./live-source.ts";

export interface Observed {
  readonly live: LiveSource | undefined;
  readonly health: HealthReport | undefined;
  /** Of all screens; undefined where there are none. */
  readonly logToScreen?: LatencyTotals;
}

export function observe({ live, health, logToScreen }: Observed): Pick<Observations, "recording" | "health" | "latencies"> {
  return { recording: live === undefined ? undefined : recordingOf(live), health, latencies: { channels: live?.vitals.channels ?? [], logToScreen } };
}

function recordingOf({ captureId, messages, positions, derivedSeq, gapsOpen, halted }: LiveSource): NonNullable<Observations["recording"]> {
  return {
    captureId, messages, durableMessages: Math.max(0, messages - (positions.appended - positions.durable)), durableSeq: positions.durable, derivedSeq, gapsOpen,
    halted: halted !== undefined,
  };
}
