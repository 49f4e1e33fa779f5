// What the simulated market says, in integers: prices in units of 10^-priceScale, quantities in lots of 10^-qtyScale.

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
  /** Where sizes are contracts: base units per contract are multiplier × 10^-scale. Absent: sizes are base units. */
  readonly contract?: { readonly multiplier: number; readonly scale: number };
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
  /** A taker order has been filled: its trades are those since the order before. Only who groups by orders needs it. */
  orderDone?(spec: SymbolSpec): void;
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

/** Like `formatUnits`, without the zeros that say nothing: "61800.3", "20710". */
export function shortUnits(mantissa: number, scale: number): string {
  let digits = mantissa;
  let left = scale;
  while (left > 0 && digits % 10 === 0) {
    digits /= 10;
    left -= 1;
  }
  return formatUnits(digits, left);
}
