// The normalised events of a capture in arrival order: every watched message decoded, duplicates left out (D11).
// A function of the log's prefix: starting in the middle gives the same events as starting at the beginning.
import { fault, type Clock, type StopSignal } from "../../shared/base.ts";
import { eventNs, type Decode, type DecoderLookup, type EventKind, type MarketEvent, type StreamRef } from "../../shared/market.ts";
import { CONTROL_STREAM, eventSeq, type RawRecord } from "../../shared/raw.ts";
import type { RawLogReader } from "../rawlog/types.ts";
import { SeenTrades } from "./duplicates.ts";
import { Turns } from "./turns.ts";

/** One event with its place. The contract's bigints are computed when asked for: most consumers need few of them. */
export class ReplayEvent {
  readonly record: RawRecord;
  readonly position: number;
  readonly event: MarketEvent;

  constructor(record: RawRecord, position: number, event: MarketEvent) {
    this.record = record;
    this.position = position;
    this.event = event;
  }

  get stream(): StreamRef {
    return this.record.stream;
  }
  /** Contract 001's `seq`. */
  get seq(): bigint {
    return eventSeq(this.record.seq, this.position);
  }
  /** Contract 001's `ts_event`. */
  get tsEventNs(): bigint {
    return eventNs(this.event);
  }
}

export interface EventsOptions {
  readonly reader: RawLogReader;
  readonly decoders: DecoderLookup;
  readonly clock: Clock;
  readonly signal: StopSignal;
  /** Last raw seq of the frozen prefix (inclusive): part of the dataset's identity. */
  readonly toSeq: number;
  /** Which streams' events are wanted; undefined = all that have a decoder. */
  readonly wanted: ((stream: StreamRef) => boolean) | undefined;
  /** Only events of this kind; undefined = all. */
  readonly kind?: EventKind | undefined;
}

/** Finds and remembers the decoder of each stream. */
export class Decoders {
  readonly #lookup: DecoderLookup;
  readonly #wanted: ((stream: StreamRef) => boolean) | undefined;
  readonly #known = new Map<string, Decode | "none">();

  constructor(options: Pick<EventsOptions, "decoders" | "wanted">) {
    this.#lookup = options.decoders;
    this.#wanted = options.wanted;
  }

  /** The record's events as decoded, duplicates included; empty for streams that are not wanted or have no decoder. */
  eventsOf(record: RawRecord): readonly MarketEvent[] {
    const decode = this.#of(record.stream);
    if (decode === "none") return NO_EVENTS;
    const outcome = decode(record.payload, { stream: record.stream, source: record.source, recvNs: record.recvNs });
    return outcome.kind === "events" ? outcome.events : NO_EVENTS;
  }

  #of(stream: StreamRef): Decode | "none" {
    const known = this.#known.get(stream.streamId);
    if (known !== undefined) return known;
    const isMarket = stream.streamId !== CONTROL_STREAM.streamId && (this.#wanted === undefined || this.#wanted(stream));
    const decode = (isMarket ? this.#lookup(stream) : undefined) ?? "none";
    this.#known.set(stream.streamId, decode);
    return decode;
  }
}
const NO_EVENTS: readonly MarketEvent[] = [];

/**
 * Batches of events from after (fromSeq, afterPosition) to toSeq, in arrival order. Batches may be empty: then reading
 * got further without finding any. Stops quietly when the signal aborts.
 */
export async function* arrivalEvents(
  options: EventsOptions & { readonly afterSeq?: number; readonly afterPosition?: number },
): AsyncGenerator<readonly ReplayEvent[]> {
  const decoders = new Decoders(options);
  const seen = new SeenTrades();
  const turns = new Turns(options.clock);
  const afterSeq = options.afterSeq ?? 0;
  const afterPosition = options.afterPosition ?? Infinity;
  // Messages before the start are decoded too: which trades were seen decides what is a duplicate later.
  let lastSeq = 0;
  for await (const records of options.reader.batches({ toSeq: options.toSeq })) {
    const batch: ReplayEvent[] = [];
    for (const record of records) {
      if (record.seq <= lastSeq) throw fault("replay.out-of-order", `message ${record.seq} comes after message ${lastSeq}: the log's order is broken, verify it`);
      lastSeq = record.seq;
      const events = decoders.eventsOf(record);
      for (let position = 0; position < events.length; position += 1) {
        const event = events[position];
        if (event === undefined || (event.kind === "trade" && !seen.isNew(record.stream.streamId, event))) continue;
        if (options.kind !== undefined && event.kind !== options.kind) continue;
        if (record.seq < afterSeq || (record.seq === afterSeq && position <= afterPosition)) continue;
        batch.push(new ReplayEvent(record, position, event));
      }
      if (!turns.due()) continue;
      await turns.pass();
      if (options.signal.aborted) break;
    }
    yield batch;
    if (options.signal.aborted) return;
  }
}
