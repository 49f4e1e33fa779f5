// The state as canonical JSON and back: for the deriver's checkpoints and for state digests. Pure.
import { fault } from "../../shared/base.ts";
import { canonicalParse, canonicalStringify } from "../../shared/canonical-json.ts";
import type { CaptureConfig } from "../../shared/control.ts";
import { toHex } from "../../shared/leaf.ts";
import type { Instrument } from "../../shared/market.ts";
import type { Interval } from "../../shared/time.ts";
import { Accumulator, type BarContents } from "./accumulator.ts";
import type { MinuteSum } from "./candle-gaps.ts";
import type { HeldCandle } from "./confirm.ts";
import type { Surroundings, Tally } from "./emit.ts";
import { CrossCheck } from "./cross-check.ts";
import type { FoldState, Failure, Leg, Track } from "./fold-state.ts";
import type { Gap } from "./gaps.ts";
import type { GradedRange } from "./grades.ts";
import type { IdRun } from "./id-runs.ts";
import { KnownIds, type SavedKnownIds } from "./known-ids.ts";
import { bytesFromHex, LeafChain } from "./leaf-chain.ts";
import type { Page } from "./page.ts";
import { RecentTrades } from "./recent-trades.ts";
import { CanonicalState } from "./state.ts";
import { CANONICALIZER_VERSION } from "./types.ts";

/** Shape of the saved text. Raised when it changes without CANONICALIZER_VERSION changing. */
const SAVE_FORMAT = 3;

interface SavedBar {
  readonly open_ms: number;
  readonly until_ms: number;
  readonly last_seq: number;
  readonly excluded: { readonly count: number; readonly seqs: readonly number[] };
  readonly contents?: BarContents | undefined;
}
interface SavedTrack {
  readonly interval: Interval;
  readonly sealed_until_ms?: number | undefined;
  readonly since_ms?: number | undefined;
  readonly open: readonly SavedBar[];
  readonly pending: readonly { readonly bar: SavedBar; readonly trades: number; readonly backfilled: boolean; readonly closes_at_ms: number }[];
  readonly graded_from_ms?: number | undefined;
  readonly graded_until_ms?: number | undefined;
  readonly unsettled: readonly GradedRange[];
}
interface SavedFold {
  readonly instrument: Instrument;
  readonly stream_id: string;
  readonly feeding: boolean;
  readonly lateness_ms: number;
  readonly tracks: readonly SavedTrack[];
  readonly runs: readonly IdRun[];
  readonly floor_id: number;
  readonly former_runs: readonly IdRun[];
  readonly recent: readonly (readonly (number | bigint)[])[];
  readonly known: SavedKnownIds;
  readonly page?: Page | undefined;
  readonly candles: readonly HeldCandle[];
  readonly minutes: readonly MinuteSum[];
  readonly awaited: readonly number[];
  readonly last_recv_ns: bigint;
  readonly legs: readonly Leg[];
  readonly leg?: string | undefined;
  readonly suspicion?: FoldState["suspicion"];
  readonly gaps: readonly Gap[];
  readonly chain: { readonly before: string; readonly value: string };
  readonly cuts: readonly (readonly [number, number])[];
  readonly times: Readonly<Record<string, number | undefined>>;
  readonly ids_absent: boolean;
  readonly connection: string;
  readonly connections: readonly string[];
  readonly paused?: string | undefined;
  readonly failure?: Failure | undefined;
  readonly backfills: FoldState["backfills"];
  readonly last_aggregate?: FoldState["lastAggregate"];
  readonly cross?: SavedCross | undefined;
}
interface SavedCross {
  readonly stream_id: string;
  readonly singles: readonly (readonly (number | bigint)[])[];
  readonly last_single_id: number;
  readonly waiting: CrossCheck["waiting"];
  readonly last_aggregate?: CrossCheck["lastAggregate"];
}
interface SavedState {
  readonly canonicalizer_version: string;
  readonly format: number;
  readonly position: number;
  readonly applied: number;
  readonly is_done: boolean;
  readonly config?: CaptureConfig | undefined;
  readonly tally: Tally;
  readonly clocks: readonly (readonly [string, bigint])[];
  readonly coverages: readonly { readonly connection: string; readonly from_ms?: number | undefined; readonly until_ms?: number | undefined; readonly last_seq: number }[];
  readonly folds: readonly SavedFold[];
}

/** Times that are not known yet are infinite in memory and absent in text. */
const TIMES = [
  "watermarkMs", "sealClockMs", "dueMs", "proofDueMs", "firstTradeMs", "lastTradeMs", "coveredFromMs", "carriedFromMs", "notBeforeMs",
] as const satisfies readonly (keyof FoldState)[];

function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}

function byKey<T>(map: ReadonlyMap<string, T>): readonly (readonly [string, T])[] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

function savedBar(bar: Accumulator): SavedBar {
  return {
    open_ms: bar.openMs, until_ms: bar.untilMs, last_seq: bar.lastSeq,
    excluded: { count: bar.excludedCount, seqs: bar.excludedSeqs }, contents: bar.isEmpty ? undefined : bar.contents(),
  };
}

function savedTrack({ series, grades }: Track): SavedTrack {
  const pending = [...series.pending.values()].sort((a, b) => a.bar.openMs - b.bar.openMs);
  return {
    interval: series.interval, sealed_until_ms: finite(series.sealedUntilMs), since_ms: finite(series.sinceMs), open: series.openBars.map(savedBar),
    pending: pending.map(({ bar, trades, backfilled, closesAtMs }) => ({ bar: savedBar(bar), trades, backfilled, closes_at_ms: closesAtMs })),
    graded_from_ms: grades.gradedFromMs, graded_until_ms: grades.gradedUntilMs, unsettled: grades.unsettled,
  };
}

function savedFold(fold: FoldState, feeding: boolean): SavedFold {
  return {
    instrument: fold.instrument, stream_id: fold.streamId, feeding, lateness_ms: fold.latenessMs, tracks: fold.tracks.map(savedTrack),
    runs: fold.runs.runs, floor_id: fold.runs.floorId, former_runs: fold.formerRuns, recent: fold.recent.toRows(), gaps: fold.gaps.gaps,
    known: fold.known.save(), page: fold.page, candles: fold.confirmations.candles, minutes: minutesOf(fold), awaited: fold.awaited, last_recv_ns: fold.lastRecvNs, legs: fold.legs, leg: fold.leg?.connection,
    suspicion: fold.suspicion,
    chain: { before: toHex(fold.chain.before), value: toHex(fold.chain.value) }, cuts: [...fold.cuts.due].sort(([a], [b]) => a - b),
    times: Object.fromEntries(TIMES.map((name) => [name, finite(fold[name])])), ids_absent: fold.idsAbsent, connection: fold.connection,
    connections: fold.connections, paused: fold.paused, failure: fold.failure, backfills: fold.backfills, last_aggregate: fold.lastAggregate,
    cross: fold.cross === undefined ? undefined : savedCross(fold.cross),
  };
}

function minutesOf({ minutes: { past, last } }: FoldState): readonly MinuteSum[] {
  return last === undefined ? [] : [...past, last];
}

function savedCross({ streamId, singles, lastSingleId, waiting, lastAggregate }: CrossCheck): SavedCross {
  return { stream_id: streamId, singles: singles.toRows(), last_single_id: lastSingleId, waiting, last_aggregate: lastAggregate };
}

function readCross(saved: SavedCross): CrossCheck {
  const cross = new CrossCheck(saved.stream_id);
  cross.singles = RecentTrades.fromRows(saved.singles);
  cross.lastSingleId = saved.last_single_id;
  cross.waiting = saved.waiting;
  cross.lastAggregate = saved.last_aggregate;
  return cross;
}

export function saveState(state: CanonicalState): Uint8Array {
  const saved: SavedState = {
    canonicalizer_version: CANONICALIZER_VERSION, format: SAVE_FORMAT, position: state.position, applied: state.applied, is_done: state.isDone,
    config: state.config, tally: state.tally, clocks: byKey(state.clocks).map(([venue, { offsetNs }]) => [venue, offsetNs]),
    coverages: byKey(state.coverages).map(([connection, { fromMs, untilMs, lastSeq }]) => ({
      connection, from_ms: finite(fromMs), until_ms: finite(untilMs), last_seq: lastSeq,
    })),
    folds: byKey(state.folds).map(([, fold]) => savedFold(fold, state.feeding.get(fold.streamId) === fold)),
  };
  return new TextEncoder().encode(canonicalStringify(saved));
}

function readBar(saved: SavedBar): Accumulator {
  const { open_ms: openMs, until_ms: untilMs, contents, excluded } = saved;
  const bar = contents === undefined ? new Accumulator(openMs, untilMs) : Accumulator.resume(openMs, untilMs, contents);
  bar.setExcluded(excluded);
  bar.lastSeq = saved.last_seq;
  return bar;
}

function readTrack(fold: FoldState, saved: SavedTrack): void {
  const { series, grades } = fold.addTrack(saved.interval);
  series.sealedUntilMs = saved.sealed_until_ms ?? Number.NEGATIVE_INFINITY;
  series.sinceMs = saved.since_ms ?? Number.NEGATIVE_INFINITY;
  for (const bar of saved.open) series.openBars.push(readBar(bar));
  for (const { bar, trades, backfilled, closes_at_ms: closesAtMs } of saved.pending) {
    series.pending.set(bar.open_ms, { bar: readBar(bar), trades, backfilled, closesAtMs });
  }
  grades.gradedFromMs = saved.graded_from_ms;
  grades.gradedUntilMs = saved.graded_until_ms;
  grades.unsettled = saved.unsettled;
}

function readFold(state: CanonicalState, saved: SavedFold, around: Surroundings): FoldState {
  const fold = state.newFold({ instrument: saved.instrument, streamId: saved.stream_id, latenessMs: saved.lateness_ms, around });
  for (const name of TIMES) fold[name] = saved.times[name] ?? fold[name];
  // The one time whose unknown value is not the one a new fold begins with.
  if (saved.times["dueMs"] === undefined && saved.times["sealClockMs"] !== undefined) fold.dueMs = Number.POSITIVE_INFINITY;
  for (const track of saved.tracks) readTrack(fold, track);
  for (const run of saved.runs) fold.runs.runs.push({ ...run });
  fold.runs.floorId = saved.floor_id;
  fold.formerRuns = saved.former_runs;
  fold.recent = RecentTrades.fromRows(saved.recent);
  // JSON leaves undefined members out; the vocabulary has them.
  fold.gaps.gaps = saved.gaps.map((gap) => ({
    ...gap, toMs: gap.toMs, fromRecvNs: gap.fromRecvNs, toRecvNs: gap.toRecvNs, fromId: gap.fromId, toId: gap.toId, missing: gap.missing, tellAtMs: gap.tellAtMs,
  }));
  fold.known = KnownIds.from(saved.known);
  fold.page = saved.page;
  fold.confirmations.candles = saved.candles.map((candle) => ({ ...candle, quoteVolume: candle.quoteVolume, tradeCount: candle.tradeCount }));
  const minutes = saved.minutes.map((minute) => ({ ...minute, sinceSeq: minute.sinceSeq }));
  fold.minutes.past = minutes.slice(0, -1);
  fold.minutes.last = minutes.at(-1);
  fold.awaited = saved.awaited;
  fold.lastRecvNs = saved.last_recv_ns;
  fold.legs = saved.legs.map(({ connection, sinceSeq, lastMs, lastRecvNs }) => ({ connection, sinceSeq, lastMs, lastRecvNs }));
  fold.leg = fold.legs.find(({ connection }) => connection === saved.leg);
  fold.suspicion = saved.suspicion;
  fold.chain = new LeafChain(around.sha256, bytesFromHex(saved.chain.before), bytesFromHex(saved.chain.value));
  for (const [day, dueMs] of saved.cuts) fold.cuts.due.set(day, dueMs);
  fold.idsAbsent = saved.ids_absent;
  fold.connection = saved.connection;
  if (saved.connection !== "") fold.coverage = state.coverageOf(saved.connection);
  fold.connections = saved.connections;
  fold.paused = saved.paused;
  fold.failure = saved.failure;
  fold.backfills = saved.backfills.map(({ fromId, toId, fromMs, toMs }) => ({ fromId, toId, fromMs, toMs }));
  fold.lastAggregate = saved.last_aggregate;
  if (saved.cross !== undefined) fold.cross = readCross(saved.cross);
  return fold;
}

/** Faults: `canonical.other-version`, `canonical.bad-state`. */
export function loadState(bytes: Uint8Array, around: Surroundings): CanonicalState {
  let saved: SavedState;
  try {
    saved = canonicalParse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as SavedState;
  } catch (error) {
    throw fault("canonical.bad-state", `saved state cannot be read (${error instanceof Error ? error.message : String(error)}): derive the capture again`);
  }
  if (saved.canonicalizer_version !== CANONICALIZER_VERSION || saved.format !== SAVE_FORMAT) {
    const found = `${saved.canonicalizer_version}/${saved.format}`;
    throw fault("canonical.other-version", `state of canonicalizer ${found}, this is ${CANONICALIZER_VERSION}/${SAVE_FORMAT}: derive the capture again`, { found });
  }
  const state = new CanonicalState();
  state.position = saved.position;
  state.applied = saved.applied;
  state.isDone = saved.is_done;
  state.config = saved.config;
  state.tally = { ...saved.tally };
  for (const [venue, offsetNs] of saved.clocks) state.clockOf(venue).offsetNs = offsetNs;
  for (const { connection, from_ms: fromMs, until_ms: untilMs, last_seq: lastSeq } of saved.coverages) {
    const coverage = state.coverageOf(connection);
    coverage.lastSeq = lastSeq;
    coverage.fromMs = fromMs ?? coverage.fromMs;
    coverage.untilMs = untilMs ?? coverage.untilMs;
  }
  for (const savedOne of saved.folds) {
    const fold = readFold(state, savedOne, around);
    state.folds.set(`${fold.instrument.venue}:${fold.instrument.symbol}`, fold);
    if (savedOne.feeding) state.feeding.set(fold.streamId, fold);
    if (fold.cross !== undefined) state.crossing.set(fold.cross.streamId, fold);
  }
  return state;
}
