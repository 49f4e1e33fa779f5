// The texts that Binance USD-M sends, field for field in its order, as in the real captures (shape test beside).
import { formatUnits, type SimAggTrade, type SimBook, type SimMark, type SimTrade, type SymbolSpec } from "../market-types.ts";
import type { VenueMinute } from "../symbol-figures.ts";
import type { Remembered } from "../trade-history.ts";
import type { TrueCandle } from "../true-candles.ts";

export function tradeText(trade: SimTrade): string {
  const { spec } = trade;
  return `{"e":"trade","E":${trade.eventMs},"T":${trade.timeMs},"s":"${spec.symbol}","t":${trade.id},"p":"${formatUnits(trade.price, spec.priceScale)}","q":"${formatUnits(trade.qty, spec.qtyScale)}","X":"${trade.isMarket ? "MARKET" : "INSURANCE_FUND"}","m":${trade.buyerIsMaker}}`;
}

export function aggTradeText(trade: SimAggTrade): string {
  const { spec } = trade;
  return `{"e":"aggTrade","E":${trade.eventMs},"a":${trade.id},"s":"${spec.symbol}","p":"${formatUnits(trade.price, spec.priceScale)}","q":"${formatUnits(trade.qty, spec.qtyScale)}","f":${trade.firstId},"l":${trade.lastId},"T":${trade.timeMs},"m":${trade.buyerIsMaker}}`;
}

export function bookText(book: SimBook): string {
  const { spec } = book;
  return `{"e":"bookTicker","u":${book.updateId},"s":"${spec.symbol}","b":"${formatUnits(book.bid, spec.priceScale)}","B":"${formatUnits(book.bidQty, spec.qtyScale)}","a":"${formatUnits(book.ask, spec.priceScale)}","A":"${formatUnits(book.askQty, spec.qtyScale)}","T":${book.timeMs},"E":${book.eventMs}}`;
}

export function markText(mark: SimMark): string {
  return `{"e":"markPriceUpdate","E":${mark.eventMs},"s":"${mark.spec.symbol}","p":"${formatUnits(mark.mark, 8)}","P":"${formatUnits(mark.settle, 8)}","i":"${formatUnits(mark.index, 8)}","r":"${formatUnits(mark.fundingRate, 8)}","T":${mark.nextFundingMs}}`;
}

/** The venue's own minute: `f` and `L` are ids of single trades, `V` and `Q` what takers bought. */
export function klineText(spec: SymbolSpec, minute: VenueMinute, isOver: boolean, atMs: number): string {
  const { symbol, priceScale, qtyScale } = spec;
  const price = (units: number): string => formatUnits(units, priceScale);
  const lots = (units: number): string => formatUnits(units, qtyScale);
  const quote = (units: number): string => formatUnits(units, priceScale + qtyScale);
  return `{"e":"kline","E":${atMs},"s":"${symbol}","k":{"t":${minute.openMs},"T":${minute.openMs + 59_999},"s":"${symbol}","i":"1m","f":${minute.firstId},"L":${minute.lastId},"o":"${price(minute.open)}","c":"${price(minute.close)}","h":"${price(minute.high)}","l":"${price(minute.low)}","v":"${lots(minute.lots)}","n":${minute.count},"x":${isOver},"q":"${quote(minute.turnover)}","V":"${lots(minute.buyLots)}","Q":"${quote(minute.buyTurnover)}","B":"0"}}`;
}

export function wrapped(stream: string, data: string): string {
  return `{"stream":"${stream}","data":${data}}`;
}

// ── REST bodies ──────────────────────────────────────────────────────────────

export function restAggTrade(spec: SymbolSpec, trade: Remembered): string {
  return `{"a":${trade.id},"p":"${formatUnits(trade.price, spec.priceScale)}","q":"${formatUnits(trade.qty, spec.qtyScale)}","f":${trade.firstId},"l":${trade.lastId},"T":${trade.timeMs},"m":${trade.buyerIsMaker}}`;
}

export function restTrade(spec: SymbolSpec, trade: Remembered): string {
  const quote = BigInt(trade.price) * BigInt(trade.qty);
  // The venue rounds quoteQty to the price's decimals; half up on a positive amount.
  const divisor = 10n ** BigInt(spec.qtyScale);
  const rounded = (quote + divisor / 2n) / divisor;
  return `{"id":${trade.id},"price":"${formatUnits(trade.price, spec.priceScale)}","qty":"${formatUnits(trade.qty, spec.qtyScale)}","quoteQty":"${formatUnits(rounded, spec.priceScale)}","time":${trade.timeMs},"isBuyerMaker":${trade.buyerIsMaker}}`;
}

export function restOpenInterest(spec: SymbolSpec, lots: number, timeMs: number): string {
  return `{"symbol":"${spec.symbol}","openInterest":"${formatUnits(lots, spec.qtyScale)}","time":${timeMs}}`;
}

export function restPremiumIndex(mark: SimMark): string {
  return `{"symbol":"${mark.spec.symbol}","markPrice":"${formatUnits(mark.mark, 8)}","indexPrice":"${formatUnits(mark.index, 8)}","estimatedSettlePrice":"${formatUnits(mark.settle, 8)}","lastFundingRate":"${formatUnits(mark.fundingRate, 8)}","interestRate":"0.00010000","nextFundingTime":${mark.nextFundingMs},"time":${mark.eventMs}}`;
}

export function restKline(candle: TrueCandle, lengthMs: number): string {
  return `[${candle.openMs},"${candle.open}","${candle.high}","${candle.low}","${candle.close}","${candle.volume}",${candle.openMs + lengthMs - 1},"${candle.quoteVolume}",${candle.tradeCount},"${candle.takerBuyVolume}","${candle.takerBuyQuoteVolume}","0"]`;
}

export function restSymbol(spec: SymbolSpec, status: "TRADING" | "SETTLING"): string {
  const tick = formatUnits(spec.tickUnits, spec.priceScale);
  const step = formatUnits(1, spec.qtyScale);
  return JSON.stringify({
    symbol: spec.symbol, pair: spec.symbol, contractType: "PERPETUAL", deliveryDate: 4_133_404_800_000, onboardDate: 1_569_398_400_000,
    status, baseAsset: spec.baseAsset, quoteAsset: spec.quoteAsset, marginAsset: spec.quoteAsset, pricePrecision: spec.priceScale,
    quantityPrecision: spec.qtyScale, baseAssetPrecision: 8, quotePrecision: 8, underlyingType: "COIN", underlyingSubType: [],
    filters: [
      { filterType: "PRICE_FILTER", minPrice: tick, maxPrice: "1000000", tickSize: tick },
      { filterType: "LOT_SIZE", minQty: step, maxQty: "1000", stepSize: step },
    ],
    orderTypes: ["LIMIT", "MARKET"], timeInForce: ["GTC", "IOC", "FOK", "GTX"],
  });
}
