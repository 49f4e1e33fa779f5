// Electron for tests: remembers what it was told, and lets a test be the system, the person and the page.
import { EventEmitter } from "node:events";
import type {
  Cancellable, ElectronApi, ElectronApp, ElectronContents, ElectronPort, ElectronWindow, IpcSender, MenuItem, MessageBox, OpenDialog, Rectangle, WindowOptions,
} from "./electron-api.ts";

type Listener = (...args: never[]) => void;

/** An event that remembers whether it was refused. */
export class FakeEvent implements Cancellable {
  readonly url: string;
  prevented = false;
  constructor(url = "") {
    this.url = url;
  }
  preventDefault(): void {
    this.prevented = true;
  }
}

export class FakePort implements ElectronPort {
  readonly #events = new EventEmitter();
  readonly #waiting: unknown[] = [];
  #started = false;
  #closed = false;
  other: FakePort | undefined;

  postMessage(message: unknown): void {
    this.other?.deliver(structuredClone(message));
  }
  deliver(data: unknown): void {
    if (this.#started) this.#events.emit("message", { data });
    else this.#waiting.push(data);
  }
  on(event: string, listener: Listener): void {
    this.#events.on(event, listener as (...args: unknown[]) => void);
  }
  start(): void {
    this.#started = true;
    for (const data of this.#waiting.splice(0)) this.deliver(data);
  }
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#events.emit("close");
    this.other?.close();
  }
}

export class FakeContents implements ElectronContents {
  readonly sent: unknown[][] = [];
  readonly ports: FakePort[] = [];
  reloads = 0;
  openWindow: ((details: { readonly url: string }) => { readonly action: "deny" }) | undefined;
  readonly #events = new EventEmitter();

  on(event: string, listener: Listener): void {
    this.#events.on(event, listener as (...args: unknown[]) => void);
  }
  emit(event: string, ...args: unknown[]): void {
    this.#events.emit(event, ...args);
  }
  setWindowOpenHandler(handler: (details: { readonly url: string }) => { readonly action: "deny" }): void {
    this.openWindow = handler;
  }
  postMessage(channel: string, message: unknown, transfer: readonly ElectronPort[] = []): void {
    this.sent.push([channel, message]);
    for (const port of transfer) if (port instanceof FakePort) this.ports.push(port);
  }
  send(channel: string, ...args: readonly unknown[]): void {
    this.sent.push([channel, ...args]);
  }
  reload(): void {
    this.reloads += 1;
    this.emit("did-start-loading");
  }
  /** Sender of an IPC message from this page. */
  sender(wish: { readonly url?: string; readonly isTop?: boolean } = {}): IpcSender {
    return { sender: this, senderFrame: { url: wish.url ?? "app://tapedeck/", parent: wish.isTop === false ? {} : null } };
  }
}

export class FakeWindow implements ElectronWindow {
  readonly webContents = new FakeContents();
  readonly options: WindowOptions;
  readonly did: string[] = [];
  bounds: Rectangle = { x: 10, y: 20, width: 1200, height: 800 };
  isMaximizedNow = false;
  readonly #events = new EventEmitter();

  constructor(options: WindowOptions) {
    this.options = options;
  }
  loadURL(url: string): Promise<void> {
    this.did.push(`load ${url}`);
    return Promise.resolve();
  }
  on(event: string, listener: () => void): void {
    this.#events.on(event, listener);
  }
  emit(event: string): void {
    this.#events.emit(event);
  }
  show(): void { this.did.push("show"); }
  hide(): void { this.did.push("hide"); }
  focus(): void { this.did.push("focus"); }
  restore(): void { this.did.push("restore"); }
  maximize(): void { this.did.push("maximize"); }
  isMinimized(): boolean { return false; }
  isMaximized(): boolean { return this.isMaximizedNow; }
  isDestroyed(): boolean { return false; }
  getNormalBounds(): Rectangle { return this.bounds; }
}

export class FakeApp implements ElectronApp {
  readonly isPackaged = false;
  readonly did: string[] = [];
  readonly switches = new Set<string>();
  readonly commandLine = { hasSwitch: (name: string) => this.switches.has(name) };
  hasLock = true;
  readonly #events = new EventEmitter();
  #onExit: (() => void)[] = [];

  requestSingleInstanceLock(): boolean { this.did.push("lock"); return this.hasLock; }
  whenReady(): Promise<void> { this.did.push("ready"); return Promise.resolve(); }
  getPath(): string { return "/nowhere"; }
  setPath(name: string, path: string): void { this.did.push(`${name} ${path}`); }
  /** As Electron does: asks first. */
  quit(): void { this.emit("before-quit", new FakeEvent()); }
  exit(code: number): void {
    this.did.push(`exit ${code}`);
    for (const resolve of this.#onExit.splice(0)) resolve();
  }
  on(event: string, listener: Listener): void {
    this.#events.on(event, listener as (...args: unknown[]) => void);
  }
  emit(event: string, ...args: unknown[]): void {
    this.#events.emit(event, ...args);
  }
  untilExit(): Promise<void> {
    return new Promise((resolve) => this.#onExit.push(resolve));
  }
}

export class FakeElectron implements ElectronApi {
  readonly app = new FakeApp();
  readonly windows: FakeWindow[] = [];
  readonly schemes: unknown[] = [];
  readonly boxes: (MessageBox | { readonly error: string })[] = [];
  readonly opened: string[] = [];
  readonly blockers: string[] = [];
  readonly nativeTheme = { themeSource: "system" as "system" | "dark" | "light", shouldUseDarkColors: true };
  displays: Rectangle[] = [{ x: 0, y: 0, width: 1920, height: 1080 }];
  menu: MenuItem[] = [];
  serve: ((request: { readonly url: string; readonly method: string }) => Response) | undefined;
  /** Which button the person presses. */
  response = 0;
  chosen: { readonly canceled: boolean; readonly filePaths: string[] } = { canceled: true, filePaths: [] };
  openDialogs: OpenDialog[] = [];
  readonly #ipc = new EventEmitter();
  readonly #handlers = new Map<string, (event: IpcSender, ...args: unknown[]) => Promise<unknown>>();
  #permissionRequest: ((contents: unknown, permission: string, callback: (granted: boolean) => void) => void) | undefined;
  #permissionCheck: ((contents: unknown, permission: string) => boolean) | undefined;
  #deviceCheck: (() => boolean) | undefined;

  readonly protocol: ElectronApi["protocol"] = {
    registerSchemesAsPrivileged: (schemes) => {
      this.app.did.push("schemes");
      this.schemes.push(...schemes);
    },
    handle: (_scheme, handler) => {
      this.serve = handler;
    },
  };
  readonly session: ElectronApi["session"] = {
    setPermissionRequestHandler: (handler) => { this.#permissionRequest = handler; },
    setPermissionCheckHandler: (handler) => { this.#permissionCheck = handler; },
    setDevicePermissionHandler: (handler) => { this.#deviceCheck = handler; },
  };
  readonly ipcMain: ElectronApi["ipcMain"] = {
    on: (channel, listener) => this.#ipc.on(channel, listener),
    handle: (channel, listener) => { this.#handlers.set(channel, listener); },
  };
  readonly dialog: ElectronApi["dialog"] = {
    showMessageBox: (box) => {
      this.boxes.push(box);
      return Promise.resolve({ response: this.response });
    },
    showErrorBox: (_title, content) => {
      this.boxes.push({ error: content });
    },
  };
  readonly shell = { openExternal: (url: string): Promise<void> => { this.opened.push(url); return Promise.resolve(); } };
  readonly screen = { getAllDisplays: () => this.displays.map((workArea) => ({ workArea })) };
  readonly powerSaveBlocker = { start: (type: string): number => this.blockers.push(type) };

  showOpenDialog(options: OpenDialog): Promise<{ readonly canceled: boolean; readonly filePaths: string[] }> {
    this.openDialogs.push(options);
    return Promise.resolve(this.chosen);
  }
  createWindow(options: WindowOptions): FakeWindow {
    const window = new FakeWindow(options);
    this.windows.push(window);
    this.app.emit("web-contents-created", {}, window.webContents);
    return window;
  }
  createMessageChannel(): { readonly port1: FakePort; readonly port2: FakePort } {
    const [port1, port2] = [new FakePort(), new FakePort()];
    port1.other = port2;
    port2.other = port1;
    return { port1, port2 };
  }
  setApplicationMenu(items: MenuItem[]): void {
    this.menu = items;
  }

  /** The page sends; `invoke` waits for the answer. */
  send(event: IpcSender, channel: string, ...args: unknown[]): void {
    this.#ipc.emit(channel, event, ...args);
  }
  async invoke(event: IpcSender, channel: string, ...args: unknown[]): Promise<unknown> {
    return this.#handlers.get(channel)?.(event, ...args);
  }
  /** What the page is told when it asks for a permission, in both of Electron's ways, and for a device. */
  permission(name: string): readonly (boolean | undefined)[] {
    let requested: boolean | undefined;
    this.#permissionRequest?.({}, name, (granted) => { requested = granted; });
    return [requested, this.#permissionCheck?.({}, name), this.#deviceCheck?.()];
  }
}
