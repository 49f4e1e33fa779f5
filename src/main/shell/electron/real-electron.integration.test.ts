// The built app in a real Electron: window, bridge, engine port and orderly end. Needs a binary and a display; says so otherwise.
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { _electron, type ElectronApplication } from "@playwright/test";
import { expect, it } from "vitest";
import { findElectron, hasDisplay } from "../../../../bin/electron.mjs";

const ENTRY = fileURLToPath(new URL("../../../../dist/main/index.js", import.meta.url));

function whatIsMissing(): string | undefined {
  if (findElectron() === undefined) return "no Electron binary (`npx install-electron`, or ELECTRON_OVERRIDE_DIST_PATH)";
  if (!hasDisplay()) return "no display (DISPLAY or WAYLAND_DISPLAY)";
  return existsSync(ENTRY) ? undefined : "dist is not built (`npm run build`)";
}

function launch(dataFolder: string): Promise<ElectronApplication> {
  const flags = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return _electron.launch({ executablePath: findElectron() ?? "", args: [...flags, ENTRY, "--data", dataFolder] });
}

it("records, shows it, and seals when it is closed", async (context) => {
  const missing = whatIsMissing();
  if (missing !== undefined) context.skip(`not tried in a real Electron: ${missing}`);
  const dataFolder = await mkdtemp(join(tmpdir(), "tapedeck-real-electron-"));
  try {
    const app = await launch(dataFolder);
    const page = await app.firstWindow();
    const errors: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error") errors.push(message.text());
    });
    page.on("pageerror", (error) => errors.push(error.message));
    expect(page.url()).toBe("app://tapedeck/");
    await page.waitForFunction(() => document.querySelector("canvas") !== null);
    const bridge = await page.evaluate(() => {
      const api: unknown = Reflect.get(window, "tapedeck");
      return { members: Object.keys(Object(api)).sort(), node: "require" in window || "process" in window };
    });
    expect(bridge).toEqual({ members: ["onNotice", "pickFiles", "setTheme", "shell"], node: false });
    // A first number on screen came through the MessagePort.
    await page.waitForFunction(() => document.body.innerText.includes("SIMULATED"));
    await app.close();
    expect(errors).toEqual([]);
    const [capture = ""] = await readdir(join(dataFolder, "captures"));
    const segments = await readdir(join(dataFolder, "captures", capture, "raw"));
    expect(segments.length).toBeGreaterThan(0);
    expect(segments.filter((name) => name.includes(".open."))).toEqual([]);
  } finally {
    await rm(dataFolder, { recursive: true, force: true });
  }
}, 60_000);
