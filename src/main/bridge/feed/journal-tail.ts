// Follows one derived journal while its deriver appends to it: whole lines in order, from any raw seq, a window at a time.
import { fault, FaultError } from "../../../shared/base.ts";
import type { Disk, DiskFile } from "../../rawlog/types.ts";

const WINDOW_BYTES = 256 * 1024;
/** No line comes near (a bar of a day with its provenance takes kilobytes): beyond it the file is no journal. */
const LINE_BYTES_MAX = 16 * 1024 * 1024;
const LINE_END = 0x0a;
/** Keys are sorted, so the first one of this name is the entry's own; inside a text its quotes would be escaped. */
const AT_SEQ = /"atSeq":(\d+)/;

export interface JournalLine {
  /** Raw seq of the record that caused it. Never decreases along a journal. */
  readonly atSeq: number;
  readonly text: string;
}

export class JournalTail {
  readonly #disk: Disk;
  readonly #path: string;
  #file: DiskFile | undefined;
  /** Read and not yet handed out: `#buffer[#at…]` lies at `#offset + #at` of the file. */
  #buffer: Buffer = Buffer.alloc(0);
  #offset = 0;
  #at = 0;
  #line: JournalLine | undefined;

  constructor(disk: Disk, path: string) {
    this.#disk = disk;
    this.#path = path;
  }

  /** A journal without lines may have no file yet. */
  async #size(): Promise<number> {
    if (this.#file === undefined) {
      try {
        this.#file = await this.#disk.open(this.#path, "read");
      } catch (error) {
        if (error instanceof FaultError && error.fault.code === "disk.not-found") return 0;
        throw error;
      }
    }
    return this.#file.size();
  }

  /** Goes to the first line that a record with this seq or a later one caused; behind the last whole line when there is none yet. */
  async seek(atSeq: number): Promise<void> {
    let low = 0;
    let high = await this.#size();
    // Lines of seq below `atSeq` begin at `low` or before it; no reading of what lies between.
    while (high - low > WINDOW_BYTES) {
      const middle = low + Math.floor((high - low) / 2);
      const start = await this.#lineStartAfter(middle);
      const line = start === undefined ? undefined : await this.#goTo(start);
      if (start !== undefined && line !== undefined && line.atSeq < atSeq) low = start;
      else high = middle;
    }
    let line = await this.#goTo(low);
    while (line !== undefined && line.atSeq < atSeq) {
      this.take();
      line = await this.peek();
    }
  }

  async #goTo(offset: number): Promise<JournalLine | undefined> {
    this.#buffer = Buffer.alloc(0);
    this.#offset = offset;
    this.#at = 0;
    this.#line = undefined;
    return this.peek();
  }

  /** Where the next line begins behind the one that holds this byte; undefined when the file has none. */
  async #lineStartAfter(offset: number): Promise<number | undefined> {
    await this.#goTo(offset);
    const end = this.#buffer.indexOf(LINE_END);
    return end < 0 ? undefined : offset + end + 1;
  }

  /** The line already at hand, if any: no waiting where thousands are read in a row. */
  get ready(): JournalLine | undefined {
    this.#line ??= this.#cut();
    return this.#line;
  }

  /** The next whole line, without taking it; undefined when there is none now. Faults: `derived.damaged`. */
  async peek(): Promise<JournalLine | undefined> {
    while (this.ready === undefined) {
      if (!(await this.#readOn())) return undefined;
    }
    return this.#line;
  }

  take(): void {
    this.#line = undefined;
  }

  #cut(): JournalLine | undefined {
    const end = this.#buffer.indexOf(LINE_END, this.#at);
    if (end < 0) return undefined;
    const text = this.#buffer.toString("utf8", this.#at, end);
    this.#at = end + 1;
    const atSeq = AT_SEQ.exec(text)?.[1];
    // The middle of a line, which a search for a place may land in.
    return { atSeq: atSeq === undefined ? Number.NaN : Number(atSeq), text };
  }

  async #readOn(): Promise<boolean> {
    const size = await this.#size();
    const known = this.#offset + this.#buffer.length;
    if (size < known) {
      throw fault("derived.damaged", `${this.#path} was cut to ${size} bytes while it was being served up to byte ${known}: start serving again`);
    }
    if (size === known || this.#file === undefined) return false;
    const rest = this.#buffer.subarray(this.#at);
    if (rest.length > LINE_BYTES_MAX) throw fault("derived.damaged", `${this.#path} has no line end in ${rest.length} bytes from byte ${this.#offset + this.#at}: it is no journal`);
    const more = await this.#file.read(known, Math.min(WINDOW_BYTES, size - known));
    this.#offset += this.#at;
    this.#at = 0;
    this.#buffer = rest.length === 0 ? Buffer.from(more.buffer, more.byteOffset, more.length) : Buffer.concat([rest, more]);
    return more.length > 0;
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }
}
