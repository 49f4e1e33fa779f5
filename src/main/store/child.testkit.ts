// Bundles cache-writer.testkit.ts and starts it in a process of its own, as the program's own child processes are started.
import { type ChildProcess, spawn } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "vite";
import type { WriterOrders } from "./cache-writer.testkit.ts";

const DUCKDB = "@duckdb/node-api";

/** The path of the bundle, in `folder`. */
export async function bundleWriter(folder: string): Promise<string> {
  const entry = fileURLToPath(new URL("cache-writer.testkit.ts", import.meta.url));
  await build({
    configFile: false, logLevel: "error", publicDir: false,
    build: {
      ssr: true, target: "node20", outDir: folder, minify: false,
      // The bundle lies outside of the checkout, where no package is found by its name.
      rolldownOptions: {
        input: { writer: entry }, external: [DUCKDB, /^node:/],
        output: { format: "esm", entryFileNames: "[name].mjs", paths: { [DUCKDB]: pathToFileURL(createRequire(import.meta.url).resolve(DUCKDB)).href } },
      },
    },
  });
  return join(folder, "writer.mjs");
}

export interface Writer {
  readonly child: ChildProcess;
  /** Every line that it said so far. */
  readonly lines: readonly string[];
  /** The first line: the cache is open. Rejects with what it said on stderr when it ends before. */
  readonly opened: Promise<void>;
  /** After so many lines. */
  readonly reported: (count: number) => Promise<void>;
  /** Its exit code or signal, after its last line. */
  readonly ended: Promise<string | number>;
  readonly complaints: () => string;
}

/** `fileKilobytesMax`: the operating system lets no file of it grow beyond. */
export function startWriter(bundle: string, orders: WriterOrders, fileKilobytesMax?: number): Writer {
  const words = [bundle, JSON.stringify({ cacheWriter: orders })];
  const child = fileKilobytesMax === undefined
    ? spawn(process.execPath, words, { stdio: ["ignore", "pipe", "pipe"] })
    : spawn("bash", ["-c", `ulimit -f ${fileKilobytesMax}; exec "$0" "$@"`, process.execPath, ...words], { stdio: ["ignore", "pipe", "pipe"] });
  const lines: string[] = [];
  let complaints = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (complaints += text));
  const output = createInterface({ input: child.stdout ?? process.stdin });
  const ended = new Promise<string | number>((resolve) => child.on("close", (code, signal) => resolve(signal ?? code ?? -1)));
  const opened = new Promise<void>((resolve, reject) => {
    output.once("line", () => resolve());
    void ended.then((how) => reject(new Error(`the writer ended with ${how}: ${complaints}`)));
  });
  opened.catch(() => undefined);
  output.on("line", (line) => lines.push(line));
  const reported = (count: number): Promise<void> => new Promise((resolve, reject) => {
    const look = (): void => {
      if (lines.length >= count) resolve();
    };
    output.on("line", look);
    void ended.then((how) => reject(new Error(`the writer ended with ${how}: ${complaints}`)));
    look();
  });
  return { child, lines, opened, reported, ended, complaints: () => complaints };
}
