// What is known here of one bar of a remote: its versions and grades. What it is made of stays where its log is.
import { fault } from "../../../shared/base.ts";
import type { GapEntry, Grade, ShownBarKey } from "../../../shared/candles.ts";
import type { BarReport } from "../../../shared/protocol/frames.ts";
import { formatUtcMs } from "../../../shared/time.ts";
import { valueDiffs, valueTexts } from "../../replay/bar-text.ts";
import { streamName, type BridgeForming, type History, type SequencedEntry, type StreamKey } from "../model.ts";
import type { CachedBar, CachedGrade } from "./types.ts";

export interface ReportParts {
  readonly key: StreamKey;
  readonly openMs: number;
  /** Undefined = the latest. */
  readonly revision: number | undefined;
  readonly versions: readonly CachedBar[];
  readonly grades: readonly CachedGrade[];
  readonly forming: BridgeForming | undefined;
  readonly gaps: readonly GapEntry[];
  readonly history: History | undefined;
}

/** Versions of a bar among entries, as the cache would give them. */
export function versionsAmong(entries: readonly SequencedEntry[], openMs: number): readonly CachedBar[] {
  return entries.flatMap((entry) => (entry.kind === "bar" && entry.bar.openMs === openMs ? [{ ...entry.bar, sequence: entry.sequence, atSeq: entry.atSeq }] : []));
}

/** Grades of a bucket among entries, as the cache would give them. */
export function gradesAmong(entries: readonly SequencedEntry[], openMs: number): readonly CachedGrade[] {
  return entries.flatMap((entry): CachedGrade[] => {
    const { sequence, atSeq } = entry;
    if (entry.kind === "bar" && entry.bar.openMs === openMs && entry.bar.grade !== undefined) return [{ grade: entry.bar.grade, why: "", sequence, atSeq }];
    if (entry.kind === "grade" && entry.fromOpenMs <= openMs && openMs < entry.untilOpenMs) return [{ grade: entry.grade, why: entry.why, sequence, atSeq }];
    return [];
  });
}

/** What the cache gave and what it does not hold yet: an entry that is in both counts once. */
export function joined<T extends { readonly sequence: number }>(cached: readonly T[], unwritten: readonly T[]): readonly T[] {
  const bySequence = new Map([...cached, ...unwritten].map((item) => [item.sequence, item]));
  return [...bySequence.values()].sort((a, b) => a.sequence - b.sequence);
}

/** Faults: `bridge.no-bar`. */
export function reportOf(parts: ReportParts): BarReport {
  const { key, openMs, versions, grades } = parts;
  const chosen = parts.revision === undefined ? versions.at(-1) : versions.find(({ revision }) => revision === parts.revision);
  if (parts.revision !== undefined && chosen === undefined) {
    throw fault("bridge.no-bar", `${streamName(key)} ${formatUtcMs(openMs)} has no revision ${parts.revision} here: it has ${versions.length}`);
  }
  const forming = versions.length > 0 ? undefined : parts.forming;
  const grade: Grade | undefined = grades.at(-1)?.grade;
  const shownKey: ShownBarKey = { venue: key.sourceId, symbol: key.symbol, interval: key.interval, openMs };
  return {
    key: shownKey,
    versions: versions.map((version, index) => {
      const before = versions[index - 1];
      return {
        revision: version.revision, reason: version.reason, digest: version.digest ?? "", atSeq: version.atSeq, values: valueTexts(version.values),
        diff: before === undefined ? [] : valueDiffs(before.values, version.values),
      };
    }),
    forming: forming && valueTexts(forming.values),
    grade,
    gradeWhy: whyOf(parts, chosen),
    gradeHistory: grades.map(({ grade: said, why, atSeq }) => ({ grade: said, why: why === "" ? "said with the bar" : why, atSeq })),
    provenance: [],
    excluded: { count: 0, seqs: [] },
    sources: [],
    gaps: parts.gaps,
  };
}

function whyOf({ key, grades, versions, forming, history }: ReportParts, chosen: CachedBar | undefined): string {
  const last = grades.at(-1);
  if (last === undefined && versions.length === 0 && forming === undefined) return "nothing is known of this bucket here";
  const said = last === undefined ? "not graded yet" : last.why === "" ? "graded by the server with the bar" : last.why;
  const sequence = chosen?.sequence ?? last?.sequence;
  const place = [
    `source ${key.sourceId}`, ...(history === undefined ? [] : [`history ${history.historyId.slice(0, 12)}`]), ...(sequence === undefined ? [] : [`sequence ${sequence}`]),
  ].join(", ");
  return `${said}; the proof lies in the server's log (${place})`;
}
