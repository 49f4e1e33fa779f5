// What both halves ask of a network. zmq/ has the real one; the simulation has one that loses, doubles, reorders and cuts.

/** The server's side: one PUB and one ROUTER. */
export interface ServerTransport {
  /** Resolves when the socket took the frame over; never waits for a subscriber. */
  publish(topic: string, frame: Uint8Array): Promise<void>;
  /** `full`: the client does not read its answers; `gone`: it is no longer there. Neither is retried. */
  answer(client: ClientId, frame: Uint8Array): Promise<"sent" | "full" | "gone">;
  /** Told of every request frame. The listener bounds its own work; what it cannot take it refuses. */
  onRequest(listener: (client: ClientId, frame: Uint8Array) => void): void;
  close(): Promise<void>;
}

/** The ROUTER's name for a connection, as hex text. With CURVE the client's public key stands behind it. */
export type ClientId = string;

export type LinkState = "connecting" | "connected" | "lost" | "refused";

/** The client's side: one SUB and one DEALER towards one server. It reconnects by itself only when told to. */
export interface ClientTransport {
  /** Opens both sockets anew; what was subscribed before is forgotten. States are told to `onLink`. */
  connect(): void;
  /** Lets go of both sockets, with nothing left behind in either direction. */
  disconnect(): void;
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  /** False when it cannot be taken (not connected, pipe full): the caller tries again by its own clock. */
  request(frame: Uint8Array): boolean;
  listen(listener: ClientTransportListener): void;
  close(): Promise<void>;
}

export interface ClientTransportListener {
  /** `refused`: the server's security turned this client away (CURVE key not trusted). */
  onLink(state: LinkState, detail: string): void;
  onPublished(topic: string, frame: Uint8Array): void;
  onAnswer(frame: Uint8Array): void;
}
