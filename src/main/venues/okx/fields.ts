// Members of a parsed OKX object, read strictly: this venue writes numbers and times as strings. Throws `Refused`, which the
// decoder turns into an outcome. Pure.
import { type Decimal, parseDecimal } from "../../../shared/decimal.ts";
import type { RefusalCode } from "../../../shared/market.ts";
import { TIME_FROM_MS, TIME_UNTIL_MS } from "./limits.ts";

export type Fields = Readonly<Record<string, unknown>>;

/** What is wrong with a message; never leaves the decoder. */
export class Refused extends Error {
  readonly code: RefusalCode;
  constructor(code: RefusalCode, message: string) {
    super(message);
    this.name = "Refused";
    this.code = code;
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function textOf(fields: Fields, name: string): string {
  const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (typeof value === "string") return value;
  throw value === undefined ? new Refused("wrong-shape", `field ${name} is missing`) : new Refused("wrong-type", `field ${name} is no string`);
}

const ZERO = 0x30;
const NINE = 0x39;
const DOT = 0x2e;
/** Digits that a double holds exactly. */
const FAST_DIGITS = 15;

/** The whole number that a text of digits says; undefined for any other text, and beyond 2^53. */
function plainWhole(text: string): number | undefined {
  const { length } = text;
  if (length === 0 || length > 16) return undefined;
  let value = 0;
  for (let i = 0; i < length; i += 1) {
    const c = text.charCodeAt(i);
    if (c < ZERO || c > NINE) return undefined;
    value = value * 10 + (c - ZERO);
  }
  return Number.isSafeInteger(value) ? value : undefined;
}

/** The plain form of nearly every number, digits with a point between, without the cost of the general way; undefined: not that form. */
function plainDecimal(text: string): Decimal | undefined {
  const { length } = text;
  if (length === 0 || length > FAST_DIGITS) return undefined;
  let mantissa = 0;
  let point = -1;
  for (let i = 0; i < length; i += 1) {
    const c = text.charCodeAt(i);
    if (c === DOT) {
      if (point >= 0 || i === 0 || i === length - 1) return undefined;
      point = i;
    } else if (c < ZERO || c > NINE) return undefined;
    else mantissa = mantissa * 10 + (c - ZERO);
  }
  return { mantissa, scale: point < 0 ? 0 : length - 1 - point };
}

/** A whole number from 0, written as a string: ids, counts. */
export function wholeOf(fields: Fields, name: string): number {
  const text = textOf(fields, name);
  const value = plainWhole(text);
  if (value !== undefined) return value;
  throw new Refused("bad-number", `field ${name} is ${JSON.stringify(text.slice(0, 80))}, not a whole number from 0`);
}

/** Epoch milliseconds. */
export function timeOf(fields: Fields, name: string): number {
  const ms = wholeOf(fields, name);
  if (ms >= TIME_FROM_MS && ms < TIME_UNTIL_MS) return ms;
  throw new Refused("implausible-time", `field ${name} is ${ms}, not a time in epoch milliseconds between 2010 and 2100`);
}

/** An exact decimal. */
export function decimalOf(fields: Fields, name: string): Decimal {
  const text = textOf(fields, name);
  const value = plainDecimal(text) ?? parseDecimal(text);
  if (value === undefined) throw new Refused("bad-number", `field ${name} is ${JSON.stringify(text.slice(0, 80))}, not a decimal`);
  return value;
}
