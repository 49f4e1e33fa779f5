// Records of a log with what their decoder made of them, read in blocks and remembered around the cursor.
// Stepping back and forth then costs neither reading nor decoding again.
import type { CarriedStreams } from "../../shared/carried.ts";
import type { Decode, DecodeOutcome, DecoderLookup, MarketEvent, StreamRef } from "../../shared/market.ts";
import { instrumentId, type Instrument } from "../../shared/market.ts";
import { CONTROL_STREAM, type RawRecord } from "../../shared/raw.ts";
import type { RawLogReader } from "../rawlog/types.ts";

/** A record of a watched stream (or a control record), decoded on first use; one that carries, on each pass. */
export class TapeRecord {
  readonly record: RawRecord;
  readonly #decode: Decode | undefined;
  #outcome: DecodeOutcome | undefined;

  constructor(record: RawRecord, decode: Decode | undefined) {
    this.record = record;
    this.#decode = decode;
  }

  /** Whether its meaning depends on messages before it: then every pass decodes it, in order. */
  get carries(): boolean {
    return this.#decode?.carries === true;
  }

  /**
   * Undefined for control records: the canonicalizer reads those itself. `carried`: of a pass that stands right before this record; it stands
   * behind it afterwards.
   */
  outcome(carried: CarriedStreams): DecodeOutcome | undefined {
    if (this.#outcome !== undefined || this.#decode === undefined) return this.#outcome;
    const { stream, source, recvNs, payload } = this.record;
    if (this.#decode.carries === true) return this.#decode(payload, { stream, source, recvNs, carried: carried.of(stream) });
    this.#outcome = this.#decode(payload, { stream, source, recvNs });
    return this.#outcome;
  }
}

/** What an outcome says; nothing when it says nothing. */
export function eventsOf(outcome: DecodeOutcome | undefined): readonly MarketEvent[] {
  return outcome?.kind === "events" ? outcome.events : NO_EVENTS;
}
const NO_EVENTS: readonly MarketEvent[] = [];

/** Decides, per stream and once, whether its records belong to a tape and who decodes them. */
export class Watch {
  readonly #instruments: ReadonlySet<string>;
  readonly #decoders: DecoderLookup;
  readonly #decodes = new Map<string, Decode | "control" | "skip">();
  /** Watched streams with a decoder, for the log reader's filter. */
  readonly streams = new Set<string>();

  constructor(instruments: readonly Instrument[], decoders: DecoderLookup) {
    this.#instruments = new Set(instruments.map(instrumentId));
    this.#decoders = decoders;
  }

  /** Told the streams of the log, so that the reader's filter knows them before their first record is met. */
  learn(streams: readonly StreamRef[]): void {
    for (const stream of streams) this.#decodeOf(stream);
  }

  wrap(record: RawRecord): TapeRecord | undefined {
    const decode = this.#decodeOf(record.stream);
    if (decode === "skip") return undefined;
    return new TapeRecord(record, decode === "control" ? undefined : decode);
  }

  #decodeOf(stream: StreamRef): Decode | "control" | "skip" {
    let decode = this.#decodes.get(stream.streamId);
    if (decode === undefined) {
      decode = this.#judge(stream);
      this.#decodes.set(stream.streamId, decode);
      if (typeof decode === "function") this.streams.add(stream.streamId);
    }
    return decode;
  }

  #judge(stream: StreamRef): Decode | "control" | "skip" {
    if (stream.streamId === CONTROL_STREAM.streamId) return "control";
    if (stream.venue === "tapedeck" || !this.#instruments.has(instrumentId({ venue: stream.venue, symbol: stream.symbol }))) return "skip";
    return this.#decoders(stream) ?? "skip";
  }
}

/** Seqs per block: a part of a 256 KiB chunk, so that a seek reads little beyond its target. */
const BLOCK_SEQS = 256;
/** Blocks remembered: six times the stretch between two index points of ten million records. Each may pin a chunk of 256 KiB. */
const BLOCKS_MAX = 64;

interface Block {
  /** Last seq that the block covers (inclusive); less than its end while the log grows. */
  readonly toSeq: number;
  readonly items: readonly TapeRecord[];
}

function blockOf(seq: number): number {
  return Math.floor((seq - 1) / BLOCK_SEQS);
}

export class RecordBlocks {
  readonly #reader: RawLogReader;
  readonly #watch: Watch;
  readonly #blocks = new Map<number, Block>();

  constructor(reader: RawLogReader, watch: Watch) {
    this.#reader = reader;
    this.#watch = watch;
  }

  /** Watched records with fromSeq ≤ seq ≤ toSeq, in batches. Nothing above `indexedSeq` is read: the cursor never passes the index. */
  async *read(range: { readonly fromSeq: number; readonly toSeq: number; readonly indexedSeq: number }): AsyncGenerator<readonly TapeRecord[]> {
    const toSeq = Math.min(range.toSeq, range.indexedSeq);
    let fromSeq = range.fromSeq;
    while (fromSeq <= toSeq) {
      const known = this.#known(fromSeq, toSeq);
      if (known !== undefined) {
        yield slice(known.items, fromSeq, toSeq);
        fromSeq = Math.min(known.toSeq, toSeq) + 1;
        continue;
      }
      for await (const block of this.#load(blockOf(fromSeq), toSeq, range.indexedSeq)) {
        const items = slice(block.items, fromSeq, toSeq);
        fromSeq = Math.min(block.toSeq, toSeq) + 1;
        yield items;
      }
    }
  }

  #known(fromSeq: number, toSeq: number): Block | undefined {
    const index = blockOf(fromSeq);
    const block = this.#blocks.get(index);
    if (block === undefined || block.toSeq < Math.min(toSeq, (index + 1) * BLOCK_SEQS)) return undefined;
    this.#remember(index, block);
    return block;
  }

  #remember(index: number, block: Block): void {
    this.#blocks.delete(index);
    this.#blocks.set(index, block);
    if (this.#blocks.size <= BLOCKS_MAX) return;
    const oldest = this.#blocks.keys().next();
    if (oldest.done !== true) this.#blocks.delete(oldest.value);
  }

  /** Reads whole blocks from `first` on, in one pass over the log, up to the one that holds toSeq or the next known one. */
  async *#load(first: number, toSeq: number, indexedSeq: number): AsyncGenerator<Block> {
    let last = first;
    while (last < blockOf(toSeq) && !this.#blocks.has(last + 1)) last += 1;
    const until = Math.min((last + 1) * BLOCK_SEQS, indexedSeq);
    let index = first;
    let items: TapeRecord[] = [];
    for await (const batch of this.#reader.batches({ fromSeq: first * BLOCK_SEQS + 1, toSeq: until, streams: this.#watch.streams })) {
      for (const record of batch) {
        while (blockOf(record.seq) > index) {
          yield this.#finish(index, (index + 1) * BLOCK_SEQS, items);
          index += 1;
          items = [];
        }
        const item = this.#watch.wrap(record);
        if (item !== undefined) items.push(item);
      }
    }
    for (; index <= last; index += 1) {
      yield this.#finish(index, Math.min((index + 1) * BLOCK_SEQS, until), items);
      items = [];
    }
  }

  #finish(index: number, toSeq: number, items: readonly TapeRecord[]): Block {
    const block: Block = { toSeq, items };
    this.#remember(index, block);
    return block;
  }
}

function slice(items: readonly TapeRecord[], fromSeq: number, toSeq: number): readonly TapeRecord[] {
  const first = items[0]?.record.seq;
  const last = items.at(-1)?.record.seq;
  if (first === undefined || last === undefined) return items;
  if (first >= fromSeq && last <= toSeq) return items;
  return items.filter(({ record }) => record.seq >= fromSeq && record.seq <= toSeq);
}
