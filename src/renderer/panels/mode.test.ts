// Live, replay and simulated are never mistaken for each other.
import { describe, expect, it } from "vitest";
import { MODE_WORDS, modeName } from "./mode.ts";

describe("the mode", () => {
  it.each([
    [false, false, "following", "LIVE"], [true, false, "following", "SIMULATED"], [true, false, "opening", "SIMULATED"], [false, true, "paused", "REPLAY"],
    [false, false, "paused", "REPLAY"], [true, false, "playing", "REPLAY · SIMULATED"], [true, true, "following", "REPLAY · SIMULATED"],
  ] as const)("simulated %s, replay %s, player %s is %s", (simulated, replay, player, words) => {
    expect(MODE_WORDS[modeName({ simulated, replay }, player)]).toBe(words);
  });
});
