// Finds an Electron binary by looking at files. Importing `electron` under Node would start a download instead.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./stamp.mjs";

const EXECUTABLES = { darwin: "Electron.app/Contents/MacOS/Electron", win32: "electron.exe" };

export function findElectron({ env = process.env, platform = process.platform, root = ROOT } = {}) {
  const executable = EXECUTABLES[platform] ?? "electron";
  const override = env.ELECTRON_OVERRIDE_DIST_PATH;
  if (override !== undefined && override !== "") {
    const file = join(override, executable);
    return existsSync(file) ? file : undefined;
  }
  const folder = join(root, "node_modules/electron");
  const pathFile = join(folder, "path.txt");
  if (!existsSync(pathFile)) return undefined;
  const file = join(folder, "dist", readFileSync(pathFile, "utf8").trim());
  return existsSync(file) ? file : undefined;
}

export function hasDisplay({ env = process.env, platform = process.platform } = {}) {
  if (platform === "darwin" || platform === "win32") return true;
  return [env.DISPLAY, env.WAYLAND_DISPLAY].some((value) => value !== undefined && value !== "");
}
