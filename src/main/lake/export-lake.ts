// The Hive lake of a capture to somewhere else: file by file, each verified where it arrives, and a manifest that says so, written last.
import { z } from "zod";
import { fault, type StopSignal } from "../../shared/base.ts";
import { canonicalParse, canonicalStringify } from "../../shared/canonical-json.ts";
import { manifestRoot } from "../rawlog/log-root.ts";
import { readManifest } from "../rawlog/manifest.ts";
import { sha256Hex } from "../rawlog/sha256.ts";
import type { Disk } from "../rawlog/types.ts";
import { COMPACT_FOLDER, DATA_FILE, DATA_JSON, ourFiles } from "./partition.ts";
import { readPartitionJson } from "./partition-json.ts";

/** Beside the partitions at the destination. The first says whose files those are until the second says that all are there. */
export const EXPORT_MANIFEST = "tapedeck-export.json";
export const EXPORT_BEGUN = "tapedeck-export.begun.json";

/** A file of the lake: what it must be where it arrives. */
export interface LakeFile {
  /** Relative, with slashes: `exchange=…/stream=…/symbol=…/date=…/data.parquet`. */
  readonly path: string;
  /** Where it lies here. */
  readonly source: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly rows: number;
}

/** Where a lake is exported to. */
export interface LakeTarget {
  /** As a person wrote it. */
  readonly name: string;
  /** Small files by name; undefined: there is none. */
  readSmall(name: string): Promise<Uint8Array | undefined>;
  writeSmall(name: string, bytes: Uint8Array): Promise<void>;
  removeSmall(name: string): Promise<void>;
  /** What lies at a file's path, judged by its content. */
  compare(file: LakeFile): Promise<"absent" | "same" | "other">;
  /** Durable, and verified by what can be read there, when this resolves. `onBytes`: how many more are there. */
  put(file: LakeFile, onBytes: (bytes: number) => void): Promise<void>;
}

/** The manifest, as it stands at the destination. */
export interface ExportManifest {
  readonly kind: "export";
  readonly format: 1;
  readonly capture_id: string;
  /** Last seq of the log that the files cover, and the log's root there. */
  readonly to_seq: number;
  readonly log_root: string;
  readonly rows: number;
  readonly bytes: number;
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly rows: number; readonly sha256: string }[];
}
const begunSchema = z.looseObject({ capture_id: z.string() });

export interface LakeExportOptions {
  readonly disk: Disk;
  readonly captureFolder: string;
  readonly captureId: string;
  /** Last seq that the compacted files cover. */
  readonly toSeq: number;
  readonly target: LakeTarget;
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
  readonly stop?: StopSignal;
}

export interface LakeExportReport {
  readonly files: number;
  /** Files that were there already, and the same. */
  readonly skipped: number;
  readonly rows: number;
  readonly bytes: number;
  readonly toSeq: number;
  readonly root: string;
}

async function filesOf(disk: Disk, captureFolder: string): Promise<readonly LakeFile[]> {
  const folder = `${captureFolder}/${COMPACT_FOLDER}`;
  const files: LakeFile[] = [];
  for await (const path of ourFiles(disk, folder, (name) => name === DATA_FILE)) {
    const jsonPath = `${path.slice(0, -DATA_FILE.length)}${DATA_JSON}`;
    const json = await readPartitionJson(disk, `${folder}/${jsonPath}`);
    if (json === undefined) throw fault("export.not-compacted", `${folder}/${path}: ${DATA_JSON} beside it is missing or damaged: run compact again`);
    const text = await disk.readFile(`${folder}/${jsonPath}`);
    files.push({ path, source: `${folder}/${path}`, bytes: json.file.bytes, sha256: json.file.sha256, rows: json.rows });
    files.push({ path: jsonPath, source: `${folder}/${jsonPath}`, bytes: text.length, sha256: sha256Hex(text), rows: 0 });
  }
  return files;
}

/** Faults: `export.other-capture`. */
async function claim(target: LakeTarget, captureId: string): Promise<boolean> {
  for (const name of [EXPORT_MANIFEST, EXPORT_BEGUN]) {
    const bytes = await target.readSmall(name);
    if (bytes === undefined) continue;
    const owner = begunSchema.safeParse(parsed(bytes));
    if (!owner.success) throw fault("export.other-capture", `${target.name} holds a ${name} that is none of ours: choose another place`);
    if (owner.data.capture_id !== captureId) throw fault("export.other-capture", `${target.name} holds the export of capture ${owner.data.capture_id}: choose a place of its own for ${captureId}, files of one day would replace each other`);
    return true;
  }
  return false;
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return canonicalParse(Buffer.from(bytes).toString("utf8").trimEnd());
  } catch {
    return undefined;
  }
}

/**
 * Files that are there and the same are left; a run that was stopped is taken up. Faults: `export.*`, `disk.*`, `lake.*`; what arrived whole stays,
 * and the manifest is written only when everything is there.
 */
export async function exportLake(options: LakeExportOptions): Promise<LakeExportReport> {
  const { disk, captureFolder, captureId, toSeq, target, onProgress, stop } = options;
  const files = await filesOf(disk, captureFolder);
  if (files.length === 0) throw fault("export.empty", `capture ${captureId} has no events to export`);
  const log = (await readManifest(disk, captureFolder)).segments.filter((segment) => segment.to_seq <= toSeq);
  const root = manifestRoot(log);
  const isOurs = await claim(target, captureId);
  await target.writeSmall(EXPORT_BEGUN, text({ kind: "export-begun", format: 1, capture_id: captureId }));
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  let skipped = 0;
  for (const file of files) {
    if (stop?.aborted === true) throw fault("export.stopped", "the export was stopped, as asked; what arrived stays, and the next export goes on from there");
    const found = await target.compare(file);
    if (found === "other" && !isOurs) throw fault("export.foreign-file", `${target.name}/${file.path} exists and is no export of ${captureId}: choose another place`);
    const before = done;
    if (found === "same") skipped += 1;
    else await target.put(file, (bytes) => { onProgress?.({ done: (done += bytes), total }); });
    done = before + file.bytes;
    onProgress?.({ done, total });
  }
  const rows = files.reduce((sum, file) => sum + file.rows, 0);
  const manifest: ExportManifest = {
    kind: "export", format: 1, capture_id: captureId, to_seq: toSeq, log_root: root, rows, bytes: total,
    files: files.map(({ path, bytes, rows: inFile, sha256 }) => ({ path, bytes, rows: inFile, sha256 })),
  };
  await target.writeSmall(EXPORT_MANIFEST, text(manifest));
  await target.removeSmall(EXPORT_BEGUN);
  return { files: files.length, skipped, rows, bytes: total, toSeq, root };
}

function text(value: object): Uint8Array {
  return Buffer.from(`${canonicalStringify(value)}\n`, "utf8");
}
