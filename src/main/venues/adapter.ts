// The contract of a venue adapter: pure knowledge of one venue. Opens no socket, reads no clock, keeps no state.
import type { Result } from "../../shared/base.ts";
import type { Decode, Instrument, StreamRef, VenueId } from "../../shared/market.ts";

export interface Endpoints {
  /** Named base URLs, all configurable: e.g. { ws_public, ws_market, rest }. */
  readonly [name: string]: string;
}

export interface Subscription extends Instrument {
  /** The venue's channel words. */
  readonly channels: readonly string[];
}

export interface ConnectionPlan {
  /** `public`, `market`: stable name within the venue, for connection names and the screen. */
  readonly name: string;
  readonly url: string;
  readonly streams: readonly StreamRef[];
  /** Text frames to send once open (subscribe requests), at the venue's pace. */
  readonly opening: readonly string[];
  readonly keepAlive: { readonly everyMs: number; readonly text: string } | undefined;
  /** Rotate make-before-break after this long. */
  readonly rotateAfterMs: number;
  /** No data frame of a stream within this time of subscribing = stale. By stream id. */
  readonly firstFrameDeadlineMs: Readonly<Record<string, number>>;
  /** Longest plausible silence of a stream; undefined = may be silent for ever. By stream id. */
  readonly silenceLimitMs: Readonly<Record<string, number>>;
}

/** What a frame is, before its contents are decoded. Data is routed by a cheap scan of the bytes. */
export type Routed =
  | { readonly kind: "data"; readonly stream: StreamRef; readonly eventNs: bigint }
  | { readonly kind: "acknowledgement"; readonly id: string; readonly ok: boolean; readonly detail: string }
  | { readonly kind: "heartbeat" }
  /** The venue is about to close: connect anew first. */
  | { readonly kind: "rotate"; readonly detail: string }
  | { readonly kind: "unknown"; readonly detail: string };

export interface RestRequest {
  /** Base endpoint name and path with query. */
  readonly endpoint: string;
  readonly path: string;
  readonly weight: number;
}

export interface BackfillPage {
  /** The next request, or undefined when the range is covered or the venue can give no more. */
  readonly next: RestRequest | undefined;
  readonly covered: boolean;
}

export interface Backfill {
  /** How to ask for ids [fromId, toId] of a stream. Undefined: this stream cannot be backfilled. */
  plan(stream: StreamRef, fromId: number, toId: number): RestRequest | undefined;
  /** Reads a response body (already appended to the log) and says what to ask next. */
  page(stream: StreamRef, fromId: number, toId: number, body: Uint8Array): Result<BackfillPage>;
}

export interface RestPoll {
  readonly stream: StreamRef;
  readonly request: RestRequest;
  readonly everyMs: number;
}

export interface VenueAdapter {
  readonly venue: VenueId;
  readonly defaultEndpoints: Endpoints;
  /** Channels recorded by default for a symbol. */
  readonly defaultChannels: readonly string[];
  /** The channel that feeds candles live. */
  readonly foldChannel: string;
  plan(subscriptions: readonly Subscription[], endpoints: Endpoints): readonly ConnectionPlan[];
  route(payload: Uint8Array): Routed;
  /** The decoder of a channel; undefined: stored and counted `unhandled`. */
  decoder(channel: string): Decode | undefined;
  readonly backfill: Backfill;
  polls(subscriptions: readonly Subscription[]): readonly RestPoll[];
  /** Server-time request and how to read its body (epoch ms), for the clock offset. */
  readonly serverTime: { readonly request: RestRequest; read(body: Uint8Array): Result<number> };
  /** Rate budget: weight per window, the header that reports used weight, and statuses that mean "stop" or "banned". */
  readonly budget: { readonly weight: number; readonly windowMs: number; readonly usedHeader: string | undefined };
}
