// What is kept: pinning with its undo, an export that was verified, and retention that removes nothing without a confirmed sentence.
import { existsSync } from "node:fs";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Locator, Page } from "@playwright/test";
import { expect, test } from "./app.ts";

async function importCapture(screen: Page, dataFolder: string): Promise<Locator> {
  const startMs = 1_600_000_000_000;
  const lines = Array.from({ length: 200 }, (_, index) => {
    const ms = startMs + index * 100;
    return `${ms}000000 {"stream":"btcusdt@trade","data":{"e":"trade","E":${ms},"T":${ms},"s":"BTCUSDT","t":${9_000 + index},"p":"30000.10","q":"0.001","X":"MARKET","m":true}}`;
  });
  const file = join(dataFolder, "old.txt");
  await writeFile(file, `${lines.join("\n")}\n`);
  await screen.getByTestId("import-open").click();
  await screen.getByTestId("import-file").fill(file);
  await screen.getByTestId("import-capture").fill("old");
  await screen.getByTestId("import-start").click();
  const row = screen.locator('[data-testid="capture-row"][data-capture="old"][data-state="complete"]');
  await expect(row).toBeVisible({ timeout: 20_000 });
  return row;
}

async function choose(screen: Page, row: Locator, item: string): Promise<void> {
  await row.getByTestId("capture-menu").click();
  await screen.getByTestId(item).click();
}

test("a capture is pinned, and unpinned by undo", async ({ tapedeck: screen, dataFolder }) => {
  const row = await importCapture(screen, dataFolder);
  await choose(screen, row, "capture-pin");
  await expect(row.getByTestId("capture-pinned")).toBeVisible();
  await screen.getByTestId("toast").filter({ hasText: "pinned" }).getByRole("button", { name: "Undo" }).click();
  await expect(row.getByTestId("capture-pinned")).toBeHidden();
});

test("an export is verified, and the capture says that it is exported", async ({ tapedeck: screen, dataFolder }) => {
  const row = await importCapture(screen, dataFolder);
  await choose(screen, row, "capture-export");
  await screen.getByTestId("export-to").fill("s3://not-a-folder/x");
  await expect(screen.getByTestId("export-start")).toBeDisabled();
  const folder = join(dataFolder, "lake");
  await screen.getByTestId("export-to").fill(folder);
  await screen.getByTestId("export-start").click();
  await expect(screen.locator('[data-testid="job-row"][data-kind="export"][data-state="done"]')).toBeVisible({ timeout: 60_000 });
  await expect(row.getByTestId("capture-exported")).toBeVisible();
  expect((await readdir(folder)).some((name) => name.startsWith("exchange="))).toBe(true);
});

test("retention shows what would go, and removes it only once the sentence is confirmed", async ({ tapedeck: screen, dataFolder }) => {
  const row = await importCapture(screen, dataFolder);
  await screen.getByTestId("retention-open").click();
  await screen.getByTestId("retention-days").fill("30");
  const preview = screen.getByTestId("retention-preview");
  await expect(preview).toContainText("never exported whole");
  await screen.getByTestId("retention-unexported").check();
  await expect(preview).toContainText("old");
  await expect(preview).toHaveAttribute("data-removes", "1");
  await expect(screen.getByTestId("retention-save")).toBeDisabled();
  expect(existsSync(join(dataFolder, "captures", "old"))).toBe(true);
  await screen.getByTestId("retention-confirm").check();
  await screen.getByTestId("retention-save").click();
  await expect(row).toBeHidden({ timeout: 75_000 });
  await expect.poll(() => existsSync(join(dataFolder, "captures", "old"))).toBe(false);
  await expect(screen.locator('[data-testid="capture-row"][data-state="recording"]')).toBeVisible();
});
