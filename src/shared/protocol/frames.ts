// Frames of the engine⇄screen protocol: what the screen is told, and the answers to commands. Pure.
// A frame is one ArrayBuffer: JSON header + numeric columns (codec.ts). One frame is in flight at a time; the engine merges the rest.
import type { Fault } from "../base.ts";
import type { BarConfirmation, GapEntry, Grade, LaneEvent, ProvenanceRun, RevisionReason, SealReason, ShownBarKey, ValueDiff } from "../candles.ts";
import type { SourceId, VenueId } from "../market.ts";
import type { Interval } from "../time.ts";
import type { CommandInput, CommandName } from "./commands.ts";
import type { HealthReport } from "./health.ts";
import type { QueryResult, QueryTable } from "./query.ts";
import type { FaultInfo } from "../faults.ts";

export const PROTOCOL_VERSION = 1;

/** Live, replay and simulated must be unmistakable: both flags colour the whole screen. */
export interface Mode {
  readonly simulated: boolean;
  /** True unless the player is `following` the capture that is being recorded, or the remote says that it is live. */
  readonly replay: boolean;
  /** Name of the remote source whose candles are shown; undefined for a capture of this machine. */
  readonly remote?: string;
}

/** What the chart shows: a capture of this machine, or the candles of a remote (which has no raw log here: no player, no deck). */
export type ShownTape =
  | { readonly kind: "capture"; readonly captureId: string }
  | { readonly kind: "remote"; readonly remoteId: string; readonly name: string };

export type PlayerMode = "opening" | "paused" | "playing" | "seeking" | "following" | "failed";

export interface PlayerView {
  readonly captureId: string;
  readonly mode: PlayerMode;
  /** 0 = as fast as possible. */
  readonly speed: number;
  /** Where the cursor stands: after this event. seq 0 = before everything. */
  readonly point: {
    readonly seq: number;
    readonly position: number;
    /** Known time: running maximum of receive time, epoch ms with fraction. */
    readonly knownMs: number;
    readonly eventMs: number | undefined;
    readonly streamId: string | undefined;
    /** Cursor v1, undefined before the first event. */
    readonly cursor: string | undefined;
  };
  readonly range: { readonly fromMs: number; readonly toMs: number; readonly fromSeq: number; readonly toSeq: number };
  /** The tape is indexed up to here; seeking beyond waits and says so. */
  readonly indexedSeq: number;
  /** True while the capture grows. */
  readonly growing: boolean;
  /** Digest of the canonical state at the cursor, present while paused. */
  readonly digest: string | undefined;
  readonly fault: Fault | undefined;
}

/** Bit flags of the `flags` column. */
export const BAR_FORMING = 1;
export const BAR_REVISED = 2;
export const BAR_BACKFILLED = 4;
/** A number of this bar does not fit the columns exactly: draw it, but take its text from `bar.inspect`. */
export const BAR_INEXACT = 8;
export const GRADE_UNKNOWN = 255;

/** Bars in columns, ascending by openMs. Prices and volumes are exact mantissas at the given scales. */
export interface BarColumns {
  readonly length: number;
  readonly priceScale: number;
  readonly volumeScale: number;
  readonly quoteScale: number;
  readonly openMs: Float64Array;
  readonly open: Float64Array;
  readonly high: Float64Array;
  readonly low: Float64Array;
  readonly close: Float64Array;
  readonly volume: Float64Array;
  readonly quoteVolume: Float64Array;
  readonly takerBuyVolume: Float64Array;
  readonly tradeCount: Float64Array;
  readonly revision: Uint16Array;
  /** Index into GRADES, GRADE_UNKNOWN when not graded yet. */
  readonly grade: Uint8Array;
  readonly flags: Uint8Array;
  /** Raw seq at which this version came to be. */
  readonly atSeq: Float64Array;
}

export interface RevisionMark {
  readonly openMs: number;
  readonly revision: number;
  readonly reason: RevisionReason | SealReason;
  readonly atSeq: number;
}

export interface ViewUpdate {
  /** `reset` replaces everything of the view; `changes` applies on top (bars by openMs, gaps by gapId). */
  readonly kind: "reset" | "changes";
  readonly venue: SourceId;
  readonly symbol: string;
  readonly interval: Interval;
  readonly bars: BarColumns;
  /** Buckets without trades, graded, as half-open ranges. */
  readonly empty: readonly { readonly fromOpenMs: number; readonly untilOpenMs: number; readonly grade: Grade }[];
  readonly gaps: readonly GapEntry[];
  readonly revisions: readonly RevisionMark[];
  readonly events: readonly LaneEvent[];
  /** Open of the oldest bar of the series before the window, undefined when the window holds the first. */
  readonly moreBefore: boolean;
}

/** Last known values at the cursor, exact text. Undefined = unknown (never drawn as 0). */
export interface Quote {
  readonly lastPrice?: string;
  readonly lastSide?: 1 | -1;
  readonly bidPrice?: string;
  readonly bidQty?: string;
  readonly askPrice?: string;
  readonly askQty?: string;
  readonly markPrice?: string;
  readonly indexPrice?: string;
  readonly fundingRate?: string;
  readonly nextFundingMs?: number;
  readonly openInterest?: string;
}

export type StreamState = "connecting" | "acknowledged" | "live" | "stale" | "gap" | "failed_closed" | "dead_symbol" | "rejected" | "down";

export interface StreamStatus {
  readonly streamId: string;
  readonly venue: VenueId;
  readonly symbol: string;
  readonly channel: string;
  readonly state: StreamState;
  readonly detail: string;
  readonly lastFrameMs: number | undefined;
  /** Messages in all and per second (over the last 2 s). */
  readonly messages: number;
  readonly rate: number;
  readonly duplicates: number;
  readonly gapsOpen: number;
  /** Receive minus exchange time of the last message, ms; negative when our clock runs behind. */
  readonly latencyMs: number | undefined;
}

export interface SourceStatus {
  readonly venue: VenueId;
  readonly simulated: boolean;
  readonly state: "off" | "connecting" | "live" | "degraded" | "down" | "banned";
  readonly detail: string;
  readonly offsetMs: number | undefined;
  readonly offsetErrorMs: number | undefined;
  readonly weightUsed: number | undefined;
  readonly weightLimit: number | undefined;
}

export interface RecordingStatus {
  readonly captureId: string | undefined;
  readonly state: "off" | "starting" | "recording" | "stopping" | "halted";
  readonly fault: Fault | undefined;
  readonly appended: number;
  readonly written: number;
  readonly durable: number;
  readonly messagesPerSecond: number;
  readonly bytesPerEvent: number | undefined;
  readonly commitEveryMs: number;
  readonly diskFreeBytes: number | undefined;
  readonly gapsOpen: number;
}

export interface CaptureSummary {
  readonly captureId: string;
  readonly venues: readonly string[];
  readonly symbols: readonly string[];
  readonly streams: number;
  readonly fromMs: number | undefined;
  readonly toMs: number | undefined;
  readonly events: number;
  readonly bytes: number;
  /** Of sealed segments: what a message takes on disk in the end. Undefined before the first is sealed. */
  readonly bytesPerEvent: number | undefined;
  /** `damaged` captures open as far as they can be read; `newer` ones were written by a later version and do not open. */
  readonly state: "recording" | "complete" | "importing" | "crashed" | "damaged" | "newer";
  readonly simulated: boolean;
  /** Result of the last verification of this session. */
  readonly proof: "MATCH" | "MISMATCH" | "OTHER_VERSION" | undefined;
  /** Instruments that have candles, for the symbol picker. */
  readonly instruments: readonly { readonly venue: VenueId; readonly symbol: string }[];
  /** Retention never takes a pinned capture. */
  readonly pinned: boolean;
  /** All of it has been exported and verified, when last (ms); undefined: not, or not since it grew. */
  readonly exportedMs: number | undefined;
}

/** What retention would remove now under the given limits, oldest first, and what it must keep and why. */
export interface RetentionPreview {
  readonly removes: readonly { readonly captureId: string; readonly bytes: number; readonly why: string }[];
  readonly keeps: readonly { readonly captureId: string; readonly bytes: number; readonly why: "recording" | "in use" | "pinned" | "not exported" | "unreadable" | "within limits" }[];
  readonly bytes: number;
}

export interface JobStatus {
  readonly jobId: string;
  readonly kind: "import" | "verify" | "export" | "compact" | "backfill";
  readonly title: string;
  readonly state: "running" | "done" | "failed" | "cancelled";
  readonly doneUnits: number;
  readonly totalUnits: number | undefined;
  readonly unit: string;
  readonly unitsPerSecond: number | undefined;
  readonly secondsLeft: number | undefined;
  /** One sentence; for `verify` MATCH or the first difference. */
  readonly summary: string;
  readonly fault: Fault | undefined;
  readonly captureId: string | undefined;
}

// ── Bridge ───────────────────────────────────────────────────────────────────

/** `warming`: backfilling up to the live edge. `stale`: neither frame nor heartbeat in time. `resyncing`: starting anew, with a reason. */
export type RemoteState = "off" | "connecting" | "connected" | "warming" | "live" | "stale" | "reconnecting" | "resyncing" | "refused";

export interface RemoteSeriesStatus {
  readonly venue: SourceId;
  readonly symbol: string;
  readonly interval: Interval;
  readonly state: RemoteState;
  readonly detail: string;
  readonly appliedSequence: number;
  readonly latestSequence: number;
  /** Receiving minus publishing of the last frame, ms, over two clocks. */
  readonly lagMs: number | undefined;
  readonly lastFrameMs: number | undefined;
  readonly duplicates: number;
  readonly gapsSeen: number;
  readonly backfilled: number;
  /** Why everything was last taken anew: resyncing itself may pass between two frames. */
  readonly lastResync: string | undefined;
  /** Sequences that can no longer be had. */
  readonly holes: readonly { readonly fromSequence: number; readonly toSequence: number; readonly fromMs: number | undefined; readonly toMs: number | undefined; readonly why: string }[];
}

export interface RemoteStatus {
  readonly remoteId: string;
  readonly name: string;
  readonly rpc: string;
  readonly pub: string | undefined;
  readonly serverKey: string | undefined;
  /** Of the connection; each series has its own. */
  readonly state: RemoteState;
  readonly detail: string;
  readonly serverVersion: string | undefined;
  readonly mode: "live" | "replay" | "simulated" | undefined;
  readonly historyId: string | undefined;
  /** Connections tried since the last one that held; 0 while connected. */
  readonly attempts: number;
  readonly malformed: number;
  /** Watched series. */
  readonly series: readonly RemoteSeriesStatus[];
  /** What the server offers, for the picker. */
  readonly offered: readonly { readonly venue: SourceId; readonly symbol: string; readonly interval: Interval }[];
}

export interface ShareStatus {
  readonly state: "off" | "starting" | "serving" | "failed";
  readonly fault: Fault | undefined;
  readonly pub: string | undefined;
  readonly rpc: string | undefined;
  /** CURVE is on: clients need a trusted key. */
  readonly secured: boolean;
  readonly historyId: string | undefined;
  readonly clients: readonly { readonly id: string; readonly behind: number; readonly requests: number; readonly refused: number; readonly resyncsAdvised: number }[];
  readonly streams: readonly {
    readonly venue: SourceId; readonly symbol: string; readonly interval: Interval;
    readonly latestSequence: number; readonly rate: number; readonly conflated: number; readonly lagMs: number | undefined;
  }[];
  readonly malformed: number;
  readonly oversized: number;
  readonly backfillBytes: number;
}

export interface RemoteProbe {
  readonly serverVersion: string;
  readonly mode: "live" | "replay" | "simulated";
  readonly roundTripMs: number;
  readonly clockOffsetMs: number;
  readonly streams: number;
  readonly symbols: readonly string[];
}

export interface KeyRing {
  /** This Tapedeck's public key: what others must trust to let it in, or to know it by. */
  readonly publicKey: string;
  readonly trusted: readonly { readonly name: string; readonly publicKey: string; readonly addedMs: number }[];
  readonly storedIn: "system" | "file";
}

export interface EngineFrame {
  readonly frame: number;
  /** Bumped on every discontinuity (seek, other tape, other view). Anything of an older epoch is dropped. */
  readonly epoch: number;
  readonly mode: Mode;
  /** Absent members have not changed since the frame before. */
  readonly tape?: ShownTape;
  readonly player?: PlayerView;
  readonly view?: ViewUpdate;
  readonly quote?: Quote;
  readonly streams?: readonly StreamStatus[];
  readonly sources?: readonly SourceStatus[];
  readonly recording?: RecordingStatus;
  readonly captures?: readonly CaptureSummary[];
  readonly jobs?: readonly JobStatus[];
  readonly remotes?: readonly RemoteStatus[];
  readonly share?: ShareStatus;
  /** At most once a second. Undefined members of it are unknown, never 0. */
  readonly health?: HealthReport;
  /** Trouble that needs a hand; shown as toasts. */
  readonly problems?: readonly Fault[];
  /** When the newest raw message in this frame was received and when the frame was made (ms), for the lag display. */
  readonly newestRecvMs?: number;
  readonly madeMs?: number;
}

// ── Answers ──────────────────────────────────────────────────────────────────

export interface Hello {
  readonly protocol: number;
  readonly version: string;
  readonly shell: "electron" | "browser";
  readonly dataFolder: string;
  /** What a first run says once: that the source is simulated and what to do next. */
  readonly simulated: boolean;
  /** What a screen that remembers nothing shows first. */
  readonly firstSeries: { readonly venue: SourceId; readonly symbol: string; readonly interval: Interval };
  readonly settings: Readonly<Record<string, unknown>>;
}

export interface RawMessage {
  readonly seq: number;
  readonly ingestSeq: number;
  readonly streamId: string;
  readonly source: string;
  readonly connection: string;
  readonly recvNs: string;
  readonly eventNs: string | undefined;
  readonly bytes: number;
  /** UTF-8 text of the payload when it is text, else undefined. At most 64 KiB; `truncated` says so. */
  readonly text: string | undefined;
  readonly base64: string | undefined;
  readonly truncated: boolean;
  readonly sha256: string;
}
export interface RawPage {
  readonly messages: readonly RawMessage[];
  readonly nextSeq: number | undefined;
}

export interface BarReport {
  readonly key: ShownBarKey;
  /** Every version up to the cursor, oldest first; values as exact text. */
  readonly versions: readonly {
    readonly revision: number;
    readonly reason: string;
    readonly digest: string;
    readonly atSeq: number;
    readonly values: Readonly<Record<string, string>>;
    readonly diff: readonly ValueDiff[];
  }[];
  /** Set while the bar is still open. */
  readonly forming: Readonly<Record<string, string>> | undefined;
  readonly grade: Grade | undefined;
  readonly gradeWhy: string;
  readonly gradeHistory: readonly { readonly grade: Grade; readonly why: string; readonly atSeq: number }[];
  readonly provenance: readonly ProvenanceRun[];
  readonly excluded: { readonly count: number; readonly seqs: readonly number[] };
  /** Where its trades came from: messages and trades by source and connection. */
  readonly sources: readonly { readonly source: string; readonly connection: string; readonly messages: number; readonly trades: number; readonly volume: string }[];
  readonly gaps: readonly GapEntry[];
  /** What the venue's own candle says of the latest version; absent when nothing was said of it. */
  readonly confirmation?: Omit<BarConfirmation, "key">;
}

export interface RecomputeReport {
  readonly match: boolean;
  readonly expected: string;
  readonly actual: string;
  readonly messages: number;
  readonly elapsedMs: number;
  readonly diff: readonly ValueDiff[];
}

export interface FileListing {
  readonly folder: string;
  readonly parent: string | undefined;
  readonly entries: readonly { readonly name: string; readonly path: string; readonly folder: boolean; readonly bytes: number }[];
}

export interface CommandOutputs {
  "hello": Hello;
  "view.set": void;
  "tape.open": void;
  "player": void;
  "bar.inspect": BarReport;
  "bar.recompute": RecomputeReport;
  "raw.read": RawPage;
  "captures.list": readonly CaptureSummary[];
  "import.start": { readonly jobId: string };
  "verify.start": { readonly jobId: string };
  "job.cancel": void;
  "job.dismiss": void;
  "record.start": void;
  "record.stop": void;
  "fault.list": readonly FaultInfo[];
  "fault.inject": { readonly applied: string };
  "compact.start": { readonly jobId: string };
  "export.start": { readonly jobId: string };
  "query.tables": readonly QueryTable[];
  "query.run": QueryResult;
  "query.cancel": void;
  "capture.pin": void;
  "retention.preview": RetentionPreview;
  "record.symbol": void;
  "stream.reopen": void;
  "files.list": FileListing;
  "remote.save": void;
  "remote.forget": void;
  "remote.test": RemoteProbe;
  "remote.open": void;
  "remote.disconnect": void;
  "remote.resync": void;
  "share.start": { readonly pub: string; readonly rpc: string };
  "share.stop": void;
  "keys.list": KeyRing;
  "keys.trust": void;
  "keys.revoke": void;
  "settings.get": Readonly<Record<string, unknown>>;
  "settings.set": void;
}
export type CommandOutput<N extends CommandName> = CommandOutputs[N];

export type UiToEngine =
  | { readonly type: "call"; readonly id: number; readonly name: CommandName; readonly input: unknown }
  | { readonly type: "cancel"; readonly id: number }
  /** Sent after paint (at once when the page is hidden). */
  | { readonly type: "painted"; readonly frame: number };

export type EngineToUi =
  | { readonly type: "returned"; readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly type: "returned"; readonly id: number; readonly ok: false; readonly fault: Fault }
  | { readonly type: "frame"; readonly frame: EngineFrame };

/** What screen code sees. The same over MessagePort, WebSocket and in tests (scripted). */
export interface EngineClient {
  call<N extends CommandName>(name: N, input: CommandInput<N>): Promise<CommandOutput<N>>;
  /** The listener's promise resolves after paint; the next frame is not asked for before. */
  onFrame(listener: (frame: EngineFrame) => Promise<void>): () => void;
  /** Connection to the engine: the screen says when it is lost. */
  onLink(listener: (link: "connected" | "lost") => void): () => void;
}
