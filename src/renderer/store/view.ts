// Owns what the chart and lanes show: bars, empty buckets, gaps, revision marks, connection events of one series.
import { createStore } from "zustand/vanilla";
import type { GapEntry, Grade, LaneEvent } from "../../shared/candles.ts";
import type { SourceId } from "../../shared/market.ts";
import type { RevisionMark, ViewUpdate } from "../../shared/protocol/frames.ts";
import type { Interval } from "../../shared/time.ts";
import { BarTable, type BarsTouched } from "./bars.ts";

/** What the chart can show: a series of this machine's tapes, or of a remote. */
export interface ShownInstrument { readonly venue: SourceId; readonly symbol: string }
export interface ShownSeries extends ShownInstrument { readonly interval: Interval }

export interface EmptyRange { readonly fromOpenMs: number; readonly untilOpenMs: number; readonly grade: Grade }

export interface ViewState {
  /** Undefined until the engine has sent the first view. */
  readonly series: ShownSeries | undefined;
  /** Mutable on purpose (5,000 bars × 60 frames/s of copies otherwise): `version` changes with it. */
  readonly bars: BarTable;
  readonly version: number;
  /** Grows with every reset: the chart then restores its place instead of updating bars. */
  readonly resets: number;
  readonly touched: BarsTouched;
  readonly empty: readonly EmptyRange[];
  readonly gaps: readonly GapEntry[];
  readonly revisions: readonly RevisionMark[];
  readonly events: readonly LaneEvent[];
  readonly moreBefore: boolean;
}

/** Marks kept: more than a 5,000-bar window can show apart, few enough to draw each frame. */
const MARKS_MAX = 5_000;

export function initialView(): ViewState {
  return {
    series: undefined, bars: new BarTable(), version: 0, resets: 0, touched: { kind: "all" },
    empty: [], gaps: [], revisions: [], events: [], moreBefore: false,
  };
}

/** The later entry of each key wins, order of first appearance is kept, the oldest beyond the bound leave. */
export function mergeByKey<T>(current: readonly T[], changes: readonly T[], keyOf: (item: T) => string): readonly T[] {
  if (changes.length === 0) return current;
  const merged = new Map(current.map((item) => [keyOf(item), item]));
  for (const item of changes) merged.set(keyOf(item), item);
  const items = [...merged.values()];
  return items.length > MARKS_MAX ? items.slice(-MARKS_MAX) : items;
}

const emptyKey = (range: EmptyRange): string => String(range.fromOpenMs);
const gapKey = (gap: GapEntry): string => gap.gapId;
const revisionKey = (mark: RevisionMark): string => `${mark.openMs}/${mark.revision}`;
const eventKey = (event: LaneEvent): string => `${event.atSeq}/${event.kind}/${event.connection}`;

export function applyView(state: ViewState, update: ViewUpdate): ViewState {
  const series = { venue: update.venue, symbol: update.symbol, interval: update.interval };
  if (update.kind === "reset") {
    return {
      series, bars: state.bars, touched: state.bars.reset(update.bars), version: state.version + 1, resets: state.resets + 1,
      empty: update.empty, gaps: update.gaps, revisions: update.revisions, events: update.events, moreBefore: update.moreBefore,
    };
  }
  return {
    series: state.series ?? series, bars: state.bars, touched: state.bars.merge(update.bars), version: state.version + 1, resets: state.resets,
    empty: mergeByKey(state.empty, update.empty, emptyKey), gaps: mergeByKey(state.gaps, update.gaps, gapKey),
    revisions: mergeByKey(state.revisions, update.revisions, revisionKey), events: mergeByKey(state.events, update.events, eventKey),
    moreBefore: update.moreBefore,
  };
}

export const viewStore = createStore<ViewState>(initialView);
