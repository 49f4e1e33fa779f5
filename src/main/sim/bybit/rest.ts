// The REST half of the simulated Bybit v5: market routes of the linear category, parameter rules and error bodies, as pure answers.
import { INTERVAL_MS, type Interval } from "../../../shared/time.ts";
import type { RestOutcome, VenueCore } from "../dialect.ts";
import { formatUnits, shortUnits, type SimMark, type SymbolSpec } from "../market-types.ts";
import { restInstrument, restKline, restTrade } from "./text.ts";

interface Context {
  readonly core: VenueCore;
  uuid(symbol: string, id: number): string;
  ticker(symbol: string): readonly (readonly [string, string])[];
  mark(symbol: string): SimMark;
}

class RestError extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

const TRADES_MAX = 1_000;
const KLINES_MAX = 1_000;
const FUNDING_MAX = 200;
const FUNDING_PERIOD_MS = 28_800_000;
const KLINE_INTERVALS: Readonly<Record<string, Interval>> = { "1": "1m", "5": "5m", "15": "15m", "60": "1h", "240": "4h", D: "1d" };

export function envelope(code: number, said: string, result: string, atMs: number): string {
  return `{"retCode":${code},"retMsg":${JSON.stringify(said)},"result":${result},"retExtInfo":{},"time":${atMs}}`;
}

function whole(query: URLSearchParams, name: string, preset: number, max: number): number {
  const text = query.get(name);
  if (text === null) return preset;
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= 1)) throw new RestError(10001, `params error: ${name} invalid`);
  return Math.min(value, max);
}

function checkCategory(query: URLSearchParams): void {
  if (query.get("category") !== "linear") throw new RestError(10001, "params error: Category is invalid");
}

function specOf({ core }: Context, query: URLSearchParams): SymbolSpec {
  const symbol = query.get("symbol") ?? "";
  const market = core.model.market(symbol);
  if (market === undefined || market.delisted) throw new RestError(10001, "params error: symbol invalid");
  return market.spec;
}

/** The newest trades, newest first. No way to ask for older ones. */
function recentTrade(context: Context, query: URLSearchParams): string {
  checkCategory(query);
  const spec = specOf(context, query);
  const newest = context.core.trades(spec.symbol).newest(whole(query, "limit", 500, TRADES_MAX));
  const items = newest.map((trade) => restTrade(spec, trade, context.uuid(spec.symbol, trade.id), trade.id)).reverse();
  return `{"category":"linear","list":[${items.join(",")}]}`;
}

function instruments(context: Context, query: URLSearchParams): string {
  checkCategory(query);
  const wanted = query.get("symbol");
  const status = query.get("status") ?? "Trading";
  const items = context.core.specs()
    .map((spec, index) => ({ spec, index, isAlive: context.core.alive(spec.symbol) }))
    .filter(({ spec, isAlive }) => (wanted === null ? isAlive === (status === "Trading") : spec.symbol === wanted));
  if (wanted !== null && items.length === 0) throw new RestError(10001, "params error: symbol invalid");
  return `{"category":"linear","list":[${items.map(({ spec, index, isAlive }) => restInstrument(spec, isAlive ? "Trading" : "Closed", 5 + index)).join(",")}],"nextPageCursor":""}`;
}

function tickers(context: Context, query: URLSearchParams): string {
  checkCategory(query);
  const specs = query.has("symbol") ? [specOf(context, query)] : context.core.specs().filter(({ symbol }) => context.core.alive(symbol));
  const items = specs.map(({ symbol }) => JSON.stringify({ symbol, ...Object.fromEntries(context.ticker(symbol)) }));
  return `{"category":"linear","list":[${items.join(",")}]}`;
}

/** Newest first; buckets without trades are left out. */
function klines(context: Context, query: URLSearchParams): string {
  const spec = specOf(context, query);
  const interval = KLINE_INTERVALS[query.get("interval") ?? ""];
  if (interval === undefined) throw new RestError(10001, "params error: Invalid period!");
  const limit = whole(query, "limit", 200, KLINES_MAX);
  const untilMs = whole(query, "end", context.core.stampedNowMs, Number.MAX_SAFE_INTEGER) + 1;
  const fromMs = whole(query, "start", Math.max(1, untilMs - limit * INTERVAL_MS[interval]), Number.MAX_SAFE_INTEGER);
  const candles = context.core.truth.query({ symbol: spec.symbol, interval, fromMs, untilMs }).slice(-limit);
  return `{"category":"linear","symbol":"${spec.symbol}","list":[${candles.map(restKline).reverse().join(",")}]}`;
}

function openInterest(context: Context, query: URLSearchParams): string {
  const spec = specOf(context, query);
  const lots = context.core.model.market(spec.symbol)?.openInterestLots ?? 0;
  const atMs = Math.floor(context.core.stampedNowMs / 300_000) * 300_000;
  return `{"symbol":"${spec.symbol}","category":"linear","list":[{"openInterest":"${formatUnits(lots, spec.qtyScale)}","timestamp":"${atMs}"}],"nextPageCursor":""}`;
}

function fundingHistory(context: Context, query: URLSearchParams): string {
  const spec = specOf(context, query);
  const rate = shortUnits(context.mark(spec.symbol).fundingRate, 8);
  const last = Math.floor(context.core.stampedNowMs / FUNDING_PERIOD_MS) * FUNDING_PERIOD_MS;
  const count = whole(query, "limit", FUNDING_MAX, FUNDING_MAX);
  const items = Array.from({ length: Math.min(count, 3) }, (_, index) => `{"symbol":"${spec.symbol}","fundingRate":"${rate}","fundingRateTimestamp":"${last - index * FUNDING_PERIOD_MS}"}`);
  return `{"category":"linear","list":[${items.join(",")}]}`;
}

function time({ core }: Context): string {
  const ms = core.stampedNowMs;
  return `{"timeSecond":"${Math.floor(ms / 1_000)}","timeNano":"${ms}000000"}`;
}

const ROUTES: Readonly<Record<string, (context: Context, query: URLSearchParams) => string>> = {
  "/v5/market/time": time,
  "/v5/market/recent-trade": recentTrade,
  "/v5/market/instruments-info": instruments,
  "/v5/market/tickers": tickers,
  "/v5/market/kline": klines,
  "/v5/market/open-interest": openInterest,
  "/v5/market/funding/history": fundingHistory,
};

/** Answers one GET: refusals come with HTTP 200 and a code. Never throws for anything that a client can send. */
export function answerRest(context: Context, path: string): RestOutcome {
  const url = new URL(path, "http://sim.invalid");
  const route = Object.hasOwn(ROUTES, url.pathname) ? ROUTES[url.pathname] : undefined;
  const atMs = context.core.stampedNowMs;
  if (route === undefined) return { weight: 1, status: 404, body: envelope(10404, "Not Found", "{}", atMs) };
  try {
    return { weight: 1, status: 200, body: envelope(0, "OK", route(context, url.searchParams), atMs) };
  } catch (error) {
    if (!(error instanceof RestError)) throw error;
    return { weight: 1, status: 200, body: envelope(error.code, error.message, "{}", atMs) };
  }
}
