// Owns the bytes of the engine⇄screen protocol: one message is one ArrayBuffer. Refuses what could not come back as it went in. Pure.
//
//   0   u32  magic "TDM1"          (all integers little-endian)
//   4   u32  bytes of the header
//   8   …    header: JSON {"message":…,"columns":[[path, type, offset, length],…]} in UTF-8
//       …    zeros up to a multiple of 8, then the columns, each at a multiple of 8
//
// Columns stand beside the message, named by path, so that no content of a message can be mistaken for one.
// Why views and not copies: a reset of 5,000 bars is half a megabyte; decoding it costs the header's JSON only.
import { z } from "zod";
import { fault, FaultError } from "../base.ts";
import { commandSchemas, type CommandName } from "./commands.ts";
import type { BarColumns, EngineToUi, UiToEngine } from "./frames.ts";

/** Largest message: a raw page of 500 messages × 64 KiB of text, with room for the rest. */
export const MESSAGE_BYTES_MAX = 64 * 1024 * 1024;
const COLUMNS_MAX = 1_024;
const DEPTH_MAX = 64;
const MAGIC = 0x31_4d_44_54;
const FIXED_BYTES = 8;

const COLUMN_TYPES = { f64: Float64Array, i32: Int32Array, u32: Uint32Array, u16: Uint16Array, u8: Uint8Array } as const;
type ColumnType = keyof typeof COLUMN_TYPES;
type Column = Float64Array | Int32Array | Uint32Array | Uint16Array | Uint8Array;
type Path = readonly (string | number)[];
type ColumnRef = readonly [path: Path, type: ColumnType, offset: number, length: number];

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function aligned(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}

function unencodable(path: Path, what: string): FaultError {
  return fault("protocol.unencodable", `message cannot be sent: ${what} at ${path.length === 0 ? "its top" : path.join(".")}`);
}

function malformed(what: string): FaultError {
  return fault("protocol.malformed", `message cannot be read: ${what}; screen and engine may be of different versions, reload the screen`);
}

function columnTypeOf(value: object): ColumnType | undefined {
  for (const type of Object.keys(COLUMN_TYPES) as ColumnType[]) if (value instanceof COLUMN_TYPES[type]) return type;
  return undefined;
}

interface Lifted { readonly path: Path; readonly type: ColumnType; readonly column: Column }

/** A copy that JSON can hold: columns are taken out into `columns`, undefined members left out, the rest checked. */
function lift(value: unknown, path: Path, columns: Lifted[]): unknown {
  if (path.length > DEPTH_MAX) throw unencodable(path.slice(0, 8), `nesting deeper than ${DEPTH_MAX} (a cycle?)`);
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      if (!Number.isFinite(value)) throw unencodable(path, `the number ${value}`);
      return value;
    case "object":
      return value === null ? null : liftObject(value, path, columns);
    default:
      throw unencodable(path, `a value of type ${typeof value}`);
  }
}

function liftObject(value: object, path: Path, columns: Lifted[]): unknown {
  const type = columnTypeOf(value);
  if (type !== undefined) {
    if (columns.length === COLUMNS_MAX) throw unencodable(path, `more than ${COLUMNS_MAX} columns`);
    columns.push({ path, type, column: value as Column });
    return 0;
  }
  if (Array.isArray(value)) return Array.from(value, (item, index) => lift(item, [...path, index], columns));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw unencodable(path, "an object that is not plain");
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  // fromEntries defines members, where assignment to "__proto__" would set the prototype.
  return Object.fromEntries(members.map(([key, member]) => [key, lift(member, [...path, key], columns)]));
}

/** One message as one buffer. Throws `protocol.unencodable`: NaN, functions, bigints, undefined in arrays, too large. */
export function encodeMessage(message: EngineToUi | UiToEngine): ArrayBuffer {
  const columns: Lifted[] = [];
  const lifted = lift(message, [], columns);
  let dataBytes = 0;
  const refs = columns.map(({ path, type, column }): ColumnRef => {
    const offset = dataBytes;
    dataBytes = aligned(dataBytes + column.byteLength);
    // Offsets count from the start of the columns: where that is depends on the length of this very header.
    return [path, type, offset, column.length];
  });
  const header = encoder.encode(JSON.stringify({ message: lifted, columns: refs }));
  const dataStart = aligned(FIXED_BYTES + header.byteLength);
  if (dataStart + dataBytes > MESSAGE_BYTES_MAX) throw unencodable([], `${dataStart + dataBytes} bytes, more than ${MESSAGE_BYTES_MAX}`);
  const bytes = new Uint8Array(dataStart + dataBytes);
  const fixed = new DataView(bytes.buffer);
  fixed.setUint32(0, MAGIC, true);
  fixed.setUint32(4, header.byteLength, true);
  bytes.set(header, FIXED_BYTES);
  columns.forEach(({ column }, index) => {
    const source = new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
    bytes.set(source, dataStart + (refs[index]?.[2] ?? 0));
  });
  return bytes.buffer;
}

// ── Reading ──────────────────────────────────────────────────────────────────

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function viewOf(buffer: ArrayBuffer, type: ColumnType, byteOffset: number, length: number): Column {
  return new COLUMN_TYPES[type](buffer, byteOffset, length);
}

/** Puts one column's view where its path says; the path must name a member that is there, as the number 0. */
function place(root: Record<string, unknown>, ref: unknown, buffer: ArrayBuffer, dataStart: number): void {
  if (!Array.isArray(ref) || ref.length !== 4) throw malformed("a column reference has another shape");
  const [path, type, offset, length] = ref as readonly unknown[];
  if (!Array.isArray(path) || path.length === 0 || path.length > DEPTH_MAX) throw malformed("a column has no path");
  if (typeof type !== "string" || !Object.hasOwn(COLUMN_TYPES, type)) throw malformed("a column has an unknown type");
  if (!isCount(offset) || !isCount(length) || offset % 8 !== 0) throw malformed("a column has a bad place");
  const start = dataStart + offset;
  const columnType = type as ColumnType;
  if (start + length * COLUMN_TYPES[columnType].BYTES_PER_ELEMENT > buffer.byteLength) throw malformed("a column reaches beyond the message");
  let holder: unknown = root;
  for (const key of (path as readonly unknown[]).slice(0, -1)) holder = memberAt(holder, key);
  const last: unknown = path.at(-1);
  if (memberAt(holder, last) !== 0) throw malformed("a column's path names something else");
  Object.defineProperty(holder, last as string, {
    value: viewOf(buffer, columnType, start, length), writable: true, enumerable: true, configurable: true,
  });
}

function memberAt(holder: unknown, key: unknown): unknown {
  const named = typeof key === "string" || isCount(key);
  if (!named || typeof holder !== "object" || holder === null || !Object.hasOwn(holder, key)) throw malformed("a column's path leads nowhere");
  return (holder as Record<string | number, unknown>)[key];
}

/** Views need the buffer's start at a multiple of 8; a socket library may hand out slices of a pool. */
function wholeBuffer(bytes: ArrayBuffer | Uint8Array): ArrayBuffer {
  if (bytes instanceof ArrayBuffer) return bytes;
  if (bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength && bytes.buffer instanceof ArrayBuffer) return bytes.buffer;
  return bytes.slice().buffer as ArrayBuffer;
}

function decode(input: ArrayBuffer | Uint8Array): Record<string, unknown> {
  const buffer = wholeBuffer(input);
  if (buffer.byteLength < FIXED_BYTES || buffer.byteLength > MESSAGE_BYTES_MAX) throw malformed(`${buffer.byteLength} bytes is no length of a message`);
  const fixed = new DataView(buffer);
  if (fixed.getUint32(0, true) !== MAGIC) throw malformed("it does not begin with TDM1");
  const headerBytes = fixed.getUint32(4, true);
  if (FIXED_BYTES + headerBytes > buffer.byteLength) throw malformed("its header is cut off");
  let header: unknown;
  try {
    header = JSON.parse(decoder.decode(new Uint8Array(buffer, FIXED_BYTES, headerBytes)));
  } catch {
    throw malformed("its header is not JSON");
  }
  if (!isRecord(header) || !isRecord(header["message"]) || !Array.isArray(header["columns"])) throw malformed("its header has another shape");
  const refs: readonly unknown[] = header["columns"];
  if (refs.length > COLUMNS_MAX) throw malformed("it has too many columns");
  const message = header["message"];
  for (const ref of refs) place(message, ref, buffer, aligned(FIXED_BYTES + headerBytes));
  return message;
}

const COMMAND_NAMES = Object.keys(commandSchemas) as [CommandName, ...CommandName[]];
const id = z.number().int().nonnegative();
const uiToEngineSchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("call"), id, name: z.enum(COMMAND_NAMES), input: z.unknown() }),
  z.strictObject({ type: z.literal("cancel"), id }),
  z.strictObject({ type: z.literal("painted"), frame: id }),
]);

/**
 * A message of the screen, checked but for `input`, which the command's own schema checks. Throws `protocol.malformed`,
 * never anything else. Columns are views into the buffer given, unless that is a slice of a larger one.
 */
export function decodeUiToEngine(bytes: ArrayBuffer | Uint8Array): UiToEngine {
  const parsed = uiToEngineSchema.safeParse(decode(bytes));
  if (!parsed.success) throw malformed(`it is no message of a screen (${parsed.error.issues[0]?.message ?? "unknown"})`);
  return parsed.data;
}

const BAR_FLOATS = ["openMs", "open", "high", "low", "close", "volume", "quoteVolume", "takerBuyVolume", "tradeCount", "atSeq"] as const satisfies readonly (keyof BarColumns)[];
const BAR_BYTES = ["grade", "flags"] as const satisfies readonly (keyof BarColumns)[];

function checkBars(bars: unknown): void {
  if (!isRecord(bars)) throw malformed("its bars are missing");
  const length = bars["length"];
  if (!isCount(length)) throw malformed("its bars have no length");
  const scales = [bars["priceScale"], bars["volumeScale"], bars["quoteScale"]];
  if (!scales.every((scale) => isCount(scale) && scale <= 30)) throw malformed("its bars have no usable scales");
  const fits = (names: readonly string[], kind: typeof Float64Array | typeof Uint8Array | typeof Uint16Array): boolean =>
    names.every((name) => bars[name] instanceof kind && bars[name].length === length);
  if (!fits(BAR_FLOATS, Float64Array) || !fits(["revision"], Uint16Array) || !fits(BAR_BYTES, Uint8Array)) throw malformed("its bar columns differ in length or type");
}

const frameHead = z.object({ frame: id, epoch: id, mode: z.strictObject({ simulated: z.boolean(), replay: z.boolean(), remote: z.string().optional() }) });
const viewHead = z.object({
  kind: z.enum(["reset", "changes"]), venue: z.string(), symbol: z.string(), interval: z.string(), moreBefore: z.boolean(),
  empty: z.array(z.unknown()), gaps: z.array(z.unknown()), revisions: z.array(z.unknown()), events: z.array(z.unknown()),
});
const faultSchema = z.object({ code: z.string(), message: z.string() });

function checkFrame(frame: unknown): void {
  if (!isRecord(frame) || !frameHead.safeParse(frame).success) throw malformed("its frame lacks number, epoch or mode");
  const view = frame["view"];
  if (view === undefined) return;
  if (!isRecord(view) || !viewHead.safeParse(view).success) throw malformed("its view has another shape");
  checkBars(view["bars"]);
}

/**
 * A message of the engine. Checked: its kind, the frame's head, the view's shape and all bar columns, since a wrong
 * length there would be drawn as wrong bars. Throws `protocol.malformed`, never anything else.
 */
export function decodeEngineToUi(bytes: ArrayBuffer | Uint8Array): EngineToUi {
  const message = decode(bytes);
  if (message["type"] === "frame") checkFrame(message["frame"]);
  else if (message["type"] === "returned") {
    if (!isCount(message["id"])) throw malformed("its answer has no id");
    if (message["ok"] !== true && !(message["ok"] === false && faultSchema.safeParse(message["fault"]).success)) throw malformed("its answer has another shape");
  } else throw malformed("it is no message of an engine");
  return message as unknown as EngineToUi;
}
