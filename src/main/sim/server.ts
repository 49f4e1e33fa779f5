// The venue simulator on real sockets: WebSocket and REST of the simulated Binance on 127.0.0.1, plus a control path for
// faults and truth. Real time comes in through an injected clock and timers.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer, type WebSocket } from "ws";
import { FaultError, fault as asFault, type Clock, type Timers } from "../../shared/base.ts";
import { formatUtcMs, isInterval, msFromNs } from "../../shared/time.ts";
import type { WireSession } from "./binance-session.ts";
import { SimulatedVenue, type VenueOptions } from "./binance-wire.ts";
import { MESSAGES_PER_SECOND_DEFAULT } from "./market-model.ts";
import { FAULT_MENU, faultFromMenu, type FaultLedger, type SimFault } from "./faults.ts";
import type { TrueCandles } from "./true-candles.ts";

export interface SimulatorOptions extends Omit<VenueOptions, "startMs"> {
  readonly clock: Clock;
  readonly timers: Timers;
  /**
   * When this market began, epoch ms; default now. A simulator that starts again with the same seed and start plays the
   * time since then again, so that a recorder which was killed finds the same trades, by socket and by REST.
   */
  readonly startMs?: number;
  /** 0 or undefined: any free port. */
  readonly port?: number;
  /** How often the market moves on, ms. Default 10. */
  readonly tickMs?: number;
  /** The venue pings this often (default 3 min) and gives up on a client without a pong after `pongWithinMs` (10 min). */
  readonly pingEveryMs?: number;
  readonly pongWithinMs?: number;
}

export interface Simulator {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** What the Binance adapter takes as endpoints. */
  readonly endpoints: { readonly ws_public: string; readonly ws_market: string; readonly rest: string };
  /** Starts a fault by name from the menu, or one with all its parameters; answers what will happen. */
  fault(fault: string | SimFault, amount?: number): string;
  readonly truth: TrueCandles;
  readonly ledger: FaultLedger;
  readonly venue: SimulatedVenue;
  /** Ends every connection and the port. */
  close(): Promise<void>;
}

/** Unread bytes per connection beyond which the venue hangs up, as real ones do. */
const UNREAD_BYTES_MAX = 16 * 1_048_576;
const REQUEST_BYTES_MAX = 4_096;
/** After a stall of the host the market catches up in steps of this, so that sockets breathe in between. */
const CATCH_UP_STEP_MS = 500;
const TRUTH_ROWS_MAX = 100_000;
/** About ten seconds of making market again; what is older is another market. */
const REPLAYED_MESSAGES_MAX = 5_000_000;

/** Starts the simulator. Faults: `sim.port-in-use` (with the port). */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const driver = new SimulatorServer(options);
  await driver.listen(options.port ?? 0);
  return driver;
}

class SimulatorServer implements Simulator {
  readonly venue: SimulatedVenue;
  readonly #options: SimulatorOptions;
  readonly #http: Server;
  readonly #sockets: WebSocketServer;
  /** Exchange time advances with the monotonic clock: a step of the host's wall clock is none of the exchange's. */
  readonly #startWallMs: number;
  readonly #startMonotonicMs: number;
  #url = "";
  #cancelTick: () => void = () => undefined;
  #cancelPing: () => void = () => undefined;
  #closed = false;

  constructor(options: SimulatorOptions) {
    this.#options = options;
    this.#startWallMs = msFromNs(options.clock.wallNs());
    // The past is made while the clock runs on.
    this.#startMonotonicMs = options.clock.monotonicMs();
    const startMs = options.startMs ?? this.#startWallMs;
    const messages = ((this.#startWallMs - startMs) / 1_000) * (options.messagesPerSecond ?? MESSAGES_PER_SECOND_DEFAULT);
    if (startMs > this.#startWallMs || messages > REPLAYED_MESSAGES_MAX) {
      throw asFault("sim.too-old", `the simulated market that began at ${formatUtcMs(startMs)} cannot be played again up to now (about ${Math.round(messages)} messages): record into another capture`);
    }
    this.venue = new SimulatedVenue({ ...options, startMs });
    for (let ms = startMs; ms < this.#startWallMs; ms += CATCH_UP_STEP_MS) this.venue.advance(ms);
    this.#sockets = new WebSocketServer({ noServer: true, maxPayload: REQUEST_BYTES_MAX, perMessageDeflate: false, autoPong: true });
    this.#http = createServer((request, response) => this.#serve(request, response));
    this.#http.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => this.#upgrade(request, socket, head));
  }

  get url(): string {
    return this.#url;
  }

  get endpoints(): Simulator["endpoints"] {
    const ws = this.#url.replace(/^http/, "ws");
    return { ws_public: `${ws}/public/stream?streams=`, ws_market: `${ws}/market/stream?streams=`, rest: this.#url };
  }

  get truth(): TrueCandles {
    return this.venue.truth;
  }

  get ledger(): FaultLedger {
    return this.venue.ledger;
  }

  fault(fault: string | SimFault, amount?: number): string {
    return this.venue.inject(typeof fault === "string" ? faultFromMenu(fault, amount) : fault);
  }

  async listen(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#http.once("error", (error) => {
        reject(asFault("sim.port-in-use", `the simulator cannot listen on 127.0.0.1:${port}: ${error.message}; give another port or 0`));
      });
      this.#http.listen(port, "127.0.0.1", resolve);
    });
    this.#url = `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
    this.#scheduleTick();
    this.#schedulePing();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelTick();
    this.#cancelPing();
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#http.closeAllConnections();
    await new Promise<void>((resolve) => this.#http.close(() => resolve()));
  }

  // ── time ──────────────────────────────────────────────────────────────────

  #nowMs(): number {
    return this.#startWallMs + (this.#options.clock.monotonicMs() - this.#startMonotonicMs);
  }

  #scheduleTick(delayMs = this.#options.tickMs ?? 10): void {
    if (!this.#closed) this.#cancelTick = this.#options.timers.after(delayMs, () => this.#tick());
  }

  /** One step of the market, at most CATCH_UP_STEP_MS of it; when behind, the next step follows at once. */
  #tick(): void {
    const nowMs = this.#nowMs();
    const behindMs = nowMs - this.venue.nowMs;
    // Far behind means the host slept: the venue leaps, rather than reliving hours.
    const leaps = behindMs > 60_000;
    const untilMs = leaps ? nowMs : Math.min(nowMs, this.venue.nowMs + CATCH_UP_STEP_MS);
    this.venue.advance(untilMs);
    for (const [socket, { session }] of this.#clients) {
      if (socket.bufferedAmount > UNREAD_BYTES_MAX) this.venue.slowConsumer(session, socket.bufferedAmount);
    }
    this.#scheduleTick(untilMs < nowMs ? 0 : undefined);
  }

  #schedulePing(): void {
    const everyMs = this.#options.pingEveryMs ?? 180_000;
    this.#cancelPing = this.#options.timers.after(everyMs, () => {
      const deadline = this.#options.clock.monotonicMs() - (this.#options.pongWithinMs ?? 600_000);
      for (const [socket, client] of this.#clients) {
        if (client.session.halfOpen) continue;
        if (client.pongMs < deadline) client.session.close(1011, "no pong");
        else socket.ping();
      }
      if (!this.#closed) this.#schedulePing();
    });
  }

  // ── WebSocket ─────────────────────────────────────────────────────────────

  readonly #clients = new Map<WebSocket, { readonly session: WireSession; pongMs: number }>();

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => socket.destroy());
    // ws completes the handshake within this call, so nothing can be said before the socket is there.
    let ws: WebSocket | undefined;
    const session = this.venue.connect(request.url ?? "/", {
      send: (text) => ws?.send(text),
      close: (code, reason) => ws?.close(code, reason),
      drop: () => ws?.terminate(),
    });
    if ("refusedStatus" in session) {
      socket.end(`HTTP/1.1 ${session.refusedStatus} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    this.#sockets.handleUpgrade(request, socket, head, (accepted) => {
      ws = accepted;
      this.#attach(accepted, session);
    });
    // A broken handshake never calls back; the session must not stay behind.
    socket.once("close", () => session.left());
  }

  #attach(ws: WebSocket, session: WireSession): void {
    const client = { session, pongMs: this.#options.clock.monotonicMs() };
    this.#clients.set(ws, client);
    ws.on("message", (data, isBinary) => {
      if (!isBinary) session.receive(String(data), this.#nowMs());
    });
    ws.on("pong", () => {
      client.pongMs = this.#options.clock.monotonicMs();
    });
    // The client broke the protocol or vanished; `close` follows and is handled there.
    ws.on("error", () => ws.terminate());
    ws.on("close", () => {
      this.#clients.delete(ws);
      session.left();
    });
  }

  // ── HTTP ──────────────────────────────────────────────────────────────────

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? "/";
    if (path.startsWith("/sim/")) {
      this.#control(request, response, new URL(path, "http://sim.invalid"));
      return;
    }
    if (request.method !== "GET") {
      reply(response, 405, {}, '{"code":-1000,"msg":"Only GET is simulated."}');
      return;
    }
    this.venue.advance(Math.min(this.#nowMs(), this.venue.nowMs + CATCH_UP_STEP_MS));
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
    const answer = this.venue.request(path, headers);
    // "hang": the request stays open until the client gives up or the simulator closes.
    if (answer !== "hang") reply(response, answer.status, answer.headers, answer.body);
  }

  #control(request: IncomingMessage, response: ServerResponse, url: URL): void {
    // A page in a browser must not be able to break somebody's simulation: such requests carry an Origin.
    if (request.headers.origin !== undefined) {
      reply(response, 403, {}, '{"error":"the simulator\'s control path takes no requests from web pages"}');
      return;
    }
    try {
      const body = this.#controlAnswer(request.method ?? "GET", url);
      if (body === undefined) reply(response, 404, {}, '{"error":"no such control path; there are POST /sim/fault, GET /sim/truth, /sim/ledger, /sim/menu"}');
      else reply(response, 200, {}, JSON.stringify(body));
    } catch (error) {
      if (!(error instanceof FaultError)) throw error;
      reply(response, 400, {}, JSON.stringify({ error: error.message }));
    }
  }

  #controlAnswer(method: string, url: URL): unknown {
    const query = url.searchParams;
    switch (`${method} ${url.pathname}`) {
      case "POST /sim/fault": {
        const amount = query.get("amount");
        return { applied: this.fault(query.get("name") ?? "", amount === null ? undefined : Number(amount)) };
      }
      case "GET /sim/truth":
        return this.#truthRows(query);
      case "GET /sim/ledger":
        return { entries: this.ledger.entries, forgotten: this.ledger.forgotten };
      case "GET /sim/menu":
        return FAULT_MENU.map(({ name, summary, amount, preset }) => ({ name, summary, amount, preset }));
      default:
        return undefined;
    }
  }

  #truthRows(query: URLSearchParams): unknown {
    const symbol = query.get("symbol") ?? "";
    const interval = query.get("interval") ?? "";
    if (!isInterval(interval)) throw asFault("sim.bad-query", `GET /sim/truth needs interval=1s…1d, got ${JSON.stringify(interval)}`);
    if (this.venue.model.market(symbol) === undefined) throw asFault("sim.unknown-symbol", `GET /sim/truth needs symbol=, one of ${this.venue.symbols().map((spec) => spec.symbol).join(", ")}`);
    const fromMs = Number(query.get("from") ?? 0);
    const untilMs = Number(query.get("until") ?? Number.MAX_SAFE_INTEGER);
    if (Number.isNaN(fromMs) || Number.isNaN(untilMs)) throw asFault("sim.bad-query", "GET /sim/truth takes from= and until= as epoch milliseconds");
    return this.truth.query({ symbol, interval, fromMs, untilMs }).slice(-TRUTH_ROWS_MAX);
  }
}

function reply(response: ServerResponse, status: number, headers: Readonly<Record<string, string>>, body: string): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(body);
}
