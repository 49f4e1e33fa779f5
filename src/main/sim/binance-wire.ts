// The simulated Binance USD-M as a whole: market, sessions, REST, faults, truth and ledger behind one clock-less core.
// Drivers (server.ts on real sockets, memory-transport.ts on a virtual clock) tell it what time it is.
import { assert, fault as asFault } from "../../shared/base.ts";
import { aggTradeText, bookText, markText, tradeText } from "./binance-text.ts";
import { answerRest, type RestAnswer, type RestVenue } from "./binance-rest.ts";
import { parseConnectPath, WireSession, type Outlet, type SessionVenue } from "./binance-session.ts";
import { FaultLedger, type SimFault } from "./faults.ts";
import { EMISSION_LAG_MS, MarketModel, type Density, type MarketOptions } from "./market-model.ts";
import type { MarketSink, SimAggTrade, SimBook, SimMark, SimTrade, SymbolSpec } from "./market-types.ts";
import { MessageFaults, type Outgoing } from "./message-faults.ts";
import { RateLimit } from "./rate-limit.ts";
import { TradeHistory } from "./trade-history.ts";
import { TrueCandles } from "./true-candles.ts";

export interface VenueOptions extends MarketOptions {
  /** Market before `startMs` that REST can still show, ms. Default 2 h, made thinner than the market from `startMs` on. */
  readonly warmMs?: number;
  /** Trades and aggregates that REST remembers per symbol. Default 131,072 each. */
  readonly historyTrades?: number;
  /** The venue closes a connection at this age, ms. Default 24 h. */
  readonly sessionLifeMs?: number;
  readonly weightLimit?: number;
  /** Hears everything that the market says, before any fault: for checkers. */
  readonly observer?: MarketSink;
}

const WARM_DENSITY: Density = { orders: 0.15, quotes: 0.02 };
const WARM_MS_DEFAULT = 7_200_000;
const HISTORY_DEFAULT = 131_072;
const SESSION_LIFE_MS_DEFAULT = 86_400_000;
/** Longest stretch of market that is said after a stall of the host. What is beyond goes unsaid: a venue does not wait for a sleeper. */
const CATCH_UP_MAX_MS = 30_000;

interface SymbolState {
  readonly trades: TradeHistory;
  readonly aggregates: TradeHistory;
  mark: SimMark;
  readonly streams: { readonly trade: string; readonly aggTrade: string; readonly bookTicker: string; readonly markFast: string; readonly markSlow: string };
}

export class SimulatedVenue implements MarketSink, RestVenue, SessionVenue {
  readonly model: MarketModel;
  readonly truth = new TrueCandles();
  readonly ledger = new FaultLedger();
  /** Exchange time of the last `advance`, without skew. */
  nowMs: number;
  readonly #states = new Map<string, SymbolState>();
  readonly #sessions = new Set<WireSession>();
  readonly #subscribers = new Map<string, Set<WireSession>>();
  readonly #faults: MessageFaults;
  readonly #rate: RateLimit;
  readonly #sessionLifeMs: number;
  readonly #observer: MarketSink | undefined;
  #sessionCount = 0;
  #refuse = 0;
  #stall = 0;
  #retired = false;

  constructor(options: VenueOptions) {
    const warmMs = options.warmMs ?? WARM_MS_DEFAULT;
    assert(warmMs >= 0, `warmMs must not be negative, got ${warmMs}`);
    this.model = new MarketModel({ ...options, startMs: options.startMs - warmMs });
    this.nowMs = options.startMs;
    this.#sessionLifeMs = options.sessionLifeMs ?? SESSION_LIFE_MS_DEFAULT;
    this.#observer = options.observer;
    this.#faults = new MessageFaults(this.ledger);
    this.#rate = new RateLimit(this.ledger, options.weightLimit);
    const capacity = options.historyTrades ?? HISTORY_DEFAULT;
    for (const spec of this.model.specs()) this.#states.set(spec.symbol, freshState(spec, capacity));
    this.model.density = WARM_DENSITY;
    this.model.advance(options.startMs, this);
    this.model.density = { orders: 1, quotes: 1 };
  }

  // ── time ──────────────────────────────────────────────────────────────────

  get stampedNowMs(): number {
    return Math.floor(this.nowMs) + this.model.stampOffsetMs;
  }

  /** The exchange's clock is at `nowMs` (monotonic: earlier times change nothing). Says everything due, to everyone subscribed. */
  advance(nowMs: number): void {
    if (nowMs <= this.nowMs) return;
    const from = this.model.nowMs;
    const until = nowMs - EMISSION_LAG_MS;
    if (until - from > CATCH_UP_MAX_MS) {
      this.ledger.add({ atMs: this.stampedNowMs, what: "market-leap", detail: `the host stood still: ${Math.round(until - from)} ms of market went unsaid` });
      for (const session of [...this.#sessions]) session.drop();
    }
    this.nowMs = nowMs;
    this.model.advance(until, this);
    for (const session of this.#sessions) {
      if (nowMs - session.openedMs < this.#sessionLifeMs) continue;
      this.ledger.add({ atMs: this.stampedNowMs, what: "session-age", sessions: [session.name], detail: "connection reached the end of its life" });
      session.close(1008, "disconnected");
    }
  }

  // ── market sink ───────────────────────────────────────────────────────────

  trade(trade: SimTrade): void {
    this.#observer?.trade(trade);
    this.truth.add(trade);
    const state = this.#state(trade.spec);
    // Members spelled out: spreading here costs a third of the whole simulation.
    state.trades.add({
      id: trade.id, price: trade.price, qty: trade.qty, firstId: trade.id, lastId: trade.id, timeMs: trade.timeMs,
      buyerIsMaker: trade.buyerIsMaker, isMarket: trade.isMarket,
    });
    const stream = state.streams.trade;
    if (this.#subscribers.has(stream)) {
      this.#say({ stream, symbol: trade.spec.symbol, channel: "trade", id: trade.id, timeMs: trade.timeMs, text: tradeText(trade) });
    }
  }

  aggTrade(trade: SimAggTrade): void {
    this.#observer?.aggTrade(trade);
    const state = this.#state(trade.spec);
    state.aggregates.add({
      id: trade.id, price: trade.price, qty: trade.qty, firstId: trade.firstId, lastId: trade.lastId, timeMs: trade.timeMs,
      buyerIsMaker: trade.buyerIsMaker, isMarket: true,
    });
    const stream = state.streams.aggTrade;
    if (this.#subscribers.has(stream)) {
      this.#say({ stream, symbol: trade.spec.symbol, channel: "aggTrade", id: trade.id, timeMs: trade.timeMs, text: aggTradeText(trade) });
    }
  }

  book(book: SimBook): void {
    this.#observer?.book(book);
    const stream = this.#state(book.spec).streams.bookTicker;
    if (this.#subscribers.has(stream)) {
      this.#say({ stream, symbol: book.spec.symbol, channel: "bookTicker", id: book.updateId, timeMs: book.timeMs, text: bookText(book) });
    }
  }

  mark(mark: SimMark): void {
    this.#observer?.mark(mark);
    const state = this.#state(mark.spec);
    state.mark = mark;
    const streams = Math.floor(mark.eventMs / 1_000) % 3 === 0 ? [state.streams.markFast, state.streams.markSlow] : [state.streams.markFast];
    for (const stream of streams) {
      if (!this.#subscribers.has(stream)) continue;
      this.#say({ stream, symbol: mark.spec.symbol, channel: "markPrice", id: undefined, timeMs: mark.eventMs, text: markText(mark) });
    }
  }

  #state(spec: SymbolSpec): SymbolState {
    const state = this.#states.get(spec.symbol);
    assert(state !== undefined, `market ${spec.symbol} has no state`);
    return state;
  }

  #say(message: Outgoing): void {
    const sessions = this.#subscribers.get(message.stream);
    if (sessions === undefined) return;
    if (!this.#faults.active) {
      for (const session of sessions) this.#deliver(session, message.stream, message.text, false);
      return;
    }
    for (const sent of this.#faults.apply(message, this.stampedNowMs)) {
      for (const session of sessions) this.#deliver(session, sent.stream, sent.text, sent.whole);
    }
  }

  #deliver(session: WireSession, stream: string, text: string, whole: boolean): void {
    // Retired: aggTrade and markPrice acknowledge on the old endpoint and never come.
    if (this.#retired && session.kind === "legacy" && !stream.endsWith("@bookTicker")) return;
    if (whole) session.whole(text);
    else session.data(stream, text);
  }

  // ── connections ───────────────────────────────────────────────────────────

  /** A new connection to `path` (with query). The answer is a session, or the HTTP status that refuses the upgrade. */
  connect(path: string, outlet: Outlet): WireSession | { readonly refusedStatus: number } {
    if (this.#refuse > 0) {
      this.#refuse -= 1;
      this.ledger.add({ atMs: this.stampedNowMs, what: "refuse-connections", detail: path.slice(0, 200) });
      return { refusedStatus: 503 };
    }
    const wanted = parseConnectPath(path);
    if (wanted === undefined) return { refusedStatus: 404 };
    const stalled = this.#stall > 0;
    this.#sessionCount += 1;
    const session = new WireSession({
      name: `session-${this.#sessionCount}`, kind: wanted.kind, combined: wanted.combined, openedMs: this.nowMs, outlet, stalled, venue: this,
    });
    if (stalled) {
      this.#stall -= 1;
      this.ledger.add({ atMs: this.stampedNowMs, what: "stall-after-ack", sessions: [session.name], detail: "acknowledges and stays silent" });
    }
    this.#sessions.add(session);
    session.subscribe(wanted.streams);
    return session;
  }

  get sessions(): ReadonlySet<WireSession> {
    return this.#sessions;
  }

  subscribed(session: WireSession, stream: string): void {
    const sessions = this.#subscribers.get(stream);
    if (sessions === undefined) this.#subscribers.set(stream, new Set([session]));
    else sessions.add(session);
  }

  unsubscribed(session: WireSession, stream: string): void {
    const sessions = this.#subscribers.get(stream);
    sessions?.delete(session);
    if (sessions?.size === 0) this.#subscribers.delete(stream);
  }

  ended(session: WireSession): void {
    this.#sessions.delete(session);
    for (const stream of session.subscriptions) this.unsubscribed(session, stream);
  }

  flooded(session: WireSession): void {
    this.ledger.add({ atMs: this.stampedNowMs, what: "flood", sessions: [session.name], detail: "more than 10 messages in a second" });
  }

  /** The driver gave up on a client that does not read. */
  slowConsumer(session: WireSession, waitingBytes: number): void {
    this.ledger.add({ atMs: this.stampedNowMs, what: "slow-consumer", sessions: [session.name], detail: `${waitingBytes} bytes unread` });
    session.drop();
  }

  // ── REST ──────────────────────────────────────────────────────────────────

  /** Answers one GET; "hang" means never. Header names in lower case. */
  request(path: string, headers: Readonly<Record<string, string>>): RestAnswer | "hang" {
    const early = this.#rate.before(this.nowMs, path);
    if (early !== undefined) return early;
    const outcome = answerRest(this, path, headers);
    this.#rate.spend(outcome.weight);
    return { status: outcome.status, headers: this.#rate.headers(), body: outcome.body };
  }

  symbols(): readonly SymbolSpec[] {
    return this.model.specs();
  }

  symbol(name: string): ReturnType<RestVenue["symbol"]> {
    const market = this.model.market(name);
    const state = this.#states.get(name);
    if (market === undefined || state === undefined || market.delisted) return undefined;
    return { spec: market.spec, trades: state.trades, aggregates: state.aggregates, openInterestLots: market.openInterestLots, mark: state.mark };
  }

  isDelisted(name: string): boolean {
    return this.model.market(name)?.delisted === true;
  }

  // ── faults ────────────────────────────────────────────────────────────────

  /** Starts a fault now; answers one line that says what will happen. Faults: `sim.unknown-symbol`. */
  inject(fault: SimFault): string {
    if ("symbol" in fault && fault.symbol !== undefined) this.#market(fault.symbol);
    switch (fault.name) {
      case "late-print":
        return this.#latePrint(fault.symbol ?? this.#anySymbol(), fault.delayMs);
      case "disconnect":
      case "abrupt-disconnect":
      case "half-open":
        return this.#hitSessions(fault.name, fault.sessions);
      case "stall-after-ack":
        this.#stall += fault.connections;
        return `the next ${fault.connections} connections will acknowledge and stay silent`;
      case "refuse-connections":
        this.#refuse += fault.connections;
        return `the next ${fault.connections} connections will be refused`;
      case "retired-endpoint":
        this.#retired = fault.on;
        return this.#note("retired-endpoint", `the old endpoint is ${fault.on ? "silent" : "alive again"}`);
      case "clock-skew":
        this.model.stampOffsetMs = fault.ms;
        return this.#note("clock-skew", `the exchange's clock is off by ${fault.ms} ms`);
      case "dead-symbol":
        return this.#delist(fault.symbol ?? this.#anySymbol());
      case "rest-429":
      case "rest-418":
      case "rest-403":
      case "rest-5xx":
      case "rest-empty":
      case "rest-hang":
        this.#rate.inject(fault, this.nowMs);
        return `REST: ${fault.name}`;
      default:
        this.#faults.add(fault);
        return `${fault.name}: the next ${fault.count} ${fault.channel ?? ""} messages`;
    }
  }

  #market(symbol: string): NonNullable<ReturnType<MarketModel["market"]>> {
    const market = this.model.market(symbol);
    if (market === undefined) throw asFault("sim.unknown-symbol", `the simulator has no market ${JSON.stringify(symbol)}; it has ${[...this.#states.keys()].join(", ")}`);
    return market;
  }

  #anySymbol(): string {
    const [first] = this.#states.keys();
    assert(first !== undefined, "a simulation has at least one symbol");
    return first;
  }

  #note(what: SimFault["name"], detail: string): string {
    this.ledger.add({ atMs: this.stampedNowMs, what, detail });
    return detail;
  }

  #latePrint(symbol: string, delayMs: number): string {
    this.model.latePrint(symbol, {
      delayMs,
      onPrinted: ({ aggId, timeMs }) => {
        this.ledger.add({
          atMs: this.stampedNowMs, what: "late-print", stream: `${symbol.toLowerCase()}@aggTrade`, symbol, fromId: aggId, toId: aggId, timeMs,
          detail: `aggregate ${aggId} printed ${delayMs} ms late`,
        });
      },
    });
    return `the next ${symbol} order will be printed ${delayMs} ms late`;
  }

  #hitSessions(name: "disconnect" | "abrupt-disconnect" | "half-open", count: number | undefined): string {
    const hit = [...this.#sessions].filter((session) => !session.halfOpen).slice(0, count ?? this.#sessions.size);
    for (const session of hit) {
      if (name === "disconnect") session.close(1001, "going away");
      else if (name === "abrupt-disconnect") session.drop();
      else session.halfOpen = true;
    }
    const sessions = hit.map((session) => session.name);
    this.ledger.add({ atMs: this.stampedNowMs, what: name, sessions, detail: `${hit.length} connections` });
    return `${name}: ${hit.length} connections`;
  }

  #delist(symbol: string): string {
    this.#market(symbol).delisted = true;
    this.ledger.add({ atMs: this.stampedNowMs, what: "dead-symbol", symbol, detail: `${symbol} is delisted` });
    return `${symbol} is delisted`;
  }
}

function freshState(spec: SymbolSpec, capacity: number): SymbolState {
  const name = spec.symbol.toLowerCase();
  return {
    trades: new TradeHistory(capacity), aggregates: new TradeHistory(capacity),
    mark: { spec, mark: 0, settle: 0, index: 0, fundingRate: 0, nextFundingMs: 0, eventMs: 0 },
    streams: { trade: `${name}@trade`, aggTrade: `${name}@aggTrade`, bookTicker: `${name}@bookTicker`, markFast: `${name}@markPrice@1s`, markSlow: `${name}@markPrice` },
  };
}
