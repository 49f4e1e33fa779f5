// Owns the attributes on the root element that colour everything: mode, kind of tape, theme, colour pair.
import { modeOnScreen } from "../panels/mode.ts";
import { engineStore } from "../store/engine-state.ts";
import { screenStore } from "../store/screen.ts";
import { viewStore } from "../store/view.ts";

/**
 * Started before anything draws, so that canvases that read the colours after a change find the new ones. On the root,
 * so that portals (menus, dialogs) take the same colours.
 */
export function colourScreen(root: HTMLElement): void {
  const setMode = (): void => {
    const state = engineStore.getState();
    root.dataset["mode"] = modeOnScreen(state, viewStore.getState().series);
    root.dataset["tape"] = state.tape?.kind ?? "none";
  };
  let isShellTold = false;
  const setTheme = (): void => {
    const { theme, pair } = screenStore.getState();
    // The title bar and the menus of the Electron shell follow.
    if (root.dataset["theme"] !== theme || !isShellTold) window.tapedeck?.setTheme(theme);
    isShellTold = true;
    if (root.dataset["theme"] !== theme) window.tapedeck?.setTheme(theme);
    root.dataset["theme"] = theme;
    root.dataset["pair"] = pair;
  };
  engineStore.subscribe(setMode);
  viewStore.subscribe((state, before) => {
    if (state.series !== before.series) setMode();
  });
  screenStore.subscribe(setTheme);
  setMode();
  setTheme();
}
