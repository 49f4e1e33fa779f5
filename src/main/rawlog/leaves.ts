// Leaves and roots at speed: the same values as shared/leaf.ts, without an allocation per field.
import { ROOT_BLOCK } from "../../shared/leaf.ts";
import type { ChannelKey } from "./mcap-write.ts";
import type { LogRecord } from "./scan.ts";
import { sha256Hex, sha256Latin1 } from "./sha256.ts";
import { viewOf, writeU64 } from "./segment-format.ts";

interface Template {
  readonly bytes: Buffer;
  readonly view: DataView;
}

/** Makes leaves (32 Latin-1 characters each); keeps the constant part of the input per channel. */
export class LeafMaker {
  readonly #templates = new Map<ChannelKey, Template>();

  #template(key: ChannelKey): Template {
    const streamId = Buffer.from(key.stream.streamId, "utf8");
    const source = Buffer.from(key.source, "utf8");
    const bytes = Buffer.alloc(32 + 2 + streamId.length + 1 + source.length + 32);
    const view = viewOf(bytes);
    view.setUint16(32, streamId.length, true);
    streamId.copy(bytes, 34);
    bytes[34 + streamId.length] = source.length;
    source.copy(bytes, 35 + streamId.length);
    const template = { bytes, view };
    this.#templates.set(key, template);
    return template;
  }

  leaf(record: LogRecord): string {
    const { bytes, view } = this.#templates.get(record.channel) ?? this.#template(record.channel);
    writeU64(view, 0, record.seq);
    writeU64(view, 8, record.ingestSeq);
    // recv_ns and event_ns have the same 16 bytes in a message record as in a leaf.
    const from = record.at + 15;
    bytes.set(record.chunk.bytes.subarray(from, from + 16), 16);
    bytes.write(sha256Latin1(record.payload), bytes.length - 32, "latin1");
    return sha256Latin1(bytes);
  }
}

/** Root of one block: sha256 (hex) over its present leaves, in seq order. */
export interface BlockRoot {
  readonly block: number;
  readonly root: string;
}
export interface PartialRoot extends BlockRoot {
  /** Leaves in it so far. */
  readonly count: number;
}

export function blockOf(seq: number): number {
  return Math.floor((seq - 1) / ROOT_BLOCK);
}

/** Folds leaves into roots of fixed blocks of 1,024 seq, across chunks and segments. */
export class RootFold {
  readonly #maker = new LeafMaker();
  readonly #leaves = Buffer.alloc(ROOT_BLOCK * 32);
  #block = -1;
  #count = 0;
  #roots: BlockRoot[] = [];

  add(record: LogRecord): void {
    const block = blockOf(record.seq);
    if (block !== this.#block) {
      this.#close();
      this.#block = block;
    }
    this.#leaves.write(this.#maker.leaf(record), this.#count * 32, "latin1");
    this.#count += 1;
  }

  #close(): void {
    if (this.#count > 0) this.#roots.push({ block: this.#block, root: this.#root() });
    this.#count = 0;
  }

  #root(): string {
    return sha256Hex(this.#leaves.subarray(0, this.#count * 32));
  }

  /** Takes the roots of all blocks that no number from `nextSeq` on can belong to. */
  take(nextSeq: number): readonly BlockRoot[] {
    if (this.#count > 0 && blockOf(nextSeq) > this.#block) this.#close();
    const roots = this.#roots;
    this.#roots = [];
    return roots;
  }

  /** The block that is not finished yet; undefined when nothing is in it. */
  get partial(): PartialRoot | undefined {
    return this.#count === 0 ? undefined : { block: this.#block, count: this.#count, root: this.#root() };
  }
}
