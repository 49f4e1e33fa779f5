// A real disk that goes wrong at a chosen step: full, read-only, a sync that fails, a process that is killed, or a power loss that forgets what was
// not synced. DuckDB writes past it, straight to the file system: what it wrote counts as unsynced until this disk syncs the file.
import { chmod, copyFile, readdir, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fault, type FaultError, type Random } from "../../shared/base.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";
import type { Disk, DiskFile } from "../rawlog/types.ts";

export type Trouble = "full" | "read-only" | "sync-error" | "kill" | "power-loss";
export type StepKind = "create" | "write" | "sync" | "rename" | "remove" | "folder" | "sync-folder";

interface NameChange {
  readonly folder: string;
  undo(): Promise<void>;
}

export interface SteppedDiskOptions {
  /** Everything below is watched; it exists and is durable. */
  readonly folder: string;
  /** A folder elsewhere, for what an undo must bring back. */
  readonly aside: string;
  readonly random: Random;
}

export class SteppedDisk implements Disk {
  readonly #disk = new NodeDisk();
  readonly #options: SteppedDiskOptions;
  /** Bytes of each file that survive a power loss; absent = all that were there at the start. */
  readonly #synced = new Map<string, number>();
  readonly #pending: NameChange[] = [];
  /** So many steps still succeed. */
  stepsBefore = Infinity;
  trouble: Trouble = "kill";
  /** Every step that was taken or refused. */
  readonly steps: StepKind[] = [];
  #isDown = false;
  #asides = 0;

  constructor(options: SteppedDiskOptions) {
    this.#options = options;
  }

  get struck(): boolean {
    return this.steps.length > this.stepsBefore;
  }

  #step(kind: StepKind, path: string): void {
    if (this.#isDown) throw this.#dead(path);
    this.steps.push(kind);
    const index = this.steps.length - 1;
    if (index < this.stepsBefore) return;
    switch (this.trouble) {
      case "kill":
      case "power-loss":
        this.#isDown = true;
        throw this.#dead(path);
      case "full":
        // Stays full until somebody makes room; names can still be changed and removed.
        if (kind === "create" || kind === "write" || kind === "folder") throw fault("disk.full", `Cannot write ${path}: the disk is full: free some space`);
        return;
      case "read-only":
        throw fault("disk.read-only", `Cannot write ${path}: the file system is mounted read-only`);
      case "sync-error":
        if (index === this.stepsBefore) throw fault("disk.failed", `Cannot sync ${path}: the device reports an input/output error: check the disk`);
        return;
    }
  }

  #dead(path: string): FaultError {
    return fault("disk.failed", `Cannot touch ${path}: this process has crashed`);
  }
  #alive(path: string): void {
    if (this.#isDown) throw this.#dead(path);
  }

  /** After a power loss: forgets, in part, what was not synced. */
  async losePower(): Promise<void> {
    if (this.trouble !== "power-loss") return;
    for (const change of this.#pending.splice(0).reverse()) if (this.#options.random.next() < 0.5) await change.undo();
    for (const path of await filesBelow(this.#options.folder)) {
      const { size } = await stat(path);
      const kept = this.#synced.get(path) ?? size;
      if (kept >= size) continue;
      await chmod(path, 0o644);
      await truncate(path, kept + Math.floor(this.#options.random.next() * (size - kept + 1)));
      if (this.#options.random.next() < 0.3) await writeFile(path, Buffer.from("\u0000\u0000garbage\n{}\n"), { flag: "a" });
    }
  }

  async open(path: string, mode: "append" | "create" | "read"): Promise<DiskFile> {
    this.#alive(path);
    if (mode === "read") return this.#disk.open(path, mode);
    const isNew = (await this.#disk.size(path)) === undefined;
    if (isNew) {
      this.#step("create", path);
      this.#created(path);
    }
    return new SteppedFile(await this.#disk.open(path, mode), (kind) => { this.#step(kind, path); }, (bytes) => void this.#synced.set(path, bytes), this.#isTorn);
  }

  /** A full disk takes a part of what it is given; a process that is killed may have written any part. */
  readonly #isTorn = (): boolean => this.steps.length - 1 === this.stepsBefore && this.trouble !== "read-only" && this.trouble !== "sync-error";

  #created(path: string): void {
    this.#synced.set(path, 0);
    this.#pending.push({ folder: dirname(path), undo: () => rm(path, { force: true }) });
  }

  readFile(path: string): Promise<Uint8Array> {
    this.#alive(path);
    return this.#disk.readFile(path);
  }

  async replaceFile(path: string, bytes: Uint8Array): Promise<void> {
    const temporary = `${path}.tmp`;
    await this.remove(temporary);
    const file = await this.open(temporary, "create");
    try {
      await file.append(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await this.rename(temporary, path);
    await this.syncFolder(dirname(path));
  }

  async createWhole(path: string, bytes: Uint8Array): Promise<void> {
    this.#step("create", path);
    await this.#disk.createWhole(path, bytes);
    this.#created(path);
  }

  async #aside(path: string): Promise<string | undefined> {
    if ((await this.#disk.size(path)) === undefined) return undefined;
    this.#asides += 1;
    const copy = join(this.#options.aside, String(this.#asides));
    await copyFile(path, copy);
    return copy;
  }

  async rename(from: string, to: string): Promise<void> {
    this.#step("rename", from);
    const before = await this.#aside(to);
    const syncedBefore = this.#synced.get(to);
    await this.#disk.rename(from, to);
    // DuckDB's files were never created through this disk: unsynced unless it synced them.
    const synced = this.#synced.get(from) ?? 0;
    this.#synced.set(to, synced);
    this.#synced.delete(from);
    this.#pending.push({
      folder: dirname(to),
      undo: async () => {
        if ((await this.#disk.size(to)) === undefined) return;
        await rename(to, from);
        this.#synced.set(from, synced);
        if (before === undefined) return;
        await copyFile(before, to);
        if (syncedBefore === undefined) this.#synced.delete(to);
        else this.#synced.set(to, syncedBefore);
      },
    });
  }

  async remove(path: string): Promise<void> {
    this.#alive(path);
    const before = await this.#aside(path);
    if (before === undefined) return;
    this.#step("remove", path);
    await this.#disk.remove(path);
    this.#pending.push({ folder: dirname(path), undo: async () => { if ((await this.#disk.size(dirname(path))) !== undefined) await copyFile(before, path); } });
  }

  async truncate(path: string, length: number): Promise<void> {
    this.#step("write", path);
    await this.#disk.truncate(path, length);
    this.#synced.set(path, length);
  }

  makeReadOnly(path: string): Promise<void> {
    return this.#disk.makeReadOnly(path);
  }

  async makeFolder(path: string): Promise<void> {
    this.#alive(path);
    if ((await this.#disk.size(path)) !== undefined) return;
    await this.makeFolder(dirname(path));
    this.#step("folder", path);
    await this.#disk.makeFolder(path);
    this.#pending.push({ folder: dirname(path), undo: () => rm(path, { recursive: true, force: true }) });
  }

  list(path: string): Promise<readonly string[]> {
    this.#alive(path);
    return this.#disk.list(path);
  }

  size(path: string): Promise<number | undefined> {
    this.#alive(path);
    return this.#disk.size(path);
  }

  async syncFolder(path: string): Promise<void> {
    this.#step("sync-folder", path);
    await this.#disk.syncFolder(path);
    for (let index = this.#pending.length - 1; index >= 0; index -= 1) if (this.#pending[index]?.folder === path) this.#pending.splice(index, 1);
  }
}

class SteppedFile implements DiskFile {
  readonly #file: DiskFile;
  readonly #step: (kind: StepKind) => void;
  readonly #synced: (bytes: number) => void;
  readonly #isTorn: () => boolean;

  constructor(file: DiskFile, step: (kind: StepKind) => void, synced: (bytes: number) => void, isTorn: () => boolean) {
    this.#file = file;
    this.#step = step;
    this.#synced = synced;
    this.#isTorn = isTorn;
  }

  async append(bytes: Uint8Array): Promise<void> {
    try {
      this.#step("write");
    } catch (error) {
      if (this.#isTorn()) await this.#file.append(bytes.subarray(0, Math.floor(bytes.length / 2)));
      throw error;
    }
    await this.#file.append(bytes);
  }

  async sync(): Promise<void> {
    this.#step("sync");
    await this.#file.sync();
    this.#synced(await this.#file.size());
  }

  read(offset: number, length: number): Promise<Uint8Array> {
    return this.#file.read(offset, length);
  }
  size(): Promise<number> {
    return this.#file.size();
  }
  close(): Promise<void> {
    return this.#file.close();
  }
}

async function filesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
