// What a bar is made of, as of the cursor: its versions, grades, sources and gaps; its refold from the log; raw messages.
// Only reads: neither the cursor nor the chronicle moves.
import { fault, type Sha256, type StopSignal } from "../../shared/base.ts";
import type { BarKey, BarVersion, GapEntry, ProvenanceRun } from "../../shared/candles.ts";
import { add, type Decimal, formatDecimal, ZERO } from "../../shared/decimal.ts";
import { toHex } from "../../shared/leaf.ts";
import { instrumentId, type MarketEvent } from "../../shared/market.ts";
import type { BarReport, RawMessage, RawPage, RecomputeReport } from "../../shared/protocol/frames.ts";
import type { RawRecord } from "../../shared/raw.ts";
import { formatUtcMs, INTERVAL_MS } from "../../shared/time.ts";
import type { RawLogReader } from "../rawlog/types.ts";
import { valueDiffs, valueTexts } from "./bar-text.ts";
import { CarriedWalk } from "./carried-walk.ts";
import { Chronicle, lastBelow } from "./chronicle.ts";
import { SeenTrades } from "./duplicates.ts";
import { eventsOf } from "./records.ts";
import type { Tape } from "./tape.ts";
import { Turns } from "./turns.ts";
import { gradeIndexAt } from "./view.ts";

function nameOf(key: BarKey): string {
  return `${instrumentId(key)} ${key.interval} ${formatUtcMs(key.openMs)}`;
}

function versionsAt(tape: Tape, key: BarKey): readonly BarVersion[] {
  const { versions } = tape.head.reader.mark;
  const chain = tape.chronicle.series(key, key.interval)?.chains.get(key.openMs) ?? [];
  return chain.filter((index) => index < versions).map((index) => tape.chronicle.version(index));
}

/** Everything about one bar at the cursor. `revision` undefined = latest. Faults: `replay.no-bar`. */
export async function inspectBar(tape: Tape, request: { readonly key: BarKey; readonly revision?: number | undefined }, signal: StopSignal): Promise<BarReport> {
  const { key } = request;
  const { head, chronicle } = tape;
  head.settle();
  const versions = versionsAt(tape, key);
  const forming = versions.length > 0 ? undefined : head.canonicalizer.open(key, key.interval).find((bar) => bar.key.openMs === key.openMs);
  const chosen = request.revision === undefined ? versions.at(-1) : versions.find(({ revision }) => revision === request.revision);
  if (request.revision !== undefined && chosen === undefined) {
    throw fault("replay.no-bar", `${nameOf(key)} has no revision ${request.revision} at the cursor: it has ${versions.length}`);
  }
  const contents = chosen ?? head.canonicalizer.openContents(key);
  const grades = gradeHistory(tape, key);
  const now = grades.at(-1) ?? head.canonicalizer.gradeOf(key);
  return {
    key,
    versions: versions.map(({ revision, reason, digest, atSeq, values, diff }) => ({ revision, reason, digest, atSeq, values: valueTexts(values), diff })),
    forming: forming && valueTexts(forming.values),
    grade: now?.grade,
    gradeWhy: now?.why ?? (versions.length === 0 && forming === undefined ? "nothing is known of this bucket at the cursor" : "not graded yet"),
    gradeHistory: grades,
    provenance: contents?.provenance ?? [],
    excluded: contents?.excluded ?? { count: 0, seqs: [] },
    sources: contents === undefined ? [] : await sourcesOf(tape, key, contents.provenance, signal),
    gaps: gapsOf(tape, key, chronicle),
    ...confirmationOf(tape, key, versions.at(-1)),
  };
}

/** What the venue's candle says of the latest version at the cursor. */
function confirmationOf(tape: Tape, key: BarKey, latest: BarVersion | undefined): Pick<BarReport, "confirmation"> {
  const index = lastBelow(tape.chronicle.series(key, key.interval)?.confirmations.get(key.openMs), tape.head.reader.mark.sayings);
  const said = index === undefined ? undefined : tape.chronicle.confirmationAt(index);
  if (said === undefined || said.revision !== latest?.revision) return {};
  const { revision, result, fields, streamId, candleSeq, atSeq } = said;
  return { confirmation: { revision, result, fields, streamId, candleSeq, atSeq } };
}

function gradeHistory(tape: Tape, key: BarKey): BarReport["gradeHistory"] {
  const { sayings } = tape.head.reader.mark;
  const series = tape.chronicle.series(key, key.interval);
  if (series === undefined) return [];
  const single = (series.grades.get(key.openMs) ?? []).filter((index) => index < sayings);
  const ranged = series.gradeRanges.filter((index) => {
    if (index >= sayings) return false;
    const { fromOpenMs, untilOpenMs } = tape.chronicle.gradeAt(index);
    return fromOpenMs <= key.openMs && key.openMs < untilOpenMs;
  });
  const latest = gradeIndexAt(tape.chronicle, series, key.openMs, tape.head.reader.mark);
  const indices = [...single, ...ranged].sort((a, b) => a - b);
  if (indices.at(-1) !== latest) throw new Error("Invariant: the last grade of the history is the grade now");
  return indices.map((index) => {
    const { grade, why, atSeq } = tape.chronicle.gradeAt(index);
    return { grade, why, atSeq };
  });
}

function gapsOf(tape: Tape, key: BarKey, chronicle: Chronicle): readonly GapEntry[] {
  const { sayings } = tape.head.reader.mark;
  const untilMs = key.openMs + INTERVAL_MS[key.interval];
  const gaps: GapEntry[] = [];
  for (const chain of chronicle.gaps.values()) {
    const index = lastBelow(chain, sayings);
    if (index === undefined) continue;
    const gap = chronicle.gapAt(index);
    if (gap.streamId.startsWith(`${instrumentId(key)}:`) && gap.fromMs < untilMs && (gap.toMs ?? Infinity) >= key.openMs) gaps.push(gap);
  }
  return gaps;
}

type SourceTally = { source: string; connection: string; messages: number; trades: number; volume: Decimal };

/** Reads the contributing messages again and says how they came. */
async function sourcesOf(tape: Tape, key: BarKey, runs: readonly ProvenanceRun[], signal: StopSignal): Promise<BarReport["sources"]> {
  const tallies = new Map<string, SourceTally>();
  const seen = new SeenTrades();
  const turns = new Turns(tape.options.clock);
  const walk = new CarriedWalk(tape, signal);
  for (const run of [...runs].sort((a, b) => a.fromSeq - b.fromSeq)) {
    for await (const items of tape.blocks.read({ fromSeq: run.fromSeq, toSeq: run.toSeq, indexedSeq: tape.indexedSeq })) {
      for (const item of items) if (item.record.stream.streamId === run.streamId) tally(item.record, eventsOf(await walk.outcomeOf(item)), { key, run, seen, tallies });
      if (turns.due()) await turns.pass();
      if (signal.aborted) throw fault("replay.cancelled", "inspecting the bar was cancelled");
    }
  }
  return [...tallies.values()].map((entry) => ({ ...entry, volume: formatDecimal(entry.volume) }));
}

interface Tallying { readonly key: BarKey; readonly run: ProvenanceRun; readonly seen: SeenTrades; readonly tallies: Map<string, SourceTally> }

function tally(record: RawRecord, events: readonly MarketEvent[], { key, run, seen, tallies }: Tallying): void {
  const untilMs = key.openMs + INTERVAL_MS[key.interval];
  let trades = 0;
  let volume: Decimal = ZERO;
  events.forEach((event, position) => {
    if (event.kind !== "trade" || !event.market || event.eventMs < key.openMs || event.eventMs >= untilMs) return;
    if (record.seq === run.fromSeq && position < run.fromPosition) return;
    if (record.seq === run.toSeq && position > run.toPosition) return;
    if (!seen.isNew(run.streamId, event)) return;
    trades += event.tradeCount;
    volume = add(volume, event.qty);
  });
  if (trades === 0) return;
  const id = `${record.source} ${record.connection}`;
  const known = tallies.get(id) ?? { source: record.source, connection: record.connection, messages: 0, trades: 0, volume: ZERO };
  tallies.set(id, { ...known, messages: known.messages + 1, trades: known.trades + trades, volume: add(known.volume, volume) });
}

/**
 * Folds the bar's whole window from the log again, in a canonicalizer of its own that starts at the index point before
 * the first contribution, and compares digests. Faults: `replay.no-bar`, `replay.cancelled`.
 */
export async function recomputeBar(tape: Tape, key: BarKey, signal: StopSignal): Promise<RecomputeReport> {
  tape.head.settle();
  const expected = versionsAt(tape, key).at(-1);
  if (expected === undefined) throw fault("replay.no-bar", `${nameOf(key)} is not sealed at the cursor: there is nothing to compare with`);
  const { clock } = tape.options;
  const startMs = clock.monotonicMs();
  const firstSeq = expected.provenance.reduce((first, run) => Math.min(first, run.fromSeq), expected.atSeq);
  const start = tape.checkpointBefore(firstSeq - 1);
  const chronicle = tape.chronicle.copyUntil(start.mark);
  const head = tape.freshHead(chronicle);
  head.restore(start);
  const turns = new Turns(clock);
  let messages = 0;
  for await (const items of tape.blocks.read({ fromSeq: start.seq + 1, toSeq: expected.atSeq, indexedSeq: tape.indexedSeq })) {
    for (const item of items) {
      head.apply(item);
      messages += 1;
      if (!turns.due()) continue;
      await turns.pass();
      if (signal.aborted) throw fault("replay.cancelled", "recomputing the bar was cancelled");
    }
  }
  const chain = chronicle.series(key, key.interval)?.chains.get(key.openMs) ?? [];
  const actual = chain.map((index) => chronicle.version(index)).find(({ revision }) => revision === expected.revision);
  const match = actual !== undefined && actual.digest === expected.digest;
  return {
    match, expected: expected.digest, actual: actual?.digest ?? "", messages, elapsedMs: clock.monotonicMs() - startMs,
    diff: match ? [] : valueDiffs(expected.values, actual?.values),
  };
}

/** Bytes of a payload that a page shows; the rest is cut and said so. */
const PAYLOAD_SHOWN_MAX = 65_536;
/** All payloads of one page together, so that 500 large messages cannot fill the screen's memory. */
const PAGE_BYTES_MAX = 8 * 1_048_576;
const strictUtf8 = new TextDecoder("utf-8", { fatal: true });

/** Raw messages from a seq on, any stream or one, with bytes and digests. */
export async function readRawPage(
  reader: RawLogReader, request: { readonly fromSeq: number; readonly limit: number; readonly streamId?: string | undefined }, sha256: Sha256,
): Promise<RawPage> {
  const messages: RawMessage[] = [];
  let bytes = 0;
  const toSeq = await reader.refresh();
  const streams = request.streamId === undefined ? {} : { streams: new Set([request.streamId]) };
  for await (const batch of reader.batches({ fromSeq: Math.max(1, request.fromSeq), toSeq, ...streams })) {
    for (const record of batch) {
      if (request.streamId !== undefined && record.stream.streamId !== request.streamId) continue;
      if (messages.length >= request.limit || bytes > PAGE_BYTES_MAX) return { messages, nextSeq: record.seq };
      messages.push(rawMessage(record, sha256));
      bytes += Math.min(record.payload.length, PAYLOAD_SHOWN_MAX);
    }
  }
  return { messages, nextSeq: undefined };
}

function rawMessage(record: RawRecord, sha256: Sha256): RawMessage {
  const truncated = record.payload.length > PAYLOAD_SHOWN_MAX;
  const shown = truncated ? record.payload.subarray(0, PAYLOAD_SHOWN_MAX) : record.payload;
  const text = textOf(record.payload, truncated);
  return {
    seq: record.seq, ingestSeq: record.ingestSeq, streamId: record.stream.streamId, source: record.source, connection: record.connection,
    recvNs: String(record.recvNs), eventNs: record.eventNs === 0n ? undefined : String(record.eventNs), bytes: record.payload.length,
    text, base64: text === undefined ? Buffer.from(shown).toString("base64") : undefined, truncated, sha256: toHex(sha256(record.payload)),
  };
}

/** The text of the bytes shown, or undefined when they are no UTF-8. A cut may fall within a character: up to three bytes go. */
function textOf(payload: Uint8Array, truncated: boolean): string | undefined {
  for (let cut = 0; cut <= (truncated ? 3 : 0); cut += 1) {
    try {
      return strictUtf8.decode(truncated ? payload.subarray(0, PAYLOAD_SHOWN_MAX - cut) : payload);
    } catch {
      // Not text with this cut: the next one, or base64.
    }
  }
  return undefined;
}
