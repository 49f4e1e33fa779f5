// The Electron shell: one instance, one window, one engine, from start to the sealed end. Electron itself is handed in.
import { join } from "node:path";
import { FaultError } from "../../../shared/base.ts";
import { CHANNELS, type ThemeChoice } from "../../../shared/protocol/preload.ts";
import type { ClientPort } from "../../engine/client-port.ts";
import type { ScreenFiles } from "../screen-files.ts";
import { menuItems, showAbout } from "./about.ts";
import { APP_PAGE, registerAppScheme, serveApp } from "./app-protocol.ts";
import type { ElectronApi, ElectronWindow, IpcSender } from "./electron-api.ts";
import { enginePort } from "./engine-port.ts";
import { isTrusted, lockContents, lockSession } from "./lockdown.ts";
import { placeWindow, readWindowState, WINDOW_MINIMUM, writeWindowState } from "./window-state.ts";

/** A segment is sealed well within this; after it the next start recovers what is left open. */
const CLOSE_DEADLINE_MS = 30_000;
// A screen that keeps crashing is not started again by itself.
const CRASHES_MAX = 3;
const CRASH_WINDOW_MS = 60_000;
const NOTICES_MAX = 20;
const THEMES: readonly unknown[] = ["system", "dark", "light"] satisfies ThemeChoice[];
const BACKGROUND = { dark: "#0e1116", light: "#ffffff" } as const;

export interface ShellEngine {
  attach(port: ClientPort): void;
  close(reason: string): Promise<void>;
}

export interface ElectronShellOptions {
  readonly api: ElectronApi;
  readonly version: string;
  readonly isMac: boolean;
  /** Chromium's profile and the window's place. One per data folder, and with it the single-instance lock. */
  readonly profileFolder: string;
  readonly preload: string;
  loadScreen(): Promise<ScreenFiles>;
  startEngine(): Promise<ShellEngine>;
  monotonicMs(): number;
  /** Runs once after the delay; calling the returned function cancels. */
  after(delayMs: number, run: () => void): () => void;
  note(line: string): void;
}

export class ElectronShell {
  readonly #options: ElectronShellOptions;
  readonly #api: ElectronApi;
  readonly #windowFile: string;
  #engine: Promise<ShellEngine> | undefined;
  #window: ElectronWindow | undefined;
  #closing = false;
  #crashes: number[] = [];
  #notices: string[] = [];
  #wantsNotices = false;

  private constructor(options: ElectronShellOptions) {
    this.#options = options;
    this.#api = options.api;
    this.#windowFile = join(options.profileFolder, "window.json");
  }

  /**
   * Starts the shell; resolves once the window is loading. Call it while the entry module is being evaluated: schemes and
   * paths can be set only before Electron is ready, and Electron is not ready before that module is done, so never await it there.
   */
  static async start(options: ElectronShellOptions): Promise<void> {
    const { app } = options.api;
    if (!app.commandLine.hasSwitch("user-data-dir")) app.setPath("userData", options.profileFolder);
    if (!app.requestSingleInstanceLock()) {
      options.note("Tapedeck is already open on this data folder; its window was brought to the front");
      app.exit(0);
      return;
    }
    const shell = new ElectronShell(options);
    registerAppScheme(options.api.protocol);
    shell.#listenToApp();
    await app.whenReady();
    await shell.#open();
  }

  #listenToApp(): void {
    const { app } = this.#api;
    app.on("web-contents-created", (_event, contents) => {
      lockContents(contents, (url) => {
        void this.#perform(this.#api.shell.openExternal(url));
      });
    });
    app.on("second-instance", () => {
      this.#bringToFront();
    });
    // A recording that nobody sees is what the `record` command is for: closing the window ends this one, in order.
    app.on("window-all-closed", () => {
      app.quit();
    });
    app.on("before-quit", (event) => {
      event.preventDefault();
      void this.#close();
    });
  }

  async #open(): Promise<void> {
    const api = this.#api;
    lockSession(api.session);
    api.setApplicationMenu(menuItems({
      isMac: this.#options.isMac,
      about: () => {
        void this.#perform(showAbout(api, this.#options.version));
      },
    }));
    this.#listenToPage();
    try {
      serveApp(api.protocol, await this.#options.loadScreen());
      // The window loads while the engine starts; the page's wish for a port waits for it.
      this.#engine = this.#options.startEngine();
      this.#openWindow();
      await this.#engine;
      api.powerSaveBlocker.start("prevent-app-suspension");
    } catch (error) {
      if (this.#closing) return;
      api.dialog.showErrorBox("Tapedeck cannot start", messageOf(error));
      api.app.exit(1);
    }
  }

  // ── window ─────────────────────────────────────────────────────────────────

  #openWindow(): void {
    const state = readWindowState(this.#windowFile);
    const window = this.#api.createWindow({
      ...placeWindow(state, this.#api.screen.getAllDisplays().map(({ workArea }) => workArea)),
      minWidth: WINDOW_MINIMUM.width,
      minHeight: WINDOW_MINIMUM.height,
      title: "Tapedeck",
      show: false,
      backgroundColor: BACKGROUND[this.#api.nativeTheme.shouldUseDarkColors ? "dark" : "light"],
      autoHideMenuBar: true,
      webPreferences: {
        preload: this.#options.preload,
        contextIsolation: true,
        sandbox: true,
        nodeIntegration: false,
        nodeIntegrationInWorker: false,
        nodeIntegrationInSubFrames: false,
        webSecurity: true,
        allowRunningInsecureContent: false,
        webviewTag: false,
        navigateOnDragDrop: false,
        spellcheck: false,
      },
    });
    this.#window = window;
    window.on("ready-to-show", () => {
      if (state?.maximized === true) window.maximize();
      window.show();
    });
    window.on("close", () => {
      this.#keepWindowState(window);
    });
    window.on("closed", () => {
      if (this.#window === window) this.#window = undefined;
    });
    window.webContents.on("did-start-loading", () => {
      this.#wantsNotices = false;
    });
    window.webContents.on("render-process-gone", (_event, { reason, exitCode }) => {
      void this.#perform(this.#onScreenGone(window, `${reason}, exit code ${exitCode}`));
    });
    void this.#perform(window.loadURL(APP_PAGE));
  }

  #bringToFront(): void {
    const window = this.#window;
    if (window === undefined) return;
    if (window.isMinimized()) window.restore();
    window.show();
    window.focus();
  }

  #keepWindowState(window: ElectronWindow): void {
    try {
      const { x, y, width, height } = window.getNormalBounds();
      writeWindowState(this.#windowFile, { x, y, width, height, maximized: window.isMaximized() });
    } catch (error) {
      this.#options.note(`the window's place could not be kept: ${messageOf(error)}`);
    }
  }

  /** The engine goes on recording whatever happens to the screen. */
  async #onScreenGone(window: ElectronWindow, why: string): Promise<void> {
    if (this.#closing || window.isDestroyed()) return;
    const now = this.#options.monotonicMs();
    this.#crashes = [...this.#crashes.filter((at) => now - at < CRASH_WINDOW_MS), now];
    this.#options.note(`the screen ended (${why}); recording goes on`);
    if (this.#crashes.length > CRASHES_MAX && !(await this.#askToReload(why))) {
      this.#api.app.quit();
      return;
    }
    if (window.isDestroyed()) return;
    this.#notice(`The screen ended unexpectedly (${why}) and was started again. The recording was not interrupted.`);
    window.webContents.reload();
  }

  async #askToReload(why: string): Promise<boolean> {
    const { response } = await this.#api.dialog.showMessageBox({
      type: "error",
      title: "Tapedeck",
      message: "The screen keeps ending unexpectedly",
      detail: `Last reason: ${why}. The recording goes on meanwhile.`,
      buttons: ["Start the screen again", "Stop recording and quit"],
      defaultId: 0,
      cancelId: 0,
    });
    if (response === 0) this.#crashes = [];
    return response === 0;
  }

  #notice(text: string): void {
    this.#notices = [...this.#notices, text].slice(-NOTICES_MAX);
    this.#sendNotices();
  }

  #sendNotices(): void {
    if (!this.#wantsNotices || this.#window === undefined) return;
    for (const text of this.#notices.splice(0)) this.#window.webContents.send(CHANNELS.notice, text);
  }

  // ── the page's wishes ──────────────────────────────────────────────────────

  #listenToPage(): void {
    const { ipcMain, nativeTheme } = this.#api;
    this.#onPage(CHANNELS.connect, () => {
      void this.#connect();
    });
    this.#onPage(CHANNELS.wantNotices, () => {
      this.#wantsNotices = true;
      this.#sendNotices();
    });
    this.#onPage(CHANNELS.setTheme, (theme) => {
      if (THEMES.includes(theme)) nativeTheme.themeSource = theme as ThemeChoice;
    });
    ipcMain.handle(CHANNELS.pickFiles, async (event) => (this.#isFromOurPage(event) ? this.#pickFiles() : []));
  }

  #onPage(channel: string, listener: (argument: unknown) => void): void {
    this.#api.ipcMain.on(channel, (event, argument) => {
      if (this.#isFromOurPage(event)) listener(argument);
    });
  }

  #isFromOurPage(event: IpcSender): boolean {
    if (isTrusted(event, this.#window?.webContents)) return true;
    this.#options.note(`ignored a message from ${event.senderFrame?.url ?? "a page that is gone"}`);
    return false;
  }

  async #connect(): Promise<void> {
    let engine: ShellEngine | undefined;
    try {
      engine = await this.#engine;
    } catch {
      // Told by #open, which ends the program.
      return;
    }
    const window = this.#window;
    if (engine === undefined || window === undefined || this.#closing) return;
    const { port1, port2 } = this.#api.createMessageChannel();
    engine.attach(enginePort(port1, (line) => {
      this.#options.note(line);
    }));
    window.webContents.postMessage(CHANNELS.port, undefined, [port2]);
  }

  async #pickFiles(): Promise<readonly string[]> {
    const { canceled, filePaths } = await this.#api.showOpenDialog({ title: "Import captures", properties: ["openFile", "multiSelections"] });
    return canceled ? [] : filePaths;
  }

  // ── the end ────────────────────────────────────────────────────────────────

  async #close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    if (this.#window !== undefined) {
      this.#keepWindowState(this.#window);
      this.#window.hide();
    }
    const { app } = this.#api;
    const cancel = this.#options.after(CLOSE_DEADLINE_MS, () => {
      this.#options.note("the recording could not be sealed in time; the next start recovers it");
      app.exit(1);
    });
    try {
      await (await this.#engine)?.close("the app was closed");
      app.exit(0);
    } catch (error) {
      this.#options.note(messageOf(error));
      app.exit(1);
    } finally {
      cancel();
    }
  }

  /** For what is started by an event and waited for by nobody: trouble is said, never swallowed. */
  async #perform(work: Promise<unknown>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.#options.note(messageOf(error));
    }
  }
}

function messageOf(error: unknown): string {
  if (error instanceof FaultError) return error.fault.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
