// The decisions of the set-up scripts that need neither a network nor an install.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findElectron, hasDisplay } from "./electron.mjs";
import { checkNode, installedMatches, SetupError } from "./setup.mjs";
import { countPlaywright, countVitest, withExitCode } from "./test.mjs";

describe("checkNode", () => {
  it.each(["20.19.0", "20.20.2", "22.0.0", "24.1.0"])("accepts %s", (version) => {
    expect(() => checkNode(version)).not.toThrow();
  });

  it.each(["18.20.0", "20.18.3", "16.0.0"])("refuses %s in one line", (version) => {
    expect(() => checkNode(version)).toThrow(SetupError);
    expect(() => checkNode(version)).toThrow(/^Node 20\.19 or newer is needed; this is Node [\d.]+\.$/);
  });
});

describe("installedMatches", () => {
  const wanted = { "": {}, "node_modules/a": { version: "1.0.0" }, "node_modules/b": { version: "2.0.0", optional: true } };

  it("accepts what npm installed, with or without the packages of other platforms", () => {
    expect(installedMatches(wanted, { "node_modules/a": { version: "1.0.0" } })).toBe(true);
    expect(installedMatches(wanted, { "node_modules/a": { version: "1.0.0" }, "node_modules/b": { version: "2.0.0" } })).toBe(true);
  });

  it.each([
    ["a missing package", {}],
    ["another version", { "node_modules/a": { version: "1.0.1" } }],
    ["another version of an optional package", { "node_modules/a": { version: "1.0.0" }, "node_modules/b": { version: "2.0.1" } }],
    ["a package too many", { "node_modules/a": { version: "1.0.0" }, "node_modules/c": { version: "1.0.0" } }],
  ])("refuses %s", (_name, installed) => {
    expect(installedMatches(wanted, installed)).toBe(false);
  });
});

describe("findElectron", () => {
  let root;
  const touch = (name, content = "") => {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
  };
  const find = (env = {}) => findElectron({ env, platform: "linux", root });

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "tapedeck-electron-"));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it("finds none in a package without a binary", () => {
    touch("node_modules/electron/index.js");
    expect(find()).toBeUndefined();
  });

  it("finds none when the path file names a binary that is gone", () => {
    touch("node_modules/electron/path.txt", "electron");
    expect(find()).toBeUndefined();
  });

  it("finds the downloaded binary", () => {
    touch("node_modules/electron/path.txt", "electron\n");
    touch("node_modules/electron/dist/electron");
    expect(find()).toBe(join(root, "node_modules/electron/dist/electron"));
  });

  it("prefers a local Electron, and does not fall back from it", () => {
    touch("local/electron");
    expect(find({ ELECTRON_OVERRIDE_DIST_PATH: join(root, "local") })).toBe(join(root, "local/electron"));
    expect(find({ ELECTRON_OVERRIDE_DIST_PATH: join(root, "absent") })).toBeUndefined();
  });
});

describe("hasDisplay", () => {
  it("asks the environment on Linux only", () => {
    expect(hasDisplay({ env: {}, platform: "linux" })).toBe(false);
    expect(hasDisplay({ env: { DISPLAY: "" }, platform: "linux" })).toBe(false);
    expect(hasDisplay({ env: { WAYLAND_DISPLAY: "wayland-0" }, platform: "linux" })).toBe(true);
    expect(hasDisplay({ env: {}, platform: "darwin" })).toBe(true);
  });
});

describe("the counts of npm test", () => {
  const vitest = { success: true, numPassedTests: 3, numFailedTests: 0, numPendingTests: 1, numTodoTests: 1, testResults: [] };

  it("come from Vitest's report", () => {
    expect(countVitest(vitest)).toEqual({ passed: 3, failed: 0, skipped: 2 });
  });

  it("count a test file that could not be loaded", () => {
    const testResults = [{ status: "failed", assertionResults: [] }];
    expect(countVitest({ ...vitest, success: false, testResults }).failed).toBe(1);
  });

  it("count an error outside every test, and a missing report", () => {
    expect(countVitest({ ...vitest, success: false }).failed).toBe(1);
    expect(countVitest(undefined).failed).toBe(1);
    expect(countPlaywright(undefined).failed).toBe(1);
  });

  it("come from Playwright's report, where a flake is a failure", () => {
    const stats = { expected: 4, unexpected: 1, flaky: 1, skipped: 2 };
    expect(countPlaywright({ stats, errors: [] })).toEqual({ passed: 4, failed: 2, skipped: 2 });
  });

  it("never say all is well when the runner does not", () => {
    expect(withExitCode({ passed: 1, failed: 0, skipped: 0 }, 1).failed).toBe(1);
    expect(withExitCode({ passed: 1, failed: 0, skipped: 0 }, 0).failed).toBe(0);
  });
});
