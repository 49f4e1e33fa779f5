// The sentence with which a shell says on its first line what it does.
import type { Engine } from "../../engine/engine.ts";

export interface Recorded {
  readonly recording: Pick<NonNullable<Engine["recording"]>, "captureId" | "sources"> | undefined;
  readonly recordingFault: Engine["recordingFault"];
}

export function describeRecording({ recording, recordingFault }: Recorded, dataFolder: string): string {
  if (recording === undefined) return `is NOT recording (${recordingFault?.message ?? "no reason known"}), data in ${dataFolder}`;
  const sources = recording.sources.map(({ venue, simulated }) => (simulated ? `${venue} (SIMULATED)` : venue));
  return `records ${sources.join(", ")} into capture ${recording.captureId}, data in ${dataFolder}`;
}
