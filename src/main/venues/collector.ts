// Records one venue: sockets, polls, clock ticks, gaps and their backfill, in one line of drafts to the recorder.
// All waiting goes through the injected clock and timers; `stop` ends everything.
import type { Clock, Fault, Random, Timers } from "../../shared/base.ts";
import type { StreamRef } from "../../shared/market.ts";
import type { SourceStatus, StreamStatus } from "../../shared/protocol/frames.ts";
import { msFromNs } from "../../shared/time.ts";
import type { HttpTransport, WebSocketTransport } from "../net/transport.ts";
import { type BackfillRange, type Endpoints, hasIds, type Routed, type Subscription, type VenueAdapter } from "./adapter.ts";
import { Backfiller, oldestFirst } from "./backfiller.ts";
import { ClockJumpDetector } from "./clock-jump.ts";
import { OffsetMeter } from "./clock-offset.ts";
import type { CollectorHealth } from "./collector-health.ts";
import { COLLECTOR_DEFAULTS, type CollectorSettings } from "./collector-settings.ts";
import { Connection, type ConnectionEnd } from "./connection.ts";
import { InstrumentWatch } from "./instrument-watch.ts";
import { LegWatch } from "./leg-watch.ts";
import { Link } from "./link.ts";
import { LinkWatch } from "./link-watch.ts";
import { METADATA_CHANNEL } from "./metadata-polls.ts";
import { Outbox, type CollectorSink } from "./outbox.ts";
import { Poller } from "./poller.ts";
import { type BudgetMemory, RateBudget } from "./rate-budget.ts";
import { askServerTime } from "./server-time.ts";
import { sourceStatus } from "./source-status.ts";
import { StopSource } from "./stop-source.ts";
import { StreamBook } from "./stream-book.ts";
import type { LegIndex } from "./trade-ledger.ts";

/** Where the log ends for a stream, so that what comes next can be compared with it. */
export interface ResumePoint {
  /** The highest id of the stream; undefined where ids have no order. */
  readonly lastId: number | undefined;
  /** The time of the newest trade; without it, streams that are asked by time cannot be backfilled over the downtime. */
  readonly eventMs: number | undefined;
  /** Where ids have no order: those of the newest trades, newest last. */
  readonly tradeIds?: readonly string[];
}

/** What collectors of one exchange share behind one address. */
export interface SharedLimits { readonly requests: BudgetMemory; readonly connects: BudgetMemory }

export interface CollectorOptions {
  readonly adapter: VenueAdapter;
  readonly subscriptions: readonly Subscription[];
  /** Over the adapter's defaults. */
  readonly endpoints: Endpoints;
  readonly websocket: WebSocketTransport;
  readonly http: HttpTransport;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly sink: CollectorSink;
  /** Prefix of connection names, unique per run within the capture: `binance-usdm.r2` gives `binance-usdm.r2.ws.1`. */
  readonly name: string;
  /** By stream id: where the log ends, so that the downtime is backfilled. */
  readonly resumeFrom?: ReadonlyMap<string, ResumePoint>;
  readonly settings?: Partial<CollectorSettings>;
  /** Absent: this collector has its limits to itself. */
  readonly limits?: SharedLimits;
}

export interface CollectorStatus {
  readonly source: SourceStatus;
  readonly streams: readonly StreamStatus[];
  readonly health: CollectorHealth;
}

export interface Collector {
  /** Throws `feed.no-endpoint` when an address is missing. */
  start(): void;
  /**
   * Asks the venue for what an earlier run left missing, oldest first, once a socket is open: what happens now comes
   * first. What is being asked for already is not asked for twice; streams that are not recorded are left out.
   */
  backfill(ranges: readonly BackfillRange[]): void;
  status(): CollectorStatus;
  /** Set once the recorder takes nothing any more: the sockets are closed then. */
  readonly halted: Fault | undefined;
  /** Closes everything, writes the disconnects, hands over what waits. Idempotent. */
  stop(): Promise<void>;
}

export function createCollector(options: CollectorOptions): Collector {
  return new VenueCollector(options);
}

class VenueCollector implements Collector {
  readonly #options: CollectorOptions;
  readonly #settings: CollectorSettings;
  readonly #endpoints: Endpoints;
  readonly #outbox: Outbox;
  readonly #budget: RateBudget;
  readonly #connects: RateBudget;
  readonly #book: StreamBook;
  readonly #backfiller: Backfiller;
  readonly #poller: Poller;
  readonly #instruments: InstrumentWatch;
  readonly #offset: OffsetMeter;
  readonly #jumps: ClockJumpDetector;
  readonly #stop = new StopSource();
  #links: readonly Link[] = [];
  #legs: LegWatch | undefined;
  #watch: LinkWatch | undefined;
  #connections = 0;
  /** Ranges of earlier runs that wait for the first socket. */
  #inherited: BackfillRange[] = [];
  #cancelTick: (() => void) | undefined;
  #skipTicks = 0;
  #lastEnd: ConnectionEnd | undefined;
  #state: "new" | "running" | "stopped" = "new";
  #stopping: Promise<void> | undefined;

  constructor(options: CollectorOptions) {
    const { adapter, clock, timers, random, http, sink, limits } = options;
    this.#options = options;
    this.#settings = { ...COLLECTOR_DEFAULTS, ...options.settings };
    this.#endpoints = { ...adapter.defaultEndpoints, ...options.endpoints };
    const settings = this.#settings;
    this.#outbox = new Outbox({
      sink, clock, timers, settings,
      onBlocked: (blocked) => { this.#onBlocked(blocked); },
      onOverflow: () => { for (const link of this.#links) link.closeAll("back-pressure", "the recorder gave no credit"); },
      onHalted: () => { for (const link of this.#links) void link.stop(); },
    });
    const { weight, windowMs, usedHeader, connects } = adapter.budget;
    this.#budget = new RateBudget({ weight, windowMs, usedHeader, clock, timers, ...(limits === undefined ? {} : { memory: limits.requests }) });
    this.#connects = new RateBudget({
      weight: connects.count, windowMs: connects.windowMs, usedHeader: undefined, clock, timers, ...(limits === undefined ? {} : { memory: limits.connects }),
    });
    this.#book = new StreamBook({ adapter, settings, clock });
    const shared = {
      adapter, endpoints: this.#endpoints, connection: `${options.name}.rest`, http, clock, timers, random, settings,
      outbox: this.#outbox, budget: this.#budget, signal: this.#stop.signal,
    };
    this.#backfiller = new Backfiller(shared);
    this.#instruments = new InstrumentWatch(adapter, options.subscriptions.map(({ symbol }) => symbol), {
      onDeadSymbol: (symbol, detail) => { this.#onDeadSymbol(symbol, detail); },
      onUnknownSizes: (symbol, detail) => { this.#onUnknownSizes(symbol, detail); },
    });
    this.#poller = new Poller({
      ...shared,
      listener: {
        onPolled: (stream, recvNs, eventNs, body) => { this.#onPolled(stream, recvNs, eventNs, body); },
        onPollFailed: (stream, detail) => { this.#onPollFailed(stream, detail); },
        onDeadSymbol: (symbol, detail) => { this.#onDeadSymbol(symbol, detail); },
      },
    });
    const ask = (): ReturnType<typeof askServerTime> => askServerTime(shared);
    this.#offset = new OffsetMeter({ clock, timers, samples: settings.offsetSamples, everyMs: settings.offsetEveryMs, ask });
    this.#jumps = new ClockJumpDetector(clock, settings.clockJumpMs);
  }

  get halted(): Fault | undefined {
    return this.#outbox.halted;
  }

  start(): void {
    if (this.#state !== "new") return;
    const { adapter, subscriptions, resumeFrom, name } = this.#options;
    const plans = adapter.plan(subscriptions, this.#endpoints);
    const polls = adapter.polls(subscriptions);
    const metadata = adapter.metadata.polls([...new Set(subscriptions.map(({ symbol }) => symbol))]);
    this.#state = "running";
    this.#book.open(plans, polls, resumeFrom ?? new Map());
    this.#links = plans.flatMap((plan) => (this.#settings.legs === 2 ? [this.#linkFor(plan, 0), this.#linkFor(plan, 1)] : [this.#linkFor(plan, 0)]));
    this.#legs = new LegWatch({ links: this.#links, book: this.#book, settings: this.#settings });
    this.#watch = new LinkWatch({
      links: this.#links, plans, book: this.#book, settings: this.#settings, name,
      onStale: (connection, stream, cause) => { this.#outbox.control({ kind: "stale", venue: adapter.venue, connection, stream_id: stream.streamId, cause }); },
    });
    for (const link of this.#links) link.start();
    this.#poller.start([...polls, ...metadata]);
    this.#offset.start();
    this.#scheduleTick();
  }

  backfill(ranges: readonly BackfillRange[]): void {
    if (this.#state === "stopped") return;
    this.#inherited.push(...ranges);
    this.#takeInherited();
  }

  #takeInherited(): void {
    if (this.#inherited.length === 0 || !this.#links.some((link) => link.isOpen)) return;
    for (const range of this.#inherited.splice(0).sort(oldestFirst)) {
      if (!this.#book.canBackfill(range)) continue;
      if (hasIds(range)) this.#backfiller.addIds(range);
      else this.#backfiller.addSpan({ range, before: new Set(), after: new Set() });
    }
  }

  #linkFor(plan: Link["plan"], leg: LegIndex): Link {
    const { clock, timers, random } = this.#options;
    return new Link({
      plan, leg, clock, timers, random, settings: this.#settings,
      connect: (link) => this.#connect(link),
      liveStreams: () => this.#book.liveStreams(plan),
      listener: {
        onConnecting: (link, detail) => { if (!this.#isCarriedElsewhere(link)) this.#book.each(link.plan, (health) => { health.connecting(detail); }); },
        onDown: (link, end, retryMs) => { this.#onDown(link, end, retryMs); },
        onEnded: (connection, end, cut) => { this.#onEnded(connection, end, cut); },
        onUnreadable: (connection) => { this.#book.doubt(connection.plan.streams); },
        onData: (connection, routed, payload, recvNs) => { this.#onData(connection, routed, payload, recvNs); },
        onAcknowledged: (connection, streams) => { this.#onAcknowledged(connection, streams); },
        onRejected: (connection, stream, detail) => { this.#onRejected(connection, stream, detail); },
      },
    });
  }

  #linksOf(plan: Link["plan"]): readonly Link[] {
    return this.#links.filter((link) => link.plan === plan);
  }

  /** The other leg is open: this one's troubles are none of the streams'. */
  #isCarriedElsewhere(link: Link): boolean {
    return this.#linksOf(link.plan).some((other) => other !== link && other.isOpen);
  }

  #connect(link: Link): Connection {
    const { adapter, websocket, clock, timers, name } = this.#options;
    this.#connections += 1;
    return new Connection({
      name: `${name}.ws.${this.#connections}`, plan: link.plan, leg: link.leg, adapter, websocket, clock, timers, settings: this.#settings,
      outbox: this.#outbox, connects: this.#connects, listener: link, siblings: () => this.#linksOf(link.plan).flatMap(({ connections }) => connections),
    });
  }

  #onAcknowledged(connection: Connection, streams: readonly StreamRef[]): void {
    const detail = connection.plan.subscribe === undefined ? "subscribed by the address, no data yet" : "acknowledged, no data yet";
    for (const stream of streams) this.#book.health(stream)?.subscribed(this.#options.clock.monotonicMs(), detail);
  }

  #onData(connection: Connection, routed: Extract<Routed, { kind: "data" }>, payload: Uint8Array, recvNs: bigint): void {
    const nowMs = this.#options.clock.monotonicMs();
    const { stream, eventNs } = routed;
    this.#book.frame(stream, nowMs, recvNs, eventNs);
    const offset = this.#offset.offset;
    const venueMs = offset === undefined ? undefined : msFromNs(recvNs + offset.offsetNs);
    this.#book.data({ stream, payload, recvNs, nowMs, venueMs, leg: connection.leg, connection: connection.name });
  }

  #onPolled(stream: StreamRef, recvNs: bigint, eventNs: bigint, body: Uint8Array): void {
    this.#book.frame(stream, this.#options.clock.monotonicMs(), recvNs, eventNs);
    if (stream.channel !== METADATA_CHANNEL) return;
    this.#book.instruments(stream, body, recvNs);
    this.#instruments.read(stream, body);
  }

  #onPollFailed(stream: StreamRef, detail: string): void {
    if (stream.channel === METADATA_CHANNEL) this.#instruments.failed(detail);
    else this.#book.health(stream)?.down(detail);
  }

  #onRejected(connection: Connection, stream: StreamRef, detail: string): void {
    this.#book.health(stream)?.end("rejected", this.#withNewName(stream.symbol, detail));
    this.#stale(connection.name, stream, `rejected: ${detail}`);
  }

  #stale(connection: string, stream: StreamRef, cause: string): void {
    this.#outbox.control({ kind: "stale", venue: this.#options.adapter.venue, connection, stream_id: stream.streamId, cause });
  }

  #onEnded({ name }: Connection, end: ConnectionEnd, cut: readonly StreamRef[]): void {
    this.#lastEnd = end;
    this.#book.cut(cut, name);
    if (end.cause === "refused") this.#onRefusedConnection(end.code);
  }

  /** An HTTP status instead of a socket: a ban or a limit is of our address, whatever was asked for. */
  #onRefusedConnection(status: number): void {
    const { adapter } = this.#options;
    const problem = adapter.restProblem(status, {}, new Uint8Array());
    if (problem?.kind !== "banned" && problem?.kind !== "rate-limited") return;
    for (const budget of [this.#budget, this.#connects]) budget.stopFor(problem.kind, problem.retryAfterMs ?? adapter.budget.windowMs, `a connection was refused: ${problem.detail}`);
  }

  #onDown(link: Link, end: ConnectionEnd, retryMs: number): void {
    if (this.#isCarriedElsewhere(link)) return;
    this.#lastEnd = end;
    const detail = `${end.cause}${end.detail === "" ? "" : ` (${end.detail})`}, next attempt in ${(retryMs / 1_000).toFixed(1)} s`;
    this.#book.each(link.plan, (health) => { health.down(detail); });
  }

  #withNewName(symbol: string, detail: string): string {
    const renamed = this.#options.adapter.renamedTo(symbol);
    return renamed === undefined || detail.includes(renamed) ? detail : `${detail} (${symbol} was renamed: record ${renamed} instead)`;
  }

  #onDeadSymbol(symbol: string, detail: string): void {
    for (const health of this.#book.ofSymbol(symbol)) {
      // A symbol that still sends data is not dead, whatever REST says.
      if (health.hasEnded || health.isLive) continue;
      health.end("dead_symbol", this.#withNewName(symbol, detail));
      this.#stale(`${this.#options.name}.rest`, health.stream, "dead-symbol");
    }
  }

  #onUnknownSizes(symbol: string, detail: string): void {
    const { adapter } = this.#options;
    for (const health of this.#book.ofSymbol(symbol)) {
      if (adapter.kinds(health.stream.channel).some((kind) => kind === "trade" || kind === "bbo")) health.end("rejected", detail, true);
    }
  }

  #onBlocked(blocked: boolean): void {
    for (const link of this.#links) {
      if (blocked) link.pause();
      else link.resume();
    }
    if (blocked) return;
    // What waited in the sockets is older than now: a tick before it would seal bars too early.
    this.#skipTicks = 2;
    this.#book.excuse(this.#options.clock.monotonicMs());
  }

  #scheduleTick(): void {
    this.#cancelTick = this.#options.timers.after(this.#settings.tickMs, () => {
      this.#tick();
      if (this.#state === "running") this.#scheduleTick();
    });
  }

  #tick(): void {
    const nowMs = this.#options.clock.monotonicMs();
    this.#checkClock();
    if (this.#outbox.isBlocked || this.halted !== undefined) return;
    this.#watch?.check(nowMs);
    this.#legs?.check(nowMs);
    this.#takeInherited();
    for (const range of this.#book.gapsDue(nowMs)) this.#backfiller.addIds(range);
    for (const span of this.#book.spansDue(nowMs)) this.#backfiller.addSpan(span);
    const offset = this.#offset.offset;
    if (this.#skipTicks > 0) this.#skipTicks -= 1;
    // Without a measured offset a tick could seal a bar that is not over: none is written.
    else if (offset !== undefined) {
      this.#outbox.control({ kind: "tick", venue: this.#options.adapter.venue, offset_ns: offset.offsetNs, error_ns: offset.errorNs });
    }
  }

  #checkClock(): void {
    const jump = this.#jumps.check(this.#settings.tickMs);
    if (jump === undefined) return;
    this.#outbox.control({ kind: "host_slept", wall_jump_ms: jump.wallJumpMs, cause: jump.cause });
    this.#offset.invalidate();
    this.#book.cutAll();
    if (jump.cause === "clock-set-back") return;
    for (const link of this.#links) link.restart("host-slept", `${jump.cause}, ${jump.wallJumpMs} ms`);
  }

  status(): CollectorStatus {
    const nowMs = this.#options.clock.monotonicMs();
    const gapsOf = (streamId: string): { readonly open: number; readonly unresolved: number } => ({
      open: this.#backfiller.openCount(streamId), unresolved: this.#backfiller.unresolvedCount(streamId),
    });
    const streams = this.#book.status(nowMs, gapsOf);
    const source = sourceStatus({
      venue: this.#options.adapter.venue, state: this.#state, halted: this.halted, streams, budget: this.#budget, offset: this.#offset.offset,
      anyOpen: this.#links.some((link) => link.isOpen), lastEnd: this.#lastEnd, notice: this.#instruments.problem,
    });
    const health: CollectorHealth = {
      streams: this.#book.facts(gapsOf), weightUsed: this.#budget.used, weightLimit: this.#budget.limit, banLeftMs: this.#budget.block?.forMs,
      legs: this.#legs?.health ?? [], backfill: this.#backfiller.counts,
    };
    return { source, streams, health };
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  async #stopAll(): Promise<void> {
    const wasRunning = this.#state === "running";
    this.#state = "stopped";
    this.#cancelTick?.();
    this.#poller.stop();
    this.#offset.stop();
    this.#stop.stop();
    this.#budget.stop();
    if (!wasRunning) return;
    // The last commit of what came before the closes: a close may take a second.
    this.#outbox.flush();
    await Promise.all(this.#links.map((link) => link.stop()));
    await this.#backfiller.stopped();
    this.#book.each(undefined, (health) => { health.down("stopped"); });
    await this.#outbox.close();
  }
}
