// `npm run build`: main, preload and renderer into a folder beside dist, which then takes dist's place in one rename.
// The stamp is part of that folder: a build that was interrupted leaves the old dist with a stamp that no longer fits.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build, loadConfigFromFile, mergeConfig } from "vite";
import { DIST, inputDigest, isBuildFresh, ROOT } from "../bin/stamp.mjs";

// Beside dist and not inside it, so that the relative paths in source maps hold after the rename.
const NEXT = join(ROOT, `.dist-next-${process.pid}`);
const OLD = join(ROOT, `.dist-old-${process.pid}`);

const PARTS = [
  {
    name: "main",
    config: "build/vite.node.config.ts",
    entries: ["src/main/cli.ts", "src/main/index.ts", "src/main/shell/browser/main.ts"],
  },
  { name: "preload", config: "build/vite.preload.config.ts", entries: ["src/main/shell/electron/preload.ts"] },
  { name: "renderer", config: "build/vite.renderer.config.ts", entries: ["src/renderer/index.html"] },
];

function say(line) {
  process.stderr.write(`build: ${line}\n`);
}

async function buildPart({ name, config, entries }) {
  const missing = entries.filter((entry) => !existsSync(join(ROOT, entry)));
  for (const entry of missing) say(`${entry} does not exist, skipped`);
  if (missing.length === entries.length) return;
  const loaded = await loadConfigFromFile({ command: "build", mode: "production" }, join(ROOT, config));
  await build({ configFile: false, ...mergeConfig(loaded.config, { build: { outDir: join(NEXT, name) } }) });
}

function removeLeftovers() {
  for (const name of readdirSync(ROOT)) {
    const pid = /^\.dist-(?:next|old)-(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(ROOT, name), { recursive: true, force: true });
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

function putInPlace() {
  if (existsSync(DIST)) renameSync(DIST, OLD);
  renameSync(NEXT, DIST);
  rmSync(OLD, { recursive: true, force: true });
}

const started = performance.now();
if (process.argv.includes("--if-stale") && isBuildFresh()) {
  say("dist is up to date");
} else {
  removeLeftovers();
  // Taken before the first file is read: a source edited during the build makes this build stale, not fresh.
  const digest = inputDigest();
  try {
    mkdirSync(NEXT, { recursive: true });
    for (const part of PARTS) await buildPart(part);
    writeFileSync(join(NEXT, ".stamp"), `${digest}\n`);
    putInPlace();
    say(`done in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  } catch (error) {
    rmSync(NEXT, { recursive: true, force: true });
    say(`failed: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
