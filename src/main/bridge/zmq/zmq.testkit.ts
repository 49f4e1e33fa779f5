// Real sockets on loopback for tests: what a client hears, as lists and as promises.
import { nodeTimers } from "../../net/node-clock.ts";
import type { ClientTransport, LinkState } from "../transport.ts";
import { createZmqClientTransport, type ZmqClientOptions } from "./client-transport.ts";
import { bindServer, type BindOptions, type BoundServer, type Rejection } from "./server-transport.ts";

export const ANY_PORT = { pub: "tcp://127.0.0.1:*", rpc: "tcp://127.0.0.1:*" } as const;

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
export function text(frame: Uint8Array): string {
  return new TextDecoder().decode(frame);
}

/** A list whose entries can be waited for. */
export class Heard<T> {
  readonly all: T[] = [];
  #waiting: { readonly wanted: (item: T) => boolean; readonly resolve: (item: T) => void }[] = [];

  push(item: T): void {
    this.all.push(item);
    this.#waiting = this.#waiting.filter(({ wanted, resolve }) => {
      if (!wanted(item)) return true;
      resolve(item);
      return false;
    });
  }

  /** Past or future. */
  async first(wanted: (item: T) => boolean): Promise<T> {
    return this.all.find(wanted) ?? (await this.next(wanted));
  }
  next(wanted: (item: T) => boolean = () => true): Promise<T> {
    return new Promise((resolve) => this.#waiting.push({ wanted, resolve }));
  }
}

export interface TestClient extends AsyncDisposable {
  readonly transport: ClientTransport;
  readonly links: Heard<{ readonly state: LinkState; readonly detail: string }>;
  readonly published: Heard<{ readonly topic: string; readonly text: string }>;
  readonly answers: Heard<string>;
  /** Connects and resolves with how that ended. */
  connect(): Promise<{ readonly state: LinkState; readonly detail: string }>;
}

export function testClient(options: Partial<ZmqClientOptions> & Pick<ZmqClientOptions, "rpc" | "pub">): TestClient {
  // One by one: a server's addresses are getters.
  const { rpc, pub, security, connectTimeoutMs } = options;
  const transport = createZmqClientTransport({ rpc, pub, security, timers: nodeTimers, ...(connectTimeoutMs === undefined ? {} : { connectTimeoutMs }) });
  const [links, published, answers] = [new Heard<{ state: LinkState; detail: string }>(), new Heard<{ topic: string; text: string }>(), new Heard<string>()];
  transport.listen({
    onLink: (state, detail) => links.push({ state, detail }),
    onPublished: (topic, frame) => published.push({ topic, text: text(frame) }),
    onAnswer: (frame) => answers.push(text(frame)),
  });
  return {
    transport, links, published, answers,
    connect() {
      const settled = links.next(({ state }) => state !== "connecting");
      transport.connect();
      return settled;
    },
    [Symbol.asyncDispose]: () => transport.close(),
  };
}

export interface TestServer extends AsyncDisposable {
  readonly transport: BoundServer;
  readonly rejections: Heard<Rejection>;
  readonly requests: Heard<{ readonly client: string; readonly text: string }>;
}

/** Answers each request with `re: ` and its text, unless told not to. */
export async function testServer(options: Partial<BindOptions> & { readonly echoes?: boolean } = {}): Promise<TestServer> {
  const rejections = new Heard<Rejection>();
  const requests = new Heard<{ client: string; text: string }>();
  const transport = await bindServer({ ...ANY_PORT, security: undefined, onRejected: (rejection) => rejections.push(rejection), ...options });
  transport.onRequest((client, frame) => {
    requests.push({ client, text: text(frame) });
    if (options.echoes !== false) void transport.answer(client, bytes(`re: ${text(frame)}`));
  });
  return { transport, rejections, requests, [Symbol.asyncDispose]: () => transport.close() };
}

/** Publishes until somebody has heard it: when a subscription has arrived, ZeroMQ tells nobody. */
export async function publishUntil(server: BoundServer, topic: string, content: string, heard: Promise<unknown>): Promise<void> {
  let isHeard = false;
  void heard.then(() => (isHeard = true));
  while (!isHeard) {
    await server.publish(topic, bytes(content));
    await new Promise((resolve) => setImmediate(resolve));
  }
}
