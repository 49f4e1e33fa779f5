// Compaction: all parts of a partition become one file in event order, with its metadata beside it. A file whose parts have not changed is left
// alone. Data first, then metadata: the metadata names the data by its digest, so that a run that was killed between the two is done again.
import { version as duckDbVersion } from "@duckdb/node-api";
import { fault } from "../../shared/base.ts";
import { SQL_ORDER_CLAUSE } from "../../shared/ordering.ts";
import type { ManifestSegment } from "../rawlog/manifest.ts";
import type { Disk } from "../rawlog/types.ts";
import { COLUMNS } from "./columns.ts";
import { PARQUET_WRITER, Placer, writeParquet } from "./parquet-file.ts";
import { COMPACT_FOLDER, DATA_FILE, DATA_JSON, EVENTS_FOLDER, ourFiles, partitionFrom, WORK_FOLDER } from "./partition.ts";
import { inputsOf, logOf, partitionJsonText, readPartitionJson, type PartitionJson } from "./partition-json.ts";
import { digestRows } from "./row-digest.ts";
import { fileList, stopIf, type LakeSession } from "./session.ts";
import { LAKE_FORMAT, type SpoolFile, type SpoolSegment } from "./spool-manifest.ts";
import type { LakeTask } from "./types.ts";

export interface CompactOptions {
  readonly disk: Disk;
  readonly captureFolder: string;
  readonly captureId: string;
  readonly session: LakeSession;
  /** Of the log. */
  readonly log: readonly ManifestSegment[];
  readonly spooled: readonly SpoolSegment[];
}

/** The parts of one partition, in seq order. */
interface Inputs {
  readonly files: SpoolFile[];
  readonly fromSegment: number;
  toSegment: number;
}

/** Parts by partition, in path order. */
export function partsByPartition(spooled: readonly SpoolSegment[]): ReadonlyMap<string, Inputs> {
  const found = new Map<string, Inputs>();
  for (const { index, files } of spooled) {
    for (const file of files) {
      const path = file.path.slice(0, file.path.lastIndexOf("/"));
      let inputs = found.get(path);
      if (inputs === undefined) found.set(path, inputs = { files: [], fromSegment: index, toSegment: index });
      inputs.files.push(file);
      inputs.toSegment = index;
    }
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

export interface Compacted {
  readonly written: number;
  /** Files of partitions that the spool does not have. */
  readonly removed: number;
}

/** Rejects with `lake.cancelled disk.* lake.*`; every file is then the one before or the new one. */
export async function compactAll(options: CompactOptions, { onProgress, signal }: LakeTask): Promise<Compacted> {
  const { disk, captureFolder, spooled } = options;
  const folder = `${captureFolder}/${COMPACT_FOLDER}`;
  const partitions = partsByPartition(spooled);
  const removed = await removeLeftovers(disk, folder, partitions);
  const placer = new Placer(disk, captureFolder);
  let written = 0;
  let done = 0;
  for (const [path, inputs] of partitions) {
    stopIf(signal);
    onProgress?.({ phase: "compact", done, total: partitions.size, unit: "files" });
    if (await compactOne({ ...options, placer, folder, path, inputs, signal })) written += 1;
    done += 1;
  }
  onProgress?.({ phase: "compact", done, total: partitions.size, unit: "files" });
  return { written, removed };
}

async function removeLeftovers(disk: Disk, folder: string, partitions: ReadonlyMap<string, Inputs>): Promise<number> {
  for (const name of await disk.list(`${folder}/${WORK_FOLDER}`)) await disk.remove(`${folder}/${WORK_FOLDER}/${name}`);
  let removed = 0;
  for await (const file of ourFiles(disk, folder, isOurs)) {
    const partition = file.slice(0, file.lastIndexOf("/"));
    // A work copy of the metadata, left when it was being replaced.
    const isWork = file.endsWith(".tmp");
    if (!isWork && partitions.has(partition)) continue;
    await disk.remove(`${folder}/${file}`);
    if (!isWork) removed += 1;
  }
  return removed;
}

function isOurs(name: string): boolean {
  return name === DATA_FILE || name === DATA_JSON || name === `${DATA_JSON}.tmp`;
}

interface One extends CompactOptions {
  readonly placer: Placer;
  readonly folder: string;
  readonly path: string;
  readonly inputs: Inputs;
  readonly signal: AbortSignal | undefined;
}

/** False: the file is up to date. */
async function compactOne(one: One): Promise<boolean> {
  const { disk, folder, path, inputs } = one;
  const data = `${folder}/${path}/${DATA_FILE}`;
  const known = await readPartitionJson(disk, `${folder}/${path}/${DATA_JSON}`);
  if (known !== undefined && known.inputs.sha256 === inputsOf(inputs.files).sha256 && (await disk.size(data)) === known.file.bytes) return false;
  await disk.makeFolder(`${folder}/${WORK_FOLDER}`);
  const work = `${folder}/${WORK_FOLDER}/${path.replaceAll("/", ",")}`;
  try {
    const json = await writeData(one, work);
    await one.placer.place(work, data);
    await one.placer.settle([data]);
    await disk.replaceFile(`${folder}/${path}/${DATA_JSON}`, Buffer.from(partitionJsonText(json), "utf8"));
    return true;
  } catch (error) {
    // The first trouble is the one to tell; what cannot be removed now is removed by the next run.
    await disk.remove(work).catch(() => undefined);
    throw error;
  }
}

async function writeData({ disk, captureFolder, captureId, session, log, path, inputs, signal }: One, work: string): Promise<PartitionJson> {
  const partition = partitionFrom(path);
  const columns = COLUMNS[partition.stream].map(({ name }) => name).join(", ");
  const parts = inputs.files.map((file) => `${captureFolder}/${EVENTS_FOLDER}/${file.path}`);
  const select = `SELECT ${columns} FROM read_parquet(${fileList(parts)}, hive_partitioning = false) ${SQL_ORDER_CLAUSE}`;
  const written = await writeParquet({ disk, session, select, work, signal });
  const digest = await digestRows({ session, stream: partition.stream, file: work, signal });
  const rows = inputs.files.reduce((sum, file) => sum + file.rows, 0);
  if (digest.rows !== rows) {
    throw fault("lake.rows-differ", `${captureFolder}/${EVENTS_FOLDER}/${path}: its parts have ${digest.rows} rows where ${rows} were spooled: remove the folder events and run compact, it is made again from the log`);
  }
  return {
    kind: "partition", format: LAKE_FORMAT, capture_id: captureId, ...partition, rows,
    from_ts: digest.fromTs, to_ts: digest.toTs, from_seq: digest.fromSeq, to_seq: digest.toSeq,
    file: { name: DATA_FILE, ...written }, rows_sha256: digest.sha256, inputs: inputsOf(inputs.files),
    log: logOf(log, inputs.fromSegment, inputs.toSegment),
    writer: { duckdb: duckDbVersion(), ...PARQUET_WRITER },
  };
}
