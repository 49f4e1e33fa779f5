// `npm run typecheck`: every program with its own ambient types, two at a time. Programs without files are skipped.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const TSC = join(ROOT, "node_modules/typescript/bin/tsc");
const CACHE = join(ROOT, "node_modules/.cache/typecheck");
const AT_ONCE = 2;

const PROGRAMS = [
  { name: "main", config: "src/main/tsconfig.json" },
  { name: "renderer", config: "src/renderer/tsconfig.json" },
  { name: "shared", config: "src/shared/tsconfig.json" },
  { name: "canonical", config: "src/main/canonical/tsconfig.json" },
  { name: "tests and tools", config: "tsconfig.json" },
];

function hasSources(config) {
  const folder = join(ROOT, config, "..");
  return (
    existsSync(folder) &&
    readdirSync(folder, { recursive: true }).some((name) => /\.tsx?$/.test(name) && !/node_modules/.test(name))
  );
}

function check({ name, config }) {
  const info = join(CACHE, `${name.replaceAll(" ", "-")}.tsbuildinfo`);
  const args = [TSC, "-p", join(ROOT, config), "--noEmit", "--incremental", "--tsBuildInfoFile", info, "--pretty", "false"];
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (output += chunk));
    child.on("error", (error) => resolve({ name, code: 1, output: String(error) }));
    child.on("close", (code) => resolve({ name, code: code ?? 1, output }));
  });
}

mkdirSync(CACHE, { recursive: true });
const queue = PROGRAMS.filter((program) => hasSources(program.config));
let failures = 0;
async function work() {
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { name, code, output } = await check(next);
    if (code !== 0) failures += 1;
    console.log(`typecheck ${name}: ${code === 0 ? "ok" : "FAILED"}`);
    if (output.trim() !== "") console.log(output.trimEnd());
  }
}
await Promise.all(Array.from({ length: AT_ONCE }, work));
process.exitCode = failures === 0 ? 0 : 1;
