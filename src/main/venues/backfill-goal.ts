// When a backfill has reached its goal: all ids have come, or the answer overlaps what the socket brought on both sides of the cut.
import type { ControlRecord } from "../../shared/control.ts";
import { type BackfillPage, type BackfillRange, hasIds, type IdRange, type IdRun } from "./adapter.ts";
import { countIds, withoutIds } from "./id-runs.ts";
import type { SpanRequest } from "./span-tracker.ts";

export type BackfillOutcome = Extract<ControlRecord, { kind: "backfill_done" }>["outcome"];

export interface BackfillGoal {
  readonly range: BackfillRange;
  /** As the log says what was asked for. */
  readonly asked: { readonly from_id: number; readonly to_id: number } | { readonly from_ms: number; readonly to_ms: number };
  /** What is still to be asked for. */
  readonly open: readonly BackfillRange[];
  readonly isMet: boolean;
  readonly outcome: BackfillOutcome;
  /** `why`: how the last attempt ended short of the goal, where something else than the answers was to blame. */
  detail(why: string | undefined): string;
  /** Takes what a page holds. A text: nothing that the venue could say later would bring more, and why. */
  take(page: BackfillPage): string | undefined;
}

export class IdGoal implements BackfillGoal {
  readonly range: IdRange;
  readonly #wanted: number;
  #missing: readonly IdRun[];

  constructor(range: IdRange) {
    this.range = range;
    this.#missing = [{ fromId: range.fromId, toId: range.toId }];
    this.#wanted = countIds(this.#missing);
  }

  get asked(): { readonly from_id: number; readonly to_id: number } {
    return { from_id: this.range.fromId, to_id: this.range.toId };
  }
  get open(): readonly BackfillRange[] {
    return this.#missing.map((run) => ({ ...this.range, ...run }));
  }
  get isMet(): boolean {
    return this.#missing.length === 0;
  }
  get outcome(): BackfillOutcome {
    return this.isMet ? "repaired" : countIds(this.#missing) < this.#wanted ? "partly" : "unresolved";
  }

  detail(why: string | undefined): string {
    if (this.isMet) return `${this.#wanted} ids`;
    return `${countIds(this.#missing)} of ${this.#wanted} ids still missing: ${why ?? "the venue's answers do not hold them"}`;
  }

  take(page: BackfillPage): undefined {
    for (const run of page.ids) this.#missing = withoutIds(this.#missing, run);
  }
}

/** A span between two known trades. One answer without a hole that holds a trade of either side holds everything between them. */
export class SpanGoal implements BackfillGoal {
  readonly range: BackfillRange;
  readonly #before: ReadonlySet<string>;
  readonly #after: ReadonlySet<string>;
  readonly #fromMs: number;
  readonly #toMs: number;
  #isMet = false;
  #found = 0;
  #why = "no answer came";

  constructor({ range, before, after }: SpanRequest) {
    this.range = range;
    this.#before = before;
    this.#after = after;
    this.#fromMs = range.fromMs ?? 0;
    this.#toMs = range.toMs ?? this.#fromMs;
  }

  get asked(): { readonly from_ms: number; readonly to_ms: number } {
    return { from_ms: this.#fromMs, to_ms: this.#toMs };
  }
  get open(): readonly BackfillRange[] {
    return this.#isMet ? [] : [this.range];
  }
  get isMet(): boolean {
    return this.#isMet;
  }
  get outcome(): BackfillOutcome {
    return this.#isMet ? "repaired" : this.#found > 0 ? "partly" : "unresolved";
  }

  detail(why: string | undefined): string {
    // Without a trade known by its id nobody here can say which of them had come.
    const which = this.#before.size + this.#after.size > 0 ? "that the sockets had not brought" : "of that time in the venue's list";
    const found = `${this.#found} trade${this.#found === 1 ? "" : "s"} ${which}`;
    return this.#isMet ? found : `${found}; ${why ?? this.#why}`;
  }

  take({ trades = [] }: BackfillPage): string | undefined {
    const within = trades.filter(({ tradeId, eventMs }) => eventMs >= this.#fromMs && eventMs <= this.#toMs && !this.#before.has(tradeId) && !this.#after.has(tradeId));
    this.#found = Math.max(this.#found, within.length);
    const times = trades.map(({ eventMs }) => eventMs);
    const oldestMs = Math.min(...times);
    // Without a trade that is known by its id (a cut of an earlier run) one that is older or newer than the whole span will do.
    const reachesBack = this.#before.size > 0 ? trades.some(({ tradeId }) => this.#before.has(tradeId)) : oldestMs < this.#fromMs;
    const reachesOn = this.#after.size > 0 ? trades.some(({ tradeId }) => this.#after.has(tradeId)) : Math.max(...times) > this.#toMs;
    this.#isMet = reachesBack && reachesOn;
    if (this.#isMet) return undefined;
    if (trades.length === 0) {
      this.#why = "the venue's answer is empty";
      return undefined;
    }
    if (!reachesOn) {
      this.#why = "the venue's answer ends before the first trade that the socket brought afterwards";
      return undefined;
    }
    // The venue's newest trades only ever get newer.
    this.#why = `the venue's newest ${trades.length} trades reach back only to ${new Date(oldestMs).toISOString()}, not to the last trade before the cut`;
    return this.#why;
  }
}

/** The part of a span that no other goal of its stream asks for already; undefined: all of it is asked for. */
export function unaskedSpan(goals: readonly BackfillGoal[], { range }: SpanRequest): boolean {
  return !goals.some((goal) => !hasIds(goal.range) && (goal.range.fromMs ?? 0) <= (range.fromMs ?? 0) && (goal.range.toMs ?? 0) >= (range.toMs ?? 0));
}
