// The health panel over a real recording: a light with its reasons, every stream under its venue, numbers that are measured and not made up.
import { expect, test } from "./app.ts";

test("every stream stands under its venue with its rate, and the light in the status bar is the panel's", async ({ tapedeck: screen }) => {
  await expect(screen.getByTestId("status-health")).toHaveAttribute("data-status", /GREEN|AMBER|RED/);
  await screen.getByTestId("status-health").click();
  const panel = screen.getByTestId("health-panel");
  await expect(panel.getByTestId("health-light")).toHaveAttribute("data-status", /GREEN|AMBER|RED/);
  await expect(panel.getByTestId("health-venue").filter({ hasText: "sim" })).toBeVisible();
  const trades = panel.locator('[data-kind="stream"][data-stream*="BTCUSDT"][data-state="live"]');
  await expect(trades.first()).toBeVisible();
  await expect(panel.getByTestId("health-disk-free")).toHaveText(/\d+ (MB|GB|TB)/);
});

test("streams are sorted by a column, and one opens to its curves by keyboard", async ({ tapedeck: screen }) => {
  await screen.keyboard.press("h");
  const grid = screen.getByTestId("health-streams");
  await expect(grid.locator('[data-kind="stream"][data-state="live"]').first()).toBeVisible();
  await grid.getByRole("button", { name: "Msg/s" }).click();
  await expect(grid.getByRole("columnheader", { name: "Msg/s" })).toHaveAttribute("aria-sort", "descending");
  await grid.focus();
  await screen.keyboard.press("Home");
  await screen.keyboard.press("ArrowDown");
  await screen.keyboard.press("Enter");
  await expect(grid.getByTestId("health-detail")).toBeVisible();
  await screen.keyboard.press("Enter");
  await expect(grid.getByTestId("health-detail")).toBeHidden();
});

test.describe("with a dead symbol", () => {
  test("the stream is visibly dead and the panel says so", async ({ tapedeck: screen }) => {
    await screen.keyboard.press("f");
    const row = screen.locator('[data-testid="fault-row"][data-fault="dead-symbol"]');
    await row.getByTestId("fault-inject").click();
    await expect(screen.getByTestId("fault-entry").first()).toHaveAttribute("data-outcome", "applied");
    await screen.keyboard.press("h");
    await expect(screen.locator('[data-kind="stream"][data-state="dead_symbol"], [data-kind="stream"][data-state="stale"]').first()).toBeVisible({ timeout: 75_000 });
    await expect(screen.getByTestId("health-light")).toHaveAttribute("data-status", /AMBER|RED/);
  });
});
