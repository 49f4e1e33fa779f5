// The venue simulator on real sockets: WebSocket and REST of all its venues on one port of 127.0.0.1, each under its own paths, plus a
// control path for faults, truth and accounts. Real time comes in through an injected clock and timers.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer, type WebSocket } from "ws";
import { FaultError, fault as asFault, type Clock, type Timers } from "../../shared/base.ts";
import { formatUtcMs, msFromNs } from "../../shared/time.ts";
import { accountOf, type Account } from "./account.ts";
import { CONTROL_PATHS, controlAnswer, venueNamed } from "./control.ts";
import type { SimulatedVenueId } from "./dialects.ts";
import { faultFromMenu, type FaultLedger, type SimFault } from "./faults.ts";
import { FrameBatch } from "./frame-batch.ts";
import { MESSAGES_PER_SECOND_DEFAULT } from "./market-model.ts";
import type { WireSession } from "./session.ts";
import type { TrueCandles } from "./true-candles.ts";
import type { SimulatedVenue, VenueOptions } from "./venue.ts";
import { createVenues } from "./venues.ts";

export interface SimulatorOptions extends Omit<VenueOptions, "startMs" | "venue" | "ledger" | "world"> {
  readonly clock: Clock;
  readonly timers: Timers;
  /** All on one port; default `sim` alone. Several share one world of prices, and `messagesPerSecond` is of all of them together. */
  readonly venues?: readonly SimulatedVenueId[];
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
  /** What the first venue's adapter takes as endpoints. */
  readonly endpoints: Readonly<Record<string, string>>;
  /** What a venue's adapter takes as endpoints. Throws `sim.unknown-venue`. */
  endpointsOf(venue: SimulatedVenueId): Readonly<Record<string, string>>;
  /** Starts a fault by name from the menu, or one with all its parameters, at a venue (default: the first); answers what will happen. */
  fault(fault: string | SimFault, amount?: number, venue?: string): string;
  /** Of the first venue. */
  readonly truth: TrueCandles;
  /** Of all venues. */
  readonly ledger: FaultLedger;
  /** The first venue. */
  readonly venue: SimulatedVenue;
  readonly venues: readonly SimulatedVenue[];
  /** What was said so far, exactly. */
  account(): Account;
  /** Ends every connection and the port. */
  close(): Promise<void>;
}

/** Unread bytes per connection beyond which the venue hangs up, as real ones do. */
const UNREAD_BYTES_MAX = 16 * 1_048_576;
const REQUEST_BYTES_MAX = 4_096;
/** After a stall of the host the market catches up in steps of this, so that sockets breathe in between. */
const CATCH_UP_STEP_MS = 500;
/** About ten seconds of making market again; what is older is another market. */
const REPLAYED_MESSAGES_MAX = 5_000_000;

/** Starts the simulator. Faults: `sim.port-in-use` (with the port). */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const driver = new SimulatorServer(options);
  await driver.listen(options.port ?? 0);
  return driver;
}

interface Client {
  readonly session: WireSession;
  readonly venue: SimulatedVenue;
  readonly batch: FrameBatch;
  pongMs: number;
}

class SimulatorServer implements Simulator {
  readonly venue: SimulatedVenue;
  readonly venues: readonly SimulatedVenue[];
  readonly #options: SimulatorOptions;
  readonly #http: Server;
  readonly #sockets: WebSocketServer;
  /** Exchange time advances with the monotonic clock: a step of the host's wall clock is none of the exchange's. */
  readonly #startWallMs: number;
  readonly #startMonotonicMs: number;
  #url = "";
  #cancelTick: () => void = () => undefined;
  /** The markets stand still for good: a checker wants to compare what was said until then. */
  #pausedMs: number | undefined;
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
    this.venues = createVenues({ ...options, startMs });
    this.venue = venueNamed(this.venues, undefined);
    for (let ms = startMs; ms < this.#startWallMs; ms += CATCH_UP_STEP_MS) this.#advance(ms);
    this.#sockets = new WebSocketServer({ noServer: true, maxPayload: REQUEST_BYTES_MAX, perMessageDeflate: false, autoPong: true });
    this.#http = createServer((request, response) => this.#serve(request, response));
    this.#http.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => this.#upgrade(request, socket, head));
  }

  get url(): string {
    return this.#url;
  }

  get endpoints(): Simulator["endpoints"] {
    return this.venue.dialect.endpoints(new URL(this.#url).host);
  }

  endpointsOf(venue: SimulatedVenueId): Simulator["endpoints"] {
    return venueNamed(this.venues, venue).dialect.endpoints(new URL(this.#url).host);
  }

  account(): Account {
    return accountOf(this.venues, { minutes: true });
  }

  get truth(): TrueCandles {
    return this.venue.truth;
  }

  get ledger(): FaultLedger {
    return this.venue.ledger;
  }

  fault(fault: string | SimFault, amount?: number, venue?: string): string {
    return venueNamed(this.venues, venue).inject(typeof fault === "string" ? faultFromMenu(fault, amount) : fault);
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

  #advance(untilMs: number): void {
    if (this.#pausedMs !== undefined) return;
    for (const venue of this.venues) venue.advance(untilMs);
  }

  /** One step of the market, at most CATCH_UP_STEP_MS of it; when behind, the next step follows at once. */
  #tick(): void {
    const nowMs = this.#nowMs();
    const behindMs = nowMs - this.venue.nowMs;
    // Far behind means the host slept: the venue leaps, rather than reliving hours.
    const leaps = behindMs > 60_000;
    const untilMs = leaps ? nowMs : Math.min(nowMs, this.venue.nowMs + CATCH_UP_STEP_MS);
    this.#advance(untilMs);
    for (const { session, venue, batch } of this.#clients.values()) {
      batch.flush();
      if (batch.waitingBytes > UNREAD_BYTES_MAX) venue.slowConsumer(session, batch.waitingBytes);
    }
    this.#scheduleTick(untilMs < nowMs && this.#pausedMs === undefined ? 0 : undefined);
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

  readonly #clients = new Map<WebSocket, Client>();

  /** Whose path it is; the first venue's, which then refuses it, when it is nobody's. */
  #venueAt(path: string): SimulatedVenue {
    return this.venues.find((venue) => venue.dialect.owns(path)) ?? this.venue;
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => socket.destroy());
    const path = request.url ?? "/";
    const venue = this.#venueAt(path);
    const batch = new FrameBatch(socket);
    // ws completes the handshake within this call; what is said before waits in the batch.
    let ws: WebSocket | undefined;
    const session = venue.connect(path, {
      send: (text) => { batch.add(text); },
      close: (code, reason) => {
        batch.flush();
        ws?.close(code, reason);
      },
      drop: () => {
        batch.flush();
        ws?.terminate();
      },
    });
    if ("refusedStatus" in session) {
      socket.end(`HTTP/1.1 ${session.refusedStatus} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    this.#sockets.handleUpgrade(request, socket, head, (accepted) => {
      ws = accepted;
      this.#attach(accepted, { session, venue, batch, pongMs: this.#options.clock.monotonicMs() });
    });
    // A broken handshake never calls back; the session must not stay behind.
    socket.once("close", () => session.left());
  }

  #attach(ws: WebSocket, client: Client): void {
    const { session, batch } = client;
    this.#clients.set(ws, client);
    ws.on("message", (data, isBinary) => {
      if (isBinary) return;
      session.receive(String(data), this.#nowMs());
      // Answers do not wait for the next tick.
      batch.flush();
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
    batch.flush();
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
    const venue = this.#venueAt(path);
    if (this.#pausedMs === undefined) venue.advance(Math.min(this.#nowMs(), venue.nowMs + CATCH_UP_STEP_MS));
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
    const answer = venue.request(path, headers);
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
      if (`${request.method ?? "GET"} ${url.pathname}` === "POST /sim/pause") {
        this.#pausedMs ??= this.venue.nowMs;
        reply(response, 200, {}, JSON.stringify({ paused_ms: this.#pausedMs }));
        return;
      }
      const body = controlAnswer(this.venues, request.method ?? "GET", url);
      if (body === undefined) reply(response, 404, {}, JSON.stringify({ error: `no such control path; there are ${CONTROL_PATHS}` }));
      else reply(response, 200, {}, JSON.stringify(body));
    } catch (error) {
      if (!(error instanceof FaultError)) throw error;
      reply(response, 400, {}, JSON.stringify({ error: error.message }));
    }
  }
}

function reply(response: ServerResponse, status: number, headers: Readonly<Record<string, string>>, body: string): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(body);
}
