// `tapedeck dump`: raw events as they lie in the log, with the ten fields of the raw schema.
import type { Command } from "commander";
import { z } from "zod";
import { fault } from "../../shared/base.ts";
import { msFromNs } from "../../shared/time.ts";
import { RAW_SCHEMA_VERSION, type RawRecord } from "../../shared/raw.ts";
import { sha256Hex } from "../rawlog/sha256.ts";
import { commonOptions, defineCommand, optionText, type CommandContext, type ExitCode } from "./context.ts";
import { openCapture } from "./open-capture.ts";

const schema = z.object({
  ...commonOptions,
  capture: optionText.capture,
  stream: z.string().optional(),
  from: optionText.moment("from").optional(),
  until: optionText.moment("until").optional(),
  limit: optionText.count("limit").optional(),
});
type Input = z.output<typeof schema>;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The bytes as text where they are text, else as base64. */
function payloadMembers(payload: Uint8Array): { readonly payload_raw: string; readonly payload_encoding?: "base64" } {
  try {
    return { payload_raw: utf8.decode(payload) };
  } catch {
    return { payload_raw: Buffer.from(payload).toString("base64"), payload_encoding: "base64" };
  }
}

/** The ten fields of contract 000, then `seq recv_ns connection`. */
export function dumpObject(record: RawRecord): Record<string, unknown> {
  return {
    stream_id: record.stream.streamId,
    ingest_seq: record.ingestSeq,
    event_ts_exchange_ms: record.eventNs === 0n ? null : msFromNs(record.eventNs),
    event_ts_ingest_ms: msFromNs(record.recvNs),
    symbol: record.stream.symbol,
    channel: record.stream.channel,
    ...payloadMembers(record.payload),
    payload_sha256: sha256Hex(record.payload),
    source: record.source,
    schema_version: RAW_SCHEMA_VERSION,
    seq: record.seq,
    recv_ns: String(record.recvNs),
    connection: record.connection,
  };
}

const TEXT_PAYLOAD_MAX = 160;

function plainLine(record: RawRecord): string {
  const members = payloadMembers(record.payload);
  const payload = members.payload_raw.length > TEXT_PAYLOAD_MAX ? `${members.payload_raw.slice(0, TEXT_PAYLOAD_MAX)}…` : members.payload_raw;
  return `${String(record.seq).padStart(9)}  ${record.recvNs}  ${record.stream.streamId} #${record.ingestSeq}  ${record.source}  ${payload}`;
}

async function dump(context: CommandContext, input: Input): Promise<ExitCode> {
  const { output } = context;
  await using capture = await openCapture(input.data, input.capture);
  const { reader } = capture;
  const known = reader.streams.map(({ stream }) => stream.streamId);
  if (input.stream !== undefined && !known.includes(input.stream)) {
    throw fault("dump.unknown-stream", `--stream ${input.stream}: capture ${input.capture} has no such stream; it has ${known.join(", ")}`);
  }
  const streams = input.stream === undefined ? {} : { streams: new Set([input.stream]) };
  // Receive times may step back, so the time range only narrows where reading starts; each record is checked.
  const fromSeq = input.from === undefined ? 1 : (await reader.locate(input.from - 1n)) + 1;
  let left = input.limit ?? Infinity;
  if (left === 0) return 0;
  for await (const batch of reader.batches({ fromSeq, ...streams })) {
    for (const record of batch) {
      if (output.closed || context.stop.aborted) return 0;
      // Control records always come along; with --stream only that stream was asked for.
      if (input.stream !== undefined && record.stream.streamId !== input.stream) continue;
      if ((input.from !== undefined && record.recvNs < input.from) || (input.until !== undefined && record.recvNs >= input.until)) continue;
      await (input.json ? output.json(dumpObject(record)) : output.line(plainLine(record)));
      left -= 1;
      if (left === 0) return 0;
    }
  }
  return 0;
}

export function registerDump(program: Command, context: CommandContext): void {
  const command = program
    .command("dump")
    .description("raw events of a capture, in the order of the log")
    .requiredOption("--capture <id>", "which capture")
    .option("--stream <stream_id>", "only this stream, e.g. binance-usdm:BTCUSDT:trade")
    .option("--from <moment>", "received at or after (ISO UTC, epoch ms or ns)")
    .option("--until <moment>", "received before")
    .option("--limit <count>", "at most so many");
  defineCommand({ command, context, schema, run: (input) => dump(context, input) });
}
