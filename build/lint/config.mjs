// The lint configuration as a function, so that its own test can run it without the type checker.
import js from "@eslint/js";
import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";
import { importDirections, noBarrel } from "./import-directions.mjs";
import { PURE_FILES, TEST_FILES } from "./zones.mjs";

const LINES_MAX = 400;
const TEST_LINES_MAX = 800;

const IMPURE_GLOBALS = [
  "Date", "performance", "crypto", "setTimeout", "setInterval", "setImmediate", "queueMicrotask", "process", "Buffer",
  "fetch", "window", "document", "navigator", "localStorage", "globalThis", "global", "self", "WebSocket", "Worker",
  "requestAnimationFrame", "requestIdleCallback",
];

const NO_DEFAULT_EXPORT = [
  { selector: "ExportDefaultDeclaration", message: "Named exports only." },
  { selector: "ExportSpecifier[exported.name='default']", message: "Named exports only." },
];

const tapedeck = { rules: { "import-directions": importDirections, "no-barrel": noBarrel } };

// What only the type checker can see. A promise nobody waits for is an error nobody hears.
const typedRules = {
  "@typescript-eslint/no-floating-promises": "error",
  "@typescript-eslint/no-misused-promises": ["error", { checksVoidReturn: { attributes: false } }],
  "@typescript-eslint/await-thenable": "error",
};

export function lintConfig({ typed, root }) {
  return defineConfig(
    {
      ignores: [
        "dist/", ".dist-*/", "node_modules/", "bench/node_modules/", "release/", "coverage/", "data/", "test-results/",
        "**/generated/", "build/pure-globals.d.ts",
      ],
    },
    js.configs.recommended,
    {
      files: ["**/*.{ts,tsx}"],
      extends: [tseslint.configs.recommended],
      languageOptions: typed ? { parserOptions: { projectService: true, tsconfigRootDir: root } } : {},
      rules: {
        ...(typed ? typedRules : {}),
        // The compiler knows the names that exist in each program; this rule would only guess.
        "no-undef": "off",
        "@typescript-eslint/no-explicit-any": "error",
        "@typescript-eslint/no-non-null-assertion": "error",
        "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_", caughtErrors: "none" }],
      },
    },
    {
      files: ["**/*.{js,mjs}"],
      languageOptions: {
        globals: {
          console: "readonly", performance: "readonly", process: "readonly", URL: "readonly",
          setTimeout: "readonly", clearTimeout: "readonly", fetch: "readonly", Buffer: "readonly", AbortController: "readonly",
        },
      },
    },
    {
      files: ["**/*.{ts,tsx,js,mjs}"],
      plugins: { tapedeck },
      rules: {
        eqeqeq: "error",
        "max-lines": ["error", { max: LINES_MAX, skipBlankLines: true, skipComments: true }],
        "no-restricted-syntax": ["error", ...NO_DEFAULT_EXPORT],
        "tapedeck/no-barrel": "error",
      },
    },
    {
      files: ["src/**/*.{ts,tsx}"],
      rules: { "no-console": "error", "tapedeck/import-directions": "error" },
    },
    { files: ["src/main/cli-output.ts"], rules: { "no-console": "off" } },
    {
      files: PURE_FILES.map((pattern) => (pattern.endsWith("**") ? `${pattern}/*.ts` : pattern)),
      ignores: TEST_FILES,
      rules: {
        "no-restricted-globals": ["error", ...IMPURE_GLOBALS.map((name) => ({ name, message: "This file is pure: take it as an argument." }))],
        "no-restricted-properties": ["error", { object: "Math", property: "random", message: "This file is pure." }],
      },
    },
    {
      files: TEST_FILES,
      rules: {
        "max-lines": ["error", { max: TEST_LINES_MAX, skipBlankLines: true, skipComments: true }],
        "@typescript-eslint/no-non-null-assertion": "off",
      },
    },
    {
      // Tools whose contract is a default export.
      files: ["**/*.config.{ts,js,mjs}"],
      rules: { "no-restricted-syntax": "off" },
    },
  );
}
