// A tape: one capture seen through a canonicalizer, with a cursor that goes anywhere in it. Restoring a checkpoint and
// reading on gives the state at any event; nothing beyond the cursor is ever shown. It never writes.
import { assert, fault, type Clock, type Sha256, type StopSignal } from "../../shared/base.ts";
import { decodeCursor, encodeCursor } from "../../shared/cursor.ts";
import { eventNs, instrumentId, type DecoderLookup, type Instrument } from "../../shared/market.ts";
import type { Quote } from "../../shared/protocol/frames.ts";
import { eventSeq, positionOf, rawSeqOf } from "../../shared/raw.ts";
import { formatUtcMs, msFromNs, type Interval } from "../../shared/time.ts";
import { createCanonicalizer } from "../canonical/canonicalizer.ts";
import type { Canonicalizer, CanonicalizerOptions } from "../canonical/types.ts";
import type { RawLogReader } from "../rawlog/types.ts";
import { CarriedWalk } from "./carried-walk.ts";
import { FINE_SPACING, FinePoints } from "./checkpoints.ts";
import { Chronicle, ChronicleReader, countBelow } from "./chronicle.ts";
import { TapeHead, type HeadSnapshot, type LastEvent } from "./head.ts";
import { quoteOf } from "./quote.ts";
import { eventsOf, RecordBlocks, Watch } from "./records.ts";
import { TapeIndex } from "./tape-index.ts";
import { Turns } from "./turns.ts";

export interface TapeOptions {
  readonly reader: RawLogReader;
  readonly decoders: DecoderLookup;
  readonly sha256: Sha256;
  readonly clock: Clock;
  /** What is watched; the first one is what the cursor's bars step by. */
  readonly instruments: readonly Instrument[];
  /** Intervals of bars; undefined = all of the log's configuration. */
  readonly intervals?: readonly Interval[];
  /** For tests. */
  readonly canonicalizer?: (options: CanonicalizerOptions) => Canonicalizer;
}

/** Where the cursor stands: after event `position` of raw message `seq`. */
export interface TapePoint {
  readonly seq: number;
  readonly position: number;
  readonly knownNs: bigint;
  readonly eventMs: number | undefined;
  readonly streamId: string | undefined;
  /** Cursor v1 of the last event at or before the point. */
  readonly cursor: string | undefined;
  /** Events of the watched streams up to here. */
  readonly ordinal: number;
}

/** How an operation ended. `stopped`: by its signal; the tape then stands at a whole record on the way. */
export type Reached = "target" | "end" | "budget" | "stopped";

/** A place to go to. `applied` > 0: after that many events of the message. */
type Goal = { readonly seq: number; readonly position?: number } | { readonly ordinal: number };

/** Known time travels to the screen in µs, rounded up, so that seeking a shown time comes back to where it was shown. */
export function msFromKnownNs(ns: bigint): number {
  return Number((ns + 999n) / 1_000n) / 1_000;
}
function knownNsFromMs(ms: number): bigint {
  return BigInt(Math.round(ms * 1_000)) * 1_000n;
}

/** Opens a tape over a capture's log. Nothing is indexed yet; every operation indexes as far as it needs. */
export async function openTape(options: TapeOptions): Promise<Tape> {
  const endSeq = await options.reader.refresh();
  return new Tape(options, endSeq);
}

/** Index passes on the way to a far event go in pieces of this many seqs. */
const INDEX_PIECE = 65_536;

export class Tape {
  readonly options: TapeOptions;
  readonly chronicle = new Chronicle();
  readonly #head: TapeHead;
  readonly #index: TapeIndex;
  readonly #blocks: RecordBlocks;
  readonly #fine = new FinePoints();
  readonly #turns: Turns;
  readonly #watch: Watch;
  #endSeq: number;
  /** Every watched record up to here is applied (or in part, while the head stands within a message). */
  #scannedSeq = 0;
  /** Where stepping began: coming back to its ordinal comes back to exactly this place, trailing control records included. */
  #home: { readonly ordinal: number; readonly seq: number; readonly position: number | undefined; readonly scannedSeq: number } | undefined;
  #busy = false;

  constructor(options: TapeOptions, endSeq: number) {
    this.options = options;
    this.#endSeq = endSeq;
    const watch = new Watch(options.instruments, options.decoders);
    this.#watch = watch;
    watch.learn(options.reader.streams.map(({ stream }) => stream));
    this.#turns = new Turns(options.clock);
    this.#head = this.freshHead(this.chronicle);
    this.#blocks = new RecordBlocks(options.reader, watch);
    this.#index = new TapeIndex({ reader: options.reader, watch, head: this.freshHead(this.chronicle), turns: new Turns(options.clock) });
    this.#index.checkpoints.expect(endSeq);
  }

  /** A head of its own at the start, with this tape's configuration; a recomputation gives it a chronicle of its own too. */
  freshHead(chronicle: Chronicle): TapeHead {
    const { sha256, instruments, intervals } = this.options;
    const reader = new ChronicleReader(chronicle);
    const create = this.options.canonicalizer ?? createCanonicalizer;
    return new TapeHead(create({ sha256, history: reader, instruments, ...(intervals === undefined ? {} : { intervals }) }), reader);
  }

  get head(): TapeHead {
    return this.#head;
  }
  get blocks(): RecordBlocks {
    return this.#blocks;
  }
  get indexedSeq(): number {
    return this.#index.indexedSeq;
  }
  get endSeq(): number {
    return this.#endSeq;
  }
  get atEnd(): boolean {
    return this.#head.applied === 0 && this.#scannedSeq >= this.#endSeq;
  }
  /** Checkpoint at or before a seq, for reading a stretch again. */
  checkpointBefore(seq: number): HeadSnapshot {
    return this.#index.checkpoints.atOrBefore(seq);
  }
  get checkpointCount(): number {
    return this.#index.checkpoints.count;
  }

  get point(): TapePoint {
    const { seq, applied, knownNs, last, ordinal } = this.#head;
    const position = last?.seq === seq ? last.position : Math.max(applied - 1, 0);
    return { seq, position, knownNs, eventMs: last?.event.eventMs, streamId: last?.streamId, cursor: last && cursorOf(last), ordinal };
  }

  /** Receive times (ns) and seqs of the whole tape as it is now. */
  get range(): { readonly fromNs: bigint; readonly toNs: bigint; readonly fromSeq: number; readonly toSeq: number } {
    const segments = this.options.reader.segments.filter((segment) => segment.toSeq >= segment.fromSeq);
    const toNs = segments.reduce((latest, { toRecvNs }) => (toRecvNs > latest ? toRecvNs : latest), this.#head.knownNs);
    return { fromNs: segments[0]?.fromRecvNs ?? this.#index.firstKnownNs, toNs, fromSeq: segments[0]?.fromSeq ?? 1, toSeq: this.#endSeq };
  }

  /** sha256 (hex) of the canonical state at the cursor. */
  digest(): string {
    this.#head.settle();
    return this.#head.canonicalizer.digest();
  }

  quote(): Quote {
    return quoteOf(this.#head.values);
  }

  /** Looks how far the log reaches now. */
  async grow(): Promise<number> {
    const endSeq = await this.options.reader.refresh();
    if (endSeq > this.#endSeq) this.#index.checkpoints.grows();
    this.#watch.learn(this.options.reader.streams.map(({ stream }) => stream));
    this.#endSeq = Math.max(this.#endSeq, endSeq);
    return this.#endSeq;
  }

  /** Indexes up to toSeq; may run beside every other operation. False when stopped. */
  index(toSeq: number, signal: StopSignal): Promise<boolean> {
    return this.#index.reach(Math.min(toSeq, this.#endSeq), signal);
  }

  /** To the state after this message, or after the event at `position` of it. Beyond the end is refused. */
  async seekSeq(seq: number, position: number | undefined, signal: StopSignal): Promise<Reached> {
    if (seq > this.#endSeq) throw fault("replay.beyond-end", `seq ${seq} is not on this tape: it ends at ${this.#endSeq}`);
    this.#home = undefined;
    return this.#exclusive(() => this.#reach(position === undefined ? { seq } : { seq, position }, signal));
  }

  /** To the state at this known time (ms, µs counted). `exact` refuses a time outside the tape. */
  async seekTime(target: { readonly ms: number; readonly fit: "exact" | "clamped" }, signal: StopSignal): Promise<Reached> {
    const { fromNs, toNs } = this.range;
    const asked = knownNsFromMs(target.ms);
    if (target.fit === "exact" && (asked < fromNs || asked > toNs + 999n)) {
      throw fault("replay.time-outside", `${formatUtcMs(Math.floor(target.ms))} is outside the tape: ${formatUtcMs(msFromNs(fromNs))} to ${formatUtcMs(msFromNs(toNs))}`);
    }
    const seq = await this.options.reader.locate(asked);
    return this.seekSeq(Math.min(seq, this.#endSeq), undefined, signal);
  }

  /** To the state after the event that the cursor names. Refuses a cursor that lacks a field or names no event of this tape. */
  async seekCursor(text: string, signal: StopSignal): Promise<Reached> {
    const decoded = decodeCursor(text);
    if (!decoded.ok) throw fault(decoded.fault.code, decoded.fault.message);
    const { tsEventNs, seq } = decoded.value;
    const rawSeq = rawSeqOf(seq);
    const record = rawSeq <= this.#endSeq ? await this.options.reader.record(rawSeq) : undefined;
    if (record === undefined) throw fault("replay.cursor-unknown", `the cursor names message ${rawSeq}, which this tape does not hold (it ends at ${this.#endSeq})`);
    const item = this.#watch.wrap(record);
    // What it says may depend on messages before it, and those are known up to where the index stands.
    if (item?.carries === true && !(await this.index(rawSeq, signal))) return "stopped";
    const event = item && eventsOf(await new CarriedWalk(this, signal).outcomeOf(item))[positionOf(seq)];
    if (event === undefined || event.kind === "venue_candle") {
      throw fault("replay.cursor-unknown", `the cursor names event ${positionOf(seq)} of message ${rawSeq} (${record.stream.streamId}), which is no event of ${this.options.instruments.map(instrumentId).join(", ")}`);
    }
    if (eventNs(event) !== tsEventNs) {
      throw fault("replay.cursor-mismatch", `the cursor says ts_event ${tsEventNs}, message ${rawSeq} says ${eventNs(event)}: it is of another capture`);
    }
    return this.seekSeq(rawSeq, positionOf(seq), signal);
  }

  /** n > 0 forward, n < 0 back; beyond the ends it stands at the start or the end. Coming back comes to the same state. */
  async stepEvents(n: number, signal: StopSignal): Promise<Reached> {
    return this.#exclusive(async () => {
      const { ordinal, seq, applied } = this.#head;
      this.#home ??= { ordinal, seq, position: applied > 0 ? applied - 1 : undefined, scannedSeq: this.#scannedSeq };
      const target = ordinal + n;
      while (this.#index.events < target && this.#index.indexedSeq < this.#endSeq) {
        if (!(await this.index(this.#index.indexedSeq + INDEX_PIECE, signal))) return "stopped";
      }
      const home = this.#home;
      if (target === home.ordinal) {
        return this.#reach(home.position === undefined ? { seq: home.scannedSeq } : { seq: home.seq, position: home.position }, signal);
      }
      if (target <= 0) return this.#reach({ seq: 0 }, signal);
      if (target > this.#index.events) return after(await this.#reach({ seq: this.#endSeq }, signal), "end");
      return this.#reach({ ordinal: target }, signal);
    });
  }

  /** To where the n-th next (or previous, n < 0) bar of the interval sealed, of the first watched instrument. */
  async stepBars(n: number, interval: Interval, signal: StopSignal): Promise<Reached> {
    this.#home = undefined;
    return this.#exclusive(async () => {
      const instrument = this.options.instruments[0];
      assert(instrument !== undefined, "a tape watches at least one instrument");
      for (;;) {
        const target = this.#sealPoint(instrument, interval, n);
        if (target !== undefined) return this.#reach({ seq: target }, signal);
        if (n < 0) return this.#reach({ seq: 0 }, signal);
        if (this.#index.indexedSeq >= this.#endSeq) return after(await this.#reach({ seq: this.#endSeq }, signal), "end");
        if (!(await this.index(this.#index.indexedSeq + INDEX_PIECE, signal))) return "stopped";
      }
    });
  }

  /** Seq at which the n-th next or previous sealing happened; bars that sealed at one message count as one step. */
  #sealPoint(instrument: Instrument, interval: Interval, n: number): number | undefined {
    const sealed = this.chronicle.series(instrument, interval)?.sealed ?? [];
    const atSeqs: number[] = [];
    const { seq, applied } = this.#head;
    // Within message `seq`, its end is still ahead.
    const here = applied > 0 ? seq - 1 : seq;
    const index = countBelow(sealed, n > 0 ? here + 1 : seq, (version) => this.chronicle.atSeqOf(version));
    const step = n > 0 ? 1 : -1;
    for (let at = n > 0 ? index : index - 1; at >= 0 && at < sealed.length && atSeqs.length < Math.abs(n); at += step) {
      const atSeq = this.chronicle.atSeqOf(sealed[at] ?? 0);
      if (atSeqs.at(-1) !== atSeq) atSeqs.push(atSeq);
    }
    return atSeqs[Math.abs(n) - 1];
  }

  /** Forward while known time stays ≤ knownNs (and seq ≤ toSeq), for at most budgetMs of work. */
  async advanceTo(
    target: { readonly knownNs?: bigint; readonly toSeq?: number; readonly budgetMs?: number }, signal: StopSignal,
  ): Promise<Reached> {
    this.#home = undefined;
    return this.#exclusive(() => this.#advance(target, signal));
  }

  async #advance(target: { readonly knownNs?: bigint; readonly toSeq?: number; readonly budgetMs?: number }, signal: StopSignal): Promise<Reached> {
    const { clock } = this.options;
    const deadline = target.budgetMs === undefined ? Infinity : clock.monotonicMs() + target.budgetMs;
    const last = Math.min(target.toSeq ?? this.#endSeq, this.#endSeq);
    while (this.#nextSeq() <= last) {
      if (signal.aborted) return "stopped";
      if (this.#index.indexedSeq <= this.#scannedSeq && !(await this.index(Math.min(last, this.#scannedSeq + FINE_SPACING * 32), signal))) return "stopped";
      const toSeq = Math.min(last, this.#index.indexedSeq);
      for await (const items of this.#blocks.read({ fromSeq: this.#nextSeq(), toSeq, indexedSeq: this.#index.indexedSeq })) {
        for (const item of items) {
          if (target.knownNs !== undefined && item.record.recvNs > target.knownNs) return "target";
          this.#head.apply(item);
          this.#scannedSeq = item.record.seq;
          if (!this.#fine.covers(item.record.seq)) this.#fine.add(this.#head.snapshot());
          if (!this.#turns.due()) continue;
          if (clock.monotonicMs() >= deadline) return "budget";
          await this.#turns.pass();
          if (signal.aborted) return "stopped";
        }
        if (clock.monotonicMs() >= deadline) return "budget";
      }
      this.#scannedSeq = Math.max(this.#scannedSeq, toSeq);
    }
    return this.atEnd ? "end" : "target";
  }

  #nextSeq(): number {
    return this.#head.applied > 0 ? this.#head.seq : Math.max(this.#head.seq, this.#scannedSeq) + 1;
  }

  async #reach(goal: Goal, signal: StopSignal): Promise<Reached> {
    const toSeq = "seq" in goal ? goal.seq : this.#index.indexedSeq;
    if (!(await this.index(toSeq, signal))) return "stopped";
    this.#begin(goal);
    const ordinal = "ordinal" in goal ? goal.ordinal : undefined;
    const limit = "seq" in goal && goal.position !== undefined ? { position: goal.position } : ordinal === undefined ? {} : { ordinal };
    if (ordinal !== undefined && this.#head.ordinal === ordinal) return "target";
    for await (const items of this.#blocks.read({ fromSeq: this.#nextSeq(), toSeq, indexedSeq: this.#index.indexedSeq })) {
      for (const item of items) {
        const whole = this.#head.apply(item, ordinal !== undefined || item.record.seq === toSeq ? limit : {});
        this.#scannedSeq = item.record.seq;
        if (ordinal !== undefined && this.#head.ordinal === ordinal) return "target";
        if (whole && this.#isNear(goal) && !this.#fine.covers(item.record.seq)) this.#fine.add(this.#head.snapshot());
        if (!this.#turns.due()) continue;
        await this.#turns.pass();
        if (signal.aborted && whole) return "stopped";
      }
    }
    assert(ordinal === undefined, `event ${ordinal} is within what is indexed`);
    if ("seq" in goal) this.#scannedSeq = goal.seq;
    return "target";
  }

  /** Fine points are laid where the cursor is about to stand, not all the way there. */
  #isNear(goal: Goal): boolean {
    const { seq, ordinal } = this.#head;
    return ("seq" in goal ? goal.seq - seq : goal.ordinal - ordinal) < NEAR;
  }

  /** Puts the head at the nearest known place before the goal, unless it already stands between the two. */
  #begin(goal: Goal): void {
    const { seq, ordinal, applied } = this.#head;
    if ("ordinal" in goal) {
      const coarse = this.#index.checkpoints.beforeOrdinal(goal.ordinal);
      const fine = this.#fine.beforeOrdinal(goal.ordinal);
      const best = fine !== undefined && fine.seq > coarse.seq ? fine : coarse;
      if (ordinal >= goal.ordinal || best.seq > seq) this.#restore(best);
      return;
    }
    // A partly applied goal message must be entered from before it.
    const bound = goal.position === undefined ? goal.seq : goal.seq - 1;
    const coarse = this.#index.checkpoints.atOrBefore(bound);
    const fine = this.#fine.atOrBefore(bound);
    const best = fine !== undefined && fine.seq > coarse.seq ? fine : coarse;
    const ahead = seq > bound || (applied > 0 && seq >= bound && goal.position !== undefined);
    if (ahead || best.seq > seq) this.#restore(best);
  }

  #restore(snapshot: HeadSnapshot): void {
    this.#head.restore(snapshot);
    this.#scannedSeq = snapshot.seq;
  }

  async #exclusive<T>(run: () => Promise<T>): Promise<T> {
    assert(!this.#busy, "operations of a tape never overlap");
    this.#busy = true;
    try {
      return await run();
    } finally {
      this.#head.settle();
      this.#busy = false;
    }
  }

  async close(): Promise<void> {
    await this.options.reader.close();
  }
}

/** Fine points are laid from this many seqs (or events) before a target. */
const NEAR = FINE_SPACING * 16;

function after(reached: Reached, whole: Reached): Reached {
  return reached === "target" ? whole : reached;
}

function cursorOf(last: LastEvent): string {
  return encodeCursor({ tsEventNs: eventNs(last.event), seq: eventSeq(last.seq, last.position) });
}
