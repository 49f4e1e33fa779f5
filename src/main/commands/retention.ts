// `tapedeck retention`: what limits of age and size would remove, and with --apply removes it. A dry run by default.
import type { Command } from "commander";
import { z } from "zod";
import { fault } from "../../shared/base.ts";
import type { RetentionLimits } from "../../shared/protocol/commands.ts";
import type { RetentionPreview } from "../../shared/protocol/frames.ts";
import type { Column } from "../cli-output.ts";
import { summarizeCaptures } from "../engine/capture-list.ts";
import { finishRemovals, removeCapture } from "../engine/captures-remove.ts";
import { usedCaptures } from "../engine/captures-use.ts";
import { lockDataFolder } from "../engine/data-lock.ts";
import { bytesText, counted } from "../engine/health-words.ts";
import { planRetention } from "../engine/retention.ts";
import { commonOptions, defineCommand, type CommandContext, type ExitCode } from "./context.ts";
import { ageInDays, byteSize } from "./measures.ts";

const schema = z.object({
  ...commonOptions,
  maxAge: ageInDays("max-age").optional(),
  maxSize: byteSize("max-size").optional(),
  unexported: z.boolean().default(false),
  apply: z.boolean().default(false),
});
type RetentionInput = z.output<typeof schema>;

export function registerRetention(program: Command, context: CommandContext): void {
  const command = program
    .command("retention")
    .description("remove whole captures by age and size, oldest first; shows what would go unless --apply")
    .option("--max-age <length>", "captures whose last message is older: 30d")
    .option("--max-size <size>", "captures may take this much together: 200G")
    .option("--unexported", "also captures that were never exported")
    .option("--apply", "remove them");
  defineCommand({ command, context, schema, run: (input) => retention(input, context) });
}

async function retention(input: RetentionInput, context: CommandContext): Promise<ExitCode> {
  const { maxAge, maxSize, unexported } = input;
  if (maxAge === undefined && maxSize === undefined) throw fault("cli.bad-option", "tapedeck retention: give a limit: --max-age 30d, --max-size 200G or both");
  const limits: RetentionLimits = { ...(maxAge === undefined ? {} : { maxAgeDays: maxAge }), ...(maxSize === undefined ? {} : { maxBytes: maxSize }), unexported };
  if (!input.apply) {
    await say(await plan(input.data, limits), false, input, context);
    return 0;
  }
  const lock = await lockDataFolder(input.data);
  try {
    for (const captureId of await finishRemovals(input.data)) context.output.note(`tapedeck: the removal of ${captureId}, which was interrupted, is done now`);
    const preview = await plan(input.data, limits);
    for (const { captureId, bytes, why } of preview.removes) await removeCapture(input.data, { captureId, bytes, why, atMs: Date.now() });
    await say(preview, true, input, context);
  } finally {
    await lock.release();
  }
  return 0;
}

async function plan(data: string, limits: RetentionLimits): Promise<RetentionPreview> {
  const captures = await summarizeCaptures(data, undefined);
  const inUse = await usedCaptures(data, captures.map(({ captureId }) => captureId));
  return planRetention(captures, limits, { ms: Date.now(), inUse });
}

interface Row { readonly captureId: string; readonly bytes: number; readonly what: string; readonly why: string }

const COLUMNS: readonly Column<Row>[] = [
  { title: "capture", text: (row) => row.captureId },
  { title: "size", align: "right", text: (row) => bytesText(row.bytes) },
  { title: "", text: (row) => row.what },
  { title: "why", text: (row) => row.why },
];

async function say(preview: RetentionPreview, applied: boolean, input: RetentionInput, { output }: CommandContext): Promise<void> {
  const removed = applied ? "removed" : "would go";
  const rows: readonly Row[] = [...preview.removes.map((one) => ({ ...one, what: removed })), ...preview.keeps.map((one) => ({ ...one, what: "stays" }))];
  if (input.json) {
    for (const { captureId, bytes, what, why } of rows) await output.json({ capture_id: captureId, bytes, removed: what !== "stays", why });
    await output.json({ applied, captures: preview.removes.length, bytes: preview.bytes });
    return;
  }
  if (rows.length === 0) await output.line(`no captures in ${input.data}`);
  else await output.table(COLUMNS, rows);
  output.note(applied ? `${counted(preview.removes.length, "capture")} removed, ${bytesText(preview.bytes)}` : `${counted(preview.removes.length, "capture")} would go, ${bytesText(preview.bytes)}; --apply removes them`);
}
