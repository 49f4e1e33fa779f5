// Watches over connections that live and say nothing: stale streams are named and tried on a fresh connection, dead sockets are closed.
import type { StreamRef } from "../../shared/market.ts";
import type { ConnectionPlan } from "./adapter.ts";
import type { CollectorSettings } from "./collector-settings.ts";
import type { Link } from "./link.ts";
import type { StreamBook } from "./stream-book.ts";

export interface LinkWatchOptions {
  readonly links: readonly Link[];
  readonly plans: readonly ConnectionPlan[];
  readonly book: StreamBook;
  readonly settings: CollectorSettings;
  /** Prefix of connection names. */
  readonly name: string;
  readonly onStale: (connection: string, stream: StreamRef, cause: string) => void;
}

export class LinkWatch {
  readonly #options: LinkWatchOptions;
  readonly #retries = new Map<ConnectionPlan, { readonly atMs: number; readonly waitMs: number }>();

  constructor(options: LinkWatchOptions) {
    this.#options = options;
  }

  /** Call at a steady pace. */
  check(nowMs: number): void {
    const { plans, book, name } = this.#options;
    for (const plan of plans) {
      const links = this.#options.links.filter((link) => link.plan === plan);
      this.#say(links.flatMap(({ connections }) => connections)[0]?.name ?? name, plan.streams, nowMs);
      this.#retryStale(plan, links, nowMs);
    }
    this.#say(`${name}.rest`, book.polled, nowMs);
    for (const link of this.#options.links) this.#checkConnections(link, nowMs);
  }

  #say(connection: string, streams: readonly StreamRef[], nowMs: number): void {
    for (const { stream, cause } of this.#options.book.staleNow(streams, nowMs)) this.#options.onStale(connection, stream, cause);
  }

  /** Some streams of a living connection are silent: a fresh connection may help, ever less often. */
  #retryStale(plan: ConnectionPlan, links: readonly Link[], nowMs: number): void {
    const { staleRetryMinMs, staleRetryMaxMs } = this.#options.settings;
    const since = this.#options.book.staleSince(plan);
    if (since === undefined) {
      this.#retries.delete(plan);
      return;
    }
    const retry = this.#retries.get(plan) ?? { atMs: since + staleRetryMinMs, waitMs: staleRetryMinMs };
    this.#retries.set(plan, retry);
    if (nowMs < retry.atMs) return;
    const waitMs = Math.min(staleRetryMaxMs, retry.waitMs * 2);
    this.#retries.set(plan, { atMs: nowMs + waitMs, waitMs });
    for (const link of links) link.rotate();
  }

  /** Nothing at all for longer than the most talkative stream may be silent: the socket is half-open or the endpoint dead. */
  #checkConnections(link: Link, nowMs: number): void {
    for (const connection of link.connections) {
      const limits = connection.seen.size === 0 ? link.plan.firstFrameDeadlineMs : link.plan.silenceLimitMs;
      const limitMs = Math.min(...Object.values(limits));
      if (!connection.isOpen || nowMs - connection.lastFrameMs <= limitMs) continue;
      const cause = connection.seen.size === 0 ? "first-frame-deadline" : "silent";
      connection.close(cause, `no frame for ${Math.round(nowMs - connection.lastFrameMs)} ms`);
    }
  }
}
