// cryptofeed's recordings, of format 2 here (read-cryptofeed-text.ts has format 1): JSON lines with `t` = header, http, connect, send or recv. The message is a string
// inside; its UTF-8 bytes are what was received. Times are decimal seconds, converted digit by digit, never as floats.
import { wrongFormat, type ForeignFormat, type ForeignItem, type Place, type ReadLine } from "./foreign.ts";
import { isCryptofeedText, readCryptofeedText } from "./read-cryptofeed-text.ts";
import { nsFromSecondsText } from "./seconds-text.ts";

/** The line's own `ts`, outside of strings: inside one its quotes would be escaped. */
const TIME_TEXT = /"ts":\s*(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*[,}]/;
const LONE_SURROGATE = /\p{Surrogate}/u;

function refuse(place: Place, what: string): never {
  throw wrongFormat("cryptofeed", place, what);
}

function text(fields: Readonly<Record<string, unknown>>, name: string, place: Place): string {
  const value = fields[name];
  if (typeof value !== "string") return refuse(place, `the field ${name} must be text`);
  return value;
}

function receiveTime(line: string, place: Place): bigint {
  const found = TIME_TEXT.exec(line)?.[1];
  const ns = found === undefined ? undefined : nsFromSecondsText(found);
  return ns ?? refuse(place, "the field ts must be a number of seconds since 1970");
}

function body(fields: Readonly<Record<string, unknown>>, place: Place): Buffer {
  const data = text(fields, "data", place);
  // Lone surrogates have no bytes; the encoder would put others in their place.
  if (LONE_SURROGATE.test(data)) refuse(place, "the message holds half of a surrogate pair: its bytes cannot be known");
  return Buffer.from(data, "utf8");
}

function checkHeader(fields: Readonly<Record<string, unknown>>, place: Place): ForeignItem {
  if (fields["format"] !== 2) refuse(place, `recordings of format 2 can be read, this says ${JSON.stringify(fields["format"])}`);
  return { kind: "skipped" };
}

function readLine(bytes: Buffer, place: Place): ForeignItem {
  const line = bytes.toString("utf8");
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch (error) {
    return refuse(place, `not JSON (${error instanceof Error ? error.message : String(error)})`);
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return refuse(place, "a line is one JSON object");
  const fields = parsed as Readonly<Record<string, unknown>>;
  if (place.line === 1 && fields["t"] !== "header") refuse(place, 'the first line has "t":"header"');
  switch (fields["t"]) {
    case "header":
      return checkHeader(fields, place);
    case "send":
      return { kind: "skipped" };
    case "connect":
      return { kind: "connect", recvNs: receiveTime(line, place), connection: text(fields, "conn", place), url: text(fields, "addr", place) };
    case "recv":
      return { kind: "message", recvNs: receiveTime(line, place), connection: text(fields, "conn", place), source: "ws", url: undefined, payload: body(fields, place) };
    case "http":
      return {
        kind: "message", recvNs: receiveTime(line, place), connection: text(fields, "conn", place), source: "rest_poll",
        url: text(fields, "url", place), payload: body(fields, place),
      };
    default:
      return refuse(place, `"t" is ${JSON.stringify(fields["t"])}, not header, http, connect, send or recv`);
  }
}

const readObjects: ReadLine = (line, place) => [readLine(line, place)];

export const CRYPTOFEED: ForeignFormat = {
  description: "cryptofeed",
  // The first line tells which of the two formats the file has.
  openFile: () => {
    let read: ReadLine | undefined;
    return (line, place) => {
      read ??= isCryptofeedText(line) ? readCryptofeedText : readObjects;
      return read(line, place);
    };
  },
};
