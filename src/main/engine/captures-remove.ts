// Removing a whole capture so that a crash at any moment leaves it whole or gone, never half: what is to be removed is said in the
// folder, the folder gets a hidden name, the removal is noted in retention.jsonl, and only then are files deleted.
import { appendFile, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { createHash } from "node:crypto";
import { z } from "zod";
import { fault } from "../../shared/base.ts";
import { ManifestReader, type ManifestSegment } from "../rawlog/manifest.ts";
import { NodeDisk, diskFault } from "../rawlog/node-disk.ts";
import { isCaptureUsed } from "./captures-use.ts";
import { readExportMark } from "./pins.ts";

/** Beside the captures folder: one line per removed capture, for ever. */
export const REMOVALS_FILE = "retention.jsonl";
const REMOVING = ".removing-";
const INTENT_FILE = "removing.json";

const removalSchema = z.strictObject({
  at_ms: z.number(),
  capture_id: z.string(),
  why: z.string(),
  bytes: z.number(),
  last_seq: z.number(),
  /** sha256 over the roots of the 1,024-seq blocks, as a certificate has it; null: the log was not sealed to its end. */
  log_root: z.string().nullable(),
  /** Hash of the manifest's last line: the head of the chain over all sealed segments. */
  manifest_head: z.string().nullable(),
  exported: z.strictObject({ at_ms: z.number(), to: z.string() }).nullable(),
});
/** What is left of a capture when it is gone: enough to check a citation of it. */
export type Removal = z.infer<typeof removalSchema>;

export interface RemovalRequest {
  readonly captureId: string;
  readonly bytes: number;
  readonly why: string;
  readonly atMs: number;
}

/**
 * Removes a capture. Faults: `captures.unknown`, `captures.in-use` (something writes or reads it by now), those of the disk. Whoever
 * calls holds the data folder's lock.
 */
export async function removeCapture(dataFolder: string, request: RemovalRequest): Promise<Removal> {
  const captures = join(dataFolder, "captures");
  const folder = join(captures, request.captureId);
  const disk = new NodeDisk();
  if (!(await disk.list(captures)).includes(request.captureId)) throw fault("captures.unknown", `There is no capture ${request.captureId} in ${dataFolder}`);
  if (await isCaptureUsed(folder)) throw fault("captures.in-use", `Capture ${request.captureId} is in use by now: it is not removed`);
  const removal = await describe(disk, folder, request);
  await disk.replaceFile(join(folder, INTENT_FILE), Buffer.from(JSON.stringify(removal), "utf8"));
  await disk.rename(folder, join(captures, `${REMOVING}${request.captureId}`));
  await disk.syncFolder(captures);
  await finish(dataFolder, `${REMOVING}${request.captureId}`);
  return removal;
}

async function describe(disk: NodeDisk, folder: string, { captureId, bytes, why, atMs }: RemovalRequest): Promise<Removal> {
  const { lastSeq, root, head } = await readLogMarks(disk, folder);
  const isWhole = !(await disk.list(join(folder, "raw"))).some((name) => name.endsWith(".open.mcap"));
  const exported = await readExportMark(folder);
  return {
    at_ms: atMs, capture_id: captureId, why, bytes, last_seq: lastSeq, log_root: isWhole && lastSeq > 0 ? root : null, manifest_head: head,
    exported: exported === undefined ? null : { at_ms: exported.at_ms, to: exported.to },
  };
}

interface LogMarks {
  /** Of the sealed part. */
  readonly lastSeq: number;
  /** The same as a certificate's: the manifest has every block's root, the last one's as far as it goes. */
  readonly root: string;
  /** `null` before the first segment is sealed. */
  readonly head: string | null;
}

/** Line by line: the manifest of weeks does not fit in memory. Faults: `log.manifest-damaged`, `log.newer-format`. */
export async function readLogMarks(disk: NodeDisk, folder: string): Promise<LogMarks> {
  const hash = createHash("sha256");
  let last: ManifestSegment | undefined;
  const manifest = new ManifestReader(disk, folder, (segment) => {
    for (const { root } of segment.roots) hash.update(Buffer.from(root, "hex"));
    last = segment;
  });
  await manifest.refresh();
  const final = last as ManifestSegment | undefined; // set by the callback, which the compiler does not follow
  if (final?.partial !== undefined) hash.update(Buffer.from(final.partial.root, "hex"));
  return { lastSeq: final?.to_seq ?? 0, root: hash.digest("hex"), head: final === undefined ? null : manifest.lastHash };
}

/** Ends what a crash interrupted. Resolves with the names of the captures that are gone now. */
export async function finishRemovals(dataFolder: string): Promise<readonly string[]> {
  const captures = join(dataFolder, "captures");
  const left = (await new NodeDisk().list(captures)).filter((name) => name.startsWith(REMOVING));
  for (const name of left) await finish(dataFolder, name);
  return left.map((name) => name.slice(REMOVING.length));
}

async function finish(dataFolder: string, hidden: string): Promise<void> {
  const captures = join(dataFolder, "captures");
  const folder = join(captures, hidden);
  const intent = await readIntent(join(folder, INTENT_FILE));
  // Without it the removal has been noted already: only then are files deleted.
  if (intent !== undefined) await note(dataFolder, intent);
  // What told the simulator's market on which a restart would go on.
  await remove(join(captures, `${hidden.slice(REMOVING.length)}.market.json`));
  await remove(folder);
  await new NodeDisk().syncFolder(captures);
}

async function readIntent(path: string): Promise<Removal | undefined> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw diskFault(error, "read", path);
  });
  return text === undefined ? undefined : removalSchema.parse(JSON.parse(text));
}

/** Once per removal, also when a crash came between noting and deleting. Durable when this resolves. */
async function note(dataFolder: string, removal: Removal): Promise<void> {
  const path = join(dataFolder, REMOVALS_FILE);
  const line = JSON.stringify(removal);
  try {
    const text = await readFile(path, "utf8").catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
      throw error;
    });
    if (text.split("\n").includes(line)) return;
    // A crash may have torn the line before.
    await appendFile(path, text === "" || text.endsWith("\n") ? `${line}\n` : `\n${line}\n`);
    const file = await open(path, "r+");
    try {
      await file.sync();
    } finally {
      await file.close();
    }
    await new NodeDisk().syncFolder(dataFolder);
  } catch (error) {
    throw diskFault(error, "note the removal in", path);
  }
}

async function remove(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    throw diskFault(error, "remove", path);
  }
}
