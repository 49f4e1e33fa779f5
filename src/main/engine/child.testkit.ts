// Child processes for tests: bundles single entries into a folder of their own, quickly, since `dist` may be of another moment.
import { mkdtemp, mkdir, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "vite";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

export interface BuiltEntries extends AsyncDisposable {
  /** As `dist/main/` is: entries by their file's name without `.ts`. */
  entry(name: string): URL;
}

/** `files` are paths from the repository's root. Packages stay outside and are found in its node_modules. */
export async function buildEntries(files: readonly string[]): Promise<BuiltEntries> {
  const cache = join(ROOT, "node_modules/.cache/tapedeck-tests");
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, "entries-"));
  await build({
    configFile: false, root: ROOT, logLevel: "error", publicDir: false,
    build: {
      ssr: true, target: "node20", outDir: folder, minify: false,
      rolldownOptions: {
        input: Object.fromEntries(files.map((file) => [basename(file, ".ts"), join(ROOT, file)])),
        external: (id: string) => !id.startsWith(".") && !id.startsWith("/") && !id.startsWith("\0") && !id.startsWith("@oxc-project/runtime"),
        output: { format: "esm", entryFileNames: "[name].mjs", chunkFileNames: "[name]-chunk.mjs" },
      },
    },
  });
  return {
    entry: (name) => pathToFileURL(join(folder, `${name}.mjs`)),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Whether a process of this id is still there; one that only waits to be collected by its parent is not. */
export async function isRunning(pid: number): Promise<boolean> {
  const { readFile } = await import("node:fs/promises");
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const state = stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3);
  return state !== "" && state !== "Z" && state !== "X";
}
