// Runs the `tapedeck` command beside the app: a finished recording to serve, its candles, and the service itself, which can be killed.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const COMMAND = fileURLToPath(new URL("../bin/tapedeck.mjs", import.meta.url));
const run = promisify(execFile);
const LOOK_EVERY_MS = 20;
const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

/** Runs one command to its end; rejects with its stderr when it ends badly. */
export async function tapedeck(...args: readonly string[]): Promise<string> {
  const { stdout } = await run(process.execPath, [COMMAND, ...args], { maxBuffer: OUTPUT_BYTES_MAX });
  return stdout;
}

/** One candle as `tapedeck candles --json` tells it; the numbers are exact text. */
export interface Candle {
  readonly open_ts_ms: number;
  readonly open: string;
  readonly high: string;
  readonly low: string;
  readonly close: string;
  readonly volume: string;
  readonly quote_volume: string;
  readonly trade_count: number;
  readonly state: string;
  readonly revision: number;
  readonly digest: string;
}

export async function candlesOf(options: { readonly dataFolder: string; readonly captureId: string; readonly symbol: string; readonly interval: string }): Promise<readonly Candle[]> {
  const { dataFolder, captureId, symbol, interval } = options;
  const output = await tapedeck("candles", "--data", dataFolder, "--capture", captureId, "--symbol", symbol, "--interval", interval, "--json");
  return output.trimEnd().split("\n").map((line) => JSON.parse(line) as Candle);
}

function isGroupAlive(pid: number): boolean {
  try {
    process.kill(-pid, 0);
    return true;
  } catch {
    return false;
  }
}

export interface RunningServer {
  readonly pub: string;
  readonly rpc: string;
  readonly historyId: string;
  /** SIGKILL to it and everything it started: nothing gets to say goodbye. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
  log(): string;
}

/** Starts `tapedeck serve` and waits until it says where it listens. */
export async function serve(...args: readonly string[]): Promise<RunningServer> {
  // A group of its own, so that its child processes can be killed in the same instant.
  const child = spawn(process.execPath, [COMMAND, "serve", "--json", ...args], { stdio: ["ignore", "pipe", "pipe"], detached: true });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (log += text));
  const exited = once(child, "exit") as Promise<[number | null]>;
  const lines = createInterface({ input: child.stdout });
  const first = await Promise.race([
    once(lines, "line") as Promise<[string]>,
    exited.then(([code]) => {
      throw new Error(`tapedeck serve ended with ${code} before it said where it listens:\n${log}`);
    }),
  ]);
  const bound = JSON.parse(first[0]) as { readonly pub: string; readonly rpc: string; readonly history_id: string };
  return {
    pub: bound.pub, rpc: bound.rpc, historyId: bound.history_id,
    log: () => log,
    async kill() {
      const { pid } = child;
      if (pid === undefined) return;
      if (isGroupAlive(pid)) process.kill(-pid, "SIGKILL");
      await exited;
      // Its child processes are nobody's to wait for, and hold ports and locks until the system has taken them away.
      while (isGroupAlive(pid)) await setTimeout(LOOK_EVERY_MS);
    },
    async stop() {
      child.kill("SIGTERM");
      const [code] = await exited;
      return code;
    },
  };
}
