// One interval of one instrument: open bars, what is sealed, and late trades on their way into a revision. Pure.
import type { BarKey, BarVersion, FormingBar, RevisionReason, SealReason } from "../../shared/candles.ts";
import type { Instrument } from "../../shared/market.ts";
import { INTERVAL_MS, type Interval } from "../../shared/time.ts";
import { Accumulator } from "./accumulator.ts";
import { diffOf, digestOf } from "./artifact.ts";
import type { Contribution } from "./contribution.ts";
import type { Surroundings } from "./emit.ts";
import type { OpenBarContents } from "./types.ts";

/** A bar whose late trades have come, but whose next revision has not closed. */
export interface Pending {
  readonly bar: Accumulator;
  trades: number;
  backfilled: boolean;
  /** The seal clock at which it closes, unless a backfill in progress is waited for. */
  readonly closesAtMs: number;
}

export class Series {
  readonly instrument: Instrument;
  readonly interval: Interval;
  readonly lengthMs: number;
  readonly streamId: string;
  /** Buckets that open before this are sealed, with or without trades. */
  sealedUntilMs = Number.NEGATIVE_INFINITY;
  /** Buckets that open before this are none of this series' business: it was added later. */
  sinceMs = Number.NEGATIVE_INFINITY;
  /** Unsealed bars, ascending. */
  readonly openBars: Accumulator[] = [];
  readonly pending = new Map<number, Pending>();
  readonly #around: Surroundings;
  /** The bar that took the last trade: nearly always the one that takes the next. */
  #current: Accumulator | undefined;

  constructor(options: { readonly instrument: Instrument; readonly interval: Interval; readonly streamId: string; readonly around: Surroundings }) {
    this.instrument = options.instrument;
    this.interval = options.interval;
    this.lengthMs = INTERVAL_MS[options.interval];
    this.streamId = options.streamId;
    this.#around = options.around;
  }

  key(openMs: number): BarKey {
    return { venue: this.instrument.venue, symbol: this.instrument.symbol, interval: this.interval, openMs };
  }

  openOf(ms: number): number {
    return Math.floor(ms / this.lengthMs) * this.lengthMs;
  }

  /** Adds a trade to its open bar. False: its bucket is sealed. */
  add(c: Contribution): boolean {
    const current = this.#current;
    if (current !== undefined && c.eventMs >= current.openMs && c.eventMs < current.untilMs) {
      current.add(c, this.streamId);
      return true;
    }
    const openMs = this.openOf(c.eventMs);
    if (openMs < this.sealedUntilMs) return openMs < this.sinceMs;
    this.#current = this.#bar(openMs);
    this.#current.add(c, this.streamId);
    return true;
  }

  /** Notes a message that does not contribute, where its bucket is still open. */
  exclude(eventMs: number, seq: number): void {
    const openMs = this.openOf(eventMs);
    if (openMs >= this.sealedUntilMs) this.#bar(openMs).exclude(seq);
    else this.pending.get(openMs)?.bar.exclude(seq);
  }

  /** The open bar of a bucket, made when there is none. */
  #bar(openMs: number): Accumulator {
    const bars = this.openBars;
    let at = bars.length;
    for (; at > 0; at -= 1) {
      const bar = bars[at - 1];
      if (bar === undefined || bar.openMs < openMs) break;
      if (bar.openMs === openMs) return bar;
    }
    const bar = new Accumulator(openMs, openMs + this.lengthMs);
    bars.splice(at, 0, bar);
    return bar;
  }

  bar(openMs: number): Accumulator | undefined {
    return this.openBars.find((bar) => bar.openMs === openMs);
  }

  /** Takes a trade for a sealed bucket into the pending revision of its bar; the first one starts it. */
  addLate(c: Contribution, closesAtMs: number): Pending {
    const openMs = this.openOf(c.eventMs);
    let pending = this.pending.get(openMs);
    if (pending === undefined) {
      const latest = this.#around.history.latest(this.key(openMs));
      const untilMs = openMs + this.lengthMs;
      const bar = latest === undefined ? new Accumulator(openMs, untilMs) : Accumulator.resume(openMs, untilMs, latest);
      pending = { bar, trades: 0, backfilled: false, closesAtMs };
      this.pending.set(openMs, pending);
    }
    pending.bar.add(c, this.streamId);
    pending.trades += 1;
    if (c.backfilled) pending.backfilled = true;
    return pending;
  }

  /** Seals every bucket that opens before `untilMs`. Returns the bars with trades, ascending. */
  seal(untilMs: number, reason: SealReason, atSeq: number): readonly Accumulator[] {
    if (untilMs <= this.sealedUntilMs) return [];
    this.sealedUntilMs = untilMs;
    if (this.#current !== undefined && this.#current.openMs < untilMs) this.#current = undefined;
    const sealed: Accumulator[] = [];
    while (this.openBars.length > 0) {
      const bar = this.openBars[0];
      if (bar === undefined || bar.openMs >= untilMs) break;
      this.openBars.shift();
      if (bar.isEmpty) continue;
      sealed.push(bar);
      this.#publish(bar, reason, atSeq, undefined);
    }
    return sealed;
  }

  /** Ends the pending revision of a bucket as one new version. */
  close(openMs: number, atSeq: number): void {
    const pending = this.pending.get(openMs);
    if (pending === undefined) return;
    this.pending.delete(openMs);
    this.#publish(pending.bar, this.reasonOf(pending), atSeq, this.#around.history.latest(this.key(openMs)));
  }

  reasonOf(pending: Pending): RevisionReason {
    return pending.backfilled ? "gap_backfill" : "late_data";
  }

  #publish(bar: Accumulator, reason: BarVersion["reason"], atSeq: number, previous: BarVersion | undefined): void {
    const { values, firstKey, lastKey, provenance, excluded, backfilledTrades } = bar.contents();
    // Members one by one: versions are kept by the ten thousand, and one made by spreading has a hidden class of its own.
    const facts = {
      key: this.key(bar.openMs), revision: (previous?.revision ?? 0) + 1, reason, values, firstKey, lastKey, provenance, excluded,
      backfilledTrades, previousDigest: previous?.digest,
    };
    const digest = digestOf(facts, this.#around.sha256);
    const version: BarVersion = {
      key: facts.key, revision: facts.revision, reason, values, firstKey, lastKey, provenance, excluded, backfilledTrades,
      previousDigest: facts.previousDigest, diff: previous === undefined ? [] : diffOf(previous.values, values), atSeq, digest,
    };
    this.#around.history.append(version);
    this.#around.emit({ kind: "bar", bar: version });
  }

  forming(): readonly FormingBar[] {
    return this.openBars.filter((bar) => !bar.isEmpty).map((bar) => ({ key: this.key(bar.openMs), values: bar.values(), lastSeq: bar.lastSeq }));
  }

  /** What an open bar is made of so far; undefined when the bucket is not open or has no trades. */
  openContents(openMs: number): OpenBarContents | undefined {
    const bar = this.openBars.find((one) => one.openMs === openMs);
    if (bar === undefined || bar.isEmpty) return undefined;
    const { provenance, excluded } = bar.contents();
    return { provenance, excluded };
  }

  /** Trades of the bucket that came by backfill, undefined when it has none at all. Sealed, pending or open. */
  backfilledIn(openMs: number): number | undefined {
    const open = this.bar(openMs) ?? this.pending.get(openMs)?.bar;
    if (open !== undefined && !open.isEmpty) return open.backfilledTrades;
    return this.#around.history.latest(this.key(openMs))?.backfilledTrades;
  }

  clone(around: Surroundings): Series {
    const copy = new Series({ instrument: this.instrument, interval: this.interval, streamId: this.streamId, around });
    copy.sealedUntilMs = this.sealedUntilMs;
    copy.sinceMs = this.sinceMs;
    for (const bar of this.openBars) copy.openBars.push(bar.clone());
    for (const [openMs, pending] of this.pending) copy.pending.set(openMs, { ...pending, bar: pending.bar.clone() });
    return copy;
  }
}
