// The replay deck on the capture that is being recorded: pause, step, scrub, play, and back to live.
import type { Page } from "@playwright/test";
import { expect, test } from "./app.ts";

async function seqOf(screen: Page): Promise<number> {
  const text = await screen.getByTestId("deck-seq").innerText();
  return Number(text.replaceAll(/[^\d]/g, ""));
}

test.beforeEach(async ({ tapedeck: screen }) => {
  await expect(screen.getByTestId("chart")).toHaveAttribute("data-bars", /^([6-9]|\d\d)/);
  await screen.keyboard.press("Space");
  await expect(screen.getByTestId("mode-badge")).toHaveText(/replay/i);
});

test("steps by event and by bar, in both directions, land where they began", async ({ tapedeck: screen }) => {
  const start = await seqOf(screen);
  await screen.keyboard.press("ArrowLeft");
  await expect.poll(() => seqOf(screen)).toBeLessThan(start);
  const back = await seqOf(screen);
  await screen.keyboard.press("ArrowRight");
  await expect.poll(() => seqOf(screen)).toBeGreaterThan(back);
  const forward = await seqOf(screen);
  await screen.keyboard.press("ArrowLeft");
  await expect.poll(() => seqOf(screen)).toBe(back);
  await screen.keyboard.press("Shift+ArrowLeft");
  await expect.poll(() => seqOf(screen)).toBeLessThan(back);
  const barBack = await seqOf(screen);
  await screen.keyboard.press("Shift+ArrowRight");
  await expect.poll(() => seqOf(screen)).toBeGreaterThan(barBack);
  expect(forward).toBeGreaterThan(back);
});

test("plays on from where it stands, and back to live", async ({ tapedeck: screen }) => {
  await screen.keyboard.press("Home");
  await expect.poll(() => seqOf(screen)).toBeLessThan(100);
  await screen.getByTestId("deck-play").click();
  const playing = await seqOf(screen);
  await expect.poll(() => seqOf(screen)).toBeGreaterThan(playing);
  await expect(screen.getByTestId("mode-badge")).toHaveText(/replay/i);
  await screen.keyboard.press("l");
  await expect(screen.getByTestId("mode-badge")).not.toHaveText(/replay/i);
  await expect(screen.getByTestId("mode-badge")).toHaveText(/simulated/i);
});

test("scrubbing moves the cursor, and what it has not reached is not drawn", async ({ tapedeck: screen }) => {
  const end = await seqOf(screen);
  const bars = Number(await screen.getByTestId("chart").getAttribute("data-bars"));
  const box = await screen.getByTestId("scrubber").boundingBox();
  if (box === null) throw new Error("the scrubber is not on screen");
  await screen.mouse.move(box.x + box.width / 3, box.y + box.height / 2);
  await screen.mouse.down();
  await screen.mouse.move(box.x + box.width / 20, box.y + box.height / 2, { steps: 8 });
  await screen.mouse.up();
  await expect.poll(() => seqOf(screen)).toBeLessThan(end);
  await expect.poll(async () => Number(await screen.getByTestId("chart").getAttribute("data-bars"))).toBeLessThan(bars);
});

test("goes to a time, and refuses what is no time with one clear line", async ({ tapedeck: screen }) => {
  await screen.keyboard.press("g");
  await screen.getByTestId("goto-input").fill("#50");
  await screen.keyboard.press("Enter");
  await expect.poll(() => seqOf(screen)).toBeLessThanOrEqual(50);
});
