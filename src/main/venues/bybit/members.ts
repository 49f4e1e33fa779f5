// Members of a parsed JSON object, read with types: the first thing that is wrong is noted and reading goes on with placeholders, so
// that builders read like the message. Pure towards callers: the note is scratch space that is valid until the next `begin`.
import { type Decimal, parseDecimal, ZERO } from "../../../shared/decimal.ts";
import type { DecodeOutcome, RefusalCode } from "../../../shared/market.ts";

export type Members = Readonly<Record<string, unknown>>;

/** Times outside of this are no epoch milliseconds (seconds, microseconds, garbage). Finer judgement is the canonicalizer's. */
const TIME_FROM_MS = 1_262_304_000_000; // 2010-01-01
const TIME_UNTIL_MS = 4_102_444_800_000; // 2100-01-01

let problem: RefusalCode | undefined;
let problemDetail = "";

export function begin(): void {
  problem = undefined;
}

/** Notes the first thing that is wrong. */
export function refuse(code: RefusalCode, detail: string): void {
  if (problem !== undefined) return;
  problem = code;
  problemDetail = detail;
}

/** Whether anything has been noted. */
export function isRefused(): boolean {
  return problem !== undefined;
}

/** The refusal that reading has led to, if any. */
export function refusal(where: string): DecodeOutcome | undefined {
  return problem === undefined ? undefined : { kind: "refused", code: problem, detail: `${where}: ${problemDetail}` };
}

export function isObject(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function has(object: Members, name: string): boolean {
  return Object.hasOwn(object, name);
}

function lacks(object: Members, name: string): boolean {
  if (has(object, name)) return false;
  refuse("wrong-shape", `member ${name} is missing`);
  return true;
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}

export function text(object: Members, name: string): string {
  if (lacks(object, name)) return "";
  const value = object[name];
  if (typeof value === "string") return value;
  refuse("wrong-type", `member ${name} is no string`);
  return "";
}

export function requireText(object: Members, name: string, expected: string): void {
  const value = text(object, name);
  if (value !== expected) refuse("wrong-shape", `member ${name} is ${shown(value)}, expected ${shown(expected)}`);
}

export function flag(object: Members, name: string): boolean {
  if (lacks(object, name)) return false;
  const value = object[name];
  if (typeof value !== "boolean") refuse("wrong-type", `member ${name} is neither true nor false`);
  return value === true;
}

/** A whole number from 0. */
export function whole(object: Members, name: string): number {
  if (lacks(object, name)) return 0;
  const value = object[name];
  if (typeof value !== "number") refuse("wrong-type", `member ${name} is no number`);
  else if (!Number.isSafeInteger(value) || value < 0) refuse("bad-number", `member ${name} is ${value}, not a whole number from 0`);
  else return value;
  return 0;
}

export function isBelievedTime(ms: number): boolean {
  return ms >= TIME_FROM_MS && ms < TIME_UNTIL_MS;
}

function believed(name: string, ms: number): number {
  if (isBelievedTime(ms)) return ms;
  refuse("implausible-time", `member ${name} is ${ms}, not a time in epoch milliseconds between 2010 and 2100`);
  return ms;
}

/** Epoch ms, written as a JSON number. */
export function time(object: Members, name: string): number {
  return believed(name, whole(object, name));
}

/** Epoch ms, written as text. */
export function timeText(object: Members, name: string): number {
  const value = text(object, name);
  if (!/^\d{1,15}$/.test(value)) refuse("bad-number", `member ${name} is ${shown(value)}, not a whole number from 0`);
  return believed(name, Number(value));
}

export function parsedDecimal(value: string, name: string): Decimal {
  const parsed = parseDecimal(value);
  if (parsed === undefined) refuse("bad-number", `member ${name} is ${shown(value)}, not a decimal`);
  return parsed ?? ZERO;
}

/** An exact decimal, which this venue writes as a string. */
export function decimalText(object: Members, name: string): Decimal {
  if (lacks(object, name)) return ZERO;
  const value = object[name];
  if (typeof value === "string") return parsedDecimal(value, name);
  refuse("wrong-type", `member ${name} is no string with a decimal in it`);
  return ZERO;
}

export function notNegative(value: Decimal, name: string): Decimal {
  if (value.mantissa < 0) refuse("bad-number", `member ${name} is negative`);
  return value;
}

export function positive(value: Decimal, name: string): Decimal {
  if (value.mantissa <= 0) refuse("bad-number", `member ${name} is not above 0`);
  return value;
}
