// Walks the chunks of an open (or crashed) segment file in order, a slab at a time, and finds where it stops being whole.
import { FaultError, assert, fault } from "../../shared/base.ts";
import { parseHeader, parseMetadata, wholeChunkAt, type ChunkRecord } from "./scan.ts";
import {
  HEAD_MAGIC, MAGIC, OP_HEADER, OP_METADATA, RECORD_MAX, RECORD_PREFIX, SEGMENT_METADATA, chunkHeadBytes, parseChunkHead, parseSegmentMetadata, readU64,
  viewOf, type ChunkHead, type SegmentInfo,
} from "./segment-format.ts";
import type { DiskFile } from "./types.ts";

/** A slab is read at once: large enough that small commits cost no read each, small enough to be forgotten. */
const SLAB_BYTES = 1024 * 1024;

/** Where the head of a segment ends, and what it says. Undefined: not whole. Faults: `log.not-a-segment`, `log.newer-format`. */
export function parseSegmentHead(bytes: Uint8Array, file: string): { info: SegmentInfo; bytes: number } | undefined {
  const view = viewOf(bytes);
  for (let index = 0; index < Math.min(MAGIC.length, bytes.length); index += 1) {
    if (bytes[index] !== MAGIC[index]) throw fault("log.not-a-segment", `${file} is not an MCAP file (its first bytes are foreign)`);
  }
  const header = recordAt(bytes, view, MAGIC.length);
  if (header === undefined) return undefined;
  if (bytes[MAGIC.length] !== OP_HEADER) throw fault("log.not-a-segment", `${file} has no MCAP header`);
  const { profile } = parseHeader(bytes, header.content, header.end);
  if (profile !== "tapedeck") {
    throw fault("log.not-a-segment", `${file} is an MCAP file with profile ${JSON.stringify(profile)}, not a Tapedeck segment`);
  }
  const metadata = recordAt(bytes, view, header.end);
  if (metadata === undefined) return undefined;
  if (bytes[header.end] !== OP_METADATA) throw fault("log.not-a-segment", `${file} has no segment metadata`);
  const { name, members } = parseMetadata(bytes, metadata.content, metadata.end);
  if (name !== SEGMENT_METADATA) throw fault("log.not-a-segment", `${file} has metadata ${JSON.stringify(name)} where the segment's should be`);
  return { info: parseSegmentMetadata(members, file), bytes: metadata.end };
}

function parsedHead(bytes: Uint8Array, file: string): { info: SegmentInfo; bytes: number } | undefined {
  try {
    return parseSegmentHead(bytes, file);
  } catch (error) {
    if (!(error instanceof FaultError) || error.fault.code === "log.newer-format") throw error;
    return undefined;
  }
}

function recordAt(bytes: Uint8Array, view: DataView, at: number): { content: number; end: number } | undefined {
  if (at + RECORD_PREFIX > bytes.length) return undefined;
  const end = at + RECORD_PREFIX + readU64(view, at + 1);
  return end > bytes.length ? undefined : { content: at + RECORD_PREFIX, end };
}

/** One whole chunk of an open segment and where it lies. */
export interface OpenChunk {
  /** Offset of the chunk head; `bytes` covers head and chunk. */
  readonly offset: number;
  readonly bytes: number;
  readonly head: ChunkHead;
  readonly record: ChunkRecord;
}

/**
 * Reads on from where it stopped: a follower calls `next` again after the file grew. Everything up to `offset` was whole
 * and intact; what lies behind is not written yet, or torn, or damaged (the caller decides which).
 */
export class OpenSegmentScanner {
  readonly #file: DiskFile;
  readonly #name: string;
  #slab: Uint8Array = new Uint8Array(0);
  #slabAt = 0;
  #offset = 0;
  #end = Infinity;
  #info: SegmentInfo | undefined;
  #reservedTo = 0;

  constructor(file: DiskFile, name: string) {
    this.#file = file;
    this.#name = name;
  }

  /** Bytes that are known whole. */
  get offset(): number {
    return this.#offset;
  }
  /** Undefined until the head of the segment is whole. */
  get info(): SegmentInfo | undefined {
    return this.#info;
  }
  /** Highest number that the heads seen so far reserve. */
  get reservedTo(): number {
    return this.#reservedTo;
  }

  /** At least `length` bytes from `#offset` on, or all there are. */
  async #window(length: number): Promise<Uint8Array> {
    const from = this.#offset - this.#slabAt;
    if (from < 0 || from + length > this.#slab.length) {
      const ahead = Math.min(Math.max(length, SLAB_BYTES), this.#end - this.#offset);
      this.#slab = await this.#file.read(this.#offset, ahead);
      this.#slabAt = this.#offset;
    }
    return this.#slab.subarray(this.#offset - this.#slabAt);
  }

  /**
   * False while the head is torn or garbage: then nothing of the file can be read, and recovery keeps it aside.
   * Faults: `log.newer-format`.
   */
  async #readHead(): Promise<boolean> {
    for (let length = 64 * 1024; ; length *= 4) {
      const window = await this.#window(length);
      const head = parsedHead(window, this.#name);
      if (head !== undefined) {
        this.#info = head.info;
        this.#offset = head.bytes;
        return true;
      }
      if (window.length < length || length > RECORD_MAX) return false;
    }
  }

  /**
   * For recovery, which knows from the manifest what the head must say: false when it says something else or is torn.
   * The chunks behind it may still be whole. Faults: `log.newer-format`.
   */
  async readHead(expected: SegmentInfo): Promise<boolean> {
    if (!(await this.#readHead())) return false;
    const { captureId, index, baseSeq } = this.#info ?? expected;
    if (captureId === expected.captureId && index === expected.index && baseSeq === expected.baseSeq) return true;
    this.#info = undefined;
    this.#offset = 0;
    return false;
  }

  /** seq of the next whole chunk, without taking it. */
  async peekFirstSeq(): Promise<number> {
    const window = await this.#window(chunkHeadBytes(0xffff));
    const parsed = parseChunkHead(window, viewOf(window), 0);
    assert(parsed !== undefined, "a chunk was found here");
    return parsed.head.firstSeq;
  }

  /** The next whole chunk; undefined when there is none (yet). */
  async next(): Promise<OpenChunk | undefined> {
    if (this.#offset === 0 && !(await this.#readHead())) return undefined;
    for (;;) {
      const need = await this.#needed();
      if (need === undefined) return undefined;
      const window = await this.#window(need);
      const whole = wholeChunkAt(window, viewOf(window), 0);
      if (whole === undefined) return undefined;
      const offset = this.#offset;
      this.#offset += whole.bytes;
      this.#reservedTo = Math.max(this.#reservedTo, whole.head.reservedTo);
      if (whole.record !== undefined) return { offset, bytes: whole.bytes, head: whole.head, record: whole.record };
    }
  }

  /** Bytes of the chunk at `#offset`, by its head; undefined when the head is not whole. */
  async #needed(): Promise<number | undefined> {
    let window = await this.#window(4_096);
    let parsed = parseChunkHead(window, viewOf(window), 0);
    if (parsed === undefined && window.length >= 4_096) {
      // A head with very many streams is longer than the first look.
      window = await this.#window(1024 * 1024);
      parsed = parseChunkHead(window, viewOf(window), 0);
    }
    return parsed === undefined || parsed.head.chunkBytes > RECORD_MAX ? undefined : parsed.headBytes + parsed.head.chunkBytes;
  }

  /**
   * Forgets the slab, so that a follower sees bytes which were written behind it; `size` is how long the file is now. A
   * follower reads a few kilobytes many times a second: reading ahead of the end would make a megabyte of buffer each time.
   */
  rewind(size: number): void {
    this.#end = size;
    this.#slab = new Uint8Array(0);
    this.#slabAt = 0;
  }

  /** Behind damage: moves to the next whole chunk and returns how many bytes were skipped; undefined when none follows. */
  async skipDamage(): Promise<number | undefined> {
    const size = await this.#file.size();
    const rest = await this.#file.read(this.#offset, size - this.#offset);
    const view = viewOf(rest);
    const magic = Buffer.from(HEAD_MAGIC);
    const bytes = Buffer.from(rest.buffer, rest.byteOffset, rest.length);
    for (let at = bytes.indexOf(magic, RECORD_PREFIX + 1); at >= 0; at = bytes.indexOf(magic, at + 1)) {
      const head = at - RECORD_PREFIX;
      const whole = wholeChunkAt(rest, view, head);
      if (whole?.record === undefined) continue;
      this.rewind(size);
      this.#offset += head;
      return head;
    }
    return undefined;
  }

  /** Highest reservation of an intact head behind `offset`, even where its chunk is torn. */
  async tailReservation(): Promise<number> {
    const size = await this.#file.size();
    const rest = await this.#file.read(this.#offset, Math.max(0, size - this.#offset));
    const bytes = Buffer.from(rest.buffer, rest.byteOffset, rest.length);
    const view = viewOf(rest);
    let reserved = 0;
    for (let at = bytes.indexOf(Buffer.from(HEAD_MAGIC)); at >= 0; at = bytes.indexOf(Buffer.from(HEAD_MAGIC), at + 1)) {
      const parsed = at < RECORD_PREFIX ? undefined : parseChunkHead(rest, view, at - RECORD_PREFIX);
      if (parsed !== undefined) reserved = Math.max(reserved, parsed.head.reservedTo);
    }
    return reserved;
  }
}
