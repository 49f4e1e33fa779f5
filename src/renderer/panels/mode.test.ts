// Live, replay and simulated are never mistaken for each other.
import { describe, expect, it } from "vitest";
import { MODE_WORDS, modeName, type RemoteHeard } from "./mode.ts";

describe("the mode", () => {
  it.each([
    [false, false, "following", "LIVE"], [true, false, "following", "SIMULATED"], [true, false, "opening", "SIMULATED"], [false, true, "paused", "REPLAY"],
    [false, false, "paused", "REPLAY"], [true, false, "playing", "REPLAY · SIMULATED"], [true, true, "following", "REPLAY · SIMULATED"],
  ] as const)("simulated %s, replay %s, player %s is %s", (simulated, replay, player, words) => {
    expect(MODE_WORDS[modeName({ simulated, replay }, player)]).toBe(words);
  });

  it.each([
    ["live", "live", "LIVE"], ["live", "warming", "NOT LIVE"], ["live", "reconnecting", "NOT LIVE"], ["live", "stale", "NOT LIVE"], [undefined, "connecting", "NOT LIVE"],
    ["replay", "live", "REPLAY"], ["replay", "reconnecting", "REPLAY"], ["simulated", "live", "SIMULATED"], ["simulated", "off", "SIMULATED"],
  ] as const)("of a remote that is %s and %s is %s", (mode, state, words) => {
    const heard: RemoteHeard = { mode, state };
    expect(MODE_WORDS[modeName({ simulated: mode === "simulated", replay: mode === "replay", remote: "desk" }, undefined, heard)]).toBe(words);
  });
});
