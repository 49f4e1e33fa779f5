// What the fuzz test and the long fuzz run share: every decoder over one frame, and what may come of it.
import { correlationIdOf, decodeAnswer, decodePublication, decodeRequest } from "./decode.ts";

const CODES = new Set(["wire.malformed", "wire.unexpected", "wire.version", "wire.oversized"]);

/** Throws when a decoder throws, or fails in a way that it should not. Returns how many of the three took the frame. */
export function decodeEveryWay(frame: Uint8Array): number {
  let taken = 0;
  for (const decode of [decodeRequest, decodeAnswer, decodePublication]) {
    const result = decode(frame);
    if (result.ok) taken += 1;
    else if (!CODES.has(result.fault.code) || result.fault.message.includes("\n")) throw new Error(`${result.fault.code}: ${result.fault.message}`);
  }
  const correlationId = correlationIdOf(frame);
  if (correlationId !== undefined && !Number.isSafeInteger(correlationId)) throw new Error(`correlation id ${correlationId}`);
  return taken;
}

/** mulberry32: the same frames for the same seed. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const TELLING = [0, 1, 2, 4, 0x7f, 0x80, 0xff];

/** Some bytes, words or stretches of the frame changed; sometimes cut or lengthened. */
export function mutated(frame: Uint8Array, random: () => number): Uint8Array {
  const pick = (count: number): number => Math.floor(random() * count);
  const bytes = Buffer.from(frame);
  for (let changes = 1 + pick(4); changes > 0; changes -= 1) {
    const at = pick(bytes.length);
    const kind = pick(5);
    if (kind === 0) bytes[at] = pick(256);
    else if (kind === 1) bytes[at] = TELLING[pick(TELLING.length)] ?? 0;
    else if (kind === 2 && at + 4 <= bytes.length) bytes.writeInt32LE(pick(bytes.length * 2) - bytes.length, at);
    else if (kind === 3 && at + 4 <= bytes.length) bytes.writeUInt32LE([0xffff_ffff, 0x7fff_ffff, 0x8000_0000, bytes.length][pick(4)] ?? 0, at);
    else bytes.copyWithin(at, pick(bytes.length), pick(bytes.length));
  }
  const end = pick(10);
  if (end === 0) return bytes.subarray(0, pick(bytes.length));
  return end === 1 ? Buffer.concat([bytes, bytes.subarray(0, pick(bytes.length))]) : bytes;
}
