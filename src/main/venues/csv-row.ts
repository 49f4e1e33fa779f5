// One row of a comma-separated archive, as its decoder reads it: columns by position, exact numbers, times in ms or µs. Pure.
import { type Decimal, parseDecimal } from "../../shared/decimal.ts";
import type { DecodeContext, DecodeOutcome, MarketEvent, RefusalCode } from "../../shared/market.ts";
import { NS_PER_MS } from "../../shared/time.ts";

/** The longest real row has under 200 bytes. */
export const ROW_BYTES_MAX = 4_096;
/** Times outside of this are no epoch times. Finer judgement is the canonicalizer's. */
const TIME_FROM_MS = 1_262_304_000_000; // 2010-01-01
const TIME_UNTIL_MS = 4_102_444_800_000; // 2100-01-01
const MS_DIGITS = 13;
const US_DIGITS = 16;
const ID = /^\d{1,16}$/;

export interface RowTime { readonly eventMs: number; readonly eventSubNs: number }

/** Epoch ms (13 digits) or µs (16 digits); undefined for any other text and for years before 2010 or from 2100 on. */
export function rowTime(text: string): RowTime | undefined {
  if ((text.length !== MS_DIGITS && text.length !== US_DIGITS) || !/^\d+$/.test(text)) return undefined;
  const eventMs = Number(text.slice(0, MS_DIGITS));
  if (eventMs < TIME_FROM_MS || eventMs >= TIME_UNTIL_MS) return undefined;
  return { eventMs, eventSubNs: text.length === US_DIGITS ? Number(text.slice(MS_DIGITS)) * 1_000 : 0 };
}

export function rowTimeNs(time: RowTime): bigint {
  return BigInt(time.eventMs) * NS_PER_MS + BigInt(time.eventSubNs);
}

/** A header begins with a name, a row with a number or with a venue's name: this tells the first from rows that begin with a number. */
export function beginsWithDigit(payload: Uint8Array): boolean {
  const first = payload[0] ?? 0;
  return first >= 0x30 && first <= 0x39;
}

/** The columns as text, or undefined when the bytes are no row: too long, or not printable ASCII. No archive read here quotes its cells. */
export function splitRow(payload: Uint8Array): readonly string[] | undefined {
  if (payload.length > ROW_BYTES_MAX) return undefined;
  let text = "";
  for (const byte of payload) {
    if (byte < 0x20 || byte > 0x7e) return undefined;
    text += String.fromCharCode(byte);
  }
  return text.split(",");
}

/** What is wrong with a row; only thrown and caught within `decodeRow`. */
class RowProblem extends Error {
  readonly code: RefusalCode;
  constructor(code: RefusalCode, detail: string) {
    super(detail);
    this.code = code;
  }
}

/** The cells of one row, each read as what it must be. */
export class Row {
  readonly #cells: readonly string[];
  readonly #names: readonly string[];
  constructor(cells: readonly string[], names: readonly string[]) {
    this.#cells = cells;
    this.#names = names;
  }

  text(column: number): string {
    return this.#cells[column] ?? "";
  }

  time(column: number): RowTime {
    return rowTime(this.text(column)) ?? this.refuse("implausible-time", column, "is no time in epoch ms or µs between 2010 and 2100");
  }

  /** A whole number that a double holds exactly. */
  id(column: number): number {
    const text = this.text(column);
    const value = ID.test(text) ? Number(text) : Number.NaN;
    return Number.isSafeInteger(value) ? value : this.refuse("bad-number", column, "is no id");
  }

  decimal(column: number): Decimal {
    return parseDecimal(this.text(column)) ?? this.refuse("bad-number", column, "is no decimal");
  }

  notNegative(column: number): Decimal {
    const value = this.decimal(column);
    return value.mantissa < 0 ? this.refuse("bad-number", column, "is negative") : value;
  }

  positive(column: number): Decimal {
    const value = this.decimal(column);
    return value.mantissa <= 0 ? this.refuse("bad-number", column, "is not above 0") : value;
  }

  /** `true`/`false`, capitalised or not. */
  flag(column: number): boolean {
    const text = this.text(column).toLowerCase();
    if (text === "true") return true;
    return text === "false" ? false : this.refuse("wrong-type", column, "is neither true nor false");
  }

  refuse(code: RefusalCode, column: number, what: string): never {
    throw new RowProblem(code, `column ${this.#names[column] ?? column + 1} ${what}: ${JSON.stringify(this.text(column).slice(0, 60))}`);
  }
}

export interface RowLayout {
  /** Names of the columns, for messages. */
  readonly names: readonly string[];
  /** Allowed numbers of columns. */
  readonly counts: readonly number[];
  /** Events of a row; none: the row is known and says nothing that we keep as an event. */
  readonly build: (row: Row, context: DecodeContext) => readonly MarketEvent[];
}

/** Total: every sequence of bytes gives events, nothing, or a typed refusal. */
export function decodeRow(layout: RowLayout, payload: Uint8Array, context: DecodeContext): DecodeOutcome {
  const refused = (code: RefusalCode, detail: string): DecodeOutcome => ({ kind: "refused", code, detail: `${context.stream.streamId}: ${detail}` });
  const cells = splitRow(payload);
  if (cells === undefined) return refused(payload.length > ROW_BYTES_MAX ? "too-large" : "wrong-shape", `${payload.length} bytes that are no row of plain text`);
  if (!layout.counts.includes(cells.length)) return refused("wrong-shape", `${cells.length} columns, expected ${layout.counts.join(" or ")} (${layout.names.join(",")})`);
  try {
    const events = layout.build(new Row(cells, layout.names), context);
    return events.length === 0 ? { kind: "ignored", why: "state-only" } : { kind: "events", events };
  } catch (error) {
    if (error instanceof RowProblem) return refused(error.code, error.message);
    throw error;
  }
}
