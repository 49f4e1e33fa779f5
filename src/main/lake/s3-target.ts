// An S3 bucket as the destination of an export: parts with checksums, taken up where a run stopped, verified by what the server holds. An ETag is
// never taken for a digest.
import {
  AbortMultipartUploadCommand, CompleteMultipartUploadCommand, CreateMultipartUploadCommand, DeleteObjectCommand, GetObjectCommand, HeadObjectCommand, ListPartsCommand,
  PutObjectCommand, S3Client, UploadPartCommand, type HeadObjectCommandOutput, type Part,
} from "@aws-sdk/client-s3";
import { createHash } from "node:crypto";
import { fault, type StopSignal } from "../../shared/base.ts";
import { sha256 } from "../rawlog/sha256.ts";
import type { Disk, DiskFile } from "../rawlog/types.ts";
import type { LakeFile, LakeTarget } from "./export-lake.ts";
import type { S3Access, S3Address } from "./s3-address.ts";
import { isNamed, s3Fault, statusOf } from "./s3-faults.ts";
import type { Upload, Uploads } from "./s3-uploads.ts";

/** S3 takes no smaller part, except as the last. */
export const PART_BYTES_MIN = 5 * 1024 * 1024;
const PART_BYTES = 8 * 1024 * 1024;
const PARTS_MAX = 10_000;
/** Parts on their way at once: that many are in memory. */
const PARTS_AT_ONCE = 3;
const ATTEMPTS = 5;
const CONNECT_TIMEOUT_MS = 10_000;
/** Without a byte in either direction. */
const REQUEST_TIMEOUT_MS = 120_000;
const SMALL_MAX = 256 * 1024 * 1024;

export interface S3TargetOptions {
  readonly disk: Disk;
  readonly address: S3Address;
  readonly access: S3Access;
  readonly uploads: Uploads;
  readonly stop?: StopSignal;
  /** For tests: smaller files in several parts. At least PART_BYTES_MIN. */
  readonly partBytes?: number;
  readonly attempts?: number;
}

export function createS3Client({ endpoint, region }: S3Access, attempts = ATTEMPTS): S3Client {
  // Which Node runs us is our decision, told in package.json: nobody who exports needs to read about it on stderr.
  process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] ??= "true";
  return new S3Client({
    region: region ?? process.env["AWS_REGION"] ?? process.env["AWS_DEFAULT_REGION"] ?? "us-east-1",
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    maxAttempts: attempts,
    requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS },
    // We send SHA-256 ourselves; other servers know no other kind.
    requestChecksumCalculation: "WHEN_REQUIRED", responseChecksumValidation: "WHEN_REQUIRED",
  });
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** `kept`: the server said that it keeps the part's SHA-256. */
interface SentPart { readonly number: number; readonly etag: string; readonly sha256: Uint8Array; readonly kept: boolean }

export class S3Target implements LakeTarget {
  readonly name: string;
  readonly #options: S3TargetOptions;
  readonly #client: S3Client;
  readonly #stopping = new AbortController();
  readonly #stop = (): void => { this.#stopping.abort(); };

  constructor(options: S3TargetOptions) {
    const { address, stop } = options;
    this.#options = options;
    this.name = `s3://${address.bucket}${address.prefix === "" ? "" : `/${address.prefix}`}`;
    this.#client = createS3Client(options.access, options.attempts);
    if (stop?.aborted === true) this.#stop();
    stop?.addEventListener("abort", this.#stop);
  }

  close(): void {
    this.#options.stop?.removeEventListener("abort", this.#stop);
    this.#client.destroy();
  }

  #place(path: string): { readonly Bucket: string; readonly Key: string } {
    const { bucket, prefix } = this.#options.address;
    return { Bucket: bucket, Key: prefix === "" ? path : `${prefix}/${path}` };
  }

  #memory(path: string): string {
    return `${this.#options.access.endpoint ?? ""} ${this.name}/${path}`;
  }

  async #asked<T>(doing: string, ask: (abort: { readonly abortSignal: AbortSignal }) => Promise<T>): Promise<T> {
    this.#stopIf();
    try {
      return await ask({ abortSignal: this.#stopping.signal });
    } catch (error) {
      this.#stopIf();
      throw s3Fault(error, doing);
    }
  }

  #stopIf(): void {
    if (this.#stopping.signal.aborted) throw fault("export.stopped", "the export was stopped, as asked; what arrived stays, and the next export goes on from there");
  }

  async #head(path: string): Promise<HeadObjectCommandOutput | undefined> {
    return this.#asked(`look at ${this.name}/${path}`, async (abort) => {
      try {
        return await this.#client.send(new HeadObjectCommand({ ...this.#place(path), ChecksumMode: "ENABLED" }), abort);
      } catch (error) {
        if (statusOf(error) === 404) return undefined;
        throw error;
      }
    });
  }

  async readSmall(name: string): Promise<Uint8Array | undefined> {
    return this.#asked(`read ${this.name}/${name}`, async (abort) => {
      try {
        const answer = await this.#client.send(new GetObjectCommand(this.#place(name)), abort);
        if ((answer.ContentLength ?? 0) > SMALL_MAX) throw fault("export.other-capture", `${this.name}/${name} is none of ours: choose another place`);
        return await answer.Body?.transformToByteArray();
      } catch (error) {
        if (isNamed(error, "NoSuchKey")) return undefined;
        throw error;
      }
    });
  }

  async writeSmall(name: string, bytes: Uint8Array): Promise<void> {
    await this.#asked(`write ${this.name}/${name}`, (abort) =>
      this.#client.send(new PutObjectCommand({ ...this.#place(name), Body: bytes, ContentType: "application/json", ChecksumSHA256: base64(sha256(bytes)) }), abort));
  }

  async removeSmall(name: string): Promise<void> {
    await this.#asked(`remove ${this.name}/${name}`, (abort) => this.#client.send(new DeleteObjectCommand(this.#place(name)), abort));
  }

  async compare(file: LakeFile): Promise<"absent" | "same" | "other"> {
    const head = await this.#head(file.path);
    if (head === undefined) return "absent";
    return (await this.#isSame(file, head)) ? "same" : "other";
  }

  /** By the server's own SHA-256, of the whole or of the parts as they were cut; where it keeps none, all of it is read again. */
  async #isSame(file: LakeFile, head: HeadObjectCommandOutput): Promise<boolean> {
    if (head.ContentLength !== file.bytes) return false;
    const told = head.ChecksumSHA256;
    if (told === Buffer.from(file.sha256, "hex").toString("base64")) return true;
    if (told !== undefined && told === (await this.#partsChecksum(file))) return true;
    return (await this.#digest(file.path)) === file.sha256;
  }

  /** What S3 calls the checksum of an object that came in parts: SHA-256 over the parts' SHA-256s, and their number. */
  async #partsChecksum(file: LakeFile): Promise<string> {
    const source = await this.#options.disk.open(file.source, "read");
    const over = createHash("sha256");
    const partBytes = this.#partBytes(file);
    const total = Math.ceil(file.bytes / partBytes);
    try {
      for (let index = 0; index < total; index += 1) over.update(sha256(await source.read(index * partBytes, partBytes)));
    } finally {
      await source.close();
    }
    return `${over.digest("base64")}-${total}`;
  }

  async #digest(path: string): Promise<string> {
    return this.#asked(`read ${this.name}/${path} again`, async (abort) => {
      const hash = createHash("sha256");
      const answer = await this.#client.send(new GetObjectCommand(this.#place(path)), abort);
      for await (const bytes of answer.Body as AsyncIterable<Uint8Array>) hash.update(bytes);
      return hash.digest("hex");
    });
  }

  async put(file: LakeFile, onBytes: (bytes: number) => void): Promise<void> {
    const source = await this.#options.disk.open(file.source, "read");
    try {
      if (file.bytes <= this.#partBytes(file)) await this.#putWhole(file, source);
      else await this.#putParts(file, source, onBytes);
    } finally {
      await source.close();
    }
    const head = await this.#head(file.path);
    if (head === undefined || !(await this.#isSame(file, head))) {
      throw fault("export.not-verified", `${this.name}/${file.path}: what the server holds is not what was sent; remove it there and export again`);
    }
  }

  #partBytes(file: LakeFile): number {
    return Math.max(this.#options.partBytes ?? PART_BYTES, Math.ceil(file.bytes / PARTS_MAX));
  }

  async #putWhole(file: LakeFile, source: DiskFile): Promise<void> {
    const bytes = await source.read(0, file.bytes);
    const digest = sha256(bytes);
    if (hex(digest) !== file.sha256) throw changed(file);
    await this.#asked(`upload ${this.name}/${file.path}`, (abort) =>
      this.#client.send(new PutObjectCommand({ ...this.#place(file.path), Body: bytes, ContentLength: bytes.length, ChecksumSHA256: base64(digest) }), abort));
    await this.#options.uploads.forget(this.#memory(file.path));
  }

  // ── in parts ───────────────────────────────────────────────────────────────

  async #putParts(file: LakeFile, source: DiskFile, onBytes: (bytes: number) => void): Promise<void> {
    const { uploads } = this.#options;
    const memory = this.#memory(file.path);
    const resumed = await this.#resumable(file);
    const upload = resumed?.upload ?? (await this.#begin(file));
    const there = resumed?.parts ?? new Map<number, SentPart>();
    const total = Math.ceil(file.bytes / upload.part_bytes);
    const parts = new Map<number, SentPart>();
    const whole = createHash("sha256");
    const sending = new Set<Promise<void>>();
    let failure: unknown;
    for (let number = 1; number <= total && failure === undefined; number += 1) {
      const bytes = await source.read((number - 1) * upload.part_bytes, upload.part_bytes);
      // The whole is hashed as it is read: a file that was replaced on the way is noticed before it is completed.
      whole.update(bytes);
      const digest = sha256(bytes);
      const known = there.get(number);
      if (known !== undefined && hex(known.sha256) === hex(digest)) {
        parts.set(number, known);
        onBytes(bytes.length);
        continue;
      }
      const sent = this.#sendPart(file, upload, number, bytes, digest).then(
        (part) => {
          parts.set(number, part);
          onBytes(bytes.length);
        },
        (error: unknown) => { failure ??= error; },
      ).finally(() => { sending.delete(sent); });
      sending.add(sent);
      if (sending.size >= PARTS_AT_ONCE) await Promise.race(sending);
    }
    await Promise.all(sending);
    if (failure !== undefined) throw failure;
    if (whole.digest("hex") !== file.sha256) {
      await this.#abort(file.path, upload.upload_id);
      throw changed(file);
    }
    const ordered = [...parts.values()].sort((a, b) => a.number - b.number);
    await this.#complete(file, upload, ordered);
    await uploads.forget(memory);
  }

  async #begin(file: LakeFile): Promise<Upload> {
    const answer = await this.#asked(`begin to upload ${this.name}/${file.path}`, (abort) =>
      this.#client.send(new CreateMultipartUploadCommand({ ...this.#place(file.path), ChecksumAlgorithm: "SHA256" }), abort));
    if (answer.UploadId === undefined) throw fault("export.s3-failed", `Cannot begin to upload ${this.name}/${file.path}: the server gave no upload id`);
    const upload: Upload = { upload_id: answer.UploadId, sha256: file.sha256, part_bytes: this.#partBytes(file), parts: {} };
    await this.#options.uploads.set(this.#memory(file.path), upload);
    return upload;
  }

  async #sendPart(file: LakeFile, upload: Upload, number: number, bytes: Uint8Array, digest: Uint8Array): Promise<SentPart> {
    const answer = await this.#asked(`upload part ${number} of ${this.name}/${file.path}`, (abort) =>
      this.#client.send(new UploadPartCommand({
        ...this.#place(file.path), UploadId: upload.upload_id, PartNumber: number, Body: bytes, ContentLength: bytes.length, ChecksumSHA256: base64(digest),
      }), abort));
    if (answer.ETag === undefined) throw fault("export.s3-failed", `Cannot upload part ${number} of ${this.name}/${file.path}: the server did not name it`);
    await this.#options.uploads.addPart(this.#memory(file.path), number, { etag: answer.ETag, sha256: hex(digest), kept: answer.ChecksumSHA256 !== undefined });
    return { number, etag: answer.ETag, sha256: digest, kept: answer.ChecksumSHA256 !== undefined };
  }

  async #complete(file: LakeFile, upload: Upload, parts: readonly SentPart[]): Promise<void> {
    await this.#asked(`complete ${this.name}/${file.path}`, (abort) =>
      this.#client.send(new CompleteMultipartUploadCommand({
        ...this.#place(file.path), UploadId: upload.upload_id,
        MultipartUpload: {
          // Servers that keep no checksums refuse a list with them (Swift).
          Parts: parts.map((part) => ({ PartNumber: part.number, ETag: part.etag, ...(part.kept ? { ChecksumSHA256: base64(part.sha256) } : {}) })),
        },
      }), abort));
  }

  /** An upload of this very file that the server still has: what is there of it, by its own list and our memory of what was sent. */
  async #resumable(file: LakeFile): Promise<{ readonly upload: Upload; readonly parts: ReadonlyMap<number, SentPart> } | undefined> {
    const upload = this.#options.uploads.get(this.#memory(file.path));
    if (upload === undefined) return undefined;
    if (upload.sha256 !== file.sha256) {
      await this.#abort(file.path, upload.upload_id);
      return undefined;
    }
    const listed = await this.#listParts(file, upload);
    if (listed === "gone") return undefined;
    const parts = new Map<number, SentPart>();
    for (const [text, { etag, sha256: digest, kept }] of Object.entries(upload.parts)) {
      const number = Number(text);
      const there = listed === "unlisted" ? undefined : listed.get(number);
      // A server that cannot list its parts is believed for now: the finished object is compared as a whole.
      if (listed !== "unlisted" && there?.ETag !== etag) continue;
      parts.set(number, { number, etag, sha256: Buffer.from(digest, "hex"), kept });
    }
    return { upload, parts };
  }

  async #listParts(file: LakeFile, upload: Upload): Promise<ReadonlyMap<number, Part> | "gone" | "unlisted"> {
    return this.#asked(`list the parts of ${this.name}/${file.path}`, async (abort) => {
      const parts = new Map<number, Part>();
      let after: string | undefined;
      try {
        do {
          const answer = await this.#client.send(new ListPartsCommand({ ...this.#place(file.path), UploadId: upload.upload_id, ...(after === undefined ? {} : { PartNumberMarker: after }) }), abort);
          // A server without this request answers with something else: the object itself, an error, a page.
          if (answer.UploadId !== upload.upload_id) return "unlisted";
          for (const part of answer.Parts ?? []) if (part.PartNumber !== undefined) parts.set(part.PartNumber, part);
          after = answer.IsTruncated === true ? answer.NextPartNumberMarker : undefined;
        } while (after !== undefined);
        return parts;
      } catch (error) {
        if (isNamed(error, "NoSuchUpload")) return "gone";
        if (isNamed(error, "NotImplemented") || statusOf(error) === 501 || statusOf(error) === 405) return "unlisted";
        throw error;
      }
    });
  }

  /** Gives up what is not finished, here and there. For a cancel that says so, and for uploads of what has changed since. */
  async abortUploads(): Promise<void> {
    const prefix = this.#memory("");
    for (const memory of this.#options.uploads.keys) {
      const upload = this.#options.uploads.get(memory);
      if (memory.startsWith(prefix) && upload !== undefined) await this.#abort(memory.slice(prefix.length), upload.upload_id);
    }
  }

  async #abort(path: string, uploadId: string): Promise<void> {
    try {
      await this.#client.send(new AbortMultipartUploadCommand({ ...this.#place(path), UploadId: uploadId }));
    } catch (error) {
      // Gone already, or a server that cannot: its own rules remove it.
      if (!isNamed(error, "NoSuchUpload", "NotImplemented") && statusOf(error) !== 501 && statusOf(error) !== 405) throw s3Fault(error, `give up the upload of ${this.name}/${path}`);
    }
    await this.#options.uploads.forget(this.#memory(path));
  }
}

function changed(file: LakeFile): Error {
  return fault("export.changed", `${file.source} is not what its metadata says: it was compacted anew meanwhile, or is damaged; export again, and if it says so again run compact`);
}
