// What a reader knows of each segment: where its chunks lie, from the manifest or from following the open file.
import { fault } from "../../shared/base.ts";
import { CompactChunks, type ChunkList, type ChunkPlace } from "./chunk-list.ts";
import { readLineAt, type LinePlace, type ManifestSegment } from "./manifest.ts";
import { OpenSegmentScanner, parseSegmentHead } from "./open-segment.ts";
import { unpackChunk, walkChunk, type ChannelTable, type ChunkBytes } from "./scan.ts";
import { RAW_FOLDER, openName, type ChunkHead } from "./segment-format.ts";
import type { Disk, DiskFile, SegmentSummary } from "./types.ts";

/** A file that several reads may use while its segment is replaced (sealed) under them: closed after the last one. */
class SharedFile {
  readonly #file: DiskFile;
  #users = 0;
  #retired = false;

  constructor(file: DiskFile) {
    this.#file = file;
  }

  get file(): DiskFile {
    return this.#file;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    this.#users += 1;
    try {
      return await this.#file.read(offset, length);
    } finally {
      this.#users -= 1;
      if (this.#retired && this.#users === 0) await this.#file.close();
    }
  }

  async retire(): Promise<void> {
    if (this.#retired) return;
    this.#retired = true;
    if (this.#users === 0) await this.#file.close();
  }
}

/** A chunk that was read anyway while following, so that it need not be read again. */
export type SawChunk = (entry: SegmentEntry, place: ChunkPlace, chunk: ChunkBytes, head: ChunkHead) => void;

export interface SegmentEntry {
  readonly index: number;
  readonly path: string;
  readonly summary: SegmentSummary;
  /** Running maximum of receive time at the segment's end. */
  readonly knownNs: bigint;
  /** Last seq in it; the one before its first where it is empty. */
  readonly lastSeq: number;
  /** Where its chunks lie. */
  chunks(): ChunkList | Promise<ChunkList>;
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Segments whose chunk lists a reader keeps: about 9 KB each. */
const CHUNK_LISTS_MAX = 64;

/** Chunk lists of sealed segments, read from the manifest when they are needed: a capture of weeks has tens of thousands of segments. */
export class ChunkLists {
  readonly #disk: Disk;
  readonly #folder: string;
  /** Least recently used first. */
  readonly #lists = new Map<number, Promise<ChunkList>>();

  constructor(disk: Disk, folder: string) {
    this.#disk = disk;
    this.#folder = folder;
  }

  of(index: number, place: LinePlace): Promise<ChunkList> {
    const list = this.#lists.get(index) ?? this.#read(place);
    this.#lists.delete(index);
    this.#lists.set(index, list);
    if (this.#lists.size > CHUNK_LISTS_MAX) {
      const oldest = this.#lists.keys().next();
      if (oldest.done !== true) this.#lists.delete(oldest.value);
    }
    // What could not be read is not remembered: the next one asks the disk again.
    list.catch(() => this.#lists.delete(index));
    return list;
  }

  async #read(place: LinePlace): Promise<ChunkList> {
    const { chunks } = await readLineAt(this.#disk, this.#folder, place);
    const list = new CompactChunks(chunks.length);
    for (const { offset, bytes, from_seq: firstSeq, count, known_ns: knownNs } of chunks) list.push({ offset, bytes, firstSeq, count, knownNs });
    return list;
  }
}

/** A sealed segment: a few numbers of its manifest line; its file and its chunk list are opened at the first read. */
export class SealedEntry implements SegmentEntry {
  readonly #disk: Disk;
  readonly #lists: ChunkLists;
  readonly #place: LinePlace;
  /** Bytes of the file before its first chunk. */
  readonly #headBytes: number;
  readonly path: string;
  readonly summary: SegmentSummary;
  readonly knownNs: bigint;
  #file: Promise<SharedFile> | undefined;

  constructor(options: { readonly disk: Disk; readonly folder: string; readonly line: ManifestSegment; readonly place: LinePlace; readonly lists: ChunkLists }) {
    const { disk, folder, line, place, lists } = options;
    this.#disk = disk;
    this.#lists = lists;
    this.#place = place;
    this.#headBytes = line.chunks[0]?.offset ?? line.bytes;
    this.path = `${folder}/${line.file}`;
    this.knownNs = line.known_ns;
    this.summary = {
      index: line.index, file: line.file, state: line.state, fromSeq: line.from_seq, toSeq: line.to_seq,
      fromRecvNs: line.from_recv_ns, toRecvNs: line.to_recv_ns, bytes: line.bytes, count: line.count,
    };
  }

  get index(): number {
    return this.summary.index;
  }
  get lastSeq(): number {
    return this.summary.toSeq;
  }

  chunks(): Promise<ChunkList> {
    return this.#lists.of(this.index, this.#place);
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    this.#file ??= this.#open();
    return (await this.#file).read(offset, length);
  }

  /** Refuses a foreign file or a newer format before any of its bytes are taken for a chunk. */
  async #open(): Promise<SharedFile> {
    const file = await this.#disk.open(this.path, "read");
    try {
      if (parseSegmentHead(await file.read(0, this.#headBytes), this.path) === undefined) {
        throw fault("log.not-a-segment", `${this.path} is cut short: run verify`);
      }
    } catch (error) {
      await file.close();
      throw error;
    }
    return new SharedFile(file);
  }

  async close(): Promise<void> {
    const opening = this.#file;
    this.#file = undefined;
    // A file that could not be opened has been reported to whoever read it.
    if (opening !== undefined) await opening.then((file) => file.retire(), () => undefined);
  }
}

/** The open segment: followed chunk by chunk; stops without complaint where the file is not whole (yet). */
export class OpenEntry implements SegmentEntry {
  readonly index: number;
  readonly path: string;
  readonly #chunks = new CompactChunks();
  readonly streams = new Map<string, number>();
  readonly #file: SharedFile;
  readonly #scanner: OpenSegmentScanner;
  #knownNs: bigint;
  #fromRecvNs = 0n;
  #toRecvNs = 0n;
  #count = 0;

  private constructor(index: number, path: string, file: DiskFile, knownNs: bigint) {
    this.index = index;
    this.path = path;
    this.#file = new SharedFile(file);
    this.#scanner = new OpenSegmentScanner(file, path);
    this.#knownNs = knownNs;
  }

  /** Undefined when there is no such file. */
  static async open(options: { disk: Disk; folder: string; index: number; knownNs: bigint }): Promise<OpenEntry | undefined> {
    const path = `${options.folder}/${RAW_FOLDER}/${openName(options.index)}`;
    if ((await options.disk.size(path)) === undefined) return undefined;
    let file: DiskFile;
    try {
      file = await options.disk.open(path, "read");
    } catch (error) {
      // Sealed and removed between the two calls: the manifest has it now.
      if ((await options.disk.size(path)) === undefined) return undefined;
      throw error;
    }
    return new OpenEntry(options.index, path, file, options.knownNs);
  }

  get knownNs(): bigint {
    return this.#knownNs;
  }
  get lastSeq(): number {
    const last = this.#chunks.at(-1);
    return last === undefined ? (this.#scanner.info?.baseSeq ?? 1) - 1 : last.firstSeq + last.count - 1;
  }

  get summary(): SegmentSummary {
    const fromSeq = this.#chunks.at(0)?.firstSeq ?? this.#scanner.info?.baseSeq ?? 1;
    return {
      index: this.index, file: `${RAW_FOLDER}/${openName(this.index)}`, state: "open", fromSeq,
      toSeq: this.lastSeq, fromRecvNs: this.#fromRecvNs, toRecvNs: this.#toRecvNs, bytes: this.#scanner.offset, count: this.#count,
    };
  }

  chunks(): ChunkList {
    return this.#chunks;
  }

  /** Takes the chunks that were written since the last call. */
  async follow(table: ChannelTable, saw: SawChunk): Promise<void> {
    const size = await this.#file.file.size();
    if (size <= this.#scanner.offset) return;
    this.#scanner.rewind(size);
    for (let next = await this.#scanner.next(); next !== undefined; next = await this.#scanner.next()) {
      const { head, record } = next;
      if (record.toRecvNs > this.#knownNs) this.#knownNs = record.toRecvNs;
      const place: ChunkPlace = {
        offset: next.offset, bytes: next.bytes, firstSeq: head.firstSeq, count: head.count, knownNs: this.#knownNs,
      };
      if (this.#count === 0 || record.fromRecvNs < this.#fromRecvNs) this.#fromRecvNs = record.fromRecvNs;
      if (record.toRecvNs > this.#toRecvNs) this.#toRecvNs = record.toRecvNs;
      this.#count += head.count;
      const chunk = unpackChunk(record);
      walkChunk(chunk, head, table, {}, (_seq, _ingestSeq, { key }) => {
        const { streamId } = key.stream;
        this.streams.set(streamId, (this.streams.get(streamId) ?? 0) + 1);
      });
      this.#chunks.push(place);
      saw(this, place, chunk, head);
    }
  }

  read(offset: number, length: number): Promise<Uint8Array> {
    return this.#file.read(offset, length);
  }

  close(): Promise<void> {
    return this.#file.retire();
  }
}
