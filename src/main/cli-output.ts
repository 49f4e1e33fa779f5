// The command line's two voices: results on stdout, everything else on stderr. A closed pipe ends quietly.
import { once } from "node:events";
import type { Writable } from "node:stream";

const BUFFER_BYTES = 64 * 1024;

function isClosedPipe(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "EPIPE" || error.code === "ERR_STREAM_DESTROYED");
}

export interface Column<Row> {
  readonly title: string;
  readonly align?: "left" | "right";
  readonly text: (row: Row) => string;
}

export class CliOutput {
  readonly #out: Writable;
  readonly #log: Writable & { readonly isTTY?: boolean };
  #pending = "";
  #closed = false;
  #progressShown = false;

  constructor(out: Writable, log: Writable & { readonly isTTY?: boolean }) {
    this.#out = out;
    this.#log = log;
    out.on("error", (error) => {
      // `tapedeck dump | head` is no failure: whoever reads has enough.
      if (!isClosedPipe(error)) throw error;
      this.#closed = true;
    });
  }

  /** True once nobody reads stdout any more: producers stop. */
  get closed(): boolean {
    return this.#closed;
  }

  /** One line of results. Waits when the reader is slow, so that memory stays flat. */
  async line(text: string): Promise<void> {
    if (this.#closed) return;
    this.#pending += `${text}\n`;
    if (this.#pending.length >= BUFFER_BYTES) await this.flush();
  }

  async json(value: unknown): Promise<void> {
    await this.line(JSON.stringify(value));
  }

  async flush(): Promise<void> {
    this.clearProgress();
    const text = this.#pending;
    this.#pending = "";
    if (this.#closed || text === "") return;
    await new Promise<void>((resolve, reject) => {
      this.#out.write(text, (error) => {
        if (error === null || error === undefined) resolve();
        else if (isClosedPipe(error)) {
          this.#closed = true;
          resolve();
        } else reject(error);
      });
    });
    if (this.#out.writableNeedDrain && !this.#closed) await Promise.race([once(this.#out, "drain"), once(this.#out, "close")]);
  }

  /** Aligned columns with a title line. */
  async table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): Promise<void> {
    const cells = rows.map((row) => columns.map((column) => column.text(row)));
    const widths = columns.map((column, index) => Math.max(column.title.length, ...cells.map((row) => row[index]?.length ?? 0)));
    const write = (texts: readonly string[]): string =>
      texts.map((text, index) => (columns[index]?.align === "right" ? text.padStart(widths[index] ?? 0) : text.padEnd(widths[index] ?? 0))).join("  ").trimEnd();
    await this.line(write(columns.map((column) => column.title)));
    for (const row of cells) await this.line(write(row));
  }

  /** One line on stderr. */
  note(text: string): void {
    this.clearProgress();
    this.#log.write(`${text}\n`);
  }

  /** Replaces itself on a terminal; elsewhere it says nothing, so that logs stay readable. */
  progress(text: string): void {
    if (this.#log.isTTY !== true) return;
    this.#log.write(`\r\u001b[2K${text}`);
    this.#progressShown = true;
  }

  clearProgress(): void {
    if (!this.#progressShown) return;
    this.#log.write("\r\u001b[2K");
    this.#progressShown = false;
  }
}
