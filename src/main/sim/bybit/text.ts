// The texts that Bybit's v5 sends for linear perpetuals, member for member in its order, as in the real captures (shape test beside).
import { formatUnits, shortUnits, type SimBook, type SimMark, type SimTrade, type SymbolSpec } from "../market-types.ts";
import type { SymbolFigures, VenueMinute } from "../symbol-figures.ts";
import type { Remembered } from "../trade-history.ts";
import type { TrueCandle } from "../true-candles.ts";

export const FUNDING_HOURS = "8";

function hex(value: number): string {
  return value.toString(16).padStart(8, "0");
}

function mixed(value: number): number {
  let hash = value | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x21f0aaad);
  hash = Math.imul(hash ^ (hash >>> 15), 0x735a2d97);
  return (hash ^ (hash >>> 15)) >>> 0;
}

/** The UUID of a market's trade: a function of both numbers, so that a checker can ask for it again. */
export function tradeUuid(market: number, id: number): string {
  const low = mixed(market ^ Math.imul(id % 4_294_967_296, 0x9e3779b1) ^ Math.floor(id / 4_294_967_296));
  const a = mixed(low + 0x6d2b79f5);
  const b = mixed(a ^ market);
  const c = mixed(b + id);
  const second = hex(b);
  const third = hex(c);
  return `${hex(a)}-${second.slice(0, 4)}-5${second.slice(5, 8)}-${((c >>> 30) | 8).toString(16)}${third.slice(1, 4)}-${third.slice(4)}${hex(mixed(c ^ low))}`;
}

/** `PlusTick`, `ZeroMinusTick` …: how a price stands to the one before. */
export function tickDirection({ direction, changed }: SymbolFigures): string {
  return `${changed ? "" : "Zero"}${direction === 1 ? "Plus" : "Minus"}Tick`;
}

export interface PushedTrade { readonly trade: SimTrade; readonly id: string; readonly direction: string }

export function tradesText(spec: SymbolSpec, trades: readonly PushedTrade[], seq: number): string {
  let items = "";
  let eventMs = 0;
  for (const { trade, id, direction } of trades) {
    eventMs = trade.eventMs;
    items += `${items === "" ? "" : ","}{"T":${trade.timeMs},"s":"${spec.symbol}","S":"${trade.buyerIsMaker ? "Sell" : "Buy"}","v":"${formatUnits(trade.qty, spec.qtyScale)}","p":"${formatUnits(trade.price, spec.priceScale)}","L":"${direction}","i":"${id}","BT":${!trade.isMarket},"RPI":false,"seq":${seq}}`;
  }
  return `{"topic":"publicTrade.${spec.symbol}","type":"snapshot","ts":${eventMs},"data":[${items}]}`;
}

/** `u`: the venue's count of this book's pushes; `seq`: the cross sequence shared with trades. */
export function bookText(book: SimBook, u: number, tsMs: number): string {
  const { spec } = book;
  return `{"topic":"orderbook.1.${spec.symbol}","type":"snapshot","ts":${tsMs},"data":{"s":"${spec.symbol}","b":[["${formatUnits(book.bid, spec.priceScale)}","${formatUnits(book.bidQty, spec.qtyScale)}"]],"a":[["${formatUnits(book.ask, spec.priceScale)}","${formatUnits(book.askQty, spec.qtyScale)}"]],"u":${u},"seq":${book.updateId}},"cts":${book.timeMs}}`;
}

export function klineItem(spec: SymbolSpec, minute: VenueMinute, confirm: boolean, atMs: number): string {
  const price = (units: number): string => shortUnits(units, spec.priceScale);
  const high = Math.max(minute.high, minute.carriedOpen);
  const low = Math.min(minute.low, minute.carriedOpen);
  return `{"start":${minute.openMs},"end":${minute.openMs + 59_999},"interval":"1","open":"${price(minute.carriedOpen)}","close":"${price(minute.close)}","high":"${price(high)}","low":"${price(low)}","volume":"${shortUnits(minute.lots, spec.qtyScale)}","turnover":"${shortUnits(minute.turnover, spec.priceScale + spec.qtyScale)}","confirm":${confirm},"timestamp":${atMs}}`;
}

export function klineText(spec: SymbolSpec, items: readonly string[], atMs: number): string {
  return `{"topic":"kline.1.${spec.symbol}","data":[${items.join(",")}],"ts":${atMs},"type":"snapshot"}`;
}

export interface TickerInput { readonly figures: SymbolFigures; readonly book: SimBook; readonly mark: SimMark; readonly openInterestLots: number }

/** Every member of a ticker in the venue's order, `symbol` apart. Ticker prices stand at the price's scale, also mark and index. */
export function tickerFields({ figures, book, mark, openInterestLots }: TickerInput): readonly (readonly [string, string])[] {
  const { spec } = figures;
  const price = (units: number): string => formatUnits(units, spec.priceScale);
  const qty = (lots: number): string => formatUnits(lots, spec.qtyScale);
  const scaled = (value: number): number => Math.round(value / 10 ** (8 - spec.priceScale));
  const lotsPerUnit = 10 ** spec.qtyScale;
  const unitsPerUsd = 10 ** spec.priceScale;
  const markUnits = scaled(mark.mark);
  const openInterestUsd = ((openInterestLots / lotsPerUnit) * markUnits) / unitsPerUsd;
  const single = Math.round(openInterestLots / 2);
  return [
    ["tickDirection", tickDirection(figures)],
    ["price24hPcnt", ((figures.last - figures.first) / figures.first).toFixed(6)],
    ["lastPrice", price(figures.last)],
    ["prevPrice24h", price(figures.first)],
    ["highPrice24h", price(figures.high)],
    ["lowPrice24h", price(figures.low)],
    ["prevPrice1h", price(figures.first)],
    ["markPrice", price(markUnits)],
    ["indexPrice", price(scaled(mark.index))],
    ["openInterest", qty(openInterestLots)],
    ["openInterestValue", openInterestUsd.toFixed(2)],
    ["turnover24h", (figures.turnover / unitsPerUsd / lotsPerUnit).toFixed(4)],
    ["volume24h", (figures.lots / lotsPerUnit).toFixed(4)],
    ["fundingIntervalHour", FUNDING_HOURS],
    ["fundingCap", "0.005"],
    ["singleOpenInterest", qty(single)],
    ["singleOpenInterestValue", (openInterestUsd / 2).toFixed(2)],
    ["nextFundingTime", String(mark.nextFundingMs)],
    ["fundingRate", shortUnits(mark.fundingRate, 8)],
    ["bid1Price", price(book.bid)],
    ["bid1Size", qty(book.bidQty)],
    ["ask1Price", price(book.ask)],
    ["ask1Size", qty(book.askQty)],
    ["preOpenPrice", ""],
    ["preQty", ""],
    ["curPreListingPhase", ""],
  ];
}

export function tickerText(symbol: string, type: "snapshot" | "delta", fields: readonly (readonly [string, string])[], cs: number, atMs: number): string {
  let members = `"symbol":"${symbol}"`;
  for (const [name, value] of fields) members += `,"${name}":"${value}"`;
  return `{"topic":"tickers.${symbol}","type":"${type}","data":{${members}},"cs":${cs},"ts":${atMs}}`;
}

// ── REST bodies ──────────────────────────────────────────────────────────────

export function restTrade(spec: SymbolSpec, trade: Remembered, id: string, seq: number): string {
  return `{"execId":"${id}","symbol":"${spec.symbol}","price":"${formatUnits(trade.price, spec.priceScale)}","size":"${formatUnits(trade.qty, spec.qtyScale)}","side":"${trade.buyerIsMaker ? "Sell" : "Buy"}","time":"${trade.timeMs}","isBlockTrade":${!trade.isMarket},"isRPITrade":false,"seq":"${seq}"}`;
}

export function restKline(candle: TrueCandle): string {
  return `["${candle.openMs}","${candle.open}","${candle.high}","${candle.low}","${candle.close}","${candle.volume}","${candle.quoteVolume}"]`;
}

export function restInstrument(spec: SymbolSpec, status: "Trading" | "Closed", symbolId: number): string {
  const price = (units: number): string => formatUnits(units, spec.priceScale);
  const qty = (lots: number): string => formatUnits(lots, spec.qtyScale);
  const most = 1_500_000;
  return JSON.stringify({
    symbol: spec.symbol, contractType: "LinearPerpetual", status, baseCoin: spec.baseAsset, quoteCoin: spec.quoteAsset, launchTime: "1584230400000",
    deliveryTime: "0", deliveryFeeRate: "", priceScale: String(spec.priceScale),
    leverageFilter: { minLeverage: "1", maxLeverage: "100.00", leverageStep: "0.01" },
    priceFilter: { minPrice: price(spec.tickUnits), maxPrice: price(199_999_980), tickSize: price(spec.tickUnits) },
    lotSizeFilter: { maxOrderQty: qty(most), minOrderQty: qty(1), qtyStep: qty(1), postOnlyMaxOrderQty: qty(most), maxMktOrderQty: qty(most / 10), minNotionalValue: "5" },
    unifiedMarginTrade: true, fundingInterval: 480, settleCoin: spec.quoteAsset, copyTrading: "both", upperFundingRate: "0.005", lowerFundingRate: "-0.005",
    isPreListing: false, preListingInfo: null, riskParameters: { priceLimitRatioX: "0.01", priceLimitRatioY: "0.02" }, displayName: "", symbolType: "",
    forbidUplWithdrawal: false, symbolId,
  });
}
