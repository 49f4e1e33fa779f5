// `npm test`: set up, lint, types, unit and integration tests, then the browser scenarios, each with its own output.
// The last line is `N passed, N failed, N skipped` over all test runners; the exit code covers lint and types as well.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { ensureFlatc } from "../build/codegen.mjs";
import { ensureChromium, exitWith, say, SetupError, setUp } from "./setup.mjs";
import { ROOT } from "./stamp.mjs";

const STEPS = ["lint", "types", "unit", "e2e"];
const RESULTS = join(ROOT, "test-results");
const VITEST_REPORT = join(RESULTS, "vitest.json");
const PLAYWRIGHT_REPORT = join(RESULTS, "playwright.json");
const NOTHING = { passed: 0, failed: 0, skipped: 0 };

function readReport(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
}

/** A file that could not be loaded has no tests to fail; it counts as one failure so that it cannot go unnoticed. */
export function countVitest(report) {
  if (report === undefined) return { ...NOTHING, failed: 1 };
  const broken = report.testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  ).length;
  const failed = report.numFailedTests + broken;
  return {
    passed: report.numPassedTests,
    // An error outside any test (an unhandled rejection) makes a run fail in which every test passed.
    failed: failed === 0 && !report.success ? 1 : failed,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

export function countPlaywright(report) {
  if (report === undefined) return { ...NOTHING, failed: 1 };
  const { expected, unexpected, flaky, skipped } = report.stats;
  const failed = unexpected + flaky;
  return { passed: expected, failed: failed === 0 && report.errors.length > 0 ? 1 : failed, skipped };
}

/** A runner that ended badly without naming a failed test still failed. */
export function withExitCode(counts, code) {
  return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

function runScript(script, args, { env = {}, hold = false } = {}) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(ROOT, script), ...args], {
      cwd: ROOT,
      env: { ...process.env, ...env },
      stdio: ["ignore", hold ? "pipe" : "inherit", hold ? "pipe" : "inherit"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (output += chunk));
    child.on("error", (error) => resolve({ code: 1, output: String(error) }));
    child.on("close", (code) => resolve({ code: code ?? 1, output }));
  });
}

function hasScenarios() {
  const folder = join(ROOT, "e2e");
  return existsSync(folder) && readdirSync(folder, { recursive: true }).some((name) => name.endsWith(".spec.ts"));
}

async function timed(step, action) {
  const started = performance.now();
  const result = await action();
  return { step, seconds: (performance.now() - started) / 1000, ...result };
}

async function check(step, script, args) {
  const result = await timed(step, () => runScript(script, args, { hold: true }));
  console.log(`\n== ${step}: ${result.code === 0 ? "ok" : "FAILED"} (${result.seconds.toFixed(1)} s)`);
  if (result.output.trim() !== "") console.log(result.output.trimEnd());
  return result;
}

async function runUnit(extra) {
  // A person's `npm test` installs no compiler: there the comparison skips, and says so.
  if (process.env.CI === "true") ensureFlatc();
  rmSync(VITEST_REPORT, { force: true });
  const args = ["run", "--config", "build/vitest.config.ts", "--reporter=default", "--reporter=json"];
  const { code } = await runScript("node_modules/vitest/vitest.mjs", [...args, `--outputFile.json=${VITEST_REPORT}`, ...extra]);
  return { code, counts: withExitCode(countVitest(readReport(VITEST_REPORT)), code) };
}

async function runE2e(extra) {
  if (!hasScenarios()) {
    say("e2e holds no *.spec.ts yet, nothing to run");
    return { code: 0, counts: NOTHING };
  }
  const env = { TAPEDECK_CHROMIUM: ensureChromium(), TAPEDECK_PLAYWRIGHT_REPORT: PLAYWRIGHT_REPORT };
  rmSync(PLAYWRIGHT_REPORT, { force: true });
  const args = ["test", "--config", "e2e/playwright.config.ts", ...extra];
  const { code } = await runScript("node_modules/@playwright/test/cli.js", args, { env });
  return { code, counts: withExitCode(countPlaywright(readReport(PLAYWRIGHT_REPORT)), code) };
}

function readArguments(argv) {
  const options = { only: { type: "string", multiple: true } };
  const { values, positionals } = parseArgs({ args: argv, options, allowPositionals: true });
  const only = (values.only ?? []).flatMap((value) => value.split(","));
  const unknown = only.find((step) => !STEPS.includes(step));
  if (unknown !== undefined) throw new SetupError(`--only takes ${STEPS.join(", ")}; there is no ${unknown}`);
  return { steps: only.length === 0 ? STEPS : STEPS.filter((step) => only.includes(step)), extra: positionals };
}

async function runSteps({ steps, extra }) {
  const wants = (step) => steps.includes(step);
  setUp({ build: wants("unit") || wants("e2e") });
  mkdirSync(RESULTS, { recursive: true });
  const results = [];
  // Side by side: each keeps about one core busy.
  const checks = [];
  if (wants("lint")) checks.push(check("lint", "node_modules/eslint/bin/eslint.js", ["--max-warnings", "0", "."]));
  if (wants("types")) checks.push(check("types", "build/typecheck.mjs", []));
  results.push(...(await Promise.all(checks)));
  if (wants("unit")) results.push(await timed("unit", () => runUnit(extra)));
  if (wants("e2e")) results.push(await timed("e2e", () => runE2e(wants("unit") ? [] : extra)));
  return results;
}

function printSummary(results) {
  console.log("\n== summary");
  for (const { step, code, seconds, counts } of results) {
    const detail = counts === undefined ? "" : `  ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`;
    console.log(`${step.padEnd(6)} ${code === 0 ? "ok    " : "FAILED"} ${seconds.toFixed(1).padStart(6)} s${detail}`);
  }
}

async function main() {
  let results = [];
  try {
    results = await runSteps(readArguments(process.argv.slice(2)));
  } catch (error) {
    exitWith(error);
    results.push({ step: "set-up", code: 1, seconds: 0, counts: { ...NOTHING, failed: 1 } });
  }
  printSummary(results);
  const total = (key) => results.reduce((sum, { counts }) => sum + (counts?.[key] ?? 0), 0);
  console.log(`\n${total("passed")} passed, ${total("failed")} failed, ${total("skipped")} skipped`);
  process.exitCode = results.every(({ code }) => code === 0) ? 0 : 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main();
