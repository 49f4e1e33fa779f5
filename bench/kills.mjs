// `npm run kills -- [N] [--seed S]`: N times kill -9 during a recording at 7,000 messages/s, each followed by a restart, then every
// check of src/main/engine/kill.integration.test.ts. Default 50.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { exitWith, SetupError, setUp } from "../bin/setup.mjs";
import { ROOT } from "../bin/stamp.mjs";

const USAGE = "usage: npm run kills -- [N] [--seed S]";

function whole(text, what) {
  if (!/^\d+$/.test(text) || Number(text) < 1) throw new SetupError(`${what} is a whole number from 1, got ${text}; ${USAGE}`);
  return text;
}

function readArguments() {
  try {
    const { values, positionals } = parseArgs({ options: { seed: { type: "string", default: "1" } }, allowPositionals: true });
    if (positionals.length > 1) throw new Error(`one number of kills, got ${positionals.join(" ")}`);
    return { kills: positionals[0] ?? "50", seed: values.seed };
  } catch (error) {
    throw new SetupError(`${error.message}; ${USAGE}`);
  }
}

try {
  const { kills, seed } = readArguments();
  const env = { ...process.env, TAPEDECK_KILLS: whole(kills, "the number of kills"), TAPEDECK_SEED: whole(seed, "--seed") };
  setUp();
  const words = [join(ROOT, "node_modules/vitest/vitest.mjs"), "run", "--config", "build/vitest.config.ts", "src/main/engine/kill.integration.test.ts"];
  process.exitCode = spawnSync(process.execPath, words, { cwd: ROOT, env, stdio: "inherit" }).status ?? 1;
} catch (error) {
  exitWith(error);
}
