// Foreign files as one sequence of items: the files of a lane one after the other, lanes merged by receive time. One batch per lane is in memory.
import { assert, fault, type StopSignal } from "../../shared/base.ts";
import type { VenueId } from "../../shared/market.ts";
import type { ForeignFormat, ForeignItem } from "./foreign.ts";
import { readForeignLines, type FileDigest } from "./foreign-file.ts";

export interface LaneOptions {
  readonly venue: VenueId;
  readonly format: ForeignFormat;
  readonly files: readonly string[];
  readonly stop?: StopSignal;
}

export interface ItemBatch {
  readonly items: readonly ForeignItem[];
  /** Bytes of all files read so far, as they lie on disk. */
  readonly bytesRead: number;
}

interface NumberedFile { readonly path: string; readonly number: number }

/** The last time that the log can hold. */
const RECV_NS_MAX = 2n ** 63n - 1n;
/** Items of one merged batch: enough to make awaiting cheap. */
const MERGED_ITEMS_MAX = 4_096;

/** The files of one lane, in order. */
class Lane {
  readonly #options: LaneOptions;
  readonly #files: readonly NumberedFile[];
  readonly #reading: AsyncGenerator<readonly ForeignItem[], void>;
  readonly digests = new Map<number, FileDigest>();
  bytesRead = 0;
  items: readonly ForeignItem[] = [];
  at = 0;

  constructor(options: LaneOptions, files: readonly NumberedFile[]) {
    this.#options = options;
    this.#files = files;
    this.#reading = this.#read();
  }

  async *#read(): AsyncGenerator<readonly ForeignItem[], void> {
    let before = 0;
    for (const { path, number } of this.#files) {
      const readLine = this.#options.format.openFile({ path, number, venue: this.#options.venue });
      const lines = readForeignLines(path, this.#options.stop);
      for (;;) {
        const next = await lines.next();
        if (next.done === true) {
          this.digests.set(number, next.value);
          before += next.value.bytes;
          break;
        }
        const items: ForeignItem[] = [];
        for (const [offset, line] of next.value.lines.entries()) {
          for (const item of readLine(line, { file: path, line: next.value.firstLine + offset, fileNumber: number })) {
            if (item.kind === "skipped") continue;
            if (item.recvNs !== undefined && item.recvNs > RECV_NS_MAX) {
              const at = next.value.firstLine + offset;
              throw fault("import.bad-time", `${path} line ${at}: the receive time ${item.recvNs} ns lies beyond the year 2262`, { file: path, line: at });
            }
            items.push(item);
          }
        }
        this.bytesRead = before + next.value.bytesRead;
        yield items;
      }
    }
  }

  /** Makes `head` the next item; false at the end. */
  async fill(): Promise<boolean> {
    while (this.at >= this.items.length) {
      const next = await this.#reading.next();
      if (next.done === true) return false;
      this.items = next.value;
      this.at = 0;
    }
    return true;
  }

  /** Receive time of the next item; what has none comes at once. */
  get headNs(): bigint {
    const head = this.items[this.at];
    return head === undefined || head.kind === "skipped" ? 0n : (head.recvNs ?? 0n);
  }

  async close(): Promise<void> {
    await this.#reading.return();
  }
}

function lanesOf(options: LaneOptions): readonly Lane[] {
  const lanes = new Map<string, NumberedFile[]>();
  for (const [index, path] of options.files.entries()) {
    const name = options.format.laneOf?.(path) ?? "";
    const file = { path, number: index + 1 };
    const files = lanes.get(name);
    if (files === undefined) lanes.set(name, [file]);
    else files.push(file);
  }
  return [...lanes.values()].map((files) => new Lane(options, files));
}

/** The lane whose next item is the oldest (the first of equals), and the time up to which it stays so. */
function oldest(lanes: readonly Lane[]): { readonly lane: Lane; readonly untilNs: bigint | undefined } {
  let [lane] = lanes;
  assert(lane !== undefined, "a lane has something left");
  let untilNs: bigint | undefined;
  for (const other of lanes.slice(1)) {
    if (other.headNs < lane.headNs) {
      untilNs = lane.headNs;
      lane = other;
    } else if (untilNs === undefined || other.headNs < untilNs) untilNs = other.headNs;
  }
  return { lane, untilNs };
}

/** Every item of all files. Returns the files' digests in the order in which they were given. */
export async function* readLanes(options: LaneOptions): AsyncGenerator<ItemBatch, readonly FileDigest[]> {
  const all = lanesOf(options);
  const bytesRead = (): number => all.reduce((sum, lane) => sum + lane.bytesRead, 0);
  try {
    let lanes: readonly Lane[] = await filled(all);
    let items: ForeignItem[] = [];
    while (lanes.length > 0) {
      const { lane, untilNs } = oldest(lanes);
      while (lane.at < lane.items.length && (untilNs === undefined || lane.headNs <= untilNs)) {
        const item = lane.items[lane.at];
        assert(item !== undefined, "a lane's head exists");
        items.push(item);
        lane.at += 1;
      }
      if (items.length >= MERGED_ITEMS_MAX || lanes.length === 1) {
        yield { items, bytesRead: bytesRead() };
        items = [];
      }
      if (lane.at >= lane.items.length && !(await lane.fill())) lanes = lanes.filter((one) => one !== lane);
    }
    if (items.length > 0) yield { items, bytesRead: bytesRead() };
  } finally {
    for (const lane of all) await lane.close();
  }
  return options.files.map((_path, index) => {
    const digest = all.map((lane) => lane.digests.get(index + 1)).find((one) => one !== undefined);
    assert(digest !== undefined, "every file was read to its end");
    return digest;
  });
}

async function filled(lanes: readonly Lane[]): Promise<readonly Lane[]> {
  const kept: Lane[] = [];
  for (const lane of lanes) if (await lane.fill()) kept.push(lane);
  return kept;
}
