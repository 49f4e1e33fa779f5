// OKX v5 swaps: market events as pushes (aggregated trades with their counts, best offer, mark, index, funding, open interest), requests, notices,
// REST and its limits per route.
import type { Dialect, RateRules, RestOutcome, VenueCore, WireFaults } from "../dialect.ts";
import type { MarketTraits } from "../market-model.ts";
import type { SimAggTrade, SimBook, SimMark, SimTrade, SymbolSpec } from "../market-types.ts";
import type { Opening, WireSession } from "../session.ts";
import type { StreamState } from "../stream.ts";
import { SymbolFigures } from "../symbol-figures.ts";
import { answerRequest, connectionId } from "./requests.ts";
import { answerRest, type RestSymbol } from "./rest.ts";
import { streamKey } from "./stream-key.ts";
import {
  bookText, candleText, fundingText, indexId, indexText, markText, openInterestText, singleTradeText, swapId, tickerText, tradeText,
} from "./text.ts";

const JSON_TYPE = Object.freeze({ "content-type": "application/json" });
/** Requests per 2 s and route; routes that are not named allow 20. */
const LIMITS: Readonly<Record<string, number>> = { "/api/v5/public/time": 10, "/api/v5/market/trades": 100, "/api/v5/market/candles": 40 };
const LIMIT_OTHERWISE = 20;
const WINDOW_MS = 2_000;
const BEAT_MS = 100;
const OPEN_INTEREST_EVERY_S = 3;
const FUNDING_EVERY_S = 60;
const CANDLE_EVERY_MS = 1_000;

const RULES: RateRules = {
  bucket(path) {
    const name = path.split("?", 1)[0] ?? path;
    return { name, limit: Object.hasOwn(LIMITS, name) ? (LIMITS[name] ?? LIMIT_OTHERWISE) : LIMIT_OTHERWISE, windowMs: WINDOW_MS };
  },
  headers: () => JSON_TYPE,
  tooMany: () => ({ status: 429, headers: {}, body: '{"msg":"Too Many Requests","code":"50011"}' }),
  // Asking on is refused on, for as long as it lasts; nobody is banned for that.
  ignoredMax: Number.POSITIVE_INFINITY,
  banMs: 300_000,
  banStatus: 403,
  banned: () => ({ status: 403, headers: { "content-type": "text/html" }, body: "<html><head><title>403 Forbidden</title></head></html>" }),
  unavailable: () => ({ status: 503, headers: JSON_TYPE, body: '{"code":"50001","data":[],"msg":"Service temporarily unavailable. Try again later."}' }),
  empty: () => ({ status: 200, headers: {}, body: '{"code":"0","data":[],"msg":""}' }),
};

const FAULTS: WireFaults = {
  wrapped: (_stream, text) => text,
  conflicting: (text) => text.replace(/("sz":"[\d.]*|"bids":\[\["[\d.]*","[\d.]*)(\d)(")/, (_, head: string, digit: string, tail: string) => `${head}${digit === "9" ? 8 : Number(digit) + 1}${tail}`),
  shifted: (text, byMs) => text.replace(/("ts":")(\d+)/g, (_, head: string, ms: string) => `${head}${Number(ms) + byMs}`),
  wrongTypes: (text) => text.replace(/("(?:px|markPx)":)"([\d.]+)"/, "$1$2").replace(/("ts":)"(\d+)"/, "$1$2"),
  unknownStream: (symbol) => `{"arg":{"channel":"nobody-knows","instId":"${symbol.slice(0, -4)}-USDT-SWAP"},"data":[{}]}`,
  oversized: (stream, bytes) => `{"arg":${stream.key},"data":[{"x":"${"x".repeat(Math.max(0, bytes - 80))}"}]}`,
};

const CHANNELS = ["trades", "trades-all", "bbo-tbt", "mark-price", "index-tickers", "funding-rate", "open-interest", "tickers", "candle1m"] as const;
type Channel = (typeof CHANNELS)[number];
/** Channels of the business address; the others are public. */
const BUSINESS: ReadonlySet<string> = new Set(["trades-all", "candle1m"]);

interface SymbolState {
  readonly spec: SymbolSpec;
  readonly instId: string;
  readonly figures: SymbolFigures;
  readonly streams: Readonly<Record<Channel, StreamState>>;
  book: SimBook;
  mark: SimMark;
  seconds: number;
  tickerDirty: boolean;
}

const NO_IDS: readonly string[] = Object.freeze([]);

export class OkxDialect implements Dialect {
  readonly traits: MarketTraits = { dialect: "okx", label: "okx", offBook: false, messagePerOrder: false, lagMs: 40, regularPerSecond: 2.35 };
  readonly foldChannel = "trades";
  readonly rules = RULES;
  readonly faults = FAULTS;
  readonly beatEveryMs = BEAT_MS;
  readonly closing = { lifeMs: 86_400_000, code: 1001, reason: "service upgrade", noticeMs: 60_000 };
  readonly idle = { afterMs: 30_000, code: 4_004, reason: "No data received in 30s." };
  readonly connects = { count: 3, windowMs: 1_000 };
  readonly #core: VenueCore;
  readonly #states = new Map<string, SymbolState>();

  constructor(core: VenueCore) {
    this.#core = core;
  }

  endpoints(host: string): Readonly<Record<string, string>> {
    return { ws_public: `ws://${host}/ws/v5/public`, ws_business: `ws://${host}/ws/v5/business`, rest: `http://${host}` };
  }

  listed(spec: SymbolSpec): void {
    const { symbol } = spec;
    const instId = swapId(spec);
    const streams = Object.fromEntries(CHANNELS.map((channel) => [
      channel, this.#core.stream(streamKey(channel, channel === "index-tickers" ? indexId(spec) : instId), symbol, channel),
    ])) as Record<Channel, StreamState>;
    this.#states.set(symbol, {
      spec, instId, figures: new SymbolFigures(spec), streams, seconds: 0, tickerDirty: false,
      book: { spec, updateId: 0, bid: 0, bidQty: 0, ask: 0, askQty: 0, timeMs: 0, eventMs: 0 },
      mark: { spec, mark: 0, settle: 0, index: 0, fundingRate: 0, nextFundingMs: 0, eventMs: 0 },
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
    const state = this.#state(trade.spec.symbol);
    state.figures.add(trade);
    state.tickerDirty = true;
    const stream = state.streams["trades-all"];
    if (!stream.heard) return;
    const { id, timeMs } = trade;
    this.#core.say({ stream, ids: [String(id)], fromId: id, toId: id, timeMs, text: singleTradeText(state.instId, trade.spec, { ...trade, firstId: id, lastId: id }) });
  }

  aggTrade(trade: SimAggTrade): void {
    const { instId, streams: { trades: stream }, book } = this.#state(trade.spec.symbol);
    const { firstId, lastId, timeMs } = trade;
    const ids: string[] = [];
    for (let id = firstId; id <= lastId; id += 1) ids.push(String(id));
    if (stream.heard) this.#core.say({ stream, ids, fromId: firstId, toId: lastId, timeMs, text: tradeText(instId, trade, book.updateId) });
    else this.#core.unsaid(stream, ids, timeMs);
  }

  book(book: SimBook): void {
    const state = this.#state(book.spec.symbol);
    state.book = book;
    state.tickerDirty = true;
    const stream = state.streams["bbo-tbt"];
    if (stream.heard) this.#core.say({ stream, ids: NO_IDS, fromId: book.updateId, toId: book.updateId, timeMs: book.timeMs, text: bookText(state.instId, book) });
  }

  /** Once a second: mark and index; every third second open interest, each minute funding. */
  mark(mark: SimMark): void {
    const state = this.#state(mark.spec.symbol);
    state.mark = mark;
    state.seconds += 1;
    this.#regular(state, "mark-price", mark.eventMs);
    this.#regular(state, "index-tickers", mark.eventMs);
    if (state.seconds % OPEN_INTEREST_EVERY_S === 0) this.#regular(state, "open-interest", mark.eventMs);
    if (state.seconds % FUNDING_EVERY_S === 0) this.#regular(state, "funding-rate", mark.eventMs);
  }

  beat(atMs: number): void {
    const stampMs = atMs + this.#core.stampOffsetMs;
    for (const [symbol, state] of this.#states) {
      if (!this.#core.alive(symbol)) continue;
      if (state.tickerDirty) this.#regular(state, "tickers", stampMs);
      state.tickerDirty = false;
      if (atMs % CANDLE_EVERY_MS === 0) this.#candles(state, stampMs);
    }
  }

  #regular(state: SymbolState, channel: Channel, timeMs: number): void {
    const stream = state.streams[channel];
    if (!stream.heard) return;
    const text = this.#current(state, channel, timeMs);
    if (text !== undefined) this.#core.say({ stream, ids: NO_IDS, fromId: undefined, toId: undefined, timeMs, text });
  }

  /** The present state of a channel that has one. */
  #current({ spec, instId, figures, book, mark }: SymbolState, channel: Channel, timeMs: number): string | undefined {
    switch (channel) {
      case "bbo-tbt":
        return bookText(instId, book);
      case "mark-price":
        return markText(instId, mark);
      case "index-tickers":
        return indexText(figures, mark);
      case "funding-rate":
        return fundingText(instId, mark);
      case "open-interest":
        return openInterestText(instId, spec, this.#core.model.market(spec.symbol)?.openInterestLots ?? 0, mark, timeMs);
      case "tickers":
        return tickerText(instId, figures, book, timeMs);
      default:
        return undefined;
    }
  }

  #candles({ spec, instId, figures, streams: { candle1m: stream } }: SymbolState, stampMs: number): void {
    figures.turn(stampMs);
    const { finished, minute } = figures;
    if (minute === undefined || !figures.dirty) return;
    figures.dirty = false;
    figures.finished = undefined;
    if (!stream.heard) return;
    const say = (text: string): void => { this.#core.say({ stream, ids: NO_IDS, fromId: undefined, toId: undefined, timeMs: stampMs, text }); };
    if (finished !== undefined) say(candleText(instId, spec, finished, true));
    if (minute.count > 0) say(candleText(instId, spec, minute, false));
  }

  tradeId(_symbol: string, id: number): string {
    return String(id);
  }

  idsOf(symbol: string, { firstId, lastId }: { readonly firstId: number; readonly lastId: number }): ReturnType<Dialect["idsOf"]> {
    const ids: string[] = [];
    for (let id = firstId; id <= lastId; id += 1) ids.push(String(id));
    return { stream: this.#state(symbol).streams.trades, ids, fromId: firstId, toId: lastId };
  }

  // ── connections ───────────────────────────────────────────────────────────

  owns(path: string): boolean {
    return path.startsWith("/ws/v5/") || path.startsWith("/api/v5/");
  }

  open(path: string): Opening | undefined {
    const match = /^\/ws\/v5\/(public|business)$/.exec(new URL(path, "ws://sim.invalid").pathname);
    return match === null ? undefined : { kind: match[1] ?? "", combined: false, streams: [] };
  }

  opened(): void {}

  receive(session: WireSession, text: string, nowMs: number): void {
    answerRequest({
      core: this.#core,
      carries: (stream) => BUSINESS.has(stream.channel) === (session.kind === "business"),
      flooded: (detail) => { this.#core.flooded(session, detail); },
      subscribed: (stream) => { this.#snapshot(session, stream); },
    }, session, text, nowMs);
  }

  #snapshot(session: WireSession, stream: StreamState): void {
    const state = this.#state(stream.symbol);
    if (state.book.bid === 0) return;
    const text = this.#current(state, stream.channel as Channel, this.#core.stampedNowMs);
    if (text !== undefined) this.#core.sayTo(session, stream, text);
  }

  notice(session: WireSession): string {
    return JSON.stringify({
      event: "notice", code: "64008", msg: "The connection will soon be closed for a service upgrade. Please reconnect.", connId: connectionId(session),
    });
  }

  isRetired(): boolean {
    return false;
  }

  // ── REST ──────────────────────────────────────────────────────────────────

  rest(path: string): RestOutcome {
    return answerRest({
      core: this.#core,
      all: () => [...this.#states.keys()].flatMap((symbol) => this.#restSymbol(symbol) ?? []),
    }, path);
  }

  #restSymbol(symbol: string): RestSymbol | undefined {
    const market = this.#core.model.market(symbol);
    const { spec, instId, figures, book, mark } = this.#state(symbol);
    if (market === undefined || market.delisted) return undefined;
    return { spec, instId, figures, book, mark, openInterestLots: market.openInterestLots, trades: this.#core.trades(symbol) };
  }
}
