// Reads FlatBuffers that anybody may have sent: every offset, size and length is checked before it is followed, because the library's
// own readers check nothing (and take three times as long, by way of bigints). Whatever is wrong throws the fault `wire.malformed`, which decode.ts turns into a Result.
import { fault, FaultError } from "../../../shared/base.ts";
import { DECIMAL_DIGITS_MAX, type Decimal } from "../../../shared/decimal.ts";

const TWO_32 = 4_294_967_296;
/** High word of the safe integers: -2^53 … 2^53 - 1, of which the lowest is taken out by itself. */
const SAFE_HIGH = 0x20_0000;
const DECIMAL_BYTES = 24;
/** What a table costs of the budget, whatever its size: the object made of it. */
const TABLE_COST = 64;
// Offsets may point many times at the same table or text, so that a small frame would unfold into a large object. Honest frames stay
// far below: what they unfold to was written about once.
const BUDGET_PER_BYTE = 16;
const BUDGET_BASE = 4_096;
/** Below this, a loop over ASCII beats a call into the decoder. */
const SHORT_TEXT = 24;

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function malformed(what: string): FaultError {
  return fault("wire.malformed", `bridge frame refused: ${what}`);
}

/** One frame: its bytes and how much may still be made of them. */
export class FlatFrame {
  readonly view: DataView;
  readonly length: number;
  readonly #bytes: Buffer;
  #budget: number;

  constructor(bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.length = bytes.byteLength;
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#budget = BUDGET_BASE + BUDGET_PER_BYTE * bytes.byteLength;
  }

  spend(cost: number, what: string): void {
    this.#budget -= cost;
    if (this.#budget < 0) throw malformed(`${what} unfolds to more than ${BUDGET_PER_BYTE} times the frame`);
  }

  hasIdentifier(identifier: string): boolean {
    return this.length >= 8 && this.#bytes.toString("latin1", 4, 8) === identifier;
  }

  root(name: string): FlatTable {
    if (this.length < 8) throw malformed(`${this.length} bytes are too few`);
    return new FlatTable(this, this.view.getUint32(0, true), name);
  }

  /** Where the offset at `at` points; unsigned, so never backwards. 0 when that is outside the frame. */
  target(at: number): number {
    const target = at + this.view.getUint32(at, true);
    return target > this.length - 4 ? 0 : target;
  }

  /** Start and length of a vector whose elements take `elementBytes`. */
  vectorLength(at: number, elementBytes: number, what: string): number {
    const count = this.view.getUint32(at, true);
    if (count * elementBytes > this.length - at - 4) throw malformed(`${what} says ${count} elements, more than the frame has room for`);
    return count;
  }

  text(at: number, bytesMax: number, what: string): string {
    const length = this.vectorLength(at, 1, what);
    if (length > bytesMax) throw malformed(`${what} has ${length} bytes of text, ${bytesMax} are allowed`);
    this.spend(length, what);
    const from = at + 4;
    if (length <= SHORT_TEXT) {
      const short = this.#shortAscii(from, length);
      if (short !== undefined) return short;
    }
    try {
      return UTF8.decode(this.#bytes.subarray(from, from + length));
    } catch {
      throw malformed(`${what} is not UTF-8`);
    }
  }

  #shortAscii(from: number, length: number): string | undefined {
    for (let index = 0; index < length; index += 1) if (this.view.getUint8(from + index) > 0x7f) return undefined;
    return this.#bytes.toString("latin1", from, from + length);
  }

  hex(at: number, bytes: number): string {
    return this.#bytes.toString("hex", at, at + bytes);
  }

  slice(from: number, length: number): Uint8Array {
    return this.#bytes.subarray(from, from + length);
  }
}

/** A table whose vtable and extent lie inside the frame. Fields beyond what its writer knew are absent; what we do not know is not looked at. */
export class FlatTable {
  readonly frame: FlatFrame;
  readonly #at: number;
  readonly #vtable: number;
  readonly #vtableBytes: number;
  readonly #bytes: number;
  readonly #name: string;

  constructor(frame: FlatFrame, at: number, name: string) {
    const { view, length } = frame;
    if (at > length - 4) throw malformed(`table ${name} lies outside the frame`);
    const vtable = at - view.getInt32(at, true);
    if (vtable < 0 || vtable > length - 4) throw malformed(`the vtable of ${name} lies outside the frame`);
    this.frame = frame;
    this.#at = at;
    this.#vtable = vtable;
    this.#vtableBytes = view.getUint16(vtable, true);
    this.#bytes = view.getUint16(vtable + 2, true);
    this.#name = name;
    if (this.#vtableBytes < 4 || this.#vtableBytes > length - vtable) throw malformed(`the vtable of ${name} is cut off`);
    if (this.#bytes < 4 || this.#bytes > length - at) throw malformed(`table ${name} is cut off`);
    frame.spend(TABLE_COST, name);
  }

  /** For messages: `Candle.open`. */
  named(field: string): string {
    return `${this.#name}.${field}`;
  }

  /** Position of a field of `bytes` inside this table, 0 when absent. */
  #field(slot: number, bytes: number): number {
    const entry = 4 + 2 * slot;
    if (entry + 2 > this.#vtableBytes) return 0;
    const offset = this.frame.view.getUint16(this.#vtable + entry, true);
    if (offset === 0) return 0;
    if (offset < 4 || offset + bytes > this.#bytes) throw malformed(`slot ${slot} of ${this.#name} lies outside its table`);
    return this.#at + offset;
  }

  has(slot: number): boolean {
    return this.#field(slot, 0) !== 0;
  }

  u8(slot: number): number {
    const at = this.#field(slot, 1);
    return at === 0 ? 0 : this.frame.view.getUint8(at);
  }

  bool(slot: number, field: string): boolean {
    const value = this.u8(slot);
    if (value > 1) throw malformed(`${this.named(field)} is a truth value, got ${value}`);
    return value === 1;
  }

  u16(slot: number): number {
    const at = this.#field(slot, 2);
    return at === 0 ? 0 : this.frame.view.getUint16(at, true);
  }

  u32(slot: number): number {
    const at = this.#field(slot, 4);
    return at === 0 ? 0 : this.frame.view.getUint32(at, true);
  }

  /** uint64 that must be a safe integer. */
  count(slot: number, field: string): number {
    return this.optionalCount(slot, field) ?? 0;
  }

  optionalCount(slot: number, field: string): number | undefined {
    const at = this.#field(slot, 8);
    if (at === 0) return undefined;
    const high = this.frame.view.getUint32(at + 4, true);
    if (high >= SAFE_HIGH) throw malformed(`${this.named(field)} is beyond 2^53`);
    return high * TWO_32 + this.frame.view.getUint32(at, true);
  }

  /** int64 that must be a safe integer: epoch ms. */
  safe(slot: number, field: string): number {
    return this.optionalSafe(slot, field) ?? 0;
  }

  optionalSafe(slot: number, field: string): number | undefined {
    const at = this.#field(slot, 8);
    if (at === 0) return undefined;
    const value = this.frame.view.getInt32(at + 4, true) * TWO_32 + this.frame.view.getUint32(at, true);
    if (!Number.isSafeInteger(value)) throw malformed(`${this.named(field)} is beyond 2^53`);
    return value;
  }

  i64(slot: number): bigint {
    const at = this.#field(slot, 8);
    return at === 0 ? 0n : this.frame.view.getBigInt64(at, true);
  }

  /** An exact decimal; the struct must be there. */
  decimal(slot: number, field: string): Decimal {
    const at = this.#field(slot, DECIMAL_BYTES);
    if (at === 0) throw malformed(`${this.named(field)} is missing`);
    const { view } = this.frame;
    const scale = view.getUint8(at + 16);
    if (scale > DECIMAL_DIGITS_MAX) throw malformed(`${this.named(field)} has the scale ${scale}, ${DECIMAL_DIGITS_MAX} is the most`);
    return { mantissa: mantissaAt(view, at), scale };
  }

  text(slot: number, field: string, bytesMax: number): string {
    return this.optionalText(slot, field, bytesMax) ?? "";
  }

  requiredText(slot: number, field: string, bytesMax: number): string {
    const text = this.optionalText(slot, field, bytesMax);
    if (text === undefined) throw malformed(`${this.named(field)} is missing`);
    return text;
  }

  optionalText(slot: number, field: string, bytesMax: number): string | undefined {
    const at = this.place(slot, field);
    return at === 0 ? undefined : this.frame.text(at, bytesMax, this.named(field));
  }

  /** Where what a link points to lies, at least four bytes before the end; 0 when absent. */
  place(slot: number, field: string): number {
    const at = this.#field(slot, 4);
    if (at === 0) return 0;
    const target = this.frame.target(at);
    if (target === 0) throw malformed(`${this.named(field)} lies outside the frame`);
    return target;
  }

  /** Bytes of exactly this length as hex; undefined when absent. */
  optionalHex(slot: number, field: string, bytes: number): string | undefined {
    const at = this.place(slot, field);
    if (at === 0) return undefined;
    const length = this.frame.vectorLength(at, 1, this.#name);
    if (length !== bytes) throw malformed(`${this.named(field)} has ${length} bytes instead of ${bytes}`);
    return this.frame.hex(at + 4, bytes);
  }

  /** A view into the frame, not a copy. */
  requiredBlob(slot: number, field: string): Uint8Array {
    const at = this.place(slot, field);
    if (at === 0) throw malformed(`${this.named(field)} is missing`);
    return this.frame.slice(at + 4, this.frame.vectorLength(at, 1, this.named(field)));
  }

  optionalTable(slot: number, field: string, name: string): FlatTable | undefined {
    const at = this.place(slot, field);
    return at === 0 ? undefined : new FlatTable(this.frame, at, name);
  }

  table(slot: number, field: string, name: string): FlatTable {
    const table = this.optionalTable(slot, field, name);
    if (table === undefined) throw malformed(`${this.named(field)} is missing`);
    return table;
  }

  /** Each table of a vector, read by `read`; absent = empty. */
  tables<T>(slot: number, field: string, options: { readonly name: string; readonly max: number }, read: (table: FlatTable, index: number) => T): T[] {
    const at = this.place(slot, field);
    if (at === 0) return [];
    const count = this.frame.vectorLength(at, 4, this.named(field));
    if (count > options.max) throw malformed(`${this.named(field)} has ${count} elements, ${options.max} are allowed`);
    const items: T[] = [];
    try {
      for (let index = 0; index < count; index += 1) {
        const target = this.frame.target(at + 4 + 4 * index);
        if (target === 0) throw malformed(`table ${options.name} lies outside the frame`);
        items.push(read(new FlatTable(this.frame, target, options.name), index));
      }
    } catch (error) {
      throw error instanceof FaultError ? fault(error.fault.code, `${error.message} (${this.named(field)}[${items.length}])`) : error;
    }
    return items;
  }
}

/** 128 bits, as a number where that is exact: nearly always. */
function mantissaAt(view: DataView, at: number): number | bigint {
  const low = view.getUint32(at, true);
  const middle = view.getInt32(at + 4, true);
  const high = view.getInt32(at + 8, true);
  const top = view.getInt32(at + 12, true);
  if (high === 0 && top === 0 && middle >= 0 && middle < SAFE_HIGH) return middle * TWO_32 + low;
  if (high === -1 && top === -1 && middle < 0 && (middle > -SAFE_HIGH || (middle === -SAFE_HIGH && low > 0))) return middle * TWO_32 + low;
  return (view.getBigInt64(at + 8, true) << 64n) | view.getBigUint64(at, true);
}
