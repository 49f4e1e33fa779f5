// Where trades may be missing in a stream whose ids have no order: between the last trade before a cut and the first one after it.
// Only the venue can tell, so each cut becomes one span to ask for, with the trades around it by which an answer is recognised.
import type { BackfillRange } from "./adapter.ts";

export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
  /** Trade ids that were seen on the socket shortly before the cut, and shortly after. */
  readonly before: ReadonlySet<string>;
  readonly after: ReadonlySet<string>;
}

/** A span of a stream, as the backfiller takes it. */
export interface SpanRequest {
  readonly range: BackfillRange;
  readonly before: ReadonlySet<string>;
  readonly after: ReadonlySet<string>;
}

/** Trades on either side of a cut. An answer that reaches back to any of them reaches back far enough. */
const EDGE_TRADES = 64;
/** The time after the first trade in which more are gathered, so that an answer which lags a little is still recognised. */
const GATHER_MS = 1_500;

interface Cut {
  readonly fromMs: number;
  readonly before: ReadonlySet<string>;
  /** Set with the first trade after the cut. */
  toMs: number | undefined;
  resumedMs: number;
  readonly after: Set<string>;
}

export class SpanTracker {
  #recent: string[] = [];
  #lastMs: number | undefined;
  #cut: Cut | undefined;
  #due: Span[] = [];

  /** The log ends with these trades. */
  resume(tradeIds: readonly string[], eventMs: number): void {
    this.#recent = tradeIds.slice(-EDGE_TRADES);
    this.#lastMs = eventMs;
    this.cut();
  }

  /** From here on trades may be missing, until the next one. Before the first trade there is nothing to ask for. */
  cut(): void {
    if (this.#lastMs === undefined) return;
    const { fromMs, before } = this.#cut ?? { fromMs: this.#lastMs, before: new Set(this.#recent) };
    if (this.#cut !== undefined && this.#cut.toMs !== undefined) {
      // Cut again while the trades after the first cut were gathered: it is one span, since nobody has asked yet.
      this.#cut = { fromMs, before, toMs: undefined, resumedMs: 0, after: new Set() };
      return;
    }
    this.#cut ??= { fromMs, before, toMs: undefined, resumedMs: 0, after: new Set() };
  }

  see(tradeId: string, eventMs: number, nowMs: number): void {
    this.#recent.push(tradeId);
    if (this.#recent.length > 2 * EDGE_TRADES) this.#recent = this.#recent.slice(-EDGE_TRADES);
    this.#lastMs = Math.max(this.#lastMs ?? eventMs, eventMs);
    const cut = this.#cut;
    if (cut === undefined) return;
    // The same trade again, over another socket, is none from after the cut.
    if (cut.before.has(tradeId)) return;
    if (cut.toMs === undefined) {
      cut.toMs = Math.max(eventMs, cut.fromMs);
      cut.resumedMs = nowMs;
    }
    if (cut.after.size < EDGE_TRADES) cut.after.add(tradeId);
    if (cut.after.size === EDGE_TRADES) this.#close(cut);
  }

  #close(cut: Cut): void {
    if (cut.toMs === undefined) return;
    this.#due.push({ fromMs: cut.fromMs, toMs: cut.toMs, before: cut.before, after: cut.after });
    this.#cut = undefined;
  }

  /** Cuts that nobody has asked about yet. */
  get waiting(): number {
    return this.#due.length + (this.#cut === undefined ? 0 : 1);
  }

  /** Spans to ask for now, oldest first; each is reported once. */
  due(nowMs: number): readonly Span[] {
    if (this.#cut?.toMs !== undefined && nowMs - this.#cut.resumedMs >= GATHER_MS) this.#close(this.#cut);
    return this.#due.splice(0);
  }
}
