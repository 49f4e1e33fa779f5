// The sentence with which a shell says on its first line what it does.
import type { Engine } from "../../engine/engine.ts";

export interface Announced {
  readonly engine: { readonly recording: Pick<NonNullable<Engine["recording"]>, "captureId"> | undefined; readonly recordingFault: Engine["recordingFault"] };
  /** Venue words of the command line; empty means the simulator. */
  readonly venues: readonly string[];
  readonly dataFolder: string;
}

export function describeRecording({ engine, venues, dataFolder }: Announced): string {
  const { recording, recordingFault } = engine;
  if (recording === undefined) return `is NOT recording (${recordingFault?.message ?? "no reason known"}), data in ${dataFolder}`;
  const sources = (venues.length === 0 ? ["sim"] : venues).map((venue) => (venue === "sim" ? "sim (SIMULATED)" : venue));
  return `records ${sources.join(", ")} into capture ${recording.captureId}, data in ${dataFolder}`;
}
