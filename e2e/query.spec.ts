// The query panel over a capture that was imported and compacted here: tables, rows, plot, errors in one line, and reading only.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { expect, test } from "./app.ts";

const TRADES = 400;

/** A small foreign capture: trades with contiguous ids, ten a second. */
async function importCapture(screen: Page, dataFolder: string): Promise<void> {
  const startMs = 1_700_000_000_000;
  const lines = Array.from({ length: TRADES }, (_, index) => {
    const ms = startMs + index * 100;
    return `${ms}000000 {"stream":"btcusdt@trade","data":{"e":"trade","E":${ms},"T":${ms},"s":"BTCUSDT","t":${5_000 + index},"p":"${(30_000 + (index % 37) / 10).toFixed(2)}","q":"0.00${1 + (index % 9)}","X":"MARKET","m":${index % 2 === 0}}}`;
  });
  const file = join(dataFolder, "foreign.txt");
  await writeFile(file, `${lines.join("\n")}\n`);
  await screen.getByTestId("import-open").click();
  await screen.getByTestId("import-file").fill(file);
  await screen.getByTestId("import-capture").fill("foreign");
  await screen.getByTestId("import-start").click();
  await expect(screen.locator('[data-testid="capture-row"][data-capture="foreign"][data-state="complete"]')).toBeVisible({ timeout: 20_000 });
}

async function openTables(screen: Page): Promise<void> {
  await screen.keyboard.press("q");
  await screen.getByTestId("query-capture").selectOption("foreign");
  const trade = screen.locator('[data-testid="query-table"][data-table="trade"]');
  const compact = screen.getByTestId("query-compact");
  await expect(trade.or(compact).first()).toBeVisible();
  if (await compact.isVisible()) await compact.click();
  // The table is listed before its messages are Parquet: empty.
  await expect(trade).toHaveAttribute("data-rows", String(TRADES), { timeout: 60_000 });
}

async function ask(screen: Page, sql: string): Promise<void> {
  const editor = screen.getByTestId("query-sql");
  await editor.fill(sql);
  await editor.press("Control+Enter");
}

test("a capture is compacted, asked, sorted and plotted", async ({ tapedeck: screen, dataFolder }) => {
  await importCapture(screen, dataFolder);
  await openTables(screen);
  await ask(screen, "SELECT count(*) AS n FROM trade");
  await expect(screen.getByTestId("query-rows").locator('[data-index="0"]')).toContainText(String(TRADES), { timeout: 30_000 });
  await ask(screen, "SELECT ts_event, price, NULL::DOUBLE AS nothing FROM trade ORDER BY ts_event");
  await expect(screen.getByTestId("query-count")).toHaveAttribute("data-rows", String(TRADES), { timeout: 30_000 });
  await expect(screen.getByTestId("query-count")).toHaveAttribute("data-truncated", "false");
  await expect(screen.getByTestId("query-rows").locator('[data-index="0"] .null')).toHaveText("NULL");
  const prices = screen.getByTestId("query-rows").getByRole("columnheader", { name: "price" });
  await prices.getByRole("button").click();
  await expect(prices).toHaveAttribute("aria-sort", "ascending");
  await screen.getByTestId("query-tab-plot").click();
  await expect(screen.getByTestId("query-plot")).toHaveAttribute("data-points", String(TRADES));
  await screen.getByTestId("query-limit").selectOption("1000");
  await ask(screen, "SELECT a.seq, b.seq FROM trade a, trade b");
  await expect(screen.getByTestId("query-count")).toHaveAttribute("data-truncated", "true", { timeout: 30_000 });
});

test("what is wrong stands in one line at the editor, and nothing can be written", async ({ tapedeck: screen, dataFolder }) => {
  await importCapture(screen, dataFolder);
  await openTables(screen);
  await ask(screen, "SELECT * FROM no_such_table");
  await expect(screen.getByTestId("query-error")).toContainText("no_such_table", { timeout: 30_000 });
  for (const sql of ["CREATE TABLE t AS SELECT 1", "COPY (SELECT 1) TO '/tmp/tapedeck-query-must-not-write.csv'", "SELECT * FROM read_text('/etc/hostname')", "ATTACH '/tmp/tapedeck-query-must-not-attach.db'"]) {
    await ask(screen, "SELECT 1 AS fine");
    await expect(screen.getByTestId("query-result")).toHaveAttribute("data-state", "done", { timeout: 30_000 });
    await ask(screen, sql);
    await expect(screen.getByTestId("query-result"), sql).toHaveAttribute("data-state", "failed", { timeout: 30_000 });
  }
});

test("a long query is cancelled and says so; Tab indents and Escape, then Tab leaves", async ({ tapedeck: screen, dataFolder }) => {
  await importCapture(screen, dataFolder);
  await openTables(screen);
  await ask(screen, "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE hash(a.range, b.range) % 7 = 3");
  await screen.getByTestId("query-cancel").click();
  await expect(screen.getByTestId("query-result")).toHaveAttribute("data-state", "cancelled", { timeout: 30_000 });
  const editor = screen.getByTestId("query-sql");
  await editor.fill("");
  await editor.press("Tab");
  await editor.pressSequentially("x");
  await expect(editor).toHaveValue("  x");
  await editor.press("Control+z");
  await editor.press("Control+z");
  await expect(editor).not.toHaveValue("  x");
  await expect(editor).toBeFocused();
  await editor.press("Escape");
  await editor.press("Tab");
  await expect(editor).not.toBeFocused();
});
