// One append-only file of text lines: appended to, overlaid in memory, or compared with, always by the same calls.
import { closeSync, openSync, readSync } from "node:fs";
import { createHash, type Hash } from "node:crypto";
import { assert, fault } from "../../shared/base.ts";
import type { Disk, DiskFile } from "../rawlog/types.ts";

/** Up to `length` bytes at `offset`, at once: the canonicalizer asks for old versions in the middle of a record. */
export type ReadRange = (path: string, offset: number, length: number) => Uint8Array;

export const readRangeSync: ReadRange = (path, offset, length) => {
  const descriptor = openSync(path, "r");
  try {
    const bytes = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const read = readSync(descriptor, bytes, filled, length - filled, offset + filled);
      if (read === 0) break;
      filled += read;
    }
    return bytes.subarray(0, filled);
  } finally {
    closeSync(descriptor);
  }
};

/**
 * `write`: lines go to the file. `memory`: the file is read up to its known length, new lines stay in memory.
 * `compare`: nothing is written; each new line must equal the stored one, and the first that does not is kept.
 */
export type JournalMode = "write" | "memory" | "compare";

export interface LineDifference {
  readonly path: string;
  /** 1-based. */
  readonly line: number;
  /** The line that the log gives, undefined when the file holds more than the log gives. */
  readonly derived: string | undefined;
  /** The line in the file, undefined when the file ends before it. */
  readonly stored: string | undefined;
}

const BLOCK_BYTES = 64 * 1024;
/** Bytes of a compared file that are read at once. */
const WINDOW_BYTES = 1024 * 1024;
const LINE_END = 0x0a;
const decoder = new TextDecoder();

interface Block { readonly offset: number; readonly bytes: Buffer; used: number }

export interface JournalFileOptions {
  readonly disk: Disk;
  readonly path: string;
  readonly mode: JournalMode;
  readonly readRange: ReadRange;
  /** Bytes of the file that compare mode may read: what the checkpoint covers. */
  readonly storedLength: number;
}

export class JournalFile {
  readonly path: string;
  readonly #disk: Disk;
  readonly #mode: JournalMode;
  readonly #readRange: ReadRange;
  readonly #storedLength: number;
  #file: DiskFile | undefined;
  #fileLength = 0;
  #length = 0;
  #lines = 0;
  #blocks: Block[] = [];
  #hash: Hash = createHash("sha256");
  #window: { offset: number; bytes: Uint8Array } = { offset: 0, bytes: new Uint8Array(0) };
  #difference: LineDifference | undefined;

  constructor(options: JournalFileOptions) {
    this.path = options.path;
    this.#disk = options.disk;
    this.#mode = options.mode;
    this.#readRange = options.readRange;
    this.#storedLength = options.storedLength;
  }

  /** Bytes, those not yet written included. */
  get length(): number {
    return this.#length;
  }
  get lines(): number {
    return this.#lines;
  }
  get pendingBytes(): number {
    return this.#length - this.#fileLength;
  }
  get difference(): LineDifference | undefined {
    return this.#difference;
  }
  /** sha256 (hex) of everything appended or taken over so far. */
  digest(): string {
    return this.#hash.copy().digest("hex");
  }

  /** Takes over the first `length` bytes of the file, telling each line with its place. Nothing may be appended before. */
  async takeOver(length: number, onLine: (line: string, offset: number, bytes: number) => void): Promise<void> {
    assert(this.#length === 0, "a journal is taken over before anything is appended");
    for await (const { text, offset, bytes } of readLines({ disk: this.#disk, path: this.path, from: 0, until: length, hash: this.#hash })) {
      onLine(text, offset, bytes);
      this.#lines += 1;
    }
    this.#length = length;
    this.#fileLength = length;
  }

  /** Forgets everything; in write mode the next flush cuts the file. */
  reset(): void {
    this.#length = 0;
    this.#fileLength = 0;
    this.#lines = 0;
    this.#blocks = [];
    this.#hash = createHash("sha256");
  }

  /** Appends one line (without its line end) and says where it lies. */
  append(line: string): { readonly offset: number; readonly bytes: number } {
    const bytes = Buffer.from(`${line}\n`, "utf8");
    const offset = this.#length;
    if (this.#mode === "compare") this.#compare(line, bytes);
    else this.#keep(bytes);
    this.#hash.update(bytes);
    this.#length += bytes.length;
    this.#lines += 1;
    return { offset, bytes: bytes.length };
  }

  #keep(bytes: Buffer): void {
    let block = this.#blocks.at(-1);
    if (block === undefined || block.used + bytes.length > block.bytes.length) {
      block = { offset: this.#length, bytes: Buffer.allocUnsafe(Math.max(BLOCK_BYTES, bytes.length)), used: 0 };
      this.#blocks.push(block);
    }
    block.bytes.set(bytes, block.used);
    block.used += bytes.length;
  }

  #compare(line: string, bytes: Buffer): void {
    if (this.#difference !== undefined) return;
    const stored = this.#stored(this.#length, bytes.length);
    if (Buffer.compare(bytes, stored) === 0) return;
    this.#difference = { path: this.path, line: this.#lines + 1, derived: line, stored: this.#storedLine(this.#length) };
  }

  #stored(offset: number, length: number): Uint8Array {
    const until = Math.min(offset + length, this.#storedLength);
    if (until <= offset) return new Uint8Array(0);
    const window = this.#window;
    if (offset < window.offset || until > window.offset + window.bytes.length) {
      const size = Math.min(Math.max(WINDOW_BYTES, length), this.#storedLength - offset);
      this.#window = { offset, bytes: this.#readRange(this.path, offset, size) };
    }
    return this.#window.bytes.subarray(offset - this.#window.offset, until - this.#window.offset);
  }

  #storedLine(offset: number): string | undefined {
    const bytes = this.#stored(offset, WINDOW_BYTES);
    if (bytes.length === 0) return undefined;
    const end = bytes.indexOf(LINE_END);
    return decoder.decode(end < 0 ? bytes : bytes.subarray(0, end));
  }

  /** Compare mode: says so when the file goes on where the log gives nothing more. */
  compareEnd(): void {
    if (this.#mode !== "compare" || this.#difference !== undefined || this.#length >= this.#storedLength) return;
    this.#difference = { path: this.path, line: this.#lines + 1, derived: undefined, stored: this.#storedLine(this.#length) };
  }

  /** Text of the line at a place that `append` or `takeOver` told. */
  lineAt(offset: number, bytes: number): string {
    const found = this.#mode !== "compare" && offset >= this.#fileLength ? this.#inBlocks(offset, bytes) : this.#readRange(this.path, offset, bytes);
    if (found.length !== bytes) throw fault("derived.damaged", `${this.path} ends inside the line at byte ${offset}: derive again with \`tapedeck verify\``);
    return decoder.decode(found.subarray(0, bytes - 1));
  }

  #inBlocks(offset: number, bytes: number): Uint8Array {
    let low = 0;
    let high = this.#blocks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#blocks[middle]?.offset ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    const block = this.#blocks[low];
    assert(block !== undefined, `no block holds byte ${offset} of ${this.path}`);
    return block.bytes.subarray(offset - block.offset, offset - block.offset + bytes);
  }

  /** Writes what is pending (write mode; else nothing happens). What lies behind the known length is cut off first. */
  async flush(): Promise<void> {
    if (this.#mode !== "write") return;
    if (this.#file === undefined) {
      if (this.pendingBytes === 0 && (await this.#disk.size(this.path) ?? 0) === this.#fileLength) return;
      if ((await this.#disk.size(this.path) ?? 0) > this.#fileLength) await this.#disk.truncate(this.path, this.#fileLength);
      this.#file = await this.#disk.open(this.path, "append");
    }
    while (this.#blocks.length > 0) {
      const block = this.#blocks[0];
      assert(block !== undefined, "a block is there");
      await this.#file.append(block.bytes.subarray(0, block.used));
      this.#blocks.shift();
      this.#fileLength += block.used;
    }
  }

  async sync(): Promise<void> {
    await this.flush();
    await this.#file?.sync();
  }

  /** Every line from the start, in order. */
  async *read(): AsyncGenerator<string> {
    for await (const { text } of readLines({ disk: this.#disk, path: this.path, from: 0, until: this.#fileLength, hash: undefined })) yield text;
    for (const block of this.#blocks) {
      const text = decoder.decode(block.bytes.subarray(0, block.used));
      for (const line of text.split("\n").slice(0, -1)) yield line;
    }
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }
}

interface LinesOptions {
  readonly disk: Disk;
  readonly path: string;
  readonly from: number;
  readonly until: number;
  readonly hash: Hash | undefined;
}

/** Whole lines of [from, until), which must start and end at line ends. Faults: `derived.damaged` when the file is shorter. */
async function* readLines(options: LinesOptions): AsyncGenerator<{ text: string; offset: number; bytes: number }> {
  if (options.until <= options.from) return;
  const file = await options.disk.open(options.path, "read");
  try {
    let position = options.from;
    let rest = Buffer.alloc(0);
    while (position < options.until) {
      const bytes = await file.read(position, Math.min(WINDOW_BYTES, options.until - position));
      if (bytes.length === 0) throw fault("derived.damaged", `${options.path} ends at byte ${position}, ${options.until} were expected`);
      options.hash?.update(bytes);
      const joined = rest.length === 0 ? Buffer.from(bytes) : Buffer.concat([rest, bytes]);
      const start = position - rest.length;
      let from = 0;
      for (let end = joined.indexOf(LINE_END, from); end >= 0; end = joined.indexOf(LINE_END, from)) {
        yield { text: joined.toString("utf8", from, end), offset: start + from, bytes: end + 1 - from };
        from = end + 1;
      }
      rest = joined.subarray(from);
      position += bytes.length;
    }
    if (rest.length > 0) throw fault("derived.damaged", `${options.path} does not end its lines at byte ${options.until}`);
  } finally {
    await file.close();
  }
}
