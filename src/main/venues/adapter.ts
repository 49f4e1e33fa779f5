// The contract of a venue adapter: pure knowledge of one venue. Opens no socket, reads no clock, keeps no state.
import type { Result } from "../../shared/base.ts";
import type { Decimal } from "../../shared/decimal.ts";
import type { Decode, EventKind, Instrument, StreamRef, VenueId } from "../../shared/market.ts";

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
  /** How to subscribe once open: in groups, so that one bad topic cannot fail all. Undefined: the URL itself subscribes. */
  readonly subscribe: { readonly streamsPerRequest: number; readonly everyMs: number } | undefined;
  readonly keepAlive: { readonly everyMs: number; readonly text: string } | undefined;
  /** Rotate make-before-break after this long. */
  readonly rotateAfterMs: number;
  /** No data frame of a stream within this time of subscribing = stale. By stream id. */
  readonly firstFrameDeadlineMs: Readonly<Record<string, number>>;
  /** Longest plausible silence of a stream; undefined = may be silent for ever. By stream id. */
  readonly silenceLimitMs: Readonly<Record<string, number>>;
}

/**
 * What a frame is, before its contents are decoded. Data is routed by a cheap scan of the bytes. `eventNs`: 0 = none; a time
 * that the log cannot hold (beyond 63 bits) is none.
 */
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

/**
 * What is missing: ids, both inclusive, and the event times around them where known (epoch ms). A stream whose ids have no order is asked by
 * times alone: then both ids are undefined and both times are there.
 */
export interface BackfillRange {
  readonly stream: StreamRef;
  readonly fromId: number | undefined;
  readonly toId: number | undefined;
  readonly fromMs: number | undefined;
  readonly toMs: number | undefined;
}

/** A range whose ids are known. */
export type IdRange = BackfillRange & IdRun;

export function hasIds(range: BackfillRange): range is IdRange {
  return range.fromId !== undefined && range.toId !== undefined;
}

export interface IdRun { readonly fromId: number; readonly toId: number }

export interface BackfillPage {
  /** The next request, or undefined when the range is covered or the venue can give no more. */
  readonly next: RestRequest | undefined;
  /** Ids of the range that this page holds, both inclusive, ascending. Empty where ids have no order. */
  readonly ids: readonly IdRun[];
  /** Where ids have no order: every trade of the page, without a hole between them. Who asked knows which of them it has seen. */
  readonly trades?: readonly PagedTrade[];
}

export interface PagedTrade { readonly tradeId: string; readonly eventMs: number }

export interface Backfill {
  /** The first request for a range. Undefined: it cannot be backfilled (no such endpoint, or a needed time is unknown). */
  plan(range: BackfillRange): RestRequest | undefined;
  /** Reads a response body (already appended to the log) to `request` and says what to ask next. */
  page(range: BackfillRange, request: RestRequest, body: Uint8Array): Result<BackfillPage>;
}

/** What an HTTP answer other than success means. */
export interface RestProblem {
  /** `rate-limited` and `banned` stop all requests to the venue; `refused` will not get better; `unavailable` may. */
  readonly kind: "rate-limited" | "banned" | "dead-symbol" | "refused" | "unavailable";
  readonly retryAfterMs: number | undefined;
  readonly detail: string;
}

export interface RestPoll {
  readonly stream: StreamRef;
  readonly request: RestRequest;
  readonly everyMs: number;
  /** The first one comes within this time; without it within a fifth of the period. */
  readonly firstWithinMs?: number;
}

/** What a venue says of an instrument that it lists. */
export interface InstrumentInfo {
  readonly symbol: string;
  /** `halted`: listed and not traded now (before its opening, suspended). */
  readonly status: "trading" | "halted" | "settling" | "delisted";
  /** The venue's own word for that. */
  readonly said: string;
  readonly base: string;
  readonly quote: string;
  readonly tickSize: Decimal;
  readonly lotSize: Decimal;
  /** Base units in one unit of the sizes on the wire (OKX: `ctVal` × `ctMult`); undefined: sizes are no multiple of the base. */
  readonly unitsPerSize: Decimal | undefined;
}

/** The list of instruments: asked for at the start and every hour, and recorded as channel `instruments`. */
export interface InstrumentMetadata {
  polls(symbols: readonly string[]): readonly RestPoll[];
  /** Every instrument that the body lists, of those that have a symbol here. A symbol that was asked for and is not in it is dead. */
  read(body: Uint8Array): Result<readonly InstrumentInfo[]>;
}

/** One base address for all of a venue's endpoints, as its sockets and its REST are to be reached there. No slash at the end. */
export interface BaseAddress { readonly socket: string; readonly http: string }

export interface VenueAdapter {
  readonly venue: VenueId;
  readonly defaultEndpoints: Endpoints;
  /** Every endpoint of the venue under its own paths at another base: a proxy, a simulator. Subscribed by messages. */
  endpointsAt(base: BaseAddress): Endpoints;
  /** Channels recorded by default for a symbol. */
  readonly defaultChannels: readonly string[];
  /** The channel that feeds candles live. */
  readonly foldChannel: string;
  /** Channels whose events carry a contiguous `sequenceId`: where a missing message can be proved. */
  readonly gapKeyedChannels: readonly string[];
  /** Best bid and offer: while these move, trades must come. Undefined: no such check. */
  readonly quoteChannel: string | undefined;
  /** What a channel's messages tell. Empty: nothing that has a name here (depth …). */
  kinds(channel: string): readonly EventKind[];
  /** The name under which the venue goes on with a symbol; undefined: it did not rename it. NOTES.md has the evidence and its day. */
  renamedTo(symbol: string): string | undefined;
  /** Throws `feed.no-endpoint` when an endpoint that a subscription needs is not configured. */
  plan(subscriptions: readonly Subscription[], endpoints: Endpoints): readonly ConnectionPlan[];
  /** The request text that subscribes to streams; its acknowledgement comes back with this id. */
  subscribeText(streams: readonly StreamRef[], id: number): string;
  route(payload: Uint8Array): Routed;
  /** The decoder of a channel; undefined: stored and counted `unhandled`. */
  decoder(channel: string): Decode | undefined;
  readonly backfill: Backfill;
  polls(subscriptions: readonly Subscription[]): readonly RestPoll[];
  readonly metadata: InstrumentMetadata;
  /** Server-time request and how to read its body (epoch ms), for the clock offset. */
  readonly serverTime: { readonly request: RestRequest; read(body: Uint8Array): Result<number> };
  /** Undefined when the answer is a success. */
  restProblem(status: number, headers: Readonly<Record<string, string>>, body: Uint8Array): RestProblem | undefined;
  /** Rate budget: weight per window and the header that reports used weight. */
  readonly budget: {
    /** Venues with the same word share their limits, where they also share the host (Bybit linear and spot). */
    readonly sharedAs: string;
    readonly weight: number;
    readonly windowMs: number;
    readonly usedHeader: string | undefined;
    /** Connection attempts per window and address. */
    readonly connects: { readonly count: number; readonly windowMs: number };
  };
}
