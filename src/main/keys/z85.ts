// Z85 (ZeroMQ RFC 32): how 32 key bytes are written as 40 printable characters.
import { assert } from "../../shared/base.ts";

const ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
const BASE = 85;
const BYTES_PER_WORD = 4;
const DIGITS_PER_WORD = 5;

const KEY_DIGITS = 40;
const WORD_MAX = 0xffff_ffff;

/** Whether this text is a CURVE key: 40 digits that stand for 32 bytes. */
export function isCurveKey(text: string): boolean {
  if (text.length !== KEY_DIGITS) return false;
  for (let offset = 0; offset < KEY_DIGITS; offset += DIGITS_PER_WORD) {
    let word = 0;
    for (const digit of text.slice(offset, offset + DIGITS_PER_WORD)) {
      const value = ALPHABET.indexOf(digit);
      if (value < 0) return false;
      word = word * BASE + value;
    }
    if (word > WORD_MAX) return false;
  }
  return true;
}

export function encodeZ85(bytes: Uint8Array): string {
  assert(bytes.length % BYTES_PER_WORD === 0, "Z85 writes whole words of four bytes");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let text = "";
  for (let offset = 0; offset < bytes.length; offset += BYTES_PER_WORD) {
    let word = view.getUint32(offset);
    let digits = "";
    for (let digit = 0; digit < DIGITS_PER_WORD; digit += 1) {
      digits = ALPHABET.charAt(word % BASE) + digits;
      word = Math.floor(word / BASE);
    }
    text += digits;
  }
  return text;
}
