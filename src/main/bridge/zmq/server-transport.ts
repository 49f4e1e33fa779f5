// The server's two sockets over ZeroMQ: an XPUB that drops for slow subscribers and a ROUTER that knows when nobody reads. With keys, only
// trusted clients get past the handshake; taking trust away cuts every connection, since ZeroMQ cannot cut a single one.
import { Context, Router, XPublisher, type Event, type Socket } from "zeromq";
import { fault } from "../../../shared/base.ts";
import type { ServerSecurity } from "../process-messages.ts";
import type { ClientId, ServerTransport } from "../transport.ts";
import { bindFault, isIpv6, requireCurveKeys, requireKeysBeyondLoopback } from "./address.ts";
import { AT_ONCE, COMMON_OPTIONS, errnoOf } from "./socket-options.ts";
import { guardWithTrustedKeys, type TrustedKeys } from "./trusted-keys.ts";

export interface ServerTransportLimits {
  /** A client that sends a larger frame is cut off by libzmq, which does not read it. Above REQUEST_BYTES_MAX, which are counted and answered. */
  readonly requestBytes: number;
  /** Requests that libzmq takes in per client before it stops reading from it. */
  readonly requestsQueued: number;
  /** Answers that may wait for one client that does not read; the next one is `full`. */
  readonly answersQueued: number;
  /** Publications that may wait for one subscriber; further ones are dropped for it. */
  readonly publicationsQueued: number;
  /** Different topics subscribed to over all clients. Beyond it all subscribers are cut: they come back, and the flood is gone. */
  readonly topics: number;
}

const LIMITS: ServerTransportLimits = { requestBytes: 512 * 1024, requestsQueued: 64, answersQueued: 32, publicationsQueued: 4_000, topics: 20_000 };
/** Longest that somebody may send to the XPUB: a subscription, or a command of the handshake (CURVE's take about 400 bytes). */
const SUBSCRIPTION_BYTES_MAX = 1_024;
const SUBSCRIBE = 1;
const MISMATCH = "one side uses keys and the other does not, or it went away in the handshake";

export interface Rejection {
  /** Public key that is not trusted; undefined when it never came to that (no key, wrong server key, no ZeroMQ). */
  readonly key: string | undefined;
  readonly from: string;
  readonly why: string;
}

export interface BindOptions {
  /** `tcp://127.0.0.1:5556`, `tcp://127.0.0.1:*`, `ipc:///path`. */
  readonly pub: string;
  readonly rpc: string;
  readonly security: ServerSecurity | undefined;
  readonly limits?: Partial<ServerTransportLimits>;
  onRejected?(rejection: Rejection): void;
}

export interface BoundServer extends ServerTransport {
  /** As bound: with the port that was free. */
  readonly pub: string;
  readonly rpc: string;
  /** Connections turned away in the handshake, counted per socket: a client that tries both counts twice. */
  readonly rejectedHandshakes: number;
  /**
   * Who may come in from here on. New keys count at their next handshake. When one was taken away, every connection is cut at once and the
   * rest come back by themselves; resolves when it is listening again. Throws `bridge.no-keys` on a server without security.
   */
  trust(keys: readonly string[]): Promise<void>;
}

/** Opens both sockets. Throws `bridge.needs-keys bridge.bad-key bridge.bad-address bridge.address-in-use bridge.no-such-address bridge.address-denied`. */
export async function bindServer(options: BindOptions): Promise<BoundServer> {
  for (const address of [options.pub, options.rpc]) requireKeysBeyondLoopback(address, options.security !== undefined);
  if (options.security !== undefined) requireCurveKeys({ "server's secret key": options.security.secretKey });
  const transport = new ZmqServer(options);
  try {
    await transport.open();
  } catch (error) {
    await transport.close();
    throw error;
  }
  return transport;
}

/** One bound socket and the loop that listens to its events. */
interface Listening<S extends Socket> {
  readonly socket: S;
  readonly address: string;
  /** Ends with the socket, when libzmq has closed everything that it held: then its address is free again. */
  readonly watching: Promise<void>;
}

class ZmqServer implements BoundServer {
  readonly #options: BindOptions;
  readonly #limits: ServerTransportLimits;
  // Its own context: the doorkeeper's address is fixed, and one process may hold several servers.
  readonly #context = new Context({ blocky: false });
  #keys: TrustedKeys | undefined;
  #trusted: readonly string[];
  #pub: Listening<XPublisher> | undefined;
  #rpc: Listening<Router> | undefined;
  #topics = 0;
  #rejected = 0;
  #listener: ((client: ClientId, frame: Uint8Array) => void) | undefined;
  /** Receive loops of sockets past and present. */
  readonly #loops = new Set<Promise<void>>();
  /** Cutting and closing, one after the other. */
  #turn: Promise<void> = Promise.resolve();
  #isClosed = false;
  #addresses = { pub: "", rpc: "" };

  constructor(options: BindOptions) {
    this.#options = options;
    this.#limits = { ...LIMITS, ...options.limits };
    this.#trusted = options.security?.trusted ?? [];
  }

  get pub(): string {
    return this.#addresses.pub;
  }
  get rpc(): string {
    return this.#addresses.rpc;
  }
  get rejectedHandshakes(): number {
    return this.#rejected;
  }

  async open(): Promise<void> {
    if (this.#options.security !== undefined) {
      this.#keys = await guardWithTrustedKeys(this.#context, this.#trusted, (key, from) => this.#reject({ key, from, why: "its key is not trusted" }));
    }
    await this.#openRpc(this.#options.rpc);
    await this.#openPub(this.#options.pub);
    this.#addresses = { pub: this.#pub?.address ?? "", rpc: this.#rpc?.address ?? "" };
  }

  publish(topic: string, frame: Uint8Array): Promise<void> {
    // While all connections are being cut nobody is subscribed. XPUB never waits: what a subscriber has no room for is dropped for it.
    return this.#pub?.socket.send([topic, frame]) ?? Promise.resolve();
  }

  async answer(client: ClientId, frame: Uint8Array): Promise<"sent" | "full" | "gone"> {
    const router = this.#rpc?.socket;
    if (router === undefined) return "gone";
    try {
      await router.send(client.endsWith(REQ_MARK) ? [idOf(client), "", frame] : [idOf(client), frame]);
      return "sent";
    } catch (error) {
      if (errnoOf(error) === "EAGAIN") return "full";
      if (errnoOf(error) === "EHOSTUNREACH") return "gone";
      throw error;
    }
  }

  onRequest(listener: (client: ClientId, frame: Uint8Array) => void): void {
    const isFirst = this.#listener === undefined;
    this.#listener = listener;
    if (isFirst && this.#rpc !== undefined) this.#run(this.#receiveRequests(this.#rpc.socket));
  }

  trust(keys: readonly string[]): Promise<void> {
    const guard = this.#keys;
    if (guard === undefined) return Promise.reject(fault("bridge.no-keys", "This server was started without keys: nobody needs to be trusted"));
    const isCut = this.#trusted.some((key) => !keys.includes(key));
    this.#trusted = keys;
    guard.replace(keys);
    return isCut ? this.#inTurn(() => this.#cutAll()) : Promise.resolve();
  }

  close(): Promise<void> {
    this.#isClosed = true;
    return this.#inTurn(async () => {
      await this.#release(this.#takePub());
      await this.#release(this.#takeRpc());
      await this.#keys?.close();
      this.#keys = undefined;
      await Promise.all(this.#loops);
    });
  }

  #inTurn(run: () => Promise<void>): Promise<void> {
    const next = this.#turn.then(run);
    this.#turn = next;
    return next;
  }

  // ── sockets ────────────────────────────────────────────────────────────────

  #securityOptions(): object {
    const { security } = this.#options;
    return security === undefined ? {} : { curveServer: true, curveSecretKey: security.secretKey, zapDomain: "tapedeck" };
  }

  async #openRpc(address: string): Promise<void> {
    const router = new Router({
      context: this.#context, ...COMMON_OPTIONS, ...AT_ONCE, ...this.#securityOptions(), ipv6: isIpv6(address),
      mandatory: true, maxMessageSize: this.#limits.requestBytes, receiveHighWaterMark: this.#limits.requestsQueued, sendHighWaterMark: this.#limits.answersQueued,
    });
    this.#rpc = await this.#listen(router, address);
    if (this.#listener !== undefined) this.#run(this.#receiveRequests(router));
  }

  async #openPub(address: string): Promise<void> {
    const publisher = new XPublisher({
      context: this.#context, ...COMMON_OPTIONS, ...AT_ONCE, ...this.#securityOptions(), ipv6: isIpv6(address),
      maxMessageSize: SUBSCRIPTION_BYTES_MAX, sendHighWaterMark: this.#limits.publicationsQueued,
    });
    this.#topics = 0;
    this.#pub = await this.#listen(publisher, address);
    this.#run(this.#receiveSubscriptions(publisher));
  }

  async #listen<S extends Socket>(socket: S, address: string): Promise<Listening<S>> {
    const watching = this.#watch(socket);
    try {
      await socket.bind(address);
    } catch (error) {
      socket.close();
      await watching;
      throw bindFault(error, address);
    }
    return { socket, address: socket.lastEndpoint ?? address, watching };
  }

  async #watch(socket: Socket): Promise<void> {
    for await (const event of socket.events) this.#countRejection(event);
  }

  #countRejection(event: Event): void {
    // Untrusted keys (handshake:error:auth) are counted where they are refused, by the doorkeeper, who knows the key.
    if (event.type === "handshake:error:protocol") {
      const why = event.error.code === "ERR_ZMTP_MECHANISM_MISMATCH" ? MISMATCH : `it does not know this server's key or speaks another protocol (${event.error.code})`;
      this.#reject({ key: undefined, from: event.address, why });
    } else if (event.type === "handshake:error:other") {
      // With keys on one side only both sides notice, and whoever is faster hangs up. Without keys it is only somebody who went away.
      if (this.#keys === undefined) this.#rejected += 1;
      else this.#reject({ key: undefined, from: event.address, why: MISMATCH });
    }
  }

  #reject(rejection: Rejection): void {
    this.#rejected += 1;
    this.#options.onRejected?.(rejection);
  }

  #takePub(): Listening<XPublisher> | undefined {
    const taken = this.#pub;
    this.#pub = undefined;
    return taken;
  }

  #takeRpc(): Listening<Router> | undefined {
    const taken = this.#rpc;
    this.#rpc = undefined;
    return taken;
  }

  /** Ends a socket with all its connections; afterwards its address can be bound again. */
  async #release(listening: Listening<Socket> | undefined): Promise<void> {
    if (listening === undefined) return;
    listening.socket.close();
    // libzmq lets go of the address in a thread of its own, and ends the events behind that.
    await listening.watching;
  }

  async #cutAll(): Promise<void> {
    if (this.#isClosed) return;
    await this.#release(this.#takeRpc());
    await this.#openRpc(this.#addresses.rpc);
    await this.#cutSubscribers();
  }

  async #cutSubscribers(): Promise<void> {
    if (this.#isClosed) return;
    await this.#release(this.#takePub());
    await this.#openPub(this.#addresses.pub);
  }

  // ── loops ──────────────────────────────────────────────────────────────────

  /** Loops end with their socket. One that fails is a bug, and nobody catches it before `close`. */
  #run(loop: Promise<void>): void {
    this.#loops.add(loop);
    void loop.then(() => this.#loops.delete(loop));
  }

  async #receiveRequests(router: Router): Promise<void> {
    for await (const frames of router) {
      const [id, first, second] = frames;
      if (id === undefined) continue;
      if (frames.length === 2 && first !== undefined) this.#listener?.(id.toString("hex"), first);
      // REQ sockets put an empty frame between address and content, and want it back.
      else if (frames.length === 3 && first?.length === 0 && second !== undefined) this.#listener?.(`${id.toString("hex")}${REQ_MARK}`, second);
      // Any other shape is no request; as an empty frame it is counted like other malformed ones.
      else this.#listener?.(id.toString("hex"), NOTHING);
    }
  }

  async #receiveSubscriptions(publisher: XPublisher): Promise<void> {
    for await (const [frame] of publisher) {
      this.#topics += frame?.[0] === SUBSCRIBE ? 1 : -1;
      if (this.#topics <= this.#limits.topics || this.#pub?.socket !== publisher) continue;
      this.#options.onRejected?.({ key: undefined, from: this.#addresses.pub, why: `more than ${this.#limits.topics} topics were subscribed to: all subscribers were cut` });
      void this.#inTurn(() => this.#cutSubscribers());
      return;
    }
  }
}

const NOTHING = new Uint8Array(0);
/** Behind the hex of a client that asks with a REQ socket. */
const REQ_MARK = "r";

function idOf(client: ClientId): Buffer {
  return Buffer.from(client.endsWith(REQ_MARK) ? client.slice(0, -1) : client, "hex");
}
