// `tapedeck captures`: what the data folder holds.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { z } from "zod";
import type { CaptureSummary } from "../../shared/protocol/frames.ts";
import { formatUtcMs } from "../../shared/time.ts";
import type { Column } from "../cli-output.ts";
import { summarizeCaptures } from "../engine/capture-list.ts";
import { machineProcesses } from "../rawlog/lock.ts";
import { LOCK_FILE } from "../rawlog/segment-format.ts";
import { capturesFolder, commonOptions, defineCommand, type CommandContext, type ExitCode } from "./context.ts";

const schema = z.object(commonOptions);

/** Summaries carry the fraction that the screen needs; the contract's times are whole. */
function wholeMs(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.floor(ms);
}

function captureObject(capture: CaptureSummary): Record<string, unknown> {
  const { captureId, venues, symbols, streams, fromMs, toMs, events, bytes, state } = capture;
  return { capture_id: captureId, venues, symbols, streams, from_ts_ms: wholeMs(fromMs), to_ts_ms: wholeMs(toMs), events, bytes, state };
}

function moment(ms: number | undefined): string {
  return ms === undefined ? "" : formatUtcMs(Math.floor(ms));
}

const COLUMNS: readonly Column<CaptureSummary>[] = [
  { title: "capture", text: (row) => row.captureId },
  { title: "venues", text: (row) => row.venues.join(" ") },
  { title: "symbols", text: (row) => row.symbols.join(" ") },
  { title: "streams", align: "right", text: (row) => String(row.streams) },
  { title: "from (UTC)", text: (row) => moment(row.fromMs) },
  { title: "to (UTC)", text: (row) => moment(row.toMs) },
  { title: "events", align: "right", text: (row) => String(row.events) },
  { title: "bytes", align: "right", text: (row) => String(row.bytes) },
  { title: "state", text: (row) => row.state },
];

const ownerSchema = z.object({ pid: z.number().int(), startedAt: z.string(), bootId: z.string(), token: z.string() });

/** True while a living process, of whatever kind, writes the capture. */
async function isHeld(folder: string): Promise<boolean> {
  const text = await readFile(join(folder, LOCK_FILE), "utf8").catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return false;
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    return false; // Torn while it was written: whoever did is gone, or shows up the next time.
  }
  const owner = ownerSchema.safeParse(raw);
  return owner.success && machineProcesses.isAlive(owner.data);
}

/** An open segment is a crash only when nobody is writing it: the summary cannot know of other processes. */
async function withHolder(data: string, capture: CaptureSummary): Promise<CaptureSummary> {
  const held = capture.state === "crashed" && (await isHeld(join(capturesFolder(data), capture.captureId)));
  return held ? { ...capture, state: "recording" } : capture;
}

async function captures(context: CommandContext, input: z.output<typeof schema>): Promise<ExitCode> {
  const found: CaptureSummary[] = [];
  for (const capture of await summarizeCaptures(input.data, undefined)) found.push(await withHolder(input.data, capture));
  if (input.json) for (const capture of found) await context.output.json(captureObject(capture));
  else if (found.length === 0) await context.output.line(`no captures in ${input.data}`);
  else await context.output.table(COLUMNS, found);
  return 0;
}

export function registerCaptures(program: Command, context: CommandContext): void {
  defineCommand({ command: program.command("captures").description("captures of the data folder"), context, schema, run: (input) => captures(context, input) });
}
