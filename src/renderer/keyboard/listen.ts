// Owns the one key listener of the screen: where the focus stands decides who gets the key.
import { act } from "./actions.ts";
import { actionFor, type KeyPlace } from "./keymap.ts";

const TEXT = "input, textarea, select, [contenteditable=true]";
const WIDGET = "[role=menu], [role=listbox], [role=tablist], [role=slider], [role=separator], [role=radiogroup], [role=grid]";

function placeOf(target: EventTarget | null): KeyPlace {
  if (!(target instanceof Element)) return "screen";
  if (target.closest(TEXT) !== null) return "text";
  if (target.closest("[role=dialog]") !== null || target.closest(WIDGET) !== null) return "widget";
  // A button that was clicked keeps the focus, but Space then still means play; one reached by Tab takes Space itself.
  return target.closest("button, a, summary") !== null && target.matches(":focus-visible") ? "focused-button" : "screen";
}

export function listenToKeys(): () => void {
  const onKey = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.isComposing) return;
    const id = actionFor({ key: event.key, shift: event.shiftKey, alt: event.altKey, command: event.ctrlKey || event.metaKey }, placeOf(event.target));
    if (id === undefined) return;
    // Escape still reaches dialogs and menus, which close themselves.
    if (id !== "close") event.preventDefault();
    act(id);
  };
  window.addEventListener("keydown", onKey);
  return () => window.removeEventListener("keydown", onKey);
}
