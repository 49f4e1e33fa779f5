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

/** A whole number from 0, written as a string: ids, counts. */
export function wholeOf(fields: Fields, name: string): number {
  const text = textOf(fields, name);
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
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
  const value = parseDecimal(text);
  if (value === undefined) throw new Refused("bad-number", `field ${name} is ${JSON.stringify(text.slice(0, 80))}, not a decimal`);
  return value;
}
