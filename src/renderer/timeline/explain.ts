// Owns the one sentence that explains each thing in the lanes. Pure.
import type { GapEntry, Grade, LaneEvent } from "../../shared/candles.ts";
import type { RevisionMark } from "../../shared/protocol/frames.ts";
import { count, duration, plural } from "../format/numbers.ts";
import { bucketTime, utcTime } from "../format/times.ts";

export const GRADE_WORDS: Readonly<Record<Grade, string>> = {
  proved: "complete, proved by contiguous ids over both edges",
  likely: "probably complete: nothing missed by cadence, but no ids prove it",
  unprovable: "the venue's ids cannot prove that nothing is missing",
  partial: "some trades are known to be missing",
  repaired: "complete thanks to a backfill",
  unresolved: "trades are missing and backfill could not fetch them",
  empty_proved: "no trades happened, proved by ids",
  missing: "no data: nothing is known about this time",
  GAP_UNRESOLVED: "no data, and backfill could not fetch it",
};

export const CAUSES: Readonly<Record<GapEntry["cause"], string>> = {
  id_hole: "trade ids were skipped", disconnect: "the connection closed", downtime: "Tapedeck was not running", host_slept: "this computer slept",
  silent: "the stream fell silent", first_frame_deadline: "no first message in time", quarantine: "damaged log was set aside",
  conflict: "two messages disagree about one trade", lost_numbers: "numbers were lost in a crash", schedule: "expected bars did not come", venue_candle: "the venue's own candle counts more", remote_hole: "sequences of the remote are lost",
};

export const GAP_STATES: Readonly<Record<GapEntry["state"], string>> = {
  open: "open", backfilling: "being filled by REST", repaired: "repaired", partly_repaired: "partly repaired", GAP_UNRESOLVED: "could not be filled",
};

const REASONS: Readonly<Record<RevisionMark["reason"], string>> = {
  late_data: "late trades", gap_backfill: "a backfilled gap", source_correction: "a correction by the venue", rebuild: "a rebuild",
  watermark: "sealed by a later trade", clock_tick: "sealed by the clock", end_of_input: "sealed by the end of the input",
};

function idsOf(gap: GapEntry): string {
  // A hole's numbers are sequences, and its detail has them already.
  if (gap.fromId === undefined || gap.toId === undefined || gap.cause === "remote_hole") return "";
  const all = gap.toId - gap.fromId + 1;
  const missing = gap.missing ?? all;
  return ` ${plural(all, "id")} affected, ${missing === 0 ? "0" : count(missing)} missing.`;
}

function spanOf(gap: GapEntry): string {
  // A hole before the first bar that is known has no beginning.
  if (gap.fromMs === 0 && gap.cause === "remote_hole") return gap.toMs === undefined ? "up to now" : `up to ${utcTime(gap.toMs)}`;
  return gap.toMs === undefined ? `since ${utcTime(gap.fromMs)}` : `${utcTime(gap.fromMs)}–${utcTime(gap.toMs)} (${duration(gap.toMs - gap.fromMs)})`;
}

export function explainGap(gap: GapEntry): string {
  const detail = gap.detail === "" ? "" : `: ${gap.detail}`;
  return `${spanOf(gap)}, ${CAUSES[gap.cause]}${detail}. ${capital(GAP_STATES[gap.state])}.${idsOf(gap)}`;
}

export function explainGrade(openMs: number, grade: Grade | undefined, intervalMs: number): string {
  return `${bucketTime(openMs, intervalMs)} · ${grade === undefined ? "not graded yet" : `${grade}: ${GRADE_WORDS[grade]}`}`;
}

export function explainRevision(mark: RevisionMark, intervalMs: number): string {
  return `${bucketTime(mark.openMs, intervalMs)} became revision ${mark.revision} because of ${REASONS[mark.reason]} (at #${count(mark.atSeq)})`;
}

export function explainEvent(event: LaneEvent): string {
  return `${utcTime(event.atMs)} · ${event.kind.replaceAll("_", " ")} · ${event.venue} ${event.connection}${event.detail === "" ? "" : ` · ${event.detail}`}`;
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
