// Owns the question "is dist what the sources say?". Dependency-free: it runs before anything is installed.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));
export const DIST = join(ROOT, "dist");
export const STAMP = join(DIST, ".stamp");

const INPUTS = ["src", "build", "assets", "schemas", "package.json", "package-lock.json", "bin/stamp.mjs"];
// Tests and captured fixtures never reach dist, so touching them must not cost a build.
const IGNORED = /(\.(test|contract|fuzz|testkit)\.[cm]?[jt]sx?$)|((^|\/)(fixtures|node_modules)\/)|\.md$/;

function listFiles(path) {
  if (!existsSync(path)) return [];
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
    const inside = join(path, entry.name);
    if (IGNORED.test(`${relative(ROOT, inside).replaceAll(sep, "/")}${entry.isDirectory() ? "/" : ""}`)) return [];
    return entry.isDirectory() ? listFiles(inside) : [inside];
  });
}

/** Digest over the names and contents of everything that decides what dist contains (about 30 ms for 3 MB). */
export function inputDigest() {
  const files = INPUTS.flatMap((input) => listFiles(join(ROOT, input))).sort();
  const digest = createHash("sha256");
  for (const file of files) {
    const content = readFileSync(file);
    digest.update(`${relative(ROOT, file).replaceAll(sep, "/")}\0${content.length}\0`).update(content);
  }
  return digest.digest("hex");
}

export function isBuildFresh() {
  return existsSync(STAMP) && readFileSync(STAMP, "utf8").trim() === inputDigest();
}
