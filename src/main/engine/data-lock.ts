// One process at a time writes a data folder; readers are welcome. A lock left by a killed process is taken over at once.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { acquireLock, type FolderLock } from "../rawlog/lock.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";

/** Throws `log.locked`, naming the folder and the process that has it. */
export async function lockDataFolder(dataFolder: string): Promise<FolderLock> {
  await mkdir(dataFolder, { recursive: true });
  return acquireLock({ disk: new NodeDisk(), path: join(dataFolder, "tapedeck.lock"), what: dataFolder });
}
