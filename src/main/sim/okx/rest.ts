// The REST half of the simulated OKX v5: public and market routes of swaps, parameter rules and error bodies, as pure answers.
import { INTERVAL_MS, type Interval } from "../../../shared/time.ts";
import type { RestOutcome, VenueCore } from "../dialect.ts";
import type { SimBook, SimMark, SymbolSpec } from "../market-types.ts";
import type { SymbolFigures } from "../symbol-figures.ts";
import type { Remembered, TradeHistory } from "../trade-history.ts";
import { fundingItem, indexId, indexItem, markItem, openInterestItem, restCandle, restInstrument, restTrade, tickerItem } from "./text.ts";

export interface RestSymbol {
  readonly spec: SymbolSpec;
  readonly instId: string;
  readonly figures: SymbolFigures;
  readonly book: SimBook;
  readonly mark: SimMark;
  readonly openInterestLots: number;
  readonly trades: TradeHistory;
}

interface Context {
  readonly core: VenueCore;
  /** All that are traded now. */
  all(): readonly RestSymbol[];
}

class RestError extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const PAGE_MAX = 100;
const TRADES_MAX = 500;
const CANDLES_MAX = 300;
const BARS: Readonly<Record<string, Interval>> = { "1m": "1m", "5m": "5m", "15m": "15m", "1H": "1h", "4H": "4h", "1Dutc": "1d" };

function whole(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === "") return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new RestError(400, "51000", `Parameter ${name} error`);
  return Number(text);
}

function limitOf(query: URLSearchParams, preset: number, max: number): number {
  const limit = whole(query, "limit") ?? preset;
  if (limit < 1) throw new RestError(400, "51000", "Parameter limit error");
  return Math.min(limit, max);
}

function oneOf(context: Context, query: URLSearchParams, name = "instId"): RestSymbol {
  const wanted = query.get(name);
  if (wanted === null || wanted === "") throw new RestError(400, "50014", `Parameter ${name} cannot be empty.`);
  const found = context.all().find(({ instId }) => instId === wanted);
  if (found === undefined) throw new RestError(200, "51001", "Instrument ID, Instrument ID code, or Spread ID doesn't exist.");
  return found;
}

/** All swaps, or the one that is named. */
function swaps(context: Context, query: URLSearchParams): readonly RestSymbol[] {
  if (query.get("instType") !== "SWAP") throw new RestError(400, "51000", "Parameter instType error");
  return query.has("instId") ? [oneOf(context, query)] : context.all();
}

/** Newest first: below an id (type 1), or before a time (type 2). */
function historyTrades(context: Context, query: URLSearchParams): readonly string[] {
  const { spec, instId, trades } = oneOf(context, query);
  const limit = limitOf(query, PAGE_MAX, PAGE_MAX);
  const after = whole(query, "after");
  const before = whole(query, "before");
  const byTime = query.get("type") === "2";
  let found: readonly Remembered[];
  if (byTime) {
    found = trades.within(0, (after ?? Number.MAX_SAFE_INTEGER) - 1, Number.POSITIVE_INFINITY).slice(-limit);
  } else {
    const newest = Math.min(trades.newestId ?? -1, (after ?? Number.MAX_SAFE_INTEGER) - 1);
    found = newest < (trades.oldestId ?? 0) ? [] : trades.fromId(Math.max(newest - limit + 1, (before ?? -1) + 1), limit).filter(({ id }) => id <= newest);
  }
  return found.map((trade) => restTrade(instId, spec, trade)).reverse();
}

function newestTrades(context: Context, query: URLSearchParams): readonly string[] {
  const { spec, instId, trades } = oneOf(context, query);
  return trades.newest(limitOf(query, 100, TRADES_MAX)).map((trade) => restTrade(instId, spec, trade)).reverse();
}

function candles(context: Context, query: URLSearchParams): readonly string[] {
  const { spec } = oneOf(context, query);
  const interval = BARS[query.get("bar") ?? "1m"];
  if (interval === undefined) throw new RestError(400, "51000", "Parameter bar error");
  const limit = limitOf(query, 100, CANDLES_MAX);
  const untilMs = Math.min(whole(query, "after") ?? Number.MAX_SAFE_INTEGER, context.core.stampedNowMs + 1);
  const fromMs = Math.max((whole(query, "before") ?? 0) + 1, untilMs - limit * INTERVAL_MS[interval]);
  return context.core.truth.query({ symbol: spec.symbol, interval, fromMs, untilMs }).slice(-limit)
    .map((candle) => restCandle(spec, candle, candle.openMs + INTERVAL_MS[interval] <= context.core.stampedNowMs)).reverse();
}

const ROUTES: Readonly<Record<string, (context: Context, query: URLSearchParams) => readonly string[]>> = {
  "/api/v5/public/time": ({ core }) => [`{"ts":"${core.stampedNowMs}"}`],
  "/api/v5/public/instruments": (context, query) => swaps(context, query).map(({ spec }) => restInstrument(spec)),
  "/api/v5/public/open-interest": (context, query) => swaps(context, query).map(({ spec, instId, openInterestLots, mark }) => openInterestItem(instId, spec, openInterestLots, mark, context.core.stampedNowMs)),
  "/api/v5/public/mark-price": (context, query) => swaps(context, query).map(({ instId, mark }) => markItem(instId, mark)),
  "/api/v5/public/funding-rate": (context, query) => {
    const { instId, mark } = oneOf(context, query);
    return [fundingItem(instId, mark)];
  },
  "/api/v5/market/index-tickers": (context, query) => context.all().filter(({ spec }) => !query.has("instId") || indexId(spec) === query.get("instId")).map(({ figures, mark }) => indexItem(figures, mark)),
  "/api/v5/market/ticker": (context, query) => {
    const { instId, figures, book } = oneOf(context, query);
    return [tickerItem(instId, figures, book, context.core.stampedNowMs)];
  },
  "/api/v5/market/tickers": (context, query) => swaps(context, query).map(({ instId, figures, book }) => tickerItem(instId, figures, book, context.core.stampedNowMs)),
  "/api/v5/market/history-trades": historyTrades,
  "/api/v5/market/trades": newestTrades,
  "/api/v5/market/candles": candles,
};

function refusal(status: number, code: string, said: string): RestOutcome {
  return { weight: 1, status, body: `{"code":"${code}","data":[],"msg":${JSON.stringify(said)}}` };
}

/** Answers one GET. Never throws for anything that a client can send. */
export function answerRest(context: Context, path: string): RestOutcome {
  const url = new URL(path, "http://sim.invalid");
  const route = Object.hasOwn(ROUTES, url.pathname) ? ROUTES[url.pathname] : undefined;
  if (route === undefined) return refusal(404, "50404", "Not Found");
  try {
    return { weight: 1, status: 200, body: `{"code":"0","data":[${route(context, url.searchParams).join(",")}],"msg":""}` };
  } catch (error) {
    if (!(error instanceof RestError)) throw error;
    return refusal(error.status, error.code, error.message);
  }
}
