// What happens to one stream of a remote, and what is to be done about it: the words between stream.ts (which decides, without a
// clock or a socket) and remote-client.ts (which performs).
import type { Fault } from "../../../shared/base.ts";
import type { BridgeForming, History, SequencedEntry } from "../model.ts";
import type { Answer, Publication, Request } from "../wire/messages.ts";
import type { SequenceHole } from "./types.ts";

export type StreamRequest = Extract<Request, { readonly type: "subscribe" | "backfill" }>;
export type StreamAnswer = Extract<Answer, { readonly type: "subscribe_ack" | "backfill_response" | "refusal" }>;

export type StreamEvent =
  | { readonly type: "link_up" }
  | { readonly type: "link_lost"; readonly detail: string }
  /** Of the last `ask`; answers to earlier ones must not be told. */
  | { readonly type: "answer"; readonly answer: StreamAnswer }
  | { readonly type: "published"; readonly publication: Publication; readonly lagMs: number }
  | { readonly type: "notice"; readonly notice: Extract<Answer, { readonly type: "resync_notice" }> }
  /** A person wants everything anew. */
  | { readonly type: "resync"; readonly reason: string }
  /** Answers `find_last_bar`. */
  | { readonly type: "last_bar"; readonly openMs: number | undefined }
  /** The cache cannot follow: no more backfill until it can. */
  | { readonly type: "pressure"; readonly paused: boolean }
  | { readonly type: "tick" };

export type StreamEffect =
  /** Replaces what was asked before. */
  | { readonly type: "ask"; readonly request: StreamRequest }
  /** In sequence order, contiguous, each once per history. */
  | { readonly type: "entries"; readonly history: History; readonly entries: readonly SequencedEntry[] }
  | { readonly type: "forming"; readonly bar: BridgeForming }
  | { readonly type: "hole"; readonly history: History; readonly hole: SequenceHole }
  | { readonly type: "reset"; readonly reason: string }
  /** Of the cached past: where a hole begins. */
  | { readonly type: "find_last_bar" }
  /** Subscribe to the topics again: they are silent although the link is up. */
  | { readonly type: "listen_again" }
  | { readonly type: "problem"; readonly problem: Fault };

export interface StreamTiming {
  readonly missedHeartbeats: number;
  /** Entries of the live stream that wait for backfill; more are let go and backfilled too. */
  readonly bufferEntriesMax: number;
}

/** A stream that is not served here may be one day; one that failed inside the server may work the next time. */
export const REFUSED_RETRY_MS = 5_000;
export const FAILED_RETRY_MS = 1_000;
/** Frames of another history make the client ask which one is right: at most this often, since such a frame may be a late one. */
export const CONFIRM_EVERY_MS = 2_000;
/** Beyond so many times the time after which a stream counts as stale, something is done about it. */
export const SILENT_FACTOR = 2;
