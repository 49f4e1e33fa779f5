// What the simulated market says, in integers: prices in units of 10^-priceScale, quantities in lots of 10^-qtyScale.
import { assert } from "../../shared/base.ts";
import { SeededRandom } from "./random.ts";

/** A perpetual future as the simulator trades it. All numbers are whole; text is made only at the wire. */
export interface SymbolSpec {
  readonly symbol: string;
  readonly baseAsset: string;
  readonly quoteAsset: string;
  /** Decimals that the venue writes; one price unit is 10^-priceScale. */
  readonly priceScale: number;
  /** Smallest price step, in price units (Binance writes BTCUSDT with 2 decimals but a tick of 0.10 = 10 units). */
  readonly tickUnits: number;
  readonly qtyScale: number;
  /** Price units at the start of the market. */
  readonly startPrice: number;
  /** Typical taker order and typical resting quantity at the best price, in lots. */
  readonly orderLots: number;
  readonly depthLots: number;
  readonly openInterestLots: number;
  /** Share of the whole market's messages. */
  readonly share: number;
}

export interface SimTrade {
  readonly spec: SymbolSpec;
  readonly id: number;
  readonly price: number;
  readonly qty: number;
  /** Stamped trade time `T` and event time `E`, epoch ms of the exchange's clock. */
  readonly timeMs: number;
  readonly eventMs: number;
  readonly buyerIsMaker: boolean;
  /** False for insurance-fund trades: on the trade stream only, never aggregated, outside candles. */
  readonly isMarket: boolean;
}
export interface SimAggTrade {
  readonly spec: SymbolSpec;
  readonly id: number;
  readonly price: number;
  readonly qty: number;
  readonly firstId: number;
  readonly lastId: number;
  readonly timeMs: number;
  readonly eventMs: number;
  readonly buyerIsMaker: boolean;
}
export interface SimBook {
  readonly spec: SymbolSpec;
  readonly updateId: number;
  readonly bid: number;
  readonly bidQty: number;
  readonly ask: number;
  readonly askQty: number;
  readonly timeMs: number;
  readonly eventMs: number;
}
/** Mark price state, once a second. The four prices and the rate are at scale 8, as on the wire. */
export interface SimMark {
  readonly spec: SymbolSpec;
  readonly mark: number;
  readonly settle: number;
  readonly index: number;
  readonly fundingRate: number;
  readonly nextFundingMs: number;
  readonly eventMs: number;
}

/** Receives everything in the order in which the exchange says it. */
export interface MarketSink {
  trade(trade: SimTrade): void;
  aggTrade(trade: SimAggTrade): void;
  book(book: SimBook): void;
  mark(mark: SimMark): void;
}

/** `formatUnits(6180030, 2)` is "61800.30"; every digit of the scale is written, as the venue does. */
export function formatUnits(mantissa: number | bigint, scale: number): string {
  if (mantissa < 0) return `-${formatUnits(-mantissa, scale)}`;
  const digits = String(mantissa);
  if (scale === 0) return digits;
  const padded = digits.length > scale ? digits : digits.padStart(scale + 1, "0");
  const split = padded.length - scale;
  return `${padded.slice(0, split)}.${padded.slice(split)}`;
}

const KNOWN: Readonly<Record<string, SymbolSpec>> = {
  BTCUSDT: {
    symbol: "BTCUSDT", baseAsset: "BTC", quoteAsset: "USDT", priceScale: 2, tickUnits: 10, qtyScale: 3, startPrice: 6_180_030,
    orderLots: 24, depthLots: 2_600, openInterestLots: 84_617_188, share: 0.45,
  },
  ETHUSDT: {
    symbol: "ETHUSDT", baseAsset: "ETH", quoteAsset: "USDT", priceScale: 2, tickUnits: 1, qtyScale: 3, startPrice: 268_162,
    orderLots: 420, depthLots: 31_000, openInterestLots: 1_893_204_551, share: 0.35,
  },
  SOLUSDT: {
    symbol: "SOLUSDT", baseAsset: "SOL", quoteAsset: "USDT", priceScale: 4, tickUnits: 100, qtyScale: 0, startPrice: 1_523_400,
    orderLots: 9, depthLots: 640, openInterestLots: 9_417_330, share: 0.2,
  },
};
export const DEFAULT_SYMBOLS: readonly string[] = Object.keys(KNOWN);

const SYMBOL_TEXT = /^[A-Z0-9]{2,20}USDT$/;

/** A made-up but stable market for any other USDT symbol. Throws for text that is no such symbol. */
export function symbolSpec(symbol: string): SymbolSpec {
  const known = Object.hasOwn(KNOWN, symbol) ? KNOWN[symbol] : undefined;
  if (known !== undefined) return known;
  assert(SYMBOL_TEXT.test(symbol), `the simulator trades upper-case USDT symbols such as BTCUSDT, got ${JSON.stringify(symbol)}`);
  const random = new SeededRandom(1).fork(symbol);
  return {
    symbol, baseAsset: symbol.slice(0, -4), quoteAsset: "USDT", priceScale: 4, tickUnits: 1, qtyScale: random.between(0, 2),
    startPrice: random.between(2_000, 900_000), orderLots: random.between(20, 900), depthLots: random.between(2_000, 60_000),
    openInterestLots: random.between(1_000_000, 90_000_000), share: 0.1,
  };
}
