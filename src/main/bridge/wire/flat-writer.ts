// Writes FlatBuffers: back to front, into one buffer that is used again for every frame. Our own instead of flatbuffers' Builder, which
// takes 64-bit fields as bigints and stores byte by byte: a batch of 100 bars takes it six times as long (bench/wire).
import { assert } from "../../../shared/base.ts";
import { FRAME_BYTES_MAX } from "./messages.ts";

const FIRST_CAPACITY = 64 * 1024;
const TWO_32 = 4_294_967_296;
/** Slots of the largest table in the schema, with room for it to grow. */
const SLOTS_MAX = 32;
const TABLE_HEAD = 4;
const VTABLE_HEAD = 4;

/** Where something lies, counted from the end of the frame, so that it stays true while the frame grows at its front. */
export type Ref = number;

/** Fields of a table in slot order, as offsets from its start (0 = absent), behind the two sizes: a vtable, word by word. */
export type VtableWords = readonly number[];

export class FlatWriter {
  #bytes: Buffer = Buffer.alloc(FIRST_CAPACITY);
  #view = viewOf(this.#bytes);
  #head = FIRST_CAPACITY;
  readonly #vtables = new Map<VtableWords | string, Ref>();
  readonly #shared = new Map<string, Ref>();
  // The table being collected: size and 64 bits per slot. Size 0 = absent.
  readonly #sizes = new Uint8Array(SLOTS_MAX);
  readonly #low = new Float64Array(SLOTS_MAX);
  readonly #high = new Float64Array(SLOTS_MAX);
  #slots = 0;

  /** Forgets everything; the buffer is kept. */
  reset(): void {
    this.#head = this.#bytes.length;
    this.#vtables.clear();
    this.#shared.clear();
    this.#sizes.fill(0);
    this.#slots = 0;
  }

  /** Valid until the next `block`. Everything in it is little-endian. */
  get view(): DataView {
    return this.#view;
  }

  /** Room for direct writing; what lies behind it up to the last thing written is zeroed. Returns its position in `view`. */
  block(bytes: number, alignment: number): number {
    let start = (this.#head - bytes) & -alignment;
    while (start < 0) {
      this.#grow();
      start = (this.#head - bytes) & -alignment;
    }
    for (let at = start + bytes; at < this.#head; at += 1) this.#bytes[at] = 0;
    this.#head = start;
    return start;
  }

  ref(position: number): Ref {
    return this.#bytes.length - position;
  }

  /** Writes at `position` where `target` lies, as seen from there. */
  point(position: number, target: Ref): void {
    this.#view.setUint32(position, this.#bytes.length - target - position, true);
  }

  text(value: string): Ref {
    const length = Buffer.byteLength(value, "utf8");
    const at = this.block(4 + length + 1, 4);
    this.#view.setUint32(at, length, true);
    this.#bytes.write(value, at + 4, length, "utf8");
    this.#bytes[at + 4 + length] = 0;
    return this.ref(at);
  }

  /** Words that repeat within a frame are written once. */
  sharedText(value: string): Ref {
    let ref = this.#shared.get(value);
    if (ref === undefined) {
      ref = this.text(value);
      this.#shared.set(value, ref);
    }
    return ref;
  }

  blob(value: Uint8Array): Ref {
    const at = this.block(4 + value.length, 4);
    this.#view.setUint32(at, value.length, true);
    this.#bytes.set(value, at + 4);
    return this.ref(at);
  }

  refs(targets: readonly Ref[]): Ref {
    const at = this.block(4 + 4 * targets.length, 4);
    this.#view.setUint32(at, targets.length, true);
    for (let index = 0; index < targets.length; index += 1) this.point(at + 4 + 4 * index, targets[index] ?? 0);
    return this.ref(at);
  }

  /** Points the table at `position` to its vtable, which is written once per frame. `words` must stay the same object, or be short-lived text. */
  vtable(words: VtableWords, key: VtableWords | string = words): Ref {
    let ref = this.#vtables.get(key);
    if (ref === undefined) {
      const at = this.block(2 * words.length, 2);
      for (let index = 0; index < words.length; index += 1) this.#view.setUint16(at + 2 * index, words[index] ?? 0, true);
      ref = this.ref(at);
      this.#vtables.set(key, ref);
    }
    return ref;
  }

  /** The first four bytes of a table say where its vtable lies: before (positive) or behind it. */
  pointToVtable(position: number, vtable: Ref): void {
    this.#view.setInt32(position, position - (this.#bytes.length - vtable), true);
  }

  // ── One table, field by field ──────────────────────────────────────────────
  // Text, blobs and vectors may be written in between, other tables may not: what a field points to comes before it.

  #field(slot: number, bytes: number, low: number, high: number): void {
    this.#sizes[slot] = bytes;
    this.#low[slot] = low;
    this.#high[slot] = high;
    if (slot >= this.#slots) this.#slots = slot + 1;
  }

  u8(slot: number, value: number): void {
    if (value !== 0) this.#field(slot, 1, value, 0);
  }

  bool(slot: number, value: boolean): void {
    this.u8(slot, value ? 1 : 0);
  }

  u16(slot: number, value: number): void {
    assert(Number.isInteger(value) && value >= 0 && value <= 0xffff, `a 16-bit field cannot hold ${value}`);
    if (value !== 0) this.#field(slot, 2, value, 0);
  }

  u32(slot: number, value: number): void {
    assert(Number.isInteger(value) && value >= 0 && value < TWO_32, `a 32-bit field cannot hold ${value}`);
    if (value !== 0) this.#field(slot, 4, value, 0);
  }

  /** Sequences, ids and counts: unsigned on the wire, so never below 0. */
  count(slot: number, value: number): void {
    assert(value >= 0, `a count is 0 or more, got ${value}`);
    this.safe(slot, value);
  }

  optionalCount(slot: number, value: number | undefined): void {
    assert(value === undefined || value >= 0, `a count is 0 or more, got ${value}`);
    this.optionalSafe(slot, value);
  }

  /** Signed 64 bits that are a safe integer on our side: epoch ms. */
  safe(slot: number, value: number): void {
    if (value !== 0) this.optionalSafe(slot, value);
  }

  /** Optional on the wire: 0 is written, undefined is not. */
  optionalSafe(slot: number, value: number | undefined): void {
    if (value === undefined) return;
    assert(Number.isSafeInteger(value), `a 64-bit field takes safe integers, got ${value}`);
    this.#field(slot, 8, value >>> 0, Math.floor(value / TWO_32));
  }

  i64(slot: number, value: bigint): void {
    assert(BigInt.asIntN(64, value) === value, `a 64-bit field cannot hold ${value}`);
    if (value !== 0n) this.#field(slot, 8, Number(value & 0xffff_ffffn), Number(value >> 32n));
  }

  /** Undefined leaves the field out. */
  link(slot: number, target: Ref | undefined): void {
    if (target !== undefined) this.#field(slot, 0xff, target, 0);
  }

  end(): Ref {
    const words = this.#placeFields();
    const vtable = this.vtable(words, words.join());
    const at = this.block(words[1] ?? TABLE_HEAD, 8);
    this.pointToVtable(at, vtable);
    for (let slot = 0; slot < this.#slots; slot += 1) {
      this.#writeField(at + (words[VTABLE_HEAD / 2 + slot] ?? 0), slot);
      this.#sizes[slot] = 0;
    }
    this.#slots = 0;
    return this.ref(at);
  }

  /** Largest first; a link is four bytes. */
  #placeFields(): number[] {
    const words: number[] = [VTABLE_HEAD + 2 * this.#slots, 0];
    for (let slot = 0; slot < this.#slots; slot += 1) words.push(0);
    let next = TABLE_HEAD;
    for (const bytes of [4, 8, 2, 1]) {
      if (bytes === 8 && this.#sizes.includes(8)) next = (next + 7) & -8;
      for (let slot = 0; slot < this.#slots; slot += 1) {
        const size = this.#sizes[slot] === 0xff ? 4 : this.#sizes[slot];
        if (size !== bytes) continue;
        words[VTABLE_HEAD / 2 + slot] = next;
        next += bytes;
      }
    }
    words[1] = next;
    return words;
  }

  #writeField(at: number, slot: number): void {
    const low = this.#low[slot] ?? 0;
    switch (this.#sizes[slot]) {
      case 0:
        return;
      case 1:
        return this.#view.setUint8(at, low);
      case 2:
        return this.#view.setUint16(at, low, true);
      case 4:
        return this.#view.setUint32(at, low, true);
      case 8:
        this.#view.setUint32(at, low, true);
        return this.#view.setInt32(at + 4, this.#high[slot] ?? 0, true);
      default:
        return this.point(at, low);
    }
  }

  /** The finished frame, in memory of its own. */
  finish(root: Ref, identifier: string): Uint8Array {
    const at = this.block(8, 8);
    this.point(at, root);
    this.#bytes.write(identifier, at + 4, 4, "latin1");
    const frame = new Uint8Array(this.#bytes.length - at);
    frame.set(this.#bytes.subarray(at));
    return frame;
  }

  #grow(): void {
    const { length } = this.#bytes;
    // A frame beyond the limit would be refused by every reader: the sender has to cut it before.
    assert(length <= FRAME_BYTES_MAX, `a frame may hold ${FRAME_BYTES_MAX} bytes`);
    const larger = Buffer.alloc(length * 2);
    this.#bytes.copy(larger, length);
    this.#bytes = larger;
    this.#view = viewOf(larger);
    this.#head += length;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
