// Binance USD-M: market events and candles as combined-stream messages, endpoints by kind, requests, REST and its limits.
import type { Dialect, RateRules, RestOutcome, VenueCore, WireFaults } from "../dialect.ts";
import type { MarketTraits } from "../market-model.ts";
import type { SimAggTrade, SimBook, SimMark, SimTrade, SymbolSpec } from "../market-types.ts";
import type { Opening, WireSession } from "../session.ts";
import type { StreamState } from "../stream.ts";
import { SymbolFigures } from "../symbol-figures.ts";
import { TradeHistory } from "../trade-history.ts";
import { answerRequest, floods } from "./requests.ts";
import { answerRest, type RestSymbol } from "./rest.ts";
import { aggTradeText, bookText, klineText, markText, tradeText, wrapped } from "./text.ts";

/** `public` carries quotes, `market` trades, marks and candles; `legacy` everything (until it retires). `trade` is served by all. */
const KINDS_OF_CHANNEL: Readonly<Record<string, readonly string[]>> = {
  aggTrade: ["market", "legacy"],
  trade: ["public", "market", "legacy"],
  bookTicker: ["public", "legacy"],
  markPrice: ["market", "legacy"],
  kline_1m: ["market", "legacy"],
};
/** A candle that trades have changed is said at most so often. */
const KLINE_EVERY_MS = 250;

const WEIGHT_LIMIT = 2_400;
const TOO_MANY = (limit: number): string => `{"code":-1003,"msg":"Too many requests; current limit of IP(127.0.0.1) is ${limit} requests per minute. Please use the websocket for live updates to avoid polling the API."}`;
const JSON_TYPE = Object.freeze({ "content-type": "application/json" });

const RULES: RateRules = {
  bucket: () => ({ name: "", limit: WEIGHT_LIMIT, windowMs: 60_000 }),
  headers: (used) => ({ ...JSON_TYPE, "x-mbx-used-weight-1m": String(used) }),
  tooMany: (retryAfterS) => ({ status: 429, headers: { "retry-after": String(retryAfterS) }, body: TOO_MANY(WEIGHT_LIMIT) }),
  ignoredMax: 10,
  banMs: 120_000,
  banStatus: 418,
  banned: (status, untilMs, nowMs) => status === 403
    ? { status, headers: { "content-type": "text/html" }, body: "<html><head><title>403 Forbidden</title></head></html>" }
    : {
        status, headers: { ...JSON_TYPE, "retry-after": String(Math.ceil((untilMs - nowMs) / 1_000)) },
        body: `{"code":-1003,"msg":"Way too many requests; IP(127.0.0.1) banned until ${untilMs}. Please use the websocket for live updates to avoid bans."}`,
      },
  unavailable: () => ({ status: 503, headers: JSON_TYPE, body: '{"code":-1000,"msg":"Service unavailable from a restricted location or overloaded."}' }),
  empty: () => ({ status: 200, headers: {}, body: "[]" }),
};

const FAULTS: WireFaults = {
  wrapped: (stream, text) => wrapped(stream.key, text),
  // The last digit of the quantity; never to zero, which would be another fault.
  conflicting: (text) => text.replace(/("[qB]":"[\d.]*)(\d)(")/, (_, head: string, digit: string, tail: string) => `${head}${digit === "9" ? 8 : Number(digit) + 1}${tail}`),
  shifted: (text, byMs) => text.replace(/("[ET]":)(\d+)/g, (_, head: string, ms: string) => `${head}${Number(ms) + byMs}`),
  wrongTypes: (text) => text.replace(/("[pb]":)"([\d.]+)"/, "$1$2").replace(/("T":)(\d+)/, '$1"$2"'),
  unknownStream: (symbol) => wrapped(`${symbol.toLowerCase()}@nobodyKnows`, '{"e":"nobodyKnows"}'),
  oversized: (stream, bytes) => wrapped(stream.key, `{"e":"oversized","x":"${"x".repeat(Math.max(0, bytes - 64))}"}`),
};

interface SymbolState {
  readonly figures: SymbolFigures;
  readonly aggregates: TradeHistory;
  mark: SimMark;
  readonly trade: StreamState;
  readonly aggTrade: StreamState;
  readonly bookTicker: StreamState;
  readonly markFast: StreamState;
  readonly markSlow: StreamState;
  readonly kline: StreamState;
}

const NO_IDS: readonly string[] = Object.freeze([]);

export class BinanceDialect implements Dialect {
  readonly traits: MarketTraits = { dialect: "binance", label: "", offBook: true, messagePerOrder: false, lagMs: 0, regularPerSecond: 1 };
  readonly foldChannel = "aggTrade";
  readonly rules = RULES;
  readonly faults = FAULTS;
  readonly beatEveryMs = KLINE_EVERY_MS;
  readonly closing = { lifeMs: 86_400_000, code: 1008, reason: "disconnected", noticeMs: 0 };
  readonly idle = undefined;
  readonly connects = undefined;
  readonly #core: VenueCore;
  readonly #states = new Map<string, SymbolState>();

  constructor(core: VenueCore) {
    this.#core = core;
  }

  endpoints(host: string): Readonly<Record<string, string>> {
    return { ws_public: `ws://${host}/public/stream?streams=`, ws_market: `ws://${host}/market/stream?streams=`, rest: `http://${host}` };
  }

  listed(spec: SymbolSpec): void {
    const { symbol } = spec;
    const name = symbol.toLowerCase();
    const stream = (wire: string, channel: string): StreamState => this.#core.stream(`${name}@${wire}`, symbol, channel);
    this.#states.set(symbol, {
      figures: new SymbolFigures(spec), aggregates: new TradeHistory(this.#core.historyTrades),
      mark: { spec, mark: 0, settle: 0, index: 0, fundingRate: 0, nextFundingMs: 0, eventMs: 0 },
      trade: stream("trade", "trade"), aggTrade: stream("aggTrade", "aggTrade"), bookTicker: stream("bookTicker", "bookTicker"),
      markFast: stream("markPrice@1s", "markPrice"), markSlow: stream("markPrice", "markPrice"),
      kline: stream("kline_1m", "kline_1m"),
    });
  }

  restarted(): void {}

  #state(symbol: string): SymbolState {
    const state = this.#states.get(symbol);
    if (state === undefined) throw new Error(`Invariant: market ${symbol} has no state`);
    return state;
  }

  // ── market ────────────────────────────────────────────────────────────────

  trade(trade: SimTrade): void {
    const { figures, trade: stream } = this.#state(trade.spec.symbol);
    figures.add(trade);
    if (!stream.heard) return;
    const { id, timeMs } = trade;
    this.#core.say({ stream, ids: [String(id)], fromId: id, toId: id, timeMs, text: tradeText(trade) });
  }

  aggTrade(trade: SimAggTrade): void {
    const { aggregates, aggTrade: stream } = this.#state(trade.spec.symbol);
    const { id, timeMs } = trade;
    aggregates.add({
      id, price: trade.price, qty: trade.qty, firstId: trade.firstId, lastId: trade.lastId, timeMs,
      buyerIsMaker: trade.buyerIsMaker, isMarket: true,
    });
    const ids = [String(id)];
    if (stream.heard) this.#core.say({ stream, ids, fromId: id, toId: id, timeMs, text: aggTradeText(trade) });
    else this.#core.unsaid(stream, ids, timeMs);
  }

  book(book: SimBook): void {
    const { bookTicker: stream } = this.#state(book.spec.symbol);
    if (stream.heard) this.#core.say({ stream, ids: NO_IDS, fromId: book.updateId, toId: book.updateId, timeMs: book.timeMs, text: bookText(book) });
  }

  mark(mark: SimMark): void {
    const state = this.#state(mark.spec.symbol);
    state.mark = mark;
    const streams = Math.floor(mark.eventMs / 1_000) % 3 === 0 ? [state.markFast, state.markSlow] : [state.markFast];
    for (const stream of streams) {
      if (stream.heard) this.#core.say({ stream, ids: NO_IDS, fromId: undefined, toId: undefined, timeMs: mark.eventMs, text: markText(mark) });
    }
  }

  beat(atMs: number): void {
    const stampMs = atMs + this.#core.stampOffsetMs;
    for (const [symbol, state] of this.#states) if (this.#core.alive(symbol)) this.#klines(state, stampMs);
  }

  /** The minute as its trades have changed it; once more, with `x`, when it is over. Minutes without a trade are not said. */
  #klines({ figures, kline: stream }: SymbolState, stampMs: number): void {
    figures.turn(stampMs);
    const { finished, minute, spec } = figures;
    if (minute === undefined || !figures.dirty) return;
    figures.dirty = false;
    figures.finished = undefined;
    if (!stream.heard) return;
    for (const [said, isOver] of [[finished, true], [minute, false]] as const) {
      if (said === undefined || said.count === 0) continue;
      this.#core.say({ stream, ids: NO_IDS, fromId: undefined, toId: undefined, timeMs: stampMs, text: klineText(spec, said, isOver, stampMs) });
    }
  }

  tradeId(_symbol: string, id: number): string {
    return String(id);
  }

  idsOf(symbol: string, { aggId }: { readonly aggId: number }): ReturnType<Dialect["idsOf"]> {
    return { stream: this.#state(symbol).aggTrade, ids: [String(aggId)], fromId: aggId, toId: aggId };
  }

  // ── connections ───────────────────────────────────────────────────────────

  owns(path: string): boolean {
    // `/ws/v5/…` would be a raw stream by Binance's grammar, and is OKX's address.
    return path.startsWith("/fapi/") || (!path.startsWith("/ws/v5/") && this.open(path) !== undefined);
  }

  open(path: string): Opening | undefined {
    const url = new URL(path, "ws://sim.invalid");
    const match = /^\/(?:(public|market)\/)?(stream|ws)(?:\/(.+))?$/.exec(url.pathname);
    if (match === null) return undefined;
    const combined = match[2] === "stream";
    const listed = combined ? url.searchParams.get("streams") : match[3];
    return { kind: match[1] ?? "legacy", combined, streams: listed === null || listed === undefined || listed === "" ? [] : listed.split("/") };
  }

  opened(session: WireSession, streams: readonly string[]): void {
    for (const name of streams) this.subscribe(session, name);
  }

  /** Names that nobody knows, or that this endpoint does not carry, are accepted and stay silent, as at the venue. */
  subscribe(session: WireSession, name: string): void {
    session.subscriptions.add(name);
    const stream = this.#core.streamOf(name);
    if (stream !== undefined && KINDS_OF_CHANNEL[stream.channel]?.includes(session.kind) === true) this.#core.subscribe(session, stream);
  }

  unsubscribe(session: WireSession, name: string): void {
    session.subscriptions.delete(name);
    const stream = this.#core.streamOf(name);
    if (stream !== undefined) this.#core.unsubscribe(session, stream);
  }

  receive(session: WireSession, text: string, nowMs: number): void {
    if (floods(session, nowMs)) {
      this.#core.flooded(session, "more than 10 messages in a second");
      session.close(1008, "Too many requests");
      return;
    }
    session.answer(answerRequest(this, session, text));
  }

  notice(): undefined {}

  isRetired(session: WireSession, stream: StreamState): boolean {
    // Trades, marks and candles acknowledge on the old endpoint and never come.
    return session.kind === "legacy" && stream.channel !== "bookTicker";
  }

  // ── REST ──────────────────────────────────────────────────────────────────

  rest(path: string, headers: Readonly<Record<string, string>>): RestOutcome {
    const core = this.#core;
    return answerRest({
      stampedNowMs: core.stampedNowMs, truth: core.truth, symbols: () => core.specs(), symbol: (name) => this.#restSymbol(name),
      isDelisted: (name) => !core.alive(name),
    }, path, headers);
  }

  #restSymbol(name: string): RestSymbol | undefined {
    const market = this.#core.model.market(name);
    const state = this.#states.get(name);
    if (market === undefined || state === undefined || market.delisted) return undefined;
    return { spec: market.spec, trades: this.#core.trades(name), aggregates: state.aggregates, openInterestLots: market.openInterestLots, mark: state.mark };
  }
}
