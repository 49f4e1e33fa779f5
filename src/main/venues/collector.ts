// Records one venue: sockets, polls, clock ticks, gaps and their backfill, in one line of drafts to the recorder.
// All waiting goes through the injected clock and timers; `stop` ends everything.
import type { Clock, Fault, Random, Timers } from "../../shared/base.ts";
import type { StreamRef } from "../../shared/market.ts";
import type { SourceStatus, StreamStatus } from "../../shared/protocol/frames.ts";
import { msFromNs } from "../../shared/time.ts";
import type { HttpTransport, WebSocketTransport } from "../net/transport.ts";
import type { BackfillRange, ConnectionPlan, Endpoints, Routed, Subscription, VenueAdapter } from "./adapter.ts";
import { Backfiller, oldestFirst } from "./backfiller.ts";
import { ClockJumpDetector } from "./clock-jump.ts";
import { OffsetMeter } from "./clock-offset.ts";
import { COLLECTOR_DEFAULTS, type CollectorSettings } from "./collector-settings.ts";
import { Connection, type ConnectionEnd } from "./connection.ts";
import { Link } from "./link.ts";
import { Outbox, type CollectorSink } from "./outbox.ts";
import { Poller } from "./poller.ts";
import { BUDGET_SHARE, RateBudget } from "./rate-budget.ts";
import { sourceStatus } from "./source-status.ts";
import { StopSource } from "./stop-source.ts";
import { StreamBook } from "./stream-book.ts";

export interface ResumePoint {
  /** The highest id of the stream in the log. */
  readonly lastId: number;
  /** Its event time; without it, stream `trade` of Binance cannot be backfilled over the downtime. */
  readonly eventMs: number | undefined;
}

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
}

export interface CollectorStatus {
  readonly source: SourceStatus;
  readonly streams: readonly StreamStatus[];
}

export interface Collector {
  /** Throws `feed.no-endpoint` when an address is missing. */
  start(): void;
  /**
   * Asks the venue for ids that an earlier run left missing, oldest first, once a socket is open: what happens now comes
   * first. Ids that are being asked for already are not asked for twice; streams that are not recorded are left out.
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
  readonly #book: StreamBook;
  readonly #backfiller: Backfiller;
  readonly #poller: Poller;
  readonly #offset: OffsetMeter;
  readonly #jumps: ClockJumpDetector;
  readonly #stop = new StopSource();
  #links: readonly Link[] = [];
  #connections = 0;
  /** Ranges of earlier runs that wait for the first socket. */
  #inherited: BackfillRange[] = [];
  #cancelTick: (() => void) | undefined;
  #skipTicks = 0;
  readonly #staleRetries = new Map<Link, { readonly atMs: number; readonly waitMs: number }>();
  #lastEnd: ConnectionEnd | undefined;
  #state: "new" | "running" | "stopped" = "new";
  #stopping: Promise<void> | undefined;

  constructor(options: CollectorOptions) {
    const { adapter, clock, timers, random, http, sink } = options;
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
    this.#budget = new RateBudget({ ...adapter.budget, clock, timers });
    this.#book = new StreamBook({ adapter, settings, clock });
    const shared = {
      adapter, endpoints: this.#endpoints, connection: `${options.name}.rest`, http, clock, timers, random, settings,
      outbox: this.#outbox, budget: this.#budget, signal: this.#stop.signal,
    };
    this.#backfiller = new Backfiller(shared);
    this.#poller = new Poller({
      ...shared,
      listener: {
        onPolled: (stream, recvNs, eventNs) => { this.#book.frame(stream, clock.monotonicMs(), recvNs, eventNs); },
        onPollFailed: (stream, detail) => { this.#book.health(stream)?.down(detail); },
        onDeadSymbol: (symbol, detail) => { this.#onDeadSymbol(symbol, detail); },
      },
    });
    this.#offset = new OffsetMeter({ clock, timers, samples: settings.offsetSamples, everyMs: settings.offsetEveryMs, ask: () => this.#askServerTime() });
    this.#jumps = new ClockJumpDetector(clock, settings.clockJumpMs);
  }

  get halted(): Fault | undefined {
    return this.#outbox.halted;
  }

  start(): void {
    if (this.#state !== "new") return;
    const { adapter, subscriptions, resumeFrom } = this.#options;
    const plans = adapter.plan(subscriptions, this.#endpoints);
    const polls = adapter.polls(subscriptions);
    this.#state = "running";
    this.#book.open(plans, polls, resumeFrom ?? new Map());
    this.#links = plans.map((plan) => this.#linkFor(plan));
    for (const link of this.#links) link.start();
    this.#poller.start(polls);
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
    for (const range of this.#inherited.splice(0).sort(oldestFirst)) if (this.#book.isGapKeyed(range.stream)) this.#backfiller.add(range);
  }

  #linkFor(plan: ConnectionPlan): Link {
    const { clock, timers, random } = this.#options;
    return new Link({
      plan, clock, timers, random, settings: this.#settings,
      connect: (link) => this.#connect(link),
      liveStreams: () => this.#book.liveStreams(plan),
      listener: {
        onConnecting: (link, detail) => { this.#book.each(link.plan, (health) => { health.connecting(detail); }); },
        onDown: (link, end, retryMs) => { this.#onDown(link, end, retryMs); },
        onData: (connection, routed, payload, recvNs) => { this.#onData(connection, routed, payload, recvNs); },
        onAcknowledged: (connection, streams) => { this.#onAcknowledged(connection, streams); },
        onRejected: (connection, stream, detail) => { this.#onRejected(connection, stream, detail); },
      },
    });
  }

  #connect(link: Link): Connection {
    const { adapter, websocket, clock, timers, name } = this.#options;
    this.#connections += 1;
    return new Connection({
      name: `${name}.ws.${this.#connections}`, plan: link.plan, adapter, websocket, clock, timers, settings: this.#settings, outbox: this.#outbox, listener: link,
    });
  }

  #onAcknowledged(connection: Connection, streams: readonly StreamRef[]): void {
    const detail = connection.plan.subscribe === undefined ? "subscribed by the address, no data yet" : "acknowledged, no data yet";
    for (const stream of streams) this.#book.health(stream)?.subscribed(this.#options.clock.monotonicMs(), detail);
  }

  #onData(connection: Connection, routed: Extract<Routed, { kind: "data" }>, payload: Uint8Array, recvNs: bigint): void {
    const nowMs = this.#options.clock.monotonicMs();
    this.#book.frame(routed.stream, nowMs, recvNs, routed.eventNs);
    const offset = this.#offset.offset;
    const venueMs = offset === undefined ? undefined : msFromNs(recvNs + offset.offsetNs);
    this.#book.data(routed.stream, payload, recvNs, nowMs, venueMs);
  }

  #onRejected(connection: Connection, stream: StreamRef, detail: string): void {
    this.#book.health(stream)?.end("rejected", detail);
    this.#outbox.control({ kind: "stale", venue: this.#options.adapter.venue, connection: connection.name, stream_id: stream.streamId, cause: `rejected: ${detail}` });
  }

  #onDown(link: Link, end: ConnectionEnd, retryMs: number): void {
    this.#lastEnd = end;
    const detail = `${end.cause}${end.detail === "" ? "" : ` (${end.detail})`}, next attempt in ${(retryMs / 1_000).toFixed(1)} s`;
    this.#book.each(link.plan, (health) => { health.down(detail); });
  }

  #onDeadSymbol(symbol: string, detail: string): void {
    const { adapter, name } = this.#options;
    for (const health of this.#book.ofSymbol(symbol)) {
      // A symbol that still sends data is not dead, whatever REST says.
      if (health.hasEnded || health.isLive) continue;
      health.end("dead_symbol", detail);
      this.#outbox.control({ kind: "stale", venue: adapter.venue, connection: `${name}.rest`, stream_id: health.stream.streamId, cause: "dead-symbol" });
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

  async #askServerTime(): Promise<ReturnType<VenueAdapter["serverTime"]["read"]>> {
    const { adapter, http } = this.#options;
    const { request, read } = adapter.serverTime;
    const stopped = { ok: false, fault: { code: "net.cancelled", message: "stopped, or the venue wants no requests" } } as const;
    if (this.#budget.block !== undefined || !(await this.#budget.take(request.weight, BUDGET_SHARE.routine))) return stopped;
    const answer = await http.get(`${this.#endpoints[request.endpoint] ?? ""}${request.path}`, { timeoutMs: this.#settings.httpMs, signal: this.#stop.signal });
    if (!answer.ok) return answer;
    this.#budget.observe(answer.value.headers);
    const problem = adapter.restProblem(answer.value.status, answer.value.headers, answer.value.body);
    if (problem === undefined) return read(answer.value.body);
    if (problem.kind === "rate-limited" || problem.kind === "banned") this.#budget.stopFor(problem.kind, problem.retryAfterMs ?? adapter.budget.windowMs, problem.detail);
    return { ok: false, fault: { code: "feed.refused", message: problem.detail } };
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
    this.#checkStreams(nowMs);
    this.#checkConnections(nowMs);
    this.#takeInherited();
    for (const range of this.#book.gapsDue(nowMs)) this.#backfiller.add(range);
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
    if (jump.cause === "clock-set-back") return;
    for (const link of this.#links) link.restart("host-slept", `${jump.cause}, ${jump.wallJumpMs} ms`);
  }

  #checkStreams(nowMs: number): void {
    const { adapter, name } = this.#options;
    const say = (connection: string, streams: readonly StreamRef[]): void => {
      for (const { stream, cause } of this.#book.staleNow(streams, nowMs)) {
        this.#outbox.control({ kind: "stale", venue: adapter.venue, connection, stream_id: stream.streamId, cause });
      }
    };
    for (const link of this.#links) {
      say(link.connections[0]?.name ?? name, link.plan.streams);
      this.#retryStale(link, nowMs);
    }
    say(`${name}.rest`, this.#book.polled);
  }

  /** Some streams of a living connection are silent: a fresh connection may help, ever less often. */
  #retryStale(link: Link, nowMs: number): void {
    const { staleRetryMinMs, staleRetryMaxMs } = this.#settings;
    const since = this.#book.staleSince(link.plan);
    if (since === undefined) {
      this.#staleRetries.delete(link);
      return;
    }
    const retry = this.#staleRetries.get(link) ?? { atMs: since + staleRetryMinMs, waitMs: staleRetryMinMs };
    this.#staleRetries.set(link, retry);
    if (nowMs < retry.atMs) return;
    const waitMs = Math.min(staleRetryMaxMs, retry.waitMs * 2);
    this.#staleRetries.set(link, { atMs: nowMs + waitMs, waitMs });
    link.rotate();
  }

  /** Nothing at all for longer than the most talkative stream may be silent: the socket is half-open or the endpoint dead. */
  #checkConnections(nowMs: number): void {
    for (const link of this.#links) {
      for (const connection of link.connections) {
        const limits = connection.seen.size === 0 ? link.plan.firstFrameDeadlineMs : link.plan.silenceLimitMs;
        const limitMs = Math.min(...Object.values(limits));
        if (!connection.isOpen || nowMs - connection.lastFrameMs <= limitMs) continue;
        const cause = connection.seen.size === 0 ? "first-frame-deadline" : "silent";
        connection.close(cause, `no frame for ${Math.round(nowMs - connection.lastFrameMs)} ms`);
      }
    }
  }

  status(): CollectorStatus {
    const nowMs = this.#options.clock.monotonicMs();
    const streams = this.#book.status(nowMs, (streamId) => ({
      open: this.#backfiller.openCount(streamId), unresolved: this.#backfiller.unresolvedCount(streamId),
    }));
    const source = sourceStatus({
      venue: this.#options.adapter.venue, state: this.#state, halted: this.halted, streams, budget: this.#budget, offset: this.#offset.offset,
      anyOpen: this.#links.some((link) => link.isOpen), lastEnd: this.#lastEnd,
    });
    return { source, streams };
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
