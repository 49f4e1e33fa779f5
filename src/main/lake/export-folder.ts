// A folder as the destination of an export: each file under a work name, synced, read back, renamed.
import { dirname } from "node:path";
import { fault, type StopSignal } from "../../shared/base.ts";
import { RunningSha256 } from "../rawlog/sha256.ts";
import type { Disk, DiskFile } from "../rawlog/types.ts";
import type { LakeFile, LakeTarget } from "./export-lake.ts";

const COPY_BYTES = 1024 * 1024;

function stopIf(stop: StopSignal | undefined): void {
  if (stop?.aborted === true) throw fault("export.stopped", "the export was stopped, as asked; what arrived stays, and the next export goes on from there");
}

export class FolderTarget implements LakeTarget {
  readonly name: string;
  readonly #disk: Disk;
  readonly #stop: StopSignal | undefined;

  /** `folder`: absolute. */
  constructor(disk: Disk, folder: string, stop?: StopSignal) {
    this.name = folder;
    this.#disk = disk;
    this.#stop = stop;
  }

  async readSmall(name: string): Promise<Uint8Array | undefined> {
    const path = `${this.name}/${name}`;
    return (await this.#disk.size(path)) === undefined ? undefined : this.#disk.readFile(path);
  }

  async writeSmall(name: string, bytes: Uint8Array): Promise<void> {
    await this.#disk.makeFolder(this.name);
    await this.#disk.replaceFile(`${this.name}/${name}`, bytes);
  }

  async removeSmall(name: string): Promise<void> {
    await this.#disk.remove(`${this.name}/${name}`);
    await this.#disk.syncFolder(this.name);
  }

  async compare(file: LakeFile): Promise<"absent" | "same" | "other"> {
    const path = `${this.name}/${file.path}`;
    const bytes = await this.#disk.size(path);
    if (bytes === undefined) return "absent";
    return bytes === file.bytes && (await this.#digest(path)) === file.sha256 ? "same" : "other";
  }

  async put(file: LakeFile, onBytes: (bytes: number) => void): Promise<void> {
    const path = `${this.name}/${file.path}`;
    const work = `${path}.exporting`;
    await this.#disk.makeFolder(dirname(path));
    // Of a run that was killed.
    if ((await this.#disk.size(work)) !== undefined) await this.#disk.remove(work);
    try {
      const sent = await this.#copy(file.source, work, onBytes);
      if (sent !== file.sha256) throw fault("export.changed", `${file.source} is not what its metadata says: it was compacted anew meanwhile, or is damaged; export again, and if it says so again run compact`);
      if ((await this.#digest(work)) !== file.sha256) throw fault("export.not-verified", `${path}: read back, it is not what was written; check the disk and export again`);
      await this.#disk.rename(work, path);
      await this.#syncUp(file.path);
    } catch (error) {
      // The failure before is the one to tell.
      await this.#disk.remove(work).catch(() => undefined);
      throw error;
    }
  }

  async #copy(source: string, work: string, onBytes: (bytes: number) => void): Promise<string> {
    const hash = new RunningSha256();
    const from = await this.#disk.open(source, "read");
    let to: DiskFile | undefined;
    try {
      to = await this.#disk.open(work, "create");
      for (let offset = 0; ; offset += COPY_BYTES) {
        stopIf(this.#stop);
        const bytes = await from.read(offset, COPY_BYTES);
        if (bytes.length === 0) break;
        await to.append(bytes);
        hash.add(bytes);
        onBytes(bytes.length);
        if (bytes.length < COPY_BYTES) break;
      }
      await to.sync();
    } finally {
      await to?.close();
      await from.close();
    }
    return hash.hex();
  }

  async #digest(path: string): Promise<string> {
    const hash = new RunningSha256();
    const file = await this.#disk.open(path, "read");
    try {
      for (let offset = 0; ; offset += COPY_BYTES) {
        stopIf(this.#stop);
        const bytes = await file.read(offset, COPY_BYTES);
        hash.add(bytes);
        if (bytes.length < COPY_BYTES) return hash.hex();
      }
    } finally {
      await file.close();
    }
  }

  /** The names of new folders must last too. */
  async #syncUp(path: string): Promise<void> {
    for (let at = dirname(path); ; at = dirname(at)) {
      await this.#disk.syncFolder(at === "." ? this.name : `${this.name}/${at}`);
      if (at === ".") return;
    }
  }
}
