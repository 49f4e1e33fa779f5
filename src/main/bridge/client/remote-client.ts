// One server as the app sees it: performs what the stream machines decide, over one link, with one cache and one clock.
import { type Fault, FaultError, unreachable } from "../../../shared/base.ts";
import { streamName, type History, type StreamKey } from "../model.ts";
import { candlesTopic, formingTopic } from "../wire/topics.ts";
import type { Answer, Request, StreamInfo } from "../wire/messages.ts";
import { CacheWriter } from "./cache-writer.ts";
import type { KnownStream } from "./progress.ts";
import { RemoteLink } from "./remote-link.ts";
import { refusalOf, RequestDesk } from "./request-desk.ts";
import type { StreamAnswer, StreamEffect, StreamEvent } from "./stream-events.ts";
import { StreamMachine } from "./stream.ts";
import type { RemoteClient, RemoteClientOptions, RemoteClientStatus, RemoteStreamStatus, RemoteTiming } from "./types.ts";

const DEFAULT_TIMING: RemoteTiming = {
  requestTimeoutMs: 3_000, backoffMs: 250, backoffMaxMs: 15_000, reportMs: 1_000, missedHeartbeats: 3, persistMs: 250, healthMs: 10_000, bufferEntriesMax: 5_000,
};

/** Heartbeats, reports and retries are looked at so often. */
const TICK_MS = 250;
/** Owner of what is asked about the server itself. */
const SERVER = "";

/** Nothing happens before `start`. The cache belongs to the caller, the transport to the client. */
export function createRemoteClient(options: RemoteClientOptions): RemoteClient {
  return new Client(options);
}

class Client implements RemoteClient {
  readonly #options: RemoteClientOptions;
  readonly #timing: RemoteTiming;
  readonly #writer: CacheWriter;
  readonly #desk: RequestDesk;
  readonly #link: RemoteLink;
  readonly #machines = new Map<string, StreamMachine>();
  /** What is to be watched as soon as the cache is read. */
  readonly #wanted = new Map<string, StreamKey>();
  /** Of streams that are not watched. */
  readonly #known = new Map<string, KnownStream>();
  /** Events wait while another's effects are performed: a machine is never entered twice. */
  readonly #events: (() => void)[] = [];
  #isHandling = false;
  #isStarted = false;
  #isReady = false;
  #closed: Promise<void> | undefined;
  #cancelTick: (() => void) | undefined;
  #reportedMs = 0;
  #healthMs = 0;
  #cacheFault: Fault | undefined;
  #serverVersion: string | undefined;
  #history: History | undefined;
  #offered: readonly StreamInfo[] = [];
  #malformed = 0;
  /** Changed since the last `onStatus`: what people read as a word; counters only. */
  #isWorded = false;
  #isCounted = false;

  constructor(options: RemoteClientOptions) {
    this.#options = options;
    this.#timing = { ...DEFAULT_TIMING, ...options.timing };
    const { clock, timers, transport, random, listener } = options;
    this.#writer = new CacheWriter({
      remote: options.remote, cache: options.cache, clock, timers, persistMs: this.#timing.persistMs,
      onProblem: (problem) => listener.onProblem(problem),
      onPressure: (key, paused) => this.#send(key, { type: "pressure", paused }),
      onState: () => this.#later(() => this.#word()),
    });
    this.#desk = new RequestDesk({
      clock, timers, timeoutMs: this.#timing.requestTimeoutMs,
      send: (correlationId, request) => transport.request(options.codec.encodeRequest(correlationId, request)),
      onSilent: (detail) => this.#later(() => this.#link.lose(detail)),
    });
    this.#link = new RemoteLink({
      transport, timers, random, range: this.#timing, connectTimeoutMs: 2 * this.#timing.requestTimeoutMs,
      onUp: () => this.#onUp(),
      onDown: (detail) => this.#onDown(detail),
    });
  }

  // ── What is asked of it ────────────────────────────────────────────────────

  async start(): Promise<void> {
    if (this.#isStarted) return;
    this.#isStarted = true;
    const { cache, remote, transport } = this.#options;
    try {
      for (const stream of await cache.streams(remote)) this.#known.set(streamName(stream.key), stream);
    } catch (error) {
      this.#cacheFault = faultOf(error);
      this.#problem({ code: "bridge.cache", message: `${remote}: the cache cannot be read (${this.#cacheFault.message}): everything is fetched again` });
    }
    if (this.#closed !== undefined) return;
    transport.listen({
      onLink: (state, detail) => this.#later(() => this.#link.heard(state, detail)),
      onPublished: (_topic, frame) => this.#later(() => this.#onPublished(frame)),
      onAnswer: (frame) => this.#later(() => this.#onAnswer(frame)),
    });
    this.#isReady = true;
    this.#later(() => {
      for (const key of this.#wanted.values()) this.#watchNow(key);
      this.#wanted.clear();
      this.#link.connect();
    });
    this.#planTick();
  }

  watch(key: StreamKey): void {
    if (this.#isReady) this.#later(() => this.#watchNow(key));
    else this.#wanted.set(streamName(key), key);
  }

  unwatch(key: StreamKey): void {
    const name = streamName(key);
    this.#wanted.delete(name);
    this.#later(() => {
      const machine = this.#machines.get(name);
      if (machine === undefined) return;
      this.#machines.delete(name);
      this.#word();
      this.#desk.forget(name);
      if (machine.known !== undefined) this.#known.set(name, machine.known);
      if (!this.#link.isUp) return;
      this.#options.transport.unsubscribe(candlesTopic(key));
      this.#options.transport.unsubscribe(formingTopic(key));
    });
  }

  resync(key: StreamKey, reason: string): void {
    this.#send(key, { type: "resync", reason });
  }

  get offered(): readonly StreamInfo[] {
    return this.#offered;
  }

  unwritten(key: StreamKey): ReturnType<CacheWriter["unwritten"]> {
    return this.#writer.unwritten(key);
  }

  continuesCache(key: StreamKey): boolean {
    return this.#writer.continuesCache(key);
  }

  known(key: StreamKey): KnownStream | undefined {
    const name = streamName(key);
    const machine = this.#machines.get(name);
    return machine === undefined ? this.#known.get(name) : machine.known;
  }

  close(): Promise<void> {
    this.#closed ??= this.#finish();
    return this.#closed;
  }

  async #finish(): Promise<void> {
    this.#cancelTick?.();
    this.#cancelTick = undefined;
    this.#link.close();
    this.#desk.shut();
    await this.#options.transport.close();
    await this.#writer.close();
  }

  // ── Events ─────────────────────────────────────────────────────────────────

  #later(event: () => void): void {
    if (this.#closed !== undefined) return;
    this.#events.push(event);
    if (this.#isHandling) return;
    this.#isHandling = true;
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) next();
    } finally {
      this.#isHandling = false;
      this.#events.length = 0;
    }
    this.#tellStatus(false);
  }

  /** To one machine, if it is (still) watched by then. */
  #send(key: StreamKey, event: StreamEvent): void {
    const name = streamName(key);
    this.#later(() => {
      const machine = this.#machines.get(name);
      if (machine !== undefined) this.#handle(machine, event);
    });
  }

  #handle(machine: StreamMachine, event: StreamEvent): void {
    const { phase } = machine;
    for (const effect of machine.handle(event, this.#options.clock.monotonicMs())) this.#perform(machine, effect);
    if (machine.phase !== phase) this.#word();
    this.#isCounted = true;
  }

  #perform(machine: StreamMachine, effect: StreamEffect): void {
    const { key } = machine;
    const { listener } = this.#options;
    switch (effect.type) {
      case "ask":
        this.#desk.forget(streamName(key));
        this.#desk.ask(streamName(key), effect.request, (answer) => this.#onStreamAnswer(key, answer));
        return;
      case "entries":
        this.#writer.entries(key, effect.history, effect.entries);
        listener.onEntries(key, effect.entries);
        return;
      case "forming":
        listener.onForming(key, effect.bar);
        return;
      case "hole":
        this.#writer.hole(key, effect.history, effect.hole);
        listener.onHole(key, effect.hole);
        return;
      case "reset":
        this.#writer.reset(key);
        listener.onReset(key, effect.reason);
        return;
      case "find_last_bar":
        void this.#findLastBar(key);
        return;
      case "listen_again":
        this.#options.transport.unsubscribe(candlesTopic(key));
        this.#options.transport.unsubscribe(formingTopic(key));
        this.#subscribe(key);
        return;
      case "problem":
        listener.onProblem(effect.problem);
        return;
      default:
        unreachable(effect);
    }
  }

  /** Never rejects. */
  async #findLastBar(key: StreamKey): Promise<void> {
    let openMs: number | undefined;
    try {
      openMs = (await this.#options.cache.window(this.#options.remote, key, { untilOpenMs: undefined, bars: 1 })).bars.at(-1)?.openMs;
    } catch (error) {
      this.#problem({ code: "bridge.cache", message: `${streamName(key)}: the cache cannot be read (${faultOf(error).message}): a hole will not say when it begins` });
    }
    this.#send(key, { type: "last_bar", openMs });
  }

  #watchNow(key: StreamKey): void {
    const name = streamName(key);
    if (this.#machines.has(name)) return;
    const { missedHeartbeats, bufferEntriesMax } = this.#timing;
    const machine = new StreamMachine(key, this.#known.get(name), { missedHeartbeats, bufferEntriesMax });
    this.#machines.set(name, machine);
    this.#word();
    if (this.#link.isUp) {
      this.#subscribe(key);
      this.#handle(machine, { type: "link_up" });
    } else if (this.#link.state !== "connecting") {
      this.#handle(machine, { type: "link_lost", detail: this.#link.detail });
    }
  }

  #subscribe(key: StreamKey): void {
    this.#options.transport.subscribe(candlesTopic(key));
    this.#options.transport.subscribe(formingTopic(key));
  }

  // ── Link ───────────────────────────────────────────────────────────────────

  #onUp(): void {
    this.#desk.open();
    this.#word();
    // Listening before asking: between the answer and the first frame nothing may fall through.
    for (const { key } of this.#machines.values()) this.#subscribe(key);
    for (const machine of this.#machines.values()) this.#handle(machine, { type: "link_up" });
    this.#askServer();
  }

  #onDown(detail: string): void {
    this.#desk.shut();
    this.#word();
    for (const machine of this.#machines.values()) this.#handle(machine, { type: "link_lost", detail });
  }

  #askServer(): void {
    this.#healthMs = this.#options.clock.monotonicMs();
    if (this.#desk.isAsking(SERVER)) return;
    this.#desk.ask(SERVER, { type: "health" }, (answer) => {
      if (answer.type !== "health") return;
      this.#serverVersion = answer.serverVersion;
      this.#word();
      this.#history = answer.history ?? this.#history;
    });
    this.#desk.ask(SERVER, { type: "list_streams" }, (answer) => {
      if (answer.type !== "streams" || answer.refusal !== undefined) return;
      this.#offered = answer.streams;
      this.#word();
      this.#history = answer.history ?? this.#history;
    });
  }

  #onAnswer(frame: Uint8Array): void {
    const { codec } = this.#options;
    const decoded = codec.decodeAnswer(frame);
    if (!decoded.ok) {
      this.#countMalformed();
      // A whole answer in another schema version, to something that was asked: the server speaks otherwise.
      const correlationId = decoded.fault.code === "wire.version" ? codec.correlationIdOf(frame) : undefined;
      if (correlationId !== undefined && this.#desk.awaits(correlationId)) this.#link.refuse(decoded.fault.message);
      return;
    }
    const { correlationId, message } = decoded.value;
    if (message.type === "resync_notice") {
      this.#send(message.key, { type: "notice", notice: message });
      return;
    }
    if (!this.#desk.awaits(correlationId)) return;
    this.#link.proven();
    const refusal = refusalOf(message);
    if (refusal?.code === "VERSION_UNSUPPORTED") {
      this.#link.refuse(`the server refuses this client's schema version: ${refusal.detail}`);
      return;
    }
    this.#desk.answered(correlationId, message);
  }

  #onStreamAnswer(key: StreamKey, answer: Answer): void {
    if (isStreamAnswer(answer)) {
      if (answer.type === "subscribe_ack") this.#history = answer.history ?? this.#history;
      this.#send(key, { type: "answer", answer });
      return;
    }
    const detail = `the server answered with ${answer.type}`;
    this.#send(key, { type: "answer", answer: { type: "refusal", refusal: { code: "INTERNAL", detail, retryAfterMs: 0, supportedVersion: 0 } } });
  }

  #onPublished(frame: Uint8Array): void {
    const decoded = this.#options.codec.decodePublication(frame);
    if (!decoded.ok) {
      this.#countMalformed();
      return;
    }
    const publication = decoded.value;
    const machine = this.#machines.get(streamName(publication.key));
    if (machine === undefined) return;
    const lagNs = this.#options.clock.wallNs() - publication.publishedNs;
    this.#handle(machine, { type: "published", publication, lagMs: Number(lagNs / 1_000n) / 1_000 });
  }

  #countMalformed(): void {
    this.#malformed += 1;
    this.#isCounted = true;
  }

  #problem(problem: Fault): void {
    this.#options.listener.onProblem(problem);
  }

  // ── Time ───────────────────────────────────────────────────────────────────

  #planTick(): void {
    this.#cancelTick = this.#options.timers.after(TICK_MS, () => {
      this.#later(() => this.#tick());
      this.#tellStatus(true);
      if (this.#closed === undefined) this.#planTick();
    });
  }

  #tick(): void {
    const nowMs = this.#options.clock.monotonicMs();
    const confirmed = [...this.#machines.values()].filter((machine) => machine.isConfirmed);
    if (this.#link.isUp && confirmed.length > 0 && confirmed.every((machine) => machine.isSilent(nowMs))) {
      this.#link.lose("nothing heard, not even heartbeats: the connection is thought dead");
      return;
    }
    for (const machine of this.#machines.values()) this.#handle(machine, { type: "tick" });
    if (!this.#link.isUp) return;
    if (nowMs - this.#healthMs >= this.#timing.healthMs) this.#askServer();
    if (nowMs - this.#reportedMs >= this.#timing.reportMs) this.#report(confirmed, nowMs);
  }

  /** One frame for all streams of the history that is served. */
  #report(confirmed: readonly StreamMachine[], nowMs: number): void {
    const historyId = this.#history?.historyId;
    const applied = confirmed.filter(({ history }) => history?.historyId === historyId).map(({ key, appliedSequence }) => ({ key, sequence: appliedSequence }));
    if (historyId === undefined || applied.length === 0) return;
    const request: Request = { type: "report_applied", historyId, applied };
    if (this.#desk.tell(request)) this.#reportedMs = nowMs;
  }

  // ── Status ─────────────────────────────────────────────────────────────────

  get status(): RemoteClientStatus {
    return {
      link: this.#link.state, detail: this.#detail, serverVersion: this.#serverVersion, history: this.#history, mode: this.#history?.mode,
      attempts: this.#link.attempts, malformed: this.#malformed, streams: [...this.#machines.values()].map((machine) => this.#streamStatus(machine)),
    };
  }

  get #detail(): string {
    const parts = [this.#link.detail];
    if (this.#link.isUp && this.#desk.isBusy) parts.push("the server is busy: asking again when it says so");
    if (this.#cacheFault !== undefined) parts.push(`the cache could not be read (${this.#cacheFault.message})`);
    return parts.filter((part) => part !== "").join("; ");
  }

  #streamStatus(machine: StreamMachine): RemoteStreamStatus {
    const { status } = machine;
    const trouble = this.#writer.trouble(machine.key);
    return trouble === undefined ? status : { ...status, detail: status.detail === "" ? trouble : `${status.detail}; ${trouble}` };
  }

  /** At once when something changed that people read as a word; counters come with the tick. */
  #tellStatus(isTick: boolean): void {
    if (this.#closed !== undefined || !this.#isReady) return;
    if (!this.#isWorded && !(isTick && this.#isCounted)) return;
    this.#isWorded = false;
    this.#isCounted = false;
    this.#options.listener.onStatus();
  }

  #word(): void {
    this.#isWorded = true;
  }
}

function isStreamAnswer(answer: Answer): answer is StreamAnswer {
  return answer.type === "subscribe_ack" || answer.type === "backfill_response" || answer.type === "refusal";
}

function faultOf(error: unknown): Fault {
  if (error instanceof FaultError) return error.fault;
  return { code: "cache.failed", message: error instanceof Error ? error.message : String(error) };
}
