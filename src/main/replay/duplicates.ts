// Which trades were seen already (D11): a trade id that comes again, by another leg or by a backfill page, is no event.
// A function of the log's prefix alone, so every order and every resume leaves out the same messages.
import type { TradeEvent } from "../../shared/market.ts";

/** Id ranges remembered per stream. Contiguous ids are one range, so only holes cost; the lowest range is forgotten first. */
const RANGES_MAX = 1_024;
/** Ids without order (text) are remembered in generations of this many, newest kept. */
const GENERATION_IDS = 1_024;
const GENERATIONS_MAX = 16;

interface StreamSnapshot {
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  readonly generations: readonly ReadonlySet<string>[];
}
export type SeenSnapshot = ReadonlyMap<string, StreamSnapshot>;

class SeenOfStream {
  #starts: number[] = [];
  #ends: number[] = [];
  #generations: Set<string>[] = [];
  /** The newest generation is in a snapshot: copy it before the next write. */
  #shared = false;

  /** Remembers ids [first, last]; false when all of them were seen before. */
  addRange(first: number, last: number): boolean {
    const top = this.#ends.length - 1;
    const end = this.#ends[top];
    if (end === undefined || first > end + 1) return this.#insert(top + 1, first, last);
    if (first === end + 1) {
      this.#ends[top] = last;
      return true;
    }
    return this.#merge(first, last);
  }

  #insert(index: number, first: number, last: number): true {
    this.#starts.splice(index, 0, first);
    this.#ends.splice(index, 0, last);
    if (this.#starts.length > RANGES_MAX) {
      this.#starts.shift();
      this.#ends.shift();
    }
    return true;
  }

  #merge(first: number, last: number): boolean {
    let low = 0;
    let high = this.#ends.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ends[middle] ?? 0) + 1 < first) low = middle + 1;
      else high = middle;
    }
    const start = this.#starts[low];
    const end = this.#ends[low];
    if (start === undefined || end === undefined || last + 1 < start) return this.#insert(low, first, last);
    if (start <= first && last <= end) return false;
    let until = low;
    while (until < this.#starts.length && (this.#starts[until] ?? 0) <= last + 1) until += 1;
    const joinedEnd = Math.max(last, this.#ends[until - 1] ?? last);
    this.#starts.splice(low, until - low, Math.min(first, start));
    this.#ends.splice(low, until - low, joinedEnd);
    return true;
  }

  addText(id: string): boolean {
    for (const generation of this.#generations) if (generation.has(id)) return false;
    let newest = this.#generations.at(-1);
    if (newest === undefined || newest.size >= GENERATION_IDS) {
      newest = new Set();
      this.#generations = [...this.#generations, newest].slice(-GENERATIONS_MAX);
    } else if (this.#shared) {
      newest = new Set(newest);
      this.#generations = [...this.#generations.slice(0, -1), newest];
    }
    this.#shared = false;
    newest.add(id);
    return true;
  }

  snapshot(): StreamSnapshot {
    this.#shared = true;
    return { starts: this.#starts.slice(), ends: this.#ends.slice(), generations: this.#generations };
  }

  static from(snapshot: StreamSnapshot): SeenOfStream {
    const seen = new SeenOfStream();
    seen.#starts = snapshot.starts.slice();
    seen.#ends = snapshot.ends.slice();
    seen.#generations = snapshot.generations.slice() as Set<string>[];
    seen.#shared = true;
    return seen;
  }
}

/** The memory of one pass over a log. Trades without any id are never duplicates. */
export class SeenTrades {
  #streams = new Map<string, SeenOfStream>();

  /** True when this trade was not seen before in its stream; remembers it. Call once per trade, in seq order. */
  isNew(streamId: string, trade: TradeEvent): boolean {
    let stream = this.#streams.get(streamId);
    if (stream === undefined) {
      stream = new SeenOfStream();
      this.#streams.set(streamId, stream);
    }
    // Trade ids first: a REST page of aggregated trades repairs a stream of single trades by the ids it stands for.
    if (trade.firstTradeId !== undefined && trade.lastTradeId !== undefined) return stream.addRange(trade.firstTradeId, trade.lastTradeId);
    if (trade.sequenceId !== undefined) return stream.addRange(trade.sequenceId, trade.sequenceId);
    return trade.tradeId === "" ? true : stream.addText(trade.tradeId);
  }

  snapshot(): SeenSnapshot {
    const streams = new Map<string, StreamSnapshot>();
    for (const [id, stream] of this.#streams) streams.set(id, stream.snapshot());
    return streams;
  }

  restore(snapshot: SeenSnapshot): void {
    this.#streams = new Map();
    for (const [id, stream] of snapshot) this.#streams.set(id, SeenOfStream.from(stream));
  }
}
