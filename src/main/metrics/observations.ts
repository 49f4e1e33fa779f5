// What metrics and health are made of: plain numbers that whoever serves hands in when somebody asks. Nothing is kept here.
import type { ServerStatus } from "../bridge/server/types.ts";

export interface Observations {
  readonly version: string;
  readonly uptimeMs: number;
  /** Undefined while the process that serves is being started again. */
  readonly bridge: ServerStatus | undefined;
  /** `restarting`: between two processes. `gone`: given up. */
  readonly serving: "serving" | "restarting" | "gone";
  /** Undefined when nothing is recorded (replay, CSV). */
  readonly recording: RecordingObservation | undefined;
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
  /** What stopped the recorder; undefined while it runs. */
  readonly halted: string | undefined;
  /** Of each venue: its state in the words of the status bar. */
  readonly sources: readonly { readonly venue: string; readonly state: string; readonly detail: string }[];
}
