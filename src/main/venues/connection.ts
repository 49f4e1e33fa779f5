// One socket to a venue, from connecting to its end: subscribes, records every frame before looking at it, matches answers.
import { assert, type Clock, type Timers } from "../../shared/base.ts";
import { type StreamRef, streamRef } from "../../shared/market.ts";
import type { Socket, SocketCause, SocketClose, WebSocketTransport } from "../net/transport.ts";
import type { ConnectionPlan, Routed, VenueAdapter } from "./adapter.ts";
import type { CollectorSettings } from "./collector-settings.ts";
import type { Outbox } from "./outbox.ts";
import { parseFrame } from "./parsed-frame.ts";
import { BUDGET_SHARE, type RateBudget } from "./rate-budget.ts";
import type { LegIndex } from "./trade-ledger.ts";

/** Why we end a connection ourselves. */
export type LocalCause = "rotated" | "stopped" | "silent" | "first-frame-deadline" | "host-slept" | "back-pressure" | "no-pong" | "open-timeout" | "rotation-failed" | "nothing-accepted";
export interface ConnectionEnd {
  readonly code: number;
  readonly cause: LocalCause | Exclude<SocketCause, "local">;
  readonly detail: string;
}

/** What candles refuse to look into, whoever sent it. */
const READABLE_BYTES_MAX = 10 * 1024 * 1024;

export interface ConnectionListener {
  onOpen(connection: Connection): void;
  /** A data frame, already on its way to the log. */
  onData(connection: Connection, routed: Extract<Routed, { kind: "data" }>, payload: Uint8Array, recvNs: bigint): void;
  /** Bytes that are no message at all, already on their way to the log: they may have been any stream's. */
  onUnreadable(connection: Connection): void;
  onAcknowledged(connection: Connection, streams: readonly StreamRef[]): void;
  onRejected(connection: Connection, stream: StreamRef, detail: string): void;
  /** The venue is about to close it. */
  onRotate(connection: Connection, detail: string): void;
  /** `cut`: streams that no other connection carried across. */
  onEnd(connection: Connection, end: ConnectionEnd, cut: readonly StreamRef[]): void;
}

export interface ConnectionOptions {
  readonly name: string;
  readonly plan: ConnectionPlan;
  readonly leg: LegIndex;
  /** Connections of the same plan that exist now, on either leg, this one among them or not. */
  readonly siblings: () => readonly Connection[];
  /** Attempts to connect, of everybody behind our address. */
  readonly connects: RateBudget;
  readonly adapter: VenueAdapter;
  readonly websocket: WebSocketTransport;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly settings: CollectorSettings;
  readonly outbox: Outbox;
  readonly listener: ConnectionListener;
}

export class Connection {
  readonly name: string;
  readonly plan: ConnectionPlan;
  readonly leg: LegIndex;
  readonly #options: ConnectionOptions;
  #socket: Socket | undefined;
  /** Streams that have brought data over this socket, with the monotonic time of the last of it. */
  readonly seen = new Map<string, number>();
  /** Since when (monotonic) each stream is carried: subscribed by the venue's word, or by its data. */
  readonly #carriedSince = new Map<string, number>();
  /** Requests without an answer yet, by id. */
  readonly #asked = new Map<string, readonly StreamRef[]>();
  readonly #cancels = new Set<() => void>();
  #toAsk: (readonly StreamRef[])[] = [];
  #nextId = 1;
  #state: "connecting" | "open" | "ended" = "connecting";
  #openedMs = 0;
  #lastFrameMs = 0;
  #messages = 0;
  #isPaused: boolean;
  #accepted: number;
  #localEnd: { readonly cause: LocalCause; readonly detail: string } | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.name = options.name;
    this.plan = options.plan;
    this.leg = options.leg;
    this.#accepted = options.plan.streams.length;
    this.#isPaused = options.outbox.isBlocked;
    this.#connect();
  }

  /** As soon as the venue's limit on attempts allows. */
  #connect(): void {
    const { connects, websocket, settings } = this.#options;
    const waitMs = connects.tryTake(1, BUDGET_SHARE.all);
    if (waitMs > 0) {
      this.#later(waitMs, () => { this.#connect(); });
      return;
    }
    this.#socket = websocket.connect(this.plan.url, {
      opened: () => {
        this.#opened();
      },
      message: (bytes) => {
        this.#frame(bytes);
      },
      closed: (close) => {
        this.#closed(close);
      },
    });
    if (this.#isPaused) this.#socket.pause();
    this.#later(settings.openMs, () => {
      if (this.#state === "connecting") this.close("open-timeout", `not open after ${settings.openMs} ms`);
    });
  }

  get isOpen(): boolean {
    return this.#state === "open" && this.#localEnd === undefined;
  }
  get openedMs(): number {
    return this.#openedMs;
  }
  /** Monotonic time of the last frame of any kind, or of opening. */
  get lastFrameMs(): number {
    return this.#lastFrameMs;
  }
  /** Data frames. */
  get messages(): number {
    return this.#messages;
  }
  /** Monotonic; undefined: not carried (yet). */
  carriedSince(stream: StreamRef): number | undefined {
    return this.isOpen ? this.#carriedSince.get(stream.streamId) : undefined;
  }

  close(cause: LocalCause, detail: string): void {
    if (this.#state === "ended" || this.#localEnd !== undefined) return;
    this.#localEnd = { cause, detail };
    if (this.#socket !== undefined) this.#socket.close();
    // Still waiting for leave to connect: nothing to close, and told as late as any close.
    else this.#later(0, () => { this.#closed({ code: 1000, cause: "local", detail: "" }); });
  }

  pause(): void {
    this.#isPaused = true;
    this.#socket?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#lastFrameMs = this.#options.clock.monotonicMs();
    this.#socket?.resume();
  }

  #later(ms: number, run: () => void): void {
    const cancel = this.#options.timers.after(ms, () => {
      this.#cancels.delete(cancel);
      run();
    });
    this.#cancels.add(cancel);
  }

  #streamIds(streams: readonly StreamRef[] = this.plan.streams): string[] {
    return streams.map((stream) => stream.streamId);
  }

  #opened(): void {
    if (this.#state !== "connecting") return;
    const { outbox, adapter, clock, listener } = this.#options;
    this.#state = "open";
    this.#openedMs = clock.monotonicMs();
    this.#lastFrameMs = this.#openedMs;
    outbox.control({ kind: "connect", venue: adapter.venue, connection: this.name, url: this.plan.url, streams: this.#streamIds() });
    listener.onOpen(this);
    const { subscribe, streams, keepAlive } = this.plan;
    if (keepAlive !== undefined) this.#keepAlive(keepAlive.everyMs, keepAlive.text);
    if (subscribe === undefined) {
      // The address itself subscribes; the venue sends no answer to that.
      outbox.control({ kind: "subscribe", venue: adapter.venue, connection: this.name, streams: this.#streamIds() });
      this.#acknowledged(streams);
      return;
    }
    for (let from = 0; from < streams.length; from += subscribe.streamsPerRequest) this.#toAsk.push(streams.slice(from, from + subscribe.streamsPerRequest));
    this.#askNext();
  }

  #keepAlive(everyMs: number, text: string): void {
    const { clock, settings } = this.#options;
    this.#later(everyMs, () => {
      this.#socket?.send(text);
      const sentMs = clock.monotonicMs();
      this.#later(settings.pongMs, () => {
        if (!this.#isPaused && this.#lastFrameMs < sentMs) this.close("no-pong", `no frame within ${settings.pongMs} ms of a ping`);
      });
      this.#keepAlive(everyMs, text);
    });
  }

  #acknowledged(streams: readonly StreamRef[]): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const { streamId } of streams) if (!this.#carriedSince.has(streamId)) this.#carriedSince.set(streamId, nowMs);
    this.#options.listener.onAcknowledged(this, streams);
  }

  /** Streams of ours that nobody carried from before our last frame on: trades may be missing in them. */
  #cut(): readonly StreamRef[] {
    const others = this.#options.siblings().filter((other) => other !== this);
    return this.plan.streams.filter((stream) => this.#carriedSince.has(stream.streamId)
      && !others.some((other) => (other.carriedSince(stream) ?? Number.POSITIVE_INFINITY) <= this.#lastFrameMs));
  }

  /** One request at a time, at the venue's pace. */
  #askNext(): void {
    const streams = this.#toAsk.shift();
    if (streams === undefined || !this.isOpen) return;
    const { outbox, adapter } = this.#options;
    const id = this.#nextId;
    this.#nextId += 1;
    this.#asked.set(String(id), streams);
    outbox.control({ kind: "subscribe", venue: adapter.venue, connection: this.name, streams: this.#streamIds(streams) });
    this.#socket?.send(adapter.subscribeText(streams, id));
    this.#later(this.plan.subscribe?.everyMs ?? 0, () => {
      this.#askNext();
    });
  }

  #frame(payload: Uint8Array): void {
    if (this.#state !== "open") return;
    const { adapter, clock, outbox, listener } = this.#options;
    const recvNs = clock.wallNs();
    this.#lastFrameMs = clock.monotonicMs();
    const routed = adapter.route(payload);
    const isData = routed.kind === "data";
    outbox.push({
      stream: isData ? routed.stream : streamRef(adapter.venue, "_", "unclassified"), source: "ws", connection: this.name, recvNs,
      eventNs: isData ? routed.eventNs : 0n, payload,
    });
    if (isData) {
      this.#messages += 1;
      const { streamId } = routed.stream;
      this.seen.set(streamId, this.#lastFrameMs);
      if (!this.#carriedSince.has(streamId)) this.#carriedSince.set(streamId, this.#lastFrameMs);
      listener.onData(this, routed, payload, recvNs);
    } else if (routed.kind === "acknowledgement") {
      this.#answered(routed);
    } else if (routed.kind === "rotate") {
      listener.onRotate(this, routed.detail);
    } else if (routed.kind === "unknown" && (payload.length > READABLE_BYTES_MAX || parseFrame(payload) === undefined)) {
      listener.onUnreadable(this);
    }
  }

  #answered(answer: Extract<Routed, { kind: "acknowledgement" }>): void {
    const { adapter, outbox, listener } = this.#options;
    const streams = this.#asked.get(answer.id);
    // An answer without id (errors anywhere; OKX where it does not echo ids) can only be about the oldest request that waits.
    const [oldest] = this.#asked.keys();
    const id = streams === undefined && answer.id === "" ? oldest : answer.id;
    const asked = id === undefined ? undefined : this.#asked.get(id);
    if (id === undefined || asked === undefined) return;
    this.#asked.delete(id);
    outbox.control({
      kind: "acknowledge", venue: adapter.venue, connection: this.name, ok: answer.ok, streams: this.#streamIds(asked), detail: answer.detail,
    });
    if (answer.ok) {
      this.#acknowledged(asked);
    } else if (asked.length > 1) {
      // One bad topic failed its group: ask for each alone, so that only the bad one stays out.
      const wasIdle = this.#toAsk.length === 0;
      this.#toAsk.push(...asked.map((stream) => [stream]));
      if (wasIdle) this.#later(this.plan.subscribe?.everyMs ?? 0, () => { this.#askNext(); });
    } else {
      const [stream] = asked;
      assert(stream !== undefined, "a request names a stream");
      this.#accepted -= 1;
      listener.onRejected(this, stream, answer.detail);
      if (this.#accepted === 0) this.close("nothing-accepted", `the venue rejected every stream: ${answer.detail}`);
    }
  }

  #closed(close: SocketClose): void {
    if (this.#state === "ended") return;
    const { outbox, adapter, listener } = this.#options;
    const wasOpen = this.#state === "open";
    const cut = wasOpen ? this.#cut() : [];
    this.#state = "ended";
    for (const cancel of this.#cancels) cancel();
    this.#cancels.clear();
    const cause = this.#localEnd?.cause ?? (close.cause === "local" ? "lost" : close.cause);
    const said = (this.#localEnd?.detail ?? close.detail).slice(0, 400);
    // Whether anything can be missing, for whoever reads the log: another leg, or the successor of a rotation, may have gone on.
    const isCarriedOn = wasOpen && cut.length === 0 && this.#carriedSince.size > 0;
    const end: ConnectionEnd = { code: close.code, cause, detail: isCarriedOn ? `${said}${said === "" ? "" : "; "}all its streams were carried on` : said };
    if (wasOpen) {
      outbox.control({
        kind: "disconnect", venue: adapter.venue, connection: this.name, code: close.code, cause, detail: end.detail, streams: this.#streamIds(),
      });
    }
    listener.onEnd(this, end, cut);
  }
}
