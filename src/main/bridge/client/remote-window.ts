// What a screen shows of one remote stream: a window of buckets, begun from the cache, kept up with entries as they come, told
// whole or by changes. Told by changes or told whole, it is the same. Holds the window only, whatever the series' length.
import type { GapEntry, Grade } from "../../../shared/candles.ts";
import { formatDecimal } from "../../../shared/decimal.ts";
import { BAR_BACKFILLED, BAR_FORMING, BAR_REVISED, type RevisionMark, type ViewUpdate } from "../../../shared/protocol/frames.ts";
import { INTERVAL_MS } from "../../../shared/time.ts";
import { type BarRow, barColumns } from "../../replay/bar-columns.ts";
import type { BridgeBar, BridgeForming, SequencedEntry, StreamKey } from "../model.ts";
import { holeGap, holeId } from "./hole-gap.ts";
import type { CachedWindow, SequenceHole } from "./types.ts";

export interface WindowRange {
  readonly key: StreamKey;
  /** Buckets shown, with or without trades. */
  readonly bars: number;
  /** Exclusive right edge; undefined = behind the newest bucket known. */
  readonly untilOpenMs: number | undefined;
}

type ShownBar = Pick<BridgeBar, "openMs" | "values" | "revision" | "reason"> & { readonly sequence: number; readonly atSeq: number };
interface Frame { readonly fromMs: number; readonly untilMs: number }

export const EMPTY_WINDOW: CachedWindow = { bars: [], empty: [], gaps: [], corrections: [], moreBefore: false };

/** Bars beyond the window that may pile up before they are swept out. */
const MARGIN = 256;
/** Open bars at once: with lateness the one before is not sealed when the next begins. */
const FORMING_MAX = 4;

export class RemoteWindow {
  readonly range: WindowRange;
  readonly #step: number;
  readonly #bars = new Map<number, ShownBar>();
  readonly #grades = new Map<number, Grade>();
  readonly #gaps = new Map<string, GapEntry>();
  readonly #marks = new Map<number, RevisionMark[]>();
  readonly #forming = new Map<number, BridgeForming>();
  #holes: readonly SequenceHole[];
  #moreBefore: boolean;
  /** Of bars: what was ever seen of the series, also outside the window. */
  #oldestMs = Infinity;
  #newestMs = -Infinity;
  #gradedUntilMs = -Infinity;
  #newest: { readonly openMs: number; readonly close: BridgeBar["values"]["close"] } | undefined;
  #newestKnownNs = 0n;

  readonly #touched = new Set<number>();
  readonly #touchedGaps = new Set<string>();
  /** On the screen: what becomes of them is told also when they leave the window. */
  readonly #toldGaps = new Set<string>();
  #mustReset = true;
  #toldMore = false;

  constructor(range: WindowRange, cached: CachedWindow, holes: readonly SequenceHole[]) {
    this.range = range;
    this.#step = INTERVAL_MS[range.key.interval];
    this.#holes = holes;
    this.#moreBefore = cached.moreBefore;
    for (const bar of cached.bars) {
      this.#putBar(bar, bar);
      if (bar.grade !== undefined) this.#grades.set(bar.openMs, bar.grade);
    }
    for (const { untilOpenMs } of cached.empty) this.#gradedUntilMs = Math.max(this.#gradedUntilMs, untilOpenMs);
    for (const { fromOpenMs, untilOpenMs, grade } of cached.empty) this.#paint(fromOpenMs, untilOpenMs, grade);
    for (const gap of cached.gaps) this.#gaps.set(gap.gapId, gap);
    for (const { openMs, revision, reason, atSeq } of cached.corrections) this.#mark({ openMs, revision, reason, atSeq });
  }

  // ── What comes ─────────────────────────────────────────────────────────────

  /** In sequence order; what is in already may come again, as long as all that followed it comes again too. */
  apply(entries: readonly SequencedEntry[]): void {
    for (const entry of entries) {
      if (entry.knownNs > this.#newestKnownNs) this.#newestKnownNs = entry.knownNs;
      if (entry.kind === "bar") this.#applyBar(entry.bar, entry);
      else if (entry.kind === "grade") this.#applyGrade(entry);
      else this.#applyGap({ ...entry.gap, atSeq: entry.atSeq });
    }
    if (this.#bars.size > this.range.bars + MARGIN || this.#grades.size > this.range.bars + MARGIN) this.#sweep();
  }

  #applyBar(bar: BridgeBar, origin: { readonly sequence: number; readonly atSeq: number }): void {
    const { openMs } = bar;
    const isKnown = this.#bars.has(openMs);
    this.#putBar(bar, origin);
    if (bar.revision > 1) this.#mark({ openMs, revision: bar.revision, reason: bar.reason, atSeq: origin.atSeq });
    if (bar.grade !== undefined) this.#grades.set(openMs, bar.grade);
    this.#touched.add(openMs);
    if (!isKnown) for (const hole of this.#holes) if (hole.toMs === undefined) this.#touchedGaps.add(holeId(hole, this.range.key));
    this.#dropForming(openMs);
  }

  /** What a sealed bar leaves behind is over. One that never sealed cannot be taken off a screen by a change. */
  #dropForming(sealedMs: number): void {
    for (const openMs of this.#forming.keys()) {
      if (openMs > sealedMs) continue;
      this.#forming.delete(openMs);
      if (!this.#bars.has(openMs)) this.#mustReset = true;
    }
  }

  #putBar(bar: BridgeBar, { sequence, atSeq }: { readonly sequence: number; readonly atSeq: number }): void {
    const { openMs, values, revision, reason } = bar;
    this.#oldestMs = Math.min(this.#oldestMs, openMs);
    this.#newestMs = Math.max(this.#newestMs, openMs);
    if (openMs >= (this.#newest?.openMs ?? -Infinity)) this.#newest = { openMs, close: values.close };
    const known = this.#bars.get(openMs);
    if (known === undefined || known.sequence <= sequence) this.#bars.set(openMs, { openMs, values, revision, reason, sequence, atSeq });
  }

  #mark(mark: RevisionMark): void {
    const marks = this.#marks.get(mark.openMs) ?? [];
    if (marks.some(({ revision }) => revision === mark.revision)) return;
    this.#marks.set(mark.openMs, [...marks, mark]);
  }

  #applyGrade(entry: { readonly fromOpenMs: number; readonly untilOpenMs: number; readonly grade: Grade }): void {
    this.#gradedUntilMs = Math.max(this.#gradedUntilMs, entry.untilOpenMs);
    this.#paint(entry.fromOpenMs, entry.untilOpenMs, entry.grade);
  }

  #paint(fromOpenMs: number, untilOpenMs: number, grade: Grade): void {
    const frame = this.#frame();
    if (frame === undefined) return;
    const firstMs = Math.ceil(Math.max(fromOpenMs, frame.fromMs) / this.#step) * this.#step;
    for (let openMs = firstMs; openMs < Math.min(untilOpenMs, frame.untilMs); openMs += this.#step) {
      this.#grades.set(openMs, grade);
      this.#touched.add(openMs);
    }
  }

  #applyGap(gap: GapEntry): void {
    this.#gaps.set(gap.gapId, gap);
    this.#touchedGaps.add(gap.gapId);
  }

  applyForming(bar: BridgeForming): void {
    if (bar.knownNs > this.#newestKnownNs) this.#newestKnownNs = bar.knownNs;
    if (bar.openMs <= this.#newestMs || this.#bars.has(bar.openMs)) return;
    this.#forming.set(bar.openMs, bar);
    this.#touched.add(bar.openMs);
    if (this.#forming.size > FORMING_MAX) {
      this.#forming.delete(Math.min(...this.#forming.keys()));
      this.#mustReset = true;
    }
  }

  applyHole(hole: SequenceHole): void {
    this.#holes = [...this.#holes, hole];
    this.#touchedGaps.add(holeId(hole, this.range.key));
  }

  /** The newest bar of the series, where the window ends before it. */
  learnNewest(bar: Pick<BridgeBar, "openMs" | "values">): void {
    if (this.#newest === undefined || bar.openMs > this.#newest.openMs) this.#newest = { openMs: bar.openMs, close: bar.values.close };
  }

  // ── What is told ───────────────────────────────────────────────────────────

  get lastPrice(): string | undefined {
    let newest = this.#newest;
    for (const { openMs, values } of this.#forming.values()) if (openMs >= (newest?.openMs ?? -Infinity)) newest = { openMs, close: values.close };
    return newest === undefined ? undefined : formatDecimal(newest.close);
  }

  /** When the newest entry was known at the server, epoch ns; 0 = not said. */
  get newestKnownNs(): bigint {
    return this.#newestKnownNs;
  }

  formingAt(openMs: number): BridgeForming | undefined {
    return this.#forming.get(openMs);
  }
  gradeAt(openMs: number): Grade | undefined {
    return this.#grades.get(openMs);
  }
  gapsAt(openMs: number): readonly GapEntry[] {
    const bucket = { fromMs: openMs, untilMs: openMs + this.#step };
    return this.#allGaps(this.#frame()).filter((gap) => gap.fromMs < bucket.untilMs && (gap.toMs ?? Infinity) > bucket.fromMs);
  }

  /** What changed since the last one; undefined when nothing did. The first one is whole. */
  next(): ViewUpdate | undefined {
    const update = this.#mustReset ? this.#whole() : this.#changes();
    this.#touched.clear();
    this.#touchedGaps.clear();
    this.#mustReset = false;
    return update;
  }

  /** The next update tells everything again. */
  tellWhole(): void {
    this.#mustReset = true;
  }

  #frame(): Frame | undefined {
    const { untilOpenMs, bars } = this.range;
    const length = bars * this.#step;
    if (untilOpenMs !== undefined) return { fromMs: untilOpenMs - length, untilMs: untilOpenMs };
    const untilMs = Math.max(this.#newestMs + this.#step, this.#gradedUntilMs, ...[...this.#forming.keys()].map((openMs) => openMs + this.#step));
    return untilMs === -Infinity ? undefined : { fromMs: untilMs - length, untilMs };
  }

  #whole(): ViewUpdate {
    const frame = this.#frame();
    const buckets = new Set([...this.#bars.keys(), ...this.#grades.keys(), ...this.#forming.keys()]);
    return this.#update("reset", frame, buckets, this.#allGaps(frame).filter((gap) => this.#touchesFrame(gap, frame)));
  }

  #changes(): ViewUpdate | undefined {
    const frame = this.#frame();
    const gaps = this.#allGaps(frame).filter((gap) => this.#touchedGaps.has(gap.gapId) && (this.#toldGaps.has(gap.gapId) || this.#touchesFrame(gap, frame)));
    if (this.#touched.size === 0 && gaps.length === 0 && this.#hasMore(frame) === this.#toldMore) return undefined;
    return this.#update("changes", frame, this.#touched, gaps);
  }

  #update(kind: ViewUpdate["kind"], frame: Frame | undefined, among: ReadonlySet<number>, gaps: readonly GapEntry[]): ViewUpdate {
    const buckets = [...among].filter((openMs) => frame !== undefined && openMs >= frame.fromMs && openMs < frame.untilMs).sort((a, b) => a - b);
    const rows: BarRow[] = [];
    const empty: { fromOpenMs: number; untilOpenMs: number; grade: Grade }[] = [];
    const revisions: RevisionMark[] = [];
    for (const openMs of buckets) {
      const row = this.#row(openMs);
      if (row !== undefined) {
        rows.push(row);
        revisions.push(...(this.#marks.get(openMs) ?? []));
        continue;
      }
      const grade = this.#grades.get(openMs);
      if (grade === undefined) continue;
      const last = empty.at(-1);
      if (last?.grade === grade && last.untilOpenMs === openMs) last.untilOpenMs = openMs + this.#step;
      else empty.push({ fromOpenMs: openMs, untilOpenMs: openMs + this.#step, grade });
    }
    this.#toldMore = this.#hasMore(frame);
    if (kind === "reset") this.#toldGaps.clear();
    for (const { gapId } of gaps) this.#toldGaps.add(gapId);
    const { sourceId, symbol, interval } = this.range.key;
    return { kind, venue: sourceId, symbol, interval, bars: barColumns(rows), empty, gaps, revisions, events: [], moreBefore: this.#toldMore };
  }

  #row(openMs: number): BarRow | undefined {
    const grade = this.#grades.get(openMs);
    const bar = this.#bars.get(openMs);
    if (bar !== undefined) {
      // The wire does not say how many trades were backfilled; both of these mean that some were.
      const isBackfilled = bar.reason === "gap_backfill" || grade === "repaired";
      const flags = (bar.revision > 1 ? BAR_REVISED : 0) | (isBackfilled ? BAR_BACKFILLED : 0);
      return { openMs, values: bar.values, revision: bar.revision, grade, flags, atSeq: bar.atSeq };
    }
    const forming = this.#forming.get(openMs);
    return forming && { openMs, values: forming.values, revision: 0, grade, flags: BAR_FORMING, atSeq: forming.atSeq };
  }

  #hasMore(frame: Frame | undefined): boolean {
    return this.#moreBefore || (frame !== undefined && this.#oldestMs < frame.fromMs);
  }

  #allGaps(frame: Frame | undefined): readonly GapEntry[] {
    return [...this.#gaps.values(), ...this.#holes.flatMap((hole) => this.#gapOf(hole, frame) ?? [])];
  }

  /** A hole that does not know its end ends at the next bar; without a beginning it lies before everything and is not drawn. */
  #gapOf(hole: SequenceHole, frame: Frame | undefined): GapEntry | undefined {
    const { fromMs } = hole;
    if (fromMs === undefined) return undefined;
    if (hole.toMs !== undefined) return holeGap({ ...hole, fromMs }, this.range.key, hole.toMs);
    if (frame !== undefined && fromMs < frame.fromMs) return undefined;
    let nextMs: number | undefined;
    for (const openMs of this.#bars.keys()) if (openMs >= fromMs && openMs < (nextMs ?? Infinity)) nextMs = openMs;
    return holeGap({ ...hole, fromMs }, this.range.key, nextMs);
  }

  #touchesFrame(gap: GapEntry, frame: Frame | undefined): boolean {
    // A window that follows the newest bar also shows what lies behind it.
    const untilMs = this.range.untilOpenMs ?? Infinity;
    return gap.fromMs < untilMs && (gap.toMs ?? Infinity) >= (frame?.fromMs ?? -Infinity);
  }

  /** Lets go of what has left the window on the left. */
  #sweep(): void {
    const frame = this.#frame();
    if (frame === undefined) return;
    const { fromMs } = frame;
    const isOutside = (openMs: number): boolean => openMs < fromMs || openMs >= frame.untilMs;
    for (const openMs of this.#bars.keys()) if (isOutside(openMs)) this.#bars.delete(openMs);
    for (const openMs of this.#grades.keys()) if (isOutside(openMs)) this.#grades.delete(openMs);
    for (const openMs of this.#marks.keys()) if (isOutside(openMs)) this.#marks.delete(openMs);
    for (const openMs of this.#touched) if (isOutside(openMs)) this.#touched.delete(openMs);
    for (const [gapId, gap] of this.#gaps) if (!this.#touchesFrame(gap, frame) && !this.#touchedGaps.has(gapId)) this.#gaps.delete(gapId);
  }
}
