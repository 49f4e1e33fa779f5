// The envelope of Binance's combined streams, {"stream":"btcusdt@trade","data":{…}}, found in the bytes without parsing.
// Pure.

const HEAD = [...'{"stream":"'].map((char) => char.charCodeAt(0));
const MIDDLE = [...'","data":'].map((char) => char.charCodeAt(0));
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const CLOSE = 0x7d;
/** Longest stream name that is looked for: symbol, channel and speed of any Binance product fit many times. */
const NAME_MAX = 128;

function matches(bytes: Uint8Array, at: number, expected: readonly number[]): boolean {
  for (let i = 0; i < expected.length; i += 1) if (bytes[at + i] !== expected[i]) return false;
  return true;
}

/** Index of the closing quote of the stream name, or -1 when the bytes do not start with a plain envelope. */
export function streamNameEnd(bytes: Uint8Array): number {
  if (!matches(bytes, 0, HEAD)) return -1;
  const limit = Math.min(bytes.length, HEAD.length + NAME_MAX);
  for (let i = HEAD.length; i < limit; i += 1) {
    const c = bytes[i] as number;
    if (c === QUOTE) return matches(bytes, i, MIDDLE) ? i : -1;
    if (c === BACKSLASH || c < 0x20 || c > 0x7e) return -1;
  }
  return -1;
}

export const STREAM_NAME_START = HEAD.length;

/** Where `data` starts in an envelope whose stream name ends at `nameEnd`. */
export function dataStart(nameEnd: number): number {
  return nameEnd + MIDDLE.length;
}

/** True when nothing but the envelope's own closing brace follows the data that ended before `at`. */
export function isEnvelopeEnd(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === CLOSE && at + 1 === bytes.length;
}
