// What is typed into the palette finds the action that is called so, before those that only mention it.
import { describe, expect, it } from "vitest";
import { actionScore } from "./score.ts";

const TITLES: readonly (readonly [title: string, keywords: readonly string[]])[] = [
  ["Theme: dark or light", ["colour", "Screen"]], ["Other up and down colours", ["Screen"]], ["Health", ["streams", "Panels"]], ["Query", ["sql", "Panels"]],
  ["Stop recording", ["Tape"]], ["Start recording", ["Tape"]], ["Recompute the selected bar", ["Chart"]], ["Add a remote source…", ["Remote"]], ["fault disconnect", ["connections are closed"]],
];

function best(search: string): string | undefined {
  const fits = TITLES.map(([title, keywords]) => ({ title, score: actionScore(title, search, keywords) })).filter(({ score }) => score > 0);
  return fits.sort((a, b) => b.score - a.score)[0]?.title;
}

describe("the palette", () => {
  it.each([
    ["theme", "Theme: dark or light"], ["dark", "Theme: dark or light"], ["light", "Theme: dark or light"], ["colours", "Other up and down colours"], ["sql", "Query"], ["heal", "Health"],
    ["stop rec", "Stop recording"], ["fault disc", "fault disconnect"], ["recomp", "Recompute the selected bar"],
  ])("finds by %j %j first", (search, title) => {
    expect(best(search)).toBe(title);
  });

  it("finds nothing by what nothing is called", () => {
    expect(best("zebra")).toBeUndefined();
    expect(actionScore("Stop recording", "stop zebra")).toBe(0);
  });

  it("shows everything while nothing is typed", () => {
    expect(TITLES.every(([title]) => actionScore(title, " ") === 1)).toBe(true);
  });
});
