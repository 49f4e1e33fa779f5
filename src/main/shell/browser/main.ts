// Entry of the browser shell (dist/main/browser-shell.js): engine and loopback server in one process, until told to stop.
// The server is bound before recording begins, so that a port that is taken leaves nothing behind.
import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { FaultError } from "../../../shared/base.ts";
import { composeEngine } from "../../compose.ts";
import { VERSION } from "../../version.ts";
import type { Engine } from "../../engine/engine.ts";
import { keepHeapSmall } from "../../engine/small-heap.ts";
import { parseShellArguments } from "../../shell-arguments.ts";
import { ScreenFiles } from "../screen-files.ts";
import { firstStopSignal } from "../stop-signals.ts";
import { describeRecording } from "./announcement.ts";
import { hasDisplay, openWindow, systemSurroundings } from "./open-window.ts";
import { BrowserServer } from "./server.ts";

const BAD_INPUT = 2;
const FAILED = 1;
// Sealing rewrites at most one open segment; a person who waits longer than this wants to know for what.
const PATIENCE_MS = 10_000;

const DIST_MAIN = new URL(".", import.meta.url);

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function note(line: string): void {
  process.stderr.write(`tapedeck: ${line}\n`);
}

async function showWindow(server: BrowserServer): Promise<void> {
  const surroundings = systemSurroundings();
  if (!hasDisplay(surroundings)) return;
  const opened = await openWindow(() => server.addressForOneUse(), surroundings);
  if (opened === undefined) note("no browser could be opened; the address above works in any");
}

async function closeInOrder(engine: Engine, server: BrowserServer, reason: string): Promise<void> {
  note(`${reason}: sealing the recording (once more to leave at once; the next start then recovers)`);
  const impatience = setTimeout(() => {
    note("still sealing; once more leaves at once, the next start then recovers");
  }, PATIENCE_MS);
  try {
    await engine.close(reason);
    await server.close();
  } finally {
    clearTimeout(impatience);
  }
}

async function start(): Promise<() => Promise<void>> {
  const stopped = firstStopSignal(process, () => performance.now());
  const args = parseShellArguments(process.argv.slice(2));
  const files = await ScreenFiles.load(fileURLToPath(new URL("../renderer", DIST_MAIN)));
  let engine: Engine | undefined = undefined;
  const server = await BrowserServer.listen({
    files,
    port: args.port,
    randomToken: () => randomBytes(32).toString("base64url"),
    attach: (port) => {
      // Nobody holds a token before it is printed, and that is after the engine has started.
      if (engine === undefined) port.close();
      else engine.attach(port);
    },
    note,
  });
  engine = await composeEngine({ dataFolder: args.dataFolder, distMain: DIST_MAIN, shell: "browser", args });
  say(`Tapedeck ${VERSION} ${describeRecording({ engine, venues: args.request.venues, dataFolder: args.dataFolder })}: ${server.address()}`);
  if (args.open) void showWindow(server);
  const running = engine;
  return async () => {
    await closeInOrder(running, server, `stopped by ${await stopped}`);
  };
}

/** What cannot start is bad input (2), as on the command line; what goes wrong later is a failure (1). */
function end(error: unknown, faultCode: number): void {
  if (error instanceof FaultError) note(error.fault.message);
  else note(`unexpected error, please report it: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  process.exit(error instanceof FaultError ? faultCode : FAILED);
}

// Whoever reads our output may leave (`npm start | head`); recording goes on.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);

// This thread only relays frames: a megabyte a second comes and goes, most of it outside the heap, where V8 does not look.
keepHeapSmall();

let untilClosed: (() => Promise<void>) | undefined = undefined;
try {
  untilClosed = await start();
  await untilClosed();
  process.exit(0);
} catch (error) {
  end(error, untilClosed === undefined ? BAD_INPUT : FAILED);
}
