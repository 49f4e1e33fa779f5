// Which ids of a stream have been seen, as maximal contiguous runs with the times they span. The base of every completeness proof. Pure.
import { assert } from "../../shared/base.ts";

/** Contiguous ids [from, to], both inclusive: every one of them has been seen (or shown not to be a market trade). */
export interface IdRun {
  from: number;
  to: number;
  /**
   * Time at which the run begins: that of its lowest id that did not come plainly late. Not the smallest time: a late print
   * anywhere in the run has an old time, and would otherwise vouch for ids before the run that nobody has seen.
   */
  fromMs: number;
  /** Every id of it came plainly late: fromMs is when the first of them came, until a better one joins. */
  late: boolean;
  /** Smallest and largest exchange time of its trades. */
  minMs: number;
  maxMs: number;
  /** Receive times of the messages that hold its first and its last id. */
  fromRecvNs: bigint;
  toRecvNs: bigint;
  /** Raw seqs of messages that hold the id at which it begins and its largest time: the evidence. */
  fromSeq: number;
  maxSeq: number;
}

/** Runs remembered. More holes than this at once forget the oldest ids: those can no longer be told from duplicates. */
export const ID_RUNS_MAX = 1_024;

export type Added =
  /** The next id: nothing else changed. */
  | "appended"
  /** Beyond the end or before the start, leaving a hole. */
  | "jumped"
  /** Into or next to a hole. */
  | "filled"
  | "known"
  /** Below everything remembered. */
  | "forgotten";

/** What a message tells of its ids. */
export interface Sighting {
  readonly eventMs: number;
  /** Where a run would begin with it: the event time too, or the time at which it came when that is plainly late. */
  readonly beginsMs: number;
  readonly recvNs: bigint;
  readonly seq: number;
}

export class IdRuns {
  /** Ascending by id, never adjacent. */
  readonly runs: IdRun[] = [];
  /** Ids below are forgotten. */
  floorId = 0;

  get last(): IdRun | undefined {
    return this.runs[this.runs.length - 1];
  }

  /** Adds one id: as `addRange` does, without an object where it is the next one. */
  add(id: number, eventMs: number, seq: number, recvNs: bigint, beginsMs: number): Added {
    const last = this.runs[this.runs.length - 1];
    if (last !== undefined && id === last.to + 1 && !last.late) {
      last.to = id;
      last.toRecvNs = recvNs;
      stretch(last, eventMs, seq);
      return "appended";
    }
    return this.addRange(id, id, { eventMs, beginsMs, recvNs, seq });
  }

  /** Adds ids [from, to], none of them known. */
  addRange(from: number, to: number, sighting: Sighting): Added {
    if (from < this.floorId) return "forgotten";
    const at = this.#firstEndingAtOrAfter(from - 1);
    const left = this.runs[at];
    if (left === undefined) {
      this.runs.push(runOfOne(from, to, sighting));
      this.#forget();
      return this.runs.length === 1 ? "appended" : "jumped";
    }
    if (from >= left.from && from <= left.to) return "known";
    if (left.to === from - 1) return this.#growUp(at, to, sighting);
    // `left` lies wholly above: the ids go before it.
    assert(to < left.from, `ids ${from}…${to} overlap known ids from ${left.from}`);
    if (to === left.from - 1) {
      const joined = runOfOne(from, to, sighting);
      beginWith(joined, left);
      left.from = from;
      left.fromRecvNs = sighting.recvNs;
      left.fromMs = joined.fromMs;
      left.fromSeq = joined.fromSeq;
      left.late = joined.late;
      stretch(left, sighting.eventMs, sighting.seq);
      return at === 0 ? "appended" : "filled";
    }
    this.runs.splice(at, 0, runOfOne(from, to, sighting));
    this.#forget();
    return at === 0 ? "jumped" : "filled";
  }

  #growUp(at: number, to: number, sighting: Sighting): Added {
    const run = this.runs[at];
    const next = this.runs[at + 1];
    assert(run !== undefined && (next === undefined || to < next.from), `ids up to ${to} overlap the next run`);
    beginWith(run, runOfOne(run.to + 1, to, sighting));
    run.to = to;
    run.toRecvNs = sighting.recvNs;
    stretch(run, sighting.eventMs, sighting.seq);
    if (next === undefined) return "appended";
    if (next.from === to + 1) {
      beginWith(run, next);
      run.to = next.to;
      run.toRecvNs = next.toRecvNs;
      if (next.minMs < run.minMs) run.minMs = next.minMs;
      stretch(run, next.maxMs, next.maxSeq);
      this.runs.splice(at + 1, 1);
    }
    return "filled";
  }

  #forget(): void {
    if (this.runs.length <= ID_RUNS_MAX) return;
    this.runs.shift();
    this.floorId = this.runs[0]?.from ?? 0;
  }

  /** Index of the first run whose end is ≥ id; runs.length when none. Newest first, since that is where ids come. */
  #firstEndingAtOrAfter(id: number): number {
    const { runs } = this;
    const last = runs[runs.length - 1];
    if (last === undefined || last.to < id) return runs.length;
    let low = 0;
    let high = runs.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((runs[middle]?.to ?? 0) < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The run that holds the id. */
  runOf(id: number): IdRun | undefined {
    const run = this.runs[this.#firstEndingAtOrAfter(id)];
    return run !== undefined && run.from <= id ? run : undefined;
  }

  /** The unknown parts of [from, to], ascending, inclusive. Forgotten ids count as known. */
  missingIn(from: number, to: number): readonly { readonly from: number; readonly to: number }[] {
    const missing: { from: number; to: number }[] = [];
    let next = Math.max(from, this.floorId);
    for (let at = this.#firstEndingAtOrAfter(next); next <= to && at < this.runs.length; at += 1) {
      const run = this.runs[at];
      if (run === undefined || run.from > to) break;
      if (run.from > next) missing.push({ from: next, to: run.from - 1 });
      next = run.to + 1;
    }
    if (next <= to) missing.push({ from: next, to });
    return missing;
  }

  countMissing(from: number, to: number): number {
    let count = 0;
    for (const part of this.missingIn(from, to)) count += part.to - part.from + 1;
    return count;
  }

  /** Starts over: the venue began its ids anew. */
  reset(): void {
    this.runs.length = 0;
    this.floorId = 0;
  }

  clone(): IdRuns {
    const copy = new IdRuns();
    for (const run of this.runs) copy.runs.push({ ...run });
    copy.floorId = this.floorId;
    return copy;
  }
}

function runOfOne(from: number, to: number, { eventMs, beginsMs, recvNs, seq }: Sighting): IdRun {
  return {
    from, to, fromMs: beginsMs, late: beginsMs !== eventMs, minMs: eventMs, maxMs: eventMs, fromRecvNs: recvNs, toRecvNs: recvNs, fromSeq: seq, maxSeq: seq,
  };
}

/**
 * `upper` continues `run`. The lower one's beginning stands, unless it is only the time at which something late came: then
 * whatever is earlier. So the joined run begins at the same time whichever of its ids came first.
 */
function beginWith(run: IdRun, upper: IdRun): void {
  if ((run.late || upper.late) && upper.fromMs < run.fromMs) {
    run.fromMs = upper.fromMs;
    run.fromSeq = upper.fromSeq;
  }
  run.late &&= upper.late;
}

function stretch(run: IdRun, eventMs: number, seq: number): void {
  if (eventMs > run.maxMs) {
    run.maxMs = eventMs;
    run.maxSeq = seq;
  } else if (eventMs < run.minMs) {
    run.minMs = eventMs;
  }
}
