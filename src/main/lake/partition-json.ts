// compact/…/data.json: what a compacted file is, beside it. Canonical JSON, no time of day in it: the same log gives the same bytes.
import { z } from "zod";
import { fault } from "../../shared/base.ts";
import { canonicalParse, canonicalStringify } from "../../shared/canonical-json.ts";
import { lineHash, type ManifestSegment } from "../rawlog/manifest.ts";
import type { Disk } from "../rawlog/types.ts";
import { LAKE_FORMAT, type SpoolFile } from "./spool-manifest.ts";
import { LAKE_STREAMS } from "./types.ts";

const count = z.number().int().nonnegative();
const hash = z.string().regex(/^[0-9a-f]{64}$/);

export const partitionJsonSchema = z.strictObject({
  kind: z.literal("partition"),
  format: z.literal(LAKE_FORMAT),
  capture_id: z.string(),
  exchange: z.string(),
  stream: z.enum(LAKE_STREAMS),
  /** As in the path: lower case. */
  symbol: z.string(),
  date: z.string(),
  rows: count,
  from_ts: z.bigint(),
  to_ts: z.bigint(),
  from_seq: z.bigint(),
  to_seq: z.bigint(),
  file: z.strictObject({ name: z.string(), bytes: count, sha256: hash }),
  /** Over the rows, however Parquet holds them (row-digest.ts). */
  rows_sha256: hash,
  /** The parts that it was made of: how many, and the sha256 of their paths and digests. */
  inputs: z.strictObject({ files: count, sha256: hash }),
  /** The stretch of the log that they were made of: whole segments, and the sha256 over the roots that its manifest tells for them. */
  log: z.strictObject({ from_segment: count, to_segment: count, from_seq: count, to_seq: count, roots: count, roots_sha256: hash }),
  writer: z.strictObject({ duckdb: z.string(), parquet_version: z.number().int(), compression: z.string(), compression_level: z.number().int(), row_group_rows: count }),
});
export type PartitionJson = z.infer<typeof partitionJsonSchema>;

export function partitionJsonText(json: PartitionJson): string {
  return `${canonicalStringify(json)}\n`;
}

/** Undefined where there is none or it cannot be read: then the partition is compacted again. Throws `lake.other-version`. */
export async function readPartitionJson(disk: Disk, path: string): Promise<PartitionJson | undefined> {
  if ((await disk.size(path)) === undefined) return undefined;
  const text = Buffer.from(await disk.readFile(path)).toString("utf8");
  const format = /"format":(\d+)/.exec(text)?.[1];
  if (format !== undefined && Number(format) > LAKE_FORMAT) throw fault("lake.other-version", `${path} has lake format ${format}, this version knows ${LAKE_FORMAT}: update Tapedeck, or remove the folder compact`);
  let value: unknown;
  try {
    value = canonicalParse(text.trimEnd());
  } catch {
    return undefined;
  }
  const json = partitionJsonSchema.safeParse(value);
  return json.success ? json.data : undefined;
}

/** Names what a partition is made of. */
export function inputsOf(files: readonly SpoolFile[]): PartitionJson["inputs"] {
  return { files: files.length, sha256: lineHash(files.map(({ path, sha256 }) => `${path} ${sha256}\n`).join("")) };
}

/** Names the log behind the segments `from` … `to` (indices, inclusive). */
export function logOf(segments: readonly ManifestSegment[], from: number, to: number): PartitionJson["log"] {
  const part = segments.slice(from - 1, to);
  const roots = part.flatMap(({ roots: whole, partial }) => [...whole.map(({ block, root }) => `${block} ${root}\n`), ...(partial === undefined ? [] : [`${partial.block}+${partial.count} ${partial.root}\n`])]);
  return {
    from_segment: from, to_segment: to, from_seq: part[0]?.from_seq ?? 0, to_seq: part.at(-1)?.to_seq ?? 0, roots: roots.length, roots_sha256: lineHash(roots.join("")),
  };
}
