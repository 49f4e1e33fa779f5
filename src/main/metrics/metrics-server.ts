// A small HTTP server for /metrics and /health. It tells, it never does anything; and it tells nobody who came by another site's name.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { isIP, type AddressInfo } from "node:net";
import { fault } from "../../shared/base.ts";
import { healthOf } from "./health.ts";
import type { Observations } from "./observations.ts";
import type { Metrics } from "./registry.ts";

const CONNECTIONS_MAX = 64;
const HEADERS_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 10_000;

export interface MetricsServerOptions {
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  readonly metrics: Metrics;
  observe(): Observations;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

const text = (status: number, body: string): Answer => ({ status, type: "text/plain; charset=utf-8", body: `${body}\n` });

export class MetricsServer {
  /** As bound: `127.0.0.1:9464`. */
  readonly address: string;
  readonly #options: MetricsServerOptions;
  readonly #server: Server;

  private constructor(server: Server, options: MetricsServerOptions) {
    const { port } = server.address() as AddressInfo;
    this.address = `${options.host.includes(":") ? `[${options.host}]` : options.host}:${port}`;
    this.#options = options;
    this.#server = server;
    server.on("request", (request, response) => {
      void this.#respond(request, response);
    });
  }

  /** Throws `metrics.port-in-use` or `metrics.cannot-listen`. */
  static async listen(options: MetricsServerOptions): Promise<MetricsServer> {
    const server = createServer({ headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS });
    server.maxConnections = CONNECTIONS_MAX;
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error: NodeJS.ErrnoException) => {
        const where = `${options.host}:${options.port}`;
        reject(error.code === "EADDRINUSE"
          ? fault("metrics.port-in-use", `Cannot serve metrics at ${where}: the port is in use; give another with --metrics, or port 0 for any free one`)
          : fault("metrics.cannot-listen", `Cannot serve metrics at ${where}: ${error.message}`));
      });
      server.listen({ host: options.host, port: options.port, exclusive: true }, resolve);
    });
    server.removeAllListeners("error");
    return new MetricsServer(server, options);
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, type, body } = await this.#answer(request).catch((error: unknown) => text(500, `Cannot tell: ${error instanceof Error ? error.message : String(error)}`));
    const bytes = Buffer.from(body, "utf8");
    const allow = status === 405 ? { allow: "GET, HEAD" } : {};
    response.writeHead(status, { "content-type": type, "content-length": bytes.length, "cache-control": "no-store", "x-content-type-options": "nosniff", ...allow });
    response.end(request.method === "HEAD" ? undefined : bytes);
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    if (!this.#isOurHost(request.headers.host)) return text(403, "Ask at the address itself (an IP address or localhost), not at another name for it.");
    if (request.method !== "GET" && request.method !== "HEAD") return text(405, "Only GET and HEAD.");
    const { metrics } = this.#options;
    switch ((request.url ?? "").split("?", 1)[0]) {
      case "/metrics":
        return { status: 200, type: metrics.contentType, body: await metrics.text(this.#options.observe()) };
      case "/health": {
        const health = healthOf(this.#options.observe());
        return { status: health.status === "RED" ? 503 : 200, type: "application/json", body: `${JSON.stringify(health)}\n` };
      }
      default:
        return text(404, "There are /metrics and /health.");
    }
  }

  /** DNS rebinding needs a name of the attacker's that leads here: an address, localhost, or the name that was asked for, is none. */
  #isOurHost(header: string | undefined): boolean {
    const host = /^(\[[^\]]+\]|[^:]+)(?::\d{1,5})?$/.exec(header ?? "")?.[1]?.toLowerCase();
    if (host === undefined) return false;
    return host === "localhost" || host === this.#options.host.toLowerCase() || isIP(host.replace(/^\[|\]$/g, "")) !== 0;
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
      this.#server.closeAllConnections();
    });
  }
}
