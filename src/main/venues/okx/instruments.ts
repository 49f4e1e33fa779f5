// OKX instrument ids ↔ our symbols, and how many base units one contract of a swap is. Refuses to guess: what is not in the
// table has no size in base units. Pure.
import { type Decimal, dec } from "../../../shared/decimal.ts";
import type { VenueId } from "../../../shared/market.ts";

export const OKX_VENUES = ["okx-swap", "okx-spot"] as const satisfies readonly VenueId[];
export type OkxVenue = (typeof OKX_VENUES)[number];

export function isOkxVenue(venue: string): venue is OkxVenue {
  return venue === "okx-swap" || venue === "okx-spot";
}

export interface OkxInstrument { readonly venue: OkxVenue; readonly symbol: string }

/** Dated futures and options have a further part, which is neither absent nor SWAP: no product of ours. */
const INSTRUMENT_ID = /^([A-Z0-9]{1,24})-([A-Z0-9]{2,12})(-SWAP)?$/;
/** Quotes of OKX markets, longest first: the end of a symbol that is split into base and quote. */
const QUOTES: readonly string[] = ["USDT", "USDC", "USDG", "USD", "EUR", "BRL", "AUD", "AED", "SGD", "BTC", "ETH", "OKB", "DAI"];

/** A cache, nothing else; bounded, so that hostile names cannot fill the memory. */
const known = new Map<string, OkxInstrument>();
const KNOWN_MAX = 4_096;

/** BTC-USDT-SWAP is BTCUSDT of okx-swap, BTC-USDT is BTCUSDT of okx-spot; undefined for dated futures, options and garbage. */
export function instrumentOf(instId: string): OkxInstrument | undefined {
  const cached = known.get(instId);
  if (cached !== undefined) return cached;
  const found = parseInstrument(instId);
  if (found !== undefined && known.size < KNOWN_MAX) known.set(instId, found);
  return found;
}

function parseInstrument(instId: string): OkxInstrument | undefined {
  const match = INSTRUMENT_ID.exec(instId);
  if (match === null) return undefined;
  const [, base = "", quote = "", swap] = match;
  return { venue: swap === undefined ? "okx-spot" : "okx-swap", symbol: base + quote };
}

/** The venue's word for a symbol. A symbol without a known quote is passed on as it is: the venue says that it knows no such thing. */
export function instIdOf(venue: OkxVenue, symbol: string): string {
  const pair = indexIdOf(symbol);
  return venue === "okx-swap" ? `${pair}-SWAP` : pair;
}

/** The index of a swap has the name of the spot pair: BTC-USDT. */
export function indexIdOf(symbol: string): string {
  const quote = QUOTES.find((text) => symbol.length > text.length && symbol.endsWith(text));
  return quote === undefined ? symbol : `${symbol.slice(0, -quote.length)}-${quote}`;
}

interface ContractValue {
  /** Believed from here on, epoch ms: the venue's `listTime`, or the earliest evidence. */
  readonly fromMs: number;
  /** Base units per contract: `ctVal` × `ctMult` where `ctValCcy` is the base currency. */
  readonly value: Decimal;
}

const V5_LISTED = 1_611_916_828_000; // 2021-01-29, listTime of the oldest swaps
const CAPTURED = 1_652_458_996_000; // 2022-05-13, when the captured list of instruments did not hold them yet
const POL_LISTED = 1_725_148_800_000; // 2024-09, MATIC's successor

function since(fromMs: number, value: string): readonly ContractValue[] {
  return [{ fromMs, value: dec(value) }];
}

/** By symbol, newest first. Linear swaps only. NOTES.md says where each was read. */
export const CONTRACT_VALUES: Readonly<Record<string, readonly ContractValue[]>> = {
  BTCUSDT: since(V5_LISTED, "0.01"), ETHUSDT: since(V5_LISTED, "0.1"), BNBUSDT: since(CAPTURED, "0.01"), SOLUSDT: since(V5_LISTED, "1"),
  XRPUSDT: since(V5_LISTED, "100"), LINKUSDT: since(V5_LISTED, "1"), ADAUSDT: since(V5_LISTED, "100"), AVAXUSDT: since(V5_LISTED, "1"),
  LTCUSDT: since(V5_LISTED, "1"), MATICUSDT: since(1_619_686_612_000, "10"), POLUSDT: since(POL_LISTED, "10"),
  DOGEUSDT: since(V5_LISTED, "1000"), DOTUSDT: since(V5_LISTED, "1"), TRXUSDT: since(V5_LISTED, "1000"),
};

const ONE: Decimal = dec("1");

/** Base units per unit of size at a time; undefined when it is not known. */
export function unitsPerSize(venue: string, symbol: string, eventMs: number): Decimal | undefined {
  if (venue === "okx-spot") return ONE;
  if (venue !== "okx-swap" || !Object.hasOwn(CONTRACT_VALUES, symbol)) return undefined;
  return CONTRACT_VALUES[symbol]?.find(({ fromMs }) => eventMs >= fromMs)?.value;
}

/** Symbols that live on under another name: what to record instead. */
const RENAMED: Readonly<Record<string, string>> = { MATICUSDT: "POLUSDT" };

export function renamedTo(symbol: string): string | undefined {
  return Object.hasOwn(RENAMED, symbol) ? RENAMED[symbol] : undefined;
}
