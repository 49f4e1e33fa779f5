// Which text ids a stream has told, beyond the trades whose contents are remembered, and where in the log each was seen first.
// Small blocks: full ones are sorted, never change again and are shared by every snapshot. Pure.

const BLOCK = 512;
const BLOCKS_MAX = 32;
/** Between these many ids and one block fewer are remembered: more than any page of a venue's list, and more than a stalled leg brings again. */
export const KNOWN_IDS = BLOCK * BLOCKS_MAX;

interface Block {
  /** Raw seq of the message that brought its first id. */
  readonly sinceSeq: number;
  /** 53-bit keys of the ids (`textKey`); ascending once the block is full. */
  readonly keys: readonly number[];
  /** Beside each key the raw seq at which it was first seen; negative when it has come by REST only. */
  readonly seqs: readonly number[];
}

export class KnownIds {
  /** Oldest first, all full. */
  #full: readonly Block[] = [];
  #keys: number[] = [];
  #seqs: number[] = [];
  #sinceSeq = 0;
  /** Some ids are no longer remembered. */
  #forgot = false;

  get isEmpty(): boolean {
    return this.#full.length === 0 && this.#keys.length === 0;
  }

  /** Everything that came at or after this raw seq is remembered; 0: everything. */
  get reachesSeq(): number {
    return this.#forgot ? (this.#full[0]?.sinceSeq ?? this.#sinceSeq) : 0;
  }

  /** Where it was seen first: a raw seq, negative when it has come by REST only. Undefined: never, or no longer remembered. */
  seqOf(key: number): number | undefined {
    const recent = this.#keys.lastIndexOf(key);
    if (recent >= 0) return this.#seqs[recent];
    for (let which = this.#full.length - 1; which >= 0; which -= 1) {
      const block = this.#full[which];
      if (block === undefined) break;
      const at = indexIn(block.keys, key);
      if (at !== undefined) return block.seqs[at];
    }
    return undefined;
  }

  /** An id seen for the first time, or one of REST's that the stream itself has now told: the newer note counts. */
  note(key: number, seq: number): void {
    if (this.#keys.length === 0) this.#sinceSeq = Math.abs(seq);
    this.#keys.push(key);
    this.#seqs.push(seq);
    if (this.#keys.length === BLOCK) this.#fill();
  }

  #fill(): void {
    const order = this.#keys.map((_, index) => index).sort((a, b) => (this.#keys[a] ?? 0) - (this.#keys[b] ?? 0) || a - b);
    const block = { sinceSeq: this.#sinceSeq, keys: order.map((at) => this.#keys[at] ?? 0), seqs: order.map((at) => this.#seqs[at] ?? 0) };
    const kept = this.#full.length >= BLOCKS_MAX - 1 ? this.#full.slice(1) : this.#full;
    this.#forgot ||= kept !== this.#full;
    this.#full = [...kept, block];
    this.#keys = [];
    this.#seqs = [];
  }

  clone(): KnownIds {
    const copy = new KnownIds();
    copy.#full = this.#full;
    copy.#keys = this.#keys.slice();
    copy.#seqs = this.#seqs.slice();
    copy.#sinceSeq = this.#sinceSeq;
    copy.#forgot = this.#forgot;
    return copy;
  }

  /** As plain data, and back. */
  save(): SavedKnownIds {
    return { forgot: this.#forgot, full: this.#full, last: { sinceSeq: this.#sinceSeq, keys: this.#keys, seqs: this.#seqs } };
  }

  static from(saved: SavedKnownIds): KnownIds {
    const known = new KnownIds();
    known.#forgot = saved.forgot;
    known.#full = saved.full;
    known.#keys = [...saved.last.keys];
    known.#seqs = [...saved.last.seqs];
    known.#sinceSeq = saved.last.sinceSeq;
    return known;
  }
}

export interface SavedKnownIds {
  readonly forgot: boolean;
  readonly full: readonly Block[];
  readonly last: Block;
}

/** The last of equal keys: the newest note. */
function indexIn(keys: readonly number[], key: number): number | undefined {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? 0) <= key) low = middle + 1;
    else high = middle;
  }
  return keys[low - 1] === key ? low - 1 : undefined;
}
