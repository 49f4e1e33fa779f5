// Lines of a foreign file, plain, gzip or a zip of one file, as bytes and in batches: memory stays flat however long the file is.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { Transform, pipeline, type Duplex } from "node:stream";
import { createGunzip, createInflateRaw } from "node:zlib";
import { fault, type StopSignal } from "../../shared/base.ts";
import { ZIP_DAMAGED, checkedAgainst, findZipMember, onlyRange } from "./zip-member.ts";

/** Longest line taken: a 10 MB frame fits, a file without line ends does not fill the memory. */
export const LINE_BYTES_MAX = 64 * 1024 * 1024;
const LINE_END = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const CHUNK_BYTES = 256 * 1024;

export interface LineBatch {
  readonly lines: readonly Buffer[];
  /** 1-based number of the first line. */
  readonly firstLine: number;
  /** Bytes of the file (as it lies on disk) read so far. */
  readonly bytesRead: number;
}

export interface FileDigest { readonly name: string; readonly sha256: string; readonly bytes: number; readonly lines: number }

function code(error: unknown): string | undefined {
  return typeof error === "object" && error !== null && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** Size of an existing, ordinary file. Faults: `import.no-file`. */
export async function fileBytes(path: string): Promise<number> {
  try {
    const found = await stat(path);
    if (!found.isFile()) throw fault("import.no-file", `${path} is not a file`);
    if (found.size === 0) throw fault("import.empty", `${path} is empty: it holds no line`);
    return found.size;
  } catch (error) {
    if (code(error) === "ENOENT") throw fault("import.no-file", `${path} does not exist`);
    if (code(error) === "EACCES") throw fault("import.no-file", `${path} may not be read by this user`);
    throw error;
  }
}

function readFault(error: unknown, path: string, line: number): unknown {
  const found = code(error);
  if (found === undefined) return error;
  const details = { file: path, line };
  if (found === "Z_BUF_ERROR") return fault("import.truncated", `${path} line ${line}: the compressed data ends too early: it was cut off; get it whole`, details);
  if (found === ZIP_DAMAGED) return fault("import.bad-zip", `${path}: the zip archive is damaged (${error instanceof Error ? error.message : found})`, details);
  if (found.startsWith("Z_")) return fault("import.bad-gzip", `${path} line ${line}: the compressed data is damaged (${error instanceof Error ? error.message : found})`, details);
  return fault("import.unreadable", `${path} line ${line}: ${error instanceof Error ? error.message : found}`, details);
}

/** What turns the file's bytes into text: nothing, gunzip, or the way into a zip archive. */
async function unpacking(path: string, size: number): Promise<readonly Duplex[]> {
  for await (const head of createReadStream(path, { start: 0, end: 3 })) {
    const bytes = head as Buffer;
    if (bytes[0] === 0x1f && bytes[1] === 0x8b) return [createGunzip({ chunkSize: CHUNK_BYTES })];
    if (bytes.toString("latin1") !== "PK\u0003\u0004") return [];
    const member = await findZipMember(path, size);
    return [onlyRange(member.from, member.until), ...(member.compressed ? [createInflateRaw({ chunkSize: CHUNK_BYTES })] : []), checkedAgainst(member)];
  }
  return [];
}

/** Splits into lines without their line ends (`\n` or `\r\n`); a last line without one counts. */
export async function* readForeignLines(path: string, stop?: StopSignal): AsyncGenerator<LineBatch, FileDigest> {
  const bytesInFile = await fileBytes(path);
  const hash = createHash("sha256");
  let bytesRead = 0;
  let line = 1;
  let rest: Buffer[] = [];
  let restBytes = 0;
  const tap = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      bytesRead += chunk.length;
      done(undefined, chunk);
    },
  });
  const source = createReadStream(path, { highWaterMark: CHUNK_BYTES });
  const unpack = await unpacking(path, bytesInFile);
  const text = unpack.at(-1) ?? tap;
  // Errors of any part reach the reader of the last one: pipeline destroys them all with it.
  const closed = (): void => {};
  pipeline([source, tap, ...unpack], closed);
  try {
    for await (const piece of text) {
      if (stop?.aborted === true) throw fault("import.stopped", "the import was stopped, as asked; nothing was kept");
      const chunk = piece as Buffer;
      const lines: Buffer[] = [];
      let from = 0;
      for (let end = chunk.indexOf(LINE_END); end >= 0; end = chunk.indexOf(LINE_END, from)) {
        const tail = chunk.subarray(from, end);
        lines.push(withoutReturn(restBytes === 0 ? tail : Buffer.concat([...rest, tail])));
        if (restBytes > 0) {
          rest = [];
          restBytes = 0;
        }
        from = end + 1;
      }
      if (from < chunk.length) {
        rest.push(chunk.subarray(from));
        restBytes += chunk.length - from;
      }
      if (restBytes > LINE_BYTES_MAX) throw fault("import.long-line", `${path} line ${line + lines.length}: longer than ${LINE_BYTES_MAX} bytes`, { file: path, line: line + lines.length });
      if (lines.length > 0) yield { lines, firstLine: line, bytesRead };
      line += lines.length;
    }
  } catch (error) {
    throw readFault(error, path, line);
  } finally {
    source.destroy();
    text.destroy();
  }
  if (restBytes > 0) {
    yield { lines: [withoutReturn(Buffer.concat(rest))], firstLine: line, bytesRead };
    line += 1;
  }
  if (bytesRead !== bytesInFile) throw fault("import.changed", `${path}: ${bytesInFile} bytes lie there, ${bytesRead} were read: it changes, or something follows the end of its gzip data`);
  if (line === 1) throw fault("import.empty", `${path} is empty: it holds no line`);
  return { name: basename(path), sha256: hash.digest("hex"), bytes: bytesInFile, lines: line - 1 };
}

function withoutReturn(line: Buffer): Buffer {
  return line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line;
}
