// What the Electron preload gives the page, and the names under which preload, page and main process meet. Pure.

export type ThemeChoice = "system" | "dark" | "light";

/** `window.tapedeck`. Absent in the browser shell: its presence tells the shells apart. */
export interface PreloadApi {
  readonly shell: "electron";
  /** The system's file dialog; empty when cancelled. */
  pickFiles(): Promise<readonly string[]>;
  /** Colours of what the page does not draw: title bar, menus, scroll bars, the window before its first paint. */
  setTheme(theme: ThemeChoice): void;
  /** One-line notices from the shell ("the screen stopped and was started again"), also those from before the page. Returns how to stop. */
  onNotice(listener: (text: string) => void): () => void;
}

/** `window.postMessage` within the page: it asks, the preload answers with the engine's MessagePort as `ports[0]`. */
export const PAGE_READY = "tapedeck.ready";
export const PAGE_PORT = "tapedeck.port";

/** IPC between preload and main process. */
export const CHANNELS = {
  connect: "tapedeck.connect",
  port: "tapedeck.port",
  pickFiles: "tapedeck.pick-files",
  setTheme: "tapedeck.set-theme",
  wantNotices: "tapedeck.want-notices",
  notice: "tapedeck.notice",
} as const;
