// `tapedeck replay`: streams a capture's normalised events from any cursor, in either order, at any speed, and says what
// came out: count, digest, last cursor, why it stopped.
import { tmpdir } from "node:os";
import type { Command } from "commander";
import { z } from "zod";
import { fault } from "../../shared/base.ts";
import { decodeCursor } from "../../shared/cursor.ts";
import { rawSeqOf } from "../../shared/raw.ts";
import { formatUtcMs, msFromNs } from "../../shared/time.ts";
import type { EventKind, StreamRef } from "../../shared/market.ts";
import { NodeClock, nodeTimers } from "../net/node-clock.ts";
import type { RawLogReader } from "../rawlog/types.ts";
import type { ReplayEvent } from "../replay/events.ts";
import { gapFreeIn, type GapFree, type GapFreeScope } from "../derive/gap-free.ts";
import { runReplay } from "../replay/run.ts";
import { decoderLookup } from "../venues/registry.ts";
import { commonOptions, defineCommand, msAtOrAfter, optionText, type CommandContext, type ExitCode } from "./context.ts";
import { refuseGaps } from "./gap-free.ts";
import { speed } from "./measures.ts";
import { openCapture, type OpenCapture } from "./open-capture.ts";

const PROGRESS_EVERY_MS = 500;

const KINDS: readonly EventKind[] = ["trade", "bbo", "mark_price", "funding", "open_interest"];

const schema = z.object({
  ...commonOptions,
  capture: optionText.capture,
  venue: optionText.venue.optional(),
  symbol: optionText.symbol.optional(),
  stream: z.string().optional(),
  from: optionText.moment("from").optional(),
  until: optionText.moment("until").optional(),
  cursor: z.string().optional(),
  order: z.string().default("arrival").transform((text) => {
    if (text !== "arrival" && text !== "event") throw fault("cli.bad-option", `--order ${text}: there are arrival (as it came) and event (by exchange time, in hindsight)`);
    return text;
  }),
  speed: speed.default(0),
  gapFree: z.boolean().default(false),
  strategy: z.string().optional(),
  param: z.array(z.string()).optional(),
  seed: z.string().optional(),
});
type Input = z.output<typeof schema>;

/** Says which streams have part in the run. Refuses a selection that no stream of the capture fits. */
function selection(input: Input, reader: RawLogReader): { readonly wanted: (stream: StreamRef) => boolean; readonly kind: EventKind | undefined } {
  const kind = KINDS.find((known) => known === input.stream);
  const wanted = (stream: StreamRef): boolean =>
    (input.venue === undefined || stream.venue === input.venue) &&
    (input.symbol === undefined || stream.symbol === input.symbol) &&
    (input.stream === undefined || stream.streamId === input.stream || stream.channel === input.stream || kind !== undefined);
  const readable = reader.streams.filter(({ stream }) => decoderLookup(stream) !== undefined);
  if (!readable.some(({ stream }) => wanted(stream))) {
    const names = readable.map(({ stream }) => stream.streamId).join(", ");
    throw fault("replay.no-stream", `capture ${reader.captureId} has no stream of that venue, symbol and stream; it has ${names === "" ? "none with a decoder" : names}`);
  }
  return { wanted, kind };
}

function refuseStrategy(input: Input): void {
  const given = (["strategy", "param", "seed"] as const).find((name) => input[name] !== undefined);
  if (given !== undefined) throw fault("replay.no-strategies", `--${given}: this version replays events but does not run strategies yet; leave --strategy, --param and --seed out`);
}

/** The ledger's answer for the instruments and times that the run would tell, by the clock that its order goes by. */
async function checkGaps(context: CommandContext, capture: OpenCapture, input: Input, wanted: (stream: StreamRef) => boolean): Promise<GapFree> {
  const streams = capture.reader.streams.filter(({ stream }) => wanted(stream));
  const instruments = streams.flatMap(({ stream: { venue, symbol } }) => (venue === "tapedeck" ? [] : [{ venue, symbol }]));
  const fromNs = input.cursor === undefined ? input.from : await cursorNs(capture.reader, input.cursor, input.order);
  const scope: GapFreeScope = input.order === "arrival"
    ? { instruments, fromRecvNs: fromNs, untilRecvNs: input.until }
    : { instruments, fromMs: fromNs === undefined ? undefined : msFromNs(fromNs), untilMs: input.until === undefined ? undefined : msAtOrAfter(input.until) };
  const derived = await capture.derive({ onNote: (note) => context.output.note(note), stop: context.stop });
  try {
    return await gapFreeIn(derived, scope);
  } finally {
    await derived.close();
  }
}

/** The time of the event that a cursor names, by the clock of the order; undefined: the run itself says what is wrong with it. */
async function cursorNs(reader: RawLogReader, cursor: string, order: Input["order"]): Promise<bigint | undefined> {
  const decoded = decodeCursor(cursor);
  if (!decoded.ok) return undefined;
  return order === "event" ? decoded.value.tsEventNs : (await reader.record(rawSeqOf(decoded.value.seq)))?.recvNs;
}

async function replay(context: CommandContext, input: Input): Promise<ExitCode> {
  refuseStrategy(input);
  if (input.from !== undefined && input.until !== undefined && input.from >= input.until) throw fault("cli.bad-option", "--from is not before --until: nothing lies between them");
  const { output } = context;
  await using capture = await openCapture(input.data, input.capture);
  const { reader } = capture;
  const { wanted, kind } = selection(input, reader);
  if (input.gapFree) {
    const whole = await checkGaps(context, capture, input, wanted);
    if (!whole.ok) return await refuseGaps(context, input.json, whole);
  }
  const clock = new NodeClock();
  let shownMs = clock.monotonicMs();
  let events = 0;
  const onBatch = (batch: readonly ReplayEvent[]): void => {
    events += batch.length;
    const nowMs = clock.monotonicMs();
    const last = batch.at(-1);
    if (last === undefined || nowMs - shownMs < PROGRESS_EVERY_MS) return;
    shownMs = nowMs;
    output.progress(`${events} events, at ${formatUtcMs(msFromNs(last.record.recvNs))}`);
  };
  const result = await runReplay({
    reader, decoders: decoderLookup, clock, timers: nodeTimers, signal: context.stop, order: input.order, fromNs: input.from, untilNs: input.until,
    cursor: input.cursor, wantedStream: wanted, kind, speed: input.speed, scratchFolder: tmpdir(), onBatch,
  });
  const perSecond = result.elapsedMs > 0 ? Math.round((result.events / result.elapsedMs) * 1_000) : 0;
  if (input.json) {
    await output.json({
      events: result.events, decisions: 0, digest: result.digest, last_cursor: result.lastCursor ?? null, stop_reason: result.stopReason,
      elapsed_ms: Math.round(result.elapsedMs), events_per_second: perSecond, order: input.order, to_seq: result.toSeq,
    });
    return 0;
  }
  await output.line(`events       ${result.events} in ${input.order} order, up to message ${result.toSeq}`);
  await output.line(`rate         ${perSecond} events/s (${Math.round(result.elapsedMs)} ms)`);
  await output.line(`last cursor  ${result.lastCursor ?? "none: no event was emitted"}`);
  await output.line(`stopped      ${result.stopReason}`);
  await output.line(`digest       ${result.digest}`);
  return 0;
}

function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

export function registerReplay(program: Command, context: CommandContext): void {
  const command = program
    .command("replay")
    .description("stream a capture's events from any cursor, in arrival or event order")
    .requiredOption("--capture <id>", "which capture")
    .option("--venue <venue>", "only this venue")
    .option("--symbol <symbol>", "only this symbol")
    .option("--stream <stream>", `only this kind (${KINDS.join(", ")}), channel or stream_id`)
    .option("--from <moment>", "received at or after; with --order event: happened at or after")
    .option("--until <moment>", "received before; with --order event: happened before")
    .option("--cursor <cursor>", "resume after the event that this cursor names")
    .option("--order <order>", "arrival: as it came; event: by (ts_event, seq), in hindsight", "arrival")
    .option("--speed <speed>", "asap, or a multiple of real time: 1x, 0.5x, 60x", "asap")
    .option("--gap-free", "refuse (exit 1) when the ledger has an unrepaired gap in what would be told")
    .option("--strategy <file>", "not in this version")
    .option("--param <key=value>", "not in this version", collect)
    .option("--seed <seed>", "not in this version");
  defineCommand({ command, context, schema, run: (input) => replay(context, input) });
}
