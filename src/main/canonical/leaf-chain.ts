// The leaf chain of a fold stream (shared/leaf.ts), with scratch buffers: it is the dearest step per message. Pure.
import type { Sha256 } from "../../shared/base.ts";
import { CHAIN_START } from "../../shared/leaf.ts";
import type { RawRecord } from "../../shared/raw.ts";

const U32 = 2 ** 32;
const NUMBERS_BYTES = 32;
const HASH_BYTES = 32;
const encoder = new TextEncoder();

/** The input of a leaf for one stream and source: what does not change between messages is written once. */
interface LeafForm {
  readonly streamId: string;
  readonly source: string;
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

function formOf(record: RawRecord): LeafForm {
  const { source } = record;
  const { streamId } = record.stream;
  const stream = encoder.encode(streamId);
  const origin = encoder.encode(source);
  const bytes = new Uint8Array(NUMBERS_BYTES + 2 + stream.length + 1 + origin.length + HASH_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(NUMBERS_BYTES, stream.length, true);
  bytes.set(stream, NUMBERS_BYTES + 2);
  bytes[NUMBERS_BYTES + 2 + stream.length] = origin.length;
  bytes.set(origin, NUMBERS_BYTES + 3 + stream.length);
  return { streamId, source, bytes, view };
}

/** A non-negative safe integer as u64. */
function setU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % U32, true);
  view.setUint32(at + 4, Math.floor(value / U32), true);
}

export class LeafChain {
  /** Values before and after the last message; never written to, so they can be kept and shared. */
  before: Uint8Array;
  value: Uint8Array;
  readonly #sha256: Sha256;
  readonly #joined = new Uint8Array(2 * HASH_BYTES);
  #form: LeafForm | undefined;

  constructor(sha256: Sha256, before: Uint8Array = CHAIN_START, value: Uint8Array = CHAIN_START) {
    this.#sha256 = sha256;
    this.before = before;
    this.value = value;
  }

  next(record: RawRecord): void {
    this.#joined.set(this.value, 0);
    this.#joined.set(this.#leaf(record), HASH_BYTES);
    this.before = this.value;
    this.value = this.#sha256(this.#joined);
  }

  /** The same leaf as shared/leaf.ts (asserted by test), without its allocations. */
  #leaf(record: RawRecord): Uint8Array {
    let form = this.#form;
    if (form === undefined || form.source !== record.source || form.streamId !== record.stream.streamId) {
      form = formOf(record);
      this.#form = form;
    }
    const { bytes, view } = form;
    setU64(view, 0, record.seq);
    setU64(view, 8, record.ingestSeq);
    view.setBigInt64(16, record.recvNs, true);
    view.setBigInt64(24, record.eventNs, true);
    bytes.set(this.#sha256(record.payload), bytes.length - HASH_BYTES);
    return this.#sha256(bytes);
  }
}

export function bytesFromHex(hex: string): Uint8Array {
  const bytes = new Uint8Array(hex.length / 2);
  for (let index = 0; index < bytes.length; index += 1) bytes[index] = Number.parseInt(hex.slice(index * 2, index * 2 + 2), 16);
  return bytes;
}
