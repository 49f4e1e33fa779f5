// Checks one sealed segment against its manifest line: bytes, chunks, records, roots; tells damaged events from damaged framing.
import { decompress } from "@foxglove/wasm-zstd";
import { failed, type Fault } from "../../shared/base.ts";
import { canonicalStringify } from "../../shared/canonical-json.ts";
import { ROOT_BLOCK } from "../../shared/leaf.ts";
import { RootFold, type BlockRoot } from "./leaves.ts";
import type { ManifestChunk, ManifestSegment } from "./manifest.ts";
import { parseSegmentHead } from "./open-segment.ts";
import { ChannelTable, channelsIn, recordsOf, unpackChunk, wholeChunkAt, type ChunkBytes, type LogRecord } from "./scan.ts";
import { RunningSha256, sha256Hex } from "./sha256.ts";
import { MANIFEST_FILE, chunkHeadBytes, viewOf, type ChunkHead } from "./segment-format.ts";
import type { Disk, DiskFile, LogFinding } from "./types.ts";

const READ_BYTES = 1024 * 1024;
/** Chunk record fields before the stored bytes, with "zstd" as the name of the compression. */
const CHUNK_FIELDS = 53;
const ZSTD_MAGIC = [0x28, 0xb5, 0x2f, 0xfd] as const;

export interface FindingPlace {
  readonly segment: string;
  readonly chunk?: number;
  readonly firstSeq?: number;
  readonly streamId?: string;
}

export function damage(place: FindingPlace, fault: Fault, values: { expected: string; actual: string }): LogFinding {
  const { segment, chunk, firstSeq, streamId } = place;
  return { severity: "damage", segment, chunk, firstSeq, streamId, fault, ...values };
}

/** What goes on from one segment to the next. */
export interface VerifyState {
  readonly roots: RootFold;
  knownNs: bigint;
  /** Ranges of seq (inclusive) that are known to be unreadable: their blocks need no finding of their own. */
  readonly unreadable: { readonly from: number; readonly to: number }[];
}

/** A chunk whose bytes on disk are not those that were sealed. */
interface Suspect {
  readonly number: number;
  readonly place: ManifestChunk;
  /** Undefined: its records cannot be read any more. */
  readonly records: readonly LogRecord[] | undefined;
  readonly actual: string;
}

/** Faults: those of the disk. Everything wrong with the segment is a finding. */
export async function verifySegment(disk: Disk, folder: string, line: ManifestSegment, state: VerifyState): Promise<readonly LogFinding[]> {
  const path = `${folder}/${line.file}`;
  if ((await disk.size(path)) === undefined) {
    unreadable(state, line);
    const { fault } = failed("log.segment-missing", `${line.file} is missing, but the manifest lists it: restore it from a copy`);
    return [damage({ segment: line.file, firstSeq: line.from_seq }, fault, { expected: `${line.bytes} bytes`, actual: "no file" })];
  }
  const file = await disk.open(path, "read");
  try {
    return await new SegmentCheck(file, line, state).run();
  } finally {
    await file.close();
  }
}

function unreadable(state: VerifyState, range: { readonly from_seq: number; readonly count: number }): void {
  state.unreadable.push({ from: range.from_seq, to: range.from_seq + range.count - 1 });
}

async function hashOf(file: DiskFile): Promise<{ sha256: string; bytes: number }> {
  const hash = new RunningSha256();
  let offset = 0;
  for (;;) {
    const part = await file.read(offset, READ_BYTES);
    if (part.length === 0) return { sha256: hash.hex(), bytes: offset };
    hash.add(part);
    offset += part.length;
  }
}

class SegmentCheck {
  readonly #file: DiskFile;
  readonly #line: ManifestSegment;
  readonly #state: VerifyState;
  readonly #table = new ChannelTable();
  readonly #findings: LogFinding[] = [];
  readonly #suspects: Suspect[] = [];
  readonly #lastIngest = new Map<string, number>();
  readonly #streams: Record<string, { count: number; from_ingest: number; to_ingest: number }> = {};
  readonly #chunks: ManifestChunk[] = [];
  #lastRecvNs = 0n;

  constructor(file: DiskFile, line: ManifestSegment, state: VerifyState) {
    this.#file = file;
    this.#line = line;
    this.#state = state;
    for (const [streamId, stream] of Object.entries(line.streams)) this.#lastIngest.set(streamId, stream.from_ingest - 1);
  }

  async run(): Promise<readonly LogFinding[]> {
    const line = this.#line;
    const actual = await hashOf(this.#file);
    const isIntact = actual.sha256 === line.sha256 && actual.bytes === line.bytes;
    for (const [number, place] of line.chunks.entries()) await this.#checkChunk(number, place);
    const wrongBlocks = this.#wrongBlocks();
    for (const suspect of this.#suspects) this.#tellSuspect(suspect, wrongBlocks);
    this.#tellBlocks(wrongBlocks);
    if (!isIntact) await this.#tellFraming(actual);
    // A damaged segment cannot be held against its line member by member.
    if (isIntact && this.#findings.length === 0) this.#compareLine();
    return this.#findings;
  }

  async #checkChunk(number: number, place: ManifestChunk): Promise<void> {
    const bytes = await this.#file.read(place.offset, place.bytes);
    const actual = bytes.length === place.bytes ? sha256Hex(bytes) : `${bytes.length} of ${place.bytes} bytes`;
    const read = readChunk(bytes, this.#table);
    let records = read?.records;
    if (actual !== place.sha256) {
      records = this.#salvage(bytes, place);
      this.#suspects.push({ number, place, records, actual });
      if (records === undefined) unreadable(this.#state, place);
    } else if (records === undefined || read === undefined) {
      const { fault } = failed("log.damaged-chunk", `${this.#line.file} chunk ${number} was sealed damaged: its records cannot be read`);
      const at = { segment: this.#line.file, chunk: number, firstSeq: place.from_seq };
      this.#findings.push(damage(at, fault, { expected: "a whole chunk", actual: "bytes that do not fit their checksum" }));
      unreadable(this.#state, place);
    } else {
      this.#chunks.push({
        ...place, from_seq: read.head.firstSeq, count: read.head.count, from_recv_ns: read.fromRecvNs, to_recv_ns: read.toRecvNs,
        raw_bytes: read.rawBytes, known_ns: this.#knownAfter(records),
      });
    }
    for (const record of records ?? []) this.#account(record);
  }

  #knownAfter(records: readonly LogRecord[]): bigint {
    let known = this.#state.knownNs;
    for (const record of records) if (record.recvNs > known) known = record.recvNs;
    return known;
  }

  #account(record: LogRecord): void {
    const { streamId } = record.stream;
    this.#state.roots.add(record);
    if (record.recvNs > this.#state.knownNs) this.#state.knownNs = record.recvNs;
    this.#lastRecvNs = record.recvNs;
    this.#lastIngest.set(streamId, record.ingestSeq);
    const stream = this.#streams[streamId];
    if (stream === undefined) this.#streams[streamId] = { count: 1, from_ingest: record.ingestSeq, to_ingest: record.ingestSeq };
    else {
      stream.count += 1;
      stream.to_ingest = record.ingestSeq;
    }
  }

  /**
   * Reads the records of a chunk whose bytes changed, by what the manifest knows of it. Undefined when even so they do not
   * come out; whether they are the right ones, the roots tell.
   */
  #salvage(bytes: Uint8Array, place: ManifestChunk): readonly LogRecord[] | undefined {
    for (let bases = 0; chunkHeadBytes(bases) + CHUNK_FIELDS + ZSTD_MAGIC.length <= bytes.length && bases <= 0xffff; bases += 1) {
      const at = chunkHeadBytes(bases) + CHUNK_FIELDS;
      if (!ZSTD_MAGIC.every((byte, index) => bytes[at + index] === byte)) continue;
      return this.#salvageStored(bytes.subarray(at), place);
    }
    return undefined;
  }

  #salvageStored(stored: Uint8Array, place: ManifestChunk): readonly LogRecord[] | undefined {
    try {
      const bytes = decompress(stored, place.raw_bytes);
      const chunk: ChunkBytes = { bytes, view: viewOf(bytes) };
      const bases = channelsIn(chunk, this.#table).map(({ id, key }) => ({ channelId: id, before: this.#lastIngest.get(key.stream.streamId) ?? 0 }));
      const head: ChunkHead = { firstSeq: place.from_seq, count: place.count, reservedTo: 0, chunkBytes: 0, chunkCrc: 0, bases };
      return recordsOf(chunk, head, this.#table);
    } catch {
      return undefined; // Damage is what we look for: that it cannot be read is the finding.
    }
  }

  /** Blocks whose root is not the one in the manifest, and what was found instead. */
  #wrongBlocks(): ReadonlyMap<number, { expected: string; actual: string }> {
    const line = this.#line;
    const found = new Map<number, string>(this.#state.roots.take(line.next_seq).map(({ block, root }) => [block, root]));
    const { partial } = this.#state.roots;
    if (partial !== undefined) found.set(partial.block, partial.root);
    const declared: readonly BlockRoot[] = line.partial === undefined ? line.roots : [...line.roots, line.partial];
    const wrong = new Map<number, { expected: string; actual: string }>();
    for (const { block, root } of declared) {
      const actual = found.get(block);
      if (actual !== root) wrong.set(block, { expected: root, actual: actual ?? "no such block" });
      found.delete(block);
    }
    for (const [block, root] of found) wrong.set(block, { expected: "no such block", actual: root });
    return wrong;
  }

  #tellSuspect({ number, place, records, actual }: Suspect, wrong: ReadonlyMap<number, unknown>): void {
    const segment = this.#line.file;
    const values = { expected: place.sha256, actual };
    const last = place.from_seq + place.count - 1;
    if (records === undefined) {
      const { fault } = failed("log.damaged-chunk", `${segment} chunk ${number}: records ${place.from_seq} … ${last} cannot be read any more: restore it from a copy`);
      this.#findings.push(damage({ segment, chunk: number, firstSeq: place.from_seq }, fault, values));
      return;
    }
    const affected = records.find((record) => wrong.has(Math.floor((record.seq - 1) / ROOT_BLOCK)));
    if (affected === undefined) {
      const { fault } = failed("log.damaged-framing", `${segment} chunk ${number}: its framing was changed, its records were not: no event is affected`);
      this.#findings.push(damage({ segment, chunk: number }, fault, values));
      return;
    }
    const { fault } = failed("log.damaged-chunk", `${segment} chunk ${number}: records from ${affected.seq} on are not those that were sealed: restore it from a copy`);
    this.#findings.push(damage({ segment, chunk: number, firstSeq: affected.seq, streamId: affected.stream.streamId }, fault, values));
    this.#state.unreadable.push({ from: affected.seq, to: last });
  }

  /** Wrong roots that no damaged chunk explains: the records or the manifest were changed with care. */
  #tellBlocks(wrong: ReadonlyMap<number, { expected: string; actual: string }>): void {
    for (const [block, values] of wrong) {
      const from = block * ROOT_BLOCK + 1;
      const to = from + ROOT_BLOCK - 1;
      if (this.#state.unreadable.some((range) => range.from <= to && range.to >= from)) continue;
      const firstSeq = Math.max(from, this.#line.from_seq);
      const chunk = this.#line.chunks.findIndex((place) => firstSeq < place.from_seq + place.count);
      const { fault } = failed("log.wrong-root", `${this.#line.file}: records from ${firstSeq} on do not have the root in the manifest`);
      this.#findings.push(damage({ segment: this.#line.file, firstSeq, ...(chunk < 0 ? {} : { chunk }) }, fault, values));
    }
  }

  async #tellFraming(actual: { sha256: string; bytes: number }): Promise<void> {
    const { file, bytes, sha256 } = this.#line;
    if (actual.bytes !== bytes) {
      const { fault } = failed("log.wrong-length", `${file} has ${actual.bytes} bytes instead of ${bytes}: it was ${actual.bytes < bytes ? "cut" : "extended"}`);
      const lost = this.#suspects.find((suspect) => suspect.records === undefined)?.place.from_seq;
      this.#findings.push(damage({ segment: file, ...(lost === undefined ? {} : { firstSeq: lost }) }, fault, { expected: `${bytes} bytes`, actual: `${actual.bytes} bytes` }));
      return;
    }
    if (this.#suspects.length > 0) return;
    const { fault } = failed("log.damaged-framing", `${file}: ${await this.#outside()} changed, its chunks were not: no event is affected`);
    this.#findings.push(damage({ segment: file }, fault, { expected: sha256, actual: actual.sha256 }));
  }

  /** Which part outside the chunks is wrong, as far as it can be told. */
  async #outside(): Promise<string> {
    const first = this.#line.chunks[0]?.offset;
    const head = await this.#file.read(0, first ?? this.#line.bytes);
    try {
      const parsed = parseSegmentHead(head, this.#line.file);
      if (parsed === undefined || (first !== undefined && parsed.bytes !== first)) return "its header or metadata was";
    } catch {
      return "its header or metadata was"; // The fault says how; here only the place counts.
    }
    return "its metadata, summary or footer was";
  }

  /** The file is the one that was sealed: then the line has to say what is in it, member by member. */
  #compareLine(): void {
    const line = this.#line;
    const last = this.#chunks.at(-1);
    const found = {
      count: this.#chunks.reduce((sum, chunk) => sum + chunk.count, 0),
      to_seq: last === undefined ? line.from_seq - 1 : last.from_seq + last.count - 1,
      from_recv_ns: this.#chunks.reduce((low, chunk) => (chunk.from_recv_ns < low ? chunk.from_recv_ns : low), this.#chunks[0]?.from_recv_ns ?? 0n),
      to_recv_ns: this.#chunks.reduce((high, chunk) => (chunk.to_recv_ns > high ? chunk.to_recv_ns : high), 0n),
      last_recv_ns: this.#lastRecvNs, known_ns: this.#state.knownNs, streams: this.#streams, chunks: this.#chunks, partial: this.#state.roots.partial,
    };
    for (const [member, value] of Object.entries(found)) {
      const expected = canonicalStringify({ value });
      const declared = canonicalStringify({ value: line[member as keyof typeof found] });
      if (expected === declared) continue;
      const { fault } = failed("log.manifest-damaged", `${MANIFEST_FILE} says a wrong ${member} for ${line.file}: no event is affected`);
      this.#findings.push(damage({ segment: MANIFEST_FILE }, fault, { expected: shorten(expected), actual: shorten(declared) }));
    }
  }
}

function shorten(text: string): string {
  return text.length <= 200 ? text : `${text.slice(0, 200)}…`;
}

interface ReadChunk {
  readonly records: readonly LogRecord[];
  readonly head: ChunkHead;
  readonly fromRecvNs: bigint;
  readonly toRecvNs: bigint;
  readonly rawBytes: number;
}

/** An intact chunk; undefined when anything about it does not fit. */
function readChunk(bytes: Uint8Array, table: ChannelTable): ReadChunk | undefined {
  const whole = wholeChunkAt(bytes, viewOf(bytes), 0);
  if (whole?.record === undefined || whole.bytes !== bytes.length) return undefined;
  try {
    const chunk = unpackChunk(whole.record);
    const { fromRecvNs, toRecvNs, uncompressedBytes } = whole.record;
    return { records: recordsOf(chunk, whole.head, table), head: whole.head, fromRecvNs, toRecvNs, rawBytes: uncompressedBytes };
  } catch {
    return undefined; // The caller makes the finding.
  }
}
