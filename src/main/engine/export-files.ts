// An export from end to end, for the command and for the job thread: the lake to a folder or to S3, or one MCAP; then the mark that retention reads.
import { access } from "node:fs/promises";
import { isAbsolute, join, relative, resolve, sep } from "node:path";
import { fault, type Clock, type StopSignal } from "../../shared/base.ts";
import { msFromNs } from "../../shared/time.ts";
import { FolderTarget } from "../lake/export-folder.ts";
import { exportLake } from "../lake/export-lake.ts";
import { exportMcap } from "../lake/export-mcap.ts";
import { isS3Address, parseS3Address, type S3Access } from "../lake/s3-address.ts";
import { Uploads } from "../lake/s3-uploads.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";
import { openReader } from "../rawlog/reader.ts";
import { sha256 } from "../rawlog/sha256.ts";
import { EXPORTED_FILE, type ExportMark } from "./pins.ts";

export interface ExportFilesOptions {
  readonly captureId: string;
  readonly captureFolder: string;
  /** A full path of a folder, `s3://bucket/prefix`, or a full path that ends with `.mcap`. */
  readonly to: string;
  readonly access: S3Access;
  readonly clock: Pick<Clock, "wallNs">;
  /** Brings the Parquet files up to date and says which seq they reach; not asked for an MCAP. */
  readonly compact: () => Promise<number>;
  /** On a stop, uploads that were begun are given up: the next export begins them anew. */
  readonly abortUploads?: boolean;
  readonly onProgress?: (progress: ExportProgress) => void;
  readonly stop?: StopSignal;
}

export interface ExportProgress {
  readonly done: number;
  readonly total: number | undefined;
  readonly unit: string;
}

export interface ExportOutcome {
  readonly kind: "folder" | "s3" | "mcap";
  readonly to: string;
  readonly files: number;
  /** Files that were there already. */
  readonly skipped: number;
  readonly rows: number | undefined;
  readonly messages: number | undefined;
  readonly bytes: number;
  /** Last seq that was exported, and the log's root there. */
  readonly lastSeq: number;
  readonly root: string;
}

export function isMcap(to: string): boolean {
  return !isS3Address(to) && to.toLowerCase().endsWith(".mcap");
}

/** Faults: `export.bad-address`. */
export function checkDestination(to: string, captureFolder: string): void {
  if (isS3Address(to)) {
    parseS3Address(to);
    return;
  }
  if (!isAbsolute(to)) throw fault("export.bad-address", `${to}: write the full path of a folder or of a file that ends with .mcap, or s3://bucket/prefix`);
  const inside = relative(captureFolder, resolve(to));
  if (inside === "" || (inside !== ".." && !inside.startsWith(`..${sep}`) && !isAbsolute(inside))) throw fault("export.bad-address", `${to} lies within the capture itself: choose another place`);
}

/** Faults: `captures.unknown`, `export.*`, `disk.*`, `log.*`, `lake.*`; the mark is written only when everything was exported and verified. */
export async function exportFiles(options: ExportFilesOptions): Promise<ExportOutcome> {
  const { captureId, captureFolder, to, clock } = options;
  checkDestination(to, captureFolder);
  if (!(await access(captureFolder).then(() => true, () => false))) throw fault("captures.unknown", `There is no capture ${captureId} in this data folder`);
  const done = isMcap(to) ? await toMcap(options) : await toLake(options);
  const mark: ExportMark = { at_ms: msFromNs(clock.wallNs()), to, last_seq: done.lastSeq, root: done.root };
  await new NodeDisk().replaceFile(join(captureFolder, EXPORTED_FILE), Buffer.from(`${JSON.stringify(mark)}\n`, "utf8"));
  return done;
}

async function toMcap({ captureFolder, to, onProgress, stop }: ExportFilesOptions): Promise<ExportOutcome> {
  const disk = new NodeDisk();
  const reader = await openReader({ disk, folder: captureFolder });
  try {
    const toSeq = await reader.refresh();
    const { messages, bytes, root } = await exportMcap({
      disk, reader, toSeq, path: to, sha256, ...(stop === undefined ? {} : { stop }),
      onProgress: ({ phase, done }) => onProgress?.({ done: phase === "write" ? done : toSeq + done, total: 2 * toSeq, unit: phase === "write" ? "messages written" : "messages read back" }),
    });
    return { kind: "mcap", to, files: 1, skipped: 0, rows: undefined, messages, bytes, lastSeq: toSeq, root };
  } finally {
    await reader.close();
  }
}

async function toLake(options: ExportFilesOptions): Promise<ExportOutcome> {
  const { captureId, captureFolder, to, access: s3, compact, onProgress, stop } = options;
  const disk = new NodeDisk();
  const toSeq = await compact();
  const stopping = stop === undefined ? {} : { stop };
  // Amazon's client is large: loaded by who needs it only.
  const s3Target = isS3Address(to) ? new (await import("../lake/s3-target.ts")).S3Target({ disk, address: parseS3Address(to), access: s3, uploads: await Uploads.open(disk, captureFolder), ...stopping }) : undefined;
  try {
    const { files, skipped, rows, bytes, root } = await exportLake({
      disk, captureFolder, captureId, toSeq, target: s3Target ?? new FolderTarget(disk, resolve(to), stop), ...stopping,
      onProgress: ({ done, total }) => onProgress?.({ done, total, unit: "bytes" }),
    });
    return { kind: s3Target === undefined ? "folder" : "s3", to, files, skipped, rows, messages: undefined, bytes, lastSeq: toSeq, root };
  } catch (error) {
    if (options.abortUploads === true && stop?.aborted === true) await s3Target?.abortUploads();
    throw error;
  } finally {
    s3Target?.close();
  }
}

export function exportSentence({ kind, to, files, skipped, rows, messages, bytes }: ExportOutcome): string {
  if (kind === "mcap") return `${messages ?? 0} messages in ${to} (${bytes} bytes), read back and the same`;
  return `${files} files (${rows ?? 0} rows, ${bytes} bytes) in ${to}, verified${skipped === 0 ? "" : `; ${skipped} were there already`}`;
}
