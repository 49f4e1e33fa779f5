// The durable sequences of one history: a folder with a journal per stream. Owns opening, recovery, group sync and halting.
//
//   <folder>/<first 16 hex of historyId>/history.json
//                                       /sim.BTCUSDT.1m/0000000001.journal …   named by their first sequence
//   <folder>/<first 16 hex>.damaged-1/…                                        a history that could not be trusted, moved aside
import { canonicalStringify } from "../../../shared/canonical-json.ts";
import { assert, fault, FaultError, type Clock, type Fault } from "../../../shared/base.ts";
import { SOURCE_ID } from "../../../shared/market.ts";
import { isInterval, msFromNs } from "../../../shared/time.ts";
import type { Disk } from "../../rawlog/types.ts";
import { BRIDGE_SYMBOL, streamName, type History, type SequencedEntry, type StreamKey } from "../model.ts";
import { STREAMS_MAX } from "../wire/messages.ts";
import { historyAfterDamage } from "./history.ts";
import { recoverStream } from "./journal-recovery.ts";
import { damaged, DAMAGED } from "./journal-segments.ts";
import { StreamJournal } from "./stream-journal.ts";
import type { FeedItem, FeedPlace, Retention, SequenceJournals, StreamState } from "./types.ts";

export interface SequenceJournalsOptions {
  readonly disk: Disk;
  readonly folder: string;
  /** The feed's. The journals may count another one, where this one's were damaged. */
  readonly history: History;
  readonly retention: Retention;
  readonly clock: Clock;
  /** Entries after which a segment is followed by the next one: also the grain of retention. Default: an eighth of what is kept, 64 … 8,192. */
  readonly segmentEntries?: number;
  /** Newest entries of each stream kept in memory. Default 512. */
  readonly tailEntries?: number;
}

const SEGMENT_ENTRIES_MIN = 64;
const SEGMENT_ENTRIES_MAX = 8_192;
const TAIL_ENTRIES = 512;
const HISTORY_FILE = "history.json";
/** Left by a reader that found damage, so that the next start does not trust the history. */
const DAMAGE_MARK = "damaged";
const AGE_CHECK_MS = 60_000;
/** Streams whose last segment is read at the same time on opening: bounds memory. */
const OPEN_AT_ONCE = 8;

/**
 * Opens (or begins) the sequences of a history. What was damaged is moved aside and told in `notes`; torn tails are cut.
 * Faults: the disk's (`disk.full`, `disk.read-only`, …).
 */
export async function createSequenceJournals(options: SequenceJournalsOptions): Promise<SequenceJournals> {
  const { disk, folder, history } = options;
  await disk.makeFolder(folder);
  const base = history.historyId.slice(0, 16);
  const notes: Fault[] = [];
  for (let times = timesDamaged(await disk.list(folder), base); ; times += 1) {
    const opened = historyAfterDamage(history, times);
    const path = `${folder}/${opened.historyId.slice(0, 16)}`;
    try {
      return await Journals.open({ ...options, history: opened, path, notes });
    } catch (error) {
      if (!(error instanceof FaultError) || error.fault.code !== DAMAGED) throw error;
      const aside = `${folder}/${base}.damaged-${times + 1}`;
      await disk.rename(path, aside);
      await disk.syncFolder(folder);
      const message = `${error.fault.message}; the bridge's sequences were moved to ${aside} and begin anew: clients take everything again`;
      notes.push({ code: DAMAGED, message, details: { aside } });
    }
  }
}

function timesDamaged(names: readonly string[], base: string): number {
  const asides = names.filter((name) => name.startsWith(`${base}.damaged-`)).map((name) => Number(name.slice(`${base}.damaged-`.length)));
  return Math.max(0, ...asides.filter((times) => Number.isSafeInteger(times)));
}

const STREAM_NAME = /^([^.]+)\.(.+)\.([^.]+)$/;

function keyOf(name: string): StreamKey | undefined {
  const [, sourceId = "", symbol = "", interval = ""] = STREAM_NAME.exec(name) ?? [];
  return isInterval(interval) && SOURCE_ID.test(sourceId) && BRIDGE_SYMBOL.test(symbol) ? { sourceId, symbol, interval } : undefined;
}

interface OpenOptions extends SequenceJournalsOptions {
  readonly path: string;
  readonly notes: Fault[];
}

class Journals implements SequenceJournals {
  readonly history: History;
  readonly notes: readonly Fault[];
  readonly #options: OpenOptions;
  readonly #streams = new Map<string, StreamJournal>();
  /** Every item before this record is durable. */
  #floor = 0;
  /** Record of the newest item seen in this run. */
  #seen = 0;
  #running: Promise<void> = Promise.resolve();
  #halted: FaultError | undefined;
  #marked: Promise<void> | undefined;
  #ageCheckedMs = 0;

  private constructor(options: OpenOptions) {
    this.history = options.history;
    this.notes = options.notes;
    this.#options = options;
  }

  static async open(options: OpenOptions): Promise<Journals> {
    const journals = new Journals(options);
    await journals.#recover();
    return journals;
  }

  async #recover(): Promise<void> {
    const { disk, path, notes } = this.#options;
    const keys = (await this.#begin()).flatMap((name) => keyOf(name) ?? []);
    let cutStreams = 0;
    let cutBytes = 0;
    let cutFloor = Infinity;
    for (let begin = 0; begin < keys.length; begin += OPEN_AT_ONCE) {
      const results = await Promise.allSettled(keys.slice(begin, begin + OPEN_AT_ONCE).map(async (key) => {
        const stream = streamName(key);
        const found = await recoverStream({ disk, folder: `${path}/${stream}`, identity: { historyId: this.history.historyId, stream } });
        if (found === undefined) return;
        this.#streams.set(stream, new StreamJournal(this.#streamOptions(key), found));
        this.#floor = Math.max(this.#floor, found.floor);
        if (found.cutBytes === 0) return;
        cutStreams += 1;
        cutBytes += found.cutBytes;
        // What was cut may be older than the floor that other streams tell (its last bytes may have gone bad on the disk).
        cutFloor = Math.min(cutFloor, found.lastPlace.seq);
      }));
      for (const result of results) if (result.status === "rejected") throw result.reason;
    }
    this.#floor = Math.min(this.#floor, cutFloor);
    await disk.syncFolder(path);
    if (cutStreams === 0) return;
    notes.push({ code: "bridge.journal-torn", message: `The last run of the bridge server ended while writing: ${cutBytes} bytes of ${cutStreams} streams in ${path} were cut; the feed gives them again` });
  }

  /** Begins the history's folder, or checks that it is this history's. Names in it. */
  async #begin(): Promise<readonly string[]> {
    const { disk, path, folder } = this.#options;
    const names = await disk.list(path);
    const text = `${canonicalStringify(this.history)}\n`;
    if (names.includes(DAMAGE_MARK)) throw damaged(`${path}/${DAMAGE_MARK}`, 0, Buffer.from(await disk.readFile(`${path}/${DAMAGE_MARK}`)).toString("utf8"));
    if (names.includes(HISTORY_FILE)) {
      const stored = Buffer.from(await disk.readFile(`${path}/${HISTORY_FILE}`)).toString("utf8");
      if (stored !== text) throw damaged(`${path}/${HISTORY_FILE}`, 0, "it names another history than its folder");
      return names;
    }
    if (names.some((name) => keyOf(name) !== undefined)) throw damaged(`${path}/${HISTORY_FILE}`, 0, "it is missing");
    await disk.makeFolder(path);
    await disk.replaceFile(`${path}/${HISTORY_FILE}`, Buffer.from(text, "utf8"));
    await disk.syncFolder(folder);
    return [];
  }

  #streamOptions(key: StreamKey): ConstructorParameters<typeof StreamJournal>[0] {
    const { disk, path, retention, segmentEntries, tailEntries = TAIL_ENTRIES } = this.#options;
    const grain = Math.min(SEGMENT_ENTRIES_MAX, Math.max(SEGMENT_ENTRIES_MIN, Math.ceil(retention.entries / 8)));
    return {
      disk, folder: `${path}/${streamName(key)}`, key, historyId: this.history.historyId,
      segmentEntries: segmentEntries ?? grain, tailEntries, retention,
    };
  }

  get streams(): readonly StreamKey[] {
    return [...this.#streams.values()].map((stream) => stream.key);
  }

  get resumeFrom(): FeedPlace {
    return { seq: this.#floor, index: 0 };
  }

  #find(key: StreamKey): StreamJournal | undefined {
    const stream = this.#streams.get(streamName(key));
    // "a.b" + "c" and "a" + "b.c" have one name; only the second can be served.
    return stream?.key.sourceId === key.sourceId ? stream : undefined;
  }

  state(key: StreamKey): StreamState | undefined {
    return this.#find(key)?.state;
  }

  open(key: StreamKey): StreamState {
    return this.#opened(key).state;
  }

  #opened(key: StreamKey): StreamJournal {
    const known = this.#find(key);
    if (known !== undefined) return known;
    if (!SOURCE_ID.test(key.sourceId) || !BRIDGE_SYMBOL.test(key.symbol) || !isInterval(key.interval)) {
      throw fault("bridge.bad-stream", `The bridge cannot serve a stream called ${JSON.stringify(streamName(key))}: a source has no dot, a symbol only letters, digits and _ . -`);
    }
    if (this.#streams.size >= STREAMS_MAX) throw fault("bridge.too-many-streams", `The bridge serves ${STREAMS_MAX} streams at most; ${streamName(key)} would be one more`);
    const { sourceId, symbol, interval } = key;
    const stream = new StreamJournal(this.#streamOptions({ sourceId, symbol, interval }), undefined);
    this.#streams.set(stream.name, stream);
    return stream;
  }

  append(item: FeedItem): SequencedEntry | undefined {
    if (this.#halted !== undefined) throw this.#halted;
    if (item.place.seq < this.#seen) {
      throw fault("bridge.feed-order", `The bridge's feed went back from record ${this.#seen} to ${item.place.seq} (${streamName(item.key)}): its sequences would not come back the same`);
    }
    this.#seen = item.place.seq;
    return this.#opened(item.key).append(item, this.#floor);
  }

  sync(): Promise<void> {
    const sync = this.#running.then(() => this.#syncNow());
    // The caller has the failure; the chain only waits.
    this.#running = sync.catch(() => undefined);
    return sync;
  }

  async #syncNow(): Promise<void> {
    if (this.#halted !== undefined) throw this.#halted;
    const seen = this.#seen;
    const nowMs = msFromNs(this.#options.clock.wallNs());
    const dirty = [...this.#streams.values()].filter((stream) => stream.isDirty);
    // All of them end before anybody hears of a failure: nothing is written behind the caller's back.
    const results = await Promise.allSettled(dirty.map(async (stream) => {
      if (await stream.sync(this.#floor, nowMs)) await stream.retain(nowMs);
    }));
    for (const result of results) if (result.status === "rejected") this.#halt(result.reason);
    this.#floor = Math.max(this.#floor, seen);
    await this.#dropOld(nowMs);
  }

  #halt(reason: unknown): never {
    const cause = reason instanceof FaultError ? reason.fault : { code: "bridge.journal-failed", message: String(reason) };
    this.#halted = fault(cause.code, `The bridge's sequences halted, so that none is lost: ${cause.message}`, cause.details);
    throw this.#halted;
  }

  async #dropOld(nowMs: number): Promise<void> {
    if (this.#options.retention.ageMs === undefined || Math.abs(nowMs - this.#ageCheckedMs) < AGE_CHECK_MS) return;
    this.#ageCheckedMs = nowMs;
    try {
      for (const stream of this.#streams.values()) await stream.retain(nowMs);
    } catch (error) {
      this.#halt(error);
    }
  }

  async read(key: StreamKey, after: number, limit: number): Promise<readonly SequencedEntry[]> {
    assert(Number.isSafeInteger(after) && after >= 0 && limit >= 0, `sequences to read are whole numbers, got ${after} and ${limit}`);
    const stream = this.#find(key);
    if (stream === undefined) throw fault("bridge.unknown-stream", `${streamName(key)} is not served here`);
    try {
      return await stream.read(after, limit);
    } catch (error) {
      if (error instanceof FaultError && error.fault.code === DAMAGED) await this.#mark(error.fault);
      throw error;
    }
  }

  /** An old segment is only read when somebody asks: what is found then must reach the next start. */
  #mark(found: Fault): Promise<void> {
    this.#marked ??= this.#options.disk.replaceFile(`${this.#options.path}/${DAMAGE_MARK}`, Buffer.from(found.message, "utf8"));
    return this.#marked;
  }

  async close(): Promise<void> {
    await this.#running;
    for (const stream of this.#streams.values()) await stream.close();
  }
}
