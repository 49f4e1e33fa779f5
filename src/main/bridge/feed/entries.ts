// What one raw record made the canonicalizer say, as entries of the streams it concerns: the one mapping, whatever the source of
// the words. Order and places depend on the words of that record alone. Pure.
import { unreachable } from "../../../shared/base.ts";
import type { BarVersion, CanonicalOutput, FormingBar, GapEntry, Grade, GradeEntry } from "../../../shared/candles.ts";
import { INTERVAL_MS, type Interval } from "../../../shared/time.ts";
import { streamName, type BridgeBar, type BridgeForming, type BridgeGap, type EntryContent, type StreamKey } from "../model.ts";
import type { FeedItem } from "../server/types.ts";

/** Everything that concerns candles among the outputs of one record, each kind in the order in which it was said. */
export interface Said {
  readonly atSeq: number;
  readonly bars: readonly BarVersion[];
  readonly grades: readonly GradeEntry[];
  readonly gaps: readonly GapEntry[];
}

/** Sorts one record's outputs into kinds; undefined when none of them concerns candles. */
export function saidBy(atSeq: number, outputs: readonly CanonicalOutput[]): Said | undefined {
  const bars: BarVersion[] = [];
  const grades: GradeEntry[] = [];
  const gaps: GapEntry[] = [];
  for (const output of outputs) {
    switch (output.kind) {
      case "bar":
        bars.push(output.bar);
        break;
      case "grade":
        grades.push(output.grade);
        break;
      case "gap":
        gaps.push(output.gap);
        break;
      case "candidate":
      case "lane":
      case "stream":
      case "cut":
      case "confirmation":
        break;
      default:
        unreachable(output);
    }
  }
  return bars.length + grades.length + gaps.length === 0 ? undefined : { atSeq, bars, grades, gaps };
}

function keyOf({ venue, symbol, interval }: { readonly venue: string; readonly symbol: string; readonly interval: Interval }): StreamKey {
  return { sourceId: venue, symbol, interval };
}

function bridgeBar(bar: BarVersion, grade: Grade | undefined): BridgeBar {
  return { openMs: bar.key.openMs, values: bar.values, revision: bar.revision, reason: bar.reason, digest: bar.digest, grade };
}

function bridgeGap(gap: GapEntry): BridgeGap {
  const { gapId, streamId, fromMs, toMs, fromId, toId, missing, cause, state, attempts, detail } = gap;
  return { gapId, streamId, fromMs, toMs, fromId, toId, missing, cause, state, attempts, detail };
}

export function formingOf(bar: FormingBar, knownNs: bigint): { readonly key: StreamKey; readonly bar: BridgeForming } {
  return { key: keyOf(bar.key), bar: { openMs: bar.key.openMs, values: bar.values, atSeq: bar.lastSeq, knownNs } };
}

/**
 * A grade of exactly one bucket whose bar was said by the same record becomes that bar's grade: half the entries. It is left an entry
 * of its own when an entry before it spoke of the same stretch of buckets, since the bar comes first.
 */
function foldGrades(said: Said): { readonly gradeOf: readonly (Grade | undefined)[]; readonly rest: readonly GradeEntry[] } {
  const lastBar = new Map<string, number>();
  said.bars.forEach(({ key }, index) => lastBar.set(`${streamName(keyOf(key))}@${key.openMs}`, index));
  const gradeOf: (Grade | undefined)[] = said.bars.map(() => undefined);
  const rest: GradeEntry[] = [];
  const spokenUntil = new Map<string, number>();
  for (const grade of said.grades) {
    const name = streamName(keyOf(grade));
    const { fromOpenMs, untilOpenMs } = grade;
    const bar = untilOpenMs - fromOpenMs === INTERVAL_MS[grade.interval] ? lastBar.get(`${name}@${fromOpenMs}`) : undefined;
    if (bar !== undefined && (spokenUntil.get(name) ?? -Infinity) <= fromOpenMs) {
      gradeOf[bar] = grade.grade;
      continue;
    }
    rest.push(grade);
    spokenUntil.set(name, Math.max(spokenUntil.get(name) ?? -Infinity, untilOpenMs));
  }
  return { gradeOf, rest };
}

/**
 * The items of one record: bars, then grades, then gaps, each in the order in which they were said. `index` counts per stream.
 *
 * A bar whose `grade` is undefined says nothing about its completeness: what was known of the bucket stays true. A gap goes to every
 * interval of its instrument, whichever of its streams has the gap (`streamId` says so): a bridge that shows one
 * instrument shows the same gaps as the screen of the recorder.
 */
export function itemsOf(said: Said, intervals: readonly Interval[], knownNs: bigint): readonly FeedItem[] {
  const { atSeq } = said;
  const next = new Map<string, number>();
  const items: FeedItem[] = [];
  const put = (key: StreamKey, content: EntryContent): void => {
    const name = streamName(key);
    const index = next.get(name) ?? 0;
    next.set(name, index + 1);
    items.push({ key, place: { seq: atSeq, index }, entry: { ...content, atSeq, knownNs } });
  };
  const { gradeOf, rest } = foldGrades(said);
  said.bars.forEach((bar, index) => put(keyOf(bar.key), { kind: "bar", bar: bridgeBar(bar, gradeOf[index]) }));
  for (const { fromOpenMs, untilOpenMs, grade, why, ...series } of rest) put(keyOf(series), { kind: "grade", fromOpenMs, untilOpenMs, grade, why });
  for (const gap of said.gaps) {
    const [venue = "", symbol = ""] = gap.streamId.split(":");
    for (const interval of intervals) put(keyOf({ venue, symbol, interval }), { kind: "gap", gap: bridgeGap(gap) });
  }
  return items;
}
