// Everything the collector keeps per stream: health, missing trades, what a reconnect missed, and the watch over quotes against trades.
import type { Clock } from "../../shared/base.ts";
import { isBelievable } from "../../shared/believable.ts";
import { CarriedStreams } from "../../shared/carried.ts";
import type { EventKind, StreamRef } from "../../shared/market.ts";
import type { StreamStatus } from "../../shared/protocol/frames.ts";
import { msFromNs } from "../../shared/time.ts";
import type { BackfillRange, ConnectionPlan, IdRange, RestPoll, VenueAdapter } from "./adapter.ts";
import { align, type AlignmentEvent, missedBy, missedText, unaligned } from "./alignment.ts";
import type { ResumePoint } from "./collector.ts";
import type { StreamFacts } from "./collector-health.ts";
import type { CollectorSettings } from "./collector-settings.ts";
import { QuoteWatch } from "./quote-watch.ts";
import type { SpanRequest } from "./span-tracker.ts";
import { StreamHealth } from "./stream-health.ts";
import { StreamTrades } from "./stream-trades.ts";
import type { LegIndex } from "./trade-ledger.ts";

export interface StreamBookOptions {
  readonly adapter: VenueAdapter;
  readonly settings: CollectorSettings;
  readonly clock: Clock;
}

interface Entry {
  readonly health: StreamHealth;
  readonly kinds: readonly EventKind[];
  /** Present on streams of trades. */
  readonly trades: StreamTrades | undefined;
  /** Present on quote streams. */
  readonly watch: QuoteWatch | undefined;
  /** How the instrument stood when the stream was cut; until its next message. */
  cut: AlignmentEvent | undefined;
  missed: string | undefined;
}

/** A data frame, as it concerns the streams' books. */
export interface SeenFrame {
  readonly stream: StreamRef;
  readonly payload: Uint8Array;
  readonly recvNs: bigint;
  readonly nowMs: number;
  /** The venue's time now as far as we know it; stands in for event times that cannot be right. */
  readonly venueMs: number | undefined;
  readonly leg: LegIndex;
  /** The connection that brought it. */
  readonly connection: string;
}

interface GapCounts { readonly open: number; readonly unresolved: number }

/** An event time further than this from the venue's clock says nothing about when its neighbours happened. */
const TIME_ODD_MS = 600_000;
/** Polls that have not brought anything for three periods are stale. */
const POLLS_MISSED = 3;

export class StreamBook {
  readonly #options: StreamBookOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #alignments = new Map<string, AlignmentEvent>();
  readonly #carried = new CarriedStreams();
  /** Streams that come by REST. */
  polled: readonly StreamRef[] = [];

  constructor(options: StreamBookOptions) {
    this.#options = options;
  }

  open(plans: readonly ConnectionPlan[], polls: readonly RestPoll[], resumeFrom: ReadonlyMap<string, ResumePoint>): void {
    for (const plan of plans) {
      for (const stream of plan.streams) {
        const limits = { firstFrameMs: plan.firstFrameDeadlineMs[stream.streamId], silenceMs: plan.silenceLimitMs[stream.streamId] };
        this.#add(stream, limits);
        const resume = resumeFrom.get(stream.streamId);
        if (resume !== undefined) this.#entries.get(stream.streamId)?.trades?.resume(resume);
      }
    }
    this.polled = polls.map(({ stream }) => stream);
    for (const { stream, everyMs } of polls) {
      this.#add(stream, { firstFrameMs: everyMs * POLLS_MISSED, silenceMs: everyMs * POLLS_MISSED });
      this.health(stream)?.subscribed(this.#options.clock.monotonicMs(), "not polled yet");
    }
  }

  #add(stream: StreamRef, limits: { readonly firstFrameMs: number | undefined; readonly silenceMs: number | undefined }): void {
    const { adapter, settings } = this.#options;
    const decode = adapter.decoder(stream.channel);
    const kinds = adapter.kinds(stream.channel);
    const ids = adapter.gapKeyedChannels.includes(stream.channel) ? "contiguous" : stream.channel === adapter.foldChannel ? "unordered" : "unused";
    this.#entries.set(stream.streamId, {
      health: new StreamHealth(adapter.venue, stream, limits), kinds,
      trades: kinds.includes("trade") ? new StreamTrades({ settings, ids }) : undefined,
      watch: stream.channel === adapter.quoteChannel && decode !== undefined ? new QuoteWatch(stream, decode) : undefined,
      cut: undefined, missed: undefined,
    });
  }

  health(stream: StreamRef): StreamHealth | undefined {
    return this.#entries.get(stream.streamId)?.health;
  }

  /** True for recorded streams of which this range can be asked for: missing ids, or a span of time where ids have no order. */
  canBackfill({ stream, fromId, fromMs, toMs }: BackfillRange): boolean {
    const ids = this.#entries.get(stream.streamId)?.trades?.ids;
    return fromId === undefined ? ids === "unordered" && fromMs !== undefined && toMs !== undefined : ids === "contiguous";
  }

  ofSymbol(symbol: string): readonly StreamHealth[] {
    return [...this.#entries.values()].map(({ health }) => health).filter(({ stream }) => stream.symbol === symbol);
  }

  /** Each stream of a plan, or of all plans. */
  each(plan: ConnectionPlan | undefined, run: (health: StreamHealth) => void): void {
    if (plan === undefined) for (const { health } of this.#entries.values()) run(health);
    else for (const stream of plan.streams) {
      const health = this.health(stream);
      if (health !== undefined) run(health);
    }
  }

  liveStreams(plan: ConnectionPlan): readonly string[] {
    return plan.streams.filter((stream) => this.health(stream)?.isLive ?? false).map(({ streamId }) => streamId);
  }

  /** A message of the stream has come: by socket, or as the answer to a poll. */
  frame(stream: StreamRef, nowMs: number, recvNs: bigint, eventNs: bigint): void {
    const entry = this.#entries.get(stream.streamId);
    if (entry === undefined) return;
    entry.health.frame(nowMs, recvNs, eventNs);
    if (entry.kinds.length === 0) return;
    const eventMs = Math.floor(Number(eventNs === 0n ? recvNs : eventNs) / 1e6);
    if (entry.cut !== undefined) this.#reconnected(entry, entry.cut, eventMs);
    align(this.#alignmentOf(stream), entry.kinds, eventMs);
  }

  #reconnected(entry: Entry, before: AlignmentEvent, firstMs: number): void {
    const ids = entry.trades === undefined ? "none" : entry.trades.ids === "contiguous" ? "contiguous" : "unordered";
    const missed = missedBy({ kinds: entry.kinds, ids, carried: false, before, firstMs });
    entry.missed = missedText(missed, entry.kinds) ?? entry.missed;
    entry.cut = undefined;
  }

  #alignmentOf(stream: StreamRef): AlignmentEvent {
    let alignment = this.#alignments.get(stream.symbol);
    if (alignment === undefined) this.#alignments.set(stream.symbol, alignment = unaligned({ venue: this.#options.adapter.venue, symbol: stream.symbol }));
    return alignment;
  }

  /** From here on messages of these streams may be missing, until each's next; from the last of the connection that ended, where that is why. */
  cut(streams: readonly StreamRef[], by?: string): void {
    for (const stream of streams) {
      const entry = this.#entries.get(stream.streamId);
      if (entry === undefined) continue;
      entry.cut ??= { ...this.#alignmentOf(stream) };
      entry.trades?.spans?.cut(by);
    }
  }

  /** Bytes that nobody can read may have held trades of any of these streams. */
  doubt(streams: readonly StreamRef[]): void {
    for (const { streamId } of streams) this.#entries.get(streamId)?.trades?.spans?.cut();
  }

  /** Our clock jumped: what came around then is doubted wherever ids do not prove it. */
  cutAll(): void {
    this.cut([...this.#entries.values()].map(({ health }) => health.stream));
  }

  /** Looks into a frame, where its contents matter to us: ids of trades, quotes for the cross-check, contract values. */
  data({ stream, payload, recvNs, nowMs, venueMs, leg, connection }: SeenFrame): void {
    const entry = this.#entries.get(stream.streamId);
    entry?.watch?.quote(payload, recvNs);
    if (entry?.trades === undefined) return;
    const outcome = this.#options.adapter.decoder(stream.channel)?.(payload, { stream, source: "ws", recvNs, carried: this.#carried.of(stream) });
    // A trade that cannot be read is missing, until the venue tells it again.
    if (outcome?.kind === "refused") entry.trades.spans?.cut();
    if (outcome?.kind !== "events") return;
    for (const event of outcome.events) {
      if (event.kind !== "trade") continue;
      const isOdd = venueMs !== undefined && Math.abs(event.eventMs - venueMs) > TIME_ODD_MS;
      if (entry.trades.spans !== undefined && !isBelievable(event.eventMs, venueMs ?? msFromNs(recvNs))) entry.trades.seeImpossible(event, nowMs, leg);
      else entry.trades.see(event, isOdd ? venueMs : event.eventMs, nowMs, { leg, connection });
    }
    for (const watch of this.#watchesOf(stream.symbol)) watch.traded();
  }

  /** A list of instruments has come: decoders of sizes may depend on it. */
  instruments(stream: StreamRef, payload: Uint8Array, recvNs: bigint): void {
    this.#options.adapter.decoder(stream.channel)?.(payload, { stream, source: "rest_poll", recvNs, carried: this.#carried.of(stream) });
  }

  #watchesOf(symbol: string): readonly QuoteWatch[] {
    const { quoteChannel, venue } = this.#options.adapter;
    const watch = quoteChannel === undefined ? undefined : this.#entries.get(`${venue}:${symbol}:${quoteChannel}`)?.watch;
    return watch === undefined ? [] : [watch];
  }

  /** Our own pause was no silence of theirs. */
  excuse(nowMs: number): void {
    for (const { health } of this.#entries.values()) health.excuse(nowMs);
  }

  /** Those of the streams that have become stale since the last look. */
  staleNow(streams: readonly StreamRef[], nowMs: number): readonly { readonly stream: StreamRef; readonly cause: string }[] {
    const found: { stream: StreamRef; cause: string }[] = [];
    for (const stream of streams) {
      const entry = this.#entries.get(stream.streamId);
      if (entry === undefined) continue;
      entry.watch?.tick();
      const cause = entry.health.check(nowMs) ?? this.#crossCheck(entry, nowMs);
      if (cause === undefined) continue;
      entry.trades?.spans?.cut();
      found.push({ stream, cause });
    }
    return found;
  }

  #crossCheck({ health, trades }: Entry, nowMs: number): string | undefined {
    const { tradesSilentMs, quoteMovesMin } = this.#options.settings;
    if (trades === undefined || !health.isLive || nowMs - health.quietSinceMs < tradesSilentMs) return undefined;
    const moved = this.#watchesOf(health.stream.symbol).some((watch) => watch.movesTooOften(quoteMovesMin));
    return moved ? health.stale(nowMs, "trades-silent-while-bbo-moves") : undefined;
  }

  /** Since when a stream of the plan has been stale, the longest; undefined when none is. */
  staleSince(plan: ConnectionPlan): number | undefined {
    let since: number | undefined;
    this.each(plan, (health) => {
      if (health.isStale && (since === undefined || health.staleSinceMs < since)) since = health.staleSinceMs;
    });
    return since;
  }

  /** Missing ids that have waited long enough to be gaps. */
  gapsDue(nowMs: number): readonly IdRange[] {
    const ranges: IdRange[] = [];
    for (const { health, trades } of this.#entries.values()) {
      for (const hole of trades?.gaps?.due(nowMs) ?? []) ranges.push({ stream: health.stream, ...hole });
    }
    return ranges;
  }

  /** Cuts of streams without an order of ids, with the trades on either side. */
  spansDue(nowMs: number): readonly SpanRequest[] {
    const requests: SpanRequest[] = [];
    for (const { health, trades } of this.#entries.values()) {
      for (const { fromMs, toMs, before, after } of trades?.spans?.due(nowMs) ?? []) {
        requests.push({ range: { stream: health.stream, fromId: undefined, toId: undefined, fromMs, toMs }, before, after });
      }
    }
    return requests;
  }

  /** Trades of the streams that only the other leg brought, by stream id. */
  missedBy(leg: LegIndex, streams: readonly StreamRef[]): ReadonlyMap<string, number> {
    return new Map(streams.flatMap(({ streamId }) => {
      const missed = this.#entries.get(streamId)?.trades?.ledger.missed[leg];
      return missed === undefined ? [] : [[streamId, missed] as const];
    }));
  }

  /** So that quiet streams forget too, and each leg's losses show in time. */
  turnLedgers(nowMs: number): void {
    for (const { trades } of this.#entries.values()) trades?.ledger.turn(nowMs);
  }

  status(nowMs: number, gapsOf: (streamId: string) => GapCounts): readonly StreamStatus[] {
    return [...this.#entries].map(([streamId, entry]) => {
      const { open, unresolved } = gapsOf(streamId);
      const { health, trades } = entry;
      return health.status(nowMs, { duplicates: trades?.duplicates ?? 0, gapsOpen: open + (trades?.waiting ?? 0), unresolved, missed: entry.missed });
    });
  }

  facts(gapsOf: (streamId: string) => GapCounts): readonly StreamFacts[] {
    const { adapter } = this.#options;
    return [...this.#entries].map(([streamId, { health, trades, missed }]) => {
      const { open, unresolved } = gapsOf(streamId);
      return {
        streamId, duplicates: trades?.duplicates ?? 0, conflicts: trades?.conflicts ?? 0, gapsOpen: open + (trades?.waiting ?? 0), gapsUnresolved: unresolved,
        renamedTo: adapter.renamedTo(health.stream.symbol), missed,
      };
    });
  }
}
