// `tapedeck compact`: a capture's events as Parquet, one file per exchange, stream, symbol and date; counts compared with the log.
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { z } from "zod";
import type { Column } from "../cli-output.ts";
import type { CompactReport, LakeDifference, LakeProgress, PartitionCount, ReconcileReport } from "../lake/types.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";
import { decoderLookup } from "../venues/registry.ts";
import { commonOptions, defineCommand, optionText, type CommandContext, type ExitCode } from "./context.ts";
import { captureFolder } from "./open-capture.ts";

const schema = z.object({ ...commonOptions, capture: optionText.capture, check: z.boolean().default(false) });
type Input = z.output<typeof schema>;

const PHASES: Readonly<Record<LakeProgress["phase"], string>> = { spool: "spooling", compact: "compacting", check: "checking" };

const COLUMNS: readonly Column<PartitionCount>[] = [
  { title: "exchange", text: ({ exchange }) => exchange },
  { title: "stream", text: ({ stream }) => stream },
  { title: "symbol", text: ({ symbol }) => symbol },
  { title: "date", text: ({ date }) => date },
  { title: "log", align: "right", text: ({ logRows }) => String(logRows) },
  { title: "spool", align: "right", text: ({ spoolRows }) => String(spoolRows) },
  { title: "compact", align: "right", text: ({ compactRows }) => String(compactRows) },
  { title: "parts", align: "right", text: ({ spoolFiles }) => String(spoolFiles) },
];

function differenceText({ where, what, expected, actual }: LakeDifference): string {
  return `  differs: ${where}: ${what}: expected ${expected}, found ${actual}`;
}

function reportObject(report: ReconcileReport | CompactReport): Record<string, unknown> {
  return {
    capture_id: report.captureId, result: report.differences.length === 0 ? "MATCH" : "MISMATCH", to_seq: report.toSeq, messages: report.messages, rows: report.rows,
    duplicates: report.duplicates, out_of_range: report.outOfRange, spool_files: report.spoolFiles, compact_files: report.compactFiles, compact_bytes: report.compactBytes,
    ...("spool" in report ? { segments: report.spool.spooledSegments, segments_spooled_now: report.spool.segments, files_written_now: report.written, files_removed: report.removedFiles } : {}),
    thorough: report.thorough,
    partitions: report.partitions.map(({ exchange, stream, symbol, date, logRows, spoolRows, compactRows, spoolFiles }) =>
      ({ exchange, stream, symbol, date, log_rows: logRows, spool_rows: spoolRows, compact_rows: compactRows, parts: spoolFiles })),
    differences: report.differences,
  };
}

async function print(report: ReconcileReport | CompactReport, folder: string, { output }: CommandContext): Promise<void> {
  if (report.partitions.length > 0) await output.table(COLUMNS, report.partitions);
  const counts = `${report.messages} messages, ${report.rows} rows in ${report.compactFiles} files (${report.compactBytes} bytes), ${report.duplicates} duplicates left out`;
  const odd = report.outOfRange === 0 ? "" : `, ${report.outOfRange} events with a time that fits no column`;
  await output.line(`${report.differences.length === 0 ? "MATCH" : "MISMATCH"}  ${report.captureId}: ${counts}${odd}`);
  if ("written" in report) await output.line(`  ${report.written} files written now, ${report.compactFiles - report.written} were up to date: ${join(folder, "compact")}`);
  for (const difference of report.differences) await output.line(differenceText(difference));
}

async function compact(context: CommandContext, input: Input): Promise<ExitCode> {
  const { output, stop } = context;
  const folder = await captureFolder(input.data, input.capture);
  // DuckDB on this process's main thread, where the command line runs nothing beside it; loaded by who needs it only.
  const { Lake } = await import("../lake/lake.ts");
  const lake = new Lake({ disk: new NodeDisk(), captureFolder: folder, decoders: decoderLookup, onNote: (text) => { output.note(`tapedeck: ${text}`); } });
  const onProgress = ({ phase, done, total, unit }: LakeProgress): void => { output.progress(`${PHASES[phase]} ${done} of ${total} ${unit}`); };
  try {
    const task = { onProgress, signal: stop };
    const report = input.check ? await lake.check(join(tmpdir(), `tapedeck-check-${process.pid}`), task) : await lake.compact(task);
    if (input.json) await output.json(reportObject(report));
    else await print(report, folder, context);
    return report.differences.length === 0 ? 0 : 1;
  } finally {
    await lake.close();
  }
}

export function registerCompact(program: Command, context: CommandContext): void {
  const command = program
    .command("compact")
    .description("a capture's events as Parquet, compared with the log (exit 1 when they differ)")
    .requiredOption("--capture <id>", "which capture")
    .option("--check", "write nothing: decode the log again and compare every row and file with it");
  defineCommand({ command, context, schema, run: (input) => compact(context, input) });
}
