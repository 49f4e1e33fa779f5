// `npm run codegen [-- --check]`: schemas/market_data.fbs → src/main/bridge/wire/generated. `--check` compares instead of writing and
// ends with exit 1, naming the first file that differs. Only flatc 2.0.8 counts: another version writes other code from the same schema.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const SCHEMA = join(ROOT, "schemas/market_data.fbs");
const OUT = join(ROOT, "src/main/bridge/wire/generated");
const FLATC_VERSION = "flatc version 2.0.8";
const HEADER = "// Made by build/codegen.mjs from schemas/market_data.fbs (flatc 2.0.8): do not edit, run `npm run codegen`.\n";

/** A failure whose message is all that the user needs to see. */
export class CodegenError extends Error {}

function versionOf(flatc) {
  const result = spawnSync(flatc, ["--version"], { encoding: "utf8" });
  return result.error === undefined && result.status === 0 ? result.stdout.trim() : undefined;
}

/** Undefined when there is no flatc of the version that the committed code was made with. */
export function flatcVersion() {
  return versionOf("flatc");
}

/** Debian 12 has exactly the version we need; anywhere else a person has to put it on the path. */
function installFlatc() {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return;
  process.stderr.write("codegen: installing flatbuffers-compiler (apt-get)\n");
  const options = { stdio: ["ignore", 2, 2], env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } };
  const wait = ["-o", "DPkg::Lock::Timeout=300", "-qq"];
  spawnSync("apt-get", ["update", ...wait], options);
  spawnSync("apt-get", ["install", "-y", "--no-install-recommends", ...wait, "flatbuffers-compiler"], options);
}

/** For CI: where flatc is missing and may be installed, it is, so that the comparison is made and not skipped. */
export function ensureFlatc() {
  if (versionOf("flatc") === undefined) installFlatc();
}

function requireFlatc() {
  ensureFlatc();
  const version = versionOf("flatc");
  if (version === FLATC_VERSION) return;
  const found = version === undefined ? "there is none on the path" : `found ${version}`;
  throw new CodegenError(`${FLATC_VERSION} is needed and ${found}: install Debian 12's flatbuffers-compiler, or put that flatc on the path`);
}

/** Everything in one folder, imports with their extension, as the rest of the code has them. */
function adapted(source) {
  return HEADER + source.replace(/^\/\/ automatically generated.*\n+/, "").replace(/(from ')(?:\.\.\/\.\.|\.)\/tapedeck\/wire\/([a-z-]+)(')/g, "$1./$2.ts$3");
}

function upper(name) {
  return name.replace(/(?<=[a-z0-9])(?=[A-Z])/g, "_").toUpperCase();
}

/** `CANDLE = { kind: 0, ts: 1 … }` out of the accessors that flatc wrote, so that slots are counted by flatc alone. */
function tableLayout(source) {
  const name = /^export class (\w+)/m.exec(source)?.[1];
  const slots = [...source.matchAll(/static add(\w+)\(builder:[^{]*\{\s*builder\.addField\w+\((\d+)/g)];
  if (name === undefined || /static sizeOf\(\)/.test(source)) return "";
  const count = /builder\.startObject\((\d+)\)/.exec(source)?.[1];
  if (Number(count) !== slots.length) throw new CodegenError(`${name}: flatc wrote ${count} fields, but ${slots.length} were understood; adapt build/codegen.mjs`);
  const members = slots.map(([, field = "", slot = ""]) => `${field[0]?.toLowerCase()}${field.slice(1)}: ${slot}`);
  return `export const ${upper(name)} = { ${members.join(", ")} } as const;\n`.replace("{  }", "{}");
}

function enumLayout(source) {
  const match = /^export enum (\w+) ?\{([^}]*)\}/m.exec(source);
  if (match === null) return "";
  const members = [...(match[2] ?? "").matchAll(/^\s*(\w+) = (\d+)/gm)].map(([, member, value]) => `${member}: ${value}`);
  return `export const ${upper(match[1] ?? "")}_VALUES = { ${members.join(", ")} } as const;\n`;
}

/** The generated files by name. */
function generate() {
  const folder = mkdtempSync(join(tmpdir(), "tapedeck-codegen-"));
  try {
    const result = spawnSync("flatc", ["--ts", "-o", folder, SCHEMA], { encoding: "utf8" });
    if (result.status !== 0) throw new CodegenError(`flatc refuses ${relative(ROOT, SCHEMA)}: ${(result.stderr + result.stdout).trim()}`);
    const paths = readdirSync(folder, { recursive: true }).filter((path) => path.endsWith(".ts")).sort();
    const files = new Map();
    let layout = `${HEADER}// Slots of every table and members of every enum, for the codec's own reader and writer.\n\n`;
    for (const path of paths) {
      const source = readFileSync(join(folder, path), "utf8");
      files.set(path === "market_data_generated.ts" ? "market-data.ts" : basename(path), adapted(source));
      layout += tableLayout(source) + enumLayout(source);
    }
    return files.set("layout.ts", layout);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The first difference between what is committed and what flatc writes now; undefined when there is none. */
export function firstDifference() {
  const files = generate();
  const found = new Set(readdirSync(OUT, { withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => entry.name));
  for (const [name, text] of files) {
    const path = relative(ROOT, join(OUT, name));
    if (!found.has(name)) return `${path} is missing`;
    if (readFileSync(join(OUT, name), "utf8") !== text) return `${path} differs from what flatc makes of ${relative(ROOT, SCHEMA)}`;
  }
  const extra = [...found].sort().find((name) => !files.has(name));
  return extra === undefined ? undefined : `${relative(ROOT, join(OUT, extra))} is not generated from the schema`;
}

function write() {
  const files = generate();
  rmSync(OUT, { recursive: true, force: true });
  mkdirSync(OUT, { recursive: true });
  for (const [name, text] of files) writeFileSync(join(OUT, name), text);
  process.stderr.write(`codegen: ${files.size} files in ${relative(ROOT, OUT)}\n`);
}

function main(args) {
  const unknown = args.find((argument) => argument !== "--check");
  if (unknown !== undefined) throw new CodegenError(`unknown argument ${unknown}; usage: npm run codegen [-- --check]`);
  requireFlatc();
  if (!args.includes("--check")) return write();
  const difference = firstDifference();
  if (difference !== undefined) throw new CodegenError(`${difference}: run \`npm run codegen\` and commit the result`);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    main(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof CodegenError)) throw error;
    process.stderr.write(`codegen: ${error.message}\n`);
    process.exitCode = 1;
  }
}
