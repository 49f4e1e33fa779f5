// The simulated venue behind the collectors' own transport interfaces, without sockets: delay, jitter, order, broken and
// silent lines, all on the injected timers, so that a whole session runs in virtual time from one seed.
import { failed, type Clock, type Random, type Result, type Timers } from "../../shared/base.ts";
import {
  TRANSPORT_MESSAGE_BYTES_MAX, type HttpOptions, type HttpResponse, type HttpTransport, type Socket, type SocketClose, type SocketHandlers,
  type WebSocketTransport,
} from "../net/transport.ts";
import type { WireSession } from "./session.ts";
import type { SimulatedVenue } from "./venue.ts";

export interface MemoryNetworkOptions {
  readonly venue: SimulatedVenue;
  /** Further venues behind the same line, reached by their own paths. */
  readonly others?: readonly SimulatedVenue[];
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  /** One-way delay and the most that is added to it, ms. Default 5 and 10. */
  readonly latencyMs?: number;
  readonly jitterMs?: number;
  /** How often the market moves on, ms. Default 10. */
  readonly tickMs?: number;
}

const UNREAD_BYTES_MAX = 16 * 1_048_576;
const HOST = "sim.invalid";
const CONNECT_TIMEOUT_MS = 10_000;
const encoder = new TextEncoder();

function pathOf(url: string): string {
  const parsed = new URL(url);
  return parsed.pathname + parsed.search;
}

/** Owns the venues' time: between `start` and `stop` the market moves with the injected clock. */
export class MemoryNetwork {
  readonly webSocket: WebSocketTransport;
  readonly http: HttpTransport;
  /** Addresses under which the venue answers (any host does), as its adapter takes them. */
  readonly endpoints: Readonly<Record<string, string>>;
  /** The line is cut: nothing gets through in either direction, and nobody is told. */
  cut = false;
  readonly #options: MemoryNetworkOptions;
  readonly #originMs: number;
  #cancelTick: () => void = () => undefined;
  #running = false;

  constructor(options: MemoryNetworkOptions) {
    this.#options = options;
    this.endpoints = options.venue.dialect.endpoints(HOST);
    // The exchange's clock runs with monotonic time: a step of the host's wall clock is none of the exchange's.
    this.#originMs = options.venue.nowMs - options.clock.monotonicMs();
    this.webSocket = { connect: (url, handlers) => this.#connect(url, handlers) };
    this.http = { get: (url, httpOptions) => this.#get(url, httpOptions) };
  }

  get venue(): SimulatedVenue {
    return this.#options.venue;
  }

  get venues(): readonly SimulatedVenue[] {
    return [this.#options.venue, ...(this.#options.others ?? [])];
  }

  endpointsOf(venue: SimulatedVenue): Readonly<Record<string, string>> {
    return venue.dialect.endpoints(HOST);
  }

  /** Whose path it is; the first venue's, which then refuses it, when it is nobody's. */
  venueAt(path: string): SimulatedVenue {
    return this.venues.find((venue) => venue.dialect.owns(path)) ?? this.venue;
  }

  /** Exchange time now, epoch ms, without skew. */
  exchangeMs(): number {
    return this.#originMs + this.#options.clock.monotonicMs();
  }

  start(): void {
    this.#running = true;
    const tick = (): void => {
      if (!this.#running) return;
      for (const venue of this.venues) venue.advance(this.exchangeMs());
      this.#cancelTick = this.#options.timers.after(this.#options.tickMs ?? 10, tick);
    };
    tick();
  }

  stop(): void {
    this.#running = false;
    this.#cancelTick();
  }

  delayMs(): number {
    return (this.#options.latencyMs ?? 5) + this.#options.random.next() * (this.#options.jitterMs ?? 10);
  }

  #connect(url: string, handlers: SocketHandlers): Socket {
    const socket = new MemorySocket({ network: this, clock: this.#options.clock, timers: this.#options.timers, handlers });
    if (this.cut) {
      socket.closeAfter(CONNECT_TIMEOUT_MS, { code: 1006, cause: "unreachable", detail: "no answer in time" });
      return socket;
    }
    this.#options.timers.after(this.delayMs(), () => {
      if (!socket.waiting) return;
      const venue = this.venueAt(pathOf(url));
      const opened = venue.connect(pathOf(url), socket.outlet);
      if ("refusedStatus" in opened) socket.closeAfter(this.delayMs(), { code: opened.refusedStatus, cause: "refused", detail: `HTTP ${opened.refusedStatus}` });
      else socket.opened(opened, venue);
    });
    return socket;
  }

  #get(url: string, options: HttpOptions): Promise<Result<HttpResponse>> {
    const { timers } = this.#options;
    return new Promise((resolve) => {
      let settled = false;
      const finish = (result: Result<HttpResponse>): void => {
        if (settled) return;
        settled = true;
        cancelTimeout();
        options.signal?.removeEventListener("abort", cancelled);
        resolve(result);
      };
      const cancelled = (): void => finish(failed("net.cancelled", `GET ${url} was cancelled`));
      const cancelTimeout = timers.after(options.timeoutMs, () => finish(failed("net.timeout", `GET ${url}: no answer within ${options.timeoutMs} ms`)));
      if (options.signal?.aborted === true) {
        cancelled();
        return;
      }
      options.signal?.addEventListener("abort", cancelled);
      timers.after(this.delayMs(), () => {
        if (this.cut || settled) return;
        const answer = this.venueAt(pathOf(url)).request(pathOf(url), {});
        if (answer === "hang") return;
        timers.after(this.delayMs(), () => {
          if (!this.cut) finish({ ok: true, value: { status: answer.status, headers: answer.headers, body: encoder.encode(answer.body) } });
        });
      });
    });
  }
}

type InFlight = { readonly atMs: number } & ({ readonly kind: "opened" } | { readonly kind: "message"; readonly bytes: Uint8Array } | { readonly kind: "closed"; readonly close: SocketClose });

/** One virtual connection: what is in flight arrives in the order in which it was sent. */
class MemorySocket implements Socket {
  readonly outlet: { send(text: string): void; close(code: number, reason: string): void; drop(): void };
  readonly #network: MemoryNetwork;
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #handlers: SocketHandlers;
  #session: WireSession | undefined;
  #venue: SimulatedVenue | undefined;
  #inFlight: InFlight[] = [];
  #unreadBytes = 0;
  #lastAtMs = 0;
  #scheduled = false;
  #paused = false;
  #state: "connecting" | "open" | "closing" | "closed" = "connecting";

  constructor(options: { readonly network: MemoryNetwork; readonly clock: Clock; readonly timers: Timers; readonly handlers: SocketHandlers }) {
    this.#network = options.network;
    this.#clock = options.clock;
    this.#timers = options.timers;
    this.#handlers = options.handlers;
    this.outlet = {
      send: (text) => this.#sent(encoder.encode(text)),
      close: (code, reason) => this.#enqueue({ kind: "closed", close: { code, cause: "closed", detail: reason } }),
      drop: () => {
        // A broken connection takes what was in flight with it.
        this.#inFlight = [];
        this.#enqueue({ kind: "closed", close: { code: 1006, cause: "lost", detail: "connection reset" } });
      },
    };
  }

  get waiting(): boolean {
    return this.#state === "connecting";
  }

  opened(session: WireSession, venue: SimulatedVenue): void {
    this.#session = session;
    this.#venue = venue;
    // Data may be under way already; `opened` must come before it.
    this.#inFlight.unshift({ kind: "opened", atMs: this.#clock.monotonicMs() + this.#network.delayMs() });
    this.#schedule();
  }

  closeAfter(delayMs: number, close: SocketClose): void {
    this.#timers.after(delayMs, () => this.#finish(close));
  }

  send(text: string): void {
    if (this.#state !== "open") return;
    this.#timers.after(this.#network.delayMs(), () => {
      if (!this.#network.cut) this.#session?.receive(text, this.#network.exchangeMs());
    });
  }

  close(): void {
    if (this.#state === "closing" || this.#state === "closed") return;
    this.#state = "closing";
    this.#inFlight = [];
    this.#timers.after(1, () => this.#finish({ code: 1000, cause: "local", detail: "closed by us" }));
    this.#timers.after(this.#network.delayMs(), () => this.#session?.left());
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#schedule();
  }

  #sent(bytes: Uint8Array): void {
    if (this.#network.cut) return;
    if (bytes.length > TRANSPORT_MESSAGE_BYTES_MAX) {
      this.#enqueue({ kind: "closed", close: { code: 1009, cause: "protocol", detail: `a message of ${bytes.length} bytes` } });
      this.#session?.left();
      return;
    }
    this.#enqueue({ kind: "message", bytes });
    this.#unreadBytes += bytes.length;
    if (this.#unreadBytes > UNREAD_BYTES_MAX && this.#session !== undefined) this.#venue?.slowConsumer(this.#session, this.#unreadBytes);
  }

  #enqueue(item: { readonly kind: "message"; readonly bytes: Uint8Array } | { readonly kind: "closed"; readonly close: SocketClose }): void {
    // What is still sent while we close reaches nobody: queued, it would be retried for ever at the same moment.
    if (this.#network.cut || this.#state === "closing" || this.#state === "closed") return;
    this.#lastAtMs = Math.max(this.#lastAtMs, this.#clock.monotonicMs() + this.#network.delayMs());
    this.#inFlight.push({ ...item, atMs: this.#lastAtMs });
    this.#schedule();
  }

  #schedule(): void {
    const first = this.#inFlight[0];
    if (this.#scheduled || this.#paused || first === undefined) return;
    this.#scheduled = true;
    this.#timers.after(Math.max(0, first.atMs - this.#clock.monotonicMs()), () => {
      this.#scheduled = false;
      this.#deliver();
      this.#schedule();
    });
  }

  /** Everything due by now, as one read of a socket would bring it. */
  #deliver(): void {
    const nowMs = this.#clock.monotonicMs();
    while (!this.#paused && this.#state !== "closed" && this.#state !== "closing") {
      const first = this.#inFlight[0];
      if (first === undefined || first.atMs > nowMs) return;
      this.#inFlight.shift();
      if (first.kind === "message") {
        this.#unreadBytes -= first.bytes.length;
        this.#handlers.message(first.bytes);
      } else if (first.kind === "opened") {
        this.#state = "open";
        this.#handlers.opened();
      } else {
        this.#finish(first.close);
      }
    }
  }

  #finish(close: SocketClose): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#inFlight = [];
    this.#handlers.closed(close);
  }
}
