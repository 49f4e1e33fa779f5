// Where a window opens when the displays are no longer those it was left on.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { placeWindow, readWindowState, writeWindowState } from "./window-state.ts";

const left = { x: 0, y: 0, width: 1920, height: 1080 };
const right = { x: 1920, y: 0, width: 2560, height: 1440 };
const state = { x: 2000, y: 100, width: 1500, height: 1000, maximized: false };

describe("placeWindow", () => {
  it("opens at the default size where the system likes it, the first time", () => {
    expect(placeWindow(undefined, [left])).toEqual({ width: 1440, height: 900 });
  });

  it("opens where it was left while that display is there", () => {
    expect(placeWindow(state, [left, right])).toEqual({ x: 2000, y: 100, width: 1500, height: 1000 });
  });

  it("keeps only the size, fitted, when the display is gone", () => {
    expect(placeWindow(state, [left])).toEqual({ width: 1500, height: 1000 });
    expect(placeWindow(state, [{ x: 0, y: 0, width: 1280, height: 720 }])).toEqual({ width: 1280, height: 720 });
  });

  it.each([
    ["above the top", { ...state, x: 100, y: -50 }],
    ["below the bottom", { ...state, x: 100, y: 1060 }],
    ["all but a sliver to the left", { ...state, x: -1450, y: 100 }],
    ["all but a sliver to the right", { ...state, x: 1850, y: 100 }],
  ])("does not open with its title bar out of reach: %s", (_name, where) => {
    expect(placeWindow(where, [left])).toEqual({ width: 1500, height: 1000 });
  });

  it("is never smaller than the screen can be laid out", () => {
    expect(placeWindow({ ...state, width: 10, height: 10 }, [])).toEqual({ width: 960, height: 600 });
  });
});

describe("the file", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "tapedeck-window-"));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it("keeps a state, in a folder that it makes", () => {
    const file = join(folder, "profile/window.json");
    expect(readWindowState(file)).toBeUndefined();
    writeWindowState(file, state);
    expect(readWindowState(file)).toEqual(state);
  });

  it.each(["", "{", "[]", '{"x":1}', '{"x":1,"y":1,"width":-5,"height":1,"maximized":false}'])("does as if there were none when it says %j", (text) => {
    const file = join(folder, "window.json");
    writeFileSync(file, text);
    expect(readWindowState(file)).toBeUndefined();
  });
});
