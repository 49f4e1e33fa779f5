// The envelope of Bybit's pushes, {"topic":"publicTrade.BTCUSDT","type":…,"ts":…,"data":…} with its members in any order, found in the
// bytes without parsing. Decides nothing about what lies inside `data`. Pure towards callers: what is found is scratch space
// that is valid until the next scan.

const QUOTE = 0x22;
const COMMA = 0x2c;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
/** Digits that a double holds exactly. */
const FAST_DIGITS = 15;

/** What the scan found. Indices are -1 and times undefined where it found nothing. */
export interface Envelope {
  topicStart: number;
  topicEnd: number;
  typeStart: number;
  typeEnd: number;
  tsMs: number | undefined;
  ctsMs: number | undefined;
  dataStart: number;
  /** Behind the last byte of `data`. */
  dataEnd: number;
  /** The whole message, `data` excepted, has the plain form and known members only: none doubled, no escapes, nothing behind the end. */
  isPlain: boolean;
}

export const envelope: Envelope = { topicStart: -1, topicEnd: -1, typeStart: -1, typeEnd: -1, tsMs: undefined, ctsMs: undefined, dataStart: -1, dataEnd: -1, isPlain: false };

/** True when the bytes in the range are this ASCII text. */
export function isPlainText(bytes: Uint8Array, from: number, until: number, expected: string): boolean {
  if (until - from !== expected.length) return false;
  for (let i = 0; i < expected.length; i += 1) if (bytes[from + i] !== expected.charCodeAt(i)) return false;
  return true;
}

/** Index of the closing quote of the plain string that opens at `at`; -1 for escapes, control and non-ASCII bytes. */
export function plainEnd(bytes: Uint8Array, at: number): number {
  for (let i = at + 1; i < bytes.length; i += 1) {
    const c = bytes[i] as number;
    if (c === QUOTE) return i;
    if (c === BACKSLASH || c < 0x20 || c > 0x7e) return -1;
  }
  return -1;
}

/** Index behind the string that opens at `at`, whatever is in it; -1 when it does not end. */
function stringBehind(bytes: Uint8Array, at: number): number {
  for (let i = at + 1; i < bytes.length; i += 1) {
    const c = bytes[i];
    if (c === BACKSLASH) i += 1;
    else if (c === QUOTE) return i + 1;
  }
  return -1;
}

/** Index behind the value at `at`; -1 when it does not end. Nothing is said about its contents. */
function valueBehind(bytes: Uint8Array, at: number): number {
  const first = bytes[at];
  if (first === QUOTE) return stringBehind(bytes, at);
  let depth = 0;
  for (let i = at; i < bytes.length; i += 1) {
    const c = bytes[i];
    if (c === QUOTE) {
      i = stringBehind(bytes, i) - 1;
      if (i < 0) return -1;
    } else if (c === OPEN || c === OPEN_LIST) {
      depth += 1;
    } else if (c === CLOSE || c === CLOSE_LIST) {
      if (depth === 0) return i > at ? i : -1;
      depth -= 1;
      if (depth === 0) return i + 1;
    } else if (c === COMMA && depth === 0) {
      return i > at ? i : -1;
    }
  }
  return -1;
}

/** The whole number in [from, until); undefined when the bytes are anything else. */
export function wholeAt(bytes: Uint8Array, from: number, until: number): number | undefined {
  const digits = until - from;
  if (digits < 1 || digits > FAST_DIGITS || (bytes[from] === ZERO && digits > 1)) return undefined;
  let value = 0;
  for (let i = from; i < until; i += 1) {
    const c = bytes[i] as number;
    if (c < ZERO || c > NINE) return undefined;
    value = value * 10 + (c - ZERO);
  }
  return value;
}

/** A member was seen that says nothing to us, or whose value was not looked at. */
let hasOther = false;

/** Takes a member that matters; false when it deviates from the plain form. */
function take(bytes: Uint8Array, nameStart: number, nameEnd: number, start: number, end: number): boolean {
  if (isPlainText(bytes, nameStart, nameEnd, "topic")) {
    if (envelope.topicStart >= 0 || bytes[start] !== QUOTE || plainEnd(bytes, start) !== end - 1) return false;
    envelope.topicStart = start + 1;
    envelope.topicEnd = end - 1;
  } else if (isPlainText(bytes, nameStart, nameEnd, "type")) {
    if (envelope.typeStart >= 0 || bytes[start] !== QUOTE || plainEnd(bytes, start) !== end - 1) return false;
    envelope.typeStart = start + 1;
    envelope.typeEnd = end - 1;
  } else if (isPlainText(bytes, nameStart, nameEnd, "data")) {
    if (envelope.dataStart >= 0) return false;
    envelope.dataStart = start;
    envelope.dataEnd = end;
  } else if (isPlainText(bytes, nameStart, nameEnd, "ts")) {
    if (envelope.tsMs !== undefined) return false;
    envelope.tsMs = wholeAt(bytes, start, end);
    return envelope.tsMs !== undefined;
  } else if (isPlainText(bytes, nameStart, nameEnd, "cts")) {
    if (envelope.ctsMs !== undefined) return false;
    envelope.ctsMs = wholeAt(bytes, start, end);
    return envelope.ctsMs !== undefined;
  } else if (!isPlainText(bytes, nameStart, nameEnd, "cs") || wholeAt(bytes, start, end) === undefined) {
    hasOther = true;
  }
  return true;
}

/** Walks the members of the object at `from`, as far as its form is plain. True when it reached the object's end. */
function walk(bytes: Uint8Array, from: number, member: (nameStart: number, nameEnd: number, start: number, end: number) => boolean): number {
  if (bytes[from] !== OPEN) return -1;
  let at = from + 1;
  for (;;) {
    if (bytes[at] !== QUOTE) return -1;
    const nameEnd = plainEnd(bytes, at);
    if (nameEnd < 0 || bytes[nameEnd + 1] !== COLON) return -1;
    const start = nameEnd + 2;
    const end = valueBehind(bytes, start);
    if (end < 0 || !member(at + 1, nameEnd, start, end)) return -1;
    at = end + 1;
    if (bytes[end] === CLOSE) return at;
    if (bytes[end] !== COMMA) return -1;
  }
}

/** Fills `envelope` as far as the bytes are plain; true when something names a topic. */
export function scanEnvelope(bytes: Uint8Array): boolean {
  envelope.topicStart = envelope.topicEnd = envelope.typeStart = envelope.typeEnd = envelope.dataStart = envelope.dataEnd = -1;
  envelope.tsMs = envelope.ctsMs = undefined;
  hasOther = false;
  const end = walk(bytes, 0, (nameStart, nameEnd, start, behind) => take(bytes, nameStart, nameEnd, start, behind));
  envelope.isPlain = end === bytes.length && !hasOther;
  // What was not walked to its end may name a time or the data once more, and the last one counts.
  if (end !== bytes.length) {
    envelope.tsMs = envelope.ctsMs = undefined;
    envelope.dataStart = envelope.dataEnd = -1;
  }
  return envelope.topicStart >= 0;
}

/** `T` of the first object in `data`, after a scan; undefined when it is not there in plain form. */
export function firstItemTime(bytes: Uint8Array): number | undefined {
  const at = envelope.dataStart;
  if (at < 0 || bytes[at] !== OPEN_LIST) return undefined;
  let found: number | undefined;
  let times = 0;
  const end = walk(bytes, at + 1, (nameStart, nameEnd, start, behind) => {
    if (!isPlainText(bytes, nameStart, nameEnd, "T")) return true;
    found = wholeAt(bytes, start, behind);
    times += 1;
    return true;
  });
  // A time that is named twice is no time to route by.
  return end > 0 && times === 1 ? found : undefined;
}
