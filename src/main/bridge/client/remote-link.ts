// The link to one server: connecting, noticing that it is gone, coming back after a growing, jittered wait. Owns the transport's
// connection state; what is said over the link is not its concern.
import type { Random, Timers } from "../../../shared/base.ts";
import type { ClientTransport, LinkState } from "../transport.ts";
import { backoffMs, type BackoffRange } from "./backoff.ts";

export interface RemoteLinkOptions {
  readonly transport: ClientTransport;
  readonly timers: Timers;
  readonly random: Random;
  readonly range: BackoffRange;
  /** A connection that does not come up in this time is begun anew. */
  readonly connectTimeoutMs: number;
  onUp(): void;
  /** Was up, or is no longer tried for. Also told when an attempt fails. */
  onDown(detail: string): void;
}

export class RemoteLink {
  readonly #options: RemoteLinkOptions;
  #state: LinkState = "connecting";
  #detail = "";
  #attempts = 0;
  /** False between a disconnect and the next connect: what the transport still says then is about the past. */
  #isTrying = false;
  #isClosed = false;
  #cancelTimer: (() => void) | undefined;

  constructor(options: RemoteLinkOptions) {
    this.#options = options;
  }

  get state(): LinkState {
    return this.#state;
  }
  get detail(): string {
    return this.#detail;
  }
  /** Attempts since the last connection that proved good. */
  get attempts(): number {
    return this.#attempts;
  }
  get isUp(): boolean {
    return this.#state === "connected";
  }

  connect(): void {
    if (this.#isClosed) return;
    this.#attempts += 1;
    this.#isTrying = true;
    if (this.#state !== "refused" && this.#state !== "lost") this.#state = "connecting";
    this.#cancelTimer?.();
    this.#cancelTimer = this.#options.timers.after(this.#options.connectTimeoutMs, () => {
      this.lose(`no connection within ${Math.round(this.#options.connectTimeoutMs / 1_000)} s`);
    });
    this.#options.transport.connect();
  }

  /** What the transport says. */
  heard(state: LinkState, detail: string): void {
    if (!this.#isTrying) return;
    switch (state) {
      case "connecting":
        return;
      case "connected":
        if (this.isUp) return;
        this.#cancelTimer?.();
        this.#cancelTimer = undefined;
        this.#state = "connected";
        this.#detail = detail;
        this.#options.onUp();
        return;
      case "lost":
        return this.lose(detail);
      case "refused":
        return this.refuse(detail);
    }
  }

  /** An answer came: the next loss begins with short waits again. */
  proven(): void {
    this.#attempts = 0;
  }

  /** Lets go and comes back after a wait. */
  lose(detail: string): void {
    this.#down("lost", detail, backoffMs(Math.max(0, this.#attempts - 1), this.#options.range, this.#options.random));
  }

  /** Turned away: nothing changes that by itself, so it is tried again, but seldom. */
  refuse(detail: string): void {
    const { backoffMaxMs } = this.#options.range;
    this.#down("refused", detail, backoffMaxMs / 2 + backoffMs(0, { backoffMs: backoffMaxMs / 2, backoffMaxMs }, this.#options.random));
  }

  close(): void {
    this.#isClosed = true;
    this.#isTrying = false;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #down(state: "lost" | "refused", detail: string, waitMs: number): void {
    if (!this.#isTrying || this.#isClosed) return;
    this.#isTrying = false;
    this.#state = state;
    this.#detail = detail;
    this.#cancelTimer?.();
    this.#options.transport.disconnect();
    this.#cancelTimer = this.#options.timers.after(waitMs, () => this.connect());
    this.#options.onDown(detail);
  }
}
