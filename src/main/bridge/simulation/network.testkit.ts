// One server, many clients, and everything that can lie between them. Baseline is what ZeroMQ promises: a frame arrives whole
// or not at all, in order within one direction of one socket; PUB and ROUTER are two sockets and know no order between them.
//
// Fault bounds: losing and repeating requests and answers, reordering, and frames of the past coming again are harsher than
// ZeroMQ over TCP; frames with flipped bits are too, and are only made so that the codec in use can notice them.
import { assert } from "../../../shared/base.ts";
import type { VirtualClock } from "../../net/virtual-clock.ts";
import type { SeededRandom } from "../../sim/random.ts";
import type { ClientId, ClientTransport, ClientTransportListener, LinkState, ServerTransport } from "../transport.ts";
import type { Life } from "./life.testkit.ts";

/** Shares are probabilities per frame. */
export interface Weather {
  dropPublished: number;
  dropAsked: number;
  duplicate: number;
  reorder: number;
  corrupt: number;
  /** A frame published long ago comes once more. */
  replay: number;
  delayMs: number;
  jitterMs: number;
  /** The client's answers do not fit into its pipe. */
  isFull: boolean;
  /** Nothing gets through, and both sides are told. */
  isCut: boolean;
}

export const FAIR: Readonly<Weather> = {
  dropPublished: 0, dropAsked: 0, duplicate: 0, reorder: 0, corrupt: 0, replay: 0, delayMs: 1, jitterMs: 2, isFull: false, isCut: false,
};

type Socket = "sub" | "dealer";
type Direction = "to_client" | "to_server";

interface Connection {
  readonly id: ClientId;
  readonly link: Link;
  readonly server: ServerEnd;
  readonly topics: Set<string>;
  /** Undefined: open. Each side learns of the end by itself. */
  closedAtClient: boolean;
  closedAtServer: boolean;
  /** Sockets that nothing gets through any more, without anybody being told. */
  readonly silent: Set<Socket>;
  /** Unanswered frames that a silent DEALER holds: its pipe has an end. */
  piled: number;
  readonly lastAtMs: Map<string, number>;
}

/** Requests that fit into a DEALER whose other end does not read. */
const PIPE_FRAMES = 200;
const REMEMBERED_FRAMES = 512;
const REORDER_MS_MAX = 400;
const REFUSED_AFTER_MS = 20;

export interface NetworkCounts {
  published: number;
  delivered: number;
  lost: number;
  doubled: number;
  corrupted: number;
}

export interface NetworkOptions {
  readonly clock: VirtualClock;
  readonly random: SeededRandom;
  /** Changes bits so that the codec in use can notice it. */
  corrupt(frame: Uint8Array, random: SeededRandom): Uint8Array;
  /** A connection to nobody is told as lost (true) or just never comes up (false). */
  readonly tellsRefusal: boolean;
  /** For the trace. */
  note?(line: string): void;
}

export class SimulatedNetwork {
  readonly counts: NetworkCounts = { published: 0, delivered: 0, lost: 0, doubled: 0, corrupted: 0 };
  readonly #options: NetworkOptions;
  readonly #links = new Map<string, Link>();
  readonly #past: { readonly topic: string; readonly frame: Uint8Array }[] = [];
  #server: ServerEnd | undefined;
  #lastId = 0;

  constructor(options: NetworkOptions) {
    this.#options = options;
  }

  get clock(): VirtualClock {
    return this.#options.clock;
  }

  /** `takesMs`: longest that the socket takes for a frame. */
  openServer(life: Life, takesMs = 0): ServerTransport {
    assert(this.#server === undefined, "one server at a time");
    this.#server = new ServerEnd(this, life, () => (takesMs === 0 ? 0 : this.#options.random.below(takesMs)));
    return this.#server;
  }

  openClient(name: string, life: Life): ClientTransport {
    const link = this.#link(name);
    link.begin(life);
    return link;
  }

  weather(name: string): Weather {
    return this.#link(name).weather;
  }

  /** Frames with flipped bits that this client's present life was given. */
  corruptedOf(name: string): number {
    return this.#link(name).corrupted;
  }

  #link(name: string): Link {
    let link = this.#links.get(name);
    if (link === undefined) this.#links.set(name, (link = new Link(this, name)));
    return link;
  }

  /** The client has a connection that carries both ways: it may not have noticed yet that it has none. */
  isJoined(name: string): boolean {
    const { connection } = this.#link(name);
    return connection?.server === this.#server && connection?.closedAtServer === false && connection.silent.size === 0;
  }

  note(line: string): void {
    this.#options.note?.(line);
  }

  /** Both sides are told that the connection broke; until `weather.isCut` ends no other comes up. */
  cut(name: string): void {
    const link = this.#link(name);
    link.weather.isCut = true;
    const { connection } = link;
    if (connection === undefined) return;
    connection.closedAtServer = true;
    this.later(5, () => link.lose(connection, "connection reset by the network"));
  }

  /** The present connection dies without a word, in one of its sockets or both. */
  silence(name: string, sockets: readonly Socket[]): void {
    for (const socket of sockets) this.#link(name).connection?.silent.add(socket);
  }

  /** The server's process is gone. `quiet`: so is its machine, and no client is told. */
  loseServer(quiet: boolean): void {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    for (const link of this.#links.values()) {
      const { connection } = link;
      if (connection?.server !== server) continue;
      connection.closedAtServer = true;
      if (!quiet) this.later(2, () => link.lose(connection, "the server closed the connection"));
    }
  }

  /** The client's process is gone. `quiet`: the server is not told. */
  loseClient(name: string, quiet: boolean): void {
    const link = this.#link(name);
    const { connection } = link;
    if (connection === undefined) return;
    link.drop();
    if (!quiet) connection.closedAtServer = true;
  }

  // ── for the two ends ───────────────────────────────────────────────────────

  later(delayMs: number, run: () => void): void {
    this.#options.clock.after(delayMs, run);
  }

  open(link: Link): void {
    const { random, tellsRefusal } = this.#options;
    const attempt = link.attempt;
    this.later(1 + random.below(10) + link.weather.delayMs, () => {
      if (link.attempt !== attempt) return;
      const server = this.#server;
      if (server === undefined || link.weather.isCut) {
        if (tellsRefusal) this.later(REFUSED_AFTER_MS, () => link.refuse(attempt, "connection refused"));
        return;
      }
      this.#lastId += 1;
      link.establish({
        id: this.#lastId.toString(16).padStart(10, "0"), link, server, topics: new Set(), closedAtClient: false, closedAtServer: false, silent: new Set(), piled: 0,
        lastAtMs: new Map(),
      });
    });
  }

  publish(server: ServerEnd, topic: string, frame: Uint8Array): void {
    this.counts.published += 1;
    this.#past.push({ topic, frame });
    if (this.#past.length > REMEMBERED_FRAMES) this.#past.shift();
    for (const link of this.#links.values()) {
      const { connection } = link;
      if (connection?.server !== server || !subscribes(connection, topic)) continue;
      this.#publishTo(connection, topic, frame);
      if (!this.#happens(link.weather.replay)) continue;
      const past = this.#options.random.pick(this.#past);
      if (subscribes(connection, past.topic)) this.#publishTo(connection, past.topic, past.frame);
    }
  }

  #publishTo(connection: Connection, topic: string, frame: Uint8Array): void {
    this.carry({ connection, socket: "sub", direction: "to_client", loss: connection.link.weather.dropPublished, frame, deliver: (bytes, isSpoilt) => connection.link.published(connection, topic, bytes, isSpoilt) });
  }

  /** Takes one frame over the wire, as the weather is. */
  carry(parcel: {
    readonly connection: Connection; readonly socket: Socket; readonly direction: Direction; readonly loss: number; readonly frame: Uint8Array;
    deliver(frame: Uint8Array, isSpoilt: boolean): void;
  }): void {
    const { connection, socket, direction } = parcel;
    const { weather } = connection.link;
    const copies = this.#happens(weather.duplicate) ? 2 : 1;
    if (copies > 1) this.counts.doubled += 1;
    for (let copy = 0; copy < copies; copy += 1) {
      if (connection.silent.has(socket) || this.#happens(parcel.loss)) {
        this.counts.lost += 1;
        continue;
      }
      const isSpoilt = this.#happens(weather.corrupt);
      const frame = isSpoilt ? this.#options.corrupt(parcel.frame, this.#options.random) : parcel.frame;
      if (isSpoilt) this.counts.corrupted += 1;
      this.later(this.#arrival(connection, `${socket} ${direction}`) - this.clock.monotonicMs(), () => {
        if (connection.silent.has(socket) || connection.closedAtServer || connection.closedAtClient) return;
        this.counts.delivered += 1;
        parcel.deliver(frame, isSpoilt);
      });
    }
  }

  /** A subscription on its way to the publisher: part of the connection itself, so it comes late at worst. */
  carryFilter(connection: Connection, deliver: () => void): void {
    this.later(this.#arrival(connection, "sub to_server") - this.clock.monotonicMs(), () => {
      if (!connection.silent.has("sub") && !connection.closedAtServer) deliver();
    });
  }

  #arrival(connection: Connection, way: string): number {
    const { weather } = connection.link;
    const { random } = this.#options;
    const atMs = this.clock.monotonicMs() + weather.delayMs + random.next() * weather.jitterMs;
    if (this.#happens(weather.reorder)) return atMs + random.below(REORDER_MS_MAX);
    const inOrderMs = Math.max(atMs, connection.lastAtMs.get(way) ?? 0);
    connection.lastAtMs.set(way, inOrderMs);
    return inOrderMs;
  }

  #happens(share: number): boolean {
    return share > 0 && this.#options.random.chance(share);
  }

  connectionOf(server: ServerEnd, id: ClientId): Connection | undefined {
    for (const link of this.#links.values()) {
      if (link.connection?.id === id && link.connection.server === server) return link.connection;
    }
    return undefined;
  }

  closeServer(server: ServerEnd): void {
    if (this.#server === server) this.loseServer(false);
  }
}

/** ZeroMQ filters by prefix: `candles.sim.BTC` also lets `candles.sim.BTCUSDT.1m` in. */
function subscribes(connection: Connection, topic: string): boolean {
  for (const prefix of connection.topics) if (topic.startsWith(prefix)) return true;
  return false;
}

class ServerEnd implements ServerTransport {
  readonly #network: SimulatedNetwork;
  readonly #life: Life;
  readonly #takesMs: () => number;
  #listener: ((client: ClientId, frame: Uint8Array) => void) | undefined;

  constructor(network: SimulatedNetwork, life: Life, takesMs: () => number) {
    this.#network = network;
    this.#life = life;
    this.#takesMs = takesMs;
  }

  publish(topic: string, frame: Uint8Array): Promise<void> {
    return this.#life.perform(async () => this.#network.publish(this, topic, frame), this.#takesMs());
  }

  answer(client: ClientId, frame: Uint8Array): Promise<"sent" | "full" | "gone"> {
    return this.#life.perform(async () => {
      const connection = this.#network.connectionOf(this, client);
      if (connection === undefined || connection.closedAtServer) return "gone";
      const { link } = connection;
      if (link.weather.isFull) return "full";
      this.#network.carry({ connection, socket: "dealer", direction: "to_client", loss: link.weather.dropAsked, frame, deliver: (bytes, isSpoilt) => link.answered(connection, bytes, isSpoilt) });
      return "sent";
    });
  }

  onRequest(listener: (client: ClientId, frame: Uint8Array) => void): void {
    this.#listener = listener;
  }

  asked(client: ClientId, frame: Uint8Array): void {
    if (this.#life.isAlive) this.#listener?.(client, frame);
  }

  async close(): Promise<void> {
    this.#listener = undefined;
    this.#network.closeServer(this);
  }
}

class Link implements ClientTransport {
  readonly weather: Weather = { ...FAIR };
  attempt = 0;
  corrupted = 0;
  readonly #network: SimulatedNetwork;
  readonly #name: string;
  #life: Life | undefined;
  #listener: ClientTransportListener | undefined;
  #connection: Connection | undefined;
  #topics = new Set<string>();

  constructor(network: SimulatedNetwork, name: string) {
    this.#network = network;
    this.#name = name;
  }

  get connection(): Connection | undefined {
    return this.#connection;
  }

  begin(life: Life): void {
    this.drop();
    this.#life = life;
    this.#listener = undefined;
    this.corrupted = 0;
  }

  /** Forgets the connection on this side. */
  drop(): void {
    this.attempt += 1;
    if (this.#connection !== undefined) this.#connection.closedAtClient = true;
    this.#connection = undefined;
    this.#topics = new Set();
  }

  // ── ClientTransport ────────────────────────────────────────────────────────

  connect(): void {
    if (this.#life?.step() !== true) return;
    this.disconnect();
    const { attempt } = this;
    this.#network.later(0, () => this.#tell(attempt, "connecting", ""));
    this.#network.open(this);
  }

  disconnect(): void {
    if (this.#connection !== undefined) this.#connection.closedAtServer = true;
    this.drop();
  }

  subscribe(topic: string): void {
    if (this.#life?.step() !== true) return;
    this.#topics.add(topic);
    this.#filter((topics) => topics.add(topic));
  }

  unsubscribe(topic: string): void {
    if (this.#life?.step() !== true) return;
    this.#topics.delete(topic);
    this.#filter((topics) => topics.delete(topic));
  }

  /** Filters travel to the publisher like everything else; until then it sends by the old ones. */
  #filter(change: (topics: Set<string>) => void): void {
    const connection = this.#connection;
    if (connection !== undefined) this.#network.carryFilter(connection, () => change(connection.topics));
  }

  request(frame: Uint8Array): boolean {
    const connection = this.#connection;
    if (this.#life?.step() !== true || connection === undefined) return false;
    if (connection.silent.has("dealer")) {
      connection.piled += 1;
      if (connection.piled > PIPE_FRAMES) return false;
    }
    this.#network.carry({ connection, socket: "dealer", direction: "to_server", loss: this.weather.dropAsked, frame, deliver: (bytes) => connection.server.asked(connection.id, bytes) });
    return true;
  }

  listen(listener: ClientTransportListener): void {
    this.#listener = listener;
  }

  async close(): Promise<void> {
    this.disconnect();
    this.#listener = undefined;
  }

  // ── from the network ───────────────────────────────────────────────────────

  establish(connection: Connection): void {
    if (this.#life?.isAlive !== true) return;
    this.#connection = connection;
    for (const topic of this.#topics) this.#filter((topics) => topics.add(topic));
    this.#tell(this.attempt, "connected", "");
  }

  refuse(attempt: number, detail: string): void {
    this.#tell(attempt, "lost", detail);
  }

  lose(connection: Connection, detail: string): void {
    if (this.#connection !== connection) return;
    const { attempt } = this;
    connection.closedAtClient = true;
    this.#connection = undefined;
    this.#tell(attempt, "lost", detail);
  }

  #tell(attempt: number, state: LinkState, detail: string): void {
    if (this.attempt !== attempt || this.#life?.isAlive !== true) return;
    if (state !== "connecting") this.#network.note(`${this.#name}: ${state} ${detail}`);
    this.#listener?.onLink(state, detail);
  }

  published(connection: Connection, topic: string, frame: Uint8Array, isSpoilt: boolean): void {
    if (this.#connection !== connection || this.#life?.isAlive !== true) return;
    if (isSpoilt) this.corrupted += 1;
    this.#listener?.onPublished(topic, frame);
  }

  answered(connection: Connection, frame: Uint8Array, isSpoilt: boolean): void {
    if (this.#connection !== connection || this.#life?.isAlive !== true) return;
    if (isSpoilt) this.corrupted += 1;
    this.#listener?.onAnswer(frame);
  }
}

/** One bit of the frame, wherever it is: for a codec with a checksum. */
export function flipBit(frame: Uint8Array, random: SeededRandom): Uint8Array {
  const spoilt = frame.slice();
  const at = random.below(spoilt.length);
  spoilt[at] = (spoilt[at] ?? 0) ^ (1 << random.below(8));
  return spoilt;
}

/** The frame's second half is missing, or its identifier is another: what a format without a checksum must notice too. */
export function spoilHeader(frame: Uint8Array, random: SeededRandom): Uint8Array {
  if (random.chance(0.5)) return frame.slice(0, random.below(frame.length >> 1));
  const spoilt = frame.slice();
  const at = 4 + random.below(4);
  spoilt[at] = (spoilt[at] ?? 0) ^ (1 << random.below(8));
  return spoilt;
}
