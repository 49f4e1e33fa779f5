// Owns how the mode is named and coloured: live, replay and simulated must never be mistaken for each other, of this machine or of a remote. Pure.
import type { Mode, PlayerMode, RemoteState } from "../../shared/protocol/frames.ts";
import type { EngineState } from "../store/engine-state.ts";
import { shownRemote } from "../store/engine-state.ts";
import type { ShownSeries } from "../store/view.ts";
import { seriesOf, standingOf } from "../remote/words.ts";

export type ModeName = "live" | "replay" | "simulated" | "replay-simulated" | "not-live";

/** What a remote says of itself, and how well it is heard. `mode` undefined: it has not said yet. */
export interface RemoteHeard { readonly mode: "live" | "replay" | "simulated" | undefined; readonly state: RemoteState }

/** What is on screen is live only while the player follows: paused a moment ago is a replay already. A remote's is live only while it is heard. */
export function modeName(mode: Mode, playing: PlayerMode | undefined, remote?: RemoteHeard): ModeName {
  if (mode.remote !== undefined && (remote?.mode === undefined || (remote.mode === "live" && remote.state !== "live"))) return "not-live";
  const isBehind = playing !== undefined && playing !== "following" && playing !== "opening";
  if (mode.replay || isBehind) return mode.simulated ? "replay-simulated" : "replay";
  return mode.simulated ? "simulated" : "live";
}

export function modeOnScreen(state: EngineState, series: ShownSeries | undefined): ModeName {
  if (state.mode.remote === undefined) return modeName(state.mode, state.player?.mode);
  const remote = shownRemote(state);
  return modeName(state.mode, undefined, { mode: remote?.mode, state: standingOf(remote, seriesOf(remote, series)).state });
}

export const MODE_WORDS: Readonly<Record<ModeName, string>> = {
  "live": "LIVE", "replay": "REPLAY", "simulated": "SIMULATED", "replay-simulated": "REPLAY · SIMULATED", "not-live": "NOT LIVE",
};

export const MODE_EXPLAINED: Readonly<Record<ModeName, string>> = {
  "live": "The newest data of a real venue",
  "replay": "A moment of a recorded tape, not the present",
  "simulated": "The newest data of the built-in simulator: no real market",
  "replay-simulated": "A moment of a recorded tape of the built-in simulator: no real market",
  "not-live": "The remote is not heard, or not up to date: these are not the newest data",
};
