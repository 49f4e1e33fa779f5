// Owns the attributes on the root element that colour everything: mode, theme, colour pair.
import { modeName } from "../panels/mode.ts";
import { engineStore } from "../store/engine-state.ts";
import { screenStore } from "../store/screen.ts";

/**
 * Started before anything draws, so that canvases that read the colours after a change find the new ones. On the root,
 * so that portals (menus, dialogs) take the same colours.
 */
export function colourScreen(root: HTMLElement): void {
  const setMode = (): void => { root.dataset["mode"] = modeName(engineStore.getState().mode, engineStore.getState().player?.mode); };
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
  screenStore.subscribe(setTheme);
  setMode();
  setTheme();
}
