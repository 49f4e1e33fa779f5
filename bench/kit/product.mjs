// The product's own modules for the benches: built and bundled like dist, each under its own name, in `.dist-bench`.
// Measured code is what ships; nothing runs through a transform at import time.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const OUT = join(ROOT, ".dist-bench");

const MODULES = [
  "main/bridge/client/remote-client", "main/bridge/wire/codec", "main/bridge/zmq/client-transport", "main/processes/bridge-server",
  "main/bridge/wire/decode", "main/bridge/wire/encode", "main/bridge/wire/generated/market-data",
  "main/canonical/canonicalizer", "main/derive/pipeline", "main/engine/import-files", "main/lake/lake", "main/net/node-clock",
  "main/rawlog/node-disk", "main/rawlog/reader", "main/rawlog/sha256", "main/rawlog/writer", "main/replay/tape",
  "main/sim/binance/text", "main/sim/market-model", "main/store/bridge-cache", "main/store/made-entries.testkit", "main/venues/registry",
  "shared/canonical-json", "shared/carried", "shared/control", "shared/decimal", "shared/leaf", "shared/market", "shared/raw", "shared/protocol/codec",
];

/** Takes about a second; `run.mjs` does it once, before the first bench. */
export async function buildProduct() {
  const { build, loadConfigFromFile } = await import("vite");
  const loaded = await loadConfigFromFile({ command: "build", mode: "production" }, join(ROOT, "build/vite.node.config.ts"));
  const { config } = loaded;
  config.build.outDir = OUT;
  config.build.rolldownOptions.input = Object.fromEntries(MODULES.map((name) => [name, join(ROOT, "src", `${name}.ts`)]));
  await build({ ...config, configFile: false });
}

/** `product("main/rawlog/reader")`: the exports of src/main/rawlog/reader.ts. */
export function product(name) {
  if (!MODULES.includes(name)) throw new Error(`bench/kit/product.mjs does not build ${name}`);
  return import(new URL(`../../.dist-bench/${name}.js`, import.meta.url).href);
}

/** Changes with the code that writes logs, so that a capture made by older code is never measured. */
export function logCodeDigest() {
  const folder = join(ROOT, "src/main/rawlog");
  const names = readdirSync(folder).filter((name) => /^[a-z0-9-]+\.ts$/.test(name)).sort();
  const digest = createHash("sha256");
  for (const name of names) digest.update(name).update(readFileSync(join(folder, name)));
  return digest.digest("hex").slice(0, 12);
}
