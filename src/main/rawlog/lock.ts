// The lock on a folder: one writer at a time, free at once after kill -9 or a reboot. Readers need none.
import { readFileSync } from "node:fs";
import { threadId } from "node:worker_threads";
import { FaultError, done, fault, type Result } from "../../shared/base.ts";
import { LOCK_FILE } from "./segment-format.ts";
import type { Disk } from "./types.ts";

/** Who holds a lock. A pid alone is reused; with its start time and the boot it names one process for ever. */
export interface LockOwner {
  readonly pid: number;
  /** Kernel ticks since boot at which the process started; empty where the system does not say. */
  readonly startedAt: string;
  /** Differs after each boot; empty where the system does not say. */
  readonly bootId: string;
  /** Tells two locks of one process apart. */
  readonly token: string;
}

/** What a lock needs to know of processes; simulated in tests. */
export interface ProcessTable {
  self(): Omit<LockOwner, "token">;
  isAlive(owner: LockOwner): boolean;
}

/** Field 22 of /proc/<pid>/stat; the command in field 2 may hold spaces and brackets, so count from its last bracket. */
function startTimeOf(pid: number): string {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return ""; // Not Linux, or no such process: the pid check below decides.
  }
}

function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return ""; // Not Linux.
  }
}

function pidExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** The processes of this machine. */
export const machineProcesses: ProcessTable = {
  self: () => ({ pid: process.pid, startedAt: startTimeOf(process.pid), bootId: bootId() }),
  isAlive: (owner) => {
    if (owner.bootId !== bootId()) return false;
    return pidExists(owner.pid) && startTimeOf(owner.pid) === owner.startedAt;
  },
};

export interface FolderLock {
  release(): Promise<void>;
}

function parseOwner(bytes: Uint8Array): LockOwner | undefined {
  try {
    const value = JSON.parse(Buffer.from(bytes).toString("utf8")) as Partial<LockOwner>;
    const { pid, startedAt, bootId: boot, token } = value;
    if (!Number.isSafeInteger(pid) || typeof startedAt !== "string" || typeof boot !== "string" || typeof token !== "string") return undefined;
    return { pid: pid as number, startedAt, bootId: boot, token };
  } catch {
    return undefined; // Torn by a power loss: locks appear whole, so whoever wrote it is gone.
  }
}

let locks = 0;

async function readIfThere(disk: Disk, path: string): Promise<Uint8Array | undefined> {
  try {
    return await disk.readFile(path);
  } catch (error) {
    if (error instanceof FaultError && error.fault.code === "disk.not-found") return undefined;
    throw error;
  }
}

interface LockRequest {
  readonly disk: Disk;
  readonly path: string;
  readonly what: string;
  readonly processes: ProcessTable;
  readonly owner: LockOwner;
}

/**
 * Takes the lock file or faults `log.locked`, naming pid and folder. A lock whose process is gone is replaced under a
 * second lock, so that of many that find it stale at the same time exactly one gets it.
 */
export async function acquireLock(options: { disk: Disk; path: string; what: string; processes?: ProcessTable }): Promise<FolderLock> {
  const { disk, path, what, processes = machineProcesses } = options;
  locks += 1;
  const owner: LockOwner = { ...processes.self(), token: `${process.pid}.${threadId}.${locks}` };
  const request: LockRequest = { disk, path, what, processes, owner };
  if (!(await tryCreate(disk, path, owner))) await takeOver(request);
  return {
    release: async () => {
      const held = await readIfThere(disk, path);
      if (held !== undefined && parseOwner(held)?.token === owner.token) await disk.remove(path);
    },
  };
}

async function takeOver(request: LockRequest): Promise<void> {
  const { disk, path, what, owner } = request;
  await refuseLive(request, path);
  const guard = `${path}.taking`;
  if (!(await tryCreate(disk, guard, owner))) {
    await refuseLive(request, guard);
    // Whoever was taking over died in the middle of it.
    await disk.remove(guard);
    if (!(await tryCreate(disk, guard, owner))) throw lockedBy(undefined, what);
  }
  try {
    // Once more under the guard: the one before may have finished its take-over meanwhile.
    await refuseLive(request, path);
    await disk.remove(path);
    if (!(await tryCreate(disk, path, owner))) throw lockedBy(undefined, what);
  } finally {
    await disk.remove(guard);
  }
}

async function refuseLive({ disk, what, processes }: LockRequest, path: string): Promise<void> {
  const held = await readIfThere(disk, path);
  const holder = held === undefined ? undefined : parseOwner(held);
  if (holder !== undefined && processes.isAlive(holder)) throw lockedBy(holder, what);
}

async function tryCreate(disk: Disk, path: string, owner: LockOwner): Promise<boolean> {
  try {
    await disk.createWhole(path, Buffer.from(JSON.stringify(owner), "utf8"));
    return true;
  } catch (error) {
    if (error instanceof FaultError && error.fault.code === "disk.exists") return false;
    throw error;
  }
}

function lockedBy(owner: LockOwner | undefined, what: string): FaultError {
  const who = owner === undefined ? "another process" : `process ${owner.pid}`;
  return fault("log.locked", `${what} is being written by ${who}: stop it first, or use another folder`, owner === undefined ? {} : { pid: owner.pid });
}

/** True while a living process, of whatever kind, writes the capture in this folder. */
export function isCaptureHeld(disk: Disk, folder: string, processes: ProcessTable = machineProcesses): Promise<boolean> {
  return isLockHeld(disk, `${folder}/${LOCK_FILE}`, processes);
}

/** True while the process that took this lock file lives. */
export async function isLockHeld(disk: Disk, path: string, processes: ProcessTable = machineProcesses): Promise<boolean> {
  const held = await readIfThere(disk, path);
  const holder = held === undefined ? undefined : parseOwner(held);
  return holder !== undefined && processes.isAlive(holder);
}

/** The lock of a capture's folder, as a result: whoever only wants to write derived files goes without when it is held. */
export async function lockCapture(disk: Disk, folder: string, processes: ProcessTable = machineProcesses): Promise<Result<() => Promise<void>>> {
  try {
    const lock = await acquireLock({ disk, path: `${folder}/${LOCK_FILE}`, what: folder, processes });
    return done(() => lock.release());
  } catch (error) {
    if (error instanceof FaultError && error.fault.code === "log.locked") return { ok: false, fault: error.fault };
    throw error;
  }
}
