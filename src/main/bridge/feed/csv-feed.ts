// Bars of a CSV file as a feed: the whole file is checked before the first row is told, and its digest is the history.
import { fault, type Sha256, type StopSignal } from "../../../shared/base.ts";
import type { RevisionReason, SealReason } from "../../../shared/candles.ts";
import { toHex } from "../../../shared/leaf.ts";
import { SOURCE_ID } from "../../../shared/market.ts";
import { streamName, type History, type StreamKey } from "../model.ts";
import type { FeedSpec } from "../process-messages.ts";
import { historyOf } from "../server/history.ts";
import { FEED_BATCH_MAX, type FeedItem, type FeedPlace } from "../server/types.ts";
import { isSealReason, readHeader, readRow, rowFault, type CsvHeader, type CsvRow } from "./csv-rows.ts";
import { Latch } from "./latch.ts";
import { CountPace, pause } from "./pace.ts";
import type { FeedDeps, ServedFeed } from "./types.ts";

type CsvSpec = Extract<FeedSpec, { readonly kind: "csv" }>;

/** A fixture is held in memory whole, so that what was checked is what is told. */
const FILE_BYTES_MAX = 256 * 1024 * 1024;
/** Changes when the same file would give other entries. */
const CSV_VERSION = "csv.1";
const LINE_END = 0x0a;

/** Lines of the file with their numbers, from 1; ends of lines are LF or CRLF, empty lines are only allowed at the end. */
function* linesOf(bytes: Uint8Array): Generator<{ readonly line: number; readonly text: string }> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let line = 0;
  for (let at = 0; at < buffer.length; ) {
    const found = buffer.indexOf(LINE_END, at);
    const end = found < 0 ? buffer.length : found;
    line += 1;
    const text = buffer.toString("utf8", at, end);
    yield { line, text: line === 1 ? text.replace(/^\ufeff/, "").trimEnd() : text.trimEnd() };
    at = end + 1;
  }
}

/** What rows mean to each other: per stream, the buckets seen and the latest version of each that was corrected. */
interface StreamRows {
  readonly key: StreamKey;
  /** First versions, ascending. */
  readonly openings: number[];
  readonly revisions: Map<number, number>;
}

interface VersionedRow extends CsvRow {
  readonly revision: number;
  readonly reason: SealReason | RevisionReason;
}

class RowOrder {
  readonly #file: string;
  readonly #streams = new Map<string, StreamRows>();

  constructor(file: string) {
    this.#file = file;
  }

  get streams(): readonly StreamKey[] {
    return [...this.#streams.values()].map(({ key }) => key);
  }

  /** Gives the row its version and reason. Throws `csv.bad-row` where it does not follow from the rows before it. */
  place(row: CsvRow, sourceId: string): VersionedRow {
    const stream = this.#streamOf(row, sourceId);
    const revision = row.revision ?? 1;
    const reason = row.reason ?? (revision === 1 ? "watermark" : "source_correction");
    if (isSealReason(reason) !== (revision === 1)) {
      throw rowFault(this.#file, row.line, "reason", `${reason} cannot be the reason of revision ${revision}: a first version was sealed, a later one corrected`);
    }
    if (revision === 1) this.#seal(stream, row);
    else this.#correct(stream, row, revision);
    return { ...row, revision, reason };
  }

  #streamOf({ symbol, interval }: CsvRow, sourceId: string): StreamRows {
    const key: StreamKey = { sourceId, symbol, interval };
    const name = streamName(key);
    let stream = this.#streams.get(name);
    if (stream === undefined) {
      stream = { key, openings: [], revisions: new Map() };
      this.#streams.set(name, stream);
    }
    return stream;
  }

  #seal(stream: StreamRows, row: CsvRow): void {
    const last = stream.openings.at(-1);
    if (last !== undefined && row.openMs <= last) {
      const what = holds(stream.openings, row.openMs) ? "this bar stands in the file already: a later version of it needs its number in the column revision" : "first versions of a stream must ascend in time";
      throw rowFault(this.#file, row.line, undefined, `${row.symbol} ${row.interval} ${row.openMs}: ${what}`);
    }
    stream.openings.push(row.openMs);
  }

  #correct(stream: StreamRows, row: CsvRow, revision: number): void {
    const before = stream.revisions.get(row.openMs) ?? (holds(stream.openings, row.openMs) ? 1 : 0);
    if (revision !== before + 1) {
      throw rowFault(this.#file, row.line, "revision", `${revision} follows ${before === 0 ? "no version of this bar" : before}: versions of a bar are numbered 1, 2, 3 …`);
    }
    stream.revisions.set(row.openMs, revision);
  }
}

function holds(ascending: readonly number[], value: number): boolean {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return ascending[low] === value;
}

/** Every row in order. Throws `csv.bad-header`, `csv.bad-row`. */
function* rowsOf(file: string, bytes: Uint8Array, order: RowOrder, sourceId: string): Generator<VersionedRow> {
  let header: CsvHeader | undefined;
  let emptyLine: number | undefined;
  for (const { line, text } of linesOf(bytes)) {
    if (text === "") {
      emptyLine ??= line;
      continue;
    }
    if (emptyLine !== undefined) throw rowFault(file, emptyLine, undefined, "an empty line inside the file: remove it");
    if (header === undefined) header = readHeader(file, text);
    else yield order.place(readRow(header, line, text), sourceId);
  }
  if (header === undefined) throw fault("csv.bad-header", `${file} is empty: its first line must be the header`);
}

function historyOfFile(bytes: Uint8Array, sourceId: string, sha256: Sha256): History {
  const digest = toHex(sha256(new TextEncoder().encode(`source_id=${sourceId}`)));
  return historyOf({ mode: "replay", lineage: `csv@${toHex(sha256(bytes))}`, configDigest: digest, canonicalizerVersion: CSV_VERSION, runId: "" });
}

/** Reads and checks the whole file. Faults: `csv.bad-source`, `csv.too-large`, `csv.bad-header`, `csv.bad-row`, `csv.no-rows`, those of the disk. */
export async function openCsvFeed(spec: CsvSpec, deps: FeedDeps): Promise<ServedFeed> {
  const { file, sourceId } = spec;
  if (!SOURCE_ID.test(sourceId)) throw fault("csv.bad-source", `Source id ${JSON.stringify(sourceId)}: 1 to 32 letters, digits, dashes and underscores`);
  const size = await deps.disk.size(file);
  if (size === undefined) throw fault("disk.not-found", `Cannot read ${file}: no such file`);
  if (size > FILE_BYTES_MAX) throw fault("csv.too-large", `${file} has ${size} bytes, a fixture may have ${FILE_BYTES_MAX}: split it`);
  const bytes = await deps.disk.readFile(file);
  const order = new RowOrder(file);
  let rows = 0;
  for (const { line } of rowsOf(file, bytes, order, sourceId)) rows = line;
  if (rows === 0) throw fault("csv.no-rows", `${file} holds a header and no row: there is nothing to serve`);
  return new CsvFeed({ spec, deps, bytes, history: historyOfFile(bytes, sourceId, deps.sha256), streams: order.streams });
}

interface CsvFeedParts {
  readonly spec: CsvSpec;
  readonly deps: FeedDeps;
  readonly bytes: Uint8Array;
  readonly history: History;
  readonly streams: readonly StreamKey[];
}

class CsvFeed implements ServedFeed {
  readonly history: History;
  readonly streams: readonly StreamKey[];
  readonly #parts: CsvFeedParts;
  readonly #begun = new Latch();

  constructor(parts: CsvFeedParts) {
    this.#parts = parts;
    this.history = parts.history;
    this.streams = parts.streams;
    if (!parts.spec.held) this.#begun.open();
  }

  begin(): void {
    this.#begun.open();
  }
  derived(): void {
    // A file does not grow.
  }
  forming(): void {
    // Its bars are closed.
  }
  ended(): void {
    // Its end is its last line.
  }
  onForming(): void {
    // As for `forming`.
  }

  async *batches(from: FeedPlace, stop: StopSignal): AsyncGenerator<readonly FeedItem[]> {
    const { spec, deps, bytes } = this.#parts;
    await this.#begun.passed(stop);
    const pace = new CountPace(spec.rowsPerSecond);
    let items: FeedItem[] = [];
    for (const row of rowsOf(spec.file, bytes, new RowOrder(spec.file), spec.sourceId)) {
      if (stop.aborted) return;
      if (row.line < from.seq) continue;
      for (let left = pace.leftMs(deps.clock); left > 0; left = pace.leftMs(deps.clock)) {
        if (items.length > 0) yield items;
        items = [];
        await pause(deps.timers, left, stop);
        if (stop.aborted) return;
      }
      pace.count();
      items.push(itemOf(row, spec.sourceId));
      if (items.length < FEED_BATCH_MAX) continue;
      yield items;
      items = [];
    }
    if (items.length > 0) yield items;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** A file has no log: no raw seq, no receive time, no digests, and no proof of completeness. */
function itemOf(row: VersionedRow, sourceId: string): FeedItem {
  const { line, symbol, interval, openMs, values, revision, reason } = row;
  const bar = { openMs, values, revision, reason, digest: undefined, grade: undefined };
  return { key: { sourceId, symbol, interval }, place: { seq: line, index: 0 }, entry: { kind: "bar", bar, atSeq: 0, knownNs: 0n } };
}
