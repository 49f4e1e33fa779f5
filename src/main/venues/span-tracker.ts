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

/** Connections whose last trades are remembered each: two legs and their replacements. */
const SOURCES_MAX = 4;

interface Cut {
  readonly fromMs: number;
  readonly before: ReadonlySet<string>;
  /** Everything lately seen when it was cut: the same trade again, over another socket, is none from after the cut. */
  readonly known: ReadonlySet<string>;
  /** Set with the first trade after the cut. */
  toMs: number | undefined;
  resumedMs: number;
  readonly after: Set<string>;
}

export class SpanTracker {
  #recent: string[] = [];
  #lastMs: number | undefined;
  /** By connection, the one that spoke last at the end. */
  readonly #sources = new Map<string, { ids: string[]; lastMs: number }>();
  #cut: Cut | undefined;
  #due: Span[] = [];

  /** The log ends with these trades. */
  resume(tradeIds: readonly string[], eventMs: number): void {
    this.#recent = tradeIds.slice(-EDGE_TRADES);
    this.#lastMs = eventMs;
    this.cut();
  }

  /**
   * From here on trades may be missing, until the next one. Before the first trade there is nothing to ask for. `by`: a connection that ended, and
   * that no other carried on from: what is missing begins with its own last trade, whatever a later one has brought since.
   */
  cut(by?: string): void {
    if (this.#lastMs === undefined) return;
    const gone = by === undefined ? undefined : this.#sources.get(by);
    if (by !== undefined) this.#sources.delete(by);
    const begun = { fromMs: gone?.lastMs ?? this.#lastMs, before: new Set(gone?.ids ?? this.#recent) };
    // Cut again before anybody asked: it is one span, from the earlier of both beginnings.
    const { fromMs, before } = this.#cut !== undefined && this.#cut.fromMs <= begun.fromMs ? this.#cut : begun;
    this.#cut = { fromMs, before, known: new Set([...(this.#cut?.known ?? []), ...this.#recent]), toMs: undefined, resumedMs: 0, after: new Set() };
  }

  #note(tradeId: string, eventMs: number, by: string): void {
    const source = this.#sources.get(by) ?? { ids: [], lastMs: eventMs };
    this.#sources.delete(by);
    source.ids.push(tradeId);
    if (source.ids.length > 2 * EDGE_TRADES) source.ids = source.ids.slice(-EDGE_TRADES);
    source.lastMs = Math.max(source.lastMs, eventMs);
    this.#sources.set(by, source);
    const [oldest] = this.#sources.keys();
    if (this.#sources.size > SOURCES_MAX && oldest !== undefined) this.#sources.delete(oldest);
  }

  /** `by`: the connection that brought it. */
  see(tradeId: string, eventMs: number, nowMs: number, by = ""): void {
    this.#note(tradeId, eventMs, by);
    this.#recent.push(tradeId);
    if (this.#recent.length > 2 * EDGE_TRADES) this.#recent = this.#recent.slice(-EDGE_TRADES);
    this.#lastMs = Math.max(this.#lastMs ?? eventMs, eventMs);
    const cut = this.#cut;
    if (cut === undefined) return;
    if (cut.known.has(tradeId)) return;
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
