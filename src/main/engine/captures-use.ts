// Says that a process reads a capture for as long as it likes, so that retention in another process leaves it alone. Readers of the
// log need no lock; this one only keeps the files there.
import { join } from "node:path";
import { FaultError } from "../../shared/base.ts";
import { acquireLock, isLockHeld, machineProcesses } from "../rawlog/lock.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";

/** The marks of readers, the lake's lock and the writer's own: whoever holds any of them needs the files. */
const LOCKS = /\.lock$/;

/** Returns how to let go. A folder that cannot be written to cannot be removed from either, and needs no mark. */
export async function useCapture(captureFolder: string): Promise<() => Promise<void>> {
  const disk = new NodeDisk();
  try {
    const lock = await acquireLock({ disk, path: join(captureFolder, `in-use.${process.pid}.lock`), what: captureFolder, processes: machineProcesses });
    return () => lock.release();
  } catch (error) {
    if (error instanceof FaultError && /^(disk\.(read-only|no-permission|full)|log\.locked)$/.test(error.fault.code)) return () => Promise.resolve();
    throw error;
  }
}

/** True while a living process reads, writes or compacts it. */
export async function isCaptureUsed(captureFolder: string): Promise<boolean> {
  const disk = new NodeDisk();
  for (const name of await disk.list(captureFolder)) {
    if (LOCKS.test(name) && (await isLockHeld(disk, join(captureFolder, name)))) return true;
  }
  return false;
}

/** Those of these captures that some process uses. */
export async function usedCaptures(dataFolder: string, captureIds: readonly string[]): Promise<ReadonlySet<string>> {
  const used = new Set<string>();
  for (const captureId of captureIds) if (await isCaptureUsed(join(dataFolder, "captures", captureId))) used.add(captureId);
  return used;
}
