// Owns the moment up to which the shown tape is known: the cursor, or for a remote the end of its newest bar here.
import { INTERVAL_MS } from "../../shared/time.ts";
import { engineStore, isRemoteShown } from "./engine-state.ts";
import { viewStore } from "./view.ts";

/** Where a gap that is still open ends on screen. Undefined when nothing is known yet. */
export function knownUntilMs(): number | undefined {
  const state = engineStore.getState();
  if (!isRemoteShown(state)) return state.player?.point.knownMs;
  const { bars, series } = viewStore.getState();
  const lastMs = bars.columns.openMs[bars.length - 1];
  return lastMs === undefined || series === undefined ? undefined : lastMs + INTERVAL_MS[series.interval];
}
