// Who asks: what each client may still do, how far it says it is. Memory is bounded, whatever the clients do.
import type { ClientId } from "../transport.ts";
import type { ClientStatus, ServerLimits } from "./types.ts";

/** So many per second, with a second's worth in store. Time is handed in, so that it can be turned. */
export class TokenBucket {
  readonly #perSecond: number;
  #tokens: number;
  #atMs: number;

  constructor(perSecond: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#tokens = perSecond;
    this.#atMs = nowMs;
  }

  available(nowMs: number): number {
    // Only when time went by: no limit is Infinity, and nothing times that is no number.
    if (nowMs > this.#atMs) this.#tokens = Math.min(this.#perSecond, this.#tokens + (nowMs - this.#atMs) * this.#perSecond / 1_000);
    this.#atMs = nowMs;
    return this.#tokens;
  }

  take(count: number, nowMs: number): boolean {
    if (this.available(nowMs) < count) return false;
    this.#tokens -= count;
    return true;
  }

  giveBack(count: number): void {
    this.#tokens = Math.min(this.#perSecond, this.#tokens + count);
  }

  /** Until `count` are there, ms, rounded up. */
  waitMs(count: number, nowMs: number): number {
    const missing = Math.min(count, this.#perSecond) - this.available(nowMs);
    return missing <= 0 ? 0 : Math.ceil(missing * 1_000 / this.#perSecond);
  }
}

const FULL_FIRST_MS = 250;
const FULL_MAX_MS = 10_000;

export interface AppliedStream {
  sequence: number;
  behind: number;
  /** Monotonic ms of the last advice to resync. */
  advisedMs: number;
}

export class Client {
  readonly id: ClientId;
  readonly requestTokens: TokenBucket;
  /** Refusals cost work too: beyond these, what is refused is not even answered. */
  readonly refusalTokens: TokenBucket;
  readonly entryTokens: TokenBucket;
  /** By stream name; only of streams that are served, so as many as those at most. */
  readonly applied = new Map<string, AppliedStream>();
  heardMs: number;
  heardWallMs = 0;
  requests = 0;
  refused = 0;
  waiting = 0;
  resyncsAdvised = 0;
  /** Its pipe was full: until then no backfill is read for it, since it could not be sent. */
  #fullUntilMs = -Infinity;
  #fullMs = 0;

  constructor(id: ClientId, limits: ServerLimits, nowMs: number) {
    this.id = id;
    this.requestTokens = new TokenBucket(limits.requestsPerSecond, nowMs);
    this.refusalTokens = new TokenBucket(limits.requestsPerSecond, nowMs);
    this.entryTokens = new TokenBucket(limits.entriesPerSecond, nowMs);
    this.heardMs = nowMs;
  }

  /** An answer did not fit into its pipe: it does not read. Each time it is left alone for longer. */
  wasFull(nowMs: number): void {
    this.#fullMs = Math.min(Math.max(FULL_FIRST_MS, this.#fullMs * 2), FULL_MAX_MS);
    this.#fullUntilMs = nowMs + this.#fullMs;
  }

  /** It took a backfill: it reads again. */
  tookAnswer(): void {
    this.#fullMs = 0;
  }

  /** How long nothing large is to be prepared for it. */
  fullMs(nowMs: number): number {
    return Math.max(0, Math.ceil(this.#fullUntilMs - nowMs));
  }

  get status(): ClientStatus {
    let behind = 0;
    for (const stream of this.applied.values()) behind = Math.max(behind, stream.behind);
    return { id: this.id, lastHeardMs: this.heardWallMs, requests: this.requests, refused: this.refused, behind, resyncsAdvised: this.resyncsAdvised };
  }
}

export class Clients {
  readonly #limits: ServerLimits;
  /** The longest-silent one comes first. */
  readonly #clients = new Map<ClientId, Client>();

  constructor(limits: ServerLimits) {
    this.#limits = limits;
  }

  /** The client that was just heard; when there are too many, the longest-silent one is forgotten: it only loses its counters. */
  heard(id: ClientId, nowMs: number, wallMs: number): Client {
    const client = this.#clients.get(id) ?? new Client(id, this.#limits, nowMs);
    this.#clients.delete(id);
    this.forgetSilent(nowMs);
    for (const longestSilent of this.#clients.keys()) {
      if (this.#clients.size < this.#limits.clientsMax) break;
      this.#clients.delete(longestSilent);
    }
    client.heardMs = nowMs;
    client.heardWallMs = wallMs;
    this.#clients.set(id, client);
    return client;
  }

  forget(id: ClientId): void {
    this.#clients.delete(id);
  }

  forgetSilent(nowMs: number): void {
    for (const client of this.#clients.values()) {
      if (nowMs - client.heardMs <= this.#limits.silentMs) return;
      this.#clients.delete(client.id);
    }
  }

  count(nowMs: number): number {
    this.forgetSilent(nowMs);
    return this.#clients.size;
  }

  statuses(nowMs: number): readonly ClientStatus[] {
    this.forgetSilent(nowMs);
    return [...this.#clients.values()].map((client) => client.status);
  }
}
