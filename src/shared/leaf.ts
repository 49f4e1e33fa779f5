// The leaf of one raw message (D5) and the two folds over leaves: fixed blocks for roots, a chain for provenance. Pure.
import type { Sha256 } from "./base.ts";
import type { RawRecord } from "./raw.ts";

/** A root covers this many consecutive seq numbers, whatever the chunking: block k holds seq k·1024+1 … (k+1)·1024. */
export const ROOT_BLOCK = 1_024;

function hexDigit(nibble: number): number {
  return nibble < 10 ? 0x30 + nibble : 0x57 + nibble;
}

/** Made at once, not by appending: a digest made of 32 appended pieces keeps all of them, a kilobyte instead of 80 bytes. */
export function toHex(bytes: Uint8Array): string {
  const codes: number[] = [];
  for (const byte of bytes) codes.push(hexDigit(byte >>> 4), hexDigit(byte & 15));
  return String.fromCharCode(...codes);
}

const encoder = new TextEncoder();

/**
 * sha256 over: u64 seq, u64 ingest_seq, i64 recv_ns, i64 event_ns (all little-endian), u16 length + UTF-8 stream_id,
 * u8 length + UTF-8 source, 32 bytes payload sha256. Fixed-width or length-prefixed throughout, so no two records share an input.
 */
export function leafOf(record: RawRecord, sha256: Sha256): Uint8Array {
  const streamId = encoder.encode(record.stream.streamId);
  const source = encoder.encode(record.source);
  const bytes = new Uint8Array(32 + 2 + streamId.length + 1 + source.length + 32);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(record.seq), true);
  view.setBigUint64(8, BigInt(record.ingestSeq), true);
  view.setBigInt64(16, record.recvNs, true);
  view.setBigInt64(24, record.eventNs, true);
  view.setUint16(32, streamId.length, true);
  bytes.set(streamId, 34);
  bytes[34 + streamId.length] = source.length;
  bytes.set(source, 35 + streamId.length);
  bytes.set(sha256(record.payload), 35 + streamId.length + source.length);
  return sha256(bytes);
}

/** Start of every leaf chain: 32 zero bytes. */
export const CHAIN_START: Uint8Array = new Uint8Array(32);

/** Next value of a stream's leaf chain: sha256(previous ‖ leaf). */
export function chainNext(previous: Uint8Array, leaf: Uint8Array, sha256: Sha256): Uint8Array {
  const joined = new Uint8Array(64);
  joined.set(previous, 0);
  joined.set(leaf, 32);
  return sha256(joined);
}
