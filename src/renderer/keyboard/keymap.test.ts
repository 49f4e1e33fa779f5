// The keys of the sheet: each means one thing, typing is left alone, widgets keep their arrows.
import { describe, expect, it } from "vitest";
import { actionFor, BINDINGS, type KeyPress } from "./keymap.ts";

function press(key: string, held: Partial<KeyPress> = {}): KeyPress {
  return { key, shift: false, alt: false, command: false, ...held };
}

describe("keys", () => {
  it.each([
    [press(" "), "play-pause"], [press("ArrowRight"), "event-forward"], [press("ArrowLeft", { shift: true }), "bar-back"],
    [press("ArrowRight", { alt: true }), "bars-forward"], [press("Home"), "to-start"], [press("End"), "to-end"], [press("l"), "live"], [press("g"), "go-to"],
    [press("b"), "bookmark"], [press("["), "slower"], [press("]"), "faster"], [press("i"), "inspector"], [press("/"), "find-symbol"],
    [press("k", { command: true }), "palette"], [press("?", { shift: true }), "keys"], [press("+", { shift: true }), "zoom-in"], [press("/", { shift: true }), "find-symbol"],
    [press("h"), "health"], [press("G", { shift: true }), "ledger"], [press("q"), "query"], [press("f"), "faults"], [press("m"), "dock-size"], [press("e"), "export"],
    [press("R", { shift: true }), "remote-resync"], [press("D", { shift: true }), "remote-disconnect"], [press("L", { shift: true }), "this-machine"], [press("S", { shift: true }), "share"],
  ] as const)("%j is %s", (key, action) => {
    expect(actionFor(key, "screen")).toBe(action);
  });

  it("mean one action each", () => {
    const names = BINDINGS.map(({ key, shift, alt, command }) => JSON.stringify([key, shift, alt, command]));
    expect(new Set(names).size).toBe(names.length);
  });

  it("with other modifiers are left to the browser", () => {
    expect(actionFor(press("l", { command: true }), "screen")).toBeUndefined();
    expect(actionFor(press("ArrowLeft", { command: true }), "screen")).toBeUndefined();
  });

  it("in a text field type, but for the palette and Escape", () => {
    expect([" ", "l", "ArrowLeft", "/"].map((key) => actionFor(press(key), "text"))).toEqual([undefined, undefined, undefined, undefined]);
    expect(actionFor(press("k", { command: true }), "text")).toBe("palette");
    expect(actionFor(press("Escape"), "text")).toBe("close");
  });

  it("that a slider, a menu or a focused button uses stay with it", () => {
    expect([actionFor(press("ArrowLeft"), "widget"), actionFor(press(" "), "widget"), actionFor(press(" "), "focused-button")]).toEqual([undefined, undefined, undefined]);
    expect(actionFor(press("ArrowLeft"), "focused-button")).toBe("event-back");
  });
});
