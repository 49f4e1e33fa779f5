// One colour for everything that runs here, with the reasons: what a load balancer, a script or a person asks first. Pure.
import type { HealthColour } from "../../shared/protocol/health.ts";
import type { Observations } from "./observations.ts";

/** The answer at /health; `null` is not known, or not there. */
export interface Health {
  /** RED: nothing is served, or nothing is recorded any more. AMBER: it goes on, but somebody should look. */
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
  readonly disk: {
    readonly state: string; readonly free_bytes: number | null; readonly bytes_per_hour: number | null; readonly hours_to_full: number | null;
  } | null;
}

interface Finding { readonly colour: "AMBER" | "RED"; readonly text: string }

function findings({ serving, health }: Observations): readonly Finding[] {
  const found: Finding[] = [];
  if (serving?.state === "gone") found.push({ colour: "RED", text: "the bridge is not served any more: its process ended too often" });
  if (serving?.state === "restarting") found.push({ colour: "AMBER", text: "the bridge's process ended and is being started again" });
  const bridge = serving?.bridge;
  if (bridge !== undefined && bridge.status !== "GREEN") found.push({ colour: bridge.status, text: `bridge: ${bridge.detail}` });
  return [...found, ...(health?.reasons ?? [])];
}

export function healthOf(observations: Observations): Health {
  const { serving, recording, health, version, uptimeMs } = observations;
  const found = findings(observations);
  const sorted = [...found.filter(({ colour }) => colour === "RED"), ...found.filter(({ colour }) => colour === "AMBER")];
  const bridge = serving?.bridge;
  const disk = health?.disk;
  return {
    status: sorted[0]?.colour ?? "GREEN", reasons: sorted.map(({ text }) => text), version, uptime_ms: Math.round(uptimeMs), mode: bridge?.mode ?? null,
    history_id: bridge?.history.historyId ?? null, streams: bridge?.streams.length ?? 0, clients: bridge?.clients.length ?? 0,
    recording: recording === undefined ? null : {
      capture_id: recording.captureId, messages: recording.messages, durable_seq: recording.durableSeq, derived_seq: recording.derivedSeq, gaps_open: recording.gapsOpen,
    },
    disk: disk === undefined ? null : {
      state: disk.state, free_bytes: disk.freeBytes ?? null, bytes_per_hour: disk.bytesPerHour ?? null, hours_to_full: disk.hoursToFull ?? null,
    },
  };
}
