// Real sockets (package ws) and real HTTP (fetch) behind the interfaces of transport.ts: limits, timeouts, typed ends.
import { WebSocket } from "ws";
import { failed, type Result, type StopSignal, type Timers } from "../../shared/base.ts";
import {
  type HttpOptions, type HttpResponse, type HttpTransport, type Socket, type SocketClose, type SocketHandlers, TRANSPORT_MESSAGE_BYTES_MAX,
  type WebSocketTransport,
} from "./transport.ts";

const HANDSHAKE_MS = 10_000;
/** How long the other side may take to answer a close before the connection is cut. */
const CLOSE_MS = 1_000;

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : "";
  return `${error.message}${cause}`;
}

function bytesOf(data: Buffer | ArrayBuffer | Buffer[]): Uint8Array {
  const whole = Array.isArray(data) ? Buffer.concat(data) : data;
  return whole instanceof ArrayBuffer ? new Uint8Array(whole) : new Uint8Array(whole.buffer, whole.byteOffset, whole.byteLength);
}

class NodeSocket implements Socket {
  readonly #socket: WebSocket;
  readonly #timers: Timers;
  #opened = false;
  #local = false;
  #trouble: { readonly code: number | undefined; readonly cause: SocketClose["cause"]; readonly detail: string } | undefined;

  constructor(url: string, handlers: SocketHandlers, timers: Timers) {
    this.#timers = timers;
    // Bytes are recorded before anything judges them, so text that is no UTF-8 must come through as it is.
    this.#socket = new WebSocket(url, {
      handshakeTimeout: HANDSHAKE_MS, maxPayload: TRANSPORT_MESSAGE_BYTES_MAX, perMessageDeflate: true, skipUTF8Validation: true,
    });
    this.#socket.on("open", () => {
      this.#opened = true;
      handlers.opened();
    });
    this.#socket.on("message", (data) => {
      handlers.message(bytesOf(data));
    });
    this.#socket.on("unexpected-response", (request, response) => {
      this.#trouble ??= { code: response.statusCode, cause: "refused", detail: `HTTP ${response.statusCode ?? "?"} ${response.statusMessage ?? ""}`.trim() };
      request.destroy();
      this.#socket.terminate();
    });
    this.#socket.on("error", (error: Error & { readonly code?: string }) => {
      const isProtocol = error.code?.startsWith("WS_ERR_") ?? false;
      this.#trouble ??= { code: undefined, cause: isProtocol ? "protocol" : this.#opened ? "lost" : "unreachable", detail: messageOf(error) };
    });
    this.#socket.on("close", (code, reason) => {
      handlers.closed(this.#closeOf(code, reason.toString("utf8")));
    });
  }

  #closeOf(code: number, reason: string): SocketClose {
    if (this.#local) return { code, cause: "local", detail: reason };
    if (this.#trouble !== undefined) return { code: this.#trouble.code ?? code, cause: this.#trouble.cause, detail: this.#trouble.detail };
    if (code !== 1006) return { code, cause: "closed", detail: reason };
    return { code, cause: this.#opened ? "lost" : "unreachable", detail: "the connection ended without a close frame" };
  }

  send(text: string): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(text);
  }

  close(): void {
    if (this.#local) return;
    this.#local = true;
    // A paused socket would never read the answer to our close.
    this.#socket.resume();
    this.#socket.close(1000);
    const cancel = this.#timers.after(CLOSE_MS, () => {
      this.#socket.terminate();
    });
    this.#socket.once("close", cancel);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }
}

/** A malformed address is reported like an unreachable one: it is configuration, not a bug. */
export function createNodeWebSockets(timers: Timers): WebSocketTransport {
  return {
    connect(url, handlers) {
      try {
        return new NodeSocket(url, handlers, timers);
      } catch (error) {
        const cancel = timers.after(0, () => {
          handlers.closed({ code: 1006, cause: "unreachable", detail: `${url}: ${messageOf(error)}` });
        });
        return { send: () => undefined, close: cancel, pause: () => undefined, resume: () => undefined };
      }
    },
  };
}

type Ended = "timeout" | "cancelled" | "too-large";

async function readBody(response: Response, end: (why: Ended) => void): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  if (response.body === null) return new Uint8Array(0);
  for await (const part of response.body as AsyncIterable<Uint8Array>) {
    length += part.length;
    if (length > TRANSPORT_MESSAGE_BYTES_MAX) {
      end("too-large");
      throw new Error("too large");
    }
    parts.push(part);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function faultOf(url: string, ended: Ended | undefined, options: HttpOptions, error: unknown): Result<HttpResponse> {
  switch (ended) {
    case "timeout":
      return failed("net.timeout", `GET ${url}: no whole answer within ${options.timeoutMs} ms`);
    case "cancelled":
      return failed("net.cancelled", `GET ${url}: cancelled`);
    case "too-large":
      return failed("net.too-large", `GET ${url}: the answer is larger than ${TRANSPORT_MESSAGE_BYTES_MAX} bytes`);
    case undefined:
      return failed("net.unreachable", `GET ${url}: ${messageOf(error)}`);
  }
}

export function createNodeHttp(timers: Timers): HttpTransport {
  return {
    async get(url, options) {
      const abort = new AbortController();
      let ended: Ended | undefined;
      const end = (why: Ended): void => {
        ended ??= why;
        abort.abort();
      };
      const onStop = (): void => {
        end("cancelled");
      };
      const signal: StopSignal | undefined = options.signal;
      if (signal?.aborted === true) return faultOf(url, "cancelled", options, undefined);
      signal?.addEventListener("abort", onStop);
      const cancelTimeout = timers.after(options.timeoutMs, () => {
        end("timeout");
      });
      try {
        // A redirect would leave the configured address: it is an answer like any other status.
        const response = await fetch(url, { signal: abort.signal, redirect: "manual" });
        const body = await readBody(response, end);
        return { ok: true, value: { status: response.status, headers: Object.fromEntries(response.headers), body } };
      } catch (error) {
        return faultOf(url, ended, options, error);
      } finally {
        cancelTimeout();
        signal?.removeEventListener("abort", onStop);
      }
    },
  };
}
