// Log, spool and compacted files against each other. Quick: what was counted while decoding against the rows that the files hold. Thorough: the log
// is decoded again, every row compared by content, every file by its digest. Never changes anything in the capture.
import type { DecoderLookup } from "../../shared/market.ts";
import type { ManifestSegment } from "../rawlog/manifest.ts";
import type { Disk, RawLogReader } from "../rawlog/types.ts";
import { partsByPartition } from "./compact.ts";
import { COLUMNS } from "./columns.ts";
import { EventPass } from "./event-pass.ts";
import { digestFile } from "./parquet-file.ts";
import { COMPACT_FOLDER, DATA_FILE, DATA_JSON, EVENTS_FOLDER, isPartName, ourFiles, partitionFrom } from "./partition.ts";
import { inputsOf, readPartitionJson } from "./partition-json.ts";
import { fileList, stopIf, type LakeSession } from "./session.ts";
import type { SpoolFile, SpoolManifest, SpoolSegment } from "./spool-manifest.ts";
import { Staging } from "./staging.ts";
import type { LakeDifference, LakeStream, LakeTask, PartitionCount, ReconcileReport } from "./types.ts";

export interface ReconcileOptions {
  readonly disk: Disk;
  readonly captureFolder: string;
  /** Of sealed segments only. */
  readonly reader: RawLogReader;
  readonly decoders: DecoderLookup;
  readonly session: LakeSession;
  readonly log: readonly ManifestSegment[];
  readonly manifest: SpoolManifest;
  readonly thorough: boolean;
}

/** More differences than this say nothing new. */
const DIFFERENCES_MAX = 1_000;

/** Rows and a fingerprint of their content, in no order: equal sets of rows have equal ones, and DuckDB computes it as fast as it reads. */
interface Content {
  readonly rows: number;
  readonly print: bigint;
}

interface Found {
  readonly options: ReconcileOptions;
  readonly signal: AbortSignal | undefined;
  readonly differences: LakeDifference[];
  /** Content by partition path: the log's own, where it was decoded again. */
  readonly decoded: Map<string, Content>;
}

function differ(found: Found, where: string, what: string, expected: unknown, actual: unknown): void {
  if (expected === actual || found.differences.length >= DIFFERENCES_MAX) return;
  found.differences.push({ where, what, expected: String(expected), actual: String(actual) });
}

/** Rejects with `lake.cancelled disk.* log.*`. What differs is in the report, never an error. */
export async function reconcile(options: ReconcileOptions, task: LakeTask): Promise<ReconcileReport> {
  const { disk, captureFolder, log, manifest, thorough, reader } = options;
  const found: Found = { options, signal: task.signal, differences: [], decoded: new Map() };
  compareSegments(found);
  if (thorough) await decodeAgain(found, task);
  const parts = partsByPartition(manifest.segments);
  const partitions: PartitionCount[] = [];
  let compactBytes = 0;
  for (const [path, { files }] of parts) {
    stopIf(task.signal);
    const spoolRows = await comparePartFiles(found, path, files);
    const compacted = await compareCompacted(found, path, files);
    compactBytes += compacted.bytes;
    const counted = files.reduce((sum, { rows }) => sum + rows, 0);
    partitions.push({ ...partitionFrom(path), logRows: found.decoded.get(path)?.rows ?? (thorough ? 0 : counted), spoolRows, compactRows: compacted.rows, spoolFiles: files.length });
  }
  for (const path of found.decoded.keys()) if (!parts.has(path)) differ(found, `${EVENTS_FOLDER}/${path}`, "events of the log without a file", 0, found.decoded.get(path)?.rows);
  const spoolFiles = await compareNames(found, parts);
  const sum = (of: (segment: SpoolSegment) => number): number => manifest.segments.reduce((total, segment) => total + of(segment), 0);
  return {
    captureId: reader.captureId, toSeq: manifest.segments.at(-1)?.to_seq ?? 0, messages: sum(({ messages }) => messages), rows: sum(({ rows }) => rows),
    duplicates: sum(({ duplicates }) => duplicates), outOfRange: sum(({ out_of_range }) => out_of_range), partitions,
    spoolFiles, compactFiles: await countCompacted(disk, captureFolder), compactBytes, differences: found.differences, thorough: thorough && log.length > 0,
  };
}

/** The spool covers the sealed log, whole. */
function compareSegments(found: Found): void {
  const { log, manifest } = found.options;
  differ(found, EVENTS_FOLDER, "spooled segments", log.length, manifest.segments.length);
  for (const segment of manifest.segments) {
    const raw = log[segment.index - 1];
    const where = `${EVENTS_FOLDER}/spool.jsonl segment ${segment.index}`;
    differ(found, where, "sha256 of the raw segment", raw?.sha256, segment.raw_sha256);
    differ(found, where, "messages", raw?.count, segment.messages);
    differ(found, where, "rows of its files", segment.rows, segment.files.reduce((sum, { rows }) => sum + rows, 0));
  }
}

/** Decodes the spooled segments once more, as the spool did, and compares each segment's rows with its parts. */
async function decodeAgain(found: Found, { onProgress, signal }: LakeTask): Promise<void> {
  const { reader, decoders, session, manifest } = found.options;
  const pass = new EventPass(decoders);
  const total = manifest.segments.reduce((sum, { messages }) => sum + messages, 0);
  let done = 0;
  for (const segment of manifest.segments) {
    const staging = new Staging(session);
    try {
      for await (const records of reader.batches({ fromSeq: segment.from_seq, toSeq: segment.to_seq })) {
        stopIf(signal);
        for (const record of records) pass.take(record, (event, position) => { staging.add(record, event, position); });
        await staging.settle();
        done += records.length;
        onProgress?.({ phase: "check", done, total, unit: "messages" });
      }
      await compareSegment(found, segment, staging);
    } finally {
      await staging.close();
    }
  }
}

async function compareSegment(found: Found, segment: SpoolSegment, staging: Staging): Promise<void> {
  const { session } = found.options;
  const where = `${EVENTS_FOLDER}/spool.jsonl segment ${segment.index}`;
  differ(found, where, "rows", staging.rows, segment.rows);
  const byPartition = new Map(segment.files.map((file) => [file.path.slice(0, file.path.lastIndexOf("/")), file]));
  for (const staged of await staging.finish()) {
    const content = await contentOf(session, staged.partition.stream, `(${staging.select(staged)})`, where, found.signal);
    const before = found.decoded.get(staged.path);
    found.decoded.set(staged.path, { rows: (before?.rows ?? 0) + content.rows, print: (before?.print ?? 0n) + content.print });
    const file = byPartition.get(staged.path);
    differ(found, where, `part of ${staged.path}`, true, file !== undefined);
    if (file !== undefined) differ(found, `${EVENTS_FOLDER}/${file.path}`, "rows that the log has for it", content.rows, file.rows);
  }
}

async function contentOf(session: LakeSession, stream: LakeStream, source: string, file: string, signal: AbortSignal | undefined): Promise<Content> {
  const columns = COLUMNS[stream].map(({ name }) => name).join(", ");
  // A sum of hashes: unlike an xor, it tells a row that is there three times from one that is there once.
  const [row] = await session.rows(`SELECT count(*) AS count, coalesce(sum(hash(${columns})::HUGEINT), 0) AS print FROM ${source}`, "read", file, signal);
  return { rows: Number(row?.["count"] ?? 0), print: BigInt((row?.["print"] ?? 0n) as bigint) };
}

/** Rows of the parts as their Parquet footers say; thorough: their bytes and their content too. */
async function comparePartFiles(found: Found, path: string, files: readonly SpoolFile[]): Promise<number> {
  const { disk, captureFolder, thorough, session } = found.options;
  const folder = `${captureFolder}/${EVENTS_FOLDER}`;
  const there: string[] = [];
  for (const file of files) {
    const where = `${EVENTS_FOLDER}/${file.path}`;
    const bytes = await disk.size(`${folder}/${file.path}`);
    differ(found, where, "bytes", file.bytes, bytes ?? "no such file");
    if (bytes === undefined) continue;
    if (thorough) {
      const { sha256 } = await digestFile(disk, `${folder}/${file.path}`, found.signal);
      differ(found, where, "sha256", file.sha256, sha256);
      if (sha256 !== file.sha256) continue;
    } else if (bytes !== file.bytes) continue;
    there.push(`${folder}/${file.path}`);
  }
  if (there.length === 0) return 0;
  const rows = await footerRows(session, there, found.signal);
  differ(found, `${EVENTS_FOLDER}/${path}`, "rows of its parts", files.reduce((sum, file) => sum + file.rows, 0), rows);
  if (thorough) await compareContent(found, path, there, EVENTS_FOLDER);
  return rows;
}

async function footerRows(session: LakeSession, files: readonly string[], signal: AbortSignal | undefined): Promise<number> {
  const [row] = await session.rows(`SELECT sum(num_rows) AS count FROM parquet_file_metadata(${fileList(files)})`, "read", files[0] ?? "", signal);
  return Number(row?.["count"] ?? 0);
}

async function compareContent(found: Found, path: string, files: readonly string[], kind: string): Promise<void> {
  const source = `read_parquet(${fileList(files)}, hive_partitioning = false)`;
  const content = await contentOf(found.options.session, partitionFrom(path).stream, source, files[0] ?? "", found.signal);
  const expected = found.decoded.get(path);
  differ(found, `${kind}/${path}`, "rows against the log", expected?.rows, content.rows);
  differ(found, `${kind}/${path}`, "content of its rows against the log", expected?.print, content.print);
}

async function compareCompacted(found: Found, path: string, inputs: readonly SpoolFile[]): Promise<{ readonly rows: number; readonly bytes: number }> {
  const { disk, captureFolder, thorough, session } = found.options;
  const where = `${COMPACT_FOLDER}/${path}`;
  const data = `${captureFolder}/${where}/${DATA_FILE}`;
  const json = await readPartitionJson(disk, `${captureFolder}/${where}/${DATA_JSON}`);
  const bytes = await disk.size(data);
  differ(found, `${where}/${DATA_JSON}`, "is there and whole", true, json !== undefined);
  differ(found, `${where}/${DATA_FILE}`, "is there", true, bytes !== undefined);
  if (json === undefined || bytes === undefined) return { rows: 0, bytes: bytes ?? 0 };
  differ(found, `${where}/${DATA_JSON}`, "parts that it was made of", inputsOf(inputs).sha256, json.inputs.sha256);
  differ(found, `${where}/${DATA_FILE}`, "bytes", json.file.bytes, bytes);
  if (bytes !== json.file.bytes) return { rows: 0, bytes };
  if (thorough) {
    const { sha256 } = await digestFile(disk, data, found.signal);
    differ(found, `${where}/${DATA_FILE}`, "sha256", json.file.sha256, sha256);
    if (sha256 !== json.file.sha256) return { rows: 0, bytes };
    await compareContent(found, path, [data], COMPACT_FOLDER);
  }
  const rows = await footerRows(session, [data], found.signal);
  differ(found, `${where}/${DATA_FILE}`, "rows", inputs.reduce((sum, file) => sum + file.rows, 0), rows);
  return { rows, bytes };
}

/** Files that a reader would see and that nobody answers for. Returns how many parts there are. */
async function compareNames(found: Found, parts: ReadonlyMap<string, { readonly files: readonly SpoolFile[] }>): Promise<number> {
  const { disk, captureFolder, manifest } = found.options;
  const listed = new Set(manifest.segments.flatMap(({ files }) => files.map(({ path }) => path)));
  let spoolFiles = 0;
  for await (const path of ourFiles(disk, `${captureFolder}/${EVENTS_FOLDER}`, isPartName)) {
    spoolFiles += 1;
    differ(found, `${EVENTS_FOLDER}/${path}`, "is in the manifest", true, listed.has(path));
  }
  for await (const path of ourFiles(disk, `${captureFolder}/${COMPACT_FOLDER}`, (name) => name === DATA_FILE)) {
    differ(found, `${COMPACT_FOLDER}/${path}`, "has parts in the spool", true, parts.has(path.slice(0, path.lastIndexOf("/"))));
  }
  return spoolFiles;
}

async function countCompacted(disk: Disk, captureFolder: string): Promise<number> {
  let files = 0;
  for await (const path of ourFiles(disk, `${captureFolder}/${COMPACT_FOLDER}`, (name) => name === DATA_FILE)) files += path === "" ? 0 : 1;
  return files;
}
