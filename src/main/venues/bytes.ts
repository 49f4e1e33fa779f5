// Reading JSON in its plain form straight from bytes, for the quick ways of the decoders: no spaces, no escapes, ASCII only, numbers that a double
// holds exactly. Every function answers -1 (or undefined) for anything else, and then JSON.parse decides; none ever accepts what JSON.parse would
// not, or reads it differently. Pure towards callers: `found` is scratch space that is valid until the next call.
import type { Decimal } from "../../shared/decimal.ts";
import type { StreamRef } from "../../shared/market.ts";

export const QUOTE = 0x22, COMMA = 0x2c, MINUS = 0x2d, DOT = 0x2e, ZERO = 0x30, NINE = 0x39, COLON = 0x3a, BACKSLASH = 0x5c;
export const OPEN = 0x7b, CLOSE = 0x7d, OPEN_LIST = 0x5b, CLOSE_LIST = 0x5d;
/** Digits that a double holds exactly. Longer numbers take the slow, exact way. */
const FAST_DIGITS = 15;

/** What the last call read. */
export const found = { mantissa: 0, scale: 0, whole: 0, nameStart: 0, nameEnd: 0 };

/** ASCII text as the codes that `isAt` compares. */
export function codes(text: string): readonly number[] {
  return [...text].map((char) => char.charCodeAt(0));
}

/** True when these codes stand at `at`. */
export function isAt(bytes: Uint8Array, at: number, expected: readonly number[]): boolean {
  for (let i = 0; i < expected.length; i += 1) if (bytes[at + i] !== expected[i]) return false;
  return true;
}

/** True when the bytes in [from, until) are this ASCII text. */
export function isText(bytes: Uint8Array, from: number, until: number, expected: string): boolean {
  if (until - from !== expected.length) return false;
  for (let i = 0; i < expected.length; i += 1) if (bytes[from + i] !== expected.charCodeAt(i)) return false;
  return true;
}

/** 1 for the bytes that may stand in plain text as they are. */
const PLAIN = Uint8Array.from({ length: 256 }, (_, c) => (c >= 0x20 && c <= 0x7e && c !== QUOTE && c !== BACKSLASH ? 1 : 0));

/** Index of the quote that ends the plain text whose first byte is at `at`. */
export function textEnd(bytes: Uint8Array, at: number): number {
  const { length } = bytes;
  let i = at;
  while (i < length && PLAIN[bytes[i] as number] === 1) i += 1;
  return bytes[i] === QUOTE ? i : -1;
}

/** The text of ASCII bytes: in pieces, several times as fast as byte by byte, and than writing a number's digits anew. */
export function ascii(bytes: Uint8Array, from: number, until: number): string {
  let text = "";
  let i = from;
  for (; i + 12 <= until; i += 12) {
    text += String.fromCharCode(
      bytes[i] as number, bytes[i + 1] as number, bytes[i + 2] as number, bytes[i + 3] as number, bytes[i + 4] as number, bytes[i + 5] as number,
      bytes[i + 6] as number, bytes[i + 7] as number, bytes[i + 8] as number, bytes[i + 9] as number, bytes[i + 10] as number, bytes[i + 11] as number,
    );
  }
  if (i + 8 <= until) {
    text += String.fromCharCode(
      bytes[i] as number, bytes[i + 1] as number, bytes[i + 2] as number, bytes[i + 3] as number, bytes[i + 4] as number, bytes[i + 5] as number,
      bytes[i + 6] as number, bytes[i + 7] as number,
    );
    i += 8;
  }
  if (i + 4 <= until) {
    text += String.fromCharCode(bytes[i] as number, bytes[i + 1] as number, bytes[i + 2] as number, bytes[i + 3] as number);
    i += 4;
  }
  if (i + 2 <= until) {
    text += String.fromCharCode(bytes[i] as number, bytes[i + 1] as number);
    i += 2;
  }
  return i < until ? text + String.fromCharCode(bytes[i] as number) : text;
}

/** Reads the decimal text whose first byte (behind the quote) is at `at`; answers the index behind its closing quote. */
export function decimalText(bytes: Uint8Array, at: number): number {
  let i = at;
  const isNegative = bytes[i] === MINUS;
  if (isNegative) i += 1;
  const firstDigit = i;
  let mantissa = 0;
  let c = bytes[i] as number;
  while (c >= ZERO && c <= NINE) {
    mantissa = mantissa * 10 + (c - ZERO);
    i += 1;
    c = bytes[i] as number;
  }
  let digits = i - firstDigit;
  if (digits === 0) return -1;
  let scale = 0;
  if (c === DOT) {
    const firstOfFraction = i + 1;
    i = firstOfFraction;
    c = bytes[i] as number;
    while (c >= ZERO && c <= NINE) {
      mantissa = mantissa * 10 + (c - ZERO);
      i += 1;
      c = bytes[i] as number;
    }
    scale = i - firstOfFraction;
    if (scale === 0) return -1;
    digits += scale;
  }
  if (c !== QUOTE || digits > FAST_DIGITS) return -1;
  found.mantissa = isNegative && mantissa !== 0 ? -mantissa : mantissa;
  found.scale = scale;
  return i + 1;
}

/** The decimal that was read last. */
export function decimalFound(): Decimal {
  return { mantissa: found.mantissa, scale: found.scale };
}

/** Reads the whole number (from 0, as JSON writes it) at `at`; answers the index behind its last digit. */
export function whole(bytes: Uint8Array, at: number): number {
  let value = 0;
  let i = at;
  let c = bytes[i] as number;
  while (c >= ZERO && c <= NINE) {
    value = value * 10 + (c - ZERO);
    i += 1;
    c = bytes[i] as number;
  }
  const digits = i - at;
  if (digits === 0 || digits > FAST_DIGITS || (bytes[at] === ZERO && digits > 1)) return -1;
  found.whole = value;
  return i;
}

/** Reads the whole number in the text whose first byte is at `at`, leading zeros allowed; answers the index behind its closing quote. */
export function wholeText(bytes: Uint8Array, at: number): number {
  let value = 0;
  let i = at;
  let c = bytes[i] as number;
  while (c >= ZERO && c <= NINE) {
    value = value * 10 + (c - ZERO);
    i += 1;
    c = bytes[i] as number;
  }
  const digits = i - at;
  if (c !== QUOTE || digits === 0 || digits > FAST_DIGITS) return -1;
  found.whole = value;
  return i + 1;
}

/** Reads `"name":` at `at` into `found.nameStart … nameEnd`; answers the index of the value. */
export function name(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== QUOTE) return -1;
  const end = textEnd(bytes, at + 1);
  if (end < 0 || bytes[end + 1] !== COLON) return -1;
  found.nameStart = at + 1;
  found.nameEnd = end;
  return end + 2;
}

const TRUE = codes("true");
const FALSE = codes("false");

/** Index behind the plain text, whole number or boolean at `at`, whatever it says. */
export function behindValue(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number;
  if (first === QUOTE) {
    const end = textEnd(bytes, at + 1);
    return end < 0 ? -1 : end + 1;
  }
  if (first >= ZERO && first <= NINE) return whole(bytes, at);
  return behindFlag(bytes, at);
}

/** Index behind `true` or `false` at `at`. */
export function behindFlag(bytes: Uint8Array, at: number): number {
  return isAt(bytes, at, FALSE) ? at + FALSE.length : isAt(bytes, at, TRUE) ? at + TRUE.length : -1;
}

/** Names remembered per cache, so that hostile names cannot fill the memory. */
const NAMES_MAX = 4_096;

/** What a stream's messages usually begin with, as codes; made once per stream. */
export class UsualStarts {
  readonly #make: (stream: StreamRef) => readonly string[];
  readonly #known = new Map<string, readonly (readonly number[])[]>();
  #last: StreamRef | undefined;
  #lastStarts: readonly (readonly number[])[] = [];

  /** `make`: ASCII texts. */
  constructor(make: (stream: StreamRef) => readonly string[]) {
    this.#make = make;
  }

  of(stream: StreamRef): readonly (readonly number[])[] {
    if (this.#last === stream) return this.#lastStarts;
    let starts = this.#known.get(stream.streamId);
    if (starts === undefined) {
      starts = this.#make(stream).map(codes);
      if (this.#known.size < NAMES_MAX) this.#known.set(stream.streamId, starts);
    }
    this.#last = stream;
    this.#lastStarts = starts;
    return starts;
  }
}

/** Finds what a name stands for: from the bytes, without making a text of it each time, and from text; the same object for the same name. */
export class NameCache<T> {
  readonly #make: (name: string) => T | undefined;
  readonly #byHash = new Map<number, { readonly name: string; readonly value: T }>();
  readonly #byText = new Map<string, T>();

  /** `make`: what an unknown name stands for; undefined is not remembered. */
  constructor(make: (name: string) => T | undefined) {
    this.#make = make;
  }

  /** The name is the ASCII text in [from, until). */
  get(bytes: Uint8Array, from: number, until: number): T | undefined {
    let hash = 0;
    for (let i = from; i < until; i += 1) hash = (hash * 31 + (bytes[i] as number)) | 0;
    const known = this.#byHash.get(hash);
    if (known !== undefined && isText(bytes, from, until, known.name)) return known.value;
    const name = ascii(bytes, from, until);
    const value = this.of(name);
    // Of two names with one hash the later one is found fast.
    if (value !== undefined && (known !== undefined || this.#byHash.size < NAMES_MAX)) this.#byHash.set(hash, { name, value });
    return value;
  }

  of(name: string): T | undefined {
    const known = this.#byText.get(name);
    if (known !== undefined) return known;
    const value = this.#make(name);
    if (value !== undefined && this.#byText.size < NAMES_MAX) this.#byText.set(name, value);
    return value;
  }
}
