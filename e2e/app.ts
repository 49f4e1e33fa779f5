// Starts the real, built app (browser shell, simulator, recorder, deriver, player) on a fresh data folder and opens its
// screen. Any console error or page error fails the test, and so does an app that does not end in good order.
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test as base, type Page } from "@playwright/test";
import { spawnShell } from "../bin/shell-process.mjs";

const SHELL = fileURLToPath(new URL("../dist/main/browser-shell.js", import.meta.url));
const ADDRESS = /http:\/\/127\.0\.0\.1:\d+\/\S*/;

export interface RunningApp {
  readonly address: string;
  readonly dataFolder: string;
  readonly startedMs: number;
  /** Everything the app wrote on stderr. */
  log(): string;
  /** Ends it as a person would (SIGTERM) and resolves with the exit code. */
  stop(): Promise<number | null>;
  kill(): Promise<void>;
}

/** Starts the app and waits for the address that it prints. */
export async function startApp(dataFolder: string, args: readonly string[] = []): Promise<RunningApp> {
  const startedMs = Date.now();
  const child = spawnShell(SHELL, ["--data", dataFolder, "--no-open", ...args], ["ignore", "pipe", "pipe", "ipc"]);
  let log = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (log += text));
  const address = await printedAddress(child, () => log);
  const exited = once(child, "exit") as Promise<[number | null]>;
  return {
    address, dataFolder, startedMs,
    log: () => log,
    async stop() {
      child.kill("SIGTERM");
      const [code] = await exited;
      return code;
    },
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

async function printedAddress(child: ChildProcess, log: () => string): Promise<string> {
  let output = "";
  return new Promise((resolve, reject) => {
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      const match = ADDRESS.exec(output);
      if (match !== null) resolve(match[0]);
    });
    child.once("exit", (code) => {
      reject(new Error(`the app ended with ${code} before it printed its address:\n${output}\n${log()}`));
    });
  });
}

export const test = base.extend<{ dataFolder: string; appArguments: readonly string[]; app: RunningApp; tapedeck: Page }>({
  appArguments: [["--seed", "7"], { option: true }],
  // eslint-disable-next-line no-empty-pattern -- Playwright wants the destructuring
  dataFolder: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), "tapedeck-e2e-"));
    await use(folder);
    await rm(folder, { recursive: true, force: true });
  },
  app: async ({ dataFolder, appArguments }, use) => {
    const app = await startApp(dataFolder, appArguments);
    await use(app);
    expect(await app.stop(), `exit code of the app; it said:\n${app.log()}`).toBe(0);
  },
  tapedeck: async ({ app, page }, use) => {
    const troubles: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error") troubles.push(`console: ${message.text()}`);
    });
    page.on("pageerror", (error) => troubles.push(`page: ${error.message}`));
    // A refusal of the page's policy that its code swallows is heard nowhere else.
    await page.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sourceFile, lineNumber }) => {
        console.error(`page policy: ${violatedDirective} refused ${blockedURI} (${sourceFile}:${lineNumber})`);
      });
    });
    await page.goto(app.address);
    await expect(page.getByTestId("mode-badge")).toBeVisible();
    await use(page);
    expect(troubles).toEqual([]);
  },
});

export { expect };
