// Event order (ts_event, seq) over a frozen prefix, through a derived sorted index: runs sorted in memory, kept there or in
// scratch files, merged k ways. Refuses what the ordering contract refuses: two events with one key, an event out of order.
import { fault } from "../../shared/base.ts";
import type { CarriedSnapshot } from "../../shared/carried.ts";
import { type MarketEvent, eventNs } from "../../shared/market.ts";
import { compareOrder, type OrderKey } from "../../shared/ordering.ts";
import { eventSeq, type RawRecord } from "../../shared/raw.ts";
import { arrivalEvents, CarriedTrail, carryingStreams, Decoders, type EventsOptions, ReplayEvent } from "./events.ts";
import { mergeRuns, RunWriter, type SortedKeys } from "./sorted-runs.ts";

export interface EventOrderOptions extends EventsOptions {
  /** Folder for runs that do not fit in memory; created when needed, removed afterwards. */
  readonly scratchFolder: string;
  /** First key wanted, inclusive or (a resume) exclusive. */
  readonly from?: { readonly key: OrderKey; readonly inclusive: boolean };
  /** Events per run; for tests. */
  readonly runEvents?: number;
  /** Runs kept in memory before they go to scratch files; for tests. */
  readonly runsInMemory?: number;
  /** Seqs of a block of decoded messages, and how many blocks are kept; for tests. */
  readonly blocks?: { readonly seqs: number; readonly max: number };
}

const BATCH_EVENTS = 1_024;
/** Decoded messages kept while event order walks near arrival order. */
const BLOCK_SEQS = 1_024;
const BLOCKS_MAX = 64;

interface Entry { readonly record: RawRecord; events: readonly MarketEvent[] | undefined }
interface Block {
  readonly entries: ReadonlyMap<number, Entry>;
  /** What is carried behind its last record, once its carrying messages are decoded, which is done for all of them at once. */
  carriedBehind: CarriedSnapshot | undefined;
}

/** Raw records by seq through remembered blocks: event order rarely strays far from arrival order. */
class RecordCache {
  readonly #options: EventOrderOptions;
  readonly #decoders: Decoders;
  readonly #trail: CarriedTrail;
  readonly #blocks = new Map<number, Block>();

  readonly #seqs: number;
  readonly #max: number;

  constructor(options: EventOrderOptions, trail: CarriedTrail) {
    this.#options = options;
    this.#seqs = options.blocks?.seqs ?? BLOCK_SEQS;
    this.#max = options.blocks?.max ?? BLOCKS_MAX;
    this.#trail = trail;
    this.#decoders = new Decoders(options);
  }

  /** Immediately when its block is remembered and its message decoded, else after reading. */
  event(rawSeq: number, position: number): ReplayEvent | Promise<ReplayEvent> {
    const index = Math.floor((rawSeq - 1) / this.#seqs);
    const entry = this.#blocks.get(index)?.entries.get(rawSeq);
    if (entry !== undefined && (entry.events !== undefined || !this.#decoders.carries(entry.record.stream))) return this.#take(entry, rawSeq, position);
    return this.#decoded(index, rawSeq).then((found) => this.#take(found, rawSeq, position));
  }

  #take(entry: Entry | undefined, rawSeq: number, position: number): ReplayEvent {
    if (entry !== undefined) entry.events ??= this.#decoders.eventsOf(entry.record);
    const event = entry?.events?.[position];
    if (entry === undefined || event === undefined) throw fault("replay.log-changed", `event ${position} of message ${rawSeq} was indexed and is gone: the log changed while it was read`);
    return new ReplayEvent(entry.record, position, event);
  }

  async #decoded(index: number, rawSeq: number): Promise<Entry | undefined> {
    const block = this.#blocks.get(index) ?? (await this.#load(index));
    const entry = block.entries.get(rawSeq);
    if (entry !== undefined && this.#decoders.carries(entry.record.stream) && block.carriedBehind === undefined) await this.#decodeCarrying(index, block);
    return entry;
  }

  async #load(index: number): Promise<Block> {
    const entries = new Map<number, Entry>();
    const range = { fromSeq: index * this.#seqs + 1, toSeq: Math.min((index + 1) * this.#seqs, this.#options.toSeq) };
    for await (const records of this.#options.reader.batches(range)) for (const record of records) entries.set(record.seq, { record, events: undefined });
    const block: Block = { entries, carriedBehind: undefined };
    this.#blocks.set(index, block);
    const oldest = this.#blocks.keys().next();
    if (this.#blocks.size > this.#max && oldest.done !== true) this.#blocks.delete(oldest.value);
    return block;
  }

  /** All of the block's carrying messages in arrival order, from what was carried before the block. */
  async #decodeCarrying(index: number, block: Block): Promise<void> {
    const { carried } = this.#decoders;
    const before = this.#blocks.get(index - 1)?.carriedBehind;
    if (before !== undefined) carried.restore(before);
    else await this.#carryTo(index * this.#seqs);
    for (const entry of block.entries.values()) if (this.#decoders.carries(entry.record.stream)) entry.events = this.#decoders.eventsOf(entry.record);
    block.carriedBehind = carried.snapshot();
  }

  async #carryTo(seq: number): Promise<void> {
    const { reader, decoders } = this.#options;
    const point = this.#trail.atOrBefore(seq);
    this.#decoders.carried.restore(point.carried);
    if (point.seq === seq) return;
    const streams = carryingStreams(reader, decoders);
    for await (const records of reader.batches({ fromSeq: point.seq + 1, toSeq: seq, streams })) {
      for (const record of records) if (streams.has(record.stream.streamId)) this.#decoders.eventsOf(record);
    }
  }
}

/** The sorted index of a prefix; dispose it to remove its scratch files. */
async function sortedKeys(options: EventOrderOptions & { readonly trail: CarriedTrail }): Promise<SortedKeys | undefined> {
  const writer = new RunWriter({
    scratchFolder: options.scratchFolder,
    ...(options.runEvents === undefined ? {} : { runEvents: options.runEvents }),
    ...(options.runsInMemory === undefined ? {} : { runsInMemory: options.runsInMemory }),
  });
  try {
    for await (const batch of arrivalEvents(options)) {
      for (const { record, position, event } of batch) await writer.add(event.eventMs, event.eventSubNs, record.seq, position);
    }
    if (!options.signal.aborted) return await writer.finish();
  } catch (error) {
    await writer.discard();
    throw error;
  }
  await writer.discard();
  return undefined;
}

function refuseOrder(before: OrderKey, after: OrderKey): never {
  const same = compareOrder(before, after) === 0;
  throw fault(same ? "replay.duplicate-key" : "replay.out-of-order", same
    ? `two events have the key (ts_event ${after.tsEventNs}, seq ${after.seq}): a replay of them would not be deterministic`
    : `event (ts_event ${after.tsEventNs}, seq ${after.seq}) comes after (${before.tsEventNs}, ${before.seq}): hash verification would fail`);
}

/** Passes batches on and refuses, loudly, a key that does not rise. */
export async function* inEventOrder(batches: AsyncIterable<readonly ReplayEvent[]>): AsyncGenerator<readonly ReplayEvent[]> {
  let before: OrderKey | undefined;
  for await (const batch of batches) {
    for (const { tsEventNs, seq } of batch) {
      const key = { tsEventNs, seq };
      if (before !== undefined && compareOrder(before, key) >= 0) refuseOrder(before, key);
      before = key;
    }
    yield batch;
  }
}

async function* lookedUp(options: EventOrderOptions, keys: SortedKeys, trail: CarriedTrail): AsyncGenerator<readonly ReplayEvent[]> {
  const cache = new RecordCache(options, trail);
  const { from } = options;
  let batch: ReplayEvent[] = [];
  for await (const [eventMs, subNs, rawSeq, position] of mergeRuns(keys)) {
    if (from !== undefined) {
      const order = compareOrder({ tsEventNs: eventNs({ eventMs, eventSubNs: subNs }), seq: eventSeq(rawSeq, position) }, from.key);
      if (order < 0 || (order === 0 && !from.inclusive)) continue;
    }
    const found = cache.event(rawSeq, position);
    batch.push(found instanceof ReplayEvent ? found : await found);
    if (batch.length < BATCH_EVENTS) continue;
    yield batch;
    if (options.signal.aborted) return;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** All events of the prefix in event order. Stops quietly when the signal aborts. */
export async function* eventOrderEvents(options: EventOrderOptions): AsyncGenerator<readonly ReplayEvent[]> {
  const trail = new CarriedTrail();
  const keys = await sortedKeys({ ...options, trail });
  if (keys === undefined) return;
  try {
    yield* inEventOrder(lookedUp(options, keys, trail));
  } finally {
    await keys.dispose();
  }
}

