// The platform's hashes for everybody: SHA-256, and CRC-32 for MCAP framing.
import * as crypto from "node:crypto";
import { crc32 as zlibCrc32 } from "node:zlib";
import type { Sha256 } from "../../shared/base.ts";

type OneShot = (algorithm: string, data: Uint8Array, encoding: "binary" | "buffer" | "hex") => string | Uint8Array;

// `crypto.hash` is 3× faster than createHash on 200 bytes, but not in every runtime that we start in.
const oneShot = (crypto as { hash?: OneShot }).hash;

/** SHA-256 as 32 Latin-1 characters: three times as fast to make and to copy as a buffer (3.7 M/s against 1.3 M/s). */
export const sha256Latin1: (bytes: Uint8Array) => string =
  oneShot === undefined
    ? (bytes) => crypto.createHash("sha256").update(bytes).digest("binary")
    : (bytes) => oneShot("sha256", bytes, "binary") as string;

/** SHA-256 as 32 bytes: by way of Latin-1, since making a Buffer costs more than the hash. */
export const sha256: Sha256 = (bytes) => {
  const text = sha256Latin1(bytes);
  const digest = new Uint8Array(32);
  for (let index = 0; index < 32; index += 1) digest[index] = text.charCodeAt(index);
  return digest;
};

/** SHA-256 as 64 hex digits. */
export function sha256Hex(bytes: Uint8Array): string {
  return Buffer.from(sha256Latin1(bytes), "latin1").toString("hex");
}

/** SHA-256 of bytes that come in parts. */
export class RunningSha256 {
  readonly #hash = crypto.createHash("sha256");
  add(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }
  /** Ends it: 64 hex digits. */
  hex(): string {
    return this.#hash.digest("hex");
  }
}

/** CRC-32 (IEEE) as MCAP uses it; `start` continues an earlier one. */
export function crc32(bytes: Uint8Array, start = 0): number {
  return zlibCrc32(bytes, start);
}
