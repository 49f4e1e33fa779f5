// The fields of one flat JSON object with one-letter keys, as Binance sends them: scanned straight from bytes when they have
// the plain form (any key order, no whitespace, no escapes), else loaded from JSON.parse. Both leave the same facts behind,
// so whatever reads the fields cannot tell which way they came. Pure towards callers: the tables are scratch space that is
// valid until the next `scanFields` or `loadFields`.
import { type Decimal, parseDecimal } from "../../../shared/decimal.ts";
import type { DecodeOutcome, RefusalCode } from "../../../shared/market.ts";
import { ascii } from "../bytes.ts";

const INTEGER = 1;
const DECIMAL = 2;
const TEXT = 3;
const BOOLEAN = 4;
/** A JSON number that is no safe integer. */
const ODD_NUMBER = 5;
/** null, array or object. */
const OTHER = 6;

const QUOTE = 0x22;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;
/** Digits that a double holds exactly. Longer numbers take the slow, exact way. */
const FAST_DIGITS = 15;

// Indexed by the key's character code. A field is present when its stamp is the current generation.
const stamps = new Float64Array(128);
const kinds = new Uint8Array(128);
const numbers = new Float64Array(128);
const scales = new Uint8Array(128);
const starts = new Int32Array(128);
const ends = new Int32Array(128);
const texts: string[] = Array.from({ length: 128 }, () => "");
let generation = 0;
let scanned: Uint8Array | undefined;

let problem: RefusalCode | undefined;
let problemDetail = "";

function begin(source: Uint8Array | undefined): void {
  generation += 1;
  scanned = source;
  problem = undefined;
}

/** Where the string that starts after the quote at `at` ends (index of the closing quote), or -1 when it is not plain ASCII. */
function plainStringEnd(bytes: Uint8Array, at: number): number {
  for (let i = at + 1; i < bytes.length; i += 1) {
    const c = bytes[i] as number;
    if (c === QUOTE) return i;
    if (c === BACKSLASH || c < 0x20 || c > 0x7e) return -1;
  }
  return -1;
}

function scanString(bytes: Uint8Array, at: number, key: number): number {
  let i = at + 1;
  const negative = bytes[i] === MINUS;
  if (negative) i += 1;
  const firstDigit = i;
  let mantissa = 0;
  let c = bytes[i] as number;
  while (c >= ZERO && c <= NINE) {
    mantissa = mantissa * 10 + (c - ZERO);
    i += 1;
    c = bytes[i] as number;
  }
  let digits = i - firstDigit;
  let scale = 0;
  if (c === DOT && digits > 0) {
    const firstOfFraction = i + 1;
    i = firstOfFraction;
    c = bytes[i] as number;
    while (c >= ZERO && c <= NINE) {
      mantissa = mantissa * 10 + (c - ZERO);
      i += 1;
      c = bytes[i] as number;
    }
    scale = i - firstOfFraction;
    digits = scale === 0 ? 0 : digits + scale;
  }
  starts[key] = at + 1;
  if (c === QUOTE && digits > 0 && digits <= FAST_DIGITS) {
    kinds[key] = DECIMAL;
    numbers[key] = negative && mantissa !== 0 ? -mantissa : mantissa;
    scales[key] = scale;
    ends[key] = i;
    return i + 1;
  }
  const end = plainStringEnd(bytes, at);
  kinds[key] = TEXT;
  ends[key] = end;
  return end < 0 ? -1 : end + 1;
}

function scanInteger(bytes: Uint8Array, at: number, key: number): number {
  let i = at;
  let value = 0;
  let c = bytes[i] as number;
  while (c >= ZERO && c <= NINE) {
    value = value * 10 + (c - ZERO);
    i += 1;
    c = bytes[i] as number;
  }
  const digits = i - at;
  // A leading zero is no JSON; a fraction or exponent is stopped by the caller, which wants a comma or brace here.
  if (digits === 0 || digits > FAST_DIGITS || (bytes[at] === ZERO && digits > 1)) return -1;
  kinds[key] = INTEGER;
  numbers[key] = value;
  starts[key] = at;
  ends[key] = i;
  return i;
}

function scanBoolean(bytes: Uint8Array, at: number, key: number): number {
  const isTrue = bytes[at] === 0x74 && bytes[at + 1] === 0x72 && bytes[at + 2] === 0x75 && bytes[at + 3] === 0x65;
  const isFalse = bytes[at] === 0x66 && bytes[at + 1] === 0x61 && bytes[at + 2] === 0x6c && bytes[at + 3] === 0x73 && bytes[at + 4] === 0x65;
  if (!isTrue && !isFalse) return -1;
  kinds[key] = BOOLEAN;
  numbers[key] = isTrue ? 1 : 0;
  return isTrue ? at + 4 : at + 5;
}

/**
 * Scans the flat object at `from`; answers the index behind its closing brace, or -1 when anything deviates from the plain
 * form (then `loadFields` decides). Fields seen before the deviation can be read all the same: routing needs no more.
 */
export function scanFields(bytes: Uint8Array, from: number): number {
  begin(bytes);
  if (bytes[from] !== OPEN) return -1;
  let at = from + 1;
  for (;;) {
    if (bytes[at] !== QUOTE) return -1;
    let key = bytes[at + 1] as number;
    if (key === BACKSLASH || key === QUOTE || key < 0x20 || key > 0x7e) return -1;
    at += 2;
    if (bytes[at] !== QUOTE) {
      // Two-letter keys exist (`ps`, `nq`) and are skipped; longer ones could be `stream` or `data`: not ours to judge.
      const second = bytes[at] as number;
      if (bytes[at + 1] !== QUOTE || second === BACKSLASH || second < 0x20 || second > 0x7e) return -1;
      at += 1;
      key = 0;
    } else if (stamps[key] === generation) {
      return -1;
    }
    at += 1;
    if (bytes[at] !== COLON) return -1;
    at += 1;
    const first = bytes[at] as number;
    if (first === QUOTE) at = scanString(bytes, at, key);
    else if (first >= ZERO && first <= NINE) at = scanInteger(bytes, at, key);
    else at = scanBoolean(bytes, at, key);
    if (at < 0) return -1;
    stamps[key] = generation;
    const next = bytes[at];
    at += 1;
    if (next === CLOSE) return at;
    if (next !== COMMA) return -1;
  }
}

function loadOne(key: number, value: unknown): void {
  stamps[key] = generation;
  if (typeof value === "string") {
    texts[key] = value;
    kinds[key] = TEXT;
  } else if (typeof value === "number") {
    kinds[key] = Number.isSafeInteger(value) ? INTEGER : ODD_NUMBER;
    numbers[key] = value + 0;
  } else if (typeof value === "boolean") {
    kinds[key] = BOOLEAN;
    numbers[key] = value ? 1 : 0;
  } else {
    kinds[key] = OTHER;
  }
}

/** The slow way: the one-letter members of a parsed object. */
export function loadFields(object: object): void {
  begin(undefined);
  for (const [name, value] of Object.entries(object)) {
    const key = name.length === 1 ? name.charCodeAt(0) : 0;
    if (key > 0x1f && key < 0x7f) loadOne(key, value);
  }
}

function textAt(key: number): string {
  return scanned === undefined ? (texts[key] as string) : ascii(scanned, starts[key] as number, ends[key] as number);
}

/** Notes the first thing that is wrong with the message; reading goes on with placeholders. */
export function refuse(code: RefusalCode, detail: string): void {
  if (problem !== undefined) return;
  problem = code;
  problemDetail = detail;
}

/** The refusal that reading has led to, if any. */
export function refusal(where: string): DecodeOutcome | undefined {
  return problem === undefined ? undefined : { kind: "refused", code: problem, detail: `${where}: ${problemDetail}` };
}

export function has(key: number): boolean {
  return stamps[key] === generation;
}

function name(key: number): string {
  return String.fromCharCode(key);
}

function lacks(key: number): boolean {
  if (stamps[key] === generation) return false;
  refuse("wrong-shape", `field ${name(key)} is missing`);
  return true;
}

/** A whole number from 0: ids and times. */
export function whole(key: number): number {
  if (lacks(key)) return 0;
  const kind = kinds[key];
  const value = numbers[key] as number;
  if (kind === INTEGER && value >= 0) return value;
  if (kind === INTEGER || kind === ODD_NUMBER) refuse("bad-number", `field ${name(key)} is ${value}, not a whole number from 0`);
  else refuse("wrong-type", `field ${name(key)} is no number`);
  return 0;
}

/** The digits of a field that `whole` has read. */
export function digits(key: number): string {
  return scanned === undefined ? String(numbers[key]) : ascii(scanned, starts[key] as number, ends[key] as number);
}

export function isTrue(key: number): boolean {
  if (lacks(key)) return false;
  if (kinds[key] !== BOOLEAN) refuse("wrong-type", `field ${name(key)} is neither true nor false`);
  return numbers[key] === 1;
}

const PLACEHOLDER: Decimal = Object.freeze({ mantissa: 0, scale: 0 });

/** An exact decimal, which this venue writes as a string. */
export function decimalField(key: number): Decimal {
  if (lacks(key)) return PLACEHOLDER;
  const kind = kinds[key];
  if (kind === DECIMAL) return { mantissa: numbers[key] as number, scale: scales[key] as number };
  if (kind !== TEXT) {
    refuse("wrong-type", `field ${name(key)} is no string with a decimal in it`);
    return PLACEHOLDER;
  }
  const value = parseDecimal(textAt(key));
  if (value === undefined) refuse("bad-number", `field ${name(key)} is ${JSON.stringify(textAt(key).slice(0, 80))}, not a decimal`);
  return value ?? PLACEHOLDER;
}

/** Whether the field is there and a string. */
export function isString(key: number): boolean {
  return stamps[key] === generation && (kinds[key] === TEXT || kinds[key] === DECIMAL);
}

/** True when the field is a string with exactly this text. `expected` must be ASCII. */
export function isText(key: number, expected: string): boolean {
  if (!isString(key)) return false;
  if (scanned === undefined) return texts[key] === expected;
  const start = starts[key] as number;
  if ((ends[key] as number) - start !== expected.length) return false;
  for (let i = 0; i < expected.length; i += 1) if (scanned[start + i] !== expected.charCodeAt(i)) return false;
  return true;
}

/** The text of a string field; undefined when it is absent or no string. */
export function textField(key: number): string | undefined {
  return isString(key) ? textAt(key) : undefined;
}

/** The value of a field that is a whole number from 0; undefined when it is absent or anything else. */
export function wholeIfAny(key: number): number | undefined {
  const value = numbers[key] as number;
  return stamps[key] === generation && kinds[key] === INTEGER && value >= 0 ? value : undefined;
}

/** Requires a string field with exactly this text. */
export function requireText(key: number, expected: string): void {
  if (isText(key, expected) || lacks(key)) return;
  if (!isString(key)) refuse("wrong-type", `field ${name(key)} is no string`);
  else refuse("wrong-shape", `field ${name(key)} is ${JSON.stringify(textAt(key).slice(0, 80))}, expected ${JSON.stringify(expected)}`);
}
