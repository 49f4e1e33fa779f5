// Where a tape can be taken up again: coarse points over the whole capture, fine ones around the cursor. Both bounded.
import type { HeadSnapshot } from "./head.ts";

/** Coarse points kept (measured 13 KB each, so about 55 MB); when there are more, every second one goes and the spacing doubles. */
export const CHECKPOINTS_MAX = 4_096;
/** Events between coarse points of a small capture: a seek applies that many in some ms. Ten million records get one point per 2,442. */
const SPACING_MIN = 2_048;
/** The same of a capture that grows: denser points would cost a busy live tape a megabyte a minute until their bound is reached. A seek applies up to so many. */
const SPACING_GROWING = 16_384;
/** Records of any stream between points, in spacings: what is not watched is skipped, but its chunks must be read. */
const SKIPPED_SPACINGS = 8;

/** Index of the last element with `of(element) <= bound`, -1 when there is none. */
function lastAtMost(list: readonly HeadSnapshot[], of: (snapshot: HeadSnapshot) => number, bound: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const element = list[middle];
    if (element !== undefined && of(element) <= bound) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

const seqOf = (snapshot: HeadSnapshot): number => snapshot.seq;
const ordinalOf = (snapshot: HeadSnapshot): number => snapshot.ordinal;

export class Checkpoints {
  #points: HeadSnapshot[];
  #spacing = SPACING_MIN;

  constructor(start: HeadSnapshot) {
    this.#points = [start];
  }

  get count(): number {
    return this.#points.length;
  }

  /** Told how long the tape will at least be, spacing is right from the start instead of after several thinnings. */
  expect(seqs: number): void {
    this.#spacing = Math.max(this.#spacing, Math.ceil(seqs / (CHECKPOINTS_MAX - 1)));
  }

  /** The capture is being recorded. */
  grows(): void {
    this.#spacing = Math.max(this.#spacing, SPACING_GROWING);
  }

  /** True when a point is due at this record, after so many events. */
  due(seq: number, ordinal: number): boolean {
    const last = this.#points.at(-1);
    return ordinal >= (last?.ordinal ?? 0) + this.#spacing || seq >= (last?.seq ?? 0) + this.#spacing * SKIPPED_SPACINGS;
  }

  add(snapshot: HeadSnapshot): void {
    this.#points.push(snapshot);
    if (this.#points.length <= CHECKPOINTS_MAX) return;
    this.#points = this.#points.filter((_, index) => index % 2 === 0);
    this.#spacing *= 2;
  }

  /** The last point at or before this seq. */
  atOrBefore(seq: number): HeadSnapshot {
    return this.#at(lastAtMost(this.#points, seqOf, seq));
  }

  /** The last point at which fewer events than this had happened; the start for 0. */
  beforeOrdinal(ordinal: number): HeadSnapshot {
    return this.#at(lastAtMost(this.#points, ordinalOf, ordinal - 1));
  }

  #at(index: number): HeadSnapshot {
    const point = this.#points[Math.max(index, 0)];
    if (point === undefined) throw new Error("Invariant: the first point is the start");
    return point;
  }
}

/** Fine points kept around the cursor, and records between them. */
const FINE_MAX = 48;
export const FINE_SPACING = 128;

/** A short ladder of points behind the cursor, so that stepping back again and again re-applies few records. */
export class FinePoints {
  #points: HeadSnapshot[] = [];

  /** Keeps ascending order; points beyond the new one stay (they are still true), the farthest one from it goes. */
  add(snapshot: HeadSnapshot): void {
    const at = lastAtMost(this.#points, seqOf, snapshot.seq);
    if (this.#points[at]?.seq === snapshot.seq) return;
    this.#points.splice(at + 1, 0, snapshot);
    if (this.#points.length <= FINE_MAX) return;
    const first = this.#points[0]?.seq ?? 0;
    const last = this.#points.at(-1)?.seq ?? 0;
    if (snapshot.seq - first >= last - snapshot.seq) this.#points.shift();
    else this.#points.pop();
  }

  atOrBefore(seq: number): HeadSnapshot | undefined {
    return this.#points[lastAtMost(this.#points, seqOf, seq)];
  }

  beforeOrdinal(ordinal: number): HeadSnapshot | undefined {
    return this.#points[lastAtMost(this.#points, ordinalOf, ordinal - 1)];
  }

  /** Whether a point is near enough behind this seq that another one would add nothing. */
  covers(seq: number): boolean {
    const near = this.atOrBefore(seq);
    return near !== undefined && seq - near.seq < FINE_SPACING;
  }
}
