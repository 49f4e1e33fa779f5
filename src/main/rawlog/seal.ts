// Turns an open segment into a sealed one: whole chunks re-packed into 256 KiB zstd chunks, in slices, then one manifest line.
import { compress } from "@foxglove/wasm-zstd";
import { assert } from "../../shared/base.ts";
import { ChunkBuffer, channelRecord, segmentHead, segmentTail, type FinishedChunk, type SealedChunkPlace } from "./mcap-write.ts";
import type { RootFold } from "./leaves.ts";
import type { ManifestChunk, ManifestSegment, ManifestWriter, QuarantinedPart, RecoveryNote } from "./manifest.ts";
import { OpenSegmentScanner } from "./open-segment.ts";
import { ChannelTable, LogRecord, unpackChunk, walkChunk, type ChunkBytes } from "./scan.ts";
import { crc32, RunningSha256, sha256Hex } from "./sha256.ts";
import {
  ASIDE_FOLDER, MESSAGE_HEAD, OP_DATA_END, RAW_FOLDER, RECORD_PREFIX, openName, sealedName, sealingName, type ChunkHead, type SegmentInfo,
} from "./segment-format.ts";
import type { Disk, DiskFile } from "./types.ts";

/** Bytes of records per sealed chunk: 21 bytes per event at 64 KiB and above, 52 at 2 KiB. */
const CHUNK_BYTES = 256 * 1024;
const ZSTD_LEVEL = 3;
/** Messages between two pauses: about 1 ms of hashing, so that appends and commits go on. */
const SLICE_MESSAGES = 384;

/** Lets everything else of the thread run. */
export type Pause = () => Promise<void>;
export function pauseForOthers(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** What sealing carries from segment to segment. */
export interface SealState {
  readonly roots: RootFold;
  /** Running maximum of receive time. */
  knownNs: bigint;
  ingestFloor: number;
}

export interface SealOptions {
  readonly disk: Disk;
  /** The capture's folder. */
  readonly folder: string;
  readonly info: SegmentInfo;
  readonly state: SealState;
  readonly manifest: ManifestWriter;
  readonly pause: Pause;
  /** First number of the next segment, where that is known already; else it follows from the reservations in the file. */
  readonly nextSeq: number | undefined;
  /** True after a crash: the line says `recovered` even when nothing was damaged. */
  readonly crashed: boolean;
}

interface StreamCount {
  count: number;
  from_ingest: number;
  to_ingest: number;
}

/** Collects what the manifest line tells while chunks are written to the sealed file. */
class SealedFile {
  readonly #file: DiskFile;
  readonly #state: SealState;
  readonly #pause: Pause;
  readonly #hash = new RunningSha256();
  readonly #buffer = new ChunkBuffer(CHUNK_BYTES / 4);
  readonly #channels = new Map<number, { readonly record: Uint8Array; count: number; chunk: number }>();
  readonly #streamChunk = new Map<string, number>();
  readonly #places: SealedChunkPlace[] = [];
  readonly chunks: ManifestChunk[] = [];
  readonly streams: Record<string, StreamCount> = {};
  #crc = 0;
  #offset = 0;
  #chunkFirst = 0;
  #expected = 0;
  #slice = 0;
  count = 0;
  lastSeq: number;
  fromRecvNs = 0n;
  toRecvNs = 0n;
  lastRecvNs = 0n;

  constructor(file: DiskFile, info: SegmentInfo, state: SealState, pause: Pause) {
    this.#file = file;
    this.#state = state;
    this.#pause = pause;
    this.lastSeq = info.baseSeq - 1;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    await this.#file.append(bytes);
    this.#hash.add(bytes);
    this.#crc = crc32(bytes, this.#crc);
    this.#offset += bytes.length;
  }

  writeHead(info: SegmentInfo): Promise<void> {
    return this.#write(segmentHead(info));
  }

  /** Takes all records of one open chunk. */
  async addChunk(chunk: ChunkBytes, head: ChunkHead, table: ChannelTable): Promise<void> {
    const records: LogRecord[] = [];
    const ids: number[] = [];
    walkChunk(chunk, head, table, {}, (seq, ingestSeq, channel, at) => {
      records.push(new LogRecord(seq, ingestSeq, channel.key, chunk, at));
      ids.push(channel.id);
    });
    for (let index = 0; index < records.length; index += 1) {
      const record = records[index];
      const id = ids[index];
      assert(record !== undefined && id !== undefined, "one channel id per record");
      await this.#makeRoom(record);
      this.#add(record, id);
      this.#slice += 1;
      if (this.#slice >= SLICE_MESSAGES) {
        this.#slice = 0;
        await this.#pause();
      }
    }
  }

  /** A chunk's numbers are contiguous: a hole (quarantined part) begins a new one, and so does a full one. */
  async #makeRoom(record: LogRecord): Promise<void> {
    if (this.#buffer.count === 0) return;
    const size = RECORD_PREFIX + MESSAGE_HEAD + record.payload.length;
    if (record.seq !== this.#expected || this.#buffer.length + size > CHUNK_BYTES) await this.#finishChunk();
  }

  #add(record: LogRecord, id: number): void {
    assert(record.seq > this.lastSeq, "seq rises within a segment");
    const { streamId } = record.stream;
    if (this.#buffer.count === 0) this.#chunkFirst = record.seq;
    let channel = this.#channels.get(id);
    if (channel === undefined) {
      channel = { record: channelRecord(id, record.channel), count: 0, chunk: -1 };
      this.#channels.set(id, channel);
    }
    const chunkNumber = this.chunks.length;
    if (channel.chunk !== chunkNumber) {
      this.#buffer.addChannel(channel.record);
      channel.chunk = chunkNumber;
    }
    if (this.#streamChunk.get(streamId) !== chunkNumber) {
      this.#streamChunk.set(streamId, chunkNumber);
      this.#buffer.addBase({ channelId: id, before: record.ingestSeq - 1 });
    }
    channel.count += 1;
    const { bytes } = record.chunk;
    const end = record.at + RECORD_PREFIX + MESSAGE_HEAD + record.payload.length;
    const recvNs = record.recvNs;
    this.#buffer.addMessageRecord(bytes.subarray(record.at, end), recvNs);
    this.#state.roots.add(record);
    this.#account(record, recvNs);
  }

  #account(record: LogRecord, recvNs: bigint): void {
    const { streamId } = record.stream;
    const stream = this.streams[streamId];
    if (stream === undefined) this.streams[streamId] = { count: 1, from_ingest: record.ingestSeq, to_ingest: record.ingestSeq };
    else {
      stream.count += 1;
      stream.to_ingest = record.ingestSeq;
    }
    if (this.count === 0 || recvNs < this.fromRecvNs) this.fromRecvNs = recvNs;
    if (this.count === 0 || recvNs > this.toRecvNs) this.toRecvNs = recvNs;
    if (recvNs > this.#state.knownNs) this.#state.knownNs = recvNs;
    this.lastRecvNs = recvNs;
    this.lastSeq = record.seq;
    this.#expected = record.seq + 1;
    this.count += 1;
  }

  async #finishChunk(): Promise<void> {
    const finished = this.#buffer.finish({ firstSeq: this.#chunkFirst, reservedTo: 0, compress: (bytes) => compress(bytes, ZSTD_LEVEL) });
    this.#place(finished);
    await this.#write(finished.bytes);
    this.#slice = 0;
    await this.#pause();
  }

  #place(finished: FinishedChunk): void {
    const chunkBytes = finished.bytes.length - finished.headBytes;
    this.#places.push({
      chunkOffset: this.#offset + finished.headBytes, chunkBytes, fromRecvNs: finished.fromRecvNs, toRecvNs: finished.toRecvNs,
      storedBytes: chunkBytes - 53, uncompressedBytes: finished.uncompressedBytes,
    });
    this.chunks.push({
      offset: this.#offset, bytes: finished.bytes.length, from_seq: finished.firstSeq, count: finished.count,
      from_recv_ns: finished.fromRecvNs, to_recv_ns: finished.toRecvNs, known_ns: this.#state.knownNs,
      raw_bytes: finished.uncompressedBytes, sha256: sha256Hex(finished.bytes),
    });
  }

  /** Ends the file. Returns its size and hash. */
  async finish(): Promise<{ bytes: number; sha256: string }> {
    if (this.#buffer.count > 0) await this.#finishChunk();
    await this.#write(segmentTail({ tailOffset: this.#offset, dataCrc: this.#crc, channels: this.#channels, chunks: this.#places }));
    await this.#file.sync();
    return { bytes: this.#offset, sha256: this.#hash.hex() };
  }
}

async function copyAside(disk: Disk, options: { folder: string; name: string; source: DiskFile; offset: number; bytes: number }): Promise<string> {
  const aside = `${ASIDE_FOLDER}/${options.name}`;
  await disk.makeFolder(`${options.folder}/${ASIDE_FOLDER}`);
  await disk.syncFolder(`${options.folder}/${RAW_FOLDER}`);
  await disk.replaceFile(`${options.folder}/${aside}`, await options.source.read(options.offset, options.bytes));
  return aside;
}

/** What an open file's damage came to: the torn tail and the quarantined parts, all kept aside. */
interface Damage {
  cutBytes: number;
  aside: string;
  readonly quarantined: QuarantinedPart[];
}

/** Copies every whole chunk of the open file; keeps aside what is not whole. */
async function repack(source: DiskFile, sealed: SealedFile, options: SealOptions): Promise<{ damage: Damage; reservedTo: number }> {
  const { disk, folder, info } = options;
  const name = openName(info.index);
  const scanner = new OpenSegmentScanner(source, `${folder}/${RAW_FOLDER}/${name}`);
  const damage: Damage = { cutBytes: 0, aside: "", quarantined: [] };
  const table = new ChannelTable();
  const size = await source.size();
  let headSeen = await scanner.readHead(info);
  for (;;) {
    const chunk = headSeen ? await scanner.next() : undefined;
    if (chunk !== undefined) {
      assert(chunk.head.firstSeq > sealed.lastSeq, "chunks of a segment continue one another");
      await sealed.addChunk(unpackChunk(chunk.record), chunk.head, table);
      continue;
    }
    headSeen = true;
    const { offset } = scanner;
    if (await isTail(source, offset, size)) break;
    const skipped = await scanner.skipDamage();
    const bytes = skipped ?? size - offset;
    const kind = skipped === undefined ? "tail" : "damage";
    const aside = await copyAside(disk, { folder, name: `${name}.${offset}.${kind}`, source, offset, bytes });
    if (skipped === undefined) {
      damage.cutBytes = bytes;
      damage.aside = aside;
      break;
    }
    const next = await scanner.peekFirstSeq();
    damage.quarantined.push({ from_seq: sealed.lastSeq + 1, to_seq: next - 1, offset, bytes, aside });
  }
  const reservedTo = Math.max(scanner.reservedTo, await scanner.tailReservation());
  return { damage, reservedTo };
}

/** Nothing follows, or the orderly end of a sealed file that is being sealed again. */
async function isTail(source: DiskFile, offset: number, size: number): Promise<boolean> {
  if (offset >= size) return true;
  return (await source.read(offset, RECORD_PREFIX))[0] === OP_DATA_END;
}

function recoveryNote(damage: Damage, crashed: boolean): RecoveryNote | undefined {
  const { cutBytes, aside, quarantined } = damage;
  if (!crashed && cutBytes === 0 && quarantined.length === 0) return undefined;
  const cause = quarantined.length > 0 ? "damaged" : cutBytes > 0 ? "torn tail" : "not closed";
  return { cut_bytes: cutBytes, aside, cause, quarantined };
}

/**
 * Seals `<index>.open.mcap`. Every step can be repeated after a crash: the open file is only removed once the manifest
 * line is durable. Returns the line. Faults: those of the disk.
 */
export async function sealSegment(options: SealOptions): Promise<{ line: ManifestSegment }> {
  const { disk, folder, info, state } = options;
  const raw = `${folder}/${RAW_FOLDER}`;
  const sealing = `${raw}/${sealingName(info.index)}`;
  await disk.remove(sealing);
  const source = await disk.open(`${raw}/${openName(info.index)}`, "read");
  try {
    const file = await disk.open(sealing, "create");
    try {
      const sealed = new SealedFile(file, info, state, options.pause);
      await sealed.writeHead(info);
      const { damage, reservedTo } = await repack(source, sealed, options);
      const ended = await sealed.finish();
      const line = describe(options, sealed, ended, { damage, reservedTo });
      await publish(options, sealing);
      return { line: await options.manifest.append(line) };
    } finally {
      await file.close();
    }
  } finally {
    await source.close();
  }
}

async function publish({ disk, folder, info }: SealOptions, sealing: string): Promise<void> {
  const path = `${folder}/${RAW_FOLDER}/${sealedName(info.index)}`;
  await disk.makeReadOnly(sealing);
  await disk.rename(sealing, path);
  await disk.syncFolder(`${folder}/${RAW_FOLDER}`);
}

function describe(
  options: SealOptions, sealed: SealedFile, ended: { bytes: number; sha256: string }, found: { damage: Damage; reservedTo: number },
): Omit<ManifestSegment, "previous"> {
  const { info, state } = options;
  const nextSeq = Math.max(sealed.lastSeq + 1, options.nextSeq ?? found.reservedTo + 1);
  const recovery = recoveryNote(found.damage, options.crashed);
  state.ingestFloor += nextSeq - 1 - sealed.lastSeq;
  // Order matters: blocks that the lost numbers finish are rooted here.
  const roots = [...state.roots.take(nextSeq)];
  const { partial } = state.roots;
  return {
    kind: "segment", format: 1, index: info.index, file: `${RAW_FOLDER}/${sealedName(info.index)}`,
    state: recovery === undefined ? "sealed" : "recovered",
    sha256: ended.sha256, bytes: ended.bytes, from_seq: info.baseSeq, to_seq: sealed.lastSeq, next_seq: nextSeq, count: sealed.count,
    from_recv_ns: sealed.fromRecvNs, to_recv_ns: sealed.toRecvNs, last_recv_ns: sealed.lastRecvNs, known_ns: state.knownNs,
    ingest_floor: state.ingestFloor, streams: sealed.streams, chunks: sealed.chunks, roots,
    ...(partial === undefined ? {} : { partial }),
    ...(recovery === undefined ? {} : { recovery }),
  };
}
