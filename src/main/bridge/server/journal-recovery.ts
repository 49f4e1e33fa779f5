// What a process that died left of one stream: a torn tail is cut, damage to what was promised is told as such.
//
// The rule: a line that cannot be read is damage when a later line of the file says that this sequence was durable by then (Marks),
// else it was on its way when the process died, and goes with everything behind it. Only the last segment can have a torn tail, since
// the one before it was synced whole before the next was begun. Older segments are checked when they are read for the first time.
import type { Disk } from "../../rawlog/types.ts";
import type { FeedPlace } from "./types.ts";
import { lineAt, readEntry, readHeader, sequenceIn, type SegmentHeader } from "./entry-lines.ts";
import { damaged, INDEX_EVERY, segmentName, segmentsAmong, type Segment, type SegmentIdentity } from "./journal-segments.ts";

/** Before everything a feed can give. */
export const NO_PLACE: FeedPlace = { seq: 0, index: -1 };

export function isBehind(place: FeedPlace, other: FeedPlace): boolean {
  return place.seq > other.seq || (place.seq === other.seq && place.index > other.index);
}

export interface RecoveredStream {
  readonly segments: Segment[];
  readonly latestSequence: number;
  readonly latestMs: number;
  readonly lastPlace: FeedPlace;
  /** Highest floor that any line tells (see SegmentHeader). */
  readonly floor: number;
  readonly cutBytes: number;
}

interface Scan {
  readonly segment: Segment;
  readonly latestSequence: number;
  readonly latestMs: number;
  readonly lastPlace: FeedPlace;
  readonly floor: number;
  /** Bytes of whole lines; 0 when not even the header is whole. */
  readonly wholeBytes: number;
  readonly fileBytes: number;
}

export interface RecoverOptions {
  readonly disk: Disk;
  readonly folder: string;
  readonly identity: SegmentIdentity;
}

/** Recovers one stream's folder; cuts and syncs what stays. Faults: `bridge.journal-damaged`, and the disk's. */
export async function recoverStream(options: RecoverOptions): Promise<RecoveredStream | undefined> {
  const { disk, folder } = options;
  const firsts = [...segmentsAmong(await disk.list(folder))];
  const segments = firsts.map((first): Segment => ({ first, path: `${folder}/${segmentName(first)}`, offsets: undefined, bytes: undefined, createdMs: undefined }));
  const last = segments.pop();
  if (last === undefined) return undefined;
  const scan = await scanSegment(options, last);
  if (scan.wholeBytes > 0) {
    await keep(options, scan);
    return recovered([...segments, scan.segment], scan, scan.fileBytes - scan.wholeBytes);
  }
  // Begun, but not even its header reached the disk: the one before it is complete, and is the last again.
  const before = segments.pop();
  if (before === undefined && last.first !== 1) throw damaged(last.path, 0, "its first line cannot be read, and the segment before it is missing");
  const beforeScan = before === undefined ? undefined : await scanSegment(options, before);
  if (beforeScan !== undefined && (beforeScan.wholeBytes < beforeScan.fileBytes || beforeScan.latestSequence + 1 !== last.first)) {
    throw damaged(beforeScan.segment.path, beforeScan.wholeBytes, `its entries end at ${beforeScan.latestSequence}, the next segment begins at ${last.first}`);
  }
  await disk.remove(last.path);
  await disk.syncFolder(folder);
  if (beforeScan === undefined) return { segments: [], latestSequence: 0, latestMs: 0, lastPlace: NO_PLACE, floor: 0, cutBytes: scan.fileBytes };
  await keep(options, beforeScan);
  return recovered([...segments, beforeScan.segment], beforeScan, scan.fileBytes);
}

function recovered(segments: Segment[], scan: Scan, cutBytes: number): RecoveredStream {
  const { latestSequence, latestMs, lastPlace, floor } = scan;
  return { segments, latestSequence, latestMs, lastPlace, floor, cutBytes };
}

/** What is read back is served as durable: so it must be, even where the process died between writing and syncing. */
async function keep({ disk, folder }: RecoverOptions, scan: Scan): Promise<void> {
  if (scan.wholeBytes < scan.fileBytes) await disk.truncate(scan.segment.path, scan.wholeBytes);
  const file = await disk.open(scan.segment.path, "append");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.syncFolder(folder);
}

async function scanSegment({ disk, identity }: RecoverOptions, segment: Segment): Promise<Scan> {
  const stored = await disk.readFile(segment.path);
  const bytes = Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength);
  const line = lineAt(bytes, 0);
  const header = line === undefined ? undefined : readHeader(bytes, line);
  if (line === undefined || header === undefined) {
    refusePromised({ bytes, at: 0, sequence: segment.first, path: segment.path });
    return { segment, latestSequence: segment.first - 1, latestMs: 0, lastPlace: NO_PLACE, floor: 0, wholeBytes: 0, fileBytes: bytes.length };
  }
  if (header.historyId !== identity.historyId || header.stream !== identity.stream || header.first !== segment.first) {
    throw damaged(segment.path, 0, `it belongs to sequence ${header.first} of ${header.stream} in history ${header.historyId.slice(0, 16)}`);
  }
  return scanEntries(bytes, segment, header, line.next);
}

function scanEntries(bytes: Buffer, segment: Segment, header: SegmentHeader, from: number): Scan {
  const offsets: number[] = [];
  let { latestMs, floor } = header;
  let lastPlace = header.after;
  let sequence = header.first;
  let at = from;
  while (at < bytes.length) {
    const line = lineAt(bytes, at);
    if (line === undefined || sequenceIn(bytes, line) !== sequence) break;
    const { entry, place, marks } = readEntry(bytes, line);
    if ((sequence - header.first) % INDEX_EVERY === 0) offsets.push(at);
    if (entry.kind === "bar") latestMs = Math.max(latestMs, entry.bar.openMs);
    floor = Math.max(floor, marks?.floor ?? 0);
    lastPlace = place;
    sequence += 1;
    at = line.next;
  }
  if (at < bytes.length) refusePromised({ bytes, at, sequence, path: segment.path });
  const known: Segment = { ...segment, offsets, bytes: at, createdMs: header.createdMs };
  return { segment: known, latestSequence: sequence - 1, latestMs, lastPlace, floor, wholeBytes: at, fileBytes: bytes.length };
}

interface BadLine { readonly bytes: Buffer; readonly at: number; readonly sequence: number; readonly path: string }

/** Throws when a line behind the bad one says that the bad one's sequence was durable. */
function refusePromised({ bytes, at, sequence, path }: BadLine): void {
  for (let end = bytes.indexOf(0x0a, at); end >= 0; end = bytes.indexOf(0x0a, end + 1)) {
    const line = lineAt(bytes, end + 1);
    if (line === undefined || sequenceIn(bytes, line) === undefined) continue;
    const { marks } = readEntry(bytes, line);
    if (marks !== undefined && marks.durable >= sequence) throw damaged(path, at, `entry ${sequence} cannot be read, and it was published`);
  }
}
