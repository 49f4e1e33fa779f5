// What must hold at the end of every simulated session, whatever went wrong in it. Each checker returns what it found wrong.
import { dec, equal, type Decimal } from "../../../shared/decimal.ts";
import { decodeControl } from "../../../shared/control.ts";
import type { BarVersion, GapEntry } from "../../../shared/candles.ts";
import { toHex } from "../../../shared/leaf.ts";
import { CONTROL_STREAM, type RawRecord } from "../../../shared/raw.ts";
import { INTERVAL_MS, type Interval } from "../../../shared/time.ts";
import { sha256 } from "../../rawlog/sha256.ts";
import type { LedgerEntry } from "../../sim/faults.ts";
import type { TrueCandle } from "../../sim/true-candles.ts";
import type { Appended } from "./recorder-process.ts";
import type { LiveTape } from "./live-tape.ts";
import type { MarketTap, Received } from "./market-tap.ts";

const SHOWN = 5;
const EVER = { fromMs: 0, untilMs: Number.MAX_SAFE_INTEGER } as const;

/** At most a handful of examples: the first one is what a person looks at. */
class Findings {
  readonly all: string[] = [];
  readonly #counts = new Map<string, number>();
  add(checker: string, detail: string): void {
    const count = (this.#counts.get(checker) ?? 0) + 1;
    this.#counts.set(checker, count);
    if (count <= SHOWN) this.all.push(`${checker}: ${detail}`);
  }
}

// ── order and durability ─────────────────────────────────────────────────────

/** seq dense but for declared losses, ingest_seq rising without holes but for declared losses, no number used twice. */
export function checkOrder(records: readonly RawRecord[], appended: ReadonlyMap<number, Appended>, reused: readonly number[]): readonly string[] {
  const findings = new Findings();
  for (const seq of reused) findings.add("order", `seq ${seq} was handed out twice`);
  const lost: { from: number; to: number }[] = [];
  for (const record of records) {
    if (record.stream.streamId !== CONTROL_STREAM.streamId) continue;
    const control = decodeControl(record.payload);
    if (!control.ok) findings.add("order", `seq ${record.seq}: ${control.fault.message}`);
    else if (control.value.kind === "recovered") lost.push({ from: control.value.lost_from_seq, to: control.value.lost_to_seq });
  }
  const ingest = new Map<string, number>();
  let expected = 1;
  for (const record of records) {
    if (record.seq !== expected && !lost.some(({ from, to }) => from <= expected && to >= record.seq - 1)) {
      findings.add("order", `seq ${record.seq} follows ${expected - 1}, and no control record declares the numbers between as lost`);
    }
    expected = record.seq + 1;
    const before = ingest.get(record.stream.streamId) ?? 0;
    if (record.ingestSeq <= before) findings.add("order", `${record.stream.streamId}: ingest_seq ${record.ingestSeq} after ${before}`);
    ingest.set(record.stream.streamId, record.ingestSeq);
    const sent = appended.get(record.seq);
    if (sent !== undefined && (sent.ingestSeq !== record.ingestSeq || toHex(sha256(sent.draft.payload)) !== toHex(sha256(record.payload)))) {
      findings.add("order", `seq ${record.seq} reads back as another message than was appended`);
    }
  }
  return findings.all;
}

/** Nothing that a process reported durable before it died (or ended) is missing. `durable`: highest such seq, by life of the process. */
export function checkDurability(records: readonly RawRecord[], appended: ReadonlyMap<number, Appended>, durable: ReadonlyMap<number, number>): readonly string[] {
  const findings = new Findings();
  const present = new Set(records.map((record) => record.seq));
  for (const { seq, life } of appended.values()) {
    const reported = durable.get(life) ?? 0;
    if (seq <= reported && !present.has(seq)) findings.add("durability", `seq ${seq} was reported durable (${reported}, life ${life}) and is not in the log`);
  }
  return findings.all;
}

// ── candles ──────────────────────────────────────────────────────────────────

const FIELDS = ["open", "high", "low", "close", "volume", "quoteVolume", "takerBuyVolume", "takerBuyQuoteVolume"] as const;

export function differences(bar: BarVersion, truth: TrueCandle): readonly string[] {
  const wrong = FIELDS.filter((field) => !equal(bar.values[field] as Decimal, dec(truth[field]))).map(
    (field) => `${field} ${String((bar.values[field] as Decimal).mantissa)}e-${(bar.values[field] as Decimal).scale}, true ${truth[field]}`,
  );
  if (bar.values.tradeCount !== truth.tradeCount) wrong.push(`trades ${bar.values.tradeCount}, true ${truth.tradeCount}`);
  return wrong;
}

export interface SymbolEvidence {
  readonly symbol: string;
  readonly streamId: string;
  readonly received: Received;
  readonly tap: MarketTap;
  readonly tape: LiveTape;
  readonly intervals: readonly Interval[];
}

function keyOf(symbol: string, interval: Interval, openMs: number): { venue: "sim"; symbol: string; interval: Interval; openMs: number } {
  return { venue: "sim", symbol, interval, openMs };
}

function where(candle: TrueCandle): string {
  return `${candle.symbol} ${candle.interval} ${new Date(candle.openMs).toISOString()}`;
}

/** Every bar equals the exact candle of the trades that are in the log; every such candle is a bar, sealed or open. */
export function checkOracle(evidence: SymbolEvidence): readonly string[] {
  const { symbol, received, tap, tape, intervals } = evidence;
  const findings = new Findings();
  const logged = tap.candlesOf(symbol, received.seqOf.keys());
  for (const interval of intervals) {
    const candles = logged.query({ symbol, interval, ...EVER });
    for (const candle of candles) {
      const key = keyOf(symbol, interval, candle.openMs);
      const bar = tape.history.latest(key);
      if (bar === undefined) {
        if (!tape.isOpen({ venue: "sim", symbol }, key)) findings.add("oracle", `${where(candle)}: ${candle.tradeCount} trades are in the log, but there is no bar`);
        continue;
      }
      const wrong = differences(bar, candle);
      if (wrong.length > 0) findings.add("oracle", `${where(candle)} revision ${bar.revision} (${bar.reason}) is not what the log holds: ${wrong.join("; ")}`);
    }
    const known = new Set(candles.map((candle) => candle.openMs));
    for (const versions of tape.history.versions.values()) {
      const bar = versions.at(-1);
      if (bar === undefined || bar.key.symbol !== symbol || bar.key.interval !== interval || known.has(bar.key.openMs)) continue;
      findings.add("oracle", `a bar ${symbol} ${interval} ${bar.key.openMs} exists without any true trade in it`);
    }
  }
  return findings.all;
}

/**
 * A grade that claims completeness must be right: the bar equals the market's own candle. Late prints that never arrived are
 * left out of that candle: no id tells where in the past a trade lies that nobody has seen.
 */
export function checkGrades(evidence: SymbolEvidence, expectProved: boolean, latePrints: ReadonlySet<number>): readonly string[] {
  const { symbol, tape, tap, intervals, received } = evidence;
  const findings = new Findings();
  const truth = tap.candlesOf(symbol, [...tap.aggregates(symbol).keys()].filter((id) => received.seqOf.has(id) || !latePrints.has(id)));
  const first = Math.min(...[...received.seqOf.keys()].map((id) => evidence.tap.aggregates(symbol).get(id)?.timeMs ?? Infinity));
  for (const interval of intervals) {
    for (const candle of truth.query({ symbol, interval, ...EVER })) {
      const key = keyOf(symbol, interval, candle.openMs);
      const grade = tape.gradeOf(key);
      const bar = tape.history.latest(key);
      if (grade === "empty_proved") findings.add("grades", `${where(candle)} is graded empty_proved and has ${candle.tradeCount} trades`);
      if (bar === undefined) continue;
      const wrong = differences(bar, candle);
      if ((grade === "proved" || grade === "repaired") && wrong.length > 0) findings.add("grades", `${where(candle)} is graded ${grade}, but ${wrong.join("; ")}`);
      const isInterior = candle.openMs > first;
      if (expectProved && isInterior && grade !== "proved") findings.add("grades", `${where(candle)} of a session without faults is graded ${grade ?? "not at all"}`);
    }
  }
  return findings.all;
}

// ── gaps and revisions ───────────────────────────────────────────────────────

function covers(gap: GapEntry, id: number): boolean {
  return gap.fromId !== undefined && gap.toId !== undefined && gap.fromId <= id && id <= gap.toId;
}

/** Every trade missing between the first and the last received lies under a declared gap that is not called repaired. */
export function checkMissing(evidence: SymbolEvidence): readonly string[] {
  const { symbol, streamId, received, tape, tap } = evidence;
  const findings = new Findings();
  const ids = [...received.seqOf.keys()];
  if (ids.length === 0) return [`missing: nothing of ${symbol} was recorded at all`];
  const gaps = [...tape.gaps.values()].filter((gap) => gap.streamId === streamId);
  const last = ids.reduce((highest, id) => Math.max(highest, id), 0);
  for (let id = ids.reduce((lowest, other) => Math.min(lowest, other), last); id < last; id += 1) {
    if (received.seqOf.has(id)) continue;
    const timeMs = tap.aggregates(symbol).get(id)?.timeMs ?? 0;
    const byTime = (gap: GapEntry): boolean => gap.fromId === undefined && gap.fromMs <= timeMs && (gap.toMs === undefined || timeMs <= gap.toMs);
    const declared = gaps.some((gap) => gap.state !== "repaired" && (covers(gap, id) || byTime(gap)));
    if (!declared) findings.add("missing", `${symbol} id ${id} at ${timeMs} is not in the log and under no declared gap`);
  }
  return findings.all;
}

/** The recording was stopped on purpose: what comes after is rightly unknown. */
export function isEndOfRecording(gap: GapEntry): boolean {
  return gap.state === "open" && gap.toId === undefined && gap.detail.endsWith("ended: stopped");
}

/** No gap by ids without a missing message: at least one of its ids had not come over the socket when it was declared. */
export function checkGapReasons(evidence: SymbolEvidence, hasSessionFaults: boolean): readonly string[] {
  const { streamId, received, tape } = evidence;
  const findings = new Findings();
  for (const gap of tape.gaps.values()) {
    if (gap.streamId !== streamId) continue;
    // A quiet market is suspected of silence, and cleared by the next trade: nothing is claimed to be missing.
    const isCleared = gap.cause === "silent" && gap.state === "repaired" && gap.detail.endsWith("nothing was missed");
    if (isEndOfRecording(gap) || isCleared) continue;
    const { fromId, toId } = gap;
    const told = `${gap.gapId} (${gap.cause}, ${gap.state}, ids ${fromId ?? "?"}…${toId ?? "?"}, ${gap.detail})`;
    if (fromId === undefined || toId === undefined) {
      if (!hasSessionFaults) findings.add("gap reasons", `${told} was declared in a session where no connection was touched`);
      continue;
    }
    let hasReason = false;
    for (let id = fromId; id <= toId && !hasReason; id += 1) hasReason = !received.overSocket.has(id) || received.altered.has(id) || (received.overSocket.get(id) ?? 0) > (received.overSocket.get(toId + 1) ?? Infinity);
    if (!hasReason && !hasSessionFaults) findings.add("gap reasons", `${told} was declared, but every one of its ids came in order`);
    if (gap.state === "repaired") {
      for (let id = fromId; id <= toId; id += 1) if (!received.seqOf.has(id)) findings.add("gap reasons", `${told} is called repaired, id ${id} is not in the log`);
    }
  }
  return findings.all;
}

/** A late trade whose bar had been sealed before it came ends in a revision of that bar. */
export function checkLatePrints(evidence: SymbolEvidence, ledger: readonly LedgerEntry[]): readonly string[] {
  const { symbol, received, tape, intervals } = evidence;
  const findings = new Findings();
  for (const entry of ledger) {
    if (entry.what !== "late-print" || entry.symbol !== symbol || entry.fromId === undefined || entry.timeMs === undefined) continue;
    const seq = received.seqOf.get(entry.fromId);
    if (seq === undefined) continue;
    for (const interval of intervals) {
      const openMs = Math.floor(entry.timeMs / INTERVAL_MS[interval]) * INTERVAL_MS[interval];
      const versions = tape.history.versions.get(`sim:${symbol}:${interval}:${openMs}`) ?? [];
      const sealedBefore = versions.some((version) => version.atSeq < seq);
      if (sealedBefore && !versions.some((version) => version.atSeq >= seq)) findings.add("late prints", `${symbol} ${interval} ${openMs}: aggregate ${entry.fromId} came at seq ${seq} after sealing, and no revision followed`);
    }
  }
  return findings.all;
}

