// Owns which key means which action. Pure: a key press and where it happened in, an action's name out.

export type ActionId =
  | "play-pause" | "event-forward" | "event-back" | "bar-forward" | "bar-back" | "bars-forward" | "bars-back" | "to-start" | "to-end"
  | "live" | "go-to" | "bookmark" | "slower" | "faster" | "inspector" | "find-symbol" | "palette" | "keys" | "close" | "theme" | "copy-cursor"
  | "recompute" | "zoom-in" | "zoom-out" | "newest" | "select-previous" | "select-next"
  | "settings" | "about" | "reset-layout" | "import" | "verify" | "record-start" | "record-stop" | "colours"
  | "remote-add" | "remote-resync" | "remote-disconnect" | "this-machine" | "share"
  | "health" | "ledger" | "query" | "faults" | "dock-size" | "export" | "pin" | "compact" | "retention";

export interface KeyPress {
  readonly key: string;
  readonly shift: boolean;
  readonly alt: boolean;
  /** Ctrl, or ⌘ on a Mac. */
  readonly command: boolean;
}

/** Where the focus stands, as far as it matters. `widget`: something that uses the arrow keys itself (slider, menu, separator). */
export type KeyPlace = "screen" | "text" | "widget" | "focused-button";

interface Binding { readonly id: ActionId; readonly key: string; readonly shift?: true; readonly alt?: true; readonly command?: true; readonly shown: string }

export const BINDINGS: readonly Binding[] = [
  { id: "play-pause", key: " ", shown: "Space" },
  { id: "event-forward", key: "ArrowRight", shown: "→" },
  { id: "event-back", key: "ArrowLeft", shown: "←" },
  { id: "bar-forward", key: "ArrowRight", shift: true, shown: "⇧ →" },
  { id: "bar-back", key: "ArrowLeft", shift: true, shown: "⇧ ←" },
  { id: "bars-forward", key: "ArrowRight", alt: true, shown: "Alt →" },
  { id: "bars-back", key: "ArrowLeft", alt: true, shown: "Alt ←" },
  { id: "to-start", key: "Home", shown: "Home" },
  { id: "to-end", key: "End", shown: "End" },
  { id: "live", key: "l", shown: "L" },
  { id: "go-to", key: "g", shown: "G" },
  { id: "bookmark", key: "b", shown: "B" },
  { id: "slower", key: "[", shown: "[" },
  { id: "faster", key: "]", shown: "]" },
  { id: "inspector", key: "i", shown: "I" },
  { id: "find-symbol", key: "/", shown: "/" },
  { id: "palette", key: "k", command: true, shown: "Ctrl K" },
  { id: "keys", key: "?", shown: "?" },
  { id: "copy-cursor", key: "c", shown: "C" },
  { id: "recompute", key: "r", shown: "R" },
  { id: "select-previous", key: ",", shown: "," },
  { id: "select-next", key: ".", shown: "." },
  { id: "zoom-in", key: "+", shown: "+" },
  { id: "zoom-out", key: "-", shown: "−" },
  { id: "newest", key: "n", shown: "N" },
  { id: "remote-resync", key: "r", shift: true, shown: "⇧ R" },
  { id: "remote-disconnect", key: "d", shift: true, shown: "⇧ D" },
  { id: "this-machine", key: "l", shift: true, shown: "⇧ L" },
  { id: "share", key: "s", shift: true, shown: "⇧ S" },
  { id: "health", key: "h", shown: "H" },
  { id: "ledger", key: "g", shift: true, shown: "⇧ G" },
  { id: "query", key: "q", shown: "Q" },
  { id: "faults", key: "f", shown: "F" },
  { id: "dock-size", key: "m", shown: "M" },
  { id: "export", key: "e", shown: "E" },
  { id: "theme", key: "t", shown: "T" },
  { id: "close", key: "Escape", shown: "Esc" },
];

/** Keys whose character needs Shift on some layouts: there Shift is part of the character, not of the binding. */
const SHIFT_FREE = new Set(["?", "+", "/", "[", "]"]);
const USED_BY_WIDGETS = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", " ", "Enter"]);

export function actionFor(press: KeyPress, place: KeyPlace): ActionId | undefined {
  const key = press.key.length === 1 ? press.key.toLowerCase() : press.key;
  const binding = BINDINGS.find((one) =>
    one.key === key && (one.alt ?? false) === press.alt && (one.command ?? false) === press.command
    && ((one.shift ?? false) === press.shift || SHIFT_FREE.has(key)));
  if (binding === undefined) return undefined;
  if (place === "text") return binding.command === true || binding.id === "close" ? binding.id : undefined;
  if (place === "widget" && USED_BY_WIDGETS.has(key)) return undefined;
  if (place === "focused-button" && key === " ") return undefined;
  return binding.id;
}

export function shownKeys(id: ActionId): string | undefined {
  return BINDINGS.find((binding) => binding.id === id)?.shown;
}
