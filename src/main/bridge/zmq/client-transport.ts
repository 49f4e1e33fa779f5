// The client's two sockets over ZeroMQ: a DEALER and a SUB towards one server. It connects once when told to and never by itself, so that the
// state machine above it decides about waiting; every ending is told once, and nothing is told after it.
import { Dealer, Subscriber, type Event, type Socket } from "zeromq";
import type { Timers } from "../../../shared/base.ts";
import type { RemoteEndpoint } from "../process-messages.ts";
import type { ClientTransport, ClientTransportListener } from "../transport.ts";
import { FRAME_BYTES_MAX } from "../wire/messages.ts";
import { isIpv6, requireCurveKeys, requireKeysBeyondLoopback, withPort } from "./address.ts";
import { AT_ONCE, COMMON_OPTIONS } from "./socket-options.ts";

/** How the port of the live stream is asked for, when only the address of the RPC is known. */
export interface PortQuestion {
  readonly frame: Uint8Array;
  /** Undefined: this is not the answer. 0: the server does not say. */
  portIn(answer: Uint8Array): number | undefined;
}

export interface ZmqClientOptions {
  readonly rpc: string;
  /** Asked of the server at each connect, since it may have another port after a restart. */
  readonly pub: string | PortQuestion;
  readonly security: RemoteEndpoint["security"];
  readonly timers: Timers;
  /** From `connect()` to `connected`, ms; then the link is lost. */
  readonly connectTimeoutMs?: number;
}

const CONNECT_TIMEOUT_MS = 5_000;
/** A SUB that is full makes the publisher drop, and each drop costs a backfill: rather hold some megabytes. */
const PUBLICATIONS_QUEUED = 50_000;
const ANSWERS_QUEUED = 1_000;
/** Requests wait here for a server that does not read; it answers one at a time, so more waiting has no use. */
const REQUESTS_QUEUED = 200;

/** Throws `bridge.needs-keys`, `bridge.bad-address` and `bridge.bad-key`. */
export function createZmqClientTransport(options: ZmqClientOptions): ClientTransport {
  const { rpc, security } = options;
  const pub = typeof options.pub === "string" ? options.pub : withPort(rpc, 1);
  for (const address of [rpc, pub]) requireKeysBeyondLoopback(address, security !== undefined);
  if (security !== undefined) requireCurveKeys({ "server's key": security.serverKey, "own public key": security.publicKey, "own secret key": security.secretKey });
  return new ZmqClient(options);
}

class ZmqClient implements ClientTransport {
  readonly #options: ZmqClientOptions;
  #listener: ClientTransportListener | undefined;
  #link: Link | undefined;
  readonly #ending = new Set<Promise<void>>();
  /** The last attempt broke off in the handshake. */
  #hasBroken = false;
  #isClosed = false;

  constructor(options: ZmqClientOptions) {
    this.#options = options;
  }

  listen(listener: ClientTransportListener): void {
    this.#listener = listener;
  }

  connect(): void {
    this.disconnect();
    if (this.#isClosed) return;
    const link = new Link(this.#options, this.#hasBroken, {
      onLink: (state, detail) => {
        if (this.#link !== link) return;
        this.#hasBroken = link.hasBroken || (this.#hasBroken && state === "refused");
        if (state === "lost" || state === "refused") this.disconnect();
        this.#listener?.onLink(state, detail);
      },
      onPublished: (topic, frame) => {
        if (this.#link === link) this.#listener?.onPublished(topic, frame);
      },
      onAnswer: (frame) => {
        if (this.#link === link) this.#listener?.onAnswer(frame);
      },
    });
    this.#link = link;
    // Not from within the call: who calls is not done with his own state yet.
    queueMicrotask(() => {
      if (this.#link !== link) return;
      this.#listener?.onLink("connecting", "");
      if (this.#link === link) link.open();
    });
  }

  disconnect(): void {
    const link = this.#link;
    this.#link = undefined;
    if (link === undefined) return;
    const ending = link.end();
    this.#ending.add(ending);
    void ending.then(() => this.#ending.delete(ending));
  }

  subscribe(topic: string): void {
    this.#link?.subscribe(topic);
  }
  unsubscribe(topic: string): void {
    this.#link?.unsubscribe(topic);
  }
  request(frame: Uint8Array): boolean {
    return this.#link?.request(frame) ?? false;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.disconnect();
    await Promise.all(this.#ending);
  }
}

/** One connection, from connecting to its end. */
class Link {
  readonly #options: ZmqClientOptions;
  readonly #listener: ClientTransportListener;
  readonly #dealer: Dealer;
  readonly #subscriber: Subscriber;
  readonly #loops: Promise<void>[] = [];
  readonly #ready = new Set<Socket>();
  #question: PortQuestion | undefined;
  #cancelDeadline = (): void => {};
  #isOver = false;
  readonly #isSecondBreak: boolean;
  /** It ended in the handshake, and nobody said why. */
  hasBroken = false;

  /** `isSecondBreak`: the attempt before broke off in the handshake; if this one does too, that is an answer. */
  constructor(options: ZmqClientOptions, isSecondBreak: boolean, listener: ClientTransportListener) {
    this.#options = options;
    this.#isSecondBreak = isSecondBreak;
    this.#listener = listener;
    const { security } = options;
    const common = {
      ...COMMON_OPTIONS,
      // Never by itself: -1 ends a connection that broke or could not be made.
      reconnectInterval: -1,
      connectTimeout: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
      maxMessageSize: FRAME_BYTES_MAX,
      ...(security === undefined ? {} : { curveServerKey: security.serverKey, curvePublicKey: security.publicKey, curveSecretKey: security.secretKey }),
    };
    this.#dealer = new Dealer({ ...common, ...AT_ONCE, immediate: true, sendHighWaterMark: REQUESTS_QUEUED, receiveHighWaterMark: ANSWERS_QUEUED });
    this.#subscriber = new Subscriber({ ...common, receiveHighWaterMark: PUBLICATIONS_QUEUED });
  }

  open(): void {
    const { timers, rpc, pub, connectTimeoutMs = CONNECT_TIMEOUT_MS } = this.#options;
    // libzmq says nothing when a name has no address.
    this.#cancelDeadline = timers.after(connectTimeoutMs, () => this.#stop("lost", `no answer from ${rpc} within ${connectTimeoutMs} ms`));
    this.#run(this.#watch(this.#dealer, rpc));
    this.#run(this.#receiveAnswers());
    this.#run(this.#receivePublications());
    this.#connect(this.#dealer, rpc);
    if (typeof pub === "string") this.#connectSubscriber(pub);
    else this.#question = pub;
  }

  subscribe(topic: string): void {
    if (!this.#isOver) this.#subscriber.subscribe(topic);
  }
  unsubscribe(topic: string): void {
    if (!this.#isOver) this.#subscriber.unsubscribe(topic);
  }

  request(frame: Uint8Array): boolean {
    if (this.#isOver || !this.#isConnected || !this.#dealer.writable) return false;
    this.#send(frame);
    return true;
  }

  /** Resolves when both sockets are closed and their loops have ended. */
  async end(): Promise<void> {
    this.#isOver = true;
    this.#cancelDeadline();
    this.#dealer.close();
    this.#subscriber.close();
    await Promise.all(this.#loops);
  }

  get #isConnected(): boolean {
    return this.#ready.has(this.#dealer) && this.#ready.has(this.#subscriber);
  }

  /** `broken`: in the handshake, with no reason given. A server that ends just then looks like one that turns everybody away, once. */
  #stop(ending: "lost" | "refused" | "broken", detail: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.hasBroken = ending === "broken";
    this.#listener.onLink(ending === "refused" ? "refused" : "lost", detail);
  }

  #run(loop: Promise<void>): void {
    this.#loops.push(loop);
  }

  /** The socket is writable, so the promise is kept at once. */
  #send(frame: Uint8Array): void {
    void this.#dealer.send(frame);
  }

  #connectSubscriber(address: string): void {
    this.#run(this.#watch(this.#subscriber, address));
    this.#connect(this.#subscriber, address);
  }

  #connect(socket: Socket & { ipv6: boolean }, address: string): void {
    socket.ipv6 = isIpv6(address);
    socket.connect(address);
  }

  async #watch(socket: Socket, address: string): Promise<void> {
    for await (const event of socket.events) if (!this.#isOver) this.#follow(socket, address, event);
  }

  #follow(socket: Socket, address: string, event: Event): void {
    const hasKeys = this.#options.security !== undefined;
    switch (event.type) {
      case "handshake":
        this.#becomeReady(socket);
        return;
      case "handshake:error:auth":
        this.#stop("refused", `${address} does not trust this key (${event.error.message}): its owner runs tapedeck keys trust`);
        return;
      case "handshake:error:protocol":
        this.#stop("refused", hasKeys ? `${address} was reached, but its key is not the one given for it, or it works without keys (${event.error.code})` : `${address} was reached, but wants keys (${event.error.code})`);
        return;
      case "handshake:error:other":
        this.#stop(this.#isSecondBreak ? "refused" : "broken", `${address} broke off the handshake: ${hasKeys ? "its key is not the one given for it, it works without keys, or it ended" : "it wants keys, is no bridge server, or ended"}`);
        return;
      case "disconnect":
        this.#stop("lost", this.#ready.has(socket) ? `the connection to ${address} ended` : `${address} ended the connection before the handshake`);
        return;
      case "close":
        this.#stop("lost", `nobody listens at ${address}`);
        return;
      default:
    }
  }

  #becomeReady(socket: Socket): void {
    this.#ready.add(socket);
    if (socket === this.#dealer && this.#question !== undefined) this.#send(this.#question.frame);
    if (!this.#isConnected) return;
    this.#cancelDeadline();
    this.#listener.onLink("connected", "");
  }

  async #receiveAnswers(): Promise<void> {
    for await (const frames of this.#dealer) {
      if (this.#isOver) return;
      const frame = soleOf(frames);
      if (this.#question === undefined) this.#listener.onAnswer(frame);
      else this.#learnPort(this.#question, frame);
    }
  }

  #learnPort(question: PortQuestion, frame: Uint8Array): void {
    const port = question.portIn(frame);
    if (port === undefined) return;
    this.#question = undefined;
    if (port === 0) this.#stop("lost", `${this.#options.rpc} does not say where its live stream is: give its pub address too`);
    else this.#connectSubscriber(withPort(this.#options.rpc, port));
  }

  async #receivePublications(): Promise<void> {
    for await (const frames of this.#subscriber) {
      if (this.#isOver) return;
      const [topic, frame] = frames;
      this.#listener.onPublished(String(topic), frames.length === 2 && frame !== undefined ? frame : NOTHING);
    }
  }
}

/** Stands for a message of the wrong shape: empty, it is counted malformed like any other that cannot be read. */
const NOTHING = new Uint8Array(0);

function soleOf(frames: readonly Buffer[]): Uint8Array {
  return frames.length === 1 && frames[0] !== undefined ? frames[0] : NOTHING;
}
