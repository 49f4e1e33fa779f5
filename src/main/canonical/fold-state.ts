// Everything one instrument's fold remembers, in one place: what a snapshot copies, a checkpoint saves and grades look at. Pure.
import type { GapCause } from "../../shared/candles.ts";
import type { Instrument } from "../../shared/market.ts";
import type { Interval } from "../../shared/time.ts";
import type { CrossCheck } from "./cross-check.ts";
import { Coverage, type VenueClock } from "./coverage.ts";
import { Cuts } from "./cuts.ts";
import { MinuteSums } from "./candle-gaps.ts";
import { Confirmations } from "./confirm.ts";
import type { Surroundings, Tally } from "./emit.ts";
import type { Evidence } from "./evidence.ts";
import { GapLedger, type Asked } from "./gaps.ts";
import { GradeBook } from "./grades.ts";
import { IdRuns, type IdRun } from "./id-runs.ts";
import { KnownIds } from "./known-ids.ts";
import { LeafChain } from "./leaf-chain.ts";
import type { Page } from "./page.ts";
import { RecentTrades } from "./recent-trades.ts";
import { Series } from "./series.ts";

export interface FoldOptions {
  readonly instrument: Instrument;
  readonly streamId: string;
  readonly latenessMs: number;
  readonly around: Surroundings;
  readonly tally: Tally;
  readonly clock: VenueClock;
}

/** `disagree`: one id, two contents. `regressed`: the venue began its ids anew. */
export type Failure = "disagree" | "regressed";

/** Something happened that may have cost messages, though the stream goes on: what a hole right behind it comes from. */
export interface Suspicion { readonly cause: GapCause; readonly detail: string }

/** A connection that carries the stream. */
export interface Leg {
  readonly connection: string;
  /** Raw seq of the first sign that it does, or of the oldest trade that it told too: what the venue told from there on came by it. */
  sinceSeq: number;
  /** Times of the last trade that it brought; undefined before the first. */
  lastMs: number | undefined;
  lastRecvNs: bigint;
}

/** A series with the book of its grades. */
export interface Track {
  readonly series: Series;
  readonly grades: GradeBook;
}

export class FoldState implements Evidence {
  readonly instrument: Instrument;
  readonly streamId: string;
  latenessMs: number;
  readonly around: Surroundings;
  readonly tally: Tally;
  readonly clock: VenueClock;
  tracks: Track[] = [];
  runs = new IdRuns();
  formerRuns: readonly IdRun[] = [];
  recent = new RecentTrades();
  /** Text ids, where ids have no order. */
  known = new KnownIds();
  /** The page of the venue's list that is being applied. */
  page: Page | undefined;
  gaps: GapLedger;
  chain: LeafChain;
  cuts = new Cuts();
  /** Largest plausible event time of ws trades. */
  watermarkMs = Number.NEGATIVE_INFINITY;
  /** The seal clock: the larger of watermark and corrected clock ticks. */
  sealClockMs = Number.NEGATIVE_INFINITY;
  /** Next seal clock at which something is due. */
  dueMs = Number.NEGATIVE_INFINITY;
  /** Trade time that could prove a bucket which only cover vouches for. */
  proofDueMs = Number.POSITIVE_INFINITY;
  firstTradeMs = Number.POSITIVE_INFINITY;
  lastTradeMs = Number.NEGATIVE_INFINITY;
  /** Receive time of the last message that brought a new trade, 0 before the first. */
  lastRecvNs = 0n;
  idsAbsent = false;
  coveredFromMs = Number.POSITIVE_INFINITY;
  coverage = new Coverage();
  connection = "";
  /** The instrument's other trade stream, when it is recorded too. */
  cross: CrossCheck | undefined;
  /** Connections that are up and carry the stream. */
  connections: readonly string[] = [];
  /** Those of them that carry it, by the venue's word or by a message of it. */
  legs: Leg[] = [];
  /** The one that brought the last, undefined when it is gone. */
  leg: Leg | undefined;
  suspicion: Suspicion | undefined;
  /** Why no connection is left, when the collector stopped in good order: the stream's next connection makes a gap of it. */
  paused: string | undefined;
  failure: Failure | undefined;
  /** Backfills begun and not done: what was asked for. */
  backfills: readonly Asked[] = [];
  /** Venues' own candles of the instrument, held against bars. */
  confirmations = new Confirmations();
  /** Sums by minute where ids have no order, and the minutes whose candle says more or is not to be believed yet. */
  minutes = new MinuteSums();
  awaited: readonly number[] = [];
  /** Time of the first trade without an id that the stream itself told. */
  carriedFromMs = Number.POSITIVE_INFINITY;
  /** The last aggregated trade that REST told, to see whether the next one follows it. */
  lastAggregate: { readonly id: number; readonly lastTradeId: number } | undefined;
  /** Trades up to here belong to the stream that fed this instrument before a change of configuration. */
  notBeforeMs = Number.NEGATIVE_INFINITY;

  constructor(options: FoldOptions) {
    this.instrument = options.instrument;
    this.streamId = options.streamId;
    this.latenessMs = options.latenessMs;
    this.around = options.around;
    this.tally = options.tally;
    this.clock = options.clock;
    this.gaps = new GapLedger(options.streamId, options.around);
    this.chain = new LeafChain(options.around.sha256);
  }

  get coveredUntilMs(): number {
    return this.coverage.untilMs;
  }

  firstKnownMs(): number {
    return Math.min(this.coveredFromMs, this.firstTradeMs);
  }

  addTrack(interval: Interval): Track {
    const series = new Series({ instrument: this.instrument, interval, streamId: this.streamId, around: this.around });
    const track = { series, grades: new GradeBook(series, this, this.around) };
    this.tracks.push(track);
    return track;
  }

  clone(into: { readonly clock: VenueClock; readonly tally: Tally; readonly around: Surroundings }): FoldState {
    const copy = new FoldState({ instrument: this.instrument, streamId: this.streamId, latenessMs: this.latenessMs, ...into });
    for (const { series, grades } of this.tracks) {
      const twin = series.clone(into.around);
      const book = new GradeBook(twin, copy, into.around);
      book.gradedFromMs = grades.gradedFromMs;
      book.gradedUntilMs = grades.gradedUntilMs;
      book.unsettled = grades.unsettled;
      copy.tracks.push({ series: twin, grades: book });
    }
    copy.runs = this.runs.clone();
    copy.formerRuns = this.formerRuns;
    copy.recent = this.recent.clone();
    copy.known = this.known.clone();
    copy.page = this.page === undefined ? undefined : { ...this.page };
    copy.confirmations = this.confirmations.clone();
    copy.minutes = this.minutes.clone();
    copy.awaited = this.awaited;
    copy.carriedFromMs = this.carriedFromMs;
    copy.gaps = this.gaps.clone(into.around);
    copy.chain = new LeafChain(into.around.sha256, this.chain.before, this.chain.value);
    copy.cuts = this.cuts.clone();
    copy.watermarkMs = this.watermarkMs;
    copy.sealClockMs = this.sealClockMs;
    copy.dueMs = this.dueMs;
    copy.proofDueMs = this.proofDueMs;
    copy.firstTradeMs = this.firstTradeMs;
    copy.lastTradeMs = this.lastTradeMs;
    copy.lastRecvNs = this.lastRecvNs;
    copy.idsAbsent = this.idsAbsent;
    copy.coveredFromMs = this.coveredFromMs;
    copy.coverage = this.coverage.clone();
    copy.connection = this.connection;
    copy.connections = this.connections;
    copy.legs = this.legs.map((leg) => ({ ...leg }));
    copy.leg = copy.legs.find(({ connection }) => connection === this.leg?.connection);
    copy.suspicion = this.suspicion;
    copy.cross = this.cross?.clone();
    copy.paused = this.paused;
    copy.failure = this.failure;
    copy.backfills = this.backfills;
    copy.lastAggregate = this.lastAggregate;
    copy.notBeforeMs = this.notBeforeMs;
    return copy;
  }
}
