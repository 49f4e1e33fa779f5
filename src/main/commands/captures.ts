// `tapedeck captures`: what the data folder holds.
import type { Command } from "commander";
import { z } from "zod";
import type { CaptureSummary } from "../../shared/protocol/frames.ts";
import { formatUtcMs } from "../../shared/time.ts";
import type { Column } from "../cli-output.ts";
import { summarizeCaptures } from "../engine/capture-list.ts";
import { commonOptions, defineCommand, type CommandContext, type ExitCode } from "./context.ts";

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

async function captures(context: CommandContext, input: z.output<typeof schema>): Promise<ExitCode> {
  const found = await summarizeCaptures(input.data, undefined);
  if (input.json) for (const capture of found) await context.output.json(captureObject(capture));
  else if (found.length === 0) await context.output.line(`no captures in ${input.data}`);
  else await context.output.table(COLUMNS, found);
  return 0;
}

export function registerCaptures(program: Command, context: CommandContext): void {
  defineCommand({ command: program.command("captures").description("captures of the data folder"), context, schema, run: (input) => captures(context, input) });
}
