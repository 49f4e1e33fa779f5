// The manifest: one canonical-JSON line per sealed segment, each with the hash of the line before. Read, checked, appended.
import { z } from "zod";
import { FaultError, fault } from "../../shared/base.ts";
import { canonicalParse, canonicalStringify } from "../../shared/canonical-json.ts";
import { sha256Hex } from "./sha256.ts";
import { LOG_FORMAT, MANIFEST_FILE, RAW_FOLDER, openName } from "./segment-format.ts";
import type { Disk } from "./types.ts";

const count = z.number().int().nonnegative();
const hash = z.string().regex(/^[0-9a-f]{64}$/);

const chunkSchema = z.strictObject({
  /** Of the chunk head record in the file; `bytes` covers head and chunk record. */
  offset: count,
  bytes: count,
  from_seq: count,
  count,
  from_recv_ns: z.bigint(),
  to_recv_ns: z.bigint(),
  /** Running maximum of recv_ns over the whole log, up to the chunk's last message. */
  known_ns: z.bigint(),
  /** Of the records, decompressed. */
  raw_bytes: count,
  /** sha256 of the `bytes` on disk. */
  sha256: hash,
});
export type ManifestChunk = z.infer<typeof chunkSchema>;

const streamSchema = z.strictObject({ count, from_ingest: count, to_ingest: count });
const rootSchema = z.strictObject({ block: count, root: hash });
const quarantinedSchema = z.strictObject({ from_seq: count, to_seq: count, offset: count, bytes: count, aside: z.string() });
const recoverySchema = z.strictObject({
  cut_bytes: count,
  aside: z.string(),
  cause: z.string(),
  quarantined: z.array(quarantinedSchema),
});
export type RecoveryNote = z.infer<typeof recoverySchema>;
export type QuarantinedPart = z.infer<typeof quarantinedSchema>;

const segmentSchema = z.strictObject({
  kind: z.literal("segment"),
  format: z.literal(LOG_FORMAT),
  index: count,
  /** Relative to the capture's folder. */
  file: z.string(),
  state: z.enum(["sealed", "recovered"]),
  sha256: hash,
  bytes: count,
  from_seq: count,
  /** from_seq − 1 when the segment holds nothing. */
  to_seq: count,
  /** First number that the next segment may use. */
  next_seq: count,
  count,
  from_recv_ns: z.bigint(),
  to_recv_ns: z.bigint(),
  /** Receive time of the last record. */
  last_recv_ns: z.bigint(),
  known_ns: z.bigint(),
  /** How many numbers the capture has lost so far, this segment's loss included. */
  ingest_floor: count,
  streams: z.record(z.string(), streamSchema),
  chunks: z.array(chunkSchema),
  roots: z.array(rootSchema),
  partial: z.strictObject({ block: count, count, root: hash }).optional(),
  recovery: recoverySchema.optional(),
  /** sha256 (hex) of the line before, without its newline. */
  previous: hash,
});
export type ManifestSegment = z.infer<typeof segmentSchema>;

const captureSchema = z.strictObject({ kind: z.literal("capture"), format: z.literal(LOG_FORMAT), capture_id: z.string() });
export type ManifestCapture = z.infer<typeof captureSchema>;

export function manifestPath(folder: string): string {
  return `${folder}/${MANIFEST_FILE}`;
}

export function captureLine(captureId: string): string {
  const line: ManifestCapture = { kind: "capture", format: LOG_FORMAT, capture_id: captureId };
  return canonicalStringify(line);
}

export function lineHash(line: string): string {
  return sha256Hex(Buffer.from(line, "utf8"));
}

/** Canonical text of a line. */
export function segmentLine(line: ManifestSegment): string {
  return canonicalStringify(line);
}

function refuseNewer(value: unknown, where: string): void {
  const format: unknown = typeof value === "object" && value !== null ? (value as { format?: unknown }).format : undefined;
  if (typeof format === "number" && format > LOG_FORMAT) {
    throw fault("log.newer-format", `${where} has raw log format ${format}, this version reads up to ${LOG_FORMAT}: update Tapedeck`);
  }
}

function parseLine<T>(text: string, schema: z.ZodType<T>, where: string): T {
  let value: unknown;
  try {
    value = canonicalParse(text);
  } catch (error) {
    // A newer format may also write other JSON; the number is what a person needs to hear.
    const format = /"format":(\d+)/.exec(text)?.[1];
    refuseNewer({ format: Number(format) }, where);
    throw fault("log.manifest-damaged", `${where} is damaged: ${error instanceof Error ? error.message : String(error)}`);
  }
  refuseNewer(value, where);
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw fault("log.manifest-damaged", `${where} is damaged: ${z.prettifyError(parsed.error).replaceAll("\n", " ")}`);
}

/** Where a line lies in the manifest, to be read again; without its newline. */
export interface LinePlace { readonly offset: number; readonly bytes: number }

/** A manifest of weeks is read in pieces: a line takes about 60 KB. */
const PIECE_BYTES = 4 * 1024 * 1024;

/** Parses and checks a growing manifest, line by line; keeps its place between calls. */
export class ManifestReader {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #path: string;
  readonly #onSegment: ((segment: ManifestSegment, place: LinePlace) => void) | undefined;
  #captureId: string | undefined;
  #count = 0;
  #before: Pick<ManifestSegment, "index" | "next_seq"> | undefined;
  #hash = "";
  /** Bytes of whole lines taken so far. */
  #offset = 0;
  #tornBytes = 0;
  readonly #segments: ManifestSegment[] = [];

  /** `onSegment`: takes the lines over; they are not kept then, since those of weeks would not fit. */
  constructor(disk: Disk, folder: string, onSegment?: (segment: ManifestSegment, place: LinePlace) => void) {
    this.#disk = disk;
    this.#folder = folder;
    this.#path = manifestPath(folder);
    this.#onSegment = onSegment;
  }

  /** Undefined: no manifest, or not even its first line is whole. */
  get captureId(): string | undefined {
    return this.#captureId;
  }
  /** All that were read; empty where `onSegment` took them. */
  get segments(): readonly ManifestSegment[] {
    return this.#segments;
  }
  /** How many segments were read. */
  get count(): number {
    return this.#count;
  }
  /** Hash of the last whole line: `previous` of the next one. */
  get lastHash(): string {
    return this.#hash;
  }
  get wholeBytes(): number {
    return this.#offset;
  }
  /** Bytes behind the last whole line: a line torn by a crash, or one that is being written right now. */
  get tornBytes(): number {
    return this.#tornBytes;
  }

  /** Takes new whole lines. Returns how many. Faults: `log.manifest-damaged`, `log.newer-format`. */
  async refresh(): Promise<number> {
    const size = (await this.#disk.size(this.#path)) ?? 0;
    if (size <= this.#offset) {
      if (size < this.#offset) throw fault("log.manifest-damaged", `${this.#path} became shorter: it was cut by someone else`);
      this.#tornBytes = 0;
      return 0;
    }
    const file = await this.#disk.open(this.#path, "read");
    try {
      let taken = 0;
      let wanted = PIECE_BYTES;
      for (;;) {
        const length = Math.min(wanted, size - this.#offset);
        const bytes = await file.read(this.#offset, length);
        const lines = await this.#take(bytes);
        taken += lines;
        if (this.#offset + this.#tornBytes >= size || bytes.length < length) return taken;
        // A line that is longer than a piece, or one that is damaged and not torn away by a crash.
        if (lines === 0) wanted *= 2;
      }
    } finally {
      await file.close();
    }
  }

  async #take(bytes: Uint8Array): Promise<number> {
    let taken = 0;
    let from = 0;
    try {
      for (let newline = bytes.indexOf(10); newline >= 0; newline = bytes.indexOf(10, from)) {
        this.#takeLine(Buffer.from(bytes.buffer, bytes.byteOffset + from, newline - from), { offset: this.#offset, bytes: newline - from });
        this.#offset += newline + 1 - from;
        from = newline + 1;
        taken += 1;
      }
    } catch (error) {
      if (!(await this.#isTorn(error))) throw error;
    }
    this.#tornBytes = bytes.length - from;
    return taken;
  }

  /**
   * A crash can leave garbage with a newline in it. It was never a durable line if its segment's open file is still
   * there: that is removed only after the line is durable.
   */
  async #isTorn(error: unknown): Promise<boolean> {
    if (!(error instanceof FaultError) || error.fault.code !== "log.manifest-damaged" || this.#captureId === undefined) return false;
    const open = `${this.#folder}/${RAW_FOLDER}/${openName(this.#count + 1)}`;
    return (await this.#disk.size(open)) !== undefined;
  }

  #takeLine(line: Buffer, place: LinePlace): void {
    const text = line.toString("utf8");
    const where = `${this.#path} line ${this.#count + (this.#captureId === undefined ? 1 : 2)}`;
    if (this.#captureId === undefined) {
      this.#captureId = parseLine(text, captureSchema, where).capture_id;
    } else {
      const segment = parseLine(text, segmentSchema, where);
      this.#check(segment, where);
      if (this.#onSegment === undefined) this.#segments.push(segment);
      else this.#onSegment(segment, place);
      this.#before = { index: segment.index, next_seq: segment.next_seq };
      this.#count += 1;
    }
    this.#hash = sha256Hex(line);
  }

  #check(segment: ManifestSegment, where: string): void {
    const before = this.#before;
    if (segment.previous !== this.#hash) {
      throw fault("log.manifest-damaged", `${where}: its hash of the line before does not fit; the manifest was changed after it was written`);
    }
    if (segment.index !== (before?.index ?? 0) + 1 || segment.from_seq !== (before?.next_seq ?? 1)) {
      throw fault("log.manifest-damaged", `${where}: segment ${segment.index} does not continue the one before`);
    }
  }
}

/** Reads the whole manifest once. Faults as `refresh`. */
export async function readManifest(disk: Disk, folder: string): Promise<ManifestReader> {
  const reader = new ManifestReader(disk, folder);
  await reader.refresh();
  return reader;
}

/** Reads one line again. It was checked when it was read first. */
export async function readLineAt(disk: Disk, folder: string, place: LinePlace): Promise<ManifestSegment> {
  const path = manifestPath(folder);
  const file = await disk.open(path, "read");
  try {
    const bytes = await file.read(place.offset, place.bytes);
    return parseLine(Buffer.from(bytes).toString("utf8"), segmentSchema, `${path} at byte ${place.offset}`);
  } finally {
    await file.close();
  }
}

/** Appends lines durably, in order. */
export class ManifestWriter {
  readonly #disk: Disk;
  readonly #folder: string;
  #hash: string;

  constructor(disk: Disk, folder: string, lastHash: string) {
    this.#disk = disk;
    this.#folder = folder;
    this.#hash = lastHash;
  }

  /** Starts a manifest. */
  static async create(disk: Disk, folder: string, captureId: string): Promise<ManifestWriter> {
    const line = captureLine(captureId);
    await disk.replaceFile(manifestPath(folder), Buffer.from(`${line}\n`, "utf8"));
    return new ManifestWriter(disk, folder, lineHash(line));
  }

  /** Stamps `previous`, appends and syncs. */
  async append(segment: Omit<ManifestSegment, "previous">): Promise<ManifestSegment> {
    const line: ManifestSegment = { ...segment, previous: this.#hash };
    const text = segmentLine(line);
    const file = await this.#disk.open(manifestPath(this.#folder), "append");
    try {
      await file.append(Buffer.from(`${text}\n`, "utf8"));
      await file.sync();
    } finally {
      await file.close();
    }
    this.#hash = lineHash(text);
    return line;
  }
}
