// The canonicalizer: records of one capture in, bars, gaps, grades and revisions out. No clock, no I/O, no hidden input. Pure.
import { assert, fault } from "../../shared/base.ts";
import type { BarKey, CanonicalOutput, FormingBar, Grade } from "../../shared/candles.ts";
import { instrumentId, type DecodeOutcome, type Instrument, type MarketEvent } from "../../shared/market.ts";
import { toHex } from "../../shared/leaf.ts";
import { CONTROL_STREAM, type RawRecord } from "../../shared/raw.ts";
import type { Interval } from "../../shared/time.ts";
import type { Selection } from "./configure.ts";
import { applyControl } from "./control.ts";
import { correctedMs, type Coverage, type VenueClock } from "./coverage.ts";
import { checkAggregate, crossCheck } from "./cross-check.ts";
import { awaitCandle } from "./candle-gaps.ts";
import { confirm } from "./confirm.ts";
import { brought, carries, connected, doubt, mayHaveLost } from "./fold-control.ts";
import type { FoldState } from "./fold-state.ts";
import { foldTrade, newStep } from "./fold.ts";
import { entryOf, type Gap } from "./gaps.ts";
import { closePage, openPage } from "./page.ts";
import { reviewGrades, schedule } from "./seal.ts";
import type { Surroundings } from "./emit.ts";
import { loadState, saveState } from "./save.ts";
import { CanonicalState } from "./state.ts";
import type { CanonicalCounts, CanonicalSnapshot, Canonicalizer, CanonicalizerOptions, FoldStanding, UnsettledGap, OpenBarContents } from "./types.ts";

class StateSnapshot implements CanonicalSnapshot {
  readonly state: CanonicalState;
  constructor(state: CanonicalState) {
    this.state = state;
  }
  get position(): number {
    return this.state.position;
  }
}

/** What is known of a stream without looking it up again; no part of the state. */
interface Lane {
  readonly fold: FoldState | undefined;
  /** The fold that this stream only cross-checks. */
  readonly checked: FoldState | undefined;
  /** The fold whose bars this stream's own candles confirm. */
  readonly confirmed: FoldState | undefined;
  readonly clock: VenueClock;
  connection: string;
  coverage: Coverage;
}

export function createCanonicalizer(options: CanonicalizerOptions): Canonicalizer {
  return new LogCanonicalizer(options);
}

class LogCanonicalizer implements Canonicalizer {
  readonly #around: Surroundings;
  readonly #selection: Selection;
  readonly #step = newStep();
  #state = new CanonicalState();
  #output: CanonicalOutput[] = [];
  #lanes = new Map<string, Lane>();
  #lastStreamId = "";
  #lastLane: Lane | undefined;

  constructor(options: CanonicalizerOptions) {
    const { sha256, history, instruments, intervals } = options;
    this.#around = { sha256, history, emit: (output) => void this.#output.push(output) };
    this.#selection = { instruments: instruments === undefined ? undefined : new Set(instruments.map(instrumentId)), intervals };
  }

  get position(): number {
    return this.#state.position;
  }

  apply(record: RawRecord, outcome: DecodeOutcome | undefined, range?: { readonly from: number; readonly until: number }): void {
    const events = outcome?.kind === "events" ? outcome.events : NONE;
    const from = range?.from ?? 0;
    const until = range?.until ?? events.length;
    const state = this.#state;
    const goesOn = record.seq === state.position && !state.isDone && from === state.applied;
    if (!goesOn && (record.seq <= state.position || !state.isDone || from !== 0)) this.#refuseOrder(record, from);
    if (until < from || until > events.length) this.#refuseOrder(record, until);
    if (!goesOn) this.#begin(record, outcome);
    else if (this.#lastStreamId !== record.stream.streamId) this.#lane(record);
    if (until > from) this.#events(record, events, from, until);
    state.applied = until;
    state.isDone = until === events.length;
    const fold = this.#lastLane?.fold;
    if (state.isDone && fold?.page !== undefined) {
      closePage(fold, record.seq);
      if (fold.gaps.changed) reviewGrades(fold, record.seq);
    }
  }

  #refuseOrder(record: RawRecord, at: number): never {
    const { position, applied } = this.#state;
    throw fault(
      "canonical.out-of-order",
      `record seq ${record.seq}, event ${at}, was given after seq ${position}, event ${applied}: records must come in rising seq and whole before the next`,
      { seq: record.seq, position, applied },
    );
  }

  /** What happens once per record, before its first event. */
  #begin(record: RawRecord, outcome: DecodeOutcome | undefined): void {
    const state = this.#state;
    state.position = record.seq;
    state.tally.records += 1;
    if (record.stream.streamId === CONTROL_STREAM.streamId) {
      applyControl({ state, around: this.#around, selection: this.#selection }, record);
      this.#forgetLanes();
      return;
    }
    const lane = this.#lane(record);
    const { fold } = lane;
    if (fold !== undefined) {
      fold.chain.next(record);
      if (record.source === "rest_backfill" && outcome?.kind === "events") fold.page = openPage(fold, record, outcome.events);
    }
    const first = outcome?.kind === "events" ? outcome.events[0] : undefined;
    lane.coverage.lastSeq = record.seq;
    if (first !== undefined && record.source === "ws") lane.coverage.note(first.eventMs, record, lane.clock);
    if (outcome === undefined || outcome.kind === "ignored") {
      if (outcome === undefined || outcome.why === "unhandled") state.tally.unhandled += 1;
    } else if (outcome.kind === "refused") this.#refused(fold, record, `${outcome.code}: ${outcome.detail}`);
  }

  /** Bytes that no decoder understood may have held trades: the stream is in doubt until ids show otherwise. */
  #refused(fold: FoldState | undefined, record: RawRecord, detail: string): void {
    const { seq } = record;
    this.#state.tally.refused += 1;
    this.#around.emit({ kind: "stream", streamId: record.stream.streamId, state: "refused", detail: `seq ${seq}: ${detail}`, atSeq: seq });
    if (record.source !== "ws") return;
    const why = { cause: "quarantine" as const, detail: `message seq ${seq} refused: ${detail}` };
    if (fold !== undefined) doubt(fold, { ...why, atMs: correctedMs(record.recvNs, fold.clock) }, seq);
    else if (record.stream.channel === UNCLASSIFIED) this.#refusedOnConnection(record, why);
  }

  /** Bytes of no stream: they may have been any stream's of that connection. */
  #refusedOnConnection(record: RawRecord, why: { readonly cause: "quarantine"; readonly detail: string }): void {
    for (const fold of this.#state.feeding.values()) {
      if (fold.instrument.venue !== record.stream.venue || !fold.connections.includes(record.connection)) continue;
      mayHaveLost(fold, { ...why, atMs: correctedMs(record.recvNs, fold.clock) }, record.seq);
    }
  }

  #events(record: RawRecord, events: readonly MarketEvent[], from: number, until: number): void {
    const lane = this.#lastLane;
    assert(lane !== undefined, "a record's stream is looked up before its events");
    this.#state.tally.events += until - from;
    const { fold, checked, confirmed } = lane;
    if (fold !== undefined) this.#foldEvents(fold, lane, record, events, from, until);
    else if (confirmed !== undefined && events[from]?.kind === "venue_candle") this.#confirm(confirmed, record, events.slice(from, until));
    else if (checked !== undefined) {
      for (let position = from; position < until; position += 1) {
        const event = events[position];
        if (event?.kind === "trade") crossCheck(checked, record, event);
      }
    }
  }

  #confirm(fold: FoldState, record: RawRecord, events: readonly MarketEvent[]): void {
    for (const event of events) {
      const candle = event.kind === "venue_candle" ? fold.confirmations.take(event, record) : undefined;
      const track = candle === undefined ? undefined : fold.tracks.find(({ series }) => series.interval === candle.interval);
      if (candle !== undefined && track !== undefined) confirm(fold.confirmations, track.series, candle.openMs, this.#around, record.seq);
      if (candle !== undefined) awaitCandle(fold, candle, record.seq);
    }
    if (fold.gaps.changed) reviewGrades(fold, record.seq);
    if (fold.awaited.length > 0) schedule(fold);
  }

  #foldEvents(fold: FoldState, lane: Lane, record: RawRecord, events: readonly MarketEvent[], from: number, until: number): void {
    // Also when a later run uses the name of a connection again.
    if (record.source === "ws" && (fold.leg?.connection !== record.connection || fold.connections.length === 0)) {
      connected(fold, record.connection, record.seq);
      fold.leg = carries(fold, record.connection, record.seq);
      fold.connection = record.connection;
      fold.coverage = lane.coverage;
      if (fold.coverage.fromMs < fold.coveredFromMs && fold.firstTradeMs === Number.POSITIVE_INFINITY) fold.coveredFromMs = fold.coverage.fromMs;
    }
    const { contribution } = this.#step;
    contribution.chainBefore = fold.chain.before;
    contribution.chainAfter = fold.chain.value;
    contribution.seq = record.seq;
    contribution.ingestSeq = record.ingestSeq;
    contribution.backfilled = record.source === "rest_backfill";
    for (let position = from; position < until; position += 1) {
      const event = events[position];
      if (event?.kind !== "trade") continue;
      contribution.position = position;
      foldTrade(fold, this.#step, record, event);
      if (fold.cross !== undefined) checkAggregate(fold, record, event);
      // Times that nobody believes are none of a trade's.
      if (fold.leg !== undefined && record.source === "ws" && event.eventMs <= fold.lastTradeMs) brought(fold.leg, event.eventMs, record.recvNs);
    }
  }

  #lane(record: RawRecord): Lane {
    const { streamId } = record.stream;
    let lane = this.#lastStreamId === streamId ? this.#lastLane : this.#lanes.get(streamId);
    if (lane === undefined) {
      const state = this.#state;
      const { connection } = record;
      lane = {
        fold: state.feeding.get(streamId), checked: state.crossing.get(streamId), confirmed: this.#confirmedBy(record), clock: state.clockOf(record.stream.venue), connection,
        coverage: state.coverageOf(connection),
      };
      this.#lanes.set(streamId, lane);
    } else if (lane.connection !== record.connection) {
      lane.connection = record.connection;
      lane.coverage = this.#state.coverageOf(record.connection);
    }
    this.#lastStreamId = streamId;
    this.#lastLane = lane;
    return lane;
  }

  #confirmedBy({ stream }: RawRecord): FoldState | undefined {
    if (stream.venue === "tapedeck") return undefined;
    const fold = this.#state.folds.get(instrumentId({ venue: stream.venue, symbol: stream.symbol }));
    return fold !== undefined && this.#state.feeding.get(fold.streamId) === fold ? fold : undefined;
  }

  #forgetLanes(): void {
    this.#lanes.clear();
    this.#lastStreamId = "";
    this.#lastLane = undefined;
  }

  drain(): readonly CanonicalOutput[] {
    const output = this.#output;
    if (output.length === 0) return SILENCE;
    this.#output = [];
    return output;
  }

  #track(key: { readonly venue: Instrument["venue"]; readonly symbol: string; readonly interval: Interval }): FoldState["tracks"][number] | undefined {
    return this.#state.folds.get(instrumentId(key))?.tracks.find(({ series }) => series.interval === key.interval);
  }

  open(instrument: Instrument, interval: Interval): readonly FormingBar[] {
    return this.#track({ ...instrument, interval })?.series.forming() ?? [];
  }

  openContents(key: BarKey): OpenBarContents | undefined {
    return this.#track(key)?.series.openContents(key.openMs);
  }

  gradeOf(key: BarKey): { readonly grade: Grade; readonly why: string } | undefined {
    return this.#track(key)?.grades.gradeOf(key.openMs);
  }

  get unsettledGaps(): readonly UnsettledGap[] {
    return [...this.#state.folds.values()].flatMap(({ gaps }) => gaps.gaps.map((gap) => entryOf(gap, gaps.streamId)));
  }

  get folds(): readonly FoldStanding[] {
    return [...this.#state.folds.values()].map(({ streamId, sealClockMs, latenessMs, gaps: ledger }) => {
      const gaps = ledger.gaps.filter(isTold);
      const gapsUnresolved = gaps.reduce((count, gap) => count + (gap.state === "GAP_UNRESOLVED" ? 1 : 0), 0);
      return { streamId, sealedMs: Number.isFinite(sealClockMs) ? sealClockMs - latenessMs : undefined, gapsOpen: gaps.length - gapsUnresolved, gapsUnresolved };
    });
  }

  get counts(): CanonicalCounts {
    let gapsOpen = 0;
    for (const fold of this.#state.folds.values()) gapsOpen += fold.gaps.gaps.filter(isTold).length;
    return { ...this.#state.tally, gapsOpen };
  }

  snapshot(): CanonicalSnapshot {
    return new StateSnapshot(this.#state.clone(this.#around));
  }

  restore(snapshot: CanonicalSnapshot): void {
    if (!(snapshot instanceof StateSnapshot)) throw fault("canonical.foreign-snapshot", "this snapshot was not made by a canonicalizer");
    this.#take(snapshot.state.clone(this.#around));
  }

  #take(state: CanonicalState): void {
    this.#state = state;
    this.#output = [];
    this.#forgetLanes();
  }

  digest(): string {
    return toHex(this.#around.sha256(saveState(this.#state)));
  }

  save(): Uint8Array {
    return saveState(this.#state);
  }

  load(bytes: Uint8Array): void {
    this.#take(loadState(bytes, this.#around));
  }
}

/** The channel of bytes that no rule could route. */
const UNCLASSIFIED = "unclassified";

function isTold({ tellAtMs }: Gap): boolean {
  return tellAtMs === undefined;
}

const NONE: readonly MarketEvent[] = [];
const SILENCE: readonly CanonicalOutput[] = [];
