// `npm run bench [name …]`: installs the tools to compare with, then runs each *.bench.mjs of this folder in turn, in a
// process of its own. A bench measures the built output under dist and prints its own lines.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { exitWith, runNpm, say, SetupError, setUp } from "../bin/setup.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const LOCKFILE = join(HERE, "package-lock.json");
const INSTALLED = join(HERE, "node_modules/.tapedeck-lock");

function installTools() {
  const lockfile = readFileSync(LOCKFILE, "utf8");
  if (existsSync(INSTALLED) && readFileSync(INSTALLED, "utf8") === lockfile) return;
  say("installing the packages of bench (npm ci)");
  if (!runNpm(["ci", "--no-audit", "--no-fund"], HERE)) throw new SetupError("npm ci failed in bench; its messages are above.");
  writeFileSync(INSTALLED, lockfile);
}

try {
  const wanted = process.argv.slice(2);
  const all = readdirSync(HERE).filter((name) => name.endsWith(".bench.mjs")).sort();
  const chosen = all.filter((name) => wanted.length === 0 || wanted.includes(name.replace(".bench.mjs", "")));
  if (chosen.length === 0) throw new SetupError(`no such bench; there are: ${all.join(", ") || "none yet"}`);
  setUp();
  installTools();
  for (const name of chosen) {
    say(`bench ${name}`);
    const { status } = spawnSync(process.execPath, ["--expose-gc", join(HERE, name)], { stdio: "inherit" });
    if (status !== 0) process.exitCode = 1;
  }
} catch (error) {
  exitWith(error);
}
