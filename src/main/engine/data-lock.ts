// One process at a time writes a data folder; readers are welcome. A lock left by a killed process is taken over at once.
import { join } from "node:path";
import { acquireLock, type FolderLock } from "../rawlog/lock.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";

/** Throws `log.locked`, naming the folder and the process that has it, and the disk's faults for a folder that cannot be written. */
export async function lockDataFolder(dataFolder: string): Promise<FolderLock> {
  const disk = new NodeDisk();
  await disk.makeFolder(dataFolder);
  return acquireLock({ disk, path: join(dataFolder, "tapedeck.lock"), what: dataFolder });
}
