// Two Tapedecks on one machine: one serves a replay, the other is live on it. The server is killed and comes back, and the chart is whole.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { expect, test as base } from "./app.ts";
import { candlesOf, serve, tapedeck, type Candle, type RunningServer } from "./serve.ts";

const CAPTURE = "served";
const SYMBOL = "BTCUSDT";
const SERIES = `sim.${SYMBOL}.1s`;
const NAME = "Cellar";
/** Bars on screen before the server is killed: some are sealed by then, and most are still to come. */
const BARS_BEFORE = 3;
/** A whole run is a recording, two servers and a reading of every bar. */
const LONG_MS = 240_000;

interface Served {
  readonly dataFolder: string;
  /** Sealed ones: what has a sequence. The last seconds of a recording that may be continued are still open. */
  readonly candles: readonly Candle[];
}

const test = base.extend<{ start: (...args: readonly string[]) => Promise<RunningServer> }, { served: Served }>({
  // Recorded once for all scenarios: some seconds of the seeded simulator, closed in good order.
  served: [
    // eslint-disable-next-line no-empty-pattern -- Playwright wants the destructuring
    async ({}, use) => {
      const dataFolder = await mkdtemp(join(tmpdir(), "tapedeck-served-"));
      await tapedeck("record", "--data", dataFolder, "--capture", CAPTURE, "--venue", "sim", "--symbol", SYMBOL, "--seed", "11", "--for", "14s", "--json");
      const candles = (await candlesOf({ dataFolder, captureId: CAPTURE, symbol: SYMBOL, interval: "1s" })).filter(({ state }) => state === "sealed");
      expect(candles.length, "sealed bars of the recording").toBeGreaterThan(2 * BARS_BEFORE);
      await use({ dataFolder, candles });
      await rm(dataFolder, { recursive: true, force: true });
    },
    { scope: "worker", timeout: 90_000 },
  ],
  start: async ({ served }, use) => {
    const servers: RunningServer[] = [];
    await use(async (...args) => {
      const server = await serve("--data", served.dataFolder, ...args);
      servers.push(server);
      return server;
    });
    for (const server of servers) await server.kill();
  },
});

const ANY_PORT = ["--pub", "tcp://127.0.0.1:*", "--rpc", "tcp://127.0.0.1:*"] as const;

/** Every state and sentence that the screen showed of the remote, in order: what came and went between two looks is there too. */
async function keepStory(screen: Page): Promise<() => Promise<readonly string[]>> {
  await screen.evaluate(() => {
    const story: string[] = [];
    (window as unknown as { story: string[] }).story = story;
    const note = (): void => {
      const state = document.querySelector("[data-testid=remote-state]")?.getAttribute("data-state") ?? "none";
      const line = document.querySelector("[data-testid=remote-banner]")?.textContent ?? "";
      const said = `${state}: ${line}`;
      if (story.at(-1) !== said) story.push(said);
    };
    new MutationObserver(note).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
    note();
  });
  return () => screen.evaluate(() => (window as unknown as { story: string[] }).story);
}

/** Adds the remote through its dialog, as a person would: name, address, Test, open. */
async function addRemote(screen: Page, rpc: string, mode: RegExp): Promise<void> {
  await screen.getByTestId("remote-add").click();
  await screen.getByTestId("remote-name").fill(NAME);
  await screen.getByTestId("remote-rpc").fill(rpc);
  await screen.getByTestId("remote-test").click();
  const result = screen.getByTestId("remote-test-result");
  await expect(result).toHaveAttribute("data-state", "done");
  await expect(result).toContainText(mode);
  await expect(result).toContainText(SYMBOL);
  await expect(result).toContainText(/round trip .* ms/);
  await screen.getByTestId("remote-save-open").click();
  await expect(screen.getByTestId("remote-dialog")).toBeHidden();
  await expect(screen.getByTestId("remote-badge")).toContainText(NAME);
}

async function showSeconds(screen: Page): Promise<void> {
  await screen.getByTestId("interval-picker").click();
  await screen.getByRole("menuitemradio", { name: "1s", exact: true }).click();
  await expect(screen.getByTestId("remote-series").and(screen.locator(`[data-series="${SERIES}"]`))).toHaveAttribute("aria-current", "true");
}

async function barsOn(screen: Page): Promise<number> {
  return Number(await screen.getByTestId("chart").getAttribute("data-bars"));
}

/** Reads every sealed bar in the inspector, newest first, and holds it against the server's own candles. */
async function expectWhole(screen: Page, candles: readonly Candle[]): Promise<void> {
  await expect.poll(() => barsOn(screen)).toBeGreaterThanOrEqual(candles.length);
  const inspector = screen.getByTestId("inspector");
  // The first press chooses the newest bar, which may still be open; each further one goes one bucket back, with trades or without.
  await screen.keyboard.press("Escape");
  await screen.keyboard.press(",");
  const heading = inspector.getByRole("heading", { name: /^Bar / });
  await expect(heading).toBeVisible();
  const [, day, time] = /Bar (\S+) (\S+)/.exec(await heading.innerText()) ?? [];
  let shownMs = Date.parse(`${day}T${time}Z`);
  for (const candle of [...candles].reverse()) {
    expect(shownMs, "the newest bar is not older than the recording's last sealed one").toBeGreaterThanOrEqual(candle.open_ts_ms);
    for (; shownMs > candle.open_ts_ms; shownMs -= 1_000) await screen.keyboard.press(",");
    const at = new Date(candle.open_ts_ms).toISOString().slice(11, 19);
    await expect(inspector.getByRole("heading", { name: new RegExp(`${at}.*r${candle.revision}`) }), `bar ${at}`).toBeVisible();
    await expect(inspector.getByTestId("version-row").first().locator(".digest"), `digest of bar ${at}`).toHaveAttribute("title", candle.digest);
    const shown = async (name: string): Promise<string> => (await inspector.getByTestId(`inspect-${name}`).innerText()).replaceAll(",", "");
    expect({
      open: await shown("open"), high: await shown("high"), low: await shown("low"), close: await shown("close"), volume: await shown("volume"),
      quoteVolume: await shown("quoteVolume"), tradeCount: await shown("tradeCount"),
    }, `numbers of bar ${at}`).toEqual({
      open: candle.open, high: candle.high, low: candle.low, close: candle.close, volume: candle.volume, quoteVolume: candle.quote_volume, tradeCount: String(candle.trade_count),
    });
  }
  await expect(screen.getByTestId("remote-holes")).toHaveText(/^lost\s*0$/);
}

/** Kills the server under the open chart and says what the screen must: reconnecting, in grey, nothing of the chart gone. */
async function killUnder(screen: Page, server: RunningServer): Promise<void> {
  await expect.poll(() => barsOn(screen)).toBeGreaterThanOrEqual(BARS_BEFORE);
  await server.kill();
  const banner = screen.getByTestId("remote-banner");
  await expect(banner).toHaveAttribute("data-state", "reconnecting");
  await expect(banner).toContainText(`Reconnecting to ${NAME}: attempt`);
  await expect(screen.getByTestId("stage")).toHaveAttribute("data-behind", "true");
  await expect(screen.getByTestId("status-remote")).toContainText("reconnecting");
  expect(await barsOn(screen)).toBeGreaterThanOrEqual(BARS_BEFORE);
  await expect(screen.getByTestId("toast")).toHaveCount(0);
}

async function expectLiveAgain(screen: Page): Promise<void> {
  await expect(screen.getByTestId("remote-state")).toHaveAttribute("data-state", "live", { timeout: 60_000 });
  await expect(screen.getByTestId("remote-banner")).toBeHidden();
  await expect(screen.getByTestId("stage")).toHaveAttribute("data-behind", "false");
}

test("a served replay is live here; its server is killed, comes back with the same history, and the chart is whole", async ({ tapedeck: screen, start, served }) => {
  test.setTimeout(LONG_MS);
  const run = ["--replay", CAPTURE, "--run-id", "evening"] as const;
  const server = await start(...run, "--speed", "0.5x", "--wait-for-subscriber", ...ANY_PORT);
  await addRemote(screen, server.rpc, /REPLAY/);
  await showSeconds(screen);
  await expect(screen.getByTestId("mode-badge")).toHaveText("REPLAY");
  await expect(screen.getByTestId("deck")).toBeHidden();
  await expect(screen.getByTestId("remote-bar")).toBeVisible();
  const story = await keepStory(screen);
  await killUnder(screen, server);
  const again = await start(...run, "--speed", "5x", "--pub", server.pub, "--rpc", server.rpc);
  expect(again.historyId, "the named run goes on in its history").toBe(server.historyId);
  await expectLiveAgain(screen);
  await expectWhole(screen, served.candles);
  expect((await story()).filter((line) => line.startsWith("resyncing")), "a history that goes on needs no resync").toEqual([]);
  await expect(screen.getByTestId("remote-detail")).not.toContainText("Resynced");
  await expect(screen.getByTestId("mode-badge")).toHaveText("REPLAY");
});

test("a server that comes back with another history is resynced with, with the reason, and the chart is whole", async ({ tapedeck: screen, start, served }) => {
  test.setTimeout(LONG_MS);
  const server = await start("--replay", CAPTURE, "--speed", "0.5x", "--wait-for-subscriber", ...ANY_PORT);
  await addRemote(screen, server.rpc, /REPLAY/);
  await showSeconds(screen);
  await killUnder(screen, server);
  const again = await start("--replay", CAPTURE, "--speed", "5x", "--pub", server.pub, "--rpc", server.rpc);
  expect(again.historyId, "a run without a name is a history of its own").not.toBe(server.historyId);
  await expectLiveAgain(screen);
  await expectWhole(screen, served.candles);
  await expect(screen.getByTestId("remote-detail")).toHaveText(/^Resynced: .*another run of the replay/);
});

test("a remote is remembered, shown again after a reload without its server, and left for this machine's live", async ({ tapedeck: screen, start, dataFolder }) => {
  test.setTimeout(LONG_MS);
  const server = await start("--replay", CAPTURE, "--speed", "asap", ...ANY_PORT);
  await addRemote(screen, server.rpc, /REPLAY/);
  await showSeconds(screen);
  await expectLiveAgain(screen);
  const bars = await barsOn(screen);
  expect(bars).toBeGreaterThan(BARS_BEFORE);
  // The screen writes down what it shows a moment after it shows it.
  await expect.poll(() => readFile(join(dataFolder, "settings.json"), "utf8")).toContain('"shownRemote"');
  await server.kill();
  await screen.reload();
  await expect(screen.getByTestId("remote-badge")).toContainText(NAME);
  await expect(screen.getByTestId("chart")).toHaveAttribute("data-bars", String(bars));
  await expect(screen.getByTestId("stage")).toHaveAttribute("data-behind", "true");
  await screen.getByTestId("this-machine").click();
  await expect(screen.getByTestId("deck")).toBeVisible();
  await expect(screen.getByTestId("remote-badge")).toBeHidden();
  await expect(screen.getByTestId("mode-badge")).toHaveText("SIMULATED");
  await expect(screen.getByTestId("chart")).toHaveAttribute("data-bars", /^[1-9]/);
});

test("an address where nothing listens, and fields that cannot be, are refused with one line each", async ({ tapedeck: screen }) => {
  await screen.getByTestId("remote-add").click();
  await screen.getByTestId("remote-rpc").fill("127.0.0.1");
  await screen.getByTestId("remote-key").fill("abc");
  await screen.getByTestId("remote-save-open").click();
  await expect(screen.getByTestId("remote-name-note")).toContainText("Give it a name");
  await expect(screen.getByTestId("remote-rpc-note")).toContainText("host and port");
  await expect(screen.getByTestId("remote-key-note")).toContainText("40 characters");
  await screen.getByTestId("remote-rpc").fill("127.0.0.1:1");
  await screen.getByTestId("remote-key").fill("");
  await screen.getByTestId("remote-test").click();
  await expect(screen.getByTestId("remote-test-result")).toHaveAttribute("data-state", "failed");
  await expect(screen.getByTestId("remote-test-result")).toContainText("127.0.0.1:1");
  await screen.keyboard.press("Escape");
  await expect(screen.getByTestId("remote-dialog")).toBeHidden();
});

test("shares its own recording, which a remote source then shows as simulated", async ({ tapedeck: screen }) => {
  await expect(screen.getByTestId("chart")).toHaveAttribute("data-bars", /^[2-9]/);
  await screen.getByTestId("share-open").click();
  await screen.getByTestId("share-pub").fill("tcp://127.0.0.1:*");
  await screen.getByTestId("share-rpc").fill("tcp://127.0.0.1:*");
  await screen.getByTestId("share-start").click();
  await expect(screen.getByTestId("share-state")).toContainText("Serving 0 clients");
  await expect(screen.getByTestId("share-secured")).toContainText(/not secured/i);
  await expect(screen.getByTestId("own-key")).toHaveText(/^\S{40}$/);
  const rpc = await screen.getByTestId("share-rpc-bound").innerText();
  expect(rpc).toMatch(/^tcp:\/\/127\.0\.0\.1:\d+$/);
  await screen.keyboard.press("Escape");
  await addRemote(screen, rpc, /SIMULATED/);
  await expect(screen.getByTestId("mode-badge")).toHaveText("SIMULATED");
  await expectLiveAgain(screen);
  await expect(screen.getByTestId("chart")).toHaveAttribute("data-bars", /^[1-9]/);
  // The test button was a client too, until it has been silent for long enough.
  await expect(screen.getByTestId("status-share")).toHaveAttribute("data-clients", /^[12]$/);
  await screen.getByTestId("status-share").click();
  await expect(screen.getByTestId("share-clients").getByRole("rowheader").first()).toBeVisible();
  await expect(screen.getByTestId("share-streams")).toContainText(SYMBOL);
  await screen.getByTestId("share-stop").click();
  await expect(screen.getByTestId("remote-banner")).toHaveAttribute("data-state", /reconnecting|stale/);
});
