// Where the chunks of a segment lie, as columns of numbers: 36 bytes a chunk, where objects would take ten times that. The open segment has
// one per commit, up to a hundred a second for as long as it is open.

/** One chunk, wherever it lies. */
export interface ChunkPlace {
  readonly offset: number;
  /** Of the chunk head and the chunk. */
  readonly bytes: number;
  readonly firstSeq: number;
  readonly count: number;
  /** Running maximum of receive time at the chunk's end. */
  readonly knownNs: bigint;
}

/** Chunks in the order of the file. `at(-1)` is the last one, as of an array. */
export interface ChunkList {
  readonly length: number;
  at(index: number): ChunkPlace | undefined;
}

const FIRST_CAPACITY = 256;

export class CompactChunks implements ChunkList {
  length = 0;
  #offsets: Float64Array;
  #firstSeqs: Float64Array;
  #knownNs: BigInt64Array;
  #bytes: Float64Array;
  #counts: Uint32Array;

  /** `capacity`: how many there will be, where that is known. */
  constructor(capacity = FIRST_CAPACITY) {
    this.#offsets = new Float64Array(capacity);
    this.#firstSeqs = new Float64Array(capacity);
    this.#knownNs = new BigInt64Array(capacity);
    this.#bytes = new Float64Array(capacity);
    this.#counts = new Uint32Array(capacity);
  }

  push(place: ChunkPlace): void {
    if (this.length === this.#counts.length) this.#grow();
    const at = this.length;
    this.#offsets[at] = place.offset;
    this.#bytes[at] = place.bytes;
    this.#firstSeqs[at] = place.firstSeq;
    this.#counts[at] = place.count;
    this.#knownNs[at] = place.knownNs;
    this.length += 1;
  }

  at(index: number): ChunkPlace | undefined {
    const at = index < 0 ? this.length + index : index;
    if (at < 0 || at >= this.length) return undefined;
    return {
      offset: this.#offsets[at] ?? 0, bytes: this.#bytes[at] ?? 0, firstSeq: this.#firstSeqs[at] ?? 0, count: this.#counts[at] ?? 0, knownNs: this.#knownNs[at] ?? 0n,
    };
  }

  /** By half: doubling would hold twice what is needed for most of a segment's life. */
  #grow(): void {
    const capacity = Math.max(FIRST_CAPACITY, Math.ceil(this.length * 1.5));
    this.#offsets = widened(this.#offsets, new Float64Array(capacity));
    this.#firstSeqs = widened(this.#firstSeqs, new Float64Array(capacity));
    this.#knownNs = widened(this.#knownNs, new BigInt64Array(capacity));
    this.#bytes = widened(this.#bytes, new Float64Array(capacity));
    this.#counts = widened(this.#counts, new Uint32Array(capacity));
  }
}

function widened<T extends { set(source: T): void }>(before: T, after: T): T {
  after.set(before);
  return after;
}
