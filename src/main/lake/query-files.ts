// Which Parquet files answer for a capture now: each partition's compacted file and the parts that are newer than it. No event is in two of them.
import { openReader } from "../rawlog/reader.ts";
import type { Disk, StreamSummary } from "../rawlog/types.ts";
import { partsByPartition } from "./compact.ts";
import { COMPACT_FOLDER, DATA_FILE, DATA_JSON, EVENTS_FOLDER, partitionFrom } from "./partition.ts";
import { inputsOf, readPartitionJson } from "./partition-json.ts";
import { SpoolManifest } from "./spool-manifest.ts";
import { LAKE_STREAMS, type LakeStream } from "./types.ts";

export interface StreamFiles {
  readonly files: readonly string[];
  readonly rows: number;
}

export interface CaptureFiles {
  readonly streams: Readonly<Record<LakeStream, StreamFiles>>;
  /** Last seq that the files cover, and last seq of the log. */
  readonly toSeq: number;
  readonly lastSeq: number;
  /** What the log holds, by stream id. */
  readonly rawStreams: readonly StreamSummary[];
  /** Changes when any of the files does. */
  readonly signature: string;
}

/** Faults: `log.*`, `lake.other-version`, `lake.other-log`. */
export async function captureFiles(disk: Disk, captureFolder: string): Promise<CaptureFiles> {
  const reader = await openReader({ disk, folder: captureFolder });
  try {
    const lastSeq = await reader.refresh();
    const manifest = await SpoolManifest.read(disk, captureFolder, reader.captureId);
    const streams = Object.fromEntries(LAKE_STREAMS.map((stream) => [stream, { files: [] as string[], rows: 0 }])) as Record<LakeStream, { files: string[]; rows: number }>;
    const signature: string[] = [];
    for (const [path, { files: parts }] of partsByPartition(manifest.segments)) {
      const into = streams[partitionFrom(path).stream];
      const json = await readPartitionJson(disk, `${captureFolder}/${COMPACT_FOLDER}/${path}/${DATA_JSON}`);
      // A compacted file stands for the parts that it names, and only while they are the first of those there are.
      const covered = json !== undefined && json.inputs.sha256 === inputsOf(parts.slice(0, json.inputs.files)).sha256 ? json : undefined;
      if (covered !== undefined) {
        into.files.push(`${captureFolder}/${COMPACT_FOLDER}/${path}/${DATA_FILE}`);
        into.rows += covered.rows;
      }
      const newer = parts.slice(covered?.inputs.files ?? 0);
      for (const part of newer) into.files.push(`${captureFolder}/${EVENTS_FOLDER}/${part.path}`);
      into.rows += newer.reduce((sum, part) => sum + part.rows, 0);
      signature.push(`${path} ${covered?.file.sha256 ?? ""} ${newer.map((part) => part.sha256).join(",")}`);
    }
    return { streams, toSeq: manifest.segments.at(-1)?.to_seq ?? 0, lastSeq, rawStreams: reader.streams, signature: signature.join("\n") };
  } finally {
    await reader.close();
  }
}
