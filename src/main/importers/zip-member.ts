// The one file in a zip archive, as market archives pack it: found by the directory at the archive's end, never by guessing.
import { open, type FileHandle } from "node:fs/promises";
import { Transform } from "node:stream";
import { crc32 } from "node:zlib";
import { fault } from "../../shared/base.ts";

const END_BYTES = 22;
const END_SIGNATURE = 0x06054b50;
const END64_LOCATOR = 0x07064b50;
const END64_LOCATOR_BYTES = 20;
const END64_SIGNATURE = 0x06064b50;
const END64_BYTES = 56;
const DIRECTORY_SIGNATURE = 0x02014b50;
const DIRECTORY_BYTES = 46;
const LOCAL_SIGNATURE = 0x04034b50;
const LOCAL_BYTES = 30;
const COMMENT_MAX = 65_535;
const EXTRA_MAX = 2 * 65_535;
const NOT_HERE_32 = 0xffff_ffff;
const NOT_HERE_16 = 0xffff;
const ZIP64_EXTRA = 1;
const ENCRYPTED = 1;
const STORED = 0;
const DEFLATED = 8;

export interface ZipMember {
  readonly name: string;
  readonly compressed: boolean;
  /** Place of its data in the archive, half-open. */
  readonly from: number;
  readonly until: number;
  /** What comes out of it. */
  readonly bytes: number;
  readonly crc32: number;
}

export const ZIP_DAMAGED = "ZIP_DAMAGED";

function bad(path: string, what: string): never {
  throw fault("import.bad-zip", `${path}: ${what}`, { file: path });
}

async function readAt(handle: FileHandle, path: string, at: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  const { bytesRead } = await handle.read(bytes, 0, length, at);
  return bytesRead === length ? bytes : bad(path, "the zip archive is cut short: get it whole");
}

interface Directory { readonly count: number; readonly at: number; readonly bytes: number }

async function findDirectory(handle: FileHandle, path: string, size: number): Promise<Directory> {
  const tailBytes = Math.min(size, END_BYTES + COMMENT_MAX);
  const tail = await readAt(handle, path, size - tailBytes, tailBytes);
  for (let at = tailBytes - END_BYTES; at >= 0; at -= 1) {
    // Its comment must end where the file ends: a signature inside a comment is none.
    if (tail.readUInt32LE(at) !== END_SIGNATURE || at + END_BYTES + tail.readUInt16LE(at + 20) !== tailBytes) continue;
    const found = { count: tail.readUInt16LE(at + 10), bytes: tail.readUInt32LE(at + 12), at: tail.readUInt32LE(at + 16) };
    const isBig = found.count === NOT_HERE_16 || found.bytes === NOT_HERE_32 || found.at === NOT_HERE_32;
    return isBig ? findDirectory64(handle, path, size - tailBytes + at) : found;
  }
  return bad(path, "the zip archive has no end record: it was cut off; get it whole");
}

async function findDirectory64(handle: FileHandle, path: string, endAt: number): Promise<Directory> {
  if (endAt < END64_LOCATOR_BYTES) bad(path, "the zip archive's end record is damaged");
  const locator = await readAt(handle, path, endAt - END64_LOCATOR_BYTES, END64_LOCATOR_BYTES);
  if (locator.readUInt32LE(0) !== END64_LOCATOR) bad(path, "the zip archive's end record is damaged");
  const end = await readAt(handle, path, Number(locator.readBigUInt64LE(8)), END64_BYTES);
  if (end.readUInt32LE(0) !== END64_SIGNATURE) bad(path, "the zip archive's end record is damaged");
  return { count: Number(end.readBigUInt64LE(32)), bytes: Number(end.readBigUInt64LE(40)), at: Number(end.readBigUInt64LE(48)) };
}

/** Sizes and offset that did not fit 32 bits, in this order, from the entry's extra field. */
function widened(path: string, extra: Buffer, narrow: readonly number[]): number[] {
  if (!narrow.includes(NOT_HERE_32)) return [...narrow];
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== ZIP64_EXTRA) continue;
    let next = at + 4;
    return narrow.map((value) => {
      if (value !== NOT_HERE_32) return value;
      if (next + 8 > extra.length) bad(path, "the zip archive's directory is damaged");
      next += 8;
      return Number(extra.readBigUInt64LE(next - 8));
    });
  }
  return bad(path, "the zip archive's directory is damaged");
}

/** Faults: `import.bad-zip` for archives that are damaged, encrypted, packed otherwise than by deflate, or hold other than one file. */
export async function findZipMember(path: string, size: number): Promise<ZipMember> {
  const handle = await open(path, "r");
  try {
    if (size < END_BYTES) bad(path, "the zip archive is cut short: get it whole");
    const directory = await findDirectory(handle, path, size);
    if (directory.count !== 1) bad(path, `the zip archive holds ${directory.count} files, one is expected: unpack it and import what is wanted`);
    if (!Number.isSafeInteger(directory.at) || directory.at + DIRECTORY_BYTES > size) bad(path, "the zip archive's directory lies outside of it");
    const entry = await readAt(handle, path, directory.at, Math.min(size - directory.at, DIRECTORY_BYTES + EXTRA_MAX));
    if (entry.readUInt32LE(0) !== DIRECTORY_SIGNATURE) bad(path, "the zip archive's directory is damaged");
    const method = entry.readUInt16LE(10);
    if ((entry.readUInt16LE(8) & ENCRYPTED) !== 0) bad(path, "the zip archive is encrypted");
    if (method !== STORED && method !== DEFLATED) bad(path, `the zip archive is packed by method ${method}; only deflate (8) can be read`);
    const nameEnd = DIRECTORY_BYTES + entry.readUInt16LE(28);
    const [bytes = 0, packed = 0, localAt = 0] = widened(path, entry.subarray(nameEnd, nameEnd + entry.readUInt16LE(30)), [entry.readUInt32LE(24), entry.readUInt32LE(20), entry.readUInt32LE(42)]);
    if (!Number.isSafeInteger(localAt) || localAt + LOCAL_BYTES > size) bad(path, "the zip archive's directory is damaged");
    const local = await readAt(handle, path, localAt, LOCAL_BYTES);
    if (local.readUInt32LE(0) !== LOCAL_SIGNATURE) bad(path, "the zip archive's file header is damaged");
    const from = localAt + LOCAL_BYTES + local.readUInt16LE(26) + local.readUInt16LE(28);
    if (!Number.isSafeInteger(packed) || from + packed > directory.at) bad(path, "the zip archive's directory is damaged");
    return { name: entry.toString("utf8", DIRECTORY_BYTES, nameEnd), compressed: method === DEFLATED, from, until: from + packed, bytes, crc32: entry.readUInt32LE(16) };
  } finally {
    await handle.close();
  }
}

/** Lets only the bytes in [from, until) of what it is given through. */
export function onlyRange(from: number, until: number): Transform {
  let at = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const wanted = chunk.subarray(Math.max(0, from - at), Math.max(0, until - at));
      at += chunk.length;
      done(undefined, wanted);
    },
  });
}

/** Passes everything on and fails with ZIP_DAMAGED at the end when it was not what the directory says. */
export function checkedAgainst(member: ZipMember): Transform {
  let sum = 0;
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      sum = crc32(chunk, sum);
      bytes += chunk.length;
      done(undefined, chunk);
    },
    flush(done) {
      const isWhole = sum === member.crc32 && bytes === member.bytes;
      done(isWhole ? undefined : Object.assign(new Error(`${bytes} bytes with checksum ${sum.toString(16)}, expected ${member.bytes} with ${member.crc32.toString(16)}`), { code: ZIP_DAMAGED }));
    },
  });
}
