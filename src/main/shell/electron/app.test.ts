// The Electron shell against a fake Electron: what it allows, what it refuses, and that it ends with a sealed recording.
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fault } from "../../../shared/base.ts";
import { CHANNELS } from "../../../shared/protocol/preload.ts";
import type { ClientPort } from "../../engine/client-port.ts";
import { ScreenFiles } from "../screen-files.ts";
import { ElectronShell, type ElectronShellOptions, type ShellEngine } from "./app.ts";
import { ownArguments } from "./arguments.ts";
import { FakeElectron, FakeEvent, type FakeWindow } from "./fake-electron.testkit.ts";

class FakeEngine implements ShellEngine {
  readonly ports: ClientPort[] = [];
  readonly received: ArrayBuffer[] = [];
  readonly closedFor: string[] = [];
  closedPorts = 0;
  closing: Promise<void> = Promise.resolve();

  attach(port: ClientPort): void {
    this.ports.push(port);
    port.onMessage((bytes) => this.received.push(bytes));
    port.onClose(() => (this.closedPorts += 1));
  }
  close(reason: string): Promise<void> {
    this.closedFor.push(reason);
    return this.closing;
  }
}

let folder: string;
let api: FakeElectron;
let engine: FakeEngine;
let notes: string[];
let nowMs: number;
let deadlines: { readonly delayMs: number; readonly run: () => void; cancelled: boolean }[];

function options(wish: Partial<ElectronShellOptions> = {}): ElectronShellOptions {
  return {
    api, version: "1.2.3", isMac: false, profileFolder: folder, preload: "/dist/preload/preload.cjs",
    loadScreen: () => ScreenFiles.load(join(folder, "renderer")),
    startEngine: () => Promise.resolve(engine),
    monotonicMs: () => nowMs,
    after: (delayMs, run) => {
      const deadline = { delayMs, run, cancelled: false };
      deadlines.push(deadline);
      return () => { deadline.cancelled = true; };
    },
    note: (line) => notes.push(line), ...wish,
  };
}

async function start(wish: Partial<ElectronShellOptions> = {}): Promise<FakeWindow> {
  await ElectronShell.start(options(wish));
  const [window] = api.windows;
  if (window === undefined) throw new Error("no window");
  return window;
}

/** Lets everything that needs no outside event happen. */
const settle = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tapedeck-electron-"));
  await mkdir(join(folder, "renderer/assets"), { recursive: true });
  await writeFile(join(folder, "renderer/index.html"), "<html><head></head></html>");
  await writeFile(join(folder, "renderer/assets/a-1.js"), "void 0;");
  api = new FakeElectron();
  engine = new FakeEngine();
  notes = [];
  nowMs = 0;
  deadlines = [];
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

describe("starting", () => {
  it("takes the lock and registers its scheme before Electron is ready", async () => {
    await start();
    expect(api.app.did).toEqual([`userData ${folder}`, "lock", "schemes", "ready"]);
    expect(api.schemes).toEqual([{ scheme: "app", privileges: { standard: true, secure: true, supportFetchAPI: true } }]);
    expect(api.blockers).toEqual(["prevent-app-suspension"]);
  });

  it("leaves a profile that was chosen on the command line alone", async () => {
    api.app.switches.add("user-data-dir");
    await start();
    expect(api.app.did[0]).toBe("lock");
  });

  it("starts nothing when it is open already", async () => {
    api.app.hasLock = false;
    await ElectronShell.start(options({ startEngine: () => Promise.reject(new Error("started")) }));
    expect([api.windows.length, api.app.did.at(-1)]).toEqual([0, "exit 0"]);
    expect(notes).toEqual(["Tapedeck is already open on this data folder; its window was brought to the front"]);
  });

  it("comes to the front when it is started again", async () => {
    const window = await start();
    api.app.emit("second-instance");
    expect(window.did).toEqual(["load app://tapedeck/", "show", "focus"]);
  });

  it("says why the engine cannot start, and ends", async () => {
    await ElectronShell.start(options({ startEngine: () => Promise.reject(fault("x", "The data folder is read-only")) }));
    expect([api.boxes, api.app.did.at(-1)]).toEqual([[{ error: "The data folder is read-only" }], "exit 1"]);
  });
});

describe("the window", () => {
  it("is a sandboxed page with nothing of Node", async () => {
    const { options: made } = await start();
    expect(made.webPreferences).toEqual({
      preload: "/dist/preload/preload.cjs", contextIsolation: true, sandbox: true, nodeIntegration: false, nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false, webSecurity: true, allowRunningInsecureContent: false, webviewTag: false, navigateOnDragDrop: false, spellcheck: false,
    });
    expect([made.show, made.backgroundColor]).toEqual([false, "#0e1116"]);
  });

  it("is served from memory under app:// with the policy, and nothing else is", async () => {
    await start();
    const page = api.serve?.({ url: "app://tapedeck/", method: "GET" });
    expect(page?.headers.get("content-security-policy")).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; " +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    expect(await page?.text()).toBe("<html><head></head></html>");
    expect(await api.serve?.({ url: "app://tapedeck/assets/a-1.js?x#y", method: "GET" }).text()).toBe("void 0;");
    const statuses = ["app://other/", "app://tapedeck.evil/", "app://tapedeck/../window.json", "app://tapedeck/%2e%2e/window.json"].map(
      (url) => api.serve?.({ url, method: "GET" }).status,
    );
    expect(statuses).toEqual([404, 404, 404, 404]);
    expect(api.serve?.({ url: "app://tapedeck/", method: "POST" }).status).toBe(405);
  });

  it("opens where it was", async () => {
    const first = await start();
    first.bounds = { x: 100, y: 50, width: 1300, height: 700 };
    first.isMaximizedNow = true;
    first.emit("close");
    expect(JSON.parse(await readFile(join(folder, "window.json"), "utf8"))).toEqual({ x: 100, y: 50, width: 1300, height: 700, maximized: true });
    api = new FakeElectron();
    const second = await start();
    expect(second.options).toMatchObject({ x: 100, y: 50, width: 1300, height: 700 });
    second.emit("ready-to-show");
    expect(second.did).toEqual(["load app://tapedeck/", "maximize", "show"]);
  });
});

describe("a page", () => {
  it.each(["https://evil.example/", "file:///etc/passwd", "http://127.0.0.1:1/", "app://other/", "javascript:alert(1)"])("cannot go to %s", async (url) => {
    const { webContents } = await start();
    for (const event of ["will-frame-navigate", "will-redirect"]) {
      const details = new FakeEvent(url);
      webContents.emit(event, details);
      expect([event, details.prevented, api.opened]).toEqual([event, true, []]);
    }
    expect([webContents.openWindow?.({ url }), api.opened]).toEqual([{ action: "deny" }, []]);
  });

  it("can be loaded again, and may point a person to an allowed page outside", async () => {
    const { webContents } = await start();
    const reload = new FakeEvent("app://tapedeck/");
    webContents.emit("will-frame-navigate", reload);
    expect(reload.prevented).toBe(false);
    expect(webContents.openWindow?.({ url: "https://www.tradingview.com/about" })).toEqual({ action: "deny" });
    const link = new FakeEvent("https://www.tradingview.com/");
    webContents.emit("will-frame-navigate", link);
    expect([link.prevented, api.opened]).toEqual([true, ["https://www.tradingview.com/about", "https://www.tradingview.com/"]]);
  });

  it("gets no webview and no permission but writing text to the clipboard", async () => {
    const { webContents } = await start();
    const attach = new FakeEvent();
    webContents.emit("will-attach-webview", attach);
    expect(attach.prevented).toBe(true);
    for (const name of ["media", "geolocation", "clipboard-read", "fileSystem", "notifications"]) expect(api.permission(name)).toEqual([false, false, false]);
    expect(api.permission("clipboard-sanitized-write")).toEqual([true, true, false]);
  });

  it("is not heard unless it is the top frame of our page in our window", async () => {
    const { webContents } = await start();
    api.chosen = { canceled: false, filePaths: ["/a"] };
    const stranger = api.createWindow({ ...api.windows[0]!.options }).webContents;
    const senders = [
      webContents.sender({ url: "https://evil.example/" }), webContents.sender({ isTop: false }), stranger.sender(), { ...webContents.sender(), senderFrame: null },
    ];
    for (const sender of senders) {
      expect(await api.invoke(sender, CHANNELS.pickFiles)).toEqual([]);
      api.send(sender, CHANNELS.connect);
      api.send(sender, CHANNELS.setTheme, "light");
    }
    await settle();
    expect([engine.ports.length, api.nativeTheme.themeSource, api.openDialogs, notes.length]).toEqual([0, "system", [], 12]);
  });

  it("chooses files through the system's dialog", async () => {
    const { webContents } = await start();
    expect(await api.invoke(webContents.sender(), CHANNELS.pickFiles)).toEqual([]);
    api.chosen = { canceled: false, filePaths: ["/a", "/b"] };
    expect(await api.invoke(webContents.sender(), CHANNELS.pickFiles)).toEqual(["/a", "/b"]);
  });

  it("sets the system's colours to one of three", async () => {
    const { webContents } = await start();
    for (const [wish, result] of [["light", "light"], ["purple", "light"], [7, "light"], ["system", "system"]]) {
      api.send(webContents.sender(), CHANNELS.setTheme, wish);
      expect(api.nativeTheme.themeSource).toBe(result);
    }
  });
});

describe("the engine's port", () => {
  async function connect(): Promise<FakeWindow> {
    const window = await start();
    api.send(window.webContents.sender(), CHANNELS.connect);
    await settle();
    return window;
  }

  it("carries buffers both ways, also those sent before anyone listens", async () => {
    const { webContents } = await connect();
    const [port] = webContents.ports;
    expect(webContents.sent).toEqual([[CHANNELS.port, undefined]]);
    port?.postMessage(Uint8Array.of(1, 2).buffer);
    expect(engine.received.map((bytes) => [...new Uint8Array(bytes)])).toEqual([[1, 2]]);
    engine.ports[0]?.send(Uint8Array.of(3).buffer);
    const answers: unknown[] = [];
    port?.on("message", ({ data }: { data: unknown }) => answers.push(data));
    port?.start();
    expect(answers).toEqual([Uint8Array.of(3).buffer]);
  });

  it("is given anew for each load, and the engine hears of the end of the one before", async () => {
    const { webContents } = await connect();
    webContents.ports[0]?.close();
    expect(engine.closedPorts).toBe(1);
    api.send(webContents.sender(), CHANNELS.connect);
    await settle();
    expect([engine.ports.length, engine.closedPorts]).toEqual([2, 1]);
    engine.ports[0]?.send(new ArrayBuffer(1));
    engine.ports[1]?.close();
    expect(engine.closedPorts).toBe(2);
  });

  it("ends when something comes that is no buffer, as a transferred one arrives", async () => {
    const { webContents } = await connect();
    webContents.ports[0]?.postMessage(null);
    expect([engine.received, engine.closedPorts, notes]).toEqual([[], 1, ["the screen sent something that is no buffer and was disconnected"]]);
  });

  it("waits for an engine that takes its time", async () => {
    let ready: (engine: ShellEngine) => void = () => undefined;
    const started = ElectronShell.start(options({ startEngine: () => new Promise((resolve) => { ready = resolve; }) }));
    while (api.windows.length === 0) await settle();
    const { webContents } = api.windows[0]!;
    api.send(webContents.sender(), CHANNELS.connect);
    await settle();
    expect(webContents.ports.length).toBe(0);
    ready(engine);
    await started;
    await settle();
    expect(webContents.ports.length).toBe(1);
  });
});

describe("a screen that crashes", () => {
  const gone = (window: FakeWindow): void => { window.webContents.emit("render-process-gone", {}, { reason: "crashed", exitCode: 5 }); };

  it("is started again, and says so once it listens", async () => {
    const window = await start();
    gone(window);
    await settle();
    expect([window.webContents.reloads, window.webContents.sent, engine.closedFor]).toEqual([1, [], []]);
    api.send(window.webContents.sender(), CHANNELS.wantNotices);
    expect(window.webContents.sent).toEqual([
      [CHANNELS.notice, "The screen ended unexpectedly (crashed, exit code 5) and was started again. The recording was not interrupted."],
    ]);
  });

  it("is not started again by itself a fourth time in a minute", async () => {
    const window = await start();
    for (const at of [0, 1, 2, 61_000, 62_000, 63_000]) {
      nowMs = at;
      gone(window);
      await settle();
    }
    expect([window.webContents.reloads, api.boxes.length]).toEqual([6, 0]);
    gone(window);
    await settle();
    expect([window.webContents.reloads, api.boxes.length]).toEqual([7, 1]);
    api.response = 1;
    for (let count = 0; count < 4; count += 1) {
      gone(window);
      await settle();
    }
    expect([window.webContents.reloads, engine.closedFor]).toEqual([10, ["the app was closed"]]);
  });
});

describe("the end", () => {
  it("waits for the recording to be sealed, with the window gone from sight and its place kept", async () => {
    const window = await start();
    let sealed = (): void => undefined;
    engine.closing = new Promise((resolve) => { sealed = () => { resolve(); }; });
    const quit = new FakeEvent();
    api.app.emit("before-quit", quit);
    api.app.emit("before-quit", new FakeEvent());
    await settle();
    expect([quit.prevented, engine.closedFor, window.did.at(-1), api.app.did.at(-1)]).toEqual([true, ["the app was closed"], "hide", "ready"]);
    sealed();
    await api.app.untilExit();
    expect([api.app.did.at(-1), deadlines.map(({ delayMs }) => delayMs)]).toEqual(["exit 0", [30_000]]);
    await settle();
    expect(deadlines[0]?.cancelled).toBe(true);
    expect(JSON.parse(await readFile(join(folder, "window.json"), "utf8"))).toMatchObject({ width: 1200 });
  });

  it("comes when the window is closed", async () => {
    const window = await start();
    window.emit("close");
    window.emit("closed");
    api.app.emit("window-all-closed");
    await api.app.untilExit();
    expect([engine.closedFor, api.app.did.at(-1)]).toEqual([["the app was closed"], "exit 0"]);
  });

  it("comes at the deadline, with a note, when sealing hangs", async () => {
    await start();
    engine.closing = new Promise(() => undefined);
    api.app.quit();
    deadlines[0]?.run();
    expect([api.app.did.at(-1), notes]).toEqual(["exit 1", ["the recording could not be sealed in time; the next start recovers it"]]);
  });

  it("says what went wrong while sealing", async () => {
    await start();
    engine.closing = Promise.reject(fault("x", "The disk is full"));
    api.app.quit();
    await api.app.untilExit();
    expect([api.app.did.at(-1), notes]).toEqual(["exit 1", ["The disk is full"]]);
  });
});

describe("menu and About", () => {
  it("uses standard roles, and names the chart library with its link", async () => {
    await start();
    expect(api.menu.map(({ role }) => role)).toEqual(["fileMenu", "editMenu", "viewMenu", "windowMenu", "help"]);
    api.response = 1;
    api.menu.at(-1)?.submenu?.[0]?.click?.();
    await settle();
    expect(api.boxes[0]).toMatchObject({ message: "Tapedeck 1.2.3", detail: expect.stringContaining("TradingView Lightweight Charts™") });
    expect(api.opened).toEqual(["https://www.tradingview.com/"]);
  });
});

describe("ownArguments", () => {
  it.each([
    [["electron", "--no-sandbox", "dist/main/index.js", "--data", "/d"], false, ["--data", "/d"]],
    [["electron", "dist/main/index.js"], false, []],
    [["electron"], false, []],
    [["tapedeck", "--no-sandbox", "--lang=de", "--data", "/d", "--no-open"], true, ["--data", "/d", "--no-open"]],
  ])("%j, packaged %s: %j", (argv, isPackaged, expected) => {
    expect(ownArguments(argv, isPackaged)).toEqual(expected);
  });
});
