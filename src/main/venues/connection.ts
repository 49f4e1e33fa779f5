// One socket to a venue, from connecting to its end: subscribes, records every frame before looking at it, matches answers.
import { assert, type Clock, type Timers } from "../../shared/base.ts";
import { type StreamRef, streamRef } from "../../shared/market.ts";
import type { Socket, SocketCause, SocketClose, WebSocketTransport } from "../net/transport.ts";
import type { ConnectionPlan, Routed, VenueAdapter } from "./adapter.ts";
import type { CollectorSettings } from "./collector-settings.ts";
import type { Outbox } from "./outbox.ts";

/** Why we end a connection ourselves. */
export type LocalCause = "rotated" | "stopped" | "silent" | "first-frame-deadline" | "host-slept" | "back-pressure" | "open-timeout" | "rotation-failed" | "nothing-accepted";
export interface ConnectionEnd {
  readonly code: number;
  readonly cause: LocalCause | Exclude<SocketCause, "local">;
  readonly detail: string;
}

export interface ConnectionListener {
  onOpen(connection: Connection): void;
  /** A data frame, already on its way to the log. */
  onData(connection: Connection, routed: Extract<Routed, { kind: "data" }>, payload: Uint8Array, recvNs: bigint): void;
  onAcknowledged(connection: Connection, streams: readonly StreamRef[]): void;
  onRejected(connection: Connection, stream: StreamRef, detail: string): void;
  /** The venue is about to close it. */
  onRotate(connection: Connection, detail: string): void;
  onEnd(connection: Connection, end: ConnectionEnd): void;
}

export interface ConnectionOptions {
  readonly name: string;
  readonly plan: ConnectionPlan;
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
  readonly #options: ConnectionOptions;
  readonly #socket: Socket;
  /** Streams that have brought data over this socket. */
  readonly seen = new Set<string>();
  /** Requests without an answer yet, by id. */
  readonly #asked = new Map<string, readonly StreamRef[]>();
  readonly #cancels = new Set<() => void>();
  #toAsk: (readonly StreamRef[])[] = [];
  #nextId = 1;
  #state: "connecting" | "open" | "ended" = "connecting";
  #openedMs = 0;
  #lastFrameMs = 0;
  #accepted: number;
  #localEnd: { readonly cause: LocalCause; readonly detail: string } | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.name = options.name;
    this.plan = options.plan;
    this.#accepted = options.plan.streams.length;
    this.#socket = options.websocket.connect(options.plan.url, {
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
    if (options.outbox.isBlocked) this.#socket.pause();
    this.#later(options.settings.openMs, () => {
      if (this.#state === "connecting") this.close("open-timeout", `not open after ${options.settings.openMs} ms`);
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

  close(cause: LocalCause, detail: string): void {
    if (this.#state === "ended" || this.#localEnd !== undefined) return;
    this.#localEnd = { cause, detail };
    this.#socket.close();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#lastFrameMs = this.#options.clock.monotonicMs();
    this.#socket.resume();
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
      listener.onAcknowledged(this, streams);
      return;
    }
    for (let from = 0; from < streams.length; from += subscribe.streamsPerRequest) this.#toAsk.push(streams.slice(from, from + subscribe.streamsPerRequest));
    this.#askNext();
  }

  #keepAlive(everyMs: number, text: string): void {
    this.#later(everyMs, () => {
      this.#socket.send(text);
      this.#keepAlive(everyMs, text);
    });
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
    this.#socket.send(adapter.subscribeText(streams, id));
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
      this.seen.add(routed.stream.streamId);
      listener.onData(this, routed, payload, recvNs);
    } else if (routed.kind === "acknowledgement") {
      this.#answered(routed);
    } else if (routed.kind === "rotate") {
      listener.onRotate(this, routed.detail);
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
      listener.onAcknowledged(this, asked);
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
    this.#state = "ended";
    for (const cancel of this.#cancels) cancel();
    this.#cancels.clear();
    const cause = this.#localEnd?.cause ?? (close.cause === "local" ? "lost" : close.cause);
    const end: ConnectionEnd = { code: close.code, cause, detail: (this.#localEnd?.detail ?? close.detail).slice(0, 400) };
    if (wasOpen) {
      outbox.control({
        kind: "disconnect", venue: adapter.venue, connection: this.name, code: close.code, cause, detail: end.detail, streams: this.#streamIds(),
      });
    }
    listener.onEnd(this, end);
  }
}
