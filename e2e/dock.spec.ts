// The dock: each panel by its key, by the View menu and by the palette; the keys go into it and come back out.
import { expect, test } from "./app.ts";

const PANELS = [["h", "health", "health-panel"], ["Shift+G", "ledger", "ledger-panel"], ["q", "query", "query-panel"], ["f", "faults", "fault-lab"]] as const;

test("every panel opens by its key, by the View menu and by the palette", async ({ tapedeck: screen }) => {
  for (const [key, name, testId] of PANELS) {
    await screen.keyboard.press(key);
    await expect(screen.getByTestId(testId)).toBeVisible();
    await screen.keyboard.press("Escape");
    // The editor takes the first Escape, to give Tab back.
    if (name === "query") {
      await screen.getByTestId("dock-tab-query").focus();
      await screen.keyboard.press("Escape");
    }
    await expect(screen.getByTestId("dock")).toBeHidden();
    await screen.getByTestId("view-menu").click();
    await screen.getByTestId(`view-${name}`).click();
    await expect(screen.getByTestId(testId)).toBeVisible();
    await screen.getByTestId("dock-close").click();
    await expect(screen.getByTestId("dock")).toBeHidden();
  }
  await screen.keyboard.press("Control+k");
  await screen.getByTestId("palette").getByRole("combobox").fill("gap led");
  await screen.keyboard.press("Enter");
  await expect(screen.getByTestId("ledger-panel")).toBeVisible();
});

test("the palette finds dark and light by the word theme, first", async ({ tapedeck: screen }) => {
  const before = await screen.evaluate(() => document.documentElement.dataset["theme"]);
  await screen.keyboard.press("Control+k");
  await screen.getByTestId("palette").getByRole("combobox").fill("theme");
  await screen.keyboard.press("Enter");
  await expect.poll(() => screen.evaluate(() => document.documentElement.dataset["theme"])).not.toBe(before);
});

test("opening, enlarging and closing a panel leaves the chart as it is and nothing hangs over", async ({ tapedeck: screen }) => {
  await expect(screen.getByTestId("chart")).toHaveAttribute("data-bars", /^[1-9]/);
  for (const size of [{ width: 1440, height: 900 }, { width: 1280, height: 720 }]) {
    await screen.setViewportSize(size);
    for (const key of ["h", "Shift+G", "f"]) {
      await screen.keyboard.press(key);
      const over = await screen.evaluate(() => ({ wide: document.documentElement.scrollWidth - window.innerWidth, high: document.documentElement.scrollHeight - window.innerHeight }));
      expect(over).toEqual({ wide: 0, high: 0 });
      const [dock, status] = [await screen.getByTestId("dock").boundingBox(), await screen.getByTestId("status-bar").boundingBox()];
      expect((dock?.y ?? 0) + (dock?.height ?? 0)).toBeLessThanOrEqual((status?.y ?? 0) + 0.5);
    }
    await screen.keyboard.press("m");
    await expect(screen.getByTestId("chart")).toHaveAttribute("data-bars", /^[1-9]/);
    await screen.keyboard.press("m");
    await screen.keyboard.press("f");
    await expect(screen.getByTestId("dock")).toBeHidden();
  }
});
