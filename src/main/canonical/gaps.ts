// The ledger of one fold stream's gaps: opened the moment something is known to be missing, settled by what the log shows alone. Pure.
import type { GapCause, GapEntry, GapState } from "../../shared/candles.ts";
import type { Surroundings } from "./emit.ts";
import type { IdRuns } from "./id-runs.ts";

/** Unsettled gaps remembered; beyond it the oldest keeps the state that it last had in the journal. */
export const GAPS_MAX = 1_024;
/**
 * A hole between ids is told once the seal clock has moved on by this much, or earlier where something else depends on it: with two
 * connections for one stream (rotation, two legs) either may be a little ahead of the other, and nothing is missing then.
 */
export const HOLE_PATIENCE_MS = 1_000;

export interface Gap extends Omit<GapEntry, "streamId" | "atSeq"> {
  /** What it was opened for; its detail begins with it. */
  readonly reason: string;
  /** Messages before this raw seq came before it: before anything of its minute where a candle opened it. */
  readonly openedSeq: number;
  /** What can settle it: missing ids that turn up, a page of the venue's list that reaches over it, volume that equals the venue's candle, or nothing. */
  readonly proof: "ids" | "page" | "candle" | "none";
  /** Trades inside it that pages brought. */
  readonly found: number;
  /** The seal clock at which it will be told; undefined once it is. */
  readonly tellAtMs: number | undefined;
}

/** A range that a backfill asks for: ids (both inclusive) or event times, whichever its stream has. */
export interface Asked {
  readonly fromId: number | undefined;
  readonly toId: number | undefined;
  readonly fromMs: number | undefined;
  readonly toMs: number | undefined;
}

export interface Outcome extends Asked {
  readonly attempt: number;
  readonly outcome: "repaired" | "partly" | "unresolved";
  readonly detail: string;
}

/** Where a hole lies, by ids and by the clocks of the events next to it. */
export interface Hole {
  readonly fromId: number;
  readonly toId: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly fromRecvNs: bigint;
  readonly toRecvNs: bigint;
}

/** The event with which the stream goes on. */
export interface Resumed {
  readonly id: number | undefined;
  readonly eventMs: number;
  readonly recvNs: bigint;
  readonly seq: number;
}

export function entryOf(gap: Gap, streamId: string): Omit<GapEntry, "atSeq"> {
  const { gapId, fromMs, toMs, fromRecvNs, toRecvNs, fromId, toId, missing, cause, state, attempts, detail } = gap;
  return { gapId, streamId, fromMs, toMs, fromRecvNs, toRecvNs, fromId, toId, missing, cause, state, attempts, detail };
}

export class GapLedger {
  readonly streamId: string;
  /** A state changed: grades must be looked at anew before anything else is said. */
  changed = false;
  readonly #around: Surroundings;
  #gaps: readonly Gap[] = [];
  #span: Gap | undefined;
  #tellAtMs = Number.POSITIVE_INFINITY;
  #pages = false;
  #lists = false;

  constructor(streamId: string, around: Surroundings) {
    this.streamId = streamId;
    this.#around = around;
  }

  /** Everything not repaired, oldest first. Entries are replaced, never changed: snapshots share them. */
  get gaps(): readonly Gap[] {
    return this.#gaps;
  }
  set gaps(gaps: readonly Gap[]) {
    this.#gaps = gaps;
    this.#span = gaps.find((gap) => gap.toMs === undefined);
    this.#tellAtMs = gaps.reduce((first, { tellAtMs }) => Math.min(first, tellAtMs ?? Number.POSITIVE_INFINITY), Number.POSITIVE_INFINITY);
    this.#pages = gaps.some(({ proof }) => proof === "page");
    this.#lists = gaps.some(isListProof);
  }

  /** The gap whose end is not known yet: the stream is down, or its state is in doubt. Asked for every trade, hence remembered. */
  get span(): Gap | undefined {
    return this.#span;
  }

  /** The seal clock at which a hole is to be told; infinite when none waits. */
  get tellAtMs(): number {
    return this.#tellAtMs;
  }

  /** Some gap waits for a page of the venue's list. */
  get wantsPages(): boolean {
    return this.#pages;
  }

  /** The gap that holds a missing id. */
  holding(id: number): Gap | undefined {
    return this.gaps.find((gap) => gap.fromId !== undefined && gap.fromId <= id && (gap.toId === undefined || id <= gap.toId));
  }

  #say(gap: Gap, seq: number): void {
    this.changed = true;
    this.#around.emit({ kind: "gap", gap: { ...entryOf(gap, this.streamId), atSeq: seq } });
  }

  #put(gap: Gap): void {
    const others = this.gaps.filter((other) => other.gapId !== gap.gapId);
    const dropped = others.length >= GAPS_MAX ? 1 : 0;
    this.gaps = [...others.slice(dropped), gap];
  }

  /** `how` follows the reason in the detail. What was repaired before it was told has never been a gap. */
  #replace(gap: Gap, next: Partial<Gap>, how: string | undefined, seq: number): void {
    const detail = how === undefined ? {} : { detail: `${next.reason ?? gap.reason}; ${how}` };
    const after: Gap = { ...gap, ...next, ...detail, tellAtMs: undefined };
    this.gaps = after.state === "repaired" ? this.gaps.filter((other) => other !== gap) : this.gaps.map((other) => (other === gap ? after : other));
    if (after.state !== "repaired" || gap.tellAtMs === undefined) this.#say(after, seq);
    else this.changed = true;
  }

  /** Says the holes that waited: all of them, those due by the seal clock, or those that begin before a bucket that seals now. */
  tell(seq: number, due: (gap: Gap) => boolean = () => true): void {
    for (const gap of this.gaps) {
      if (gap.tellAtMs === undefined || !due(gap)) continue;
      this.gaps = this.gaps.map((other) => (other === gap ? { ...gap, tellAtMs: undefined } : other));
      this.#say(gap, seq);
    }
  }

  /** Ids jumped: [fromId, toId] are missing between two known ids. `clockMs`: the seal clock. */
  openHole(hole: Hole, why: { readonly cause: GapCause; readonly reason: string }, clockMs: number, seq: number): void {
    const { fromId, toId, fromMs, toMs, fromRecvNs, toRecvNs } = hole;
    const gap: Gap = {
      gapId: `${this.streamId}#${fromId}`, fromId, toId, fromMs, toMs, fromRecvNs: String(fromRecvNs), toRecvNs: String(toRecvNs), missing: toId - fromId + 1,
      cause: why.cause, state: "open", attempts: 0, reason: why.reason, detail: `${why.reason}; ids ${fromId}…${toId} have not been seen`, openedSeq: seq,
      proof: "ids", found: 0, tellAtMs: Number.isFinite(clockMs) ? clockMs + HOLE_PATIENCE_MS : undefined,
    };
    this.#put(gap);
    if (gap.tellAtMs === undefined) this.#say(gap, seq);
    else this.changed = true;
  }

  /** The venue's candle of [fromMs, toMs) counts more than has come. */
  openCandle(found: Pick<Gap, "gapId" | "fromMs" | "toMs" | "fromRecvNs" | "toRecvNs" | "missing" | "reason" | "openedSeq">, seq: number): void {
    this.tell(seq);
    const gap: Gap = {
      ...found, fromId: undefined, toId: undefined, cause: "venue_candle", state: "open", attempts: 0, detail: found.reason, proof: "candle", found: 0, tellAtMs: undefined,
    };
    this.#put(gap);
    this.#say(gap, seq);
  }

  /** What has come equals the venue's candle, also after the gap was given up. */
  candleAgrees(gapId: string, detail: string, seq: number): void {
    const gap = this.gaps.find((one) => one.gapId === gapId);
    if (gap === undefined) return;
    const how = gap.found === 0 ? "what was missing came later on the stream itself: nothing was missed" : `${counted(gap.found)} missed and backfilled`;
    this.#replace(gap, { missing: 0, state: "repaired" }, `${how}; ${detail}`, seq);
  }

  /** Something may be missing from here on. Nothing is opened twice: the first cause stands until the next trade. */
  openSpan(
    span: {
      readonly fromMs: number; readonly fromRecvNs: bigint; readonly openedSeq: number; readonly lastId: number | undefined; readonly pages: boolean;
      readonly cause: GapCause; readonly detail: string;
    },
    seq: number,
  ): void {
    if (this.span !== undefined) return;
    this.tell(seq);
    const { fromMs, fromRecvNs, openedSeq, lastId, cause, detail } = span;
    const gapId = lastId === undefined ? `${this.streamId}@${fromMs}` : `${this.streamId}#${lastId + 1}`;
    const fromId = lastId === undefined ? undefined : lastId + 1;
    const gap: Gap = {
      gapId, fromMs, toMs: undefined, fromRecvNs: fromRecvNs === 0n ? undefined : String(fromRecvNs), toRecvNs: undefined, fromId, toId: undefined, missing: undefined,
      cause, state: "open", attempts: 0, reason: detail, detail, openedSeq, proof: fromId !== undefined ? "ids" : span.pages ? "page" : "none", found: 0,
      tellAtMs: undefined,
    };
    this.#put(gap);
    this.#say(gap, seq);
  }

  /** The recorder was down while the span was open: that is then its cause, and what was said of it before stays in its detail. */
  spanIsDowntime(detail: string, seq: number): void {
    const span = this.span;
    if (span === undefined || span.cause === "downtime") return;
    const reason = `${detail}; ${span.reason}`;
    this.#replace(span, { cause: "downtime", reason, detail: reason }, undefined, seq);
  }

  /** The first trade after a span: id arithmetic decides what was missed, or a page that is still to come. */
  closeSpan(resumed: Resumed, runs: IdRuns): void {
    const span = this.span;
    const { id, eventMs, seq } = resumed;
    if (span === undefined || (id !== undefined && span.fromId !== undefined && id < span.fromId)) return;
    const ends = { toMs: Math.max(eventMs, span.fromMs), toRecvNs: String(resumed.recvNs) };
    if (id === undefined && span.proof === "page") {
      this.#replace(span, ends, "ids have no order: what was missed only a page of the venue's list can tell, one that reaches over both sides", seq);
      return;
    }
    if (id === undefined || span.fromId === undefined) {
      this.#replace(span, { ...ends, proof: "none", state: "GAP_UNRESOLVED" }, "no ids tell what was missed", seq);
      return;
    }
    const missing = runs.countMissing(span.fromId, id - 1);
    const state: GapState = missing === 0 ? "repaired" : span.state;
    const how = missing === 0 ? "ids are contiguous across: nothing was missed" : `ids ${span.fromId}…${id - 1}: ${missing} missing`;
    this.#replace(span, { ...ends, toId: id > span.fromId ? id - 1 : undefined, missing, state }, how, seq);
  }

  /** After a break of the id sequence itself, the open span can no longer be judged by ids. */
  forgetIds(): void {
    const span = this.span;
    if (span !== undefined) this.gaps = this.gaps.map((gap) => (gap === span ? { ...gap, fromId: undefined, proof: "none" } : gap));
  }

  /** Ids [from, to] turned up. A gap with nothing left to miss is repaired, also after it was given up. */
  idsArrived(from: number, to: number, runs: IdRuns, how: "backfill" | "stream", seq: number): void {
    for (const gap of this.gaps) {
      if (gap.fromId === undefined || gap.toId === undefined || gap.fromId > to || gap.toId < from) continue;
      const missing = runs.countMissing(gap.fromId, gap.toId);
      const found = gap.found + (how === "backfill" ? 1 : 0);
      const detail = found > 0 ? "every missing id was backfilled" : "the missing ids came later on the stream itself: nothing was missed";
      if (missing === 0) this.#replace(gap, { missing, found, state: "repaired" }, detail, seq);
      else if (missing !== gap.missing) this.gaps = this.gaps.map((other) => (other === gap ? { ...gap, missing, found } : other));
    }
  }

  /** A page brought a trade of this time that was not known. */
  pageFound(eventMs: number): void {
    if (!this.#lists) return;
    this.gaps = this.gaps.map((gap) => (isListProof(gap) && gap.fromMs <= eventMs && eventMs <= (gap.toMs ?? Number.POSITIVE_INFINITY) ? { ...gap, found: gap.found + 1 } : gap));
  }

  /** A page holds the venue's whole list from a trade before the gap to one after it: what it brought is all that was missed. */
  pageCovers(gapId: string, seq: number): void {
    const gap = this.gaps.find((one) => one.gapId === gapId);
    if (gap === undefined) return;
    const how = gap.found === 0 ? "nothing was missed" : `${counted(gap.found)} missed and backfilled`;
    this.#replace(gap, { missing: 0, state: "repaired" }, `a page of the venue's list reaches over both sides: ${how}`, seq);
  }

  /** Why a part of a gap could not be filled: told with the gap's next state. */
  note(from: number, to: number, detail: string): void {
    this.gaps = this.gaps.map((gap) => (meetsIds(gap, from, to) ? { ...gap, detail: `${gap.reason}; ${detail}` } : gap));
  }

  backfillBegun(asked: Asked, attempt: number, seq: number): void {
    this.tell(seq, (gap) => meets(gap, asked));
    for (const gap of this.gaps) {
      if (!meets(gap, asked)) continue;
      const what = asked.fromId === undefined ? "asking for the venue's list" : `asking for ids ${asked.fromId}…${asked.toId}`;
      this.#replace(gap, { state: "backfilling", attempts: Math.max(gap.attempts, attempt) }, what, seq);
    }
  }

  /** The collector's word counts for how it went on; what is missing is counted from ids, or judged by what pages showed. */
  backfillDone(done: Outcome, runs: IdRuns, seq: number): void {
    for (const gap of this.gaps) {
      if (!meets(gap, done) || gap.proof === "none") continue;
      const attempts = Math.max(gap.attempts, done.attempt);
      if (isListProof(gap)) {
        const [none, some] = gap.proof === "page" ? ["no page reaches into it", "no page reaches over both sides"] : ["no page brought any of it", "the venue's volume is not reached"];
        const how = gap.found === 0 ? none : `${counted(gap.found)} backfilled, but ${some}`;
        this.#replace(gap, { attempts, state: gap.found === 0 ? "GAP_UNRESOLVED" : "partly_repaired" }, `${how}: ${done.detail}`, seq);
        continue;
      }
      const missing = gap.toId === undefined || gap.fromId === undefined ? gap.missing : runs.countMissing(gap.fromId, gap.toId);
      const state: GapState = done.outcome === "unresolved" ? "GAP_UNRESOLVED" : "partly_repaired";
      // A note of why something was left out says more than the collector can know.
      const isNoted = gap.state === "backfilling" && !gap.detail.startsWith(`${gap.reason}; asking for`);
      this.#replace(gap, { missing, attempts, state }, isNoted ? undefined : done.detail, seq);
    }
  }

  /** End of input: nobody will fill these. */
  giveUp(seq: number): void {
    this.tell(seq);
    for (const gap of this.gaps) {
      if (gap.state !== "GAP_UNRESOLVED") this.#replace(gap, { state: "GAP_UNRESOLVED", detail: `${gap.detail}; the input ended` }, undefined, seq);
    }
  }

  clone(around: Surroundings): GapLedger {
    const copy = new GapLedger(this.streamId, around);
    copy.gaps = this.gaps;
    copy.changed = this.changed;
    return copy;
  }
}

/** Trades of the venue's list count for it by their times. */
export function isListProof({ proof }: Gap): boolean {
  return proof === "page" || proof === "candle";
}

function counted(trades: number): string {
  return `${trades} trade${trades === 1 ? " was" : "s were"}`;
}

function meetsIds(gap: Gap, from: number, to: number): boolean {
  return gap.fromId !== undefined && gap.fromId <= to && (gap.toId === undefined || gap.toId >= from);
}

/** By ids where the gap has them and ids were asked for; by times where both have none. */
function meets(gap: Gap, { fromId, toId, fromMs, toMs }: Asked): boolean {
  if (fromId !== undefined && toId !== undefined) return meetsIds(gap, fromId, toId);
  if (gap.fromId !== undefined || fromMs === undefined || toMs === undefined) return false;
  const endMs = gap.toMs ?? Number.POSITIVE_INFINITY;
  // Spans that only touch are two spans; one without a length lies in what holds its time.
  if (gap.fromMs === endMs || fromMs === toMs) return gap.fromMs <= toMs && endMs >= fromMs;
  return gap.fromMs < toMs && endMs > fromMs;
}
