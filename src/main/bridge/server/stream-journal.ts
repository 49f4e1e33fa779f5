// The journal of one stream: numbers entries, writes them, reads them back, drops the oldest. Its owner says when to sync.
import { assert, fault } from "../../../shared/base.ts";
import type { Disk, DiskFile } from "../../rawlog/types.ts";
import { streamName, type SequencedEntry, type StreamKey } from "../model.ts";
import { entryLine, headerLine, type Marks } from "./entry-lines.ts";
import { isBehind, NO_PLACE, type RecoveredStream } from "./journal-recovery.ts";
import { createdMsOf, damaged, INDEX_EVERY, isNotFound, readSegment, segmentName, type Segment } from "./journal-segments.ts";
import type { FeedItem, FeedPlace, Retention, StreamState } from "./types.ts";

export interface StreamJournalOptions {
  readonly disk: Disk;
  readonly folder: string;
  readonly key: StreamKey;
  readonly historyId: string;
  /** A segment with so many entries is followed by the next one. */
  readonly segmentEntries: number;
  /** Newest entries kept in memory: what live backfill asks for. */
  readonly tailEntries: number;
  readonly retention: Retention;
}

interface Pending {
  text: string;
  readonly lengths: number[];
  readonly entries: SequencedEntry[];
  lastPlace: FeedPlace;
  latestMs: number;
}

/** An open segment is followed by the next one after this part of the age that is kept, so that age can drop anything at all. */
const SEGMENTS_PER_AGE = 4;

export class StreamJournal {
  readonly key: StreamKey;
  readonly name: string;
  readonly #options: StreamJournalOptions;
  readonly #segments: Segment[];
  #file: DiskFile | undefined;
  #hasFolder: boolean;
  #next: number;
  #durable: number;
  #latestMs: number;
  #durablePlace: FeedPlace;
  #lastPlace: FeedPlace;
  #pending: Pending | undefined;
  /** Durable, contiguous, the last one is `#durable`. Trimmed when twice as long as wanted. */
  #tail: SequencedEntry[] = [];

  constructor(options: StreamJournalOptions, recovered: RecoveredStream | undefined) {
    this.key = options.key;
    this.name = streamName(options.key);
    this.#options = options;
    this.#segments = recovered === undefined ? [] : recovered.segments;
    this.#hasFolder = recovered !== undefined;
    this.#durable = recovered?.latestSequence ?? 0;
    this.#next = this.#durable + 1;
    this.#latestMs = recovered?.latestMs ?? 0;
    this.#durablePlace = recovered?.lastPlace ?? NO_PLACE;
    this.#lastPlace = this.#durablePlace;
  }

  get state(): StreamState {
    return { firstSequence: this.#segments[0]?.first ?? this.#durable + 1, latestSequence: this.#durable, latestMs: this.#latestMs, lastPlace: this.#lastPlace };
  }

  get isDirty(): boolean {
    return this.#pending !== undefined;
  }

  /** Undefined when the place is not beyond the last one. */
  append({ place, entry }: FeedItem, floor: number): SequencedEntry | undefined {
    if (!isBehind(place, this.#lastPlace)) return undefined;
    const pending = this.#pending ?? { text: "", lengths: [], entries: [], lastPlace: place, latestMs: this.#latestMs };
    const numbered: SequencedEntry = { ...entry, sequence: this.#next };
    const line = entryLine(numbered, place, pending.entries.length === 0 ? { durable: this.#durable, floor } : undefined);
    pending.text += line;
    pending.lengths.push(Buffer.byteLength(line));
    pending.entries.push(numbered);
    pending.lastPlace = place;
    if (entry.kind === "bar") pending.latestMs = Math.max(pending.latestMs, entry.bar.openMs);
    this.#pending = pending;
    this.#lastPlace = place;
    this.#next += 1;
    return numbered;
  }

  /** Writes and syncs what is pending. Answers whether a new segment was begun. */
  async sync(floor: number, nowMs: number): Promise<boolean> {
    const pending = this.#pending;
    if (pending === undefined) return false;
    this.#pending = undefined;
    const begun = await this.#segmentToWrite(nowMs);
    const header = begun ? this.#header({ durable: this.#durable, floor }, nowMs) : "";
    const segment = this.#segments.at(-1);
    assert(segment !== undefined && this.#file !== undefined, "a segment is open");
    await this.#file.append(Buffer.from(header + pending.text, "utf8"));
    await this.#file.sync();
    if (begun) await this.#options.disk.syncFolder(this.#options.folder);
    this.#place(segment, pending, Buffer.byteLength(header));
    this.#durable += pending.entries.length;
    this.#durablePlace = pending.lastPlace;
    this.#latestMs = pending.latestMs;
    this.#remember(pending.entries);
    return begun;
  }

  #header(marks: Marks, nowMs: number): string {
    return headerLine({
      historyId: this.#options.historyId, stream: this.name, first: this.#durable + 1, after: this.#durablePlace,
      latestMs: this.#latestMs, floor: marks.floor, createdMs: nowMs,
    });
  }

  /** The open segment, or a new one behind it. Everything in the one before is synced by now. */
  async #segmentToWrite(nowMs: number): Promise<boolean> {
    const { disk, folder } = this.#options;
    const open = this.#segments.at(-1);
    if (open !== undefined && !(await this.#isFull(open, nowMs))) {
      this.#file ??= await disk.open(open.path, "append");
      return false;
    }
    await this.#file?.close();
    this.#file = undefined;
    if (open?.offsets !== undefined) open.offsets = Uint32Array.from(open.offsets);
    if (!this.#hasFolder) await disk.makeFolder(folder);
    const first = this.#durable + 1;
    const path = `${folder}/${segmentName(first)}`;
    this.#file = await disk.open(path, "create");
    if (!this.#hasFolder) await disk.syncFolder(folder.slice(0, folder.lastIndexOf("/")));
    this.#hasFolder = true;
    this.#segments.push({ first, path, offsets: [], bytes: 0, createdMs: nowMs });
    return true;
  }

  async #isFull(open: Segment, nowMs: number): Promise<boolean> {
    const entries = this.#durable + 1 - open.first;
    if (entries >= this.#options.segmentEntries) return true;
    const { ageMs } = this.#options.retention;
    return ageMs !== undefined && entries > 0 && nowMs - await createdMsOf(this.#options.disk, open) > ageMs / SEGMENTS_PER_AGE;
  }

  #place(segment: Segment, pending: Pending, headerBytes: number): void {
    assert(Array.isArray(segment.offsets) && segment.bytes !== undefined, "the open segment's offsets are known");
    let at = segment.bytes + headerBytes;
    let nth = this.#durable + 1 - segment.first;
    for (const length of pending.lengths) {
      if (nth % INDEX_EVERY === 0) segment.offsets.push(at);
      nth += 1;
      at += length;
    }
    segment.bytes = at;
  }

  #remember(entries: readonly SequencedEntry[]): void {
    for (const entry of entries) this.#tail.push(entry);
    if (this.#tail.length > 2 * this.#options.tailEntries) this.#tail = this.#tail.slice(-this.#options.tailEntries);
  }

  /** Entries after `after`, at most `limit`. Faults: `bridge.retention`, `bridge.journal-damaged`, and the disk's. */
  async read(after: number, limit: number): Promise<readonly SequencedEntry[]> {
    this.#refuseDropped(after);
    const from = after + 1;
    const until = Math.min(this.#durable, after + limit) + 1;
    if (until <= from) return [];
    const tailFirst = this.#durable + 1 - this.#tail.length;
    if (from >= tailFirst) return this.#tail.slice(from - tailFirst, until - tailFirst);
    const entries: SequencedEntry[] = [];
    for (let next = from; next < until; next = from + entries.length) {
      const part = await this.#readPart(next, until);
      for (const entry of part) entries.push(entry);
    }
    return entries;
  }

  async #readPart(from: number, until: number): Promise<readonly SequencedEntry[]> {
    const nth = this.#segmentOf(from);
    const segment = this.#segments[nth];
    if (segment === undefined) throw this.#retentionFault(from - 1);
    const segmentUntil = this.#segments[nth + 1]?.first ?? this.#durable + 1;
    const { disk, historyId } = this.#options;
    try {
      return await readSegment({
        disk, segment, identity: { historyId, stream: this.name }, segmentUntil, from, until: Math.min(until, segmentUntil),
      });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      // Retention took it while it was being read, or somebody else did.
      this.#refuseDropped(from - 1);
      throw damaged(segment.path, 0, "the file is missing");
    }
  }

  /** Position of the segment that holds the sequence; -1 when it was dropped. */
  #segmentOf(sequence: number): number {
    let low = 0;
    let high = this.#segments.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#segments[middle]?.first ?? 0) <= sequence) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #refuseDropped(after: number): void {
    if (after + 1 < this.state.firstSequence) throw this.#retentionFault(after);
  }

  #retentionFault(after: number): Error {
    const first = this.state.firstSequence;
    return fault("bridge.retention", `${this.name}: entries after ${after} were asked for, ${first} is the oldest that is kept`, { stream: this.name, after, first });
  }

  /** Drops the oldest segments that neither count nor age keeps; never the last one. One by one, so that a crash leaves no hole. */
  async retain(nowMs: number): Promise<void> {
    const { disk, folder, retention } = this.#options;
    for (;;) {
      const [oldest, second] = this.#segments;
      if (oldest === undefined || second === undefined) return;
      const isEnough = this.#durable + 1 - second.first >= retention.entries;
      // Everything in the oldest was written before the second one was begun.
      const isOld = retention.ageMs !== undefined && nowMs - await createdMsOf(disk, second) > retention.ageMs;
      if (!isEnough && !isOld) return;
      this.#segments.shift();
      await disk.remove(oldest.path);
      await disk.syncFolder(folder);
    }
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }
}
