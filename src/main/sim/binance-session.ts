// One WebSocket connection to the simulated Binance USD-M: what it subscribed to, how it answers requests. No socket here:
// an outlet carries the bytes (a real one in server.ts, a virtual one in memory-transport.ts).
import { wrapped } from "./binance-text.ts";

/** Where a session's messages go. Never called re-entrantly into the session. */
export interface Outlet {
  send(text: string): void;
  /** With a close frame. */
  close(code: number, reason: string): void;
  /** Without a word: the connection is simply gone. */
  drop(): void;
}

/** `public` carries quotes, `market` trades and marks; `legacy` everything (until it retires). `trade` is served by all. */
export type EndpointKind = "public" | "market" | "legacy";

const KINDS_OF_CHANNEL: Readonly<Record<string, readonly EndpointKind[]>> = {
  aggTrade: ["market", "legacy"],
  trade: ["public", "market", "legacy"],
  bookTicker: ["public", "legacy"],
  markPrice: ["market", "legacy"],
};

export const STREAMS_PER_CONNECTION_MAX = 1_024;
/** Incoming messages per second before the venue closes the connection. */
const REQUESTS_PER_SECOND_MAX = 10;

/** What a connect address asks for; undefined: the path is none of the venue's. */
export function parseConnectPath(path: string): { readonly kind: EndpointKind; readonly combined: boolean; readonly streams: readonly string[] } | undefined {
  const url = new URL(path, "ws://sim.invalid");
  const match = /^\/(?:(public|market)\/)?(stream|ws)(?:\/(.+))?$/.exec(url.pathname);
  if (match === null) return undefined;
  const combined = match[2] === "stream";
  const listed = combined ? url.searchParams.get("streams") : match[3];
  const kind = match[1] === "public" || match[1] === "market" ? match[1] : "legacy";
  return { kind, combined, streams: listed === null || listed === undefined || listed === "" ? [] : listed.split("/") };
}

export interface SessionVenue {
  subscribed(session: WireSession, stream: string): void;
  unsubscribed(session: WireSession, stream: string): void;
  ended(session: WireSession): void;
  flooded(session: WireSession): void;
}

function channelOf(stream: string): string {
  return (stream.split("@")[1] ?? "").trim();
}

export class WireSession {
  readonly name: string;
  readonly kind: EndpointKind;
  readonly openedMs: number;
  readonly outlet: Outlet;
  readonly subscriptions = new Set<string>();
  /** Half-open: the connection stands, nothing comes any more. */
  halfOpen = false;
  /** Acknowledges, but sends no data. */
  stalled: boolean;
  ended = false;
  readonly #venue: SessionVenue;
  #combined: boolean;
  #requestsSinceMs: number;
  #requests = 0;

  constructor(options: {
    readonly name: string; readonly kind: EndpointKind; readonly combined: boolean; readonly openedMs: number; readonly outlet: Outlet;
    readonly stalled: boolean; readonly venue: SessionVenue;
  }) {
    this.name = options.name;
    this.kind = options.kind;
    this.openedMs = options.openedMs;
    this.outlet = options.outlet;
    this.stalled = options.stalled;
    this.#combined = options.combined;
    this.#venue = options.venue;
    this.#requestsSinceMs = options.openedMs;
  }

  subscribe(streams: readonly string[]): void {
    for (const stream of streams) {
      this.subscriptions.add(stream);
      // Names that this endpoint does not carry are accepted and stay silent, as at the venue.
      if (KINDS_OF_CHANNEL[channelOf(stream)]?.includes(this.kind) === true) this.#venue.subscribed(this, stream);
    }
  }

  /** Sends one data message, unless this connection is one of those that say nothing. */
  data(stream: string, text: string): void {
    if (!this.stalled && !this.halfOpen && !this.ended) this.outlet.send(this.#combined ? wrapped(stream, text) : text);
  }

  /** Sends a frame as it is (malformed, oversized). */
  whole(text: string): void {
    if (!this.stalled && !this.halfOpen && !this.ended) this.outlet.send(text);
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
    this.#venue.ended(this);
    return true;
  }

  /** One text message from the client. `nowMs`: for the limit of 10 per second. */
  receive(text: string, nowMs: number): void {
    if (this.ended || this.halfOpen) return;
    if (nowMs - this.#requestsSinceMs >= 1_000) {
      this.#requestsSinceMs = nowMs;
      this.#requests = 0;
    }
    this.#requests += 1;
    if (this.#requests > REQUESTS_PER_SECOND_MAX) {
      this.#venue.flooded(this);
      this.close(1008, "Too many requests");
      return;
    }
    this.outlet.send(this.#answer(text));
  }

  #answer(text: string): string {
    let request: unknown;
    try {
      request = JSON.parse(text);
    } catch {
      return refusal(3, "Invalid JSON: expected value at line 1 column 1");
    }
    if (typeof request !== "object" || request === null || Array.isArray(request)) return refusal(2, "Invalid request: request must be an object");
    const { method, params, id } = request as { method?: unknown; params?: unknown; id?: unknown };
    if (typeof id !== "number" || !Number.isSafeInteger(id) || id < 0) return refusal(2, "Invalid request: request ID must be an unsigned integer");
    switch (method) {
      case "SUBSCRIBE":
      case "UNSUBSCRIBE":
        return this.#change(method, params, id);
      case "LIST_SUBSCRIPTIONS":
        return JSON.stringify({ result: [...this.subscriptions], id });
      case "GET_PROPERTY":
        return JSON.stringify({ result: this.#combined, id });
      case "SET_PROPERTY":
        return this.#setProperty(params, id);
      default:
        return refusal(2, `Invalid request: unknown variant \`${String(method)}\`, expected one of \`SUBSCRIBE\`, \`UNSUBSCRIBE\`, \`LIST_SUBSCRIPTIONS\`, \`SET_PROPERTY\`, \`GET_PROPERTY\``, id);
    }
  }

  #change(method: "SUBSCRIBE" | "UNSUBSCRIBE", params: unknown, id: number): string {
    if (!Array.isArray(params)) return refusal(2, "Invalid request: missing field `params`", id);
    const streams: string[] = [];
    for (const stream of params as readonly unknown[]) {
      if (typeof stream !== "string") return refusal(2, "Invalid request: invalid type: params must be strings", id);
      streams.push(stream);
    }
    if (method === "UNSUBSCRIBE") {
      for (const stream of streams) {
        if (this.subscriptions.delete(stream)) this.#venue.unsubscribed(this, stream);
      }
    } else {
      if (this.subscriptions.size + streams.length > STREAMS_PER_CONNECTION_MAX) {
        return refusal(2, `Invalid request: more than ${STREAMS_PER_CONNECTION_MAX} streams on one connection`, id);
      }
      this.subscribe(streams);
    }
    return `{"result":null,"id":${id}}`;
  }

  #setProperty(params: unknown, id: number): string {
    const [name, value] = Array.isArray(params) ? (params as readonly unknown[]) : [];
    if (name !== "combined") return refusal(0, "Unknown property", id);
    if (typeof value !== "boolean") return refusal(1, "Invalid value type: expected Boolean", id);
    this.#combined = value;
    return `{"result":null,"id":${id}}`;
  }
}

function refusal(code: number, msg: string, id?: number): string {
  return JSON.stringify(id === undefined ? { error: { code, msg } } : { error: { code, msg }, id });
}
