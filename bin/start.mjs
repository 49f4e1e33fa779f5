// `npm start`: the Electron shell where there is an Electron and a display, the browser shell everywhere else.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { findElectron, hasDisplay } from "./electron.mjs";
import { exitWith, say, SetupError, setUp } from "./setup.mjs";
import { spawnShell } from "./shell-process.mjs";
import { DIST } from "./stamp.mjs";

function built(name) {
  const entry = join(DIST, "main", name);
  if (!existsSync(entry)) throw new SetupError(`dist/main/${name} is missing; \`npm run build\` makes it.`);
  return entry;
}

/** Passes our signals on and ends as the child ended. */
function follow(child) {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", exitWith);
  child.on("exit", (code, signal) => {
    process.exitCode = code ?? (signal === null ? 1 : 128 + constants.signals[signal]);
  });
}

function startElectron(electron, args) {
  const entry = built("index.js");
  const flags = [];
  if (process.platform === "linux" && process.getuid?.() === 0) {
    // Chromium refuses to start its sandbox as root, and would exit at once.
    say("running as root: Electron starts without the Chromium sandbox");
    flags.push("--no-sandbox");
  }
  follow(spawn(electron, [...flags, entry, ...args], { stdio: "inherit" }));
}

function startBrowserShell(args) {
  follow(spawnShell(built("browser-shell.js"), args, ["inherit", "inherit", "inherit", "ipc"]));
}

try {
  setUp();
  const args = process.argv.slice(2);
  const electron = hasDisplay() ? findElectron() : undefined;
  if (electron === undefined) startBrowserShell(args);
  else startElectron(electron, args);
} catch (error) {
  exitWith(error);
}
