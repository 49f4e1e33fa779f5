// A reading head: one canonicalizer at one place of the tape, with what belongs to that place (event count, known time,
// last quote, trades seen). Heads of one tape share a chronicle; a snapshot of one can be restored into another.
import { assert } from "../../shared/base.ts";
import { type CarriedSnapshot, CarriedStreams } from "../../shared/carried.ts";
import type { BboEvent, DecodeOutcome, FundingEvent, MarketEvent, MarkPriceEvent, OpenInterestEvent, TradeEvent } from "../../shared/market.ts";
import type { Canonicalizer, CanonicalSnapshot } from "../canonical/types.ts";
import type { ChronicleMark, ChronicleReader } from "./chronicle.ts";
import { SeenTrades, type SeenSnapshot } from "./duplicates.ts";
import { eventsOf, type TapeRecord } from "./records.ts";

/** The last event at or before a place, and where it stands in its message. */
export interface LastEvent {
  readonly seq: number;
  readonly position: number;
  readonly streamId: string;
  readonly event: MarketEvent;
}

/** Last event of each kind at a place; what is absent is unknown. */
export interface LastValues {
  readonly trade: TradeEvent | undefined;
  readonly bbo: BboEvent | undefined;
  readonly mark: MarkPriceEvent | undefined;
  readonly funding: FundingEvent | undefined;
  readonly interest: OpenInterestEvent | undefined;
}

export interface HeadSnapshot {
  readonly seq: number;
  /** Events of the watched streams up to here, duplicates left out. */
  readonly ordinal: number;
  readonly knownNs: bigint;
  readonly last: LastEvent | undefined;
  readonly values: LastValues;
  readonly seen: SeenSnapshot;
  readonly carried: CarriedSnapshot;
  readonly canonical: CanonicalSnapshot;
  readonly mark: ChronicleMark;
}

export class TapeHead {
  readonly canonicalizer: Canonicalizer;
  readonly reader: ChronicleReader;
  readonly #seen = new SeenTrades();
  readonly #carried = new CarriedStreams();
  /** What the record that is applied in part says: its rest must not be decoded anew, as a message that was heard before. */
  #underway: DecodeOutcome | undefined;
  #seq = 0;
  #applied = 0;
  #ordinal = 0;
  #knownNs = 0n;
  #last: LastEvent | undefined;
  #trade: TradeEvent | undefined;
  #bbo: BboEvent | undefined;
  #mark: MarkPriceEvent | undefined;
  #funding: FundingEvent | undefined;
  #interest: OpenInterestEvent | undefined;

  constructor(canonicalizer: Canonicalizer, reader: ChronicleReader) {
    this.canonicalizer = canonicalizer;
    this.reader = reader;
  }

  /** Raw seq of the last record applied, wholly or in part. */
  get seq(): number {
    return this.#seq;
  }
  /** Events applied of record `seq` while it is applied in part; 0 when it is applied whole. */
  get applied(): number {
    return this.#applied;
  }
  get ordinal(): number {
    return this.#ordinal;
  }
  /** Running maximum of receive time over the records of this tape. */
  get knownNs(): bigint {
    return this.#knownNs;
  }
  get last(): LastEvent | undefined {
    return this.#last;
  }
  get values(): LastValues {
    return { trade: this.#trade, bbo: this.#bbo, mark: this.#mark, funding: this.#funding, interest: this.#interest };
  }

  /**
   * Applies the record (or the rest of it): everything, or up to the event with this ordinal, or up to and including this
   * position. True when the whole record is applied.
   */
  apply(item: TapeRecord, limit: { readonly ordinal?: number; readonly position?: number } = {}): boolean {
    const { record } = item;
    const from = this.#applied;
    assert(from > 0 ? record.seq === this.#seq : record.seq > this.#seq, `record ${record.seq} comes after ${this.#seq}`);
    const outcome = from > 0 ? this.#underway : item.outcome(this.#carried);
    const events = eventsOf(outcome);
    const ordinalLimit = limit.ordinal ?? Infinity;
    const untilMax = limit.position === undefined ? events.length : Math.min(events.length, limit.position + 1);
    let until = from;
    while (until < untilMax && this.#ordinal < ordinalLimit) {
      const event = events[until];
      if (event !== undefined) this.#count(item, event, until);
      until += 1;
    }
    if (record.recvNs > this.#knownNs) this.#knownNs = record.recvNs;
    this.#seq = record.seq;
    const whole = until >= events.length;
    if (from === 0 && whole) this.canonicalizer.apply(record, outcome);
    else if (until > from) this.canonicalizer.apply(record, outcome, { from, until });
    this.#applied = whole ? 0 : until;
    this.#underway = whole ? undefined : outcome;
    return whole;
  }

  #count(item: TapeRecord, event: MarketEvent, position: number): void {
    const { streamId } = item.record.stream;
    switch (event.kind) {
      case "trade":
        if (!this.#seen.isNew(streamId, event)) return;
        if (item.record.source === "ws" || this.#trade === undefined) this.#trade = event;
        break;
      case "bbo":
        this.#bbo = event;
        break;
      case "mark_price":
        this.#mark = event;
        break;
      case "funding":
        this.#funding = event;
        break;
      case "open_interest":
        this.#interest = event;
        break;
      case "venue_candle":
        // What the venue makes of the trades: no event of the market.
        return;
    }
    this.#ordinal += 1;
    this.#last = { seq: item.record.seq, position, streamId, event };
  }

  /** Moves what the canonicalizer said into the chronicle; views are exact after this. */
  settle(): void {
    this.reader.hear(this.canonicalizer.drain());
  }

  /** Only between records. */
  snapshot(): HeadSnapshot {
    assert(this.#applied === 0, "a snapshot stands between two records");
    this.settle();
    return {
      seq: this.#seq, ordinal: this.#ordinal, knownNs: this.#knownNs, last: this.#last, values: this.values,
      seen: this.#seen.snapshot(), carried: this.#carried.snapshot(), canonical: this.canonicalizer.snapshot(), mark: this.reader.mark,
    };
  }

  restore(snapshot: HeadSnapshot): void {
    this.canonicalizer.drain();
    this.reader.moveTo(snapshot.mark);
    this.canonicalizer.restore(snapshot.canonical);
    this.#seen.restore(snapshot.seen);
    this.#carried.restore(snapshot.carried);
    this.#underway = undefined;
    this.#seq = snapshot.seq;
    this.#applied = 0;
    this.#ordinal = snapshot.ordinal;
    this.#knownNs = snapshot.knownNs;
    this.#last = snapshot.last;
    const { trade, bbo, mark, funding, interest } = snapshot.values;
    this.#trade = trade;
    this.#bbo = bbo;
    this.#mark = mark;
    this.#funding = funding;
    this.#interest = interest;
  }
}
