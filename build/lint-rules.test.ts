// Canaries: each kind of lint rule must fire on a snippet that breaks it, and stay silent on its lawful twin. A rule
// that nothing can trip is a line in a document.
import { fileURLToPath } from "node:url";
import { ESLint } from "eslint";
import { describe, expect, it } from "vitest";
import { lintConfig } from "./lint/config.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

function linter(typed: boolean): ESLint {
  return new ESLint({ cwd: ROOT, overrideConfigFile: true, overrideConfig: lintConfig({ typed, root: ROOT }) });
}

const untyped = linter(false);

async function firedRules(filePath: string, code: string, eslint = untyped): Promise<string[]> {
  const [result] = await eslint.lintText(code, { filePath: `${ROOT}/${filePath}` });
  return (result?.messages ?? []).map((message) => message.ruleId ?? `parse: ${message.message}`);
}

const DIRECTIONS = "tapedeck/import-directions";

const imports = (specifier: string): string => `import { thing } from "${specifier}";\nthing();\n`;
const importsType = (specifier: string): string => `import type { Thing } from "${specifier}";\nexport type Mine = Thing;\n`;

const CROSSED: ReadonlyArray<readonly [file: string, code: string]> = [
  ["src/shared/a.ts", imports("../main/rawlog/writer.ts")],
  ["src/shared/a.ts", importsType("../renderer/store/view.ts")],
  ["src/shared/a.ts", imports("node:fs")],
  ["src/shared/a.ts", imports("crypto")],
  ["src/shared/a.ts", imports("react")],
  ["src/renderer/a.ts", imports("../main/engine/engine.ts")],
  ["src/renderer/a.ts", imports("node:path")],
  ["src/renderer/deck/a.ts", imports("lightweight-charts")],
  ["src/main/engine/a.ts", imports("../../renderer/store/view.ts")],
  ["src/main/engine/a.ts", imports("../compose.ts")],
  ["src/main/engine/a.ts", imports("../shell/browser/main.ts")],
  ["src/main/rawlog/a.ts", imports("../engine/engine.ts")],
  ["src/main/rawlog/a.ts", imports("../canonical/fold.ts")],
  ["src/main/rawlog/a.ts", imports("../compose.ts")],
  ["src/main/canonical/a.ts", imports("../rawlog/reader.ts")],
  ["src/main/canonical/a.ts", imports("node:crypto")],
  ["src/main/venues/binance/decode.ts", imports("node:zlib")],
  ["src/main/replay/player.ts", imports("node:timers")],
  ["src/main/replay/a.ts", imports("../venues/registry.ts")],
  ["src/main/sim/a.ts", imports("../canonical/fold.ts")],
  ["src/main/sim/a.ts", importsType("../canonical/types.ts")],
  ["src/main/sim/a.ts", imports("../venues/binance/decode.ts")],
  ["src/main/compose.ts", imports("./workers/recorder.ts")],
  ["src/main/workers/a.ts", imports("./recorder.ts")],
  ["src/main/anything/a.ts", imports("../rawlog/reader.ts")],
  ["src/main/rawlog/a.ts", 'export async function load() { return import("../engine/engine.ts"); }\n'],
  ["src/main/rawlog/a.ts", 'export { thing } from "../engine/engine.ts";\nexport const one = 1;\n'],
  ["src/main/rawlog/a.ts", 'export type Mine = import("../engine/engine.ts").Thing;\n'],
  ["src/main/rawlog/a.ts", imports("./writer.testkit.ts")],
  ["src/main/rawlog/a.ts", imports("./writer")],
  ["src/main/engine/a.ts", importsType("electron")],
  ["src/main/engine/a.test.ts", imports("electron")],
  ["src/main/venues/a.ts", imports("ws")],
  ["src/main/replay/a.ts", imports("@mcap/core")],
  ["src/main/store/a.ts", imports("@foxglove/wasm-zstd")],
  ["src/main/engine/a.ts", imports("commander")],
  ["src/main/engine/a.ts", imports("@duckdb/node-api")],
  ["src/main/engine/a.ts", imports("react")],
  ["src/main/engine/a.ts", imports("left-pad")],
];

const LAWFUL: ReadonlyArray<readonly [file: string, code: string]> = [
  ["src/shared/a.ts", imports("./base.ts")],
  ["src/shared/a.ts", imports("zod")],
  ["src/shared/protocol/a.ts", imports("../decimal.ts")],
  ["src/renderer/chart/a.ts", imports("lightweight-charts")],
  ["src/renderer/chart/a.ts", imports("../../shared/decimal.ts")],
  ["src/renderer/main.tsx", 'import "@fontsource-variable/inter/index.css";\nimport "./theme/app.css";\n'],
  ["src/main/canonical/a.ts", imports("../../shared/decimal.ts")],
  ["src/main/replay/a.ts", imports("../canonical/fold.ts")],
  ["src/main/replay/a.ts", importsType("../rawlog/types.ts")],
  ["src/main/importers/a.ts", imports("../rawlog/writer.ts")],
  ["src/main/importers/a.ts", imports("../venues/registry.ts")],
  ["src/main/sim/a.ts", importsType("../venues/binance/wire.ts")],
  ["src/main/sim/a.ts", imports("ws")],
  ["src/main/net/a.ts", imports("ws")],
  ["src/main/shell/browser/main.ts", imports("ws")],
  ["src/main/shell/electron/window.ts", imports("electron")],
  ["src/main/rawlog/a.ts", imports("node:fs")],
  ["src/main/rawlog/a.ts", imports("@mcap/core")],
  ["src/main/engine/a.ts", imports("../rawlog/writer.ts")],
  ["src/main/workers/a.ts", imports("../engine/engine.ts")],
  ["src/main/commands/a.ts", imports("../compose.ts")],
  ["src/main/rawlog/a.test.ts", imports("../sim/market.ts")],
  ["src/main/rawlog/a.test.ts", imports("vitest")],
];

describe("import directions", () => {
  it.each(CROSSED)("are crossed by %s: %s", async (file, code) => {
    expect(await firedRules(file, code)).toEqual([DIRECTIONS]);
  });

  it.each(LAWFUL)("allow %s: %s", async (file, code) => {
    expect(await firedRules(file, code)).toEqual([]);
  });
});

const IMPURITIES = [
  "Date.now()", "new Date()", "performance.now()", "crypto.randomUUID()", "setTimeout(f, 1)", "setInterval(f, 1)",
  "setImmediate(f)", "queueMicrotask(f)", "process.env", "Buffer.alloc(1)", 'fetch("x")', "window.name",
  "document.title", "globalThis.Date",
];

describe("pure files", () => {
  it.each(IMPURITIES)("may not use %s", async (expression) => {
    const code = `export const value = (f: () => void): unknown => [f, ${expression}];\n`;
    expect(await firedRules("src/shared/a.ts", code)).toEqual(["no-restricted-globals"]);
  });

  it("may not use Math.random, nor take it apart", async () => {
    expect(await firedRules("src/main/canonical/a.ts", "export const value = Math.random();\n")).toEqual(["no-restricted-properties"]);
    expect(await firedRules("src/main/canonical/a.ts", "export const { random } = Math;\n")).toEqual(["no-restricted-properties"]);
  });

  it.each(["src/main/canonical/a.ts", "src/main/venues/okx/decode.ts", "src/main/replay/player.ts"])("include %s", async (file) => {
    expect(await firedRules(file, "export const now = (): number => Date.now();\n")).toEqual(["no-restricted-globals"]);
  });

  it("do not include their neighbours and tests", async () => {
    const code = "export const now = (): number => Date.now();\n";
    expect(await firedRules("src/main/venues/okx/backfill.ts", code)).toEqual([]);
    expect(await firedRules("src/shared/a.test.ts", code)).toEqual([]);
  });
});

const lines = (count: number): string => "// comment\n\nvoid 0;\n".repeat(count);

describe("style", () => {
  it.each([
    ["a default export", "export default 1;\n", "no-restricted-syntax"],
    ["a default export by name", "const one = 1;\nexport { one as default };\n", "no-restricted-syntax"],
    ["console", 'console.log("x");\n', "no-console"],
    ["any", "export const f = (x: any): unknown => x;\n", "@typescript-eslint/no-explicit-any"],
    ["a non-null assertion", "export const f = (x?: string): string => x!;\n", "@typescript-eslint/no-non-null-assertion"],
    ["an unused name", "const one = 1;\n", "@typescript-eslint/no-unused-vars"],
    ["loose equality", "export const f = (x: unknown): boolean => x == 1;\n", "eqeqeq"],
    ["a barrel", 'export * from "./b.ts";\nexport { c } from "./c.ts";\n', "tapedeck/no-barrel"],
    ["a barrel in two steps", 'import { b } from "./b.ts";\nexport { b };\n', "tapedeck/no-barrel"],
    ["a file over 400 lines", lines(401), "max-lines"],
  ])("refuses %s", async (_name, code, rule) => {
    expect(await firedRules("src/main/rawlog/a.ts", code)).toEqual([rule]);
  });

  it("counts neither comments nor blank lines, and gives tests 800", async () => {
    expect(await firedRules("src/main/rawlog/a.ts", lines(400))).toEqual([]);
    expect(await firedRules("src/main/rawlog/a.test.ts", lines(800))).toEqual([]);
    expect(await firedRules("src/main/rawlog/a.test.ts", lines(801))).toEqual(["max-lines"]);
  });

  it("lets the command line's output module print", async () => {
    expect(await firedRules("src/main/cli-output.ts", 'console.log("x");\n')).toEqual([]);
  });

  it("refuses a promise that nobody waits for", async () => {
    const code = "export async function f(): Promise<void> {\n  f();\n}\n";
    // The type checker judges files of a real program only, so this snippet borrows the name of one.
    expect(await firedRules("build/vitest.config.ts", code, linter(true))).toContain("@typescript-eslint/no-floating-promises");
  }, 120_000);
});
