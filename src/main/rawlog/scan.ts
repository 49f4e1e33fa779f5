// Reads MCAP bytes fast: chunk by chunk, no copies per message, one StreamRef object per stream, BigInts only on demand.
import { decompress, isLoaded } from "@foxglove/wasm-zstd";
import { fault } from "../../shared/base.ts";
import { MESSAGE_SOURCES, type MessageSource, type StreamRef } from "../../shared/market.ts";
import { CONTROL_STREAM, type RawRecord } from "../../shared/raw.ts";
import type { ChannelKey } from "./mcap-write.ts";
import { crc32 } from "./sha256.ts";
import {
  MESSAGE_HEAD, OP_CHANNEL, OP_CHUNK, OP_MESSAGE, RECORD_MAX, RECORD_PREFIX, parseChunkHead, readU64, viewOf, type ChunkHead,
} from "./segment-format.ts";

/** Resolves once zstd is ready; every opener awaits it, since the decompressor itself is synchronous. */
export async function codecReady(): Promise<void> {
  await isLoaded;
}

/** Decompressed records of one chunk. Never reused, so records may point into it for as long as they like. */
export interface ChunkBytes {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/** One message of the log, as a place in a chunk. Payload and times are made when asked for. */
export class LogRecord implements RawRecord {
  readonly seq: number;
  readonly ingestSeq: number;
  readonly channel: ChannelKey;
  readonly chunk: ChunkBytes;
  /** Offset of the message record in the chunk. */
  readonly at: number;

  constructor(seq: number, ingestSeq: number, channel: ChannelKey, chunk: ChunkBytes, at: number) {
    this.seq = seq;
    this.ingestSeq = ingestSeq;
    this.channel = channel;
    this.chunk = chunk;
    this.at = at;
  }

  get stream(): StreamRef {
    return this.channel.stream;
  }
  get source(): MessageSource {
    return this.channel.source;
  }
  get connection(): string {
    return this.channel.connection;
  }
  get recvNs(): bigint {
    return this.chunk.view.getBigUint64(this.at + 15, true);
  }
  get eventNs(): bigint {
    return this.chunk.view.getBigUint64(this.at + 23, true);
  }
  /** A view into the chunk; made anew each time, so keep it while you use it. */
  get payload(): Uint8Array {
    const { bytes, view } = this.chunk;
    const from = this.at + RECORD_PREFIX + MESSAGE_HEAD;
    return new Uint8Array(bytes.buffer, bytes.byteOffset + from, view.getUint32(this.at + 1, true) - MESSAGE_HEAD);
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Keeps one object per stream and per channel for as long as a reader lives. */
export class ChannelTable {
  readonly #streams = new Map<string, StreamRef>([[CONTROL_STREAM.streamId, CONTROL_STREAM]]);
  readonly #channels = new Map<string, ChannelKey>();

  stream(members: { venue: string; symbol: string; channel: string; streamId: string }): StreamRef {
    const known = this.#streams.get(members.streamId);
    if (known !== undefined) return known;
    // Unknown venues of a newer version stay readable: the log does not decide what a venue is.
    const stream = Object.freeze({ ...members, venue: members.venue as StreamRef["venue"] });
    this.#streams.set(members.streamId, stream);
    return stream;
  }

  /** The stream of an id whose channels may not have been read yet: `venue:symbol:channel`. */
  streamOf(streamId: string): StreamRef {
    const [venue = "", symbol = "", ...rest] = streamId.split(":");
    return this.stream({ venue, symbol, channel: rest.join(":"), streamId });
  }

  channel(key: ChannelKey): ChannelKey {
    const name = `${key.stream.streamId}\n${key.source}\n${key.connection}`;
    const known = this.#channels.get(name);
    if (known !== undefined) return known;
    this.#channels.set(name, key);
    return key;
  }
}

function decodeText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw fault("log.damaged-record", "a record holds a text that is not UTF-8");
  }
}

class TextCursor {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #end: number;
  at: number;

  constructor(bytes: Uint8Array, view: DataView, at: number, end: number) {
    this.#bytes = bytes;
    this.#view = view;
    this.at = at;
    this.#end = end;
  }

  u32(): number {
    if (this.at + 4 > this.#end) throw fault("log.damaged-record", "a record ends in the middle of a number");
    const value = this.#view.getUint32(this.at, true);
    this.at += 4;
    return value;
  }

  text(): string {
    const length = this.u32();
    if (this.at + length > this.#end) throw fault("log.damaged-record", "a record ends in the middle of a text");
    const text = decodeText(this.#bytes.subarray(this.at, this.at + length));
    this.at += length;
    return text;
  }

  /** MCAP's map of strings. */
  map(): Map<string, string> {
    const end = this.u32() + this.at;
    if (end > this.#end) throw fault("log.damaged-record", "a record ends in the middle of a map");
    const map = new Map<string, string>();
    while (this.at < end) {
      const key = this.text();
      map.set(key, this.text());
    }
    return map;
  }
}

/** A Metadata record's name and members. `at`: start of the content. */
export function parseMetadata(bytes: Uint8Array, at: number, end: number): { name: string; members: Map<string, string> } {
  const cursor = new TextCursor(bytes, viewOf(bytes), at, end);
  const name = cursor.text();
  return { name, members: cursor.map() };
}

/** A Header record's profile and library. */
export function parseHeader(bytes: Uint8Array, at: number, end: number): { profile: string; library: string } {
  const cursor = new TextCursor(bytes, viewOf(bytes), at, end);
  const profile = cursor.text();
  return { profile, library: cursor.text() };
}

function parseChannel(bytes: Uint8Array, view: DataView, at: number, end: number, table: ChannelTable): { id: number; key: ChannelKey } {
  const cursor = new TextCursor(bytes, view, at + 4, end);
  const topic = cursor.text();
  cursor.text();
  const members = cursor.map();
  const need = (name: string): string => {
    const value = members.get(name);
    if (value === undefined) throw fault("log.damaged-record", `the channel ${topic} has no ${name} in its metadata`);
    return value;
  };
  const stream = table.stream({ venue: need("venue"), symbol: need("symbol"), channel: need("channel"), streamId: need("stream_id") });
  const sourceText = need("source");
  const source = MESSAGE_SOURCES.find((known) => known === sourceText);
  if (source === undefined) throw fault("log.damaged-record", `the channel ${topic} has the unknown source ${sourceText}`);
  return { id: view.getUint16(at, true), key: table.channel({ stream, source, connection: need("connection") }) };
}

/** A channel as one chunk sees it; channels of one stream share `counter`. */
interface LocalChannel {
  readonly id: number;
  readonly key: ChannelKey;
  readonly counter: { ingest: number };
  wanted: boolean;
}

export interface WalkOptions {
  readonly fromSeq?: number;
  readonly toSeq?: number;
  /** Only these streams (and control records). */
  readonly streams?: ReadonlySet<string> | undefined;
}

/** Where records of a chunk go while it is walked. */
export type Visit = (seq: number, ingestSeq: number, channel: LocalChannel, at: number) => void;

function isWanted(key: ChannelKey, streams: ReadonlySet<string> | undefined): boolean {
  return streams === undefined || key.source === "control" || streams.has(key.stream.streamId);
}

/**
 * Walks the records of a chunk. Messages out of the range or of other streams are passed over without a look at their
 * payload. Faults: `log.damaged-record` when the records do not fill the chunk exactly.
 */
export function walkChunk(chunk: ChunkBytes, head: ChunkHead, table: ChannelTable, options: WalkOptions, visit: Visit): void {
  const { bytes, view } = chunk;
  const { fromSeq = 0, toSeq = Infinity, streams } = options;
  const locals: (LocalChannel | undefined)[] = [];
  const counters = new Map<string, { ingest: number }>();
  const bases = new Map(head.bases.map((base) => [base.channelId, base.before]));
  let seq = head.firstSeq;
  let at = 0;
  while (at < bytes.length) {
    if (at + RECORD_PREFIX > bytes.length) throw fault("log.damaged-record", "a chunk ends in the middle of a record");
    const length = view.getUint32(at + 1, true);
    const end = at + RECORD_PREFIX + length;
    if (end > bytes.length || view.getUint32(at + 5, true) !== 0) throw fault("log.damaged-record", "a chunk ends in the middle of a record");
    if (bytes[at] === OP_MESSAGE) {
      const local = locals[view.getUint16(at + RECORD_PREFIX, true)];
      if (local === undefined || length < MESSAGE_HEAD) throw fault("log.damaged-record", "a message names no channel of its chunk");
      local.counter.ingest += 1;
      if (local.wanted && seq >= fromSeq && seq <= toSeq) visit(seq, local.counter.ingest, local, at);
      seq += 1;
    } else if (bytes[at] === OP_CHANNEL) {
      const { id, key } = parseChannel(bytes, view, at + RECORD_PREFIX, end, table);
      const { streamId } = key.stream;
      let counter = counters.get(streamId);
      if (counter === undefined) {
        const before = bases.get(id);
        if (before === undefined) throw fault("log.damaged-record", `the chunk head has no ingest_seq base for ${streamId}`);
        counter = { ingest: before };
        counters.set(streamId, counter);
      }
      locals[id] = { id, key, counter, wanted: isWanted(key, streams) };
    }
    at = end;
  }
  if (seq - head.firstSeq !== head.count) {
    throw fault("log.damaged-record", `the chunk holds ${seq - head.firstSeq} messages, its head says ${head.count}`);
  }
}

/** The channels that a chunk names, in order. For the verifier, which cannot trust the chunk's head. */
export function channelsIn(chunk: ChunkBytes, table: ChannelTable): readonly { readonly id: number; readonly key: ChannelKey }[] {
  const { bytes, view } = chunk;
  const channels: { id: number; key: ChannelKey }[] = [];
  let at = 0;
  while (at + RECORD_PREFIX <= bytes.length) {
    const end = at + RECORD_PREFIX + readU64(view, at + 1);
    if (end > bytes.length) throw fault("log.damaged-record", "a chunk ends in the middle of a record");
    if (bytes[at] === OP_CHANNEL) channels.push(parseChannel(bytes, view, at + RECORD_PREFIX, end, table));
    at = end;
  }
  return channels;
}

export function recordsOf(chunk: ChunkBytes, head: ChunkHead, table: ChannelTable, options: WalkOptions = {}): LogRecord[] {
  const records: LogRecord[] = [];
  walkChunk(chunk, head, table, options, (seq, ingestSeq, channel, at) => {
    records.push(new LogRecord(seq, ingestSeq, channel.key, chunk, at));
  });
  return records;
}

/** What an MCAP chunk record says of itself. */
export interface ChunkRecord {
  readonly fromRecvNs: bigint;
  readonly toRecvNs: bigint;
  readonly uncompressedBytes: number;
  readonly uncompressedCrc: number;
  readonly compression: string;
  /** The stored records. */
  readonly stored: Uint8Array;
}

/** Parses a chunk record that fills `bytes` from `at` to `end` exactly; undefined when it does not. */
export function parseChunkRecord(bytes: Uint8Array, view: DataView, at: number, end: number): ChunkRecord | undefined {
  if (end - at < 49 || bytes[at] !== OP_CHUNK || readU64(view, at + 1) !== end - at - RECORD_PREFIX) return undefined;
  const nameBytes = view.getUint32(at + 37, true);
  const sizeAt = at + 41 + nameBytes;
  if (nameBytes > 16 || sizeAt + 8 > end || readU64(view, sizeAt) !== end - sizeAt - 8) return undefined;
  return {
    fromRecvNs: view.getBigUint64(at + 9, true),
    toRecvNs: view.getBigUint64(at + 17, true),
    uncompressedBytes: readU64(view, at + 25),
    uncompressedCrc: view.getUint32(at + 33, true),
    compression: String.fromCharCode(...bytes.subarray(at + 41, sizeAt)),
    stored: bytes.subarray(sizeAt + 8, end),
  };
}

/** The records of a chunk, decompressed. Faults: `log.damaged-record`, also when the uncompressed CRC does not fit. */
export function unpackChunk(record: ChunkRecord): ChunkBytes {
  let bytes = record.stored;
  if (record.compression === "zstd") {
    if (record.uncompressedBytes > RECORD_MAX) throw fault("log.damaged-record", `a chunk claims ${record.uncompressedBytes} bytes`);
    try {
      bytes = decompress(record.stored, record.uncompressedBytes);
    } catch (error) {
      throw fault("log.damaged-record", `a chunk cannot be decompressed: ${error instanceof Error ? error.message : String(error)}`);
    }
  } else if (record.compression !== "") {
    throw fault("log.damaged-record", `a chunk is compressed with the unknown method ${JSON.stringify(record.compression)}`);
  }
  if (bytes.length !== record.uncompressedBytes) {
    throw fault("log.damaged-record", `a chunk has ${bytes.length} bytes instead of ${record.uncompressedBytes}`);
  }
  if (crc32(bytes) !== record.uncompressedCrc) throw fault("log.damaged-record", "a chunk's CRC does not fit its content");
  return { bytes, view: viewOf(bytes) };
}

/** A chunk head and its chunk record, both intact. */
export interface WholeChunk {
  readonly head: ChunkHead;
  readonly record: ChunkRecord | undefined;
  /** Bytes of both. */
  readonly bytes: number;
}

/**
 * The chunk at `at` with its head: undefined when it is not whole or not intact. All bytes on disk are covered: the head
 * by its own CRC, the chunk record by the CRC in the head.
 */
export function wholeChunkAt(bytes: Uint8Array, view: DataView, at: number): WholeChunk | undefined {
  const parsed = parseChunkHead(bytes, view, at);
  if (parsed === undefined) return undefined;
  const { head, headBytes } = parsed;
  const chunkAt = at + headBytes;
  const end = chunkAt + head.chunkBytes;
  if (head.chunkBytes === 0) return { head, record: undefined, bytes: headBytes };
  if (head.chunkBytes > RECORD_MAX || end > bytes.length) return undefined;
  if (crc32(bytes.subarray(chunkAt, end)) !== head.chunkCrc) return undefined;
  const record = parseChunkRecord(bytes, view, chunkAt, end);
  return record === undefined ? undefined : { head, record, bytes: headBytes + head.chunkBytes };
}
