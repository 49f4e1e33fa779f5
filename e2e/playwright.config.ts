import { defineConfig } from "@playwright/test";

// bin/test.mjs names both: the Chromium that it found or installed, and where it reads the counts from.
const chromium = process.env["TAPEDECK_CHROMIUM"];
const report = process.env["TAPEDECK_PLAYWRIGHT_REPORT"] ?? "../test-results/playwright.json";

// Chromium refuses to start its own sandbox as root.
const isRoot = process.getuid?.() === 0;

export default defineConfig({
  testDir: ".",
  testMatch: "**/*.spec.ts",
  outputDir: "../test-results/e2e",
  workers: 1,
  retries: 0,
  forbidOnly: process.env["CI"] !== undefined,
  timeout: 90_000,
  // Two cores run the app, the browser and the test; what a person may wait for is asserted where it matters.
  expect: { timeout: 15_000 },
  reporter: [["list"], ["json", { outputFile: report }]],
  use: {
    browserName: "chromium",
    viewport: { width: 1440, height: 900 },
    trace: "retain-on-failure",
    screenshot: "only-on-failure",
    launchOptions: {
      ...(chromium === undefined ? {} : { executablePath: chromium }),
      args: isRoot ? ["--no-sandbox"] : [],
    },
  },
});
