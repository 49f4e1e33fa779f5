// Event order (ts_event, seq) over a frozen prefix, through a derived sorted index: runs sorted in memory, kept there or in
// scratch files, merged k ways. Refuses what the ordering contract refuses: two events with one key, an event out of order.
import { fault } from "../../shared/base.ts";
import { type MarketEvent, eventNs } from "../../shared/market.ts";
import { compareOrder, type OrderKey } from "../../shared/ordering.ts";
import { eventSeq, type RawRecord } from "../../shared/raw.ts";
import { arrivalEvents, Decoders, type EventsOptions, ReplayEvent } from "./events.ts";
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
}

const BATCH_EVENTS = 1_024;
/** Decoded messages kept while event order walks near arrival order. */
const BLOCK_SEQS = 1_024;
const BLOCKS_MAX = 64;

/** Raw records by seq through remembered blocks: event order rarely strays far from arrival order. */
class RecordCache {
  readonly #options: EventsOptions;
  readonly #decoders: Decoders;
  readonly #blocks = new Map<number, ReadonlyMap<number, { readonly record: RawRecord; events: readonly MarketEvent[] | undefined }>>();

  constructor(options: EventsOptions) {
    this.#options = options;
    this.#decoders = new Decoders(options);
  }

  /** Immediately when its block is remembered, else after reading it. */
  event(rawSeq: number, position: number): ReplayEvent | Promise<ReplayEvent> {
    const index = Math.floor((rawSeq - 1) / BLOCK_SEQS);
    return this.#blocks.has(index) ? this.#take(index, rawSeq, position) : this.#load(index).then(() => this.#take(index, rawSeq, position));
  }

  #take(index: number, rawSeq: number, position: number): ReplayEvent {
    const entry = this.#blocks.get(index)?.get(rawSeq);
    if (entry !== undefined) entry.events ??= this.#decoders.eventsOf(entry.record);
    const event = entry?.events?.[position];
    if (entry === undefined || event === undefined) throw fault("replay.log-changed", `event ${position} of message ${rawSeq} was indexed and is gone: the log changed while it was read`);
    return new ReplayEvent(entry.record, position, event);
  }

  async #load(index: number): Promise<void> {
    const block = new Map<number, { readonly record: RawRecord; events: readonly MarketEvent[] | undefined }>();
    const range = { fromSeq: index * BLOCK_SEQS + 1, toSeq: Math.min((index + 1) * BLOCK_SEQS, this.#options.toSeq) };
    for await (const records of this.#options.reader.batches(range)) for (const record of records) block.set(record.seq, { record, events: undefined });
    this.#blocks.set(index, block);
    const oldest = this.#blocks.keys().next();
    if (this.#blocks.size > BLOCKS_MAX && oldest.done !== true) this.#blocks.delete(oldest.value);
  }
}

/** The sorted index of a prefix; dispose it to remove its scratch files. */
async function sortedKeys(options: EventOrderOptions): Promise<SortedKeys | undefined> {
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

async function* lookedUp(options: EventOrderOptions, keys: SortedKeys): AsyncGenerator<readonly ReplayEvent[]> {
  const cache = new RecordCache(options);
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
  const keys = await sortedKeys(options);
  if (keys === undefined) return;
  try {
    yield* inEventOrder(lookedUp(options, keys));
  } finally {
    await keys.dispose();
  }
}

