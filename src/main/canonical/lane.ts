// Control records as events for the screen's connection lane. Pure.
import type { LaneEvent } from "../../shared/candles.ts";
import type { ControlRecord } from "../../shared/control.ts";
import { formatUtcMs } from "../../shared/time.ts";

type Told = Omit<LaneEvent, "atMs" | "atSeq">;

/** Undefined for records that are no event for people: ticks, configuration. */
export function laneEventOf(control: ControlRecord): Told | undefined {
  switch (control.kind) {
    case "config":
    case "tick":
      return undefined;
    case "connect":
      return { kind: "connect", venue: control.venue, connection: control.connection, detail: `${control.url}: ${control.streams.length} streams` };
    case "subscribe":
      return { kind: "subscribe", venue: control.venue, connection: control.connection, detail: control.streams.join(" ") };
    case "acknowledge":
      return { kind: control.ok ? "acknowledge" : "rejected", venue: control.venue, connection: control.connection, detail: control.detail };
    case "stale":
      return { kind: "stale", venue: control.venue, connection: control.connection, detail: `${control.stream_id}: ${control.cause}` };
    case "disconnect": {
      const detail = `${control.cause} (code ${control.code})${control.detail === "" ? "" : `: ${control.detail}`}`;
      return { kind: "disconnect", venue: control.venue, connection: control.connection, detail };
    }
    case "started":
      return own("started", `version ${control.version}, ${control.clean ? "the run before ended cleanly" : "the run before did not end cleanly"}`);
    case "stopped":
      return own("stopped", control.reason);
    case "host_slept":
      return own("host_slept", `wall clock jumped ${control.wall_jump_ms} ms: ${control.cause}`);
    case "backfill_begun":
      return own("backfill_begun", `${control.stream_id} ${rangeText(control)}, attempt ${control.attempt}`);
    case "backfill_done":
      return own("backfill_done", `${control.stream_id} ${rangeText(control)}: ${control.outcome}. ${control.detail}`);
    case "quarantine":
      return own("quarantine", `${control.stream_id} seq ${control.from_seq}…${control.to_seq}: ${control.cause}`);
    case "recovered":
      return own("recovered", `${control.cause}: ${control.cut_bytes} bytes cut, kept in ${control.aside}; ${lost(control)}`);
    case "reopen":
      return own("reopen", `${control.stream_id}: ${control.reason}`);
    case "end_of_input":
      return own("end_of_input", control.reason);
  }
}

function rangeText(asked: Extract<ControlRecord, { kind: "backfill_begun" | "backfill_done" }>): string {
  if (asked.from_id !== undefined) return `ids ${asked.from_id}…${asked.to_id ?? ""}`;
  return asked.from_ms === undefined || asked.to_ms === undefined ? "of no range" : `${formatUtcMs(asked.from_ms)}…${formatUtcMs(asked.to_ms)}`;
}

function own(kind: string, detail: string): Told {
  return { kind, venue: "tapedeck", connection: "tapedeck", detail };
}

export function lost(control: { readonly lost_from_seq: number; readonly lost_to_seq: number }): string {
  const count = control.lost_to_seq - control.lost_from_seq + 1;
  // Reserved ahead of time: whether messages had these numbers, nobody knows.
  return count <= 0 ? "no number is missing" : `numbers ${control.lost_from_seq}…${control.lost_to_seq} were reserved and are not in the log`;
}
