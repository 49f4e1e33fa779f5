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
  #suspect: { readonly id: number; readonly eventMs: number } | undefined;
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

  see(id: number, eventMs: number, nowMs: number): void {
    const highest = this.#highest;
    if (highest === undefined || id === highest + 1) {
      this.#advance(id, eventMs);
    } else if (id <= highest) {
      this.#late(id);
    } else if (id - highest - 1 > this.#options.idLeapMax && !this.#confirms(id)) {
      if (this.#suspect !== undefined) this.#ignored += 1;
      this.#suspect = { id, eventMs };
    } else {
      this.#leap(id, eventMs, nowMs, highest);
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

  #leap(id: number, eventMs: number, nowMs: number, highest: number): void {
    const suspect = this.#suspect;
    this.#suspect = undefined;
    const wasFar = suspect !== undefined && this.#isFar(id, highest);
    const firstBeyond = wasFar ? Math.min(suspect.id, id) : id;
    this.#hole({ fromId: highest + 1, toId: firstBeyond - 1, fromMs: this.#highestMs, toMs: wasFar ? Math.min(suspect.eventMs, eventMs) : eventMs, sinceMs: nowMs });
    const lastBeyond = wasFar ? Math.max(suspect.id, id) : id;
    if (wasFar && lastBeyond - firstBeyond > 1) {
      this.#hole({ fromId: firstBeyond + 1, toId: lastBeyond - 1, fromMs: suspect.eventMs, toMs: eventMs, sinceMs: nowMs });
    }
    if (suspect !== undefined && !wasFar) this.#ignored += 1;
    this.#highest = lastBeyond;
    this.#highestMs = Math.max(eventMs, wasFar ? suspect.eventMs : eventMs);
  }

  #isFar(id: number, highest: number): boolean {
    return id - highest - 1 > this.#options.idLeapMax;
  }

  #hole(hole: WaitingHole): void {
    if (hole.fromId <= hole.toId) this.#waiting.push(hole);
  }

  #late(id: number): void {
    const index = this.#waiting.findIndex((hole) => hole.fromId <= id && id <= hole.toId);
    const hole = this.#waiting[index];
    if (hole === undefined) {
      this.#duplicates += 1;
      return;
    }
    const rest: WaitingHole[] = [];
    if (hole.fromId < id) rest.push({ ...hole, toId: id - 1 });
    if (id < hole.toId) rest.push({ ...hole, fromId: id + 1 });
    this.#waiting.splice(index, 1, ...rest);
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
