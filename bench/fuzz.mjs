// `npm run fuzz -- <target> [--minutes N --seed N --input N]`: builds the fuzz targets as the product is built and runs them (src/main/fuzz).
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { exitWith, setUp } from "../bin/setup.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const OUT = join(ROOT, ".dist-fuzz");

async function build() {
  const vite = await import("vite");
  const { config } = await vite.loadConfigFromFile({ command: "build", mode: "production" }, join(ROOT, "build/vite.node.config.ts"));
  config.build.outDir = OUT;
  config.build.rolldownOptions.input = { fuzz: join(ROOT, "src/main/fuzz/main.fuzz.ts") };
  await vite.build({ ...config, configFile: false });
}

try {
  setUp({ build: false });
  await build();
  const { status } = spawnSync(process.execPath, ["--expose-gc", join(OUT, "fuzz.js"), ...process.argv.slice(2)], { stdio: "inherit", cwd: ROOT });
  process.exitCode = status ?? 1;
} catch (error) {
  exitWith(error);
}
