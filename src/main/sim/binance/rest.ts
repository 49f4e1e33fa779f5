// The REST half of the simulated Binance USD-M: routes, parameter rules, weights and error bodies, as pure answers.
import { INTERVAL_MS, isInterval } from "../../../shared/time.ts";
import type { RestOutcome } from "../dialect.ts";
import { restAggTrade, restKline, restOpenInterest, restPremiumIndex, restSymbol, restTrade } from "./text.ts";
import { formatUnits, type SimMark, type SymbolSpec } from "../market-types.ts";
import type { TradeHistory } from "../trade-history.ts";
import type { TrueCandle, TrueCandles } from "../true-candles.ts";

export interface RestSymbol {
  readonly spec: SymbolSpec;
  readonly trades: TradeHistory;
  readonly aggregates: TradeHistory;
  readonly openInterestLots: number;
  readonly mark: SimMark;
}

/** What REST may know of the venue. */
export interface RestVenue {
  /** Exchange time by the (possibly skewed) stamped clock, epoch ms. */
  readonly stampedNowMs: number;
  readonly truth: TrueCandles;
  symbols(): readonly SymbolSpec[];
  /** Undefined for unknown and delisted symbols. */
  symbol(name: string): RestSymbol | undefined;
  isDelisted(name: string): boolean;
}

class RestError extends Error {
  readonly status: number;
  readonly code: number;
  constructor(status: number, code: number, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const HOUR_MS = 3_600_000;
const LIMIT_MAX = 1_000;
const KLINES_MAX = 1_500;

function whole(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  if (!/^\d{1,20}$/.test(text)) throw new RestError(400, -1100, `Illegal characters found in parameter '${name}'; legal range is '^[0-9]{1,20}$'.`);
  return Number(text);
}

function limitOf(query: URLSearchParams, preset: number, max: number): number {
  const limit = whole(query, "limit") ?? preset;
  if (limit < 1 || limit > max) throw new RestError(400, -1130, "Data sent for parameter 'limit' is not valid.");
  return limit;
}

function symbolOf(venue: RestVenue, query: URLSearchParams): RestSymbol {
  const name = query.get("symbol");
  if (name === null || name === "") throw new RestError(400, -1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.");
  const found = venue.symbol(name);
  if (found === undefined) throw new RestError(400, -1121, "Invalid symbol.");
  return found;
}

function aggTrades(venue: RestVenue, query: URLSearchParams): string {
  const { spec, aggregates } = symbolOf(venue, query);
  const limit = limitOf(query, 500, LIMIT_MAX);
  const fromId = whole(query, "fromId");
  const startMs = whole(query, "startTime");
  const endMs = whole(query, "endTime");
  if (fromId !== undefined && (startMs !== undefined || endMs !== undefined)) {
    throw new RestError(400, -1128, "Combination of optional parameters invalid.");
  }
  if (startMs !== undefined && endMs !== undefined) {
    if (startMs > endMs) throw new RestError(400, -1023, "Start time is greater than end time.");
    if (endMs - startMs >= HOUR_MS) throw new RestError(400, -1127, "More than 1 hours between startTime and endTime.");
  }
  const found =
    fromId !== undefined ? aggregates.fromId(fromId, limit)
    : startMs !== undefined ? aggregates.within(startMs, endMs ?? startMs + HOUR_MS, limit)
    : endMs !== undefined ? aggregates.within(endMs - HOUR_MS, endMs, Number.POSITIVE_INFINITY).slice(-limit)
    : aggregates.newest(limit);
  return `[${found.map((trade) => restAggTrade(spec, trade)).join(",")}]`;
}

/** Insurance-fund trades are left out, as the venue's documents say. */
function trades(venue: RestVenue, query: URLSearchParams, from: "newest" | "id"): string {
  const { spec, trades: history } = symbolOf(venue, query);
  const limit = limitOf(query, 500, LIMIT_MAX);
  const fromId = from === "id" ? whole(query, "fromId") : undefined;
  const found = fromId === undefined ? history.newest(limit) : history.fromId(fromId, limit);
  return `[${found.filter((trade) => trade.isMarket).map((trade) => restTrade(spec, trade)).join(",")}]`;
}

/** Buckets without trades repeat the close before, with zeros: so does the venue. */
function klines(venue: RestVenue, query: URLSearchParams): string {
  const { spec } = symbolOf(venue, query);
  const interval = query.get("interval");
  if (interval === null || !isInterval(interval) || INTERVAL_MS[interval] < INTERVAL_MS["1m"]) throw new RestError(400, -1120, "Invalid interval.");
  const limit = limitOf(query, 500, KLINES_MAX);
  const length = INTERVAL_MS[interval];
  const newest = Math.floor(venue.stampedNowMs / length) * length;
  const startMs = whole(query, "startTime");
  const endMs = Math.min(whole(query, "endTime") ?? newest, newest);
  const last = Math.floor(endMs / length) * length;
  const first = startMs === undefined ? last - (limit - 1) * length : Math.ceil(startMs / length) * length;
  const known = new Map(venue.truth.query({ symbol: spec.symbol, interval, fromMs: first, untilMs: last + length }).map((candle) => [candle.openMs, candle]));
  const rows: string[] = [];
  let carried = venue.truth.before(spec.symbol, interval, first);
  for (let openMs = first; openMs <= last && rows.length < limit; openMs += length) {
    const candle = known.get(openMs) ?? (carried === undefined ? undefined : emptyCandle(spec, carried, openMs));
    if (candle === undefined) continue;
    rows.push(restKline(candle, length));
    carried = candle;
  }
  return `[${rows.join(",")}]`;
}

function emptyCandle(spec: SymbolSpec, before: TrueCandle, openMs: number): TrueCandle {
  const volume = formatUnits(0, spec.qtyScale);
  const quote = formatUnits(0, spec.priceScale + spec.qtyScale);
  return {
    ...before, openMs, open: before.close, high: before.close, low: before.close, volume, quoteVolume: quote, tradeCount: 0,
    takerBuyVolume: volume, takerBuyQuoteVolume: quote,
  };
}

function exchangeInfo(venue: RestVenue): string {
  const symbols = venue.symbols().map((spec) => restSymbol(spec, venue.isDelisted(spec.symbol) ? "SETTLING" : "TRADING"));
  return (
    `{"timezone":"UTC","serverTime":${venue.stampedNowMs},"futuresType":"U_MARGINED",` +
    '"rateLimits":[{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":2400}],' +
    `"exchangeFilters":[],"assets":[{"asset":"USDT","marginAvailable":true,"autoAssetExchange":"-10000"}],"symbols":[${symbols.join(",")}]}`
  );
}

function premiumIndex(venue: RestVenue, query: URLSearchParams): string {
  if (query.has("symbol")) return restPremiumIndex(symbolOf(venue, query).mark);
  const marks = venue.symbols().flatMap((spec) => venue.symbol(spec.symbol)?.mark ?? []);
  return `[${marks.map(restPremiumIndex).join(",")}]`;
}

function klineWeight(query: URLSearchParams): number {
  const limit = Number(query.get("limit") ?? 500);
  return limit < 100 ? 1 : limit < 500 ? 2 : limit <= 1_000 ? 5 : 10;
}

/** Answers one GET. Never throws for anything that a client can send. */
export function answerRest(venue: RestVenue, path: string, headers: Readonly<Record<string, string>>): RestOutcome {
  const url = new URL(path, "http://sim.invalid");
  const query = url.searchParams;
  const routes: Readonly<Record<string, { weight: number; body: () => string }>> = {
    "/fapi/v1/ping": { weight: 1, body: () => "{}" },
    "/fapi/v1/time": { weight: 1, body: () => `{"serverTime":${venue.stampedNowMs}}` },
    "/fapi/v1/exchangeInfo": { weight: 1, body: () => exchangeInfo(venue) },
    "/fapi/v1/aggTrades": { weight: 20, body: () => aggTrades(venue, query) },
    "/fapi/v1/trades": { weight: 5, body: () => trades(venue, query, "newest") },
    "/fapi/v1/historicalTrades": { weight: 20, body: () => {
      // The venue gives older single trades only to holders of an API key.
      if (headers["x-mbx-apikey"] === undefined) throw new RestError(401, -2014, "API-key format invalid.");
      return trades(venue, query, "id");
    } },
    "/fapi/v1/klines": { weight: klineWeight(query), body: () => klines(venue, query) },
    "/fapi/v1/openInterest": { weight: 1, body: () => {
      const { spec, openInterestLots } = symbolOf(venue, query);
      return restOpenInterest(spec, openInterestLots, venue.stampedNowMs);
    } },
    "/fapi/v1/premiumIndex": { weight: query.has("symbol") ? 1 : 10, body: () => premiumIndex(venue, query) },
  };
  const route = Object.hasOwn(routes, url.pathname) ? routes[url.pathname] : undefined;
  if (route === undefined) return { weight: 1, status: 404, body: '{"code":-5000,"msg":"Path not found"}' };
  try {
    return { weight: route.weight, status: 200, body: route.body() };
  } catch (error) {
    if (!(error instanceof RestError)) throw error;
    return { weight: route.weight, status: error.status, body: JSON.stringify({ code: error.code, msg: error.message }) };
  }
}
