// `npm run bench [-- name … --json --minutes N]`: installs the tools to compare with, builds the product's modules for measuring,
// then runs each *.bench.mjs of this folder in turn, in a process of its own. Exit 1 when a target was missed or a bench failed.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { exitWith, runNpm, say, SetupError, setUp } from "../bin/setup.mjs";
import { buildProduct } from "./kit/product.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const LOCKFILE = join(HERE, "package-lock.json");
const INSTALLED = join(HERE, "node_modules/.tapedeck-lock");
/** Only by name: they take minutes. */
const LONG = ["memory", "remote"];

function installTools() {
  const lockfile = readFileSync(LOCKFILE, "utf8");
  if (existsSync(INSTALLED) && readFileSync(INSTALLED, "utf8") === lockfile) return;
  say("installing the packages of bench (npm ci)");
  if (!runNpm(["ci", "--no-audit", "--no-fund"], HERE)) throw new SetupError("npm ci failed in bench; its messages are above.");
  writeFileSync(INSTALLED, lockfile);
}

function readArguments() {
  try {
    return parseArgs({ options: { json: { type: "boolean", default: false }, minutes: { type: "string" } }, allowPositionals: true });
  } catch (error) {
    throw new SetupError(`${error.message}; usage: npm run bench -- [name …] [--json] [--minutes N]`);
  }
}

function chooseBenches(wanted) {
  const all = readdirSync(HERE).filter((name) => name.endsWith(".bench.mjs")).map((name) => name.replace(".bench.mjs", "")).sort();
  const unknown = wanted.find((name) => !all.includes(name));
  if (unknown !== undefined) throw new SetupError(`no bench ${unknown}; there are: ${all.join(", ")}`);
  return wanted.length === 0 ? all.filter((name) => !LONG.includes(name)) : wanted;
}

try {
  const { values, positionals } = readArguments();
  const chosen = chooseBenches(positionals);
  const options = [...(values.json ? ["--json"] : []), ...(values.minutes === undefined ? [] : ["--minutes", values.minutes])];
  setUp();
  installTools();
  await buildProduct();
  for (const name of chosen) {
    say(`bench ${name}`);
    const { status } = spawnSync(process.execPath, ["--expose-gc", join(HERE, `${name}.bench.mjs`), ...options], { stdio: "inherit" });
    if (status !== 0) process.exitCode = 1;
  }
} catch (error) {
  exitWith(error);
}
