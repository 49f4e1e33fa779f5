// events/spool.jsonl: one canonical-JSON line per spooled segment, each with the hash of the line before. A segment is spooled when its line is
// durable; its files were durable before. Lines that are not whole, and all behind them, count as never written.
import { z } from "zod";
import { fault } from "../../shared/base.ts";
import { canonicalParse, canonicalStringify } from "../../shared/canonical-json.ts";
import { lineHash } from "../rawlog/manifest.ts";
import type { Disk } from "../rawlog/types.ts";
import { EVENTS_FOLDER } from "./partition.ts";

/** Raise it when the same log gives other rows, columns or names. */
export const LAKE_FORMAT = 1;

const count = z.number().int().nonnegative();
const hash = z.string().regex(/^[0-9a-f]{64}$/);

const fileSchema = z.strictObject({
  /** Relative to the events folder. */
  path: z.string(),
  rows: count,
  bytes: count,
  sha256: hash,
  from_ts: z.bigint(),
  to_ts: z.bigint(),
  from_seq: z.bigint(),
  to_seq: z.bigint(),
});
export type SpoolFile = z.infer<typeof fileSchema>;

const segmentSchema = z.strictObject({
  kind: z.literal("segment"),
  index: count,
  /** Of the raw segment's file: which log this was made from. */
  raw_sha256: hash,
  from_seq: count,
  to_seq: count,
  messages: count,
  rows: count,
  duplicates: count,
  out_of_range: count,
  files: z.array(fileSchema),
  previous: hash,
});
export type SpoolSegment = z.infer<typeof segmentSchema>;

const headSchema = z.strictObject({ kind: z.literal("spool"), format: z.number().int(), capture_id: z.string() });

export function spoolManifestPath(captureFolder: string): string {
  return `${captureFolder}/${EVENTS_FOLDER}/spool.jsonl`;
}

function headLine(captureId: string): string {
  return canonicalStringify({ kind: "spool", format: LAKE_FORMAT, capture_id: captureId });
}

interface ReadLines {
  readonly segments: readonly SpoolSegment[];
  /** Hash after each segment's line, the head's first. */
  readonly hashes: readonly string[];
  /** Bytes up to the end of each line, the head's first. */
  readonly ends: readonly number[];
  readonly bytes: number;
}

const NO_LINES: ReadLines = { segments: [], hashes: [], ends: [], bytes: 0 };

/** Takes whole lines that continue one another, and stops at the first that does not. */
function readLines(bytes: Uint8Array, captureId: string, path: string): ReadLines {
  const segments: SpoolSegment[] = [];
  const hashes: string[] = [];
  const ends: number[] = [];
  let from = 0;
  for (let newline = bytes.indexOf(10); newline >= 0; newline = bytes.indexOf(10, from)) {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + from, newline - from).toString("utf8");
    if (hashes.length === 0) {
      if (!isHead(text, captureId, path)) break;
    } else {
      const segment = segmentOf(text, segments.length + 1, hashes.at(-1) ?? "");
      if (segment === undefined) break;
      segments.push(segment);
    }
    hashes.push(lineHash(text));
    from = newline + 1;
    ends.push(from);
  }
  return { segments, hashes, ends, bytes: bytes.length };
}

function parsed(text: string): unknown {
  try {
    return canonicalParse(text);
  } catch {
    return undefined; // Torn or damaged: the caller counts the line as not written.
  }
}

function isHead(text: string, captureId: string, path: string): boolean {
  const head = headSchema.safeParse(parsed(text));
  if (!head.success) return false;
  const { format, capture_id } = head.data;
  if (format !== LAKE_FORMAT) {
    throw fault("lake.other-version", `${path} has lake format ${format}, this version writes ${LAKE_FORMAT}: remove the folders events and compact beside it, they are made again from the log`);
  }
  if (capture_id !== captureId) throw fault("lake.other-log", `${path} was made from capture ${capture_id}, not from ${captureId}: remove the folders events and compact beside it`);
  return true;
}

function segmentOf(text: string, index: number, previous: string): SpoolSegment | undefined {
  const segment = segmentSchema.safeParse(parsed(text));
  return segment.success && segment.data.index === index && segment.data.previous === previous ? segment.data : undefined;
}

/** The manifest of one capture's spool, as it is on disk. Whoever changes it holds the lake's lock. */
export class SpoolManifest {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #captureId: string;
  #segments: SpoolSegment[];
  #hashes: string[];
  #ends: number[];
  #fileBytes: number;

  private constructor(disk: Disk, path: string, captureId: string, lines: ReadLines) {
    this.#disk = disk;
    this.#path = path;
    this.#captureId = captureId;
    this.#segments = [...lines.segments];
    this.#hashes = [...lines.hashes];
    this.#ends = [...lines.ends];
    this.#fileBytes = lines.bytes;
  }

  /** Never writes. Throws `lake.other-version`, `lake.other-log`. */
  static async read(disk: Disk, captureFolder: string, captureId: string): Promise<SpoolManifest> {
    const path = spoolManifestPath(captureFolder);
    const lines = (await disk.size(path)) === undefined ? NO_LINES : readLines(await disk.readFile(path), captureId, path);
    return new SpoolManifest(disk, path, captureId, lines);
  }

  get segments(): readonly SpoolSegment[] {
    return this.#segments;
  }
  /** Names the content up to a number of segments: it changes with every line. */
  hashAfter(segments: number): string {
    return this.#hashes[segments] ?? "";
  }
  /** Bytes behind the last whole line. */
  get tornBytes(): number {
    return this.#fileBytes - (this.#ends.at(-1) ?? 0);
  }
  /** False: somebody else has written to it since. */
  async isCurrent(): Promise<boolean> {
    return ((await this.#disk.size(this.#path)) ?? 0) === this.#fileBytes;
  }

  /** Keeps the first `count` segments, durably, and cuts torn bytes; begins the file where there is none. */
  async keep(count: number): Promise<void> {
    const end = this.#ends[count];
    if (end === undefined) {
      await this.#disk.replaceFile(this.#path, Buffer.from(`${headLine(this.#captureId)}\n`, "utf8"));
      this.#hashes = [lineHash(headLine(this.#captureId))];
      this.#ends = [Buffer.byteLength(headLine(this.#captureId), "utf8") + 1];
    } else {
      if (end < this.#fileBytes) await this.#disk.truncate(this.#path, end);
      this.#hashes.length = count + 1;
      this.#ends.length = count + 1;
    }
    this.#segments.length = Math.min(this.#segments.length, count);
    this.#fileBytes = this.#ends.at(-1) ?? 0;
  }

  /** Appends and syncs. After a fault the file must be read again: what of the line is there is unknown. */
  async append(segment: Omit<SpoolSegment, "kind" | "previous">): Promise<void> {
    const line: SpoolSegment = { kind: "segment", ...segment, previous: this.#hashes.at(-1) ?? "" };
    const text = canonicalStringify(line);
    const bytes = Buffer.from(`${text}\n`, "utf8");
    const file = await this.#disk.open(this.#path, "append");
    try {
      await file.append(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    this.#segments.push(line);
    this.#hashes.push(lineHash(text));
    this.#fileBytes += bytes.length;
    this.#ends.push(this.#fileBytes);
  }
}
