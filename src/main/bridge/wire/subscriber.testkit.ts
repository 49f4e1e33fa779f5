// Runs the subscribers of docs/bridge as a stranger would: in a folder of their own, beside the generated code, in a process of their own.
import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const ROOT = fileURLToPath(new URL("../../../..", import.meta.url));

const PROGRAMS = ["subscriber.mjs", "subscriber.py", "resuming.mjs", "resuming.py"] as const;
export type Program = (typeof PROGRAMS)[number];

export interface Ran {
  readonly code: number | null;
  readonly lines: readonly string[];
  readonly errors: string;
}

export interface Subscribers {
  /** Resolves when it has ended. The head of each program says its arguments. */
  run(program: Program, args: readonly string[]): Promise<Ran>;
  close(): void;
}

/** Without pyzmq and flatbuffers, or without flatc, Python's subscriber can only be compiled. */
export const canRunPython = spawnSync("python3", ["-c", "import zmq, flatbuffers"]).status === 0 && spawnSync("flatc", ["--version"]).status === 0;

/** Builds the generated code as `npm run build` does, but without touching dist. */
export async function prepareSubscribers(): Promise<Subscribers> {
  const folder = mkdtempSync(join(tmpdir(), "tapedeck-subscriber-"));
  const docs = join(folder, "docs/bridge");
  mkdirSync(docs, { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"), "junction");
  for (const name of PROGRAMS) copyFileSync(join(ROOT, "docs/bridge", name), join(docs, name));
  await build({
    configFile: false, root: ROOT, publicDir: false, logLevel: "warn",
    build: {
      ssr: true, target: "node20", outDir: join(folder, "dist/main"), emptyOutDir: true,
      rolldownOptions: { input: { "market-data": join(ROOT, "src/main/bridge/wire/generated/market-data.ts") }, external: ["flatbuffers"], output: { entryFileNames: "[name].js" } },
    },
  });
  if (canRunPython) spawnSync("flatc", ["--python", "-o", docs, join(ROOT, "schemas/market_data.fbs")]);
  return {
    run: (program, args) => ended(program.endsWith(".py") ? "python3" : process.execPath, [join(docs, program), ...args]),
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function ended(command: string, args: readonly string[]): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    let errors = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, lines: output.split("\n").filter((line) => line !== ""), errors }));
  });
}
