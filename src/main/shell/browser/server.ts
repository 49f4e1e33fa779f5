// The browser shell's loopback server: the screen's files and one WebSocket, for nobody but the person who started it.
// Every request passes the same three questions: right host (DNS rebinding), right method, signed in.
import { createServer, STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { fault } from "../../../shared/base.ts";
import type { ClientPort } from "../../engine/client-port.ts";
import { textAnswer, type ScreenAnswer, type ScreenFiles } from "../screen-files.ts";
import { Access } from "./access.ts";
import { socketPort } from "./socket-port.ts";

const LOOPBACK = "127.0.0.1";
const ENGINE_PATH = "/engine";
// Commands are small; the largest is an import of 64 paths.
const MESSAGE_MAX_BYTES = 1024 * 1024;
const BACKLOG_MAX_BYTES = 64 * 1024 * 1024;

export interface BrowserServerOptions {
  readonly files: ScreenFiles;
  /** Undefined = any free one. */
  readonly port: number | undefined;
  /** Unguessable URL-safe text. */
  readonly randomToken: () => string;
  readonly backlogMaxBytes?: number;
  attach(port: ClientPort): void;
  note(line: string): void;
}

export class BrowserServer {
  readonly port: number;
  readonly #options: BrowserServerOptions;
  readonly #access: Access;
  readonly #hosts: ReadonlySet<string>;
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: MESSAGE_MAX_BYTES, perMessageDeflate: false });

  private constructor(server: Server, options: BrowserServerOptions) {
    this.port = (server.address() as AddressInfo).port;
    this.#options = options;
    this.#access = new Access({ port: this.port, randomToken: options.randomToken });
    this.#hosts = new Set([`${LOOPBACK}:${this.port}`, `localhost:${this.port}`]);
    this.#server = server;
    server.on("request", (request, response) => {
      this.#onRequest(request, response);
    });
    server.on("upgrade", (request, socket, head) => {
      this.#onUpgrade(request, socket, head);
    });
  }

  /** Throws `shell.port-in-use` or `shell.port-refused`. */
  static async listen(options: BrowserServerOptions): Promise<BrowserServer> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error: NodeJS.ErrnoException) => {
        reject(listenFault(error, options.port));
      });
      server.listen({ host: LOOPBACK, port: options.port ?? 0, exclusive: true }, resolve);
    });
    server.removeAllListeners("error");
    return new BrowserServer(server, options);
  }

  /** To be shown to the person who started us: opens as many tabs as they like. */
  address(): string {
    return this.#addressWith(this.#access.token);
  }

  /** To be handed to another program: opens once. */
  addressForOneUse(): string {
    return this.#addressWith(this.#access.tokenForOneUse());
  }

  #addressWith(token: string): string {
    return `http://${LOOPBACK}:${this.port}/?token=${token}`;
  }

  /** Stops listening and ends every connection, also those in the middle of something. */
  async close(): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#sockets.close();
    await new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
      this.#server.closeAllConnections();
    });
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const { status, headers, body } = this.#answer(request);
    response.writeHead(status, { ...headers, "content-length": body.byteLength });
    response.end(request.method === "HEAD" ? undefined : body);
  }

  #answer(request: IncomingMessage): ScreenAnswer {
    const host = this.#knownHost(request);
    if (host === undefined) return textAnswer(403, "Tapedeck answers at the address that it printed when it started, and at no other name.");
    if (request.method !== "GET" && request.method !== "HEAD") {
      const refusal = textAnswer(405, "Only GET and HEAD.");
      return { ...refusal, headers: { ...refusal.headers, allow: "GET, HEAD" } };
    }
    const { path, token } = splitTarget(request.url ?? "");
    if (path === "/" && token !== undefined) return this.#signIn(token);
    if (!this.#access.isSignedIn(request.headers.cookie)) {
      return textAnswer(403, "Open the address with the token, as Tapedeck printed it when it started.");
    }
    return this.#options.files.answer(path, [`ws://${host}`]);
  }

  #signIn(token: string): ScreenAnswer {
    const cookie = this.#access.exchange(token);
    if (cookie === undefined) return textAnswer(403, "This token is not, or no longer, valid: open the address that Tapedeck printed when it started.");
    const redirect = textAnswer(303, "Signed in.");
    return { ...redirect, headers: { ...redirect.headers, location: "/", "set-cookie": cookie } };
  }

  #knownHost(request: IncomingMessage): string | undefined {
    const host = request.headers.host?.toLowerCase();
    return host !== undefined && this.#hosts.has(host) ? host : undefined;
  }

  #onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // Without a listener a reset during the handshake would end the process.
    socket.on("error", () => {
      socket.destroy();
    });
    const refusal = this.#upgradeRefusal(request);
    if (refusal !== undefined) {
      socket.end(`HTTP/1.1 ${refusal} ${STATUS_CODES[refusal] ?? ""}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    this.#sockets.handleUpgrade(request, socket, head, (client) => {
      const { note, backlogMaxBytes = BACKLOG_MAX_BYTES } = this.#options;
      this.#options.attach(socketPort(client, { note, backlogMaxBytes }));
    });
  }

  /** The status that refuses, or undefined. A browser always sends the page's origin; whoever sends none is no screen. */
  #upgradeRefusal(request: IncomingMessage): number | undefined {
    const host = this.#knownHost(request);
    if (host === undefined || request.headers.origin !== `http://${host}`) return 403;
    if (!this.#access.isSignedIn(request.headers.cookie)) return 403;
    return splitTarget(request.url ?? "").path === ENGINE_PATH ? undefined : 404;
  }
}

/** Path and token of a request's target, neither decoded: only exact matches count. */
function splitTarget(target: string): { path: string; token: string | undefined } {
  const [path = "", query = ""] = target.split("?", 2);
  return { path, token: new URLSearchParams(query).get("token") ?? undefined };
}

function listenFault(error: NodeJS.ErrnoException, port: number | undefined): Error {
  if (error.code === "EADDRINUSE") {
    return fault("shell.port-in-use", `Port ${port} on ${LOOPBACK} is in use: give another with --port, or none for any free one`);
  }
  return fault("shell.port-refused", `Cannot listen on ${LOOPBACK}:${port ?? 0}: ${error.message}`);
}
