// A disk in memory that behaves as badly as the interface allows: forgets what was not synced, tears, fills up, flips bits.
//
// Fault bounds: what `sync` (of a file) and `syncFolder` (of a name) confirmed survives every crash, unless a test flips a
// bit itself. Everything else may vanish, survive in part, or come back with zeros or garbage in its unsynced part.
import { fault, type Random } from "../../shared/base.ts";
import type { Disk, DiskFile } from "./types.ts";

class Inode {
  bytes = new Uint8Array(256);
  length = 0;
  /** What the last sync covers: bytes before it only change when a bit flips on the medium. */
  syncedLength = 0;
  readOnly = false;

  append(more: Uint8Array): void {
    const need = this.length + more.length;
    if (need > this.bytes.length) {
      const grown = new Uint8Array(Math.max(need, this.bytes.length * 2));
      grown.set(this.bytes.subarray(0, this.length));
      this.bytes = grown;
    }
    this.bytes.set(more, this.length);
    this.length = need;
  }

  content(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }
}

/** One change of names that is not synced yet: `to` now means `inode`, `from` no longer exists. */
interface NameChange {
  readonly folder: string;
  readonly removes: string | undefined;
  readonly sets: string | undefined;
  readonly inode: Inode | undefined;
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

export interface SimDiskFaults {
  /** Bytes the disk takes in all before it is full. Default: unlimited. */
  fullAfterBytes: number;
  /** Syncs (of files) that still succeed; the next one fails. Default: unlimited. */
  syncsBeforeError: number;
  /** Changing operations that still succeed; before the next one the power goes. Default: unlimited. */
  operationsBeforeCrash: number;
}

/** Deterministic for one `Random`. */
export class SimDisk implements Disk {
  readonly faults: SimDiskFaults = { fullAfterBytes: Infinity, syncsBeforeError: Infinity, operationsBeforeCrash: Infinity };
  readonly #random: Random;
  #names = new Map<string, Inode>();
  #durableNames = new Map<string, Inode>();
  #pending: NameChange[] = [];
  readonly #folders = new Set<string>();
  #written = 0;
  /** Files opened before a crash are dead: a crashed process writes nothing more. */
  #epoch = 0;
  #isDown = false;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Bytes taken so far. */
  get written(): number {
    return this.#written;
  }

  /** Before each changing operation: the power may go. While it is gone, nothing works. */
  step(action: string, path: string): void {
    this.faults.operationsBeforeCrash -= 1;
    if (this.faults.operationsBeforeCrash < 0 && !this.#isDown) {
      this.crash();
    }
    this.#powered(action, path);
  }

  #powered(action: string, path: string): void {
    if (this.#isDown) throw fault("disk.failed", `Cannot ${action} ${path}: this process has crashed`);
  }

  /**
   * Power is back: a new process may use the disk. Before this, let the old process's pending promises run out: what it
   * still tries must fail.
   */
  restart(): void {
    this.#isDown = false;
    this.faults.operationsBeforeCrash = Infinity;
  }

  #find(path: string, action: string): Inode {
    this.#powered(action, path);
    const inode = this.#names.get(path);
    if (inode === undefined) throw fault("disk.not-found", `Cannot ${action} ${path}: no such file or folder`);
    return inode;
  }

  #change(change: NameChange): void {
    this.step("change", change.sets ?? change.removes ?? change.folder);
    if (change.removes !== undefined) this.#names.delete(change.removes);
    if (change.sets !== undefined && change.inode !== undefined) this.#names.set(change.sets, change.inode);
    this.#pending.push(change);
  }

  #needFolder(path: string): void {
    if (!this.#folders.has(folderOf(path))) throw fault("disk.not-found", `Cannot create ${path}: no such file or folder`);
  }

  /** Appends what fits; a full disk keeps the part that fitted, as a real one does. */
  take(inode: Inode, bytes: Uint8Array, path: string): void {
    if (this.faults.operationsBeforeCrash < 1) inode.append(bytes); // On its way to the disk when the power goes.
    this.step("write", path);
    const fits = Math.max(0, Math.min(bytes.length, this.faults.fullAfterBytes - this.#written));
    inode.append(bytes.subarray(0, fits));
    this.#written += fits;
    if (fits < bytes.length) throw fault("disk.full", `Cannot write ${path}: the disk is full: free some space`);
  }

  syncInode(inode: Inode, path: string): void {
    this.step("sync", path);
    this.faults.syncsBeforeError -= 1;
    if (this.faults.syncsBeforeError < 0) {
      throw fault("disk.failed", `Cannot sync ${path}: the device reports an input/output error: check the disk`);
    }
    inode.syncedLength = inode.length;
  }

  get epoch(): number {
    return this.#epoch;
  }

  async open(path: string, mode: "append" | "create" | "read"): Promise<DiskFile> {
    if (mode === "read") return new SimDiskFile(this, path, this.#find(path, "open"));
    const known = this.#names.get(path);
    if (known !== undefined && mode === "create") throw fault("disk.exists", `Cannot create ${path}: the file exists already`);
    if (known?.readOnly === true) throw fault("disk.no-permission", `Cannot open ${path}: permission denied: check owner and mode`);
    if (known !== undefined) return new SimDiskFile(this, path, known);
    this.#needFolder(path);
    const inode = new Inode();
    this.#change({ folder: folderOf(path), removes: undefined, sets: path, inode });
    return new SimDiskFile(this, path, inode);
  }

  async readFile(path: string): Promise<Uint8Array> {
    return this.#find(path, "read").content();
  }

  async replaceFile(path: string, bytes: Uint8Array): Promise<void> {
    const temporary = `${path}.tmp`;
    await this.remove(temporary);
    const file = await this.open(temporary, "create");
    await file.append(bytes);
    await file.sync();
    await file.close();
    await this.rename(temporary, path);
    await this.syncFolder(folderOf(path));
  }

  async createWhole(path: string, bytes: Uint8Array): Promise<void> {
    if (this.#names.has(path)) throw fault("disk.exists", `Cannot create ${path}: the file exists already`);
    this.#needFolder(path);
    const inode = new Inode();
    this.take(inode, bytes, path);
    this.#change({ folder: folderOf(path), removes: undefined, sets: path, inode });
  }

  async rename(from: string, to: string): Promise<void> {
    if (this.#folders.has(from)) return this.#renameFolder(from, to);
    const inode = this.#find(from, `rename to ${to}`);
    this.#change({ folder: folderOf(to), removes: from, sets: to, inode });
  }

  /** Worse than a real one: a crash may leave a part of the files on either side. */
  #renameFolder(from: string, to: string): void {
    this.#powered("rename", from);
    for (const folder of [...this.#folders].filter((known) => known === from || known.startsWith(`${from}/`))) {
      this.#folders.add(to + folder.slice(from.length));
      this.#folders.delete(folder);
    }
    for (const [path, inode] of [...this.#names].filter(([known]) => known.startsWith(`${from}/`))) {
      this.#change({ folder: folderOf(to), removes: path, sets: to + path.slice(from.length), inode });
    }
  }

  async remove(path: string): Promise<void> {
    if (this.#names.has(path)) this.#change({ folder: folderOf(path), removes: path, sets: undefined, inode: undefined });
  }

  async truncate(path: string, length: number): Promise<void> {
    const inode = this.#find(path, "truncate");
    inode.length = Math.min(inode.length, length);
    this.syncInode(inode, path);
  }

  async makeReadOnly(path: string): Promise<void> {
    this.#find(path, "make read-only").readOnly = true;
  }

  async makeFolder(path: string): Promise<void> {
    const parts = path.split("/");
    for (let count = 1; count <= parts.length; count += 1) this.#folders.add(parts.slice(0, count).join("/"));
  }

  async list(path: string): Promise<readonly string[]> {
    this.#powered("list", path);
    const names = new Set<string>();
    for (const known of [...this.#names.keys(), ...this.#folders]) {
      if (known.startsWith(`${path}/`)) names.add(known.slice(path.length + 1).split("/")[0] ?? "");
    }
    return [...names].sort();
  }

  async size(path: string): Promise<number | undefined> {
    this.#powered("read the size of", path);
    return this.#names.get(path)?.length;
  }

  async syncFolder(path: string): Promise<void> {
    this.step("sync the folder", path);
    this.#apply(this.#pending.filter((change) => change.folder === path));
    this.#pending = this.#pending.filter((change) => change.folder !== path);
  }

  #apply(changes: readonly NameChange[]): void {
    for (const change of changes) {
      if (change.removes !== undefined) this.#durableNames.delete(change.removes);
      if (change.sets !== undefined && change.inode !== undefined) this.#durableNames.set(change.sets, change.inode);
    }
  }

  /** Power loss: keeps what was synced; of the rest, a random part. Nothing works until `restart`; open files stay dead. */
  crash(): void {
    if (this.#isDown) return;
    this.#isDown = true;
    this.#epoch += 1;
    this.#apply(this.#pending.filter(() => this.#random.next() < 0.5));
    this.#pending = [];
    this.#names = new Map();
    for (const [path, inode] of this.#durableNames) {
      this.#names.set(path, this.#survivor(inode));
    }
    this.#durableNames = new Map(this.#names);
  }

  /** The process died, the machine did not: everything written is there. Nothing works until `restart`. */
  kill(): void {
    this.#isDown = true;
    this.#epoch += 1;
  }

  #survivor(inode: Inode): Inode {
    const survivor = new Inode();
    survivor.readOnly = inode.readOnly;
    survivor.append(inode.bytes.subarray(0, inode.syncedLength));
    const lost = inode.bytes.subarray(Math.min(inode.syncedLength, inode.length), inode.length);
    const keep = Math.floor(this.#random.next() * (lost.length + 1));
    const fate = this.#random.next();
    if (fate < 0.2) return this.#settled(survivor);
    survivor.append(lost.subarray(0, fate < 0.5 ? lost.length : keep));
    // The length reached the disk, the data did not: zeros, or what lay there before.
    if (fate >= 0.7) {
      const torn = new Uint8Array(Math.min(4_096, lost.length - keep));
      if (fate >= 0.85) for (let index = 0; index < torn.length; index += 1) torn[index] = Math.floor(this.#random.next() * 256);
      survivor.append(torn);
    }
    return this.#settled(survivor);
  }

  #settled(inode: Inode): Inode {
    inode.syncedLength = inode.length;
    return inode;
  }

  /** Flips the bits of `mask` in one byte, on the medium: synced or not. */
  flip(path: string, offset: number, mask = 0x01): void {
    const inode = this.#find(path, "flip a bit of");
    const before = inode.bytes[offset];
    if (before === undefined || offset >= inode.length) throw new Error(`Invariant: ${path} has no byte ${offset}`);
    inode.bytes[offset] = before ^ mask;
  }

  /** All files and their bytes, as a clone that another SimDisk can start from. */
  snapshot(): ReadonlyMap<string, Uint8Array> {
    return new Map([...this.#names].map(([path, inode]) => [path, inode.content()]));
  }

  /** Puts files there, synced. */
  restore(files: ReadonlyMap<string, Uint8Array>): void {
    for (const [path, bytes] of files) {
      const inode = new Inode();
      inode.append(bytes);
      this.#names.set(path, this.#settled(inode));
      this.#durableNames.set(path, inode);
      const folders = folderOf(path).split("/");
      for (let count = 1; count <= folders.length; count += 1) this.#folders.add(folders.slice(0, count).join("/"));
    }
  }
}

class SimDiskFile implements DiskFile {
  readonly #disk: SimDisk;
  readonly #path: string;
  readonly #inode: Inode;
  readonly #epoch: number;
  #closed = false;

  constructor(disk: SimDisk, path: string, inode: Inode) {
    this.#disk = disk;
    this.#path = path;
    this.#inode = inode;
    this.#epoch = disk.epoch;
  }

  #alive(action: string): void {
    if (this.#closed) throw new Error(`Invariant: ${action} of the closed file ${this.#path}`);
    if (this.#epoch !== this.#disk.epoch) throw fault("disk.failed", `Cannot ${action} ${this.#path}: this process has crashed`);
  }

  async append(bytes: Uint8Array): Promise<void> {
    this.#alive("write");
    this.#disk.take(this.#inode, bytes, this.#path);
  }

  async sync(): Promise<void> {
    this.#alive("sync");
    this.#disk.syncInode(this.#inode, this.#path);
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    this.#alive("read");
    return this.#inode.bytes.slice(Math.min(offset, this.#inode.length), Math.min(offset + length, this.#inode.length));
  }

  async size(): Promise<number> {
    return this.#inode.length;
  }

  async close(): Promise<void> {
    this.#closed = true;
  }
}
