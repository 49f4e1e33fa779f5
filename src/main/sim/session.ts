// One WebSocket connection to a simulated venue: what it subscribed to, what it was told, how it ends. No socket here: an outlet
// carries the bytes (a real one in server.ts, a virtual one in memory-transport.ts); the venue's dialect answers requests.
import type { StreamState } from "./stream.ts";

/** Where a session's messages go. Never called re-entrantly into the session. */
export interface Outlet {
  send(text: string): void;
  /** With a close frame. */
  close(code: number, reason: string): void;
  /** Without a word: the connection is simply gone. */
  drop(): void;
}

export interface SessionOwner {
  received(session: WireSession, text: string, nowMs: number): void;
  ended(session: WireSession): void;
}

/** What a connect address asked for. */
export interface Opening {
  /** The venue's word for the address: `public`, `market`, `legacy`, `business`, `linear`. */
  readonly kind: string;
  /** Data are wrapped with their stream's name (Binance's combined streams). */
  readonly combined: boolean;
  /** Streams that the address itself subscribes to. */
  readonly streams: readonly string[];
}

export class WireSession {
  readonly name: string;
  readonly kind: string;
  readonly openedMs: number;
  readonly outlet: Outlet;
  readonly subscriptions = new Set<string>();
  combined: boolean;
  /** Half-open: the connection stands, nothing comes any more. */
  halfOpen = false;
  /** Acknowledges, but sends no data. */
  stalled: boolean;
  ended = false;
  endedMs: number | undefined;
  /** When the client said something last, and when either side did. */
  heardMs: number;
  activeMs: number;
  /** The venue will close this connection then; `noticed`: it has said so. */
  closingMs: number | undefined;
  noticed = false;
  /** Requests within the window that began at `requestsSinceMs`: for a dialect's limits. */
  requests = 0;
  requestsSinceMs: number;
  /** Data messages given to this connection, by stream. */
  readonly said = new Map<StreamState, number>();
  readonly #owner: SessionOwner;

  constructor(options: Opening & { readonly name: string; readonly openedMs: number; readonly outlet: Outlet; readonly stalled: boolean; readonly owner: SessionOwner }) {
    this.name = options.name;
    this.kind = options.kind;
    this.combined = options.combined;
    this.openedMs = options.openedMs;
    this.outlet = options.outlet;
    this.stalled = options.stalled;
    this.#owner = options.owner;
    this.heardMs = options.openedMs;
    this.activeMs = options.openedMs;
    this.requestsSinceMs = options.openedMs;
  }

  /** Data come through. */
  get listens(): boolean {
    return !this.stalled && !this.halfOpen && !this.ended;
  }

  /** Sends one data frame of a stream as it is, unless this connection is one of those that say nothing; true when it went out. */
  data(stream: StreamState, frame: string, nowMs: number): boolean {
    if (this.stalled || this.halfOpen || this.ended) return false;
    this.said.set(stream, (this.said.get(stream) ?? 0) + 1);
    this.activeMs = nowMs;
    this.outlet.send(frame);
    return true;
  }

  /** An answer or notice: no data, so a stalled connection says it too. */
  answer(text: string): void {
    if (!this.halfOpen && !this.ended) this.outlet.send(text);
  }

  close(code: number, reason: string): void {
    if (this.#end()) this.outlet.close(code, reason);
  }

  drop(): void {
    if (this.#end()) this.outlet.drop();
  }

  /** The client is gone: by close frame or by a broken connection. */
  left(): void {
    this.#end();
  }

  #end(): boolean {
    if (this.ended) return false;
    this.ended = true;
    this.#owner.ended(this);
    return true;
  }

  /** One text message from the client at exchange time `nowMs`. */
  receive(text: string, nowMs: number): void {
    if (this.ended || this.halfOpen) return;
    this.heardMs = nowMs;
    this.activeMs = nowMs;
    this.#owner.received(this, text, nowMs);
  }
}
