// Writes MCAP bytes: segment heads, chunks straight into one buffer, and the tail that makes a sealed segment complete.
import { McapRecordBuilder } from "@mcap/core";
import { assert } from "../../shared/base.ts";
import type { MessageSource, StreamRef } from "../../shared/market.ts";
import { RAW_SCHEMA_VERSION } from "../../shared/raw.ts";
import { crc32 } from "./sha256.ts";
import {
  LIBRARY, MAGIC, MESSAGE_HEAD, OP_CHUNK, OP_MESSAGE, PROFILE, RECORD_PREFIX, SEGMENT_METADATA, chunkHeadBytes,
  segmentMetadata, viewOf, writeChunkHead, writeU64, type IngestBase, type SegmentInfo,
} from "./segment-format.ts";

/** The three names that make an MCAP channel. */
export interface ChannelKey {
  readonly stream: StreamRef;
  readonly source: MessageSource;
  readonly connection: string;
}

/** Bytes of a Channel record. Its metadata carries what the ten-field schema wants per stream. */
export function channelRecord(id: number, key: ChannelKey): Uint8Array {
  const builder = new McapRecordBuilder();
  builder.writeChannel({
    id,
    schemaId: 0,
    topic: key.stream.streamId,
    messageEncoding: "json",
    metadata: new Map([
      ["stream_id", key.stream.streamId],
      ["venue", key.stream.venue],
      ["symbol", key.stream.symbol],
      ["channel", key.stream.channel],
      ["source", key.source],
      ["connection", key.connection],
      ["schema_version", String(RAW_SCHEMA_VERSION)],
    ]),
  });
  return builder.buffer.slice();
}

/** Magic, header and segment metadata: how every segment begins, open or sealed. */
export function segmentHead(info: SegmentInfo): Uint8Array {
  const builder = new McapRecordBuilder();
  builder.writeMagic();
  builder.writeHeader({ profile: PROFILE, library: LIBRARY });
  builder.writeMetadata({ name: SEGMENT_METADATA, metadata: new Map(segmentMetadata(info)) });
  return builder.buffer.slice();
}

/** A chunk head without a chunk: reserves numbers when a segment begins. */
export function reservationRecord(options: { firstSeq: number; reservedTo: number }): Uint8Array {
  const record = new Uint8Array(chunkHeadBytes(0));
  writeChunkHead(record, { ...options, count: 0, chunkBytes: 0, chunkCrc: 0, bases: [] });
  return record;
}

export interface FinishedChunk {
  /** Chunk head record and chunk record. */
  readonly bytes: Uint8Array;
  readonly headBytes: number;
  readonly firstSeq: number;
  readonly count: number;
  readonly fromRecvNs: bigint;
  readonly toRecvNs: bigint;
  readonly uncompressedBytes: number;
}

const CHUNK_FIXED = RECORD_PREFIX + 8 + 8 + 8 + 4 + 4 + 8;
const NO_TIME = 0xffff_ffff_ffff_ffffn;

/**
 * Collects messages of one chunk in one buffer, as MCAP bytes. Every chunk repeats the Channel records that it uses, so
 * that it can be read alone: after a seek, and after damage to the chunks before it.
 */
export class ChunkBuffer {
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;
  #count = 0;
  #from = NO_TIME;
  #to = 0n;
  #bases: IngestBase[] = [];

  constructor(initialBytes: number) {
    this.#bytes = Buffer.allocUnsafeSlow(initialBytes);
    this.#view = viewOf(this.#bytes);
  }

  get length(): number {
    return this.#length;
  }
  get count(): number {
    return this.#count;
  }

  #room(more: number): void {
    const need = this.#length + more;
    if (need <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(need, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    this.#view = viewOf(grown);
  }

  /** Before the first message of a channel in this chunk. */
  addChannel(record: Uint8Array): void {
    this.#room(record.length);
    this.#bytes.set(record, this.#length);
    this.#length += record.length;
  }

  /** Before the first message of a stream in this chunk. */
  addBase(base: IngestBase): void {
    this.#bases.push(base);
  }

  addMessage(channelId: number, recvNs: bigint, eventNs: bigint, payload: Uint8Array): void {
    const size = RECORD_PREFIX + MESSAGE_HEAD + payload.length;
    this.#room(size);
    const at = this.#length;
    const view = this.#view;
    this.#bytes[at] = OP_MESSAGE;
    view.setUint32(at + 1, MESSAGE_HEAD + payload.length, true);
    view.setUint32(at + 5, 0, true);
    view.setUint16(at + 9, channelId, true);
    // MCAP's sequence has 32 bits only and is optional: seq and ingest_seq follow from positions (see RAW_LOG.md).
    view.setUint32(at + 11, 0, true);
    view.setBigUint64(at + 15, recvNs, true);
    view.setBigUint64(at + 23, eventNs, true);
    this.#bytes.set(payload, at + RECORD_PREFIX + MESSAGE_HEAD);
    this.#length = at + size;
    this.#seen(recvNs);
  }

  /** A message record copied as it is (sealing keeps channel ids). */
  addMessageRecord(record: Uint8Array, recvNs: bigint): void {
    this.addChannel(record);
    this.#seen(recvNs);
  }

  #seen(recvNs: bigint): void {
    this.#count += 1;
    if (recvNs < this.#from) this.#from = recvNs;
    if (recvNs > this.#to) this.#to = recvNs;
  }

  /** The finished chunk as its own bytes; the buffer is empty afterwards. `compress` absent: stored plain. */
  finish(options: { firstSeq: number; reservedTo: number; compress?: (bytes: Uint8Array) => Uint8Array }): FinishedChunk {
    assert(this.#count > 0, "a chunk holds at least one message");
    const records = this.#bytes.subarray(0, this.#length);
    const stored = options.compress === undefined ? records : options.compress(records);
    const name = options.compress === undefined ? "" : "zstd";
    const headBytes = chunkHeadBytes(this.#bases.length);
    const chunkBytes = CHUNK_FIXED + name.length + stored.length;
    const bytes = Buffer.allocUnsafeSlow(headBytes + chunkBytes);
    const view = viewOf(bytes);
    let at = headBytes;
    bytes[at] = OP_CHUNK;
    writeU64(view, at + 1, chunkBytes - RECORD_PREFIX);
    view.setBigUint64(at + 9, this.#from, true);
    view.setBigUint64(at + 17, this.#to, true);
    writeU64(view, at + 25, records.length);
    view.setUint32(at + 33, crc32(records), true);
    view.setUint32(at + 37, name.length, true);
    at += 41;
    for (let index = 0; index < name.length; index += 1) bytes[at + index] = name.charCodeAt(index);
    at += name.length;
    writeU64(view, at, stored.length);
    bytes.set(stored, at + 8);
    writeChunkHead(bytes.subarray(0, headBytes), {
      firstSeq: options.firstSeq,
      count: this.#count,
      reservedTo: options.reservedTo,
      chunkBytes,
      chunkCrc: crc32(bytes.subarray(headBytes)),
      bases: this.#bases,
    });
    const finished: FinishedChunk = {
      bytes, headBytes, firstSeq: options.firstSeq, count: this.#count, fromRecvNs: this.#from, toRecvNs: this.#to,
      uncompressedBytes: records.length,
    };
    this.#reset();
    return finished;
  }

  #reset(): void {
    this.#length = 0;
    this.#count = 0;
    this.#from = NO_TIME;
    this.#to = 0n;
    this.#bases = [];
  }
}

export interface SealedChunkPlace {
  /** Offset of the chunk record itself (behind its head). */
  readonly chunkOffset: number;
  readonly chunkBytes: number;
  readonly fromRecvNs: bigint;
  readonly toRecvNs: bigint;
  readonly storedBytes: number;
  readonly uncompressedBytes: number;
}

/** Data end, summary (channels, statistics, chunk index), footer and magic. `dataCrc`: CRC-32 of all bytes before. */
export function segmentTail(options: {
  readonly tailOffset: number;
  readonly dataCrc: number;
  readonly channels: ReadonlyMap<number, { readonly record: Uint8Array; readonly count: number }>;
  readonly chunks: readonly SealedChunkPlace[];
}): Uint8Array {
  const builder = new McapRecordBuilder();
  builder.writeDataEnd({ dataSectionCrc: options.dataCrc });
  const dataEnd = builder.buffer.slice();
  const counts = new Map<number, bigint>();
  let total = 0;
  let from = NO_TIME;
  let to = 0n;
  for (const [id, channel] of options.channels) {
    counts.set(id, BigInt(channel.count));
    total += channel.count;
  }
  for (const chunk of options.chunks) {
    if (chunk.fromRecvNs < from) from = chunk.fromRecvNs;
    if (chunk.toRecvNs > to) to = chunk.toRecvNs;
  }
  builder.reset();
  builder.writeStatistics({
    messageCount: BigInt(total), schemaCount: 0, channelCount: options.channels.size, attachmentCount: 0, metadataCount: 1,
    chunkCount: options.chunks.length, messageStartTime: total === 0 ? 0n : from, messageEndTime: to, channelMessageCounts: counts,
  });
  for (const chunk of options.chunks) {
    // A chunk index without message indexes: an indexed reader refuses loudly instead of finding nothing.
    builder.writeChunkIndex({
      messageStartTime: chunk.fromRecvNs, messageEndTime: chunk.toRecvNs, chunkStartOffset: BigInt(chunk.chunkOffset),
      chunkLength: BigInt(chunk.chunkBytes), messageIndexOffsets: new Map(), messageIndexLength: 0n, compression: "zstd",
      compressedSize: BigInt(chunk.storedBytes), uncompressedSize: BigInt(chunk.uncompressedBytes),
    });
  }
  const summary = Buffer.concat([...[...options.channels.values()].map((channel) => channel.record), builder.buffer]);
  builder.reset();
  const summaryStart = BigInt(options.tailOffset + dataEnd.length);
  builder.writeFooter({ summaryStart, summaryOffsetStart: 0n, summaryCrc: 0 });
  const footer = Buffer.from(builder.buffer);
  // The summary's CRC covers the footer up to the CRC itself.
  const crcAt = footer.length - 4;
  footer.writeUInt32LE(crc32(footer.subarray(0, crcAt), crc32(summary)), crcAt);
  return Buffer.concat([dataEnd, summary, footer, MAGIC]);
}
