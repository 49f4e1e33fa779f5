// An append-only list of plain facts that are looked up now and then: the newest as objects, older ones as JSON bytes in slabs.
// Why: a long tape remembers a hundred thousand bars and grades of some fifty objects each; walking them made every full garbage
// collection hold the thread for tens of milliseconds. As bytes they cost the collector nothing and a third of the memory.
import { assert } from "../../shared/base.ts";

/** Elements that stay objects, at least: what a live tape asks for again and again. */
const RECENT = 512;
const SLAB_BYTES = 1024 * 1024;
const BIGINT_MEMBER = "$bigint";

/** JSON has no bigints; numbers that it would turn into null must not be in here. */
function toJson(_name: string, value: unknown): unknown {
  if (typeof value === "bigint") return { [BIGINT_MEMBER]: String(value) };
  assert(typeof value !== "number" || Number.isFinite(value), `only finite numbers can be packed, got ${String(value)}`);
  return value;
}

function fromJson(_name: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || !(BIGINT_MEMBER in value)) return value;
  return BigInt(value[BIGINT_MEMBER] as string);
}

interface Slab {
  readonly bytes: Buffer;
  used: number;
}

/** Elements must be plain JSON apart from bigints and undefined members (which come back absent); nobody may change them. */
export class PackedList<T extends object> {
  readonly #slabs: Slab[] = [];
  // Of packed elements: which slab, and where in it. Three arrays of numbers, since an object each would be an object each.
  readonly #slabOf: number[] = [];
  readonly #from: number[] = [];
  readonly #until: number[] = [];
  #recent: T[] = [];

  get length(): number {
    return this.#slabOf.length + this.#recent.length;
  }

  push(element: T): void {
    this.#recent.push(element);
    if (this.#recent.length < 2 * RECENT) return;
    for (const older of this.#recent.slice(0, RECENT)) this.#pack(older);
    this.#recent = this.#recent.slice(RECENT);
  }

  at(index: number): T | undefined {
    const packed = this.#slabOf.length;
    return index < packed ? this.#unpack(index) : this.#recent[index - packed];
  }

  /** The first `length` elements as a list that goes its own way. Packed bytes are shared, never written again. */
  copyUntil(length: number): PackedList<T> {
    const copy = new PackedList<T>();
    const packed = Math.min(length, this.#slabOf.length);
    for (const { bytes } of this.#slabs) copy.#slabs.push({ bytes, used: bytes.length });
    for (let index = 0; index < packed; index += 1) copy.#place(this.#slabOf[index] ?? 0, this.#from[index] ?? 0, this.#until[index] ?? 0);
    copy.#recent = this.#recent.slice(0, length - packed);
    return copy;
  }

  #place(slab: number, from: number, until: number): void {
    this.#slabOf.push(slab);
    this.#from.push(from);
    this.#until.push(until);
  }

  #pack(element: T): void {
    const text = JSON.stringify(element, toJson);
    const bytes = Buffer.byteLength(text);
    let slab = this.#slabs.at(-1);
    if (slab === undefined || slab.used + bytes > slab.bytes.length) {
      slab = { bytes: Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, bytes)), used: 0 };
      this.#slabs.push(slab);
    }
    slab.bytes.write(text, slab.used, "utf8");
    this.#place(this.#slabs.length - 1, slab.used, slab.used + bytes);
    slab.used += bytes;
  }

  #unpack(index: number): T | undefined {
    const slab = this.#slabs[this.#slabOf[index] ?? -1];
    if (slab === undefined) return undefined;
    const text = slab.bytes.toString("utf8", this.#from[index], this.#until[index]);
    return (text.includes(BIGINT_MEMBER) ? JSON.parse(text, fromJson) : JSON.parse(text)) as T;
  }
}
