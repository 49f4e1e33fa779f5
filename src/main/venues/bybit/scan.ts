// The quick way to read what comes most: trades and tickers in plain form, straight from bytes. Accepts only messages that are right
// in every respect; whatever deviates, in form or in meaning, is undefined here and left to the exact way. Pure towards callers.
import type { Decimal } from "../../../shared/decimal.ts";
import type { StreamRef } from "../../../shared/market.ts";
import { envelope, isPlainText, plainEnd, scanEnvelope, wholeAt } from "./envelope.ts";
import { isBelievedTime } from "./members.ts";

const QUOTE = 0x22, COMMA = 0x2c, MINUS = 0x2d, DOT = 0x2e, ZERO = 0x30, NINE = 0x39, COLON = 0x3a, OPEN = 0x7b, CLOSE = 0x7d;
const OPEN_LIST = 0x5b, CLOSE_LIST = 0x5d;
/** Digits that a double holds exactly. */
const FAST_DIGITS = 15;
const NONE = 0, TEXT = 1, WHOLE = 2, TRUE = 3, FALSE = 4;

// The member read last. Of texts the range inside the quotes.
let nameStart = 0, nameEnd = 0, valueStart = 0, valueEnd = 0, kind = NONE;

function literal(bytes: Uint8Array, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i += 1) if (bytes[at + i] !== text.charCodeAt(i)) return false;
  return true;
}

/** Reads `"name":value` at `at`; answers the index behind it, -1 unless the value is a plain text, whole number or boolean. */
function member(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== QUOTE) return -1;
  nameStart = at + 1;
  nameEnd = plainEnd(bytes, at);
  if (nameEnd < 0 || bytes[nameEnd + 1] !== COLON) return -1;
  const start = nameEnd + 2;
  const first = bytes[start] as number;
  if (first === QUOTE) {
    kind = TEXT;
    valueStart = start + 1;
    valueEnd = plainEnd(bytes, start);
    return valueEnd < 0 ? -1 : valueEnd + 1;
  }
  if (literal(bytes, start, "false")) {
    kind = FALSE;
    return start + 5;
  }
  if (literal(bytes, start, "true")) {
    kind = TRUE;
    return start + 4;
  }
  kind = WHOLE;
  valueStart = valueEnd = start;
  while ((bytes[valueEnd] as number) >= ZERO && (bytes[valueEnd] as number) <= NINE) valueEnd += 1;
  return wholeAt(bytes, valueStart, valueEnd) === undefined ? -1 : valueEnd;
}

function decimalAt(bytes: Uint8Array, from: number, until: number): Decimal | undefined {
  const isNegative = bytes[from] === MINUS;
  let mantissa = 0, digits = 0, dot = -1;
  for (let i = isNegative ? from + 1 : from; i < until; i += 1) {
    const c = bytes[i] as number;
    if (c === DOT) {
      if (dot >= 0 || digits === 0) return undefined;
      dot = i;
    } else if (c >= ZERO && c <= NINE) {
      mantissa = mantissa * 10 + (c - ZERO);
      digits += 1;
    } else {
      return undefined;
    }
  }
  if (digits === 0 || digits > FAST_DIGITS || dot === until - 1) return undefined;
  return { mantissa: isNegative && mantissa !== 0 ? -mantissa : mantissa, scale: dot < 0 ? 0 : until - dot - 1 };
}

function textDecimal(bytes: Uint8Array): Decimal | undefined {
  return kind === TEXT ? decimalAt(bytes, valueStart, valueEnd) : undefined;
}

function ascii(bytes: Uint8Array, from: number, until: number): string {
  let text = "";
  for (let i = from; i < until; i += 1) text += String.fromCharCode(bytes[i] as number);
  return text;
}

/** True when the whole message is a plain push of this stream. */
function isPushOf(bytes: Uint8Array, stream: StreamRef): boolean {
  if (!scanEnvelope(bytes) || !envelope.isPlain || envelope.dataStart < 0) return false;
  const symbolStart = envelope.topicEnd - stream.symbol.length;
  return symbolStart - 1 === envelope.topicStart + stream.channel.length && bytes[symbolStart - 1] === DOT
    && isPlainText(bytes, envelope.topicStart, symbolStart - 1, stream.channel) && isPlainText(bytes, symbolStart, envelope.topicEnd, stream.symbol);
}

export interface ScannedTrade {
  readonly eventMs: number;
  readonly price: Decimal;
  readonly qty: Decimal;
  readonly side: 1 | -1;
  readonly tradeId: string;
  readonly market: boolean;
}

let scannedTo = 0;

function scanTrade(bytes: Uint8Array, from: number, symbol: string): ScannedTrade | undefined {
  if (bytes[from] !== OPEN) return undefined;
  let at = from + 1, seen = 0, eventMs = 0, side: 1 | -1 = 1, tradeId = "", market = true;
  let price: Decimal | undefined, qty: Decimal | undefined;
  for (;;) {
    at = member(bytes, at);
    if (at < 0) return undefined;
    let bit = 0;
    if (nameEnd - nameStart === 1) {
      switch (bytes[nameStart]) {
        case 0x54: // T
          eventMs = kind === WHOLE ? wholeAt(bytes, valueStart, valueEnd) ?? 0 : 0;
          bit = isBelievedTime(eventMs) ? 1 : -1;
          break;
        case 0x73: // s
          bit = kind === TEXT && isPlainText(bytes, valueStart, valueEnd, symbol) ? 2 : -1;
          break;
        case 0x53: // S
          side = kind === TEXT && isPlainText(bytes, valueStart, valueEnd, "Sell") ? -1 : 1;
          bit = side === -1 || (kind === TEXT && isPlainText(bytes, valueStart, valueEnd, "Buy")) ? 4 : -1;
          break;
        case 0x70: // p
          price = textDecimal(bytes);
          bit = price !== undefined && price.mantissa > 0 ? 8 : -1;
          break;
        case 0x76: // v
          qty = textDecimal(bytes);
          bit = qty !== undefined && qty.mantissa > 0 ? 16 : -1;
          break;
        case 0x69: // i
          tradeId = kind === TEXT ? ascii(bytes, valueStart, valueEnd) : "";
          bit = tradeId === "" ? -1 : 32;
          break;
        default:
      }
    } else if (isPlainText(bytes, nameStart, nameEnd, "BT")) {
      market = kind === FALSE;
      bit = kind === FALSE || kind === TRUE ? 64 : -1;
    }
    if (bit < 0 || (seen & bit) !== 0) return undefined;
    seen |= bit;
    const next = bytes[at];
    at += 1;
    if (next === CLOSE) break;
    if (next !== COMMA) return undefined;
  }
  if ((seen & 63) !== 63 || price === undefined || qty === undefined) return undefined;
  scannedTo = at;
  return { eventMs, price, qty, side, tradeId, market };
}

/** The trades of a plain `publicTrade` push; undefined: let the exact way decide. */
export function scanTrades(bytes: Uint8Array, stream: StreamRef, itemsMax: number): readonly ScannedTrade[] | undefined {
  if (!isPushOf(bytes, stream)) return undefined;
  const { dataStart, dataEnd } = envelope;
  if (bytes[dataStart] !== OPEN_LIST) return undefined;
  const trades: ScannedTrade[] = [];
  for (let at = dataStart + 1; trades.length < itemsMax; at += 1) {
    const trade = scanTrade(bytes, at, stream.symbol);
    if (trade === undefined) return undefined;
    trades.push(trade);
    at = scannedTo;
    if (bytes[at] === CLOSE_LIST) return at + 1 === dataEnd ? trades : undefined;
    if (bytes[at] !== COMMA) return undefined;
  }
  return undefined;
}

export interface ScannedTicker {
  eventMs: number;
  markPrice: Decimal | undefined;
  indexPrice: Decimal | undefined;
  fundingRate: Decimal | undefined;
  nextFundingMs: number;
  openInterest: Decimal | undefined;
}

const STATED = ["symbol", "markPrice", "indexPrice", "fundingRate", "nextFundingTime", "openInterest"] as const;

/** What a plain `tickers` push states; undefined: let the exact way decide. */
export function scanTicker(bytes: Uint8Array, stream: StreamRef): ScannedTicker | undefined {
  if (!isPushOf(bytes, stream) || envelope.tsMs === undefined || !isBelievedTime(envelope.tsMs)) return undefined;
  const { typeStart, typeEnd, dataStart, dataEnd } = envelope;
  if (typeStart < 0 || !(isPlainText(bytes, typeStart, typeEnd, "delta") || isPlainText(bytes, typeStart, typeEnd, "snapshot"))) return undefined;
  if (bytes[dataStart] !== OPEN) return undefined;
  const ticker: ScannedTicker = { eventMs: envelope.tsMs, markPrice: undefined, indexPrice: undefined, fundingRate: undefined, nextFundingMs: 0, openInterest: undefined };
  let at = dataStart + 1, seen = 0;
  for (;;) {
    at = member(bytes, at);
    if (at < 0) return undefined;
    for (let index = 0; index < STATED.length; index += 1) {
      if (!isPlainText(bytes, nameStart, nameEnd, STATED[index] as string)) continue;
      if ((seen & (1 << index)) !== 0 || !take(ticker, index, bytes, stream)) return undefined;
      seen |= 1 << index;
      break;
    }
    const next = bytes[at];
    at += 1;
    if (next === CLOSE) break;
    if (next !== COMMA) return undefined;
  }
  return at === dataEnd && (seen & 1) === 1 ? ticker : undefined;
}

/** False for a value that the exact way must judge: empty, odd or negative. */
function take(ticker: ScannedTicker, index: number, bytes: Uint8Array, stream: StreamRef): boolean {
  const name = STATED[index];
  if (name === "symbol") return kind === TEXT && isPlainText(bytes, valueStart, valueEnd, stream.symbol);
  if (name === "nextFundingTime") {
    ticker.nextFundingMs = kind === TEXT ? wholeAt(bytes, valueStart, valueEnd) ?? 0 : 0;
    return isBelievedTime(ticker.nextFundingMs);
  }
  if (name === undefined) return false;
  const value = textDecimal(bytes);
  ticker[name] = value;
  return value !== undefined && (name === "fundingRate" || value.mantissa >= 0);
}
