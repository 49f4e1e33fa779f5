// Sorted runs of event keys (time, raw seq, position): memory first, scratch files beyond, merged k ways with small buffers.
// Memory is bounded by the number of runs, never by the length of the capture.
import { mkdir, mkdtemp, open, rm, type FileHandle } from "node:fs/promises";
import { join } from "node:path";

/** 8 bytes each: event ms, raw seq, sub-ns × 65,536 + position (all exact in a double). */
const NUMBERS_PER_KEY = 3;
const KEY_BYTES = NUMBERS_PER_KEY * 8;
/** One run: about 6 MB. */
const RUN_EVENTS = 262_144;
/** 16 runs, 100 MB: a capture of four million events needs no scratch file. */
const RUNS_IN_MEMORY = 16;
const READ_KEYS = 4_096;

export type Key = readonly [eventMs: number, subNs: number, rawSeq: number, position: number];

interface Run {
  /** Keys [from, until) of the run, 3 numbers each. */
  read(from: number, until: number): Float64Array | Promise<Float64Array>;
  readonly length: number;
}

export interface SortedKeys {
  readonly runs: readonly Run[];
  dispose(): Promise<void>;
}

function sortRun(ms: Float64Array, rawSeq: Float64Array, rest: Float64Array, length: number): Float64Array {
  const order = Array.from({ length }, (_, index) => index);
  // Keys arrive in seq order, and the sort is stable: comparing times is enough.
  order.sort((a, b) => (ms[a] ?? 0) - (ms[b] ?? 0) || Math.floor((rest[a] ?? 0) / 65_536) - Math.floor((rest[b] ?? 0) / 65_536));
  const sorted = new Float64Array(length * NUMBERS_PER_KEY);
  order.forEach((from, to) => {
    sorted[to * NUMBERS_PER_KEY] = ms[from] ?? 0;
    sorted[to * NUMBERS_PER_KEY + 1] = rawSeq[from] ?? 0;
    sorted[to * NUMBERS_PER_KEY + 2] = rest[from] ?? 0;
  });
  return sorted;
}

function memoryRun(keys: Float64Array): Run {
  return { length: keys.length / NUMBERS_PER_KEY, read: (from, until) => keys.subarray(from * NUMBERS_PER_KEY, until * NUMBERS_PER_KEY) };
}

function fileRun(file: FileHandle, length: number): Run {
  return {
    length,
    read: async (from, until) => {
      const bytes = new Uint8Array((until - from) * KEY_BYTES);
      let done = 0;
      while (done < bytes.length) {
        const { bytesRead } = await file.read(bytes, done, bytes.length - done, from * KEY_BYTES + done);
        if (bytesRead === 0) throw new Error("Invariant: a scratch run is as long as it was written");
        done += bytesRead;
      }
      return new Float64Array(bytes.buffer);
    },
  };
}

export interface RunWriterOptions {
  readonly scratchFolder: string;
  readonly runEvents?: number;
  readonly runsInMemory?: number;
}

export class RunWriter {
  readonly #options: RunWriterOptions;
  readonly #runEvents: number;
  readonly #ms: Float64Array;
  readonly #rawSeq: Float64Array;
  readonly #rest: Float64Array;
  #length = 0;
  readonly #runs: Run[] = [];
  readonly #files: FileHandle[] = [];
  #folder: string | undefined;

  constructor(options: RunWriterOptions) {
    this.#options = options;
    this.#runEvents = options.runEvents ?? RUN_EVENTS;
    this.#ms = new Float64Array(this.#runEvents);
    this.#rawSeq = new Float64Array(this.#runEvents);
    this.#rest = new Float64Array(this.#runEvents);
  }

  /** Undefined while there is room in memory: only every run's end is worth a wait. */
  add(eventMs: number, subNs: number, rawSeq: number, position: number): Promise<void> | undefined {
    this.#ms[this.#length] = eventMs;
    this.#rawSeq[this.#length] = rawSeq;
    this.#rest[this.#length] = subNs * 65_536 + position;
    this.#length += 1;
    return this.#length < this.#runEvents ? undefined : this.#flush();
  }

  async #flush(): Promise<void> {
    if (this.#length === 0) return;
    const sorted = sortRun(this.#ms, this.#rawSeq, this.#rest, this.#length);
    this.#length = 0;
    if (this.#runs.length < (this.#options.runsInMemory ?? RUNS_IN_MEMORY)) {
      this.#runs.push(memoryRun(sorted));
      return;
    }
    await mkdir(this.#options.scratchFolder, { recursive: true });
    this.#folder ??= await mkdtemp(join(this.#options.scratchFolder, "event-order-"));
    const file = await open(join(this.#folder, `${this.#runs.length}.run`), "wx+");
    this.#files.push(file);
    await file.writeFile(new Uint8Array(sorted.buffer, sorted.byteOffset, sorted.byteLength));
    this.#runs.push(fileRun(file, sorted.length / NUMBERS_PER_KEY));
  }

  async finish(): Promise<SortedKeys> {
    await this.#flush();
    return { runs: this.#runs, dispose: () => this.discard() };
  }

  async discard(): Promise<void> {
    for (const file of this.#files.splice(0)) await file.close();
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true });
    this.#folder = undefined;
  }
}

/** One run's place in the merge. */
interface Lane {
  readonly run: Run;
  readonly rank: number;
  buffer: Float64Array;
  at: number;
  next: number;
}

function precedes(a: Lane, b: Lane): boolean {
  const left = a.at * NUMBERS_PER_KEY;
  const right = b.at * NUMBERS_PER_KEY;
  const ms = (a.buffer[left] ?? 0) - (b.buffer[right] ?? 0);
  if (ms !== 0) return ms < 0;
  const sub = Math.floor((a.buffer[left + 2] ?? 0) / 65_536) - Math.floor((b.buffer[right + 2] ?? 0) / 65_536);
  // Runs are cut in seq order, so an earlier run holds the smaller seq.
  return sub !== 0 ? sub < 0 : a.rank < b.rank;
}

function sink(heap: Lane[], from: number): void {
  for (let at = from; ;) {
    let least = at;
    for (const child of [2 * at + 1, 2 * at + 2]) {
      const [a, b] = [heap[child], heap[least]];
      if (a !== undefined && b !== undefined && precedes(a, b)) least = child;
    }
    if (least === at) return;
    const [upper, lower] = [heap[at], heap[least]];
    if (upper === undefined || lower === undefined) return;
    heap[at] = lower;
    heap[least] = upper;
    at = least;
  }
}

/** Loads the lane's next keys; false when it has none. */
async function refill(lane: Lane): Promise<boolean> {
  if (lane.next >= lane.run.length) return false;
  const until = Math.min(lane.next + READ_KEYS, lane.run.length);
  lane.buffer = await lane.run.read(lane.next, until);
  lane.next = until;
  lane.at = 0;
  return true;
}

/** All keys in (time, raw seq, position) order. */
export async function* mergeRuns(keys: SortedKeys): AsyncGenerator<Key> {
  const heap: Lane[] = [];
  for (const [rank, run] of keys.runs.entries()) {
    const lane: Lane = { run, rank, buffer: new Float64Array(0), at: 0, next: 0 };
    if (await refill(lane)) heap.push(lane);
  }
  for (let at = Math.floor(heap.length / 2); at >= 0; at -= 1) sink(heap, at);
  for (let top = heap[0]; top !== undefined; top = heap[0]) {
    const at = top.at * NUMBERS_PER_KEY;
    const rest = top.buffer[at + 2] ?? 0;
    yield [top.buffer[at] ?? 0, Math.floor(rest / 65_536), top.buffer[at + 1] ?? 0, rest % 65_536];
    top.at += 1;
    if (top.at * NUMBERS_PER_KEY >= top.buffer.length && !(await refill(top))) {
      const last = heap.pop();
      if (last === undefined || heap.length === 0) return;
      heap[0] = last;
    }
    sink(heap, 0);
  }
}
