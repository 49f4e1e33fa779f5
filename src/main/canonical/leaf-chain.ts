// The leaf chain of a fold stream (shared/leaf.ts), with scratch buffers: it is the dearest step per message. Pure.
import type { Sha256 } from "../../shared/base.ts";
import { CHAIN_START, leafOf } from "../../shared/leaf.ts";
import type { RawRecord } from "../../shared/raw.ts";

export class LeafChain {
  /** Values before and after the last message; never written to, so they can be kept and shared. */
  before: Uint8Array;
  value: Uint8Array;
  readonly #sha256: Sha256;
  readonly #joined = new Uint8Array(64);

  constructor(sha256: Sha256, before: Uint8Array = CHAIN_START, value: Uint8Array = CHAIN_START) {
    this.#sha256 = sha256;
    this.before = before;
    this.value = value;
  }

  next(record: RawRecord): void {
    this.#joined.set(this.value, 0);
    this.#joined.set(leafOf(record, this.#sha256), 32);
    this.before = this.value;
    this.value = this.#sha256(this.#joined);
  }
}

export function bytesFromHex(hex: string): Uint8Array {
  const bytes = new Uint8Array(hex.length / 2);
  for (let index = 0; index < bytes.length; index += 1) bytes[index] = Number.parseInt(hex.slice(index * 2, index * 2 + 2), 16);
  return bytes;
}
