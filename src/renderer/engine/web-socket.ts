// Owns the WebSocket to the engine in the browser shell: binary messages, reconnecting with growing pauses.
import { RemoteEngine, type Transport, type TransportEvents } from "./client.ts";

const PAUSE_FIRST_MS = 250;
const PAUSE_MAX_MS = 4_000;

class SocketTransport implements Transport {
  readonly #url: string;
  readonly #events: TransportEvents;
  #socket: WebSocket | undefined;
  #pauseMs = PAUSE_FIRST_MS;

  constructor(options: { readonly url: string; readonly events: TransportEvents }) {
    this.#url = options.url;
    this.#events = options.events;
    this.#connect();
  }

  send(buffer: ArrayBuffer): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(buffer);
    return true;
  }

  #connect(): void {
    const socket = new WebSocket(this.#url);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    socket.onopen = () => {
      this.#pauseMs = PAUSE_FIRST_MS;
      this.#events.opened();
    };
    socket.onmessage = (message: MessageEvent<unknown>) => {
      if (message.data instanceof ArrayBuffer) this.#events.received(message.data);
    };
    // `close` always follows `error`, so reconnecting hangs on this one alone.
    socket.onclose = () => {
      this.#events.lost();
      setTimeout(() => this.#connect(), this.#pauseMs);
      this.#pauseMs = Math.min(this.#pauseMs * 2, PAUSE_MAX_MS);
    };
  }
}

/** The engine behind `/engine` of the host that served this page. */
export function webSocketEngine(page: Location, onBroken: (error: unknown) => void): RemoteEngine {
  const url = `${page.protocol === "https:" ? "wss" : "ws"}://${page.host}/engine`;
  return new RemoteEngine({ onBroken, open: (events) => new SocketTransport({ url, events }) });
}
