// The byte layout of a segment: names, opcodes, the private chunk head, the segment metadata. RAW_LOG.md says why.
import { fault } from "../../shared/base.ts";
import { canonicalParse, canonicalStringify } from "../../shared/canonical-json.ts";
import { crc32 } from "./sha256.ts";

/** Version of everything in RAW_LOG.md. A reader refuses newer ones. */
export const LOG_FORMAT = 1;
export const PROFILE = "tapedeck";
/** Fixed: segment bytes must not depend on the version of a library. */
export const LIBRARY = "tapedeck raw log";
export const SEGMENT_METADATA = "tapedeck.segment";

export const MAGIC = Uint8Array.from([0x89, 0x4d, 0x43, 0x41, 0x50, 0x30, 0x0d, 0x0a]);

export const OP_HEADER = 0x01;
export const OP_FOOTER = 0x02;
export const OP_CHANNEL = 0x04;
export const OP_MESSAGE = 0x05;
export const OP_CHUNK = 0x06;
export const OP_METADATA = 0x0c;
export const OP_DATA_END = 0x0f;
/** Private range of MCAP: other readers skip it. */
export const OP_CHUNK_HEAD = 0x80;

/** Opcode and u64 length before every record's content. */
export const RECORD_PREFIX = 9;
/** channel_id u16, sequence u32, log_time u64, publish_time u64. */
export const MESSAGE_HEAD = 22;
/** Larger payloads are refused: no venue sends them, and a length that large is damage. */
export const PAYLOAD_MAX = 64 * 1024 * 1024;
/** A longer record is taken for damage. */
export const RECORD_MAX = 1024 * 1024 * 1024;

export const RAW_FOLDER = "raw";
export const ASIDE_FOLDER = "raw/aside";
export const MANIFEST_FILE = "manifest.jsonl";
export const LOCK_FILE = "writer.lock";

function numbered(index: number): string {
  return String(index).padStart(6, "0");
}
export function sealedName(index: number): string {
  return `${numbered(index)}.mcap`;
}
export function openName(index: number): string {
  return `${numbered(index)}.open.mcap`;
}
export function sealingName(index: number): string {
  return `${numbered(index)}.sealing`;
}

const SEGMENT_FILE = /^(\d{6,})(\.open)?\.mcap$/;

export interface SegmentFile {
  readonly name: string;
  readonly index: number;
  readonly open: boolean;
}

/** Which segment a file name stands for; undefined for anything else. */
export function parseSegmentName(name: string): SegmentFile | undefined {
  const match = SEGMENT_FILE.exec(name);
  if (match === null) return undefined;
  return { name, index: Number(match[1]), open: match[2] !== undefined };
}

/** A u64 that must fit a JavaScript integer: positions and lengths do, by the limits above. */
export function readU64(view: DataView, offset: number): number {
  return view.getUint32(offset + 4, true) * 4_294_967_296 + view.getUint32(offset, true);
}
export function writeU64(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value % 4_294_967_296, true);
  view.setUint32(offset + 4, Math.floor(value / 4_294_967_296), true);
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

// ── chunk head ─────────────────────────────────────────────────────────────

/** Starts every chunk head's content, so that recovery finds the next whole chunk behind damage. */
export const HEAD_MAGIC = Uint8Array.from([0x89, 0x54, 0x44, 0x48, 0x45, 0x41, 0x44, 0x31]);
const HEAD_FIXED = 8 + 8 + 4 + 8 + 8 + 4 + 2;

/** The private record before each chunk: everything that MCAP's own chunk record does not say or does not protect. */
export interface ChunkHead {
  /** seq of the chunk's first message. */
  readonly firstSeq: number;
  readonly count: number;
  /** Numbers up to this one may have been handed out before the next fsync; 0 in sealed segments. */
  readonly reservedTo: number;
  /** Bytes of the chunk record that follows, prefix included; 0: none follows (the reservation at the head of a segment). */
  readonly chunkBytes: number;
  /** CRC-32 of the whole chunk record on disk. */
  readonly chunkCrc: number;
  /** Per stream in the chunk: its first channel there, and the last ingest_seq before the chunk. */
  readonly bases: readonly IngestBase[];
}
export interface IngestBase {
  readonly channelId: number;
  readonly before: number;
}

export function chunkHeadBytes(bases: number): number {
  return RECORD_PREFIX + HEAD_FIXED + bases * 10 + 4;
}

/** Writes a chunk head record into `target` at 0; `target` is exactly `chunkHeadBytes` long. */
export function writeChunkHead(target: Uint8Array, head: ChunkHead): void {
  const view = viewOf(target);
  target[0] = OP_CHUNK_HEAD;
  writeU64(view, 1, target.length - RECORD_PREFIX);
  target.set(HEAD_MAGIC, 9);
  writeU64(view, 17, head.firstSeq);
  view.setUint32(25, head.count, true);
  writeU64(view, 29, head.reservedTo);
  writeU64(view, 37, head.chunkBytes);
  view.setUint32(45, head.chunkCrc, true);
  view.setUint16(49, head.bases.length, true);
  let offset = RECORD_PREFIX + HEAD_FIXED;
  for (const base of head.bases) {
    view.setUint16(offset, base.channelId, true);
    writeU64(view, offset + 2, base.before);
    offset += 10;
  }
  view.setUint32(offset, crc32(target.subarray(0, offset)), true);
}

export interface ParsedHead {
  readonly head: ChunkHead;
  /** Bytes of the head record itself. */
  readonly headBytes: number;
}

/** The chunk head at `offset`; undefined when it is not whole or not intact. */
export function parseChunkHead(bytes: Uint8Array, view: DataView, offset: number): ParsedHead | undefined {
  if (offset + chunkHeadBytes(0) > bytes.length || bytes[offset] !== OP_CHUNK_HEAD) return undefined;
  for (let index = 0; index < HEAD_MAGIC.length; index += 1) {
    if (bytes[offset + RECORD_PREFIX + index] !== HEAD_MAGIC[index]) return undefined;
  }
  const count = view.getUint16(offset + 49, true);
  const headBytes = chunkHeadBytes(count);
  if (offset + headBytes > bytes.length || readU64(view, offset + 1) !== headBytes - RECORD_PREFIX) return undefined;
  const crcAt = offset + headBytes - 4;
  if (view.getUint32(crcAt, true) !== crc32(bytes.subarray(offset, crcAt))) return undefined;
  const bases: IngestBase[] = [];
  for (let index = 0; index < count; index += 1) {
    const at = offset + RECORD_PREFIX + HEAD_FIXED + index * 10;
    bases.push({ channelId: view.getUint16(at, true), before: readU64(view, at + 2) });
  }
  const head: ChunkHead = {
    firstSeq: readU64(view, offset + 17),
    count: view.getUint32(offset + 25, true),
    reservedTo: readU64(view, offset + 29),
    chunkBytes: readU64(view, offset + 37),
    chunkCrc: view.getUint32(offset + 45, true),
    bases,
  };
  return { head, headBytes };
}

// ── segment metadata ───────────────────────────────────────────────────────

/** What the head of a segment says. */
export interface SegmentInfo {
  readonly captureId: string;
  readonly index: number;
  /** seq of the segment's first message. */
  readonly baseSeq: number;
  /** Last ingest_seq of every stream known before the segment. */
  readonly ingestBases: Readonly<Record<string, number>>;
  /** Last ingest_seq of every other stream: how many numbers the capture has lost so far. */
  readonly ingestFloor: number;
}

export function segmentMetadata(info: SegmentInfo): [string, string][] {
  return [
    ["format", String(LOG_FORMAT)],
    ["capture_id", info.captureId],
    ["index", String(info.index)],
    ["base_seq", String(info.baseSeq)],
    ["ingest_bases", canonicalStringify(info.ingestBases)],
    ["ingest_floor", String(info.ingestFloor)],
  ];
}

function countIn(members: ReadonlyMap<string, string>, name: string, file: string): number {
  const text = members.get(name);
  if (text === undefined || !/^\d{1,15}$/.test(text)) {
    throw fault("log.not-a-segment", `${file}: the segment metadata has no whole number ${name}`);
  }
  return Number(text);
}

function parseBases(text: string, file: string): Record<string, number> {
  let value: unknown;
  try {
    value = canonicalParse(text);
  } catch {
    value = undefined; // Said below, with the file's name.
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw fault("log.not-a-segment", `${file}: the segment metadata has no readable ingest_bases`);
  }
  const bases: Record<string, number> = {};
  for (const [streamId, before] of Object.entries(value)) {
    if (!Number.isSafeInteger(before) || before < 0) throw fault("log.not-a-segment", `${file}: bad ingest base of ${streamId}`);
    bases[streamId] = before as number;
  }
  return bases;
}

/** Reads the members back. Faults: `log.newer-format`, `log.not-a-segment`. */
export function parseSegmentMetadata(members: ReadonlyMap<string, string>, file: string): SegmentInfo {
  const format = countIn(members, "format", file);
  if (format > LOG_FORMAT) {
    throw fault("log.newer-format", `${file} has raw log format ${format}, this version reads up to ${LOG_FORMAT}: update Tapedeck`);
  }
  return {
    captureId: members.get("capture_id") ?? "",
    index: countIn(members, "index", file),
    baseSeq: countIn(members, "base_seq", file),
    ingestBases: parseBases(members.get("ingest_bases") ?? "", file),
    ingestFloor: countIn(members, "ingest_floor", file),
  };
}
