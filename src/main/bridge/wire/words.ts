// What the wire says in numbers and words, and what we say: modes, grades, reasons, causes, states, refusals; and how long text may be.
import type { GapCause, GapState, Grade, RevisionReason, SealReason } from "../../../shared/candles.ts";
import type { BridgeMode } from "../model.ts";
import { GRADE_VALUES, MODE_VALUES, REFUSAL_CODE_VALUES } from "./generated/layout.ts";
import type { RefusalCode } from "./messages.ts";

/** Any text on the wire, in UTF-8. Free text beyond it is cut and ends in "…"; names beyond it are a bug of the sender. */
export const TEXT_BYTES_MAX = 4_096;
/** Names of histories, gaps and streams. */
export const NAME_BYTES_MAX = 256;

/** Names by their number on the wire. */
export function reversed<T extends string>(numbers: Readonly<Record<T, number>>): readonly (T | undefined)[] {
  const names: (T | undefined)[] = [];
  for (const name of Object.keys(numbers) as T[]) names[numbers[name]] = name;
  return names;
}

export const MODE_NUMBERS: Readonly<Record<BridgeMode, number>> = {
  live: MODE_VALUES.LIVE, replay: MODE_VALUES.REPLAY, simulated: MODE_VALUES.SIMULATED,
};
export const MODE_NAMES = reversed(MODE_NUMBERS);

export const GRADE_NUMBERS: Readonly<Record<Grade, number>> = {
  proved: GRADE_VALUES.PROVED, likely: GRADE_VALUES.LIKELY, unprovable: GRADE_VALUES.UNPROVABLE, partial: GRADE_VALUES.PARTIAL,
  repaired: GRADE_VALUES.REPAIRED, unresolved: GRADE_VALUES.UNRESOLVED, empty_proved: GRADE_VALUES.EMPTY_PROVED,
  missing: GRADE_VALUES.MISSING, GAP_UNRESOLVED: GRADE_VALUES.GAP_UNRESOLVED,
};
/** 0 is not in it: no grade. */
export const GRADE_NAMES = reversed(GRADE_NUMBERS);

export const REFUSAL_NUMBERS: Readonly<Record<RefusalCode, number>> = {
  UNKNOWN_STREAM: REFUSAL_CODE_VALUES.UNKNOWN_STREAM, RETENTION_EXCEEDED: REFUSAL_CODE_VALUES.RETENTION_EXCEEDED,
  OTHER_HISTORY: REFUSAL_CODE_VALUES.OTHER_HISTORY, VERSION_UNSUPPORTED: REFUSAL_CODE_VALUES.VERSION_UNSUPPORTED,
  MALFORMED: REFUSAL_CODE_VALUES.MALFORMED, BUSY: REFUSAL_CODE_VALUES.BUSY, INTERNAL: REFUSAL_CODE_VALUES.INTERNAL,
  BEYOND_LATEST: REFUSAL_CODE_VALUES.BEYOND_LATEST,
};
export const REFUSAL_NAMES = reversed(REFUSAL_NUMBERS);

// Words that cross as text. Records, so that a new member of the type does not compile until it is here.
const REASONS: Readonly<Record<SealReason | RevisionReason, true>> = {
  watermark: true, clock_tick: true, end_of_input: true, late_data: true, gap_backfill: true, source_correction: true, rebuild: true,
};
const CAUSES: Readonly<Record<GapCause, true>> = {
  id_hole: true, disconnect: true, downtime: true, host_slept: true, silent: true, first_frame_deadline: true, quarantine: true,
  conflict: true, lost_numbers: true, schedule: true, venue_candle: true, remote_hole: true,
};
const STATES: Readonly<Record<GapState, true>> = { open: true, backfilling: true, repaired: true, partly_repaired: true, GAP_UNRESOLVED: true };

export function isReason(text: string): text is SealReason | RevisionReason {
  return Object.hasOwn(REASONS, text);
}
export function isGapCause(text: string): text is GapCause {
  return Object.hasOwn(CAUSES, text);
}
export function isGapState(text: string): text is GapState {
  return Object.hasOwn(STATES, text);
}
export function isHealthStatus(text: string): text is "GREEN" | "AMBER" | "RED" {
  return text === "GREEN" || text === "AMBER" || text === "RED";
}
