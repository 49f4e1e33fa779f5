// The head of OKX's pushes, {"arg":{"channel":"trades","instId":"BTC-USDT-SWAP"},…, found in the bytes without parsing. Pure.

const HEAD = codes('{"arg":{"channel":"');
/** What stands between the names of channel and instrument. */
export const BETWEEN_NAMES = '","instId":"';
const MIDDLE = codes(BETWEEN_NAMES);
const TAIL = codes('"}');
const TIME = codes('"ts":"');
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const ZERO = 0x30;
const NINE = 0x39;
/** Longest name that is looked for. */
const NAME_MAX = 64;
/** Digits of epoch milliseconds until the year 33,658. */
const TIME_DIGITS_MAX = 15;

function codes(text: string): readonly number[] {
  return [...text].map((char) => char.charCodeAt(0));
}

function matches(bytes: Uint8Array, at: number, expected: readonly number[]): boolean {
  for (let i = 0; i < expected.length; i += 1) if (bytes[at + i] !== expected[i]) return false;
  return true;
}

/** Index of the quote that ends the plain ASCII text starting at `from`, or -1. */
function textEnd(bytes: Uint8Array, from: number): number {
  const limit = Math.min(bytes.length, from + NAME_MAX + 1);
  for (let i = from; i < limit; i += 1) {
    const c = bytes[i] as number;
    if (c === QUOTE) return i;
    if (c === BACKSLASH || c < 0x20 || c > 0x7e) return -1;
  }
  return -1;
}

/** Where channel and instrument stand; `until` is exclusive, `argEnd` the index behind the closing brace of `arg`. */
export interface Head {
  channelUntil: number;
  instIdFrom: number;
  instIdUntil: number;
  argEnd: number;
}
export const CHANNEL_FROM = HEAD.length;

/** Reads the plain head into `head`; false when the bytes deviate from it in any way (then JSON.parse decides). */
export function readHead(bytes: Uint8Array, head: Head): boolean {
  if (!matches(bytes, 0, HEAD)) return false;
  head.channelUntil = textEnd(bytes, CHANNEL_FROM);
  if (head.channelUntil < 0 || !matches(bytes, head.channelUntil, MIDDLE)) return false;
  head.instIdFrom = head.channelUntil + MIDDLE.length;
  head.instIdUntil = textEnd(bytes, head.instIdFrom);
  if (head.instIdUntil < 0 || !matches(bytes, head.instIdUntil, TAIL)) return false;
  head.argEnd = head.instIdUntil + TAIL.length;
  return true;
}

/** The first `"ts":"…"` at or behind `from`, epoch ms; undefined when there is none. For routing: decoding reads it anew. */
export function scanTime(bytes: Uint8Array, from: number): number | undefined {
  const last = bytes.length - TIME.length;
  for (let at = from; at <= last; at += 1) {
    if (bytes[at] !== QUOTE || bytes[at + 1] !== 0x74 || !matches(bytes, at, TIME)) continue;
    let value = 0;
    let i = at + TIME.length;
    const limit = i + TIME_DIGITS_MAX;
    for (; i < limit; i += 1) {
      const c = bytes[i] as number;
      if (c < ZERO || c > NINE) break;
      value = value * 10 + (c - ZERO);
    }
    return i > at + TIME.length && bytes[i] === QUOTE ? value : undefined;
  }
  return undefined;
}
