// A whole capture as one MCAP file with every index, for other people's tools: the log's records with their bytes and times untouched.
import { McapIndexedReader, McapStreamReader, McapWriter, type IReadable, type IWritable, type TypedMcapRecord } from "@mcap/core";
import { compress, decompress, isLoaded } from "@foxglove/wasm-zstd";
import { createHash, type Hash } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { fault, type Sha256, type StopSignal } from "../../shared/base.ts";
import type { RawRecord } from "../../shared/raw.ts";
import { RAW_SCHEMA_VERSION } from "../../shared/raw.ts";
import { LogRoot } from "../rawlog/log-root.ts";
import type { Disk, DiskFile, RawLogReader } from "../rawlog/types.ts";

/** The index of a whole file is in memory until its end: larger chunks, fewer entries (100 GB: about 100 MB). */
const CHUNK_BYTES = 4 * 1024 * 1024;
const ZSTD_LEVEL = 3;
const READ_BYTES = 1024 * 1024;
const SEQUENCE_RANGE = 2 ** 32;
/** Metadata record with what MCAP has no place for. */
export const EXPORT_METADATA = "tapedeck.export";

export interface McapExportOptions {
  readonly disk: Disk;
  readonly reader: RawLogReader;
  /** Last seq that is exported. */
  readonly toSeq: number;
  /** The file to be; it is there whole or not at all. */
  readonly path: string;
  readonly sha256: Sha256;
  /** Messages written, then read back. */
  readonly onProgress?: (progress: { readonly phase: "write" | "check"; readonly done: number }) => void;
  readonly stop?: StopSignal;
}

export interface McapExportReport {
  readonly messages: number;
  readonly bytes: number;
  /** sha256 of the file. */
  readonly sha256: string;
  /** Of the log up to `toSeq` (RAW_LOG.md). */
  readonly root: string;
}

class FileSink implements IWritable {
  readonly #file: DiskFile;
  readonly hash = createHash("sha256");
  bytes = 0;
  constructor(file: DiskFile) {
    this.#file = file;
  }
  async write(buffer: Uint8Array): Promise<void> {
    if (buffer.length === 0) return;
    await this.#file.append(buffer);
    this.hash.update(buffer);
    this.bytes += buffer.length;
  }
  position(): bigint {
    return BigInt(this.bytes);
  }
}

class FileSource implements IReadable {
  readonly #file: DiskFile;
  constructor(file: DiskFile) {
    this.#file = file;
  }
  async size(): Promise<bigint> {
    return BigInt(await this.#file.size());
  }
  read(offset: bigint, size: bigint): Promise<Uint8Array> {
    return this.#file.read(Number(offset), Number(size));
  }
}

/** Running digest over messages: what was written must be what can be read. */
class MessageDigest {
  readonly #hash: Hash = createHash("sha256");
  readonly #head = new DataView(new ArrayBuffer(32));
  count = 0;
  add(topic: string, message: { readonly sequence: number; readonly logTime: bigint; readonly publishTime: bigint; readonly data: Uint8Array }): void {
    this.#head.setUint32(0, message.sequence);
    this.#head.setBigUint64(8, message.logTime);
    this.#head.setBigUint64(16, message.publishTime);
    this.#head.setUint32(24, message.data.length);
    this.#hash.update(topic).update(new Uint8Array(this.#head.buffer)).update(message.data);
    this.count += 1;
  }
  hex(): string {
    return this.#hash.copy().digest("hex");
  }
}

/** Rows of imported archives are no JSON. */
function encodingOf(channel: string): "csv" | "json" {
  return channel.endsWith(".csv") || channel.endsWith(".tardis") ? "csv" : "json";
}

const SCHEMA = new TextEncoder().encode(JSON.stringify({ $comment: "The venue's own message, as it was received", type: ["object", "array"] }));

/** Schemas and channels of the file, made when a record first needs them. */
class Channels {
  readonly #writer: McapWriter;
  readonly #schemas = new Map<string, number>();
  readonly #channels = new Map<string, number>();
  constructor(writer: McapWriter) {
    this.#writer = writer;
  }

  async idOf({ stream, source, connection }: RawRecord): Promise<number> {
    const key = `${stream.streamId}\u0000${source}\u0000${connection}`;
    const known = this.#channels.get(key);
    if (known !== undefined) return known;
    const messageEncoding = encodingOf(stream.channel);
    const id = await this.#writer.registerChannel({
      schemaId: messageEncoding === "json" ? await this.#schemaOf(`${stream.venue}.${stream.channel}`) : 0,
      topic: stream.streamId, messageEncoding,
      metadata: new Map([
        ["stream_id", stream.streamId], ["venue", stream.venue], ["symbol", stream.symbol], ["channel", stream.channel], ["source", source], ["connection", connection],
        ["schema_version", String(RAW_SCHEMA_VERSION)],
      ]),
    });
    this.#channels.set(key, id);
    return id;
  }

  async #schemaOf(name: string): Promise<number> {
    const known = this.#schemas.get(name);
    if (known !== undefined) return known;
    const id = await this.#writer.registerSchema({ name, encoding: "jsonschema", data: SCHEMA });
    this.#schemas.set(name, id);
    return id;
  }
}

function stopIf(stop: StopSignal | undefined): void {
  if (stop?.aborted === true) throw fault("export.stopped", "the export was stopped, as asked; no file was left");
}

async function writeAll(options: McapExportOptions, sink: FileSink, digest: MessageDigest): Promise<string> {
  const { reader, toSeq, sha256, stop } = options;
  const root = new LogRoot(sha256);
  const writer = new McapWriter({
    writable: sink, chunkSize: CHUNK_BYTES, compressChunk: (bytes) => ({ compression: "zstd", compressedData: compress(bytes, ZSTD_LEVEL) }),
  });
  await writer.start({ profile: "", library: "tapedeck export" });
  const channels = new Channels(writer);
  let fromSeq = 0;
  for await (const batch of reader.batches({ toSeq })) {
    stopIf(stop);
    for (const record of batch) {
      if (fromSeq === 0) fromSeq = record.seq;
      const message = {
        channelId: await channels.idOf(record), sequence: record.seq % SEQUENCE_RANGE, logTime: record.recvNs, publishTime: record.eventNs, data: record.payload,
      };
      await writer.addMessage(message);
      digest.add(record.stream.streamId, message);
      root.add(record);
    }
    options.onProgress?.({ phase: "write", done: digest.count });
  }
  const logRoot = root.digest();
  await writer.addMetadata({
    name: EXPORT_METADATA,
    metadata: new Map([
      ["format", "1"], ["capture_id", reader.captureId], ["from_seq", String(fromSeq)], ["to_seq", String(toSeq)], ["messages", String(digest.count)], ["log_root", logRoot],
      ["sequence", "message.sequence is the capture's seq modulo 2^32; messages stand in rising seq"], ["publish_time", "0: the message carries no time of the venue"],
    ]),
  });
  await writer.end();
  return logRoot;
}

const DECOMPRESS = { zstd: (bytes: Uint8Array, size: bigint): Uint8Array => decompress(bytes, Number(size)) };

/** Reads the file again from the disk: every message, every checksum, and the index at its end. */
async function check(options: McapExportOptions, file: DiskFile, written: MessageDigest): Promise<void> {
  const damaged = (what: string): Error => fault("export.not-verified", `${options.path}: read back, it is not what was written (${what}); nothing was left; check the disk and export again`);
  const size = await file.size();
  const read = new MessageDigest();
  const topics = new Map<number, string>();
  const stream = new McapStreamReader({ decompressHandlers: DECOMPRESS, validateCrcs: true });
  try {
    for (let offset = 0; offset < size; offset += READ_BYTES) {
      stopIf(options.stop);
      stream.append(await file.read(offset, Math.min(READ_BYTES, size - offset)));
      for (let record: TypedMcapRecord | undefined = stream.nextRecord(); record !== undefined; record = stream.nextRecord()) {
        if (record.type === "Channel") topics.set(record.id, record.topic);
        else if (record.type === "Message") read.add(topics.get(record.channelId) ?? "", record);
      }
      options.onProgress?.({ phase: "check", done: read.count });
    }
  } catch (error) {
    if (options.stop?.aborted === true) throw error;
    throw damaged(error instanceof Error ? error.message : String(error));
  }
  if (!stream.done() || read.count !== written.count || read.hex() !== written.hex()) throw damaged(`${read.count} of ${written.count} messages`);
  const indexed = await McapIndexedReader.Initialize({ readable: new FileSource(file), decompressHandlers: DECOMPRESS });
  if (indexed.statistics?.messageCount !== BigInt(written.count)) throw damaged("the index counts other messages");
}

/** Faults: `disk.*`, `log.*`, `export.exists`, `export.not-verified`, `export.stopped`; then no file is left. */
export async function exportMcap(options: McapExportOptions): Promise<McapExportReport> {
  const { disk, path } = options;
  if ((await disk.size(path)) !== undefined) throw fault("export.exists", `${path} exists already: remove it first, or choose another name`);
  await isLoaded;
  const folder = dirname(path);
  await disk.makeFolder(folder);
  await removeLeftovers(disk, folder, basename(path));
  const work = join(folder, `${workPrefix(basename(path))}${process.pid}`);
  const file = await disk.open(work, "create");
  let open: DiskFile | undefined = file;
  try {
    const sink = new FileSink(file);
    const digest = new MessageDigest();
    const root = await writeAll(options, sink, digest);
    await file.sync();
    await file.close();
    open = await disk.open(work, "read");
    await check(options, open, digest);
    await open.close();
    open = undefined;
    await disk.rename(work, path);
    await disk.syncFolder(folder);
    return { messages: digest.count, bytes: sink.bytes, sha256: sink.hash.digest("hex"), root };
  } catch (error) {
    // The failure before is the one to tell.
    await open?.close().catch(() => undefined);
    await disk.remove(work).catch(() => undefined);
    throw error;
  }
}

function workPrefix(name: string): string {
  return `.${name}.exporting-`;
}

/** Of exports to the same name that were killed. */
async function removeLeftovers(disk: Disk, folder: string, name: string): Promise<void> {
  const prefix = workPrefix(name);
  for (const other of await disk.list(folder)) {
    const pid = other.startsWith(prefix) ? Number(other.slice(prefix.length)) : Number.NaN;
    if (Number.isInteger(pid) && (pid === process.pid || !isAlive(pid))) await disk.remove(`${folder}/${other}`);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
