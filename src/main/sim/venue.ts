// A simulated venue as a whole: market, sessions, faults, accounts, truth and ledger behind one clock-less core; its dialect speaks.
// Drivers (server.ts on real sockets, memory-transport.ts on a virtual clock) tell it what time it is.
import { assert, fault as asFault } from "../../shared/base.ts";
import type { VenueId } from "../../shared/market.ts";
import { dialectOf, type SimulatedVenueId } from "./dialects.ts";
import type { Dialect, Outgoing, RestAnswer, VenueCore } from "./dialect.ts";
import { FaultLedger, FOLD_CHANNEL, type LedgerEntry, type SimFault } from "./faults.ts";
import { EMISSION_LAG_MS, MarketModel, type Density, type MarketOptions } from "./market-model.ts";
import type { MarketSink, SimAggTrade, SimBook, SimMark, SimTrade, SymbolSpec } from "./market-types.ts";
import { MessageFaults } from "./message-faults.ts";
import { RateLimit } from "./rate-limit.ts";
import { SessionFaults } from "./session-faults.ts";
import { WireSession, type Outlet } from "./session.ts";
import { RENAMED, symbolSpec } from "./specs.ts";
import { StreamState } from "./stream.ts";
import { TradeHistory } from "./trade-history.ts";
import { TrueCandles } from "./true-candles.ts";

export interface VenueOptions extends MarketOptions {
  /** Whose wire; default `sim`, which speaks Binance's. */
  readonly venue?: SimulatedVenueId;
  /** Market before `startMs` that REST can still show, ms. Default 2 h, made thinner than the market from `startMs` on. */
  readonly warmMs?: number;
  /** Trades (and Binance's aggregates) that REST remembers per symbol. Default 131,072 each. */
  readonly historyTrades?: number;
  /** The venue closes a connection at this age, ms. Default: the venue's own rule. */
  readonly sessionLifeMs?: number;
  readonly weightLimit?: number;
  /** Hears everything that the market says, before any fault: for checkers. */
  readonly observer?: MarketSink;
  /** Shared with other venues; default: its own. */
  readonly ledger?: FaultLedger;
}

const WARM_DENSITY: Density = { orders: 0.15, quotes: 0.02 };
const WARM_MS_DEFAULT = 7_200_000;
const HISTORY_DEFAULT = 131_072;
/** Longest stretch of market that is said after a stall of the host. What is beyond goes unsaid: a venue does not wait for a sleeper. */
const CATCH_UP_MAX_MS = 30_000;
const ENDED_MAX = 1_000;

export class SimulatedVenue implements MarketSink, VenueCore {
  readonly venue: VenueId;
  readonly model: MarketModel;
  readonly truth = new TrueCandles();
  readonly ledger: FaultLedger;
  readonly dialect: Dialect;
  readonly historyTrades: number;
  /** Exchange time of the last `advance`, without skew. */
  nowMs: number;
  /** Connections that are over, newest last, at most ENDED_MAX of them. */
  readonly endedSessions: WireSession[] = [];
  readonly #trades = new Map<string, TradeHistory>();
  readonly #streams = new Map<string, StreamState>();
  readonly #sessions = new Set<WireSession>();
  readonly #messageFaults: MessageFaults;
  readonly #sessionFaults: SessionFaults;
  readonly #rate: RateLimit;
  readonly #observer: MarketSink | undefined;
  #warm = true;
  #nextBeatMs = Number.POSITIVE_INFINITY;

  constructor(options: VenueOptions) {
    const warmMs = options.warmMs ?? WARM_MS_DEFAULT;
    assert(warmMs >= 0, `warmMs must not be negative, got ${warmMs}`);
    const venue = options.venue ?? "sim";
    this.venue = venue;
    this.ledger = options.ledger ?? new FaultLedger();
    this.historyTrades = options.historyTrades ?? HISTORY_DEFAULT;
    this.nowMs = options.startMs;
    this.#observer = options.observer;
    this.dialect = dialectOf(venue, this, options.seed);
    this.model = new MarketModel({ ...options, startMs: options.startMs - warmMs }, this.dialect.traits);
    this.#messageFaults = new MessageFaults((entry) => { this.note(entry); }, this.dialect.faults);
    this.#rate = new RateLimit((entry) => { this.note(entry); }, this.dialect.rules, options.weightLimit);
    this.#sessionFaults = new SessionFaults(this, this.dialect, options.sessionLifeMs ?? this.dialect.closing.lifeMs);
    for (const { spec } of this.model.markets) this.#list(spec);
    this.model.density = WARM_DENSITY;
    this.model.advance(options.startMs, this);
    this.model.density = { orders: 1, quotes: 1 };
    this.model.keepRate();
    this.#warm = false;
    const { beatEveryMs } = this.dialect;
    if (beatEveryMs !== undefined) this.#nextBeatMs = Math.ceil(options.startMs / beatEveryMs) * beatEveryMs;
  }

  #list(spec: SymbolSpec): void {
    this.#trades.set(spec.symbol, new TradeHistory(this.historyTrades));
    this.dialect.listed(spec);
  }

  // ── time ──────────────────────────────────────────────────────────────────

  get stampOffsetMs(): number {
    return this.model.stampOffsetMs;
  }

  get stampedNowMs(): number {
    return Math.floor(this.nowMs) + this.model.stampOffsetMs;
  }

  /** The exchange's clock is at `nowMs` (monotonic: earlier times change nothing). Says everything due, to everyone subscribed. */
  advance(nowMs: number): void {
    if (nowMs <= this.nowMs) return;
    const from = this.model.nowMs;
    const until = nowMs - EMISSION_LAG_MS;
    if (until - from > CATCH_UP_MAX_MS) {
      this.note({ what: "market-leap", detail: `the host stood still: ${Math.round(until - from)} ms of market went unsaid` });
      for (const session of [...this.#sessions]) session.drop();
    }
    this.nowMs = nowMs;
    while (this.#nextBeatMs <= until) {
      const atMs = this.#nextBeatMs;
      this.model.advance(atMs, this);
      this.dialect.beat(atMs);
      this.#nextBeatMs = atMs + (this.dialect.beatEveryMs ?? Number.POSITIVE_INFINITY);
    }
    this.model.advance(until, this);
    this.#sessionFaults.advance(nowMs);
  }

  // ── market sink ───────────────────────────────────────────────────────────

  trade(trade: SimTrade): void {
    this.#observer?.trade(trade);
    this.truth.add(trade);
    // Members spelled out: spreading here costs a third of the whole simulation.
    this.trades(trade.spec.symbol).add({
      id: trade.id, price: trade.price, qty: trade.qty, firstId: trade.id, lastId: trade.id, timeMs: trade.timeMs,
      buyerIsMaker: trade.buyerIsMaker, isMarket: trade.isMarket,
    });
    this.dialect.trade(trade);
  }

  aggTrade(trade: SimAggTrade): void {
    this.#observer?.aggTrade(trade);
    this.dialect.aggTrade(trade);
  }

  book(book: SimBook): void {
    this.#observer?.book(book);
    this.dialect.book(book);
  }

  mark(mark: SimMark): void {
    this.#observer?.mark(mark);
    this.dialect.mark(mark);
  }

  orderDone(spec: SymbolSpec): void {
    this.#observer?.orderDone?.(spec);
    this.dialect.orderDone?.(spec);
  }

  // ── streams ───────────────────────────────────────────────────────────────

  stream(key: string, symbol: string, channel: string): StreamState {
    const known = this.#streams.get(key);
    if (known !== undefined) return known;
    const stream = new StreamState(key, symbol, channel);
    this.#streams.set(key, stream);
    return stream;
  }

  streamOf(key: string): StreamState | undefined {
    return this.#streams.get(key);
  }

  get streams(): Iterable<StreamState> {
    return this.#streams.values();
  }

  unsaid(stream: StreamState, ids: readonly string[], timeMs: number): void {
    if (!this.#warm) stream.count({ ids, timeMs }, false, false);
  }

  say(message: Outgoing): void {
    const { stream } = message;
    if (!this.#messageFaults.active) {
      const isHeard = this.#deliver(stream, message.text, false);
      stream.count(message, isHeard, isHeard);
      return;
    }
    let isIntact = false;
    const listened = this.#isListened(stream);
    for (const sent of this.#messageFaults.apply(message)) {
      const isSaid = this.#deliver(stream, sent.text, sent.whole) && sent.intact;
      if (sent.of !== message) stream.count(sent.of, isSaid, listened);
      else isIntact ||= isSaid;
    }
    // A message that is held back is counted when it comes.
    if (!this.#messageFaults.isHeld(message)) stream.count(message, isIntact, listened);
  }

  #isListened(stream: StreamState): boolean {
    for (const session of stream.sessions) {
      if (session.listens && !(this.#sessionFaults.retired && this.dialect.isRetired(session, stream))) return true;
    }
    return false;
  }

  sayTo(session: WireSession, stream: StreamState, text: string): void {
    if (session.data(stream, text, this.nowMs)) stream.frames += 1;
  }

  /** True when at least one connection got it. */
  #deliver(stream: StreamState, text: string, whole: boolean): boolean {
    let wrapped: string | undefined;
    let isHeard = false;
    for (const session of stream.sessions) {
      if (this.#sessionFaults.retired && this.dialect.isRetired(session, stream)) continue;
      const frame = whole || !session.combined ? text : (wrapped ??= this.dialect.faults.wrapped(stream, text));
      if (!session.data(stream, frame, this.nowMs)) continue;
      stream.frames += 1;
      isHeard = true;
    }
    return isHeard;
  }

  // ── connections ───────────────────────────────────────────────────────────

  /** A new connection to `path` (with query). The answer is a session, or the HTTP status that refuses the upgrade. */
  connect(path: string, outlet: Outlet): WireSession | { readonly refusedStatus: number } {
    const refusedStatus = this.#sessionFaults.refusal(path);
    if (refusedStatus !== undefined) return { refusedStatus };
    const opening = this.dialect.open(path);
    if (opening === undefined) return { refusedStatus: 404 };
    const session = this.#sessionFaults.open(opening, outlet);
    this.#sessions.add(session);
    this.dialect.opened(session, opening.streams);
    return session;
  }

  get sessions(): ReadonlySet<WireSession> {
    return this.#sessions;
  }

  subscribe(session: WireSession, stream: StreamState): void {
    session.subscriptions.add(stream.key);
    stream.sessions.add(session);
  }

  unsubscribe(session: WireSession, stream: StreamState): void {
    session.subscriptions.delete(stream.key);
    stream.sessions.delete(session);
  }

  received(session: WireSession, text: string, nowMs: number): void {
    this.dialect.receive(session, text, nowMs);
  }

  ended(session: WireSession): void {
    session.endedMs = this.nowMs;
    this.#sessions.delete(session);
    for (const stream of this.#streams.values()) stream.sessions.delete(session);
    this.endedSessions.push(session);
    if (this.endedSessions.length > ENDED_MAX) this.endedSessions.shift();
  }

  flooded(session: WireSession, detail: string): void {
    this.note({ what: "flood", sessions: [session.name], detail });
  }

  /** The driver gave up on a client that does not read. */
  slowConsumer(session: WireSession, waitingBytes: number): void {
    this.note({ what: "slow-consumer", sessions: [session.name], detail: `${waitingBytes} bytes unread` });
    session.drop();
  }

  // ── REST ──────────────────────────────────────────────────────────────────

  /** Answers one GET; "hang" means never. Header names in lower case. */
  request(path: string, headers: Readonly<Record<string, string>>): RestAnswer | "hang" {
    const early = this.#rate.before(this.nowMs, path);
    if (early !== undefined) return early;
    const outcome = this.dialect.rest(path, headers);
    this.#rate.spend(this.nowMs, path, outcome.weight);
    return { status: outcome.status, headers: this.#rate.headers(this.nowMs, path), body: outcome.body };
  }

  specs(): readonly SymbolSpec[] {
    return this.model.specs();
  }

  trades(symbol: string): TradeHistory {
    const trades = this.#trades.get(symbol);
    assert(trades !== undefined, `market ${symbol} has no history`);
    return trades;
  }

  alive(symbol: string): boolean {
    return this.model.market(symbol)?.delisted === false;
  }

  // ── faults ────────────────────────────────────────────────────────────────

  note(entry: Omit<LedgerEntry, "at" | "venue" | "atMs" | "trueMs">): void {
    this.ledger.add({ venue: this.venue, atMs: this.stampedNowMs, trueMs: Math.floor(this.nowMs), ...entry });
  }

  /** Starts a fault now; answers one line that says what will happen. Faults: `sim.unknown-symbol`. */
  inject(fault: SimFault): string {
    if ("symbol" in fault && fault.symbol !== undefined) this.#market(fault.symbol);
    switch (fault.name) {
      case "late-print":
        return this.#latePrint(fault.symbol ?? this.#anySymbol(), fault.delayMs);
      case "clock-skew":
        this.model.stampOffsetMs = fault.ms;
        return this.#said("clock-skew", `the exchange's clock is off by ${fault.ms} ms`);
      case "dead-symbol":
        return this.#delist(fault.symbol ?? this.#mortalSymbol());
      case "rest-429":
      case "rest-418":
      case "rest-403":
      case "rest-5xx":
      case "rest-empty":
      case "rest-hang":
        this.#rate.inject(fault, this.nowMs);
        return `REST: ${fault.name}`;
      case "disconnect":
      case "abrupt-disconnect":
      case "half-open":
      case "stall-after-ack":
      case "refuse-connections":
      case "retired-endpoint":
      case "venue-notice":
        return this.#sessionFaults.inject(fault);
      default: {
        const channel = fault.channel === FOLD_CHANNEL ? this.dialect.foldChannel : fault.channel;
        this.#messageFaults.add(channel === undefined ? fault : { ...fault, channel });
        return `${fault.name}: the next ${fault.count} ${channel ?? ""} messages`;
      }
    }
  }

  #market(symbol: string): NonNullable<ReturnType<MarketModel["market"]>> {
    const market = this.model.market(symbol);
    if (market === undefined) throw asFault("sim.unknown-symbol", `the simulator has no market ${JSON.stringify(symbol)} at ${this.venue}; it has ${[...this.#trades.keys()].join(", ")}`);
    return market;
  }

  #anySymbol(): string {
    const [first] = this.#trades.keys();
    assert(first !== undefined, "a simulation has at least one symbol");
    return first;
  }

  /** The one that died at the real venues, where it is traded. */
  #mortalSymbol(): string {
    return Object.keys(RENAMED).find((symbol) => this.alive(symbol)) ?? this.#anySymbol();
  }

  #said(what: SimFault["name"], detail: string): string {
    this.note({ what, detail });
    return detail;
  }

  #latePrint(symbol: string, delayMs: number): string {
    this.model.latePrint(symbol, {
      delayMs,
      onPrinted: (printed) => {
        const { stream, ids, fromId, toId } = this.dialect.idsOf(symbol, printed);
        this.note({
          what: "late-print", stream: stream.key, channel: stream.channel, symbol, timeMs: printed.timeMs,
          ...(fromId === undefined || toId === undefined ? { ids } : { fromId, toId }), detail: `${stream.key} ${ids.join(" ")} printed ${delayMs} ms late`,
        });
      },
    });
    return `the next ${symbol} order will be printed ${delayMs} ms late`;
  }

  #delist(symbol: string): string {
    this.#market(symbol).delisted = true;
    const successor = Object.hasOwn(RENAMED, symbol) ? RENAMED[symbol] : undefined;
    if (successor !== undefined && this.model.market(successor) === undefined) {
      const market = this.model.add(symbolSpec(successor, this.dialect.traits.dialect));
      this.#list(market.spec);
      market.keepRateFrom(this.model.nowMs);
    }
    this.note({ what: "dead-symbol", symbol, detail: successor === undefined ? `${symbol} is delisted` : `${symbol} is delisted and lives on as ${successor}` });
    return `${symbol} is delisted${successor === undefined ? "" : ` and lives on as ${successor}`}`;
  }
}
