// The normalised events of a capture in arrival order: every watched message decoded, duplicates left out (D11).
// A function of the log's prefix: starting in the middle gives the same events as starting at the beginning.
import { fault, type Clock, type StopSignal } from "../../shared/base.ts";
import { type CarriedSnapshot, CarriedStreams } from "../../shared/carried.ts";
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
  /** Only events of this kind; undefined = all that happened in the market, which the venue's own candles did not. */
  readonly kind?: EventKind | undefined;
  /** Told how far the reading is and what it carries, now and then. */
  readonly trail?: CarriedTrail | undefined;
}

/** Points in a log at which what is carried is remembered: at most so many, farther apart the longer the log. */
const TRAIL_MAX = 1_024;
const TRAIL_SPACING = 1_024;

/** What is carried at places of a log, so that messages in its middle can be read again without reading all before them. */
export class CarriedTrail {
  #points: { readonly seq: number; readonly carried: CarriedSnapshot }[] = [{ seq: 0, carried: {} }];
  #spacing = TRAIL_SPACING;

  /** The next seq at which a point is wanted. */
  get dueSeq(): number {
    return (this.#points.at(-1)?.seq ?? 0) + this.#spacing;
  }

  /** Every record up to `seq` is in. In rising seq. */
  add(seq: number, carried: CarriedSnapshot): void {
    this.#points.push({ seq, carried });
    if (this.#points.length <= TRAIL_MAX) return;
    this.#points = this.#points.filter((_, index) => index % 2 === 0);
    this.#spacing *= 2;
  }

  /** The last point at or before a seq. */
  atOrBefore(seq: number): { readonly seq: number; readonly carried: CarriedSnapshot } {
    return this.#points.findLast((point) => point.seq <= seq) ?? { seq: 0, carried: {} };
  }
}

/** The streams of a log whose messages must be read in order, for the log reader's filter. */
export function carryingStreams(reader: RawLogReader, decoders: DecoderLookup): ReadonlySet<string> {
  const streams = reader.streams.map(({ stream }) => stream).filter((stream) => stream.streamId !== CONTROL_STREAM.streamId);
  return new Set(streams.filter((stream) => decoders(stream)?.carries === true).map(({ streamId }) => streamId));
}

interface KnownStream { readonly decode: Decode | undefined; readonly isWanted: boolean }

/** Finds and remembers the decoder of each stream, and what the messages up to here leave for those behind them. */
export class Decoders {
  readonly #lookup: DecoderLookup;
  readonly #wanted: ((stream: StreamRef) => boolean) | undefined;
  readonly #known = new Map<string, KnownStream>();
  readonly carried = new CarriedStreams();

  constructor(options: Pick<EventsOptions, "decoders" | "wanted">) {
    this.#lookup = options.decoders;
    this.#wanted = options.wanted;
  }

  /**
   * The record's events as decoded, duplicates included; empty for streams that are not wanted or have no decoder. Records that carry
   * must come once each and in order, from where `carried` stands.
   */
  eventsOf(record: RawRecord): readonly MarketEvent[] {
    const { decode, isWanted } = this.#of(record.stream);
    if (decode === undefined) return NO_EVENTS;
    const { stream, source, recvNs } = record;
    const outcome = decode.carries === true ? decode(record.payload, { stream, source, recvNs, carried: this.carried.of(stream) }) : decode(record.payload, { stream, source, recvNs });
    return isWanted && outcome.kind === "events" ? outcome.events : NO_EVENTS;
  }

  carries(stream: StreamRef): boolean {
    return this.#of(stream).decode?.carries === true;
  }

  /** Streams that nobody wants are decoded all the same when they carry: those that are wanted may need it. */
  #of(stream: StreamRef): KnownStream {
    const known = this.#known.get(stream.streamId);
    if (known !== undefined) return known;
    const isWanted = this.#wanted === undefined || this.#wanted(stream);
    const found = stream.streamId === CONTROL_STREAM.streamId ? undefined : this.#lookup(stream);
    const made: KnownStream = { decode: isWanted || found?.carries === true ? found : undefined, isWanted };
    this.#known.set(stream.streamId, made);
    return made;
  }
}
const NO_EVENTS: readonly MarketEvent[] = [];

/** What one record of a log says in its place: messages before it are read as far as it depends on them. Venue candles are no events. */
export async function eventsAt({ reader, decoders: lookup }: Pick<EventsOptions, "reader" | "decoders">, record: RawRecord): Promise<readonly MarketEvent[]> {
  const decoders = new Decoders({ decoders: lookup, wanted: undefined });
  const streams = decoders.carries(record.stream) ? carryingStreams(reader, lookup) : new Set<string>();
  if (streams.size > 0 && record.seq > 1) {
    for await (const records of reader.batches({ toSeq: record.seq - 1, streams })) for (const before of records) if (streams.has(before.stream.streamId)) decoders.eventsOf(before);
  }
  const events = decoders.eventsOf(record);
  return events.some(({ kind }) => kind === "venue_candle") ? NO_EVENTS : events;
}

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
        if (options.kind === undefined ? event.kind === "venue_candle" : event.kind !== options.kind) continue;
        if (record.seq < afterSeq || (record.seq === afterSeq && position <= afterPosition)) continue;
        batch.push(new ReplayEvent(record, position, event));
      }
      if (options.trail !== undefined && record.seq >= options.trail.dueSeq) options.trail.add(record.seq, decoders.carried.snapshot());
      if (!turns.due()) continue;
      await turns.pass();
      if (options.signal.aborted) break;
    }
    yield batch;
    if (options.signal.aborted) return;
  }
}
