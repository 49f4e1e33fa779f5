// From evidence to a bucket's standing: id runs, gaps, and how long the connection was known to be alive. Pure.
import type { Grade } from "../../shared/candles.ts";
import type { GapLedger } from "./gaps.ts";
import type { IdRun, IdRuns } from "./id-runs.ts";

/** What can be said of a bucket, before it is known whether it holds trades. */
export type Standing =
  /** One contiguous run of ids reaches over both edges. */
  | "proved"
  /** Nothing is known to be missing; an edge is vouched for by the living connection only. */
  | "covered"
  /** Ids or time known to be missing, and somebody may still fill them. */
  | "damaged"
  /** As `damaged`, but given up. */
  | "unresolved"
  /** Recording began or ended inside. */
  | "edge"
  /** Covered, but the venue's ids prove nothing. */
  | "unprovable";

/**
 * An edge counts as covered when the first (last) sign of life lies within this share of the bucket, at most EDGE_MAX_MS: capture
 * files begin at a round second with whatever message comes first. Small against the second that the shortest bar lasts.
 */
const EDGE_SHARE = 0.01;
const EDGE_MAX_MS = 100;

export interface Evidence {
  readonly runs: IdRuns;
  /** Runs of earlier id sequences: they still prove what they proved. */
  readonly formerRuns: readonly IdRun[];
  readonly gaps: GapLedger;
  /** Some trade came without an id. */
  readonly idsAbsent: boolean;
  /** First and last exchange time of any trade taken. */
  readonly firstTradeMs: number;
  readonly lastTradeMs: number;
  /** The connection is known to have lived from … until (exchange time). */
  readonly coveredFromMs: number;
  readonly coveredUntilMs: number;
  firstKnownMs(): number;
}

interface Judgement {
  readonly standing: Standing;
  /** Every later whole bucket that ends by here stands the same. */
  readonly holdsUntilMs: number;
}

/** The standing of bucket [fromMs, untilMs). `open`: its end has not come, so only what is behind counts. */
export function standingOf(evidence: Evidence, fromMs: number, untilMs: number, open = false): Judgement {
  const run = open ? undefined : runOver(evidence, fromMs, untilMs);
  if (run !== undefined) return { standing: "proved", holdsUntilMs: run.maxMs };
  const damage = damageIn(evidence, fromMs, untilMs);
  const holdsUntilMs = Math.min(damage.holdsUntilMs, proofBeginsMs(evidence, fromMs, untilMs));
  if (damage.standing !== undefined) return { standing: damage.standing, holdsUntilMs };
  const tolerance = Math.min(EDGE_MAX_MS, (untilMs - fromMs) * EDGE_SHARE);
  const startKnown = evidence.firstTradeMs < fromMs || evidence.coveredFromMs <= fromMs + tolerance;
  const endKnown = open || evidence.lastTradeMs >= untilMs || evidence.coveredUntilMs >= untilMs - tolerance;
  // An end that is not known never is for later buckets; a start that is not known soon is: there a bucket at a time will do.
  if (!endKnown) return { standing: "edge", holdsUntilMs };
  if (!startKnown) return { standing: "edge", holdsUntilMs: untilMs };
  const standing = evidence.idsAbsent ? "unprovable" : "covered";
  return { standing, holdsUntilMs: Math.min(holdsUntilMs, Math.max(evidence.lastTradeMs, evidence.coveredUntilMs + tolerance)) };
}

function runOver(evidence: Evidence, fromMs: number, untilMs: number): IdRun | undefined {
  const { runs } = evidence.runs;
  for (let at = runs.length - 1; at >= 0; at -= 1) {
    const run = runs[at];
    if (run !== undefined && run.fromMs < fromMs && run.maxMs >= untilMs) return run;
  }
  return evidence.formerRuns.find((run) => run.fromMs < fromMs && run.maxMs >= untilMs);
}

/** Where no run proves this bucket: the earliest time at which one begins that could prove a later bucket of this length. */
function proofBeginsMs(evidence: Evidence, fromMs: number, untilMs: number): number {
  const lengthMs = untilMs - fromMs;
  let beginsMs = Number.POSITIVE_INFINITY;
  const look = (run: IdRun): void => {
    if (run.fromMs >= fromMs && run.fromMs < beginsMs && run.maxMs - run.fromMs >= lengthMs) beginsMs = run.fromMs;
  };
  evidence.runs.runs.forEach(look);
  evidence.formerRuns.forEach(look);
  return beginsMs;
}

interface Damage {
  /** Undefined: none. */
  readonly standing: "damaged" | "unresolved" | undefined;
  readonly holdsUntilMs: number;
}

/** Missing ids between two runs may be anywhere between their times, both included; so may what a span without ids hides. */
function damageIn(evidence: Evidence, fromMs: number, untilMs: number): Damage {
  let standing: Damage["standing"];
  // The next gap's start and this one's end bound how far later buckets stand the same.
  let holdsUntilMs = Number.POSITIVE_INFINITY;
  const weigh = (lostFromMs: number, lostToMs: number, isGivenUp: () => boolean): void => {
    if (fromMs > lostToMs) return;
    if (untilMs <= lostFromMs) {
      holdsUntilMs = Math.min(holdsUntilMs, lostFromMs);
      return;
    }
    holdsUntilMs = Math.min(holdsUntilMs, lostToMs);
    if (standing !== "unresolved") standing = isGivenUp() ? "unresolved" : "damaged";
  };
  const { runs } = evidence.runs;
  let aboveMs = Number.POSITIVE_INFINITY;
  for (let at = runs.length - 1; at > 0; at -= 1) {
    const [before, after] = [runs[at - 1], runs[at]];
    if (before === undefined || after === undefined) continue;
    // A run that only came late does not tell when the ids before it were over: the next one above may.
    const beginsMs = after.late ? Math.min(after.fromMs, aboveMs) : after.fromMs;
    aboveMs = beginsMs;
    const [low, high] = before.maxMs <= beginsMs ? [before.maxMs, beginsMs] : [beginsMs, before.maxMs];
    weigh(low, high, () => (evidence.gaps.holding(before.to + 1)?.state ?? "GAP_UNRESOLVED") === "GAP_UNRESOLVED");
  }
  for (const gap of evidence.gaps.gaps) {
    // With both ids known, the runs above say it more exactly.
    if (gap.toMs !== undefined && gap.fromId !== undefined) continue;
    weigh(gap.fromMs, lastLostMs(gap), () => gap.state === "GAP_UNRESOLVED");
  }
  return { standing, holdsUntilMs };
}

/** The last time at which something of it may be missing. A candle's minute does not hold its end. */
function lastLostMs({ toMs, proof }: GapLedger["gaps"][number]): number {
  return toMs === undefined ? Number.POSITIVE_INFINITY : proof === "candle" ? toMs - 1 : toMs;
}

/** `backfilled`: trades of the bar that came by backfill; undefined for a bucket without trades. */
export function gradeFor(standing: Standing, backfilled: number | undefined): Grade {
  const empty = backfilled === undefined;
  switch (standing) {
    case "proved":
      return empty ? "empty_proved" : backfilled > 0 ? "repaired" : "proved";
    case "covered":
      return empty ? "missing" : "likely";
    case "unprovable":
      // A page of the venue's list tells all that was missed, and no more than that.
      return empty ? "missing" : backfilled > 0 ? "repaired" : "unprovable";
    case "damaged":
    case "edge":
      return empty ? "missing" : "partial";
    case "unresolved":
      return empty ? "GAP_UNRESOLVED" : "unresolved";
  }
}

/** One clause for people, and the seqs behind it. */
export function whyOf(
  evidence: Evidence, range: { readonly fromMs: number; readonly untilMs: number; readonly standing: Standing; readonly grade: Grade },
): { readonly why: string; readonly evidence: readonly number[] } {
  const { fromMs, untilMs, standing } = range;
  if (standing === "proved") {
    const run = runOver(evidence, fromMs, untilMs);
    if (run === undefined) return { why: "ids contiguous over both edges", evidence: [] };
    const how = range.grade === "repaired" ? "complete after backfill: " : "";
    return { why: `${how}ids ${run.from}…${run.to} contiguous over both edges`, evidence: [run.fromSeq, run.maxSeq] };
  }
  if (standing === "damaged" || standing === "unresolved") {
    const gap = gapIn(evidence, fromMs, untilMs);
    if (gap === undefined) return { why: "ids missing whose gap is no longer remembered", evidence: [] };
    const ids = gap.fromId === undefined || gap.toId === undefined ? "" : ` (ids ${gap.fromId}…${gap.toId})`;
    return { why: `gap ${gap.gapId}${ids}, cause ${gap.cause}, ${gap.state}`, evidence: [] };
  }
  if (standing === "edge") return { why: evidence.firstTradeMs < fromMs ? "recording ended inside" : "recording began inside", evidence: [] };
  const edges = [evidence.firstTradeMs < fromMs ? "" : "start", evidence.lastTradeMs >= untilMs ? "" : "end"].filter((edge) => edge !== "");
  const which = edges.length === 0 ? "its edges were" : `its ${edges.join(" and ")} was`;
  const reason = standing === "unprovable" ? "the venue's ids prove nothing" : "no id proves it";
  return { why: `${reason}; ${which} covered by the living connection`, evidence: [] };
}

function gapIn(evidence: Evidence, fromMs: number, untilMs: number): GapLedger["gaps"][number] | undefined {
  const overlapping = evidence.gaps.gaps.filter((gap) => gap.fromMs < untilMs && lastLostMs(gap) >= fromMs);
  return overlapping.find((gap) => gap.state === "GAP_UNRESOLVED") ?? overlapping[0];
}
