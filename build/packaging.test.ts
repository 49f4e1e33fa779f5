// The packaging configuration is data that nothing else reads until a release; here its schema reads it offline.
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const load = createRequire(import.meta.url);

interface Packaging {
  readonly files: readonly string[];
  readonly linux: { readonly icon: string };
}

interface Validator {
  validateConfiguration(config: unknown, debugLogger: unknown): Promise<void>;
}

const { validateConfiguration } = load("app-builder-lib/out/util/config/config.js") as Validator;
const { DebugLogger } = load("builder-util") as { DebugLogger: new (isEnabled: boolean) => unknown };
const yaml = load("js-yaml") as { load(text: string): unknown };

function readPackaging(): Packaging {
  return yaml.load(readFileSync(join(ROOT, "electron-builder.yml"), "utf8")) as Packaging;
}

const validate = (config: unknown): Promise<void> => validateConfiguration(config, new DebugLogger(false));

describe("electron-builder.yml", () => {
  it("satisfies electron-builder's schema", async () => {
    await expect(validate(readPackaging())).resolves.toBeUndefined();
  });

  it("would be refused with a key that does not exist", async () => {
    await expect(validate({ ...readPackaging(), asarUnpacked: [] })).rejects.toThrow(/asarUnpacked/);
  });

  it("names an icon that exists and ships what is built", () => {
    expect(existsSync(join(ROOT, readPackaging().linux.icon))).toBe(true);
    expect(readPackaging().files).toEqual(expect.arrayContaining(["dist/**", "LICENSE", "NOTICE"]));
    for (const name of ["LICENSE", "NOTICE"]) expect(existsSync(join(ROOT, name))).toBe(true);
  });
});

describe("the lockfiles", () => {
  it.each(["package-lock.json", "bench/package-lock.json"])("%s names no registry", (name) => {
    expect(readFileSync(join(ROOT, name), "utf8")).not.toMatch(/"resolved"/);
  });

  it("pin every direct dependency exactly", () => {
    const { dependencies, devDependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as Record<string, Record<string, string>>;
    for (const version of Object.values({ ...dependencies, ...devDependencies })) expect(version).toMatch(/^\d/);
  });
});
