// Brings a capture's log into an orderly state before writing: finishes what a crash interrupted, declares what was lost.
import { fault } from "../../shared/base.ts";
import { RootFold, blockOf } from "./leaves.ts";
import { ManifestWriter, manifestPath, readManifest, type ManifestReader, type ManifestSegment, type QuarantinedPart } from "./manifest.ts";
import { OpenSegmentScanner } from "./open-segment.ts";
import { ROOT_BLOCK } from "../../shared/leaf.ts";
import { ChannelTable, recordsOf, unpackChunk, wholeChunkAt } from "./scan.ts";
import { sealSegment, type Pause, type SealState } from "./seal.ts";
import {
  ASIDE_FOLDER, RAW_FOLDER, openName, parseSegmentName, sealedName, viewOf, type SegmentFile, type SegmentInfo,
} from "./segment-format.ts";
import type { Disk } from "./types.ts";

/** What a `recovered` control record must say, and the quarantined parts. */
export interface Declaration {
  readonly lostFromSeq: number;
  /** lostFromSeq − 1 when no number was lost. */
  readonly lostToSeq: number;
  readonly cutBytes: number;
  readonly aside: string;
  readonly cause: string;
  readonly quarantined: readonly QuarantinedPart[];
}

/** Where writing goes on. */
export interface Recovered {
  readonly manifest: ManifestWriter;
  readonly state: SealState;
  readonly nextIndex: number;
  readonly nextSeq: number;
  /** Last ingest_seq per known stream, lost numbers added. */
  readonly lastIngest: ReadonlyMap<string, number>;
  /** Receive time of the last record; 0n in an empty log. */
  readonly lastRecvNs: bigint;
  /** What the first records of the next segment must declare; undefined after an orderly end. */
  readonly declaration: Declaration | undefined;
}

export interface RecoverOptions {
  readonly disk: Disk;
  readonly folder: string;
  readonly captureId: string;
  readonly pause: Pause;
}

/** Faults: `log.other-capture`, `log.manifest-damaged`, `log.newer-format`, `log.segment-missing`, and those of the disk. */
export async function recoverLog(options: RecoverOptions): Promise<Recovered> {
  const { disk, folder } = options;
  await disk.makeFolder(folder);
  await disk.makeFolder(`${folder}/${RAW_FOLDER}`);
  await disk.syncFolder(folder);
  const { reader, manifest } = await openManifest(options);
  const lines = [...reader.segments];
  const sealedNow = lines.length;
  const open = await tidy(options, lines);
  const state: SealState = {
    roots: await resumeRoots(disk, folder, lines), knownNs: lines.at(-1)?.known_ns ?? 0n, ingestFloor: lines.at(-1)?.ingest_floor ?? 0,
  };
  await sealLeftOpen(options, { open, lines, manifest, state });
  const last = lines.at(-1);
  return {
    manifest, state,
    nextIndex: (last?.index ?? 0) + 1,
    nextSeq: last?.next_seq ?? 1,
    lastIngest: lastIngestOf(lines),
    lastRecvNs: lines.findLast((line) => line.count > 0)?.last_recv_ns ?? 0n,
    declaration: declarationOf(lines, sealedNow),
  };
}

async function openManifest(options: RecoverOptions): Promise<{ reader: ManifestReader; manifest: ManifestWriter }> {
  const { disk, folder, captureId } = options;
  const path = manifestPath(folder);
  if ((await disk.size(path)) === undefined) {
    const files = (await disk.list(`${folder}/${RAW_FOLDER}`)).filter((name) => parseSegmentName(name) !== undefined);
    if (files.length > 0) throw fault("log.manifest-missing", `${path} is missing, but there are segments (${files[0]} …): restore it or move them away`);
    const created = await ManifestWriter.create(disk, folder, captureId);
    return { reader: await readManifest(disk, folder), manifest: created };
  }
  const reader = await readManifest(disk, folder);
  if (reader.captureId === undefined) throw fault("log.manifest-damaged", `${path} has no whole first line: restore it from a copy`);
  if (reader.captureId !== captureId) {
    throw fault("log.other-capture", `${path} belongs to capture ${reader.captureId}, not ${captureId}: use another folder`);
  }
  if (reader.tornBytes > 0) await cutManifest(options, reader);
  return { reader, manifest: new ManifestWriter(disk, folder, reader.lastHash) };
}

/** A line torn by a crash is kept aside and written again: its open segment is still there. */
async function cutManifest({ disk, folder }: RecoverOptions, reader: ManifestReader): Promise<void> {
  const bytes = await disk.readFile(manifestPath(folder));
  await disk.makeFolder(`${folder}/${ASIDE_FOLDER}`);
  await disk.syncFolder(`${folder}/${RAW_FOLDER}`);
  await disk.replaceFile(`${folder}/${ASIDE_FOLDER}/manifest.${reader.wholeBytes}.tail`, bytes.subarray(reader.wholeBytes));
  await disk.truncate(manifestPath(folder), reader.wholeBytes);
}

/** Removes what half-finished steps left and returns the segments that are still open, in order. */
async function tidy({ disk, folder }: RecoverOptions, lines: readonly ManifestSegment[]): Promise<readonly SegmentFile[]> {
  const raw = `${folder}/${RAW_FOLDER}`;
  const names = await disk.list(raw);
  const done = lines.length;
  for (const name of names) {
    if (name.endsWith(".sealing") || name.endsWith(".tmp")) await disk.remove(`${raw}/${name}`);
  }
  const files = names.map(parseSegmentName).filter((file) => file !== undefined);
  for (const line of lines) {
    if (!names.includes(sealedName(line.index))) {
      throw fault("log.segment-missing", `${folder}/${line.file} is missing, but the manifest lists it: restore it from a copy`);
    }
  }
  for (const file of files) {
    if (file.open && file.index <= done) await disk.remove(`${raw}/${file.name}`);
    if (file.open || file.index <= done) continue;
    // Sealed, but its manifest line never became durable: seal it again, from the open file where that still exists.
    if (names.includes(openName(file.index))) await disk.remove(`${raw}/${file.name}`);
    else await disk.rename(`${raw}/${file.name}`, `${raw}/${openName(file.index)}`);
  }
  await disk.syncFolder(raw);
  const indices = new Set(files.filter((file) => file.index > done).map((file) => file.index));
  return [...indices].sort((a, b) => a - b).map((index) => ({ name: openName(index), index, open: true }));
}

interface LeftOpen {
  readonly open: readonly SegmentFile[];
  readonly lines: ManifestSegment[];
  readonly manifest: ManifestWriter;
  readonly state: SealState;
}

async function sealLeftOpen(options: RecoverOptions, left: LeftOpen): Promise<void> {
  const { disk, folder, captureId, pause } = options;
  for (const [position, file] of left.open.entries()) {
    const before = left.lines.at(-1);
    const index = (before?.index ?? 0) + 1;
    if (file.index !== index) throw fault("log.segment-missing", `${folder}/${RAW_FOLDER}/${openName(index)} is missing, but ${file.name} exists`);
    const info: SegmentInfo = {
      captureId, index, baseSeq: before?.next_seq ?? 1, ingestBases: Object.fromEntries(lastIngestOf(left.lines)), ingestFloor: left.state.ingestFloor,
    };
    const following = left.open[position + 1];
    // A following segment began where this one's numbers ended; if its head is torn, it was never used.
    const nextSeq = following === undefined ? undefined : await baseSeqOf(disk, `${folder}/${RAW_FOLDER}/${following.name}`);
    const crashed = nextSeq === undefined;
    const { line } = await sealSegment({ disk, folder, info, state: left.state, manifest: left.manifest, pause, nextSeq, crashed });
    left.lines.push(line);
    await disk.remove(`${folder}/${RAW_FOLDER}/${file.name}`);
    await disk.syncFolder(`${folder}/${RAW_FOLDER}`);
  }
}

/**
 * First number of a following segment, when it was in use: its reservation or a chunk is intact. A segment whose creation
 * was cut short was never used; then the reservation of the one before still holds.
 */
async function baseSeqOf(disk: Disk, path: string): Promise<number | undefined> {
  const file = await disk.open(path, "read");
  try {
    const scanner = new OpenSegmentScanner(file, path);
    const chunk = await scanner.next();
    const base = scanner.info?.baseSeq;
    if (base !== undefined && (chunk !== undefined || scanner.reservedTo > 0)) return base;
    if ((await scanner.skipDamage()) === undefined) return undefined;
    return base ?? (await scanner.peekFirstSeq());
  } finally {
    await file.close();
  }
}

/** Last ingest_seq of every stream, plus the numbers lost since its last message (they may have been its own). */
export function lastIngestOf(lines: readonly ManifestSegment[]): Map<string, number> {
  const floorNow = lines.at(-1)?.ingest_floor ?? 0;
  const last = new Map<string, number>();
  let floorBefore = 0;
  for (const line of lines) {
    for (const [streamId, stream] of Object.entries(line.streams)) last.set(streamId, stream.to_ingest + floorNow - floorBefore);
    floorBefore = line.ingest_floor;
  }
  return last;
}

/**
 * What is not declared yet. Declarations are the first records of the segment after the damage, all in one chunk; so a
 * segment with records has declared everything before it, and an empty one nothing. `sealedNow`: position of the first
 * line that this recovery wrote; segments that were open at the same time have declared nothing of each other.
 */
function declarationOf(lines: readonly ManifestSegment[], sealedNow: number): Declaration | undefined {
  const lastUsed = lines.findLastIndex((line) => line.count > 0);
  const open = lines.slice(Math.min(Math.max(lastUsed, 0), sealedNow)).filter((line) => line.recovery !== undefined);
  const last = lines.at(-1);
  if (open.length === 0 || last === undefined) return undefined;
  const notes = open.map((line) => line.recovery).filter((note) => note !== undefined);
  return {
    lostFromSeq: (lines[lastUsed]?.to_seq ?? 0) + 1,
    lostToSeq: last.next_seq - 1,
    cutBytes: notes.reduce((sum, note) => sum + note.cut_bytes, 0),
    aside: notes.findLast((note) => note.aside !== "")?.aside ?? "",
    cause: notes.findLast((note) => note.cause !== "not closed")?.cause ?? "not closed",
    quarantined: [...notes.flatMap((note) => note.quarantined), ...lostBefore(lines.slice(0, lastUsed), open)],
  };
}

/** Numbers lost at the end of a segment that another one with records follows. */
function lostBefore(earlier: readonly ManifestSegment[], open: readonly ManifestSegment[]): readonly QuarantinedPart[] {
  const ended = earlier.filter((line) => open.includes(line) && line.next_seq > line.to_seq + 1);
  return ended.map((line) => ({
    from_seq: line.to_seq + 1, to_seq: line.next_seq - 1, offset: 0, bytes: line.recovery?.cut_bytes ?? 0, aside: line.recovery?.aside ?? "",
  }));
}

/** The fold as it stood at the end of the log: leaves of the unfinished block are made again from its records. */
async function resumeRoots(disk: Disk, folder: string, lines: readonly ManifestSegment[]): Promise<RootFold> {
  const roots = new RootFold();
  const partial = lines.at(-1)?.partial;
  if (partial === undefined) return roots;
  const fromSeq = partial.block * ROOT_BLOCK + 1;
  const table = new ChannelTable();
  for (const line of lines) {
    if (line.to_seq < fromSeq) continue;
    const file = await disk.open(`${folder}/${line.file}`, "read");
    try {
      for (const [number, place] of line.chunks.entries()) {
        if (place.from_seq + place.count <= fromSeq) continue;
        const bytes = await file.read(place.offset, place.bytes);
        const whole = wholeChunkAt(bytes, viewOf(bytes), 0);
        if (whole?.record === undefined) throw fault("log.damaged-chunk", `${folder}/${line.file} chunk ${number} is damaged: run verify`);
        for (const record of recordsOf(unpackChunk(whole.record), whole.head, table, { fromSeq })) roots.add(record);
      }
    } finally {
      await file.close();
    }
  }
  const resumed = roots.partial;
  if (resumed?.root !== partial.root || blockOf(fromSeq) !== partial.block) {
    throw fault("log.manifest-damaged", `${folder}: the records of root block ${partial.block} do not fit the manifest: run verify`);
  }
  return roots;
}
