// Owns how the mode is named and coloured: live, replay and simulated must never be mistaken for each other. Pure.
import type { Mode, PlayerMode } from "../../shared/protocol/frames.ts";

export type ModeName = "live" | "replay" | "simulated" | "replay-simulated";

/** What is on screen is live only while the player follows: paused a moment ago is a replay already. */
export function modeName(mode: Mode, playing: PlayerMode | undefined): ModeName {
  const isBehind = playing !== undefined && playing !== "following" && playing !== "opening";
  if (mode.replay || isBehind) return mode.simulated ? "replay-simulated" : "replay";
  return mode.simulated ? "simulated" : "live";
}

export const MODE_WORDS: Readonly<Record<ModeName, string>> = {
  "live": "LIVE", "replay": "REPLAY", "simulated": "SIMULATED", "replay-simulated": "REPLAY · SIMULATED",
};

export const MODE_EXPLAINED: Readonly<Record<ModeName, string>> = {
  "live": "The newest data of a real venue",
  "replay": "A moment of a recorded tape, not the present",
  "simulated": "The newest data of the built-in simulator: no real market",
  "replay-simulated": "A moment of a recorded tape of the built-in simulator: no real market",
};
