// `tapedeck revisions`: every version of a bar that replaced another, with what changed and why.
import type { Command } from "commander";
import { z } from "zod";
import type { BarVersion } from "../../shared/candles.ts";
import { formatUtcMs } from "../../shared/time.ts";
import type { Column } from "../cli-output.ts";
import { readRevisions } from "../derive/read.ts";
import { commonOptions, defineCommand, optionText, type CommandContext, type ExitCode } from "./context.ts";
import { openCapture } from "./open-capture.ts";

const schema = z.object({ ...commonOptions, capture: optionText.capture });

const FIELD_NAMES: Readonly<Record<string, string>> = {
  quoteVolume: "quote_volume", tradeCount: "trade_count", takerBuyVolume: "taker_buy_volume", takerBuyQuoteVolume: "taker_buy_quote_volume",
};

function revisionObject(bar: BarVersion): Record<string, unknown> {
  const { venue, symbol, interval, openMs } = bar.key;
  const diff = bar.diff.map(({ field, before, after }) => ({ field: FIELD_NAMES[field] ?? field, before, after }));
  return {
    venue, symbol, interval, open_ts_ms: openMs, revision: bar.revision, reason: bar.reason, digest: bar.digest, diff,
    previous_digest: bar.previousDigest ?? null, at_seq: bar.atSeq,
  };
}

const COLUMNS: readonly Column<BarVersion>[] = [
  { title: "series", text: ({ key }) => `${key.venue} ${key.symbol} ${key.interval}` },
  { title: "open time (UTC)", text: ({ key }) => formatUtcMs(key.openMs) },
  { title: "rev", align: "right", text: (bar) => String(bar.revision) },
  { title: "reason", text: (bar) => bar.reason },
  { title: "changes", text: (bar) => bar.diff.map(({ field, before, after }) => `${FIELD_NAMES[field] ?? field} ${before} → ${after}`).join(", ") },
];

async function revisions(context: CommandContext, input: z.output<typeof schema>): Promise<ExitCode> {
  await using capture = await openCapture(input.data, input.capture);
  const derived = await capture.derive({ onNote: (note) => context.output.note(note), stop: context.stop });
  try {
    const rows: BarVersion[] = [];
    for await (const bar of readRevisions(derived)) {
      if (input.json) await context.output.json(revisionObject(bar));
      else rows.push(bar);
    }
    if (!input.json) await (rows.length === 0 ? context.output.line("no revisions") : context.output.table(COLUMNS, rows));
    return 0;
  } finally {
    await derived.close();
  }
}

export function registerRevisions(program: Command, context: CommandContext): void {
  const command = program.command("revisions").description("revised candles, with reason and diff").requiredOption("--capture <id>", "which capture");
  defineCommand({ command, context, schema, run: (input) => revisions(context, input) });
}
