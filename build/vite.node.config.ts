// Everything that runs in Node or in Electron's main process: one multi-entry ESM build with fixed names, so that a
// worker is started by a path that is known before the build. Packages stay outside; only our own source is bundled.
import { existsSync, readdirSync } from "node:fs";
import { isBuiltin } from "node:module";
import { basename, isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const MAIN = join(ROOT, "src/main");
/** Each file in these is started by its path: threads, and child processes for what must not live in a thread. */
const STARTED_BY_PATH = ["workers", "processes"];
const NOT_AN_ENTRY = /\.(test|contract|fuzz|testkit|d)\.ts$/;

const NAMED_ENTRIES: Readonly<Record<string, string>> = {
  cli: join(MAIN, "cli.ts"),
  index: join(MAIN, "index.ts"),
  "browser-shell": join(MAIN, "shell/browser/main.ts"),
  // For programs of others that speak to the bridge (docs/bridge).
  "market-data": join(MAIN, "bridge/wire/generated/market-data.ts"),
};

function entriesIn(folder: string): Record<string, string> {
  const path = join(MAIN, folder);
  if (!existsSync(path)) return {};
  const names = readdirSync(path).filter((name) => name.endsWith(".ts") && !NOT_AN_ENTRY.test(name));
  return Object.fromEntries(names.sort().map((name) => [`${folder}/${basename(name, ".ts")}`, join(path, name)]));
}

function existingEntries(): Record<string, string> {
  const entries = Object.assign({}, NAMED_ENTRIES, ...STARTED_BY_PATH.map(entriesIn)) as Record<string, string>;
  return Object.fromEntries(Object.entries(entries).filter(([, file]) => existsSync(file)));
}

function isExternal(id: string): boolean {
  // What the compiler inserts for `await using` on Node 20 is part of our output, not a package that we depend on.
  if (id.startsWith("@oxc-project/runtime")) return false;
  return isBuiltin(id) || (!id.startsWith(".") && !id.startsWith("\0") && !isAbsolute(id));
}

export default defineConfig({
  root: ROOT,
  publicDir: false,
  logLevel: "warn",
  build: {
    ssr: true,
    target: "node20",
    outDir: join(ROOT, "dist/main"),
    emptyOutDir: true,
    sourcemap: true,
    minify: false,
    rolldownOptions: {
      input: existingEntries(),
      external: isExternal,
      output: {
        format: "esm",
        entryFileNames: "[name].js",
        chunkFileNames: "chunks/[name].js",
        assetFileNames: "assets/[name][extname]",
      },
    },
  },
});
