// Shows the screen in a window of its own where that is possible. Not being able to is a note: recording needs no window.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** A browser that is still running after this long has taken the address; most stay, some hand over and leave with 0. */
const SETTLED_AFTER_MS = 3_000;

const LINUX_BROWSERS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge", "brave-browser"];
const MAC_BROWSERS = ["Google Chrome", "Chromium", "Microsoft Edge", "Brave Browser"];
const WINDOWS_BROWSERS = ["Google\\Chrome\\Application\\chrome.exe", "Microsoft\\Edge\\Application\\msedge.exe"];

export interface Surroundings {
  readonly platform: NodeJS.Platform;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly isRoot: boolean;
  exists(file: string): boolean;
  /** Starts a program that outlives us. Resolves with whether it took the address. */
  launch(command: string, args: readonly string[]): Promise<boolean>;
}

interface Launch { readonly command: string; readonly args: readonly string[] }

export function hasDisplay({ platform, env }: Pick<Surroundings, "platform" | "env">): boolean {
  if (platform === "darwin" || platform === "win32") return true;
  return [env["DISPLAY"], env["WAYLAND_DISPLAY"]].some((value) => value !== undefined && value !== "");
}

/** Ways to show an address, best first: an app window, then whatever the system opens web addresses with. */
export function waysToOpen(address: string, { platform, env, isRoot, exists }: Surroundings): readonly Launch[] {
  const app = `--app=${address}`;
  if (platform === "darwin") {
    const installed = MAC_BROWSERS.filter((name) => exists(`/Applications/${name}.app`));
    return [...installed.map((name) => ({ command: "open", args: ["-na", name, "--args", app] })), { command: "open", args: [address] }];
  }
  if (platform === "win32") {
    const roots = [env["PROGRAMFILES"], env["PROGRAMFILES(X86)"], env["LOCALAPPDATA"]].filter((root) => root !== undefined);
    const files = WINDOWS_BROWSERS.flatMap((name) => roots.map((root) => `${root}\\${name}`)).filter(exists);
    return [...files.map((command) => ({ command, args: [app] })), { command: "cmd", args: ["/c", "start", "", address] }];
  }
  const folders = (env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  const find = (name: string): string | undefined => folders.map((folder) => join(folder, name)).find(exists);
  const browsers = LINUX_BROWSERS.map(find).filter((file) => file !== undefined);
  // Chromium refuses to start its sandbox as root, and would exit at once.
  const args = isRoot ? ["--no-sandbox", app] : [app];
  const opener = find("xdg-open");
  return [...browsers.map((command) => ({ command, args })), ...(opener === undefined ? [] : [{ command: opener, args: [address] }])];
}

/** Tries each way with an address of its own (an address opens once). Resolves with the command that took it, or undefined. */
export async function openWindow(makeAddress: () => string, surroundings: Surroundings): Promise<string | undefined> {
  const count = waysToOpen("", surroundings).length;
  for (let index = 0; index < count; index += 1) {
    const way = waysToOpen(makeAddress(), surroundings)[index];
    if (way !== undefined && (await surroundings.launch(way.command, way.args))) return way.command;
  }
  return undefined;
}

function launch(command: string, args: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { detached: true, stdio: "ignore" });
    const settled = setTimeout(() => {
      resolve(true);
    }, SETTLED_AFTER_MS);
    const answer = (took: boolean): void => {
      clearTimeout(settled);
      resolve(took);
    };
    // Some systems carry a stub in the browser's place that only says how to install it.
    child.once("exit", (code) => {
      answer(code === 0);
    });
    child.once("error", () => {
      answer(false);
    });
    child.unref();
  });
}

export function systemSurroundings(): Surroundings {
  return { platform: process.platform, env: process.env, isRoot: process.getuid?.() === 0, exists: existsSync, launch };
}
