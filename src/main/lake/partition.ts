// Names in the lake: which partition an event belongs to, what its folder and its files are called, and which names are ours.
import { fault } from "../../shared/base.ts";
import { LAKE_STREAMS, type LakeStream, type Partition } from "./types.ts";

/** Folders and files within a capture's folder. Nothing that is not whole ever has a name that ends with `.parquet`. */
export const EVENTS_FOLDER = "events";
export const COMPACT_FOLDER = "compact";
/** Below either: files on their way. In the same file system, so that a rename is atomic. */
export const WORK_FOLDER = ".work";
export const DATA_FILE = "data.parquet";
export const DATA_JSON = "data.json";
/** One writer of either folder at a time. The recorder's own lock is another: both run beside each other. */
export const LAKE_LOCK = "lake.lock";

const DAY_MS = 86_400_000;
/** What fits an int64 of nanoseconds, to whole days: 1970-01-01 … 2262-04-10. */
const LAST_MS = Math.floor(9_223_372_036_854 / DAY_MS) * DAY_MS - 1;

/** False: the event's time fits no column, no file and no date. */
export function isInRange(eventMs: number): boolean {
  return Number.isInteger(eventMs) && eventMs >= 0 && eventMs <= LAST_MS;
}

/** YYYYMMDD, UTC. */
export function dateOfDay(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10).replaceAll("-", "");
}
export function dayOf(eventMs: number): number {
  return Math.floor(eventMs / DAY_MS);
}

/**
 * Lower case, as the contract's example has it. Whatever is not A–Z, a digit, dot, dash or underscore is written as %XX (Hive's own escape), small
 * letters too: two symbols never share a folder, and no symbol leaves it.
 */
export function symbolText(symbol: string): string {
  let text = "";
  for (const byte of Buffer.from(symbol, "utf8")) {
    const letter = String.fromCharCode(byte);
    text += /[A-Z0-9._-]/.test(letter) ? letter.toLowerCase() : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return text;
}

/** `exchange=binance/stream=trade/symbol=btcusdt/date=20240808` */
export function partitionPath({ exchange, stream, symbol, date }: Partition): string {
  return `exchange=${exchange}/stream=${stream}/symbol=${symbol}/date=${date}`;
}

/** `part-{receive time of the segment's first message, ns}-{its first raw seq}.parquet`: the same segment gives the same name, always. */
export function partName(fromRecvNs: bigint, fromSeq: number): string {
  return `part-${fromRecvNs}-${fromSeq}.parquet`;
}

const PART = /^part-\d{1,20}-\d{1,16}\.parquet$/;
const LEVELS = [/^exchange=[a-z0-9-]+$/, /^stream=[a-z_]+$/, /^symbol=[a-z0-9._%A-F-]+$/, /^date=\d{8}$/] as const;
const PATH = /^exchange=([^/]+)\/stream=([^/]+)\/symbol=([^/]+)\/date=(\d{8})$/;

/** The partition that a folder path names. Throws `lake.bad-path`. */
export function partitionFrom(path: string): Partition {
  const [, exchange, stream, symbol, date] = PATH.exec(path) ?? [];
  const known = LAKE_STREAMS.find((name) => name === stream);
  if (exchange === undefined || known === undefined || symbol === undefined || date === undefined) throw fault("lake.bad-path", `${path} names no partition of the lake`);
  return { exchange, stream: known satisfies LakeStream, symbol, date };
}

export function isPartName(name: string): boolean {
  return PART.test(name);
}

/** What lists a folder's names; a Disk does. */
interface Lister {
  list(path: string): Promise<readonly string[]>;
}

/** Files below `folder` that have one of our names (`isOurs`) in one of our partition folders, as paths relative to it. */
export async function* ourFiles(disk: Lister, folder: string, isOurs: (name: string) => boolean): AsyncGenerator<string> {
  yield* below(disk, folder, "", 0, isOurs);
}

async function* below(disk: Lister, folder: string, path: string, level: number, isOurs: (name: string) => boolean): AsyncGenerator<string> {
  const pattern = LEVELS[level];
  for (const name of await disk.list(path === "" ? folder : `${folder}/${path}`)) {
    const inner = path === "" ? name : `${path}/${name}`;
    if (pattern === undefined) {
      if (isOurs(name)) yield inner;
    } else if (pattern.test(name)) yield* below(disk, folder, inner, level + 1, isOurs);
  }
}
