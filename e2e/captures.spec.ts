// The capture library: import a foreign file with progress, open it, prove it; and bad input that says what to do.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "./app.ts";

/** A small foreign capture in the hft format, made here: 40 s of trades with contiguous ids. */
function foreignCapture(): string {
  const lines: string[] = [];
  const startMs = 1_700_000_000_000;
  for (let index = 0; index < 400; index += 1) {
    const ms = startMs + index * 100;
    const price = (30_000 + (index % 37) / 10).toFixed(2);
    lines.push(`${ms}000000 {"stream":"btcusdt@trade","data":{"e":"trade","E":${ms},"T":${ms},"s":"BTCUSDT","t":${5_000 + index},"p":"${price}","q":"0.00${1 + (index % 9)}","X":"MARKET","m":${index % 2 === 0}}}`);
  }
  return `${lines.join("\n")}\n`;
}

test("imports a foreign capture, opens and verifies it", async ({ tapedeck: screen, dataFolder }) => {
  const file = join(dataFolder, "foreign.txt");
  await writeFile(file, foreignCapture());
  await screen.getByTestId("import-open").click();
  await screen.getByTestId("import-format").selectOption("hft");
  await screen.getByTestId("import-file").fill(file);
  await screen.getByTestId("import-capture").fill("foreign");
  await screen.getByTestId("import-start").click();
  const row = screen.getByTestId("capture-row").filter({ hasText: "foreign" });
  await expect(row).toBeVisible({ timeout: 20_000 });
  await row.getByRole("button").first().click();
  await expect(screen.getByTestId("mode-badge")).toHaveText(/replay/i);
  await expect(screen.getByTestId("mode-badge")).not.toHaveText(/simulated/i);
  await expect(screen.getByTestId("chart")).toHaveAttribute("data-bars", /^[1-9]/);
  await row.getByTestId("verify-button").click();
  await expect(screen.getByTestId("verify-result").filter({ hasText: /match/i }).first()).toBeVisible({ timeout: 20_000 });
});

test("says what is wrong with a file that cannot be imported", async ({ tapedeck: screen, dataFolder }) => {
  const file = join(dataFolder, "poem.txt");
  await writeFile(file, "roses are red\n");
  await screen.getByTestId("import-open").click();
  await screen.getByTestId("import-format").selectOption("hft");
  await screen.getByTestId("import-file").fill(file);
  await screen.getByTestId("import-capture").fill("poem");
  await screen.getByTestId("import-start").click();
  await expect(screen.getByTestId("job-row").filter({ hasText: "poem" })).toContainText(/line 1|poem\.txt/);
});
