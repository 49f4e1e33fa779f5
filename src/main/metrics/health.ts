// One colour for everything that serves, with the reasons: what a load balancer, a script or a person asks first. Pure.
import type { Observations } from "./observations.ts";

export type HealthColour = "GREEN" | "AMBER" | "RED";

export interface Health {
  /** RED: nothing is served, or nothing is recorded any more. AMBER: it is served, but somebody should look. */
  readonly status: HealthColour;
  /** Worst first; empty when GREEN. */
  readonly reasons: readonly string[];
  readonly version: string;
  readonly uptime_ms: number;
  readonly mode: string | null;
  readonly history_id: string | null;
  readonly streams: number;
  readonly clients: number;
  readonly recording: {
    readonly capture_id: string; readonly messages: number; readonly durable_seq: number; readonly derived_seq: number; readonly gaps_open: number;
  } | null;
}

interface Finding { readonly colour: "AMBER" | "RED"; readonly reason: string }

function findings({ serving, bridge, recording }: Observations): readonly Finding[] {
  const found: Finding[] = [];
  if (serving === "gone") found.push({ colour: "RED", reason: "the bridge is not served any more: its process ended too often" });
  if (serving === "restarting") found.push({ colour: "AMBER", reason: "the bridge's process ended and is being started again" });
  if (bridge !== undefined && bridge.status !== "GREEN") found.push({ colour: bridge.status, reason: `bridge: ${bridge.detail}` });
  if (recording?.halted !== undefined) found.push({ colour: "RED", reason: `recording stopped: ${recording.halted}` });
  for (const { venue, state, detail } of recording?.sources ?? []) {
    if (state !== "live" && state !== "off") found.push({ colour: "AMBER", reason: `${venue} is ${state}${detail === "" ? "" : `: ${detail}`}` });
  }
  if (recording !== undefined && recording.gapsOpen > 0) found.push({ colour: "AMBER", reason: `${recording.gapsOpen} gaps are open` });
  return found;
}

export function healthOf(observations: Observations): Health {
  const { bridge, recording, version, uptimeMs } = observations;
  const found = findings(observations);
  const worst = found.some(({ colour }) => colour === "RED") ? "RED" : found.length > 0 ? "AMBER" : "GREEN";
  const sorted = [...found.filter(({ colour }) => colour === "RED"), ...found.filter(({ colour }) => colour === "AMBER")];
  return {
    status: worst, reasons: sorted.map(({ reason }) => reason), version, uptime_ms: Math.round(uptimeMs), mode: bridge?.mode ?? null,
    history_id: bridge?.history.historyId ?? null, streams: bridge?.streams.length ?? 0, clients: bridge?.clients.length ?? 0,
    recording: recording === undefined ? null : {
      capture_id: recording.captureId, messages: recording.messages, durable_seq: recording.durableSeq, derived_seq: recording.derivedSeq, gaps_open: recording.gapsOpen,
    },
  };
}
