// The real disk: node:fs behind the Disk interface, full writes, explicit syncs, every error one clear line.
import { constants } from "node:fs";
import { access, chmod, link, mkdir, open, readFile, readdir, rename, rm, stat, truncate, writeFile, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { threadId } from "node:worker_threads";
import { FaultError, fault } from "../../shared/base.ts";
import type { Disk, DiskFile } from "./types.ts";

const CAUSES: Readonly<Record<string, readonly [code: string, what: string]>> = {
  ENOSPC: ["disk.full", "the disk is full: free some space"],
  EDQUOT: ["disk.full", "the disk quota is used up: free some space"],
  EROFS: ["disk.read-only", "the file system is mounted read-only"],
  EACCES: ["disk.no-permission", "permission denied: check owner and mode"],
  EPERM: ["disk.no-permission", "operation not permitted: check owner and mode"],
  ENOENT: ["disk.not-found", "no such file or folder"],
  EEXIST: ["disk.exists", "the file exists already"],
  ENOTDIR: ["disk.not-a-folder", "a part of the path is not a folder"],
  EISDIR: ["disk.not-a-file", "it is a folder, not a file"],
  EMFILE: ["disk.too-many-files", "too many open files in this process: raise the limit (ulimit -n)"],
  EIO: ["disk.failed", "the device reports an input/output error: check the disk"],
};

const SYSCALLS: Readonly<Record<string, string>> = { mkdir: "create the folder", scandir: "list the folder" };

/** A file system error as a Fault that says what was tried, where, and what to do. */
export function diskFault(error: unknown, action: string, path: string): FaultError {
  if (error instanceof FaultError) return error;
  const errno = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  const [code, what] = CAUSES[errno ?? ""] ?? ["disk.failed", error instanceof Error ? error.message : String(error)];
  return fault(code, `Cannot ${action} ${path}: ${what}`, { path, ...(errno === undefined ? {} : { errno }) });
}

/** The same for an error that nobody expected, when it is the file system's and names a path; undefined for any other. */
export function fileSystemFault(error: unknown): FaultError | undefined {
  if (!(error instanceof Error)) return undefined;
  const { syscall, path } = error as NodeJS.ErrnoException;
  return syscall === undefined || typeof path !== "string" ? undefined : diskFault(error, SYSCALLS[syscall] ?? syscall, path);
}

async function guarded<T>(action: string, path: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw diskFault(error, action, path);
  }
}

/** The part of a file handle that a full-write loop needs. */
export type WriteSome = (bytes: Uint8Array, offset: number, length: number) => Promise<{ bytesWritten: number }>;

/** Writes everything: one `write` may take only a part (disk nearly full, signal, quota). */
export async function writeAll(write: WriteSome, bytes: Uint8Array): Promise<void> {
  let offset = 0;
  while (offset < bytes.length) {
    const { bytesWritten } = await write(bytes, offset, bytes.length - offset);
    if (bytesWritten <= 0) throw Object.assign(new Error("the disk took no more bytes"), { code: "ENOSPC" });
    offset += bytesWritten;
  }
}

class NodeDiskFile implements DiskFile {
  readonly #path: string;
  readonly #handle: FileHandle;

  constructor(path: string, handle: FileHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  append(bytes: Uint8Array): Promise<void> {
    const write: WriteSome = (source, offset, length) => this.#handle.write(source, offset, length);
    return guarded("write", this.#path, () => writeAll(write, bytes));
  }

  sync(): Promise<void> {
    return guarded("sync", this.#path, () => this.#handle.datasync());
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    // Not from the shared pool: payloads handed out are views into it and may be transferred or kept.
    const bytes = Buffer.allocUnsafeSlow(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await guarded("read", this.#path, () => this.#handle.read(bytes, filled, length - filled, offset + filled));
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    // Short at the end of the file: a view would keep the whole buffer for as long as anybody holds one payload of it.
    return filled === length ? bytes : Uint8Array.from(bytes.subarray(0, filled));
  }

  async size(): Promise<number> {
    return (await guarded("read the size of", this.#path, () => this.#handle.stat())).size;
  }

  close(): Promise<void> {
    return guarded("close", this.#path, () => this.#handle.close());
  }
}

const FLAGS = {
  // O_APPEND: what is written lands at the end, whatever else has the file open.
  append: constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT,
  create: constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_EXCL,
  read: constants.O_RDONLY,
} as const;

/** Of this thread, not of one disk: two of them may write the same path at once. */
let temporaries = 0;

/** Node's file system as a Disk. Faults: `disk.full disk.read-only disk.no-permission disk.not-found disk.exists disk.failed …`. */
export class NodeDisk implements Disk {

  async open(path: string, mode: "append" | "create" | "read"): Promise<DiskFile> {
    const action = mode === "create" ? "create" : "open";
    return new NodeDiskFile(path, await guarded(action, path, () => open(path, FLAGS[mode], 0o644)));
  }

  readFile(path: string): Promise<Uint8Array> {
    return guarded("read", path, () => readFile(path));
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
    temporaries += 1;
    const temporary = `${path}.${process.pid}.${threadId}.${temporaries}.tmp`;
    await guarded("create", path, async () => {
      try {
        await writeFile(temporary, bytes, { flag: "wx", mode: 0o644 });
        // link, not rename: it fails where the name exists.
        await link(temporary, path);
      } finally {
        await rm(temporary, { force: true });
      }
    });
  }

  rename(from: string, to: string): Promise<void> {
    return guarded(`rename to ${to}`, from, () => rename(from, to));
  }

  remove(path: string): Promise<void> {
    return guarded("remove", path, () => rm(path, { force: true }));
  }

  async truncate(path: string, length: number): Promise<void> {
    await guarded("truncate", path, () => truncate(path, length));
    const file = await this.open(path, "append");
    try {
      await file.sync();
    } finally {
      await file.close();
    }
  }

  makeReadOnly(path: string): Promise<void> {
    return guarded("make read-only", path, () => chmod(path, 0o444));
  }

  async makeFolder(path: string): Promise<void> {
    await guarded("create the folder", path, () => mkdir(path, { recursive: true }));
    // mkdir succeeds on a read-only folder that exists; the first write would only say so later.
    await guarded("write in the folder", path, () => access(path, constants.W_OK));
  }

  async list(path: string): Promise<readonly string[]> {
    try {
      return (await readdir(path)).sort();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw diskFault(error, "list the folder", path);
    }
  }

  async size(path: string): Promise<number | undefined> {
    try {
      return (await stat(path)).size;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw diskFault(error, "read the size of", path);
    }
  }

  syncFolder(path: string): Promise<void> {
    return guarded("sync the folder", path, async () => {
      const handle = await open(path, constants.O_RDONLY);
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
    });
  }
}
