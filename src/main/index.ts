// Entry of the Electron app (dist/main/index.js): hands the real Electron to the shell. Nothing else imports it as a value.
import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  app, BrowserWindow, dialog, ipcMain, Menu, MessageChannelMain, nativeTheme, powerSaveBlocker, protocol, safeStorage, screen, session, shell,
  utilityProcess,
} from "electron";
import { FaultError } from "../shared/base.ts";
import { composeEngine } from "./compose.ts";
import { VERSION } from "./version.ts";
import { parseShellArguments } from "./shell-arguments.ts";
import { ElectronShell } from "./shell/electron/app.ts";
import { ownArguments } from "./shell/electron/arguments.ts";
import type { ElectronApi } from "./shell/electron/electron-api.ts";
import { systemSecretBox } from "./shell/electron/secret-box.ts";
import { utilityChild } from "./shell/electron/utility-process.ts";
import { ScreenFiles } from "./shell/screen-files.ts";

const DIST_MAIN = new URL(".", import.meta.url);
const BAD_INPUT = 2;
const FAILED = 1;

const api: ElectronApi = {
  app, protocol, ipcMain, dialog, shell, nativeTheme, powerSaveBlocker,
  // Both exist only once the app is ready.
  get session() {
    return session.defaultSession;
  },
  get screen() {
    return screen;
  },
  showOpenDialog: (options) => {
    const window = BrowserWindow.getFocusedWindow();
    return window === null ? dialog.showOpenDialog(options) : dialog.showOpenDialog(window, options);
  },
  createWindow: (options) => new BrowserWindow(options),
  createMessageChannel: () => new MessageChannelMain(),
  setApplicationMenu: (items) => {
    Menu.setApplicationMenu(Menu.buildFromTemplate(items));
  },
};

function note(line: string): void {
  process.stderr.write(`tapedeck: ${line}\n`);
}

function end(error: unknown): void {
  if (error instanceof FaultError) note(error.fault.message);
  else note(`unexpected error, please report it: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  app.exit(error instanceof FaultError && error.fault.code === "usage" ? BAD_INPUT : FAILED);
}

// Whoever reads our output may leave; recording goes on.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);

try {
  const args = parseShellArguments(ownArguments(process.argv, app.isPackaged));
  const profile = createHash("sha256").update(args.dataFolder).digest("hex").slice(0, 12);
  // Not awaited: Electron becomes ready only after this module is done.
  void ElectronShell.start({
    api,
    version: VERSION,
    isMac: process.platform === "darwin",
    profileFolder: join(app.getPath("appData"), "Tapedeck", "profiles", profile),
    preload: fileURLToPath(new URL("../preload/preload.cjs", DIST_MAIN)),
    loadScreen: () => ScreenFiles.load(fileURLToPath(new URL("../renderer", DIST_MAIN))),
    startEngine: () => composeEngine({
      dataFolder: args.dataFolder, distMain: DIST_MAIN, shell: "electron", args, box: systemSecretBox(safeStorage),
      spawnChild: utilityChild(utilityProcess, (text) => { process.stderr.write(text); }),
    }),
    monotonicMs: () => performance.now(),
    after: (delayMs, run) => {
      const timer = setTimeout(run, delayMs);
      return () => {
        clearTimeout(timer);
      };
    },
    note,
  }).catch(end);
} catch (error) {
  end(error);
}
