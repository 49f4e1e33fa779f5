// The files of one stream's journal: their names, their sparse index, reading entries back. Nothing is written here.
import { fault, FaultError } from "../../../shared/base.ts";
import type { Disk } from "../../rawlog/types.ts";
import type { SequencedEntry } from "../model.ts";
import { lineAt, readEntry, readHeader, sequenceIn } from "./entry-lines.ts";

/** Entries between two known offsets: 4 bytes of memory per 32 entries, and a read begins at most 31 lines too early. */
export const INDEX_EVERY = 32;

export interface Segment {
  /** Sequence of its first entry; also its name. */
  readonly first: number;
  readonly path: string;
  /** Offset of every INDEX_EVERY-th entry; undefined until the segment was read for the first time in this run. */
  offsets: number[] | Uint32Array | undefined;
  /** Bytes that are durable; undefined as long as `offsets` is. */
  bytes: number | undefined;
  /** When it was begun; undefined until it was asked for. */
  createdMs: number | undefined;
}

const NAME = /^(\d{10,15})\.journal$/;

export function segmentName(first: number): string {
  return `${String(first).padStart(10, "0")}.journal`;
}

/** First sequences of the segments among the names, ascending. */
export function segmentsAmong(names: readonly string[]): readonly number[] {
  return names.flatMap((name) => NAME.exec(name)?.[1] ?? []).map(Number).sort((a, b) => a - b);
}

export const DAMAGED = "bridge.journal-damaged";

export function damaged(path: string, at: number, what: string): FaultError {
  return fault(DAMAGED, `${path} is damaged at byte ${at}: ${what}`, { path, at });
}

/** What every segment of a stream must agree with. */
export interface SegmentIdentity {
  readonly historyId: string;
  readonly stream: string;
}

export function checkHeader(bytes: Buffer, segment: Pick<Segment, "first" | "path">, identity: SegmentIdentity): number {
  const line = lineAt(bytes, 0);
  const header = line === undefined ? undefined : readHeader(bytes, line);
  if (line === undefined || header === undefined) throw damaged(segment.path, 0, "its first line cannot be read");
  const fits = header.historyId === identity.historyId && header.stream === identity.stream && header.first === segment.first;
  if (!fits) throw damaged(segment.path, 0, `its first line names sequence ${header.first} of ${header.stream} in history ${header.historyId.slice(0, 16)}`);
  return line.next;
}

/** Walks a whole segment that is no longer written to, checks every line, and learns the offsets. `until`: first sequence of the next one. */
async function learn(disk: Disk, segment: Segment, identity: SegmentIdentity, until: number): Promise<void> {
  const stored = await disk.readFile(segment.path);
  const bytes = Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength);
  const offsets: number[] = [];
  let at = checkHeader(bytes, segment, identity);
  for (let sequence = segment.first; sequence < until; sequence += 1) {
    const line = lineAt(bytes, at);
    if (line === undefined || sequenceIn(bytes, line) !== sequence) throw damaged(segment.path, at, `entry ${sequence} cannot be read`);
    if ((sequence - segment.first) % INDEX_EVERY === 0) offsets.push(at);
    at = line.next;
  }
  if (at !== bytes.length) throw damaged(segment.path, at, `${bytes.length - at} bytes follow entry ${until - 1}, its last`);
  segment.offsets = Uint32Array.from(offsets);
  segment.bytes = at;
}

export interface SegmentRange {
  readonly disk: Disk;
  readonly segment: Segment;
  readonly identity: SegmentIdentity;
  /** First sequence of the next segment, or the durable one + 1. */
  readonly segmentUntil: number;
  /** Sequences wanted: [from, until), all of them in this segment. */
  readonly from: number;
  readonly until: number;
}

/** Entries of one segment, each checked. Faults: `bridge.journal-damaged`, and the disk's. */
export async function readSegment(range: SegmentRange): Promise<readonly SequencedEntry[]> {
  const { disk, segment, from, until } = range;
  if (segment.offsets === undefined) await learn(disk, segment, range.identity, range.segmentUntil);
  const { offsets = [], bytes: durableBytes = 0 } = segment;
  const firstBlock = Math.floor((from - segment.first) / INDEX_EVERY);
  const begin = offsets[firstBlock] ?? 0;
  const end = offsets[Math.floor((until - 1 - segment.first) / INDEX_EVERY) + 1] ?? durableBytes;
  const bytes = await readRange(disk, segment.path, begin, end);
  const entries: SequencedEntry[] = [];
  let at = 0;
  for (let sequence = segment.first + firstBlock * INDEX_EVERY; sequence < until; sequence += 1) {
    const line = lineAt(bytes, at);
    if (line === undefined || sequenceIn(bytes, line) !== sequence) throw damaged(segment.path, begin + at, `entry ${sequence} cannot be read`);
    if (sequence >= from) entries.push(readEntry(bytes, line).entry);
    at = line.next;
  }
  return entries;
}

async function readRange(disk: Disk, path: string, from: number, until: number): Promise<Buffer> {
  const file = await disk.open(path, "read");
  try {
    const bytes = await file.read(from, until - from);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  } finally {
    await file.close();
  }
}

/** Enough for any header: its longest member is a stream name of about a hundred characters. */
const HEADER_BYTES_MAX = 1_024;

/** When the segment was begun, epoch ms. */
export async function createdMsOf(disk: Disk, segment: Segment): Promise<number> {
  if (segment.createdMs === undefined) {
    const bytes = await readRange(disk, segment.path, 0, HEADER_BYTES_MAX);
    const line = lineAt(bytes, 0);
    const header = line === undefined ? undefined : readHeader(bytes, line);
    if (header === undefined) throw damaged(segment.path, 0, "its first line cannot be read");
    segment.createdMs = header.createdMs;
  }
  return segment.createdMs;
}

export function isNotFound(error: unknown): boolean {
  return error instanceof FaultError && error.fault.code === "disk.not-found";
}
