// One capture of the data folder, opened for a command: its log, its derived candles, and an orderly end.
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { FaultError, fault, type StopSignal } from "../../shared/base.ts";
import type { Instrument } from "../../shared/market.ts";
import type { Interval } from "../../shared/time.ts";
import type { Deriver } from "../derive/deriver.ts";
import { isDerived, openDerived } from "../derive/read.ts";
import { acquireLock, type FolderLock } from "../rawlog/lock.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";
import { openReader } from "../rawlog/reader.ts";
import { LOCK_FILE } from "../rawlog/segment-format.ts";
import { sha256 } from "../rawlog/sha256.ts";
import type { Disk, RawLogReader } from "../rawlog/types.ts";
import { decoderLookup } from "../venues/registry.ts";
import { capturesFolder } from "./context.ts";

/** Folders below `captures` that are captures: names that start with a dot are being imported. */
export async function captureIds(data: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(capturesFolder(data), { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith(".")).map(({ name }) => name).sort();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}

/** The capture's folder. Faults: `capture.unknown`, naming what exists. */
export async function captureFolder(data: string, captureId: string): Promise<string> {
  const ids = await captureIds(data);
  if (ids.includes(captureId)) return join(capturesFolder(data), captureId);
  throw fault("capture.unknown", `no capture ${captureId} in ${data}; there ${ids.length === 0 ? "are none" : `is ${ids.join(", ")}`}`);
}

const UNWRITABLE: ReadonlySet<string> = new Set(["log.locked", "disk.read-only", "disk.no-permission"]);

export interface DeriveOptions {
  readonly onNote: (note: string) => void;
  readonly stop?: StopSignal;
  readonly untilSeq?: number;
  readonly only?: Instrument & { readonly interval: Interval };
}

export class OpenCapture implements AsyncDisposable {
  readonly folder: string;
  readonly disk: Disk;
  readonly reader: RawLogReader;
  #lock: FolderLock | undefined;

  constructor(folder: string, disk: Disk, reader: RawLogReader) {
    this.folder = folder;
    this.disk = disk;
    this.reader = reader;
  }

  /** What the log holds streams of, by venue and symbol. */
  get instruments(): readonly Instrument[] {
    const found = new Map<string, Instrument>();
    for (const { stream } of this.reader.streams) {
      if (stream.venue !== "tapedeck" && stream.symbol !== "_") found.set(`${stream.venue}:${stream.symbol}`, { venue: stream.venue, symbol: stream.symbol });
    }
    return [...found.values()];
  }

  /** The derived candles; the caller closes them before the capture. Completed on disk when nobody else writes it. */
  async derive(options: DeriveOptions): Promise<Deriver> {
    const lastSeq = await this.reader.refresh();
    const complete = await isDerived(this.disk, this.folder, lastSeq);
    const writable = !complete && options.untilSeq === undefined && (await this.#takeLock());
    return openDerived({ disk: this.disk, captureFolder: this.folder, reader: this.reader, decoders: decoderLookup, sha256, writable, ...options });
  }

  /** False when another process writes the capture, or nobody may. */
  async #takeLock(): Promise<boolean> {
    try {
      this.#lock ??= await acquireLock({ disk: this.disk, path: `${this.folder}/${LOCK_FILE}`, what: this.folder });
      return true;
    } catch (error) {
      if (error instanceof FaultError && UNWRITABLE.has(error.fault.code)) return false;
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.reader.close();
    await this.#lock?.release();
  }
}

export async function openCapture(data: string, captureId: string): Promise<OpenCapture> {
  const folder = await captureFolder(data, captureId);
  const disk = new NodeDisk();
  const reader = await openReader({ disk, folder });
  await reader.refresh();
  return new OpenCapture(folder, disk, reader);
}
