// Owns the bars of the view: columns ascending by openMs, merged from frames, at most BARS_MAX. Exact mantissas, no floats of prices.
import { formatDecimal } from "../../shared/decimal.ts";
import { BAR_FORMING, BAR_INEXACT, GRADE_UNKNOWN, type BarColumns } from "../../shared/protocol/frames.ts";
import { GRADES, type Grade } from "../../shared/candles.ts";

/** What the chart draws at most (D23): setData of more costs more than a painted frame. */
export const BARS_MAX = 5_000;

const FLOATS = ["openMs", "open", "high", "low", "close", "volume", "quoteVolume", "takerBuyVolume", "tradeCount", "atSeq"] as const;
const BYTES = ["grade", "flags"] as const;
type ScaledColumn = "open" | "high" | "low" | "close" | "volume" | "quoteVolume" | "takerBuyVolume";
type ScaleName = "priceScale" | "volumeScale" | "quoteScale";
const SCALE_OF: Readonly<Record<ScaledColumn, ScaleName>> = {
  open: "priceScale", high: "priceScale", low: "priceScale", close: "priceScale",
  volume: "volumeScale", takerBuyVolume: "volumeScale", quoteVolume: "quoteScale",
};

type Mutable = { -readonly [K in keyof BarColumns]: BarColumns[K] };

/** What a merge touched, so that the chart updates a few bars instead of setting all. `all`: positions moved. */
export type BarsTouched = { readonly kind: "all" } | { readonly kind: "some"; readonly openMs: readonly number[] };

function emptyColumns(capacity: number, like?: BarColumns): Mutable {
  return {
    length: 0, priceScale: like?.priceScale ?? 0, volumeScale: like?.volumeScale ?? 0, quoteScale: like?.quoteScale ?? 0,
    openMs: new Float64Array(capacity), open: new Float64Array(capacity), high: new Float64Array(capacity), low: new Float64Array(capacity),
    close: new Float64Array(capacity), volume: new Float64Array(capacity), quoteVolume: new Float64Array(capacity),
    takerBuyVolume: new Float64Array(capacity), tradeCount: new Float64Array(capacity), atSeq: new Float64Array(capacity),
    revision: new Uint16Array(capacity), grade: new Uint8Array(capacity), flags: new Uint8Array(capacity),
  };
}

function copyBar(from: BarColumns, index: number, to: BarColumns, at: number): void {
  for (const name of FLOATS) to[name][at] = from[name][index] ?? 0;
  for (const name of BYTES) to[name][at] = from[name][index] ?? 0;
  to.revision[at] = from.revision[index] ?? 0;
}

/** Brings a table to larger scales in place. A mantissa that leaves the exact range marks its bar. */
function widen(bars: Mutable, scales: Readonly<Record<ScaleName, number>>): void {
  for (const column of Object.keys(SCALE_OF) as ScaledColumn[]) {
    const factor = 10 ** (scales[SCALE_OF[column]] - bars[SCALE_OF[column]]);
    if (factor === 1) continue;
    for (let index = 0; index < bars.length; index += 1) {
      const wide = (bars[column][index] ?? 0) * factor;
      bars[column][index] = wide;
      if (!Number.isSafeInteger(wide)) bars.flags[index] = (bars.flags[index] ?? 0) | BAR_INEXACT;
    }
  }
  bars.priceScale = scales.priceScale;
  bars.volumeScale = scales.volumeScale;
  bars.quoteScale = scales.quoteScale;
}

export class BarTable {
  #bars: Mutable = emptyColumns(16);

  get columns(): BarColumns {
    return this.#bars;
  }
  get length(): number {
    return this.#bars.length;
  }

  /** Replaces everything. Input columns are views into a frame's buffer, so they are copied. */
  reset(bars: BarColumns): BarsTouched {
    const from = Math.max(0, bars.length - BARS_MAX);
    const next = emptyColumns(bars.length - from + 64, bars);
    for (let index = from; index < bars.length; index += 1) copyBar(bars, index, next, index - from);
    next.length = bars.length - from;
    this.#bars = next;
    return { kind: "all" };
  }

  /** Merges changes by openMs: same openMs replaces, a new one is put in order. Beyond BARS_MAX the oldest leave. */
  merge(changes: BarColumns): BarsTouched {
    if (changes.length === 0) return { kind: "some", openMs: [] };
    if (this.#bars.length === 0) return this.reset(changes);
    const update = this.#matchScales(changes);
    const lastMs = this.#bars.openMs[this.#bars.length - 1] ?? 0;
    let moved = false;
    for (let index = 0; index < update.length; index += 1) {
      const openMs = update.openMs[index] ?? 0;
      const at = this.#lowerBound(openMs);
      const isPresent = at < this.#bars.length && this.#bars.openMs[at] === openMs;
      if (!isPresent) {
        this.#makeRoomAt(at);
        moved ||= openMs < lastMs;
      }
      copyBar(update, index, this.#bars, at);
    }
    if (this.#trim() || moved) return { kind: "all" };
    return { kind: "some", openMs: Array.from(update.openMs.subarray(0, update.length)) };
  }

  /** Position of the bar that opens at `openMs`, undefined when there is none. */
  indexOf(openMs: number): number | undefined {
    const at = this.#lowerBound(openMs);
    return at < this.#bars.length && this.#bars.openMs[at] === openMs ? at : undefined;
  }

  #matchScales(changes: BarColumns): BarColumns {
    const scales = {
      priceScale: Math.max(changes.priceScale, this.#bars.priceScale),
      volumeScale: Math.max(changes.volumeScale, this.#bars.volumeScale),
      quoteScale: Math.max(changes.quoteScale, this.#bars.quoteScale),
    };
    widen(this.#bars, scales);
    if (changes.priceScale === scales.priceScale && changes.volumeScale === scales.volumeScale && changes.quoteScale === scales.quoteScale) return changes;
    const copy = emptyColumns(changes.length, changes);
    for (let index = 0; index < changes.length; index += 1) copyBar(changes, index, copy, index);
    copy.length = changes.length;
    widen(copy, scales);
    return copy;
  }

  #lowerBound(openMs: number): number {
    let low = 0;
    let high = this.#bars.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#bars.openMs[middle] ?? 0) < openMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #makeRoomAt(at: number): void {
    const { length } = this.#bars;
    if (length === this.#bars.openMs.length) {
      const grown = emptyColumns(length * 2, this.#bars);
      for (const name of FLOATS) grown[name].set(this.#bars[name]);
      for (const name of BYTES) grown[name].set(this.#bars[name]);
      grown.revision.set(this.#bars.revision);
      this.#bars = grown;
    }
    for (const name of FLOATS) this.#bars[name].copyWithin(at + 1, at, length);
    for (const name of BYTES) this.#bars[name].copyWithin(at + 1, at, length);
    this.#bars.revision.copyWithin(at + 1, at, length);
    this.#bars.length = length + 1;
  }

  /** With slack, so that a live chart moves its columns once in 256 bars and not on each. */
  #trim(): boolean {
    const excess = this.#bars.length - BARS_MAX;
    if (excess < 256) return false;
    for (const name of FLOATS) this.#bars[name].copyWithin(0, excess, this.#bars.length);
    for (const name of BYTES) this.#bars[name].copyWithin(0, excess, this.#bars.length);
    this.#bars.revision.copyWithin(0, excess, this.#bars.length);
    this.#bars.length = BARS_MAX;
    return true;
  }
}

/** One bar's numbers as exact text, as the venue's digits give them. */
export interface BarText {
  readonly openMs: number;
  readonly open: string;
  readonly high: string;
  readonly low: string;
  readonly close: string;
  readonly volume: string;
  readonly tradeCount: number;
  readonly isUp: boolean;
  readonly isForming: boolean;
  /** Some number does not fit the columns: its text here is not exact, the inspector's is. */
  readonly isInexact: boolean;
  readonly revision: number;
  readonly grade: Grade | undefined;
}

export function barText(bars: BarColumns, index: number): BarText {
  const text = (column: ScaledColumn): string => {
    const mantissa = bars[column][index] ?? 0;
    return Number.isSafeInteger(mantissa) ? formatDecimal({ mantissa, scale: bars[SCALE_OF[column]] }) : String(mantissa / 10 ** bars[SCALE_OF[column]]);
  };
  const flags = bars.flags[index] ?? 0;
  return {
    openMs: bars.openMs[index] ?? 0, open: text("open"), high: text("high"), low: text("low"), close: text("close"), volume: text("volume"),
    tradeCount: bars.tradeCount[index] ?? 0, isUp: (bars.close[index] ?? 0) >= (bars.open[index] ?? 0),
    isForming: (flags & BAR_FORMING) !== 0, isInexact: (flags & BAR_INEXACT) !== 0, revision: bars.revision[index] ?? 0,
    grade: gradeAt(bars, index),
  };
}

export function gradeAt(bars: BarColumns, index: number): Grade | undefined {
  const grade = bars.grade[index] ?? GRADE_UNKNOWN;
  return grade === GRADE_UNKNOWN ? undefined : GRADES[grade];
}
