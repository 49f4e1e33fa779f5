// `tapedeck doctor`: what is installed, which shell would start, the disk, on request a venue's clock, and a self-test.
import { constants } from "node:fs";
import { access, mkdir, mkdtemp, open, rm, statfs } from "node:fs/promises";
import { createRequire } from "node:module";
import { availableParallelism, release, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { Command } from "commander";
import { z } from "zod";
import { fault } from "../../shared/base.ts";
import { VERSION } from "../version.ts";
import { NodeClock, nodeTimers } from "../net/node-clock.ts";
import { createNodeHttp } from "../net/node-transport.ts";
import { adapterFor } from "../venues/registry.ts";
import { commonOptions, defineCommand, optionText, type CommandContext, type ExitCode } from "./context.ts";
import { captureIds } from "./open-capture.ts";
import { selfTest } from "./self-test.ts";

const schema = z.object({ ...commonOptions, venue: optionText.venue.optional() });
type Input = z.output<typeof schema>;

interface Finding {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

const SYNC_PROBES = 20;
const PROBE_BYTES = 4_096;
const FREE_BYTES_MIN = 1024 * 1024 * 1024;
const CHROMIUM_NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const CLOCK_TIMEOUT_MS = 5_000;
const CLOCK_OFFSET_MS_MAX = 1_000;

async function isThere(path: string): Promise<boolean> {
  return access(path, constants.F_OK).then(() => true, () => false);
}

async function findChromium(): Promise<string | undefined> {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    for (const name of CHROMIUM_NAMES) if (folder !== "" && (await isThere(join(folder, name)))) return join(folder, name);
  }
  return undefined;
}

/** Looks for the binary without importing the package: importing it starts a download where there is none. */
async function findElectron(): Promise<string | undefined> {
  const override = process.env["ELECTRON_OVERRIDE_DIST_PATH"];
  if (override !== undefined) return (await isThere(join(override, "electron"))) ? join(override, "electron") : undefined;
  try {
    const manifest = createRequire(import.meta.url).resolve("electron/package.json");
    const binary = join(manifest, "../dist", process.platform === "win32" ? "electron.exe" : "electron");
    return (await isThere(binary)) ? binary : undefined;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}

async function shellFinding(): Promise<Finding> {
  const [electron, chromium] = [await findElectron(), await findChromium()];
  const display = process.platform === "linux" ? (process.env["WAYLAND_DISPLAY"] ?? process.env["DISPLAY"]) : "native";
  const shell = electron !== undefined && display !== undefined ? "electron" : "browser";
  const detail = `${shell} shell would start; Electron binary ${electron ?? "not installed"}, Chromium ${chromium ?? "not found"}, display ${display ?? "none"}`;
  return { name: "shell", ok: true, detail };
}

async function diskFinding(data: string): Promise<Finding> {
  try {
    await mkdir(data, { recursive: true });
    const folder = await mkdtemp(join(data, ".doctor-"));
    try {
      const file = await open(join(folder, "probe"), "a");
      const times: number[] = [];
      try {
        for (let probe = 0; probe < SYNC_PROBES; probe += 1) {
          await file.write(Buffer.alloc(PROBE_BYTES, probe));
          const before = performance.now();
          await file.datasync();
          times.push(performance.now() - before);
        }
      } finally {
        await file.close();
      }
      const { bavail, bsize } = await statfs(data);
      const free = bavail * bsize;
      const median = times.sort((a, b) => a - b)[SYNC_PROBES / 2] ?? 0;
      const room = `${(free / 1024 ** 3).toFixed(1)} GiB free`;
      return { name: "disk", ok: free >= FREE_BYTES_MIN, detail: `${data}: writable, ${room}, fdatasync ${median.toFixed(2)} ms (median of ${SYNC_PROBES})` };
    } finally {
      await rm(folder, { recursive: true });
    }
  } catch (error) {
    return { name: "disk", ok: false, detail: `${data} cannot be written: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** Offset = the venue's time at the middle of the request; the error bar is half the round trip. */
async function clockFinding(input: Input): Promise<Finding> {
  if (input.venue === undefined) return { name: "clock", ok: true, detail: "not measured; --venue binance asks the venue for its time" };
  const adapter = adapterFor(input.venue);
  if (adapter === undefined || input.venue === "sim") throw fault("doctor.no-clock", `--venue ${input.venue}: its clock cannot be asked; --venue binance can`);
  const { request, read } = adapter.serverTime;
  const url = `${adapter.defaultEndpoints[request.endpoint] ?? ""}${request.path}`;
  const clock = new NodeClock();
  const [beforeNs, beforeMs] = [clock.wallNs(), clock.monotonicMs()];
  const response = await createNodeHttp(nodeTimers).get(url, { timeoutMs: CLOCK_TIMEOUT_MS });
  const roundTripMs = clock.monotonicMs() - beforeMs;
  const time = response.ok ? read(response.value.body) : response;
  if (!time.ok) return { name: "clock", ok: false, detail: `${url}: ${time.fault.message}` };
  const offsetMs = time.value - (Number(beforeNs / 1_000n) / 1_000 + roundTripMs / 2);
  return { name: "clock", ok: Math.abs(offsetMs) < CLOCK_OFFSET_MS_MAX, detail: `${input.venue} is ${offsetMs.toFixed(1)} ms ahead of this machine, ± ${(roundTripMs / 2).toFixed(1)} ms` };
}

async function selfTestFinding(): Promise<Finding> {
  const folder = await mkdtemp(join(tmpdir(), "tapedeck-doctor-"));
  try {
    return { name: "self-test", ...(await selfTest(folder)) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function doctor(context: CommandContext, input: Input): Promise<ExitCode> {
  const findings: Finding[] = [
    { name: "version", ok: true, detail: `tapedeck ${VERSION}, Node ${process.version}, ${process.platform} ${release()} ${process.arch}, ${availableParallelism()} cores` },
    await shellFinding(),
    await diskFinding(input.data),
    { name: "captures", ok: true, detail: `${(await captureIds(input.data)).length} in ${input.data}` },
    await clockFinding(input),
    await selfTestFinding(),
  ];
  const ok = findings.every((finding) => finding.ok);
  if (input.json) await context.output.json({ ok, checks: findings });
  else for (const { name, ok: fine, detail } of findings) await context.output.line(`${fine ? "ok  " : "FAIL"}  ${name.padEnd(9)}  ${detail}`);
  return ok ? 0 : 1;
}

export function registerDoctor(program: Command, context: CommandContext): void {
  const command = program
    .command("doctor")
    .description("what is installed, which shell, disk, clock offset, self-test (exit 1 if something is wrong)")
    .option("--venue <venue>", "also measure the offset to this venue's clock (asks it over the network)");
  defineCommand({ command, context, schema, run: (input) => doctor(context, input) });
}
