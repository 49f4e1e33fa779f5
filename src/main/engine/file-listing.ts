// What the browser shell's import dialog offers: folders and files of this machine, to the person who started the app.
import { readdir, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fault } from "../../shared/base.ts";
import type { FileListing } from "../../shared/protocol/frames.ts";

const FILES_LISTED_MAX = 2_000;

/** Folders and files, hidden ones left out; at most FILES_LISTED_MAX. Throws `files.unreadable`. */
export async function listFiles(folder: string | undefined): Promise<FileListing> {
  const shown = resolve(folder ?? homedir());
  let names: string[];
  try {
    names = await readdir(shown);
  } catch (error) {
    throw fault("files.unreadable", `Cannot list ${shown}: ${(error as Error).message}`);
  }
  const entries: FileListing["entries"][number][] = [];
  for (const name of names.filter((one) => !one.startsWith(".")).sort().slice(0, FILES_LISTED_MAX)) {
    const path = join(shown, name);
    // A name may vanish between listing and looking; then it is simply not there any more.
    const info = await stat(path).catch(() => undefined);
    if (info !== undefined && (info.isDirectory() || info.isFile())) entries.push({ name, path, folder: info.isDirectory(), bytes: info.isFile() ? info.size : 0 });
  }
  const parent = dirname(shown);
  return { folder: shown, parent: parent === shown ? undefined : parent, entries };
}
