// Every message of the bridge, decoded: what codec.ts makes of bytes and bytes of. market_data.fbs is the contract.
import type { BridgeForming, BridgeMode, History, SequencedEntry, StreamKey } from "../model.ts";

export const SCHEMA_VERSION = 1;

/** Frames beyond this are refused unread, compressed or not; a batch is cut so that it never comes near. */
export const FRAME_BYTES_MAX = 4 * 1024 * 1024;
export const BATCH_ENTRIES_MAX = 500;
export const BACKFILL_LIMIT_MAX = 5_000;
/** Streams in one list or report: nine intervals of two thousand symbols. */
export const STREAMS_MAX = 20_000;
/** Answers above this are compressed for those who accept it. */
export const COMPRESS_ABOVE_BYTES = 32 * 1024;

export type RefusalCode =
  | "UNKNOWN_STREAM" | "RETENTION_EXCEEDED" | "OTHER_HISTORY" | "VERSION_UNSUPPORTED" | "MALFORMED" | "BUSY" | "INTERNAL" | "BEYOND_LATEST";

export interface Refusal {
  readonly code: RefusalCode;
  readonly detail: string;
  readonly retryAfterMs: number;
  readonly supportedVersion: number;
}

interface StreamRange {
  /** 0 when there is none yet. */
  readonly latestSequence: number;
  /** Oldest that backfill can give; latest + 1 when there is none. */
  readonly firstSequence: number;
}

/** `refusal` is set when the request was not granted; every other member is then only what could still be said. */
export type Request =
  | { readonly type: "subscribe"; readonly key: StreamKey; readonly fromSequence: number | undefined; readonly historyId: string | undefined }
  | {
      readonly type: "backfill"; readonly key: StreamKey; readonly historyId: string | undefined;
      readonly fromSequenceExclusive: number | undefined; readonly limit: number; readonly endMs: number | undefined; readonly acceptsZstd: boolean;
    }
  | { readonly type: "get_cursor"; readonly key: StreamKey }
  | { readonly type: "list_streams" }
  | { readonly type: "health" }
  | { readonly type: "report_applied"; readonly historyId: string; readonly applied: readonly { readonly key: StreamKey; readonly sequence: number }[] };

export type Answer =
  | ({
      readonly type: "subscribe_ack"; readonly accepted: boolean; readonly key: StreamKey; readonly history: History | undefined;
      readonly heartbeatMs: number; readonly refusal: Refusal | undefined;
    } & StreamRange)
  | ({
      readonly type: "backfill_response"; readonly key: StreamKey; readonly historyId: string; readonly mode: BridgeMode;
      readonly entries: readonly SequencedEntry[]; readonly hasMore: boolean; readonly nextSequence: number | undefined; readonly refusal: Refusal | undefined;
    } & StreamRange)
  | ({ readonly type: "cursor"; readonly key: StreamKey; readonly latestMs: number; readonly history: History | undefined; readonly refusal: Refusal | undefined } & StreamRange)
  | { readonly type: "streams"; readonly history: History | undefined; readonly streams: readonly StreamInfo[]; readonly refusal: Refusal | undefined }
  | {
      readonly type: "health"; readonly serverVersion: string; readonly history: History | undefined; readonly uptimeMs: number; readonly streams: number;
      readonly clients: number; readonly status: "GREEN" | "AMBER" | "RED"; readonly detail: string; readonly nowNs: bigint; readonly pubPort: number;
    }
  /** Pushed, with correlation id 0. */
  | { readonly type: "resync_notice"; readonly key: StreamKey; readonly historyId: string; readonly latestSequence: number; readonly appliedSequence: number; readonly detail: string }
  /** The request could not even be read, or not be served at all. */
  | { readonly type: "refusal"; readonly refusal: Refusal };

export interface StreamInfo extends StreamRange {
  readonly key: StreamKey;
  readonly latestMs: number;
}

interface Published {
  readonly key: StreamKey;
  readonly historyId: string;
  readonly mode: BridgeMode;
  readonly publishedNs: bigint;
}

export type Publication =
  /** Sequences of `entries` are contiguous. */
  | (Published & { readonly type: "batch"; readonly entries: readonly SequencedEntry[] })
  | (Published & { readonly type: "forming"; readonly bar: BridgeForming; readonly afterSequence: number })
  | (Published & { readonly type: "heartbeat"; readonly latestSequence: number; readonly beat: number });

export interface Numbered<T> {
  readonly correlationId: number;
  readonly message: T;
}
