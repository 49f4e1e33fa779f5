// A disk with the faults of the lab: it fills up, turns read-only, fails to sync, slows down, or tears a write. Everything else is the disk beneath.
import { FaultError, fault, type Timers } from "../../shared/base.ts";
import type { Disk, DiskFile } from "../rawlog/types.ts";
import { DISK_SLOW_FOR_MS, type DiskFault } from "./local-faults.ts";

/** What is wrong with the disk now. */
class Trouble {
  bytesLeft: number | undefined;
  readOnly = false;
  syncFails = false;
  slowMs = 0;
  tears = false;
  /** After a torn write nothing reaches the disk any more: the writer is as good as dead. */
  gone = false;
}

const full = (path: string): FaultError => fault("disk.full", `Cannot write ${path}: the disk is full (fault lab): free some space`, { path });
const readOnly = (path: string): FaultError => fault("disk.read-only", `Cannot write ${path}: the file system is mounted read-only (fault lab)`, { path });
const torn = (path: string): FaultError => fault("disk.failed", `Cannot write ${path}: the write was torn (fault lab): start again to recover what is durable`, { path });

class FaultyFile implements DiskFile {
  readonly #path: string;
  readonly #file: DiskFile;
  readonly #trouble: Trouble;
  readonly #timers: Timers;

  constructor(path: string, file: DiskFile, trouble: Trouble, timers: Timers) {
    this.#path = path;
    this.#file = file;
    this.#trouble = trouble;
    this.#timers = timers;
  }

  async append(bytes: Uint8Array): Promise<void> {
    const trouble = this.#trouble;
    if (trouble.gone) throw torn(this.#path);
    if (trouble.readOnly) throw readOnly(this.#path);
    if (trouble.tears) {
      trouble.gone = true;
      await this.#file.append(bytes.subarray(0, bytes.length >> 1));
      throw torn(this.#path);
    }
    const fits = Math.min(bytes.length, trouble.bytesLeft ?? Infinity);
    if (trouble.bytesLeft !== undefined) trouble.bytesLeft -= fits;
    await this.#file.append(bytes.subarray(0, fits));
    if (fits < bytes.length) throw full(this.#path);
  }

  async sync(): Promise<void> {
    const trouble = this.#trouble;
    if (trouble.gone) throw torn(this.#path);
    if (trouble.syncFails) throw fault("disk.failed", `Cannot sync ${this.#path}: the device reports an input/output error (fault lab): check the disk`, { path: this.#path });
    if (trouble.slowMs > 0) await new Promise<void>((resolve) => { this.#timers.after(trouble.slowMs, resolve); });
    await this.#file.sync();
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

export class FaultyDisk implements Disk {
  readonly #disk: Disk;
  readonly #timers: Timers;
  readonly #trouble = new Trouble();
  #cancelSlow: (() => void) | undefined;

  constructor(disk: Disk, timers: Timers) {
    this.#disk = disk;
    this.#timers = timers;
  }

  apply(wrong: DiskFault): void {
    const trouble = this.#trouble;
    switch (wrong.name) {
      case "disk-full":
        trouble.bytesLeft = wrong.bytesLeft;
        return;
      case "disk-read-only":
        trouble.readOnly = true;
        return;
      case "disk-sync-error":
        trouble.syncFails = true;
        return;
      case "torn-segment":
        trouble.tears = true;
        return;
      case "disk-slow":
        trouble.slowMs = wrong.ms;
        this.#cancelSlow?.();
        this.#cancelSlow = this.#timers.after(DISK_SLOW_FOR_MS, () => { trouble.slowMs = 0; });
    }
  }

  #check(path: string): void {
    if (this.#trouble.gone) throw torn(path);
    if (this.#trouble.readOnly) throw readOnly(path);
    if (this.#trouble.bytesLeft === 0) throw full(path);
  }

  async open(path: string, mode: "append" | "create" | "read"): Promise<DiskFile> {
    if (mode === "create") this.#check(path);
    return new FaultyFile(path, await this.#disk.open(path, mode), this.#trouble, this.#timers);
  }
  readFile(path: string): Promise<Uint8Array> {
    return this.#disk.readFile(path);
  }
  async replaceFile(path: string, bytes: Uint8Array): Promise<void> {
    this.#check(path);
    await this.#disk.replaceFile(path, bytes);
  }
  async createWhole(path: string, bytes: Uint8Array): Promise<void> {
    this.#check(path);
    await this.#disk.createWhole(path, bytes);
  }
  async rename(from: string, to: string): Promise<void> {
    if (this.#trouble.gone || this.#trouble.readOnly) this.#check(from);
    await this.#disk.rename(from, to);
  }
  /** Removing needs no space. */
  async remove(path: string): Promise<void> {
    if (this.#trouble.readOnly) throw readOnly(path);
    await this.#disk.remove(path);
  }
  async truncate(path: string, length: number): Promise<void> {
    if (this.#trouble.gone || this.#trouble.readOnly) this.#check(path);
    await this.#disk.truncate(path, length);
  }
  makeReadOnly(path: string): Promise<void> {
    return this.#disk.makeReadOnly(path);
  }
  async makeFolder(path: string): Promise<void> {
    this.#check(path);
    await this.#disk.makeFolder(path);
  }
  list(path: string): Promise<readonly string[]> {
    return this.#disk.list(path);
  }
  size(path: string): Promise<number | undefined> {
    return this.#disk.size(path);
  }
  async syncFolder(path: string): Promise<void> {
    if (this.#trouble.gone) throw torn(path);
    await this.#disk.syncFolder(path);
  }
}
