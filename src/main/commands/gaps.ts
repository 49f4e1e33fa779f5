// `tapedeck gaps`: every gap of a capture in its latest state.
import type { Command } from "commander";
import { z } from "zod";
import type { GapEntry } from "../../shared/candles.ts";
import { formatUtcMs, msFromNs } from "../../shared/time.ts";
import type { Column } from "../cli-output.ts";
import { readGapEffects, type GapEffect } from "../derive/gap-effects.ts";
import { readLedgerEntries } from "../derive/read.ts";
import { commonOptions, defineCommand, optionText, type CommandContext, type ExitCode } from "./context.ts";
import { openCapture } from "./open-capture.ts";

const schema = z.object({ ...commonOptions, capture: optionText.capture });

interface Row { readonly gap: GapEntry; readonly effects: readonly GapEffect[] }

function gapObject({ gap, effects }: Row): Record<string, unknown> {
  return {
    stream_id: gap.streamId, from_ts_ms: gap.fromMs, to_ts_ms: gap.toMs ?? null, from_recv_ns: gap.fromRecvNs ?? null, to_recv_ns: gap.toRecvNs ?? null, from_id: gap.fromId ?? null, to_id: gap.toId ?? null,
    cause: gap.cause, state: gap.state, attempts: gap.attempts, missing: gap.missing ?? null, gap_id: gap.gapId, detail: gap.detail, at_seq: gap.atSeq,
    effect: effects.map(({ interval, fromOpenMs, untilOpenMs, buckets, worst, now }) => ({
      interval, from_open_ts_ms: fromOpenMs, until_open_ts_ms: untilOpenMs, buckets, worst, now,
    })),
  };
}

/** `1s: 12 partial → 12 repaired` */
function effectText(effects: readonly GapEffect[]): string {
  return effects.map(({ interval, buckets, worst, now }) => `${interval}: ${buckets} ${worst} → ${Object.entries(now).map(([grade, count]) => `${count} ${grade}`).join(" + ")}`).join(", ");
}

function recvText(ns: string | undefined): string {
  return ns === undefined ? "" : formatUtcMs(msFromNs(BigInt(ns)));
}

const COLUMNS: readonly Column<Row>[] = [
  { title: "stream", text: ({ gap }) => gap.streamId },
  { title: "from (UTC)", text: ({ gap }) => formatUtcMs(gap.fromMs) },
  { title: "to (UTC)", text: ({ gap }) => (gap.toMs === undefined ? "open" : formatUtcMs(gap.toMs)) },
  { title: "received from", text: ({ gap }) => recvText(gap.fromRecvNs) },
  { title: "received to", text: ({ gap }) => recvText(gap.toRecvNs) },
  { title: "ids", text: ({ gap }) => (gap.fromId === undefined ? "" : `${gap.fromId}…${gap.toId ?? ""}`) },
  { title: "missing", align: "right", text: ({ gap }) => String(gap.missing ?? "") },
  { title: "cause", text: ({ gap }) => gap.cause },
  { title: "state", text: ({ gap }) => gap.state },
  { title: "attempts", align: "right", text: ({ gap }) => String(gap.attempts) },
  { title: "grades", text: ({ effects }) => effectText(effects) },
  { title: "detail", text: ({ gap }) => gap.detail },
];

async function gaps(context: CommandContext, input: z.output<typeof schema>): Promise<ExitCode> {
  await using capture = await openCapture(input.data, input.capture);
  const derived = await capture.derive({ onNote: (note) => context.output.note(note), stop: context.stop });
  try {
    const ledger = await readLedgerEntries(derived);
    const effects = await readGapEffects(derived, ledger.gaps, ledger.openedSeq);
    const found = ledger.gaps.map((gap) => ({ gap, effects: effects.of(gap.gapId) }));
    if (input.json) for (const row of found) await context.output.json(gapObject(row));
    else if (found.length === 0) await context.output.line("no gaps");
    else await context.output.table(COLUMNS, found);
    return 0;
  } finally {
    await derived.close();
  }
}

export function registerGaps(program: Command, context: CommandContext): void {
  const command = program.command("gaps").description("gaps of a capture, with cause and state").requiredOption("--capture <id>", "which capture");
  defineCommand({ command, context, schema, run: (input) => gaps(context, input) });
}
