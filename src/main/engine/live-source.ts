// A running recording, as the engine and the commands need it: what it says of itself, and what can be asked of it.
import type { Fault } from "../../shared/base.ts";
import type { SourceStatus, StreamStatus } from "../../shared/protocol/frames.ts";
import type { LogPositions } from "../rawlog/types.ts";
import type { SharedSource } from "./derived-watch.ts";
import type { FaultLab } from "./fault-lab.ts";
import type { RecordingVitals } from "./health-vitals.ts";
import type { WrittenMark } from "./thread-messages.ts";

export interface LiveSource extends SharedSource {
  readonly halted: Fault | undefined;
  /** Gaps that are not repaired, as of `derivedSeq`. */
  readonly gapsOpen: number;
  readonly derivedSeq: number;
  readonly sources: readonly SourceStatus[];
  readonly streams: readonly StreamStatus[];
  /** What its threads last said of their health. */
  readonly vitals: RecordingVitals;
  /** Why no Parquet is written beside the recording; undefined while it is, or is not wanted. */
  readonly lakeFault: Fault | undefined;
  reopen(streamId: string, reason: string): Promise<void>;
  readonly faults: FaultLab;
  close(reason: string): Promise<void>;
  /** What the whole capture holds; once closed. */
  summary(): Promise<LiveSummary>;
}

export interface LiveSummary {
  readonly bytes: number;
  /** Undefined when deriving failed: then nobody knows. */
  readonly quarantined: number | undefined;
  readonly unhandled: number | undefined;
  readonly gaps: number | undefined;
}

export interface LiveListener {
  onPositions(positions: LogPositions, written: readonly WrittenMark[]): void;
  onStatus(): void;
  onProblem(problem: Fault): void;
}
