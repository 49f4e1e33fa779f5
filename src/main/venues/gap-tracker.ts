// Finds missing ids of one stream: contiguous ids, tolerant of duplicates, overlapping sockets and a little disorder.

export interface Hole {
  readonly fromId: number;
  readonly toId: number;
  /** Event times around the hole, epoch ms; undefined when unknown (a resume without times). */
  readonly fromMs: number | undefined;
  readonly toMs: number;
}

interface WaitingHole extends Hole {
  readonly sinceMs: number;
}

export interface GapTrackerOptions {
  readonly reorderMs: number;
  readonly idLeapMax: number;
}

/** More holes than this at a time are reported at once, whatever their age: memory stays bounded. */
const WAITING_MAX = 1_024;

export class GapTracker {
  readonly #options: GapTrackerOptions;
  #highest: number | undefined;
  #highestMs: number | undefined;
  #waiting: WaitingHole[] = [];
  /** An id far ahead that nothing has confirmed yet. */
  #suspect: { readonly id: number; readonly fromId: number; readonly eventMs: number } | undefined;
  #duplicates = 0;
  #ignored = 0;

  constructor(options: GapTrackerOptions) {
    this.#options = options;
  }

  /** The log ends with this id: what comes next is compared with it, so that downtime shows as a hole. */
  resume(lastId: number, eventMs: number | undefined): void {
    this.#highest = lastId;
    this.#highestMs = eventMs;
  }

  get duplicates(): number {
    return this.#duplicates;
  }
  /** Wild ids that the next messages contradicted. */
  get ignored(): number {
    return this.#ignored;
  }
  get waiting(): number {
    return this.#waiting.length;
  }

  /** `fromId`: the first id of a message that stands for several, of which `id` is the last. */
  see(id: number, eventMs: number, nowMs: number, fromId = id): void {
    const highest = this.#highest;
    if (highest === undefined || (fromId <= highest + 1 && id > highest)) {
      if (highest !== undefined && fromId <= highest) this.#fill(fromId, highest);
      this.#advance(id, eventMs);
    } else if (id <= highest) {
      if (!this.#fill(fromId, id)) this.#duplicates += 1;
    } else if (this.#isFar(fromId, highest) && !this.#confirms(id)) {
      if (this.#suspect !== undefined) this.#ignored += 1;
      this.#suspect = { id, fromId, eventMs };
    } else {
      this.#leap({ id, fromId, eventMs }, nowMs, highest);
    }
  }

  #confirms(id: number): boolean {
    const suspect = this.#suspect?.id;
    // The same id again is a duplicate of the suspect, no second witness.
    return suspect !== undefined && id !== suspect && Math.abs(id - suspect) <= this.#options.idLeapMax;
  }

  #advance(id: number, eventMs: number): void {
    if (this.#suspect !== undefined) {
      this.#suspect = undefined;
      this.#ignored += 1;
    }
    this.#highest = id;
    this.#highestMs = eventMs;
  }

  #leap(seen: { readonly id: number; readonly fromId: number; readonly eventMs: number }, nowMs: number, highest: number): void {
    const suspect = this.#suspect;
    this.#suspect = undefined;
    const wasFar = suspect !== undefined && this.#isFar(seen.fromId, highest);
    const [first, last] = wasFar && suspect.id < seen.id ? [suspect, seen] : wasFar ? [seen, suspect] : [seen, seen];
    const earliestMs = Math.min(first.eventMs, last.eventMs);
    this.#hole({ fromId: highest + 1, toId: first.fromId - 1, fromMs: this.#highestMs, toMs: earliestMs, sinceMs: nowMs });
    if (wasFar) this.#hole({ fromId: first.id + 1, toId: last.fromId - 1, fromMs: suspect.eventMs, toMs: seen.eventMs, sinceMs: nowMs });
    if (suspect !== undefined && !wasFar) this.#ignored += 1;
    this.#highest = last.id;
    this.#highestMs = Math.max(first.eventMs, last.eventMs);
  }

  #isFar(id: number, highest: number): boolean {
    return id - highest - 1 > this.#options.idLeapMax;
  }

  #hole(hole: WaitingHole): void {
    if (hole.fromId <= hole.toId) this.#waiting.push(hole);
  }

  /** Takes ids out of the holes that wait; false when none of them was missing. */
  #fill(from: number, to: number): boolean {
    const isHit = (hole: WaitingHole): boolean => hole.fromId <= to && from <= hole.toId;
    if (!this.#waiting.some(isHit)) return false;
    this.#waiting = this.#waiting.flatMap((hole) => {
      if (!isHit(hole)) return [hole];
      const rest: WaitingHole[] = [];
      if (hole.fromId < from) rest.push({ ...hole, toId: from - 1 });
      if (to < hole.toId) rest.push({ ...hole, fromId: to + 1 });
      return rest;
    });
    return true;
  }

  /** Holes that have waited long enough to be gaps, oldest first; each is reported once. */
  due(nowMs: number): readonly Hole[] {
    if (this.#waiting.length === 0) return [];
    const crowded = this.#waiting.length > WAITING_MAX;
    const isDue = (hole: WaitingHole): boolean => crowded || nowMs - hole.sinceMs >= this.#options.reorderMs;
    const due = this.#waiting.filter(isDue);
    if (due.length > 0) this.#waiting = this.#waiting.filter((hole) => !isDue(hole));
    return due.map(({ fromId, toId, fromMs, toMs }) => ({ fromId, toId, fromMs, toMs }));
  }
}
