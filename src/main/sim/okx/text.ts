// The texts that OKX's v5 sends for USDT swaps, member for member in its order, as in the real captures and their later additions (shape test
// beside). Numbers have no zeros that say nothing; sizes are contracts.
import { formatUnits, shortUnits, type SimAggTrade, type SimBook, type SimMark, type SymbolSpec } from "../market-types.ts";
import { baseUnits } from "../specs.ts";
import type { SymbolFigures, VenueMinute } from "../symbol-figures.ts";
import type { Remembered } from "../trade-history.ts";
import type { TrueCandle } from "../true-candles.ts";

export function swapId(spec: SymbolSpec): string {
  return `${spec.baseAsset}-${spec.quoteAsset}-SWAP`;
}

export function indexId(spec: SymbolSpec): string {
  return `${spec.baseAsset}-${spec.quoteAsset}`;
}

function short(mantissa: bigint, scale: number): string {
  const text = formatUnits(mantissa, scale);
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** Base units of a number of contracts in lots. */
function base(spec: SymbolSpec, lots: number): string {
  const { mantissa, scale } = baseUnits(spec, BigInt(lots));
  return short(mantissa, scale);
}

/** Quote units of price units × lots. */
function quote(spec: SymbolSpec, turnover: number): string {
  const { mantissa, scale } = baseUnits(spec, BigInt(turnover));
  return short(mantissa, scale + spec.priceScale);
}

/** Mark and index are at scale 8 in the market; the venue writes them with a digit or so more than its ticks have. */
function finer(value: number, spec: SymbolSpec): string {
  const drop = 10 ** (8 - Math.min(8, spec.priceScale + 1));
  return shortUnits(Math.round(value / drop), Math.min(8, spec.priceScale + 1));
}

function push(channel: string, instId: string, item: string): string {
  return `{"arg":{"channel":"${channel}","instId":"${instId}"},"data":[${item}]}`;
}

/** One push per taker order and price: `tradeId` is the last of `count` ids. */
export function tradeText(instId: string, trade: SimAggTrade, seqId: number): string {
  const { spec } = trade;
  return `{"arg":{"channel":"trades","instId":"${instId}"},"data":[{"instId":"${instId}","tradeId":"${trade.lastId}","px":"${shortUnits(trade.price, spec.priceScale)}","sz":"${shortUnits(trade.qty, spec.qtyScale)}","side":"${trade.buyerIsMaker ? "sell" : "buy"}","ts":"${trade.timeMs}","count":"${trade.lastId - trade.firstId + 1}","source":"0","seqId":${seqId}}]}`;
}

export function singleTradeText(instId: string, spec: SymbolSpec, trade: Remembered): string {
  return push("trades-all", instId, `{"instId":"${instId}","tradeId":"${trade.id}","px":"${shortUnits(trade.price, spec.priceScale)}","sz":"${shortUnits(trade.qty, spec.qtyScale)}","side":"${trade.buyerIsMaker ? "sell" : "buy"}","source":"0","ts":"${trade.timeMs}"}`);
}

function orders(lots: number): number {
  return 1 + (lots % 23);
}

export function bookText(instId: string, book: SimBook): string {
  const { spec } = book;
  const price = spec.priceScale;
  const size = spec.qtyScale;
  return `{"arg":{"channel":"bbo-tbt","instId":"${instId}"},"data":[{"asks":[["${shortUnits(book.ask, price)}","${shortUnits(book.askQty, size)}","0","${orders(book.askQty)}"]],"bids":[["${shortUnits(book.bid, price)}","${shortUnits(book.bidQty, size)}","0","${orders(book.bidQty)}"]],"ts":"${book.timeMs}","seqId":${book.updateId}}]}`;
}

export function markItem(instId: string, mark: SimMark): string {
  return `{"instId":"${instId}","instType":"SWAP","markPx":"${finer(mark.mark, mark.spec)}","ts":"${mark.eventMs}"}`;
}

export function markText(instId: string, mark: SimMark): string {
  return push("mark-price", instId, markItem(instId, mark));
}

export function indexItem(figures: SymbolFigures, mark: SimMark): string {
  const { spec } = mark;
  const price = (units: number): string => shortUnits(units, spec.priceScale);
  return `{"instId":"${indexId(spec)}","idxPx":"${finer(mark.index, spec)}","open24h":"${price(figures.first)}","high24h":"${price(figures.high)}","low24h":"${price(figures.low)}","sodUtc0":"${price(figures.first)}","sodUtc8":"${price(figures.first)}","ts":"${mark.eventMs}"}`;
}

export function indexText(figures: SymbolFigures, mark: SimMark): string {
  return push("index-tickers", indexId(mark.spec), indexItem(figures, mark));
}

const FUNDING_PERIOD_MS = 28_800_000;

/** `fundingTime` is the next settlement. The venue's rates have sixteen decimals. */
export function fundingItem(instId: string, mark: SimMark): string {
  const rate = shortUnits(mark.fundingRate, 8);
  return `{"formulaType":"noRate","fundingRate":"${rate}","fundingTime":"${mark.nextFundingMs}","impactValue":"","instId":"${instId}","instType":"SWAP","interestRate":"","maxFundingRate":"0.00375","method":"current_period","minFundingRate":"-0.00375","nextFundingRate":"","nextFundingTime":"${mark.nextFundingMs + FUNDING_PERIOD_MS}","premium":"${rate}","settFundingRate":"${rate}","settState":"settled","ts":"${mark.eventMs}"}`;
}

export function fundingText(instId: string, mark: SimMark): string {
  return push("funding-rate", instId, fundingItem(instId, mark));
}

export function openInterestItem(instId: string, spec: SymbolSpec, lots: number, mark: SimMark, atMs: number): string {
  const { mantissa, scale } = baseUnits(spec, BigInt(lots));
  const usd = ((Number(mantissa) / 10 ** scale) * mark.mark) / 1e8;
  return `{"instId":"${instId}","instType":"SWAP","oi":"${shortUnits(lots, spec.qtyScale)}","oiCcy":"${base(spec, lots)}","oiUsd":"${usd.toFixed(2)}","ts":"${atMs}"}`;
}

export function openInterestText(instId: string, spec: SymbolSpec, lots: number, mark: SimMark, atMs: number): string {
  return push("open-interest", instId, openInterestItem(instId, spec, lots, mark, atMs));
}

export function tickerItem(instId: string, figures: SymbolFigures, book: SimBook, atMs: number): string {
  const { spec } = figures;
  const price = (units: number): string => shortUnits(units, spec.priceScale);
  const size = (lots: number): string => shortUnits(lots, spec.qtyScale);
  return `{"instType":"SWAP","instId":"${instId}","last":"${price(figures.last)}","lastSz":"${size(figures.lastLots)}","askPx":"${price(book.ask)}","askSz":"${size(book.askQty)}","bidPx":"${price(book.bid)}","bidSz":"${size(book.bidQty)}","open24h":"${price(figures.first)}","high24h":"${price(figures.high)}","low24h":"${price(figures.low)}","sodUtc0":"${price(figures.first)}","sodUtc8":"${price(figures.first)}","volCcy24h":"${base(spec, figures.lots)}","vol24h":"${size(figures.lots)}","ts":"${atMs}"}`;
}

export function tickerText(instId: string, figures: SymbolFigures, book: SimBook, atMs: number): string {
  return push("tickers", instId, tickerItem(instId, figures, book, atMs));
}

/** Time, open, high, low, close, contracts, base units, quote units, over or not. */
export function candleText(instId: string, spec: SymbolSpec, minute: VenueMinute, isOver: boolean): string {
  const price = (units: number): string => shortUnits(units, spec.priceScale);
  return push("candle1m", instId, `["${minute.openMs}","${price(minute.open)}","${price(minute.high)}","${price(minute.low)}","${price(minute.close)}","${shortUnits(minute.lots, spec.qtyScale)}","${base(spec, minute.lots)}","${quote(spec, minute.turnover)}","${isOver ? 1 : 0}"]`);
}

// ── REST bodies ──────────────────────────────────────────────────────────────

export function restTrade(instId: string, spec: SymbolSpec, trade: Remembered): string {
  return `{"instId":"${instId}","side":"${trade.buyerIsMaker ? "sell" : "buy"}","sz":"${shortUnits(trade.qty, spec.qtyScale)}","source":"0","px":"${shortUnits(trade.price, spec.priceScale)}","tradeId":"${trade.id}","ts":"${trade.timeMs}"}`;
}

function trimmed(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** A true candle in the venue's row: sizes back in contracts. */
export function restCandle(spec: SymbolSpec, candle: TrueCandle, isOver: boolean): string {
  const units = spec.contract === undefined ? 1 : spec.contract.multiplier / 10 ** spec.contract.scale;
  const contracts = Math.round((Number(candle.volume) / units) * 10 ** spec.qtyScale);
  const texts = [candle.open, candle.high, candle.low, candle.close].map(trimmed);
  return `["${candle.openMs}","${texts.join('","')}","${shortUnits(contracts, spec.qtyScale)}","${trimmed(candle.volume)}","${trimmed(candle.quoteVolume)}","${isOver ? 1 : 0}"]`;
}

export function restInstrument(spec: SymbolSpec): string {
  const contract = spec.contract ?? { multiplier: 1, scale: 0 };
  const lot = shortUnits(1, spec.qtyScale);
  return JSON.stringify({
    alias: "", baseCcy: "", category: "1", ctMult: "1", ctType: "linear", ctVal: shortUnits(contract.multiplier, contract.scale), ctValCcy: spec.baseAsset, expTime: "",
    instFamily: indexId(spec), instId: swapId(spec), instType: "SWAP", lever: "100", listTime: "1611916828000", lotSz: lot, maxIcebergSz: "100000000", maxLmtSz: "100000000",
    maxMktSz: "12000", maxStopSz: "12000", maxTriggerSz: "100000000", maxTwapSz: "100000000", minSz: lot, optType: "", quoteCcy: "", ruleType: "normal",
    settleCcy: spec.quoteAsset, state: "live", stk: "", tickSz: shortUnits(spec.tickUnits, spec.priceScale), uly: indexId(spec),
  });
}
