// Writes one Parquet file so that it is there whole or not at all: under a work name, synced, then renamed. Its bytes depend on the rows alone.
import { dirname } from "node:path";
import { RunningSha256 } from "../rawlog/sha256.ts";
import type { Disk } from "../rawlog/types.ts";
import { quoted, stopIf, type LakeSession } from "./session.ts";

/**
 * Everything that decides about bytes is said, nothing is left to a default that may change. Row groups of 122,880 rows are DuckDB's own unit:
 * readers skip whole groups by the bounds of ts_event.
 */
export const PARQUET_OPTIONS = "FORMAT parquet, PARQUET_VERSION V1, COMPRESSION zstd, COMPRESSION_LEVEL 3, ROW_GROUP_SIZE 122880, WRITE_BLOOM_FILTER false, USE_TMP_FILE false";
/** What a file's bytes depend on besides its rows; part of its metadata. */
export const PARQUET_WRITER = { parquet_version: 1, compression: "zstd", compression_level: 3, row_group_rows: 122_880 } as const;

const READ_BYTES = 1024 * 1024;

export interface WrittenFile {
  readonly bytes: number;
  readonly sha256: string;
}

/** sha256 and length of a file's bytes. */
export async function digestFile(disk: Disk, path: string, signal?: AbortSignal): Promise<WrittenFile> {
  const hash = new RunningSha256();
  const file = await disk.open(path, "read");
  let offset = 0;
  try {
    for (;;) {
      stopIf(signal);
      const bytes = await file.read(offset, READ_BYTES);
      hash.add(bytes);
      offset += bytes.length;
      if (bytes.length < READ_BYTES) return { bytes: offset, sha256: hash.hex() };
    }
  } finally {
    await file.close();
  }
}

/** DuckDB writes the file itself; what it wrote is on the disk for good once this resolves. */
export async function writeParquet(options: {
  readonly disk: Disk; readonly session: LakeSession; readonly select: string; readonly work: string; readonly signal: AbortSignal | undefined;
}): Promise<WrittenFile> {
  const { disk, session, select, work, signal } = options;
  await session.run(`COPY (${select}) TO ${quoted(work)} (${PARQUET_OPTIONS})`, "write", work, signal);
  const file = await disk.open(work, "append");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  return digestFile(disk, work, signal);
}

/** Gives whole files their names. Folders that are new are made durable from the top, each once. */
export class Placer {
  readonly #disk: Disk;
  readonly #root: string;
  readonly #known = new Set<string>();

  /** `root` exists and is durable. */
  constructor(disk: Disk, root: string) {
    this.#disk = disk;
    this.#root = root;
  }

  async place(work: string, path: string): Promise<void> {
    const folder = dirname(path);
    if (!this.#known.has(folder)) await this.#disk.makeFolder(folder);
    await this.#disk.rename(work, path);
  }

  /** After placing: the names of these files are on the disk for good. */
  async settle(paths: readonly string[]): Promise<void> {
    const folders = new Set(paths.map((path) => dirname(path)));
    for (const folder of folders) {
      await this.#disk.syncFolder(folder);
      if (!this.#known.has(folder)) await this.#settleAbove(folder);
      this.#known.add(folder);
    }
  }

  async #settleAbove(folder: string): Promise<void> {
    for (let above = dirname(folder); above.length >= this.#root.length && !this.#known.has(above); above = dirname(above)) {
      await this.#disk.syncFolder(above);
      this.#known.add(above);
      if (above === this.#root) return;
    }
  }
}
