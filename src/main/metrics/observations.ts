// What metrics and health are made of: plain numbers that whoever is asked hands in when somebody asks. Nothing is kept here.
import type { HealthReport } from "../../shared/protocol/health.ts";
import type { ServerStatus } from "../bridge/server/types.ts";
import type { ChannelLatency, LatencyTotals } from "./latency-totals.ts";

export interface Observations {
  readonly version: string;
  readonly uptimeMs: number;
  /** Undefined where nothing is served over the bridge. */
  readonly serving: ServingObservation | undefined;
  /** Undefined when nothing is recorded (replay, CSV, stopped). */
  readonly recording: RecordingObservation | undefined;
  /** Of the recording and its disk; undefined where none could be. */
  readonly health: HealthReport | undefined;
  readonly latencies: LatencyObservation;
}

export interface ServingObservation {
  /** `restarting`: between two processes. `gone`: given up. */
  readonly state: "serving" | "restarting" | "gone";
  /** Undefined while the process that serves is being started again. */
  readonly bridge: ServerStatus | undefined;
}

export interface RecordingObservation {
  readonly captureId: string;
  /** Messages of this run that are appended, and that are durable. */
  readonly messages: number;
  readonly durableMessages: number;
  readonly durableSeq: number;
  /** Candles reach this seq. */
  readonly derivedSeq: number;
  readonly gapsOpen: number;
  /** The recorder has stopped for good. */
  readonly halted: boolean;
}

/** Since the start. */
export interface LatencyObservation {
  readonly channels: readonly ChannelLatency[];
  /** Of all screens; undefined where there are none. */
  readonly logToScreen: LatencyTotals | undefined;
}

export const NO_LATENCIES: LatencyObservation = { channels: [], logToScreen: undefined };
