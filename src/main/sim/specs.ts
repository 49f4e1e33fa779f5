// What is traded where: the ten default symbols with each venue's own steps and contract sizes, and made-up markets for others.
import { assert } from "../../shared/base.ts";
import type { SymbolSpec } from "./market-types.ts";
import { SeededRandom } from "./random.ts";

/** Whose wire is spoken. */
export type DialectName = "binance" | "bybit" | "okx";

export const DEFAULT_SYMBOLS: readonly string[] = Object.freeze([
  "BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "XRPUSDT", "LINKUSDT", "ADAUSDT", "AVAXUSDT", "LTCUSDT", "MATICUSDT",
]);
/** What a market without a list of symbols trades. */
export const FEW_SYMBOLS: readonly string[] = Object.freeze(["BTCUSDT", "ETHUSDT", "SOLUSDT"]);
/** The symbol that died at the real venues, and what it lives on as: the `dead-symbol` fault does the same here. */
export const RENAMED: Readonly<Record<string, string>> = { MATICUSDT: "POLUSDT" };

interface Asset {
  /** Price at the start, dollars. */
  readonly usd: number;
  /** Base units, of the largest venue. */
  readonly openInterest: number;
  readonly share: number;
}
const ASSETS: Readonly<Record<string, Asset>> = {
  BTC: { usd: 61_800.3, openInterest: 84_617, share: 0.45 },
  ETH: { usd: 2_681.62, openInterest: 1_893_204, share: 0.35 },
  BNB: { usd: 512.3, openInterest: 611_480, share: 0.12 },
  SOL: { usd: 152.34, openInterest: 9_417_330, share: 0.2 },
  XRP: { usd: 0.6012, openInterest: 742_511_900, share: 0.15 },
  LINK: { usd: 10.412, openInterest: 12_840_300, share: 0.08 },
  ADA: { usd: 0.3391, openInterest: 351_207_400, share: 0.07 },
  AVAX: { usd: 23.417, openInterest: 4_918_220, share: 0.07 },
  LTC: { usd: 62.41, openInterest: 1_420_870, share: 0.06 },
  MATIC: { usd: 0.4187, openInterest: 118_340_000, share: 0.05 },
  POL: { usd: 0.4187, openInterest: 118_340_000, share: 0.05 },
};

/** [decimals of prices, tick in such units, decimals of sizes, base units per size as [multiplier, scale] where sizes are contracts] */
type Steps = readonly [number, number, number, (readonly [number, number])?];

const STEPS: Readonly<Record<DialectName, Readonly<Record<string, Steps>>>> = {
  binance: {
    BTC: [2, 10, 3], ETH: [2, 1, 3], BNB: [3, 10, 2], SOL: [4, 100, 0], XRP: [4, 1, 1], LINK: [3, 1, 2], ADA: [5, 10, 0], AVAX: [4, 10, 0],
    LTC: [2, 1, 3], MATIC: [5, 10, 0], POL: [5, 1, 0],
  },
  // As its instruments-info said on 2026-08-09; MATIC as XRP before it was renamed.
  bybit: {
    BTC: [2, 10, 3], ETH: [2, 1, 2], BNB: [2, 10, 2], SOL: [3, 10, 1], XRP: [4, 1, 1], LINK: [3, 1, 1], ADA: [4, 1, 0], AVAX: [3, 1, 1],
    LTC: [2, 1, 1], MATIC: [4, 1, 0], POL: [5, 1, 0],
  },
  okx: {
    BTC: [1, 1, 2, [1, 2]], ETH: [2, 1, 2, [1, 1]], BNB: [1, 1, 0, [1, 2]], SOL: [2, 1, 2, [1, 0]], XRP: [4, 1, 2, [100, 0]], LINK: [3, 1, 1, [1, 0]],
    ADA: [4, 1, 1, [100, 0]], AVAX: [3, 1, 1, [1, 0]], LTC: [2, 1, 0, [1, 0]], MATIC: [4, 1, 1, [10, 0]], POL: [4, 1, 1, [10, 0]],
  },
};

/** How much is traded and resting there, against the largest venue. */
const SIZE: Readonly<Record<DialectName, number>> = { binance: 1, bybit: 0.6, okx: 0.45 };
/** Dollars of a typical order and of a typical best level. */
const ORDER_USD = 1_400;
const DEPTH_USD = 110_000;

/** Numbers that were chosen before the table was, and that seeded tests know. */
const BINANCE_KNOWN: Readonly<Record<string, Partial<SymbolSpec>>> = {
  BTCUSDT: { startPrice: 6_180_030, orderLots: 24, depthLots: 2_600, openInterestLots: 84_617_188 },
  ETHUSDT: { startPrice: 268_162, orderLots: 420, depthLots: 31_000, openInterestLots: 1_893_204_551 },
  SOLUSDT: { startPrice: 1_523_400, orderLots: 9, depthLots: 640, openInterestLots: 9_417_330 },
};

function tableSpec(dialect: DialectName, symbol: string): SymbolSpec | undefined {
  const baseAsset = symbol.slice(0, -4);
  const asset = Object.hasOwn(ASSETS, baseAsset) ? ASSETS[baseAsset] : undefined;
  const steps = STEPS[dialect][baseAsset];
  if (asset === undefined || steps === undefined || !symbol.endsWith("USDT")) return undefined;
  const [priceScale, tickUnits, qtyScale, contract] = steps;
  const size = contract === undefined ? 1 : contract[0] / 10 ** contract[1];
  const lots = (base: number, least: number): number => Math.max(least, Math.round((base / size) * 10 ** qtyScale * SIZE[dialect]));
  return {
    symbol, baseAsset, quoteAsset: "USDT", priceScale, tickUnits, qtyScale,
    ...(contract === undefined ? {} : { contract: { multiplier: contract[0], scale: contract[1] } }),
    startPrice: Math.round((asset.usd * 10 ** priceScale) / tickUnits) * tickUnits,
    orderLots: lots(ORDER_USD / asset.usd, 2), depthLots: lots(DEPTH_USD / asset.usd, 40), openInterestLots: lots(asset.openInterest, 1_000),
    share: asset.share, ...(dialect === "binance" ? BINANCE_KNOWN[symbol] : {}),
  };
}

const SYMBOL_TEXT = /^[A-Z0-9]{2,20}USDT$/;

/** The market of a symbol at a venue: of the table, or a made-up but stable one. Throws for text that is no USDT symbol. */
export function symbolSpec(symbol: string, dialect: DialectName = "binance"): SymbolSpec {
  const known = tableSpec(dialect, symbol);
  if (known !== undefined) return known;
  assert(SYMBOL_TEXT.test(symbol), `the simulator trades upper-case USDT symbols such as BTCUSDT, got ${JSON.stringify(symbol)}`);
  const random = new SeededRandom(1).fork(symbol);
  return {
    symbol, baseAsset: symbol.slice(0, -4), quoteAsset: "USDT", priceScale: 4, tickUnits: 1, qtyScale: random.between(0, 2),
    startPrice: random.between(2_000, 900_000), orderLots: random.between(20, 900), depthLots: random.between(2_000, 60_000),
    openInterestLots: random.between(1_000_000, 90_000_000), share: 0.1, ...(dialect === "okx" ? { contract: { multiplier: 1, scale: 0 } } : {}),
  };
}

/** Base units of a size in lots, exact: mantissa and decimals. */
export function baseUnits(spec: SymbolSpec, lots: bigint): { readonly mantissa: bigint; readonly scale: number } {
  const { contract } = spec;
  return contract === undefined
    ? { mantissa: lots, scale: spec.qtyScale }
    : { mantissa: lots * BigInt(contract.multiplier), scale: spec.qtyScale + contract.scale };
}
