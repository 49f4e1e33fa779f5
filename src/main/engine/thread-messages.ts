// What the engine's threads say to each other: one union per direction, nothing else crosses.
import type { MessagePort } from "node:worker_threads";
import type { Fault } from "../../shared/base.ts";
import type { CaptureConfig } from "../../shared/control.ts";
import type { VenueId } from "../../shared/market.ts";
import type { PlayerCommand } from "../../shared/protocol/commands.ts";
import type { BarReport, EngineFrame, RawPage, RecomputeReport } from "../../shared/protocol/frames.ts";
import type { BarKey, FormingBar } from "../../shared/candles.ts";
import type { Interval } from "../../shared/time.ts";
import type { ImportFormat } from "../importers/foreign.ts";
import type { BackfillRange, Endpoints, Subscription } from "../venues/adapter.ts";
import type { CollectorStatus, ResumePoint, SharedLimits } from "../venues/collector.ts";
import type { ClockFault, LocalFault } from "../faults/local-faults.ts";
import type { DraftBatch } from "./draft-batch.ts";
import type { ClockMark, LatencyReport } from "./latency-meter.ts";
import type { LogPositions } from "../rawlog/types.ts";
import type { FoldStanding } from "../canonical/types.ts";

// ── collector → recorder, over a MessagePort of their own ────────────────────
/** `mark`: by which the receive times of the batch are placed on the clock that all threads share. */
export type CollectorToRecorder = { readonly type: "batch"; readonly batch: DraftBatch; readonly bytes: number; readonly mark: ClockMark };
export type RecorderToCollector =
  /** So many bytes have been appended: the collector may send as many again. */
  | { readonly type: "credit"; readonly bytes: number }
  /** The recorder halted: stop reading the sockets. */
  | { readonly type: "halted"; readonly fault: Fault };

// ── recorder ─────────────────────────────────────────────────────────────────
export interface RecorderData {
  readonly captureFolder: string;
  readonly captureId: string;
  readonly commitEveryMs: number;
  readonly config: CaptureConfig;
  readonly version: string;
}
export type RecorderCall =
  | { readonly type: "open" }
  | { readonly type: "attach"; readonly port: MessagePort }
  | { readonly type: "reopen"; readonly streamId: string; readonly reason: string }
  /** Of the fault lab. */
  | { readonly type: "fault"; readonly fault: LocalFault }
  | { readonly type: "close"; readonly reason: string };
/** Answer to the recorder's `open`. */
export interface RecorderOpened {
  readonly positions: LogPositions;
  readonly lastIds: Readonly<Record<string, ResumePoint>>;
}
export interface RecorderNote {
  readonly type: "positions";
  readonly positions: LogPositions;
  readonly halted: Fault | undefined;
  /** What was written since the note before, oldest first, and when (machineMs). */
  readonly written: readonly WrittenMark[];
}
export interface WrittenMark {
  readonly seq: number;
  readonly atMs: number;
}
/** Once a second. */
export interface RecorderLatency {
  readonly type: "latency";
  readonly report: LatencyReport;
}

// ── collector ────────────────────────────────────────────────────────────────
export interface CollectorData {
  readonly venue: VenueId;
  readonly subscriptions: readonly Subscription[];
  readonly endpoints: Endpoints;
  readonly legs: 1 | 2;
  /** Memory that collectors of one exchange share. */
  readonly limits: SharedLimits;
}
/** What is known once the log is open: the thread loads while the log is being opened. */
export interface CollectorStart {
  readonly type: "start";
  readonly port: MessagePort;
  /** Prefix of connection names, unique per run within the capture. */
  readonly name: string;
  /** Where each stream of trades ends in the log, so that the downtime is backfilled. */
  readonly resumeFrom: Readonly<Record<string, ResumePoint>>;
}
export type CollectorCall = CollectorStart | { readonly type: "close" };
export type CollectorNoteIn =
  /** What earlier runs left missing. */
  | { readonly type: "backfill"; readonly ranges: readonly BackfillRange[] }
  /** Of the fault lab. */
  | { readonly type: "fault"; readonly fault: ClockFault };
export interface CollectorNote extends CollectorStatus {
  readonly type: "status";
}

// ── deriver ──────────────────────────────────────────────────────────────────
export interface DeriverData {
  readonly captureFolder: string;
}
export type DeriverCall =
  /** `startSeq`: where the log ended when this run began; the gaps that are open there are reported once. */
  | { readonly type: "open"; readonly startSeq: number }
  | { readonly type: "close" };
export type DeriverNoteIn =
  | { readonly type: "durable"; readonly seq: number }
  /** While watched, every pass is reported, with the bars that are open. */
  | { readonly type: "watch"; readonly on: boolean };
/** Answer to the deriver's `close`: what the whole capture holds. */
export interface DerivedSummary {
  readonly quarantined: number;
  readonly unhandled: number;
  readonly gaps: number;
}
/** Gaps that no collector has seen: those that earlier runs left to be backfilled, and those that only a venue's candle shows. Oldest first. */
export interface InheritedGaps {
  readonly type: "inherited_gaps";
  readonly ranges: readonly BackfillRange[];
}
export interface DeriverNote {
  readonly type: "derived";
  readonly position: number;
  readonly gapsOpen: number;
  readonly folds: readonly FoldStanding[];
  /** Nothing more is derived in this run; the log goes on. */
  readonly failed: boolean;
  readonly problems: readonly Fault[];
  /** Open bars that changed since the note before; empty unless watched. */
  readonly forming: readonly FormingBar[];
}

// ── player ───────────────────────────────────────────────────────────────────
export interface PlayerView {
  readonly venue: VenueId;
  readonly symbol: string;
  readonly interval: Interval;
  readonly bars: number;
  readonly untilOpenMs: number | undefined;
}
export type PlayerCall =
  | { readonly type: "open"; readonly captureFolder: string; readonly captureId: string; readonly growing: boolean; readonly writtenSeq: number; readonly view: PlayerView }
  | { readonly type: "view"; readonly view: PlayerView }
  | { readonly type: "command"; readonly command: PlayerCommand }
  | { readonly type: "inspect"; readonly key: BarKey; readonly revision: number | undefined }
  | { readonly type: "recompute"; readonly key: BarKey }
  | { readonly type: "raw"; readonly fromSeq: number; readonly limit: number; readonly streamId: string | undefined }
  /** The parts of a frame that changed since the last take. */
  | { readonly type: "take" }
  | { readonly type: "close" };
export type PlayerNoteIn = { readonly type: "written"; readonly seq: number } | { readonly type: "ended" };
export type PlayerNote = { readonly type: "dirty" };
export type PlayerFrame = Pick<EngineFrame, "epoch" | "player" | "view" | "quote" | "newestRecvMs"> & {
  /** While following: everything of the log up to here is in this frame or was in an earlier one. Not for the screen. */
  readonly shownSeq?: number;
};
export type PlayerAnswer = void | PlayerFrame | BarReport | RecomputeReport | RawPage;

// ── jobs ─────────────────────────────────────────────────────────────────────
export interface ImportJob {
  readonly kind: "import";
  readonly dataFolder: string;
  readonly captureId: string;
  readonly format: ImportFormat;
  readonly venue: VenueId;
  readonly fold: "trade" | "aggTrade" | undefined;
  readonly files: readonly string[];
}
export interface VerifyJob {
  readonly kind: "verify";
  readonly captureFolder: string;
}
/** Compacted before, where Parquet is wanted: that is no thread's work. */
export interface ExportJob {
  readonly kind: "export";
  readonly captureId: string;
  readonly captureFolder: string;
  /** A full path, `s3://bucket/prefix`, or a file that ends with `.mcap`. */
  readonly to: string;
  /** Last seq that the compacted files cover; undefined for an MCAP. */
  readonly compactedSeq: number | undefined;
}
export type JobData = ImportJob | VerifyJob | ExportJob;
export type JobCall = { readonly type: "run" } | { readonly type: "cancel" };
export interface JobNote {
  readonly type: "progress";
  readonly done: number;
  readonly total: number | undefined;
  readonly unit: string;
}
export interface JobResult {
  readonly summary: string;
  readonly captureId: string | undefined;
  readonly proof: "MATCH" | "MISMATCH" | "OTHER_VERSION" | undefined;
}

// ── simulator ────────────────────────────────────────────────────────────────
export interface SimulatorData {
  readonly seed: number;
  /** Exchange time at which this market began; the thread plays the time since then again. */
  readonly startMs: number;
  readonly symbols: readonly string[];
  readonly messagesPerSecond: number | undefined;
}
export type SimulatorCall =
  | { readonly type: "open" }
  | { readonly type: "fault"; readonly name: string; readonly amount: number | undefined }
  | { readonly type: "close" };
