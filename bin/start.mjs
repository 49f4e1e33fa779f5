// `npm start`: the Electron shell where there is an Electron and a display, the browser shell everywhere else.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { findElectron, hasDisplay } from "./electron.mjs";
import { exitWith, say, SetupError, setUp } from "./setup.mjs";
import { DIST } from "./stamp.mjs";

function built(name) {
  const entry = join(DIST, "main", name);
  if (!existsSync(entry)) throw new SetupError(`dist/main/${name} is missing; \`npm run build\` makes it.`);
  return entry;
}

function startElectron(electron, args) {
  const entry = built("index.js");
  const flags = [];
  if (process.platform === "linux" && process.getuid?.() === 0) {
    // Chromium refuses to start its sandbox as root, and would exit at once.
    say("running as root: Electron starts without the Chromium sandbox");
    flags.push("--no-sandbox");
  }
  const child = spawn(electron, [...flags, entry, ...args], { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", exitWith);
  child.on("exit", (code, signal) => {
    process.exitCode = code ?? (signal === null ? 1 : 128);
  });
}

async function startBrowserShell(args) {
  const entry = built("browser-shell.js");
  process.argv = [process.argv[0], entry, ...args];
  await import(pathToFileURL(entry).href);
}

try {
  setUp();
  const args = process.argv.slice(2);
  const electron = hasDisplay() ? findElectron() : undefined;
  if (electron === undefined) await startBrowserShell(args);
  else startElectron(electron, args);
} catch (error) {
  exitWith(error);
}
