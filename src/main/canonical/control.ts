// Dispatches control records: each kind to the folds that it concerns, and to the connection lane. Pure.
import { unreachable } from "../../shared/base.ts";
import type { GapCause } from "../../shared/candles.ts";
import { decodeControl, type ControlRecord } from "../../shared/control.ts";
import type { RawRecord } from "../../shared/raw.ts";
import { configure, type Selection } from "./configure.ts";
import { correctedMs } from "./coverage.ts";
import type { Surroundings } from "./emit.ts";
import { acknowledged, backfillBegun, backfillDone, connected, disconnected, doubt, reopen, restarted, stopped, ticked } from "./fold-control.ts";
import type { FoldState } from "./fold-state.ts";
import type { Asked } from "./gaps.ts";
import { laneEventOf, lost } from "./lane.ts";
import { endOfInput } from "./seal.ts";
import type { CanonicalState } from "./state.ts";

/** The cause that a collector gives when it ends its connections itself, for good. */
const STOPPED = "stopped";

export interface ControlContext {
  readonly state: CanonicalState;
  readonly around: Surroundings;
  readonly selection: Selection;
}

export function applyControl(context: ControlContext, record: RawRecord): void {
  const { state, around } = context;
  const decoded = decodeControl(record.payload);
  if (!decoded.ok) {
    state.tally.refused += 1;
    around.emit({ kind: "stream", streamId: record.stream.streamId, state: "refused", detail: decoded.fault.message, atSeq: record.seq });
    return;
  }
  const control = decoded.value;
  tell(context, control, record);
  dispatch(context, control, record);
}

function tell({ state, around }: ControlContext, control: ControlRecord, record: RawRecord): void {
  const told = laneEventOf(control);
  if (told === undefined) return;
  const atMs = correctedMs(record.recvNs, state.clockOf("venue" in control ? control.venue : ""));
  around.emit({ kind: "lane", event: { ...told, atMs, atSeq: record.seq } });
}

function foldsOf(state: CanonicalState, streams: readonly string[]): readonly FoldState[] {
  return streams.flatMap((id) => state.feeding.get(id) ?? []);
}

function dispatch(context: ControlContext, control: ControlRecord, record: RawRecord): void {
  const { state } = context;
  const { seq } = record;
  switch (control.kind) {
    case "config":
      configure(state, control.config, context.selection, context.around, seq);
      return;
    case "started":
      // A first start has no time before it that could be missing.
      if (control.downtime_from_ns !== 0n) {
        for (const fold of state.feeding.values()) restarted(fold, downtimeDetail(control), correctedMs(control.downtime_from_ns, fold.clock), seq);
      }
      return;
    case "connect":
      for (const fold of foldsOf(state, control.streams)) connected(fold, control.connection, seq);
      return;
    case "disconnect": {
      const detail = `connection ${control.connection} ended: ${control.cause}`;
      const lastSeq = state.coverages.get(control.connection)?.lastSeq ?? 0;
      for (const fold of foldsOf(state, control.streams)) {
        if (control.cause === STOPPED) stopped(fold, control.connection, detail);
        else disconnected(fold, { connection: control.connection, lastSeq }, { detail, atMs: correctedMs(record.recvNs, fold.clock) }, seq);
      }
      state.forgetConnection(control.connection);
      return;
    }
    case "stale":
      // What the venue does not have (any more) misses nothing, unless it had spoken before.
      doubtStream(state, control.stream_id, control.cause === "first-frame-deadline" ? "first_frame_deadline" : "silent", control.cause, record, !isRefused(control.cause));
      return;
    case "tick":
      state.clockOf(control.venue).offsetNs = control.offset_ns;
      for (const fold of state.feeding.values()) if (fold.instrument.venue === control.venue) ticked(fold, record.recvNs, control.error_ns, seq);
      return;
    case "host_slept":
      doubtAll(state, "host_slept", `${control.cause}: the wall clock jumped ${control.wall_jump_ms} ms`, record);
      return;
    case "backfill_begun":
      for (const fold of foldsOf(state, [control.stream_id])) backfillBegun(fold, askedOf(control), control.attempt, seq);
      return;
    case "backfill_done": {
      const done = { ...askedOf(control), attempt: control.attempt, outcome: control.outcome, detail: control.detail };
      for (const fold of foldsOf(state, [control.stream_id])) backfillDone(fold, done, seq);
      return;
    }
    case "quarantine":
      doubtStream(state, control.stream_id, "quarantine", `seq ${control.from_seq}…${control.to_seq} quarantined: ${control.cause}`, record);
      return;
    case "recovered":
      doubtAll(state, "lost_numbers", lost(control), record);
      return;
    case "reopen":
      for (const fold of foldsOf(state, [control.stream_id])) reopen(fold, control.reason, seq);
      return;
    case "end_of_input":
      for (const fold of state.feeding.values()) endOfInput(fold, seq);
      return;
    case "acknowledge":
      if (control.ok) for (const fold of foldsOf(state, control.streams)) acknowledged(fold, control.connection, seq);
      return;
    // A run that stopped goes on later: nothing is sealed. Subscriptions are events of the lane only.
    case "stopped":
    case "subscribe":
      return;
    default:
      unreachable(control);
  }
}

function askedOf(control: Extract<ControlRecord, { kind: "backfill_begun" | "backfill_done" }>): Asked {
  return { fromId: control.from_id, toId: control.to_id, fromMs: control.from_ms, toMs: control.to_ms };
}

function downtimeDetail(control: { readonly clean: boolean }): string {
  return control.clean ? "recording was stopped" : "recording ended without notice";
}

/** Words of collectors: the symbol is not traded, or the venue refused the subscription. */
function isRefused(cause: string): boolean {
  return cause === "dead-symbol" || cause.startsWith("rejected");
}

function doubtStream(state: CanonicalState, streamId: string, cause: GapCause, detail: string, record: RawRecord, always = true): void {
  for (const fold of foldsOf(state, [streamId])) {
    doubt(fold, { cause, detail, atMs: correctedMs(record.recvNs, fold.clock), always }, record.seq);
  }
}

function doubtAll(state: CanonicalState, cause: GapCause, detail: string, record: RawRecord): void {
  for (const fold of state.feeding.values()) doubt(fold, { cause, detail, atMs: correctedMs(record.recvNs, fold.clock) }, record.seq);
}
