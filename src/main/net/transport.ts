// The two ways to the outside that a collector knows: sockets and HTTP requests. Real ones in node-transport.ts, scripted
// ones in tests and in the simulator. Nothing here throws: what the world breaks arrives as a typed close or a fault.
import type { Result, StopSignal } from "../../shared/base.ts";

/** Why a socket ended. `code` is the WebSocket close code (1006 when no close frame came), or the HTTP status for `refused`. */
export type SocketCause =
  /** The address could not be reached: name, TCP, TLS, or no answer in time. */
  | "unreachable"
  /** The server answered the upgrade with an HTTP status other than 101. */
  | "refused"
  /** The server sent a close frame. */
  | "closed"
  /** The connection broke without a close frame. */
  | "lost"
  /** A message exceeded the size limit, or bytes were no WebSocket. */
  | "protocol"
  /** We closed it. */
  | "local";

export interface SocketClose {
  readonly code: number;
  readonly cause: SocketCause;
  /** One line: the close reason or the error text. */
  readonly detail: string;
}

/** Called by the transport, never re-entrantly from `connect`, `send` or `close`. After `closed` nothing follows. */
export interface SocketHandlers {
  opened(): void;
  /** One whole message, text or binary, exactly as received. The bytes belong to the receiver and are never reused. */
  message(bytes: Uint8Array): void;
  closed(close: SocketClose): void;
}

export interface Socket {
  /** Sends one text message. Ignored when the socket is not open: the close is reported anyway. */
  send(text: string): void;
  /** Starts to close; `closed` follows with cause `local`, also when the other side is dead. */
  close(): void;
  /** Stops reading, so that the sender is slowed down by TCP. Messages already taken in may still be delivered. */
  pause(): void;
  resume(): void;
}

/** Answers pings by itself and undoes compression. */
export interface WebSocketTransport {
  connect(url: string, handlers: SocketHandlers): Socket;
}

export interface HttpOptions {
  readonly timeoutMs: number;
  readonly signal?: StopSignal;
}

export interface HttpResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Exactly the bytes of the body (content encoding undone). */
  readonly body: Uint8Array;
}

/** Any status is a success here. Faults: `net.unreachable`, `net.timeout`, `net.too-large`, `net.cancelled`. */
export interface HttpTransport {
  get(url: string, options: HttpOptions): Promise<Result<HttpResponse>>;
}

/** Largest message or body that is taken from a socket: above it the connection is closed with cause `protocol`. */
export const TRANSPORT_MESSAGE_BYTES_MAX = 16 * 1024 * 1024;
