// What a dialect is: one venue's wire over the common market. The venue (venue.ts) keeps sessions, faults, accounts and time; the dialect makes
// text of market events, answers requests by socket and by REST, and knows the venue's limits.
import type { VenueId } from "../../shared/market.ts";
import type { MarketModel, MarketTraits } from "./market-model.ts";
import type { MarketSink, SymbolSpec } from "./market-types.ts";
import type { Opening, WireSession } from "./session.ts";
import type { StreamState } from "./stream.ts";
import type { TradeHistory } from "./trade-history.ts";
import type { TrueCandles } from "./true-candles.ts";

export interface RestAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A REST answer before its rate headers. */
export interface RestOutcome {
  readonly weight: number;
  readonly status: number;
  readonly body: string;
}

/** One message about to be said on a stream. `ids`: of the trades in it, as text; `fromId`, `toId`: the numbers where ids are numbers. */
export interface Outgoing {
  readonly stream: StreamState;
  readonly ids: readonly string[];
  readonly fromId: number | undefined;
  readonly toId: number | undefined;
  /** Stamped time of what it tells, epoch ms. */
  readonly timeMs: number;
  /** As a connection gets it that is not combined. */
  readonly text: string;
}

/** What a dialect may ask and do of its venue. */
export interface VenueCore {
  readonly venue: VenueId;
  readonly model: MarketModel;
  readonly truth: TrueCandles;
  /** Exchange time now by the (possibly skewed) stamped clock, whole epoch ms. */
  readonly stampedNowMs: number;
  /** Exchange time without skew. */
  readonly nowMs: number;
  readonly stampOffsetMs: number;
  /** Trades that REST remembers per symbol. */
  readonly historyTrades: number;
  /** Opens the account of a stream; asked for twice it is the same. */
  stream(key: string, symbol: string, channel: string): StreamState;
  streamOf(key: string): StreamState | undefined;
  /** Tells a message to everybody subscribed, with whatever faults are due, and counts it. */
  say(message: Outgoing): void;
  /** A message of trades that nobody is subscribed to: counted only. */
  unsaid(stream: StreamState, ids: readonly string[], timeMs: number): void;
  /** Tells one connection alone: the snapshot after subscribing. */
  sayTo(session: WireSession, stream: StreamState, text: string): void;
  subscribe(session: WireSession, stream: StreamState): void;
  unsubscribe(session: WireSession, stream: StreamState): void;
  flooded(session: WireSession, detail: string): void;
  /** Single trades that REST still remembers. */
  trades(symbol: string): TradeHistory;
  /** Traded here and alive. */
  alive(symbol: string): boolean;
  specs(): readonly SymbolSpec[];
}

/** The venue's patience with one client address. */
export interface RateRules {
  /** Which requests share a budget, how large it is, and for how long; weights are the dialect's. */
  bucket(path: string): { readonly name: string; readonly limit: number; readonly windowMs: number };
  headers(used: number, limit: number): Readonly<Record<string, string>>;
  tooMany(retryAfterS: number, limit: number): RestAnswer;
  /** Requests beyond the limit within one window before the address is banned; 0: the first one bans. */
  readonly ignoredMax: number;
  readonly banMs: number;
  readonly banStatus: 418 | 403;
  banned(status: 418 | 403, untilMs: number, nowMs: number): RestAnswer;
  unavailable(): RestAnswer;
  empty(path: string, nowMs: number): RestAnswer;
}

/** How the dialect's messages can be wrong. */
export interface WireFaults {
  /** The frame of a combined connection. */
  wrapped(stream: StreamState, text: string): string;
  /** Same id, another quantity. */
  conflicting(text: string): string;
  shifted(text: string, byMs: number): string;
  /** A price that is a number, a time that is of the other type. */
  wrongTypes(text: string): string;
  /** A whole frame of a stream that nobody asked for. */
  unknownStream(symbol: string): string;
  /** A whole frame of about `bytes`. */
  oversized(stream: StreamState, bytes: number): string;
}

export interface Dialect extends MarketSink {
  readonly traits: MarketTraits;
  readonly foldChannel: string;
  readonly rules: RateRules;
  readonly faults: WireFaults;
  /** Something regular happens at multiples of this, exchange time; undefined: nothing beyond the market's own seconds. */
  readonly beatEveryMs: number | undefined;
  /** How a connection ends by age or plan: after how long, with what, and how long before the venue says so (0 = it does not). */
  readonly closing: { readonly lifeMs: number; readonly code: number; readonly reason: string; readonly noticeMs: number };
  /** A connection on which nothing moved for so long is closed; undefined: it stays. */
  readonly idle: { readonly afterMs: number; readonly code: number; readonly reason: string } | undefined;
  /** Connections per window and address before more are refused. */
  readonly connects: { readonly count: number; readonly windowMs: number } | undefined;
  /** Endpoints as the venue's adapter names them, at a base such as `127.0.0.1:4000`. */
  endpoints(host: string): Readonly<Record<string, string>>;
  /** A symbol begins to be traded: its streams, its state. */
  listed(spec: SymbolSpec): void;
  /** The venue's service has restarted (all connections were closed). */
  restarted(): void;
  beat(atMs: number): void;
  /** This path (socket or REST) is one of the venue's. */
  owns(path: string): boolean;
  open(path: string): Opening | undefined;
  /** Subscribes to what the connect address named. */
  opened(session: WireSession, streams: readonly string[]): void;
  receive(session: WireSession, text: string, nowMs: number): void;
  notice(session: WireSession): string | undefined;
  /** With the `retired-endpoint` fault on: is this stream silent on this connection? */
  isRetired(session: WireSession, stream: StreamState): boolean;
  /** Answers one GET. Never throws for anything that a client can send. */
  rest(path: string, headers: Readonly<Record<string, string>>): RestOutcome;
  /** A single trade as this venue names it. */
  tradeId(symbol: string, id: number): string;
  /** The ids under which trades firstId … lastId (one aggregate: aggId) are known on the fold stream. */
  idsOf(symbol: string, printed: { readonly aggId: number; readonly firstId: number; readonly lastId: number }): { readonly stream: StreamState; readonly ids: readonly string[]; readonly fromId: number | undefined; readonly toId: number | undefined };
}
