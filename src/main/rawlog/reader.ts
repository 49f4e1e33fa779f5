// Reads one capture's log, sealed and open, also while another process writes it: by number, by time, or from end to end.
import { fault } from "../../shared/base.ts";
import type { RawRecord } from "../../shared/raw.ts";
import { ManifestReader, manifestPath, type LinePlace, type ManifestSegment } from "./manifest.ts";
import { CompactChunks, type ChunkList, type ChunkPlace } from "./chunk-list.ts";
import { ChunkLists, OpenEntry, SealedEntry, type SegmentEntry } from "./reader-segments.ts";
import { ChannelTable, codecReady, recordsOf, unpackChunk, wholeChunkAt, type ChunkBytes } from "./scan.ts";
import { viewOf, type ChunkHead } from "./segment-format.ts";
import type { Disk, RawLogReader, ReadOptions, SegmentSummary, StreamSummary } from "./types.ts";

/** Decompressed chunks kept: about 16 sealed ones, for stepping to and fro; each reader of a live log fills it whole. */
const CACHE_BYTES = 4 * 1024 * 1024;
const CACHE_CHUNKS = 512;
/** A scan reads this much at once: about 40 sealed chunks. */
const SLAB_BYTES = 1024 * 1024;

interface CachedChunk {
  readonly chunk: ChunkBytes;
  readonly head: ChunkHead;
}

/** Least recently used first; bounded by bytes, and by number, since chunks of the open segment are small and many. */
class ChunkCache {
  readonly #chunks = new Map<number, CachedChunk>();
  #bytes = 0;

  get(firstSeq: number): CachedChunk | undefined {
    const cached = this.#chunks.get(firstSeq);
    if (cached === undefined) return undefined;
    this.#chunks.delete(firstSeq);
    this.#chunks.set(firstSeq, cached);
    return cached;
  }

  put(firstSeq: number, cached: CachedChunk): void {
    this.#drop(firstSeq);
    this.#chunks.set(firstSeq, cached);
    this.#bytes += cached.chunk.bytes.length;
    for (const oldest of this.#chunks.keys()) {
      if ((this.#bytes <= CACHE_BYTES && this.#chunks.size <= CACHE_CHUNKS) || this.#chunks.size === 1) return;
      this.#drop(oldest);
    }
  }

  #drop(firstSeq: number): void {
    const cached = this.#chunks.get(firstSeq);
    if (cached === undefined) return;
    this.#chunks.delete(firstSeq);
    this.#bytes -= cached.chunk.bytes.length;
  }

  clear(): void {
    this.#chunks.clear();
    this.#bytes = 0;
  }
}

/** First index in 0 … length for which `test` holds (monotone); length when none. */
function firstWhere(length: number, test: (index: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (test(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function lastSeqOf(place: ChunkPlace): number {
  return place.firstSeq + place.count - 1;
}

interface Found {
  readonly entry: SegmentEntry;
  readonly number: number;
  readonly place: ChunkPlace;
}

/** Bytes that a scan read ahead. */
interface Slab {
  readonly entry: SegmentEntry;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/**
 * Opens a capture for reading; needs no lock. Faults: `log.not-found`, `log.manifest-damaged`, `log.newer-format`,
 * `log.not-a-segment`; reading faults `log.damaged-chunk` where bytes do not fit their checksums.
 */
export async function openReader(options: {
  readonly disk: Disk; readonly folder: string;
  /** Leaves out what is not sealed: for who needs whole segments and would read the open one for nothing. */
  readonly sealedOnly?: boolean;
}): Promise<RawLogReader> {
  await codecReady();
  if ((await options.disk.size(manifestPath(options.folder))) === undefined) {
    throw fault("log.not-found", `${options.folder} is not a capture: it has no ${manifestPath(".").slice(2)}`);
  }
  const reader = new LogReader(options.disk, options.folder, options.sealedOnly ?? false);
  await reader.refresh();
  return reader;
}

class LogReader implements RawLogReader {
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #sealedOnly: boolean;
  readonly #manifest: ManifestReader;
  readonly #lists: ChunkLists;
  /** Segments of the manifest that were read and not taken yet. */
  readonly #sealed: SealedEntry[] = [];
  /** Messages of sealed segments, by stream. */
  readonly #counts = new Map<string, number>();
  readonly #table = new ChannelTable();
  readonly #cache = new ChunkCache();
  readonly #entries: SegmentEntry[] = [];
  #refreshing: Promise<number> | undefined;

  constructor(disk: Disk, folder: string, sealedOnly: boolean) {
    this.#disk = disk;
    this.#folder = folder;
    this.#sealedOnly = sealedOnly;
    this.#lists = new ChunkLists(disk, folder);
    this.#manifest = new ManifestReader(disk, folder, (line, place) => { this.#sealedNow(line, place); });
  }

  #sealedNow(line: ManifestSegment, place: LinePlace): void {
    this.#sealed.push(new SealedEntry({ disk: this.#disk, folder: this.#folder, line, place, lists: this.#lists }));
    for (const [streamId, { count }] of Object.entries(line.streams)) this.#counts.set(streamId, (this.#counts.get(streamId) ?? 0) + count);
  }

  get captureId(): string {
    return this.#manifest.captureId ?? "";
  }

  get segments(): readonly SegmentSummary[] {
    return this.#entries.map((entry) => entry.summary);
  }

  get streams(): readonly StreamSummary[] {
    const counts = new Map(this.#counts);
    for (const entry of this.#entries) {
      if (!(entry instanceof OpenEntry)) continue;
      for (const [streamId, count] of entry.streams) counts.set(streamId, (counts.get(streamId) ?? 0) + count);
    }
    const ids = [...counts.keys()].sort();
    return ids.map((streamId) => ({ stream: this.#table.streamOf(streamId), count: counts.get(streamId) ?? 0 }));
  }

  /** Calls that come while one is running share the next one, which starts after they asked. */
  async refresh(): Promise<number> {
    while (this.#refreshing !== undefined) await this.#refreshing.catch(() => undefined);
    this.#refreshing = this.#refreshOnce();
    try {
      return await this.#refreshing;
    } finally {
      this.#refreshing = undefined;
    }
  }

  async #refreshOnce(): Promise<number> {
    for (;;) {
      await this.#manifest.refresh();
      await this.#takeSealed();
      if (this.#sealedOnly) break;
      // The open segment may be sealed and removed while we look for it: then the manifest has grown.
      if ((await this.#followOpen()) || (await this.#manifest.refresh()) === 0) break;
    }
    await this.#takeSealed();
    return this.#lastSeq();
  }

  async #takeSealed(): Promise<void> {
    for (let next = this.#sealed.shift(); next !== undefined; next = this.#sealed.shift()) {
      const known = this.#entries[next.index - 1];
      this.#entries[next.index - 1] = next;
      if (known === undefined) continue;
      // Chunks of the open file are cut differently; what was read of them stays valid for whoever holds it.
      this.#cache.clear();
      await known.close();
    }
  }

  /** Follows every open segment. False when the first one expected is not there. */
  async #followOpen(): Promise<boolean> {
    let index = this.#manifest.count + 1;
    let before: OpenEntry | undefined;
    for (; ; index += 1) {
      const entry = await this.#openEntry(index);
      if (entry === undefined) return before !== undefined;
      // A next segment exists, so the one before is complete now: what it got since we looked comes first.
      await before?.follow(this.#table, this.#saw);
      await entry.follow(this.#table, this.#saw);
      before = entry;
    }
  }

  async #openEntry(index: number): Promise<OpenEntry | undefined> {
    const known = this.#entries[index - 1];
    if (known instanceof OpenEntry) return known;
    const knownNs = this.#entries[index - 2]?.knownNs ?? 0n;
    const entry = await OpenEntry.open({ disk: this.#disk, folder: this.#folder, index, knownNs });
    if (entry !== undefined) this.#entries[index - 1] = entry;
    return entry;
  }

  readonly #saw = (_entry: SegmentEntry, place: ChunkPlace, chunk: ChunkBytes, head: ChunkHead): void => {
    this.#cache.put(place.firstSeq, { chunk, head });
  };

  #lastSeq(): number {
    return this.#lastSeqBefore(this.#entries.length);
  }

  /** Last seq of the segments before this one; 0 when they hold nothing. */
  #lastSeqBefore(entryAt: number): number {
    for (let index = entryAt - 1; index >= 0; index -= 1) {
      const entry = this.#entries[index];
      if (entry !== undefined && entry.summary.count > 0) return entry.lastSeq;
    }
    return 0;
  }

  /** The chunk that holds `seq`, or the first one behind it. */
  async #find(seq: number): Promise<Found | undefined> {
    const first = firstWhere(this.#entries.length, (index) => (this.#entries[index] as SegmentEntry).lastSeq >= seq);
    // From there on: a segment that a crash left empty holds no chunk, but ends at a number.
    for (let index = first; index < this.#entries.length; index += 1) {
      const entry = this.#entries[index] as SegmentEntry;
      if (entry.summary.count === 0) continue;
      const chunks = await entry.chunks();
      const number = firstWhere(chunks.length, (chunk) => lastSeqOf(chunks.at(chunk) as ChunkPlace) >= seq);
      const place = chunks.at(number);
      if (place !== undefined) return { entry, number, place };
    }
    return undefined;
  }

  async #load(found: Found, slab: Slab | undefined): Promise<{ cached: CachedChunk; slab: Slab | undefined }> {
    const { entry, place } = found;
    const cached = this.#cache.get(place.firstSeq);
    if (cached !== undefined && cached.head.count === place.count) return { cached, slab };
    let window = slab;
    if (window?.entry !== entry || place.offset < window.offset || place.offset + place.bytes > window.offset + window.bytes.length) {
      // A scan reads ahead; a single look reads its chunk only.
      const length = slab === undefined ? place.bytes : Math.max(place.bytes, SLAB_BYTES);
      window = { entry, offset: place.offset, bytes: await entry.read(place.offset, length) };
    }
    const from = place.offset - window.offset;
    const loaded = this.#unpack(found, window.bytes.subarray(from, from + place.bytes));
    this.#cache.put(place.firstSeq, loaded);
    return { cached: loaded, slab: slab === undefined ? undefined : window };
  }

  #unpack({ entry, number, place }: Found, bytes: Uint8Array): CachedChunk {
    const whole = wholeChunkAt(bytes, viewOf(bytes), 0);
    const { head, record } = whole ?? {};
    if (head === undefined || record === undefined || head.firstSeq !== place.firstSeq || head.count !== place.count) {
      throw fault(
        "log.damaged-chunk",
        `${entry.path} chunk ${number} (records ${place.firstSeq} … ${lastSeqOf(place)}) is damaged: its bytes do not fit their checksum; run verify`,
        { segment: entry.summary.file, chunk: number, first_seq: place.firstSeq },
      );
    }
    return { chunk: unpackChunk(record), head };
  }

  async *batches(options: ReadOptions): AsyncGenerator<readonly RawRecord[]> {
    const { fromSeq = 1, toSeq = Infinity, streams } = options;
    let next = fromSeq;
    let slab: Slab | undefined = { entry: NOWHERE, offset: 0, bytes: new Uint8Array(0) };
    while (next <= toSeq) {
      const found = (await this.#find(next)) ?? ((await this.refresh()) >= next ? await this.#find(next) : undefined);
      if (found === undefined || found.place.firstSeq > toSeq) return;
      const loaded: { cached: CachedChunk; slab: Slab | undefined } = await this.#load(found, slab);
      slab = loaded.slab;
      const { chunk, head } = loaded.cached;
      const records = recordsOf(chunk, head, this.#table, { fromSeq: next, toSeq, streams });
      next = lastSeqOf(found.place) + 1;
      if (records.length > 0) yield records;
    }
  }

  async record(seq: number): Promise<RawRecord | undefined> {
    const found = await this.#find(seq);
    if (found === undefined || found.place.firstSeq > seq) return undefined;
    const { cached } = await this.#load(found, undefined);
    return recordsOf(cached.chunk, cached.head, this.#table, { fromSeq: seq, toSeq: seq })[0];
  }

  async locate(recvNs: bigint): Promise<number> {
    const entryAt = firstWhere(this.#entries.length, (index) => (this.#entries[index] as SegmentEntry).knownNs > recvNs);
    const entry = this.#entries[entryAt];
    if (entry === undefined) return this.#lastSeq();
    const chunks = await entry.chunks();
    const number = firstWhere(chunks.length, (index) => (chunks.at(index) as ChunkPlace).knownNs > recvNs);
    const place = chunks.at(number);
    let seq = this.#before(entryAt, chunks, number);
    if (place === undefined) return seq;
    const { cached } = await this.#load({ entry, number, place }, undefined);
    for (const record of recordsOf(cached.chunk, cached.head, this.#table)) {
      if (record.recvNs > recvNs) break;
      seq = record.seq;
    }
    return seq;
  }

  /** Last seq before a chunk; 0 when it is the first. */
  #before(entryAt: number, chunks: ChunkList, number: number): number {
    const near = number === 0 ? undefined : chunks.at(number - 1);
    return near === undefined ? this.#lastSeqBefore(entryAt) : lastSeqOf(near);
  }

  async close(): Promise<void> {
    for (const entry of this.#entries) await entry.close();
    this.#cache.clear();
  }
}

/** Where a scan starts that has read nothing yet. */
const NOWHERE: SegmentEntry = {
  index: 0, path: "", knownNs: 0n, lastSeq: 0, chunks: () => new CompactChunks(0),
  summary: { index: 0, file: "", state: "open", fromSeq: 1, toSeq: 0, fromRecvNs: 0n, toRecvNs: 0n, bytes: 0, count: 0 },
  read: () => Promise.resolve(new Uint8Array(0)),
  close: () => Promise.resolve(),
};
