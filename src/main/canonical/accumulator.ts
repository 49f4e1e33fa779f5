// The numbers of one bar while trades come in. Commutative: any order of the same trades gives the same values. Pure.
import { assert } from "../../shared/base.ts";
import type { BarValues, BarVersion, FoldKey, ProvenanceRun } from "../../shared/candles.ts";
import { ZERO, compare, decimal, rescale, type Decimal } from "../../shared/decimal.ts";
import type { Contribution } from "./contribution.ts";
import { ExactSum } from "./exact-sum.ts";
import { RunList } from "./provenance.ts";

/** Raw seqs listed of messages that do not contribute; the count goes on. */
export const EXCLUDED_LISTED_MAX = 64;

/** Everything about an accumulator, as plain data: what is saved and what a bar version is made of. */
export interface BarContents {
  readonly values: BarValues;
  readonly firstKey: FoldKey;
  readonly lastKey: FoldKey;
  readonly provenance: readonly ProvenanceRun[];
  readonly excluded: BarVersion["excluded"];
  readonly backfilledTrades: number;
}

export class Accumulator {
  readonly openMs: number;
  readonly untilMs: number;
  /** Market trades counted, aggregated ones with all they stand for. */
  tradeCount = 0;
  backfilledTrades = 0;
  excludedCount = 0;
  lastSeq = 0;
  #excludedSeqs: readonly number[] = [];
  #open: Decimal = ZERO;
  #high: Decimal = ZERO;
  #low: Decimal = ZERO;
  #close: Decimal = ZERO;
  #firstMs = 0;
  #firstId = 0;
  #firstIngest = 0;
  #lastMs = 0;
  #lastId = 0;
  #lastIngest = 0;
  #qtyScale = 0;
  #quoteScale = 0;
  #volume = new ExactSum();
  #quote = new ExactSum();
  #buyVolume = new ExactSum();
  #buyQuote = new ExactSum();
  #runs = new RunList();

  constructor(openMs: number, untilMs: number) {
    this.openMs = openMs;
    this.untilMs = untilMs;
  }

  get isEmpty(): boolean {
    return this.tradeCount === 0;
  }

  add(c: Contribution, streamId: string): void {
    const first = this.tradeCount === 0;
    this.tradeCount += c.tradeCount;
    if (c.backfilled) this.backfilledTrades += c.tradeCount;
    this.lastSeq = c.seq;
    if (first) this.#start(c);
    else this.#place(c);
    if (c.qtyScale !== this.#qtyScale || c.quoteScale !== this.#quoteScale) this.#addScaled(c);
    else {
      this.#volume.add(c.qtyMantissa);
      this.#quote.add(c.quoteMantissa);
      if (c.takerBuys) {
        this.#buyVolume.add(c.qtyMantissa);
        this.#buyQuote.add(c.quoteMantissa);
      }
    }
    this.#runs.extend(c, streamId);
  }

  exclude(seq: number): void {
    this.excludedCount += 1;
    const listed = this.#excludedSeqs;
    if (listed.length < EXCLUDED_LISTED_MAX && listed.at(-1) !== seq) this.#excludedSeqs = [...listed, seq];
  }

  /** For state read back: a bar without trades can have these too. */
  setExcluded(excluded: BarVersion["excluded"]): void {
    this.excludedCount = excluded.count;
    this.#excludedSeqs = excluded.seqs;
  }

  #start(c: Contribution): void {
    const { price } = c;
    this.#open = price;
    this.#high = price;
    this.#low = price;
    this.#close = price;
    this.#qtyScale = c.qtyScale;
    this.#quoteScale = c.quoteScale;
    this.#firstMs = c.eventMs;
    this.#firstId = c.orderId;
    this.#firstIngest = c.ingestSeq;
    this.#lastMs = c.eventMs;
    this.#lastId = c.orderId;
    this.#lastIngest = c.ingestSeq;
  }

  #place(c: Contribution): void {
    const { price, eventMs, orderId, ingestSeq } = c;
    if (isHigher(price, this.#high)) this.#high = price;
    if (isLower(price, this.#low)) this.#low = price;
    const last = this.#lastMs;
    if (eventMs > last || (eventMs === last && (orderId > this.#lastId || (orderId === this.#lastId && ingestSeq >= this.#lastIngest)))) {
      this.#close = price;
      this.#lastMs = eventMs;
      this.#lastId = orderId;
      this.#lastIngest = ingestSeq;
    }
    const earliest = this.#firstMs;
    if (eventMs < earliest || (eventMs === earliest && (orderId < this.#firstId || (orderId === this.#firstId && ingestSeq < this.#firstIngest)))) {
      this.#open = price;
      this.#firstMs = eventMs;
      this.#firstId = orderId;
      this.#firstIngest = ingestSeq;
    }
  }

  /** The rare trade whose text has another number of digits: sums move to the finer scale, so scales are a maximum too. */
  #addScaled(c: Contribution): void {
    if (c.qtyScale > this.#qtyScale) {
      this.#volume.widen(c.qtyScale - this.#qtyScale);
      this.#buyVolume.widen(c.qtyScale - this.#qtyScale);
      this.#qtyScale = c.qtyScale;
    }
    if (c.quoteScale > this.#quoteScale) {
      this.#quote.widen(c.quoteScale - this.#quoteScale);
      this.#buyQuote.widen(c.quoteScale - this.#quoteScale);
      this.#quoteScale = c.quoteScale;
    }
    const qty = rescale({ mantissa: c.qtyMantissa, scale: c.qtyScale }, this.#qtyScale).mantissa;
    const quote = rescale({ mantissa: c.quoteMantissa, scale: c.quoteScale }, this.#quoteScale).mantissa;
    this.#volume.add(qty);
    this.#quote.add(quote);
    if (c.takerBuys) {
      this.#buyVolume.add(qty);
      this.#buyQuote.add(quote);
    }
  }

  values(): BarValues {
    assert(this.tradeCount > 0, "a bar without trades has no values");
    const qty = (sum: ExactSum): Decimal => decimal(sum.total(), this.#qtyScale);
    const quote = (sum: ExactSum): Decimal => decimal(sum.total(), this.#quoteScale);
    return {
      open: this.#open, high: this.#high, low: this.#low, close: this.#close, volume: qty(this.#volume), quoteVolume: quote(this.#quote),
      tradeCount: this.tradeCount, takerBuyVolume: qty(this.#buyVolume), takerBuyQuoteVolume: quote(this.#buyQuote),
    };
  }

  contents(): BarContents {
    return {
      values: this.values(),
      firstKey: { eventMs: this.#firstMs, id: this.#firstId, ingestSeq: this.#firstIngest },
      lastKey: { eventMs: this.#lastMs, id: this.#lastId, ingestSeq: this.#lastIngest },
      provenance: this.#runs.list(),
      excluded: { count: this.excludedCount, seqs: this.#excludedSeqs },
      backfilledTrades: this.backfilledTrades,
    };
  }

  /** Seqs of messages left out, for state without trades (`contents` needs at least one). */
  get excludedSeqs(): readonly number[] {
    return this.#excludedSeqs;
  }

  clone(): Accumulator {
    const copy = new Accumulator(this.openMs, this.untilMs);
    copy.tradeCount = this.tradeCount;
    copy.backfilledTrades = this.backfilledTrades;
    copy.excludedCount = this.excludedCount;
    copy.lastSeq = this.lastSeq;
    copy.#excludedSeqs = this.#excludedSeqs;
    copy.#open = this.#open;
    copy.#high = this.#high;
    copy.#low = this.#low;
    copy.#close = this.#close;
    copy.#firstMs = this.#firstMs;
    copy.#firstId = this.#firstId;
    copy.#firstIngest = this.#firstIngest;
    copy.#lastMs = this.#lastMs;
    copy.#lastId = this.#lastId;
    copy.#lastIngest = this.#lastIngest;
    copy.#qtyScale = this.#qtyScale;
    copy.#quoteScale = this.#quoteScale;
    copy.#volume = this.#volume.clone();
    copy.#quote = this.#quote.clone();
    copy.#buyVolume = this.#buyVolume.clone();
    copy.#buyQuote = this.#buyQuote.clone();
    copy.#runs = this.#runs.clone();
    return copy;
  }

  /** Takes up where a bar version (or saved state) left off: late trades are then added as if they had come in time. */
  static resume(openMs: number, untilMs: number, contents: BarContents): Accumulator {
    const { values, firstKey, lastKey } = contents;
    const bar = new Accumulator(openMs, untilMs);
    bar.tradeCount = values.tradeCount;
    bar.backfilledTrades = contents.backfilledTrades;
    bar.excludedCount = contents.excluded.count;
    bar.#excludedSeqs = contents.excluded.seqs;
    bar.#open = values.open;
    bar.#high = values.high;
    bar.#low = values.low;
    bar.#close = values.close;
    bar.#firstMs = firstKey.eventMs;
    bar.#firstId = firstKey.id;
    bar.#firstIngest = firstKey.ingestSeq;
    bar.#lastMs = lastKey.eventMs;
    bar.#lastId = lastKey.id;
    bar.#lastIngest = lastKey.ingestSeq;
    bar.#qtyScale = values.volume.scale;
    bar.#quoteScale = values.quoteVolume.scale;
    bar.#volume = ExactSum.from(values.volume.mantissa);
    bar.#quote = ExactSum.from(values.quoteVolume.mantissa);
    bar.#buyVolume = ExactSum.from(values.takerBuyVolume.mantissa);
    bar.#buyQuote = ExactSum.from(values.takerBuyQuoteVolume.mantissa);
    bar.#runs = RunList.from(contents.provenance);
    return bar;
  }
}

/** Of equal values the one written with more digits is taken, so that the choice does not depend on the order of trades. */
function isHigher(price: Decimal, high: Decimal): boolean {
  if (price.scale === high.scale) return price.mantissa > high.mantissa;
  const order = compare(price, high);
  return order > 0 || (order === 0 && price.scale > high.scale);
}

function isLower(price: Decimal, low: Decimal): boolean {
  if (price.scale === low.scale) return price.mantissa < low.mantissa;
  const order = compare(price, low);
  return order < 0 || (order === 0 && price.scale > low.scale);
}
