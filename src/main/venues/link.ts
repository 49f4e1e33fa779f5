// One connection plan kept alive: reconnects with jittered backoff, rotates make-before-break. The only one who makes connections.
import type { Clock, Random, Timers } from "../../shared/base.ts";
import type { StreamRef } from "../../shared/market.ts";
import type { Connection, ConnectionEnd, LocalCause } from "./connection.ts";
import type { ConnectionPlan, Routed } from "./adapter.ts";
import type { CollectorSettings } from "./collector-settings.ts";
import type { LegIndex } from "./trade-ledger.ts";

export interface LinkListener {
  /** The link has a connection on the way; none is live. */
  onConnecting(link: Link, detail: string): void;
  onDown(link: Link, end: ConnectionEnd, retryMs: number): void;
  onData(connection: Connection, routed: Extract<Routed, { kind: "data" }>, payload: Uint8Array, recvNs: bigint): void;
  onUnreadable(connection: Connection): void;
  onAcknowledged(connection: Connection, streams: readonly StreamRef[]): void;
  onRejected(connection: Connection, stream: StreamRef, detail: string): void;
  /** Any of the link's connections ended. `cut`: streams that nobody carried across. */
  onEnded(connection: Connection, end: ConnectionEnd, cut: readonly StreamRef[]): void;
}

export interface LinkOptions {
  readonly plan: ConnectionPlan;
  readonly leg: LegIndex;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly settings: CollectorSettings;
  /** Makes a connection that reports to this link. */
  readonly connect: (link: Link) => Connection;
  /** Streams that a replacement must have brought before it counts as live. */
  readonly liveStreams: (plan: ConnectionPlan) => readonly string[];
  readonly listener: LinkListener;
}

export class Link {
  readonly plan: ConnectionPlan;
  readonly leg: LegIndex;
  readonly #options: LinkOptions;
  #active: Connection | undefined;
  #endedMessages = 0;
  #next: Connection | undefined;
  #nextIsReady = false;
  #failures = 0;
  #rotationFailures = 0;
  #cancelRetry: (() => void) | undefined;
  #cancelRotation: (() => void) | undefined;
  #stopped = false;
  readonly #onEmpty: (() => void)[] = [];

  constructor(options: LinkOptions) {
    this.#options = options;
    this.plan = options.plan;
    this.leg = options.leg;
  }

  /** Connections that exist now, the one relied upon first. */
  get connections(): readonly Connection[] {
    return [this.#active, this.#next].filter((connection) => connection !== undefined);
  }

  get isOpen(): boolean {
    return this.#active?.isOpen ?? false;
  }

  /** Data frames of all its connections so far. */
  get messages(): number {
    return this.connections.reduce((sum, { messages }) => sum + messages, this.#endedMessages);
  }

  start(): void {
    this.#options.listener.onConnecting(this, "connecting");
    this.#active = this.#options.connect(this);
    // Two legs never rotate together.
    this.#scheduleRotation(this.leg === 0 ? this.plan.rotateAfterMs : this.plan.rotateAfterMs / 2);
  }

  /** Brings up a replacement; the present connection goes only once that is live. */
  rotate(): void {
    if (this.#stopped || this.#next !== undefined || !this.isOpen) return;
    this.#cancelRotation?.();
    const next = this.#options.connect(this);
    this.#next = next;
    this.#nextIsReady = false;
    this.#cancelRotation = this.#options.timers.after(this.#options.settings.rotationReadyMs, () => {
      if (this.#next !== next || this.#nextIsReady) return;
      if (next.seen.size > 0) this.#ready(next);
      else next.close("rotation-failed", `brought no data within ${this.#options.settings.rotationReadyMs} ms`);
    });
  }

  /** Ends every connection at once and starts anew without waiting. */
  restart(cause: LocalCause, detail: string): void {
    this.#failures = 0;
    for (const connection of this.connections) connection.close(cause, detail);
    if (this.#cancelRetry !== undefined) this.#retry();
  }

  closeAll(cause: LocalCause, detail: string): void {
    for (const connection of this.connections) connection.close(cause, detail);
  }

  /** Resolves when the last connection has ended and said so. */
  stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelRetry?.();
    this.#cancelRotation?.();
    return new Promise((resolve) => {
      this.#onEmpty.push(resolve);
      this.closeAll("stopped", "");
      this.#reportEmpty();
    });
  }

  #reportEmpty(): void {
    if (!this.#stopped || this.connections.length > 0) return;
    for (const resolve of this.#onEmpty.splice(0)) resolve();
  }

  pause(): void {
    for (const connection of this.connections) connection.pause();
  }
  resume(): void {
    for (const connection of this.connections) connection.resume();
  }

  // ── from the connections ───────────────────────────────────────────────────

  onOpen(): void {
    // Data, not opening, is what counts: see onData.
  }

  onData(connection: Connection, routed: Extract<Routed, { kind: "data" }>, payload: Uint8Array, recvNs: bigint): void {
    this.#options.listener.onData(connection, routed, payload, recvNs);
    if (connection !== this.#next || this.#nextIsReady) return;
    if (this.#options.liveStreams(this.plan).every((streamId) => connection.seen.has(streamId))) this.#ready(connection);
  }

  onUnreadable(connection: Connection): void {
    this.#options.listener.onUnreadable(connection);
  }

  onAcknowledged(connection: Connection, streams: readonly StreamRef[]): void {
    if (connection === this.#active) this.#options.listener.onAcknowledged(connection, streams);
  }

  onRejected(connection: Connection, stream: StreamRef, detail: string): void {
    this.#options.listener.onRejected(connection, stream, detail);
  }

  onRotate(): void {
    this.rotate();
  }

  onEnd(connection: Connection, end: ConnectionEnd, cut: readonly StreamRef[]): void {
    this.#endedMessages += connection.messages;
    this.#options.listener.onEnded(connection, end, cut);
    if (connection === this.#next) {
      this.#next = undefined;
      this.#rotationFailures += 1;
      this.#reportEmpty();
      if (!this.#stopped) this.#scheduleRotation(this.#backoffMs(this.#rotationFailures));
      return;
    }
    if (connection !== this.#active) return;
    this.#active = this.#next;
    this.#next = undefined;
    this.#reportEmpty();
    if (this.#stopped) return;
    if (this.#active !== undefined) {
      // The old one went first: the replacement is all there is, live or not.
      if (!this.#nextIsReady) this.#scheduleRotation(this.plan.rotateAfterMs);
      if (!this.#active.isOpen) this.#options.listener.onConnecting(this, `reconnecting after ${end.cause}`);
      return;
    }
    const lived = this.#options.clock.monotonicMs() - connection.openedMs;
    if (connection.seen.size > 0 && lived >= this.#options.settings.stableMs) this.#failures = 0;
    const retryMs = end.cause === "host-slept" ? 0 : this.#backoffMs(this.#failures);
    this.#failures += 1;
    this.#options.listener.onDown(this, end, retryMs);
    this.#cancelRetry = this.#options.timers.after(retryMs, () => {
      this.#retry();
    });
  }

  #retry(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    this.#cancelRotation?.();
    this.start();
  }

  #ready(next: Connection): void {
    this.#nextIsReady = true;
    this.#rotationFailures = 0;
    const old = this.#active;
    this.#scheduleRotation(this.plan.rotateAfterMs);
    this.#options.timers.after(this.#options.settings.overlapMs, () => {
      if (this.#next !== next || this.#active !== old) return;
      this.#active = next;
      this.#next = undefined;
      old?.close("rotated", `replaced by ${next.name}`);
    });
  }

  #scheduleRotation(ms: number): void {
    this.#cancelRotation?.();
    this.#cancelRotation = this.#options.timers.after(ms, () => {
      this.rotate();
    });
  }

  /** Doubling, capped, with half of it random: many collectors must not come back in step. */
  #backoffMs(failures: number): number {
    const { backoffMinMs, backoffMaxMs } = this.#options.settings;
    const full = Math.min(backoffMaxMs, backoffMinMs * 2 ** Math.min(failures, 20));
    return full / 2 + (full / 2) * this.#options.random.next();
  }
}
