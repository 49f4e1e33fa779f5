// Bybit's pushes read in one pass over their bytes, in plain form and with known members only: {"topic":"tickers.BTCUSDT","type":…,"data":…}
// with `topic` first, as the venue writes it, and the others in any order. Anything else is left to JSON.parse. Pure towards callers: `push` is
// scratch space that is valid until the next call.
import type { StreamRef } from "../../../shared/market.ts";
import { CLOSE, codes, COMMA, DOT, found, isAt, isText, name, QUOTE, whole } from "../bytes.ts";

const HEAD = codes('{"topic":"');
const SNAPSHOT = codes('"snapshot"');
const DELTA = codes('"delta"');

/** What the envelope says: -1 for what it does not. `type`: 1 snapshot, 2 delta, 0 none. */
export const push = { tsMs: -1, ctsMs: -1, cs: -1, type: 0 };
export const IS_SNAPSHOT = 1, IS_DELTA = 2;

export function beginPush(): void {
  push.tsMs = push.ctsMs = push.cs = -1;
  push.type = 0;
}

/** Index behind the topic's closing quote when the message begins with this stream's topic. */
function behindTopic(bytes: Uint8Array, { channel, symbol }: StreamRef): number {
  if (!isAt(bytes, 0, HEAD)) return -1;
  const dot = HEAD.length + channel.length;
  const end = dot + 1 + symbol.length;
  if (bytes[dot] !== DOT || bytes[end] !== QUOTE) return -1;
  return isText(bytes, HEAD.length, dot, channel) && isText(bytes, dot + 1, end, symbol) ? end + 1 : -1;
}

/** Reads the value of the member that was named last; answers the index behind it. */
function member(bytes: Uint8Array, at: number): number {
  const { nameStart, nameEnd } = found;
  if (isText(bytes, nameStart, nameEnd, "type")) {
    if (push.type !== 0) return -1;
    push.type = isAt(bytes, at, DELTA) ? IS_DELTA : isAt(bytes, at, SNAPSHOT) ? IS_SNAPSHOT : 0;
    return push.type === 0 ? -1 : at + (push.type === IS_DELTA ? DELTA : SNAPSHOT).length;
  }
  const behind = whole(bytes, at);
  if (behind < 0) return -1;
  if (isText(bytes, nameStart, nameEnd, "ts")) {
    if (push.tsMs >= 0) return -1;
    push.tsMs = found.whole;
  } else if (isText(bytes, nameStart, nameEnd, "cs")) {
    if (push.cs >= 0) return -1;
    push.cs = found.whole;
  } else if (isText(bytes, nameStart, nameEnd, "cts")) {
    if (push.ctsMs >= 0) return -1;
    push.ctsMs = found.whole;
  } else return -1;
  return behind;
}

/** Reads a plain push of this stream into `push`, its data by `data`, which answers the index behind them or -1. False: let JSON.parse decide. */
export function readPush(bytes: Uint8Array, stream: StreamRef, data: (bytes: Uint8Array, at: number, symbol: string) => number): boolean {
  let at = behindTopic(bytes, stream);
  if (at < 0) return false;
  beginPush();
  let hasData = false;
  while (bytes[at] === COMMA) {
    at = name(bytes, at + 1);
    if (at < 0) return false;
    if (isText(bytes, found.nameStart, found.nameEnd, "data")) {
      if (hasData) return false;
      hasData = true;
      at = data(bytes, at, stream.symbol);
    } else at = member(bytes, at);
    if (at < 0) return false;
  }
  return hasData && bytes[at] === CLOSE && at + 1 === bytes.length;
}
