// cryptofeed's older recordings ("format 1"): text lines. `<url> <-> <ts>` connects, `<url> <- <ts>: <json>` is what the foreign collector sent,
// `<ts>: <json>` was received. A file holds one connection at a time, and received lines do not name it.
import { wrongFormat, type ForeignItem, type Place, type ReadLine } from "./foreign.ts";
import { nsFromSecondsText } from "./seconds-text.ts";

const CONNECT = /^(wss?:\/\/\S+) <-> (\S+)$/;
const SENT = /^\S+ <- \S+: /;
const COLON = 0x3a;
const SPACE = 0x20;
/** Longest time at the head of a received line. */
const TIME_BYTES_MAX = 40;

/** True for the first line of such a recording: format 2 begins with a JSON object. */
export function isCryptofeedText(firstLine: Buffer): boolean {
  return CONNECT.test(firstLine.toString("utf8", 0, 4_096));
}

function received(line: Buffer, place: Place): ForeignItem {
  const colon = line.subarray(0, TIME_BYTES_MAX).indexOf(COLON);
  const recvNs = colon < 0 ? undefined : nsFromSecondsText(line.toString("latin1", 0, colon));
  if (recvNs === undefined || line[colon + 1] !== SPACE) {
    throw wrongFormat("cryptofeed", place, "a line of format 1 is `<url> <-> <seconds>`, `<url> <- <seconds>: <sent>` or `<seconds>: <message>`");
  }
  return { kind: "message", recvNs, connection: `import.${place.fileNumber}`, source: "ws", url: undefined, payload: line.subarray(colon + 2) };
}

export const readCryptofeedText: ReadLine = (line, place) => {
  // Recordings end with empty lines.
  if (line.length === 0) return [];
  const text = line.toString("utf8", 0, 4_096);
  const connect = CONNECT.exec(text);
  if (connect !== null) {
    const recvNs = nsFromSecondsText(connect[2] ?? "");
    if (recvNs === undefined) throw wrongFormat("cryptofeed", place, `${connect[2] ?? ""} is no number of seconds since 1970`);
    return [{ kind: "connect", recvNs, connection: `import.${place.fileNumber}`, url: connect[1] ?? "" }];
  }
  return SENT.test(text) ? [{ kind: "skipped" }] : [received(line, place)];
};
