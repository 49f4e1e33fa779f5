// The ledger of one fold stream's gaps: opened the moment something is known to be missing, settled by ids alone. Pure.
import type { GapCause, GapEntry, GapState } from "../../shared/candles.ts";
import type { Surroundings } from "./emit.ts";
import type { IdRuns } from "./id-runs.ts";

/** Unsettled gaps remembered; beyond it the oldest keeps the state that it last had in the journal. */
export const GAPS_MAX = 1_024;

export type Gap = Omit<GapEntry, "streamId" | "atSeq">;

export interface Outcome {
  readonly fromId: number;
  readonly toId: number;
  readonly attempt: number;
  readonly outcome: "repaired" | "partly" | "unresolved";
  readonly detail: string;
}

export class GapLedger {
  readonly streamId: string;
  /** A state changed: grades must be looked at anew before anything else is said. */
  changed = false;
  readonly #around: Surroundings;
  #gaps: readonly Gap[] = [];
  #span: Gap | undefined;

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
  }

  /** The gap whose end is not known yet: the stream is down, or its state is in doubt. Asked for every trade, hence remembered. */
  get span(): Gap | undefined {
    return this.#span;
  }

  /** The gap that holds a missing id. */
  holding(id: number): Gap | undefined {
    return this.gaps.find((gap) => gap.fromId !== undefined && gap.fromId <= id && (gap.toId === undefined || id <= gap.toId));
  }

  #say(gap: Gap, seq: number): void {
    this.changed = true;
    this.#around.emit({ kind: "gap", gap: { ...gap, streamId: this.streamId, atSeq: seq } });
  }

  #put(gap: Gap): void {
    const others = this.gaps.filter((other) => other.gapId !== gap.gapId);
    const dropped = others.length >= GAPS_MAX ? 1 : 0;
    this.gaps = [...others.slice(dropped), gap];
  }

  #replace(gap: Gap, next: Gap, seq: number): void {
    this.gaps = next.state === "repaired" ? this.gaps.filter((other) => other !== gap) : this.gaps.map((other) => (other === gap ? next : other));
    this.#say(next, seq);
  }

  /** Ids jumped: [fromId, toId] are missing between two known ids. */
  openHole(hole: { readonly fromId: number; readonly toId: number; readonly fromMs: number; readonly toMs: number }, seq: number): void {
    const { fromId, toId } = hole;
    const missing = toId - fromId + 1;
    const gap: Gap = {
      gapId: `${this.streamId}#${fromId}`, ...hole, missing, cause: "id_hole", state: "open", attempts: 0,
      detail: `ids ${fromId}…${toId} have not been seen`,
    };
    this.#put(gap);
    this.#say(gap, seq);
  }

  /** Something may be missing from here on. Nothing is opened twice: the first cause stands until the next trade. */
  openSpan(span: { readonly fromMs: number; readonly lastId: number | undefined; readonly cause: GapCause; readonly detail: string }, seq: number): void {
    if (this.span !== undefined) return;
    const { fromMs, lastId, cause, detail } = span;
    const gapId = lastId === undefined ? `${this.streamId}@${fromMs}` : `${this.streamId}#${lastId + 1}`;
    const fromId = lastId === undefined ? undefined : lastId + 1;
    const gap: Gap = { gapId, fromMs, toMs: undefined, fromId, toId: undefined, missing: undefined, cause, state: "open", attempts: 0, detail };
    this.#put(gap);
    this.#say(gap, seq);
  }

  /** The recorder was down while the span was open: that is then its cause, and what was said of it before stays in its detail. */
  spanIsDowntime(detail: string, seq: number): void {
    const span = this.span;
    if (span === undefined || span.cause === "downtime") return;
    this.#replace(span, { ...span, cause: "downtime", detail: `${detail}; ${span.detail}` }, seq);
  }

  /** The first trade after a span: id arithmetic decides what was missed. Undefined id: nothing can. */
  closeSpan(id: number | undefined, eventMs: number, runs: IdRuns, seq: number): void {
    const span = this.span;
    if (span === undefined || (id !== undefined && span.fromId !== undefined && id < span.fromId)) return;
    const toMs = Math.max(eventMs, span.fromMs);
    if (id === undefined || span.fromId === undefined) {
      this.#replace(span, { ...span, toMs, state: "GAP_UNRESOLVED", detail: `${span.detail}; no ids tell what was missed` }, seq);
      return;
    }
    const missing = runs.countMissing(span.fromId, id - 1);
    const state: GapState = missing === 0 ? "repaired" : span.state;
    const detail = missing === 0 ? `${span.detail}; ids are contiguous across: nothing was missed` : `${span.detail}; ids ${span.fromId}…${id - 1}: ${missing} missing`;
    this.#replace(span, { ...span, toMs, toId: id > span.fromId ? id - 1 : undefined, missing, state, detail }, seq);
  }

  /** After a break of the id sequence itself, the open span can no longer be judged by ids. */
  forgetIds(): void {
    const span = this.span;
    if (span !== undefined) this.gaps = this.gaps.map((gap) => (gap === span ? { ...gap, fromId: undefined } : gap));
  }

  /** Ids [from, to] turned up. A gap with nothing left to miss is repaired, also after it was given up. */
  idsArrived(from: number, to: number, runs: IdRuns, how: "backfill" | "stream", seq: number): void {
    for (const gap of this.gaps) {
      if (gap.fromId === undefined || gap.toId === undefined || gap.fromId > to || gap.toId < from) continue;
      const missing = runs.countMissing(gap.fromId, gap.toId);
      const detail = how === "backfill" ? "every missing id was backfilled" : "the missing ids came later on the stream itself";
      if (missing === 0) this.#replace(gap, { ...gap, missing, state: "repaired", detail }, seq);
      else if (missing !== gap.missing) this.gaps = this.gaps.map((other) => (other === gap ? { ...gap, missing } : other));
    }
  }

  /** Why a part of a gap could not be filled: told with the gap's next state. */
  note(from: number, to: number, detail: string): void {
    this.gaps = this.gaps.map((gap) => (meets(gap, from, to) ? { ...gap, detail } : gap));
  }

  backfillBegun(fromId: number, toId: number, attempt: number, seq: number): void {
    for (const gap of this.gaps) {
      if (!meets(gap, fromId, toId)) continue;
      this.#replace(gap, { ...gap, state: "backfilling", attempts: Math.max(gap.attempts, attempt), detail: `asking for ids ${fromId}…${toId}` }, seq);
    }
  }

  /** The collector's word counts for how it went on; what is missing is counted from ids. */
  backfillDone(done: Outcome, runs: IdRuns, seq: number): void {
    for (const gap of this.gaps) {
      if (!meets(gap, done.fromId, done.toId) || gap.fromId === undefined) continue;
      const missing = gap.toId === undefined ? gap.missing : runs.countMissing(gap.fromId, gap.toId);
      const state: GapState = done.outcome === "unresolved" ? "GAP_UNRESOLVED" : "partly_repaired";
      const kept = gap.state === "backfilling" && !gap.detail.startsWith("asking for") ? gap.detail : done.detail;
      const attempts = Math.max(gap.attempts, done.attempt);
      this.#replace(gap, { ...gap, missing, attempts, state, detail: kept }, seq);
    }
  }

  /** End of input: nobody will fill these. */
  giveUp(seq: number): void {
    for (const gap of this.gaps) {
      if (gap.state !== "GAP_UNRESOLVED") this.#replace(gap, { ...gap, state: "GAP_UNRESOLVED", detail: `${gap.detail}; the input ended` }, seq);
    }
  }

  clone(around: Surroundings): GapLedger {
    const copy = new GapLedger(this.streamId, around);
    copy.gaps = this.gaps;
    copy.changed = this.changed;
    return copy;
  }
}

function meets(gap: Gap, from: number, to: number): boolean {
  return gap.fromId !== undefined && gap.fromId <= to && (gap.toId === undefined || gap.toId >= from);
}
