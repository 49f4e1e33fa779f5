// Makes a checkout runnable: packages, build, browser. Dependency-free; every line of progress goes to stderr.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join } from "node:path";
import { isBuildFresh, ROOT } from "./stamp.mjs";

const NODE_MINIMUM = [20, 19];
const LOCKFILE = join(ROOT, "package-lock.json");
const MODULES = join(ROOT, "node_modules");
const INSTALLED_HASH = join(MODULES, ".tapedeck-lock-hash");
const GUARD = join(ROOT, ".setup.lock");
const GUARD_POLL_MS = 200;
// An install plus a build takes under a minute; a guard held for longer than this belongs to something that hangs.
const GUARD_WAIT_MAX_MS = 15 * 60_000;
const PATH_BROWSERS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/** A failure whose message is all that the user needs to see. */
export class SetupError extends Error {}

export function say(line) {
  process.stderr.write(`tapedeck: ${line}\n`);
}

export function checkNode(version = process.versions.node) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [needMajor, needMinor] = NODE_MINIMUM;
  if (major > needMajor || (major === needMajor && minor >= needMinor)) return;
  throw new SetupError(`Node ${needMajor}.${needMinor} or newer is needed; this is Node ${version}.`);
}

/** Without a lockfile and sources this is an installed package: nothing to set up. */
export function isCheckout() {
  return existsSync(LOCKFILE) && existsSync(join(ROOT, "src"));
}

/** Runs a program with its output on stderr, so that our own stdout carries results only. */
function run(command, args, { cwd = ROOT, env = {}, shell = false } = {}) {
  const result = spawnSync(command, args, {
    cwd,
    env: { ...process.env, ...env },
    shell,
    stdio: ["ignore", 2, 2],
  });
  return result.error === undefined && result.status === 0;
}

export function runNpm(args, cwd = ROOT) {
  const cli = process.env.npm_execpath;
  const env = { PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD: "1" };
  if (cli !== undefined && /npm-cli\.[cm]?js$/.test(cli)) return run(process.execPath, [cli, ...args], { cwd, env });
  // On Windows npm is a script, which only a shell can start.
  return run("npm", args, { cwd, env, shell: process.platform === "win32" });
}

function lockfileHash() {
  return createHash("sha256").update(readFileSync(LOCKFILE)).digest("hex");
}

/** npm leaves a copy of what it installed; when that says the same as our lockfile, an install would change nothing. */
export function installedMatches(wanted, installed) {
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === "") continue;
    const found = installed[path];
    if (found === undefined ? !(entry.optional || entry.devOptional || entry.peer) : found.version !== entry.version) return false;
  }
  return Object.keys(installed).every((path) => wanted[path] !== undefined);
}

function arePackagesInstalled() {
  if (!existsSync(MODULES)) return false;
  const hash = lockfileHash();
  if (existsSync(INSTALLED_HASH) && readFileSync(INSTALLED_HASH, "utf8").trim() === hash) return true;
  const hidden = join(MODULES, ".package-lock.json");
  if (!existsSync(hidden)) return false;
  const wanted = JSON.parse(readFileSync(LOCKFILE, "utf8")).packages;
  if (!installedMatches(wanted, JSON.parse(readFileSync(hidden, "utf8")).packages)) return false;
  writeFileSync(INSTALLED_HASH, `${hash}\n`);
  return true;
}

function installPackages() {
  say("installing packages (npm ci)");
  if (!runNpm(["ci", "--include=dev", "--no-audit", "--no-fund"])) {
    throw new SetupError("npm ci failed; its messages are above.");
  }
  writeFileSync(INSTALLED_HASH, `${lockfileHash()}\n`);
}

function buildDist() {
  say("building");
  if (!run(process.execPath, [join(ROOT, "build/build.mjs")])) throw new SetupError("the build failed; its messages are above.");
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** Tells a process from a later one with the same id (containers reuse low ids at once); only Linux shows it cheaply. */
function startMark(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const started = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()} ${started}`;
  } catch {
    return "";
  }
}

function tryTakeGuard() {
  try {
    writeFileSync(GUARD, `${process.pid} ${startMark(process.pid)}`, { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
    return false;
  }
}

/** What the guard says now, or undefined when it is gone or its owner is between creating and writing it. */
function readGuard(file = GUARD) {
  try {
    const text = readFileSync(file, "utf8");
    return text === "" ? undefined : text;
  } catch {
    return undefined;
  }
}

function isHeld(guard) {
  const [pid = "", ...mark] = guard.split(" ");
  return isAlive(Number(pid)) && startMark(Number(pid)) === mark.join(" ");
}

/** Two waiters may find the same dead holder; the rename lets one win, and the loser puts back what it took by mistake. */
function breakGuard(dead) {
  const aside = `${GUARD}.${process.pid}`;
  try {
    renameSync(GUARD, aside);
    if (readGuard(aside) !== dead) linkSync(aside, GUARD);
  } catch {
    // Someone else was faster: the next round sees what is there now.
  }
  rmSync(aside, { force: true });
}

function pause(milliseconds) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

function withGuard(action) {
  const deadline = performance.now() + GUARD_WAIT_MAX_MS;
  let told = false;
  while (!tryTakeGuard()) {
    const guard = readGuard();
    if (guard !== undefined && !isHeld(guard)) {
      breakGuard(guard);
      continue;
    }
    if (!told) say(`waiting for another set-up to finish (process ${guard?.split(" ")[0] ?? "unknown"})`);
    told = true;
    if (performance.now() > deadline) throw new SetupError(`gave up waiting; remove ${GUARD} if nothing is running.`);
    pause(GUARD_POLL_MS);
  }
  try {
    return action();
  } finally {
    rmSync(GUARD, { force: true });
  }
}

/** Packages and build, each only when stale (about 0.1 s when nothing is). */
export function setUp({ build = true } = {}) {
  checkNode();
  if (!isCheckout()) return;
  const isDone = () => arePackagesInstalled() && (!build || isBuildFresh());
  if (isDone()) return;
  withGuard(() => {
    if (!arePackagesInstalled()) installPackages();
    if (build && !isBuildFresh()) buildDist();
  });
}

function onPath(name) {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
}

function applicationBrowsers() {
  if (process.platform === "darwin") {
    return ["/Applications/Google Chrome.app/Contents/MacOS/Google Chrome", "/Applications/Chromium.app/Contents/MacOS/Chromium"];
  }
  if (process.platform === "win32") {
    const roots = [process.env.PROGRAMFILES, process.env["PROGRAMFILES(X86)"], process.env.LOCALAPPDATA];
    return roots.filter((root) => root !== undefined).map((root) => join(root, "Google/Chrome/Application/chrome.exe"));
  }
  return [];
}

// `chromium` may be a stub that only says "install the snap", so a candidate counts when it can tell its version.
// Chrome on Windows opens a window instead of answering, so there the file is enough.
function answers(file) {
  if (process.platform === "win32") return true;
  return spawnSync(file, ["--version"], { stdio: "ignore", timeout: 20_000 }).status === 0;
}

function playwrightBrowser() {
  if (!existsSync(join(MODULES, "playwright-core"))) return undefined;
  const { chromium } = createRequire(import.meta.url)("playwright-core");
  const file = chromium.executablePath();
  return file !== "" && existsSync(file) ? file : undefined;
}

export function findChromium() {
  const chosen = process.env.TAPEDECK_CHROMIUM;
  if (chosen !== undefined && chosen !== "") {
    if (existsSync(chosen)) return chosen;
    throw new SetupError(`TAPEDECK_CHROMIUM names a file that does not exist: ${chosen}`);
  }
  const candidates = [...PATH_BROWSERS.map(onPath), ...applicationBrowsers()];
  return candidates.find((file) => file !== undefined && existsSync(file) && answers(file)) ?? playwrightBrowser();
}

function installChromium() {
  const isRoot = process.getuid?.() === 0;
  if (process.platform === "linux" && isRoot && onPath("apt-get") !== undefined) {
    say("installing chromium (apt-get)");
    const env = { DEBIAN_FRONTEND: "noninteractive" };
    const wait = ["-o", "DPkg::Lock::Timeout=300", "-qq"];
    const packages = ["chromium", "fonts-dejavu-core"];
    run("apt-get", ["update", ...wait], { env });
    run("apt-get", ["install", "-y", "--no-install-recommends", ...wait, ...packages], { env });
    const found = findChromium();
    if (found !== undefined) return found;
  }
  say("installing Playwright's chromium");
  run(process.execPath, [join(MODULES, "@playwright/test/cli.js"), "install", "chromium"]);
  return findChromium();
}

/** The Chromium for browser tests, installed when there is none. */
export function ensureChromium() {
  const found = findChromium() ?? withGuard(() => findChromium() ?? installChromium());
  if (found === undefined) {
    throw new SetupError("no Chromium for the browser tests: install one, or name one in TAPEDECK_CHROMIUM.");
  }
  return found;
}

/** Ends the process with one line for a SetupError and a full report for anything else. */
export function exitWith(error) {
  if (error instanceof SetupError) say(error.message);
  else say(error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.exitCode = 1;
}
