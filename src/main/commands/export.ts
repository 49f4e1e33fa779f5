// `tapedeck export`: a capture's Parquet lake to a folder or to S3, or its whole log as one indexed MCAP; verified, and taken up where it stopped.
import { resolve } from "node:path";
import type { Command } from "commander";
import { z } from "zod";
import { fault } from "../../shared/base.ts";
import { gapFreeIn } from "../derive/gap-free.ts";
import { exportFiles, exportSentence, type ExportProgress } from "../engine/export-files.ts";
import { refuseDifferences } from "../engine/lake-jobs.ts";
import { NodeDisk } from "../rawlog/node-disk.ts";
import { NodeClock } from "../net/node-clock.ts";
import { decoderLookup } from "../venues/registry.ts";
import { commonOptions, defineCommand, optionText, type CommandContext, type ExitCode } from "./context.ts";
import { refuseGaps } from "./gap-free.ts";
import { captureFolder, openCapture } from "./open-capture.ts";

const schema = z.object({
  ...commonOptions,
  capture: optionText.capture,
  to: z.string().min(1).max(4_096),
  gapFree: z.boolean().default(false),
  endpoint: z.string().optional().transform((text) => {
    if (text === undefined || (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol))) return text;
    throw fault("cli.bad-option", `--endpoint ${text}: no address; write http://host:port or https://host`);
  }),
  region: z.string().regex(/^[a-z0-9-]{1,40}$/).optional(),
  abortUploads: z.boolean().default(false),
});
type Input = z.output<typeof schema>;

async function gaps(context: CommandContext, input: Input): Promise<ExitCode | undefined> {
  if (!input.gapFree) return undefined;
  await using capture = await openCapture(input.data, input.capture);
  const derived = await capture.derive({ onNote: (note) => { context.output.note(`tapedeck: ${note}`); }, stop: context.stop });
  try {
    const answer = await gapFreeIn(derived, {});
    return answer.ok ? undefined : await refuseGaps(context, input.json, answer);
  } finally {
    await derived.close();
  }
}

async function compacted(context: CommandContext, folder: string): Promise<number> {
  // DuckDB on this process's main thread, where the command line runs nothing beside it; loaded by who needs it only.
  const { Lake } = await import("../lake/lake.ts");
  const lake = new Lake({ disk: new NodeDisk(), captureFolder: folder, decoders: decoderLookup, onNote: (text) => { context.output.note(`tapedeck: ${text}`); } });
  try {
    const report = await lake.compact({ signal: context.stop, onProgress: ({ phase, done, total, unit }) => { context.output.progress(`${phase} ${done} of ${total} ${unit}`); } });
    refuseDifferences(report);
    return report.toSeq;
  } finally {
    await lake.close();
  }
}

async function run(context: CommandContext, input: Input): Promise<ExitCode> {
  const { output } = context;
  const folder = await captureFolder(input.data, input.capture);
  const refused = await gaps(context, input);
  if (refused !== undefined) return refused;
  const startedMs = performance.now();
  const done = await exportFiles({
    captureId: input.capture, captureFolder: folder, to: input.to.startsWith("s3://") ? input.to : resolve(input.to), clock: new NodeClock(), stop: context.stop,
    access: { ...(input.endpoint === undefined ? {} : { endpoint: input.endpoint }), ...(input.region === undefined ? {} : { region: input.region }) },
    abortUploads: input.abortUploads, compact: () => compacted(context, folder),
    onProgress: ({ done: now, total, unit }: ExportProgress) => { output.progress(`${total === undefined || total === 0 ? "" : `${Math.floor((now / total) * 100)} %  `}${now} ${unit}`); },
  });
  const seconds = Math.round(performance.now() - startedMs) / 1_000;
  if (input.json) {
    await output.json({
      capture_id: input.capture, to: done.to, kind: done.kind, files: done.files, files_skipped: done.skipped, rows: done.rows ?? null, messages: done.messages ?? null, bytes: done.bytes,
      last_seq: done.lastSeq, log_root: done.root, seconds,
    });
  } else await output.line(`${input.capture}: ${exportSentence(done)} in ${seconds} s`);
  return 0;
}

export function registerExport(program: Command, context: CommandContext): void {
  const command = program
    .command("export")
    .description("a capture's Parquet to a folder or to S3, or all of it as one indexed MCAP; verified")
    .requiredOption("--capture <id>", "which capture")
    .requiredOption("--to <place>", "a folder, s3://bucket/prefix, or a file that ends with .mcap")
    .option("--gap-free", "refuse (exit 1) when the ledger has an unrepaired gap")
    .option("--endpoint <url>", "an S3-compatible server other than Amazon's")
    .option("--region <region>", "default: AWS_REGION, else us-east-1")
    .option("--abort-uploads", "when stopped, give up what was uploaded in part (else the next export goes on with it)");
  defineCommand({ command, context, schema, run: (input) => run(context, input) });
}
