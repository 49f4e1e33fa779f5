// The journal's lines: `<crc32 of the JSON, 8 hex digits> <JSON>\n`. Readable, exact (mantissa and scale as integers), self-checking.
import { crc32 } from "node:zlib";
import { assert, fault, unreachable } from "../../../shared/base.ts";
import type { BarValues, GapCause, GapState, Grade, RevisionReason, SealReason } from "../../../shared/candles.ts";
import type { Decimal } from "../../../shared/decimal.ts";
import type { BridgeGap, EntryContent, SequencedEntry } from "../model.ts";
import type { FeedPlace } from "./types.ts";

/** Longest text of one entry, in characters: it must fit a frame, and a journal must be readable line by line. */
export const LINE_CHARACTERS_MAX = 64 * 1024;

/** First line of every segment. */
export interface SegmentHeader {
  readonly historyId: string;
  readonly stream: string;
  /** Sequence of the first entry. */
  readonly first: number;
  /** Place of the entry before it. */
  readonly after: FeedPlace;
  /** Newest bucket with a bar before it. */
  readonly latestMs: number;
  /** Everything before this record of the feed was durable, in every stream, when the segment was begun. */
  readonly floor: number;
  /** When it was begun, epoch ms. */
  readonly createdMs: number;
}

/**
 * Carried by the first line of each write: what was durable by then. Recovery tells by it whether a bad line was ever promised
 * (then it is damage) or only on its way when the process died (then it is a torn tail).
 */
export interface Marks {
  /** Last durable sequence of the stream. */
  readonly durable: number;
  /** As in the header. */
  readonly floor: number;
}

export interface StoredEntry {
  readonly entry: SequencedEntry;
  readonly place: FeedPlace;
  readonly marks: Marks | undefined;
}

const FORMAT = 1;

function framed(json: string): string {
  return `${crc32(json).toString(16).padStart(8, "0")} ${json}\n`;
}

// ── Writing ──────────────────────────────────────────────────────────────────

function refuse(what: string, value: unknown): never {
  throw fault("bridge.entry-refused", `A bridge entry cannot be kept: ${what} is ${String(value)}, not a whole number`);
}

function whole(value: number, what: string): number {
  return Number.isSafeInteger(value) ? value : refuse(what, value);
}

function number(value: Decimal, what: string): string {
  const { mantissa, scale } = value;
  if (typeof mantissa === "bigint") return `["${mantissa}",${whole(scale, what)}]`;
  return `[${whole(mantissa, what)},${whole(scale, what)}]`;
}

function valuesText(values: BarValues): string {
  return (
    `"o":${number(values.open, "open")},"h":${number(values.high, "high")},"l":${number(values.low, "low")},"c":${number(values.close, "close")},` +
    `"v":${number(values.volume, "volume")},"q":${number(values.quoteVolume, "quoteVolume")},"n":${whole(values.tradeCount, "tradeCount")},` +
    `"bv":${number(values.takerBuyVolume, "takerBuyVolume")},"bq":${number(values.takerBuyQuoteVolume, "takerBuyQuoteVolume")}`
  );
}

/** JSON would write null for what is no number. */
function gapText(gap: BridgeGap): string {
  for (const member of ["fromMs", "toMs", "fromId", "toId", "missing", "attempts"] as const) {
    const value = gap[member];
    if (value !== undefined) whole(value, member);
  }
  return JSON.stringify(gap);
}

function contentText(entry: EntryContent): string {
  switch (entry.kind) {
    case "bar": {
      const { bar } = entry;
      const digest = bar.digest === undefined ? "" : `,"x":${JSON.stringify(bar.digest)}`;
      const grade = bar.grade === undefined ? "" : `,"g":"${bar.grade}"`;
      return `"k":"bar","t":${whole(bar.openMs, "openMs")},${valuesText(bar.values)},"r":${whole(bar.revision, "revision")},"y":"${bar.reason}"${digest}${grade}`;
    }
    case "grade":
      return `"k":"grade","t":${whole(entry.fromOpenMs, "fromOpenMs")},"u":${whole(entry.untilOpenMs, "untilOpenMs")},"g":"${entry.grade}","w":${JSON.stringify(entry.why)}`;
    case "gap":
      return `"k":"gap","gap":${gapText(entry.gap)}`;
    default:
      return unreachable(entry);
  }
}

/** Throws `bridge.entry-refused` for numbers that are none and for lines beyond LINE_CHARACTERS_MAX. */
export function entryLine(entry: SequencedEntry, place: FeedPlace, marks: Marks | undefined): string {
  const promised = marks === undefined ? "" : `"d":${marks.durable},"f":${marks.floor},`;
  const json =
    `{"s":${entry.sequence},${promised}"p":[${whole(place.seq, "place.seq")},${whole(place.index, "place.index")}],` +
    `"at":${whole(entry.atSeq, "atSeq")},"ns":"${entry.knownNs}",${contentText(entry)}}`;
  if (json.length > LINE_CHARACTERS_MAX) {
    throw fault("bridge.entry-refused", `A bridge entry cannot be kept: its text has ${json.length} characters, ${LINE_CHARACTERS_MAX} are the most`);
  }
  return framed(json);
}

export function headerLine(header: SegmentHeader): string {
  return framed(JSON.stringify({
    journal: FORMAT, history: header.historyId, stream: header.stream, first: header.first,
    after: [header.after.seq, header.after.index], ms: header.latestMs, f: header.floor, at: header.createdMs,
  }));
}

// ── Reading ──────────────────────────────────────────────────────────────────

const LINE_END = 0x0a;
const SPACE = 0x20;
const CRC_DIGITS = 8;

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  // Lower case only: the other case is a flipped bit.
  return byte >= 0x61 && byte <= 0x66 ? byte - 0x57 : -1;
}

function storedCrc(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let index = at; index < at + CRC_DIGITS; index += 1) {
    const digit = hexDigit(bytes[index] ?? 0);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

export interface Line {
  /** Place of the JSON, and of the byte behind the line end. */
  readonly from: number;
  readonly until: number;
  readonly next: number;
}

/** The line that begins at `at`, undefined when it does not end or its bytes are not those that were written. */
export function lineAt(bytes: Buffer, at: number): Line | undefined {
  const end = bytes.indexOf(LINE_END, at);
  const from = at + CRC_DIGITS + 1;
  if (end < from || bytes[from - 1] !== SPACE) return undefined;
  const crc = storedCrc(bytes, at);
  if (crc < 0 || crc32(bytes.subarray(from, end)) !== crc) return undefined;
  return { from, until: end, next: end + 1 };
}

const SEQUENCE_AT = '{"s":'.length;

/** Sequence of a checked line, without parsing the rest; undefined when it is a header. */
export function sequenceIn(bytes: Buffer, line: Line): number | undefined {
  if (bytes[line.from + 2] !== 0x73 || bytes[line.from + 3] !== 0x22) return undefined;
  let value = 0;
  for (let index = line.from + SEQUENCE_AT; index < line.until; index += 1) {
    const digit = (bytes[index] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) return value;
    value = value * 10 + digit;
  }
  return value;
}

interface StoredHeader {
  readonly journal?: number; readonly history: string; readonly stream: string; readonly first: number;
  readonly after: readonly [number, number]; readonly ms: number; readonly f: number; readonly at: number;
}

/** A checked line as a header; undefined when it is an entry or of another format. */
export function readHeader(bytes: Buffer, line: Line): SegmentHeader | undefined {
  if (sequenceIn(bytes, line) !== undefined) return undefined;
  const stored = JSON.parse(bytes.toString("utf8", line.from, line.until)) as StoredHeader;
  if (stored.journal !== FORMAT) return undefined;
  return {
    historyId: stored.history, stream: stored.stream, first: stored.first,
    after: { seq: stored.after[0], index: stored.after[1] }, latestMs: stored.ms, floor: stored.f, createdMs: stored.at,
  };
}

type StoredNumber = readonly [number | string, number];
interface StoredLine {
  readonly s: number; readonly d?: number; readonly f?: number; readonly p: readonly [number, number]; readonly at: number; readonly ns: string;
  readonly k: "bar" | "grade" | "gap"; readonly t: number;
  readonly o: StoredNumber; readonly h: StoredNumber; readonly l: StoredNumber; readonly c: StoredNumber; readonly v: StoredNumber;
  readonly q: StoredNumber; readonly n: number; readonly bv: StoredNumber; readonly bq: StoredNumber;
  readonly r: number; readonly y: SealReason | RevisionReason; readonly x?: string; readonly g?: Grade;
  readonly u: number; readonly w: string; readonly gap: StoredGap;
}
interface StoredGap {
  readonly gapId: string; readonly streamId: string; readonly fromMs: number; readonly toMs?: number; readonly fromId?: number; readonly toId?: number;
  readonly missing?: number; readonly cause: GapCause; readonly state: GapState; readonly attempts: number; readonly detail: string;
}

function decimalOf([mantissa, scale]: StoredNumber): Decimal {
  return { mantissa: typeof mantissa === "string" ? BigInt(mantissa) : mantissa, scale };
}

function gapOf(gap: StoredGap): BridgeGap {
  const { gapId, streamId, fromMs, toMs, fromId, toId, missing, cause, state, attempts, detail } = gap;
  return { gapId, streamId, fromMs, toMs, fromId, toId, missing, cause, state, attempts, detail };
}

function contentOf(line: StoredLine): EntryContent {
  if (line.k === "gap") return { kind: "gap", gap: gapOf(line.gap) };
  if (line.k === "grade") {
    assert(line.g !== undefined, "a grade line has a grade");
    return { kind: "grade", fromOpenMs: line.t, untilOpenMs: line.u, grade: line.g, why: line.w };
  }
  const values: BarValues = {
    open: decimalOf(line.o), high: decimalOf(line.h), low: decimalOf(line.l), close: decimalOf(line.c),
    volume: decimalOf(line.v), quoteVolume: decimalOf(line.q), tradeCount: line.n,
    takerBuyVolume: decimalOf(line.bv), takerBuyQuoteVolume: decimalOf(line.bq),
  };
  return { kind: "bar", bar: { openMs: line.t, values, revision: line.r, reason: line.y, digest: line.x, grade: line.g } };
}

/** A checked line as an entry: the checksum vouches for its shape. */
export function readEntry(bytes: Buffer, line: Line): StoredEntry {
  const stored = JSON.parse(bytes.toString("utf8", line.from, line.until)) as StoredLine;
  return {
    entry: { ...contentOf(stored), atSeq: stored.at, knownNs: BigInt(stored.ns), sequence: stored.s },
    place: { seq: stored.p[0], index: stored.p[1] },
    marks: stored.d === undefined || stored.f === undefined ? undefined : { durable: stored.d, floor: stored.f },
  };
}
