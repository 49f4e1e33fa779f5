// The fault lab against the built-in simulator: what is injected is told, detected by the ledger and repaired; the disk's faults halt the recorder and replay goes on.
import { expect, test } from "./app.ts";

test("a broken connection is injected, found and repaired, side by side", async ({ tapedeck: screen }) => {
  await expect(screen.getByTestId("chart")).toHaveAttribute("data-bars", /^[2-9]/);
  await screen.keyboard.press("f");
  const lab = screen.getByTestId("fault-lab");
  await expect(lab).toHaveAttribute("data-on", "true");
  for (const place of ["venue", "clock", "disk"]) await expect(lab.locator(`[data-testid="fault-row"][data-place="${place}"]`).first()).toBeAttached();
  await lab.locator('[data-fault="abrupt-disconnect"]').getByTestId("fault-inject").click();
  await expect(lab.getByTestId("fault-entry").first()).toHaveAttribute("data-outcome", "applied");
  await expect(lab.locator('[data-testid="fault-gap"][data-state="repaired"]').first()).toBeAttached({ timeout: 30_000 });
});

test("the ledger lists the gap with cause, ids and both clocks, and filters it", async ({ tapedeck: screen }) => {
  await expect(screen.getByTestId("chart")).toHaveAttribute("data-bars", /^[2-9]/);
  await screen.keyboard.press("Control+k");
  // A fault of every market: a few dropped trades may all be of another one than is shown.
  await screen.getByTestId("palette").getByRole("combobox").fill("fault abrupt");
  await screen.keyboard.press("Enter");
  await screen.keyboard.press("Escape");
  await screen.keyboard.press("Shift+G");
  const ledger = screen.getByTestId("ledger-panel");
  const row = ledger.locator('[data-gap]').first();
  await expect(row).toBeVisible({ timeout: 30_000 });
  await expect(row).toContainText(/skipped|disconnect|closed/);
  await expect(ledger.locator('[data-gap][data-state="repaired"]').first()).toBeVisible({ timeout: 30_000 });
  await ledger.getByTestId("ledger-state").selectOption("repaired");
  await expect(ledger.locator('[data-gap]:not([data-state="repaired"])')).toHaveCount(0);
  await ledger.locator("[data-gap]").first().click();
  await expect(screen.getByTestId("mode-badge")).toHaveText(/replay/i);
});

test("an amount that is no number cannot be injected", async ({ tapedeck: screen }) => {
  await screen.keyboard.press("f");
  const row = screen.locator('[data-testid="fault-row"][data-fault="drop"]');
  await row.getByTestId("fault-amount").fill("many");
  await expect(row.getByTestId("fault-inject")).toBeDisabled();
  await row.getByTestId("fault-amount").fill("3");
  await row.getByTestId("fault-inject").click();
  await expect(screen.getByTestId("fault-entry").first()).toContainText("3 ");
});

test("a full disk halts the recorder unmistakably, and replay goes on", async ({ tapedeck: screen }) => {
  await expect(screen.getByTestId("chart")).toHaveAttribute("data-bars", /^([5-9]|\d\d)/);
  await screen.keyboard.press("f");
  const row = screen.locator('[data-testid="fault-row"][data-fault="disk-full"]');
  await row.getByTestId("fault-inject").click();
  await expect(screen.getByTestId("disk-banner")).toBeVisible({ timeout: 30_000 });
  await expect(screen.getByTestId("status-rate")).toHaveAttribute("data-state", /halted|off/);
  await screen.getByTestId("dock-close").click();
  await screen.keyboard.press("Home");
  await expect(screen.getByTestId("mode-badge")).toHaveText(/replay/i);
  await screen.keyboard.press("Shift+ArrowRight");
  await expect(screen.getByTestId("chart")).toHaveAttribute("data-bars", /^[1-9]/);
});
