// How the browser shell's process is started, by `npm start`, the scenarios and the benchmarks alike.
import { spawn } from "node:child_process";

/**
 * glibc gives each busy thread an arena of its own, and none gives memory back that another could use: with six threads resident
 * memory then climbs for hours. Two arenas hold it, and large buffers are given back to the system when they are freed instead of
 * leaving holes. Read when a process starts, so the shell needs a process of its own.
 */
const ALLOCATION = process.platform === "linux" ? { MALLOC_ARENA_MAX: "2", MALLOC_MMAP_THRESHOLD_: "131072" } : {};

/** Reads for the screen must not wait behind the fsyncs of recorder, deriver and sealing: Node's four file threads are easily all taken. */
const FILE_THREADS = "12";

export const ENVIRONMENT = { UV_THREADPOOL_SIZE: FILE_THREADS, ...ALLOCATION };

/** The main thread only relays frames; in a nursery of 32 MB they would lie for minutes before anyone looked. */
const FLAGS = ["--max-semi-space-size=2"];

/**
 * The shell with these arguments. It ends in order when this process ends, however that ends: `stdio` must hold an "ipc" for that.
 * @param {string} entry path of dist/main/browser-shell.js
 */
export function spawnShell(entry, args, stdio) {
  return spawn(process.execPath, [...FLAGS, entry, ...args], { stdio, env: { ...process.env, ...ENVIRONMENT } });
}
