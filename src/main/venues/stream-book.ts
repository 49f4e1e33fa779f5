// Everything the collector keeps per stream: health, gap tracking, and the watch over quotes against trades.
import type { Clock } from "../../shared/base.ts";
import type { StreamRef } from "../../shared/market.ts";
import type { StreamStatus } from "../../shared/protocol/frames.ts";
import type { BackfillRange, ConnectionPlan, RestPoll, VenueAdapter } from "./adapter.ts";
import type { CollectorSettings } from "./collector-settings.ts";
import { GapTracker } from "./gap-tracker.ts";
import { QuoteWatch } from "./quote-watch.ts";
import { StreamHealth } from "./stream-health.ts";

export interface StreamBookOptions {
  readonly adapter: VenueAdapter;
  readonly settings: CollectorSettings;
  readonly clock: Clock;
}

interface Entry {
  readonly health: StreamHealth;
  /** Present where ids prove gaps. */
  readonly gaps: GapTracker | undefined;
  /** Present on quote streams whose symbol also has trades here. */
  readonly watch: QuoteWatch | undefined;
}

/** An event time further than this from the venue's clock says nothing about when its neighbours happened. */
const TIME_ODD_MS = 600_000;
/** Polls that have not brought anything for three periods are stale. */
const POLLS_MISSED = 3;

export class StreamBook {
  readonly #options: StreamBookOptions;
  readonly #entries = new Map<string, Entry>();
  /** Streams that come by REST. */
  polled: readonly StreamRef[] = [];

  constructor(options: StreamBookOptions) {
    this.#options = options;
  }

  open(plans: readonly ConnectionPlan[], polls: readonly RestPoll[], resumeFrom: ReadonlyMap<string, { readonly lastId: number; readonly eventMs: number | undefined }>): void {
    for (const plan of plans) {
      for (const stream of plan.streams) {
        const limits = { firstFrameMs: plan.firstFrameDeadlineMs[stream.streamId], silenceMs: plan.silenceLimitMs[stream.streamId] };
        this.#add(stream, limits);
        const resume = resumeFrom.get(stream.streamId);
        if (resume !== undefined) this.#entries.get(stream.streamId)?.gaps?.resume(resume.lastId, resume.eventMs);
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
    this.#entries.set(stream.streamId, {
      health: new StreamHealth(adapter.venue, stream, limits),
      gaps: adapter.gapKeyedChannels.includes(stream.channel) ? new GapTracker(settings) : undefined,
      watch: stream.channel === adapter.quoteChannel && decode !== undefined ? new QuoteWatch(stream, decode) : undefined,
    });
  }

  health(stream: StreamRef): StreamHealth | undefined {
    return this.#entries.get(stream.streamId)?.health;
  }

  /** True for recorded streams whose missing ids show, so that they can be asked for. */
  isGapKeyed(stream: StreamRef): boolean {
    return this.#entries.get(stream.streamId)?.gaps !== undefined;
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

  frame(stream: StreamRef, nowMs: number, recvNs: bigint, eventNs: bigint): void {
    this.#entries.get(stream.streamId)?.health.frame(nowMs, recvNs, eventNs);
  }

  /**
   * Looks into a data frame, where its contents matter to us: ids of gap-keyed streams, quotes for the cross-check.
   * `venueMs`: the venue's time now as far as we know it; stands in for event times that cannot be right.
   */
  data(stream: StreamRef, payload: Uint8Array, recvNs: bigint, nowMs: number, venueMs: number | undefined): void {
    const entry = this.#entries.get(stream.streamId);
    entry?.watch?.quote(payload, recvNs);
    if (entry?.gaps === undefined) return;
    const outcome = this.#options.adapter.decoder(stream.channel)?.(payload, { stream, source: "ws", recvNs });
    if (outcome?.kind !== "events") return;
    for (const event of outcome.events) {
      if (event.kind !== "trade" || event.sequenceId === undefined) continue;
      const isOdd = venueMs !== undefined && Math.abs(event.eventMs - venueMs) > TIME_ODD_MS;
      entry.gaps.see(event.sequenceId, isOdd ? venueMs : event.eventMs, nowMs, event.sequenceFromId);
    }
    for (const watch of this.#watchesOf(stream.symbol)) watch.traded();
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
      if (cause !== undefined) found.push({ stream, cause });
    }
    return found;
  }

  #crossCheck({ health, gaps }: Entry, nowMs: number): string | undefined {
    const { tradesSilentMs, quoteMovesMin } = this.#options.settings;
    if (gaps === undefined || !health.isLive || nowMs - health.quietSinceMs < tradesSilentMs) return undefined;
    const moved = this.#watchesOf(health.stream.symbol).some((watch) => watch.moves >= quoteMovesMin);
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

  gapsDue(nowMs: number): readonly BackfillRange[] {
    const ranges: BackfillRange[] = [];
    for (const { health, gaps } of this.#entries.values()) {
      for (const hole of gaps?.due(nowMs) ?? []) ranges.push({ stream: health.stream, ...hole });
    }
    return ranges;
  }

  status(nowMs: number, gapsOf: (streamId: string) => { readonly open: number; readonly unresolved: number }): readonly StreamStatus[] {
    return [...this.#entries].map(([streamId, { health, gaps }]) => {
      const { open, unresolved } = gapsOf(streamId);
      return health.status(nowMs, { duplicates: gaps?.duplicates ?? 0, gapsOpen: open + (gaps?.waiting ?? 0), unresolved });
    });
  }
}
