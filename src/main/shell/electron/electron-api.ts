// The part of Electron that we use, as an interface: index.ts hands in the real one, contract tests a fake.
// Nothing here or below imports electron: under plain Node that import would start a download.
import type { ThemeChoice } from "../../../shared/protocol/preload.ts";

export interface Cancellable {
  preventDefault(): void;
}

export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** MessagePortMain. Buffers that arrive are copies; only ports can be transferred. */
export interface ElectronPort {
  postMessage(message: unknown): void;
  on(event: "message", listener: (message: { readonly data: unknown }) => void): unknown;
  on(event: "close", listener: () => void): unknown;
  start(): void;
  close(): void;
}

export interface ElectronContents {
  on(event: "will-frame-navigate", listener: (details: Cancellable & { readonly url: string }) => void): unknown;
  on(event: "will-redirect", listener: (details: Cancellable & { readonly url: string }) => void): unknown;
  on(event: "will-attach-webview", listener: (event: Cancellable) => void): unknown;
  on(event: "render-process-gone", listener: (event: unknown, details: { readonly reason: string; readonly exitCode: number }) => void): unknown;
  on(event: "did-start-loading", listener: () => void): unknown;
  setWindowOpenHandler(handler: (details: { readonly url: string }) => { readonly action: "deny" }): void;
  postMessage(channel: string, message: unknown, transfer?: readonly ElectronPort[]): void;
  send(channel: string, ...args: readonly unknown[]): void;
  reload(): void;
}

export interface ElectronWindow {
  readonly webContents: ElectronContents;
  loadURL(url: string): Promise<void>;
  on(event: "close", listener: () => void): unknown;
  on(event: "closed", listener: () => void): unknown;
  on(event: "ready-to-show", listener: () => void): unknown;
  show(): void;
  hide(): void;
  focus(): void;
  restore(): void;
  maximize(): void;
  isMinimized(): boolean;
  isMaximized(): boolean;
  isDestroyed(): boolean;
  /** Bounds as they are or would be when not maximized. */
  getNormalBounds(): Rectangle;
}

export interface WindowOptions extends Partial<Rectangle> {
  readonly width: number;
  readonly height: number;
  readonly minWidth: number;
  readonly minHeight: number;
  readonly title: string;
  readonly show: false;
  readonly backgroundColor: string;
  readonly autoHideMenuBar: boolean;
  readonly webPreferences: {
    readonly preload: string;
    readonly contextIsolation: true;
    readonly sandbox: true;
    readonly nodeIntegration: false;
    readonly nodeIntegrationInWorker: false;
    readonly nodeIntegrationInSubFrames: false;
    readonly webSecurity: true;
    readonly allowRunningInsecureContent: false;
    readonly webviewTag: false;
    readonly navigateOnDragDrop: false;
    readonly spellcheck: false;
  };
}

export interface MenuItem {
  readonly label?: string;
  readonly role?: "appMenu" | "fileMenu" | "editMenu" | "viewMenu" | "windowMenu" | "help";
  readonly submenu?: MenuItem[];
  readonly click?: () => void;
}

/** Who sent an IPC message, as far as we judge it. */
export interface IpcSender {
  readonly sender: ElectronContents;
  readonly senderFrame: { readonly url: string; readonly parent: unknown } | null;
}

export interface MessageBox {
  readonly type: "info" | "error" | "question";
  readonly title: string;
  readonly message: string;
  readonly detail: string;
  readonly buttons: string[];
  readonly defaultId: number;
  readonly cancelId: number;
}

export interface OpenDialog {
  readonly title: string;
  readonly properties: ("openFile" | "multiSelections")[];
}

export interface ElectronApp {
  readonly isPackaged: boolean;
  requestSingleInstanceLock(): boolean;
  whenReady(): Promise<void>;
  getPath(name: "appData" | "userData"): string;
  setPath(name: "userData", path: string): void;
  quit(): void;
  exit(code: number): void;
  on(event: "before-quit", listener: (event: Cancellable) => void): unknown;
  on(event: "window-all-closed", listener: () => void): unknown;
  on(event: "second-instance", listener: () => void): unknown;
  on(event: "web-contents-created", listener: (event: unknown, contents: ElectronContents) => void): unknown;
  readonly commandLine: { hasSwitch(name: string): boolean };
}

export interface ElectronApi {
  readonly app: ElectronApp;
  readonly protocol: {
    registerSchemesAsPrivileged(
      schemes: { readonly scheme: string; readonly privileges: { readonly standard: boolean; readonly secure: boolean; readonly supportFetchAPI: boolean } }[],
    ): void;
    handle(scheme: string, handler: (request: { readonly url: string; readonly method: string }) => Response): void;
  };
  readonly session: {
    setPermissionRequestHandler(handler: (contents: unknown, permission: string, callback: (granted: boolean) => void) => void): void;
    setPermissionCheckHandler(handler: (contents: unknown, permission: string) => boolean): void;
    setDevicePermissionHandler(handler: () => boolean): void;
  };
  readonly ipcMain: {
    on(channel: string, listener: (event: IpcSender, ...args: unknown[]) => void): unknown;
    handle(channel: string, listener: (event: IpcSender, ...args: unknown[]) => Promise<unknown>): void;
  };
  readonly dialog: {
    showMessageBox(options: MessageBox): Promise<{ readonly response: number }>;
    showErrorBox(title: string, content: string): void;
  };
  readonly shell: { openExternal(url: string): Promise<void> };
  readonly screen: { getAllDisplays(): { readonly workArea: Rectangle }[] };
  readonly nativeTheme: { themeSource: ThemeChoice; readonly shouldUseDarkColors: boolean };
  /** Stops the system from suspending a recorder that nobody looks at. */
  readonly powerSaveBlocker: { start(type: "prevent-app-suspension"): number };
  /** The system's dialog, as a sheet of the window in front. */
  showOpenDialog(options: OpenDialog): Promise<{ readonly canceled: boolean; readonly filePaths: string[] }>;
  createWindow(options: WindowOptions): ElectronWindow;
  createMessageChannel(): { readonly port1: ElectronPort; readonly port2: ElectronPort };
  setApplicationMenu(items: MenuItem[]): void;
}
