// The live screen: a moving bar, a gap that appears and is repaired, a bar down to its raw bytes.
import { expect, test } from "./app.ts";

/** From the start of the process, without the build: what a person waits for. */
const FIRST_BAR_LIMIT_MS = 5_000;

test("the first moving bar comes within five seconds, badged as simulated", async ({ app, tapedeck: screen }) => {
  await expect(screen.getByTestId("mode-badge")).toHaveText(/simulated/i);
  await expect(screen.getByTestId("chart")).toHaveAttribute("data-bars", /^[1-9]/);
  expect(Date.now() - app.startedMs).toBeLessThan(FIRST_BAR_LIMIT_MS);
  const legend = screen.getByTestId("legend");
  const before = await legend.innerText();
  await expect(legend).not.toHaveText(before);
  await expect(screen.getByTestId("status-rate")).toHaveText(/[1-9]/);
  await expect(screen.getByTestId("status-durable")).toHaveText(/[1-9]/);
});

test("a gap appears with its cause and is repaired by backfill", async ({ tapedeck: screen }) => {
  await expect(screen.getByTestId("chart")).toHaveAttribute("data-bars", /^[2-9]/);
  await screen.keyboard.press("Control+k");
  await screen.getByTestId("palette").getByRole("combobox").fill("fault abrupt");
  await screen.keyboard.press("Enter");
  const gaps = screen.getByTestId("lane-gaps").locator("li");
  await expect(gaps.first()).toBeAttached();
  await expect(gaps.first()).toContainText(/closed|ended|disconnect|lost|connection/i);
  await expect(screen.getByTestId("lane-gaps").locator('li[data-state="repaired"]').first()).toBeAttached({ timeout: 30_000 });
  await expect(screen.getByTestId("lane-events").locator('li[data-kind="disconnect"]').first()).toBeAttached();
});

test("a bar is explained down to its raw bytes, and recomputing agrees", async ({ tapedeck: screen }) => {
  // Nine seconds: the first ones have sealed, whatever the lateness.
  await expect(screen.getByTestId("chart")).toHaveAttribute("data-bars", /^(9|\d\d)/);
  // Stand still, so that the bar that is clicked is the bar that is meant.
  await screen.keyboard.press("Space");
  await expect(screen.getByTestId("mode-badge")).toHaveText(/replay/i);
  const chart = screen.getByTestId("chart");
  const box = await chart.boundingBox();
  const lastX = Number(await chart.getAttribute("data-last-bar-x"));
  const firstX = Number(await chart.getAttribute("data-first-bar-x"));
  const bars = Number(await chart.getAttribute("data-bars"));
  const second = firstX + (lastX - firstX) / (bars - 1);
  await screen.mouse.click((box?.x ?? 0) + second, (box?.y ?? 0) + 200);
  const inspector = screen.getByTestId("inspector");
  await expect(inspector.getByTestId("inspect-grade")).toHaveText(/proved|likely|partial|repaired/);
  await expect(inspector.getByTestId("version-row").first()).toBeVisible();
  const row = inspector.getByTestId("raw-row").first();
  await expect(row).toBeVisible();
  await row.click();
  await expect(inspector.getByTestId("raw-bytes").first()).toContainText("aggTrade");
  await screen.getByTestId("recompute").click();
  await expect(screen.getByTestId("recompute-result")).toHaveText(/match|agree|same/i);
});

test("chart and lanes agree on x within half a pixel", async ({ tapedeck: screen }) => {
  await expect(screen.getByTestId("chart")).toHaveAttribute("data-bars", /^([5-9]|\d\d)/);
  await screen.keyboard.press("Space");
  await expect(screen.getByTestId("mode-badge")).toHaveText(/replay/i);
  for (const side of ["first", "last"] as const) {
    const chart = screen.getByTestId("chart");
    const lanes = screen.getByTestId("lanes");
    const chartX = ((await chart.boundingBox())?.x ?? Number.NaN) + Number(await chart.getAttribute(`data-${side}-bar-x`));
    const lanesX = ((await lanes.boundingBox())?.x ?? Number.NaN) + Number(await lanes.getAttribute(`data-${side}-bar-x`));
    expect(Math.abs(chartX - lanesX)).toBeLessThanOrEqual(0.5);
  }
});
