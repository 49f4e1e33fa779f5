// `tapedeck import`: foreign captures become a capture of ours, candles included, or nothing at all.
import { resolve } from "node:path";
import type { Command } from "commander";
import { z } from "zod";
import { fault } from "../../shared/base.ts";
import { VERSION } from "../version.ts";
import { lockDataFolder } from "../engine/data-lock.ts";
import { importFiles } from "../engine/import-files.ts";
import { IMPORT_FORMATS } from "../importers/foreign.ts";
import type { ImportProgress } from "../importers/import-capture.ts";
import { NodeClock } from "../net/node-clock.ts";
import { capturesFolder, commonOptions, defineCommand, optionText, type CommandContext, type ExitCode } from "./context.ts";

const schema = z.object({
  ...commonOptions,
  capture: optionText.capture,
  venue: optionText.venue,
  fold: z.string().transform((text) => {
    if (text === "trade" || text === "aggTrade") return text;
    throw fault("cli.bad-option", `--fold ${text}: trade or aggTrade`);
  }).optional(),
  format: z.string().transform((text) => IMPORT_FORMATS.find((format) => format === text) ?? unknownFormat(text)),
  files: z.array(z.string()).min(1),
});
type Input = z.output<typeof schema>;

function unknownFormat(text: string): never {
  throw fault("cli.bad-option", `--format ${text}: no such format; there are ${IMPORT_FORMATS.join(", ")}`);
}

function progressText({ phase, messages, bytesRead, bytesTotal }: ImportProgress, startedMs: number): string {
  const percent = bytesTotal === 0 ? 100 : Math.floor((bytesRead / bytesTotal) * 100);
  const perSecond = Math.round(messages / Math.max(0.001, (performance.now() - startedMs) / 1_000));
  return `${phase === "survey" ? "reading" : phase === "write" ? "writing" : "deriving"} ${percent} %  ${messages} messages  ${perSecond}/s`;
}

async function runImport(context: CommandContext, input: Input): Promise<ExitCode> {
  const lock = await lockDataFolder(input.data);
  try {
    return await importLocked(context, input);
  } finally {
    await lock.release();
  }
}

async function importLocked(context: CommandContext, input: Input): Promise<ExitCode> {
  const { output } = context;
  const startedMs = performance.now();
  let phase: ImportProgress["phase"] | undefined;
  let phaseMs = startedMs;
  const onProgress = (progress: ImportProgress): void => {
    if (progress.phase !== phase) phaseMs = performance.now();
    phase = progress.phase;
    output.progress(progressText(progress, phaseMs));
  };
  const done = await importFiles({
    capturesFolder: capturesFolder(input.data), captureId: input.capture, venue: input.venue, format: input.format, fold: input.fold,
    files: input.files.map((file) => resolve(file)), version: VERSION, clock: new NodeClock(), onProgress, stop: context.stop,
  });
  const seconds = Math.round(performance.now() - startedMs) / 1_000;
  const result = {
    capture_id: done.captureId, messages: done.messages, durable_messages: done.messages, bytes: done.bytes, seconds,
    quarantined: done.quarantined, unhandled: done.unhandled, gaps: done.gaps,
    folds: done.folds, receive_time_steps_back: done.stepsBack, last_seq: done.lastSeq,
  };
  if (input.json) {
    await output.json(result);
    return 0;
  }
  const folds = Object.entries(done.folds).map(([instrument, channel]) => `${instrument} ${channel}`).join(", ");
  await output.line(`${done.captureId}: ${done.messages} messages in ${seconds} s (${Math.round(done.messages / seconds)}/s), ${done.bytes} bytes`);
  await output.line(`  ${done.unhandled} unhandled, ${done.quarantined} quarantined, ${done.gaps} gaps, ${done.stepsBack} steps back in receive time`);
  await output.line(`  candles from ${folds || "nothing: no trades in the files"}`);
  return 0;
}

export function registerImport(program: Command, context: CommandContext): void {
  const command = program
    .command("import")
    .description("foreign captures into a new capture; receive times are kept")
    .requiredOption("--capture <id>", "name of the new capture")
    .requiredOption("--venue <venue>", "whose messages these are: binance, binance-spot …")
    .requiredOption("--format <format>", IMPORT_FORMATS.join(", "))
    .option("--fold <channel>", "trade or aggTrade: what candles are made of (default: trade where there is one)")
    .argument("<files...>", "read in this order; plain or gzip");
  defineCommand({ command, context, schema, run: (input) => runImport(context, input) });
}
