// `tapedeck import`: foreign captures become a capture of ours, candles included, or nothing at all.
import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import type { Command } from "commander";
import { z } from "zod";
import { fault } from "../../shared/base.ts";
import { readLedgerEntries } from "../derive/read.ts";
import { createDeriver } from "../derive/deriver.ts";
import { IMPORT_FORMATS } from "../importers/foreign.ts";
import { importCapture, type ImportProgress } from "../importers/import-capture.ts";
import { MessageCounts } from "../importers/message-counts.ts";
import { routeFor } from "../importers/route-for.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";
import { openReader } from "../rawlog/reader.ts";
import { sha256 } from "../rawlog/sha256.ts";
import { openWriter } from "../rawlog/writer.ts";
import { decoderLookup } from "../venues/registry.ts";
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
  const { output } = context;
  const startedMs = performance.now();
  let phase: ImportProgress["phase"] | undefined;
  let phaseMs = startedMs;
  const onProgress = (progress: ImportProgress): void => {
    if (progress.phase !== phase) phaseMs = performance.now();
    phase = progress.phase;
    output.progress(progressText(progress, phaseMs));
  };
  const disk = new NodeDisk();
  const counts = new MessageCounts();
  let bytes = 0;
  let gaps = 0;
  await mkdir(input.data, { recursive: true });
  const report = await importCapture({
    capturesFolder: capturesFolder(input.data), captureId: input.capture, venue: input.venue, format: input.format, fold: input.fold,
    files: input.files.map((file) => resolve(file)), route: routeFor(input.venue), decoders: decoderLookup, sha256, stop: context.stop, onProgress,
    openWriter: (folder) => openWriter({ disk, folder, captureId: input.capture }),
    complete: async (folder) => {
      const reader = await openReader({ disk, folder });
      const total = await reader.refresh();
      const deriver = await createDeriver({
        disk, captureFolder: folder, reader, decoders: decoderLookup, sha256, stop: context.stop,
        onRecord: (record, outcome) => {
          counts.add(record, outcome);
          if (counts.messages % 8_192 === 0) onProgress({ phase: "derive", messages: counts.messages, bytesRead: record.seq, bytesTotal: total });
        },
      });
      try {
        await deriver.advance();
        await deriver.finish();
        gaps = (await readLedgerEntries(deriver)).gaps.length;
        bytes = reader.segments.reduce((sum, segment) => sum + segment.bytes, 0);
      } finally {
        await deriver.close();
        await reader.close();
      }
    },
  });
  const seconds = Math.round(performance.now() - startedMs) / 1_000;
  const result = {
    capture_id: report.captureId, messages: report.messages, durable_messages: report.messages, bytes, seconds,
    quarantined: counts.quarantined, unhandled: counts.unhandled, gaps,
    folds: report.folds, receive_time_steps_back: report.stepsBack, last_seq: report.lastSeq,
  };
  if (input.json) await output.json(result);
  else {
    await output.line(`${result.capture_id}: ${result.messages} messages in ${seconds} s (${Math.round(result.messages / seconds)}/s), ${bytes} bytes`);
    await output.line(`  ${result.unhandled} unhandled, ${result.quarantined} quarantined, ${gaps} gaps, ${result.receive_time_steps_back} steps back in receive time`);
    await output.line(`  candles from ${Object.entries(report.folds).map(([instrument, channel]) => `${instrument} ${channel}`).join(", ") || "nothing: no trades in the files"}`);
  }
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
