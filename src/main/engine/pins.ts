// Marks beside a capture's log that retention goes by: whether a person pinned it, and whether all of it was exported.
import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { fault } from "../../shared/base.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";

/** An empty file. */
export const PINNED_FILE = "pinned";
/** Written after a verified export. */
export const EXPORTED_FILE = "exported.json";

/** Of the last export that was verified: when, where to, up to which seq of the log, and the log's root there. */
export const exportMarkSchema = z.object({ at_ms: z.number(), to: z.string(), last_seq: z.number().int().nonnegative(), root: z.string() });
export type ExportMark = z.infer<typeof exportMarkSchema>;

export interface CaptureMarks {
  readonly pinned: boolean;
  /** All of it has been exported and verified, when last; undefined: not, or not since it grew. */
  readonly exportedMs: number | undefined;
}

/** `lastSeq`: where the log ends; undefined when it cannot be read, and then no export is one of all of it. */
export async function readMarks(captureFolder: string, lastSeq: number | undefined): Promise<CaptureMarks> {
  const pinned = await access(join(captureFolder, PINNED_FILE)).then(() => true, () => false);
  const mark = await readExportMark(captureFolder);
  return { pinned, exportedMs: mark !== undefined && mark.last_seq === lastSeq ? mark.at_ms : undefined };
}

/** A mark that is absent or cannot be read vouches for nothing: the capture counts as not exported. */
export async function readExportMark(captureFolder: string): Promise<ExportMark | undefined> {
  const text = await readFile(join(captureFolder, EXPORTED_FILE), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return exportMarkSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Durable when this resolves. Throws `captures.unknown` and the disk's faults. */
export async function pinCapture(captureFolder: string, captureId: string, pinned: boolean): Promise<void> {
  const exists = await access(captureFolder).then(() => true, () => false);
  if (!exists) throw fault("captures.unknown", `There is no capture ${captureId} in this data folder`);
  const disk = new NodeDisk();
  const file = join(captureFolder, PINNED_FILE);
  if (pinned) await disk.replaceFile(file, new Uint8Array());
  else {
    await disk.remove(file);
    await disk.syncFolder(captureFolder);
  }
}
