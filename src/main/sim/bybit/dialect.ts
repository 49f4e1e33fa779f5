// Bybit v5 linear: market events as pushes (trades per order, best offer with its sign of life, tickers by what changed, candles), requests,
// REST and its limits.
import type { Dialect, RateRules, RestOutcome, VenueCore, WireFaults } from "../dialect.ts";
import type { MarketTraits } from "../market-model.ts";
import type { SimBook, SimMark, SimTrade, SymbolSpec } from "../market-types.ts";
import { idHash, type StreamState } from "../stream.ts";
import type { Opening, WireSession } from "../session.ts";
import { SymbolFigures } from "../symbol-figures.ts";
import { answerRequest } from "./requests.ts";
import { answerRest, envelope } from "./rest.ts";
import { bookText, klineItem, klineText, tickDirection, tickerFields, tickerText, tradesText, tradeUuid, type PushedTrade } from "./text.ts";

const JSON_TYPE = Object.freeze({ "content-type": "application/json; charset=utf-8" });
/** Requests per 5 s and address, whatever they ask for. */
const REQUESTS_MAX = 600;
const TICKER_EVERY_MS = 100;
const KLINE_EVERY_MS = 1_000;
/** The best offer is said again after so long without change. */
const QUIET_MS = 3_000;

const RULES: RateRules = {
  bucket: () => ({ name: "", limit: REQUESTS_MAX, windowMs: 5_000 }),
  headers: () => JSON_TYPE,
  // One endpoint's limit: refused under HTTP 200, by its code.
  tooMany: (retryAfterS) => ({
    status: 200, headers: { "x-bapi-limit": String(REQUESTS_MAX), "x-bapi-limit-status": "0", "retry-after": String(retryAfterS) },
    body: envelope(10006, "Too many visits. Exceeded the API Rate Limit.", "{}", 0),
  }),
  ignoredMax: 0,
  banMs: 600_000,
  banStatus: 403,
  banned: () => ({ status: 403, headers: { "content-type": "text/plain" }, body: "access too frequent" }),
  unavailable: () => ({ status: 503, headers: JSON_TYPE, body: envelope(10016, "Internal server error.", "{}", 0) }),
  empty: (_path, nowMs) => ({ status: 200, headers: {}, body: envelope(0, "OK", '{"category":"linear","list":[]}', Math.floor(nowMs)) }),
};

const FAULTS: WireFaults = {
  wrapped: (_stream, text) => text,
  conflicting: (text) => text.replace(/("(?:v|bid1Size|openInterest)":"[\d.]*)(\d)(")/, (_, head: string, digit: string, tail: string) => `${head}${digit === "9" ? 8 : Number(digit) + 1}${tail}`),
  shifted: (text, byMs) => text.replace(/("(?:T|ts|cts)":)(\d+)/g, (_, head: string, ms: string) => `${head}${Number(ms) + byMs}`),
  wrongTypes: (text) => text.replace(/("(?:p|lastPrice)":)"([\d.]+)"/, "$1$2").replace(/("(?:T|cts)":)(\d+)/, '$1"$2"'),
  unknownStream: (symbol) => `{"topic":"nobodyKnows.${symbol}","type":"snapshot","ts":1,"data":[]}`,
  oversized: (stream, bytes) => `{"topic":"${stream.key}","type":"snapshot","ts":1,"data":"${"x".repeat(Math.max(0, bytes - 80))}"}`,
};

interface SymbolState {
  readonly figures: SymbolFigures;
  /** Makes this market's UUIDs. */
  readonly idKey: number;
  readonly trades: StreamState;
  readonly quotes: StreamState;
  readonly tickers: StreamState;
  readonly klines: StreamState;
  /** Trades of the order that is being filled. */
  pushed: PushedTrade[];
  book: SimBook;
  bookSaidMs: number;
  u: number;
  mark: SimMark;
  /** The ticker as subscribers know it. */
  ticker: Map<string, string>;
  cs: number;
}

const NO_IDS: readonly string[] = Object.freeze([]);
/** Members that come in pairs: a delta that names one names the other. */
const PAIRED: Readonly<Record<string, string>> = { bid1Price: "bid1Size", bid1Size: "bid1Price", ask1Price: "ask1Size", ask1Size: "ask1Price" };

export class BybitDialect implements Dialect {
  readonly traits: MarketTraits = { dialect: "bybit", label: "bybit", offBook: true, messagePerOrder: true, lagMs: 25, regularPerSecond: 11 };
  readonly foldChannel = "publicTrade";
  readonly rules = RULES;
  readonly faults = FAULTS;
  readonly beatEveryMs = TICKER_EVERY_MS;
  readonly closing = { lifeMs: Number.POSITIVE_INFINITY, code: 1001, reason: "going away", noticeMs: 0 };
  readonly idle = { afterMs: 600_000, code: 1000, reason: "no ping" };
  readonly connects = { count: 500, windowMs: 300_000 };
  readonly #core: VenueCore;
  readonly #seed: number;
  readonly #states = new Map<string, SymbolState>();

  constructor(core: VenueCore, seed: number) {
    this.#core = core;
    this.#seed = seed;
  }

  endpoints(host: string): Readonly<Record<string, string>> {
    return { ws_public: `ws://${host}/v5/public/linear`, rest: `http://${host}` };
  }

  listed(spec: SymbolSpec): void {
    const { symbol } = spec;
    const stream = (channel: string): StreamState => this.#core.stream(`${channel}.${symbol}`, symbol, channel);
    this.#states.set(symbol, {
      figures: new SymbolFigures(spec), idKey: idHash(`${this.#core.venue} ${this.#seed} ${symbol}`),
      trades: stream("publicTrade"), quotes: stream("orderbook.1"), tickers: stream("tickers"), klines: stream("kline.1"),
      pushed: [], book: { spec, updateId: 0, bid: 0, bidQty: 0, ask: 0, askQty: 0, timeMs: 0, eventMs: 0 }, bookSaidMs: 0, u: 1_000,
      mark: { spec, mark: 0, settle: 0, index: 0, fundingRate: 0, nextFundingMs: 0, eventMs: 0 }, ticker: new Map(), cs: 0,
    });
  }

  /** The next push of each book is its first. */
  restarted(): void {
    for (const state of this.#states.values()) state.u = 0;
  }

  #state(symbol: string): SymbolState {
    const state = this.#states.get(symbol);
    if (state === undefined) throw new Error(`Invariant: market ${symbol} has no state`);
    return state;
  }

  // ── market ────────────────────────────────────────────────────────────────

  trade(trade: SimTrade): void {
    const state = this.#state(trade.spec.symbol);
    state.figures.add(trade);
    state.pushed.push({ trade, id: tradeUuid(state.idKey, trade.id), direction: tickDirection(state.figures) });
  }

  aggTrade(): void {}

  orderDone(spec: SymbolSpec): void {
    const state = this.#state(spec.symbol);
    const { pushed, trades: stream } = state;
    const [first] = pushed;
    if (first === undefined) return;
    state.pushed = [];
    const ids = pushed.map(({ id }) => id);
    const { timeMs } = first.trade;
    if (!stream.heard) {
      this.#core.unsaid(stream, ids, timeMs);
      return;
    }
    this.#core.say({ stream, ids, fromId: undefined, toId: undefined, timeMs, text: tradesText(spec, pushed, state.book.updateId) });
  }

  book(book: SimBook): void {
    const state = this.#state(book.spec.symbol);
    state.book = book;
    state.u += 1;
    if (state.quotes.heard) this.#sayBook(state, book.eventMs);
  }

  #sayBook(state: SymbolState, tsMs: number): void {
    state.u = Math.max(1, state.u);
    const { quotes: stream, book, u } = state;
    state.bookSaidMs = tsMs;
    this.#core.say({ stream, ids: NO_IDS, fromId: u, toId: u, timeMs: book.timeMs, text: bookText(book, u, tsMs) });
  }

  mark(mark: SimMark): void {
    this.#state(mark.spec.symbol).mark = mark;
  }

  beat(atMs: number): void {
    const stampMs = atMs + this.#core.stampOffsetMs;
    for (const [symbol, state] of this.#states) {
      if (!this.#core.alive(symbol)) continue;
      if (state.tickers.heard && state.ticker.size > 0) this.#sayTicker(symbol, state, stampMs);
      if (state.quotes.heard && state.book.bid > 0 && stampMs - state.bookSaidMs >= QUIET_MS) this.#sayBook(state, stampMs);
      if (atMs % KLINE_EVERY_MS === 0) this.#sayKline(state, stampMs);
    }
  }

  #fields(symbol: string, state: SymbolState): readonly (readonly [string, string])[] {
    const openInterestLots = this.#core.model.market(symbol)?.openInterestLots ?? 0;
    return tickerFields({ figures: state.figures, book: state.book, mark: state.mark, openInterestLots });
  }

  #sayTicker(symbol: string, state: SymbolState, stampMs: number): void {
    const { tickers: stream, ticker } = state;
    const fields = this.#fields(symbol, state);
    const changed = new Set<string>();
    for (const [name, value] of fields) {
      if (ticker.get(name) === value) continue;
      changed.add(name);
      const pair = PAIRED[name];
      if (pair !== undefined) changed.add(pair);
      ticker.set(name, value);
    }
    if (changed.size === 0) return;
    state.cs += 1 + (state.book.updateId % 40);
    const text = tickerText(symbol, "delta", fields.filter(([name]) => changed.has(name)), state.cs, stampMs);
    this.#core.say({ stream, ids: NO_IDS, fromId: undefined, toId: undefined, timeMs: stampMs, text });
  }

  /** Candle by candle: what has ended is said once more, with `confirm`, beside the one that began. */
  #sayKline({ figures, klines: stream }: SymbolState, stampMs: number): void {
    figures.turn(stampMs);
    const { finished, minute, spec } = figures;
    if (minute === undefined || !figures.dirty) return;
    figures.dirty = false;
    figures.finished = undefined;
    if (!stream.heard) return;
    const items = finished === undefined ? [] : [klineItem(spec, finished, true, stampMs)];
    items.push(klineItem(spec, minute, false, stampMs));
    this.#core.say({ stream, ids: NO_IDS, fromId: undefined, toId: undefined, timeMs: stampMs, text: klineText(spec, items, stampMs) });
  }

  tradeId(symbol: string, id: number): string {
    return tradeUuid(this.#state(symbol).idKey, id);
  }

  idsOf(symbol: string, { firstId, lastId }: { readonly firstId: number; readonly lastId: number }): ReturnType<Dialect["idsOf"]> {
    const { trades: stream, idKey } = this.#state(symbol);
    const ids: string[] = [];
    for (let id = firstId; id <= lastId; id += 1) ids.push(tradeUuid(idKey, id));
    return { stream, ids, fromId: undefined, toId: undefined };
  }

  // ── connections ───────────────────────────────────────────────────────────

  owns(path: string): boolean {
    return path.startsWith("/v5/");
  }

  open(path: string): Opening | undefined {
    return new URL(path, "ws://sim.invalid").pathname === "/v5/public/linear" ? { kind: "linear", combined: false, streams: [] } : undefined;
  }

  opened(): void {}

  receive(session: WireSession, text: string): void {
    answerRequest({ core: this.#core, snapshot: (client, stream) => { this.#snapshot(client, stream); } }, session, text);
  }

  /** What a new subscriber is told at once: the whole ticker, the best offer. */
  #snapshot(session: WireSession, stream: StreamState): void {
    const state = this.#state(stream.symbol);
    const stampMs = this.#core.stampedNowMs;
    if (stream === state.quotes && state.book.bid > 0) {
      state.u = Math.max(1, state.u);
      this.#core.sayTo(session, stream, bookText(state.book, state.u, stampMs));
    }
    if (stream !== state.tickers || state.book.bid === 0) return;
    // With other subscribers the ticker is what they know, so that one delta fits all.
    if (state.ticker.size === 0 || stream.sessions.size === 1) state.ticker = new Map(this.#fields(stream.symbol, state));
    this.#core.sayTo(session, stream, tickerText(stream.symbol, "snapshot", [...state.ticker], state.cs, stampMs));
  }

  notice(): undefined {}

  isRetired(): boolean {
    return false;
  }

  // ── REST ──────────────────────────────────────────────────────────────────

  rest(path: string): RestOutcome {
    return answerRest({
      core: this.#core,
      uuid: (symbol, id) => this.tradeId(symbol, id),
      ticker: (symbol) => this.#fields(symbol, this.#state(symbol)),
      mark: (symbol) => this.#state(symbol).mark,
    }, path);
  }
}
